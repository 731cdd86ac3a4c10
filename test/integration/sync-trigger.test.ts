import { request } from 'undici';
import { HOUR, MINUTE, openLedger } from '../../lib';
import { streamOf } from '../../nodes/ledger/ledger';
import { type Contact, Simulator } from '../simulator/simulator';
import { type Plan, SECRET, TestWorkflow, type WebhookServer, eventsOf, examplePlan, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** What only a node that both receives and polls has to get right; what holds for every trigger is tested with the pair. */

let simulator: Simulator;
let servers: WebhookServer[] = [];
beforeEach(async () => {
	simulator = await Simulator.start();
	simulator.webhooks.timeoutMs = 60_000;
});
afterEach(async () => {
	for (const server of servers) await server.close();
	servers = [];
	await simulator.close();
	jest.useRealTimers();
});

const credential = () => ({ apiKey: simulator.apiKey, apiUrl: simulator.apiUrl });
const workflowWith = (parameters = {}, changes: Partial<Plan> = {}) =>
	new TestWorkflow(oneNodePlan({ credential: credential(), ...changes }, parameters));

async function serve(
	workflow: TestWorkflow,
	options: Parameters<TestWorkflow['serve']>[0] = {},
): Promise<WebhookServer> {
	const server = await workflow.serve(options);
	servers.push(server);
	return server;
}

async function deliver(server: WebhookServer, contact: Contact, id: string = crypto.randomUUID(), secret = SECRET) {
	const body = JSON.stringify(simulator.contactAdded(contact));
	const url = `${server.url}?secret=${secret}`;
	const response = await request(url, { method: 'POST', headers: { 'x-webhook-id': id }, body });
	return { status: response.statusCode, type: response.headers['content-type'], body: await response.body.text() };
}

const subjectOf = ({ contactId }: Contact) => `contacts/${contactId}`;
const subjects = (events: readonly { subject?: string | undefined }[] | null) =>
	(events ?? []).map(({ subject }) => subject);

async function nodesOf(workflow: TestWorkflow, node = 'Sync') {
	const ledger = await openLedger();
	const stream = streamOf(contextOf(workflow, node));
	// A node that is not there: it only asks what the ledger knows of the workflow.
	const asking = { stream, node: 'x', role: 'pull', workflow: stream, name: 'x', provider: '' } as const;
	return (await ledger.meetNode(asking)).filter((row) => row.node !== 'x');
}

function contextOf(workflow: TestWorkflow, node: string) {
	return {
		getNode: () => workflow.node(node),
		getWorkflow: () => ({ id: workflow.workflow.id, active: true }),
		getInstanceId: () => workflow.instanceId(),
		getMode: () => 'trigger' as const,
	};
}

test('A1 50 identical deliveries at the same moment: one execution, 50 success answers', async () => {
	const workflow = workflowWith();
	await workflow.publish();
	await workflow.poll();
	const server = await serve(workflow);
	const contact = simulator.contacts.add();
	const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(server, contact, 'w1')));
	expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 {"status":"OK"}']));
	expect(server.executions).toHaveLength(1);
	expect(server.failures).toEqual([]);
});

test('A2 G3 the same event at the same moment by push and by poll passes once', async () => {
	const workflow = workflowWith();
	await workflow.publish();
	await workflow.poll();
	const server = await serve(workflow);
	const contact = simulator.contacts.add();
	const [, polled] = await Promise.all([deliver(server, contact), workflow.poll()]);
	const all = [...server.executions.flat(), ...(polled ?? [])];
	const passed: unknown[] = [];
	for (const event of all) passed.push(...eventsOf(await workflow.dedupe([event])));
	expect(passed).toHaveLength(1);
	expect(await workflow.poll()).toBeNull();
});

test('A3 A18 what n8n never got is redelivered by the node itself, and not before its lease is over', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	await workflow.publish();
	await workflow.poll();
	const server = await serve(workflow);
	const contact = simulator.contacts.add();
	await deliver(server, contact);
	// The execution came to nothing.
	expect(server.executions).toHaveLength(1);
	jest.setSystemTime(Date.now() + 4 * MINUTE);
	expect(await workflow.poll()).toBeNull();
	jest.setSystemTime(Date.now() + 2 * MINUTE);
	const redelivered = await workflow.poll();
	expect(redelivered).toMatchObject([{ subject: subjectOf(contact), path: 'webhook', recovered: false }]);
	expect(eventsOf(await workflow.dedupe(redelivered ?? []))).toHaveLength(1);
});

