import { HybridSyncError } from '../base/errors';
import { DAY, formatTime } from '../base/time';
import { type Bookmark, later, positionOfTime, timeOfPosition } from '../event/position';
import type { Page } from '../provider/pull';
import { type CursorRules, type CursorState, type PageResult, readsFrom } from './cursor';

/**
 * The rules of an event log that is read on by bookmarks. What was read lies behind the bookmark for good, so each page
 * moves it, and nothing is read again. A bookmark may expire. Then the log is read from a time on, a look-back before the
 * newest event, and the ledger removes what is known.
 */

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
	const { seeking: _sought, ...known } = before;
	const isStuck = page.size === 0 && bookmark?.token === before.bookmark?.token;
	const isEnd = isLast || isStuck;
	const hasMore = !isEnd && bookmark !== undefined;
	return {
		state: {
			...known,
			bound: newest,
			...(bookmark && { bookmark: usable(bookmark) }),
			...(before.seeking && !isEnd && { seeking: true }),
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
		`${displayName}: the provider says that there are more events, and not where they are. Those that came are recorded; check with the provider how its next page is found.`,
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
			? 'If the provider has removed events since then, they are missing.'
			: keptFrom > from
				? `The provider keeps its events from ${formatTime(keptFrom)} on, so those between the two times may be missing.`
				: 'Nothing is missing.';
	const notice = `${displayName}: the provider no longer accepts the saved bookmark. Events are read again from ${formatTime(from)} on; duplicates are removed. ${gap}`;
	return { state: rest, notice };
}
