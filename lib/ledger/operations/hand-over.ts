import { type Count, count } from '../tables/counters';
import * as lifecycle from '../rules/lifecycle';
import { NO_PAYLOAD } from '../tables/payload';
import { type StoredEvent, columnsOf, differences, lifeOf } from '../tables/rows';
import { MAX_BYTES, type SliceResult } from '../slices';
import { ROW_COLUMNS, type StoredRow, type Turn, readPayloads, updateEach } from '../tables/statements';

export interface HandOverRequest {
	readonly stream: string;
	/** Ids of the trigger nodes whose events may go. */
	readonly nodes: readonly string[];
	readonly limit: number;
	/** How long to wait for the sign at least; by default 5 minutes at first. */
	readonly leaseMs?: number;
	/** Bytes of JSON text that go already into the same execution: of 8 MiB in all. Default 0. */
	readonly taken?: number;
}

/** How much a slice may hand over. */
export interface Room {
	readonly rows: number;
	readonly bytes: number;
	/** Nothing has been handed over yet: the first event goes, whatever its size. */
	readonly isEmpty: boolean;
}

/**
 * Hands over up to so many events that are due, and moves on what has changed by the passing of time alone.
 *
 * @returns the events, and whether there may be more
 */
export async function handOverSlice(
	turn: Turn,
	request: HandOverRequest,
	room: Room,
): Promise<SliceResult & { handed: StoredEvent[] }> {
	const { now } = turn;
	const { rows, more } = await findDue(turn, request, room);
	const moved = rows.map((row) => {
		const life = lifecycle.expire(lifeOf(row), now);
		if (!lifecycle.isDue(life, now)) return { row, due: false, life };
		// Nothing is left of it to hand over: it must not stop the others.
		if (row.bytes === 0)
			return { row, due: false, life: lifecycle.bury(life, 'its data was given up before it passed') };
		return { row, due: true, life: lifecycle.handOver(life, now, request.leaseMs) };
	});
	await updateEach(
		turn.db,
		moved.map(({ row, life }) => ({ seq: row.seq, changes: differences(row, columnsOf(life, now)) })),
	);
	const due = moved.filter((each) => each.due).map(({ row }) => row);
	const payloads = await readPayloads(
		turn.db,
		due.map(({ seq }) => seq),
	);
	const handed = due.map((row) => ({ ...row, payload: payloads.get(row.seq) ?? NO_PAYLOAD }));
	await count(turn, [
		{ name: 'handed', value: handed.length },
		...moved.flatMap(({ row, life }): Count[] => [
			...(row.state === 'claimed' && life.stage.state !== 'claimed' ? [{ name: 'overrun' } as const] : []),
			...(life.stage.state === 'dead' ? [{ name: 'died' } as const] : []),
			...(life.stage.state === 'dead' && row.bytes === 0 ? [{ name: 'lost' } as const] : []),
		]),
	]);
	// Those that only moved on take nobody's place.
	return { done: handed.length, more, handed };
}

/** What is due, each part read in the order of its index, so that a long backlog costs no more than a short one. */
async function findDue(
	{ db, now }: Turn,
	request: HandOverRequest,
	room: Room,
): Promise<{ rows: StoredRow[]; more: boolean }> {
	const due: StoredRow[] = [];
	let bytes = 0;
	// Recovered events go before backfill.
	for (const recovered of [1, 0]) {
		for (const node of request.nodes) {
			for (const [comparison, time] of [['<=', now] as const, ['>', now + lifecycle.LONGEST_WAIT_MS] as const]) {
				const rows = await db
					.selectFrom('event')
					.select(ROW_COLUMNS)
					.where('stream', '=', request.stream)
					.where('node', '=', node)
					.where('recovered', '=', recovered)
					.where('due_at', comparison, time)
					.orderBy('due_at')
					.orderBy('seq')
					.limit(room.rows - due.length)
					.execute();
				for (const row of rows) {
					const isFirst = room.isEmpty && due.length === 0;
					if (!isFirst && bytes + row.bytes > room.bytes) return { rows: due, more: false };
					// The rest is for the next slice.
					if (bytes > MAX_BYTES) return { rows: due, more: true };
					bytes += row.bytes;
					due.push(row);
				}
				if (due.length >= room.rows) return { rows: due, more: true };
			}
		}
	}
	return { rows: due, more: false };
}
