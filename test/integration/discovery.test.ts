import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SsrfProtectionConfig } from '@n8n/config';
import { Container } from '@n8n/di';
import type { INodeParameters, INodePropertyOptions } from 'n8n-workflow';
import { type ListApi, type ListApiModel, listApis } from '../support/list-apis';
import { TestWorkflow, examplePlan } from './support/n8n';

/** Lists described by one choice: what the node finds out by asking, and that it reads the list right. */

const HOUR = 3_600_000;
const MINUTE = 60_000;
/** Three pages. */
const ROWS = 250;

const servers: Server[] = [];
afterEach(async () => {
	await Promise.all(servers.splice(0).map(async (server) => await new Promise((done) => server.close(done))));
});

/** A port may come again, and what was found out there before is kept: so each server has a credential of its own. */
const credentials = new Map<string, string>();
let served = 0;
const credentialsFor = (origin: string) => ({
	hybridSyncHttp: { id: credentials.get(origin) ?? 'none', name: 'key' },
});

/** Serves a model of a list over HTTP. */
async function serve(model: ListApiModel): Promise<{ origin: string; asked: string[] }> {
	const asked: string[] = [];
	let origin = '';
	const server = createServer(({ url = '/', headers }, response) => {
		asked.push(url);
		const answer = model.answer({ url: new URL(url, origin), headers }, origin, Date.now());
		response.writeHead(answer.status, answer.headers).end(answer.body);
	});
	servers.push(server);
	await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
	origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	credentials.set(origin, `credential-${++served}`);
	return { origin, asked };
}

function workflowOf(origin: string, parameters: INodeParameters): TestWorkflow {
	const options = { requestsPerMinute: 6_000, maxEvents: 10_000 };
	return new TestWorkflow(
		examplePlan(
			{ rest: { apiUrl: origin, authentication: 'none' }, credentials: credentialsFor(origin) },
			{ provider: 'anyService', start: 'everything', ...parameters, additionalOptions: options },
		),
	);
}

const chosenOf = (choices: readonly INodePropertyOptions[], at = 0) =>
	JSON.parse(String(choices[at]?.value)) as Record<string, unknown>;

/** A list in use: some rows share their second, and some have been changed since. */
function filled(api: ListApi): { model: ListApiModel; ids: string[] } {
	const model = api.create();
	const now = Date.now();
	const ids = Array.from({ length: ROWS }, (_, n) =>
		model.add(n + 1, now - 30 * HOUR + Math.floor(n / 2) * 5 * MINUTE),
	);
	for (const [n, minutes] of [
		[4, 50],
		[11, 40],
		[7, 30],
	] as const) {
		model.change(n, now - minutes * MINUTE);
	}
	return { model, ids };
}

async function drain(workflow: TestWorkflow): Promise<string[]> {
	const found: string[] = [];
	for (let idle = 0; idle < 2;) {
		const events = await workflow.poll();
		found.push(...(events ?? []).map(({ subject = '' }) => subject.split('/').at(-1) ?? ''));
		idle = events ? 0 : idle + 1;
	}
	return found.toSorted();
}

test.each(listApis)('$name is read right by three entries: credential, URL, and the first choice', async (api) => {
	const { model, ids } = filled(api);
	const { origin, asked } = await serve(model);
	const choices = await workflowOf(origin, { url: api.url }).load('listing');
	const looked = asked.length;
	const listing = String(choices[0]?.value);
	// The table in docs/rest-api.md.
	expect({ looked, first: chosenOf(choices), all: choices.length }).toMatchSnapshot();
	const workflow = workflowOf(origin, { url: api.url, listing });
	expect(await drain(workflow)).toEqual(ids.toSorted());
	const now = Date.now();
	const added = model.add(ROWS + 1, now - 1_000);
	expect(await drain(workflow)).toEqual([added]);
	if (chosenOf(choices)['emit'] === 'change') {
		model.change(3, now - 500);
		expect(await drain(workflow)).toEqual([ids[2]]);
	}
	asked.length = 0;
	await workflow.poll();
	expect({ requests: asked.length }).toMatchSnapshot();
});

