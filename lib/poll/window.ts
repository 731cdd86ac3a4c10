import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import { DAY } from '../base/time';
import { type Position, floorTo, later, positionOfTime } from '../event/position';
import type { Page, PolledRow } from '../provider/pull';
import { type CursorRules, type CursorState, type PageResult, type Window, readsFrom } from './cursor';
import { isOutlier, stepOf, topTwo } from './outlier';

/**
 * The rules by which a cursor moves. Pure: rows and clocks come in, the next state comes out. A position comes from the rows
 * or the provider's `Date`. This machine's clock only holds it back where there is no `Date`.
 *
 * A window is read from a look-back before the bound to the end of what there is; the bound moves only when that end has
 * been reached. Rows exactly on the bound are read again and told apart by their keys, which is dlt's boundary rule; the
 * look-back is Airbyte's; that the bound stays below the moment in which a window was opened is Singer's signpost.
 */

/** A page, and all that the rules judge it by. */
interface Reading {
	readonly state: CursorState;
	/** The window before this page, and with it. */
	readonly open: Window;
	readonly read: Window;
	readonly page: Page;
	readonly rules: CursorRules;
	readonly lookBack: Position;
	/** Milliseconds since the epoch. */
	readonly now: number;
	readonly rows: readonly PolledRow[];
	/** Nothing that belongs to the window comes after this page. */
	readonly isEnd: boolean;
	/** Where the list is sorted and can be asked from a position on: the finest step of that filter. */
	readonly step: Position | undefined;
	/** There, the next page can begin at the last row of this one. */
	readonly canFollowRows: boolean;
}

/**
 * The state after a page.
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
export function afterPage(
	before: CursorState,
	page: Page,
	rules: CursorRules,
	lookBack: Position,
	now: number,
): PageResult {
	checkOrder(page.rows, rules);
	const reading = readingOf(before, page, rules, lookBack, now);
	const { state, open, isEnd, canFollowRows } = reading;
	if (open.page === 1 && isEnd) {
		const { doubt } = page;
		if (!doubt || state.paged) return closed(reading);
		const notice = `${rules.displayName}: ${doubt.text}`;
		if (doubt.isMistake) return givenUp(reading, new HybridSyncError('configuration', notice));
		const { state: moved, ...rest } = closed(reading);
		return { ...rest, state: { ...moved, doubted: true }, ...(!state.doubted && { notice }) };
	}
	if (open.page === 1 && canFollowRows) return followRows(reading);
	if (isIgnored(reading)) return readAgain(reading);
	return (reading.read.empty ?? 0) > MAX_EMPTY ? givenUp(reading, emptyPages(rules)) : followPages(reading);
}

function readingOf(before: CursorState, page: Page, rules: CursorRules, lookBack: Position, now: number): Reading {
	const { order, unit } = rules;
	const state = grown(before, page);
	const open = state.window ?? openWindow(state, page, rules, lookBack, now);
	const rows = page.rows.filter((row) => row.position >= open.start);
	const last = page.rows.at(-1)?.position;
	const isPastWindow = order === 'descending' && unit !== 'none' && last !== undefined && last < open.start;
	const step = order === 'ascending' ? rules.step : undefined;
	const read: Window = {
		...open,
		...(unit === 'number' ? topTwo(open, page.rows) : { newest: newestOf(page, rules, open, now) }),
		read: open.read + rows.length,
		pages: open.pages + 1,
		size: page.size,
		empty: page.size === 0 ? (open.empty ?? 0) + 1 : 0,
		...(page.total !== undefined && open.total === undefined && { total: page.total }),
		...(!open.isInexact && rows.length > 0 && page.isExact?.() === false && { isInexact: true }),
	};
	if (page.size > 0 && read.refused?.page === open.page) delete read.refused;
	const canFollowRows = step !== undefined && last !== undefined && floorTo(last, step) > floorTo(open.from, step);
	const isEnd = isLastPage(page, rules, before, open.offset) || isPastWindow;
	return { state, open, read, page, rules, lookBack, now, rows, isEnd, step, canFollowRows };
}

/** The window has been read to its end. */
function closed(reading: Reading): PageResult {
	return { ...close(reading), rows: reading.rows, goesOn: false };
}

