import { HOUR, MINUTE, providers, undiciExchange } from '../../lib';
import type { ExchangedRequest, ExchangedResponse } from '../simulator/api';
import { DescribedApi } from '../simulator/openapi/described';
import { Simulator, type SimulatorOptions } from '../simulator/simulator';
import { TestWorkflow, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** What is asked of GetResponse, and what the simulated one answers, against the description of its API. */

type Exchanged = readonly [request: ExchangedRequest, response: ExchangedResponse];

let api: DescribedApi;
let simulator: Simulator;
let exchanges: Exchanged[];
let closing: (() => Promise<void>)[];
beforeAll(async () => {
	api = await DescribedApi.read();
});
beforeEach(async () => {
	fakeTimeOfDay();
	closing = [];
	simulator = await start();
});
afterEach(async () => {
	for (const close of closing) await close();
	jest.useRealTimers();
	expect(api.takeViolations()).toEqual([]);
});

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
	exchanges = [];
	const started = await Simulator.start({
		clock: () => Date.now(),
		onExchange(...exchanged) {
			exchanges.push(exchanged);
			api.onExchange(...exchanged);
		},
		...options,
	});
	closing.push(() => started.close());
	return started;
}

const credential = () => ({ apiKey: simulator.apiKey, apiUrl: simulator.apiUrl });

/** Asks as nothing of the package does. */
async function ask(path: string, options: RequestInit = {}): Promise<Response> {
	const headers = { 'x-auth-token': `api-key ${simulator.apiKey}`, 'content-type': 'application/json' };
	return await fetch(`${simulator.apiUrl}${path}`, { headers, ...options });
}

/** The events that polling finds. */
const EVENTS = Object.entries(providers.getresponse.events).flatMap(([type, { resource }]) => (resource ? [type] : []));

test('every operation that is described is asked for and answered as it is described, with none left over', async () => {
	const { id: shop } = simulator.account.add('/shops');
	const workflow = new TestWorkflow(
		oneNodePlan(
			{ credential: credential() },
			{
				events: EVENTS,
				lists: { items: [{ item: { __rl: true, mode: 'id', value: 'L1' } }] },
				registration: 'automatic',
				additionalOptions: {
					cadence: 'fixed',
					everyMinutes: 1,
					followContacts: 'followed',
					followLists: true,
					addDetails: true,
				},
			},
		),
	);
	const server = await workflow.serve();
	closing.unshift(() => server.close());
	await workflow.publish();
	await workflow.publish();
	await workflow.poll();

	jest.setSystemTime(Date.now() + MINUTE);
	const { contacts, account } = simulator;
	const { contactId } = contacts.add();
	contacts.change(contactId, { name: 'Ada' });
	contacts.remove(contacts.add().contactId);
	contacts.addUnconfirmed();
	account.add('/contacts/followed/activities', { activity: 'open', subject: 'Hello' });
	const newsletter = account.add('/newsletters', { sendMetrics: { status: 'finished' } });
	account.statistics.set(newsletter.id, { sent: 1, totalOpened: 1 });
	account.add('/imports', { status: 'finished' });
	for (const path of ['/forms', '/landing-pages', '/suppressions', '/tags', '/webinars']) account.add(path);
	for (const kind of ['orders', 'carts']) account.add(`/shops/${shop}/${kind}`);
	for (let waited = 0; waited < 2 * HOUR; waited += 10 * MINUTE) {
		jest.setSystemTime(Date.now() + 10 * MINUTE);
		await workflow.poll();
	}
	await workflow.hook('delete');

	for (const list of ['Lists', 'Shops', 'CustomFields', 'Newsletters'])
		await workflow.search(`getresponse${list}`, 'n');
	const [{ test: tested }] = providers.getresponse.push.credentials;
	const { id: clientId, secret: clientSecret } = simulator.state.client;
	const oAuth2 = { authentication: 'oAuth2', clientId, clientSecret };
	for (const access of [{}, oAuth2]) await tested?.({ ...credential(), region: 'custom', ...access }, undiciExchange());
	expect([...api.asked].sort()).toEqual(api.operations.sort());

	// Of these the package asks for some fields alone, or not at all.
	account.add('/custom-fields');
	const some = [
		'/accounts',
		'/campaigns',
		'/campaigns/L1/contacts',
		'/shops',
		'/custom-fields',
		`/contacts/${contactId}`,
	];
	for (const path of some) await ask(path);
	expect([...api.answered].sort()).toEqual(api.operations.sort());
});

test('who asks for some fields gets these, and the id', async () => {
	simulator.contacts.add({ email: 'ada@example.com' });
	expect(await (await ask('/contacts?fields=email')).json()).toEqual([{ contactId: 'c1', email: 'ada@example.com' }]);
	expect(await (await ask('/accounts?fields=accountId')).json()).toEqual({ accountId: 'A1' });
});

test('refusals are as described', async () => {
	await ask('/accounts', { headers: { 'x-auth-token': 'api-key wrong' } });
	for (const path of ['/contacts/nobody', '/accounts/callbacks', '/newsletters/none/statistics']) await ask(path);
	await ask('/accounts/callbacks', { method: 'POST', body: '{"actions":{"open":true}}' });
	expect(exchanges.map(([, { status }]) => status)).toEqual([401, 404, 404, 404, 400]);
	simulator = await start({ limits: { parallel: 0 } });
	await ask('/contacts');
	expect(exchanges.map(([, { status }]) => status)).toEqual([429]);
	expect(api.takeViolations()).toEqual([]);
});

