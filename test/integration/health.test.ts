import fc from 'fast-check';
import type { Backend } from '../../lib/ledger/databases/backend';
import { DAY, HOUR, MINUTE, type Ledger, createLedger, healthOf } from '../../lib';
import { DEFAULT_TARGETS, factsQuery } from '../../lib/health/health';
import { type Charted, chartsOf } from '../../lib/health/over-time';
import { connect, fillHistory } from '../support/history';
import { BACKENDS, type Place, STREAM, claimOf, event, openBackend, recordOf, useLedgers } from '../support/ledger';
import { type TestPostgres, startPostgres } from '../support/postgres';

const BEGIN = Date.parse('2026-03-01T00:00:30Z');

const options = { periodMs: 90 * DAY, targets: DEFAULT_TARGETS };
const healthIn = async (ledger: Ledger) => healthOf(await ledger.facts(STREAM, factsQuery(options)), options);

describe.each(BACKENDS)('health in %s', (kind) => {
	const ledgers = useLedgers(kind);

	test('every figure is what was done', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'N', role: 'pull', provider: 'x' });
		const at = (key: string, more = {}) => event(key, { time: now, type: 'x.made', ...more });
		await ledger.record(
			recordOf([at('a'), at('b'), at('c', { type: 'x.other', match: { key: 'm', toleranceMs: MINUTE } })]),
		);
		now += MINUTE;
		await ledger.record(recordOf([at('a'), at('b')]));
		const match = { key: 'm', toleranceMs: 5 * MINUTE };
		await ledger.record(recordOf([at('row of c', { type: 'x.other', match })], 'poll'));
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
		const health = await healthIn(ledger);
		expect(health.events).toEqual({
			total: 6,
			byWebhook: 3,
			recovered: 1,
			byPolling: 1,
			webhookLate: 0,
			// Two webhooks came again, polling found one of them, and Sync Dedupe stopped one.
			duplicatesStopped: 4,
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
			unconfirmed: 0,
			dead: 1,
			lost: 0,
			twice: 0,
		});
		const points = chartsOf(await ledger.facts(STREAM, factsQuery(options)));
		const charted = (column: Charted) => points.reduce((sum, { values }) => sum + values[column], 0);
		// The charts add up to the table.
		expect([charted('webhook.new'), charted('recovered'), charted('byPolling'), charted('refused')]).toEqual([
			3, 1, 1, 4,
		]);
		expect([charted('webhook.duplicate'), charted('twins'), charted('stopped')]).toEqual([2, 1, 1]);
		expect(health.pushCoverage).toBe(0.75);
		expect(health.refused.map(({ reason, count }) => [reason, count])).toEqual([
			['mismatch', 3],
			['missing-signature', 1],
		]);
		expect(health.deadLetters).toMatchObject({ count: 1, latest: [{ reason: 'not JSON', type: 'x.unreadable' }] });
		const near = (value: number) => [Math.floor(value * 0.9), Math.ceil(value * 1.1)] as const;
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
		const { events } = await healthIn(ledger);
		expect(events).toMatchObject({ reached: 1, passedAgain: 0, duplicatesStopped: 0, inProgress: 1 });
	});

	test('an event from before the stream began says nothing about how long this package takes', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.record(recordOf([event('first', { time: now })]));
		now += MINUTE;
		await ledger.record({ ...recordOf([event('history', { time: BEGIN - 300 * DAY })], 'poll'), handsOver: true });
		await ledger.claim(claimOf(['first', 'history'], '1'));
		const { latency, events } = await healthIn(ledger);
		expect(events).toMatchObject({ total: 2, reached: 2 });
		expect(latency.poll).toBeUndefined();
		expect(latency.webhook?.total?.count).toBe(1);
	});

	test('counters are added up to hours and days as they grow old, and no figure changes by that', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 * 60 }), { minLength: 5, maxLength: 25 }), async (gaps) => {
				let now = BEGIN;
				const place = ledgers.place();
				const ledger = await ledgers.open(place, () => now);
				await ledger.prune();
				for (const [index, gap] of gaps.entries()) {
					const made = event(`k${index}`, { time: now - gap * 1_000, type: `x.${index % 3}` });
					await ledger.record(recordOf([made], index % 2 === 0 ? 'webhook' : 'poll'));
					if (index % 2 === 0) await ledger.claim(claimOf([`k${index}`], String(index)));
					now += gap * MINUTE;
				}
				const figures = async () => {
					const { events, latency } = await healthIn(ledger);
					return { events: { ...events, longestWaitMinutes: 0 }, latency };
				};
				const before = await figures();
				for (let days = 0; days < 14; days++) {
					now += DAY;
					await ledger.prune();
				}
				expect(await figures()).toEqual(before);
				expect(new Set(await spansIn(place))).toEqual(new Set([DAY]));
				await ledger.close();
			}),
			{ numRuns: kind === 'sqlite' ? 15 : 3 },
		);
	});

	test('a minute with thousands of counters is added up like any other, and stops nothing', async () => {
		let now = BEGIN;
		const place = ledgers.place();
		const ledger = await ledgers.open(place, () => now);
		await ledger.prune();
		const backend = await openBackend(place);
		const at = Math.floor(BEGIN / MINUTE) * MINUTE;
		for (let part = 0; part < 20; part++) {
			const values = Array.from({ length: 500 }, (_, index) => ({
				stream: STREAM,
				span: MINUTE,
				at,
				name: 'latency.total',
				label: `l${part}`,
				bucket: index,
				value: 1,
				last_at: at,
			}));
			await backend.db.insertInto('counter').values(values).execute();
		}
		await backend.close();
		for (let hours = 0; hours < 24; hours++) {
			now += HOUR;
			await ledger.prune();
		}
		expect(new Set(await spansIn(place))).toEqual(new Set([HOUR]));
		const { window } = await ledger.facts(STREAM, factsQuery(options));
		expect(window.find(({ name }) => name === 'latency.total')).toMatchObject({ value: 10_000 });
		now += 100 * DAY;
		for (let times = 0; times < 4; times++) {
			now += HOUR;
			await ledger.prune();
		}
		expect(await spansIn(place)).toEqual([]);
	});

	test('a sender whose every event is of another type fills the ledger with a hundred types at most', async () => {
		const now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		const events = Array.from({ length: 1_000 }, (_, index) => event(`k${index}`, { type: `x.${index}`, time: now }));
		await ledger.record(recordOf(events));
		await ledger.countRefusals(STREAM, { mismatch: 3 });
		const { latency, events: counted, refused } = await healthIn(ledger);
		expect(counted.total).toBe(1_000);
		expect(Object.keys(latency.byType).length).toBeLessThanOrEqual(101);
		expect(latency.byType['(other)']?.webhook?.received?.count).toBeGreaterThanOrEqual(899);
		expect(latency.webhook?.received?.count).toBe(1_000);
		expect(refused).toMatchObject([{ reason: 'mismatch', count: 3 }]);
	});

	test('an event that n8n had before Sync Dedupe saw it reached the workflow once, and values are no events', async () => {
		const ledger = await ledgers.open(ledgers.place(), () => BEGIN);
		const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
		await ledger.record(recordOf(keys.map((key) => event(key, { time: BEGIN }))));
		await ledger.acknowledge(STREAM, keys);
		await ledger.claim(claimOf(keys, '1', false));
		const values = Array.from({ length: 2_500 }, (_, index) => `item:${index}`);
		await ledger.claim(claimOf(values, '2'));
		await ledger.claim(claimOf(values.slice(0, 5), '3'));
		const { events, slos } = await healthIn(ledger);
		expect(events).toMatchObject({ reached: 10, confirmed: 0, otherItemsPassed: 2_500, duplicatesStopped: 0 });
		expect(slos.map(({ good, bad }) => [good, bad])).toEqual([
			[10, 0],
			[10, 0],
			[0, 0],
		]);
	});

	test('a webhook that comes after polling is late, and not lost', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		const twin = (key: string) => event(key, { time: BEGIN, match: { key: 'm', toleranceMs: MINUTE } });
		await ledger.record({ ...recordOf([twin('polled')], 'poll'), expected: [{ '*': 0 }] });
		now += MINUTE;
		await ledger.record(recordOf([twin('pushed')]));
		const { pushCoverage, events } = await healthIn(ledger);
		expect({ pushCoverage, ...events }).toMatchObject({ pushCoverage: 1, recovered: 1, webhookLate: 1, byWebhook: 0 });
	});

	test('what was replayed long after it came is not late, and what nobody brings back is due', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.record(recordOf([event('a', { time: BEGIN }), event('b', { time: BEGIN })]));
		await ledger.claim({ ...claimOf(['a'], '1', false), maxAttempts: 1 });
		await ledger.fail({ executions: ['1'], stream: STREAM }, 'no');
		await ledger.claim(claimOf(['b'], '2'));
		now += 5 * DAY;
		expect((await healthIn(ledger)).alerts.map(({ name }) => name)).toContain('dead-letters');
		await ledger.replay(STREAM, { keys: ['a'] }, { limit: 1, handsOver: false, dryRun: false });
		now += MINUTE;
		const replayed = await healthIn(ledger);
		expect(replayed.alerts.map(({ name }) => name)).not.toContain('queue-old');
		expect(replayed.alerts.map(({ name }) => name)).not.toContain('dead-letters');
		expect(replayed.events).toMatchObject({ waiting: 1, longestWaitMinutes: 1, dead: 0 });
		await ledger.claim(claimOf(['a'], '3', false));
		now += 3 * DAY;
		const { alerts, events } = await healthIn(ledger);
		expect(events).toMatchObject({ waiting: 1, retrying: 1, inProgress: 0 });
		expect(alerts.map(({ name }) => name)).toContain('queue-old');
	});

	test('two services in one workflow: the webhook of each is told of by itself', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		for (const node of ['one', 'two']) {
			const identity = { stream: STREAM, node, workflow: STREAM, name: node, role: 'push', provider: node } as const;
			await ledger.meetNode({ ...identity, types: ['*'], url: 'https://a.example' });
		}
		for (let hour = 0; hour < 12; hour++) {
			now += HOUR;
			await ledger.record({ ...recordOf([event(`one${hour}`, { time: now })]), node: 'one' });
			if (hour < 6) await ledger.record({ ...recordOf([event(`two${hour}`, { time: now })]), node: 'two' });
		}
		now += 8 * HOUR;
		await ledger.record({ ...recordOf([event('last', { time: now })]), node: 'one' });
		const { triggers, alerts } = await healthIn(ledger);
		expect(triggers.map(({ node, push }) => [node, push])).toEqual([
			['one', 'works'],
			['two', 'silent'],
		]);
		expect(alerts.map(({ name }) => name)).toContain('push-silent');
	});

	test('a replay brings events back in the order in which they came, each once', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		const keys = Array.from({ length: 600 }, (_, index) => `k${String(index).padStart(3, '0')}`);
		for (let part = 0; part < 3; part++) {
			now += part;
			const own = keys.slice(part * 200, part * 200 + 200);
			await ledger.record(recordOf(own.map((key) => event(key, { time: BEGIN }))));
		}
		await ledger.claim(claimOf(keys, '1'));
		const twice = { keys: [...keys, ...keys] };
		const { events } = await ledger.replay(STREAM, twice, { limit: 2_000, handsOver: true, dryRun: false });
		expect(events.map(({ id }) => id)).toEqual(keys);
		await ledger.claim(claimOf(keys, '2'));
		await ledger.replay(STREAM, { from: 0 }, { limit: 1_000, handsOver: false, dryRun: false });
		const handed = await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 1_000 });
		expect(handed.map(({ id }) => id)).toEqual(keys);
	});

	test('what passed and nobody confirms is listed after a minute, behind what failed, and a warning after a quarter of its time', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.record(recordOf(['failed', 'hour', 'month'].map((key) => event(key, { time: BEGIN }))));
		await ledger.claim(claimOf(['failed'], '1', false));
		await ledger.fail({ executions: ['1'], stream: STREAM }, 'no');
		await ledger.claim({ ...claimOf(['hour'], '2', false), leaseMs: HOUR });
		await ledger.claim({ ...claimOf(['month', 'item:1'], '3', false), leaseMs: 30 * DAY });
		const seen = async () => {
			const listed = await ledger.problems(STREAM, 10, true);
			const { events, alerts } = await healthIn(ledger);
			const isWarned = alerts.some(({ name }) => name === 'not-confirmed');
			return [listed.map(({ id }) => id), events.inProgress, events.unconfirmed, isWarned];
		};
		const since = (ms: number) => (now = BEGIN + ms);
		since(59_999);
		expect(await seen()).toEqual([['failed'], 2, 0, false]);
		since(60_000);
		expect(await seen()).toEqual([['failed', 'month', 'hour'], 2, 2, false]);
		expect((await ledger.problems(STREAM, 10, false)).map(({ id }) => id)).toEqual(['failed']);
		expect((await ledger.problems(STREAM, 2, true)).map(({ id }) => id)).toEqual(['failed', 'month']);
		since(15 * MINUTE - 1);
		expect(await seen()).toMatchObject([{}, 2, 2, false]);
		since(15 * MINUTE);
		expect(await seen()).toMatchObject([['failed', 'month', 'hour'], 2, 2, true]);
		// Its time is over: it waits for another attempt.
		since(HOUR);
		expect(await seen()).toMatchObject([['failed', 'month', 'hour'], 1, 1, false]);
	});

	test('more problems than one look at the ledger gives are all listed', async () => {
		const ledger = await ledgers.open(ledgers.place(), () => BEGIN);
		const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
		await ledger.record(recordOf(keys.map((key) => event(key, { time: BEGIN }))));
		await ledger.claim(claimOf(keys, '1', false));
		await ledger.fail({ executions: ['1'], stream: STREAM }, 'no');
		expect(await ledger.problems(STREAM, 1_000, true)).toHaveLength(300);
		expect(await ledger.problems(STREAM, 270, true)).toHaveLength(270);
	});

	test('a value whose execution died waits for nobody, and raises no alert', async () => {
		let now = BEGIN;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.claim(claimOf(['item:1'], '1', false));
		now += 3 * DAY;
		const { events, alerts } = await healthIn(ledger);
		expect(events).toMatchObject({ waiting: 0, inProgress: 0, retrying: 0 });
		expect(alerts).toEqual([]);
	});

	test('values at work hide no event that waits, however many they are', async () => {
		const ledger = await ledgers.open(ledgers.place(), () => BEGIN);
		const values = Array.from({ length: 10_001 }, (_, index) => `item:${index}`);
		await ledger.claim(claimOf(values, '1', false));
		await ledger.record(recordOf([event('a', { time: BEGIN })]));
		expect((await healthIn(ledger)).events).toMatchObject({ waiting: 1, inProgress: 0 });
	});

	test('what is finished after a replay has looked, and before it writes, is not done once more', async () => {
		const backend = await openBackend(ledgers.place());
		let meanwhile: (() => Promise<unknown>) | undefined;
		const write: Backend['write'] = async (stream, work) => {
			const first = meanwhile;
			meanwhile = undefined;
			await first?.();
			return await backend.write(stream, work);
		};
		const ledger = createLedger(Object.assign(Object.create(backend) as Backend, { write }), () => BEGIN);
		await ledger.record(recordOf([event('a', { time: BEGIN })]));
		await ledger.claim(claimOf(['a'], '1', false));
		await ledger.fail({ executions: ['1'], stream: STREAM }, 'no');
		meanwhile = async () => {
			await ledger.claim(claimOf(['a'], '2', false));
			await ledger.confirm({ executions: ['2'], stream: STREAM });
		};
		const swept = await ledger.replay(
			STREAM,
			{ keys: ['a'], states: ['failed'] },
			{ limit: 1, handsOver: true, dryRun: false },
		);
		expect(swept).toMatchObject({ found: 1, done: 0, events: [] });
		const { events } = await ledger.lookUp(STREAM, { keys: ['a'] }, { limit: 1 });
		expect(events).toMatchObject([{ state: 'done', attempts: 2 }]);
		await ledger.close();
	});

	test('a replay of what cannot be replayed does nothing', async () => {
		const ledger = await ledgers.open(ledgers.place(), () => BEGIN);
		await ledger.record(recordOf([event('a', { time: BEGIN })]));
		await ledger.claim(claimOf(['a'], '1', false));
		const options = { limit: 10, handsOver: false, dryRun: false };
		expect(await ledger.replay(STREAM, { keys: ['a', 'never'] }, options)).toMatchObject({ found: 1, done: 0 });
		expect(await ledger.replay(STREAM, { keys: ['never'] }, options)).toMatchObject({ found: 0, done: 0 });
	});

	test('a target over a fraction of a day is no reason to fail', async () => {
		const ledger = await ledgers.open(ledgers.place(), () => BEGIN);
		const odd = { periodMs: 1.5 * HOUR + 0.123, windowMs: 45.123456789 * DAY, freshWithinMs: 0.1 };
		expect((await ledger.facts(STREAM, odd)).sums).toEqual([]);
	});
});

