import { type Ledger, type PollSource, type TickOptions, type TickResult } from '../../lib';
import { type Answer, BASE, NODE, apiOf, tick } from '../support/described-api';
import { STREAM, useLedgers } from '../support/ledger';

/** APIs as they are: odd endings, odd clocks, odd answers. What each of them does was reported by people who met it. */

const ledgers = useLedgers('sqlite');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const iso = (ago: number) => new Date(Date.now() - ago).toISOString();
const page = (url: URL, name = 'page') => Number(url.searchParams.get(name) ?? 1);
const idsIn = ({ events }: TickResult) => events.map(({ subject = '' }) => subject.split('/').at(-1));

interface Row {
	readonly id: string | number;
	readonly [field: string]: unknown;
}

/** Ticks until two in a row bring nothing: what they brought, and what the last one complained of. */
async function drain(ledger: Ledger, source: PollSource, more: Partial<TickOptions> = {}, most = 8) {
	const events: TickResult['events'][number][] = [];
	const notices: string[] = [];
	let requests = 0;
	let failure: TickResult['failure'];
	for (let idle = 0, ticks = 0; idle < 2 && ticks < most; ticks++) {
		const result = await tick(ledger, source, { settings: ticks, insists: true, ...more });
		events.push(...result.events);
		notices.push(...result.notices);
		requests += result.requests;
		failure = result.failure;
		idle = result.events.length > 0 ? 0 : idle + 1;
	}
	return { ids: events.map(({ subject = '' }) => subject.split('/').at(-1)), events, failure, requests, notices };
}

/** By pages of ten. */
const newestFirst = {
	cursorField: 'at',
	order: 'descending',
	paging: 'page',
	pageParameter: 'page',
	pageSizeParameter: 'n',
	pageSize: 10,
};

const windowOf = async (ledger: Ledger) =>
	((await ledger.cursor(STREAM, NODE.id, 'rows')) as { window?: unknown } | undefined)?.window;

