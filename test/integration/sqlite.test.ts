import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DAY, HOUR, MINUTE, openLedger, openSqlite } from '../../lib';
import { STREAM, claimOf, event, outcomes, recordOf, sortable, useLedgers } from '../support/ledger';

const ledgers = useLedgers('sqlite');
const root = mkdtempSync(join(tmpdir(), 'hybrid-sync-sqlite-'));
const folder = () => mkdtempSync(join(root, 'l-'));
afterAll(() => {
	rmSync(root, { recursive: true, force: true });
});

test('the file and its folder are made, readable by their owner alone', async () => {
	const file = join(folder(), 'deep', 'ledger.sqlite');
	await ledgers.open(file);
	expect(statSync(file).mode & 0o777).toBe(0o600);
	expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
});

test('a file that is no ledger, and a place that no folder can have, are clear errors', async () => {
	const file = join(folder(), 'l.sqlite');
	writeFileSync(file, 'this is not a database, and long enough to be taken for one'.repeat(100));
	await expect(openSqlite(file)).rejects.toMatchObject({
		code: 'ledger-unavailable',
		message: expect.stringMatching(/ledger\.sqlite|l\.sqlite.*damaged, or no ledger/) as string,
	});
	await expect(openSqlite(join(file, 'below-a-file', 'l.sqlite'))).rejects.toMatchObject({
		code: 'ledger-unavailable',
	});
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

test('A20 the bundle loaded twice in one process shares one connection', async () => {
	const file = join(folder(), 'l.sqlite');
	const first = await openLedger(file);
	let second = first;
	await jest.isolateModulesAsync(async () => {
		const { openLedger: openAgain } = await import('../../lib');
		expect(openAgain).not.toBe(openLedger);
		second = await openAgain(file);
	});
	expect(second).not.toBe(first);
	const both = await Promise.all(
		[first, second].map(async (ledger, index) => await ledger.claim(claimOf(['a'], `e${index}`))),
	);
	expect(both.map(outcomes).flat().sort()).toEqual(['duplicate', 'new']);
	await first.close();
	// One connection: what the one closed is closed for the other.
	await expect(second.claim(claimOf(['b'], 'e'))).rejects.toThrow();
});

test('A8 every statement finds its rows by an index, none reads through a table', async () => {
	const file = join(folder(), 'l.sqlite');
	const seen = new Set<string>();
	const prepare = jest.spyOn(DatabaseSync.prototype, 'prepare');
	let now = 100 * DAY;
	const ledger = await ledgers.open(file, () => now);
	const state = (key: string, version: number) =>
		event(key, {
			time: now,
			match: { key: `m${key}`, toleranceMs: 1 },
			state: { entity: 'e', version: sortable(version) },
		});
	await ledger.meetNode({ stream: STREAM, node: 'n', workflow: STREAM, name: 'Poll', role: 'pull', provider: 'x' });
	const lease = (await ledger.leaseTick(STREAM, 'n', MINUTE)) ?? { token: '', notBefore: 0, state: {} };
	const cursor = { resource: 'r', position: 1, readsFrom: now, lease: lease.token };
	await ledger.record({ ...recordOf([state('a', 1), state('b', 2)], 'poll'), cursor });
	await ledger.record(recordOf([{ ...state('a', 1), key: 'twin' }, state('c', 3)]));
	await ledger.recordDeadLetters({ ...recordOf([]), provider: 'x' }, [{ key: 'd', data: 1, reason: 'r' }]);
	await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 10 });
	await ledger.acknowledge(STREAM, ['b']);
	await ledger.claim(claimOf(['a', 'b', 'c', 'item'], 'e', false));
	await ledger.extend({ executions: ['e'] }, HOUR);
	await ledger.fail({ stream: STREAM, passes: [{ token: 'none' }] }, 'r');
	await ledger.confirm({ executions: ['e', 'f'] });
	for (const filter of [{}, { subject: 's' }, { states: ['dead' as const] }, { keys: ['a'] }, { from: 0, to: now }]) {
		const { next } = await ledger.lookUp(STREAM, filter, { limit: 1, withData: true });
		if (next !== undefined) await ledger.lookUp(STREAM, filter, { limit: 1, after: next });
	}
	await ledger.replay(STREAM, { keys: ['a'] }, { limit: 1, handsOver: true, dryRun: false });
	await ledger.forget(STREAM, { keys: ['c'] }, { dryRun: false });
	await ledger.cursor(STREAM, 'n', 'r');
	await ledger.dropCursors(STREAM, ['gone']);
	await ledger.retireNode(STREAM, 'n', '');
	await ledger.endTick(STREAM, 'n', lease);
	await ledger.prune();
	for (const days of [40, 200]) {
		now += days * DAY;
		await ledger.prune();
		now += 10 * MINUTE;
		await ledger.prune();
	}
	for (const [text] of prepare.mock.calls) seen.add(text);
	prepare.mockRestore();
	const database = new DatabaseSync(file);
	const scans = [...seen]
		.filter((text) => /^\s*(select|update|delete|insert|with)/i.test(text))
		.flatMap((text) => {
			const plan = database.prepare(`explain query plan ${text}`).all() as { detail: string }[];
			// The list of what is wanted, and tables of a row for each stream or setting.
			const reading = plan.filter(({ detail }) => /^SCAN (?!wanted|CONSTANT|meta|\d)/.test(detail));
			return reading.map(({ detail }) => `${detail}: ${text}`);
		});
	database.close();
	expect(seen.size).toBeGreaterThan(40);
	expect(scans).toEqual([]);
});

