import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import {
	type Cadence,
	DAY,
	HOUR,
	type Ledger,
	MINUTE,
	type PollApi,
	type PollSource,
	type ProviderEvent,
	type TickResult,
	createLedger,
	formatTime,
	openSqlite,
	providers,
	runTick,
	undiciExchange,
} from '../../lib';
import { newContacts } from '../../lib/provider/getresponse/contacts';
import { longestHold, median, milliseconds } from './support';

const ROWS = Number(process.env['ROWS'] ?? 100_000);
const MANY_ROWS = Number(process.env['MANY_ROWS'] ?? 1_000_000);
const BATCH = 1_000;
const ROUNDS = 5;
/** Rounds of what mostly waits, and does so for long. */
const SLOW_ROUNDS = 3;
const LATENCY_MS = 200;
const LOOK_BACK_MS = 10 * MINUTE;
/** Of n8n's shortest schedule. */
const TICKS = DAY / MINUTE;
/** As the options of the node have it. */
const ADAPTIVE: Cadence = { kind: 'adaptive', longestMs: 10 * MINUTE, longestWithPushMs: 30 * MINUTE };
const EVERY_TICK: Cadence = { kind: 'fixed', everyMs: 0 };
const STREAM = 'instance/workflow';
const NODE = 'p';
const HOOK = 'h';
const IDENTITY = { stream: STREAM, workflow: 'w', provider: 'getresponse' };

