import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type BudgetUse, type Timing, holdBack, joinAccount, withinBudget } from '../../../lib/http/budget';

/** A clock that jumps to the next moment at which somebody waits, once all have come to wait. */
class VirtualTime implements Timing {
	private time = 0;
	private sleepers: { at: number; wake: () => void }[] = [];

	now = () => this.time;
	timeOfDay = () => this.time;

	async sleep(ms: number, signal?: AbortSignal): Promise<void> {
		const sleeper = { at: this.time + ms, wake: () => {} };
		const woken = new Promise<void>((resolve) => (sleeper.wake = resolve));
		this.sleepers.push(sleeper);
		signal?.addEventListener('abort', () => {
			this.sleepers = this.sleepers.filter((each) => each !== sleeper);
			sleeper.wake();
		});
		await woken;
	}

	/** Lets time pass until the work is done. */
	async until(work: Promise<unknown>): Promise<void> {
		const done = { now: false };
		const end = () => (done.now = true);
		work.then(end, end);
		for (;;) {
			await new Promise(setImmediate);
			if (done.now) return;
			const at = Math.min(...this.sleepers.map((sleeper) => sleeper.at));
			if (at === Infinity) throw new Error('everybody waits for ever');
			this.time = at;
			const due = this.sleepers.filter((sleeper) => sleeper.at <= at);
			this.sleepers = this.sleepers.filter((sleeper) => sleeper.at > at);
			for (const { wake } of due) wake();
		}
	}
}

/** What a provider saw of the requests: when each arrived, and how many were there at once. */
class Seen {
	readonly arrivals: number[] = [];
	now = 0;
	most = 0;

	/** A request that takes some time to arrive, to be answered, and to come back. */
	async request(time: VirtualTime, [there, work, back]: readonly [number, number, number]): Promise<void> {
		await time.sleep(there);
		this.arrivals.push(time.now());
		this.most = Math.max(this.most, ++this.now);
		await time.sleep(work);
		this.now -= 1;
		await time.sleep(back);
	}

	/** The most that arrived within any period. */
	mostWithin(periodMs: number): number {
		const times = this.arrivals.toSorted((a, b) => a - b);
		return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + periodMs).length));
	}
}

const delay = fc.integer({ min: 0, max: 1_500 });
const nodes = fc.array(
	fc.record({
		share: fc.constantFrom(0.3, 0.5, 1),
		begins: fc.integer({ min: 0, max: 2_000 }),
		requests: fc.array(fc.tuple(delay, delay, delay), { minLength: 1, maxLength: 12 }),
	}),
	{ minLength: 1, maxLength: 12 },
);
const limitsOf = fc.record({
	perSecond: fc.integer({ min: 3, max: 30 }),
	quota: fc.record({ requests: fc.integer({ min: 10, max: 80 }), perMs: fc.constant(20_000) }),
	parallel: fc.integer({ min: 1, max: 6 }),
});

test('P3 whatever the delays on the way, the provider never sees more than its rate, its quota and its parallel requests', async () => {
	await fc.assert(
		fc.asyncProperty(nodes, limitsOf, async (all, limits) => {
			const time = new VirtualTime();
			const seen = new Seen();
			const account = randomUUID();
			let refused = 0;
			const run = async ({ share, begins, requests }: (typeof all)[number]) => {
				await time.sleep(begins);
				for (const delays of requests) {
					const work = async () => {
						await seen.request(time, delays);
					};
					await withinBudget(account, { limits, share, timing: time }, work).catch((error: unknown) => {
						expect(error).toMatchObject({ code: 'rate-limited' });
						refused += 1;
					});
				}
			};
			await time.until(Promise.all(all.map(run)));
			expect(seen.most).toBeLessThanOrEqual(limits.parallel);
			expect(seen.mostWithin(1_000)).toBeLessThanOrEqual(limits.perSecond);
			expect(seen.mostWithin(20_000)).toBeLessThanOrEqual(limits.quota.requests);
			expect(seen.arrivals.length + refused).toBe(all.flatMap(({ requests }) => requests).length);
		}),
		{ numRuns: 150 },
	);
});

/** Asks so many times at once, each request taking `ms`; says when each was sent, or why not. */
async function sent(time: VirtualTime, account: string, use: BudgetUse, count: number, ms: number) {
	const asking = Array.from({ length: count }, async () => {
		let at = -1;
		await withinBudget(account, { timing: time, ...use }, async () => {
			at = time.now();
			await time.sleep(ms);
		});
		return at;
	});
	const outcomes = Promise.allSettled(asking);
	await time.until(outcomes);
	return (await outcomes).map((each) =>
		each.status === 'fulfilled' ? each.value : (each.reason as { details: { retryAfterMs: number } }).details,
	);
}

