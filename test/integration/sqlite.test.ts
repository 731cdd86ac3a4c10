import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger, openSqlite } from '../../lib';
import { claimOf, event, outcomes, recordOf, useLedgers } from '../support/ledger';

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
