import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Logger } from '@n8n/backend-common';
import { SsrfProtectionConfig } from '@n8n/config';
import { Container } from '@n8n/di';
import type { ICredentialDataDecryptedObject, INodeParameters } from 'n8n-workflow';
import { HOUR, MINUTE, type SyncEvent } from '../../lib';
import { RestApi, type RestOptions, type Row } from '../simulator/rest';
import { Simulator } from '../simulator/simulator';
import { SECRET, TestWorkflow, examplePlan } from './support/n8n';
import { later } from './support/time';

const opened: RestApi[] = [];
afterEach(async () => {
	jest.restoreAllMocks();
	await Promise.all(opened.splice(0).map((api) => api.close()));
});

async function restApi(options: RestOptions = {}): Promise<RestApi> {
	const api = await RestApi.start(options);
	opened.push(api);
	return api;
}

/** The fields of the node that describe an API as it is. */
function described({ options }: RestApi): INodeParameters {
	const { wrapped, time = 'iso', order = 'none', since, paging = 'none', cap, firstPage } = options;
	const places: INodeParameters = { page: 'page', offset: 'offset', token: 'cursor' };
	return {
		provider: 'anyService',
		pullAuthentication: 'hybridSyncHttp',
		url: '/orders',
		listing: 'byHand',
		...((wrapped ?? false) && { itemsAt: 'data.items' }),
		cursor: time === 'number' ? 'number' : 'time',
		cursorField: 'updated_at',
		changeField: 'updated_at',
		timeFormat: time === 'number' ? 'iso' : time,
		order,
		...(since && { sinceParameter: since.parameter, sinceFormat: since.format }),
		paging,
		...(paging in places && { pageParameter: places[paging] }),
		...(firstPage !== undefined && { firstPage }),
		nextAt: 'meta.next',
		...(cap !== undefined && { pageSizeParameter: 'limit', pageSize: cap }),
	};
}

/** The data of a credential that the API accepts. */
function credentialFor({ apiUrl, options: { auth } }: RestApi): ICredentialDataDecryptedObject {
	switch (auth?.kind) {
		case undefined:
			return { apiUrl, authentication: 'none' };
		case 'bearer':
			return { apiUrl, authentication: 'bearer', token: auth.secret };
		case 'header':
		case 'query':
			return { apiUrl, authentication: auth.kind, name: auth.name, apiKey: auth.secret };
		case 'basic':
			return { apiUrl, authentication: 'basic', user: auth.user, password: auth.secret };
	}
}

/** More than any of these tests needs. */
const OPTIONS: INodeParameters = { requestsPerMinute: 6_000, maxEvents: 10_000 };

function workflowFor(
	api: RestApi,
	{ options = {}, ...polling }: INodeParameters & { options?: INodeParameters } = {},
	rest: ICredentialDataDecryptedObject = {},
	id?: string,
): TestWorkflow {
	return new TestWorkflow(
		examplePlan(
			{ rest: { ...credentialFor(api), ...rest }, ...(id !== undefined && { id }) },
			{ ...described(api), start: 'everything', ...polling, additionalOptions: { ...OPTIONS, ...options } },
		),
	);
}

/** Adds rows dated one second apart, the last one `endsAgoMs` before now; or numbered from 1. */
function backlog(api: RestApi, count: number, endsAgoMs = HOUR): Row[] {
	// Not on a whole minute: a page of one such row looks as if its API left seconds out.
	const end = Math.floor((Date.now() - endsAgoMs) / MINUTE) * MINUTE - 30_000;
	const numbered = api.options.time === 'number';
	const rows = Array.from({ length: count }, (_, index) => ({
		updated_at: numbered ? api.rows.length + index + 1 : end - (count - 1 - index) * 1000,
	}));
	return rows.map((fields) => api.add(fields));
}

const subjectsOf = (events: readonly SyncEvent[] | null) => (events ?? []).map(({ subject }) => subject ?? '');
const named = (rows: readonly Row[]) => rows.map(({ id }) => `orders/${id}`);

/** Ticks until nothing comes any more. */
async function drain(workflow: TestWorkflow): Promise<string[]> {
	const subjects: string[] = [];
	for (;;) {
		const events = await workflow.poll();
		if (!events) return subjects;
		subjects.push(...subjectsOf(events));
	}
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
	const reason: unknown = await work.then(
		() => undefined,
		(error: unknown) => error,
	);
	if (reason instanceof Error) return reason;
	throw new Error('there was no error');
}

const PAGINGS = ['none', 'page', 'offset', 'token', 'link', 'next'] as const;
const ORDERS = ['ascending', 'descending', 'none'] as const;
const combinations = PAGINGS.flatMap((paging) =>
	ORDERS.flatMap((order) => [false, true].map((filters) => [paging, order, filters] as const)),
);

