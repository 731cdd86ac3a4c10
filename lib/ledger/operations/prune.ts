import { DAY, MINUTE } from '../../base/time';
import type { Transactions } from '../transactions';
import { NO_PAYLOAD } from '../tables/payload';
import { purgeErased } from './purge';
import type { StoredEvent } from '../tables/rows';
import { type OldCounters, ageCounters, findOldCounters } from '../tables/counters';
import { LOOK_AGAIN_MS, verdictOn } from '../rules/retention';
import { inSlices, whileMore } from '../slices';
import { type Db, type Turn, updateEvents } from '../tables/statements';
import { dropSlice, unusedStreams } from '../tables/streams';

/** A name that no stream has: streams begin with the id of an n8n instance, or with `named/`. */
const PRUNING = 'pruning';

/**
 * Prunes, if it is time to and no other process does.
 *
 * @param limit of events in one go
 * @returns how many events it dealt with
 */
export async function pruneAll(transactions: Transactions, limit: number): Promise<number> {
	if (!(await transactions.read(async (db) => await mayPrune(db, transactions.clock())))) return 0;
	const isTurn = await transactions.tidy(PRUNING, async ({ db, now }) => await takePruneTurn(db, now));
	const pruned = isTurn ? await pruneDue(transactions, limit) : 0;
	// Tries again to purge what was erased while others were reading.
	await purgeErased(transactions);
	// Last: whatever is wrong with a counter, nothing else waits for it.
	if (isTurn) await ageOld(transactions);
	return pruned;
}

/** Adds up, or drops, the counters that have grown old. */
async function ageOld(transactions: Transactions): Promise<void> {
	await whileMore(async (wanted) => {
		const all = await transactions.read(async (db) => await findOldCounters(db, transactions.clock(), wanted));
		for (const [stream, old] of Map.groupBy(all, (each) => each.stream)) {
			const weight = ({ rows }: OldCounters) => rows * COUNTER_BYTES;
			await inSlices(
				old,
				async (slice) => {
					await transactions.tidy(stream, async (turn) => {
						for (const each of slice) await ageCounters(turn, each);
					});
					return [];
				},
				weight,
			);
		}
		return { done: all.length, more: all.length >= wanted };
	}, MAX_AGED);
}

/** As much as one counter weighs in a transaction. */
const COUNTER_BYTES = 128;
/** Hours of streams that are dealt with in one go. */
const MAX_AGED = 20_000;

async function pruneDue(transactions: Transactions, limit: number): Promise<number> {
	let pruned = await whileMore(async (wanted) => {
		const due = await transactions.read(async (db) => await findPrunable(db, transactions.clock(), wanted));
		for (const [stream, own] of Map.groupBy(due, (row) => row.stream)) {
			const seqs = own.map(({ seq }) => seq);
			await transactions.tidy(stream, async (turn) => await pruneSlice(turn, seqs));
		}
		return { done: due.length, more: due.length === wanted };
	}, limit);
	for (const stream of await transactions.read(async (db) => await unusedStreams(db, transactions.clock()))) {
		pruned += await whileMore(async (wanted) => {
			const done = await transactions.tidy(stream, async (turn) => await dropSlice(turn, wanted));
			return { done, more: done === wanted };
		});
	}
	return pruned;
}

/** Events of which something may go now, longest due first. */
async function findPrunable(db: Db, now: number, limit: number): Promise<Pick<StoredEvent, 'seq' | 'stream'>[]> {
	return await db
		.selectFrom('event')
		.select(['seq', 'stream'])
		.where('prune_at', '<=', now)
		.orderBy('prune_at')
		.limit(limit)
		.execute();
}

/**
 * Gives up what is no longer needed: first the payloads of what is finished, and in the end the keys, unless a cursor of
 * the stream will read their time again.
 *
 * @returns how many events it has dealt with
 */
async function pruneSlice(turn: Turn, seqs: readonly number[]): Promise<number> {
	const { db, now } = turn;
	const rows = await db
		.selectFrom('event')
		.select(['seq', 'state', 'path', 'time', 'keep_until', 'match_key', 'bytes'])
		.where('seq', 'in', seqs)
		.where('prune_at', '<=', now)
		.execute();
	const readsFrom = await earliestRead(turn);
	const verdicts = Map.groupBy(rows, (row) => verdictOn(row, now, readsFrom));
	const seqsOf = (verdict: ReturnType<typeof verdictOn>) => (verdicts.get(verdict) ?? []).map(({ seq }) => seq);

	const erased = verdicts.get('erase') ?? [];
	for (const [keep_until, alike] of Map.groupBy(erased, (row) => row.keep_until)) {
		const changes = { payload: NO_PAYLOAD, bytes: 0, prune_at: keep_until };
		await updateEvents(
			db,
			alike.map(({ seq }) => seq),
			changes,
		);
	}
	if (verdicts.has('keep')) await updateEvents(db, seqsOf('keep'), { prune_at: now + LOOK_AGAIN_MS });
	if (verdicts.has('drop')) await db.deleteFrom('event').where('seq', 'in', seqsOf('drop')).execute();
	return rows.length;
}

/** From when on the stream's cursors will read rows again. */
async function earliestRead({ db, stream }: Turn): Promise<number> {
	const cursors = await db.selectFrom('cursor').select('reads_from').where('stream', '=', stream).execute();
	return Math.min(Infinity, ...cursors.map(({ reads_from }) => reads_from));
}

/** How often a ledger is pruned, whatever number of processes share it. */
const PRUNE_EVERY_MS = 10 * MINUTE;
const LONG_PAUSE_MS = DAY;

/** Whether it is time to prune. */
async function mayPrune(db: Db, now: number): Promise<boolean> {
	const last = await prunedAt(db);
	return last <= now - PRUNE_EVERY_MS || last > now;
}

async function prunedAt(db: Db): Promise<number> {
	const row = await db.selectFrom('meta').select('value').where('key', '=', 'pruned_at').executeTakeFirst();
	return Number(row?.value ?? 0);
}

/**
 * Takes the turn to prune, unless another process was faster.
 * After a long pause the first turn does nothing: a clock that is far ahead at the start has time to be set right, and
 * ticks have time to show that their cursors are in use.
 */
async function takePruneTurn(db: Db, now: number): Promise<boolean> {
	if (!(await mayPrune(db, now))) return false;
	const last = await prunedAt(db);
	await db
		.insertInto('meta')
		.values({ key: 'pruned_at', value: String(now) })
		.onConflict((conflict) => conflict.column('key').doUpdateSet({ value: String(now) }))
		.execute();
	if (Math.abs(now - last) > LONG_PAUSE_MS) return false;
	return true;
}
