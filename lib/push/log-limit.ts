import { LRUCache } from 'lru-cache';
import { MINUTE } from '../base/time';

/** What was said lately; a flood of different things pushes out the oldest. */
const said = new LRUCache<string, { minute: number; count: number }>({ max: 1_000 });

/**
 * Limits what is logged to one line a minute of each kind, so that a flood of requests does not fill the log.
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
	said.set(kind, { minute, count: 0 });
	return (known?.count ?? 0) + 1;
}