describe('all rows, each once', () => {
	const apiWith = async ([paging, order, filters]: (typeof combinations)[number], time: RestOptions['time'] = 'iso') =>
		await restApi({
			paging,
			order,
			time,
			...(paging !== 'none' && { cap: 10 }),
			...(filters && { since: { parameter: 'since', format: time } }),
		});

	test.each(combinations)('paging %s, order %s, filter %s: everything, and what is added later', async (...how) => {
		const api = await apiWith(how);
		const rows = backlog(api, 35);
		const workflow = workflowFor(api);
		expect((await drain(workflow)).sort()).toEqual(named(rows).sort());
		const added = backlog(api, 15, MINUTE);
		expect((await drain(workflow)).sort()).toEqual(named(added).sort());
		expect(await drain(workflow)).toEqual([]);
	});

	test.each(combinations)('C9 paging %s, order %s, filter %s: since a date, inclusive', async (...how) => {
		const api = await apiWith(how);
		const rows = backlog(api, 35);
		const since = new Date(rows[12]?.updated_at ?? 0).toISOString();
		const workflow = workflowFor(api, { start: 'date', since });
		expect((await drain(workflow)).sort()).toEqual(named(rows.slice(12)).sort());
	});

	test.each(combinations)('C9 paging %s, order %s, filter %s: from now, nothing old', async (...how) => {
		const api = await apiWith(how);
		backlog(api, 35);
		const workflow = workflowFor(api, { start: 'now' });
		expect(await drain(workflow)).toEqual([]);
		const added = Array.from({ length: 15 }, (_, index) => api.add({ updated_at: Date.now() + index }));
		expect((await drain(workflow)).sort()).toEqual(named(added).sort());
		expect(await drain(workflow)).toEqual([]);
	});

	test.each(combinations)('paging %s, order %s, filter %s: a number, everything and from now', async (...how) => {
		const api = await apiWith(how, 'number');
		const rows = backlog(api, 35);
		const [all, fresh] = [workflowFor(api), workflowFor(api, { start: 'now' })];
		expect((await drain(all)).sort()).toEqual(named(rows).sort());
		expect(await drain(fresh)).toEqual([]);
		const added = backlog(api, 15);
		expect((await drain(all)).sort()).toEqual(named(added).sort());
		expect((await drain(fresh)).sort()).toEqual(named(added).sort());
		expect(await drain(fresh)).toEqual([]);
	});

	test.each(PAGINGS)('paging %s: by ID only, everything and from now', async (paging) => {
		const api = await restApi({ paging, ...(paging !== 'none' && { cap: 10 }) });
		for (let index = 0; index < 35; index++) api.add({ updated_at: undefined });
		const [all, fresh] = [{ start: 'everything' }, { start: 'now' }].map((start) =>
			workflowFor(api, { cursor: 'none', ...start }),
		) as [TestWorkflow, TestWorkflow];
		expect(await drain(all)).toHaveLength(35);
		expect(await drain(fresh)).toEqual([]);
		const added = api.add({ updated_at: undefined });
		expect(await drain(all)).toEqual(named([added]));
		expect(await drain(fresh)).toEqual(named([added]));
	});

	const gradually = async (paging: (typeof PAGINGS)[number]) => {
		const since = { parameter: 'since', format: 'iso' } as const;
		const api = await restApi({ paging, order: 'ascending', cap: 7, since });
		const rows = backlog(api, 35);
		const workflow = workflowFor(api, { pageSize: 50 });
		const found = [];
		for (let tick = 0; tick < 8; tick++) found.push(...subjectsOf(await workflow.poll()));
		expect(found).toEqual(named(rows));
	};
	test.each(PAGINGS.filter((paging) => paging !== 'none'))(
		'paging %s: a server that gives less than it is asked for',
		gradually,
	);
	// A short answer counts as the end, and what comes after it is never asked for while the look-back reaches over it.
	test('paging none: a server that gives less than it is asked for', async () => {
		await gradually('none');
	});

	test.each(['isoSeconds', 'seconds', 'milliseconds', 'date'] as const)(
		'a filter in %s, with and without its own moment',
		async (format) => {
			for (const strict of [false, true]) {
				const api = await restApi({
					paging: 'page',
					order: 'ascending',
					cap: 4,
					since: { parameter: 'from', format, strict },
				});
				const rows = backlog(api, 30);
				// Nothing but the filter itself brings back a row of the latest moment.
				const workflow = workflowFor(api, { options: { lookBackMinutes: 0 } });
				expect((await drain(workflow)).sort()).toEqual(named(rows).sort());
				const twin = api.add({ updated_at: rows.at(-1)?.updated_at ?? 0 });
				expect(await drain(workflow)).toEqual(named([twin]));
			}
		},
	);

	test.each(['seconds', 'milliseconds'] as const)('times in Unix %s, and a list that lies deeper', async (time) => {
		const api = await restApi({ wrapped: true, time, order: 'descending', paging: 'offset', cap: 10 });
		const rows = backlog(api, 25);
		const events = await workflowFor(api).poll();
		expect(subjectsOf(events).sort()).toEqual(named(rows).sort());
		expect(events?.find(({ subject }) => subject === `orders/${rows[0]?.id}`)?.time).toBe(
			new Date(rows[0]?.updated_at ?? 0).toISOString(),
		);
	});

	test('an API whose first page is 0', async () => {
		const api = await restApi({ paging: 'page', firstPage: 0, order: 'ascending', cap: 10 });
		const rows = backlog(api, 25);
		expect(await drain(workflowFor(api))).toEqual(named(rows));
	});

	test('an API without a clock: from now means after what is there', async () => {
		const api = await restApi({ clock: null, order: 'ascending', paging: 'page', cap: 10 });
		backlog(api, 25);
		const workflow = workflowFor(api, { start: 'now' });
		expect(await drain(workflow)).toEqual([]);
		const added = api.add();
		expect(await drain(workflow)).toEqual(named([added]));
	});

	test('pages are asked for one after the other, and compressed answers are understood', async () => {
		const api = await restApi({ order: 'ascending', paging: 'page', cap: 5 });
		const rows = backlog(api, 20);
		const workflow = workflowFor(api);
		api.fail({ gzip: true, body: JSON.stringify([{ id: 'zipped', updated_at: '2020-01-01T00:00:00Z' }]) });
		expect(await drain(workflow)).toEqual(expect.arrayContaining(['orders/zipped']));
		expect((await drain(workflow)).length).toBeLessThanOrEqual(rows.length);
		expect(api.maxParallel).toBe(1);
		expect(api.requests[0]?.headers['accept-encoding']).toContain('gzip');
	});
});