/** Reading a long history, and a quiet day: against the network, the ledger and a fixed schedule. Rounds alternate. */
export async function benchPoll(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-poll-'));
	try {
		console.log(`\n${thousands(ROWS)} contacts, from the first on`);
		await withServer(spread(ROWS), async (server) => {
			await network(server, folder);
			await rates(server, folder);
			await memory(server, folder, ROWS);
		});
		await withServer(spread(ROWS, 3), async (server) => {
			await rates(server, folder, ', three in each second');
		});
		if (MANY_ROWS > 0) {
			await withServer(spread(MANY_ROWS), async (server) => {
				await memory(server, folder, MANY_ROWS);
			});
		}
		console.log(`\na quiet day, ${thousands(TICKS)} ticks`);
		await quietDay(folder);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

const thousands = (value: number) => Math.round(value).toLocaleString('en');
const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** Contacts of an account: how many, how many at one moment, how far apart, and when the first of them. */
interface Plan {
	readonly count: number;
	readonly perStep: number;
	readonly stepMs: number;
	readonly first: number;
}

/** Contacts in as many seconds, or fewer, up to now. */
function spread(count: number, perStep = 1): Plan {
	return { count, perStep, stepMs: 1_000, first: Math.floor(Date.now() / 1_000 - count / perStep - 60) * 1_000 };
}

/** What a server was asked for rows since it was last looked at; bytes of both directions, headers among them. */
interface Asked {
	readonly urls: readonly string[];
	readonly notModified: number;
	readonly bytes: number;
}

class ContactsServer {
	private constructor(
		private readonly child: ChildProcess,
		readonly plan: Plan,
		readonly origin: string,
	) {}

	static async start(plan: Plan): Promise<ContactsServer> {
		const child = fork(join(__dirname, 'contacts-server.mjs'), [JSON.stringify(plan)], { execArgv: [] });
		const { port } = (await message(child)) as { port: number };
		return new ContactsServer(child, plan, `http://127.0.0.1:${port}`);
	}

	/** @param now its clock, beyond which it shows nothing; the real one by default */
	async set(change: { latencyMs?: number; etags?: boolean; now?: number } = {}): Promise<Asked> {
		const answer = message(this.child);
		this.child.send(change);
		return (await answer) as Asked;
	}

	async stop(): Promise<void> {
		const ended = new Promise((resolve) => this.child.once('exit', resolve));
		this.child.disconnect();
		await ended;
	}
}

async function message(child: ChildProcess): Promise<unknown> {
	return await new Promise((resolve, reject) => {
		const failed = (code: number | null) => {
			reject(new Error(`The server ended with ${code ?? 'a signal'}.`));
		};
		child.once('exit', failed);
		child.once('message', (answer) => {
			child.off('exit', failed);
			resolve(answer);
		});
	});
}

async function withServer(plan: Plan, work: (server: ContactsServer) => Promise<void>): Promise<void> {
	const server = await ContactsServer.start(plan);
	try {
		await work(server);
	} finally {
		await server.stop();
	}
}

function apiOf(server: ContactsServer): PollApi {
	const provider = providers.getresponse;
	const credential = { apiKey: 'bench', region: 'custom', apiUrl: `${server.origin}/v3` };
	return provider.pull.open({
		credential,
		credentialType: 'hybridSyncGetResponseApi',
		credentialId: '',
		readCredential: () => Promise.resolve(credential),
		settings: {},
		exchange: undiciExchange(),
		share: 1,
	});
}

const openLedger = async (folder: string, clock?: () => number) =>
	createLedger(await openSqlite(join(mkdtempSync(join(folder, 'l-')), 'ledger.sqlite')), clock);

interface Settings {
	readonly cadence?: Cadence;
	readonly clock?: () => number;
}

async function tick(ledger: Ledger, server: ContactsServer, settings: Settings = {}): Promise<TickResult> {
	const source: PollSource = { provider: 'getresponse', open: () => Promise.resolve(apiOf(server)) };
	const result = await runTick({
		ledger,
		source,
		stream: STREAM,
		node: { id: NODE, workflow: 'w', name: 'Poll' },
		leadsTo: () => 'other',
		start: { from: 'everything' },
		lookBackMs: LOOK_BACK_MS,
		maxEvents: 100,
		budgetMs: 10 * MINUTE,
		...settings,
	});
	if (result.failure) throw result.failure;
	return result;
}

/** In milliseconds: until it was done, and of this process's processor, which other work on the machine disturbs less. */
interface Cost {
	readonly took: number;
	readonly processor: number;
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
	const before = process.cpuUsage();
	const took = await milliseconds(work);
	const { user, system } = process.cpuUsage(before);
	return { took, processor: (user + system) / 1_000 };
}

/** One tick on an empty ledger that reads all there is. */
async function readAll(server: ContactsServer, folder: string): Promise<Cost> {
	const ledger = await openLedger(folder);
	let found = 0;
	const cost = await costOf(async () => {
		({ found } = await tick(ledger, server));
	});
	await ledger.close();
	if (found !== server.plan.count) throw new Error(`${found} of ${server.plan.count} contacts were found.`);
	return cost;
}

/** The read against a loop that gets the very same pages one after the other, and throws them away. */
async function network(server: ContactsServer, folder: string): Promise<void> {
	await server.set({ latencyMs: LATENCY_MS });
	const ours: number[] = [];
	const bare: number[] = [];
	for (let round = 0; round < SLOW_ROUNDS; round++) {
		ours.push((await readAll(server, folder)).took);
		const { urls } = await server.set();
		bare.push(
			await milliseconds(async () => {
				await readBare(server, urls);
			}),
		);
		await server.set();
	}
	await server.set({ latencyMs: 0 });
	const [mine, other] = [median(ours), median(bare)];
	console.log(
		`read at ${LATENCY_MS} ms latency: ${(mine / 1000).toFixed(1)} s; bare requests: ${(other / 1000).toFixed(1)} s; ratio of times ${(mine / other).toFixed(2)}`,
	);
}

async function readBare(server: ContactsServer, urls: readonly string[]): Promise<void> {
	for (const url of urls) {
		const { body } = await request(`${server.origin}${url}`, { headers: { 'x-auth-token': 'api-key bench' } });
		await body.json();
	}
}

/** The whole tick against the ledger alone, which gets the same events ready-made. */
async function rates(server: ContactsServer, folder: string, what = ''): Promise<void> {
	const ours: number[] = [];
	const ledgers: number[] = [];
	const processor: [ours: number[], ledgers: number[]] = [[], []];
	let urls: readonly string[] = [];
	for (let round = -1; round < ROUNDS; round++) {
		global.gc?.();
		const mine = await readAll(server, folder);
		({ urls } = await server.set());
		const other = await recordAll(server, folder);
		await server.set();
		// The first is for warming up.
		if (round < 0) continue;
		ours.push(mine.took);
		ledgers.push(other.took);
		processor[0].push(mine.processor);
		processor[1].push(other.processor);
	}
	const rate = (took: number[]) => (server.plan.count / median(took)) * 1_000;
	const [mine, other] = [rate(ours), rate(ledgers)];
	console.log(`requests for rows${what}: ${urls.length}`);
	console.log(
		`whole tick${what}: ${thousands(mine)} rows a second; the ledger by itself: ${thousands(other)}; ratio of rates ${(mine / other).toFixed(2)}, by processor time ${(median(processor[1]) / median(processor[0])).toFixed(2)}`,
	);
	const longest = await longestHold(async () => await readAll(server, folder));
	await server.set();
	console.log(`longest hold of the event loop${what}: ${longest.toFixed(0)} ms`);
}

async function recordAll(server: ContactsServer, folder: string): Promise<Cost> {
	const batches = await readyMade(server);
	const ledger = await openLedger(folder);
	await ledger.meetNode({ ...IDENTITY, node: NODE, name: 'Poll', role: 'pull' });
	const lease = await ledger.leaseTick(STREAM, NODE, 10 * MINUTE);
	if (!lease) throw new Error('The lease is taken.');
	const correlationId = randomUUID();
	global.gc?.();
	const cost = await costOf(async () => {
		for (const events of batches) {
			const time = events.at(-1)?.time ?? 0;
			await ledger.record({
				stream: STREAM,
				node: NODE,
				path: 'poll',
				events,
				correlationId,
				handsOver: false,
				cursor: { resource: 'contacts', position: { bound: time }, readsFrom: time, lease: lease.token },
			});
		}
	});
	await ledger.close();
	return cost;
}

/** The events of all contacts. */
async function readyMade(server: ContactsServer): Promise<ProviderEvent[][]> {
	const { transport } = apiOf(server);
	const contacts = newContacts();
	const batches: ProviderEvent[][] = [];
	for (let page = 1; page <= server.plan.count / BATCH; page++) {
		const response = await transport.send(contacts.request({ from: 0n, page, offset: 0, pageSize: BATCH }));
		const { rows } = await contacts.read(response, 'A1', '');
		batches.push(rows.map(({ event }) => event));
	}
	return batches;
}

/** What a long read holds in memory, looked at all the time while it runs, and what it leaves. */
async function memory(server: ContactsServer, folder: string, rows: number): Promise<void> {
	const gc = global.gc ?? (() => undefined);
	const used = () => {
		gc();
		const { heapUsed, external } = process.memoryUsage();
		return { heapUsed, external };
	};
	const before = used();
	let [heap, external] = [0, 0];
	const watch = setInterval(() => {
		const now = used();
		heap = Math.max(heap, now.heapUsed - before.heapUsed);
		external = Math.max(external, now.external - before.external);
	}, 500);
	const { took } = await readAll(server, folder);
	clearInterval(watch);
	const after = used();
	await server.set();
	console.log(
		`heap while ${thousands(rows)} rows are read in ${(took / 1000).toFixed(0)} s: ${mebibytes(heap)} MiB more at most (and ${mebibytes(external)} MiB outside of it), ${mebibytes(after.heapUsed - before.heapUsed)} MiB more at the end`,
	);
}

interface Day {
	readonly requests: number;
	readonly bytes: number;
	readonly notModified: number;
}

/** Ticks every minute, by a clock that is moved by hand. */
async function quietDay(folder: string): Promise<void> {
	const midnight = Math.floor(Date.now() / DAY) * DAY;
	// A busy half hour, and nothing after it.
	const busy = { count: 30, perStep: 1, stepMs: MINUTE, first: midnight - 30 * MINUTE };
	await withServer(busy, async (server) => {
		const fixed = await day(server, folder, midnight, EVERY_TICK);
		const adaptive = await day(server, folder, midnight, ADAPTIVE);
		await server.set({ etags: true });
		const fixedTagged = await day(server, folder, midnight, EVERY_TICK);
		const adaptiveTagged = await day(server, folder, midnight, ADAPTIVE);
		tell('every minute', fixed);
		tell('adaptive', adaptive, fixed);
		tell('every minute, ETags', fixedTagged, fixed);
		tell('adaptive, ETags', adaptiveTagged, fixed);
	});
	const hourly = { count: 48, perStep: 1, stepMs: HOUR, first: midnight - DAY + HOUR / 2 };
	await withServer(hourly, async (server) => {
		const fixed = await day(server, folder, midnight, EVERY_TICK, true);
		const adaptive = await day(server, folder, midnight, ADAPTIVE, true);
		tell('every minute, a push each hour', fixed);
		tell('adaptive, a push each hour', adaptive, fixed);
	});
}

async function day(
	server: ContactsServer,
	folder: string,
	midnight: number,
	cadence: Cadence,
	pushes = false,
): Promise<Day> {
	const { first, stepMs } = server.plan;
	let now = midnight;
	const clock = () => now;
	const ledger = await openLedger(folder, clock);
	if (pushes) await ledger.meetNode({ ...IDENTITY, node: HOOK, name: 'Hook', role: 'push' });
	// What was there before is known.
	await server.set({ now });
	await tick(ledger, server, { cadence: EVERY_TICK, clock });
	await server.set();
	const asked: Asked[] = [];
	for (let minute = 1; minute <= TICKS; minute++) {
		now += MINUTE;
		const index = (now - first) / stepMs;
		if (pushes && Number.isInteger(index)) await push(ledger, index, now);
		asked.push(await server.set({ now }));
		await tick(ledger, server, { cadence, clock });
	}
	asked.push(await server.set());
	await ledger.close();
	return {
		requests: asked.reduce((sum, { urls }) => sum + urls.length, 0),
		notModified: asked.reduce((sum, { notModified }) => sum + notModified, 0),
		bytes: asked.reduce((sum, { bytes }) => sum + bytes, 0),
	};
}

/** A contact's event, as the webhook brings it. */
async function push(ledger: Ledger, index: number, now: number): Promise<void> {
	const { events } = providers.getresponse.push.open({ credential: {}, settings: () => ({}) }).read({
		sender: '',
		query: new URLSearchParams(),
		signed: () => undefined,
		headers: { 'x-webhook-id': `w${index}` },
		body: {
			type: 'contact_added',
			contact: { contactId: `c${index.toString(36)}` },
			account: { accountId: 'A1' },
			event: { occurredAt: formatTime(now) },
		},
		receivedAt: now,
	});
	await ledger.record({
		stream: STREAM,
		node: HOOK,
		path: 'webhook',
		events,
		correlationId: randomUUID(),
		handsOver: true,
	});
}

function tell(what: string, { requests, bytes, notModified }: Day, base?: Day): void {
	const tagged = notModified > 0 ? `, ${((notModified / requests) * 100).toFixed(0)} % of them not modified` : '';
	const saved = base
		? `; ratio of requests ${(base.requests / requests).toFixed(1)}, of bytes ${(base.bytes / bytes).toFixed(1)}`
		: '';
	console.log(`${what}: ${thousands(requests)} requests${tagged}, ${thousands(bytes / 1024)} KiB${saved}`);
}
