import { type CompiledQuery, type Insertable, type Kysely, sql } from 'kysely';
import { hashOf } from '../event/event';
import type { LifeColumns, StoredEvent } from './rows';
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
/** Shapes vary by the number of rows, which a slice bounds. */
const MAX_COMPILED = 2_000;

async function run(db: Db, shape: string, build: () => CompiledQuery, parameters: readonly unknown[]) {
	let query = compiled.get(shape);
	if (!query) {
		if (compiled.size >= MAX_COMPILED) compiled.clear();
		compiled.set(shape, (query = build()));
	}
	return (await db.executeQuery({ ...query, parameters })).rows;
}

/** Inserts rows of the same columns, all at once. */
export async function insertEvents(db: Db, rows: readonly Insertable<EventRow>[]): Promise<void> {
	const [first] = rows;
	if (!first) return;
	await run(
		db,
		`insert ${rows.length} ${Object.keys(first).join()}`,
		() => db.insertInto('event').values(rows).compile(),
		rows.flatMap((row) => Object.values(row)),
	);
}

/** Changes of one event. */
export interface Change {
	readonly seq: number;
	readonly changes: Partial<StoredEvent>;
}

/** Changes events, those together that change alike. */
export async function updateEach(db: Db, all: readonly Change[]): Promise<void> {
	for (const alike of Map.groupBy(all, ({ changes }) => JSON.stringify(changes)).values()) {
		const [first] = alike;
		const seqs = alike.map(({ seq }) => seq);
		if (first && Object.keys(first.changes).length > 0) await updateEvents(db, seqs, first.changes);
	}
}

/** Gives many events the same changes. */
export async function updateEvents(db: Db, seqs: readonly number[], changes: Partial<StoredEvent>): Promise<void> {
	await run(
		db,
		`update ${seqs.length} ${Object.keys(changes).join()}`,
		() => db.updateTable('event').set(changes).where('seq', 'in', seqs).compile(),
		[...Object.values(changes), ...seqs],
	);
}

/** Gives many events the same changes, and each a token of its own: the prefix with the number of its row. */
export async function updateClaimed(
	db: Db,
	seqs: readonly number[],
	changes: Omit<LifeColumns, 'token'>,
	tokenPrefix: string,
): Promise<void> {
	await run(
		db,
		`claim ${seqs.length} ${Object.keys(changes).join()}`,
		() =>
			db
				.updateTable('event')
				.set(changes)
				.set({ token: sql<string>`cast(${tokenPrefix} as text) || seq` })
				.where('seq', 'in', seqs)
				.compile(),
		[...Object.values(changes), tokenPrefix, ...seqs],
	);
}

/** What the rules need of an event whose payload they do not touch. */
const LIFE_COLUMNS = [
	'seq',
	'event_key',
	'twin_key',
	'state',
	'due_at',
	'hand_overs',
	'attempts',
	'execution',
	'runs',
	'token',
	'reason',
] as const;
export type StoredLife = Pick<StoredEvent, (typeof LIFE_COLUMNS)[number]>;

/** Stored events by key, under either of the two keys an event may have. */
export async function findByKeys(db: Db, stream: string, keys: readonly string[]): Promise<Map<string, StoredEvent>> {
	const all = () => db.selectFrom('event').selectAll();
	return await find(keys, async (column, wanted) => {
		const query = () => all().where('stream', '=', stream).where(column, 'in', wanted).compile();
		return (await run(db, `all ${column} ${wanted.length}`, query, [stream, ...wanted])) as StoredEvent[];
	});
}

/** The same without their payloads. */
export async function findLives(db: Db, stream: string, keys: readonly string[]): Promise<Map<string, StoredLife>> {
	const lives = () => db.selectFrom('event').select(LIFE_COLUMNS);
	return await find(keys, async (column, wanted) => {
		const query = () => lives().where('stream', '=', stream).where(column, 'in', wanted).compile();
		return (await run(db, `life ${column} ${wanted.length}`, query, [stream, ...wanted])) as StoredLife[];
	});
}

async function find<R extends Pick<StoredEvent, 'event_key' | 'twin_key'>>(
	keys: readonly string[],
	select: (column: 'event_key' | 'twin_key', wanted: readonly string[]) => Promise<R[]>,
): Promise<Map<string, R>> {
	const found = new Map<string, R>();
	const wanted = [...new Set(keys)];
	if (wanted.length > 0) for (const row of await select('event_key', wanted)) found.set(row.event_key, row);
	const missing = wanted.filter((key) => !found.has(key));
	if (missing.length > 0) for (const row of await select('twin_key', missing)) found.set(row.twin_key ?? '', row);
	return found;
}
