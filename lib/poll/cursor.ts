import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import { DAY } from '../base/time';
import type { Page, PageRequest, PolledRow, PollResource } from '../provider/provider';
import { isOutlier, stepOf, topTwo } from './outlier';

/**
 * The cursor: where a node stands in a resource, and the rules by which it moves. Pure: rows and clocks come in, the next
 * position comes out. A position is a time in milliseconds since the epoch or a whole number, as the resource says, and
 * it comes from the rows or the provider's `Date`. This machine's clock only holds it back where there is no `Date`.
 *
 * A window is read from a look-back before the bound to the end of what there is; the bound moves only when that end has
 * been reached. Rows exactly on the bound are read again and told apart by their keys, which is dlt's boundary rule; the
 * look-back is Airbyte's; that the bound stays below the moment in which a window was opened is Singer's signpost.
 */

/** One reading of a window from its beginning to its end. */
const window = z.object({
	/** What lies before it was read earlier, and is left alone. */
	start: z.number(),
	/** From where on the provider is asked. */
	from: z.number(),
	/** The next page, counted from 1, and the rows before it; both since `from` last moved. */
	page: z.number(),
	offset: z.number(),
	/** Where the provider said that the next page is. */
	next: z.string().optional(),
	/** The newest row seen that may become the bound; of numbers the second-highest. */
	newest: z.number(),
	/** Of a number: the highest row seen. */
	highest: z.number().optional(),
	/** Of a number: the lowest row of this window. */
	lowest: z.number().optional(),
	/**
	 * The provider's clock when the window was opened, and this machine's: what is dated later may have been shown later than
	 * the page it is on, so the bound stays below.
	 */
	signpost: z.number().optional(),
	openedAt: z.number(),
	/** Rows up to here take part in the fingerprint: what is added later does not disturb it. */
	ceiling: z.number().optional(),
	/** The sum of what was read by page positions, in whatever order, and what it was in the pass before. */
	fingerprint: z.number(),
	before: z.number().optional(),
	/** Fingerprint of the latest page. */
	latest: z.number().optional(),
	/** How often a page came twice in a row, pass after pass. */
	repeats: z.number().optional(),
	/** How often the rows from `from` on have been read to their end. */
	passes: z.number(),
	/** Rows and pages read since the window was opened. */
	read: z.number(),
	pages: z.number(),
	/** Rows that the provider counts from `start` on. */
	total: z.number().optional(),
});

const position = z.object({
	/** Account that the credential belongs to. */
	account: z.string(),
	/** Where the user asked to begin; nothing older is read. */
	floor: z.number(),
	/** Moves only when a window has been read to its end. */
	bound: z.number(),
	window: window.optional(),
	/** Of a number: the highest row ever seen. */
	highest: z.number().optional(),
	/** Of a number: how far apart rows are on average, at the most. */
	step: z.number().optional(),
	/** Of a number: the outlier that was reported. */
	jump: z.number().optional(),
	/** The longest page so far: the provider gives at least so many rows at once. */
	longest: z.number().optional(),
	/** What lies here now was there before the start: it is only looked at until the first window ends. */
	seeking: z.boolean().optional(),
	/** What to ask with whether anything has changed, and the request that it belongs to. */
	validators: z
		.object({ request: z.string(), etag: z.string().optional(), modified: z.string().optional() })
		.optional(),
	/** Of a number: at which times the bound had come how far, because keys are kept by time. */
	marks: z.array(z.object({ bound: z.number(), at: z.number() })).optional(),
	/** Of a deep reconcile: when the latest one began, by the clock of this machine. */
	at: z.number().optional(),
});
export type Position = z.infer<typeof position>;
type Window = z.infer<typeof window>;

/** What the rules need to know of a resource. */
export type CursorRules = Pick<PollResource, 'displayName' | 'order' | 'unit' | 'step' | 'pageSize'>;

export function startAt(account: string, floor: number, seeking = false): Position {
	return { account, floor, bound: floor, ...(seeking && { seeking }) };
}