/** A list of its own, as a user's shop might have it. */
function shop(
	rows: readonly object[],
	answer: (page: readonly object[], url: URL) => object = (page) => ({ data: page }),
) {
	return {
		answer({ url }: { url: URL }) {
			const size = Number(url.searchParams.get('limit') ?? 50);
			const from = Number(url.searchParams.get('offset') ?? 0);
			const body = JSON.stringify(answer(rows.slice(from, from + size), url));
			return { status: 200, headers: { 'content-type': 'application/json', date: new Date().toUTCString() }, body };
		},
	} as unknown as ListApiModel;
}
const orders = Array.from({ length: 60 }, (_, n) => ({
	order_id: `o-${60 - n}`,
	number: 60 - n,
	placed: new Date(Date.now() - HOUR - n * MINUTE).toISOString(),
	customer: { id: n, updated_at: new Date().toISOString() },
}));
const namesOf = (choices: readonly INodePropertyOptions[]) => choices.map(({ name }) => name);

test('what is found in a list that no service is known for', async () => {
	const { origin } = await serve(shop(orders));
	const choices = await workflowOf(origin, { url: '/orders' }).load('listing');
	expect(namesOf(choices)).toEqual([
		'New orders, by their id alone: all of them are read each time',
		`New orders, by placed (${orders[0]?.placed ?? ''})`,
		'Described by Hand',
	]);
	expect(chosenOf(choices)).toEqual({
		url: '/orders',
		itemsAt: 'data',
		idField: 'order_id',
		paging: 'offset',
		pageParameter: 'offset',
		pageSizeParameter: 'limit',
		pageSize: 100,
		emit: 'row',
		cursor: 'none',
	});
	// People may enter it, and late.
	expect(choices[1]?.description).toContain('Careful: only if placed is never in the past when a row appears');
});

test('what was chosen is frozen: it stays in the list, nothing is asked again, and another URL is looked at anew', async () => {
	const { origin, asked } = await serve(shop(orders));
	const listing = JSON.stringify({ url: '/orders', itemsAt: 'rows', idField: 'id', cursor: 'none', emit: 'row' });
	const choices = await workflowOf(origin, { url: '/orders', listing }).load('listing');
	expect(namesOf(choices)).toEqual([
		'New orders, by their id alone: all of them are read each time',
		'Find Out Anew',
		'Described by Hand',
	]);
	expect(choices[0]?.value).toBe(listing);
	expect(asked).toEqual([]);
	const other = await workflowOf(origin, { url: '/paid-orders', listing }).load('listing');
	expect(other[0]?.value).toBe(listing);
	expect(other[1]?.name).toMatch(/^New paid-orders, by their id/);
});

test('each part of what was chosen can be set otherwise, from a list with sample values', async () => {
	const { origin, asked } = await serve(shop(orders));
	const listing = String((await workflowOf(origin, { url: '/orders' }).load('listing'))[0]?.value);
	const workflow = workflowOf(origin, { url: '/orders', listing });
	expect(await workflow.load('itemsAt')).toEqual([{ name: 'data', value: 'data', description: '60 rows' }]);
	expect(await workflow.load('idField')).toEqual([
		{ name: 'order_id', value: 'order_id', description: 'o-60' },
		{ name: 'number', value: 'number', description: '60' },
	]);
	expect(await workflow.load('cursorField')).toEqual([
		{ name: 'placed', value: 'placed', description: orders[0]?.placed },
		{ name: 'number', value: 'number', description: '60' },
	]);
	// One answer is enough for a part.
	const before = asked.length;
	await workflowOf(origin, { url: '/orders?again', listing }).load('idField');
	expect(asked.length).toBe(before + 1);
	const otherwise = new TestWorkflow(
		examplePlan(
			{ rest: { apiUrl: origin, authentication: 'none' }, credentials: credentialsFor(origin) },
			{
				provider: 'anyService',
				url: '/orders',
				listing,
				start: 'everything',
				additionalOptions: { idField: 'number', eventName: 'sale', requestsPerMinute: 6_000 },
			},
		),
	);
	expect((await otherwise.poll())?.[0]).toMatchObject({ type: 'anyService.sale', subject: 'sale/60' });
});

