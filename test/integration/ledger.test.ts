import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProviderEvent, createLedger, openLedger, openSqlite } from '../../lib';

const root = mkdtempSync(join(tmpdir(), 'hybrid-sync-ledger-'));
const folder = () => mkdtempSync(join(root, 'l-'));
afterAll(() => {
	rmSync(root, { recursive: true, force: true });
});
const STREAM = 'instance/workflow';
const event = (key: string, changes: Partial<ProviderEvent> = {}): ProviderEvent => ({
	key,
	hash: 'h',
	source: '/s',
	type: 't',
	subject: 's',
	time: 1000,
	dataschema: 'urn:x',
	data: { key },
	...changes,
});
const recordOf = (events: ProviderEvent[], path: 'webhook' | 'poll' = 'webhook') => ({
	stream: STREAM,
	node: 'n',
	path,
	events,
	correlationId: 'c',
	handsOver: path === 'webhook',
});
const claimOf = (keys: string[], execution: string) => ({
	stream: STREAM,
	keys,
	execution,
	node: 'd',
	run: 0,
	settles: true,
});

test('an event recorded by one ledger is there when the file is opened again, readable by its owner alone', async () => {
	const file = join(folder(), 'deep', 'ledger.sqlite');
	const first = createLedger(await openSqlite(file));
	await first.record(recordOf([event('a')]));
	expect(statSync(file).mode & 0o777).toBe(0o600);
	await first.close();
	const second = createLedger(await openSqlite(file));
	expect(second.id).toBe(first.id);
	expect((await second.record(recordOf([event('a')]))).map(({ outcome }) => outcome)).toEqual(['duplicate']);
	await second.close();
});

test('A9 the same event key with another payload is told apart from a plain duplicate', async () => {
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')));
	const outcomes = async (hash: string) =>
		(await ledger.record(recordOf([event('a', { hash })]))).map(({ outcome }) => outcome);
	expect([await outcomes('1'), await outcomes('1'), await outcomes('2')]).toEqual([
		['new'],
		['duplicate'],
		['changed'],
	]);
	await ledger.close();
});

test('C14 a tick that lost its lease cannot move the cursor, nor record with it', async () => {
	let now = 0;
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')), () => now);
	await ledger.meetNode({ stream: STREAM, node: 'p', name: 'Poll', kind: 'poll', provider: 'x' });
	const first = await ledger.leaseTick(STREAM, 'p', 1000);
	expect(await ledger.leaseTick(STREAM, 'p', 1000)).toBeUndefined();
	now = 1000;
	const second = await ledger.leaseTick(STREAM, 'p', 1000);
	const commit = async (lease: { token: string } | undefined, key: string) =>
		await ledger.record({
			...recordOf([event(key)], 'poll'),
			node: 'p',
			cursor: { resource: 'r', position: key, lease: lease?.token ?? '' },
		});
	await expect(commit(first, 'late')).rejects.toMatchObject({ code: 'lease-lost' });
	expect(await ledger.cursor(STREAM, 'p', 'r')).toBeUndefined();
	await commit(second, 'good');
	expect(await ledger.cursor(STREAM, 'p', 'r')).toBe('good');
	expect((await ledger.handOver({ stream: STREAM, nodes: ['p'], limit: 10 })).map(({ id }) => id)).toEqual(['good']);
	await ledger.close();
});

test('a file that is no ledger, and a folder that cannot be written, are clear errors', async () => {
	const file = join(folder(), 'l.sqlite');
	writeFileSync(file, 'this is not a database, and long enough to be taken for one'.repeat(100));
	await expect(openSqlite(file)).rejects.toMatchObject({
		code: 'ledger-unavailable',
		message: expect.stringContaining(file) as string,
	});
	await expect(openSqlite(join(file, 'below-a-file', 'l.sqlite'))).rejects.toMatchObject({
		code: 'ledger-unavailable',
	});
});