/** The next page begins at the last row of this one. */
function followRows({ state, open, read, page, rows }: Reading): PageResult {
	return { state: { ...state, window: restart(read, page.rows.at(-1)?.position ?? open.from) }, rows, goesOn: true };
}

/** The window is not followed any further, and is read anew with the next tick, so that new rows are found all the same. */
function givenUp({ state, rows }: Reading, trouble: HybridSyncError): PageResult {
	const { window: _, passed: _p, ...rest } = state;
	return { state: rest, rows, goesOn: false, trouble };
}

/** Pages in a row that may be empty while each names a next one. */
const MAX_EMPTY = 50;
/** So many rows are a full page where nobody knows how many that is. */
const LEAST_FULL = 10;

function emptyPages({ displayName }: CursorRules): HybridSyncError {
	return new HybridSyncError(
		'bad-response',
		`${displayName}: the service gave ${MAX_EMPTY} empty pages in a row, and each of them named a next one. Check under Paging how it says that there are no more, e.g. with More At. The cursor stays where it is, and the list is read again from its first page.`,
	);
}

/** Whether the second page is the first one again, and that is a full one: the provider may take no notice of page numbers. */
function isIgnored({ open, page, rules: { pageSize } }: Reading): boolean {
	const isFull = page.size >= (Number.isFinite(pageSize) ? pageSize : LEAST_FULL);
	return open.page === 2 && page.next === undefined && isFull && contentOf(page) === open.latest;
}

/** How often that may be because rows were added just so. */
const COINCIDENCES = 2;

/** Rows that were added may have moved the whole page, so it is read from the first again. Time and again is no coincidence. */
function readAgain(reading: Reading): PageResult {
	const { open, read, rows, rules } = reading;
	const repeats = (reading.state.repeats ?? 0) + 1;
	const state = { ...reading.state, repeats };
	if (repeats <= COINCIDENCES) {
		return { state: { ...state, window: restart(read, open.from) }, rows, goesOn: repeats === 1 };
	}
	const message = `${rules.displayName}: the service gives the same page over and over. Check under Paging how it takes the next page. The cursor stays where it is, and the list is read again from its first page.`;
	return givenUp({ ...reading, state }, new HybridSyncError('bad-response', message));
}

/** Whether a page has come before: the list ends there, or its links go round. What was moved by added rows, the next pass finds. */
function isRepeated({ open, page }: Reading): boolean {
	if (open.page === 1) return false;
	// A search that is scrolled through has one token for all of its pages.
	if (page.size === 0) return page.next !== undefined && page.next === open.next;
	const fingerprint = contentOf(page);
	return fingerprint === open.latest || fingerprint === open.mark?.fingerprint;
}

/** @param fingerprint of the latest page */
function marked({ mark }: Window, fingerprint: number): NonNullable<Window['mark']> {
	if (!mark) return { fingerprint, steps: 0, power: 1 };
	const { steps, power } = mark;
	return steps + 1 < power ? { ...mark, steps: steps + 1 } : { fingerprint, steps: 0, power: power * 2 };
}

