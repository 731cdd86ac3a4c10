import { sql } from 'kysely';
import { bucketOf } from '../../base/histogram';
import { DAY, HOUR, MINUTE } from '../../base/time';
import { type CounterName, PUSHED, type StepSum, type Sum, stepCounters, sumCounters } from '../tables/counters';
import type { NodeRow } from '../tables/schema';
import { ROW_COLUMNS, type StoredRow, type Turn } from '../tables/statements';

/** What of a stream's health is asked for. */
export interface FactsQuery {
	/** The time to report on, up to now; milliseconds. */
	readonly periodMs: number;
	/** The time that targets are kept over; milliseconds. */
	readonly windowMs: number;
	/** An event that takes no longer from its happening to the workflow is in time; milliseconds. */
	readonly freshWithinMs: number;
}

/** What the health of a stream is computed from: its counters, and what waits in it now. Times are milliseconds since the epoch. */
export interface StreamFacts {
	readonly now: number;
	/** The beginning of the report: not before that of the stream. */
	readonly from: number;
	/** Sums over the time of the report. */
	readonly sums: readonly Sum[];
	/** The last day and the last hour: deliveries by webhook, refusals, recovered events and those that were given up. */
	readonly lastDay: readonly Sum[];
	readonly lastHour: readonly Sum[];
	/** What the targets go by: over their window, and minute by minute over the last hours. */
	readonly window: readonly StepSum[];
	readonly recent: readonly StepSum[];
	/** What charts show, in equal steps. */
	readonly step: number;
	readonly series: readonly StepSum[];
	readonly standing: Standing;
	/** All trigger nodes of the stream. */
	readonly nodes: readonly NodeRow[];
}

/** How events stand now. Each number is exact up to 10,000, and then says 10,000. */
export interface Standing {
	/** Not given to the workflow yet, or given to n8n and not taken by a Sync Dedupe. */
	readonly waiting: number;
	/** Of those, how many wait for another attempt: they failed, or their execution has taken too long. */
	readonly retrying: number;
	/** Passed, and still within the time to confirm. */
	readonly inProgress: number;
	/** Of those, how many passed more than a minute ago, and how many have used a quarter of their time. */
	readonly unconfirmed: number;
	readonly lingering: number;
	/** Since when the one has been due that has waited longest for nothing. */
	readonly overdueSince?: number;
	readonly dead: number;
	/** How many of them died of what. */
	readonly deathReasons: readonly { readonly reason: string; readonly count: number }[];
	/** The latest of them, newest first. */
	readonly latestDead: readonly StoredRow[];
}

/** No count reads more rows than this, however many there are. */
export const MOST_COUNTED = 10_000;
const SHOWN_DEAD = 20;
const MAX_NODES = 1_000;

/** What the targets go by. */
const TARGETED: readonly CounterName[] = [
	'latency.total',
	'webhook.new',
	'poll.new',
	'webhook.dead',
	'poll.dead',
	'died',
	'revived',
	'confirmed',
	'failed',
	'overrun',
];
/** What alerts look at. */
const WATCHED: readonly CounterName[] = [...PUSHED, 'recovered', 'refused', 'died', 'webhook.dead', 'poll.dead'];
/** What charts show over time. */
const CHARTED: readonly CounterName[] = [
	'webhook.new',
	'recovered',
	'poll.new',
	'refused',
	'requests',
	'stopped',
	'webhook.duplicate',
	'webhook.twin',
	'poll.twin',
];
/** Alerts look back over 6 hours, from any moment of the last half hour. */
const RECENT_MS = 7 * HOUR;
/** Longer than there is time: all of it is one step. */
const WHOLE = 1e15;

/** How finely a time is shown: minutes are known for seven hours, hours for eight days, days for 90. */
function stepFor(ms: number): number {
	if (ms <= 6 * HOUR) return ms <= 2 * HOUR ? 5 * MINUTE : 15 * MINUTE;
	return ms <= 7 * DAY ? HOUR : DAY;
}

export async function readFacts({ db, stream, now }: Turn, query: FactsQuery): Promise<StreamFacts> {
	const began = await db.selectFrom('stream').select('began_at').where('stream', '=', stream).executeTakeFirst();
	const beginning = Math.floor((began?.began_at ?? now) / MINUTE) * MINUTE;
	const from = Math.round(Math.max(now - query.periodMs, Math.min(beginning, now)));
	const to = now + MINUTE;
	const step = stepFor(now - from);
	const within = bucketOf(query.freshWithinMs);
	const since = (ms: number) => Math.round(now - ms);
	return {
		now,
		from,
		sums: await sumCounters(db, stream, from, to),
		lastDay: await sumCounters(db, stream, since(DAY), to, WATCHED),
		lastHour: await sumCounters(db, stream, since(HOUR), to, WATCHED),
		window: await stepCounters(db, stream, TARGETED, { from: since(query.windowMs), to, step: WHOLE, within }),
		recent: await stepCounters(db, stream, TARGETED, { from: since(RECENT_MS), to, step: MINUTE, within }),
		step,
		series: await stepCounters(db, stream, CHARTED, { from, to, step }),
		standing: await readStanding({ db, stream, now }),
		nodes: await db.selectFrom('node').selectAll().where('stream', '=', stream).limit(MAX_NODES).execute(),
	};
}

