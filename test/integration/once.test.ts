import { request } from 'undici';
import { MINUTE } from '../../lib';
import { fakeTimeOfDay } from './support/time';
import { Simulator } from '../simulator/simulator';
import { SECRET, TestWorkflow, type WebhookServer, confirmingPlan, eventsOf, examplePlan } from './support/n8n';

let simulator: Simulator;
let workflow: TestWorkflow;
let server: WebhookServer;

beforeEach(async () => {
	simulator = await Simulator.start();
	// However slow this machine is.
	simulator.webhooks.timeoutMs = 60_000;
	workflow = new TestWorkflow(examplePlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }));
	server = await workflow.serve();
	simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
});
afterEach(async () => {
	await simulator.close();
	await server.close();
	expect(server.failures).toEqual([]);
});

/** A delivery by hand, with whatever in it. */
async function deliver(body: string | Buffer, headers: Record<string, string> = {}, query = `?secret=${SECRET}`) {
	const response = await request(`${server.url}${query}`, {
		method: 'POST',
		headers: { 'content-type': 'application/json', ...headers },
		body,
	});
	return { status: response.statusCode, body: await response.body.text() };
}

/** A moment ago, in whole seconds as GetResponse gives it. */
const JUST_NOW = `${new Date(Date.now() - MINUTE).toISOString().slice(0, 19)}+00:00`;
const added = (contactId: string, occurredAt = JUST_NOW) => ({
	type: 'contact_added',
	contact: { contactId, email: `${contactId}@example.com` },
	account: { accountId: 'A1' },
	event: { occurredAt },
});

describe('once', () => {
	test('A1 50 identical deliveries at the same moment start 1 execution and get 50 success answers', async () => {
		simulator.subscribe({ copies: 50 });
		await simulator.webhooks.idle();
		expect(simulator.webhooks.attempts).toHaveLength(50);
		for (const attempt of simulator.webhooks.attempts) {
			expect(attempt).toMatchObject({ status: 200, body: '{"status":"OK"}', attempt: 1 });
		}
		expect(server.executions).toHaveLength(1);
	});

	test('A2 the same event at the same moment by push and by poll passes once', async () => {
		await workflow.poll();
		const passed: string[] = [];
		for (let round = 0; round < 20; round++) {
			simulator.subscribe();
			const started = server.executions.length;
			const [polled] = await Promise.all([workflow.poll(), simulator.webhooks.idle()]);
			const executions = [...server.executions.slice(started), ...(polled ? [polled] : [])];
			const outputs = await Promise.all(executions.map(async (events) => await workflow.dedupe(events)));
			passed.push(...outputs.flatMap((output) => eventsOf(output).map(({ subject }) => subject ?? '')));
		}
		expect(passed).toHaveLength(20);
		expect(new Set(passed).size).toBe(20);
	});

	test('A7 a batch of 100 with 30 repeats inside: 70 pass', async () => {
		const items = Array.from({ length: 100 }, (_, index) => ({ order: `o${index % 70}` }));
		const plan = examplePlan();
		const byValue = new TestWorkflow({
			...plan,
			nodes: {
				...plan.nodes,
				Dedupe: {
					type: 'n8n-nodes-hybrid-sync.syncDedupe',
					parameters: { operation: 'removeDuplicates', identifyBy: 'value', value: '={{ $json.order }}' },
				},
			},
		});
		const [passed, duplicates] = await byValue.dedupe(items);
		expect(passed?.map(({ json }) => json['order'])).toEqual(items.slice(0, 70).map(({ order }) => order));
		expect(duplicates).toHaveLength(30);
		expect(duplicates?.[0]?.pairedItem).toEqual({ item: 70 });
	});

	test('50 executions that hold the same event at the same moment: 1 passes', async () => {
		simulator.subscribe();
		await simulator.webhooks.idle();
		const [events = []] = server.executions;
		const outputs = await Promise.all(Array.from({ length: 50 }, async () => await workflow.dedupe(events)));
		expect(outputs.filter(([passed]) => passed?.length === 1)).toHaveLength(1);
		expect(outputs.filter(([, duplicates]) => duplicates?.length === 1)).toHaveLength(49);
	});

	test('A12 two workflows, default streams: each gets the event', async () => {
		const other = new TestWorkflow(examplePlan());
		await using(other, async (otherServer) => {
			const body = JSON.stringify(added('c1'));
			const headers = { 'x-webhook-id': '11111111-1111-4111-8111-111111111111' };
			await deliver(body, headers);
			const response = await request(`${otherServer.url}?secret=${SECRET}`, { method: 'POST', headers, body });
			await response.body.dump();
			expect(server.executions).toHaveLength(1);
			expect(otherServer.executions).toHaveLength(1);
			for (const [events, of] of [
				[server.executions[0], workflow],
				[otherServer.executions[0], other],
			] as const) {
				expect((await of.dedupe(events ?? []))[0]).toHaveLength(1);
			}
		});
	});

	test('a node that runs again in its own execution (Retry On Fail) gets New again, a later loop run gets Duplicate', async () => {
		simulator.subscribe();
		await simulator.webhooks.idle();
		const [events = []] = server.executions;
		const first = await workflow.dedupe(events, { execution: 'same' });
		const retry = await workflow.dedupe(events, { execution: 'same' });
		const loop = await workflow.dedupe(events, { execution: 'same', run: 1 });
		expect([first, retry, loop].map(([passed]) => passed?.length)).toEqual([1, 1, 0]);
		expect(eventsOf(retry)[0]).toMatchObject({ attempt: 1, claimtoken: eventsOf(first)[0]?.claimtoken });
	});

	test('A17 a manual run claims nothing, stores nothing and moves nothing', async () => {
		await workflow.poll();
		const contact = simulator.subscribe({ copies: 0 });
		const manual = await workflow.serve({ mode: 'manual' });
		const shown = await request(`${manual.url}?secret=${SECRET}`, {
			method: 'POST',
			headers: { 'x-webhook-id': 'manual' },
			body: JSON.stringify(simulator.contactAdded(contact)),
		});
		expect(await shown.body.text()).toBe('{"status":"OK"}');
		await manual.close();
		const [events = []] = manual.executions;
		expect((await workflow.dedupe(events, { mode: 'manual' }))[0]).toHaveLength(1);
		expect((await workflow.dedupe(events, { mode: 'manual' }))[0]).toHaveLength(1);
		expect(await workflow.poll('Poll', 'manual')).toHaveLength(1);
		// And the real thing still comes, as new.
		const polled = await workflow.poll();
		expect(polled).toHaveLength(1);
		expect((await workflow.dedupe(polled ?? []))[0]).toHaveLength(1);
	});

	test('what is confirmed later is claimed until then, and a Confirm settles it', async () => {
		const confirming = new TestWorkflow(
			confirmingPlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }),
		);
		await using(confirming, async (confirmingServer) => {
			simulator.webhooks.url = `${confirmingServer.url}?secret=${SECRET}`;
			simulator.subscribe();
			await simulator.webhooks.idle();
			const [events = []] = confirmingServer.executions;
			const [passed = []] = await confirming.dedupe(events, { execution: '7' });
			const confirmed = await confirming.dedupe(
				passed.map(({ json }) => json),
				{ node: 'Confirm', execution: '7' },
			);
			expect(confirmed[0]).toHaveLength(1);
			expect((await confirming.dedupe(events, { execution: '8' }))[1]).toHaveLength(1);
		});
	});
});

