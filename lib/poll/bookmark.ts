import { HybridSyncError } from '../base/errors';
import { DAY, formatTime } from '../base/time';
import { type Bookmark, type Position, later, positionOfTime, timeOfPosition } from '../event/position';
import type { Page } from '../provider/pull';
import { type CursorRules, type CursorState, type PageResult, readsFrom } from './cursor';

/**
 * The rules of an event log that is read on by bookmarks. Each page moves the bookmark. What a log shows late lies before it,
 * so once in a look-back the log is read again from a time on, which costs no request more where little happens. A bookmark may
 * expire. Then the log is read from a time on, too, a look-back before the newest event. The ledger removes what is known.
 */

/**
 * The state from which a reading begins.
 *
 * An event that the log did not show yet when it was last read again is dated no earlier than a look-back before that moment.
 *
 * @param lookBack how late an event may be shown
 * @param now this machine's clock, in milliseconds since the epoch
 */
export function beginLogReading(state: CursorState, lookBack: Position, now: number): CursorState {
	const { bookmark, reread, ...rest } = state;
	if (!bookmark || !reread || state.reading || lookBack === 0n) return state;
	const age = now - reread.at;
	if (age >= 0 && age < timeOfPosition(lookBack)) return state;
	return { ...rest, rereads: reread.from - lookBack };
}

/** The state after a page of an event log. */
export function afterLogPage(before: CursorState, page: Page, { displayName }: CursorRules, now: number): PageResult {
	const { rows, bookmark } = page;
	// One that is dated in the future must not become the place from which the log is read again.
	const latestTime = positionOfTime(page.date ?? now + DAY);
	const newest = rows.reduce(
		(latest, { position }) => (position <= latestTime ? later(latest, position) : latest),
		before.bound,
	);
	// A shorter page may be all that the provider gives at once, so only an empty one is the last where it does not say.
	const isLast = page.last ?? page.size === 0;
	const { seeking: _sought, reading: _read, rereads, ...known } = before;
	const begun = { from: page.date === undefined ? before.bound : positionOfTime(page.date), at: now };
	const isStuck = page.size === 0 && bookmark?.token === before.bookmark?.token;
	const isEnd = isLast || isStuck;
	const hasMore = !isEnd && bookmark !== undefined;
	return {
		state: {
			...known,
			bound: newest,
			reread: before.reread ?? begun,
			...(bookmark && { bookmark: usable(bookmark) }),
			...(before.seeking && !isEnd && { seeking: true }),
			...(hasMore && { reading: true, ...(rereads !== undefined && { rereads }) }),
		},
		// A log that is asked by a time may begin earlier than asked for.
		rows: rows.filter(({ position }) => position >= before.floor),
		goesOn: hasMore,
		...(!isLast && bookmark === undefined && { trouble: withoutPlace(displayName) }),
	};
}

/** Without an expiry that is no time. */
function usable({ token, expiresAt }: Bookmark): Bookmark {
	return { token, ...(Number.isFinite(expiresAt) && { expiresAt }) };
}

function withoutPlace(displayName: string): HybridSyncError {
	return new HybridSyncError(
		'bad-response',
		`${displayName}: the service says that there are more events, and not where they are. Those that came are recorded; check with the service how its next page is found.`,
	);
}

/** Whether the provider has said that it does not know the bookmark any more; the time is in milliseconds since the epoch. */
export function isExpired({ bookmark }: CursorState, now: number): boolean {
	return bookmark?.expiresAt !== undefined && bookmark.expiresAt <= now;
}

/**
 * The state without a bookmark that the provider knows no more, and what to say of it.
 *
 * @param keptForMs how long the provider keeps its events, where that is known
 * @param now in milliseconds since the epoch
 */
export function withoutBookmark(
	state: CursorState,
	{ displayName }: Pick<CursorRules, 'displayName'>,
	options: { readonly lookBack: bigint; readonly keptForMs?: number | undefined; readonly now: number },
): { state: CursorState; notice: string } {
	const { bookmark: _expired, ...rest } = state;
	const { lookBack, keptForMs, now } = options;
	const from = timeOfPosition(readsFrom(rest, lookBack));
	const keptFrom = keptForMs === undefined ? undefined : now - keptForMs;
	const gap =
		keptFrom === undefined
			? 'If the service has removed events since then, they are missing.'
			: keptFrom > from
				? `The service keeps its events from ${formatTime(keptFrom)} on, so those between the two times may be missing.`
				: 'Nothing is missing.';
	const notice = `${displayName}: the service no longer accepts the saved bookmark. Events are read again from ${formatTime(from)} on; duplicates are removed. ${gap}`;
	return { state: rest, notice };
}
