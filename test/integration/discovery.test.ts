import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
	return { origin, asked };
}

function workflowOf(origin: string, parameters: INodeParameters): TestWorkflow {
	const options = { requestsPerMinute: 6_000, maxEvents: 10_000 };
	return new TestWorkflow(
		examplePlan(
			{ rest: { apiUrl: origin, authentication: 'none' } },
			{ provider: 'anyService', start: 'everything', ...parameters, additionalOptions: options },
		),
	);
}

const chosenOf = (choices: readonly INodePropertyOptions[], at = 0) =>
	JSON.parse(String(choices[at]?.value)) as Record<string, unknown>;

/** A list in use: some rows share their second, and some have been changed since. */
function filled({ create }: ListApi): { model: ListApiModel; ids: string[] } {
	const model = create();
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
		`New orders, by placed (${orders[0]?.placed ?? ''})`,
		'New orders, by number (60)',
		'New orders, by their id alone: all of them are read each time',
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
		cursor: 'time',
		cursorField: 'placed',
		timeFormat: 'iso',
		order: 'descending',
	});
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
	expect(other[1]?.name).toMatch(/^New paid-orders, by placed/);
});

test('each part of what was chosen can be set otherwise, from a list with sample values', async () => {
	const { origin } = await serve(shop(orders));
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
	const otherwise = new TestWorkflow(
		examplePlan(
			{ rest: { apiUrl: origin, authentication: 'none' } },
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
