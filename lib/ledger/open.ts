import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from './backend';
import { type Ledger, createLedger } from './ledger';
import { openSqlite } from './sqlite';

const REGISTRY = Symbol.for('n8n-nodes-hybrid-sync.backends.1');

/**
 * The open backends of this process, by file. They live on the process and not in this module, because n8n can load the
 * bundle a second time after an upgrade in place, and two connections of one process would only wait for each other.
 */
function backends(): Map<string, Promise<Backend>> {
	const holder = globalThis as unknown as Record<symbol, Map<string, Promise<Backend>> | undefined>;
	return (holder[REGISTRY] ??= new Map<string, Promise<Backend>>());
}

/** Where the embedded ledger lies: in n8n's user folder, which its documentation says to keep on a volume. */
export function embeddedLedgerFile(): string {
	return join(process.env['N8N_USER_FOLDER'] ?? homedir(), '.n8n', 'hybrid-sync', 'ledger.sqlite');
}

/**
 * The embedded ledger, opened once per process.
 *
 * @throws HybridSyncError `ledger-unavailable`, `ledger-too-new`; a later call tries again
 */
export async function openLedger(file = embeddedLedgerFile()): Promise<Ledger> {
	const open = backends();
	const known = open.get(file);
	if (known) {
		const backend = await known;
		if (backend.isCurrent()) return createLedger(backend);
		// Removed or replaced under our feet: what is written to the old one would be gone with this process.
		if (open.get(file) === known) open.delete(file);
	}
	let opening = open.get(file);
	if (!opening) {
		opening = openSqlite(file);
		open.set(file, opening);
		opening.catch(() => open.delete(file));
	}
	return createLedger(await opening);
}