test('A16 without a Sync Dedupe next: n8n sends the answer, exactly as the provider wants it', async () => {
	const workflow = workflowWith({}, { edges: { Sync: ['Step'] } });
	await workflow.publish();
	const server = await serve(workflow);
	const contact = simulator.contacts.add();
	expect(await deliver(server, contact)).toEqual({
		status: 200,
		type: 'application/json; charset=utf-8',
		body: '{"status":"OK"}',
	});
	expect(subjects(server.executions.flat())).toEqual([subjectOf(contact)]);
});

test('C11 a dropped push is found by polling, marked recovered', async () => {
	const workflow = workflowWith();
	await workflow.publish();
	await workflow.poll();
	const contact = simulator.contacts.add({ createdOn: Date.now() + 1_000 });
	expect(await workflow.poll()).toMatchObject([{ subject: subjectOf(contact), path: 'poll', recovered: true }]);
});

describe('V4 what push should have brought', () => {
	test.each([
		['the type is let in', ['contact_added', 'contact_moved'], true],
		['all types are let in', [], true],
	])('%s: what polling finds is recovered', async (_case, events, recovered) => {
		const workflow = workflowWith({ events });
		await workflow.publish();
		await workflow.poll();
		simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		expect(await workflow.poll()).toMatchObject([{ recovered }]);
	});

	test('the trigger of the pair lets other types in only: what polling finds is not recovered, and push stays healthy', async () => {
		const plan = examplePlan({ credential: credential() });
		const webhook = plan.nodes['Webhook'];
		if (webhook) webhook.parameters = { provider: 'getresponse', events: ['contact_moved'] };
		const workflow = new TestWorkflow(plan);
		await workflow.publish();
		await workflow.poll();
		const contact = simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		const server = await serve(workflow);
		// Its webhook comes, and the filter drops it.
		expect(await deliver(server, contact)).toMatchObject({ status: 200, body: '{"status":"OK"}' });
		expect(server.executions).toEqual([]);
		expect(await workflow.poll()).toMatchObject([{ subject: subjectOf(contact), recovered: false }]);
		const ledger = await openLedger();
		expect(await ledger.pathActivity(streamOf(contextOf(workflow, 'Poll')))).not.toHaveProperty('recoveredAt');
	});

	test('a type that is let in later counts from then on, and one that was let in all the time from the beginning', async () => {
		fakeTimeOfDay();
		const plan = (events: string[]) =>
			examplePlan({ id: 'w-types', credential: credential() }, { start: 'everything' }, { events });
		await new TestWorkflow(plan(['contact_moved'])).publish();
		const early = simulator.contacts.add({ createdOn: Date.now() });
		jest.setSystemTime(Date.now() + HOUR);
		const later = new TestWorkflow(plan(['contact_moved', 'contact_added']));
		await later.publish();
		const late = simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		const found = await later.poll();
		expect(found?.map(({ subject, recovered }) => [subject, recovered])).toEqual([
			[subjectOf(late), true],
			[subjectOf(early), false],
		]);
		const [push] = (await nodesOf(later, 'Webhook')).filter(({ role }) => role === 'push');
		const since = JSON.parse(push?.expects ?? '{}') as Record<string, number>;
		expect((since['getresponse.contact_added'] ?? 0) - (since['getresponse.contact_moved'] ?? 0)).toBe(HOUR);
	});

	test('events that cannot be polled for are not polled for: nothing is asked', async () => {
		const workflow = workflowWith({ events: ['contact_moved'] });
		await workflow.publish();
		expect(await workflow.poll()).toBeNull();
		expect(simulator.requests).toEqual([]);
	});
});

