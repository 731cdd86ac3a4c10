import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
	DAY,
	MINUTE,
	type PollApi,
	type PollResource,
	type PollSource,
	createTransport,
	undiciExchange,
} from '../../lib';
import { HybridSyncError } from '../../lib/base/errors';
import { parsePosition, positionOfTime, timeOfPosition } from '../../lib/event/position';
import { formatTime } from '../../lib/base/time';
import { readRows } from '../../lib/provider/page-rows';
import { NODE, apiOf, tick } from '../support/described-api';
import { STREAM, useLedgers } from '../support/ledger';
import { KEPT } from '../simulator/kept';
import { fakeTimeOfDay } from './support/time';

/** What pages lead to: rows of parents that come and go, bodies at other origins, and errors that look like answers. */

const ledgers = useLedgers('sqlite');

interface Member {
	readonly id: string;
	readonly at: number;
}

/** A service with lists, each with its members; the body of each lies at another origin. */
class Lists {
	readonly lists = new Map<string, Member[]>();
	readonly asked: { readonly host: string; readonly path: string; readonly authorization: string | undefined }[] = [];
	fails = false;
	/** What one list is answered with, by its name. */
	readonly refused = new Map<string, number>();
	bodies: 'there' | 'forbidden' | 'redirect' = 'there';
	private readonly api = this.server();
	private readonly files = this.server();

	private server() {
		return createServer(KEPT, (request, response) => {
			const { host = '', authorization } = request.headers;
			const url = new URL(request.url ?? '', `http://${host}`);
			this.asked.push({ host, path: url.pathname, authorization });
			const [status, body] = this.answer(url);
			response.writeHead(status, {
				'content-type': 'application/json',
				date: new Date(Date.now()).toUTCString(),
				...(status === 302 && { location: `http://${host}/elsewhere` }),
			});
			response.end(JSON.stringify(body));
		});
	}

	private answer(url: URL): [number, unknown] {
		if (url.pathname === '/lists') return this.fails ? [503, {}] : [200, [...this.lists.keys()]];
		const [, list = '', id] = /^\/lists\/(\w+)(?:\/(\w+))?$/.exec(url.pathname) ?? [];
		const status = this.refused.get(list);
		if (status !== undefined) return [status, {}];
		const members = this.lists.get(list) ?? [];
		if (id !== undefined) {
			if (this.bodies === 'forbidden') return [403, { message: 'Request has expired' }];
			if (this.bodies === 'redirect') return [302, {}];
			const member = members.find((each) => each.id === id);
			return [200, { id, at: formatTime(member?.at ?? 0) }];
		}
		const from = Date.parse(url.searchParams.get('from') ?? '');
		const found = members.filter(({ at }) => at >= from).sort((a, b) => a.at - b.at);
		return [200, found.map((each) => each.id)];
	}

	async start(): Promise<void> {
		for (const each of [this.api, this.files]) await new Promise<void>((done) => each.listen(0, '127.0.0.1', done));
	}

	async close(): Promise<void> {
		for (const each of [this.api, this.files]) {
			each.closeAllConnections();
			await new Promise((done) => each.close(done));
		}
	}

	origin(of: 'api' | 'files'): string {
		return `http://127.0.0.1:${(this[of].address() as AddressInfo).port}`;
	}

	add(list: string, id: string, at = Date.now()): void {
		this.lists.set(list, [...(this.lists.get(list) ?? []), { id, at }]);
	}

	source(plain = true): PollSource {
		const transport = createTransport({
			service: 'Lists',
			baseUrl: this.origin('api'),
			headers: { authorization: 'Bearer secret-of-the-api' },
			exchange: undiciExchange(),
			...(plain && { plainExchange: undiciExchange() }),
			credentialHint: '',
		});
		const membersOf = (list: string): PollResource => ({
			name: `members/${list}`,
			displayName: `Members of ${list}`,
			unit: 'time',
			order: 'ascending',
			step: positionOfTime(1),
			pageSize: 100,
			request: ({ from }) => ({ path: `/lists/${list}`, query: { from: formatTime(timeOfPosition(from)) } }),
			sample: () => ({ path: `/lists/${list}`, query: { from: formatTime(0) } }),
			read: ({ body }) =>
				Promise.resolve({
					rows: [],
					deadLetters: [],
					size: (body as string[]).length,
					last: true,
					further: (body as string[]).map((id) => ({
						request: { path: `${this.origin('files')}/lists/${list}/${id}`, isForeign: true },
						read: async (response) =>
							await readRows({
								displayName: 'Members',
								items: [response.body],
								keyParts: ['members'],
								read(item) {
									const { id: of, at } = item as { id: string; at: string };
									return { position: parsePosition(at) ?? 0n, event: eventOf(list, of, at) };
								},
							}),
						refused: (reason) => ({
							rows: [],
							deadLetters: [{ key: `refused:${list}:${id}`, data: { id }, reason }],
						}),
					})),
				}),
		});
		const api: PollApi = {
			resources: [],
			parents: [
				{
					name: 'members',
					async find(by) {
						const { body } = await by.send({ path: '/lists' });
						return (body as string[]).map(membersOf);
					},
				},
			],
			transport,
			account: 'A',
		};
		return { provider: 'lists', open: () => Promise.resolve(api) };
	}
}

