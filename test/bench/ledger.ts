import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ProviderEvent, createLedger, openSqlite } from '../../lib';

const BATCH = 1_000;
const SLICE = 250;
const ROUNDS = 15;
const STREAM = 'instance/workflow';

/**
 * The ledger's record and claim against a bare prepared loop that leaves the same rows, indexes and bytes in the same
 * number of transactions. Rounds alternate within one run, and the medians make the ratio.
 */
export async function benchLedger(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-bench-'));
	try {
		const file = join(folder, 'ledger.sqlite');
		const ledger = createLedger(await openSqlite(file));
		const bare = await bareLoop(join(folder, 'bare.sqlite'));
		const ours: number[] = [];
		const theirs: number[] = [];
		for (let round = 0; round < ROUNDS; round++) {
			const events = Array.from({ length: BATCH }, (_, index) => event(`push:${round}-${index}`));
			ours.push(
				await milliseconds(async () => {
					await ledger.record({
						stream: STREAM,
						node: 'n',
						path: 'webhook',
						events,
						correlationId: 'c',
						handsOver: true,
					});
					await ledger.claim({
						items: events.map(({ key }) => ({ stream: STREAM, key })),
						execution: `e${round}`,
						node: 'd',
						run: 0,
						settles: true,
					});
				}),
			);
			theirs.push(await milliseconds(() => bare(events)));
		}
		const [mine, other] = [median(ours), median(theirs)];
		console.log(`record + claim of ${BATCH}: ${mine.toFixed(1)} ms; bare loop: ${other.toFixed(1)} ms`);
		console.log(`ratio of rates: ${(other / mine).toFixed(2)}`);
		await ledger.close();
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function event(key: string): ProviderEvent {
	return {
		key,
		match: { key: `contact_added contacts/${key}`, toleranceMs: 900_000 },
		hash: 'a'.repeat(64),
		source: '/getresponse/accounts/A1',
		type: 'getresponse.contact_added',
		subject: `contacts/${key}`,
		time: 1_700_000_000_000,
		dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/getresponse/contact_added/1',
		data: { type: 'contact_added', contact: { contactId: key, email: `${key}@example.com`, note: 'x'.repeat(400) } },
	};
}

/** Inserts and updates what record and claim insert and update, with nothing in between. */
async function bareLoop(file: string): Promise<(events: readonly ProviderEvent[]) => Promise<void>> {
	await (await openSqlite(file)).close();
	const database = new DatabaseSync(file);
	database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
	const insert = database.prepare(
		`INSERT INTO event (stream, event_key, match_key, path, node, type, subject, time, hash, payload, correlation_id,
		 recovered, received_at, state, due_at, hand_overs, attempts, deliveries, delivery_count)
		 VALUES (?, ?, ?, 'webhook', 'n', ?, ?, ?, ?, ?, 'c', 0, ?, 'handed', ?, 1, 0, ?, 1)`,
	);
	const update = database.prepare(
		`UPDATE event SET state = 'done', due_at = NULL, attempts = 1, execution = ?, runs = '{"d":0}', token = ?
		 WHERE stream = ? AND event_key = ?`,
	);
	const deliveries = JSON.stringify([{ at: 1_700_000_000_000, path: 'webhook', by: 'c', outcome: 'new' }]);
	const inSlices = (events: readonly ProviderEvent[], work: (event: ProviderEvent) => void) => {
		for (let start = 0; start < events.length; start += SLICE) {
			database.exec('BEGIN IMMEDIATE');
			for (const one of events.slice(start, start + SLICE)) work(one);
			database.exec('COMMIT');
		}
	};
	return (events) => {
		inSlices(events, ({ key, match, type, subject, time, hash, source, dataschema, data }) => {
			const payload = JSON.stringify({ source, dataschema, data });
			insert.run(STREAM, key, match?.key ?? null, type, subject, time, hash, payload, time, time, deliveries);
		});
		inSlices(events, ({ key }) => {
			update.run('e', 't'.repeat(36), STREAM, key);
		});
		return Promise.resolve();
	};
}

async function milliseconds(work: () => Promise<void>): Promise<number> {
	const began = performance.now();
	await work();
	return performance.now() - began;
}

function median(values: readonly number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