/** @returns nothing where the node never began */
export function parsePosition(stored: unknown): Position | undefined {
	if (stored === undefined) return undefined;
	const parsed = position.safeParse(stored);
	if (parsed.success) return parsed.data;
	// The window of another version, or a broken one: it is read again from its beginning.
	const rest = position.pick({ account: true, floor: true, bound: true }).safeParse(stored);
	if (rest.success) return rest.data;
	throw new HybridSyncError(
		'bad-response',
		'What the ledger knows of how far polling has come cannot be read. Was it written by another version? Add the node anew with "Start: Since Date" to go on.',
	);
}

/** From where on rows will be read again, or for the first time. */
export function readsFrom({ floor, bound }: Position, lookBack: number): number {
	return Math.max(floor, bound - lookBack);
}

/**
 * The time from which on rows will be read again: their keys must not be given up. A number says nothing of time by
 * itself, so the marks say when the bound had come so far.
 */
export function keysFrom(current: Position, { unit }: CursorRules, lookBack: number): number {
	const from = readsFrom(current, lookBack);
	if (unit === 'time') return current.window ? Math.min(from, current.window.start) : from;
	if (unit === 'none') return 0;
	return current.marks?.findLast(({ bound }) => bound < from)?.at ?? 0;
}

/** The place of the next page: inside the open window, or at the beginning of a new one. */
export function nextPlace(current: Position, lookBack: number): Omit<PageRequest, 'pageSize'> {
	if (!current.window) return { from: readsFrom(current, lookBack), page: 1, offset: 0 };
	const { from, page, offset, next } = current.window;
	return { from, page, offset, ...(next !== undefined && { next }) };
}

/** What a page came to. */
export interface Step {
	readonly position: Position;
	/** The rows that are to be recorded. */
	readonly rows: readonly PolledRow[];
	/**
	 * Whether reading may go on at once: a window is open, and is not about to be read a third time. What changes so
	 * often is left in peace until the next tick.
	 */
	readonly goesOn: boolean;
	/** To be told of once the position is kept. */
	readonly trouble?: HybridSyncError;
	/** Something odd that does not stop the reading, for the log. */
	readonly notice?: string;
}

/** How often a page may come twice because rows were added just so. */
const COINCIDENCES = 2;

/**
 * The position after a page.
 *
 * In a resource that is sorted and can be asked from a position on, the next page begins at the last row, inclusive, and
 * not at an offset: rows that are added or removed meanwhile cannot push another one over a page's edge unseen. Everywhere
 * else pages are followed by number, offset or link, and a row that is removed behind us moves an unread one to a page
 * that we have read. So what took more than one such page is read again until two passes found the same rows: then
 * nothing can have moved between the first and the last page of the former.
 *
 * @param now this machine's clock: only a row dated more than a day ahead of it, where the provider tells no time, is kept
 *   from moving the bound
 * @throws HybridSyncError `bad-response` where rows are not in the promised order
 */