describe('the cursor', () => {
	test('one event for each change, where changes are asked for', async () => {
		const api = await restApi({ order: 'ascending', since: { parameter: 'since', format: 'iso' } });
		const [first] = backlog(api, 3);
		const workflow = workflowFor(api, { emit: 'change' });
		expect(await drain(workflow)).toHaveLength(3);
		api.update(first?.id ?? '', { total: 5 });
		const events = await workflow.poll();
		expect(events).toMatchObject([{ subject: `orders/${first?.id}`, data: { total: 5 } }]);
		api.update(first?.id ?? '', { total: 6, updated_at: Date.now() + 5 });
		expect(await drain(workflow)).toEqual(named([first ?? { id: '' }]));
		expect(await drain(workflow)).toEqual([]);
	});

	test('two changes within a millisecond are two events, and the older one never passes after the newer', async () => {
		const api = await restApi();
		const at = (micros: string) => [{ id: 'a', updated_at: `2026-01-31T12:00:00.123${micros}Z` }];
		const workflow = workflowFor(api, { emit: 'change' });
		for (const micros of ['001', '002', '002000']) api.fail({ body: JSON.stringify(at(micros)) });
		const [first, second, again] = [await workflow.poll(), await workflow.poll(), await workflow.poll()];
		expect([first?.length, second?.length]).toEqual([1, 1]);
		expect(again).toBeNull();
		expect((await workflow.dedupe(second ?? [])).map((output) => output.length)).toEqual([1, 0, 0]);
		expect((await workflow.dedupe(first ?? [])).map((output) => output.length)).toEqual([0, 0, 1]);
	});

	test.each([
		['as numbers', '9', '10', '11'],
		['of 64 bits, as numbers', '9007199254740993', '9007199254740994', '18446744073709551615'],
		['of 64 bits, as text', '"9007199254740993"', '"9007199254740994"', '"18446744073709551615"'],
	])('ids %s that differ in their last digit are told apart, and put in order', async (_form, ...numbers) => {
		const api = await restApi({ time: 'number' });
		const raw = (values: string[]) => `[${values.map((value) => `{"id":"a","updated_at":${value}}`).join()}]`;
		const workflow = workflowFor(api, { emit: 'change' });
		const passed: number[][] = [];
		const events: SyncEvent[][] = [];
		for (let count = 1; count <= 3; count++) {
			api.fail({ body: raw(numbers.slice(0, count)) });
			events.push((await workflow.poll()) ?? []);
		}
		expect(events.map(({ length }) => length)).toEqual([1, 1, 1]);
		for (const each of [events[1], events[0], events[2]]) {
			passed.push((await workflow.dedupe(each ?? [])).map(({ length }) => length));
		}
		// The second is new, the first is older, the third is newer again.
		expect(passed).toEqual([
			[1, 0, 0],
			[0, 0, 1],
			[1, 0, 0],
		]);
		expect(await workflow.poll()).toBeNull();
	});

	test('a field that was read as a time and is read as a number has versions of its own', async () => {
		const api = await restApi();
		const parameters = { emit: 'change', timeFormat: 'milliseconds' };
		const byTime = workflowFor(api, parameters, {}, 'w-unit');
		const at = Date.now() - HOUR;
		const raw = (value: number) => ({ body: JSON.stringify([{ id: 'a', updated_at: value }]) });
		api.fail(raw(at));
		const first = (await byTime.poll()) ?? [];
		expect((await byTime.dedupe(first)).map(({ length }) => length)).toEqual([1, 0, 0]);
		const byNumber = workflowFor(api, { ...parameters, cursor: 'number' }, {}, 'w-unit');
		api.fail(raw(at + 1));
		const second = (await byNumber.poll()) ?? [];
		expect((await byNumber.dedupe(second)).map(({ length }) => length)).toEqual([1, 0, 0]);
	});

	test('an option that is no number says which, and one that is no whole number is taken as one', async () => {
		const api = await restApi({ time: 'number' });
		backlog(api, 2);
		expect(await drain(workflowFor(api, { options: { lookBackCount: 99.5 } }))).toHaveLength(2);
		const wrong = workflowFor(api, { options: { lookBackMinutes: 'ten' } });
		expect((await errorOf(wrong.poll())).message).toContain('"Look-Back (Minutes)" is not a number');
	});

	test('one event for each row, however often it changes', async () => {
		const api = await restApi({ order: 'ascending' });
		const [first] = backlog(api, 3);
		const workflow = workflowFor(api);
		expect(await drain(workflow)).toHaveLength(3);
		api.update(first?.id ?? '', { total: 5 });
		expect(await drain(workflow)).toEqual([]);
	});

	test.each(ORDERS)('C2 order %s: a row shown late is caught by the look-back and not repeated', async (order) => {
		const api = await restApi({ order, since: { parameter: 'since', format: 'iso' }, paging: 'page', cap: 10 });
		backlog(api, 25, MINUTE);
		const workflow = workflowFor(api);
		expect(await drain(workflow)).toHaveLength(25);
		const late = api.add({ updated_at: Date.now() - 5 * MINUTE });
		expect(await drain(workflow)).toEqual(named([late]));
		expect(await drain(workflow)).toEqual([]);
	});

	test('C2 a number shown late is caught by the look-back', async () => {
		const api = await restApi({ order: 'ascending', time: 'number', since: { parameter: 'after', format: 'number' } });
		for (let number = 1; number <= 50; number++) if (number !== 20) api.add({ updated_at: number });
		const workflow = workflowFor(api, { options: { lookBackCount: 40 } });
		expect(await drain(workflow)).toHaveLength(49);
		const late = api.add({ updated_at: 20 });
		expect(await drain(workflow)).toEqual(named([late]));
	});

	test.each([
		['page', true],
		['offset', false],
		['token', true],
		['link', false],
		['none', false],
	] as const)('C13 5,000 rows on one position, paging %s, filter %s: all come, once', async (paging, filters) => {
		const api = await restApi({
			paging,
			order: 'ascending',
			...(paging !== 'none' && { cap: 500 }),
			...(filters && { since: { parameter: 'since', format: 'iso' } }),
		});
		const updated_at = Date.now() - HOUR;
		for (let index = 0; index < 5_000; index++) api.add({ updated_at });
		const found = await drain(workflowFor(api));
		expect(found).toHaveLength(5_000);
		expect(new Set(found).size).toBe(5_000);
	});

	// 100 rows are taken for a full page although nobody has asked for a size, and there is no way past one position.
	test('C13 200 rows on one position, from an API with a filter and without pages: all come, once', async () => {
		const api = await restApi({ order: 'ascending', since: { parameter: 'since', format: 'iso' } });
		const updated_at = Date.now() - HOUR;
		for (let index = 0; index < 200; index++) api.add({ updated_at });
		const workflow = workflowFor(api);
		expect(await drain(workflow)).toHaveLength(200);
		const added = api.add();
		expect(await drain(workflow)).toEqual(named([added]));
	});

	test.each(ORDERS)('order %s: what was read to its end is asked for from the look-back on', async (order) => {
		const api = await restApi({ order, since: { parameter: 'since', format: 'iso' } });
		const last = backlog(api, 25).at(-1)?.updated_at ?? 0;
		const workflow = workflowFor(api, { options: { lookBackMinutes: 5 } });
		expect(await drain(workflow)).toHaveLength(25);
		// One step earlier, because nobody knows whether the filter includes its own moment.
		const asked = api.requests.map(({ query }) => query['since']);
		expect(asked).toContain(new Date(last - 5 * MINUTE - 1).toISOString());
	});

	test('a tick that makes too few requests: the next ones go on where it stopped', async () => {
		const api = await restApi({ order: 'descending', paging: 'page', cap: 10 });
		const rows = backlog(api, 55);
		const workflow = workflowFor(api, { options: { maxRequests: 2 } });
		const found: string[] = [];
		for (let tick = 0; tick < 10; tick++) found.push(...subjectsOf(await workflow.poll()));
		expect(found.sort()).toEqual(named(rows).sort());
	});

	test('another field to tell newer rows by begins a history of its own, at once and not only after a restart', async () => {
		const api = await restApi({ order: 'ascending' });
		const first = workflowFor(api);
		backlog(api, 3);
		expect(await drain(first)).toHaveLength(3);
		api.add({ id: 'old', created: new Date(Date.now() - HOUR).toISOString() });
		const other = { start: 'now', cursorField: 'created', options: { withoutCursor: 'skip' } };
		const second = workflowFor(api, other, {}, first.workflow.id);
		// It begins where a first run would: from now.
		expect(await drain(second)).toEqual([]);
		const added = api.add({ created: new Date().toISOString() });
		expect(await drain(second)).toEqual(named([added]));
	});

	test('a node beside another one with the same credential keeps its place when the key is exchanged', async () => {
		const api = await restApi({ order: 'ascending' });
		await workflowFor(api).poll();
		const numbers = { cursor: 'none', start: 'now' };
		const before = workflowFor(api, numbers);
		expect(await before.poll()).toBeNull();
		const missed = api.add();
		const renewed = workflowFor(api, numbers, { authentication: 'bearer', token: 'a-new-key' }, before.workflow.id);
		expect(await drain(renewed)).toEqual(named([missed]));
	});
});

