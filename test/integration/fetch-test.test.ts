import { type FetchTest, sampleEvents } from '../../lib';
import type { SampleNode } from '../../lib/poll/sample';
import { type Answer, NODE, apiOf, tick } from '../support/described-api';
import { STREAM, useLedgers } from '../support/ledger';

/** What Fetch Test Event concludes from the first two pages of an API that a user has described. */

const ledgers = useLedgers('sqlite');
const HOUR = 3_600_000;
const NOW = Date.now();
const iso = (at: number) => new Date(at).toISOString();

/** The newest of them first, as most lists come. */
const orders = Array.from({ length: 250 }, (_, n) => ({
	id: 250 - n,
	created_at: iso(NOW - HOUR - n * 60_000),
	updated_at: iso(NOW - HOUR - n * 60_000 + (n === 3 ? 30_000 : 0)),
}));
const settings = { url: '/orders', itemsAt: 'data', pageSizeParameter: 'limit' };
const byPage = { ...settings, order: 'descending', paging: 'page', pageParameter: 'page' };

function pageOf({ searchParams }: URL): typeof orders {
	const page = Number(searchParams.get('page') ?? 1);
	return orders.slice((page - 1) * 100, page * 100);
}

const listed = (rows: readonly object[], more: object = {}): Answer => ({ body: { data: rows, ...more } });

async function tested(
	described: Readonly<Record<string, unknown>>,
	answer: (url: URL) => Answer,
	node?: SampleNode,
): Promise<FetchTest> {
	const { source } = apiOf(described, answer);
	const { fetchTest } = await sampleEvents(source, STREAM, 0, node);
	if (!fetchTest) throw new Error('Nothing was concluded');
	return fetchTest;
}

describe('what is there, and what it costs', () => {
	test('newest first: how many, how they come, what a reading costs, and whether changes are found', async () => {
		const { conclusion, warnings } = await tested(byPage, (url) => listed(pageOf(url), { total: 250 }));
		expect(conclusion).toBe(
			'250 orders, 100 a page, newest first: 3 requests for all there is, then 1 request a reading while little is new. ' +
				'A changed row would be found: no, because One Event per Row tells of new rows only. Choose One Event per Change for that. ' +
				'The second page was read, and has other rows.',
		);
		expect(warnings).toEqual([]);
	});

	test('not sorted: all pages twice, each time', async () => {
		const { conclusion } = await tested(
			{ ...byPage, order: 'none', emit: 'change', cursorField: 'updated_at' },
			(url) => listed(pageOf(url), { total: 250 }),
		);
		expect(conclusion).toContain('250 orders, 100 a page, not sorted: 6 requests a reading.');
		expect(conclusion).toContain('A changed row would be found: yes, each time updated_at has grown.');
	});

	test('where nobody counts them: at least as many as were seen', async () => {
		const { conclusion } = await tested({ ...byPage, cursor: 'none' }, (url) => listed(pageOf(url)));
		expect(conclusion).toContain('At least 200 orders, 100 a page: all pages twice a reading.');
	});

	test('one page, known to be the only one or followed by an empty one', async () => {
		const few = orders.slice(0, 40);
		const { conclusion, requests } = await tested({ ...settings, order: 'descending' }, () => listed(few));
		expect(conclusion).toMatch(/^40 orders on one page, newest first: 1 request a reading\./);
		expect(requests).toHaveLength(1);
		const paged = await tested(byPage, (url) => listed(url.searchParams.get('page') === '1' ? few : []));
		expect(paged.conclusion).toMatch(/^40 orders on one page/);
		expect(paged.conclusion).toContain('There is no second page so far.');
		expect(paged).toMatchObject({ rows: [40, 0], warnings: [] });
	});
});