describe('R1 the end of a list', () => {
	const refusals: [string, Answer][] = [
		['404', { status: 404, body: { detail: 'Invalid page.' } }],
		['400', { status: 400, body: { message: 'larger than the number of pages available' } }],
		['422', { status: 422, body: { error: 'Page out of range' } }],
		['500', { status: 500, body: {} }],
	];
	const orders = ['none', 'ascending', 'descending'] as const;
	test.each(
		refusals.flatMap(([name, refusal]) =>
			orders.flatMap((order) => (name === '500' ? [1, 3] : [1, 3, 4]).map((rows) => ({ name, refusal, order, rows }))),
		),
	)('the page behind the last is $name: $rows rows, $order, two a page', async ({ refusal, order, rows: count }) => {
		const rows: Row[] = Array.from({ length: count }, (_, index) => ({ id: `r${index}`, at: iso((9 - index) * HOUR) }));
		const { source } = apiOf(
			{
				url: '/posts',
				cursorField: 'at',
				order,
				paging: 'page',
				pageParameter: 'page',
				pageSizeParameter: 'per_page',
				pageSize: 2,
			},
			(url) => {
				const sorted = order === 'descending' ? rows.toReversed() : rows;
				const some = sorted.slice((page(url) - 1) * 2, page(url) * 2);
				return some.length === 0 ? refusal : { body: some };
			},
		);
		const ledger = await ledgers.open();
		const first = await drain(ledger, source);
		expect(first.ids.toSorted()).toEqual(rows.map(({ id }) => id));
		expect(first.failure).toBeUndefined();
		expect(await windowOf(ledger)).toBeUndefined();
		rows.push({ id: 'new', at: iso(0) });
		expect((await drain(ledger, source)).ids).toEqual(['new']);
	});

	test.each([
		['Only the first 20 results are available'],
		['Results beyond page 2 are not available, use the cursor API'],
		['Cannot page past 20 results'],
		['Page number too large'],
	])('a search that goes no further (%s) behind full pages is no end', async (message) => {
		const rows: Row[] = Array.from({ length: 40 }, (_, index) => ({ id: index, at: iso((90 - index) * MINUTE) }));
		const { source } = apiOf({ url: '/s', ...newestFirst }, (url) =>
			page(url) > 2
				? { status: 400, body: { message } }
				: { body: rows.toReversed().slice((page(url) - 1) * 10, page(url) * 10) },
		);
		const { ids, failure } = await drain(await ledgers.open(), source);
		expect(ids).toHaveLength(20);
		expect(failure?.message).toContain(message);
	});

	test('an outage that answers 500 behind a full page is no end, however long it lasts', async () => {
		let isDown = true;
		const rows: Row[] = Array.from({ length: 30 }, (_, index) => ({ id: index, at: iso(index * HOUR) }));
		const { source } = apiOf({ url: '/o', ...newestFirst }, (url) =>
			page(url) > 1 && isDown ? { status: 500, body: {} } : { body: rows.slice((page(url) - 1) * 10, page(url) * 10) },
		);
		const ledger = await ledgers.open();
		for (let ticks = 0; ticks < 6; ticks++) {
			expect((await tick(ledger, source, { settings: ticks })).failure?.code).toBe('unavailable');
		}
		isDown = false;
		expect((await drain(ledger, source)).ids).toHaveLength(20);
	});

	test('a search that is scrolled through by one token is read to its end', async () => {
		const rows: Row[] = Array.from({ length: 50 }, (_, index) => ({ id: index, at: iso(index * MINUTE) }));
		let at = 0;
		const { source } = apiOf(
			{
				url: '/scroll',
				cursorField: 'at',
				itemsAt: 'items',
				paging: 'token',
				pageParameter: 'scroll',
				nextAt: 'scroll',
			},
			(url) => {
				at = url.searchParams.has('scroll') ? at + 10 : 0;
				return { body: { items: rows.slice(at, at + 10), scroll: 'always-the-same' } };
			},
		);
		expect((await drain(await ledgers.open(), source)).ids).toHaveLength(50);
	});

	test('the last page again, of rows that are all skipped', async () => {
		const rows: Row[] = [1, 2, 3, 4].map((id) => ({ id, ...(id < 3 && { at: iso(id * HOUR) }) }));
		const { source } = apiOf(
			{ url: '/o', cursorField: 'at', withoutCursor: 'skip', paging: 'page', pageParameter: 'page' },
			(url) => ({ body: page(url) === 1 ? rows.slice(0, 2) : rows.slice(2) }),
		);
		const ledger = await ledgers.open();
		expect(await drain(ledger, source, { maxRequests: 50 })).toMatchObject({ ids: ['1', '2'], failure: undefined });
		expect(await windowOf(ledger)).toBeUndefined();
	});

	test('several pages of rows that are all skipped hide none behind them', async () => {
		const rows: Row[] = [1, 2, 3, 4, 5, 6, 7, 8].map((id) => ({
			id,
			...((id < 3 || id > 6) && { at: iso(id * HOUR) }),
		}));
		const { source } = apiOf(
			{ url: '/o', cursorField: 'at', withoutCursor: 'skip', paging: 'page', pageParameter: 'page' },
			(url) => ({ body: rows.slice((page(url) - 1) * 2, page(url) * 2) }),
		);
		expect((await drain(await ledgers.open(), source)).ids.toSorted()).toEqual(['1', '2', '7', '8']);
	});

	test('a smaller page size in the URL does not make the first page the last', async () => {
		const rows: Row[] = Array.from({ length: 12 }, (_, index) => ({ id: index, at: iso((90 - index) * MINUTE) }));
		const of = (limit: number) =>
			apiOf(
				{ url: `/o?limit=${limit}`, cursorField: 'at', order: 'ascending', paging: 'page', pageParameter: 'page' },
				(url) => ({
					body: rows.slice((page(url) - 1) * limit, page(url) * limit),
				}),
			).source;
		const ledger = await ledgers.open();
		expect((await drain(ledger, of(10))).ids).toHaveLength(12);
		rows.push({ id: 'new', at: iso(0) });
		expect((await drain(ledger, of(5))).ids).toEqual(['new']);
	});

	test('a shorter page in the middle is no end where the answer counts more', async () => {
		const sizes = [10, 7, 10];
		const rows: Row[] = Array.from({ length: 27 }, (_, index) => ({ id: index, at: iso(index * MINUTE) }));
		const { source } = apiOf(
			{ url: '/o', cursorField: 'at', itemsAt: 'items', paging: 'page', pageParameter: 'page' },
			(url) => {
				const from = sizes.slice(0, page(url) - 1).reduce((sum, size) => sum + size, 0);
				return { body: { items: rows.slice(from, from + (sizes[page(url) - 1] ?? 0)), total: 27 } };
			},
		);
		expect((await drain(await ledgers.open(), source)).ids).toHaveLength(27);
	});

	test('has_more of something else is nothing', async () => {
		const rows: Row[] = Array.from({ length: 6 }, (_, index) => ({ id: index, at: iso(index * MINUTE) }));
		const { source } = apiOf(
			{ url: '/o', cursorField: 'at', itemsAt: 'results', paging: 'token', pageParameter: 'c', nextAt: 'next_cursor' },
			(url) => {
				const from = Number(url.searchParams.get('c') ?? 0);
				const next = from + 2 < 6 ? String(from + 2) : null;
				return {
					body: { results: rows.slice(from, from + 2), facets: { tags: { has_more: false } }, next_cursor: next },
				};
			},
		);
		expect((await drain(await ledgers.open(), source)).ids).toHaveLength(6);
	});

	test('one request a tick: the refusal behind the last page is no failure', async () => {
		const rows: Row[] = [1, 2].map((id) => ({ id, at: iso(id * HOUR) }));
		const { source } = apiOf({ url: '/o', cursorField: 'at', paging: 'page', pageParameter: 'page' }, (url) =>
			page(url) === 1 ? { body: rows } : { status: 404, body: {} },
		);
		const ledger = await ledgers.open();
		const ids: unknown[] = [];
		for (let ticks = 0; ticks < 12; ticks++) {
			const result = await tick(ledger, source, { maxRequests: 1, settings: ticks });
			expect(result.failure).toBeUndefined();
			ids.push(...idsIn(result));
		}
		expect(ids.toSorted()).toEqual(['1', '2']);
	});

	test('a search that goes no further than so many rows is no end: the error says what the API said, and new rows are found', async () => {
		const rows: Row[] = Array.from({ length: 40 }, (_, index) => ({ id: index, at: iso((90 - index) * MINUTE) }));
		const { source } = apiOf(
			{
				url: '/search',
				cursorField: 'at',
				paging: 'offset',
				pageParameter: 'from',
				pageSizeParameter: 'size',
				pageSize: 10,
			},
			(url) => {
				const from = Number(url.searchParams.get('from'));
				if (from >= 20) return { status: 400, body: { message: 'Only the first 20 results are available' } };
				return { body: rows.toReversed().slice(from, from + 10) };
			},
		);
		const ledger = await ledgers.open();
		const first = await drain(ledger, source);
		expect(first.ids).toHaveLength(20);
		expect(first.failure?.message).toContain('Only the first 20 results');
		rows.push({ id: 'new', at: iso(0) });
		expect((await drain(ledger, source)).ids).toEqual(['new']);
	});

	test.each([502, 503])('%d on a later page is no end, but trouble that passes', async (status) => {
		let isDown = true;
		const rows: Row[] = [1, 2, 3].map((id) => ({ id, at: iso(HOUR) }));
		const { source } = apiOf({ url: '/o', cursorField: 'at', paging: 'page', pageParameter: 'page' }, (url) =>
			page(url) > 1 && isDown ? { status, body: {} } : { body: rows.slice((page(url) - 1) * 2).slice(0, 2) },
		);
		const ledger = await ledgers.open();
		const down = await drain(ledger, source, {}, 5);
		expect(down.failure?.code).toBe('unavailable');
		expect(down.ids).toEqual(['1', '2']);
		isDown = false;
		expect((await drain(ledger, source)).ids).toEqual(['3']);
	});

	test.each([
		['the last page again', 2],
		['the first page again', 0],
		['the second page again', 1],
	])('behind the last page comes %s', async (_name, again) => {
		const rows: Row[] = Array.from({ length: 6 }, (_, index) => ({ id: `r${index}`, at: iso((9 - index) * HOUR) }));
		const { source } = apiOf({ url: '/o', cursorField: 'at', paging: 'page', pageParameter: 'page' }, (url) => {
			const at = page(url) > 3 ? again : page(url) - 1;
			return { body: rows.slice(at * 2, at * 2 + 2) };
		});
		const ledger = await ledgers.open();
		const first = await drain(ledger, source);
		expect(first.ids.toSorted()).toEqual(rows.map(({ id }) => id));
		expect(await windowOf(ledger)).toBeUndefined();
		rows.unshift({ id: 'new', at: iso(0) });
		const { ids, failure } = await drain(ledger, source);
		expect([ids, failure]).toEqual([['new'], undefined]);
	});

	test.each([1, 2, 3, 5, 8])('links that go round after %d pages', async (length) => {
		const rows: Row[] = Array.from({ length: 9 }, (_, index) => ({ id: `r${index}`, at: iso((20 - index) * HOUR) }));
		const { source, asked } = apiOf(
			{ url: '/o', cursorField: 'at', itemsAt: 'items', paging: 'next', nextAt: 'next' },
			(url) => {
				const at = Number(url.searchParams.get('p') ?? 0);
				const next = at === 8 ? 9 - length : at + 1;
				// Each link is another one, so that only what it leads to tells.
				return { body: { items: rows.slice(at, at + 1), next: `${BASE}/o?p=${next}&at=${asked.length}` } };
			},
		);
		const ledger = await ledgers.open();
		const { ids, failure } = await drain(ledger, source, { maxRequests: 100 });
		expect(ids.toSorted()).toEqual(rows.map(({ id }) => id));
		expect(failure).toBeUndefined();
		expect(await windowOf(ledger)).toBeUndefined();
		rows[0] = { id: 'new', at: iso(0) };
		expect((await drain(ledger, source, { maxRequests: 100 })).ids).toEqual(['new']);
	});

	test.each([
		['has_more', { has_more: false }, { has_more: true }, {}],
		['pagination.hasMore', { pagination: { hasMore: false } }, { pagination: { hasMore: true } }, {}],
		['meta.is_last', { meta: { is_last: true } }, { meta: { is_last: false } }, {}],
		['a field that the user names', { again: 'no' }, { again: 'yes' }, { moreAt: 'again' }],
	])('%s ends the list although the token is there', async (_name, last, more, settings) => {
		const rows: Row[] = Array.from({ length: 5 }, (_, index) => ({ id: `r${index}`, at: iso((9 - index) * HOUR) }));
		const { source, asked } = apiOf(
			{
				url: '/o',
				cursorField: 'at',
				itemsAt: 'items',
				paging: 'token',
				pageParameter: 'after',
				nextAt: 'after',
				...settings,
			},
			(url) => {
				const from = Number(url.searchParams.get('after') ?? 0);
				return { body: { items: rows.slice(from, from + 2), after: from + 2, ...(from + 2 < 5 ? more : last) } };
			},
		);
		const ledger = await ledgers.open();
		const { ids, failure } = await drain(ledger, source);
		expect([ids.toSorted(), failure]).toEqual([rows.map(({ id }) => id), undefined]);
		expect(asked.map(({ searchParams }) => searchParams.get('after'))).not.toContain('6');
	});

	test('Link with results="false" ends the list', async () => {
		const rows: Row[] = Array.from({ length: 5 }, (_, index) => ({ id: `i${index}`, at: iso(index * HOUR) }));
		const { source, asked } = apiOf({ url: '/issues/', cursorField: 'at', paging: 'link' }, (url) => {
			const from = Number(url.searchParams.get('cursor') ?? 0);
			const link = `<${BASE}/issues/?cursor=${from + 2}>; rel="next"; results="${from + 2 < 5}"`;
			return { body: rows.slice(from, from + 2), headers: { link } };
		});
		const ledger = await ledgers.open();
		expect((await drain(ledger, source)).ids).toHaveLength(5);
		expect(asked.some(({ searchParams }) => searchParams.get('cursor') === '6')).toBe(false);
	});

	test('empty pages that each name a next one: those between rows are passed, and a row of fifty is given up with an error', async () => {
		const pages: Record<number, Row[]> = { 0: [{ id: 'a', at: iso(HOUR) }], 3: [{ id: 'b', at: iso(HOUR) }] };
		let isEndless = false;
		const { source } = apiOf(
			{ url: '/o', cursorField: 'at', itemsAt: 'items', paging: 'next', nextAt: 'next' },
			(url) => {
				const at = Number(url.searchParams.get('p') ?? 0);
				return { body: { items: pages[at] ?? [], next: at < 5 || isEndless ? `${BASE}/o?p=${at + 1}` : null } };
			},
		);
		const ledger = await ledgers.open();
		expect(await drain(ledger, source)).toMatchObject({ ids: ['a', 'b'], failure: undefined });
		isEndless = true;
		expect((await drain(ledger, source)).failure?.message).toContain('50 empty pages in a row');
		pages[0]?.unshift({ id: 'new', at: iso(0) });
		expect((await drain(ledger, source)).ids).toEqual(['new']);
	});

	test('an empty page that names itself as the next one ends the list', async () => {
		const rows: Row[] = [{ id: 1, at: iso(HOUR) }];
		const { source, asked } = apiOf(
			{ url: '/o', cursorField: 'at', itemsAt: 'items', paging: 'token', pageParameter: 'offset', nextAt: 'offset' },
			(url) => {
				const offset = Number(url.searchParams.get('offset') ?? 0);
				return { body: { items: offset === 0 ? rows : [], offset: 1 } };
			},
		);
		const ledger = await ledgers.open();
		expect(await drain(ledger, source)).toMatchObject({ ids: ['1'], failure: undefined });
		expect(await windowOf(ledger)).toBeUndefined();
		// Two passes of three requests, in each of the ticks.
		expect(asked.length).toBeLessThan(30);
	});

	test('a page number that the API takes no notice of is an error, and new rows are found all the same', async () => {
		const rows: Row[] = Array.from({ length: 30 }, (_, index) => ({ id: `r${index}`, at: iso(index * HOUR) }));
		const { source } = apiOf(
			{ url: '/o', cursorField: 'at', paging: 'page', pageParameter: 'p', pageSizeParameter: 'n', pageSize: 10 },
			() => ({ body: rows.slice(0, 10) }),
		);
		const ledger = await ledgers.open();
		expect((await drain(ledger, source)).failure?.message).toContain('the same page over and over');
		rows.unshift({ id: 'new', at: iso(0) });
		expect((await drain(ledger, source)).ids).toEqual(['new']);
	});
});