describe('V14 published, edited, unpublished', () => {
	test('an event that push lost while n8n published a change is recovered; one from a time without a webhook is not', async () => {
		fakeTimeOfDay();
		const workflow = workflowWith();
		await workflow.publish();
		await workflow.poll();
		const change = async (pauseMs: number) => {
			const lost = simulator.contacts.add({ createdOn: Date.now() });
			await workflow.hook('delete');
			jest.setSystemTime(Date.now() + pauseMs);
			await workflow.publish();
			const found = (await workflow.poll())?.find(({ subject }) => subject === subjectOf(lost));
			return found?.recovered;
		};
		jest.setSystemTime(Date.now() + HOUR);
		expect(await change(2_000)).toBe(true);
		expect(await change(HOUR)).toBe(false);
	});

	test('the ledger cannot be used while it is unpublished: n8n removes the webhook all the same', async () => {
		const workflow = workflowWith({ stream: 'orders' });
		expect(await workflow.hook('delete')).toBe(true);
	});

	test('one node has both roles in the ledger, with a URL while it is published', async () => {
		const workflow = workflowWith();
		await Promise.all([workflow.publish(), workflow.poll()]);
		const rows = await nodesOf(workflow);
		expect(rows.map(({ role }) => role).sort()).toEqual(['pull', 'push']);
		expect(rows.find(({ role }) => role === 'push')).toMatchObject({
			url: expect.stringContaining('sync') as string,
			expects: expect.stringContaining('"getresponse.contact_added"') as string,
		});
		await workflow.hook('delete');
		expect((await nodesOf(workflow)).find(({ role }) => role === 'push')?.retired_at).toEqual(expect.any(Number));
	});

	test('a new name, and whatever else makes n8n delete and create it: cursor, stream and events on the way stay', async () => {
		const id = 'w-renamed';
		const before = workflowWith({}, { id });
		await before.publish();
		await before.poll();
		const server = await serve(before);
		const [pushed, missed] = [simulator.contacts.add(), simulator.contacts.add({ createdOn: Date.now() + 1_000 })];
		await deliver(server, pushed);
		await before.hook('delete');
		const { nodes } = oneNodePlan();
		const plan: Partial<Plan> = {
			id,
			nodes: { ...nodes, Contacts: { ...(nodes['Sync'] ?? { type: '' }), id: 'Sync-id' } },
			edges: { Contacts: ['Dedupe'], Dedupe: ['Step'] },
		};
		delete plan.nodes?.['Sync'];
		const after = workflowWith({}, plan);
		await after.publish('Contacts');
		expect(subjects(await after.poll('Contacts'))).toEqual([subjectOf(missed)]);
		// What was pushed before is known.
		expect(eventsOf(await after.dedupe(server.executions.flat()))).toHaveLength(1);
		expect((await nodesOf(after, 'Contacts')).map(({ name }) => name)).toEqual(['Contacts', 'Contacts']);
	});

	test('the webhook fails to publish, and polling goes on: nothing is expected by push, nothing is lost', async () => {
		const workflow = workflowWith({}, { credential: { ...credential(), webhookSecret: 'short' } });
		await expect(workflow.publish()).rejects.toThrow('is the URL to enter');
		// n8n undoes a publishing that failed.
		await workflow.hook('delete');
		expect(await workflow.poll()).toBeNull();
		simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		expect(await workflow.poll()).toMatchObject([{ recovered: false }]);
		expect((await nodesOf(workflow)).filter(({ role, url }) => role === 'push' && url !== '')).toEqual([]);
	});

	test('polling fails to publish, and the webhook lives: it receives, and polling begins once it can', async () => {
		const workflow = workflowWith();
		await workflow.publish();
		simulator.fail({ status: 401, times: 2 });
		await expect(workflow.poll()).rejects.toThrow('Check the API key');
		const server = await serve(workflow);
		const contact = simulator.contacts.add();
		await deliver(server, contact);
		expect(subjects(server.executions.flat())).toEqual([subjectOf(contact)]);
		expect(await workflow.poll()).toBeNull();
		const missed = simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		expect(subjects(await workflow.poll())).toContain(subjectOf(missed));
	});

	test('two of them in one workflow each bring what they are for; one event of both passes once', async () => {
		const { nodes } = oneNodePlan();
		const second = {
			...(nodes['Sync'] ?? { type: '' }),
			parameters: { provider: 'getresponse', events: ['contact_moved'] },
		};
		const workflow = workflowWith(
			{},
			{
				nodes: { ...nodes, Other: second },
				edges: { Sync: ['Dedupe'], Other: ['Dedupe'], Dedupe: ['Step'] },
			},
		);
		await workflow.publish('Sync');
		await workflow.publish('Other');
		expect(await workflow.poll('Sync')).toBeNull();
		expect(await workflow.poll('Other')).toBeNull();
		const contact = simulator.contacts.add();
		const id = crypto.randomUUID();
		const both = [await serve(workflow, { node: 'Sync' }), await serve(workflow, { node: 'Other' })] as const;
		for (const server of both) expect(await deliver(server, contact, id)).toMatchObject({ status: 200 });
		expect(both.map(({ executions }) => executions.length)).toEqual([1, 0]);
		// Each redelivers its own.
		expect(await workflow.poll('Other')).toBeNull();
	});

	test('a copy in another workflow gets each event too, and begins for itself', async () => {
		const original = workflowWith({}, { id: 'w-original' });
		const copy = workflowWith({}, { id: 'w-copy' });
		for (const workflow of [original, copy]) {
			await workflow.publish();
			await workflow.poll();
		}
		const contact = simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		for (const workflow of [original, copy]) {
			const events = (await workflow.poll()) ?? [];
			expect(subjects(eventsOf(await workflow.dedupe(events)))).toEqual([subjectOf(contact)]);
		}
	});

	test('in batches it stores and answers, and its own tick starts the execution', async () => {
		const workflow = workflowWith({ additionalOptions: { startExecutions: 'batches' } });
		await workflow.publish();
		await workflow.poll();
		const server = await serve(workflow);
		const contacts = Array.from({ length: 5 }, () => simulator.contacts.add());
		for (const contact of contacts) expect(await deliver(server, contact)).toMatchObject({ status: 200 });
		expect(server.executions).toEqual([]);
		expect(subjects(await workflow.poll()).sort()).toEqual(contacts.map(subjectOf).sort());
	});

	test('a polling trigger that leads to the same next node leaves to it what it redelivers itself', async () => {
		fakeTimeOfDay();
		const { nodes } = oneNodePlan();
		const workflow = workflowWith(
			{},
			{
				nodes: {
					...nodes,
					Redelivery: { type: 'n8n-nodes-hybrid-sync.syncPollingTrigger', parameters: { provider: 'none' } },
				},
				edges: { Sync: ['Dedupe'], Redelivery: ['Dedupe'], Dedupe: ['Step'] },
			},
		);
		await workflow.publish();
		await workflow.poll('Sync');
		const server = await serve(workflow);
		await deliver(server, simulator.contacts.add());
		jest.setSystemTime(Date.now() + 10 * MINUTE);
		expect(await workflow.poll('Redelivery')).toBeNull();
		expect(await workflow.poll('Sync')).toHaveLength(1);
	});
});

