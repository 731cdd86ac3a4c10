import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * What one transaction takes on at the most, so that none holds n8n's event loop for long. The numbers were measured: a
 * slice takes about 10 ms on a small server with room on its disk.
 */
export const MAX_ROWS = 250;
export const MAX_BYTES = 256 * 1024;

/** What is emitted at once, as JSON text; n8n keeps several copies of it. A larger event goes alone. */
export const MAX_EMITTED_BYTES = 8 * 1024 * 1024;

/**
 * Runs work in slices, each in a transaction of its own, and lets n8n have its turn in between.
 *
 * @param weight size of an item in bytes, where items vary
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
		for (let size = 0; end < items.length && end - start < MAX_ROWS && size < MAX_BYTES; end++) {
			size += weight(items[end] as T);
		}
		if (start > 0) await nextTurn();
		results.push(...(await work(items.slice(start, end), end === items.length)));
		start = end;
	} while (start < items.length);
	return results;
}

/** What a slice did, and whether it left something for the next. */
export interface SliceResult {
	readonly done: number;
	readonly more: boolean;
}

/**
 * Repeats a slice while there is more to do.
 *
 * @param slice does up to so many rows
 * @param limit of rows in all
 * @returns how many were done
 */
export async function whileMore(slice: (rows: number) => Promise<SliceResult>, limit = Infinity): Promise<number> {
	let total = 0;
	for (;;) {
		const wanted = Math.min(MAX_ROWS, limit - total);
		if (wanted <= 0) return total;
		const { done, more } = await slice(wanted);
		total += done;
		if (!more) return total;
		await nextTurn();
	}
}
