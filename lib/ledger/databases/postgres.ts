import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, sql } from 'kysely';
import { Client, type ClientConfig, DatabaseError, Pool, type PoolConfig, types } from 'pg';
import { HybridSyncError } from '../../base/errors';
import type { Backend } from './backend';
import { type ColumnTypes, type Tables, migrate } from '../tables/schema';

/** Where the shared ledger is. */
export interface PostgresOptions {
	readonly host: string;
	readonly port: number;
	readonly database: string;
	readonly user: string;
	readonly password: string;
	/**
	 * `disable`: no TLS; `require`: TLS, whoever answers; `verify-ca`: TLS, and the certificate comes from a known authority;
	 * `verify-full`: and it is for this host.
	 */
	readonly tls: 'disable' | 'require' | 'verify-ca' | 'verify-full';
	/** PEM text of the authority to trust, beside those that Node.js knows; empty for none. */
	readonly ca?: string;
	/** PEM texts of the client certificate and its key; empty for none. */
	readonly clientPem?: string;
	readonly privateKey?: string;
	readonly schema: string;
	/** Connections per process at the most. */
	readonly poolSize: number;
}

const COLUMN_TYPES: ColumnTypes = {
	sequence: 'bigserial',
	bytes: 'bytea',
	sortable: sql`text collate "C"`,
};

/** How long a statement may take, and a writer may wait for its turn. A provider waits five seconds for its answer. */
const STATEMENT_TIMEOUT_MS = 4_500;
const TURN_TIMEOUT_MS = 4_000;
/** A process that died in the middle of a transaction holds its stream no longer than this. */
const IDLE_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 4_000;
/** How long an operation goes on trying while the server is away, as for a restart. Senders of webhooks send again. */
const RETRY_FOR_MS = 20_000;

// All of ours fit into a number, and this copy of the client is bundled for us alone.
types.setTypeParser(types.builtins.INT8, Number);

/**
 * Opens a ledger in Postgres, which any number of processes on any number of hosts may share.
 *
 * @param settings `retryForMs`: how long an operation goes on trying while the server is away, e.g. for a restart
 * @throws HybridSyncError `ledger-unavailable` where the server cannot be reached or refuses, `ledger-too-new`
 */
export async function openPostgres(
	options: PostgresOptions,
	{ retryForMs = RETRY_FOR_MS }: { readonly retryForMs?: number } = {},
): Promise<Backend> {
	const pool = new Pool(poolConfig(options));
	// A connection that breaks is replaced by the next query; unheard, its error would end n8n.
	pool.on('error', () => undefined);
	pool.on('connect', (client) => client.on('error', () => undefined));
	let closed = false;
	const bare = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: healing(pool) }) });
	const db = bare.withSchema(options.schema);

	const transaction = async <T>(lock: string, work: (db: Kysely<Tables>) => Promise<T>): Promise<T> =>
		await db.connection().execute(async (connection) => {
			try {
				// One writer at a time in each stream, in whatever process. Later statements see what the one before left.
				await sql.raw(BEGIN + lockOf(lock)).execute(connection);
				const result = await work(connection);
				await sql`commit`.execute(connection);
				return result;
			} catch (error) {
				await sql`rollback`.execute(connection).catch(() => undefined);
				throw error;
			}
		});
	/** Runs it again while the server is away. Whether a transaction was committed whose answer was lost, `again` leaves open. */
	const persistently = async <T>(work: (again: boolean) => Promise<T>): Promise<T> => {
		const deadline = performance.now() + retryForMs;
		let again = false;
		for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
			try {
				return await work(again);
			} catch (error) {
				if (error instanceof HybridSyncError) throw error;
				if (!isPassing(error) || performance.now() + pause > deadline) throw unavailable(options, error);
				again = true;
				await sleep(pause * (0.5 + Math.random()));
			}
		}
	};
	const write: Backend['write'] = async (stream, work) =>
		await persistently(
			async (again) =>
				await transaction(`${options.schema}/${stream}`, async (connection) => await work(connection, again)),
		);

	try {
		const { ledgerId, secret } = await persistently(
			async () =>
				await transaction(`${options.schema} migration`, async (connection) => {
					await createSchema(connection, options.schema);
					return await migrate(connection, COLUMN_TYPES);
				}),
		);
		return {
			db,
			ledgerId,
			secret,
			isCurrent: () => !closed,
			read: async (work) => await persistently(async () => await work(db)),
			write,
			purge: () => Promise.resolve('vacuum'),
			close: async () => {
				closed = true;
				await bare.destroy();
			},
		};
	} catch (error) {
		await bare.destroy();
		throw error;
	}
}

/** Sent as one message, to save the time of a round trip for each. */
const BEGIN = `
	begin isolation level read committed;
	set local statement_timeout = ${STATEMENT_TIMEOUT_MS};
	set local lock_timeout = ${TURN_TIMEOUT_MS};
	set local idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS};`;

/** Takes a lock for the time of the transaction. Two names that share a number only wait for each other. */
function lockOf(name: string): string {
	const number = createHash('sha256').update(name).digest().readBigInt64BE();
	return `select pg_advisory_xact_lock(${number})`;
}

/**
 * The pool as Kysely sees it: a connection on which anything else went wrong than the server's own refusal of a statement is
 * not lent again, or one that has gone silent would be given to the next caller, and the next.
 */