/** The spans of the counters of a ledger, but for those that are counted by the day at once. */
async function spansIn(place: Place): Promise<number[]> {
	const backend = await openBackend(place);
	try {
		return (await backend.db.selectFrom('counter').select('span').distinct().execute()).map(({ span }) => span);
	} finally {
		await backend.close();
	}
}

describe('H4 the cost of health', () => {
	let postgres: TestPostgres;
	beforeAll(async () => {
		postgres = await startPostgres(['-c', 'fsync=off', '-c', 'maintenance_work_mem=256MB', '-c', 'max_wal_size=4GB']);
	});
	afterAll(async () => {
		await postgres.stop();
	});

	/** How many rows Postgres reads for something, of a history of so many events. */
	async function rowsRead(count: number, operation: (ledger: Ledger) => Promise<unknown>): Promise<number> {
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
		await operation(ledger);
		// What a session has counted is told when it ends.
		await ledger.close();
		let after = await read();
		while (after === before) after = await read();
		await client.end();
		return after - before;
	}

	test('it reads no more rows of 400,000 events than of 100,000', async () => {
		const getHealth = async (ledger: Ledger) => {
			const { standing } = await ledger.facts(STREAM, factsQuery(options));
			expect(standing).toMatchObject({ waiting: 10_000, dead: 10_000 });
		};
		const few = await rowsRead(100_000, getHealth);
		expect(few).toBeGreaterThan(20_000);
		expect(await rowsRead(400_000, getHealth)).toBeLessThan(few * 1.1);
	});

	test('handing over reads no more of 40,000 events that are due at one moment than of 10,000', async () => {
		const handOver = async (ledger: Ledger) => {
			expect(await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 100 })).toHaveLength(100);
		};
		const few = await rowsRead(100_000, handOver);
		expect(few).toBeLessThan(2_000);
		expect(await rowsRead(400_000, handOver)).toBeLessThan(few * 1.1);
	});
});
