import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * What one transaction takes on at the most, so that none holds n8n's event loop for long. The numbers were measured: a
 * slice takes about 10 ms on a small server with room on its disk.
 */
export const MAX_ROWS = 250;
const MAX_CHARACTERS = 256 * 1024;

/**
 * Runs work in slices, each in a transaction of its own, and lets n8n have its turn in between.
 *
 * @param weight size of an item in characters, where items vary
 */
export async function inSlices<T, R>(
	items: readonly T[],
	work: (slice: readonly T[], last: boolean) => Promise<readonly R[]>,
	weight: (item: T) => number = () => 0,
): Promise<R[]> {
	const results: R[] = [];
	let start = 0;
	do {
		let end = start;
		for (let size = 0; end < items.length && end - start < MAX_ROWS && size < MAX_CHARACTERS; end++) {
			size += weight(items[end] as T);
		}
		if (start > 0) await nextTurn();
		results.push(...(await work(items.slice(start, end), end === items.length)));
		start = end;
	} while (start < items.length);
	return results;
}

/**
 * Repeats a slice until one comes up short.
 *
 * @param slice does up to so many rows, and tells how many it did
 * @param limit of rows in all
 */
export async function untilShort(slice: (rows: number) => Promise<number>, limit = Infinity): Promise<number> {
	let total = 0;
	for (;;) {
		const wanted = Math.min(MAX_ROWS, limit - total);
		const done = wanted > 0 ? await slice(wanted) : 0;
		total += done;
		if (done < wanted || total >= limit) return total;
		await nextTurn();
	}
}
