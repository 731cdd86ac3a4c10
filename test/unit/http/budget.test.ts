import { takeRequest } from '../../../lib/http/budget';

/** Takes as many requests as are allowed while time runs, and says when they were. */
async function taken(
	account: string,
	limits: Parameters<typeof takeRequest>[1],
	share: number,
	times: readonly number[],
) {
	const made: number[] = [];
	for (const now of times) {
		await takeRequest(account, limits, share, () => now).then(
			() => made.push(now),
			() => undefined,
		);
	}
	return made;
}

test('P3 never more than the share of the quota in any period, wherever it begins', async () => {
	const perMs = 10_000;
	const made = await taken(
		'quota',
		{ quota: { requests: 20, perMs } },
		0.5,
		Array.from({ length: 2_000 }, (_, i) => i * 37),
	);
	for (const begin of made)
		expect(made.filter((time) => time >= begin && time < begin + perMs).length).toBeLessThanOrEqual(10);
	// And no fewer than that, as long as time goes on.
	expect(made.length).toBeGreaterThan((2_000 * 37 * 10) / perMs - 11);
});

test('says how long it takes until the quota has room again', async () => {
	const limits = { quota: { requests: 1, perMs: 60_000 } };
	await takeRequest('wait', limits, 1, () => 5_000);
	await expect(takeRequest('wait', limits, 1, () => 15_000)).rejects.toMatchObject({
		code: 'rate-limited',
		details: { retryAfterMs: 50_000 },
	});
	await takeRequest('wait', limits, 1, () => 65_000);
});

test('P3 what one second allows is waited for', async () => {
	const began = performance.now();
	const times: number[] = [];
	for (let index = 0; index < 12; index++) {
		await takeRequest('second', { perSecond: 10 }, 0.5);
		times.push(performance.now() - began);
	}
	for (const begin of times)
		expect(times.filter((time) => time >= begin && time < begin + 999).length).toBeLessThanOrEqual(5);
});

test('accounts do not take from each other, nodes with the same one do', async () => {
	const limits = { quota: { requests: 2, perMs: 60_000 } };
	await takeRequest('one', limits, 1, () => 0);
	await takeRequest('two', limits, 1, () => 0);
	// This node may use half, and another one has used it.
	await expect(takeRequest('one', limits, 0.5, () => 1)).rejects.toMatchObject({ code: 'rate-limited' });
	await takeRequest('one', limits, 1, () => 1);
});