test('4 processes claim the same 500 keys: every key by exactly one', async () => {
	const file = join(folder(), 'l.sqlite');
	const ledger = createLedger(await openSqlite(file));
	const keys = Array.from({ length: 500 }, (_, index) => `k${index}`);
	await ledger.record(recordOf(keys.map((key) => event(key))));
	await ledger.close();
	const worker = join(__dirname, 'support', 'claim-worker.ts');
	const claims = await Promise.all(
		[1, 2, 3, 4].map(
			async (execution) =>
				await new Promise<string[]>((resolve, reject) => {
					const child = fork(worker, [file, String(execution), ...keys], { execArgv: ['--import', 'tsx'] });
					child.once('message', (won) => {
						resolve(won as string[]);
					});
					child.once('error', reject);
					child.once('exit', (code) => {
						reject(new Error(`worker ended with ${code}`));
					});
				}),
		),
	);
	expect(claims.flat().sort()).toEqual([...keys].sort());
});

test('claims of keys that no trigger recorded: repeats inside a batch pass once, over slices too', async () => {
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')));
	const keys = Array.from({ length: 1000 }, (_, index) => `k${index % 700}`);
	const outcomes = (await ledger.claim(claimOf(keys, 'e1'))).map(({ outcome }) => outcome);
	expect(outcomes.slice(0, 700).every((outcome) => outcome === 'new')).toBe(true);
	expect(outcomes.slice(700).every((outcome) => outcome === 'duplicate')).toBe(true);
	await ledger.close();
});

test('an overrun claim is due again after its pause, whoever asks: the provider’s own retry hands it over', async () => {
	let now = 0;
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')), () => now);
	await ledger.record(recordOf([event('a')]));
	await ledger.claim({ ...claimOf(['a'], 'e1'), settles: false });
	const retry = async () => (await ledger.record(recordOf([event('a')]))).map(({ outcome }) => outcome);
	now = 60 * 60_000;
	expect(await retry()).toEqual(['duplicate']);
	now += 60_000;
	expect(await retry()).toEqual(['due']);
	expect(await retry()).toEqual(['duplicate']);
	await ledger.close();
});

test('an event that was claimed before it was recorded is a duplicate, and does not stop the others', async () => {
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')));
	await ledger.claim(claimOf(['a'], 'e1'));
	const outcomes = (await ledger.record(recordOf([event('a'), event('b')]))).map(({ outcome }) => outcome);
	expect(outcomes).toEqual(['duplicate', 'new']);
	await ledger.close();
});

test('a backlog larger than a transaction is handed over and confirmed whole', async () => {
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')));
	const keys = Array.from({ length: 1_100 }, (_, index) => `k${index}`);
	await ledger.record(
		recordOf(
			keys.map((key) => event(key)),
			'poll',
		),
	);
	const handed = await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 1_050 });
	expect(handed.map(({ id }) => id)).toEqual(keys.slice(0, 1_050));
	await ledger.claim({ ...claimOf(keys, 'e1'), settles: false });
	expect(await ledger.confirm('e1')).toBe(1_100);
	await ledger.close();
});

test('a ledger file that is removed while it is open is noticed: what comes next goes to one that exists', async () => {
	const file = join(folder(), 'l.sqlite');
	const first = await openLedger(file);
	await first.record(recordOf([event('a')]));
	for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
	const second = await openLedger(file);
	expect(second.id).not.toBe(first.id);
	await second.record(recordOf([event('b')]));
	expect(statSync(file).size).toBeGreaterThan(0);
	expect((await openLedger(file)).id).toBe(second.id);
});

test('a clock that was years ahead for a moment leaves nothing waiting for it', async () => {
	let now = 10 * 365 * 24 * 3_600_000;
	const ledger = createLedger(await openSqlite(join(folder(), 'l.sqlite')), () => now);
	await ledger.meetNode({ stream: STREAM, node: 'n', name: 'Poll', kind: 'poll', provider: 'x' });
	await ledger.record(recordOf([event('a')], 'poll'));
	await ledger.record(recordOf([event('b')], 'webhook'));
	await ledger.leaseTick(STREAM, 'n', 1000);
	now = 0;
	expect((await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 })).map(({ id }) => id).sort()).toEqual([
		'a',
		'b',
	]);
	expect(await ledger.leaseTick(STREAM, 'n', 1000)).toBeDefined();
	await ledger.close();
});