export function afterPage(before: Position, page: Page, rules: CursorRules, lookBack: number, now: number): Step {
	checkOrder(page.rows, rules);
	const isLast = isLastPage(page, rules, before);
	const current = grown(before, page);
	const open = current.window ?? openWindow(current, page, rules, lookBack, now);
	const rows = page.rows.filter((row) => row.position >= open.start);
	const [first, last] = [page.rows.at(0)?.position, page.rows.at(-1)?.position];
	const isEnd =
		isLast || (rules.order === 'descending' && rules.unit !== 'none' && last !== undefined && last < open.start);
	const read: Window = {
		...open,
		...(rules.unit === 'number'
			? topTwo(open, page.rows)
			: { newest: Math.max(open.newest, newestOf(page, rules, open.signpost ?? now + DAY)) }),
		read: open.read + rows.length,
		pages: open.pages + 1,
		...(page.total !== undefined && open.total === undefined && { total: page.total }),
	};

	const step = rules.order === 'ascending' ? rules.step : undefined;
	const edge = step === undefined || last === undefined ? undefined : floorTo(last, step);
	// Where one position fills a page there is no other way than on to the next page.
	const moves = edge !== undefined && edge > floorTo(open.from, step ?? 1);
	if (open.page === 1 && (isEnd || moves)) {
		return isEnd
			? { ...close(current, read, page, rules, lookBack, now), rows, goesOn: false }
			: { position: { ...current, window: restart(read, last ?? open.from) }, rows, goesOn: true };
	}

	const latest = fingerprintOf(page.rows);
	if (open.page > 1 && page.rows.length > 0 && latest === open.latest) {
		// Rows that were added may have moved a whole page, so it is read from the first again. Time and again is no coincidence.
		const repeats = (open.repeats ?? 0) + 1;
		const again: Position = { ...current, window: { ...restart(read, open.from), repeats } };
		if (repeats <= COINCIDENCES) return { position: again, rows, goesOn: repeats === 1 };
		const trouble = new HybridSyncError(
			'bad-response',
			`${rules.displayName}: the provider gives the same page over and over. Check under Paging how it takes the next page. The cursor stays where it is.`,
		);
		return { position: again, rows, goesOn: false, trouble };
	}
	const ceiling =
		open.ceiling ?? (step === undefined ? ceilingOf(open, rules, first) : floorTo(open.from, step) + step - 1);
	const counted = page.rows.filter(
		(row) => row.position <= ceiling && (rules.order !== 'descending' || row.position >= open.start),
	);
	const fingerprint = (open.fingerprint + fingerprintOf(counted)) % FINGERPRINTS;
	if (!isEnd && !moves) {
		const { next: _, ...rest } = read;
		const onward = {
			page: open.page + 1,
			offset: open.offset + page.size,
			...(page.next !== undefined && { next: page.next }),
			...(Number.isFinite(ceiling) && { ceiling }),
		};
		const following = { ...rest, ...onward, fingerprint, latest };
		return { position: { ...current, window: following }, rows, goesOn: true };
	}
	// What was there before the start need not be known to the last row, but to come to an end.
	if (fingerprint !== open.before && !current.seeking) {
		const again: Window = { ...restart(read, open.from), before: fingerprint, passes: open.passes + 1 };
		return { position: { ...current, window: again }, rows, goesOn: open.passes === 0 };
	}
	// The passes agree, so the former has seen all rows of this position. What came after them in the latter has no such
	// witness, and is read from there on.
	if (step !== undefined && (!isEnd || (read.highest ?? read.newest) > ceiling)) {
		return { position: { ...current, window: restart(read, ceiling + 1) }, rows, goesOn: true };
	}
	return { ...close(current, read, page, rules, lookBack, now), rows, goesOn: false };
}

function openWindow(current: Position, { date }: Page, { unit }: CursorRules, lookBack: number, now: number): Window {
	const start = readsFrom(current, lookBack);
	return {
		start,
		from: start,
		page: 1,
		offset: 0,
		newest: current.bound,
		...(current.highest !== undefined && { highest: current.highest }),
		...(unit === 'time' && date !== undefined && { signpost: date }),
		openedAt: now,
		fingerprint: 0,
		passes: 0,
		read: 0,
		pages: 0,
	};
}

/** The position with its window to be read again from where it stands, without the place of a next page. */
export function withoutNext(current: Position): Position {
	return current.window ? { ...current, window: restart(current.window, current.window.from) } : current;
}

/** The same window, from its first page at a position on. */
function restart(read: Window, from: number): Window {
	const { page: _, offset: _o, next: _n, ceiling: _c, before: _b, repeats: _r, latest: _l, ...kept } = read;
	return { ...kept, from, page: 1, offset: 0, fingerprint: 0, passes: 0 };
}

