import * as lifecycle from './lifecycle';
import { type StoredEvent, columnsOf, lifeOf } from './rows';
import { type Db, updateEach } from './store';

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
	db: Db,
	request: HandOverRequest,
	limit: number,
	now: number,
): Promise<{ rows: number; handed: StoredEvent[] }> {
	const rows = await findDue(db, request, limit, now);
	const lives = rows.map((row) => ({ row, life: lifecycle.expire(lifeOf(row), now) }));
	const isDue = ({ life }: { life: lifecycle.Life }) => lifecycle.isDue(life, now);
	await updateEach(
		db,
		lives.map(({ row, life }) => ({
			seq: row.seq,
			changes: columnsOf(isDue({ life }) ? lifecycle.handOver(life, now) : life),
		})),
	);
	return { rows: rows.length, handed: lives.filter(isDue).map(({ row }) => row) };
}

/** What is due, each part read in the order of its index, so that a long backlog costs no more than a short one. */
async function findDue(db: Db, request: HandOverRequest, limit: number, now: number): Promise<StoredEvent[]> {
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
