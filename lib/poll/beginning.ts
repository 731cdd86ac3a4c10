import { HybridSyncError } from '../base/errors';
import { DAY } from '../base/time';
import { composeKey } from '../event/key';
import { type Position, later, positionOfTime } from '../event/position';
import type { Transport } from '../http/transport';
import type { PollApi, PollResource } from '../provider/pull';
import type { Breadcrumb } from './breadcrumb';
import { type CursorState, isTimed, startAt } from './cursor';
import { grown } from './window';

/** Where a resource begins: where it had been read to, or where a first run would, or somewhere between. */

/** Where the first tick begins. */
export type Start =
	{ readonly from: 'now' } | { readonly from: 'everything' } | { readonly from: 'date'; readonly date: number };

/** How far back rows are read again: of times, of numbers, and once in a while. */
export interface LookBacks {
	readonly lookBackMs: number;
	readonly lookBackCount: number;
	readonly deepReconcile?: { readonly lookBackMs: number; readonly everyMs: number };
}

interface Asked extends LookBacks {
	readonly api: PollApi;
	readonly account: string;
	/** Identifies the credential. */
	readonly sender: string;
	readonly transport: Transport;
	readonly start: Start;
	/** Where a lost ledger had come. */
	readonly readTo?: Breadcrumb['readTo'];
}

/**
 * @param known where it stands, if it ever began
 * @returns whether it has begun just now, and what is to be said of that
 */
export async function beginning(
	asked: Asked,
	resource: PollResource,
	known: CursorState | undefined,
): Promise<{ state: CursorState; isBegun: boolean; notice?: string }> {
	const { account, api } = asked;
	const kind = kindOf(known, account, api);
	if (known && kind === 'goes on') return { state: sizedAnew(known, resource), isBegun: false };
	const begun = known && kind === 'other keys' ? rekeyed(asked, resource, known) : await firstState(asked, resource);
	const { sizedBy } = resource;
	const { lineage } = api;
	const state: CursorState = {
		...begun,
		...(lineage !== undefined && { lineage }),
		...(sizedBy !== undefined && { sizedBy }),
	};
	const notice = noticeOf(known, account, api, resource);
	return { state, isBegun: true, ...(notice !== undefined && { notice }) };
}

/** What a user is to be told who has described a resource in another way than before; nothing where it goes on. */
export function noticeOf(
	known: CursorState | undefined,
	account: string,
	api: PollApi,
	{ described, displayName }: PollResource,
): string | undefined {
	if (!described || !known) return undefined;
	switch (kindOf(known, account, api)) {
		case 'goes on':
			return undefined;
		case 'other keys':
			return `${displayName}: its rows are told apart in another way than before (ID Field, What Is an Event). What it has now counts as known, up to where it had been read.`;
		case 'anew':
			return `${displayName}: it is another list than before, or new rows are told by another field. It begins anew, as "Start" says.`;
	}
}

/** Another account has another history, and begins where a first run would. */
function kindOf(
	known: CursorState | undefined,
	account: string,
	{ lineage }: PollApi,
): 'goes on' | 'other keys' | 'anew' {
	if (!known) return 'anew';
	if (known.account === account) return 'goes on';
	const isSameList = known.lineage !== undefined && known.lineage === lineage;
	// Where nothing has been handed over yet, there is nothing to go on from.
	return isSameList && !known.seeking && known.passed !== BEYOND_ALL ? 'other keys' : 'anew';
}

/** How long a page may be has to be learned anew where another size is asked for. */
function sizedAnew(state: CursorState, { sizedBy }: PollResource): CursorState {
	if (sizedBy === undefined || state.sizedBy === sizedBy) return state;
	const { longest: _, ...rest } = state;
	return { ...rest, sizedBy };
}

/** The same list under other keys: what will ever be read again is read once, and up to where it had been read it passes to nobody. */
function rekeyed(asked: Asked, resource: PollResource, known: CursorState): CursorState {
	const { floor, bound, window } = known;
	// Up to its newest row a window has been read only where it is read in order.
	const inOrder = resource.order === 'ascending' ? window?.newest : undefined;
	const readTo = [known.passed, inOrder].reduce<Position>((latest, each) => later(latest, each ?? latest), bound);
	const from = readTo - longestLookBack(asked, resource);
	// What a window was still to read begins where it would have.
	const begins = window && window.start < from ? window.start : from;
	return { ...startAt(asked.account, floor), bound: later(begins, floor), passed: readTo };
}

/** Where to begin, by the provider's clock or what is there: the only places that a cursor may come from. */
async function firstState(asked: Asked, resource: PollResource): Promise<CursorState> {
	const { transport, start, readTo, account, sender } = asked;
	const lostAt = readTo?.[composeKey(account, resource.name)];
	if (lostAt !== undefined) {
		const from = BigInt(lostAt) - lookBackOf(asked, resource);
		return startAt(account, from > 0n ? from : 0n);
	}
	switch (start.from) {
		case 'everything':
			return startAt(account, 0n);
		case 'date':
			if (isTimed(resource)) return startAt(account, positionOfTime(start.date));
			throw new HybridSyncError(
				'configuration',
				'"Start: Since Date" needs a Time Field. Choose Everything or From Now, or tell new rows by a time.',
			);
		case 'now': {
			if (!isTimed(resource)) return startAt(account, 0n, true);
			const response = await transport.send(resource.sample(1));
			const page = await resource.read(response, account, sender);
			const { date } = response;
			if (page.unusable) throw page.unusable;
			if (date === undefined) return grown(startAt(account, 0n, true), page);
			if (!resource.described) return grown(startAt(account, positionOfTime(date)), page);
			if (page.isExact?.()) return grown(startAt(account, positionOfTime(date)), page);
			// Nobody knows how fine and in which zone the times are written: so what is there now is marked, and what comes is new.
			const state = grown(startAt(account, positionOfTime(date - ANY_ZONE_MS)), page);
			return page.size === 0 ? state : { ...state, passed: BEYOND_ALL };
		}
	}
}

/** More than two zones differ, and a day for those who write only the date. */
const ANY_ZONE_MS = 2 * DAY;
/** Beyond every position. */
export const BEYOND_ALL: Position = 10n ** 30n;

export function lookBackOf({ lookBackMs, lookBackCount }: LookBacks, resource: PollResource): Position {
	if (!isTimed(resource)) return BigInt(lookBackCount);
	return positionOfTime(Math.max(lookBackMs, resource.shownWithinMs ?? 0));
}

/** How far back anything of a resource is ever read again. */
export function longestLookBack(looks: LookBacks, resource: PollResource): Position {
	const usual = lookBackOf(looks, resource);
	const deep = positionOfTime(looks.deepReconcile?.lookBackMs ?? 0);
	return isTimed(resource) && deep > usual ? deep : usual;
}