describe('the check can fail', () => {
	test('where what polling reads is not as described', async () => {
		const workflow = new TestWorkflow(oneNodePlan({ credential: credential() }, { events: ['contact_added'] }));
		await workflow.poll();
		Object.assign(simulator.contacts.add(), { contactId: undefined });
		jest.setSystemTime(Date.now() + HOUR);
		await workflow.poll().catch(() => undefined);
		expect(api.takeViolations()).toEqual(["getContactList, answer 200: /* must have required property 'contactId'"]);
	});

	test('but not of an answer that a fault made', async () => {
		simulator.fail({ status: 200, body: '{"hello":"world"}' });
		await ask('/contacts');
		simulator.fail({ status: 503 });
		await ask('/contacts?order_by=x');
		expect(api.takeViolations()).toEqual([
			'getContactList, request: /query must NOT have additional properties "order_by"',
		]);
	});

	const request =
		(changes: Partial<ExchangedRequest>) =>
		([asked, answered]: Exchanged): Exchanged => [{ ...asked, ...changes }, answered];
	const answer =
		(changes: Partial<ExchangedResponse>) =>
		([asked, answered]: Exchanged): Exchanged => [asked, { ...answered, ...changes }];
	const row =
		(changes: Readonly<Record<string, unknown>>) =>
		([asked, answered]: Exchanged): Exchanged => {
			const rows = JSON.parse(answered.body) as object[];
			return [asked, { ...answered, body: JSON.stringify(rows.map((each) => ({ ...each, ...changes }))) }];
		};

	test.each<[string, (exchanged: Exchanged) => Exchanged, string]>([
		[
			'a contact without an id',
			row({ contactId: undefined }),
			"answer 200: /* must have required property 'contactId'",
		],
		['a time that is a number', row({ createdOn: 1_700_000_000 }), 'answer 200: /*/createdOn must be string'],
		[
			'a time as webhooks have it',
			row({ createdOn: '2026-01-01T00:00:00+00:00' }),
			'answer 200: /*/createdOn must match format "date-time"',
		],
		[
			'an origin that there is not',
			row({ origin: 'fax' }),
			'answer 200: /*/origin must be equal to one of the allowed values ["import","email",',
		],
		['a property that there is not', row({ tags: [] }), 'answer 200: /* must NOT have additional properties "tags"'],
		['no list', answer({ body: '{"contacts":[]}' }), 'answer 200: must be array'],
		['no JSON', answer({ body: '<html>' }), 'answer 200: must be array'],
		[
			'no number of pages',
			answer({ headers: {} }),
			"answer 200, headers: /headers must have required property 'totalpages'",
		],
		['an error of another status', answer({ status: 404 }), 'answer 404: there is no such answer'],
		[
			'an error that says nothing',
			answer({ status: 401, body: '{}' }),
			"answer 401: must have required property 'code'",
		],
		[
			'a query key that there is not',
			request({ path: '/v3/contacts?query%5BchangeOn%5D%5Bfrom%5D=2026-01-01' }),
			'request: /query must NOT have additional properties "query[changeOn][from]"',
		],
		[
			'an order that there is not',
			request({ path: '/v3/contacts?sort[createdOn]=asc' }),
			'request: /query/sort[createdOn] must be equal to one of the allowed values ["ASC","DESC"]',
		],
		[
			'a time that no filter takes',
			request({ path: '/v3/contacts?query[createdOn][from]=1700000000' }),
			'request: /query/query[createdOn][from] must match format "date"',
		],
		['too large a page', request({ path: '/v3/contacts?perPage=1001' }), 'request: /query/perPage must be <= 1000'],
		['one thing twice', request({ path: '/v3/contacts?page=1&page=2' }), 'request: /query/page must be integer'],
		['no key', request({ headers: {} }), 'request: nothing proves who asks'],
		[
			'a key that is not told as one',
			request({ headers: { 'x-auth-token': 'key' } }),
			'request: /header/x-auth-token must match pattern "^api-key \\S+$"',
		],
		['a body where there is none', request({ body: '{}' }), 'request: has a body'],
	])('of %s', async (_name, change, expected) => {
		simulator.contacts.add();
		await ask('/contacts');
		const [exchanged] = exchanges;
		if (!exchanged) throw new Error('Nothing was asked');
		expect(api.check(...exchanged)).toEqual([]);
		expect(api.check(...change(exchanged)).join('\n')).toContain(`getContactList, ${expected}`);
	});

	test('of a token that is asked for otherwise', async () => {
		const headers = { authorization: 'Basic eA==', 'content-type': 'application/x-www-form-urlencoded' };
		await ask('/token', { method: 'POST', headers, body: 'grant_type=password' });
		expect(api.takeViolations().join()).toContain('getToken, request: /requestBody/grant_type must be equal to one of');
	});

	test.each([
		['GET', '/webhooks', undefined, 'GET /v3/webhooks: there is no such operation'],
		['DELETE', '/contacts', undefined, 'DELETE /v3/contacts: there is no such operation'],
		[
			'POST',
			'/accounts/callbacks',
			{ url: 'https://example.com', actions: { goal: true } },
			'updateCallbacks, request: /requestBody/actions must NOT have additional properties "goal"',
		],
		[
			'POST',
			'/search-contacts/contacts',
			{ subscribersType: ['removed'], section: [{ campaignIdsList: ['L1'] }] },
			"getContactsFromSearchContactsConditions, request: /requestBody must have required property 'sectionLogicOperator'",
		],
	])('of %s %s', async (method, path, body, expected) => {
		await ask(path, { method, ...(body && { body: JSON.stringify(body) }) });
		expect(api.takeViolations()).toContain(expected);
	});
});
