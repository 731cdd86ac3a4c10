import { DAY } from '../../base/time';
import type { Life } from './lifecycle';

/** How long the ledger keeps what: every number, and every rule about what goes when. */

/** How long a key is known as a duplicate after its event passed, or n8n has it: the dedupe window. */
export const DEDUPE_WINDOW_MS = 30 * DAY;
/** How long what is finished keeps its payload, so that it can be looked at and replayed. */
const PAYLOAD_RETENTION_MS = 7 * DAY;
/** How long dead letters wait to be looked at. */
const DEAD_RETENTION_MS = 90 * DAY;
/** Counters are kept as long as anything is. */
export const COUNTER_RETENTION_MS = 90 * DAY;
/** What nobody used for so long is dropped whole. */
export const STREAM_RETENTION_MS = 90 * DAY;
/** How soon a key that a cursor still covers is looked at again. */
export const LOOK_AGAIN_MS = DAY;

/** When there is something to give up of an event that comes to this stage now; null where there is not. */
export function pruneAt({ stage, foreign, keepUntil }: Life, now: number): number | null {
	switch (stage.state) {
		case 'received':
		case 'handed':
			return null;
		case 'claimed':
			// Nobody redelivers an item from elsewhere: if its execution never comes back, its key goes in time.
			return foreign ? Math.max(keepUntil ?? now, stage.leaseUntil) : null;
		case 'delivered':
		case 'done':
			return foreign ? keepUntil : Math.min(keepUntil ?? Infinity, now + PAYLOAD_RETENTION_MS);
		case 'dead':
			return now + DEAD_RETENTION_MS;
	}
}

/** What the rule needs to know of an event whose time to be pruned has come. */
export interface Prunable {
	readonly state: Life['stage']['state'];
	readonly path: 'webhook' | 'poll' | 'replay' | 'item';
	readonly time: number;
	readonly keep_until: number | null;
	readonly match_key: string | null;
	/** Of its payload; 0 where that is gone. */
	readonly bytes: number;
}

/**
 * What goes of an event: its payload, nothing for now, or all of it.
 *
 * @param readsFrom the time from which on a cursor of the stream will read rows again: their keys must stay
 */
export function verdictOn(event: Prunable, now: number, readsFrom: number): 'erase' | 'keep' | 'drop' {
	const isInWindow = event.keep_until !== null && event.keep_until > now && event.state !== 'dead';
	if (isInWindow) return event.bytes > 0 ? 'erase' : 'keep';
	const mayComeByPolling = event.path === 'poll' || event.match_key !== null;
	const isCoveredByCursor = mayComeByPolling && event.time >= readsFrom;
	if (!isCoveredByCursor) return 'drop';
	return event.bytes > 0 && event.state !== 'dead' ? 'erase' : 'keep';
}

/** Whether a pushed event happened so long ago that its key may have been given up: nobody can say whether it has passed. */
export function isBeyondDedupeWindow(time: number, now: number): boolean {
	return time < now - DEDUPE_WINDOW_MS;
}