function close(
	current: Position,
	read: Window,
	page: Page,
	rules: CursorRules,
	lookBack: number,
	now: number,
): Pick<Step, 'position' | 'notice'> {
	const { window: _, seeking, validators: _v, ...rest } = current;
	// Where the provider tells no time, the time that has passed says how much of the end may not have been seen.
	const unseen = rules.unit === 'time' && read.signpost === undefined ? Math.max(0, now - read.openedAt) : 0;
	const isHeld = rules.unit === 'number' && isOutlier(read, current.step);
	const reached = rules.unit === 'number' && !isHeld ? (read.highest ?? read.newest) : read.newest;
	const bound = Math.max(current.bound, reached - unseen);
	const closed: Position = {
		...rest,
		bound,
		// What was there before the start has been passed.
		...(seeking && rules.unit === 'number' && { floor: bound + 1 }),
		...(page.validators && read.pages === 1 && { validators: page.validators }),
	};
	if (rules.unit !== 'number') return { position: closed };
	const { highest } = read;
	const position: Position = {
		...closed,
		marks: marked(closed, page, lookBack),
		...(highest !== undefined && { highest }),
		...(!isHeld && { step: Math.max(current.step ?? 0, stepOf(read)) }),
	};
	// Where it is not known how far apart the numbers are, there is nothing to wonder at.
	const isUnreportedJump = isHeld && current.jump !== highest && (current.step ?? 0) > 0;
	if (!isUnreportedJump) return { position };
	const notice = `${rules.displayName}: one row has the number ${highest}, far above the others. It is treated as an outlier: polling continues above ${bound}, until another row comes close to that number or exceeds it.`;
	return { position: { ...position, jump: highest }, notice };
}

/** Notes once a day how far the bound has come, and forgets what lies before all that is read again. */
function marked(current: Position, { date }: Page, lookBack: number): { bound: number; at: number }[] {
	const marks = current.marks ?? [];
	const at = date ?? 0;
	const due = at >= (marks.at(-1)?.at ?? -DAY) + DAY;
	const all = due ? [...marks, { bound: current.bound, at }] : marks;
	const needed = all.findLastIndex(({ bound }) => bound < readsFrom(current, lookBack));
	return all.slice(Math.max(0, needed));
}

/**
 * Whether nothing comes after a page. Where the provider does not say, an empty page is the last, and one as long as was
 * asked for is not. A shorter one may be the last, or all that the provider gives at once: only where it has given more
 * before is it the last for sure. Otherwise the next page is asked for.
 */
function isLastPage({ last, next, size }: Page, { pageSize }: CursorRules, { longest = 0 }: Position): boolean {
	if (last !== undefined) return last;
	return next === undefined && (size === 0 || size < Math.min(longest, pageSize));
}

/** Notes how long a page has been. */
export function grown(current: Position, { last, next, size }: Page): Position {
	const { longest = 0 } = current;
	return last === undefined && next === undefined && size > longest ? { ...current, longest: size } : current;
}

/** The newest row that may become the bound. */
function newestOf({ rows }: Page, { unit }: CursorRules, latest: number): number {
	if (unit === 'none') return -Infinity;
	const limit = unit === 'time' ? latest : Infinity;
	return rows.reduce((newest, row) => (row.position <= limit ? Math.max(newest, row.position) : newest), -Infinity);
}

function ceilingOf({ signpost }: Window, { order, unit }: CursorRules, first: number | undefined): number {
	if (order === 'descending' && unit !== 'none') return first ?? Infinity;
	return signpost ?? Infinity;
}

function floorTo(value: number, step: number): number {
	return Math.floor(value / step) * step;
}

/** Fingerprints are numbers that can be added without loss. */
const FINGERPRINTS = 2 ** 52;

/** Of a set of rows, in whatever order. */
function fingerprintOf(rows: readonly PolledRow[]): number {
	return rows.reduce(
		(sum, row) => (sum + parseInt(hashOf([row.event.key, row.position]).slice(0, 13), 16)) % FINGERPRINTS,
		0,
	);
}

/** @throws HybridSyncError `bad-response` where rows are not in the order that was promised */
export function checkOrder(rows: readonly PolledRow[], { order, unit, displayName }: CursorRules): void {
	if (order === 'none' || unit === 'none') return;
	const sign = order === 'ascending' ? 1 : -1;
	const index = rows.findIndex((row, at) => at > 0 && (row.position - (rows[at - 1]?.position ?? 0)) * sign < 0);
	if (index < 0) return;
	const [before, after] = [rows[index - 1], rows[index]].map((row) => row?.event.subject ?? '');
	throw new HybridSyncError(
		'bad-response',
		`${displayName}: the provider sent rows out of order: "${after}" came after "${before}", although ${order === 'ascending' ? 'the oldest' : 'the newest'} should come first. The cursor stays where it is.`,
	);
}
