import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, type Ledger, type ProviderEvent, createLedger } from '../../lib';
import { type Place, openBackend } from '../support/ledger';
import { fillHistory, keyOf } from '../support/history';
import { startPostgres } from '../support/postgres';
import { median, milliseconds } from './support';

const SMALL = 10_000;
const LARGE = Number(process.env['KEYS'] ?? 10_000_000);
const ROUNDS = 25;
const BATCH = 250;
const STREAM = 'instance/workflow';

/** What the same work costs with a short history and with a very long one, in one run, in both databases. */
export async function benchHistory(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-history-'));
	const postgres = await startPostgres(['-c', 'maintenance_work_mem=1GB', '-c', 'max_wal_size=8GB']);
	try {
		for (const kind of ['sqlite', 'postgres'] as const) {
			const place = (name: string): Place =>
				kind === 'postgres' ? postgres.options() : join(folder, `${name}.sqlite`);
			const [small, large] = [place('small'), place('large')];
			await fillHistory(small, SMALL);
			const filling = await milliseconds(async () => {
				await fillHistory(large, LARGE);
			});
			console.log(`\n${kind}: ${LARGE.toLocaleString('en')} keys of history made in ${(filling / 1000).toFixed(0)} s`);
			await compare(small, large);
		}
	} finally {
		await postgres.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

async function compare(small: Place, large: Place): Promise<void> {
	const ledgers = [createLedger(await openBackend(small)), createLedger(await openBackend(large))] as const;
	const sizes = [SMALL, LARGE] as const;
	const operations: Record<string, (ledger: Ledger, round: number, size: number) => Promise<unknown>> = {
		'record new events': async (ledger, round) => await record(ledger, newEvents(round)),
		'claim them': async (ledger, round) =>
			await claim(
				ledger,
				newEvents(round).map((event) => event.key),
				round,
			),
		'claim what has passed long ago': async (ledger, round, size) =>
			await claim(
				ledger,
				Array.from({ length: BATCH }, (_, index) => keyOf(((round * BATCH + index) * 6_151) % size || 1)),
				-1 - round,
			),
		'hand over': async (ledger) => await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 100 }),
		'look up the newest': async (ledger) => await ledger.lookUp(STREAM, {}, { limit: 50 }),
		'get the health': async (ledger) =>
			await ledger.facts(STREAM, { periodMs: DAY, windowMs: 30 * DAY, freshWithinMs: HOUR }),
		prune: async (ledger) => await ledger.prune(),
	};
	for (const [name, operation] of Object.entries(operations)) {
		const times: [number[], number[]] = [[], []];
		for (let round = 0; round < ROUNDS; round++) {
			for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
				times[which].push(await milliseconds(async () => await operation(ledgers[which], round, sizes[which])));
			}
		}
		const [few, many] = [median(times[0]), median(times[1])];
		console.log(`${name}: ${few.toFixed(1)} ms and ${many.toFixed(1)} ms; ratio ${(many / few).toFixed(2)}`);
	}
	for (const ledger of ledgers) await ledger.close();
}

const newEvents = (round: number): ProviderEvent[] =>
	Array.from({ length: BATCH }, (_, index) => ({
		key: `new:${keyOf(round * BATCH + index)}`,
		match: { key: `m${round}-${index}`, toleranceMs: 60_000 },
		hash: 'h',
		source: '/s',
		type: 't',
		subject: `s${index}`,
		time: Date.now(),
		dataschema: 'urn:x',
		data: { round, index },
	}));

const record = async (ledger: Ledger, events: readonly ProviderEvent[]) =>
	await ledger.record({ stream: STREAM, node: 'n', path: 'webhook', events, correlationId: 'c', handsOver: true });

const claim = async (ledger: Ledger, keys: readonly string[], execution: number) =>
	await ledger.claim({
		items: keys.map((key) => ({ stream: STREAM, key })),
		execution: `e${execution}`,
		node: 'd',
		run: 0,
		settles: true,
	});
