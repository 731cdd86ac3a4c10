import { DAY, HOUR, MINUTE } from '../base/time';
import type { PathActivity } from '../ledger/ledger';

/** How push is doing, as far as a day of deliveries tells. */

/** Pushes within a day that make a rhythm. */
const ENOUGH_PUSHES = 5;
/** Push has gone silent after so many times its usual gap, but not before and at the latest after these times. */
const SILENT_AFTER_GAPS = 6;
const EARLIEST_SILENCE_MS = 10 * MINUTE;
const LATEST_SILENCE_MS = 12 * HOUR;

export type PushHealth = 'works' | 'silent' | 'unknown';

/**
 * How push is doing: `works`, as long as it keeps its rhythm and polling has found nothing in its place for a day;
 * `silent`, where it had a rhythm and lost it; `unknown` otherwise.
 */
export function pushHealth({ pushes, pushedAt, recoveredAt }: PathActivity, now: number): PushHealth {
	if (pushedAt === undefined || pushes < ENOUGH_PUSHES) return 'unknown';
	if (recoveredAt !== undefined && recoveredAt > now - DAY) return 'unknown';
	const silence = Math.min(LATEST_SILENCE_MS, Math.max(EARLIEST_SILENCE_MS, (DAY / pushes) * SILENT_AFTER_GAPS));
	return now - pushedAt > silence ? 'silent' : 'works';
}
