import { type OnConflictBuilder, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import { bucketOf } from '../../base/histogram';
import { DAY, HOUR, MINUTE } from '../../base/time';
import { COUNTER_RETENTION_MS } from '../rules/retention';
import type { Tables } from './schema';
import { type Db, type Statement, type Turn, runAll } from './statements';

/**
 * How often each thing happens, minute by minute, written in the transaction that makes it true. Minutes are added up to
 * hours and hours to days as they grow old, so that reading them costs the same however many events there are.
 */

/**
 * What is counted.
 *
 * Deliveries of events as `webhook.new`, `poll.duplicate` …, those by webhook under the node that received them; `seen`, which
 * is to pass to nobody; `recovered`, which push should have brought and polling did, and `late`, which push brought after that.
 *
 * What becomes of events: `passed` through Sync Dedupe for the first time, or `delivered` without one; `stopped` and `outdated`
 * there; `again`, passed once more, because it was `failed`, `overrun` or `replayed`; `confirmed`, `failed`, and `overrun`,
 * whose execution took too long; `died`, given up, and `revived` from that; `lost`, whose data was gone before it passed; and
 * `twice`, passed although it was finished and nobody had asked for it again.
 *
 * Items that no trigger of ours brought: `items.passed` and `items.stopped`.
 *
 * Requests that were not let in as `refused`, by reason; `polls` that asked the service, their `requests`, and how many of
 * those found it `unchanged`; `handed`, `replayed` and `forgotten`.
 *
 * Durations by path, each with its bucket: `latency.received` from the event to its arrival, `latency.passed` from there to
 * the workflow, `latency.confirmed` from there to its end, and `latency.total` from the event to the workflow. By path and type
 * the same as `type.…`, by the day.
 */
export type CounterName =
	| `${'webhook' | 'poll'}.${'new' | 'due' | 'duplicate' | 'changed' | 'twin' | 'dead'}`
	| `${'latency' | 'type'}.${'received' | 'passed' | 'confirmed' | 'total'}`
	| `items.${'passed' | 'stopped'}`
	| 'seen'
	| 'recovered'
	| 'late'
	| 'passed'
	| 'stopped'
	| 'outdated'
	| 'delivered'
	| 'confirmed'
	| 'again'
	| 'twice'
	| 'failed'
	| 'overrun'
	| 'died'
	| 'revived'
	| 'lost'
	| 'handed'
	| 'replayed'
	| 'forgotten'
	| 'refused'
	| 'polls'
	| 'requests'
	| 'unchanged';

/** That something happened. */
export interface Count {
	readonly name: CounterName;
	/** Node, reason, path, or path and type: one of a few. Default none. */
	readonly label?: string;
	/** Of a duration. Default 0. */
	readonly bucket?: number;
	/** How often. Default once. */
	readonly value?: number;
}

/** Adds to counters, in the transaction that makes them true. */
export async function count(turn: Turn, counts: readonly Count[]): Promise<void> {
	await runAll(turn.db, counting(turn, counts));
}

/** The statement that adds to counters, or none where there is nothing to add. */
export function counting({ db, stream, now }: Turn, counts: readonly Count[]): Statement[] {
	const sums = new Map<string, Required<Count>>();
	for (const { name, label = '', bucket = 0, value = 1 } of counts) {
		if (value <= 0) continue;
		const key = `${name} ${bucket} ${label}`;
		sums.set(key, { name, label, bucket, value: (sums.get(key)?.value ?? 0) + value });
	}
	if (sums.size === 0) return [];
	const values = [...sums.values()].map(({ name, label, bucket, value }) => {
		const span = name.startsWith('type.') ? DAY : MINUTE;
		return { stream, span, at: Math.floor(now / span) * span, name, label, bucket, value, last_at: now };
	});
	const build = () => db.insertInto('counter').values(values).onConflict(addUp).compile();
	const parameters = values.flatMap((row) => Object.values(row));
	return [{ shape: `count ${values.length}`, build, parameters }];
}

const addUp = (conflict: OnConflictBuilder<Tables, 'counter'>) =>
	conflict.columns(['stream', 'span', 'at', 'name', 'label', 'bucket']).doUpdateSet({
		value: sql<number>`counter.value + excluded.value`,
		last_at: sql<number>`case when excluded.last_at > counter.last_at then excluded.last_at else counter.last_at end`,
	});

/**
 * Event types come from outside: a sender whose every event is of a type of its own must not fill the ledger with counters.
 * So a process tells only so many apart in a stream; the others share a name.
 */
const MAX_TYPES = 100;
const MAX_TYPE_LENGTH = 200;
const OTHER_TYPE = '(other)';
const types = new LRUCache<string, Set<string>>({ max: 1_000 });

function typeIn(stream: string, type: string): string {
	let known = types.get(stream);
	if (!known) types.set(stream, (known = new Set()));
	if (known.has(type)) return type;
	if (known.size >= MAX_TYPES || type.length > MAX_TYPE_LENGTH) return OTHER_TYPE;
	known.add(type);
	return type;
}

/** What a duration is counted for. */
interface Timed {
	readonly path: string;
	readonly recovered: number;
	readonly type: string;
	/** When it happened; milliseconds since the epoch. */
	readonly time: number;
}

/**
 * How long something took.
 *
 * @returns nothing for what had happened before the stream began: its age says nothing about this package
 */
export function duration(
	{ beganAt, stream }: Turn,
	part: 'received' | 'passed' | 'confirmed' | 'total',
	event: Timed,
	milliseconds: number,
): Count[] {
	// Providers date events by whole seconds.
	const isHistory = event.time < Math.floor(beganAt / 1_000) * 1_000;
	if (isHistory || event.path === 'item') return [];
	const path = event.recovered === 1 ? 'recovered' : event.path;
	const bucket = bucketOf(milliseconds);
	return [
		{ name: `latency.${part}`, label: path, bucket },
		{ name: `type.${part}`, label: `${path} ${typeIn(stream, event.type)}`, bucket },
	];
}

/** How push and polling have done lately in a stream. */
export interface PathActivity {
	/** Deliveries by push within the last day, and when the latest came. */
	readonly pushes: number;
	readonly pushedAt?: number;
	/** When polling last found something that push should have brought. */
	readonly recoveredAt?: number;
}

export const PUSHED = (['new', 'due', 'duplicate', 'changed', 'twin', 'dead'] as const).map(
	(outcome) => `webhook.${outcome}` as CounterName,
);

/** Reads the counters of the last day: a few rows, however much happens. */
export async function pathActivity(db: Db, stream: string, now: number): Promise<PathActivity> {
	const rows = await db
		.selectFrom('counter')
		.select(['name', sql<number>`cast(sum(value) as bigint)`.as('value'), sql<number>`max(last_at)`.as('last_at')])
		.where('stream', '=', stream)
		.where('name', 'in', [...PUSHED, 'recovered'])
		.where('at', '>', now - DAY)
		.where('at', '<=', now)
		.groupBy('name')
		.execute();
	const pushed = rows.filter(({ name }) => name !== 'recovered');
	const latest = (counters: typeof rows) => Math.max(0, ...counters.map(({ last_at }) => last_at));
	const [pushedAt, recoveredAt] = [latest(pushed), latest(rows.filter(({ name }) => name === 'recovered'))];
	return {
		pushes: pushed.reduce((sum, { value }) => sum + value, 0),
		...(pushedAt > 0 && { pushedAt }),
		...(recoveredAt > 0 && { recoveredAt }),
	};
}

/** A sum of counters over a time. */
export interface Sum {
	readonly name: string;
	readonly label: string;
	readonly bucket: number;
	readonly value: number;
	/** When the latest of them was added to. */
	readonly last_at: number;
}

/** A sum of all counters of a name over one step of time. */
export interface StepSum {
	readonly name: string;
	/** Start of the step; milliseconds since the epoch. */
	readonly at: number;
	readonly value: number;
	/** How much of it lies in buckets up to the one that was asked for. */
	readonly within: number;
}

const inTime = (from: number, to: number) => sql<boolean>`at + span > ${from} and at < ${to}`;

/**
 * Adds counters up over a time, in the database.
 *
 * @param names default all
 */
export async function sumCounters(
	db: Db,
	stream: string,
	from: number,
	to: number,
	names?: readonly CounterName[],
): Promise<Sum[]> {
	let query = db
		.selectFrom('counter')
		.select([
			'name',
			'label',
			'bucket',
			sql<number>`cast(sum(value) as bigint)`.as('value'),
			sql<number>`max(last_at)`.as('last_at'),
		])
		.where('stream', '=', stream)
		.where(inTime(from, to));
	if (names) query = query.where('name', 'in', names);
	return await query.groupBy(['name', 'label', 'bucket']).execute();
}

/** Adds all counters of some names up over equal steps of time, in the database. */
export async function stepCounters(
	db: Db,
	stream: string,
	names: readonly CounterName[],
	{
		from,
		to,
		step,
		within = 0,
	}: { readonly from: number; readonly to: number; readonly step: number; readonly within?: number },
): Promise<StepSum[]> {
	// Literal, so that the database sees that the two are one.
	const start = sql<number>`at - at % cast(${sql.lit(step)} as bigint)`;
	return await db
		.selectFrom('counter')
		.select([
			'name',
			start.as('at'),
			sql<number>`cast(sum(value) as bigint)`.as('value'),
			sql<number>`cast(sum(case when bucket <= ${within} then value else 0 end) as bigint)`.as('within'),
		])
		.where('stream', '=', stream)
		.where('name', 'in', names)
		.where(inTime(from, to))
		.groupBy(['name', start])
		.execute();
}

/** How long minutes, hours and days are kept, before they are added up or dropped. Alerts look back over 6 hours of minutes. */
const AGES = [
	{ span: MINUTE, into: HOUR, ms: 7 * HOUR },
	{ span: HOUR, into: DAY, ms: 8 * DAY },
	{ span: DAY, into: undefined, ms: COUNTER_RETENTION_MS },
] as const;

/** Counters of a stream that have grown old: of a whole hour or day. */
export interface OldCounters {
	readonly stream: string;
	readonly span: number;
	/** What they are added up to; nothing where they are dropped. */
	readonly into: number | undefined;
	/** Their time: from, and to excluded. */
	readonly from: number;
	readonly to: number;
	readonly rows: number;
}

/** What is to be added up or dropped next, oldest first. */
export async function findOldCounters(db: Db, now: number, limit: number): Promise<OldCounters[]> {
	const found: OldCounters[] = [];
	for (const { span, into, ms } of AGES) {
		const whole = into ?? span;
		const start = sql<number>`at - at % cast(${sql.lit(whole)} as bigint)`;
		const rows = await db
			.selectFrom('counter')
			.select(['stream', start.as('from'), sql<number>`count(*)`.as('rows')])
			.where('span', '=', span)
			// Only what belongs to a whole hour or day that has grown old.
			.where('at', '<', Math.floor((now - ms) / whole) * whole)
			.groupBy([start, 'stream'])
			.orderBy(start)
			.limit(limit)
			.execute();
		found.push(...rows.map((row) => ({ ...row, span, into, to: row.from + whole })));
	}
	return found;
}

/** Adds counters up to the next longer span, or drops them. */
export async function ageCounters({ db, stream }: Turn, { span, into, from, to }: OldCounters): Promise<void> {
	if (into !== undefined) {
		await db
			.insertInto('counter')
			.columns(['stream', 'span', 'at', 'name', 'label', 'bucket', 'value', 'last_at'])
			.expression(
				db
					.selectFrom('counter')
					.select([
						'stream',
						sql<number>`cast(${into} as bigint)`.as('span'),
						sql<number>`cast(${from} as bigint)`.as('at'),
						'name',
						'label',
						'bucket',
						sql<number>`cast(sum(value) as bigint)`.as('value'),
						sql<number>`max(last_at)`.as('last_at'),
					])
					.where('stream', '=', stream)
					.where('span', '=', span)
					.where('at', '>=', from)
					.where('at', '<', to)
					.groupBy(['stream', 'name', 'label', 'bucket']),
			)
			.onConflict(addUp)
			.execute();
	}
	await db
		.deleteFrom('counter')
		.where('stream', '=', stream)
		.where('span', '=', span)
		.where('at', '>=', from)
		.where('at', '<', to)
		.execute();
}
