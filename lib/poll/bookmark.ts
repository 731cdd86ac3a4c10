import { formatTime } from '../base/time';
import { later, timeOfPosition } from '../event/position';
import type { Page } from '../provider/pull';
import { type CursorRules, type CursorState, readsFrom } from './cursor';
import type { Step } from './window';

/**
 * The rules of an event log that is read on by bookmarks. What was read lies behind the bookmark for good, so each page
 * moves it, and nothing is read again. A bookmark may expire. Then the log is read from a time on, a look-back before the
 * newest event, and the ledger removes what is known.
 */

/** The state after a page of an event log. */
export function afterLogPage(before: CursorState, page: Page, rules: CursorRules): Step {
	const { rows, bookmark } = page;
	const newest = rows.reduce((latest, { position }) => later(latest, position), before.bound);
	const isLast = page.last ?? (rows.length === 0 || rows.length < rules.pageSize);
	const { seeking: _sought, ...known } = before;
	const hasMore = !isLast && bookmark !== undefined;
	return {
		state: {
			...known,
			bound: newest,
			...(bookmark && { bookmark }),
			...(before.seeking && hasMore && { seeking: true }),
		},
		// What was read by a time may begin before what was asked for.
		rows: before.bookmark ? rows : rows.filter(({ position }) => position >= before.floor),
		goesOn: hasMore,
	};
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
	const notice = `${displayName}: the provider does not know the place any more up to which its events were read. They are read again from ${formatTime(from)} on; known ones are removed. ${gap}`;
	return { state: rest, notice };
}