describe('rows without the field', () => {
	const withOddRows = async (withoutCursor: string) => {
		const api = await restApi({ order: 'ascending' });
		const rows = backlog(api, 3);
		api.add({ id: `odd-${withoutCursor}`, updated_at: undefined });
		const workflow = workflowFor(api, { options: { withoutCursor } });
		expect(await drain(workflow)).toEqual(named(rows));
		return ledgerText().includes(`odd-${withoutCursor}`);
	};

	test('are kept as dead letters, and the rows beside them come', async () => {
		expect(await withOddRows('deadLetter')).toBe(true);
	});

	test('are skipped without a word, if so chosen', async () => {
		expect(await withOddRows('skip')).toBe(false);
	});

	test('if all rows are without it, and are to be skipped, nothing comes and nothing fails', async () => {
		const api = await restApi({ order: 'ascending' });
		api.add({ updated_at: undefined });
		expect(await drain(workflowFor(api, { options: { withoutCursor: 'skip' } }))).toEqual([]);
	});
});

describe('wrong settings are found with the first answer', () => {
	const wrong: [string, RestOptions, INodeParameters, string[]][] = [
		[
			'a wrong Items At',
			{ wrapped: true },
			{ itemsAt: 'result.rows' },
			['"Items At" (result.rows) leads to nothing', 'data.items (3 rows)'],
		],
		[
			'an Items At that is no list',
			{ wrapped: true },
			{ itemsAt: 'data' },
			['"Items At" (data)', 'data.items (3 rows)'],
		],
		['a wrong ID Field', {}, { idField: 'uuid' }, ['"uuid" (ID Field)', '"id":"r1"']],
		['a wrong time field', {}, { cursorField: 'created' }, ['A row has no "created"', '"id":"r1"']],
		[
			'Unix time for a text',
			{ time: 'seconds' },
			{ timeFormat: 'iso' },
			['Choose Unix Time in Seconds under Time Format', '"id":"r1"'],
		],
		[
			'milliseconds for a text',
			{ time: 'milliseconds' },
			{ timeFormat: 'iso' },
			['Choose Unix Time in Milliseconds', '"id":"r1"'],
		],
		['a text for Unix time', {}, { timeFormat: 'seconds' }, ['Choose Date and Time under Time Format', '"id":"r1"']],
		[
			'milliseconds for seconds',
			{ time: 'milliseconds' },
			{ timeFormat: 'seconds' },
			['looks like milliseconds', 'under Time Format', '"id":"r1"'],
		],
		[
			'seconds for milliseconds',
			{ time: 'seconds' },
			{ timeFormat: 'milliseconds' },
			['looks like seconds', 'under Time Format', '"id":"r1"'],
		],
		['a time for a number', {}, { cursor: 'number' }, ['not a whole number', 'Number Field', '"id":"r1"']],
		[
			'the wrong order',
			{ order: 'descending' },
			{ order: 'ascending' },
			['rows out of order', '"orders/r2" came after "orders/r3"', 'the oldest should come first'],
		],
		['a path that is none', {}, { itemsAt: 'data[' }, ['"Items At" is not a path']],
		[
			'a Next Page At that leads to a list',
			{ wrapped: true },
			{ paging: 'token', pageParameter: 'cursor', nextAt: 'data.items' },
			['"Next Page At" (data.items)', '"id":"r1"'],
		],
		['no URL', {}, { url: '' }, ['"URL" is missing']],
		['no Paging Parameter', {}, { paging: 'page', pageParameter: '' }, ['"Paging Parameter" is missing']],
		[
			'changes without a field',
			{},
			{ emit: 'change', cursor: 'none' },
			['"One Event per Change" needs a Time Field or a Number Field'],
		],
	];

	test.each(wrong)('%s', async (_name, options, parameters, words) => {
		const api = await restApi(options);
		const rows = backlog(api, 3);
		const workflow = workflowFor(api, parameters);
		const [ticked, fetched] = [await errorOf(workflow.poll()), await errorOf(workflow.poll('Poll', 'manual'))];
		for (const word of words) {
			expect(ticked.message).toContain(word);
			expect(fetched.message).toContain(word);
		}
		// Once mended, everything comes at the next tick.
		expect((await drain(workflowFor(api, {}, {}, workflow.workflow.id))).sort()).toEqual(named(rows).sort());
	});
});