/**
 * Events that time does something to, as they come in the index, up to 10,000. Items from elsewhere, which nobody brings
 * back, have no node.
 */
async function dueEvents({ db, stream }: Pick<Turn, 'db' | 'stream'>) {
	return await db
		.selectFrom('event')
		.select(['event_key', 'received_at', 'passed_at', 'seq', 'state', 'due_at', 'reason'])
		.where('stream', '=', stream)
		.where('node', '>', sql.lit(''))
		.where('due_at', 'is not', null)
		.orderBy('stream')
		.orderBy('node')
		.orderBy('recovered')
		.orderBy('due_at')
		.limit(MOST_COUNTED)
		.execute();
}

/** Most executions have ended by then. */
const LISTED_AFTER_MS = MINUTE;
/** The share of its time to confirm after which an event is worth a warning: where a Wait node lies ahead, that is long. */
const WARNED_AFTER = 1 / 4;

/** For how long an execution has held an event; 0 where none does. */
const heldFor = ({ state, passed_at }: Pick<StoredRow, 'state' | 'passed_at'>, now: number) =>
	state === 'claimed' ? now - (passed_at ?? now) : 0;

async function readStanding({ db, stream, now }: Pick<Turn, 'db' | 'stream' | 'now'>): Promise<Standing> {
	const all = await dueEvents({ db, stream });
	const isOverrun = ({ state, due_at }: (typeof all)[number]) => state === 'claimed' && (due_at ?? now) <= now;
	const inProgress = all.filter((row) => row.state === 'claimed' && !isOverrun(row));
	const overdue = all.filter(({ due_at }) => (due_at ?? now) < now);
	const since = overdue.reduce((least, { due_at }) => Math.min(least, due_at ?? now), Infinity);
	const dead = db
		.selectFrom('event')
		.where('stream', '=', stream)
		.where('state', '=', sql.lit('dead'))
		.orderBy('received_at', 'desc');
	const deaths = await dead.select('reason').limit(MOST_COUNTED).execute();
	const reasons = Map.groupBy(deaths, ({ reason }) => reason ?? '');
	return {
		waiting: all.length - inProgress.length,
		retrying: all.filter((row) => isOverrun(row) || (row.state === 'received' && row.reason !== null)).length,
		inProgress: inProgress.length,
		unconfirmed: inProgress.filter((row) => heldFor(row, now) >= LISTED_AFTER_MS).length,
		lingering: inProgress.filter(
			(row) => heldFor(row, now) >= WARNED_AFTER * ((row.due_at ?? now) - (row.passed_at ?? now)),
		).length,
		...(Number.isFinite(since) && { overdueSince: since }),
		dead: deaths.length,
		deathReasons: [...reasons]
			.map(([reason, rows]) => ({ reason, count: rows.length }))
			.toSorted((one, other) => other.count - one.count)
			.slice(0, SHOWN_DEAD),
		latestDead: await dead.select(ROW_COLUMNS).limit(SHOWN_DEAD).execute(),
	};
}

/**
 * Keys of the events that were given up and of those that wait for another attempt, newest first; then of those that
 * passed more than a minute ago and are not confirmed: where nobody reports a failed execution, nothing else tells of it.
 *
 * @param withUnconfirmed whether to give these too
 */
export async function problemKeys(
	{ db, stream, now }: Turn,
	limit: number,
	withUnconfirmed: boolean,
): Promise<string[]> {
	const columns = ['event_key', 'received_at', 'seq'] as const;
	const dead = await db
		.selectFrom('event')
		.select(columns)
		.where('stream', '=', stream)
		.where('state', '=', sql.lit('dead'))
		.orderBy('received_at', 'desc')
		.limit(limit)
		.execute();
	const due = await dueEvents({ db, stream });
	const failed = due.filter(({ state, reason }) => state === 'received' && reason !== null);
	const unconfirmed = withUnconfirmed ? due.filter((row) => heldFor(row, now) >= LISTED_AFTER_MS) : [];
	return [[...dead, ...failed], unconfirmed]
		.flatMap((rows) => rows.toSorted((one, other) => other.received_at - one.received_at || other.seq - one.seq))
		.slice(0, limit)
		.map(({ event_key }) => event_key);
}