describe('settings that lose rows do not turn green', () => {
	test.each([
		[
			'Paging None beside a token',
			settings,
			{ next_cursor: 'abc', total: 250 },
			'"next_cursor": "abc", but Paging is None',
		],
		['Paging None beside has_more', settings, { has_more: true }, 'says that there are more rows, but Paging is None'],
		[
			'the token somewhere else',
			{ ...settings, paging: 'token', pageParameter: 'cursor', nextAt: 'next_cursor' },
			{ meta: { next_cursor: 'abc' } },
			'"meta.next_cursor": "abc", but there is nothing at "Next Page At" (next_cursor)',
		],
	])('%s', async (_, described, more, message) => {
		await expect(tested(described, (url) => listed(pageOf(url), more))).rejects.toThrow(message);
	});

	test('a total that may count something else is a warning', async () => {
		const { warnings, conclusion } = await tested(settings, (url) => listed(pageOf(url), { total: 250 }));
		expect(warnings).toEqual([expect.stringContaining('counts 250 rows and has 100, and Paging is None')]);
		expect(conclusion).toContain(`Careful: ${warnings[0] ?? ''}`);
	});

	test('a page parameter that the API takes no notice of: an error where there are more rows, a warning where there may be', async () => {
		const wrong = { ...byPage, pageParameter: 'p' };
		await expect(tested(wrong, (url) => listed(pageOf(url), { total: 250 }))).rejects.toThrow(
			'the second page has the same rows as the first, but the answer counts 250 rows and the first page has 100',
		);
		const { warnings } = await tested(wrong, (url) => listed(pageOf(url)));
		expect(warnings).toEqual([expect.stringContaining('if there are more than 100 rows')]);
	});

	test('a second page that is empty or refused though more are counted', async () => {
		const first = (url: URL) => url.searchParams.get('page') === '1';
		await expect(tested(byPage, (url) => listed(first(url) ? pageOf(url) : [], { total: 250 }))).rejects.toThrow(
			'the second page is empty, but the answer counts 250 rows',
		);
		await expect(
			tested(byPage, (url) => (first(url) ? listed(pageOf(url), { total: 250 }) : { status: 400, body: {} })),
		).rejects.toThrow('the second page is refused, but the answer counts 250 rows');
		const { conclusion, warnings } = await tested(byPage, (url) =>
			first(url) ? listed(pageOf(url)) : { status: 404, body: {} },
		);
		expect(conclusion).toMatch(/^At least 100 orders, 100 a page, newest first\. /);
		expect(conclusion).toContain('The second page is refused, which is taken for the end of the list.');
		expect(warnings).toEqual([]);
	});

	test('One Event per Change by a time that does not change: an error where a row shows it, else a warning', async () => {
		const created = { ...byPage, emit: 'change', cursorField: 'created_at' };
		await expect(tested(created, (url) => listed(pageOf(url)))).rejects.toThrow(
			'"created_at" stays as it is when a row changes: in the row 247, updated_at is later. Changed rows would never be found. Choose updated_at under Time or Number Field',
		);
		const unchanged = orders.map((row) => ({ ...row, updated_at: row.created_at }));
		expect((await tested({ ...created, paging: 'none' }, () => listed(unchanged.slice(0, 9)))).warnings).toEqual([
			expect.stringMatching(
				/"created_at" sounds like the time of creation.*Choose updated_at under Time or Number Field/,
			),
		]);
		expect(
			(await tested({ ...created, paging: 'none' }, () => listed([{ id: 1, created_at: iso(NOW) }]))).warnings,
		).toEqual([expect.stringContaining('Choose the field of the last change under Time or Number Field')]);
	});

	test('a list that is not in the order which was said', async () => {
		await expect(tested({ ...byPage, order: 'ascending' }, (url) => listed(pageOf(url)))).rejects.toThrow('order');
	});
});

