import { z } from 'zod/v4';
import type { Page, PageRequest } from '../provider/provider';
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
	/** The page to read next, while a window is open, the newest row seen in it, and how many rows it had. */
	window: z.object({ from: z.number(), page: z.number(), newest: z.number(), total: z.number().optional() }).optional(),
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
export function nextPage(current: Position, lookBackMs: number): Omit<PageRequest, 'pageSize'> {
	if (!current.window) return { from: readsFrom(current, lookBackMs), page: 1 };
	const { from, page } = current.window;
	return { from, page };
}

/** From when on rows will be read again, or for the first time. */
export function readsFrom({ floor, bound }: Position, lookBackMs: number): number {
	return Math.max(floor, bound - lookBackMs);
}

/**
 * The position after a page. The next page begins at the time of the last row, inclusive, and not at an offset: rows that
 * are added or removed at the source while pages are read cannot push another one over a page's edge unseen. Only where
 * one second fills the whole page does the page number move; should rows of that second vanish meanwhile, its pages are
 * read again from the first.
 *
 * @param read the page's place
 * @param page what was read there, rows in ascending order
 * @throws HybridSyncError `bad-response` where the rows are not in ascending order, because then no bound is safe
 */
export function afterPage(current: Position, read: Pick<PageRequest, 'from' | 'page'>, page: Page): Position {
	const times = page.rows.map((row) => row.position);
	if (times.some((time, index) => time < (times[index - 1] ?? time))) {
		throw new HybridSyncError(
			'bad-response',
			'The provider sent rows out of order, although ascending order was asked for. The cursor stays where it is.',
		);
	}
	const { account, floor, bound, window } = current;
	const newest = Math.max(window?.newest ?? bound, ...times.slice(-1));
	const { total } = page;
	const known = { newest, ...(total !== undefined && { total }) };
	if (read.page > 1 && total !== undefined && total < (window?.total ?? 0)) {
		return { ...current, window: { from: read.from, page: 1, ...known } };
	}
	// A row dated ahead of the provider's own clock must not hide what happens until then.
	if (page.last) return { account, floor, bound: Math.max(bound, Math.min(newest, page.date ?? newest)) };
	const edge = times.at(-1) ?? read.from;
	const next = edge > read.from ? { from: edge, page: 1 } : { from: read.from, page: read.page + 1 };
	return { ...current, window: { ...next, ...known } };
}
