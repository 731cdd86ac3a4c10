import { HOUR, type Ledger, type PollSource, type TickResult } from '../../lib';
import { BASE, NODE, apiOf, tick } from '../support/described-api';
import { STREAM, event, recordOf, useLedgers } from '../support/ledger';

/** What an API may answer by malice or mistake, read by the real engine into a real ledger; only the network is played. */

const ledgers = useLedgers('sqlite');
const iso = (agoMs: number) => new Date(Date.now() - agoMs).toISOString();

const subjects = ({ events }: TickResult) => events.map(({ subject }) => subject);
const cursorOf = async (ledger: Ledger) => JSON.stringify(await ledger.cursor(STREAM, NODE.id, 'rows'));

test('ids beyond what a number holds stay apart, digit by digit', async () => {
	const { source } = apiOf({ url: '/o' }, () => ({
		raw: `[{"id":1234567890123456781,"created_at":"${iso(5_000)}"},{"id":1234567890123456782,"created_at":"${iso(4_000)}"}]`,
	}));
	const result = await tick(await ledgers.open(), source);
	expect(subjects(result)).toEqual(['o/1234567890123456781', 'o/1234567890123456782']);
	expect(result.events[0]?.data).toMatchObject({ id: '1234567890123456781' });
});

test('lists of one path with other filters, and other tenants, have rows of their own', async () => {
	const ledger = await ledgers.open();
	const rows = [{ id: 1, created_at: iso(5_000) }];
	const apis = [
		apiOf({ url: '/list?kind=orders' }, () => ({ body: rows })),
		apiOf({ url: '/list?kind=refunds' }, () => ({ body: rows })),
		apiOf({ url: '/list?kind=orders' }, () => ({ body: rows }), { id: 'another credential' }),
	];
	for (const [index, { source }] of apis.entries()) {
		expect(subjects(await tick(ledger, source, { node: { ...NODE, id: `n${index}` } }))).toEqual(['list/1']);
	}
	// The same list again, by another node.
	const again = apiOf({ url: '/list?kind=orders' }, () => ({ body: rows }));
	expect(subjects(await tick(ledger, again.source, { node: { ...NODE, id: 'n9' } }))).toEqual([]);
});

test.each(['none', 'number', 'time'] as const)(
	'from now, by %s, on a list that grows with every reading: what comes after the first is emitted',
	async (cursor) => {
		const ledger = await ledgers.open();
		const rows = Array.from({ length: 5 }, (_, index) => ({ id: index + 1, num: index + 1, at: iso(HOUR) }));
		const settings = { cursor, cursorField: cursor === 'time' ? 'at' : 'num' };
		const paging = { paging: 'page', pageParameter: 'page', pageSizeParameter: 'limit', pageSize: 2 };
		const { source } = apiOf({ url: '/o', ...settings, ...paging }, (url) => {
			const page = Number(url.searchParams.get('page'));
			const body = rows.slice((page - 1) * 2, page * 2);
			if (page === 1) rows.push({ id: rows.length + 1, num: rows.length + 1, at: iso(0) });
			// Without a clock of its own it has to be read to its end, to know what was there before.
			return { body, headers: { date: '' } };
		});
		const found = new Set<string | undefined>();
		for (let index = 0; index < 8; index++) {
			for (const subject of subjects(await tick(ledger, source, { start: { from: 'now' } }))) found.add(subject);
		}
		expect(found.size).toBeGreaterThan(4);
		for (const old of [1, 2, 3, 4, 5]) expect(found).not.toContain(`o/${old}`);
	},
);

test.each([
	['a number beyond all numbers', '1e999'],
	['nanoseconds', '1700000000000000000'],
	['a year far ahead', '99999999999999999'],
])('a time that is none (%s) is a dead letter, and the rows beside it come', async (_name, time) => {
	const ledger = await ledgers.open();
	const settings = {
		url: '/o',
		cursorField: 't',
		timeFormat: 'milliseconds',
		order: 'ascending',
		sinceParameter: 'since',
	};
	const { source } = apiOf(settings, () => ({ raw: `[{"id":1,"t":${Date.now() - 5_000}},{"id":2,"t":${time}}]` }));
	expect(subjects(await tick(ledger, source))).toEqual(['o/1']);
	expect((await ledger.lookUp(STREAM, { states: ['dead'] }, { limit: 5 })).events).toHaveLength(1);
	expect((await tick(ledger, source)).failure).toBeUndefined();
});

