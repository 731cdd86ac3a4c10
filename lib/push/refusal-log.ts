import { LRUCache } from 'lru-cache';
import { MINUTE } from '../base/time';

/** Kinds of refusal; a flood of different ones pushes out the oldest. */
const kinds = new LRUCache<string, { minute: number; count: number }>({ max: 1_000 });

/**
 * Counts a refused request, so that a flood of them fills neither memory nor the log.
 *
 * @param kind what was refused, and by which node
 * @param now milliseconds since the epoch
 * @returns how many of this kind to log now, or nothing where one was logged within the minute
 */
export function countRefusal(kind: string, now: number): number | undefined {
	const minute = Math.floor(now / MINUTE);
	const known = kinds.get(kind);
	if (known?.minute === minute) {
		known.count += 1;
		return undefined;
	}
	kinds.set(kind, { minute, count: 0 });
	return (known?.count ?? 0) + 1;
}
