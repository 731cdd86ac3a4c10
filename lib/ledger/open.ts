import { homedir } from 'node:os';
import { join } from 'node:path';
import { hashOf } from '../base/hash';
import type { Backend } from './databases/backend';
import { type Ledger, createLedger } from './ledger';
import { type PostgresOptions, openPostgres } from './databases/postgres';
import { SCHEMA_VERSION } from './tables/schema';
import { openSqlite } from './databases/sqlite';

/** By schema: what an older bundle has opened it has not migrated for a newer one. */
const REGISTRY = Symbol.for(`n8n-nodes-hybrid-sync.backends.${SCHEMA_VERSION}`);

/**
 * The open backends of this process, by their place. They live on the process and not in this module, because n8n can load
 * the bundle a second time after an upgrade in place, and two connections of one process would only wait for each other.
 */
function backends(): Map<string, Promise<Backend>> {
	const holder = globalThis as unknown as Record<symbol, Map<string, Promise<Backend>> | undefined>;
	return (holder[REGISTRY] ??= new Map<string, Promise<Backend>>());
}

/** The rules over each backend. */
const ledgers = new WeakMap<Backend, Ledger>();

/** Where the embedded ledger lies: in n8n's user folder, which its documentation says to keep on a volume. */
function embeddedLedgerFile(): string {
	return join(process.env['N8N_USER_FOLDER'] ?? homedir(), '.n8n', 'hybrid-sync', 'ledger.sqlite');
}

/**
 * A ledger, opened once per process.
 *
 * @param place a file, or the Postgres database that several processes share
 * @throws HybridSyncError `ledger-unavailable`, `ledger-too-new`; a later call tries again
 */
export async function openLedger(place: string | PostgresOptions = embeddedLedgerFile()): Promise<Ledger> {
	const backend =
		typeof place === 'string' ? await open(place, openSqlite, place) : await open(nameOf(place), openPostgres, place);
	let ledger = ledgers.get(backend);
	if (!ledger) ledgers.set(backend, (ledger = createLedger(backend)));
	return ledger;
}

async function open<P>(name: string, opener: (place: P) => Promise<Backend>, place: P): Promise<Backend> {
	const known = backends();
	const earlier = known.get(name);
	if (earlier) {
		const backend = await earlier;
		if (backend.isCurrent()) return backend;
		// Closed, or removed or replaced under our feet: what is written to that one would be gone with this process.
		if (known.get(name) === earlier) known.delete(name);
	}
	let opening = known.get(name);
	if (!opening) {
		opening = opener(place);
		known.set(name, opening);
		opening.catch(() => known.delete(name));
	}
	return await opening;
}

/** Tells connections apart without keeping a password as a key. */
function nameOf(options: PostgresOptions): string {
	return `postgres ${hashOf(Object.entries(options).sort())}`;
}