describe('R2 a next page that is looked for in the wrong place', () => {
	const rows: Row[] = Array.from({ length: 9 }, (_, id) => ({ id, at: iso(90_000 - id * 1_000) }));
	const listed = (url: URL, more: (next: string | null) => object): Answer => {
		const from = Number(url.searchParams.get('cursor') ?? 0);
		return { body: { value: rows.slice(from, from + 3), ...more(from + 3 < 9 ? String(from + 3) : null) } };
	};
	const settings = { url: '/orders', itemsAt: 'value', cursorField: 'at', paging: 'token', pageParameter: 'cursor' };

	test.each([
		['meta.next_cursor', 'meta.next', (next: string | null) => ({ meta: { next_cursor: next } })],
		['has_more', 'next', (next: string | null) => ({ has_more: next !== null })],
		['@odata.nextLink', 'nextLink', (next: string | null) => ({ '@odata.nextLink': next })],
	])('the answer has %s, and %s is asked for', async (shown, nextAt, more) => {
		const { source } = apiOf({ ...settings, nextAt }, (url) => listed(url, more));
		const ledger = await ledgers.open();
		const { ids, failure } = await drain(ledger, source);
		expect(ids).toEqual(['0', '1', '2']);
		expect(failure?.code).toBe('configuration');
		expect(failure?.message).toContain(shown === 'has_more' ? 'says that there are more rows' : shown);
		expect(failure?.message).toContain(`"Next Page At" (${nextAt})`);
	});

	test.each([
		['meta.next-cursor', (next: string | null) => ({ meta: { 'next-cursor': next } })],
		['d.@nextLink', (next: string | null) => ({ d: { '@nextLink': next } })],
		['a.b.c', (next: string | null) => ({ 'a.b': { c: next } })],
	])('%s is found', async (nextAt, more) => {
		const { source } = apiOf({ ...settings, nextAt }, (url) => listed(url, more));
		expect(await drain(await ledgers.open(), source)).toMatchObject({
			ids: rows.map(({ id }) => String(id)),
			failure: undefined,
		});
	});

	test('a token in a response header is followed', async () => {
		const { source } = apiOf({ ...settings, nextAt: 'header:X-Next-Cursor' }, (url) => {
			const from = Number(url.searchParams.get('cursor') ?? 0);
			return {
				body: { value: rows.slice(from, from + 3) },
				headers: from + 3 < 9 ? { 'x-next-cursor': String(from + 3) } : {},
			};
		});
		expect((await drain(await ledgers.open(), source)).ids).toHaveLength(9);
	});

	test('a cursor that may be that of the rows which came is said once in the log, and is no error', async () => {
		const { source } = apiOf({ ...settings, nextAt: 'next' }, () => ({
			body: { value: rows.slice(0, 3), cursor: 'abc' },
		}));
		const { ids, failure, notices } = await drain(await ledgers.open(), source);
		expect([ids, failure]).toEqual([['0', '1', '2'], undefined]);
		expect(notices).toEqual([expect.stringContaining('"cursor": "abc"')]);
	});

	test('Paging None beside a token is said once in the log, and nothing is held up', async () => {
		const { source } = apiOf({ url: '/orders', itemsAt: 'value', cursorField: 'at' }, (url) =>
			listed(url, (next) => ({ next_cursor: next })),
		);
		const { ids, failure, notices } = await drain(await ledgers.open(), source);
		expect([ids, failure]).toEqual([['0', '1', '2'], undefined]);
		expect(notices).toEqual([expect.stringContaining('"next_cursor": "3", but Paging is None')]);
	});

	test.each([
		['the field is there, and says that there are none', { next: null, cursor: 'here' }],
		['a field of another meaning', { next_billing_at: '2027-01-01T00:00:00Z', next_run: 'tomorrow', total: 3 }],
		['the answer says so', { next_cursor: 'always', has_more: false }],
		['a token to go on by later', { nextSyncToken: 'CPDAlvWDx70CEPDAlvWDx70CGAU=' }],
		['a link to the page before', { links: { prev: '/orders?page=0', self: '/orders' } }],
	])('one page of a right setting is no doubt: %s', async (_name, more) => {
		const { source } = apiOf({ ...settings, nextAt: 'next' }, () => ({ body: { value: rows.slice(0, 3), ...more } }));
		const found = await drain(await ledgers.open(), source);
		expect(found).toMatchObject({ ids: ['0', '1', '2'], failure: undefined, notices: [] });
	});
});

