import { randomBytes, randomUUID } from 'node:crypto';
import { type Generated, type Kysely, type RawBuilder, sql } from 'kysely';
import { HybridSyncError } from '../../base/errors';
import type { EventPath } from '../../event/event';
import type { Stage } from '../rules/lifecycle';

/** One event, or one dead letter, or one item that no trigger recorded. Times are milliseconds since the epoch. */
export interface EventRow {
	seq: Generated<number>;
	stream: string;
	/** The event key under which it was first recorded; what emitted events carry as `id`. */
	event_key: string;
	/** The event key it has on the other path, once the two were joined. */
	twin_key: string | null;
	match_key: string | null;
	/** Of a state type: what it is the state of, and how new it is: text that sorts as versions do. */
	entity: string | null;
	version: string | null;
	/** Of a webhook whose id is not signed: what is signed of it. */
	signed: string | null;
	/** The path that recorded it first; `item` where Sync Dedupe met it without a trigger of ours. */
	path: EventPath | 'item';
	/** Id of the trigger node that recorded it; empty for items. */
	node: string;
	type: string;
	subject: string;
	time: number;
	hash: string;
	/** Source, dataschema, data and trace, as `payload.ts` packs them; empty for items, and once it was given up. */
	payload: Uint8Array;
	/** Of the payload as JSON text, before it was packed: what it takes to emit it. 0 where there is none. */
	bytes: number;
	correlation_id: string;
	recovered: number;
	/** 1 once it was asked for again. */
	replayed: number;
	received_at: number;
	/** When it last passed, and when it was finished. */
	passed_at: number | null;
	done_at: number | null;
	state: Stage['state'];
	/** When it is next due, or its lease ends; null where time does nothing to it. */
	due_at: number | null;
	hand_overs: number;
	attempts: number;
	chances: number | null;
	pause_ms: number;
	/** Execution that holds it, or finished it. */
	execution: string | null;
	/** JSON: in which run each Sync Dedupe node of that execution let it pass. */
	runs: string | null;
	token: string | null;
	reason: string | null;
	/** JSON of the last ten deliveries after the first, which is `received_at`, `path` and `correlation_id`. */
	deliveries: string;
	delivery_count: number;
	keep_until: number | null;
	/** When its payload, or all of it, may go; null while it is needed. */
	prune_at: number | null;
	/** 1 once it was forgotten: its keys are HMACs then. */
	forgotten: number;
}

/** Where a trigger node stands in one resource of its provider. */
export interface CursorRow {
	stream: string;
	node: string;
	resource: string;
	/** JSON. */
	position: string;
	/** Rows from this time on will be read again, so their keys must stay. */
	reads_from: number;
	updated_at: number;
}

/** What a trigger node of a workflow does: a node that both receives and polls has two rows. */
export interface NodeRow {
	stream: string;
	node: string;
	/** The workflow it stands in; several may share a stream. */
	workflow: string;
	name: string;
	role: 'push' | 'pull';
	provider: string;
	/** Identifies its credential: what another one brings is not the same event. */
	sender: string;
	/** JSON: which types push should bring, and since when. */
	expects: string;
	/** When it was unpublished; null while it is published. */
	retired_at: number | null;
	/** Of a published webhook: where it is called. Polling cannot ask n8n for it. */
	url: string;
	/** Of the running tick. */
	lease_token: string | null;
	lease_until: number;
	/** No request to the provider before this time. */
	not_before: number;
	/** JSON: what a tick leaves to the next. */
	state: string;
}

/** The webhook that a node has registered at its provider. */
export interface SubscriptionRow {
	stream: string;
	node: string;
	/** JSON: which it is, and its secret, encrypted; null where there is none. */
	state: string;
	/** Of whoever is registering it, or looking after it. */
	lease_token: string | null;
	lease_until: number;
}

/** How often something happened in a stream, by the minute, hour or day. */
export interface CounterRow {
	stream: string;
	/** Length of the time it stands for, and its start, in milliseconds. */
	span: number;
	at: number;
	name: string;
	label: string;
	bucket: number;
	value: number;
	/** When it was last added to. */
	last_at: number;
}

export interface StreamRow {
	stream: string;
	/** When it was first used: what happened before is its history. */
	began_at: number;
	/** Exact to the day. */
	used_at: number;
}

export interface MetaRow {
	key: string;
	value: string;
}

export interface Tables {
	event: EventRow;
	cursor: CursorRow;
	node: NodeRow;
	subscription: SubscriptionRow;
	counter: CounterRow;
	stream: StreamRow;
	meta: MetaRow;
}