test('a page whose rows cannot be read does not stop the list, once anything has been read', async () => {
	const ledger = await ledgers.open();
	const rows = [1, 2, 3, 4, 5].map((id) => ({ id, created_at: id === 3 ? null : iso((9 - id) * 1_000) }));
	const paging = { paging: 'page', pageParameter: 'page', pageSizeParameter: 'limit', pageSize: 1 };
	const { source } = apiOf({ url: '/o', ...paging }, (url) => ({
		body: rows.slice(Number(url.searchParams.get('page')) - 1).slice(0, 1),
	}));
	const found = new Set([...subjects(await tick(ledger, source)), ...subjects(await tick(ledger, source))]);
	expect([...found].sort()).toEqual(['o/1', 'o/2', 'o/4', 'o/5']);
});

test('a token for the next page that has expired: the list is read again from its first page', async () => {
	const ledger = await ledgers.open();
	let tokens = 'old';
	const settings = { url: '/o', itemsAt: 'items', paging: 'token', pageParameter: 'cursor', nextAt: 'next' };
	const { source } = apiOf(settings, (url) => {
		const cursor = url.searchParams.get('cursor');
		if (cursor === null) return { body: { items: [{ id: 'a', created_at: iso(9_000) }], next: tokens } };
		if (cursor !== 'new') return { status: 400, body: { message: 'page token expired' } };
		return { body: { items: [{ id: 'b', created_at: iso(8_000) }], next: null } };
	});
	expect(subjects(await tick(ledger, source, { maxRequests: 1 }))).toEqual(['o/a']);
	const failed = await tick(ledger, source);
	expect(failed.failure?.message).toContain('page token expired');
	tokens = 'new';
	expect(subjects(await tick(ledger, source))).toEqual(['o/b']);
});

test('secrets that a provider puts into its links are not kept', async () => {
	const ledger = await ledgers.open();
	const settings = { url: '/o', itemsAt: 'items', paging: 'next', nextAt: 'next' };
	const link = `${BASE}/o?page=2&access_token=SECRETSECRET&API_KEY=SECRETSECRET`.replace(
		'https://',
		'https://user:SECRETSECRET@',
	);
	const { source, asked } = apiOf(
		settings,
		(url) => ({
			body: { items: [{ id: url.search, created_at: iso(9_000) }], next: url.searchParams.has('page') ? null : link },
		}),
		{ query: { api_key: 'SECRETSECRET' }, headers: { authorization: 'Bearer SECRETSECRET' } },
	);
	await tick(ledger, source, { maxRequests: 1 });
	expect(await cursorOf(ledger)).toContain('page=2');
	expect(await cursorOf(ledger)).not.toContain('SECRETSECRET');
	expect((await tick(ledger, source)).failure).toBeUndefined();
	expect(asked.some(({ username }) => username !== '')).toBe(false);
});

test('a clock of the provider that is years ahead is not believed', async () => {
	const ledger = await ledgers.open();
	const rows = [{ id: 1, created_at: iso(HOUR) }];
	let date = 'Fri, 01 Jan 2100 00:00:00 GMT';
	const { source } = apiOf({ url: '/o' }, () => ({ body: rows, headers: { date } }));
	await tick(ledger, source, { start: { from: 'now' } });
	date = new Date().toUTCString();
	rows.push({ id: 2, created_at: iso(0) });
	const found = [...subjects(await tick(ledger, source)), ...subjects(await tick(ledger, source))];
	expect(found).toEqual(['o/2']);
});

