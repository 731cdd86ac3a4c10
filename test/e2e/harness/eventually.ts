import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for what comes about, however slow the machine is; a tick of polling comes once a minute. */
export async function eventually<T>(
	probe: () => T | Promise<T>,
	wanted: (value: T) => boolean,
	withinMs = 230_000,
): Promise<T> {
	const deadline = Date.now() + withinMs;
	for (;;) {
		const value = await probe();
		if (wanted(value)) return value;
		if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${withinMs} ms`);
		await sleep(100);
	}
}
