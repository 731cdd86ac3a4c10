import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Ledger, type ProviderEvent, createLedger } from '../../lib';
import type { Backend } from '../../lib/ledger/databases/backend';
import type { StoredEvent } from '../../lib/ledger/tables/rows';
import { type BackendKind, type Place, openBackend } from '../support/ledger';
import { type TestPostgres, startPostgres } from '../support/postgres';
import { connect } from '../support/history';
import { type Bare, bareAt, longestHold, median, milliseconds, quantile } from './support';

const BATCH = 1_000;
const SLICE = 250;
const ROUNDS = 15;
const SINGLES = 500;
const STREAM = 'instance/workflow';

/** The ledger against the least that any program would have to do, in both databases. Rounds alternate within one run. */
export async function benchLedger(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-bench-'));
	const postgres = await startPostgres();
	try {
		for (const kind of ['sqlite', 'postgres'] as const) {
			console.log(`\n${kind}`);
			await batches(kind, folder, postgres);
			await singles(kind, folder, postgres);
			await eventLoop(kind, folder, postgres);
			await sizes(kind, folder, postgres);
		}
	} finally {
		await postgres.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

const placeIn = (kind: BackendKind, folder: string, postgres: TestPostgres): Place =>
	kind === 'postgres' ? postgres.options() : join(mkdtempSync(join(folder, 'l-')), 'ledger.sqlite');

/** An event as a provider of contacts sends it, of about 700 bytes. */
function event(key: string, note = 'x'.repeat(400)): ProviderEvent {
	return {
		key,
		match: { key: `contact_added contacts/${key}`, toleranceMs: 900_000 },
		hash: 'a'.repeat(64),
		source: '/getresponse/accounts/A1',
		type: 'getresponse.contact_added',
		subject: `contacts/${key}`,
		time: Date.now(),
		dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/getresponse/contact_added/1',
		data: { type: 'contact_added', contact: { contactId: key, email: `${key}@example.com`, note } },
	};
}

const record = async (ledger: Ledger, events: readonly ProviderEvent[]) =>
	await ledger.record({ stream: STREAM, node: 'n', path: 'webhook', events, correlationId: 'c', handsOver: true });
const claim = async (ledger: Ledger, events: readonly ProviderEvent[], execution: string) =>
	await ledger.claim({
		items: events.map(({ key }) => ({ stream: STREAM, key })),
		execution,
		node: 'd',
		run: 0,
		settles: true,
	});

/** Record and claim of batches, against a prepared loop that writes the very same rows in as many transactions. */
async function batches(kind: BackendKind, folder: string, postgres: TestPostgres): Promise<void> {
	const place = placeIn(kind, folder, postgres);
	const bareplace = placeIn(kind, folder, postgres);
	const backend = await openBackend(place);
	await (await openBackend(bareplace)).close();
	const ledger = createLedger(backend);
	const rowsOf = async (events: readonly ProviderEvent[]) =>
		await backend.db
			.selectFrom('event')
			.selectAll()
			.where(
				'event_key',
				'in',
				events.map(({ key }) => key),
			)
			.execute();
	const bare = await bareAt(bareplace, Object.keys((await firstRow(ledger, rowsOf)) ?? {}) as (keyof StoredEvent)[]);
	const inSlices = async (rows: readonly StoredEvent[], slice: number, write: Bare['insert']) => {
		for (let start = 0; start < rows.length; start += slice) {
			await bare.transaction(async () => {
				for (const row of rows.slice(start, start + slice)) {
					const written = write(row);
					if (written) await written;
				}
			});
		}
	};
	const ours: number[] = [];
	const theirs: number[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const events = Array.from({ length: BATCH }, (_, index) => event(`push:${round}-${index}`));
		const recording = await milliseconds(async () => await record(ledger, events));
		const recorded = await rowsOf(events);
		const claiming = await milliseconds(async () => await claim(ledger, events, `e${round}`));
		const claimed = await rowsOf(events);
		ours.push(recording + claiming);
		theirs.push(
			await milliseconds(async () => {
				await inSlices(recorded, SLICE, bare.insert);
				await inSlices(claimed, BATCH, bare.update);
			}),
		);
	}
	const [mine, other] = [median(ours), median(theirs)];
	console.log(`record + claim of ${BATCH}: ${mine.toFixed(1)} ms; bare loop: ${other.toFixed(1)} ms`);
	console.log(`  ratio of rates: ${(other / mine).toFixed(2)}`);
	await bare.close();
	await ledger.close();
}

async function firstRow(
	ledger: Ledger,
	rowsOf: (events: readonly ProviderEvent[]) => Promise<StoredEvent[]>,
): Promise<StoredEvent | undefined> {
	const first = [event('first')];
	await record(ledger, first);
	return (await rowsOf(first))[0];
}

/** One event at a time, as webhooks bring them, against one row in a transaction of its own. */
async function singles(kind: BackendKind, folder: string, postgres: TestPostgres): Promise<void> {
	const ledger = createLedger(await openBackend(placeIn(kind, folder, postgres)));
	const bareplace = placeIn(kind, folder, postgres);
	const backend = await openBackend(bareplace);
	const source = createLedger(backend);
	const row = await firstRow(source, async () => await backend.db.selectFrom('event').selectAll().execute());
	await source.close();
	const columns = Object.keys(row ?? {}) as (keyof StoredEvent)[];
	const bare = await bareAt(bareplace, columns);
	const ours: number[] = [];
	const theirs: number[] = [];
	for (let index = 0; index < SINGLES; index++) {
		const one = event(`push:${index}`);
		ours.push(await milliseconds(async () => await record(ledger, [one])));
		const copy = { ...(row as StoredEvent), seq: index + 10, event_key: one.key, match_key: one.match?.key ?? null };
		theirs.push(
			await milliseconds(async () => {
				await bare.transaction(async () => {
					await bare.insert(copy);
				});
			}),
		);
	}
	for (const [name, fraction] of [
		['median', 0.5],
		['p99', 0.99],
	] as const) {
		const [mine, other] = [quantile(ours, fraction), quantile(theirs, fraction)];
		console.log(
			`single durable record, ${name}: ${mine.toFixed(2)} ms; one-row commit: ${other.toFixed(2)} ms; ratio ${(mine / other).toFixed(2)}`,
		);
	}
	await bare.close();
	await ledger.close();
}

/** The longest time for which nothing else in the process gets its turn. */
async function eventLoop(kind: BackendKind, folder: string, postgres: TestPostgres): Promise<void> {
	for (const [name, size] of [
		['small events', 400],
		['events of 10 KB', 10_000],
	] as const) {
		const ledger = createLedger(await openBackend(placeIn(kind, folder, postgres)));
		const events = Array.from({ length: 2_000 }, (_, index) =>
			event(
				`push:${index}`,
				Array.from({ length: size / 8 }, (_each, place) =>
					((index * 31 + place * 17) % 1e8).toString(36).padStart(8, 'x'),
				).join(''),
			),
		);
		const longest = await longestHold(async () => {
			// All at once would be one turn: it is the caller who makes the events ready.
			for (let start = 0; start < events.length; start += BATCH) {
				await record(ledger, events.slice(start, start + BATCH));
			}
			await claim(ledger, events, 'e');
		});
		console.log(`longest hold of the event loop, 2,000 ${name}: ${longest.toFixed(0)} ms`);
		await ledger.close();
	}
}

/** Bytes on disk for each event, indexes included, and what many events leave in memory. */
async function sizes(kind: BackendKind, folder: string, postgres: TestPostgres): Promise<void> {
	let now = Date.now();
	const place = placeIn(kind, folder, postgres);
	const backend: Backend = await openBackend(place);
	const ledger = createLedger(backend, () => now);
	const heaps: number[] = [];
	const count = 40_000;
	for (let start = 0; start < count; start += BATCH) {
		const events = Array.from({ length: BATCH }, (_, index) => event(`push:${start + index}`));
		await record(ledger, events);
		await claim(ledger, events, `e${start}`);
		global.gc?.();
		heaps.push(process.memoryUsage().heapUsed);
	}
	const full = await diskBytes(place);
	now += 8 * 24 * 3_600_000;
	// After a long pause, the first time only notes that it has passed.
	await ledger.prune();
	now += 600_000;
	await ledger.prune(count);
	const bare = await liveBytes(place);
	console.log(
		`bytes on disk per event: ${(full / count).toFixed(0)} with a payload of 700 bytes, ${(bare / count).toFixed(0)} once it is given up`,
	);
	const [early, late] = [median(heaps.slice(5, 15)), median(heaps.slice(-10))];
	console.log(`heap after ${count} events: ${((late - early) / 2 ** 20).toFixed(1)} MiB more than after 10,000`);
	await ledger.close();
}

async function diskBytes(place: Place): Promise<number> {
	if (typeof place === 'string') {
		const folder = dirname(place);
		return readdirSync(folder)
			.filter((file) => !file.endsWith('-wal') && !file.endsWith('-shm'))
			.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
	}
	const client = await connect(place);
	const { rows } = await client.query<{ size: string }>(
		`SELECT pg_total_relation_size('${place.schema}.event') AS size`,
	);
	await client.end();
	return Number(rows[0]?.size);
}

/** Without the pages that are free to be used again. */
async function liveBytes(place: Place): Promise<number> {
	if (typeof place === 'string') {
		const { DatabaseSync } = await import('node:sqlite');
		const database = new DatabaseSync(place);
		database.exec('VACUUM');
		database.close();
		return await diskBytes(place);
	}
	const client = await connect(place);
	await client.query(`VACUUM FULL ${place.schema}.event`);
	await client.end();
	return await diskBytes(place);
}
