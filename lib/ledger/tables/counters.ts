import { sql } from 'kysely';
import { DAY, HOUR } from '../../base/time';
import { type Db, type Statement, type Turn, runAll } from './statements';

/**
 * What is counted, per stream and hour: deliveries as `webhook.new`, `poll.duplicate` …; requests that were let in no further
 * as `refused.mismatch` …; what Sync Dedupe did as `passed`,
 * `stopped`, `outdated`; what became of it; what push should have brought and polling did, as `recovered`; and requests to
 * the provider, with those of them that found nothing changed.
 */
export type CounterName =
	| `${'webhook' | 'poll'}.${'new' | 'due' | 'duplicate' | 'changed' | 'twin' | 'dead'}`
	| `refused.${string}`
	| 'passed'
	| 'stopped'
	| 'outdated'
	| 'confirmed'
	| 'failed'
	| 'died'
	| 'handed'
	| 'replayed'
	| 'forgotten'
	| 'recovered'
	| 'requests'
	| 'unchanged';

/** Adds to counters, in the transaction that makes them true. */
export async function count(turn: Turn, amounts: Amounts): Promise<void> {
	await runAll(turn.db, counting(turn, amounts));
}

/** How much to add to each counter. */
export type Amounts = Partial<Record<CounterName, number>>;

/** The statement that adds to counters, or none where there is nothing to add. */
export function counting({ db, stream, now }: Turn, amounts: Amounts): Statement[] {
	const hour = Math.floor(now / HOUR) * HOUR;
	const values = Object.entries(amounts)
		.filter(([, value = 0]) => value > 0)
		.map(([name, value = 0]) => ({ stream, hour, name, value, last_at: now }));
	if (values.length === 0) return [];
	const build = () =>
		db
			.insertInto('counter')
			.values(values)
			.onConflict((conflict) =>
				conflict
					.columns(['stream', 'hour', 'name'])
					.doUpdateSet({ value: sql`counter.value + excluded.value`, last_at: sql`excluded.last_at` }),
			)
			.compile();
	const parameters = values.flatMap(({ name, value, last_at }) => [stream, hour, name, value, last_at]);
	return [{ shape: `count ${values.length}`, build, parameters }];
}

/** How push and polling have done lately in a stream. */
export interface PathActivity {
	/** Deliveries by push within the last day, and when the latest came. */
	readonly pushes: number;
	readonly pushedAt?: number;
	/** When polling last found something that push should have brought. */
	readonly recoveredAt?: number;
}

/** Reads the counters of the last day: a few rows an hour, however much happens. */
export async function pathActivity(db: Db, stream: string, now: number): Promise<PathActivity> {
	const rows = await db
		.selectFrom('counter')
		.select(['name', 'value', 'last_at'])
		.where('stream', '=', stream)
		.where('hour', '>', now - DAY)
		.where('hour', '<=', now)
		.execute();
	const pushed = rows.filter(({ name }) => name.startsWith('webhook.'));
	const latest = (counters: typeof rows) => Math.max(0, ...counters.map(({ last_at }) => last_at));
	const [pushedAt, recoveredAt] = [latest(pushed), latest(rows.filter(({ name }) => name === 'recovered'))];
	return {
		pushes: pushed.reduce((sum, { value }) => sum + value, 0),
		...(pushedAt > 0 && { pushedAt }),
		...(recoveredAt > 0 && { recoveredAt }),
	};
}

/** How often each value occurs. */
export function tally<K extends string>(names: Iterable<K>): Partial<Record<K, number>> {
	const counts: Partial<Record<K, number>> = {};
	for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
	return counts;
}
