import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { openPostgres, postgresOptions } from '../../lib';
import { claimOf, event, outcomes, recordOf, untilItsTurn, useLedgers } from '../support/ledger';
import type { PostgresOptions } from '../../lib';

const ledgers = useLedgers('postgres', []);
const options = () => ledgers.place() as PostgresOptions;

test('a server that is restarted in the middle costs time and no operation', async () => {
	const ledger = await ledgers.open();
	let stop = false;
	const counts = [0, 1, 2].map(async (worker) => {
		let passed = 0;
		for (let index = 0; !stop; index++) {
			const key = `${worker}-${index}`;
			await ledger.record(recordOf([event(key)]));
			// A commit whose answer was lost with the connection is made again by the same holder, and passes again.
			passed += outcomes(await ledger.claim(claimOf([key], `e${worker}`))).filter((each) => each === 'new').length;
			expect(passed).toBe(index + 1);
		}
		return passed;
	});
	await new Promise((resolve) => setTimeout(resolve, 300));
	await ledgers.restart();
	await new Promise((resolve) => setTimeout(resolve, 500));
	stop = true;
	for (const passed of await Promise.all(counts)) expect(passed).toBeGreaterThan(0);
}, 60_000);

test('a wrong password, user, database and host are told apart, each with what to do', async () => {
	const failure = async (changes: Partial<PostgresOptions>) =>
		await openPostgres({ ...options(), ...changes }, { retryForMs: 0 }).then(
			() => 'opened',
			(error: unknown) => (error as Error).message,
		);
	expect(await failure({ password: 'wrong' })).toMatch(/check the user, the password/);
	expect(await failure({ database: 'nowhere' })).toMatch(/does not exist: create it/);
	expect(await failure({ port: 1 })).toMatch(/nothing answers there/);
	expect(await failure({ tls: 'verify-full' })).toMatch(/choose Disable under TLS/);
	expect(await failure({ host: 'no-such-host.invalid' })).toMatch(/the host name is not known|EAI_AGAIN/);
	expect(await failure({ user: 'reader', password: 'reader' })).toMatch(/check the user, the password/);
});

test('the credential is checked field by field, and certificates survive being pasted into one line', () => {
	const complete = { ...options(), ca: '', clientPem: '', privateKey: '' };
	expect(postgresOptions({ ...complete, port: '5433' }).port).toBe(5433);
	expect(() => postgresOptions({ ...complete, host: ' ' })).toThrow(/host: Enter the host/);
	expect(() => postgresOptions({ ...complete, schema: 'a"; drop' })).toThrow(/letters, digits and _/);
	const pasted = '-----BEGIN CERTIFICATE----- AAAA BBBB -----END CERTIFICATE-----';
	const pem = '-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----';
	expect(postgresOptions({ ...complete, ca: pasted }).ca).toBe(pem);
	expect(postgresOptions({ ...complete, ca: pem.replaceAll('\n', '\\n') }).ca).toBe(pem);
	expect(postgresOptions({ ...complete, ca: pem }).ca).toBe(pem);
});

test('two processes that open the same empty schema at once make one ledger', async () => {
	const place = options();
	const backends = await Promise.all([1, 2, 3, 4].map(async () => await openPostgres(place)));
	expect(new Set(backends.map(({ ledgerId }) => ledgerId)).size).toBe(1);
	for (const backend of backends) await backend.close();
});

test('50 identical events recorded at once over parallel connections are one, and pass once', async () => {
	const place = { ...options(), poolSize: 20 };
	const all = await Promise.all([1, 2, 3].map(async () => await ledgers.open(place)));
	const once = event('a');
	const at = (index: number) => all[index % all.length] ?? Promise.reject(new Error());
	const recorded = await Promise.all(
		Array.from(
			{ length: 50 },
			async (_, index) => await untilItsTurn(async () => await (await at(index)).record(recordOf([once]))),
		),
	);
	expect(outcomes(recorded.flat()).filter((outcome) => outcome === 'new')).toHaveLength(1);
	const claimed = await Promise.all(
		Array.from(
			{ length: 50 },
			async (_, index) => await untilItsTurn(async () => await (await at(index)).claim(claimOf(['a'], `e${index}`))),
		),
	);
	expect(outcomes(claimed.flat()).filter((outcome) => outcome === 'new')).toHaveLength(1);
});

test('a connection that has gone silent is given up, and the operation goes on by another', async () => {
	const place = options();
	const { server, port, mute } = await proxyTo(place.port);
	try {
		const ledger = await ledgers.open({ ...place, port, poolSize: 1 });
		await ledger.record(recordOf([event('a')]));
		mute();
		expect(outcomes(await ledger.record(recordOf([event('b')])))).toEqual(['new']);
		mute();
		expect(await ledger.confirm({ executions: ['e'] })).toBe(0);
	} finally {
		server.close();
	}
}, 60_000);

/** A way to the server that can lose the connections it has, without a word to either side. */
async function proxyTo(target: number): Promise<{ server: Server; port: number; mute: () => void }> {
	const pairs: Socket[] = [];
	const server = createServer((client) => {
		const upstream = connect(target, '127.0.0.1');
		client.pipe(upstream).pipe(client);
		for (const socket of [client, upstream]) socket.on('error', () => undefined);
		pairs.push(client, upstream);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const mute = () => {
		for (const socket of pairs.splice(0)) {
			socket.unpipe();
			socket.pause();
		}
	};
	return { server, port: (server.address() as AddressInfo).port, mute };
}

test('nothing of the environment goes to the server: no password, no options', async () => {
	const before = { ...process.env };
	Object.assign(process.env, {
		PGPASSWORD: 'of another program',
		PGOPTIONS: '-c search_path=elsewhere',
		PGUSER: 'postgres',
	});
	const received: Buffer[] = [];
	// A server that asks for a password in the clear, and notes what it is told.
	const server = createServer((socket) => {
		socket.on('error', () => undefined);
		socket.on('data', (data: Buffer) => {
			received.push(data);
			if (data[0] === 'p'.charCodeAt(0)) socket.destroy();
			else socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		const { port } = server.address() as AddressInfo;
		const opening = openPostgres({ ...options(), port, password: '' }, { retryForMs: 0 });
		await expect(opening).rejects.toThrow('cannot be used');
		const told = Buffer.concat(received).toString('latin1');
		expect(told).toContain('n8n-nodes-hybrid-sync');
		expect(received).toHaveLength(2);
		for (const text of ['of another program', 'search_path', 'elsewhere']) expect(told).not.toContain(text);
	} finally {
		server.close();
		for (const name of ['PGPASSWORD', 'PGOPTIONS', 'PGUSER']) {
			if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
			else process.env[name] = before[name];
		}
	}
});
