import { LRUCache } from 'lru-cache';
import { MINUTE } from '../base/time';

/** What was said lately; a flood of different things pushes out the oldest. */
const said = new LRUCache<string, { minute: number; count: number }>({ max: 1_000 });
/** Kinds that are logged in one minute: whoever has many addresses has not as many lines. */
const MAX_KINDS = 100;
let latest = { minute: 0, kinds: 0 };

/**
 * Limits what is logged to one line a minute of each kind, and to a hundred in all, so that a flood of requests does not fill
 * the log.
 *
 * @param kind what happened, where, and by whose doing
 * @param now milliseconds since the epoch
 * @returns how many of this kind to log now, or nothing where one was logged within the minute
 */
export function toLog(kind: string, now: number): number | undefined {
	const minute = Math.floor(now / MINUTE);
	const known = said.get(kind);
	if (known?.minute === minute) {
		known.count += 1;
		return undefined;
	}
	if (latest.minute !== minute) latest = { minute, kinds: 0 };
	if (latest.kinds >= MAX_KINDS) return undefined;
	latest.kinds += 1;
	said.set(kind, { minute, count: 0 });
	return (known?.count ?? 0) + 1;
}
