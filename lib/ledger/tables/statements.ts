import { type CompiledQuery, type Insertable, type Kysely, PostgresAdapter, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { LifeColumns, NewEvent, StoredEvent } from './rows';
import { DEFAULTS, type EventRow, type Tables } from './schema';

/** The statements on the event table that the rules share. */

export type Db = Kysely<Tables>;

/** A writer's turn at a stream: one transaction, one moment. */
export interface Turn {
	readonly db: Db;
	readonly stream: string;
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** The transaction was tried before, and nobody knows whether that try has been committed. */
	readonly again: boolean;
	/** When the stream began, where this is known; milliseconds since the epoch. */
	readonly beganAt: number;
	/** How a key of this stream looks once it is forgotten. */
	readonly hide: (key: string) => string;
}

/** Literal, so that the planner sees that a partial index applies. */
const CLAIMED = sql.lit<StoredEvent['state']>('claimed');
const DONE = sql.lit<StoredEvent['state']>('done');

/** Queries by their shape, for each database: to build one takes many times as long as SQLite takes to run it. */
const compiled = new WeakMap<object, LRUCache<string, CompiledQuery>>();
/** Shapes vary by the number of rows, which a slice bounds. */
const MAX_COMPILED = 2_000;

/** A query whose text depends on its shape alone. */
export interface Statement {
	readonly shape: string;
	readonly build: () => CompiledQuery;
	readonly parameters: readonly unknown[];
}

/** Runs a query that was built before, with other values. */
export async function run(db: Db, shape: string, build: () => CompiledQuery, parameters: readonly unknown[]) {
	const { adapter } = db.getExecutor();
	let queries = compiled.get(adapter);
	if (!queries) compiled.set(adapter, (queries = new LRUCache<string, CompiledQuery>({ max: MAX_COMPILED })));
	let query = queries.get(shape);
	if (!query) queries.set(shape, (query = build()));
	return (await db.executeQuery({ ...query, parameters })).rows;
}

/** Runs statements that change different rows: in Postgres as one, to save the time of a round trip for each. */
export async function runAll(db: Db, statements: readonly Statement[]): Promise<void> {
	const isOne = statements.length > 1 && db.getExecutor().adapter instanceof PostgresAdapter;
	if (!isOne) {
		for (const { shape, build, parameters } of statements) await run(db, shape, build, parameters);
		return;
	}
	const shape = statements.map((statement) => statement.shape).join(' with ');
	const parameters = statements.flatMap((statement) => statement.parameters);
	await run(db, shape, () => joined(statements.map(({ build }) => build())), parameters);
}

function joined(queries: readonly CompiledQuery[]): CompiledQuery {
	let before = 0;
	const texts = queries.map(({ sql: text, parameters }) => {
		const from = before;
		before += parameters.length;
		return text.replace(/\$(\d+)/g, (_, number: string) => `$${Number(number) + from}`);
	});
	const [last] = queries.slice(-1);
	if (!last) throw new RangeError('There is nothing to join.');
	const others = texts.slice(0, -1).map((text, index) => `step_${index} as (${text})`);
	return { ...last, sql: `with ${others.join(', ')} ${texts.at(-1) ?? ''}` };
}

/** Inserts rows of the same columns, all at once, without those that are as by default in all of them. */
export async function insertEvents(db: Db, rows: readonly Insertable<EventRow>[]): Promise<void> {
	await runAll(db, insertion(db, rows));
}

/** The statement that inserts rows, or none where there are none. */
export function insertion(db: Db, rows: readonly Insertable<EventRow>[]): Statement[] {
	const [first] = rows;
	if (!first) return [];
	const columns = (Object.keys(first) as (keyof Insertable<EventRow>)[]).filter((column) => {
		const byDefault: unknown = DEFAULTS[column as keyof typeof DEFAULTS];
		return byDefault === undefined || rows.some((row) => row[column] !== byDefault);
	});
	const build = () => {
		const short = rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
		return db
			.insertInto('event')
			.values(short as Insertable<EventRow>[])
			.compile();
	};
	const parameters = rows.flatMap((row) => columns.map((column) => row[column]));
	return [{ shape: `insert ${rows.length} ${columns.join()}`, build, parameters }];
}

/** Changes of one event. */
export interface Change {
	readonly seq: number;
	readonly changes: Partial<NewEvent>;
}

/** Changes events, those together that change alike. */
export async function updateEach(db: Db, all: readonly Change[]): Promise<void> {
	// A payload is each event's own.
	const groups = Map.groupBy(all, ({ seq, changes }) => ('payload' in changes ? seq : JSON.stringify(changes)));
	for (const alike of groups.values()) {
		const [first] = alike;
		const seqs = alike.map(({ seq }) => seq);
		if (first && Object.keys(first.changes).length > 0) await updateEvents(db, seqs, first.changes);
	}
}

/** Gives many events the same changes. */
export async function updateEvents(db: Db, seqs: readonly number[], changes: Partial<NewEvent>): Promise<void> {
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
	changes: Omit<Partial<NewEvent>, 'token'>,
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

/** All of a row but its payload, which may be large. */
export const ROW_COLUMNS = [
	'seq',
	'stream',
	'event_key',
	'twin_key',
	'match_key',
	'entity',
	'version',
	'signed',
	'path',
	'node',
	'type',
	'subject',
	'time',
	'hash',
	'bytes',
	'correlation_id',
	'recovered',
	'replayed',
	'received_at',
	'passed_at',
	'done_at',
	'state',
	'due_at',
	'hand_overs',
	'attempts',
	'chances',
	'pause_ms',
	'execution',
	'runs',
	'token',
	'reason',
	'deliveries',
	'delivery_count',
	'keep_until',
	'prune_at',
	'forgotten',
] as const satisfies readonly (keyof StoredEvent)[];
export type StoredRow = Pick<StoredEvent, (typeof ROW_COLUMNS)[number]>;

/** What the rules need of an event that only changes its state. */
const LIFE_COLUMNS = [
	'seq',
	'event_key',
	'twin_key',
	'path',
	'type',
	'time',
	'entity',
	'version',
	'recovered',
	'replayed',
	'received_at',
	'passed_at',
	'done_at',
	'state',
	'due_at',
	'hand_overs',
	'attempts',
	'chances',
	'pause_ms',
	'execution',
	'runs',
	'token',
	'reason',
	'keep_until',
	'prune_at',
	'forgotten',
] as const satisfies readonly (keyof LifeColumns | keyof StoredEvent)[];
export type StoredLife = Pick<StoredEvent, (typeof LIFE_COLUMNS)[number]>;

/** Stored events by key, under either of the two keys an event may have. */
export async function findByKeys(turn: Turn, keys: readonly string[]): Promise<Map<string, StoredRow>> {
	return await find<StoredRow>(turn, keys, 'row', ROW_COLUMNS);
}

/** Stored webhooks by what is signed of them, where their ids are not. */
export async function findBySigned(turn: Turn, signed: readonly string[]): Promise<StoredRow[]> {
	const { db, stream } = turn;
	const query = () =>
		db.selectFrom('event').select(ROW_COLUMNS).where('stream', '=', stream).where('signed', 'in', signed).compile();
	return (await run(db, `signed ${signed.length}`, query, [stream, ...signed])) as StoredRow[];
}

/** The same with no more than their lives. */
export async function findLives(turn: Turn, keys: readonly string[]): Promise<Map<string, StoredLife>> {
	return await find<StoredLife>(turn, keys, 'life', LIFE_COLUMNS);
}

/** Events of a path that wait for their twin, by match key and time. */
export async function findByMatch(
	{ db, stream }: Turn,
	wanted: {
		readonly keys: readonly string[];
		readonly path: StoredEvent['path'];
		readonly from: number;
		readonly to: number;
	},
): Promise<StoredRow[]> {
	const { keys, path, from, to } = wanted;
	const query = () =>
		db
			.selectFrom('event')
			.select(ROW_COLUMNS)
			.where('stream', '=', stream)
			.where('match_key', 'in', keys)
			.where('twin_key', 'is', null)
			.where('path', '=', path)
			.where('time', '>=', from)
			.where('time', '<=', to)
			.compile();
	return (await run(db, `match ${keys.length}`, query, [stream, ...keys, path, from, to])) as StoredRow[];
}

/** Payloads by the number of their row. */
export async function readPayloads(db: Db, seqs: readonly number[]): Promise<Map<number, Uint8Array>> {
	if (seqs.length === 0) return new Map();
	const rows = await db.selectFrom('event').select(['seq', 'payload']).where('seq', 'in', seqs).execute();
	return new Map(rows.map(({ seq, payload }) => [seq, payload]));
}

/**
 * Where claims are, by their execution or their tokens.
 *
 * @param stream only there; where it is absent, everywhere
 */
export async function findTokens(
	db: Db,
	by: { readonly column: 'execution' | 'token'; readonly values: readonly string[]; readonly stream?: string },
	page: { readonly limit: number; readonly after: number },
): Promise<Pick<StoredEvent, 'seq' | 'stream' | 'event_key' | 'token'>[]> {
	let query = db
		.selectFrom('event')
		.select(['seq', 'stream', 'event_key', 'token'])
		.where(by.column, 'in', by.values)
		.where('state', '=', CLAIMED);
	if (by.stream !== undefined) query = query.where('stream', '=', by.stream);
	return await query.where('seq', '>', page.after).orderBy('seq').limit(page.limit).execute();
}

/** Claims that stand under these tokens. */
export async function findClaims(db: Db, tokens: readonly string[]): Promise<StoredLife[]> {
	if (tokens.length === 0) return [];
	return await db
		.selectFrom('event')
		.select(LIFE_COLUMNS)
		.where('token', 'in', tokens)
		.where('state', '=', CLAIMED)
		.execute();
}

type Keyed = Pick<StoredEvent, 'event_key' | 'twin_key' | 'forgotten'>;

/** One query for all that is asked of most events: both keys, and whether keys may look otherwise. */
async function find<R extends Keyed>(
	turn: Turn,
	keys: readonly string[],
	shape: string,
	columns: readonly (keyof StoredEvent)[],
): Promise<Map<string, R>> {
	const found = new Map<string, R>();
	const look = async (wanted: ReadonlyMap<string, string>, asks: boolean) => {
		const { db, stream } = turn;
		const names = [...wanted.keys()];
		const query = () => keysQuery(turn, names, columns, asks).compile();
		const parameters = [stream, ...names, stream, ...names, ...(asks ? [stream, 1] : [])];
		const rows = (await run(db, `${shape} ${names.length} ${asks}`, query, parameters)) as unknown as R[];
		for (const column of ['event_key', 'twin_key'] as const) {
			for (const row of rows) {
				const key = wanted.get(row[column] ?? '');
				if (key !== undefined && !found.has(key)) found.set(key, row);
			}
		}
		if (asks)
			asked.set(
				turn,
				rows.some(({ forgotten }) => forgotten === 1),
			);
	};
	if (keys.length === 0) return found;
	await look(new Map(keys.map((key) => [key, key])), !asked.has(turn));
	const missing = keys.filter((key) => !found.has(key));
	if (missing.length > 0 && (await hasForgotten(turn))) {
		await look(new Map(missing.map((key) => [turn.hide(key), key])), false);
	}
	return found;
}

/** @param asks also for one forgotten event of the stream, whichever */
function keysQuery(
	{ db, stream }: Turn,
	names: readonly string[],
	columns: readonly (keyof StoredEvent)[],
	asks: boolean,
) {
	const by = (column: 'event_key' | 'twin_key') =>
		db.selectFrom('event').select(columns).where('stream', '=', stream).where(column, 'in', names);
	const both = by('event_key').unionAll(by('twin_key'));
	if (!asks) return both;
	const forgotten = db
		.selectFrom('event')
		.select('seq')
		.where('stream', '=', stream)
		.where('forgotten', '=', sql.lit(1))
		.limit(1);
	return both.unionAll(db.selectFrom('event').select(columns).where('seq', '=', forgotten));
}

/** Nobody forgets anything during another writer's turn. */
const asked = new WeakMap<Turn, boolean>();

/** Whether keys of the stream may be stored as they look once forgotten. */
export async function hasForgotten(turn: Turn): Promise<boolean> {
	const { db, stream } = turn;
	const known = asked.get(turn);
	if (known !== undefined) return known;
	const query = () =>
		db
			.selectFrom('event')
			.select('seq')
			.where('stream', '=', stream)
			.where('forgotten', '=', sql.lit(1))
			.limit(1)
			.compile();
	const found = (await run(db, 'forgotten', query, [stream, 1])).length > 0;
	asked.set(turn, found);
	return found;
}

/** The newest version of each entity that has passed. */
export async function newestPassed(turn: Turn, entities: readonly string[]): Promise<Map<string, string>> {
	if (entities.length === 0) return new Map();
	const { db, stream, hide } = turn;
	const named = new Map(entities.map((entity) => [entity, entity]));
	if (await hasForgotten(turn)) for (const entity of entities) named.set(hide(entity), entity);
	const wanted = sql.join([...named.keys()].map((entity) => sql`(cast(${entity} as text))`));
	const newest = db
		.selectFrom('event')
		.select(({ fn }) => fn.max('version').as('version'))
		.where('stream', '=', stream)
		.whereRef('entity', '=', sql.ref('wanted.entity'))
		.where('state', 'in', [CLAIMED, DONE]);
	const { rows } = await sql<{ entity: string; version: string | null }>`
		with wanted(entity) as (values ${wanted}) select entity, (${newest}) as version from wanted`.execute(db);
	const versions = new Map<string, string>();
	for (const { entity, version } of rows) {
		const name = named.get(entity) ?? entity;
		const before = versions.get(name) ?? '';
		if (version !== null) versions.set(name, version > before ? version : before);
	}
	return versions;
}