describe('GetResponse', () => {
	test('G1 a batch is its events, and an unknown type passes through with all its fields', async () => {
		const unknown = { type: 'contact_scored', score: { value: 3 }, account: { accountId: 'A1' }, extra: [1, 2] };
		await deliver(JSON.stringify([added('c1'), added('c2'), unknown]), { 'x-webhook-id': 'batch' });
		const [events = []] = server.executions;
		expect(events.map(({ id, type, subject }) => [id, type, subject])).toEqual([
			['push:1:batch:0', 'getresponse.contact_added', 'contacts/c1'],
			['push:1:batch:1', 'getresponse.contact_added', 'contacts/c2'],
			['push:1:batch:2', 'getresponse.contact_scored', 'accounts/A1'],
		]);
		expect(events[2]?.data).toEqual(unknown);
	});

	test('G2 every authentic delivery, new, repeated or filtered, is answered with 200 and exactly {"status":"OK"}', async () => {
		const plan = examplePlan();
		const filtering = new TestWorkflow({
			...plan,
			nodes: {
				...plan.nodes,
				Webhook: {
					type: 'n8n-nodes-hybrid-sync.syncWebhookTrigger',
					parameters: { provider: 'getresponse', events: ['contact_moved'] },
				},
			},
		});
		const ok = { status: 200, body: '{"status":"OK"}' };
		const body = JSON.stringify(added('c1'));
		expect(await deliver(body, { 'x-webhook-id': 'w1' })).toEqual(ok);
		expect(await deliver(body, { 'x-webhook-id': 'w1' })).toEqual(ok);
		await using(filtering, async (filteringServer) => {
			const response = await request(`${filteringServer.url}?secret=${SECRET}`, { method: 'POST', body });
			expect({ status: response.statusCode, body: await response.body.text() }).toEqual(ok);
			expect(filteringServer.executions).toEqual([]);
		});
	});

	test('G2 a wrong secret gets a 4xx, which the provider does not retry, and starts nothing', async () => {
		simulator.webhooks.url = `${server.url}?secret=wrong`;
		simulator.subscribe();
		await simulator.webhooks.idle();
		expect(simulator.webhooks.attempts).toEqual([expect.objectContaining({ status: 401, body: '', attempt: 1 })]);
		expect(server.executions).toEqual([]);
	});

	test('G3 contact_added pushed and found by polling is one event', async () => {
		await workflow.poll();
		simulator.subscribe();
		await simulator.webhooks.idle();
		expect(server.executions).toHaveLength(1);
		expect(await workflow.poll()).toBeNull();
		expect(await workflow.poll()).toBeNull();
	});

	test('G3 the poll comes first: the push is answered with success and starts nothing', async () => {
		await workflow.poll();
		const contact = simulator.subscribe({ copies: 0 });
		expect(await workflow.poll()).toHaveLength(1);
		simulator.webhooks.push(simulator.contactAdded(contact, contact.createdOn + 3_000));
		await simulator.webhooks.idle();
		expect(simulator.webhooks.attempts).toEqual([expect.objectContaining({ status: 200, succeeded: true })]);
		expect(server.executions).toEqual([]);
	});

	test('a dropped push is recovered by polling, and says so', async () => {
		await workflow.publish();
		await workflow.poll();
		simulator.subscribe({ copies: 0 });
		simulator.subscribe({ copies: 0 }, { createdOn: Date.now() + 2_000 });
		const events = await workflow.poll();
		expect(events?.map(({ path, recovered }) => ({ path, recovered })).at(0)).toEqual({
			path: 'poll',
			recovered: true,
		});
	});
});