describe('what is set wrong', () => {
	test('I1 a wrong option, event or provider keeps nothing from being redelivered, and is told of', async () => {
		fakeTimeOfDay();
		const id = 'w-wrong';
		const right = workflowWith({}, { id });
		await right.publish();
		await right.poll();
		const server = await serve(right);
		for (const wrong of [
			{ additionalOptions: { maxEvents: 'many' } },
			{ events: 'contact_added' },
			{ events: ['order_created'] },
			{ provider: 'gone' },
		]) {
			const contact = simulator.contacts.add();
			await deliver(server, contact);
			jest.setSystemTime(Date.now() + 6 * MINUTE);
			const set = workflowWith(wrong, { id });
			const redelivered = await set.poll();
			expect(subjects(redelivered)).toEqual([subjectOf(contact)]);
			await set.dedupe(redelivered ?? []);
			// An error beside events would start no execution, so it is told of with the next try.
			jest.setSystemTime(Date.now() + 16 * MINUTE);
			await expect(set.poll()).rejects.toThrow(/is not a number|is not a list|None of the chosen|There is no provider/);
		}
	});

	test('I3 a stranger gets a bare 401 and starts nothing, also where the events are set wrong; an authentic sender is to come again', async () => {
		const workflow = workflowWith({ events: 'contact_added' });
		const server = await serve(workflow);
		const contact = simulator.contacts.add();
		expect(await deliver(server, contact, 'w', 'wrong')).toMatchObject({ status: 401, body: '' });
		expect(await deliver(server, contact, 'w')).toMatchObject({ status: 429 });
		expect(server.failures).toEqual([]);
		expect(server.executions).toEqual([]);
	});

	test('a Sync Trigger that is switched off: its events go by the polling trigger that is left, and its cursor stays', async () => {
		fakeTimeOfDay();
		const id = 'w-off';
		const { nodes } = oneNodePlan();
		const planOf = (disabled: boolean): Partial<Plan> => ({
			id,
			nodes: {
				...nodes,
				Sync: { ...(nodes['Sync'] ?? { type: '' }), disabled },
				Redelivery: { type: 'n8n-nodes-hybrid-sync.syncPollingTrigger', parameters: { provider: 'none' } },
			},
			edges: { Sync: ['Dedupe'], Redelivery: ['Dedupe'], Dedupe: ['Step'] },
		});
		const on = workflowWith({}, planOf(false));
		await on.publish();
		await on.poll('Sync');
		const server = await serve(on);
		const contact = simulator.contacts.add();
		await deliver(server, contact);
		const off = workflowWith({}, planOf(true));
		jest.setSystemTime(Date.now() + 10 * MINUTE);
		expect(subjects(await off.poll('Redelivery'))).toEqual([subjectOf(contact)]);
		jest.setSystemTime(Date.now() + 40 * 24 * HOUR);
		await off.poll('Redelivery');
		const ledger = await openLedger();
		expect(await ledger.hasCursor(streamOf(contextOf(off, 'Sync')), 'Sync-id')).toBe(true);
	});
});

