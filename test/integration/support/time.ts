/** Does something as if it were later. */
export async function later<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
	jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'clearTimeout', 'queueMicrotask'] });
	try {
		jest.setSystemTime(Date.now() + milliseconds);
		return await work();
	} finally {
		jest.useRealTimers();
	}
}
