import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import type { PostgresOptions } from '../../lib';
import { STREAM, type Place, openBackend } from './ledger';

/** A ledger with a long history. */

export const keyOf = (number: number) =>
	`push:${((number * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')}-${number}`;

/**
 * Events of a long history, made by the database itself; the indexes are made afterwards, as they would have grown. A tenth of them is
 * dead letters and a tenth is due, all at one moment, as after a large replay; the rest is finished.
 */
export async function fillHistory(place: Place, count: number): Promise<void> {
	await (await openBackend(place)).close();
	const key = (number: string, scrambled: string) => `'push:' || ${scrambled} || '-' || ${number}`;
	const payload = '{"source":"/s","dataschema":"urn:x","data":{}}';
	const row = (
		eventKey: string,
		type: 'blob' | 'bytea',
	) => `'${STREAM}', ${eventKey}, 'webhook', 'n', 't', '', ${Date.now()}, 'h',
		CAST(case n % 10 when 1 then '${payload}' else '' end AS ${type}), case n % 10 when 1 then ${payload.length} else 0 end, 'c',
		0, 0, ${Date.now()}, case n % 10 when 0 then 'dead' when 1 then 'received' else 'done' end, case n % 10 when 1 then ${Date.now()} end, 1, 1, 0, '[]', 1, ${Date.now() + 2_000_000_000}, ${Date.now() + 2_000_000_000}, 0`;
	const columns = `stream, event_key, path, node, type, subject, time, hash, payload, bytes, correlation_id,
		recovered, replayed, received_at, state, due_at, hand_overs, attempts, pause_ms, deliveries, delivery_count, keep_until, prune_at, forgotten`;
	if (typeof place === 'string') {
		const database = new DatabaseSync(place);
		const indexes = database
			.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'event' AND sql IS NOT NULL")
			.all() as { name: string; sql: string }[];
		for (const { name } of indexes) database.exec(`DROP INDEX "${name}"`);
		const eventKey = key('n', "printf('%08x', (n * 2654435761) % 4294967296)");
		database.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN;
			WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
			INSERT INTO event (${columns}) SELECT ${row(eventKey, 'blob')} FROM numbers; COMMIT;`);
		for (const { sql } of indexes) database.exec(sql);
		database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
		database.close();
		return;
	}
	const client = await connect(place);
	const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(
		`SELECT indexname, indexdef FROM pg_indexes
		 WHERE schemaname = '${place.schema}' AND tablename = 'event' AND indexname <> 'event_pkey'`,
	);
	for (const { indexname } of indexes) await client.query(`DROP INDEX "${indexname}"`);
	const eventKey = key('n', "lpad(to_hex((n * 2654435761) % 4294967296), 8, '0')");
	await client.query(
		`INSERT INTO event (${columns}) SELECT ${row(eventKey, 'bytea')} FROM generate_series(1::bigint, ${count}) AS numbers(n)`,
	);
	for (const { indexdef } of indexes) await client.query(indexdef);
	await client.query('ANALYZE event');
	await client.end();
}

/** A connection of its own to a ledger in Postgres. */
export async function connect({ host, port, database, user, password, schema }: PostgresOptions): Promise<Client> {
	const client = new Client({ host, port, database, user, password });
	await client.connect();
	await client.query(`SET search_path = ${schema}`);
	return client;
}
