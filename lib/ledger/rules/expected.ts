import { isOfType } from '../../event/type';

/**
 * What push should bring: since when (milliseconds since the epoch) a published trigger has let each type of event in. `*`
 * stands for every type, and at the end of a name for all that begin so.
 */
export type Expected = Readonly<Record<string, number>>;

/** Of a trigger that is not published. */
export const NOTHING_EXPECTED: Expected = {};

export const EVERY_TYPE = '*';

/**
 * What is expected from now on. A type that was let in before keeps its time; a new one begins now, because what happened
 * earlier was never to be pushed.
 *
 * @param types that push should bring, as they stand in events; `*` for all, and none for nothing
 */
export function expectFrom(before: Expected, types: readonly string[], now: number): Expected {
	// Providers date events by whole seconds.
	const begin = Math.floor(now / 1_000) * 1_000;
	if (types.includes(EVERY_TYPE)) return { ...before, [EVERY_TYPE]: before[EVERY_TYPE] ?? begin };
	return Object.fromEntries(types.map((type) => [type, sinceOf(before, type) ?? begin]));
}

/** Whether just these types are expected. */
export function expectsExactly(expected: Expected, types: readonly string[]): boolean {
	if (types.includes(EVERY_TYPE)) return EVERY_TYPE in expected;
	const names = Object.keys(expected);
	return names.length === new Set(types).size && types.every((type) => type in expected);
}

/** Whether push should have brought an event: if polling finds it first, it is recovered. */
export function isExpected(event: { readonly type: string; readonly time: number }, all: readonly Expected[]): boolean {
	return all.some((expected) => {
		const since = sinceOf(expected, event.type);
		return since !== undefined && event.time >= since;
	});
}

function sinceOf(expected: Expected, type: string): number | undefined {
	const times = Object.entries(expected).flatMap(([wanted, time]) =>
		wanted === EVERY_TYPE || isOfType(type, wanted) ? time : [],
	);
	return times.length > 0 ? Math.min(...times) : undefined;
}