test('an answer that nobody foresaw keeps nothing that is due from n8n', async () => {
	const ledger = await ledgers.open();
	await ledger.record({ ...recordOf([event('due')], 'poll'), node: NODE.id });
	const broken: PollSource = {
		provider: 'anyService',
		open: async () => {
			const api = await apiOf({ url: '/o' }, () => ({ body: [] })).source.open();
			const [resource] = api.resources;
			if (!resource) throw new Error('no resource');
			const read = () => {
				throw new TypeError('x is not a function');
			};
			return { ...api, resources: [{ ...resource, read }] };
		},
	};
	const result = await tick(ledger, broken);
	expect(result.events.map(({ id }) => id)).toEqual(['due']);
	expect(result.failure?.message).toContain('could not be dealt with');
	const malformed = apiOf({ url: '/o', paging: 'link' }, () => ({ body: [], headers: { link: 'garbage!' } }));
	expect((await tick(ledger, malformed.source)).failure?.message).toContain('Link header');
});

test.each([
	['an unknown state', { ownState: { value: 9 }, breakerState: {} }],
	['isolated by nobody', { ownState: { value: 3, counters: 1 }, breakerState: {} }],
	['no samples', { ownState: { value: 1, openedAt: 0, attemptNo: 1 }, breakerState: { samples: null } }],
])('a circuit breaker that was stored by another version (%s) counts as closed', async (_name, breaker) => {
	const ledger = await ledgers.open();
	const { source, asked } = apiOf({ url: '/o' }, () => ({ body: [{ id: 1, created_at: iso(9_000) }] }));
	await ledger.meetNode({
		stream: STREAM,
		node: NODE.id,
		workflow: 'w',
		name: 'P',
		role: 'pull',
		provider: 'anyService',
	});
	const lease = await ledger.leaseTick(STREAM, NODE.id, 1_000);
	if (!lease) throw new Error('no lease');
	const state = { askedAt: 1, calmSince: 1, silent: false, settings: '', breaker };
	await ledger.endTick(STREAM, NODE.id, { ...lease, state });
	expect(subjects(await tick(ledger, source))).toEqual(['o/1']);
	expect(asked.length).toBeGreaterThan(0);
});

test('a window that was stored by another version is read again from its beginning', async () => {
	const ledger = await ledgers.open();
	const rows = [{ id: 1, created_at: iso(9_000) }];
	const { source } = apiOf({ url: '/o' }, () => ({ body: rows }));
	expect(subjects(await tick(ledger, source))).toEqual(['o/1']);
	const known = (await ledger.cursor(STREAM, NODE.id, 'rows')) as object;
	const lease = await ledger.leaseTick(STREAM, NODE.id, 1_000);
	const cursor = {
		resource: 'rows',
		position: { ...known, window: { from: null } },
		readsFrom: 0,
		lease: lease?.token ?? '',
	};
	await ledger.record({ ...recordOf([], 'poll'), node: NODE.id, cursor });
	if (lease) await ledger.endTick(STREAM, NODE.id, lease);
	rows.push({ id: 2, created_at: iso(0) });
	expect(subjects(await tick(ledger, source))).toEqual(['o/2']);
});

test('one request a tick is enough for a long list and for what is new', async () => {
	const ledger = await ledgers.open();
	const begun = Date.now();
	const rows = Array.from({ length: 20 }, (_, id) => ({ id, created_at: iso(HOUR - id * 1_000) }));
	const settings = { order: 'ascending', sinceParameter: 'since', pageSizeParameter: 'limit', pageSize: 4 };
	const paging = { paging: 'page', pageParameter: 'page' };
	const { source } = apiOf({ url: '/o', ...settings, ...paging }, (url) => {
		const since = Date.parse(url.searchParams.get('since') ?? '1970-01-01');
		const found = rows.filter(({ created_at }) => Date.parse(created_at) >= since);
		const page = Number(url.searchParams.get('page'));
		return {
			body: found.slice((page - 1) * 4, page * 4),
			headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' },
		};
	});
	const found = new Set<string | undefined>();
	for (let index = 0; index < 30; index++) {
		if (index === 3) rows.push({ id: 99, created_at: new Date(begun + 2_000).toISOString() });
		const clock = () => begun + index * 60_000;
		for (const subject of subjects(await tick(ledger, source, { clock }))) found.add(subject);
	}
	expect(found.size).toBe(21);
});

