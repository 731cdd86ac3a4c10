import { count } from './counters';
import * as lifecycle from './lifecycle';
import type { LogRow } from './log';
import { type StoredEvent, columnsOf, differences, lifeOf } from './rows';
import { type Turn, updateEach } from './store';

/** Whether an event can be handed over again: a trigger brought it, its payload is there, and nobody is at work on it. */
export function isReplayable(row: Pick<LogRow, 'size'> & Parameters<typeof lifeOf>[0], now: number): boolean {
	const { stage, foreign } = lifecycle.expire(lifeOf(row), now);
	return !foreign && stage.state !== 'claimed' && row.size > 0;
}

/**
 * Brings events back to life.
 *
 * @param handsOver whether the caller hands them to n8n itself; otherwise they wait for the polling trigger
 * @returns those that could be replayed
 */
export async function replaySlice(turn: Turn, seqs: readonly number[], handsOver: boolean): Promise<StoredEvent[]> {
	const { db, now } = turn;
	const rows = await db.selectFrom('event').selectAll().where('seq', 'in', seqs).orderBy('seq').execute();
	const replayed = rows.flatMap((row) => {
		if (!isReplayable({ ...row, size: row.payload.length }, now)) return [];
		const life = lifecycle.replay(lifeOf(row), now);
		const columns = columnsOf(handsOver ? lifecycle.handOver(life, now) : life, now);
		return { row, changes: { ...differences(row, columns), replayed: 1, done_at: null } };
	});
	await updateEach(
		db,
		replayed.map(({ row, changes }) => ({ seq: row.seq, changes })),
	);
	await count(turn, { replayed: replayed.length, handed: handsOver ? replayed.length : 0 });
	return replayed.map(({ row, changes }) => ({ ...row, ...changes }));
}