describe('R3 R8 times as people write them', () => {
	test.each([
		['2026-01-31 12:00:00', {}],
		['2026-01-31 12:00:00+00:00', {}],
		['2026-01-31 14:00:00.123456 +0200', {}],
		['Sat, 31 Jan 2026 12:00:00 +0000', {}],
		['Sat, 31 Jan 2026 12:00:00 GMT', {}],
		['2026-01-31T12:00:00+00', {}],
		['20260131T120000Z', {}],
		['/Date(1769860800000)/', {}],
		['2026-01-31T13:00:00', { timeZone: 'Europe/Warsaw' }],
		['2026-01-31 07:00:00', { timeZone: 'America/New_York' }],
		['31.01.2026 13:00', { timeFormat: 'custom', timePattern: 'dd.MM.yyyy HH:mm', timeZone: 'Europe/Warsaw' }],
		['01/31/2026 12:00:00 PM', { timeFormat: 'custom', timePattern: 'MM/dd/yyyy hh:mm:ss a' }],
	])('%s', async (at, settings) => {
		const { source } = apiOf({ url: '/o', cursorField: 'at', ...settings }, () => ({ body: [{ id: 1, at }] }));
		const { events } = await drain(await ledgers.open(), source, {}, 1);
		expect(events[0]?.time).toMatch(/^2026-01-31T12:00:00/);
	});

	test('a time that names its offset is left alone in the hour that comes twice, and one that does not is the second', async () => {
		const rows = [
			{ id: 'named', at: '2025-10-26T00:30:00Z' },
			{ id: 'local', at: '2025-10-26T02:30:00' },
		];
		const { source } = apiOf({ url: '/o', cursorField: 'at', timeZone: 'Europe/Warsaw' }, () => ({ body: rows }));
		const { events } = await drain(await ledgers.open(), source, {}, 1);
		expect(events.map(({ time }) => time)).toEqual(['2025-10-26T00:30:00.000Z', '2025-10-26T01:30:00.000Z']);
	});

	test.each(['0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '1970-01-01 00:00:00'])('%s is no time', async (at) => {
		const { source } = apiOf({ url: '/o', cursorField: 'at' }, () => ({
			body: [
				{ id: 1, at },
				{ id: 2, at: iso(HOUR) },
			],
		}));
		const ledger = await ledgers.open();
		expect((await drain(ledger, source)).ids).toEqual(['2']);
		expect((await ledger.lookUp(STREAM, { states: ['dead'] }, { limit: 5 })).events).toHaveLength(1);
	});

	const ways: [string, (time: number) => string, object][] = [
		['the minute', (time) => new Date(Math.floor(time / MINUTE) * MINUTE).toISOString(), {}],
		['the day', (time) => new Date(time).toISOString().slice(0, 10), {}],
		['local time behind UTC', (time) => new Date(time - 5 * HOUR).toISOString().slice(0, 19), {}],
		['local time ahead of UTC', (time) => new Date(time + 9 * HOUR).toISOString().slice(0, 19), {}],
		['microseconds', (time) => new Date(time).toISOString().replace('Z', '123Z'), {}],
		[
			'local time with its zone',
			(time) => new Date(time - 5 * HOUR).toISOString().slice(0, 19),
			{ timeZone: 'Etc/GMT+5' },
		],
	];
	test.each(ways)('From Now, %s: nothing that was there, and all that comes', async (_name, write, settings) => {
		let clock = Math.floor(Date.now() / DAY) * DAY - 10 * DAY + 12 * HOUR + 20_000;
		const rows: Row[] = [1, 2].map((id) => ({ id: `old${id}`, at: write(clock - id * HOUR) }));
		const { source } = apiOf({ url: '/o', cursorField: 'at', ...settings }, () => ({
			body: rows,
			headers: { date: new Date(clock).toUTCString() },
		}));
		const ledger = await ledgers.open();
		const start = { start: { from: 'now' } } as const;
		expect((await drain(ledger, source, start)).ids).toEqual([]);
		const found: unknown[] = [];
		for (const seconds of [25, 90, 3_600, 86_400]) {
			clock += seconds * 1_000;
			rows.push({ id: `after${seconds}`, at: write(clock - 1_000) });
			found.push(...(await drain(ledger, source, start)).ids);
		}
		expect(found).toEqual(['after25', 'after90', 'after3600', 'after86400']);
	});

	test('From Now on an empty list whose times are cut to the day', async () => {
		let clock = Date.now();
		const rows: Row[] = [];
		const { source } = apiOf({ url: '/o', cursorField: 'at' }, () => ({
			body: rows,
			headers: { date: new Date(clock).toUTCString() },
		}));
		const ledger = await ledgers.open();
		const start = { start: { from: 'now' } } as const;
		expect((await drain(ledger, source, start)).ids).toEqual([]);
		clock += MINUTE;
		rows.push({ id: 'first', at: new Date(clock).toISOString().slice(0, 10) });
		expect((await drain(ledger, source, start)).ids).toEqual(['first']);
	});

	test('One Event per Change, cut to the minute: each state within it, once, and a link that is signed anew is no state', async () => {
		let clock = Math.floor(Date.now() / MINUTE) * MINUTE + 10_000;
		const at = new Date(clock - 10_000).toISOString();
		const row = { id: 'p', status: 'draft', at, file: `${BASE}/f?sig=1` };
		const { source } = apiOf({ url: '/pages', cursorField: 'at', emit: 'change' }, () => ({
			body: [row],
			headers: { date: new Date(clock).toUTCString() },
		}));
		const ledger = await ledgers.open();
		const states = async () => (await drain(ledger, source)).events.map(({ data }) => (data as typeof row).status);
		expect(await states()).toEqual(['draft']);
		clock += 20_000;
		row.file = `${BASE}/f?sig=2`;
		expect(await states()).toEqual([]);
		row.status = 'approved';
		expect(await states()).toEqual(['approved']);
		// Long after, what is computed anew is no change.
		clock += HOUR;
		row.status = 'approved an hour ago';
		expect(await states()).toEqual([]);
	});

	test('One Event per Change, by a pattern that has dots', async () => {
		const clock = Math.floor(Date.now() / MINUTE) * MINUTE + 10_000;
		const [day = '', time = ''] = new Date(clock).toISOString().split('T');
		const row = { id: 'p', status: 'draft', at: `${day.split('-').toReversed().join('.')} ${time.slice(0, 5)}` };
		const { source } = apiOf(
			{ url: '/p', cursorField: 'at', emit: 'change', timeFormat: 'custom', timePattern: 'dd.MM.yyyy HH:mm' },
			() => ({ body: [row], headers: { date: new Date(clock).toUTCString() } }),
		);
		const ledger = await ledgers.open();
		const states = async () => (await drain(ledger, source)).events.map(({ data }) => (data as typeof row).status);
		expect(await states()).toEqual(['draft']);
		row.status = 'approved';
		expect(await states()).toEqual(['approved']);
	});

	test('From Now, exact times: a row that comes while the list is first read is new', async () => {
		const clock = Date.now();
		const rows: Row[] = [1, 2, 3].map((id) => ({
			id: `old${id}`,
			at: new Date(clock - id * HOUR - 1_500).toISOString(),
		}));
		const { source, asked } = apiOf({ url: '/o', cursorField: 'at' }, () => {
			if (asked.length === 2) rows.push({ id: 'meanwhile', at: new Date(clock + 1_000).toISOString() });
			return { body: rows, headers: { date: new Date(clock).toUTCString() } };
		});
		expect((await drain(await ledgers.open(), source, { start: { from: 'now' } })).ids).toEqual(['meanwhile']);
	});

	test('One Event per Change, microseconds apart', async () => {
		const second = iso(HOUR).slice(0, 19);
		const row = { id: 7, status: 'open', at: `${second}.148758Z` };
		const { source } = apiOf({ url: '/t', cursorField: 'at', emit: 'change' }, () => ({ body: [row] }));
		const ledger = await ledgers.open();
		expect((await drain(ledger, source)).ids).toEqual(['7']);
		Object.assign(row, { status: 'paid', at: `${second}.148912Z` });
		expect((await drain(ledger, source)).events.map(({ data }) => (data as typeof row).status)).toEqual(['paid']);
	});
});

