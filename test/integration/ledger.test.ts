import { DAY, HOUR, MINUTE, createLedger } from '../../lib';
import {
	BACKENDS,
	STREAM,
	claimOf,
	event,
	openBackend,
	outcomes,
	recordOf,
	sortable,
	useLedgers,
} from '../support/ledger';

/** What both backends promise alike. */
describe.each(BACKENDS)('ledger in %s', (kind) => {
	const ledgers = useLedgers(kind);

	test('what one process recorded is there for the next', async () => {
		const place = ledgers.place();
		const first = await ledgers.open(place);
		await first.record(recordOf([event('a')]));
		const second = await ledgers.open(place);
		expect(second.id).toBe(first.id);
		expect(outcomes(await second.record(recordOf([event('a')])))).toEqual(['duplicate']);
	});

	test('A9 the same event key with another payload is told apart from a plain duplicate, once for each change', async () => {
		let now = 100 * DAY;
		const ledger = await ledgers.open(ledgers.place(), () => ++now);
		const record = async (hash: string) => await ledger.record(recordOf([event('a', { hash, data: { hash } })]));
		expect(
			outcomes([...(await record('1')), ...(await record('1')), ...(await record('2')), ...(await record('2'))]),
		).toEqual(['new', 'duplicate', 'changed', 'duplicate']);
		expect(await record('3')).toMatchObject([{ event: { id: 'a', payloadchanged: true, data: { hash: '3' } } }]);
		const { events } = await ledger.lookUp(STREAM, { keys: ['a'] }, { limit: 1, withData: true });
		expect(events).toMatchObject([{ data: { hash: '1' }, deliverycount: 5 }]);
		expect(events[0]?.deliveries.map(({ outcome }) => outcome)).toEqual([
			'new',
			'duplicate',
			'changed',
			'duplicate',
			'changed',
		]);
	});

	test('A7 a batch of 100 with 30 repeats inside: 70 pass', async () => {
		const ledger = await ledgers.open();
		const keys = Array.from({ length: 100 }, (_, index) => `k${index % 70}`);
		expect(
			outcomes(await ledger.record(recordOf(keys.map((key) => event(key))))).filter((each) => each === 'new'),
		).toHaveLength(70);
		expect(outcomes(await ledger.claim(claimOf(keys, 'e'))).filter((each) => each === 'new')).toHaveLength(70);
		const others = keys.map((key) => `item:${key}`);
		expect(outcomes(await ledger.claim(claimOf(others, 'e'))).filter((each) => each === 'new')).toHaveLength(70);
	});

	test('C14 a tick that lost its lease cannot move the cursor, nor record with it', async () => {
		let now = 0;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.meetNode({ stream: STREAM, node: 'p', workflow: STREAM, name: 'Poll', role: 'pull', provider: 'x' });
		const first = await ledger.leaseTick(STREAM, 'p', 1000);
		expect(await ledger.leaseTick(STREAM, 'p', 1000)).toBeUndefined();
		now = 1000;
		const second = await ledger.leaseTick(STREAM, 'p', 1000);
		const commit = async (lease: { token: string } | undefined, key: string) =>
			await ledger.record({
				...recordOf([event(key)], 'poll'),
				node: 'p',
				cursor: { resource: 'r', position: key, readsFrom: 0, lease: lease?.token ?? '' },
			});
		await expect(commit(first, 'late')).rejects.toMatchObject({ code: 'lease-lost' });
		expect(await ledger.cursor(STREAM, 'p', 'r')).toBeUndefined();
		await commit(second, 'good');
		expect(await ledger.cursor(STREAM, 'p', 'r')).toBe('good');
		expect((await ledger.handOver({ stream: STREAM, nodes: ['p'], limit: 10 })).map(({ id }) => id)).toEqual(['good']);
	});

	test('claims of keys that no trigger recorded: repeats inside a batch pass once, over slices too', async () => {
		const ledger = await ledgers.open();
		const keys = Array.from({ length: 1000 }, (_, index) => `k${index % 700}`);
		const claimed = outcomes(await ledger.claim(claimOf(keys, 'e1')));
		expect(claimed.slice(0, 700).every((outcome) => outcome === 'new')).toBe(true);
		expect(claimed.slice(700).every((outcome) => outcome === 'duplicate')).toBe(true);
	});

	test('a call over several streams and slices settles nothing before all of it has passed', async () => {
		const ledger = await ledgers.open();
		const items = ['x', 'y'].flatMap((stream) =>
			Array.from({ length: 300 }, (_, index) => ({ stream, key: `k${index}` })),
		);
		const request = { ...claimOf([], 'e1'), items };
		// The last stream fails, after everything else has passed.
		const broken = { stream: 'z', key: 'k', state: { entity: 'e', version: Symbol('none') as unknown as number } };
		await expect(ledger.claim({ ...request, items: [...items, broken] })).rejects.toThrow();
		const states = async () => {
			const { events } = await ledger.lookUp('x', {}, { limit: 1000 });
			return new Set(events.map(({ state }) => state));
		};
		expect(await states()).toEqual(new Set(['claimed']));
		// The node is tried again by the same execution.
		expect(await ledger.claim(request)).toHaveLength(600);
		expect(await states()).toEqual(new Set(['done']));
	});

	test('A3 an overrun claim is due again after its pause, whoever asks: the provider’s own retry hands it over', async () => {
		let now = 0;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.record(recordOf([event('a')]));
		await ledger.claim(claimOf(['a'], 'e1', false));
		const retry = async () => outcomes(await ledger.record(recordOf([event('a')])));
		now = HOUR;
		expect(await retry()).toEqual(['duplicate']);
		now += 3 * MINUTE;
		expect(await retry()).toEqual(['due']);
		expect(await retry()).toEqual(['duplicate']);
	});

	test('A3 a failure that is reported brings the event back with its next attempt, and in the end as a dead letter', async () => {
		let now = 0;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.record(recordOf([event('a')], 'poll'));
		const hand = async () => await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 });
		const attempts: number[] = [];
		for (let round = 1; round <= 3; round++) {
			const [handed] = await hand();
			attempts.push(handed?.attempt ?? 0);
			await ledger.claim({ ...claimOf(['a'], `e${round}`, false), maxAttempts: 3 });
			expect(await ledger.fail({ executions: [`e${round}`] }, 'HTTP 500')).toBe(1);
			expect(await hand()).toEqual([]);
			now += 6 * HOUR;
		}
		expect(attempts).toEqual([1, 2, 3]);
		expect(await hand()).toEqual([]);
		const { events } = await ledger.lookUp(STREAM, { states: ['dead'] }, { limit: 10 });
		expect(events).toMatchObject([{ id: 'a', reason: 'HTTP 500', attempts: 3 }]);
	});

	test('A5 one who overran can neither confirm nor fail nor extend what its successor holds', async () => {
		let now = 0;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.record(recordOf([event('a')]));
		const [first] = await ledger.claim(claimOf(['a'], 'e1', false));
		const passes = first && 'token' in first ? [{ token: first.token }] : [];
		const claims = { stream: STREAM, passes };
		now = 10 * MINUTE;
		expect(outcomes(await ledger.claim(claimOf(['a'], 'e2', false)))).toEqual(['duplicate']);
		expect(await ledger.extend(claims, 2 * HOUR)).toBe(1);
		now = 2 * HOUR;
		expect(outcomes(await ledger.claim(claimOf(['a'], 'e2', false)))).toEqual(['duplicate']);
		now = 3 * HOUR;
		expect(outcomes(await ledger.claim(claimOf(['a'], 'e2', false)))).toEqual(['new']);
		expect(await ledger.confirm({ executions: ['e1'] })).toBe(0);
		expect(await ledger.confirm(claims)).toBe(0);
		expect(await ledger.fail(claims, 'late')).toBe(0);
		expect(await ledger.extend(claims, HOUR)).toBe(0);
		expect(await ledger.confirm({ executions: ['e2'] })).toBe(1);
	});

	test('an event that was claimed before it was recorded is a duplicate, and does not stop the others', async () => {
		const ledger = await ledgers.open();
		await ledger.claim(claimOf(['a'], 'e1'));
		expect(outcomes(await ledger.record(recordOf([event('a'), event('b')])))).toEqual(['duplicate', 'new']);
	});

	test('a backlog larger than a transaction is handed over and confirmed whole, in order', async () => {
		const ledger = await ledgers.open();
		const keys = Array.from({ length: 1_100 }, (_, index) => `k${index}`);
		const events = keys.map((key) => event(key));
		await ledger.record(recordOf(events, 'poll'));
		const handed = await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 1_050 });
		expect(handed.map(({ id }) => id)).toEqual(keys.slice(0, 1_050));
		await ledger.claim(claimOf(keys, 'e1', false));
		expect(await ledger.confirm({ executions: ['e1'] })).toBe(1_100);
	});

	test('A18 with n8n’s queue hours behind, hand-overs back off, nothing dies, and each event passes once', async () => {
		let now = 0;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.record(recordOf([event('a')], 'poll'));
		let handOvers = 0;
		for (; now < 48 * HOUR; now += 5 * MINUTE) {
			handOvers += (await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).length;
		}
		expect(handOvers).toBeLessThan(16);
		const passes = [];
		for (let execution = 0; execution < handOvers; execution++) {
			passes.push(...outcomes(await ledger.claim(claimOf(['a'], `e${execution}`))));
		}
		expect(passes.filter((outcome) => outcome === 'new')).toHaveLength(1);
		expect((await ledger.lookUp(STREAM, {}, { limit: 1 })).events).toMatchObject([{ state: 'done', attempts: 1 }]);
	});

	test('a clock that was years ahead for a moment leaves nothing waiting for it', async () => {
		let now = 10 * 365 * DAY;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'Poll', role: 'pull', provider: 'x' });
		await ledger.record(recordOf([event('a', { time: now })], 'poll'));
		await ledger.record(recordOf([event('b', { time: now })], 'webhook'));
		await ledger.leaseTick(STREAM, 'n', 1000);
		now = 0;
		const handed = await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 });
		expect(handed.map(({ id }) => id).sort()).toEqual(['a', 'b']);
		expect(await ledger.leaseTick(STREAM, 'n', 1000)).toBeDefined();
	});

	test('A10 v6 passed: v5 is out of date, v7 passes; events without a version never are', async () => {
		const ledger = await ledgers.open();
		const state = (version: number) =>
			event(`v${version}`, { state: { entity: 'contact', version: sortable(version) } });
		await ledger.record(recordOf([state(6), state(5), state(7), event('plain')]));
		expect(outcomes(await ledger.claim(claimOf(['v6'], 'e1')))).toEqual(['new']);
		expect(outcomes(await ledger.claim(claimOf(['v5', 'v7', 'plain'], 'e2')))).toEqual(['outdated', 'new', 'new']);
		expect(outcomes(await ledger.claim(claimOf(['v5'], 'e2')))).toEqual(['outdated']);
		const item = (version: number) => ({ key: `i@${version}`, state: { entity: 'i', version: sortable(version) } });
		expect(outcomes(await ledger.claim(claimOf([item(2), item(1), item(3), item(3)], 'e3')))).toEqual([
			'new',
			'outdated',
			'new',
			'duplicate',
		]);
	});

	test('A12 two streams each get an event once; the same stream gets it once in all', async () => {
		const ledger = await ledgers.open();
		const claim = async (stream: string, execution: string) =>
			outcomes(await ledger.claim({ ...claimOf([], execution), items: [{ stream, key: 'a' }] }));
		expect([await claim('x', 'e1'), await claim('y', 'e2'), await claim('x', 'e3')]).toEqual([
			['new'],
			['new'],
			['duplicate'],
		]);
	});

	test('A8 what is old goes: payloads after 7 days, keys after 30, never one that a cursor still covers', async () => {
		let now = 100 * DAY;
		const ledger = await ledgers.open(undefined, () => now);
		const began = now;
		const made = (key: string, time: number) => event(key, { time, match: { key, toleranceMs: MINUTE } });
		await ledger.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'Poll', role: 'pull', provider: 'x' });
		const lease = await ledger.leaseTick(STREAM, 'n', MINUTE);
		// A quiet source: its cursor stays at the newest row, which every tick reads again.
		await ledger.record({
			...recordOf([made('old', began - 2 * HOUR), made('newest', began - HOUR)], 'poll'),
			cursor: { resource: 'r', position: 1, readsFrom: began - HOUR, lease: lease?.token ?? '' },
		});
		await ledger.record(recordOf([made('waiting', began)], 'poll'));
		await ledger.claim(claimOf(['old', 'newest'], 'e1', false));
		await ledger.confirm({ executions: ['e1'] });
		await ledger.claim(claimOf(['item'], 'e2'));
		const known = async () => {
			// After a long pause, the first time only notes that it has passed.
			await ledger.prune();
			now += 10 * MINUTE;
			await ledger.prune();
			const { events } = await ledger.lookUp(STREAM, {}, { limit: 10 });
			return Object.fromEntries(events.map(({ id, erased }) => [id, erased]));
		};
		expect(await known()).toEqual({ old: false, newest: false, waiting: false, item: true });
		now = began + 8 * DAY;
		expect(await known()).toEqual({ old: true, newest: true, waiting: false, item: true });
		now = began + 31 * DAY;
		expect(await known()).toEqual({ newest: true, waiting: false });
		expect(outcomes(await ledger.record(recordOf([made('newest', began - HOUR)], 'poll')))).toEqual(['duplicate']);
		now = began + 100 * DAY;
		expect(await known()).toEqual({ newest: true, waiting: false });
		// The node that has the cursor is gone, and others go on.
		await ledger.dropCursors(STREAM, ['n']);
		now += 2 * DAY;
		expect(await known()).toEqual({ waiting: false });
		// Nobody has used the stream since.
		now = began + 400 * DAY;
		expect(await known()).toEqual({});
	});

	test('a push older than duplicates are remembered becomes a dead letter and does not pass by itself', async () => {
		const now = 100 * DAY;
		const ledger = await ledgers.open(undefined, () => now);
		expect(outcomes(await ledger.record(recordOf([event('a', { time: now - 31 * DAY })])))).toEqual(['dead']);
		expect(outcomes(await ledger.record(recordOf([event('a', { time: now - 31 * DAY })])))).toEqual(['duplicate']);
		expect(await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).toEqual([]);
	});

	test('a replay brings dead letters back through the polling trigger or at once, and counts first', async () => {
		const ledger = await ledgers.open();
		await ledger.record(recordOf(['a', 'b', 'c'].map((key) => event(key))));
		await ledger.claim({ ...claimOf(['a', 'b'], 'e1', false), maxAttempts: 1 });
		await ledger.fail({ executions: ['e1'] }, 'broken');
		await ledger.claim(claimOf(['c'], 'e2', false));
		const filter = { states: ['dead' as const] };
		const options = { limit: 100, handsOver: false, dryRun: true };
		expect(await ledger.replay(STREAM, filter, options)).toEqual({
			found: 2,
			done: 2,
			states: { dead: 2 },
			events: [],
		});
		expect(await ledger.replay(STREAM, { keys: ['a', 'c'] }, { ...options, dryRun: false })).toMatchObject({
			found: 2,
			done: 1,
		});
		const handed = await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 });
		expect(handed).toMatchObject([{ id: 'a', path: 'replay', attempt: 2 }]);
		const { events } = await ledger.replay(STREAM, filter, { limit: 10, handsOver: true, dryRun: false });
		expect(events).toMatchObject([{ id: 'b', path: 'replay', attempt: 2, data: { key: 'b' } }]);
		expect(outcomes(await ledger.claim(claimOf(['a', 'b'], 'e3')))).toEqual(['new', 'new']);
		expect(await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).toEqual([]);
	});

	test('what is forgotten is gone but for HMACs, and still a duplicate by either path', async () => {
		const ledger = await ledgers.open();
		const secret = 'ann@example.com';
		const of = (key: string) =>
			event(key, { time: Date.now(), subject: secret, match: { key: secret, toleranceMs: MINUTE }, data: { secret } });
		await ledger.record(recordOf([of(`push ${secret}`), event('other')]));
		expect(await ledger.forget(STREAM, { subject: secret }, { dryRun: true })).toMatchObject({ done: 1 });
		expect(await ledger.forget(STREAM, { subject: secret }, { dryRun: false })).toMatchObject({ found: 1, done: 1 });
		expect(await ledger.forget(STREAM, { subject: secret }, { dryRun: false })).toMatchObject({ found: 0 });
		const { events } = await ledger.lookUp(STREAM, {}, { limit: 10, withData: true });
		expect(events).toHaveLength(2);
		expect(JSON.stringify(events)).not.toContain(secret);
		expect(outcomes(await ledger.record(recordOf([of(`push ${secret}`)])))).toEqual(['duplicate']);
		// Its twin by the other path is joined, and the twin's key is hidden too.
		expect(outcomes(await ledger.record(recordOf([of(`poll ${secret}`)], 'poll')))).toEqual(['duplicate']);
		expect(outcomes(await ledger.claim(claimOf([`push ${secret}`, `poll ${secret}`, 'other'], 'e')))).toEqual([
			'duplicate',
			'duplicate',
			'new',
		]);
		expect(JSON.stringify(await ledger.lookUp(STREAM, {}, { limit: 10, withData: true }))).not.toContain(secret);
	});

	test('the log is paged newest first, by subject, type, state and time, and says how an event came', async () => {
		let now = Date.now();
		const began = now;
		const ledger = await ledgers.open(undefined, () => now);
		for (let index = 0; index < 7; index++) {
			now = began + index * MINUTE;
			await ledger.record(
				recordOf([event(`k${index}`, { time: now, subject: `s${index % 2}`, type: index < 5 ? 'x' : 'y' })]),
			);
		}
		const ids = async (filter: Parameters<typeof ledger.lookUp>[1], limit = 100, after?: string) => {
			const { events, next } = await ledger.lookUp(STREAM, filter, { limit, ...(after && { after }) });
			return { ids: events.map(({ id }) => id).join(), next };
		};
		const first = await ids({}, 3);
		expect(first.ids).toBe('k6,k5,k4');
		expect((await ids({}, 10, first.next)).ids).toBe('k3,k2,k1,k0');
		expect((await ids({ subject: 's1' })).ids).toBe('k5,k3,k1');
		expect((await ids({ types: ['x'], from: began + MINUTE, to: began + 3 * MINUTE })).ids).toBe('k2,k1');
		expect((await ids({ states: ['dead'] })).ids).toBe('');
		expect((await ids({ states: ['handed'] }, 2)).ids).toBe('k6,k5');
		expect((await ledger.lookUp(STREAM, { keys: ['k0'] }, { limit: 1 })).events).toMatchObject([
			{
				id: 'k0',
				receivedtime: new Date(began).toISOString(),
				deliveries: [{ path: 'webhook', by: 'c', outcome: 'new' }],
			},
		]);
	});

	test('S12 hostile data is stored and given back as it came, and shown inert', async () => {
		const ledger = await ledgers.open();
		const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
		const texts = [
			'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
			'{"a":"<script>alert(1)</script>","b":"=HYPERLINK(1)","c":"\'; DROP TABLE event; --","d":"\\u0000\\ud800"}',
			`{"deep":${deep(1_000)}}`,
		];
		const hostile = ['__proto__', "'; DROP TABLE event; --", 'nul \0 and \uD800', 'x'.repeat(100_000)];
		const events = texts.flatMap((text, index) =>
			hostile.map((key) =>
				event(`${key}${index}`, {
					subject: key,
					type: key.slice(0, 50),
					data: JSON.parse(text) as unknown,
					match: { key, toleranceMs: 1 },
				}),
			),
		);
		expect(outcomes(await ledger.record(recordOf(events)))).toEqual(events.map(() => 'new'));
		expect(outcomes(await ledger.record(recordOf(events)))).toEqual(events.map(() => 'duplicate'));
		expect(
			outcomes(
				await ledger.claim(
					claimOf(
						events.map(({ key }) => key),
						'e',
						false,
					),
				),
			),
		).toEqual(events.map(() => 'new'));
		await ledger.fail({ executions: ['e'] }, 'nul \0');
		const shown = await ledger.lookUp(STREAM, {}, { limit: 100, withData: true });
		expect(shown.events.map(({ data }) => JSON.stringify(data)).sort()).toEqual(
			events.map(({ data }) => JSON.stringify(data)).sort(),
		);
		expect(Object.prototype).not.toHaveProperty('polluted');
		const bottomless = event('bottomless', { data: JSON.parse(deep(10_000)) as unknown });
		expect(outcomes(await ledger.record(recordOf([bottomless, event('after')])))).toEqual(['dead', 'new']);
		expect((await ledger.lookUp(STREAM, { subject: '__proto__' }, { limit: 100 })).events).toHaveLength(3);
		expect((await ledger.forget(STREAM, { subject: 'nul \0 and \uD800' }, { dryRun: false })).done).toBe(3);
	});

	test('an event whose data was given up before it passed becomes a dead letter and stops no other', async () => {
		let now = 100 * DAY;
		const ledger = await ledgers.open(undefined, () => now);
		const hand = async () => (await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).map(({ id }) => id);
		await ledger.record(recordOf([event('lost', { time: now })]));
		await ledger.acknowledge(STREAM, ['lost']);
		await ledger.prune();
		for (let step = 0; step < 2; step++) {
			now += 8 * DAY;
			await ledger.prune();
			now += 10 * MINUTE;
			await ledger.prune();
		}
		await ledger.record(recordOf([event('good', { time: now })], 'poll'));
		await ledger.claim(claimOf(['lost'], 'e', false));
		await ledger.fail({ executions: ['e'] }, 'no');
		now += 7 * HOUR;
		expect(await hand()).toEqual(['good']);
		expect((await ledger.lookUp(STREAM, { states: ['dead'] }, { limit: 5 })).events).toMatchObject([{ id: 'lost' }]);
	});

	test('A10 an older version is out of date although the newer one was forgotten', async () => {
		const ledger = await ledgers.open();
		const state = (version: number) =>
			event(`v${version}`, { subject: 'ann', state: { entity: 'ann', version: sortable(version) } });
		await ledger.record(recordOf([state(2)]));
		await ledger.claim(claimOf(['v2'], 'e1'));
		await ledger.forget(STREAM, { subject: 'ann' }, { dryRun: false });
		await ledger.record(recordOf([state(1), state(3)]));
		expect(outcomes(await ledger.claim(claimOf(['v1', 'v3'], 'e2')))).toEqual(['outdated', 'new']);
	});

	test('an event that was claimed and given back before it was recorded is handed over once it is', async () => {
		const ledger = await ledgers.open();
		await ledger.claim(claimOf(['a', 'b'], 'e1', false));
		await ledger.fail({ executions: ['e1'] }, 'no');
		expect(outcomes(await ledger.record(recordOf([event('a')])))).toEqual(['due']);
		await ledger.record(recordOf([event('b')], 'poll'));
		expect(await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).toMatchObject([{ id: 'b', attempt: 2 }]);
	});

	test('a commit whose answer was lost is made again, and comes to the same', async () => {
		const backend = await openBackend(ledgers.place());
		const twice = createLedger({
			...backend,
			write: async (stream, work) => {
				await backend.write(stream, work);
				return await backend.write(stream, async (db) => await work(db, true));
			},
		});
		const old = event('old', { time: Date.now() - 31 * DAY });
		expect(outcomes(await twice.record(recordOf([event('a'), event('b'), event('a'), old])))).toEqual([
			'new',
			'new',
			'duplicate',
			'dead',
		]);
		expect(outcomes(await twice.record(recordOf([event('a'), event('b')])))).toEqual(['duplicate', 'duplicate']);
		await twice.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'Poll', role: 'pull', provider: 'x' });
		expect(await twice.leaseTick(STREAM, 'n', MINUTE)).toBeDefined();
		expect(await twice.leaseTick(STREAM, 'n', MINUTE)).toBeUndefined();
		const versions = [1, 2].map((version) => ({
			key: `i@${version}`,
			state: { entity: 'i', version: sortable(version) },
		}));
		expect(outcomes(await twice.claim(claimOf(['a', ...versions], 'e1', false)))).toEqual(['new', 'new', 'new']);
		expect(outcomes(await twice.claim(claimOf(['a', ...versions], 'e2', false)))).toEqual([
			'duplicate',
			'outdated',
			'duplicate',
		]);
		await backend.close();
	});

	test('a clock that was years behind for a moment does not make a stream look unused', async () => {
		let now = 20_000 * DAY;
		const ledger = await ledgers.open(undefined, () => now);
		await ledger.record(recordOf([event('waiting', { time: now })], 'poll'));
		now = 10_000 * DAY;
		await ledger.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'Poll', role: 'pull', provider: 'x' });
		now = 20_001 * DAY;
		await ledger.prune();
		now += 10 * MINUTE;
		await ledger.prune();
		expect(await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).toHaveLength(1);
	});

	test('V8 a stream with a registered webhook is kept, however long nothing comes', async () => {
		let now = 20_000 * DAY;
		const ledger = await ledgers.open(undefined, () => now);
		const lease = await ledger.leaseSubscription('quiet', 'n', MINUTE);
		await ledger.keepSubscription('quiet', 'n', lease?.token ?? '', { secret: 'sealed' });
		await ledger.releaseSubscription('quiet', 'n', lease?.token ?? '');
		await ledger.meetNode({ stream: 'other', node: 'n', workflow: 'o', name: 'Poll', role: 'pull', provider: 'x' });
		await ledger.meetNode({ stream: 'quiet', node: 'n', workflow: 'q', name: 'Hook', role: 'push', provider: 'x' });
		for (let day = 0; day < 400; day++) {
			now += DAY;
			await ledger.prune();
		}
		expect(await ledger.subscription('quiet', 'n')).toEqual({ secret: 'sealed' });
		expect(await ledger.triggers('quiet', 'q')).toHaveLength(1);
		expect(await ledger.triggers('other', 'o')).toEqual([]);
	});

	test('large payloads are handed over whole, in slices', async () => {
		const ledger = await ledgers.open();
		const data = Array.from({ length: 2_000 }, (_, index) => (index * 7919) % 1e9);
		const events = Array.from({ length: 40 }, (_, index) => event(`k${index}`, { data }));
		await ledger.record(recordOf(events, 'poll'));
		const handed = await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 35 });
		expect(handed.map(({ id }) => id)).toEqual(events.slice(0, 35).map(({ key }) => key));
		expect(handed[34]?.data).toEqual(data);
	});

	test('A20 a ledger of the version before is extended, with all that is in it', async () => {
		const place = ledgers.place();
		const before = await openBackend(place);
		await createLedger(before).record(recordOf([event('a')], 'poll'));
		await before.db.schema.alterTable('node').dropColumn('state').execute();
		await before.db.schema.dropTable('subscription').execute();
		await before.db.updateTable('meta').set({ value: '1' }).where('key', '=', 'schema_version').execute();
		await before.close();
		const after = await ledgers.open(place);
		expect((await after.handOver({ stream: STREAM, nodes: ['n'], limit: 5 })).map(({ id }) => id)).toEqual(['a']);
		await after.meetNode({ stream: STREAM, node: 'p', workflow: 'w', name: 'P', role: 'pull', provider: 'x' });
		expect(await after.leaseTick(STREAM, 'p', 1_000)).toMatchObject({ notBefore: 0, state: {} });
	});

	test('what a tick leaves is there for the next, and what it counted is added up', async () => {
		const ledger = await ledgers.open();
		await ledger.meetNode({ stream: STREAM, node: 'p', workflow: 'w', name: 'P', role: 'pull', provider: 'x' });
		const lease = await ledger.leaseTick(STREAM, 'p', 1_000);
		if (!lease) throw new Error('no lease');
		const state = { calmSince: 5, breaker: { deep: [1, null] } };
		await ledger.endTick(STREAM, 'p', { ...lease, notBefore: 7, state }, { requests: 3, unchanged: 1 });
		expect(await ledger.leaseTick(STREAM, 'p', 1_000)).toMatchObject({ notBefore: 7, state });
	});

	test('which events are known is told by each of their keys, within a stream, and of forgotten ones too', async () => {
		const ledger = await ledgers.open();
		const now = Date.now();
		const made = (key: string) => event(key, { time: now, subject: key, match: { key: 'm', toleranceMs: MINUTE } });
		const long = 'k'.repeat(3_000);
		await ledger.record(recordOf([made('pushed'), event('gone', { subject: 'gone' }), event(long)]));
		await ledger.record(recordOf([made('polled')], 'poll'));
		await ledger.forget(STREAM, { subject: 'gone' }, { dryRun: false });
		const keys = ['pushed', 'polled', 'gone', long, 'never', ...Array.from({ length: 2_000 }, (_, n) => `other ${n}`)];
		expect([...(await ledger.knownKeys(STREAM, keys))].sort()).toEqual(['gone', long, 'polled', 'pushed']);
		expect([...(await ledger.knownKeys('another', keys))]).toEqual([]);
		expect([...(await ledger.knownKeys(STREAM, []))]).toEqual([]);
	});

	test('a published webhook that is to bring nothing is published again like any other', async () => {
		const ledger = await ledgers.open();
		const hook = { stream: STREAM, node: 'h', workflow: STREAM, name: 'Hook', role: 'push', provider: 'x' } as const;
		await ledger.meetNode({ ...hook, types: [], url: 'https://a.example/x' });
		await ledger.retireNode(STREAM, 'h', 'https://a.example/x');
		await ledger.meetNode({ ...hook, types: [], url: 'https://a.example/x' });
		const [row] = await ledger.triggers(STREAM, STREAM);
		expect(row?.retired_at).toBeNull();
	});

	test('what was there before the start is known, and passes to nobody', async () => {
		const ledger = await ledgers.open();
		await ledger.record({ ...recordOf([event('old')], 'poll'), seen: true });
		const [again, fresh] = await ledger.record(recordOf([event('old'), event('new')], 'poll'));
		expect([again?.outcome, fresh?.outcome]).toEqual(['duplicate', 'new']);
		expect((await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 5 })).map(({ id }) => id)).toEqual(['new']);
		expect(outcomes(await ledger.claim(claimOf(['old'], 'e')))).toEqual(['duplicate']);
	});

	test('how push and polling have done is known to the minute, from a few counters', async () => {
		let now = 1_700_000_000_000;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		expect(await ledger.pathActivity(STREAM)).toEqual({ pushes: 0 });
		await ledger.record(recordOf([event('a', { time: now }), event('b', { time: now })]));
		const pushedAt = now;
		now += 90 * MINUTE;
		await ledger.record({ ...recordOf([event('c', { time: now })], 'poll'), expected: [{ '*': 0 }] });
		expect(await ledger.pathActivity(STREAM)).toEqual({ pushes: 2, pushedAt, recoveredAt: now });
		now += 25 * 60 * MINUTE;
		expect(await ledger.pathActivity(STREAM)).toEqual({ pushes: 0 });
	});

	test('whoever has to wait longer for the sign says so', async () => {
		let now = 1_700_000_000_000;
		const ledger = await ledgers.open(ledgers.place(), () => now);
		await ledger.record(recordOf([event('a', { time: now })], 'poll'));
		const request = { stream: STREAM, nodes: ['n'], limit: 5, leaseMs: 360 * MINUTE };
		expect(await ledger.handOver(request)).toHaveLength(1);
		now += 359 * MINUTE;
		expect(await ledger.handOver(request)).toHaveLength(0);
		now += 2 * MINUTE;
		expect(await ledger.handOver(request)).toHaveLength(1);
	});

	test('A20 an older process works on a ledger that a newer one has extended, unless that one forbids it', async () => {
		const place = ledgers.place();
		const first = await openBackend(place);
		await first.db.schema.alterTable('event').addColumn('added_later', 'text').execute();
		const meta = async (key: string, value: string) =>
			await first.db.updateTable('meta').set({ value }).where('key', '=', key).execute();
		await meta('schema_version', '99');
		const older = await ledgers.open(place);
		await older.record(recordOf([event('a')]));
		expect(outcomes(await older.claim(claimOf(['a'], 'e')))).toEqual(['new']);
		await meta('minimum_reader', '99');
		await expect(openBackend(place)).rejects.toMatchObject({ code: 'ledger-too-new' });
		await first.close();
	});
});