const eventOf = (list: string, id: string, at: string) => ({
	key: `${list}:${id}`,
	hash: id,
	source: '/lists',
	type: 'lists.member',
	subject: `${list}/${id}`,
	time: Date.parse(at),
	dataschema: 'urn:x',
	data: { id },
});

let service: Lists;
beforeEach(async () => {
	fakeTimeOfDay();
	service = new Lists();
	await service.start();
});
afterEach(async () => {
	await service.close();
	jest.useRealTimers();
});

/** Ticks a minute later. */
async function next(ledger: Awaited<ReturnType<typeof ledgers.open>>, more: Parameters<typeof tick>[2] = {}) {
	jest.setSystemTime(Date.now() + MINUTE);
	const result = await tick(ledger, service.source(), { start: { from: 'now' }, ...more });
	return result;
}
const subjectsOf = ({ events }: { readonly events: readonly { readonly subject?: string | undefined }[] }) =>
	events.filter(({ subject }) => subject !== undefined).map(({ subject }) => subject);

test('V11 parents that appear, vanish and come back: every row of theirs once', async () => {
	const ledger = await ledgers.open();
	const seen: (string | undefined)[] = [];
	const go = async () => {
		const result = await next(ledger);
		expect(result.failure).toBeUndefined();
		for (const subject of subjectsOf(result)) if (!seen.includes(subject)) seen.push(subject);
	};
	service.add('one', 'old');
	await go();
	expect(seen).toEqual([]);
	service.add('one', 'a');
	await go();
	// One that is made and gets its first row between two ticks.
	service.add('two', 'b');
	await go();
	expect(seen).toEqual(['one/a', 'two/b']);
	const gone = service.lists.get('two') ?? [];
	service.lists.delete('two');
	await go();
	await go();
	service.lists.set('two', gone);
	service.add('two', 'c', Date.now() - MINUTE);
	await go();
	expect(seen).toEqual(['one/a', 'two/b', 'two/c']);
	expect(await ledger.cursor(STREAM, NODE.id, 'members/two')).toBeDefined();
});

test('V11 the cursor of a parent that is gone is kept as long as keys are', async () => {
	const ledger = await ledgers.open();
	service.add('one', 'a');
	service.add('two', 'b');
	await next(ledger);
	service.lists.delete('two');
	jest.setSystemTime(Date.now() + 29 * DAY);
	await next(ledger);
	expect(await ledger.cursor(STREAM, NODE.id, 'members/two')).toBeDefined();
	jest.setSystemTime(Date.now() + 2 * DAY);
	await next(ledger);
	expect(await ledger.cursor(STREAM, NODE.id, 'members/two')).toBeUndefined();
	expect(await ledger.cursor(STREAM, NODE.id, 'members/one')).toBeDefined();
});

test('V11 while the parents cannot be listed nothing is taken for gone', async () => {
	const ledger = await ledgers.open();
	service.add('one', 'a');
	await next(ledger, { start: { from: 'everything' } });
	service.fails = true;
	expect((await next(ledger)).failure?.code).toBe('unavailable');
	expect(await ledger.cursor(STREAM, NODE.id, 'members/one')).toBeDefined();
});

test.each([403, 404, 500])(
	'V11 a list that is refused (%i) keeps no other from being read, and is told of',
	async (status) => {
		const ledger = await ledgers.open();
		for (const list of ['one', 'two', 'three']) service.add(list, 'old');
		await next(ledger);
		service.refused.set('one', status);
		for (const list of ['one', 'two', 'three']) service.add(list, 'a');
		// One that is new meanwhile, too.
		service.refused.set('four', status);
		service.add('four', 'a');
		service.add('five', 'a');
		const result = await next(ledger);
		expect(subjectsOf(result).sort()).toEqual(['five/a', 'three/a', 'two/a']);
		expect(result.failure?.message).toMatch(/^Members of (?:one|four): /);
		service.refused.clear();
		const later = await next(ledger, { clock: () => Date.now() + DAY });
		expect(later.failure).toBeUndefined();
		expect(subjectsOf(later).sort()).toEqual(['four/a', 'one/a']);
	},
);

test('V11 a list that was refused from the start does not keep rows of lists that are made later from being found', async () => {
	const ledger = await ledgers.open();
	for (const list of ['one', 'bad']) service.add(list, 'old');
	service.refused.set('bad', 403);
	await next(ledger);
	await next(ledger, { clock: () => Date.now() + DAY });
	// One that is made and gets its first row between two ticks.
	service.add('two', 'b');
	const seen: (string | undefined)[] = [];
	for (let day = 2; day < 5; day++) {
		seen.push(...subjectsOf(await next(ledger, { clock: () => Date.now() + day * DAY })));
	}
	expect(seen).toEqual(['two/b']);
});

