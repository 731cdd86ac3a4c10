import { sql } from 'kysely';
import { HOUR } from '../event/time';
import { type Turn, run } from './store';

/**
 * What is counted, per stream and hour: deliveries as `webhook.new`, `poll.duplicate` …; what Sync Dedupe did as `passed`,
 * `stopped`, `outdated`; and what became of it.
 */
export type CounterName =
	| `${'webhook' | 'poll'}.${'new' | 'due' | 'duplicate' | 'changed' | 'twin' | 'dead'}`
	| 'passed'
	| 'stopped'
	| 'outdated'
	| 'confirmed'
	| 'failed'
	| 'died'
	| 'handed'
	| 'replayed'
	| 'forgotten';

/** Adds to counters, in the transaction that makes them true. */
export async function count({ db, stream, now }: Turn, amounts: Partial<Record<CounterName, number>>): Promise<void> {
	const hour = Math.floor(now / HOUR) * HOUR;
	const values = Object.entries(amounts)
		.filter(([, value]) => value > 0)
		.map(([name, value]) => ({ stream, hour, name, value }));
	if (values.length === 0) return;
	await run(
		db,
		`count ${values.length}`,
		() =>
			db
				.insertInto('counter')
				.values(values)
				.onConflict((conflict) =>
					conflict.columns(['stream', 'hour', 'name']).doUpdateSet({ value: sql`counter.value + excluded.value` }),
				)
				.compile(),
		values.flatMap(({ name, value }) => [stream, hour, name, value]),
	);
}

/** How often each value occurs. */
export function tally<K extends string>(names: Iterable<K>): Partial<Record<K, number>> {
	const counts: Partial<Record<K, number>> = {};
	for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
	return counts;
}