describe('whether anything has changed', () => {
	test.each([
		['without a filter', {}],
		['with a filter', { since: { parameter: 'since', format: 'iso' }, order: 'ascending' } as const],
	])('P4 is asked with the ETag, %s: a 304 counts as unchanged and brings no event', async (_name, options) => {
		const api = await restApi({ etag: true, ...options });
		backlog(api, 3);
		// A page as long as any before may not be the last; without a look-back it is shorter.
		const workflow = workflowFor(api, { options: { lookBackMinutes: 0 } });
		expect(await drain(workflow)).toHaveLength(3);
		const told = jest.spyOn(Container.get(Logger), 'debug');
		expect(await workflow.poll()).toBeNull();
		expect(api.requests.at(-1)).toMatchObject({ status: 304, bytes: 0 });
		expect(told).toHaveBeenCalledWith(
			'Sync Polling Trigger ticked',
			expect.objectContaining({ requests: 1, unchanged: 1, read: 0 }),
		);
		const added = api.add();
		expect(await drain(workflow)).toEqual(named([added]));
	});
});

describe('failure', () => {
	const working = async (options: RestOptions = {}) => {
		const api = await restApi({ order: 'ascending', ...options });
		const workflow = workflowFor(api);
		expect(await workflow.poll()).toBeNull();
		return { api, workflow, row: api.add() };
	};

	test.each([
		[
			'HTML instead of JSON',
			{ body: '<html>Maintenance</html>', headers: { 'content-type': 'text/html' } },
			'a web page',
		],
		['truncated JSON', { body: '[{"id":' }, 'not JSON'],
		['bytes that are no UTF-8', { body: Buffer.from('[{"id":"M\xfcller"}]', 'latin1') }, 'character set'],
		[
			'a character set that does not exist',
			{ body: '[]', headers: { 'content-type': 'application/json; charset=klingon' } },
			'character set',
		],
		['broken compression', { body: 'not gzip', headers: { 'content-encoding': 'gzip' } }, 'cannot be reached'],
		['an endless body', { kind: 'endless' }, 'more than 16 MiB'],
		[
			'a compressed body that is too large',
			{ gzip: true, body: `["${' '.repeat(17 * 1024 * 1024)}"]` },
			'expands more than 200 times',
		],
		['a connection that is cut again and again', { kind: 'reset', times: 2 }, 'the connection was closed'],
		[
			'a server error',
			{ status: 503, body: '{"message":"Maintenance"}' },
			'not available at the moment (503, "Maintenance")',
		],
	] as const)('P5 %s is a clear error, and the cursor stays', async (_name, fault, message) => {
		const { api, workflow, row } = await working();
		api.fail(fault);
		await expect(workflow.poll()).rejects.toThrow(message);
		expect(await drain(workflow)).toEqual(named([row]));
	});

	test('P5 a kept connection that the server closes just then: the request is made again, and nobody is told', async () => {
		const { api, workflow, row } = await working();
		api.fail({ kind: 'reset' });
		expect(subjectsOf(await workflow.poll())).toEqual(named([row]));
	});

	test('P5 a body that trickles, and an answer that never comes, end in time', async () => {
		const [slow, silent] = [await working(), await working()];
		slow.api.fail({ kind: 'slow' });
		silent.api.fail({ kind: 'silent' });
		const errors = await Promise.all([slow, silent].map(async ({ workflow }) => await errorOf(workflow.poll())));
		expect(errors.map(({ message }) => message)).toEqual([
			expect.stringContaining('it took too long'),
			expect.stringContaining('it did not answer in time'),
		]);
		for (const { workflow, row } of [slow, silent]) expect(await drain(workflow)).toEqual(named([row]));
	}, 60_000);

	test('P5 a page of 10 MiB is read', async () => {
		const { api, workflow, row } = await working();
		row['note'] = 'x'.repeat(10 * 1024 * 1024);
		expect(await workflow.poll()).toHaveLength(1);
		expect(api.requests.at(-1)?.bytes).toBeGreaterThan(10 * 1024 * 1024);
	});

	test('P5 text in another character set, which the provider names', async () => {
		const { api, workflow } = await working();
		const body = Buffer.from('[{"id":"M\xfcller","updated_at":"2026-01-01T00:00:00Z"}]', 'latin1');
		api.fail({ body, headers: { 'content-type': 'application/json; charset=iso-8859-1' } });
		expect(subjectsOf(await workflow.poll())).toEqual(['orders/Müller']);
	});

	test('P1 a 429 with Retry-After: no request is made before', async () => {
		const { api, workflow, row } = await working();
		api.fail({ status: 429, headers: { 'retry-after': '120' } });
		await expect(workflow.poll()).rejects.toThrow('fewer requests');
		const before = api.requests.length;
		expect(await workflow.poll()).toBeNull();
		expect(api.requests).toHaveLength(before);
		await later(3 * MINUTE, async () => {
			expect(await drain(workflow)).toEqual(named([row]));
		});
	});

	test('C3 page 3 fails: nothing repeated, nothing skipped', async () => {
		const api = await restApi({ order: 'none', paging: 'offset', cap: 10 });
		const rows = backlog(api, 55);
		const workflow = workflowFor(api);
		api.fail({ status: 503, after: 2 });
		const found = subjectsOf(await workflow.poll());
		expect(found).toHaveLength(20);
		expect([...found, ...(await drain(workflow))].sort()).toEqual(named(rows).sort());
	});

	test('C4 rows removed and added while pages are read by offset: nothing skipped', async () => {
		const api = await restApi({ paging: 'offset', cap: 10, since: { parameter: 'since', format: 'iso' } });
		const rows = backlog(api, 60);
		// Once the cursor has passed a row that was missed, it is not asked for again.
		const workflow = workflowFor(api, { options: { maxRequests: 2, lookBackMinutes: 0 } });
		const found = subjectsOf(await workflow.poll());
		for (const { id } of rows.slice(0, 5)) api.remove(id);
		for (let tick = 0; tick < 20; tick++) found.push(...subjectsOf(await workflow.poll()));
		expect(found.sort()).toEqual(named(rows).sort());
	});
});