describe('what only looks wrong is no error, and what only looks right no yes', () => {
	const few = orders.slice(0, 60);
	const isFirst = (url: URL) => (url.searchParams.get('page') ?? '1') === '1';

	test.each<[string, object]>([
		['a sum of money', { total: 125_000 }],
		['all there are, before the filter', { recordsTotal: 900, recordsFiltered: 60 }],
		['a limit', { rate_limit: { total: 5_000 } }],
		['what belongs to the user', { user: { notifications: { count: 120 } } }],
	])('a number beside the list: %s', async (_, more) => {
		const { conclusion } = await tested(byPage, (url) => listed(isFirst(url) ? few : [], more));
		expect(conclusion).toContain('There is no second page so far');
	});

	test('changes that a field cannot tell of', async () => {
		const of = async (cursor: string, cursorField: string) =>
			(
				await tested({ ...settings, emit: 'change', cursor, cursorField }, () =>
					listed(few.map((row) => ({ ...row, due_date: row.created_at }))),
				)
			).conclusion;
		expect(await of('number', 'id')).toContain('A changed row would be found: no, because id stays as it is');
		expect(await of('time', 'due_date')).toContain('only where due_date becomes later');
		expect(await of('time', 'updated_at')).toContain('yes, each time updated_at has grown');
	});

	test('an ID that rows share is an error', async () => {
		const shared = few.map((row) => ({ ...row, customer_id: row.id % 7 }));
		await expect(tested({ ...settings, idField: 'customer_id' }, () => listed(shared))).rejects.toThrow(
			/\d different rows of one page count as orders\/\d, so all but the first would be lost\. .*ID Field/,
		);
	});

	test('rows of the second page that cannot be read are counted, and are other rows', async () => {
		const { conclusion, unreadable, rows } = await tested(byPage, (url) =>
			listed(pageOf(url).map((row) => (isFirst(url) ? row : { ...row, created_at: null }))),
		);
		expect({ unreadable, rows }).toEqual({ unreadable: 100, rows: [100, 100] });
		expect(conclusion).toContain('At least 200 orders');
	});

	test.each([
		['none', 'page', 60, '4 requests a reading'],
		['descending', 'page', 60, '1 request a reading'],
		['none', 'none', 60, '1 request a reading'],
		['none', 'page', 250, '6 requests a reading'],
		['descending', 'page', 250, 'then 1 request a reading'],
	])('what a reading is said to cost, it costs: %s, %s, %d rows', async (order, paging, count, said) => {
		const { source, asked } = apiOf({ ...byPage, order, paging }, (url) =>
			listed(count === 60 ? (isFirst(url) ? few : []) : pageOf(url), count === 250 ? { total: 250 } : {}),
		);
		const { fetchTest } = await sampleEvents(source, STREAM);
		expect(fetchTest?.conclusion).toContain(said);
		const ledger = await ledgers.open();
		for (let run = 0; run < 5; run++) await tick(ledger, source, { settings: Math.random() });
		asked.length = 0;
		await tick(ledger, source, { settings: Math.random() });
		expect(asked.length).toBe(Number(/(\d) requests? a reading/.exec(said)?.[1]));
	});

	test('just as many rows as pages have, and no paging: a warning', async () => {
		const { warnings } = await tested({ url: '/orders', itemsAt: 'data' }, () => listed(orders.slice(0, 20)));
		expect(warnings).toEqual([expect.stringContaining('the page looks full (20 rows), and Paging is None')]);
	});
});

test('R10 what begins anew once it is published is said before', async () => {
	const ledger = await ledgers.open();
	const answer = (url: URL) => listed(pageOf(url));
	const of = async (described: Readonly<Record<string, unknown>>) =>
		(await tested(described, answer, { id: NODE.id, ledger })).conclusion;
	expect(await of(byPage)).not.toContain('Once published');
	await tick(ledger, apiOf(byPage, answer).source, {});
	expect(await of(byPage)).not.toContain('Once published');
	expect(await of({ ...byPage, pageSize: 50 })).not.toContain('Once published');
	expect(await of({ ...byPage, cursorField: 'updated_at' })).toContain(
		'Once published: orders: it is another list than before',
	);
	expect(await of({ ...byPage, idField: 'created_at' })).toContain(
		'its rows are told apart in another way than before',
	);
});
