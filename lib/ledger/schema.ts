import { randomBytes, randomUUID } from 'node:crypto';
import { type Generated, type Kysely, sql } from 'kysely';
import { HybridSyncError } from '../errors';
import type { EventPath } from '../event/event';
import type { Stage } from './lifecycle';

/** One event, or one dead letter. Times are milliseconds since the epoch. */
export interface EventRow {
	seq: Generated<number>;
	stream: string;
	/** The event key under which it was first recorded; what emitted events carry as `id`. */
	event_key: string;
	/** The event key it has on the other path, once the two were joined. */
	twin_key: string | null;
	match_key: string | null;
	/** The path that recorded it first; `item` where Sync Dedupe met it without a trigger of ours. */
	path: EventPath | 'item';
	/** Id of the trigger node that recorded it; empty for items. */
	node: string;
	type: string;
	subject: string;
	time: number;
	hash: string;
	/** JSON of source, dataschema, data and trace; empty for items. */
	payload: string;
	correlation_id: string;
	recovered: number;
	received_at: number;
	state: Stage['state'];
	/** When it is next due, or its lease ends; null where time does nothing to it. */
	due_at: number | null;
	hand_overs: number;
	attempts: number;
	/** Execution that holds it, or finished it. */
	execution: string | null;
	/** JSON: in which run each Sync Dedupe node of that execution let it pass. */
	runs: string | null;
	token: string | null;
	reason: string | null;
	/** JSON of the last ten deliveries. */
	deliveries: string;
	delivery_count: number;
}

/** Where a trigger node stands in one resource of its provider. */
export interface CursorRow {
	stream: string;
	node: string;
	resource: string;
	/** JSON. */
	position: string;
	updated_at: number;
}

/** A trigger node of a workflow, and the lease of its running tick. */
export interface NodeRow {
	stream: string;
	node: string;
	name: string;
	kind: 'webhook' | 'poll';
	provider: string;
	/** When it was first seen. */
	since: number;
	lease_token: string | null;
	lease_until: number;
	/** No request to the provider before this time. */
	not_before: number;
}

export interface MetaRow {
	key: string;
	value: string;
}

export interface Tables {
	event: EventRow;
	cursor: CursorRow;
	node: NodeRow;
	meta: MetaRow;
}

/** The version of this code's schema. */
const SCHEMA_VERSION = 1;
/** The oldest schema version whose code may work on a ledger that this code has migrated. */
const MINIMUM_READER = 1;

/** Every step only adds, so that older processes go on working on a ledger a newer one has opened. */
const steps: readonly ((db: Kysely<Tables>) => Promise<void>)[] = [
	async (db) => {
		await db.schema
			.createTable('event')
			.addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('event_key', 'text', (column) => column.notNull())
			.addColumn('twin_key', 'text')
			.addColumn('match_key', 'text')
			.addColumn('path', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('type', 'text', (column) => column.notNull())
			.addColumn('subject', 'text', (column) => column.notNull())
			.addColumn('time', 'bigint', (column) => column.notNull())
			.addColumn('hash', 'text', (column) => column.notNull())
			.addColumn('payload', 'text', (column) => column.notNull())
			.addColumn('correlation_id', 'text', (column) => column.notNull())
			.addColumn('recovered', 'integer', (column) => column.notNull())
			.addColumn('received_at', 'bigint', (column) => column.notNull())
			.addColumn('state', 'text', (column) => column.notNull())
			.addColumn('due_at', 'bigint')
			.addColumn('hand_overs', 'integer', (column) => column.notNull())
			.addColumn('attempts', 'integer', (column) => column.notNull())
			.addColumn('execution', 'text')
			.addColumn('runs', 'text')
			.addColumn('token', 'text')
			.addColumn('reason', 'text')
			.addColumn('deliveries', 'text', (column) => column.notNull())
			.addColumn('delivery_count', 'integer', (column) => column.notNull())
			.execute();
		await db.schema.createIndex('event_by_key').unique().on('event').columns(['stream', 'event_key']).execute();
		await db.schema
			.createIndex('event_by_twin')
			.unique()
			.on('event')
			.columns(['stream', 'twin_key'])
			.where(sql.ref('twin_key'), 'is not', null)
			.execute();
		await db.schema
			.createIndex('event_by_match')
			.on('event')
			.columns(['stream', 'match_key', 'time'])
			.where(sql.ref('match_key'), 'is not', null)
			.where(sql.ref('twin_key'), 'is', null)
			.execute();
		await db.schema
			.createIndex('event_by_due')
			.on('event')
			.columns(['stream', 'node', 'recovered', 'due_at'])
			.where(sql.ref('due_at'), 'is not', null)
			.execute();
		await db.schema
			.createIndex('event_by_execution')
			.on('event')
			.columns(['execution'])
			.where(sql.ref('state'), '=', 'claimed')
			.execute();
		await db.schema
			.createTable('cursor')
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('resource', 'text', (column) => column.notNull())
			.addColumn('position', 'text', (column) => column.notNull())
			.addColumn('updated_at', 'bigint', (column) => column.notNull())
			.addPrimaryKeyConstraint('cursor_key', ['stream', 'node', 'resource'])
			.execute();
		await db.schema
			.createTable('node')
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('name', 'text', (column) => column.notNull())
			.addColumn('kind', 'text', (column) => column.notNull())
			.addColumn('provider', 'text', (column) => column.notNull())
			.addColumn('since', 'bigint', (column) => column.notNull())
			.addColumn('lease_token', 'text')
			.addColumn('lease_until', 'bigint', (column) => column.notNull())
			.addColumn('not_before', 'bigint', (column) => column.notNull())
			.addPrimaryKeyConstraint('node_key', ['stream', 'node'])
			.execute();
	},
];

/**
 * Brings a ledger to this code's schema. Call it inside the backend's write transaction.
 *
 * @throws HybridSyncError `ledger-too-new` where a newer version has said that this one must not touch the ledger
 */
export async function migrate(db: Kysely<Tables>): Promise<{ ledgerId: string; secret: string }> {
	await db.schema
		.createTable('meta')
		.ifNotExists()
		.addColumn('key', 'text', (column) => column.primaryKey())
		.addColumn('value', 'text', (column) => column.notNull())
		.execute();
	const rows = await db.selectFrom('meta').selectAll().execute();
	const meta = new Map(rows.map(({ key, value }) => [key, value]));
	const minimumReader = Number(meta.get('minimum_reader') ?? 0);
	if (minimumReader > SCHEMA_VERSION) {
		throw new HybridSyncError(
			'ledger-too-new',
			'The sync ledger was written by a newer version of n8n-nodes-hybrid-sync. Update the package in this n8n, then try again.',
		);
	}
	const version = Number(meta.get('schema_version') ?? 0);
	for (const step of steps.slice(version)) await step(db);
	const ledgerId = meta.get('ledger_id') ?? randomUUID();
	const secret = meta.get('secret') ?? randomBytes(32).toString('base64url');
	if (version < SCHEMA_VERSION) {
		await db
			.insertInto('meta')
			.values([
				{ key: 'ledger_id', value: ledgerId },
				{ key: 'secret', value: secret },
				{ key: 'schema_version', value: String(SCHEMA_VERSION) },
				{ key: 'minimum_reader', value: String(Math.max(minimumReader, MINIMUM_READER)) },
			])
			.onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sql`excluded.value` }))
			.execute();
	}
	return { ledgerId, secret };
}