test('what keeps a list from being loaded is said in the list, and nothing is lost of what was chosen', async () => {
	const { origin } = await serve(shop([]));
	const listing = JSON.stringify({ url: '/old', cursor: 'none' });
	const load = async (parameters: INodeParameters, at = origin) =>
		namesOf(await workflowOf(at, parameters).load('listing'));
	expect(await load({ url: '' })).toEqual(['Nothing found: Enter the URL first', 'Described by Hand']);
	expect(await load({ url: '/orders', listing })).toEqual([
		'New old, by their id alone: all of them are read each time',
		expect.stringContaining('Nothing found: The list is empty so far'),
		'Described by Hand',
	]);
	expect(await load({ url: '/orders' }, 'http://127.0.0.1:9')).toEqual([
		expect.stringMatching(/^Nothing found: .*127\.0\.0\.1/),
		'Described by Hand',
	]);
	await expect(workflowOf(origin, { url: '/orders' }).poll()).rejects.toThrow(
		'Choose an entry under "How the API Lists"',
	);
	await expect(workflowOf(origin, { url: '/orders', listing: 'x' }).poll()).rejects.toThrow('none of its entries');
	const full = await serve(shop(orders));
	expect((await load({ url: '/orders', listing: 'x' }, full.origin))[0]).toMatch(/^New orders/);
});

test('a filter is taken only where rows prove by which time it goes', async () => {
	const at = (n: number) => new Date(Date.now() - HOUR - n * MINUTE).toISOString();
	const since = (field: 'created' | 'updated') => (page: readonly object[], url: URL) => ({
		data: (page as { created: string; updated: string }[]).filter(
			(row) => Date.parse(row[field]) >= Date.parse(url.searchParams.get('since') ?? '1970-01-01'),
		),
	});
	const unchanged = Array.from({ length: 60 }, (_, n) => ({ id: 60 - n, created: at(n), updated: at(n) }));
	const changed = unchanged.map((row, n) => (n === 30 ? { ...row, updated: at(-10) } : row));
	const firstOf = async (rows: readonly object[], field: 'created' | 'updated') => {
		const { origin } = await serve(shop(rows, since(field)));
		const choices = await workflowOf(origin, { url: '/rows' }).load('listing');
		return { changes: chosenOf(choices)['sinceParameter'], rows: chosenOf(choices, 1)['sinceParameter'] };
	};
	expect(await firstOf(unchanged, 'updated')).toEqual({});
	expect(await firstOf(changed, 'updated')).toEqual({ changes: 'since' });
	expect(await firstOf(changed, 'created')).toEqual({ rows: 'since' });
});

test('rows that never changed prove no order of their changes', async () => {
	const at = (n: number) => new Date(Date.now() - HOUR - n * MINUTE).toISOString();
	const unchanged = Array.from({ length: 60 }, (_, n) => ({ id: `${n}x`, created: at(n), updated: at(n) }));
	const orderOf = async (rows: readonly object[]) => {
		const { origin } = await serve(shop(rows));
		return chosenOf(await workflowOf(origin, { url: '/rows' }).load('listing'))['order'];
	};
	expect(await orderOf(unchanged)).toBe('none');
	expect(await orderOf(unchanged.map((row, n) => (n === 5 ? { ...row, created: at(50) } : row)))).toBe('descending');
});

/*
 * Lists that were made to mislead. Whatever is offered first has to read all that is there, then what comes; or it says what
 * it does not know.
 */

interface Odd {
	readonly rows: object[];
	/** What a request is answered with, counted from 1. */
	readonly answer: (url: URL, request: number) => { status?: number; body?: unknown };
}

const iso = (at: number) => new Date(at).toISOString();
const AGO = Date.now() - 20 * HOUR;
/** Newest first. */
const rowsOf = (count: number, more: (n: number) => object = () => ({})): object[] =>
	Array.from({ length: count }, (_, n) => ({ id: `r${count - n}`, created_at: iso(AGO - n * MINUTE), ...more(n) }));

const paged = (
	rows: readonly object[],
	{ searchParams }: URL,
	{ page = 'page', limit = 'limit', from = 1, cap = 100, size = 20 } = {},
) => {
	const count = Math.min(cap, Number(searchParams.get(limit) ?? size));
	const at = (Number(searchParams.get(page) ?? from) - from) * count;
	return rows.slice(at, at + count);
};

async function odd({ answer }: Pick<Odd, 'answer'>) {
	let request = 0;
	const { origin, asked } = await serve({
		answer({ url }: { url: URL }) {
			const { status = 200, body = {} } = answer(url, ++request);
			const headers = { 'content-type': 'application/json', date: new Date().toUTCString() };
			return { status, headers, body: JSON.stringify(body) };
		},
	} as unknown as ListApiModel);
	const load = async (url = '/orders') => await workflowOf(origin, { url }).load('listing');
	const poller = (choice: INodePropertyOptions | undefined, url = '/orders') =>
		workflowOf(origin, { url, listing: String(choice?.value) });
	return { load, poller, asked };
}

