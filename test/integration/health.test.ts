import fc from 'fast-check';
import { DAY, MINUTE, type Ledger, createLedger, healthOf } from '../../lib';
import { DEFAULT_TARGETS, countersFrom } from '../../lib/health/health';
import { connect, fillHistory } from '../support/history';
import { BACKENDS, STREAM, claimOf, event, openBackend, recordOf, useLedgers } from '../support/ledger';
import { type TestPostgres, startPostgres } from '../support/postgres';

const BEGIN = Date.parse('2026-03-01T00:00:30Z');

const options = { periodMs: 90 * DAY, targets: DEFAULT_TARGETS };
const healthIn = async (ledger: Ledger, now: number) =>
	healthOf(await ledger.facts(STREAM, countersFrom(now, options)), options);

describe.each(BACKENDS)('health in %s', (kind) => {
	const ledgers = useLedgers(kind);

	test('every figure is what was done', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'N', role: 'pull', provider: 'x' });
		const at = (key: string, more = {}) => event(key, { time: now, type: 'x.made', ...more });
		await ledger.record(recordOf([at('a'), at('b'), at('c', { type: 'x.other' })]));
		now += MINUTE;
		await ledger.record(recordOf([at('a'), at('b')]));
		await ledger.record({ ...recordOf([at('d')], 'poll'), expected: [{ 'x.made': BEGIN }] });
		await ledger.record({ ...recordOf([at('e', { type: 'x.polled' })], 'poll'), expected: [{ 'x.made': BEGIN }] });
		await ledger.record({ ...recordOf([at('old')], 'poll'), seen: true });
		await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 });
		await ledger.countRefusals(STREAM, { mismatch: 3, 'missing-signature': 1 });
		await ledger.recordDeadLetters({ stream: STREAM, node: 'n', path: 'webhook', correlationId: 'r', provider: 'x' }, [
			{ key: 'torn', reason: 'not JSON', data: '{' },
		]);
		now += 10_000;
		const claims = (keys: string[], execution: string) => ledger.claim(claimOf(keys, execution, false));
		await claims(['a', 'b', 'c', 'd'], '1');
		await claims(['a'], '2');
		now += 2_000;
		await ledger.confirm({ executions: ['1'], stream: STREAM });
		await claims(['e'], '3');
		await ledger.fail({ executions: ['3'], stream: STREAM }, 'no luck');
		now += 30 * MINUTE;
		await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 });
		await claims(['e'], '4');
		await ledger.replay(STREAM, { keys: ['a'] }, { limit: 1, handsOver: true, dryRun: false });
		await claims(['a'], '5');
		const health = await healthIn(ledger, now);
		expect(health.events).toEqual({
			total: 6,
			byWebhook: 3,
			recovered: 1,
			byPolling: 1,
			// Two webhooks came again, and Sync Dedupe stopped one.
			duplicatesStopped: 3,
			outOfDate: 0,
			refused: 4,
			reached: 5,
			confirmed: 4,
			failed: 1,
			passedAgain: 2,
			replayed: 1,
			waiting: 0,
			retrying: 0,
			inProgress: 2,
			dead: 1,
			lost: 0,
			twice: 0,
		});
		expect(health.pushCoverage).toBe(0.75);
		expect(health.refused.map(({ reason, count }) => [reason, count])).toEqual([
			['mismatch', 3],
			['missing-signature', 1],
		]);
		expect(health.deadLetters).toMatchObject({ count: 1, latest: [{ reason: 'not JSON', type: 'x.unreadable' }] });
		const near = (value: number) => [Math.floor(value * 0.95), Math.ceil(value * 1.05)] as const;
		const passed = health.latency.webhook?.passed;
		expect(passed?.count).toBe(3);
		expect(passed?.p50).toBeGreaterThanOrEqual(near(70_000)[0]);
		expect(passed?.p50).toBeLessThanOrEqual(near(70_000)[1]);
		expect(health.latency.recovered?.passed?.count).toBe(1);
		expect(health.latency.webhook?.confirmed).toMatchObject({ count: 3 });
		expect(Object.keys(health.latency.byType).sort()).toEqual(['x.made', 'x.other', 'x.polled']);
	});

	test('a pass that its own execution asks for again, as Retry On Fail does, counts once', async () => {
		const ledger = await ledgers.open(ledgers.place(), () => BEGIN);
		await ledger.record(recordOf([event('a', { time: BEGIN })]));
		for (let tries = 0; tries < 3; tries++) await ledger.claim(claimOf(['a'], 'same', false));
		const { events } = await healthIn(ledger, BEGIN);
		expect(events).toMatchObject({ reached: 1, passedAgain: 0, duplicatesStopped: 0, inProgress: 1 });
	});

	test('an event from before the stream began says nothing about how long this package takes', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.record(recordOf([event('first', { time: now })]));
		now += MINUTE;
		await ledger.record({ ...recordOf([event('history', { time: BEGIN - 300 * DAY })], 'poll'), handsOver: true });
		await ledger.claim(claimOf(['first', 'history'], '1'));
		const { latency, events } = await healthIn(ledger, now);
		expect(events).toMatchObject({ total: 2, reached: 2 });
		expect(latency.poll).toBeUndefined();
		expect(latency.webhook?.total?.count).toBe(1);
	});

	test('counters are added up to hours and days as they grow old, and no figure changes by that', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 * 60 }), { minLength: 5, maxLength: 25 }), async (gaps) => {
				let now = BEGIN;
				const ledger = await ledgers.open(ledgers.place(), () => now);
				await ledger.prune();
				for (const [index, gap] of gaps.entries()) {
					const made = event(`k${index}`, { time: now - gap * 1_000, type: `x.${index % 3}` });
					await ledger.record(recordOf([made], index % 2 === 0 ? 'webhook' : 'poll'));
					if (index % 2 === 0) await ledger.claim(claimOf([`k${index}`], String(index)));
					now += gap * MINUTE;
				}
				const figures = async () => {
					const { events, latency } = await healthIn(ledger, now);
					return { events: { ...events, oldestWaitingMinutes: 0 }, latency };
				};
				const rows = async () => (await ledger.facts(STREAM, 0)).counters;
				const before = await figures();
				for (let days = 0; days < 14; days++) {
					now += DAY;
					await ledger.prune();
				}
				expect(await figures()).toEqual(before);
				const spans = new Set((await rows()).map(({ span }) => span));
				expect([...spans]).toEqual([DAY]);
				await ledger.close();
			}),
			{ numRuns: kind === 'sqlite' ? 15 : 3 },
		);
	});

	test('a sender whose every event is of another type fills the ledger with no more than a hundred counters of a kind', async () => {
		const now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		const events = Array.from({ length: 1_000 }, (_, index) => event(`k${index}`, { type: `x.${index}`, time: now }));
		await ledger.record(recordOf(events));
		const { counters } = await ledger.facts(STREAM, 0);
		const made = counters.filter(({ name }) => name === 'webhook.new');
		expect(made.reduce((sum, { value }) => sum + value, 0)).toBe(1_000);
		expect(made.length).toBeLessThanOrEqual(101);
	});
});

