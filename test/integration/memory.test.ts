import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedger, openSqlite } from '../../lib';
import { event } from '../support/ledger';
import { HOSTILE_ANSWERS, MIB, runInSmallHeap, serving } from './support/hostile';

/** What an API or a sender can make of our memory: each case runs in a process with 512 MB of heap, and again after it. */

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-memory-'));
});
afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

let ledgers = 0;
const freshLedger = () => join(folder, `${++ledgers}`, 'ledger.sqlite');

test.each(HOSTILE_ANSWERS)(
	'S19 $name: an error at once, and the process lives, also after a restart',
	async ({ body, isPacked, message }) => {
		const ledger = freshLedger();
		await serving(body, isPacked, async (baseUrl) => {
			for (let start = 0; start < 2; start++) {
				const report = await runInSmallHeap({ ledger, baseUrl, ticks: 1 });
				expect(report.failures).toEqual([expect.stringContaining(message)]);
				expect(report.states).toEqual({});
			}
		});
	},
	120_000,
);

test('S19 many rows that cannot be read: some are kept, the rest are counted, and the good ones beside them come', async () => {
	const rows = Array.from({ length: 24_000 }, (_, index) =>
		index % 100 === 0 ? { id: `good ${index}` } : { no: index },
	);
	await serving(Buffer.from(JSON.stringify(rows)), false, async (baseUrl) => {
		const { states, emitted } = await runInSmallHeap({ ledger: freshLedger(), baseUrl, ticks: 1 });
		expect(emitted[0]?.events).toBe(240);
		expect(states).toEqual({ handed: 240, dead: 251 });
	});
}, 120_000);

/** A ledger in which large events wait. */
async function waiting(count: number, bytes: number): Promise<string> {
	const file = freshLedger();
	const ledger = createLedger(await openSqlite(file));
	for (let index = 0; index < count; index++) {
		const large = event(`k${index}`, { data: { text: 'x'.repeat(bytes) } });
		await ledger.record({
			stream: 's',
			node: 'n',
			path: 'poll',
			events: [large],
			correlationId: 'c',
			handsOver: false,
		});
	}
	await ledger.close();
	return file;
}

describe('S21 100 waiting events of 10 MB', () => {
	let ledger: string;
	beforeAll(async () => {
		ledger = await waiting(100, 10 * MIB);
	}, 120_000);

	test('are looked up one at a time', async () => {
		const { also } = await runInSmallHeap({ ledger, ticks: 0, also: 'look up' });
		expect(also).toMatchObject({ events: 1, goesOn: true });
	}, 120_000);

	test('are handed over one by one', async () => {
		const { emitted } = await runInSmallHeap({ ledger, ticks: 3 });
		expect(emitted.map(({ events }) => events)).toEqual([1, 1, 1]);
	}, 120_000);

	test('are replayed one at a time', async () => {
		const { also } = await runInSmallHeap({ ledger, ticks: 0, also: 'replay' });
		expect(also).toMatchObject({ events: 1, goesOn: true });
	}, 120_000);
});

describe('S21 20 waiting events of 1 MB', () => {
	test.each(['look up', 'replay'] as const)(
		'%s gives up to 8 MiB of them',
		async (what) => {
			const { also } = await runInSmallHeap({ ledger: await waiting(20, 1_000_000), ticks: 0, also: what });
			expect(also).toMatchObject({ events: 8, goesOn: true });
		},
		120_000,
	);

	test('are handed over up to 8 MiB at once, and none is left out', async () => {
		const { emitted } = await runInSmallHeap({ ledger: await waiting(20, 1_000_000), ticks: 3 });
		expect(emitted.map(({ events }) => events)).toEqual([8, 8, 4]);
		for (const { bytes } of emitted) expect(bytes).toBeLessThan(9 * MIB);
	}, 120_000);
});