/** How many rows the first choice reads, and how many of those that are added then. */
async function readBy({ rows, answer }: Odd, added: object[], url = '/orders'): Promise<[number, number]> {
	const { load, poller } = await odd({ answer });
	const workflow = poller((await load(url))[0], url);
	const first = await drain(workflow);
	rows.unshift(...added);
	return [first.length, (await drain(workflow)).length];
}

describe('a next page that is hard to find', () => {
	const newer = () => [{ id: 'new', created_at: iso(Date.now() - 1_000) }];
	test.each<[string, number, (rows: object[], url: URL) => object[]]>([
		[
			'a page of a thousand rows by itself',
			2_500,
			(rows, url) => paged(rows, url, { limit: 'rows', size: 1_000, cap: 1_000 }),
		],
		[
			'pageNumber and pageSize, capped',
			120,
			(rows, url) => paged(rows, url, { page: 'pageNumber', limit: 'pageSize', cap: 50 }),
		],
		['pages from 0 on', 150, (rows, url) => paged(rows, url, { from: 0 })],
		[
			'pages from 0 on, of a size that nobody can ask for',
			90,
			(rows, url) => paged(rows, url, { from: 0, limit: 'x' }),
		],
		['a name of its own', 90, (rows, url) => paged(rows, url, { page: 'pg', limit: 'x' })],
		[
			'a limit that caps all, and pages of 25',
			120,
			(rows, url) => {
				const limit = Number(url.searchParams.get('limit') ?? 1e9);
				return paged(rows.slice(0, limit), url, { limit: 'x', size: 25 });
			},
		],
		[
			'an offset from 1 on',
			250,
			(rows, { searchParams: query }) => {
				const [at, count] = [Math.max(1, Number(query.get('startIndex') ?? 1)), Number(query.get('count') ?? 20)];
				return rows.slice(at - 1, at - 1 + Math.min(100, count));
			},
		],
	])('%s', async (_, count, page) => {
		const rows = rowsOf(count);
		expect(await readBy({ rows, answer: (url) => ({ body: { data: page(rows, url) } }) }, newer())).toEqual([count, 1]);
	});

	test('an offset that counts pages is none', async () => {
		const rows = rowsOf(250);
		const { load } = await odd({
			answer: (url) => ({ body: { data: paged(rows, url, { page: 'offset', from: 0 }) } }),
		});
		const [first] = await load();
		// By the page before the first one, it is a page number that begins with 0.
		expect(chosenOf([first as INodePropertyOptions])).not.toMatchObject({ paging: 'offset' });
		expect(first?.description).toContain('Careful: how the next page comes was not found');
	});

	test('rows that come while it looks', async () => {
		for (const at of [3, 4, 5, 6]) {
			const rows = rowsOf(250);
			const answer = (url: URL, request: number) => {
				if (request === at) rows.unshift({ id: 'while', created_at: iso(AGO + HOUR) });
				return { body: { data: paged(rows, url) } };
			};
			expect(await readBy({ rows, answer }, newer())).toEqual([251, 1]);
		}
	});

	test('a limit that is used up: nothing is offered as whole, nor kept', async () => {
		const rows = rowsOf(250);
		let isLimited = true;
		const { load, asked } = await odd({
			answer: (url, request) =>
				isLimited && request > 3 ? { status: 429 } : { body: { data: paged(rows, url, { limit: 'size' }) } },
		});
		expect(namesOf(await load())).toEqual([
			expect.stringMatching(/^Nothing found: The API could not be looked at to the end/),
			'Described by Hand',
		]);
		isLimited = false;
		const before = asked.length;
		await load();
		// Our own pause is kept, as the API asked for; but nothing is believed to be known.
		expect(namesOf(await load())[0]).toMatch(/^Nothing found|^New orders/);
		expect(asked.length).toBeGreaterThanOrEqual(before);
	});

	test('where nothing is found, it is said', async () => {
		const rows = rowsOf(250);
		const { load } = await odd({
			answer: (url) => ({ body: { data: paged(rows, url, { page: 'blatt', limit: 'x' }) } }),
		});
		expect((await load())[0]?.description).toContain('this one looks full: rows behind the first 20 would be missed');
		const few = await odd({ answer: () => ({ body: { data: rowsOf(1) } }) });
		expect((await few.load())[0]?.description).toContain('Careful: too few rows to see how the next page comes');
	});
});

