import type { CompiledQuery, Insertable, Kysely } from 'kysely';
import { hashOf } from '../event/event';
import type { StoredEvent } from './rows';
import type { EventRow, Tables } from './schema';

/** The statements on the event table that the rules share. */

export type Db = Kysely<Tables>;

/** Longer keys do not fit into an index entry of every database. */
const MAX_KEY_LENGTH = 500;

/**
 * A key as it can be stored and found again. A text that databases change or refuse (lone surrogates, NUL, great length)
 * is replaced by its hash, so that two different ones stay different.
 */
export function storableKey(key: string): string {
	const plain = key.isWellFormed() && !key.includes('\0') && key.length <= MAX_KEY_LENGTH;
	return plain ? key : `sha256:${hashOf(key)}`;
}

/** Queries by their shape: to build one takes many times as long as SQLite takes to run it. */
const compiled = new Map<string, CompiledQuery>();

async function run(db: Db, shape: string, build: () => CompiledQuery, parameters: readonly unknown[]) {
	let query = compiled.get(shape);
	if (!query) compiled.set(shape, (query = build()));
	return await db.executeQuery({ ...query, parameters });
}

/** @returns the number of the new row */
export async function insertEvent(db: Db, row: Insertable<EventRow>): Promise<number> {
	const columns = Object.keys(row);
	const { rows } = await run(
		db,
		`insert ${columns.join()}`,
		() => db.insertInto('event').values(row).returning('seq').compile(),
		Object.values(row),
	);
	return (rows[0] as { seq: number }).seq;
}

export async function updateEvent(db: Db, seq: number, changes: Partial<StoredEvent>): Promise<void> {
	await run(
		db,
		`update ${Object.keys(changes).join()}`,
		() => db.updateTable('event').set(changes).where('seq', '=', seq).compile(),
		[...Object.values(changes), seq],
	);
}

/** Stored events by key, under either of the two keys an event may have. */
export async function findByKeys(db: Db, stream: string, keys: readonly string[]): Promise<Map<string, StoredEvent>> {
	const found = new Map<string, StoredEvent>();
	if (keys.length === 0) return found;
	const stored = db.selectFrom('event').selectAll().where('stream', '=', stream);
	for (const row of await stored.where('twin_key', 'in', keys).execute()) found.set(row.twin_key ?? '', row);
	for (const row of await stored.where('event_key', 'in', keys).execute()) found.set(row.event_key, row);
	return found;
}