/** Pages are followed by number, offset or link, until two passes have found the same rows. */
function followPages(reading: Reading): PageResult {
	const { state, open, read, page, rules, rows, step, canFollowRows } = reading;
	const isEnd = reading.isEnd || isRepeated(reading);
	const ceiling = open.ceiling ?? ceilingOf(reading);
	const counted = page.rows.filter(
		({ position }) =>
			(ceiling === undefined || position <= ceiling) && (rules.order !== 'descending' || position >= open.start),
	);
	const fingerprint = (open.fingerprint + fingerprintOf(counted)) % FINGERPRINTS;
	if (!isEnd && !canFollowRows) {
		const { next: _, ...rest } = read;
		const latest = contentOf(page);
		const following: Window = {
			...rest,
			page: open.page + 1,
			offset: open.offset + page.size,
			...(page.next !== undefined && { next: page.next }),
			...(ceiling !== undefined && { ceiling }),
			fingerprint,
			latest,
			mark: marked(open, latest),
		};
		return { state: { ...state, window: following }, rows, goesOn: true };
	}
	const passesAgree = fingerprint === open.before;
	// What was there before the start need not be known to the last row, but to come to an end.
	if (!passesAgree && !state.seeking) {
		const again: Window = { ...restart(read, open.from), before: fingerprint, passes: open.passes + 1 };
		// What was there before has been seen in this pass; what comes to it is new.
		const { passed: _, ...seen } = state;
		return { state: { ...seen, window: again }, rows, goesOn: open.passes === 0 };
	}
	// The passes agree, so the former has seen all rows of this position. What came after them in the latter has no such
	// witness, and is read from there on.
	const hasUnwitnessed = ceiling !== undefined && (read.highest ?? read.newest) > ceiling;
	if (step !== undefined && ceiling !== undefined && (!isEnd || hasUnwitnessed)) {
		return { state: { ...state, window: restart(read, ceiling + 1n) }, rows, goesOn: true };
	}
	return closed(reading);
}

function openWindow(
	state: CursorState,
	{ date }: Page,
	{ unit }: CursorRules,
	lookBack: Position,
	now: number,
): Window {
	const start = readsFrom(state, lookBack);
	return {
		start,
		from: start,
		page: 1,
		offset: 0,
		newest: state.bound,
		...(state.highest !== undefined && { highest: state.highest }),
		...(unit === 'time' && date !== undefined && { signpost: positionOfTime(date) }),
		openedAt: now,
		fingerprint: 0,
		passes: 0,
		read: 0,
		pages: 0,
	};
}

/** The state with its window to be read again from where it stands, without the place of a next page. */
export function withoutNext(state: CursorState): CursorState {
	return state.window ? { ...state, window: restart(state.window, state.window.from) } : state;
}

/** The same window, from its first page at a position on. */
function restart(read: Window, from: Position): Window {
	const { page: _, offset: _o, next: _n, ceiling: _c, before: _b, latest: _l, mark: _m, size: _s, ...kept } = read;
	return { ...kept, from, page: 1, offset: 0, fingerprint: 0, passes: 0 };
}

/** Moves the bound: the one place where a window does. */
function close({ state, read, page, rules, lookBack, now }: Reading): Pick<PageResult, 'state' | 'notice'> {
	const { window: _, seeking, passed: _p, repeats: _r, validators: _v, ...rest } = state;
	const unseen = rules.unit === 'time' ? unseenOf(read, page, now) : 0n;
	const isHeld = rules.unit === 'number' && isOutlier(read, state.step);
	const reached = rules.unit === 'number' && !isHeld ? (read.highest ?? read.newest) : read.newest;
	const bound = later(state.bound, reached - unseen);
	const moved: CursorState = {
		...rest,
		bound,
		// What was there before the start has been passed.
		...(seeking && rules.unit === 'number' && { floor: bound + 1n }),
		// A full page stays as it is when rows are added behind it.
		...(page.validators && read.pages === 1 && page.size < rules.pageSize && { validators: page.validators }),
	};
	if (rules.unit !== 'number') return { state: moved };
	const { highest } = read;
	const marks = markedByDay(moved, page, lookBack);
	const step = isHeld ? state.step : Math.max(state.step ?? 0, stepOf(read));
	const numbered: CursorState = {
		...moved,
		marks,
		...(highest !== undefined && { highest }),
		...(step !== undefined && { step }),
	};
	// Where it is not known how far apart the numbers are, there is nothing to wonder at.
	const isUnreportedJump = isHeld && state.jump !== highest && (state.step ?? 0) > 0;
	if (!isUnreportedJump || highest === undefined) return { state: numbered };
	const notice = `${rules.displayName}: one row has the number ${highest}, far above the others. It is treated as an outlier: polling continues above ${bound}, until another row comes close to that number or exceeds it.`;
	return { state: { ...numbered, jump: highest }, notice };
}

/**
 * Where the provider tells no time, or its rows may be dated by another zone than its clock, the time that has passed says how
 * much of the end may not have been seen: the newest row is no later than the end of the reading.
 */
