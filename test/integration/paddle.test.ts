import { request } from 'undici';
import { DAY, HOUR, MINUTE, type SyncEvent } from '../../lib';
import { credentialOf } from '../../lib/provider/paddle/api';
import { PaddleSimulator, signatureOf } from '../simulator/paddle';
import { type Plan, TestWorkflow, type WebhookServer, eventsOf, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** Paddle, both paths, through the real nodes: only n8n's server and scheduler are played. */

let paddle: PaddleSimulator;
let servers: WebhookServer[] = [];
beforeEach(async () => {
	// Signatures are valid for five seconds of this clock, however slow the machine is.
	fakeTimeOfDay();
	paddle = await PaddleSimulator.start();
});
afterEach(async () => {
	for (const server of servers) await server.close();
	servers = [];
	await paddle.close();
	jest.useRealTimers();
});

function workflowWith(parameters: Plan['nodes'][string]['parameters'] = {}, changes: Partial<Plan> = {}): TestWorkflow {
	return new TestWorkflow(
		oneNodePlan(
			{
				credential: { apiKey: paddle.apiKey, apiUrl: paddle.apiUrl, webhookSecret: '' },
				credentials: { hybridSyncPaddleApi: { id: '7', name: 'billing' } },
				...changes,
			},
			{ provider: 'paddle', ...parameters },
		),
	);
}

async function published(workflow: TestWorkflow): Promise<WebhookServer> {
	const server = await workflow.serve();
	servers.push(server);
	expect(await workflow.publish()).toBe(true);
	expect(await workflow.poll()).toBeNull();
	return server;
}

/** Lets some time go by, in which n8n ticks. @returns what Sync Dedupe lets pass of what is handed over */
async function ticks(workflow: TestWorkflow, ms: number, server?: WebhookServer, everyMs = MINUTE): Promise<string[]> {
	const passed: string[] = [];
	for (let waited = 0; waited < ms; waited += everyMs) {
		jest.setSystemTime(Date.now() + everyMs);
		passed.push(...(await passing(workflow, await workflow.poll())));
		for (const events of server?.executions.splice(0) ?? []) passed.push(...(await passing(workflow, events)));
	}
	return passed;
}

async function passing(workflow: TestWorkflow, events: readonly SyncEvent[] | null): Promise<string[]> {
	return events ? eventsOf(await workflow.dedupe(events)).map(idOf) : [];
}

const idOf = ({ data }: { data?: unknown }) => (data as { event_id: string }).event_id;
const pushed = (server: WebhookServer) => server.executions.flat().map(idOf);
const ours = () => paddle.settings.filter(({ description }) => description.startsWith('Registered by n8n'));
const asked = (path: string) => paddle.requests.filter((each) => each.path === path);
const lost = { copies: 0 };

test('V7 publishing registers a webhook once, unpublishing removes it, and a foreign one stays', async () => {
	const foreign = paddle.listen({ destination: 'http://127.0.0.1:9/foreign', events: ['payout.paid'] });
	const workflow = workflowWith({ events: ['transaction.completed', 'subscription.canceled'] });
	const server = await published(workflow);
	const [setting, ...others] = ours();
	expect(others).toEqual([]);
	expect(setting?.destination.startsWith(server.url)).toBe(true);
	expect(setting?.subscribed_events.map(({ name }) => name).sort()).toEqual([
		'subscription.canceled',
		'transaction.completed',
	]);
	await workflow.publish();
	expect(ours()).toEqual([setting]);
	const event = paddle.happen('transaction.completed', { id: 'txn_7' });
	paddle.happen('customer.created');
	await paddle.idle();
	expect(server.executions.flat()).toMatchObject([
		{
			type: 'paddle.transaction.completed',
			subject: 'transaction/txn_7',
			source: '/paddle',
			path: 'webhook',
			data: event,
		},
	]);
	expect(paddle.statuses).toEqual([200]);
	await workflow.hook('delete');
	expect(paddle.settings).toEqual([foreign]);
});

test('V7 without chosen events a webhook names all, and settings on further pages are found', async () => {
	paddle.settingsPerPage = 2;
	for (let n = 0; n < 5; n++) paddle.listen({ destination: `http://127.0.0.1:9/${n}`, events: ['payout.paid'] });
	const workflow = workflowWith();
	await published(workflow);
	for (let n = 5; n < 9; n++) paddle.listen({ destination: `http://127.0.0.1:9/${n}`, events: ['payout.paid'] });
	await workflow.publish();
	expect(ours()).toHaveLength(1);
	expect(ours()[0]?.subscribed_events).toHaveLength(56);
});

test.each([
	['removed', () => paddle.settings.splice(0), 'had been removed there, and was made anew'],
	[
		'switched off',
		() => Object.assign(ours()[0] ?? {}, { active: false }),
		'had been disabled there, and was set right',
	],
	[
		'told to send other events',
		() => Object.assign(ours()[0] ?? {}, { subscribed_events: [{ name: 'payout.paid' }] }),
		'had been changed there, and was set right',
	],
])('V7 a webhook that was %s is healed by polling, and that is said once', async (_what, harm, said) => {
	const workflow = workflowWith({ events: ['transaction.completed'] });
	const server = await published(workflow);
	harm();
	const missed = paddle.happen('transaction.completed', {}, lost);
	expect(await ticks(workflow, 70 * MINUTE, undefined, 5 * MINUTE)).toEqual([missed.event_id]);
	expect(ours()).toMatchObject([{ active: true, subscribed_events: [{ name: 'transaction.completed' }] }]);
	const event = paddle.happen('transaction.completed');
	await paddle.idle();
	expect(pushed(server)).toEqual([event.event_id]);
	expect(await ticks(workflow, 2 * HOUR, server, 5 * MINUTE)).toEqual([event.event_id]);
	expect(workflow.warnings.filter((text) => text.includes(said))).toHaveLength(1);
});

test('V7 what a user can mend is named: a permission, ten active webhooks, a webhook with the same URL', async () => {
	for (const permission of ['notification_setting.read', 'notification_setting.write']) {
		paddle.permissions.delete(permission);
		await expect(workflowWith().publish()).rejects.toThrow(`permission "${permission}"`);
		paddle.permissions.add(permission);
	}
	const workflow = workflowWith();
	const server = await published(workflow);
	Object.assign(ours()[0] ?? {}, { description: 'renamed by somebody' });
	await expect(workflow.publish()).rejects.toThrow('one has this URL');
	paddle.settings.length = 0;
	for (let n = 0; n < 10; n++) paddle.listen({ destination: `http://127.0.0.1:9/${n}`, events: ['payout.paid'] });
	await expect(workflow.publish()).rejects.toThrow('Ten are active');
	expect(pushed(server)).toEqual([]);
	paddle.permissions.delete('notification.read');
	await expect(workflowWith().poll()).rejects.toThrow('permission "notification.read"');
});

test('V12 what a webhook and polling bring is one event; a forged one and an unreadable one start nothing', async () => {
	const workflow = workflowWith();
	const server = await published(workflow);
	const event = paddle.happen('subscription.activated', { id: 'sub_1' });
	await paddle.idle();
	expect(await ticks(workflow, HOUR, server)).toEqual([event.event_id]);
	const { destination = '', endpoint_secret_key: secret = '' } = ours()[0] ?? {};
	const send = async (body: string, key: string) => {
		const headers = { 'content-type': 'application/json', 'paddle-signature': signatureOf(body, key) };
		const response = await request(destination, { method: 'POST', headers, body });
		await response.body.dump();
		return response.statusCode;
	};
	const { event_id: _id, ...nameless } = event;
	expect(await send(JSON.stringify(nameless), secret)).toBe(200);
	expect(await send(JSON.stringify({ ...event, event_id: 'evt_forged' }), 'another')).toBe(401);
	expect(server.executions).toEqual([]);
	expect(server.failures).toEqual([]);
});

test('V12 pushes dropped, doubled and late, and events that the log shows late: every event once', async () => {
	const workflow = workflowWith();
	const server = await published(workflow);
	const made: string[] = [];
	const passed: string[] = [];
	for (let round = 0; round < 30; round++) {
		for (let n = 0; n < 10; n++) {
			const plan = [{}, lost, { copies: 2 }, { delayMs: 30 }][(round + n) % 4];
			const visibleAfterMs = (round * 10 + n) % 7 === 0 ? 4 * MINUTE : 0;
			made.push(paddle.happen('transaction.completed', {}, { ...plan, visibleAfterMs }).event_id);
		}
		passed.push(...(await ticks(workflow, MINUTE, server)));
	}
	await paddle.idle();
	passed.push(...(await ticks(workflow, 40 * MINUTE, server)));
	expect(passed.sort()).toEqual(made);
});

test.each([
	['everything', { start: 'everything' }, 0],
	['a date in the middle', { start: 'date' }, 200],
])('V10 V12 the log is read oldest first, each event once: %s', async (_what, start, first) => {
	const begin = Date.now() - 80 * DAY;
	const all = Array.from({ length: 450 }, (_, n) =>
		paddle.happen('transaction.paid', {}, { ...lost, occurredAt: begin + n * HOUR }),
	);
	const since = all[first]?.occurred_at.replace('123Z', 'Z') ?? '';
	const workflow = workflowWith({ additionalOptions: { ...start, since, maxEvents: 10_000 } });
	const found: string[] = [];
	for (let n = 0; n < 3; n++) found.push(...((await workflow.poll()) ?? []).map(idOf));
	expect(found).toEqual(all.slice(first).map((event) => event.event_id));
});

test('V10 only the chosen types are asked for, and an idle log costs one request a poll', async () => {
	for (let n = 0; n < 450; n++) paddle.happen('payout.paid', {}, { ...lost, occurredAt: Date.now() - HOUR });
	const workflow = workflowWith({ events: ['transaction.paid'], additionalOptions: { start: 'now' } });
	await published(workflow);
	paddle.happen('payout.paid', {}, lost);
	const event = paddle.happen('transaction.paid', {}, lost);
	paddle.requests.length = 0;
	expect(await ticks(workflow, 15 * MINUTE)).toEqual([event.event_id]);
	expect(asked('/events').every(({ query }) => query.get('event_type') === 'transaction.paid')).toBe(true);
	expect(asked('/events').length).toBeLessThanOrEqual(16);
});

test.each([400, 404, 'ignored'] as const)(
	'V10 an event that the log has no more, and nothing is missing or twice: %s',
	async (unknown) => {
		paddle.unknownAfter = unknown;
		const workflow = workflowWith({ additionalOptions: { start: 'now' } });
		await published(workflow);
		const first = paddle.happen('transaction.paid', {}, lost);
		expect(await ticks(workflow, 15 * MINUTE)).toEqual([first.event_id]);
		// n8n was down until the last event that is known was gone.
		jest.setSystemTime(Date.now() + 91 * DAY);
		const missed = Array.from({ length: 3 }, () => paddle.happen('transaction.paid', {}, lost).event_id);
		expect(await ticks(workflow, 30 * MINUTE)).toEqual(missed);
		expect(workflow.warnings.filter((text) => text.includes('may be missing')).length).toBeLessThanOrEqual(1);
	},
);

test('the key says which of the two APIs it is for, but for old keys', () => {
	const url = (apiKey: string, apiUrl = '') => credentialOf({ apiKey, apiUrl }).apiUrl;
	expect(url('pdl_live_apikey_1')).toBe('https://api.paddle.com');
	expect(url('pdl_sdbx_apikey_1')).toBe('https://sandbox-api.paddle.com');
	expect(url('old', 'https://sandbox-api.paddle.com')).toBe('https://sandbox-api.paddle.com');
});

test('V10 events whose time is far from that of their neighbours in the log end no reading', async () => {
	const begin = Date.now() - 10 * DAY;
	const all = Array.from({ length: 650 }, (_, n) =>
		paddle.happen('transaction.paid', {}, { ...lost, occurredAt: begin + n * MINUTE }),
	);
	// The newest in the log by far, and the oldest by its time.
	paddle.happen('customer.imported', {}, { ...lost, occurredAt: begin - 20 * DAY });
	const since = new Date(begin - DAY).toISOString();
	const workflow = workflowWith({ additionalOptions: { start: 'date', since, maxEvents: 10_000 } });
	const found: string[] = [];
	for (let n = 0; n < 3; n++) found.push(...((await workflow.poll()) ?? []).map(idOf));
	expect(found).toEqual(all.map((event) => event.event_id));
});

test('an event that is chosen twice is one, and nothing has to be set right', async () => {
	const workflow = workflowWith({ events: ['transaction.paid', 'transaction.paid'] });
	await published(workflow);
	expect(ours()[0]?.subscribed_events).toEqual([{ name: 'transaction.paid' }]);
});
