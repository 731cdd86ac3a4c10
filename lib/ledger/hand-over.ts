import { count } from './counters';
import * as lifecycle from './lifecycle';
import { type StoredEvent, columnsOf, differences, lifeOf } from './rows';
import { type Turn, updateEach } from './store';

export interface HandOverRequest {
	readonly stream: string;
	/** Ids of the trigger nodes whose events may go. */
	readonly nodes: readonly string[];
	readonly limit: number;
}

/**
 * Hands over up to so many events that are due, and moves on what has changed by the passing of time alone.
 *
 * @returns the events, and how many rows were looked at
 */
export async function handOverSlice(
	turn: Turn,
	request: HandOverRequest,
	limit: number,
): Promise<{ rows: number; handed: StoredEvent[] }> {
	const { now } = turn;
	const rows = await findDue(turn, request, limit);
	const moved = rows.map((row) => {
		const life = lifecycle.expire(lifeOf(row), now);
		const due = lifecycle.isDue(life, now);
		return { row, due, life: due ? lifecycle.handOver(life, now) : life };
	});
	await updateEach(
		turn.db,
		moved.map(({ row, life }) => ({ seq: row.seq, changes: differences(row, columnsOf(life, now)) })),
	);
	const handed = moved.filter(({ due }) => due).map(({ row }) => row);
	const died = moved.filter(({ row, life }) => row.state !== 'dead' && life.stage.state === 'dead').length;
	await count(turn, { handed: handed.length, died });
	return { rows: rows.length, handed };
}

/** What is due, each part read in the order of its index, so that a long backlog costs no more than a short one. */
async function findDue({ db, now }: Turn, request: HandOverRequest, limit: number): Promise<StoredEvent[]> {
	const due: StoredEvent[] = [];
	// Recovered events go before backfill.
	for (const recovered of [1, 0]) {
		for (const node of request.nodes) {
			for (const [comparison, time] of [['<=', now] as const, ['>', now + lifecycle.LONGEST_WAIT_MS] as const]) {
				const rows = await db
					.selectFrom('event')
					.selectAll()
					.where('stream', '=', request.stream)
					.where('node', '=', node)
					.where('recovered', '=', recovered)
					.where('due_at', comparison, time)
					.orderBy('due_at')
					.orderBy('seq')
					.limit(limit - due.length)
					.execute();
				due.push(...rows);
				if (due.length >= limit) return due;
			}
		}
	}
	return due;
}