function unseenOf({ signpost, openedAt, pages, isInexact }: Window, { date }: Page, now: number): Position {
	const own = positionOfTime(Math.max(0, now - openedAt));
	if (signpost === undefined) return own;
	if (pages === 1 || !isInexact) return 0n;
	// A clock that was set back meanwhile is no reason to believe that no time has passed.
	return later(own, date === undefined ? 0n : positionOfTime(date + 1_000) - signpost);
}

/** Notes once a day how far the bound has come, and forgets what lies before all that is read again. */
function markedByDay(state: CursorState, { date }: Page, lookBack: Position): { bound: Position; at: number }[] {
	const marks = state.marks ?? [];
	const at = date ?? 0;
	const due = at >= (marks.at(-1)?.at ?? -DAY) + DAY;
	const all = due ? [...marks, { bound: state.bound, at }] : marks;
	const needed = all.findLastIndex(({ bound }) => bound < readsFrom(state, lookBack));
	return all.slice(Math.max(0, needed));
}

/**
 * Whether nothing comes after a page. Where the provider does not say, an empty page is the last, and one as long as was
 * asked for is not. A shorter one may be the last, or all that the provider gives at once: only where it has given more
 * before is it the last for sure. Otherwise the next page is asked for.
 */
function isLastPage(
	{ last, next, size, total = 0 }: Page,
	{ pageSize }: CursorRules,
	{ longest = 0 }: CursorState,
	offset: number,
): boolean {
	if (last !== undefined) return last;
	if (size > 0 && total > offset + size) return false;
	return next === undefined && (size === 0 || size < Math.min(longest, pageSize));
}

/** Notes how long a page has been. */
export function grown(state: CursorState, { last, next, size }: Page): CursorState {
	const { longest = 0 } = state;
	if (next !== undefined) return state.paged ? state : { ...state, paged: true };
	return last === undefined && size > longest ? { ...state, longest: size } : state;
}

/** The newest row that may become the bound: none that is dated later than the window was opened. */
function newestOf({ rows }: Page, { unit }: CursorRules, open: Window, now: number): Position {
	if (unit === 'none') return open.newest;
	const latest = open.signpost ?? positionOfTime(now + DAY);
	return rows.reduce((newest, { position }) => (position <= latest ? later(newest, position) : newest), open.newest);
}

/** The position up to which two passes are compared; nothing where all rows are. */
function ceilingOf({ open, step, rules: { order, unit }, page }: Reading): Position | undefined {
	if (step !== undefined) return floorTo(open.from, step) + step - 1n;
	if (order === 'descending' && unit !== 'none') return page.rows.at(0)?.position;
	return open.signpost;
}

/** Fingerprints are numbers that can be added without loss. */
const FINGERPRINTS = 2 ** 52;

/** Of a page: of its rows, or where none of them can be used, of what it had. */
function contentOf({ rows, content }: Page): number {
	return rows.length === 0 && content !== undefined ? parseInt(content.slice(0, 13), 16) : fingerprintOf(rows);
}

/** Of a set of rows, in whatever order. */
function fingerprintOf(rows: readonly PolledRow[]): number {
	return rows.reduce(
		(sum, { event, also = event, position }) =>
			(sum + parseInt(hashOf([also.key, String(position)]).slice(0, 13), 16)) % FINGERPRINTS,
		0,
	);
}

/** @throws HybridSyncError `bad-response` where rows are not in the order that was promised */
export function checkOrder(rows: readonly PolledRow[], { order, unit, displayName }: CursorRules): void {
	if (order === 'none' || unit === 'none') return;
	const isAscending = order === 'ascending';
	const index = rows.findIndex(({ position }, at) => {
		const earlier = rows[at - 1]?.position;
		return earlier !== undefined && (isAscending ? position < earlier : position > earlier);
	});
	if (index < 0) return;
	const [before, after] = [rows[index - 1], rows[index]].map((row) => row?.event.subject ?? '');
	throw new HybridSyncError(
		'bad-response',
		`${displayName}: the service sent rows out of order: "${after}" came after "${before}", although ${isAscending ? 'the oldest' : 'the newest'} should come first. The cursor stays where it is.`,
	);
}