describe('bad input', () => {
	test('V6 what is authentic and cannot be read is answered with success, and kept as a dead letter', async () => {
		const success = { status: 200, body: '{"status":"OK"}' };
		expect(await deliver('{"type": "contact_added", ')).toMatchObject(success);
		expect(await deliver('"just text"')).toMatchObject(success);
		expect(server.executions).toEqual([]);
	});

	test('an event that n8n never took is started by the provider’s own retry', async () => {
		const body = JSON.stringify(added('c9'));
		fakeTimeOfDay();
		try {
			await deliver(body, { 'x-webhook-id': 'w9' });
			await deliver(body, { 'x-webhook-id': 'w9' });
			expect(server.executions).toHaveLength(1);
			jest.setSystemTime(Date.now() + 6 * MINUTE);
			await deliver(body, { 'x-webhook-id': 'w9' });
			expect(server.executions).toHaveLength(2);
		} finally {
			jest.useRealTimers();
		}
	});

	test('a body over the limit is refused', async () => {
		expect(await deliver(Buffer.alloc(11 * 1024 * 1024, 0x20))).toMatchObject({ status: 413 });
	});

	test.each(['zip', 'UTF-8', 'none', 'gzip'])(
		'V5 a body that is not compressed, although its header says %s, is read',
		async (encoding) => {
			const headers = { 'content-encoding': encoding, 'x-webhook-id': encoding };
			expect(await deliver(JSON.stringify(added(`c-${encoding}`)), headers)).toMatchObject({ status: 200 });
			expect(server.executions).toHaveLength(1);
		},
	);

	test('S4 without a secret everything is refused, and publishing says what to do', async () => {
		const open = new TestWorkflow(examplePlan({ credential: { apiKey: 'k', webhookSecret: '' } }));
		await using(open, async (openServer) => {
			const response = await request(`${openServer.url}?secret=`, {
				method: 'POST',
				body: JSON.stringify(added('c1')),
			});
			expect(response.statusCode).toBe(401);
			await response.body.dump();
		});
		await expect(open.publish()).rejects.toThrow('is the URL to enter');
	});

	test('in queue mode, where each worker would keep a ledger of its own, the nodes refuse and say so', async () => {
		process.env['EXECUTIONS_MODE'] = 'queue';
		try {
			await expect(workflow.publish()).rejects.toThrow('runs in queue mode');
			await expect(workflow.poll()).rejects.toThrow('runs in queue mode');
			await expect(workflow.dedupe([added('c1')])).rejects.toThrow();
			// Not lost: the provider is asked to send it again.
			expect(await deliver(JSON.stringify(added('c1')))).toMatchObject({ status: 429 });
		} finally {
			delete process.env['EXECUTIONS_MODE'];
		}
	});

	test('without a credential a request is refused, and nothing is thrown into n8n', async () => {
		const bare = new TestWorkflow(examplePlan({ withoutCredential: true }));
		await using(bare, async (bareServer) => {
			const response = await request(`${bareServer.url}?secret=${SECRET}`, { method: 'POST', body: '{}' });
			expect(response.statusCode).toBe(401);
			await response.body.dump();
			expect(bareServer.failures).toEqual([]);
		});
	});

	test('Sync Dedupe says what to do with an item that carries no event', async () => {
		await expect(workflow.dedupe([{ email: 'a@example.com' }])).rejects.toThrow(
			'Item 1 is not an event of a Sync trigger',
		);
	});

	test('an item that names another stream and is not known there is refused', async () => {
		simulator.subscribe();
		await simulator.webhooks.idle();
		const [event] = server.executions[0] ?? [];
		const forged = { ...event, stream: 'somebody/else' };
		await expect(workflow.dedupe([forged])).rejects.toThrow('belongs to another workflow');
	});
});

