import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement, sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import { HybridSyncError } from '../../base/errors';
import type { Backend } from './backend';
import { type ColumnTypes, type Tables, migrate } from '../tables/schema';

const COLUMN_TYPES: ColumnTypes = { sequence: 'integer', bytes: 'blob', sortable: 'text' };

/** How long a writer waits for its turn before it gives up. A provider waits five seconds for its answer. */
const TURN_TIMEOUT_MS = 4_000;
/** SQLite's primary result codes; the first two say that another connection holds the lock. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/**
 * Opens the embedded ledger: one SQLite file that several processes on this host may share. A write is on disk when it
 * returns (`synchronous=FULL`).
 *
 * @param file path of the database; its folder is created, both readable by their owner alone
 * @throws HybridSyncError `ledger-unavailable` where the file cannot be opened, `ledger-too-new`
 */
export async function openSqlite(file: string): Promise<Backend> {
	const database = openDatabase(file);
	const opened = inode(file);
	let closed = false;
	const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: asKyselyDatabase(database) }) });
	const write = <T>(_stream: string, work: (db: Kysely<Tables>, again: boolean) => Promise<T>) => {
		const deadline = performance.now() + TURN_TIMEOUT_MS;
		// Kysely lends its one connection to one caller at a time, so writers of this process queue up here.
		return db.connection().execute(async (connection) => {
			await beginImmediate(connection, file, deadline);
			try {
				const result = await work(connection, false);
				await sql`commit`.execute(connection);
				return result;
			} catch (error) {
				// SQLite has rolled back by itself where the disk was full.
				if (database.isTransaction) await sql`rollback`.execute(connection);
				throw isSqlite(error) ? unavailable(file, error) : error;
			}
		});
	};
	try {
		const { ledgerId, secret } = await write('', async (connection) => await migrate(connection, COLUMN_TYPES));
		return {
			db,
			ledgerId,
			secret,
			isCurrent: () => !closed && inode(file) === opened,
			read: async (work) => {
				try {
					return await work(db);
				} catch (error) {
					throw isSqlite(error) ? unavailable(file, error) : error;
				}
			},
			write,
			purge: async () => await purge(db, file),
			close: async () => {
				closed = true;
				await db.destroy();
			},
		};
	} catch (error) {
		await db.destroy();
		throw error;
	}
}

/** How long to wait for other processes that are reading. */
const PURGE_TIMEOUT_MS = 2_000;
/** A larger ledger would keep its writers waiting for too long. */
const MAX_VACUUM_BYTES = 100 * 1024 * 1024;

/**
 * Removes what was erased from the files: `secure_delete` overwrites what is freed, but parts of rows stay behind where pages
 * were rearranged, and all of it in the write-ahead log. So the database is written anew, in a thread of its own, and the log
 * is emptied.
 */
async function purge(db: Kysely<Tables>, file: string): Promise<'purged' | 'pending' | 'vacuum'> {
	const isLarge = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_VACUUM_BYTES;
	if (!isLarge && !(await vacuum(file))) return 'pending';
	const isEmptied = await truncateLog(db);
	if (!isEmptied) return 'pending';
	return isLarge ? 'vacuum' : 'purged';
}

const VACUUM = `
	const { workerData } = require('node:worker_threads');
	const { DatabaseSync } = require('node:sqlite');
	const database = new DatabaseSync(workerData, { timeout: ${PURGE_TIMEOUT_MS} });
	database.exec('PRAGMA secure_delete = ON; VACUUM;');
	database.close();`;

/** @returns whether it was done; a full disk or a busy ledger is tried again with the next prune */
async function vacuum(file: string): Promise<boolean> {
	return await new Promise((resolve) => {
		const worker = new Worker(VACUUM, { eval: true, workerData: file, execArgv: [], stdout: true, stderr: true });
		worker.once('error', () => {
			resolve(false);
		});
		worker.once('exit', (code) => {
			resolve(code === 0);
		});
	});
}

/** @see https://www.sqlite.org/pragma.html#pragma_wal_checkpoint */
async function truncateLog(db: Kysely<Tables>): Promise<boolean> {
	const deadline = performance.now() + PURGE_TIMEOUT_MS;
	for (;;) {
		try {
			const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db);
			if (rows[0]?.busy === 0) return true;
		} catch (error) {
			if (!isBusy(error)) return false;
		}
		if (performance.now() > deadline) return false;
		await sleep(2 + Math.random() * 20);
	}
}

/** Which file lies at a path; nothing where there is none. */
function inode(file: string): bigint | undefined {
	return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
}

function openDatabase(file: string): DatabaseSync {
	try {
		mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
		const database = new DatabaseSync(file, { timeout: 1_000 });
		chmodSync(file, 0o600);
		// What is forgotten is overwritten with zeros.
		database.exec(
			'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -32000;',
		);
		// From here on waiting is done between tries, off the event loop.
		database.exec('PRAGMA busy_timeout = 0;');
		return database;
	} catch (error) {
		throw unavailable(file, error);
	}
}

async function beginImmediate(connection: Kysely<Tables>, file: string, deadline: number): Promise<void> {
	for (;;) {
		try {
			await sql`begin immediate`.execute(connection);
			return;
		} catch (error) {
			if (!isBusy(error) || performance.now() > deadline) throw unavailable(file, error);
			// Random, so that several waiting processes do not keep meeting.
			await sleep(2 + Math.random() * 20);
		}
	}
}

function isSqlite(error: unknown): error is Error & { errcode: number } {
	return typeof error === 'object' && error !== null && 'errcode' in error && typeof error.errcode === 'number';
}

function isBusy(error: unknown): boolean {
	const code = isSqlite(error) ? error.errcode & 0xff : undefined;
	return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

function unavailable(file: string, cause: unknown): HybridSyncError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	return new HybridSyncError(
		'ledger-unavailable',
		`The sync ledger at ${file} cannot be used (${reason}). ${adviceOn(cause)} Nothing that was stored is lost.`,
		{ cause },
	);
}

/** @see https://www.sqlite.org/rescode.html */
function adviceOn(cause: unknown): string {
	switch (isSqlite(cause) ? cause.errcode & 0xff : undefined) {
		case SQLITE_BUSY:
		case SQLITE_LOCKED:
			return 'Other processes keep it busy; it is tried again with the next event.';
		case SQLITE_FULL:
			return 'Free some space on its disk.';
		case SQLITE_NOTADB:
		case SQLITE_CORRUPT:
			return 'The file is damaged, or no ledger: put a backup in its place, or move it away, and polling goes on where it had come.';
		default:
			return 'Check that its folder exists and n8n may write there.';
	}
}

/** Statements kept prepared; lists of 1 to 250 keys make many texts of one query. */
const MAX_PREPARED = 500;

/** Gives `node:sqlite` the shape that Kysely's SQLite dialect expects, and keeps the latest statements prepared. */
function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
	const prepared = new LRUCache<string, SqliteStatement>({ max: MAX_PREPARED });
	return {
		close: () => {
			database.close();
		},
		prepare: (text) => {
			let statement = prepared.get(text);
			if (!statement) prepared.set(text, (statement = asKyselyStatement(database.prepare(text))));
			return statement;
		},
	};
}

function asKyselyStatement(statement: StatementSync): SqliteStatement {
	const values = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
	return {
		reader: statement.columns().length > 0,
		all: (parameters) => statement.all(...values(parameters)),
		run: (parameters) => statement.run(...values(parameters)),
		iterate: (parameters) => statement.iterate(...values(parameters)),
	};
}
