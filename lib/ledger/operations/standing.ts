import { sql } from 'kysely';
import { readCounters } from '../tables/counters';
import type { CounterRow, NodeRow } from '../tables/schema';
import { ROW_COLUMNS, type StoredRow, type Turn } from '../tables/statements';

/** What the health of a stream is computed from: its counters, and what waits in it now. */
export interface StreamFacts {
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** When the stream was first used; nothing where it never was. */
	readonly beganAt?: number;
	readonly counters: readonly CounterRow[];
	readonly standing: Standing;
	/** All trigger nodes of the stream. */
	readonly nodes: readonly NodeRow[];
	/** Where they stand in their resources. */
	readonly cursors: readonly Cursor[];
}

export interface Cursor {
	readonly node: string;
	readonly resource: string;
	/** When it was last saved. */
	readonly updated_at: number;
}

/** How events stand now. Each number is exact up to 10,000, and then says 10,000. */
export interface Standing {
	/** Not given to the workflow yet, or given to n8n and not taken by a Sync Dedupe. */
	readonly waiting: number;
	/** Of those, how many wait for another attempt after a failure. */
	readonly retrying: number;
	/** Passed, and not confirmed yet. */
	readonly inProgress: number;
	/** When the oldest of those that wait was received. */
	readonly oldestReceivedAt?: number;
	readonly dead: number;
	/** How many of them died of what. */
	readonly deathReasons: readonly { readonly reason: string; readonly count: number }[];
	/** The latest of them, newest first. */
	readonly latestDead: readonly StoredRow[];
}

/** No count reads more rows than this, however many there are. */
export const MOST_COUNTED = 10_000;
const SHOWN_DEAD = 20;
const MAX_CURSORS = 1_000;

/** @param from the beginning of the counters; milliseconds since the epoch */
export async function readFacts({ db, stream, now }: Turn, from: number): Promise<StreamFacts> {
	const counters = await readCounters(db, stream, from);
	const nodes = await db.selectFrom('node').selectAll().where('stream', '=', stream).limit(MAX_CURSORS).execute();
	const cursors = await db
		.selectFrom('cursor')
		.select(['node', 'resource', 'updated_at'])
		.where('stream', '=', stream)
		.limit(MAX_CURSORS)
		.execute();
	const began = await db.selectFrom('stream').select('began_at').where('stream', '=', stream).executeTakeFirst();
	const standing = await readStanding({ db, stream });
	return { now, counters, standing, nodes, cursors, ...(began && { beganAt: began.began_at }) };
}

async function readStanding({ db, stream }: Pick<Turn, 'db' | 'stream'>): Promise<Standing> {
	const due = await db
		.selectFrom('event')
		.select(['state', 'received_at', sql<number>`case when reason is null then 0 else 1 end`.as('failed')])
		.where('stream', '=', stream)
		.where('due_at', 'is not', null)
		.orderBy('stream')
		.orderBy('node')
		.orderBy('recovered')
		.orderBy('due_at')
		.limit(MOST_COUNTED)
		.execute();
	const waiting = due.filter(({ state }) => state !== 'claimed');
	const oldest = waiting.reduce((least, { received_at }) => Math.min(least, received_at), Infinity);
	const dead = db
		.selectFrom('event')
		.where('stream', '=', stream)
		.where('state', '=', sql.lit('dead'))
		.orderBy('received_at', 'desc');
	const deaths = await dead.select('reason').limit(MOST_COUNTED).execute();
	const reasons = Map.groupBy(deaths, ({ reason }) => reason ?? '');
	return {
		waiting: waiting.length,
		retrying: waiting.filter(({ state, failed }) => state === 'received' && failed === 1).length,
		inProgress: due.length - waiting.length,
		...(Number.isFinite(oldest) && { oldestReceivedAt: oldest }),
		dead: deaths.length,
		deathReasons: [...reasons]
			.map(([reason, rows]) => ({ reason, count: rows.length }))
			.toSorted((one, other) => other.count - one.count)
			.slice(0, SHOWN_DEAD),
		latestDead: await dead.select(ROW_COLUMNS).limit(SHOWN_DEAD).execute(),
	};
}
