import { createHmac, randomUUID } from 'node:crypto';
import type { INodeParameters } from 'n8n-workflow';
import { request } from 'undici';
import { HOUR, MINUTE, type SyncEvent } from '../../lib';
import { RestApi, type Row } from '../simulator/rest';
import { TestWorkflow, type WebhookServer, eventsOf, examplePlan, oneNodePlan } from './support/n8n';

/** Any Service on both paths: what a webhook and a row of the API say of one thing passes once, as the user says. */

const SECRET = 'a-secret-of-the-service-in-this-test';
const CREDENTIALS = { hybridSyncWebhookSecret: { id: '9', name: 'webhooks' } };

let api: RestApi;
const servers: WebhookServer[] = [];
beforeEach(async () => {
	api = await RestApi.start({ time: 'iso' });
});
afterEach(async () => {
	for (const server of servers.splice(0)) await server.close();
	await api.close();
});

const LIST: INodeParameters = {
	provider: 'anyService',
	pullAuthentication: 'hybridSyncHttp',
	url: '/orders',
	listing: 'byHand',
	cursor: 'time',
	cursorField: 'updated_at',
	changeField: 'updated_at',
};

const data = () => ({
	rest: { apiUrl: api.apiUrl, authentication: 'none' },
	credential: { service: 'custom', secret: SECRET, signatureHeader: 'X-Signature' },
	credentials: CREDENTIALS,
});

/** @param joined how both paths are one, and what else is set where webhooks arrive */
function oneNode(joined: INodeParameters, polling: INodeParameters = {}, id: string = randomUUID()): TestWorkflow {
	const { additionalOptions, ...fields } = joined;
	const options = { start: 'now', ...(additionalOptions as INodeParameters) };
	return new TestWorkflow(
		oneNodePlan({ ...data(), id }, { ...LIST, ...polling, ...fields, additionalOptions: options }),
	);
}

function pair(joined: INodeParameters, polling: INodeParameters = {}): TestWorkflow {
	return new TestWorkflow(examplePlan(data(), { ...LIST, ...polling }, { provider: 'anyService', ...joined }));
}

async function published(workflow: TestWorkflow): Promise<WebhookServer> {
	const server = await workflow.serve();
	servers.push(server);
	await workflow.publish();
	await workflow.poll();
	return server;
}

async function send(server: WebhookServer, body: object): Promise<void> {
	const text = JSON.stringify(body);
	const signature = createHmac('sha256', SECRET).update(text).digest('hex');
	const headers = { 'content-type': 'application/json', 'x-signature': signature };
	const response = await request(server.url, { method: 'POST', headers, body: text });
	expect(response.statusCode).toBe(200);
	await response.body.dump();
}

/** What Sync Dedupe lets pass of what both paths bring. */
async function passing(workflow: TestWorkflow, server: WebhookServer): Promise<SyncEvent[]> {
	const polled = await workflow.poll();
	const passed: SyncEvent[] = [];
	for (const events of [...server.executions.splice(0), ...(polled ? [polled] : [])]) {
		passed.push(...eventsOf(await workflow.dedupe(events)));
	}
	return passed;
}

const webhook = (row: Row, more: object = {}) => ({
	event_id: randomUUID(),
	type: 'order.changed',
	created_at: new Date(row.updated_at ?? 0).toISOString(),
	data: { order: { id: row.id } },
	...more,
});

