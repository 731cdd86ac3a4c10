import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import { type Position, timeOfPosition } from '../event/position';
import type { PageRequest, PolledRow, PollResource } from '../provider/pull';

/**
 * The cursor: where a node stands in a resource, as it is kept in the ledger. The rules by which it moves stand in
 * `window.ts`, and for event logs in `bookmark.ts`.
 */

/** Kept as text, because JSON has no numbers of 64 bits. */
const place = z
	.string()
	.regex(/^-?\d{1,40}$/)
	.transform(BigInt);

/** One reading of a window from its beginning to its end. */
const window = z.object({
	/** What lies before it was read earlier, and is left alone. */
	start: place,
	/** From where on the provider is asked. */
	from: place,
	/** The next page, counted from 1, and the rows before it; both since `from` last moved. */
	page: z.number(),
	offset: z.number(),
	/** Where the provider said that the next page is. */
	next: z.string().optional(),
	/** The newest row seen that may become the bound; of numbers the second-highest. */
	newest: place,
	/** Of a number: the highest row seen. */
	highest: place.optional(),
	/** Of a number: the lowest row of this window. */
	lowest: place.optional(),
	/**
	 * The provider's clock when the window was opened: what is dated later may have been shown later than the page it is on,
	 * so the bound stays below.
	 */
	signpost: place.optional(),
	/** Its rows may be dated by another zone than the provider's clock. */
	isInexact: z.boolean().optional(),
	/** This machine's clock at the same moment, in milliseconds since the epoch. */
	openedAt: z.number(),
	/** Rows up to here take part in the fingerprint: what is added later does not disturb it. */
	ceiling: place.optional(),
	/** The sum of what was read by page positions, in whatever order, and what it was in the pass before. */
	fingerprint: z.number(),
	before: z.number().optional(),
	/** Fingerprint of the latest page. */
	latest: z.number().optional(),
	/**
	 * Of an earlier page, and how many pages ago and after how many it is replaced: Brent's way to notice that pages go round,
	 * however long the circle is.
	 */
	mark: z.object({ fingerprint: z.number(), steps: z.number(), power: z.number() }).optional(),
	/** Empty pages in a row, each of which named a next one. */
	empty: z.number().optional(),
	/** How many rows the latest page had, readable or not. */
	size: z.number().optional(),
	/** The page that the provider refused, and how often, while it gave those before it. */
	refused: z.object({ page: z.number(), times: z.number() }).optional(),
	/** How often the rows from `from` on have been read to their end. */
	passes: z.number(),
	/** Rows and pages read since the window was opened. */
	read: z.number(),
	pages: z.number(),
	/** Rows that the provider counts from `start` on. */
	total: z.number().optional(),
});
export type Window = z.infer<typeof window>;

const bookmark = z.object({ token: z.string(), expiresAt: z.number().optional() });

const cursorState = z.object({
	/** Account that the credential belongs to. */
	account: z.string(),
	/** Where the user asked to begin; nothing older is read. */
	floor: place,
	/** Moves only when a window has been read to its end; in an event log, with every page. */
	bound: place,
	window: window.optional(),
	/** Of an event log: the place behind what has been read, and while it has one, all that is asked by. */
	bookmark: bookmark.optional(),
	/** Of an event log: the provider's clock when reading it again began, and this machine's, in milliseconds. */
	reread: z.object({ from: place, at: z.number() }).optional(),
	/** Of an event log: from where on it is being read again. */
	rereads: place.optional(),
	/** Of an event log: its end has not been reached. */
	reading: z.boolean().optional(),
	/** Of what a user has described: see `PollApi.lineage`. */
	lineage: z.string().optional(),
	/** Rows up to here were there before, and pass to nobody, until a window has been read to its end. */
	passed: place.optional(),
	/** Of a number: the highest row ever seen. */
	highest: place.optional(),
	/** Of a number: how far apart rows are on average, at the most. */
	step: z.number().optional(),
	/** Of a number: the outlier that was reported. */
	jump: place.optional(),
	/** The longest page so far: the provider gives at least so many rows at once. */
	longest: z.number().optional(),
	/** By what pages had that length. */
	sizedBy: z.string().optional(),
	/** It has named a next page at least once. */
	paged: z.boolean().optional(),
	/** How often the second page was the first one again, pass after pass. */
	repeats: z.number().optional(),
	/** It was said that there may be pages which are not found. */
	doubted: z.boolean().optional(),
	/** With which status it refuses the page behind the last. */
	endStatus: z.number().optional(),
	/** What lies here now was there before the start: it is only looked at until the first window ends. */
	seeking: z.boolean().optional(),
	/** What to ask with whether anything has changed, and the request that it belongs to. */
	validators: z
		.object({
			request: z.string(),
			etag: z.string().optional(),
			modified: z.string().optional(),
			/** By this machine's clock, in milliseconds since the epoch. */
			at: z.number(),
		})
		.optional(),
	/** Of a number: at which times (milliseconds) the bound had come how far, because keys are kept by time. */
	marks: z.array(z.object({ bound: place, at: z.number() })).optional(),
	/** Of a thorough check: when the latest one began, by the clock of this machine, in milliseconds. */
	reconciledAt: z.number().optional(),
	/** Of a resource that is read at intervals: when it was last begun, by the clock of this machine, in milliseconds. */
	readAt: z.number().optional(),
	/** Of a head: how many pages of the main window had been read when it was last read. */
	readAtPage: z.number().optional(),
});
export type CursorState = z.infer<typeof cursorState>;