describe('an id, a number and a time that only look like one', () => {
	test.each<[string, string, (n: number) => object, string]>([
		['/entries', 'entry_id', (n) => ({ id: undefined, entry_id: `e${n}`, email: `p${n}@example.com` }), 'entry_id'],
		['/companies', 'company_id', (n) => ({ id: undefined, company_id: `c${n}`, name: `Acme ${n}` }), 'company_id'],
		['/boxes', 'box id', (n) => ({ id: undefined, boxId: `c${n}`, code: n }), 'boxId'],
	])('the id of %s is %s', async (url, _, more, idField) => {
		const { load } = await odd({ answer: () => ({ body: { data: rowsOf(12, more) } }) });
		expect(chosenOf(await load(url))).toMatchObject({ idField });
	});

	test('a row of totals among ten keeps nobody from seeing the id', async () => {
		const rows = [...rowsOf(9), { name: 'Total', created_at: iso(AGO), sum: 9 }];
		const { load } = await odd({ answer: () => ({ body: { data: rows } }) });
		expect(chosenOf(await load())).toMatchObject({ idField: 'id' });
	});

	test('an amount is no id, and what may be one is said to be unsure', async () => {
		const { load } = await odd({
			answer: () => ({
				body: { data: rowsOf(12, (n) => ({ id: undefined, order_number: `A-${n}`, paid: `${n}.50` })) },
			}),
		});
		const choices = await load();
		expect(chosenOf(choices)).toMatchObject({ idField: 'order_number' });
		expect(choices[0]?.description).toContain('only if no two rows ever have the same order_number');
	});

	test('a code that the list is sorted by does not say what is new', async () => {
		const rows = Array.from({ length: 12 }, (_, n) => ({ id: `u-${n}`, code: 1_000 + n * 500 }));
		const between = { id: 'u-new', code: 2_700 };
		expect(await readBy({ rows, answer: () => ({ body: { data: rows } }) }, [between])).toEqual([12, 1]);
	});

	test('a date that people enter does not say what is new', async () => {
		const day = (n: number) => iso(AGO - n * 24 * HOUR).slice(0, 10);
		const rows: object[] = Array.from({ length: 12 }, (_, n) => ({ id: `t${n}`, date: day(n), hours: n }));
		const entered = { id: 't-late', date: day(20), hours: 1 };
		expect(await readBy({ rows, answer: () => ({ body: { data: rows } }) }, [entered])).toEqual([12, 1]);
	});

	test('a day of creation does not say what came later that day', async () => {
		const rows = rowsOf(12, (n) => ({ created_at: iso(AGO - n * 24 * HOUR).slice(0, 10) }));
		const { load } = await odd({ answer: () => ({ body: { data: rows } }) });
		expect(chosenOf(await load())).toMatchObject({ cursor: 'none' });
	});

	test.each(['exchange_date', 'credited_at', 'confirm_time', 'sync_time', 'consent_date'])(
		'%s is neither a time of change nor of creation',
		async (name) => {
			const rows = rowsOf(12, (n) => ({ created_at: undefined, [name]: iso(AGO - n * MINUTE) }));
			const { load } = await odd({ answer: () => ({ body: { data: rows } }) });
			expect(chosenOf(await load())).toMatchObject({ cursor: 'none' });
		},
	);

	test('a time that every answer makes anew is none', async () => {
		let made = 0;
		const { load } = await odd({
			answer: (url) => ({
				body: {
					data: paged(
						rowsOf(30, () => ({ updated_at: iso(AGO + ++made * 1_000) })),
						url,
					),
				},
			}),
		});
		expect(chosenOf(await load())).toMatchObject({ emit: 'row', cursorField: 'created_at' });
	});

	test('a filter that leaves out rows which never changed is none', async () => {
		const rows = rowsOf(60, (n) => ({ updated_at: iso(AGO - n * MINUTE + (n % 2) * 1_000) }));
		const { load } = await odd({
			answer: (url) => {
				const since = url.searchParams.get('updated_since');
				const isGiven = (row: object) => {
					const { created_at: created, updated_at: updated } = row as { created_at: string; updated_at: string };
					return since === null || (updated !== created && updated >= since);
				};
				return { body: { data: paged(rows.filter(isGiven), url) } };
			},
		});
		expect(chosenOf(await load())).not.toHaveProperty('sinceParameter');
	});
});