test('S22 rows that cannot be dealt with neither stop nor hide the others', async () => {
	const ledger = await ledgers.open();
	let deep: unknown = [];
	for (let level = 0; level < 20_000; level++) deep = [deep];
	const json = JSON.stringify([
		{ id: 'good', n: 1 },
		{ id: 'bad\ud800', n: 2 },
		{ id: 'null\u0000', n: 3 },
		{ id: '\u202e\u0007\u001b[31m', n: 4 },
		{ id: 'x'.repeat(5_000), n: 5 },
		{ id: null, n: 6 },
		{ id: ':'.repeat(1_000_000), n: 6 },
		{ id: { a: 1 }, n: 7 },
		{ id: 'last', n: 8, at: 'DEEP' },
		{ id: 'nine', n: 9 },
	]).replace('"DEEP"', `${'['.repeat(20_000)}${']'.repeat(20_000)}`);
	const { source } = apiOf({ url: '/rows', cursor: 'number', cursorField: 'n' }, () => ({ raw: json }));
	const { events, failure } = await tick(ledger, source, { start: { from: 'everything' } });
	expect(failure).toBeUndefined();
	expect(events.map(({ subject }) => subject?.slice(0, 12))).toEqual([
		'rows/good',
		expect.stringContaining('rows/bad'),
		expect.stringContaining('rows/null'),
		expect.stringContaining('rows/'),
		'rows/xxxxxxx',
		'rows/nine',
	]);
	const dead = await ledger.lookUp(STREAM, { states: ['dead'] }, { limit: 10 });
	expect(dead.events.map(({ reason }) => reason).sort()).toEqual([
		expect.stringContaining('an ID of 1000000 characters') as string,
		expect.stringContaining('no usable ID') as string,
		expect.stringContaining('no usable ID') as string,
		expect.stringContaining('cannot be kept') as string,
	]);
	// And the next reading goes on behind them.
	expect((await tick(ledger, source, { start: { from: 'everything' } })).events).toEqual([]);
});

test('S22 one absurd number hides no later row, is told of once, and comes once', async () => {
	const ledger = await ledgers.open();
	const rows = [
		{ id: 'a', n: 1 },
		{ id: 'b', n: 2 },
	];
	const { source, asked } = apiOf({ url: '/rows', cursor: 'number', cursorField: 'n' }, () => ({ body: rows }));
	const found = async () => {
		const result = await tick(ledger, source, {
			start: { from: 'everything' },
			lookBackCount: 0,
			settings: asked.length,
		});
		return { ids: result.events.map(({ subject }) => subject), notices: result.notices.length };
	};
	expect(await found()).toEqual({ ids: ['rows/a', 'rows/b'], notices: 0 });
	rows.push({ id: 'absurd', n: Number.MAX_SAFE_INTEGER }, { id: 'c', n: 3 });
	expect(await found()).toEqual({ ids: ['rows/absurd', 'rows/c'], notices: 1 });
	rows.push({ id: 'd', n: 4 });
	expect(await found()).toEqual({ ids: ['rows/d'], notices: 0 });
	rows.push({ id: 'e', n: 5 });
	expect(await found()).toEqual({ ids: ['rows/e'], notices: 0 });
});

test('S10 a key that an answer without a list echoes does not reach the error, in whatever form', async () => {
	const ledger = await ledgers.open();
	const key = 'k3y+of/the=api';
	for (const secret of [key, 'pw']) {
		const echo = {
			bearer: `Bearer ${secret}`,
			url: encodeURIComponent(secret),
			base64: Buffer.from(`user:${secret}`).toString('base64'),
			next: `/rows?token=${encodeURIComponent(secret)}`,
		};
		for (const body of [echo, [{ id: 'a', at: echo }], { items: [{ id: 'a', at: `x ${secret}` }] }]) {
			const { source } = apiOf({ url: '/rows', cursorField: 'at' }, () => ({ body }), {
				headers: { authorization: `Bearer ${secret}` },
			});
			const { failure } = await tick(ledger, source, { start: { from: 'everything' } });
			expect(failure?.message).toBeDefined();
			for (const form of [secret, encodeURIComponent(secret)]) expect(failure?.message).not.toContain(`${form}"`);
			expect(failure?.message).not.toContain(`Bearer ${secret}`);
			expect(failure?.message).not.toContain(Buffer.from(`user:${secret}`).toString('base64').slice(8, 16));
		}
	}
});

