import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	type Claimable,
	HybridSyncError,
	type Ledger,
	type PostgresOptions,
	type ProviderEvent,
	createLedger,
	openPostgres,
	openSqlite,
	sortableNumber,
} from '../../lib';
import { type TestPostgres, startPostgres } from './postgres';

export const STREAM = 'instance/workflow';

export const event = (key: string, changes: Partial<ProviderEvent> = {}): ProviderEvent => ({
	key,
	hash: 'h',
	source: '/s',
	type: 't',
	subject: 's',
	time: Date.now(),
	dataschema: 'urn:x',
	data: { key },
	...changes,
});

/** A version as the ledger keeps it. */
export const sortable = (version: number): string => sortableNumber(String(version)) ?? '';

export const recordOf = (events: ProviderEvent[], path: 'webhook' | 'poll' = 'webhook') => ({
	stream: STREAM,
	node: 'n',
	path,
	events,
	correlationId: 'c',
	handsOver: path === 'webhook',
});

export const claimOf = (keys: readonly (string | Omit<Claimable, 'stream'>)[], execution: string, settles = true) => ({
	items: keys.map((key) => ({ stream: STREAM, ...(typeof key === 'string' ? { key } : key) })),
	execution,
	node: 'd',
	run: 0,
	settles,
});

export const outcomes = (results: readonly { outcome: string }[]) => results.map(({ outcome }) => outcome);

export type BackendKind = 'sqlite' | 'postgres';
export const BACKENDS: readonly BackendKind[] = ['sqlite', 'postgres'];

/** Where a ledger lies; can be sent to another process. */
export type Place = string | PostgresOptions;

/** Opens a backend wherever it is. */
export const openBackend = async (place: Place) =>
	typeof place === 'string' ? await openSqlite(place) : await openPostgres(place);

/**
 * On a machine that is busy enough, a writer may not get its turn in the seconds that it waits. Nothing has happened then, and
 * it tries again, as providers and n8n do.
 */
export async function untilItsTurn<T>(work: () => Promise<T>): Promise<T> {
	for (;;) {
		try {
			return await work();
		} catch (error) {
			if (!(error instanceof HybridSyncError) || error.code !== 'ledger-unavailable') throw error;
		}
	}
}

/** Empty ledgers of one kind for the tests of a file, all gone when they end. */
export function useLedgers(kind: BackendKind, flags: readonly string[] = ['-c', 'fsync=off']) {
	let postgres: TestPostgres | undefined;
	let folder = '';
	const open: Ledger[] = [];
	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-ledgers-'));
		if (kind === 'postgres') postgres = await startPostgres(flags);
	}, 60_000);
	afterAll(async () => {
		for (const ledger of open) await ledger.close();
		await postgres?.stop();
		rmSync(folder, { recursive: true, force: true });
	}, 60_000);
	const place = (): Place => postgres?.options() ?? join(mkdtempSync(join(folder, 'l-')), 'ledger.sqlite');
	return {
		place,
		async open(at: Place = place(), clock?: () => number): Promise<Ledger> {
			const ledger = createLedger(await openBackend(at), clock);
			open.push(ledger);
			return ledger;
		},
		restart: async () => await postgres?.restart(),
	};
}