describe('S23 what is forgotten', () => {
	const EMAIL = 'ann.person@example.com';
	const person = (key: string) => event(key, { subject: EMAIL, data: { email: EMAIL, text: 'x'.repeat(6_000) } });
	const filesOf = (file: string) =>
		['', '-wal', '-shm'].map((end) => `${file}${end}`).filter((each) => existsSync(each));
	/** How often the address stands in the files, and whether in the write-ahead log. */
	const found = (file: string) =>
		filesOf(file).flatMap((each) => (readFileSync(each).includes(EMAIL) ? each.slice(file.length) || 'database' : []));

	async function withPerson() {
		const file = ledgers.place() as string;
		const ledger = await ledgers.open(file);
		// Small payloads stand in the files as they are; large ones are packed.
		const small = { ...person('small'), data: { email: EMAIL } };
		await ledger.record(recordOf([person('a'), small]));
		await ledger.recordDeadLetters({ ...recordOf([]), provider: 'x' }, [
			{ key: 'dead', data: { email: EMAIL }, reason: `no ${EMAIL}` },
		]);
		await ledger.claim(claimOf(['a'], 'e'));
		expect(found(file)).not.toEqual([]);
		return { file, ledger };
	}

	test('is in none of the files when Forget says so', async () => {
		const { file, ledger } = await withPerson();
		expect(await ledger.forget(STREAM, { subject: EMAIL }, { dryRun: false })).toMatchObject({
			done: 2,
			purge: 'purged',
		});
		expect(await ledger.forget(STREAM, { keys: ['dead'] }, { dryRun: false })).toMatchObject({
			done: 1,
			purge: 'purged',
		});
		expect(found(file)).toEqual([]);
	});

	test('is in none of the files, however the pages have been rearranged', async () => {
		const file = ledgers.place() as string;
		const ledger = await ledgers.open(file);
		let seed = 1;
		const size = () => (seed = (seed * 48_271) % 2_147_483_647) % 1_900;
		const keys: string[] = [];
		for (let start = 0; start < 2_000; start += 100) {
			const events = Array.from({ length: 100 }, (_, offset) => {
				const index = start + offset;
				const mark = index % 7 === 0 ? `PERSON-${index}-` : 'other';
				const key = `push:1:${mark === 'other' ? '' : mark}${index}`;
				if (mark !== 'other') keys.push(key);
				return event(key, { subject: mark, data: { x: (mark === 'other' ? '' : mark) + 'z'.repeat(size()) } });
			});
			const execution = `e${start}`;
			await ledger.record(recordOf(events));
			await ledger.claim(
				claimOf(
					events.map(({ key }) => key),
					execution,
					false,
				),
			);
			if (start % 200 === 0) await ledger.fail({ executions: [execution] }, 'timeout of the step');
			else await ledger.confirm({ executions: [execution] });
			await ledger.record(recordOf(events));
		}
		// More keys than one look-up takes.
		expect(await ledger.forget(STREAM, { keys }, { dryRun: false })).toMatchObject({ done: 286, purge: 'purged' });
		expect(filesOf(file).filter((each) => readFileSync(each).includes('PERSON-'))).toEqual([]);
		// The others are all there.
		const { events } = await ledger.lookUp(STREAM, { keys: ['push:1:1'] }, { limit: 1, withData: true });
		expect(events[0]?.data).toMatchObject({ x: expect.stringMatching(/^z+$/) as string });
	});

	test('while another process reads, Forget says that it is pending, and the next prune finishes it', async () => {
		const { file, ledger } = await withPerson();
		const reader = new DatabaseSync(file, { readOnly: true });
		reader.exec('begin');
		reader.prepare('select count(*) from event').get();
		expect(await ledger.forget(STREAM, { subject: EMAIL }, { dryRun: false })).toMatchObject({ purge: 'pending' });
		await ledger.forget(STREAM, { keys: ['dead'] }, { dryRun: false });
		// Asked again, there is nothing left to forget, and it is still pending.
		expect(await ledger.forget(STREAM, { subject: EMAIL }, { dryRun: false })).toMatchObject({ purge: 'pending' });
		expect(found(file)).not.toEqual([]);
		reader.exec('rollback');
		reader.close();
		await ledger.prune();
		expect(found(file)).toEqual([]);
	});
});