const SECRET_KEY = 's3cret/key+of=the-api';
const auths: NonNullable<RestOptions['auth']>[] = [
	{ kind: 'bearer', secret: SECRET_KEY },
	{ kind: 'header', name: 'x-api-key', secret: SECRET_KEY },
	{ kind: 'query', name: 'api_key', secret: SECRET_KEY },
	{ kind: 'basic', user: 'someone', secret: SECRET_KEY },
];

/** All that the ledger has on disk. */
function ledgerText(): string {
	const folder = join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync');
	if (!existsSync(folder)) return '';
	return readdirSync(folder)
		.map((file) => readFileSync(join(folder, file)).toString('latin1'))
		.join('\n');
}

describe('credentials', () => {
	test.each(auths)('P6 $kind: what the API refuses is one error that names the credential', async (auth) => {
		const api = await restApi({ auth });
		const rows = backlog(api, 3);
		expect((await drain(workflowFor(api))).sort()).toEqual(named(rows).sort());
		const name = { bearer: 'token', header: 'apiKey', query: 'apiKey', basic: 'password' }[auth.kind];
		const workflow = workflowFor(api, {}, { [name]: 'wrong' });
		expect(await errorOf(workflow.poll())).toMatchObject({
			message: expect.stringMatching(/refused the credential \(401.*Check the credential of the trigger/) as string,
			httpCode: '401',
		});
		// n8n tries to publish several times, and each has to fail.
		await expect(workflow.poll()).rejects.toThrow('refused the credential');
	});

	test.each([
		[{ apiUrl: '' }, 'API URL'],
		[{ apiUrl: 'api.example.com' }, 'API URL'],
		[{ authentication: 'bearer', token: '' }, 'Token'],
		[{ authentication: 'header', name: 'bad name', apiKey: 'k' }, 'Name'],
		[{ authentication: 'query', name: 'key', apiKey: '' }, 'Key'],
		[{ authentication: 'basic', user: '' }, 'User'],
		[{ allowedHttpRequestDomains: 'domains', allowedDomains: 'example.com' }, 'example.com only'],
	])('P6 a credential with %j cannot be used, and the error says what is to be filled in', async (data, label) => {
		const api = await restApi();
		await expect(workflowFor(api, {}, data).poll()).rejects.toThrow(label);
		expect(api.requests).toEqual([]);
	});

	test.each(auths)('S10 $kind: what the provider echoes of it is nowhere to be found', async (auth) => {
		const api = await restApi({ auth, paging: 'link', cap: 2, order: 'ascending' });
		backlog(api, 5);
		const output: string[] = [];
		const written = (...words: unknown[]) => void output.push(words.map((word) => JSON.stringify(word)).join(' '));
		for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
			jest.spyOn(console, name).mockImplementation(written);
		}
		for (const name of ['info', 'warn', 'error', 'debug'] as const) {
			jest.spyOn(Container.get(Logger), name).mockImplementation(written);
		}
		const workflow = workflowFor(api, { options: { maxRequests: 2 } });
		const items = [await workflow.poll('Poll', 'manual'), await workflow.poll()];
		// A link to the next page that carries the key on, as some APIs give, is in the ledger now.
		expect(items.flat().length).toBeGreaterThan(2);
		const encoded = Buffer.from(`someone:${SECRET_KEY}`).toString('base64');
		const header = auth.kind === 'basic' ? `Basic ${encoded}` : `Bearer ${SECRET_KEY}`;
		const echo = `Unknown ${SECRET_KEY}, ${header}, ?key=${encodeURIComponent(SECRET_KEY)}`;
		for (const [status, key] of [
			[400, 'message'],
			[403, 'error'],
			[500, 'detail'],
		] as const) {
			api.fail({ status, body: JSON.stringify({ [key]: echo }) });
			const fresh = workflowFor(api, {}, {}, status === 400 ? workflow.workflow.id : undefined);
			const error = await fresh.poll('Poll', 'manual').catch((reason: unknown) => reason);
			expect(String(error)).toContain('Unknown');
			output.push(everythingOf(error));
		}
		api.fail({ status: 302, headers: { location: `/elsewhere?key=${SECRET_KEY}` } });
		output.push(everythingOf(await errorOf(workflow.poll('Poll', 'manual'))));
		api.fail({ body: `{"data": "${SECRET_KEY}` });
		output.push(everythingOf(await errorOf(workflow.poll('Poll', 'manual'))));
		const all = [...output, JSON.stringify(items), JSON.stringify(workflow.workflow.staticData), ledgerText()].join(
			'\n',
		);
		expect(all.includes('Unknown')).toBe(true);
		expect(all.includes('/v1/orders?limit=2&after=4')).toBe(true);
		for (const secret of [SECRET_KEY, encodeURIComponent(SECRET_KEY), encoded])
			expect(all.includes(secret)).toBe(false);
	});

	test.each([
		['link', false],
		['next', false],
		['link', true],
		['next', true],
	] as const)(
		'S15 R9 a %s to another host (at the same name: %s) is refused or followed at home, and that host gets no request',
		async (paging, isSameHost) => {
			const [api, other] = [
				await restApi({ auth: auths[0] as NonNullable<RestOptions['auth']>, paging }),
				await restApi(),
			];
			// A server behind a proxy may not know its own address: the path counts, and the key stays where it belongs.
			const link = isSameHost ? `${other.apiUrl}/orders?after=2` : 'https://api.example.com/orders?after=2';
			const row = { id: 'r1', updated_at: '2026-01-01T00:00:00Z' };
			api.fail({
				times: 2,
				body: JSON.stringify(paging === 'link' ? [row] : { data: { items: [row] }, meta: { next: link } }),
				headers: paging === 'link' ? { link: `<${link}>; rel="next"` } : {},
			});
			const workflow = workflowFor(api);
			expect(subjectsOf(await workflow.poll())).toEqual(['orders/r1']);
			if (isSameHost) {
				await workflow.poll();
				expect(api.requests.some(({ query }) => query['after'] === '2')).toBe(true);
			} else {
				await expect(workflow.poll()).rejects.toThrow(
					`a page lies at https://api.example.com, and the credential is for ${api.origin}`,
				);
			}
			expect(other.requests).toEqual([]);
		},
	);

	test.each([301, 302, 307, 308])('S15 a redirect (%d) to another host is not followed', async (status) => {
		const [api, other] = [await restApi({ auth: auths[1] as NonNullable<RestOptions['auth']> }), await restApi()];
		api.fail({ status, headers: { location: `${other.apiUrl}/orders` } });
		await expect(workflowFor(api).poll()).rejects.toThrow(`redirect (${status}) to ${other.apiUrl}/orders`);
		expect(other.requests).toEqual([]);
	});

	test.each(['//elsewhere.example/orders', 'https://elsewhere.example/orders', 'http://user:pw@127.0.0.1/orders'])(
		'S15 the URL %s of the node does not lead elsewhere',
		async (url) => {
			const api = await restApi({ auth: auths[1] as NonNullable<RestOptions['auth']> });
			const error = await errorOf(workflowFor(api, { url }).poll());
			expect(error.message).toMatch(/a page lies at|did not accept the request/);
			for (const { path } of api.requests) expect(path).toContain('/v1/');
		},
	);
});