describe('H4 the cost of health', () => {
	let postgres: TestPostgres;
	beforeAll(async () => {
		postgres = await startPostgres(['-c', 'fsync=off', '-c', 'maintenance_work_mem=256MB', '-c', 'max_wal_size=4GB']);
	});
	afterAll(async () => {
		await postgres.stop();
	});

	/** How many rows Postgres reads for it, of a history of so many events. */
	async function rowsRead(count: number): Promise<{ rows: number; waiting: number; dead: number }> {
		const place = postgres.options();
		await fillHistory(place, count);
		const client = await connect(place);
		const read = async () => {
			await client.query('SELECT pg_stat_force_next_flush()');
			const { rows } = await client.query<{ read: string }>(
				`SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) AS read
				 FROM pg_stat_user_tables WHERE schemaname = $1`,
				[place.schema],
			);
			return Number(rows[0]?.read);
		};
		const before = await read();
		const ledger = createLedger(await openBackend(place));
		const { standing } = await ledger.facts(STREAM, 0);
		// What a session has counted is told when it ends.
		await ledger.close();
		let after = await read();
		while (after === before) after = await read();
		await client.end();
		return { rows: after - before, waiting: standing.waiting, dead: standing.dead };
	}

	test('it reads no more rows of 400,000 events than of 100,000', async () => {
		const few = await rowsRead(100_000);
		const many = await rowsRead(400_000);
		expect(few).toMatchObject({ waiting: 10_000, dead: 10_000 });
		expect(many).toMatchObject({ waiting: 10_000, dead: 10_000 });
		expect(few.rows).toBeGreaterThan(20_000);
		expect(many.rows).toBeLessThan(few.rows * 1.1);
	});
});
