/** Everything that has a clock but `Date`: what waits or measures goes on in real time. */
const REAL = [
	'hrtime',
	'nextTick',
	'performance',
	'queueMicrotask',
	'setImmediate',
	'clearImmediate',
	'setInterval',
	'clearInterval',
	'setTimeout',
	'clearTimeout',
] as const;

/** From here to `jest.useRealTimers()` tests set the time of day. */
export function fakeTimeOfDay(options: { readonly advanceTimers?: boolean } = {}): void {
	jest.useFakeTimers({ ...options, doNotFake: [...REAL] });
}

/** Does something as if it were later. */
export async function later<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
	fakeTimeOfDay();
	try {
		jest.setSystemTime(Date.now() + milliseconds);
		return await work();
	} finally {
		jest.useRealTimers();
	}
}

/** Waits for something that happens by itself, however long that takes; the test's own limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