/** An error with all its fields, also those that do not show. */
function everythingOf(error: unknown): string {
	if (!(error instanceof Error)) return JSON.stringify(error);
	const fields = Object.getOwnPropertyNames(error).map((name) => {
		const value = (error as unknown as Record<string, unknown>)[name];
		return value instanceof Error ? everythingOf(value) : JSON.stringify(value);
	});
	return [String(error), ...fields].join('\n');
}

describe('n8n’s protection against server-side request forgery', () => {
	const protection = Container.get(SsrfProtectionConfig);
	afterEach(() => {
		protection.enabled = false;
	});

	test('S11 refuses private and local addresses while it is on, and nothing when it is off', async () => {
		const api = await restApi();
		backlog(api, 3);
		const addresses = [
			'http://169.254.169.254/latest',
			'http://10.1.2.3/v1',
			api.apiUrl,
			api.apiUrl.replace('127.0.0.1', 'localhost'),
		];
		protection.enabled = true;
		for (const apiUrl of addresses) {
			const error = await errorOf(workflowFor(api, {}, { apiUrl }).poll());
			expect(error.message).toContain(`n8n does not allow requests to ${new URL(apiUrl).host}`);
		}
		expect(api.requests).toEqual([]);
		protection.enabled = false;
		expect(await workflowFor(api).poll()).toHaveLength(3);
	});
});

describe('Fetch Test Event', () => {
	test('C12 shows rows and what was asked, and stores nothing', async () => {
		const api = await restApi({
			order: 'ascending',
			paging: 'page',
			cap: 10,
			since: { parameter: 'since', format: 'isoSeconds' },
			auth: { kind: 'query', name: 'api_key', secret: SECRET_KEY },
		});
		const rows = backlog(api, 20);
		const workflow = workflowFor(api);
		const events = await workflow.poll('Poll', 'manual');
		expect(events).toHaveLength(5);
		expect(Object.keys(events?.[0] ?? {}).slice(0, 5)).toEqual(['conclusion', 'type', 'subject', 'time', 'data']);
		expect(Object.keys(events?.[1] ?? {}).slice(0, 4)).toEqual(['type', 'subject', 'time', 'data']);
		expect(events?.[0]).toMatchObject({
			conclusion: expect.stringMatching(
				/^At least 1\d orders, 10 a page, oldest first: all pages for all there is, then 1 request a reading while little is new\. A changed row would be found: no, because One Event per Row tells of new rows only\. Choose One Event per Change for that\. The second page was read, and has other rows\.$/,
			) as string,
			type: 'anyService.orders',
			fetchtest: {
				requests: [
					expect.stringMatching(/^GET \/orders\?.*limit=10.*page=1/) as string,
					expect.stringMatching(/^GET \/orders\?.*since=.*limit=10/) as string,
				],
				nextRequest: expect.stringContaining('since=') as string,
				rows: [10, 10],
				unreadable: 0,
				firstRow: expect.stringContaining(`orders/${rows[0]?.id} at `) as string,
			},
		});
		expect(await drain(workflow)).toEqual(named(rows));
	});

	test('tells of an empty list, and of rows that cannot be read', async () => {
		const api = await restApi({ order: 'ascending' });
		await expect(workflowFor(api).poll('Poll', 'manual')).rejects.toThrow(
			'nothing to show yet: GET /orders gave an empty list',
		);
		backlog(api, 2);
		api.add({ id: 'odd', updated_at: undefined });
		const [event] = (await workflowFor(api).poll('Poll', 'manual')) ?? [];
		expect(event).toMatchObject({ fetchtest: { rows: [3], unreadable: 1, reason: 'A row has no "updated_at"' } });
	});
});