test('P3 the share goes for requests under way, too, and a place is free once the answer has been read', async () => {
	const time = new VirtualTime();
	const use = { limits: { parallel: 10 }, share: 0.3 };
	expect(await sent(time, randomUUID(), use, 7, 100)).toEqual([0, 0, 0, 100, 100, 100, 200]);
});

test('P3 a request that fails or is given up frees its place', async () => {
	const time = new VirtualTime();
	const account = randomUUID();
	const use = { limits: { parallel: 1 }, timing: time };
	await expect(withinBudget(account, use, () => Promise.reject(new Error('down')))).rejects.toThrow('down');
	const givenUp = new AbortController();
	const holder = withinBudget(account, use, async () => {
		await time.sleep(1_000);
	});
	const waiting = withinBudget(account, { ...use, signal: givenUp.signal }, () => Promise.resolve('sent'));
	const outcome = Promise.allSettled([waiting]);
	givenUp.abort();
	await time.until(Promise.all([holder, outcome]));
	expect(await outcome).toMatchObject([{ status: 'rejected' }]);
	expect(await sent(time, account, use, 1, 0)).toEqual([1_000]);
});

test('who finds no place within ten seconds lets its tick end', async () => {
	const time = new VirtualTime();
	const use = { limits: { parallel: 1 } };
	expect(await sent(time, randomUUID(), use, 2, 60_000)).toEqual([0, { retryAfterMs: 1_000 }]);
});

test('P3 what one second allows is waited for; the quota is not, and says when there is room', async () => {
	const time = new VirtualTime();
	expect(await sent(time, randomUUID(), { limits: { perSecond: 10 }, share: 0.2 }, 5, 0)).toEqual([
		0, 0, 1_000, 1_000, 2_000,
	]);
	const start = time.now();
	const limits = { quota: { requests: 2, perMs: 60_000 } };
	expect(await sent(time, randomUUID(), { limits }, 3, 0)).toEqual([start, start, { retryAfterMs: 60_000 }]);
});

test('accounts do not take from each other; credentials of one account do, once it is known', async () => {
	const time = new VirtualTime();
	const limits = { quota: { requests: 4, perMs: 60_000 } };
	const [one, two, account] = [randomUUID(), randomUUID(), randomUUID()];
	await sent(time, one, { limits }, 1, 10);
	await sent(time, two, { limits }, 2, 10);
	joinAccount(one, account);
	joinAccount(two, account);
	const use = { limits };
	const outcomes = [...(await sent(time, one, use, 1, 10)), ...(await sent(time, two, use, 1, 10))];
	expect(outcomes.map((outcome) => typeof outcome)).toEqual(['number', 'object']);
	// A node with half of the limits finds them used up where others have taken them.
	expect(await sent(time, randomUUID(), { limits, share: 0.5 }, 3, 10)).toMatchObject([
		{},
		{},
		{ retryAfterMs: 60_000 },
	]);
});

test('P3 requests under way go along when their credential joins its account', async () => {
	const time = new VirtualTime();
	const [credential, account] = [randomUUID(), randomUUID()];
	const use = { limits: { parallel: 2 }, timing: time };
	const first = withinBudget(credential, use, async () => {
		await time.sleep(100);
	});
	const other = withinBudget(account, use, async () => {
		await time.sleep(200);
	});
	joinAccount(credential, account);
	const third = sent(time, credential, use, 1, 0);
	await time.until(Promise.all([first, other, third]));
	expect(await third).toEqual([100]);
});

test('P3 what the provider told one caller holds the others with its account back, and not itself', async () => {
	const time = new VirtualTime();
	const [account, told, other] = [randomUUID(), {}, {}];
	const limits = {};
	holdBack(account, 3_000, told, time);
	expect(await sent(time, account, { limits, caller: told }, 1, 0)).toEqual([0]);
	// A short time is waited for, and a long one is not.
	expect(await sent(time, account, { limits, caller: other }, 1, 0)).toEqual([3_000]);
	holdBack(account, 500_000, told, time);
	expect(await sent(time, account, { limits, caller: other }, 1, 0)).toEqual([{ retryAfterMs: 500_000 }]);
	expect(await sent(time, randomUUID(), { limits, caller: other }, 1, 0)).toEqual([3_000]);
});

test('P3 who asks again and again does not keep another one out', async () => {
	const time = new VirtualTime();
	const account = randomUUID();
	const use = { limits: { parallel: 1 }, timing: time };
	let isServed = false;
	let asked = 0;
	const greedy = async () => {
		while (!isServed && asked < 1_000) {
			asked += 1;
			await withinBudget(account, use, async () => {
				await time.sleep(10);
			});
		}
	};
	const other = async () => {
		await time.sleep(15);
		await withinBudget(account, use, () => {
			isServed = true;
			return Promise.resolve();
		});
	};
	await time.until(Promise.all([greedy(), other()]));
	expect(isServed).toBe(true);
	expect(asked).toBeLessThan(5);
});