async function using(workflowToServe: TestWorkflow, work: (served: WebhookServer) => Promise<void>): Promise<void> {
	const served = await workflowToServe.serve();
	try {
		await work(served);
	} finally {
		await served.close();
	}
}

describe('what was found by attacking it', () => {
	test('one item that cannot be claimed costs the good items beside it nothing', async () => {
		simulator.subscribe();
		await simulator.webhooks.idle();
		const [event] = server.executions[0] ?? [];
		await expect(workflow.dedupe([event ?? {}, { ...event, stream: 'somebody/else' }])).rejects.toThrow();
		expect((await workflow.dedupe([event ?? {}]))[0]).toHaveLength(1);
	});

	test('S16 an event of another workflow passes where this n8n made it, and a made-up one does not', async () => {
		simulator.subscribe();
		await simulator.webhooks.idle();
		const [event] = server.executions[0] ?? [];
		const subWorkflow = new TestWorkflow(examplePlan());
		await expect(subWorkflow.dedupe([{ ...event, id: 'push:guessed' }])).rejects.toThrow('belongs to another workflow');
		expect((await subWorkflow.dedupe([event ?? {}]))[0]).toHaveLength(1);
		expect((await workflow.dedupe([event ?? {}]))[1]).toHaveLength(1);
	});

	test('S12 JSON nested 10,000 levels deep is a dead letter, and neither throws nor takes its neighbours along', async () => {
		const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
		expect(await deliver(deep)).toMatchObject({ status: 200 });
		expect(await deliver(`{"type":"contact_added","x":${deep}}`)).toMatchObject({ status: 200 });
		expect(server.failures).toEqual([]);
	});

	test('S12 keys that databases cannot store are told apart all the same', async () => {
		const plan = examplePlan();
		const byValue = new TestWorkflow({
			...plan,
			nodes: {
				...plan.nodes,
				Dedupe: {
					type: 'n8n-nodes-hybrid-sync.syncDedupe',
					parameters: { operation: 'removeDuplicates', identifyBy: 'value', value: '={{ $json.name }}' },
				},
			},
		});
		const names = [
			'Great \ud83d',
			'Great \ud83c',
			'a\0b',
			'a\0c',
			'__proto__',
			'x'.repeat(10_000),
			"'; DROP TABLE event; --",
		];
		const items = names.map((name) => ({ name }));
		expect((await byValue.dedupe(items))[0]).toHaveLength(names.length);
		expect((await byValue.dedupe(items))[1]).toHaveLength(names.length);
	});

	test('I5 an authentic array of 20,000 elements does not hold n8n', async () => {
		expect(await deliver(`[${'1,'.repeat(19_999)}1]`)).toMatchObject({ status: 200 });
	});

	test('an event that this ledger has not made passes once too, and never in the place of a real one', async () => {
		// From now on: what comes in a later second than the start would not be found otherwise.
		await workflow.poll();
		simulator.subscribe({ copies: 0 });
		const sampled = (await workflow.poll('Poll', 'manual')) ?? [];
		expect((await workflow.dedupe(sampled)).map((output) => output.length)).toEqual([1, 0, 0]);
		expect((await workflow.dedupe(sampled)).map((output) => output.length)).toEqual([0, 1, 0]);
		const real = (await workflow.poll()) ?? [];
		expect(real.map(({ id }) => id)).toEqual(sampled.map(({ id }) => id));
		expect((await workflow.dedupe(real)).map((output) => output.length)).toEqual([1, 0, 0]);
	});
});