function healing(pool: Pool): PostgresPool {
	return {
		options: {},
		connect: async () => {
			const client = await pool.connect();
			let broken = false;
			const query = async (text: string, values: readonly unknown[]) => {
				try {
					return await client.query(text, [...values]);
				} catch (error) {
					broken ||= !(error instanceof DatabaseError);
					throw error;
				}
			};
			return {
				query: query as unknown as PostgresPoolClient['query'],
				release: () => {
					client.release(broken);
				},
			};
		},
		end: async () => {
			await pool.end();
		},
	};
}

/** A client that takes nothing from n8n's environment: `PGOPTIONS` is meant for other programs. */
class OwnClient extends Client {
	constructor(config?: string | ClientConfig) {
		super(config);
		// A setting that the types do not know; given in the configuration, an empty one would be replaced by the environment's.
		const { connectionParameters } = this as unknown as { connectionParameters: { options?: string | undefined } };
		connectionParameters.options = undefined;
	}
}

function poolConfig(options: PostgresOptions): PoolConfig {
	const { host, port, database, user, password, poolSize } = options;
	return {
		host,
		port,
		database,
		user,
		// As a function: an empty password would be replaced by PGPASSWORD, or by one of a pgpass file.
		password: () => password,
		Client: OwnClient,
		ssl: tlsOf(options),
		max: poolSize,
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
		idleTimeoutMillis: 30_000,
		keepAlive: true,
		application_name: 'n8n-nodes-hybrid-sync',
		// A server that went away without a word is noticed.
		query_timeout: STATEMENT_TIMEOUT_MS + 500,
		allowExitOnIdle: true,
	};
}

function tlsOf({ tls, ca, clientPem, privateKey }: PostgresOptions): PoolConfig['ssl'] {
	if (tls === 'disable') return false;
	return {
		rejectUnauthorized: tls !== 'require',
		...(tls !== 'verify-full' && { checkServerIdentity: () => undefined }),
		...(ca && { ca }),
		...(clientPem && { cert: clientPem }),
		...(privateKey && { key: privateKey }),
	};
}

async function createSchema(db: Kysely<Tables>, schema: string): Promise<void> {
	const found = await sql`select 1 from pg_namespace where nspname = ${schema}`.execute(db);
	// Not `if not exists`, which asks for the right to create even where there is nothing to do.
	if (found.rows.length === 0) await sql`create schema ${sql.id(schema)}`.execute(db);
}

/** Trouble that a server restart or a failover brings and takes away, and conflicts that the next try does not meet. */
function isPassing(error: unknown): boolean {
	const code = codeOf(error);
	return (
		// Connection exceptions; shutdowns and starts; a standby; serialization failure and deadlock.
		/^(08...|57P0[123]|25006|40001|40P01)$/.test(code) ||
		['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH'].includes(code) ||
		/connection terminated|connection error|not queryable|query read timeout|timeout exceeded when trying to connect/i.test(
			messageOf(error),
		)
	);
}

/** What an error stands for: the pool wraps errors, and several addresses may have been tried. */
function root(error: unknown): { readonly code?: unknown; readonly message?: unknown } {
	const { cause, errors, code } = error as { cause?: unknown; errors?: readonly unknown[]; code?: unknown };
	const inner = cause ?? errors?.[0];
	return inner !== undefined && typeof code !== 'string' ? root(inner) : (error as object);
}

const codeOf = (error: unknown): string => {
	const { code } = root(error);
	return typeof code === 'string' ? code : '';
};

const messageOf = (error: unknown): string => {
	const { message } = root(error);
	return typeof message === 'string' ? message : String(error);
};

function unavailable({ host, port, database }: PostgresOptions, cause: unknown): HybridSyncError {
	return new HybridSyncError(
		'ledger-unavailable',
		`The sync ledger in Postgres at ${host}:${port}/${database} cannot be used (${reasonOf(cause)}). Nothing that was stored is lost.`,
		{ cause },
	);
}

/** What a server says in its own codes, as something to do. */
function reasonOf(cause: unknown): string {
	const message = messageOf(cause);
	switch (codeOf(cause)) {
		case 'ECONNREFUSED':
			return 'nothing answers there: check the host and the port, and that the server runs';
		case 'ENOTFOUND':
			return 'the host name is not known: check its spelling';
		case '28P01':
		case '28000':
			return `${message}: check the user, the password and the server's pg_hba.conf`;
		case '3D000':
			return `${message}: create it, or correct the name`;
		case '42501':
			return `${message}: let the user create the schema, or create it and make the user its owner`;
		case '57014':
			return `${message}: the server is too busy, or its disk too slow`;
		case '55P03':
			return 'other writers kept it waiting too long';
		case '53300':
			return `${message}: lower the pool size, or raise the server's max_connections`;
		case '53100':
			return `${message}: free some space on the server's disk`;
		case 'DEPTH_ZERO_SELF_SIGNED_CERT':
		case 'SELF_SIGNED_CERT_IN_CHAIN':
		case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
			return `${message}: enter the certificate of the authority that signed the server's certificate`;
		case 'ERR_TLS_CERT_ALTNAME_INVALID':
			return `${message}: use the name that the certificate is for, or choose Verify CA`;
		default:
			return message.includes('does not support SSL')
				? 'it has no TLS: choose Disable under TLS, or switch TLS on at the server'
				: message;
	}
}
