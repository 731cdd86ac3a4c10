import type { SyncEvent } from '../../event/event';
import type { Transactions } from '../transactions';
import { type EventFilter, type LoggedState, loggedState, readLog } from './look-up';
import { MAX_ROWS } from '../slices';
import type { StoredRow } from '../tables/statements';

/** What a replay or a forgetting did, or would do. */
export interface Sweep {
	/** Events that the filter names. */
	readonly found: number;
	/** How many of them could be dealt with; the others are being processed, or have no payload any more. */
	readonly done: number;
	/** Found events by the state they were in. */
	readonly states: Partial<Record<LoggedState, number>>;
	/** Events to emit, where the caller hands them over itself. */
	readonly events: readonly SyncEvent[];
}

/**
 * Deals with everything in a stream that a filter names, newest first, a page at a time.
 *
 * @param limit `rows` and `bytes` of payload to deal with; at least one row is
 */
export async function sweep(
	transactions: Transactions,
	stream: string,
	filter: EventFilter,
	limit: { readonly rows: number; readonly bytes: number },
	work: (rows: readonly StoredRow[]) => Promise<{ done: number; events?: readonly SyncEvent[] }>,
): Promise<Sweep> {
	const states: Partial<Record<LoggedState, number>> = {};
	const events: SyncEvent[] = [];
	let found = 0;
	let done = 0;
	let bytes = 0;
	for (let next: string | undefined; ;) {
		const wanted = { limit: Math.min(MAX_ROWS, limit.rows - found), maxBytes: limit.bytes - bytes, after: next };
		const page = await transactions.readStream(stream, async (turn) => await readLog(turn, filter, wanted));
		// The next one is too large to go with those before.
		if (found > 0 && bytes + (page.rows[0]?.bytes ?? 0) > limit.bytes) return { found, done, states, events };
		for (const row of page.rows) bytes += row.bytes;
		found += page.rows.length;
		for (const row of page.rows) states[loggedState(row)] = (states[loggedState(row)] ?? 0) + 1;
		const result = await work(page.rows);
		done += result.done;
		for (const event of result.events ?? []) events.push(event);
		({ next } = page);
		if (next === undefined || found >= limit.rows) return { found, done, states, events };
	}
}