test('V11 a list that is refused is told of though our own limit ends the reading', async () => {
	const ledger = await ledgers.open();
	for (const list of ['one', 'two']) service.add(list, 'a');
	await next(ledger, { start: { from: 'everything' } });
	service.refused.set('one', 400);
	const inner = service.source();
	const source: PollSource = {
		...inner,
		open: async () => {
			const api = await inner.open();
			const send: typeof api.transport.send = async (request, signal) => {
				if (request.path !== '/lists/two') return await api.transport.send(request, signal);
				throw new HybridSyncError('rate-limited', 'our own limit', { retryAfterMs: 1_000 });
			};
			return { ...api, transport: { ...api.transport, send } };
		},
	};
	jest.setSystemTime(Date.now() + MINUTE);
	const result = await tick(ledger, source, { start: { from: 'now' } });
	expect(result.failure?.message).toMatch(/^Members of one: /);
	expect(result.reportsFailure).toBe(true);
});

test('V11 a key that is refused ends a reading at once', async () => {
	const ledger = await ledgers.open();
	for (const list of ['one', 'two']) service.add(list, 'old');
	await next(ledger);
	service.refused.set('one', 401);
	service.asked.length = 0;
	expect((await next(ledger)).failure?.code).toBe('credential-invalid');
	expect(service.asked.filter(({ path }) => path === '/lists/two')).toEqual([]);
});

test('V11 the body of a row at another origin is fetched without the credential', async () => {
	const ledger = await ledgers.open();
	service.add('one', 'a');
	expect(subjectsOf(await next(ledger, { start: { from: 'everything' } }))).toEqual(['one/a']);
	const files = service.asked.filter(({ path }) => path === '/lists/one/a');
	expect(files.map(({ authorization }) => authorization)).toEqual([undefined]);
	expect(service.asked.find(({ path }) => path === '/lists')?.authorization).toContain('secret-of-the-api');
});

test.each(['forbidden', 'redirect'] as const)(
	'V11 a body that is refused (%s) is a dead letter, and stops nothing',
	async (bodies) => {
		const ledger = await ledgers.open();
		service.bodies = bodies;
		service.add('one', 'a');
		const result = await next(ledger, { start: { from: 'everything' } });
		expect(result.failure).toBeUndefined();
		const { events } = await ledger.lookUp(STREAM, { states: ['dead'] }, { limit: 10 });
		expect(events).toMatchObject([{ id: 'refused:one:a' }]);
		service.bodies = 'there';
		service.add('one', 'b');
		expect(subjectsOf(await next(ledger))).toContain('one/b');
	},
);

test('V11 without leave to ask other origins none is asked', async () => {
	const { transport } = await service.source(false).open();
	const path = `${service.origin('files')}/lists/one/a`;
	await expect(transport.send({ path, isForeign: true })).rejects.toThrow('The request was not made');
	expect(service.asked).toEqual([]);
});

test.each([
	[{ ok: false, error: 'ratelimited' }, 'rate-limited'],
	[{ errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }], data: null }, 'rate-limited'],
	[{ success: false, message: 'no such thing' }, 'bad-response'],
	[{ error: { code: 5, message: 'internal' } }, 'bad-response'],
])('V11 an error in a success, %j, is %s, and the cursor stays', async (body, code) => {
	const ledger = await ledgers.open();
	const at = Date.now() - MINUTE;
	let isBroken = true;
	const { source } = apiOf({ url: '/o', itemsAt: 'items', cursorField: 'at' }, () => ({
		body: isBroken ? body : { errors: [], items: [{ id: 1, at: formatTime(at) }] },
	}));
	const refused = await tick(ledger, source);
	expect(refused.failure).toBeInstanceOf(HybridSyncError);
	expect(refused.failure?.code).toBe(code);
	isBroken = false;
	const later = await tick(ledger, source, { clock: () => Date.now() + DAY });
	expect(later.events).toHaveLength(1);
});

test.each([
	'http://127.0.0.1:9/x',
	'http://169.254.169.254/latest',
	'http://10.0.0.7/x',
	'http://intranet/x',
	'http://[::1]/x',
])('V11 an API of the internet cannot lead to %s', async (path) => {
	const asked: string[] = [];
	const exchange = (url: URL) => {
		asked.push(url.href);
		return Promise.reject(new Error('asked'));
	};
	const common = { service: 'Lists', baseUrl: 'https://api.example.com', credentialHint: '' };
	const transport = createTransport({ ...common, exchange, plainExchange: exchange });
	await expect(transport.send({ path, isForeign: true })).rejects.toThrow('private network');
	expect(asked).toEqual([]);
});
