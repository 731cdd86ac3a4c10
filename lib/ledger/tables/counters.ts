import { type OnConflictBuilder, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import { bucketOf } from '../../base/histogram';
import { DAY, HOUR, MINUTE } from '../../base/time';
import type { CounterRow, Tables } from './schema';
import { type Db, type Statement, type Turn, runAll } from './statements';

/**
 * How often each thing happens, minute by minute, written in the transaction that makes it true. Minutes are added up to
 * hours and hours to days as they grow old, so that reading them costs the same however many events there are.
 */

export const SPANS = { minute: MINUTE, hour: HOUR, day: DAY } as const;

/**
 * What is counted.
 *
 * By event type: deliveries as `webhook.new`, `poll.duplicate` …; `seen`, which is to pass to nobody; `recovered`, which push should have brought and polling did;
 * what Sync Dedupe did (`passed`, `stopped`, `outdated`) and `delivered`, where n8n has the event without one; `confirmed`;
 * `died`; `lost`, whose data was gone before it passed; and `twice`, which passed although it was finished and nobody had
 * asked for it again.
 *
 * By a reason: `again`, an event that passed once more (`failed`, `overrun` or `replayed`), and `refused`, a request that was
 * not let in.
 *
 * Durations, by path and type, each with its bucket: `latency.received` from the event to its arrival, `latency.passed` from
 * there to the workflow, `latency.confirmed` from there to its end, and `latency.total` from the event to the workflow.
 *
 * Without a label: `failed`, `overrun`, `handed`, `replayed`, `forgotten`; `polls` that asked the provider, their `requests`
 * and how many of those found it `unchanged`.
 */
export type CounterName =
	| `${'webhook' | 'poll'}.${'new' | 'due' | 'duplicate' | 'changed' | 'twin' | 'dead'}`
	| `latency.${'received' | 'passed' | 'confirmed' | 'total'}`
	| 'seen'
	| 'recovered'
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
	/** Its type, reason, or path and type. Default none. */
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
		const known = labelIn(stream, label);
		const key = `${name} ${bucket} ${known}`;
		sums.set(key, { name, label: known, bucket, value: (sums.get(key)?.value ?? 0) + value });
	}
	if (sums.size === 0) return [];
	const at = Math.floor(now / MINUTE) * MINUTE;
	const values = [...sums.values()].map((sum) => ({ stream, span: MINUTE, at, ...sum, last_at: now }));
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
 * So a process tells only so many apart in a stream; the others share a label.
 */
const MAX_LABELS = 100;
const MAX_LABEL_LENGTH = 200;
export const OTHER_LABEL = '(other)';
const labels = new LRUCache<string, Set<string>>({ max: 1_000 });

function labelIn(stream: string, label: string): string {
	if (label === '') return label;
	let known = labels.get(stream);
	if (!known) labels.set(stream, (known = new Set()));
	if (known.has(label)) return label;
	if (known.size >= MAX_LABELS || label.length > MAX_LABEL_LENGTH) return OTHER_LABEL;
	known.add(label);
	return label;
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
	{ beganAt }: Turn,
	name: Extract<CounterName, `latency.${string}`>,
	event: Timed,
	milliseconds: number,
): Count[] {
	// Providers date events by whole seconds.
	const isHistory = event.time < Math.floor(beganAt / 1_000) * 1_000;
	if (isHistory || event.path === 'item') return [];
	const path = event.recovered === 1 ? 'recovered' : event.path;
	return [{ name, label: `${path} ${event.type}`, bucket: bucketOf(milliseconds) }];
}

/** How push and polling have done lately in a stream. */
export interface PathActivity {
	/** Deliveries by push within the last day, and when the latest came. */
	readonly pushes: number;
	readonly pushedAt?: number;
	/** When polling last found something that push should have brought. */
	readonly recoveredAt?: number;
}

const PUSHED = ['new', 'due', 'duplicate', 'changed', 'twin', 'dead'].map((outcome) => `webhook.${outcome}`);

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

/** Reads the counters of a stream from a time on. */
export async function readCounters(db: Db, stream: string, from: number): Promise<CounterRow[]> {
	return await db
		.selectFrom('counter')
		.selectAll()
		.where('stream', '=', stream)
		.where(sql<boolean>`at + span > ${from}`)
		.execute();
}

/** How long minutes and hours are kept, before they are added up. Alerts look back over 6 hours of minutes. */
const KEPT = [
	{ span: MINUTE, into: HOUR, ms: 7 * HOUR },
	{ span: HOUR, into: DAY, ms: 8 * DAY },
] as const;

/** Counters of one time in a stream that have grown old. */
export interface OldCounters {
	readonly stream: string;
	readonly span: number;
	readonly into: number;
	readonly at: number;
	readonly rows: number;
}

/** What is to be added up next, oldest first. */
export async function findOldCounters(db: Db, now: number, limit: number): Promise<OldCounters[]> {
	const found: OldCounters[] = [];
	for (const { span, into, ms } of KEPT) {
		const rows = await db
			.selectFrom('counter')
			.select(['stream', 'at', sql<number>`count(*)`.as('rows')])
			.where('span', '=', span)
			// Only what belongs to a whole hour or day that has grown old.
			.where('at', '<', Math.floor((now - ms) / into) * into)
			.groupBy(['at', 'stream'])
			.orderBy('at')
			.limit(limit)
			.execute();
		found.push(...rows.map((row) => ({ ...row, span, into })));
	}
	return found;
}

/** Adds counters up to the next longer span. */
export async function addUpCounters({ db, stream }: Turn, { span, into, at }: OldCounters): Promise<void> {
	const whole = Math.floor(at / into) * into;
	const old = db.selectFrom('counter').where('stream', '=', stream).where('span', '=', span).where('at', '=', at);
	const rows = await old.selectAll().execute();
	if (rows.length === 0) return;
	await db
		.insertInto('counter')
		.values(rows.map((row) => ({ ...row, span: into, at: whole })))
		.onConflict(addUp)
		.execute();
	await db.deleteFrom('counter').where('stream', '=', stream).where('span', '=', span).where('at', '=', at).execute();
}