describe.each([
	['in one node', oneNode],
	['in the pair', pair],
])('V3 %s', (_where, workflowWith) => {
	const byId = { sameEventBy: 'id', idInWebhook: 'data.order.id' };

	test('by the same ID: once, whichever comes first, and however far apart the times are', async () => {
		const workflow = workflowWith(byId);
		const server = await published(workflow);
		const [pushedFirst, polledFirst, pushedOnly, polledOnly] = [api.add(), api.add(), { id: 'x' }, api.add()];
		await send(server, webhook(pushedFirst));
		await send(server, webhook(pushedOnly));
		const passed = await passing(workflow, server);
		await send(server, webhook({ ...polledFirst, updated_at: Date.now() - 48 * HOUR }));
		passed.push(...(await passing(workflow, server)));
		expect(passed.map(({ path }) => path).sort()).toEqual(['poll', 'poll', 'webhook', 'webhook']);
		expect(
			passed
				.filter(({ path }) => path === 'poll')
				.map(({ subject }) => subject?.split('/')[1])
				.sort(),
		).toEqual([polledFirst.id, polledOnly.id].sort());
	});

	test('by subject and time: one to one, the nearest first, and only within the tolerance', async () => {
		const workflow = workflowWith(
			{ ...byId, sameEventBy: 'subjectAndTime', toleranceMinutes: 2, additionalOptions: { eventTime: 'created_at' } },
			{ emit: 'change' },
		);
		const server = await published(workflow);
		const now = Date.now();
		const row = api.add({ updated_at: now });
		await send(server, webhook(row, { created_at: new Date(now - MINUTE).toISOString() }));
		await send(server, webhook(row, { created_at: new Date(now + 1_000).toISOString() }));
		await send(server, webhook(row, { created_at: new Date(now - 3 * MINUTE).toISOString() }));
		const passed = await passing(workflow, server);
		// Three webhooks, and the row is one of them.
		expect(passed.map(({ path }) => path)).toEqual(['webhook', 'webhook', 'webhook']);
		api.update(row.id, { updated_at: now + 10 * MINUTE });
		const later = await passing(workflow, server);
		expect(later.map(({ path }) => path)).toEqual(['poll']);
		await send(server, webhook(row, { created_at: new Date(now + 9 * MINUTE).toISOString() }));
		expect(await passing(workflow, server)).toEqual([]);
	});

	test('by nothing: two events', async () => {
		const workflow = workflowWith({});
		const server = await published(workflow);
		await send(server, webhook(api.add()));
		expect((await passing(workflow, server)).map(({ path }) => path).sort()).toEqual(['poll', 'webhook']);
	});

	test('the row may have what the webhook names in another field than its ID', async () => {
		const workflow = workflowWith(
			{ ...byId, additionalOptions: { joinField: 'number' } },
			{ additionalOptions: { joinField: 'number' } },
		);
		const server = await published(workflow);
		const row = api.add({ number: 17 });
		await send(server, webhook(row, { data: { order: { id: '17' } } }));
		expect(await passing(workflow, server)).toHaveLength(1);
	});

	test('Fetch Test Event says how many of the latest webhooks have their row', async () => {
		const workflow = workflowWith(byId);
		const server = await published(workflow);
		const conclusion = async () => {
			const [first] = (await workflow.poll('Poll', 'manual')) ?? [];
			return (first as unknown as { conclusion: string }).conclusion;
		};
		api.add();
		expect(await conclusion()).toContain('whether they are joined cannot be seen yet');
		const rows = Array.from({ length: 12 }, () => api.add());
		for (const row of rows) await send(server, webhook(row));
		for (let n = 0; n < 8; n++) await send(server, webhook({ id: `gone${n}`, updated_at: Date.now() }));
		expect(await conclusion()).toContain('12 of the last 20 webhooks have their row.');
		await passing(workflow, server);
		expect(await conclusion()).toContain('12 of the last 20 webhooks have their row.');
	});

	test('Fetch Test Event says why none has its row', async () => {
		const workflow = workflowWith({ ...byId, idInWebhook: 'event_id' });
		const server = await published(workflow);
		const row = api.add();
		await send(server, webhook(row, { event_id: 'e:1%' }));
		const [first] = (await workflow.poll('Poll', 'manual')) ?? [];
		expect((first as unknown as { conclusion: string }).conclusion).toContain(
			`the latest one names "e:1%", a row "${row.id}"`,
		);
	});
});

test('V3 in one node: a webhook of one list is not the row of another one with the same ID', async () => {
	const joined = { sameEventBy: 'id', idInWebhook: 'data.order.id', additionalOptions: { start: 'everything' } };
	const workflow = oneNode(joined);
	const server = await published(workflow);
	await send(server, webhook(api.add()));
	const other = oneNode(joined, { url: '/orders?of=others' }, workflow.workflow.id);
	expect((await passing(other, server)).map(({ path }) => path).sort()).toEqual(['poll', 'webhook']);
});

test('V3 the polling trigger waits for the webhook trigger that is published at the same moment', async () => {
	const workflow = pair({ sameEventBy: 'id', idInWebhook: 'data.order.id' }, { start: 'everything' });
	const row = api.add();
	expect(await workflow.poll()).toBeNull();
	expect(workflow.warnings.join()).toContain('is not known to the ledger yet');
	const server = await workflow.serve();
	servers.push(server);
	await workflow.publish();
	await send(server, webhook(row));
	expect(await passing(workflow, server)).toHaveLength(1);
});

test('V3 in one node, whose test waits for a webhook, the sentence stands with the webhook that came', async () => {
	const workflow = oneNode({ sameEventBy: 'id', idInWebhook: 'data.order.id' });
	const server = await published(workflow);
	const row = api.add();
	await send(server, webhook(row));
	const listening = await workflow.serve({ mode: 'manual' });
	servers.push(listening);
	await send(listening, webhook(row));
	const [first] = (await workflow.poll('Poll', 'manual')) ?? [];
	expect(first).toMatchObject({
		path: 'webhook',
		conclusion: expect.stringContaining('1 of the last 1 webhooks has its row') as string,
	});
});