test('S19 values are counted in every character set', async () => {
	const ledger = await ledgers.open();
	// In UTF-16 this character has the byte of a quotation mark.
	const rows = Buffer.from(`["\u2200",${'1,'.repeat(1_500_000)}1]`, 'utf16le');
	const headers = { 'content-type': 'application/json; charset=utf-16le' };
	const { source } = apiOf({ url: '/rows' }, () => ({ raw: rows, headers }));
	const { failure } = await tick(ledger, source, { start: { from: 'everything' } });
	expect(failure?.message).toContain('more than 1,000,000 values');
});

test('S10 a key in the address of a redirect is not cut in two', async () => {
	const ledger = await ledgers.open();
	const key = 'a-key-that-nobody-may-see';
	for (let length = 150; length < 210; length += 5) {
		const location = `https://elsewhere.example.com/${'x'.repeat(length)}${key}/y`;
		const { source } = apiOf({ url: '/rows' }, () => ({ status: 302, body: {}, headers: { location } }), {
			headers: { authorization: `Bearer ${key}` },
		});
		const { failure } = await tick(ledger, source, { settings: length });
		expect(failure?.message).toContain('redirect');
		expect(failure?.message).not.toContain('a-key');
	}
});

describe('S24 rows of one API', () => {
	test('of two lists in one answer are told apart, though their ids are the same', async () => {
		const ledger = await ledgers.open();
		const body = { orders: [{ id: 1 }, { id: 2 }], customers: [{ id: 1 }, { id: 3 }] };
		const found: (string | undefined)[] = [];
		for (const [id, itemsAt] of [
			['o', 'orders'],
			['c', 'customers'],
		] as const) {
			const { source } = apiOf({ url: '/all', itemsAt, cursor: 'none', eventName: itemsAt }, () => ({ body }));
			found.push(...subjects(await tick(ledger, source, { node: { ...NODE, id } })));
		}
		expect(found).toEqual(['orders/1', 'orders/2', 'customers/1', 'customers/3']);
	});

	test('by one field are not out of date because of their versions by another one', async () => {
		const ledger = await ledgers.open();
		const body = [{ id: 1, rev: 3, updated_at: iso(60_000) }];
		const passes: string[] = [];
		for (const [id, more] of [
			['t', { cursor: 'time', cursorField: 'updated_at' }],
			['r', { cursor: 'number', cursorField: 'rev' }],
		] as const) {
			const { source } = apiOf({ url: '/o', emit: 'change', ...more }, () => ({ body }));
			const { events } = await tick(ledger, source, { node: { ...NODE, id } });
			const items = events.map((each) => ({ stream: STREAM, key: each.id }));
			const claims = await ledger.claim({ items, execution: id, node: 'd', run: 0, settles: true });
			passes.push(...claims.map(({ outcome }) => outcome));
		}
		expect(passes).toEqual(['new', 'new']);
	});
});

test('S10 a key that an API gives as an id does not reach the error about the order of rows', async () => {
	const ledger = await ledgers.open();
	const key = 'a-key-that-nobody-may-see';
	const body = [
		{ id: key, created_at: iso(1_000) },
		{ id: 'b', created_at: iso(9_000) },
	];
	const { source } = apiOf({ url: '/o', order: 'ascending' }, () => ({ body }), { headers: { 'x-api-key': key } });
	const { failure } = await tick(ledger, source);
	expect(failure?.message).toContain('out of order');
	expect(failure?.message).not.toContain(key);
});