describe('OAuth2, by n8n’s own helper', () => {
	let tokens: Server;
	const grants: string[] = [];
	let refuses = false;
	beforeEach(async () => {
		grants.length = 0;
		refuses = false;
		tokens = createServer((request, response) => {
			void (async () => {
				let body = '';
				for await (const chunk of request) body += String(chunk);
				grants.push(new URLSearchParams(body).get('grant_type') ?? '');
				response.writeHead(refuses ? 400 : 200, { 'content-type': 'application/json' });
				const fresh = {
					access_token: 'fresh-access-token',
					token_type: 'bearer',
					refresh_token: 'r2',
					expires_in: 3600,
				};
				response.end(JSON.stringify(refuses ? { error: 'invalid_grant' } : fresh));
			})();
		});
		await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
	});
	afterEach(async () => {
		tokens.closeAllConnections();
		await new Promise((resolve) => tokens.close(resolve));
	});

	const connected = (api: RestApi, accessToken: string): TestWorkflow =>
		workflowFor(
			api,
			{ pullAuthentication: 'hybridSyncHttpOAuth2Api' },
			{
				grantType: 'authorizationCode',
				clientId: 'client',
				clientSecret: 'client-secret',
				accessTokenUrl: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`,
				authUrl: '',
				scope: '',
				authentication: 'body',
				oauthTokenData: { access_token: accessToken, token_type: 'bearer', refresh_token: 'r1' },
			},
		);
	const protectedApi = async (options: RestOptions = {}) =>
		await restApi({ auth: { kind: 'bearer', secret: 'fresh-access-token' }, order: 'ascending', ...options });

	test('a token that has expired is refreshed, and the request made again', async () => {
		const api = await protectedApi({ paging: 'page', cap: 10 });
		const rows = backlog(api, 25);
		expect(await drain(connected(api, 'stale-access-token'))).toEqual(named(rows));
		expect(grants).toEqual(['refresh_token']);
		expect(api.requests.map(({ status }) => status).slice(0, 2)).toEqual([401, 200]);
	});

	test('P6 a token that cannot be refreshed is one error that names the credential', async () => {
		const api = await protectedApi();
		refuses = true;
		await expect(connected(api, 'stale-access-token').poll()).rejects.toThrow(
			/no valid token for .* Open the credential of the trigger and connect it again/,
		);
	});

	test('P6 a token that is refused again after it was refreshed is one error that names the credential', async () => {
		const api = await protectedApi({ auth: { kind: 'bearer', secret: 'of somebody else' } });
		await expect(connected(api, 'stale-access-token').poll()).rejects.toThrow(
			/refused the credential \(401.*Open the credential of the trigger and connect it again/,
		);
	});

	test('P6 a credential that was never connected says so', async () => {
		const api = await protectedApi();
		const rest = {
			grantType: 'authorizationCode',
			oauthTokenData: undefined,
		} as unknown as ICredentialDataDecryptedObject;
		await expect(workflowFor(api, { pullAuthentication: 'hybridSyncHttpOAuth2Api' }, rest).poll()).rejects.toThrow(
			/no valid token for .* connect it again/,
		);
	});

	test('P4 P5 a 304, a redirect, compression, and an answer that is too large, as without OAuth2', async () => {
		const [api, other] = [await protectedApi({ etag: true }), await restApi()];
		const [row] = backlog(api, 1);
		const workflow = connected(api, 'fresh-access-token');
		expect(await drain(workflow)).toEqual(named([row ?? { id: '' }]));
		expect(await workflow.poll()).toBeNull();
		expect(api.requests.at(-1)?.status).toBe(304);
		api.fail({ status: 302, headers: { location: `${other.apiUrl}/orders` } });
		await expect(workflow.poll()).rejects.toThrow('redirect (302)');
		expect(other.requests).toEqual([]);
		api.fail({ gzip: true, body: JSON.stringify([{ id: 'zipped', updated_at: new Date().toISOString() }]) });
		expect(subjectsOf(await workflow.poll())).toEqual(['orders/zipped']);
		api.fail({ kind: 'endless' });
		await expect(workflow.poll('Poll', 'manual')).rejects.toThrow('more than 16 MiB');
	});

	test('S10 a token that the provider echoes does not reach the error', async () => {
		const api = await protectedApi();
		api.fail({ status: 400, body: '{"message":"Unknown token fresh-access-token"}' });
		const error = await errorOf(connected(api, 'fresh-access-token').poll());
		expect(everythingOf(error)).toContain('did not accept the request');
		expect(everythingOf(error)).not.toContain('fresh-access-token');
	});

	test('S11 n8n’s protection holds here as well', async () => {
		const api = await protectedApi();
		Container.get(SsrfProtectionConfig).enabled = true;
		try {
			await expect(connected(api, 'fresh-access-token').poll()).rejects.toThrow(
				'n8n does not allow requests to 127.0.0.1',
			);
			expect(api.requests).toEqual([]);
		} finally {
			Container.get(SsrfProtectionConfig).enabled = false;
		}
	});
});

describe('redelivery only', () => {
	test('what a webhook brought and no execution has finished is handed over again, and nobody is asked', async () => {
		const simulator = await Simulator.start();
		const plan = examplePlan({}, { provider: 'none' });
		const workflow = new TestWorkflow({ ...plan, credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } });
		const server = await workflow.serve();
		try {
			simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
			const contact = simulator.subscribe();
			await simulator.webhooks.idle();
			expect(server.executions).toHaveLength(1);
			expect(await workflow.poll()).toBeNull();
			await later(10 * MINUTE, async () => {
				expect(subjectsOf(await workflow.poll())).toEqual([`contacts/${contact.contactId}`]);
			});
			expect(simulator.requests).toEqual([]);
			await expect(workflow.poll('Poll', 'manual')).rejects.toThrow('nothing to fetch');
		} finally {
			await server.close();
			await simulator.close();
		}
	});
});