/** The version of this code's schema. */
export const SCHEMA_VERSION = 3;
/** The oldest schema version whose code may work on a ledger that this code has migrated. */
const MINIMUM_READER = 1;

/** What a column holds where nothing is said; writing fewer columns is faster. */
export const DEFAULTS = {
	twin_key: null,
	match_key: null,
	entity: null,
	version: null,
	signed: null,
	type: '',
	subject: '',
	hash: '',
	bytes: 0,
	correlation_id: '',
	recovered: 0,
	replayed: 0,
	passed_at: null,
	done_at: null,
	due_at: null,
	hand_overs: 0,
	attempts: 0,
	chances: null,
	pause_ms: 0,
	execution: null,
	runs: null,
	token: null,
	reason: null,
	deliveries: '[]',
	delivery_count: 1,
	keep_until: null,
	prune_at: null,
	forgotten: 0,
} as const satisfies Partial<EventRow>;

/** What the two databases call differently. */
export interface ColumnTypes {
	readonly sequence: 'integer' | 'bigserial';
	readonly bytes: 'blob' | 'bytea';
	/** Text that sorts by its characters alone, whatever the database is set to. */
	readonly sortable: 'text' | RawBuilder<unknown>;
}

/** Every step only adds, so that older processes go on working on a ledger a newer one has opened. */
const steps: readonly ((db: Kysely<Tables>, types: ColumnTypes) => Promise<void>)[] = [
	async (db, types) => {
		const { schema } = db;
		await schema
			.createTable('event')
			.addColumn('seq', types.sequence, (column) => column.primaryKey())
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('event_key', 'text', (column) => column.notNull())
			.addColumn('twin_key', 'text')
			.addColumn('match_key', 'text')
			.addColumn('entity', 'text')
			.addColumn('version', types.sortable)
			.addColumn('signed', 'text')
			.addColumn('path', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('type', 'text', (column) => column.notNull().defaultTo(DEFAULTS.type))
			.addColumn('subject', 'text', (column) => column.notNull().defaultTo(DEFAULTS.subject))
			.addColumn('time', 'bigint', (column) => column.notNull())
			.addColumn('hash', 'text', (column) => column.notNull().defaultTo(DEFAULTS.hash))
			.addColumn('payload', types.bytes, (column) => column.notNull())
			.addColumn('bytes', 'bigint', (column) => column.notNull().defaultTo(DEFAULTS.bytes))
			.addColumn('correlation_id', 'text', (column) => column.notNull().defaultTo(DEFAULTS.correlation_id))
			.addColumn('recovered', 'integer', (column) => column.notNull().defaultTo(DEFAULTS.recovered))
			.addColumn('replayed', 'integer', (column) => column.notNull().defaultTo(DEFAULTS.replayed))
			.addColumn('received_at', 'bigint', (column) => column.notNull())
			.addColumn('passed_at', 'bigint')
			.addColumn('done_at', 'bigint')
			.addColumn('state', 'text', (column) => column.notNull())
			.addColumn('due_at', 'bigint')
			.addColumn('hand_overs', 'integer', (column) => column.notNull().defaultTo(DEFAULTS.hand_overs))
			.addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(DEFAULTS.attempts))
			.addColumn('chances', 'integer')
			.addColumn('pause_ms', 'bigint', (column) => column.notNull().defaultTo(DEFAULTS.pause_ms))
			.addColumn('execution', 'text')
			.addColumn('runs', 'text')
			.addColumn('token', 'text')
			.addColumn('reason', 'text')
			.addColumn('deliveries', 'text', (column) => column.notNull().defaultTo(DEFAULTS.deliveries))
			.addColumn('delivery_count', 'integer', (column) => column.notNull().defaultTo(DEFAULTS.delivery_count))
			.addColumn('keep_until', 'bigint')
			.addColumn('prune_at', 'bigint')
			.addColumn('forgotten', 'integer', (column) => column.notNull().defaultTo(DEFAULTS.forgotten))
			.execute();
		const index = (name: string, ...columns: string[]) => schema.createIndex(name).on('event').columns(columns);
		await index('event_by_key', 'stream', 'event_key').unique().execute();
		await index('event_by_twin', 'stream', 'twin_key').unique().where(sql.ref('twin_key'), 'is not', null).execute();
		await index('event_by_match', 'stream', 'match_key', 'time')
			.where(sql.ref('match_key'), 'is not', null)
			.where(sql.ref('twin_key'), 'is', null)
			.execute();
		await index('event_by_signed', 'stream', 'signed').where(sql.ref('signed'), 'is not', null).execute();
		await index('event_by_version', 'stream', 'entity', 'version')
			.where(sql.ref('entity'), 'is not', null)
			.where(sql.ref('state'), 'in', ['claimed', 'done'])
			.execute();
		await index('event_by_due', 'stream', 'node', 'recovered', 'due_at', 'seq')
			.where(sql.ref('due_at'), 'is not', null)
			.execute();
		await index('event_by_execution', 'execution').where(sql.ref('state'), '=', 'claimed').execute();
		await index('event_by_token', 'token').where(sql.ref('state'), '=', 'claimed').execute();
		await index('event_by_prune', 'prune_at').where(sql.ref('prune_at'), 'is not', null).execute();
		await index('event_by_arrival', 'stream', 'received_at', 'seq').execute();
		await index('event_by_subject', 'stream', 'subject', 'received_at').where(sql.ref('subject'), '<>', '').execute();
		await index('event_by_death', 'stream', 'received_at').where(sql.ref('state'), '=', 'dead').execute();
		await index('event_by_forgetting', 'stream').where(sql.ref('forgotten'), '=', 1).execute();
		await schema
			.createTable('cursor')
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('resource', 'text', (column) => column.notNull())
			.addColumn('position', 'text', (column) => column.notNull())
			.addColumn('reads_from', 'bigint', (column) => column.notNull())
			.addColumn('updated_at', 'bigint', (column) => column.notNull())
			.addPrimaryKeyConstraint('cursor_key', ['stream', 'node', 'resource'])
			.execute();
		await schema
			.createTable('node')
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('workflow', 'text', (column) => column.notNull())
			.addColumn('name', 'text', (column) => column.notNull())
			.addColumn('role', 'text', (column) => column.notNull())
			.addColumn('provider', 'text', (column) => column.notNull())
			.addColumn('sender', 'text', (column) => column.notNull().defaultTo(''))
			.addColumn('expects', 'text', (column) => column.notNull().defaultTo('{}'))
			.addColumn('retired_at', 'bigint')
			.addColumn('url', 'text', (column) => column.notNull().defaultTo(''))
			.addColumn('lease_token', 'text')
			.addColumn('lease_until', 'bigint', (column) => column.notNull())
			.addColumn('not_before', 'bigint', (column) => column.notNull())
			.addPrimaryKeyConstraint('node_key', ['stream', 'node', 'role'])
			.execute();
		await schema
			.createTable('counter')
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('span', 'bigint', (column) => column.notNull())
			.addColumn('at', 'bigint', (column) => column.notNull())
			.addColumn('name', 'text', (column) => column.notNull())
			.addColumn('label', 'text', (column) => column.notNull())
			.addColumn('bucket', 'integer', (column) => column.notNull())
			.addColumn('value', 'bigint', (column) => column.notNull())
			.addColumn('last_at', 'bigint', (column) => column.notNull())
			.addPrimaryKeyConstraint('counter_key', ['stream', 'name', 'span', 'at', 'label', 'bucket'])
			.execute();
		await schema.createIndex('counter_by_age').on('counter').columns(['span', 'at', 'stream']).execute();
		await schema
			.createTable('stream')
			.addColumn('stream', 'text', (column) => column.primaryKey())
			.addColumn('began_at', 'bigint', (column) => column.notNull())
			.addColumn('used_at', 'bigint', (column) => column.notNull())
			.execute();
		await schema.createIndex('stream_by_use').on('stream').column('used_at').execute();
	},
	async ({ schema }) => {
		await schema
			.alterTable('node')
			.addColumn('state', 'text', (column) => column.notNull().defaultTo('{}'))
			.execute();
	},
	async ({ schema }) => {
		await schema
			.createTable('subscription')
			.addColumn('stream', 'text', (column) => column.notNull())
			.addColumn('node', 'text', (column) => column.notNull())
			.addColumn('state', 'text', (column) => column.notNull())
			.addColumn('lease_token', 'text')
			.addColumn('lease_until', 'bigint', (column) => column.notNull())
			.addPrimaryKeyConstraint('subscription_key', ['stream', 'node'])
			.execute();
	},
];

/**
 * Brings a ledger to this code's schema. Call it inside the backend's write transaction.
 *
 * @throws HybridSyncError `ledger-too-new` where a newer version has said that this one must not touch the ledger
 */
export async function migrate(db: Kysely<Tables>, types: ColumnTypes): Promise<{ ledgerId: string; secret: string }> {
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
	for (const step of steps.slice(version)) await step(db, types);
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