/** What the rules need to know of a resource. */
export type CursorRules = Pick<PollResource, 'displayName' | 'order' | 'unit' | 'step' | 'pageSize'>;

/** A resource, and how far it has been read. */
export interface ResourceCursor {
	readonly resource: PollResource;
	state: CursorState;
}

/** Positions are times, if only for when a bookmark has expired. */
export const isTimed = ({ unit }: Pick<PollResource, 'unit'>) => unit === 'time' || unit === 'bookmark';

/** Whether a reading has not come to its end. */
export const isOpen = ({ window: open, reading }: CursorState) => open !== undefined || reading === true;

export function startAt(account: string, floor: Position, seeking = false): CursorState {
	return { account, floor, bound: floor, ...(seeking && { seeking }) };
}

/** The result of a page. */
export interface PageResult {
	readonly state: CursorState;
	/** The rows that are to be recorded. */
	readonly rows: readonly PolledRow[];
	/**
	 * Whether reading may go on at once: a window is open, and is not about to be read a third time. What changes so
	 * often is left in peace until the next tick.
	 */
	readonly goesOn: boolean;
	/** To be told of once the state is kept. */
	readonly trouble?: HybridSyncError;
	/** Something odd that does not stop the reading, for the log. */
	readonly notice?: string;
}

/** The state in the form in which it is stored, which is JSON. */
export function storedCursor(state: CursorState): unknown {
	const text = JSON.stringify(state, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
	return JSON.parse(text);
}

/** @returns nothing where the node never began */
export function parseCursor(stored: unknown): CursorState | undefined {
	if (stored === undefined) return undefined;
	const parsed = cursorState.safeParse(stored);
	if (parsed.success) return parsed.data;
	// The window of another version, or a broken one: it is read again from its beginning.
	const rest = cursorState
		.pick({ account: true, lineage: true, floor: true, bound: true, bookmark: true, seeking: true, passed: true })
		.safeParse(stored);
	if (rest.success) return rest.data;
	throw new HybridSyncError(
		'bad-response',
		'What the ledger knows of how far polling has come cannot be read. Was it written by another version? Add the node anew with "Start: Since Date" to go on.',
	);
}

/** From where on rows will be read again, or for the first time. */
export function readsFrom({ floor, bound, rereads }: CursorState, lookBack: Position): Position {
	const usual = bound - lookBack;
	const from = rereads !== undefined && rereads < usual ? rereads : usual;
	return from > floor ? from : floor;
}

/**
 * The time from which on rows will be read again, in milliseconds since the epoch: their keys must not be given up. A number
 * says nothing of time by itself, so the marks say when the bound had come so far.
 */
export function keysFrom(state: CursorState, { unit }: CursorRules, lookBack: Position): number {
	const from = readsFrom(state, lookBack);
	switch (unit) {
		case 'time':
			return timeOfPosition(state.window && state.window.start < from ? state.window.start : from);
		// Should the bookmark expire, this is where the log is read from.
		case 'bookmark': {
			const again = state.reread ? state.reread.from - lookBack : from;
			return timeOfPosition(again < from ? again : from);
		}
		case 'number':
			return state.marks?.findLast(({ bound }) => bound < from)?.at ?? 0;
		case 'none':
			return 0;
	}
}

/** Which page is to be asked for: one inside the open window, or the first of a new one. */
export function nextPage(state: CursorState, lookBack: Position): Omit<PageRequest, 'pageSize'> {
	const { window: open, bookmark, floor } = state;
	if (!open) {
		const from = readsFrom(state, lookBack);
		return { from, start: from, floor, page: 1, offset: 0, ...(bookmark && { bookmark: bookmark.token }) };
	}
	const { from, start, page, offset, next } = open;
	return { from, start, floor, page, offset, ...(next !== undefined && { next }) };
}