describe('names and places', () => {
	test('whatever characters they have', async () => {
		const rows = rowsOf(30, (n) => ({ $id: String(n), 'a b': 1, "it's": 2, __proto: 3, 'x[0]': 'y', '': 'z' }));
		for (const wrap of [
			(data: unknown) => ({ $values: data }),
			(data: unknown) => ({ result: { 'Order List': data } }),
		]) {
			const list = [...rows];
			expect(await readBy({ rows: list, answer: (url) => ({ body: wrap(paged(list, url)) }) }, [])).toEqual([30, 0]);
		}
	});

	test('a map of rows is no list, nor are errors; hits are, beside longer facets', async () => {
		const items = [
			{ id: 1, created_at: iso(AGO) },
			{ id: 2, created_at: iso(AGO) },
		];
		const map = await odd({
			answer: () => ({ body: { orders: { '1001': { id: 1, items }, '1002': { id: 2, items } } } }),
		});
		expect(namesOf(await map.load())[0]).toMatch(/^Nothing found: The answer has no list of rows/);
		const errors = await odd({ answer: () => ({ body: { error: { errors: [{ code: 1, message: 'No' }] } } }) });
		expect(namesOf(await errors.load())[0]).toMatch(/^Nothing found: The answer has no list of rows/);
		const facets = Array.from({ length: 40 }, (_, n) => ({ value: `f${n}`, hits: n }));
		const search = await odd({ answer: () => ({ body: { counts: facets, hits: rowsOf(10) } }) });
		expect(chosenOf(await search.load('/search'))).toMatchObject({ itemsAt: 'hits' });
	});

	test('a list whose name begins with a digit is one', async () => {
		const { load } = await odd({ answer: () => ({ body: { '3d_models': rowsOf(12) } }) });
		expect(chosenOf(await load('/models'))).toMatchObject({ itemsAt: '3d_models' });
	});

	test('a key that the API writes into names and values is not shown', async () => {
		const secret = 'sk-live-0123456789abcdef';
		const { origin } = await serve({
			answer: () => ({
				status: 200,
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({
					data: rowsOf(12, (n) => ({ id: `${secret}${n}`, [`${secret}_id`]: n, [`${secret}_updated_at`]: iso(AGO) })),
					debug: { [`${secret}_cursor`]: 'x' },
				}),
			}),
		} as unknown as ListApiModel);
		const workflow = new TestWorkflow(
			examplePlan(
				{ rest: { apiUrl: origin, authentication: 'bearer', token: secret }, credentials: credentialsFor(origin) },
				{ provider: 'anyService', url: '/orders' },
			),
		);
		const shown = [
			await workflow.load('nextAt'),
			await workflow.load('idField'),
			await workflow.load('cursorField'),
			await workflow.load('listing'),
		];
		expect(JSON.stringify(shown)).toContain('New orders');
		expect(JSON.stringify(shown)).not.toContain(secret);
	});
});

describe('to look is a request like any other', () => {
	const protection = Container.get(SsrfProtectionConfig);
	afterEach(() => {
		protection.enabled = false;
	});

	test('S11 n8n’s protection against server-side request forgery holds', async () => {
		const { origin, asked } = await serve(shop(orders));
		protection.enabled = true;
		for (const field of ['listing', 'idField']) {
			expect(namesOf(await workflowOf(origin, { url: '/orders' }).load(field))[0]).toMatch(
				/^Nothing found: n8n does not allow requests to 127\.0\.0\.1/,
			);
		}
		expect(asked).toEqual([]);
	});

	test('a credential goes to its own host, and only to the domains that its owner allows', async () => {
		const { origin, asked } = await serve(shop(orders));
		const load = async (url: string, rest: object) => {
			const credential = { apiUrl: origin, authentication: 'bearer', token: 'a-token-of-the-api', ...rest };
			const workflow = new TestWorkflow(
				examplePlan({ rest: credential, credentials: credentialsFor(origin) }, { provider: 'anyService', url }),
			);
			return namesOf(await workflow.load('listing'))[0];
		};
		expect(await load('https://elsewhere.example/orders', {})).toMatch(/^Nothing found: .*elsewhere\.example/);
		expect(await load('/orders', { allowedHttpRequestDomains: 'domains', allowedDomains: 'api.example.com' })).toMatch(
			/^Nothing found: The credential may be used with api\.example\.com only/,
		);
		expect(asked).toEqual([]);
	});
});