describe('R4 validators that are wrong', () => {
	/** Answers 304 to whatever it is asked with. */
	const stubborn = (rows: () => Row[], headers: Record<string, string>, clock: () => number) =>
		apiOf({ url: '/feed', cursorField: 'at' }, (_url, request) => {
			const isConditional = 'if-none-match' in request.headers || 'if-modified-since' in request.headers;
			const date = new Date(clock()).toUTCString();
			return isConditional
				? { status: 304, raw: '', headers: { date } }
				: { body: rows(), headers: { ...headers, date } };
		});

	test.each([
		['a date that never changes', { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
		['a tag that never changes', { etag: '"1"' }],
		['both', { etag: 'W/"1"', 'last-modified': 'Tue, 01 Jan 1980 00:00:01 GMT' }],
	])('%s: what it hides comes within the look-back, and requests are saved meanwhile', async (_name, headers) => {
		let clock = Date.now();
		const rows: Row[] = [{ id: 'a', at: iso(HOUR) }];
		const { source } = stubborn(
			() => rows,
			headers,
			() => clock,
		);
		const ledger = await ledgers.open();
		const at = async () => await tick(ledger, source, { clock: () => clock });
		expect(idsIn(await at())).toEqual(['a']);
		rows.push({ id: 'b', at: new Date(clock).toISOString() });
		let unchanged = 0;
		for (let minute = 1; minute <= 10; minute++) {
			clock += MINUTE;
			const result = await at();
			unchanged += result.unchanged;
			if (result.events.length === 0) continue;
			expect(idsIn(result)).toEqual(['b']);
			expect(unchanged).toBeGreaterThan(1);
			return;
		}
		throw new Error('the row was hidden for ten minutes');
	});

	test('Last-Modified of this very minute is not relied on: a second row of the same second is found at once', async () => {
		const second = Math.floor(Date.now() / 1_000) * 1_000;
		const rows: Row[] = [{ id: 1, at: new Date(second + 100).toISOString() }];
		const modified = new Date(second).toUTCString();
		const { source } = stubborn(
			() => rows,
			{ 'last-modified': modified },
			() => second + 30_000,
		);
		const ledger = await ledgers.open();
		expect(idsIn(await tick(ledger, source))).toEqual(['1']);
		rows.push({ id: 2, at: new Date(second + 700).toISOString() });
		expect(idsIn(await tick(ledger, source))).toEqual(['2']);
	});
});

describe('R6 answers without rows', () => {
	test.each([
		['204', { status: 204, raw: '' }],
		['an empty 200', { raw: '' }],
		['blanks', { raw: ' \r\n' }],
		['null for the list', { body: { data: null } }],
	])('%s: no rows and no error', async (_name, empty) => {
		let rows: Row[] = [];
		const { source } = apiOf({ url: '/Leads', itemsAt: 'data', cursorField: 'at' }, () =>
			rows.length === 0 ? empty : { body: { data: rows } },
		);
		const ledger = await ledgers.open();
		expect((await tick(ledger, source)).failure).toBeUndefined();
		rows = [{ id: 1, at: iso(0) }];
		expect(idsIn(await tick(ledger, source))).toEqual(['1']);
	});

	test.each([
		['{}', { body: {} }, { 'retry-after': '120' }, 2],
		['no body', { raw: '' }, {}, 1],
		['no body, and a time', { raw: '' }, { 'retry-after': '120' }, 2],
		['a word', { body: { status: 'processing' } }, { 'retry-after': '5' }, 1],
	])('202 with %s is asked again when it says, and is no failure', async (_name, body, headers, minutes) => {
		let isReady = false;
		const { source, asked } = apiOf({ url: '/stats', cursorField: 'at' }, () =>
			isReady ? { body: [{ id: 1, at: iso(HOUR) }] } : { status: 202, ...body, headers },
		);
		const ledger = await ledgers.open();
		const now = Date.now();
		expect(await tick(ledger, source, { clock: () => now })).toMatchObject({ events: [] });
		isReady = true;
		for (let minute = 1; minute < minutes; minute++) await tick(ledger, source, { clock: () => now + minute * MINUTE });
		expect(asked).toHaveLength(1);
		const result = await tick(ledger, source, { clock: () => now + minutes * MINUTE + 1 });
		expect([idsIn(result), result.failure]).toEqual([['1'], undefined]);
	});

	test.each([
		[403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '900' }],
		[403, { 'retry-after': '900' }],
		[429, { ratelimit: 'limit=10, remaining=0, reset=900' }],
		[429, { ratelimit: '"default";r=0;t=900, "daily";r=500;t=40000' }],
		[429, { 'x-ratelimit-reset-after': '900' }],
		[503, { 'retry-after': '900' }],
	])('R7 %d with %j: it is waited for', async (status, headers) => {
		const { source, asked } = apiOf({ url: '/o', cursorField: 'at' }, () => ({
			status,
			body: { message: 'slow down' },
			headers,
		}));
		const ledger = await ledgers.open();
		const now = Date.now();
		const result = await tick(ledger, source, { clock: () => now });
		expect(result.failure?.code).toBe(status === 503 ? 'unavailable' : 'rate-limited');
		await tick(ledger, source, { clock: () => now + 890_000 });
		expect(asked).toHaveLength(1);
		await tick(ledger, source, { clock: () => now + 902_000 });
		// Our own count of the limit may still hold it back: what counts is that it was not asked before.
		expect(asked.length).toBeLessThan(3);
	});

	test('R7 403 without any of it is a refused credential; Google’s words are a limit', async () => {
		const codeOf = async (body: object) => {
			const { source } = apiOf({ url: '/o', cursorField: 'at' }, () => ({ status: 403, body }));
			return (await tick(await ledgers.open(), source)).failure?.code;
		};
		expect(await codeOf({ message: 'Forbidden' })).toBe('credential-invalid');
		expect(await codeOf({ error: { message: 'User Rate Limit Exceeded' } })).toBe('rate-limited');
	});

	test('R7 a single 401 is asked again at once; two are a refused credential', async () => {
		let refusals = 1;
		const { source, asked } = apiOf({ url: '/o', cursorField: 'at' }, () =>
			refusals-- > 0 ? { status: 401, body: {} } : { body: [{ id: 1, at: iso(HOUR) }] },
		);
		const ledger = await ledgers.open();
		expect(idsIn(await tick(ledger, source))).toEqual(['1']);
		expect(asked).toHaveLength(2);
		refusals = 2;
		expect((await tick(ledger, source)).failure?.code).toBe('credential-invalid');
	});
});

describe('R9 links that name another origin', () => {
	test.each([
		'http://api.example.com/v1/o?page=2',
		'https://api.example.com:8443/v1/o?page=2',
		'http://backend:8000/v1/o?page=2',
		'http://10.0.0.7/v1/o?page=2',
		'http://elsewhere.example.net/v1/o?page=2',
	])('%s is followed at the address of the credential', async (next) => {
		const { source, asked } = apiOf(
			{ url: '/o', cursorField: 'at', itemsAt: 'items', paging: 'next', nextAt: 'next' },
			(url) =>
				page(url) === 2
					? { body: { items: [{ id: 2, at: iso(HOUR) }], next: null } }
					: { body: { items: [{ id: 1, at: iso(HOUR) }], next } },
		);
		expect(await drain(await ledgers.open(), source)).toMatchObject({ ids: ['1', '2'], failure: undefined });
		expect(asked.every(({ origin }) => origin === new URL(BASE).origin)).toBe(true);
	});

	test.each(['https://elsewhere.example.net/v1/o?page=2', '//elsewhere.example.net//evil.example/o?page=2'])(
		'%s is refused, and nobody else is asked',
		async (next) => {
			const { source, asked } = apiOf(
				{ url: '/o', cursorField: 'at', itemsAt: 'items', paging: 'next', nextAt: 'next' },
				() => ({
					body: { items: [{ id: 1, at: iso(HOUR) }], next },
				}),
			);
			const { failure } = await drain(await ledgers.open(), source);
			expect(failure?.message).toContain('elsewhere.example.net, and the credential is for');
			expect(asked.every(({ origin }) => origin === new URL(BASE).origin)).toBe(true);
		},
	);
});

describe('R10 what a source is', () => {
	const answer = {
		orders: [1, 2, 3].map((id) => ({ id, number: 100 + id, at: iso(9 * DAY - id) })),
		refunds: [1, 2].map((id) => ({ id, number: 200 + id, at: iso(9 * DAY - id) })),
	};
	const settings = { url: '/export', cursorField: 'at', itemsAt: 'orders' };
	const read = async (ledger: Ledger, changes: object, url = '/export') => {
		const { source } = apiOf({ ...settings, url, ...changes }, () => ({ body: answer }));
		return await drain(ledger, source, { deepReconcile: { everyMs: DAY, lookBackMs: 30 * DAY } });
	};

	test('another list of the same answer is another source: all of it passes, and it is said that it begins anew', async () => {
		const ledger = await ledgers.open();
		expect((await read(ledger, {})).ids).toEqual(['1', '2', '3']);
		const second = await read(ledger, { itemsAt: 'refunds' });
		expect(second.ids).toEqual(['1', '2']);
		expect(second.notices).toEqual([expect.stringContaining('It begins anew')]);
	});

	test.each([
		['ID Field', { idField: 'number' }],
		['What Is an Event', { emit: 'change' }],
	])('another %s repeats nothing, says so, and what comes is new', async (_name, change) => {
		const ledger = await ledgers.open();
		await read(ledger, {});
		const second = await read(ledger, change);
		expect(second.ids).toEqual([]);
		expect(second.notices).toEqual([expect.stringContaining('told apart in another way')]);
		answer.orders.push({ id: 9, number: 109, at: iso(0) });
		expect((await read(ledger, change)).ids).toHaveLength(1);
		answer.orders.pop();
	});

	test('a wrong ID Field that is mended before anything was handed over: what was there is still not new', async () => {
		const ledger = await ledgers.open();
		const start = { start: { from: 'now' } } as const;
		const of = (idField: string) =>
			apiOf({ url: '/n', cursor: 'number', cursorField: 'n', idField }, () => ({
				body: [
					{ id: 1, n: 1 },
					{ id: 2, n: 2 },
				],
			})).source;
		expect((await tick(ledger, of('nope'), start)).failure?.message).toContain('"nope"');
		expect((await drain(ledger, of('id'), start)).ids).toEqual([]);
	});

	test.each(['/export?limit=50', '/export?per_page=100&page=1', '/export?$top=10'])(
		'another page size in the URL (%s) is no other list',
		async (url) => {
			const ledger = await ledgers.open();
			await read(ledger, {});
			expect((await read(ledger, {}, url)).ids).toEqual([]);
		},
	);

	test('another time zone begins anew, because every time is another', async () => {
		const ledger = await ledgers.open();
		await read(ledger, {});
		const second = await read(ledger, { timeZone: 'Europe/Warsaw' });
		expect(second.notices).toEqual([expect.stringContaining('It begins anew')]);
		expect(second.ids).toEqual([]);
	});

	test('another filter in the URL is', async () => {
		const ledger = await ledgers.open();
		await read(ledger, {});
		expect((await read(ledger, {}, '/export?status=paid')).ids).toEqual(['1', '2', '3']);
	});
});