describe('V14 in the editor', () => {
	test('a delivery that comes while the editor listens is shown as it was pushed, once; then the newest row; nothing is stored', async () => {
		const workflow = workflowWith();
		const server = await serve(workflow, { mode: 'manual' });
		const [polled, pushed] = [simulator.contacts.add({ createdOn: Date.now() - HOUR }), simulator.contacts.add()];
		expect(await deliver(server, pushed)).toMatchObject({ status: 200, body: '{"status":"OK"}' });
		// n8n throws away what the webhook brought, and polls.
		expect(await workflow.poll('Sync', 'manual')).toMatchObject([{ subject: subjectOf(pushed), path: 'webhook' }]);
		const shown = await workflow.poll('Sync', 'manual');
		expect(shown?.map(({ path }) => path)).toEqual(['poll', 'poll']);
		expect(subjects(shown)).toContain(subjectOf(polled));
		expect(await nodesOf(workflow)).toEqual([]);
		const ledger = await openLedger();
		expect((await ledger.lookUp(streamOf(contextOf(workflow, 'Sync')), {}, { limit: 5 })).events).toEqual([]);
	});

	test('a request with a wrong secret is refused, and the editor says why', async () => {
		const workflow = workflowWith();
		const server = await serve(workflow, { mode: 'manual' });
		const contact = simulator.contacts.add();
		expect((await deliver(server, contact, 'w', 'wrong')).status).toBe(500);
		expect(server.failures).toMatchObject([
			{
				message:
					'A webhook arrived and was refused. The signature, or the secret in the URL, does not match the secret in the credential.',
				description: expect.stringContaining('copy it again') as string,
			},
		]);
		expect(await workflow.poll('Sync', 'manual')).toMatchObject([{ path: 'poll' }]);
	});

	test('listening for a test event leaves the published webhook as it was', async () => {
		const workflow = workflowWith();
		await workflow.publish();
		const before = await nodesOf(workflow);
		await workflow.hook('checkExists', 'Sync', 'manual', true);
		// n8n removes it in a mode of its own, and says only by the URL that it was a test.
		await workflow.hook('delete', 'Sync', 'internal', true);
		expect(await nodesOf(workflow)).toEqual(before);
		await workflow.hook('delete', 'Sync', 'internal');
		expect(await nodesOf(workflow)).not.toEqual(before);
	});
});
