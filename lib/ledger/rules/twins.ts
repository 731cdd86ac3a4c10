import type { ProviderEvent } from '../../event/event';

/** An event of the other path that has no twin yet. */
export interface TwinCandidate {
	readonly event_key: string;
	readonly match_key: string | null;
	readonly time: number;
}

/**
 * Joins events of one path with those of the other: the same match key, times within the tolerance, one to one, the
 * nearest pairs first. Of pairs equally near the older one is joined first, so that the outcome does not depend on the
 * order in which rows came back.
 *
 * @returns event key of each joined event, with the candidate it is the same event as
 */
export function joinTwins<C extends TwinCandidate>(
	events: readonly ProviderEvent[],
	candidates: readonly C[],
): Map<string, C> {
	const byMatch = Map.groupBy(candidates, ({ match_key }) => match_key);
	const pairs = events.flatMap((event) =>
		(byMatch.get(event.match?.key ?? '') ?? [])
			.map((candidate) => ({ event, candidate, distance: Math.abs(candidate.time - event.time) }))
			.filter(({ distance }) => distance <= (event.match?.toleranceMs ?? 0)),
	);
	pairs.sort(
		(a, b) =>
			a.distance - b.distance ||
			a.event.time - b.event.time ||
			a.candidate.time - b.candidate.time ||
			(a.candidate.event_key < b.candidate.event_key ? -1 : 1),
	);
	const joined = new Map<string, C>();
	const taken = new Set<C>();
	for (const { event, candidate } of pairs) {
		if (joined.has(event.key) || taken.has(candidate)) continue;
		joined.set(event.key, candidate);
		taken.add(candidate);
	}
	return joined;
}
