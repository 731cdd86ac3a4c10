import { DatabaseSync } from 'node:sqlite';
import type { StoredEvent } from '../../lib/ledger/tables/rows';
import type { Place } from '../support/ledger';
import { connect } from '../support/history';

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
	const began = performance.now();
	await work();
	return performance.now() - began;
}

export function quantile(values: readonly number[], fraction: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? NaN;
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

/** The longest time for which nothing else in the process gets its turn, in milliseconds. */
export async function longestHold(work: () => Promise<unknown>): Promise<number> {
	let longest = 0;
	let last = performance.now();
	let running = true;
	const watch = () => {
		const now = performance.now();
		longest = Math.max(longest, now - last);
		last = now;
		if (running) setImmediate(watch);
	};
	setImmediate(watch);
	await work();
	running = false;
	return longest;
}

/** Waits for each statement in turn, as a program without a ledger would: prepared once, with nothing in between. */
export interface Bare {
	readonly transaction: (work: () => Promise<void>) => Promise<void>;
	/** A promise only where there is something to wait for. */
	readonly insert: (row: StoredEvent) => Promise<void> | undefined;
	readonly update: (row: StoredEvent) => Promise<void> | undefined;
	readonly close: () => Promise<void>;
}

/** What a claim changes. */
const CLAIMED = [
	'state',
	'due_at',
	'attempts',
	'chances',
	'execution',
	'runs',
	'token',
	'keep_until',
	'prune_at',
	'passed_at',
	'done_at',
] as const;

/** @param place a ledger that nobody else works on, with its tables and indexes */
export async function bareAt(place: Place, columns: readonly (keyof StoredEvent)[]): Promise<Bare> {
	const values = (row: StoredEvent) => columns.map((column) => row[column]);
	const changes = (row: StoredEvent) => [...CLAIMED.map((column) => row[column]), row.stream, row.event_key];
	if (typeof place === 'string') {
		const database = new DatabaseSync(place);
		database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
		const insert = database.prepare(`INSERT INTO event (${columns.join()}) VALUES (${columns.map(() => '?').join()})`);
		const update = database.prepare(
			`UPDATE event SET ${CLAIMED.map((column) => `${column} = ?`).join()} WHERE stream = ? AND event_key = ?`,
		);
		return {
			transaction: async (work) => {
				database.exec('BEGIN IMMEDIATE');
				await work();
				database.exec('COMMIT');
			},
			insert: (row) => {
				insert.run(...values(row));
				return undefined;
			},
			update: (row) => {
				update.run(...changes(row));
				return undefined;
			},
			close: () => {
				database.close();
				return Promise.resolve();
			},
		};
	}
	const client = await connect(place);
	const numbered = (names: readonly string[], from = 1) => names.map((_, index) => `$${index + from}`);
	const insert = `INSERT INTO event (${columns.join()}) VALUES (${numbered(columns).join()})`;
	const update = `UPDATE event SET ${CLAIMED.map((column, index) => `${column} = $${index + 1}`).join()}
		WHERE stream = $${CLAIMED.length + 1} AND event_key = $${CLAIMED.length + 2}`;
	return {
		transaction: async (work) => {
			await client.query('BEGIN');
			await work();
			await client.query('COMMIT');
		},
		insert: async (row) => {
			await client.query({ name: 'insert', text: insert, values: values(row) });
		},
		update: async (row) => {
			await client.query({ name: 'update', text: update, values: changes(row) });
		},
		close: async () => {
			await client.end();
		},
	};
}
