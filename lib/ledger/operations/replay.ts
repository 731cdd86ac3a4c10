import { count } from '../tables/counters';
import { type LoggedState, loggedState } from './look-up';
import * as lifecycle from '../rules/lifecycle';
import { type StoredEvent, columnsOf, differences, lifeOf } from '../tables/rows';
import { NO_PAYLOAD } from '../tables/payload';
import { ROW_COLUMNS, type StoredRow, type Turn, readPayloads, updateEach } from '../tables/statements';

/** Whether an event can be handed over again: a trigger brought it, its payload is there, and nobody is at work on it. */
export function isReplayable(row: Pick<StoredRow, 'bytes'> & Parameters<typeof lifeOf>[0], now: number): boolean {
	const { stage, foreign } = lifecycle.expire(lifeOf(row), now);
	return !foreign && stage.state !== 'claimed' && row.bytes > 0;
}

/**
 * Brings events back to life.
 *
 * @param handsOver whether the caller hands them to n8n itself; otherwise they wait for the polling trigger
 * @param states that they must still be in: since they were found, another process may have finished one
 * @returns those that could be replayed, with their payloads where the caller hands them over
 */
export async function replaySlice(
	turn: Turn,
	seqs: readonly number[],
	handsOver: boolean,
	states?: readonly LoggedState[],
): Promise<StoredEvent[]> {
	const { db, now } = turn;
	const rows = await db.selectFrom('event').select(ROW_COLUMNS).where('seq', 'in', seqs).orderBy('seq').execute();
	const replayed = rows.flatMap((row) => {
		if (!isReplayable(row, now) || (states && !states.includes(loggedState(row)))) return [];
		const life = lifecycle.replay(lifeOf(row), now);
		const columns = columnsOf(handsOver ? lifecycle.handOver(life, now) : life, now);
		return { row, changes: { ...differences(row, columns), replayed: 1, done_at: null } };
	});
	await updateEach(
		db,
		replayed.map(({ row, changes }) => ({ seq: row.seq, changes })),
	);
	await count(turn, [
		{ name: 'replayed', value: replayed.length },
		{ name: 'handed', value: handsOver ? replayed.length : 0 },
		{ name: 'revived', value: replayed.filter(({ row }) => row.state === 'dead').length },
		{ name: 'overrun', value: replayed.filter(({ row }) => row.state === 'claimed').length },
	]);
	const payloads = await readPayloads(db, handsOver ? replayed.map(({ row }) => row.seq) : []);
	return replayed.map(({ row, changes }) => ({ ...row, ...changes, payload: payloads.get(row.seq) ?? NO_PAYLOAD }));
}
