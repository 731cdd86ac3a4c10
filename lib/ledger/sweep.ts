import type { SyncEvent } from '../event/event';
import type { Access } from './access';
import { type EventFilter, type LogRow, type LoggedState, loggedState, readLog } from './log';
import { MAX_ROWS } from './slices';

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

/** Deals with everything in a stream that a filter names, newest first, a page at a time. */
export async function sweep(
	access: Access,
	stream: string,
	filter: EventFilter,
	limit: number,
	work: (rows: readonly LogRow[]) => Promise<{ done: number; events?: readonly SyncEvent[] }>,
): Promise<Sweep> {
	const states: Partial<Record<LoggedState, number>> = {};
	const events: SyncEvent[] = [];
	let found = 0;
	let done = 0;
	for (let next: string | undefined; ;) {
		const wanted = Math.min(MAX_ROWS, limit - found);
		const after = next;
		const page = await access.readStream(stream, async (turn) => await readLog(turn, filter, wanted, after));
		found += page.rows.length;
		for (const row of page.rows) states[loggedState(row)] = (states[loggedState(row)] ?? 0) + 1;
		const result = await work(page.rows);
		done += result.done;
		for (const event of result.events ?? []) events.push(event);
		({ next } = page);
		if (next === undefined || found >= limit) return { found, done, states, events };
	}
}
