import { z } from 'zod/v4';
import type { PageRequest, PolledRow } from '../provider/provider';
import { HybridSyncError } from '../errors';

/**
 * Where a node stands in a resource: the newest row of the windows it has read to their end, and the place inside the
 * window it is reading. All times are the provider's, never this machine's, in milliseconds since the epoch.
 */
const position = z.object({
	/** Account that the credential belongs to. */
	account: z.string(),
	/** Where the user asked to begin; nothing older is read. */
	floor: z.number(),
	/** Moves only when a window has been read to its end. */
	bound: z.number(),
	/** The page to read next, while a window is open, and the newest row seen in it. */
	window: z.object({ from: z.number(), page: z.number(), newest: z.number() }).optional(),
});
export type Position = z.infer<typeof position>;

export function startAt(account: string, floor: number): Position {
	return { account, floor, bound: floor };
}

/** @returns nothing where the node never began */
export function parsePosition(stored: unknown): Position | undefined {
	return stored === undefined ? undefined : position.parse(stored);
}

/**
 * The page to read next. A new window begins a look-back before the bound, to catch rows that the provider showed late;
 * the ledger removes the overlap.
 */
export function nextPage({ floor, bound, window }: Position, lookBackMs: number): Omit<PageRequest, 'pageSize'> {
	return window ?? { from: Math.max(floor, bound - lookBackMs), page: 1 };
}

/**
 * The position after a page. The next page begins at the time of the last row, inclusive, and not at an offset: rows that
 * are added or removed at the source while pages are read cannot push another one over a page's edge unseen. Only where
 * one second fills the whole page does the page number move.
 *
 * @param rows the page, in ascending order
 * @throws HybridSyncError `bad-response` where the rows are not in ascending order, because then no bound is safe
 */
export function afterPage(current: Position, read: PageRequest, rows: readonly PolledRow[]): Position {
	const times = rows.map((row) => row.position);
	if (times.some((time, index) => time < (times[index - 1] ?? time))) {
		throw new HybridSyncError(
			'bad-response',
			'The provider sent rows out of order, although ascending order was asked for. The cursor stays where it is.',
		);
	}
	const newest = Math.max(current.window?.newest ?? current.bound, ...times.slice(-1));
	const { account, floor } = current;
	if (rows.length < read.pageSize) return { account, floor, bound: newest };
	const edge = times.at(-1) ?? read.from;
	const window = edge > read.from ? { from: edge, page: 1, newest } : { from: read.from, page: read.page + 1, newest };
	return { ...current, window };
}
