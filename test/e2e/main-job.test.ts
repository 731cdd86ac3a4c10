import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOUR } from '../../lib/base/time';
import { Demo, EXAMPLE_FILES, type Example, type Workflow } from './harness/demo';
import { eventually } from './harness/eventually';
import { isPortFree } from './harness/n8n';

/** A real n8n with the packed package installed, and the example workflows in it. */
let demo: Demo;
/** Which of the examples the tests use. */
let example: Example = 'Sync Trigger';
/** How far the provider's clock is ahead of this machine's: time that passes there, and not here. */
let clockAhead = 0;

beforeAll(async () => {
	let port = 5780;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	demo = await Demo.start({
		folder: join(__dirname, '../../.demo', `e2e-${port}`),
		port,
		clock: () => Date.now() + clockAhead,
	});
	// However slow this machine is.
	demo.simulator.webhooks.timeoutMs = 60_000;
});
afterAll(async () => {
	await demo.stop();
});

/** What a test has published must not get the events of the next one. */
const published: string[] = [];
afterEach(async () => {
	for (const id of published.splice(0)) await demo.n8n.unpublish(id);
});

async function publish(change?: (workflow: Workflow) => void): Promise<{ id: string; workflow: Workflow }> {
	const workflow = demo.example(change, example);
	const id = await demo.n8n.addWorkflow(workflow);
	published.push(id);
	await demo.n8n.publish(id);
	return { id, workflow };
}

const start =
	(from: 'now' | 'date' | 'everything', since = '') =>
	(workflow: Workflow) => {
		const poller = workflow.nodes.find(({ type }) => type.endsWith('.syncPollingTrigger'));
		const both = workflow.nodes.find(({ type }) => type.endsWith('.syncTrigger'));
		Object.assign(poller?.parameters ?? {}, { start: from, since });
		Object.assign(both?.parameters ?? {}, { additionalOptions: { start: from, since } });
	};

test('the credential is tested against the account, and a wrong key is refused', async () => {
	expect(await demo.testCredential()).toMatchObject({ status: 'OK' });
	const wrongKey = await demo.testCredential({ apiKey: 'wrong' });
	expect(wrongKey).toMatchObject({
		status: 'Error',
		message: expect.stringContaining('refused the API key') as string,
	});
	const noDomain = await demo.testCredential({ region: 'max-us' });
	expect(noDomain).toMatchObject({ status: 'Error', message: expect.stringContaining('needs its domain') as string });
});

/** What the ledger keeps of a contact's event. */
function rowOf(contactId: string): { state: string; attempts: number; reason: string | null } | undefined {
	const database = new DatabaseSync(demo.ledgerFile, { readOnly: true });
	try {
		const query = database.prepare('SELECT state, attempts, reason FROM event WHERE subject = ? ORDER BY seq DESC');
		return query.get(`contacts/${contactId}`) as ReturnType<typeof rowOf>;
	} finally {
		database.close();
	}
}

describe.each(Object.keys(EXAMPLE_FILES) as Example[])('with %s', (used) => {
	beforeAll(() => {
		example = used;
	});

	test('A1 50 identical deliveries at the same moment: 1 execution, 50 success answers', async () => {
		const { id, workflow } = await publish();
		demo.simulator.webhooks.url = demo.webhookUrl(workflow);
		const before = demo.simulator.webhooks.attempts.length;
		const contact = demo.simulator.subscribe({ copies: 50 });
		await demo.simulator.webhooks.idle();
		const attempts = demo.simulator.webhooks.attempts.slice(before);
		expect(attempts.filter(({ status, body }) => status === 200 && body === '{"status":"OK"}')).toHaveLength(50);
		await eventually(
			() => demo.sink.callsFor(contact.email).length,
			(calls) => calls >= 1,
		);
		await sleep(3_000);
		expect(demo.sink.callsFor(contact.email)).toHaveLength(1);
		expect((await demo.n8n.executions(id)).map(({ status }) => status)).toEqual(['success']);
		await demo.n8n.unpublish(id);
	});

	test('G2 every authentic delivery, new, repeated or filtered: 200 and exactly {"status":"OK"}; wrong secret: 4xx, not retried', async () => {
		const { id, workflow } = await publish();
		const { webhooks, contacts } = demo.simulator;
		const attemptsOf = async (url: string, type: string) => {
			webhooks.url = url;
			const webhookId = webhooks.push(demo.simulator.event(type, contacts.add()), { copies: 2 });
			await webhooks.idle();
			return webhooks.attempts.filter((attempt) => attempt.webhookId === webhookId);
		};
		const ok = expect.objectContaining({ status: 200, body: '{"status":"OK"}', attempt: 1 }) as unknown;
		expect(await attemptsOf(demo.webhookUrl(workflow), 'contact_added')).toEqual([ok, ok]);
		// The example takes contact_added alone.
		expect(await attemptsOf(demo.webhookUrl(workflow), 'contact_moved')).toEqual([ok, ok]);
		const refused = expect.objectContaining({ status: 401, body: '', attempt: 1 }) as unknown;
		expect(await attemptsOf(demo.webhookUrl(workflow, 'wrong'), 'contact_added')).toEqual([refused, refused]);
		expect((await demo.n8n.executions(id)).filter(({ mode }) => mode === 'webhook')).toHaveLength(1);
		await demo.n8n.unpublish(id);
	});

	test('G2 without a Sync Dedupe behind it, n8n sends the answer, and it is the same', async () => {
		const { id, workflow } = await publish((changed) => {
			const [trigger = ''] = Object.keys(changed.connections);
			changed.connections[trigger] = { main: [[{ node: 'Your Own Step', type: 'main', index: 0 }]] };
		});
		const { webhooks } = demo.simulator;
		webhooks.url = demo.webhookUrl(workflow);
		const before = webhooks.attempts.length;
		const contact = demo.simulator.subscribe();
		await webhooks.idle();
		expect(webhooks.attempts.slice(before)).toEqual([
			expect.objectContaining({ status: 200, body: '{"status":"OK"}' }),
		]);
		await eventually(
			() => demo.sink.callsFor(contact.email).length,
			(calls) => calls === 1,
		);
		const [event] = await eventually(
			() =>
				demo.queryLedger<{ state: string }>(`SELECT state FROM event WHERE subject = 'contacts/${contact.contactId}'`),
			([row]) => row?.state !== 'handed',
		);
		expect(event?.state).toBe('delivered');
		await demo.n8n.unpublish(id);
	});

	test('A2 G3 the same event at the same moment by push and by poll: 1 passes; a dropped push is recovered once', async () => {
		const { id, workflow } = await publish();
		demo.simulator.webhooks.url = demo.webhookUrl(workflow);
		const polls = () => demo.simulator.requests.filter(({ path }) => path === '/contacts').length;
		const both: string[] = [];
		// Publishing again polls at once, so the push can be made to meet it.
		for (let round = 0; round < 5; round++) {
			await demo.n8n.unpublish(id);
			const contact = demo.simulator.contacts.add();
			both.push(contact.email);
			await Promise.all([
				demo.n8n.publish(id),
				eventually(polls, (count) => count > 0).then(async () => {
					// The webhook answers 404 until publishing is through; GetResponse would not retry that.
					await sleep(100 * round);
					demo.simulator.webhooks.push(demo.simulator.contactAdded(contact));
				}),
			]);
			await demo.simulator.webhooks.idle();
		}
		const dropped = demo.simulator.subscribe({ copies: 0 });
		await eventually(
			() => demo.sink.callsFor(dropped.email).length,
			(calls) => calls >= 1,
		);
		const after = polls();
		await eventually(polls, (count) => count > after);
		await sleep(2_000);
		for (const email of both) expect(demo.sink.callsFor(email)).toHaveLength(1);
		expect(demo.sink.callsFor(dropped.email)).toMatchObject([{ foundBy: 'poll' }]);
		// Confirmed by the example's last node.
		const open = demo.queryLedger(`SELECT state FROM event WHERE stream LIKE '%/${id}' AND state <> 'done'`);
		expect(open).toEqual([]);
		await demo.n8n.unpublish(id);
	});

	test('C9 first run: from now takes nothing old, since a date takes what is newer, everything takes all, each once', async () => {
		const now = Date.now();
		const old = Array.from({ length: 120 }, (_, index) =>
			demo.simulator.contacts.add({ createdOn: now - (3_600 + 120 - index) * 1_000 }),
		);
		const since = new Date(old[100]?.createdOn ?? 0).toISOString();
		const callsOf = (emails: string[], from: number) =>
			demo.sink.calls.slice(from).filter(({ email }) => emails.includes(email)).length;
		const emails = old.map(({ email }) => email);

		let from = demo.sink.calls.length;
		const fresh = await publish(start('now'));
		await sleep(5_000);
		expect(callsOf(emails, from)).toBe(0);
		await demo.n8n.unpublish(fresh.id);

		from = demo.sink.calls.length;
		const dated = await publish(start('date', since));
		await eventually(
			() => callsOf(emails, from),
			(calls) => calls >= 20,
		);
		await sleep(2_000);
		expect(callsOf(emails.slice(100), from)).toBe(20);
		expect(callsOf(emails.slice(0, 100), from)).toBe(0);
		await demo.n8n.unpublish(dated.id);

		from = demo.sink.calls.length;
		const total = demo.simulator.contacts.all().length;
		const all = await publish(start('everything'));
		await eventually(
			() => demo.sink.calls.length - from,
			(calls) => calls >= total,
			200_000,
		);
		await sleep(2_000);
		expect(demo.sink.calls.length - from).toBe(total);
		expect(new Set(demo.sink.calls.slice(from).map(({ email }) => email)).size).toBe(total);
		await demo.n8n.unpublish(all.id);
	});

	test('A3 a failed execution is reported by the error workflow, and its event passes again: attempt 2, same key', async () => {
		const errorWorkflow = await demo.n8n.addWorkflow({
			name: 'When something fails',
			nodes: [
				{
					id: 'e1',
					name: 'Error Trigger',
					type: 'n8n-nodes-base.errorTrigger',
					typeVersion: 1,
					position: [0, 0],
					parameters: {},
				},
				{
					id: 'e2',
					name: 'Report Failure',
					type: 'n8n-nodes-hybrid-sync.syncDedupe',
					typeVersion: 1,
					position: [200, 0],
					parameters: { operation: 'reportFailure', failed: 'execution' },
				},
			],
			connections: { 'Error Trigger': { main: [[{ node: 'Report Failure', type: 'main', index: 0 }]] } },
			settings: { executionOrder: 'v1' },
		});
		await demo.n8n.publish(errorWorkflow);
		const { id, workflow } = await publish((example) => {
			Object.assign(example, { settings: { executionOrder: 'v1', errorWorkflow } });
			// A way to bring failed events back at once, and not only after their pause.
			example.nodes.push(
				{
					id: 'r1',
					name: 'Ask for a Replay',
					type: 'n8n-nodes-base.webhook',
					typeVersion: 2,
					position: [0, 600],
					parameters: { path: 'replay', httpMethod: 'POST', responseMode: 'lastNode' },
				} as never,
				{
					id: 'r2',
					name: 'Replay',
					type: 'n8n-nodes-hybrid-sync.syncDedupe',
					typeVersion: 1,
					position: [200, 600],
					parameters: { resource: 'event', operation: 'replay', which: 'filter', filters: { states: ['failed'] } },
				} as never,
			);
			example.connections['Ask for a Replay'] = { main: [[{ node: 'Replay', type: 'main', index: 0 }]] };
		});
		demo.simulator.webhooks.url = demo.webhookUrl(workflow);
		demo.sink.failures = 1;
		const contact = demo.simulator.subscribe();
		const found = await eventually(
			() => rowOf(contact.contactId),
			(row) => row?.state === 'received',
		);
		expect(found).toMatchObject({ attempts: 1, reason: expect.stringMatching(/500|service|error/i) as string });
		expect(demo.sink.callsFor(contact.email)).toHaveLength(0);
		const replay = await fetch(`${demo.n8n.url}/webhook/replay`, { method: 'POST' });
		expect(await replay.json()).toMatchObject({ found: 1, replayed: 1 });
		await eventually(
			() => demo.sink.callsFor(contact.email).length,
			(calls) => calls === 1,
		);
		await eventually(
			() => rowOf(contact.contactId),
			(row) => row?.state === 'done',
		);
		expect(rowOf(contact.contactId)).toMatchObject({ attempts: 2 });
		await demo.n8n.unpublish(id);
		await demo.n8n.unpublish(errorWorkflow);
	});

	test('A16 "Retry execution" runs under a new id, and its Confirm finishes what the failed one had let through', async () => {
		const { id, workflow } = await publish();
		demo.simulator.webhooks.url = demo.webhookUrl(workflow);
		demo.sink.failures = 1;
		const contact = demo.simulator.subscribe();
		const [failed] = await eventually(
			async () => await demo.n8n.executions(id),
			(executions) => executions[0]?.status === 'error',
		);
		expect(rowOf(contact.contactId)).toMatchObject({ state: 'claimed', attempts: 1 });
		await demo.n8n.rest('POST', `/executions/${failed?.id}/retry`, { loadWorkflow: false });
		await eventually(
			() => rowOf(contact.contactId),
			(row) => row?.state === 'done',
		);
		expect(rowOf(contact.contactId)).toMatchObject({ attempts: 1 });
		expect(demo.sink.callsFor(contact.email)).toHaveLength(1);
		await demo.n8n.unpublish(id);
	});

	test('C11 6 hours without n8n, and the provider has given up after its tries: everything comes, once, marked recovered', async () => {
		const { workflow } = await publish();
		const { simulator, sink } = demo;
		simulator.webhooks.url = demo.webhookUrl(workflow);
		const before = simulator.subscribe();
		await eventually(
			() => sink.callsFor(before.email).length,
			(calls) => calls === 1,
		);
		await demo.n8n.kill();
		const attempts = simulator.webhooks.attempts.length;
		const usual = simulator.webhooks.retryDelays;
		simulator.webhooks.retryDelays = [10, 20, 30];
		const meanwhile = [1, 2, 3, 4, 5, 6].map(() => {
			clockAhead += HOUR;
			return simulator.subscribe();
		});
		await simulator.webhooks.idle();
		simulator.webhooks.retryDelays = usual;
		expect(simulator.webhooks.attempts.slice(attempts)).toHaveLength(4 * 6);
		await demo.startN8n();
		await eventually(
			() => meanwhile.filter(({ email }) => sink.callsFor(email).length > 0).length,
			(found) => found === 6,
		);
		await sleep(2_000);
		for (const { email } of [before, ...meanwhile]) expect(sink.callsFor(email)).toHaveLength(1);
		const subjects = meanwhile.map(({ contactId }) => `'contacts/${contactId}'`).join();
		const rows = demo.queryLedger<{ recovered: number }>(`SELECT recovered FROM event WHERE subject IN (${subjects})`);
		expect(rows.map(({ recovered }) => recovered)).toEqual([1, 1, 1, 1, 1, 1]);
	});
});

test('publishing without a webhook secret says what to do', async () => {
	const type = 'hybridSyncGetResponseApi';
	const id = await demo.n8n.addCredential('No secret', type, { ...demo.credential(), webhookSecret: '' });
	const failing = publish((workflow) => {
		for (const node of workflow.nodes) if (node.credentials?.[type]) node.credentials[type].id = id;
	});
	await expect(failing).rejects.toThrow(
		/https?:\/\/\S+\/webhook\/\S+\?secret=(\S{32}) is the URL to enter .*made at random, .* enter \1 as the Webhook Secret/,
	);
});

/** What the ledger knows of the trigger of a workflow. */
const nodesOf = (id: string) =>
	demo.queryLedger<{ role: string; url: string; expects: string; retired_at: number | null }>(
		`SELECT role, url, expects, retired_at FROM node WHERE workflow LIKE '%/${id}' ORDER BY role`,
	);

test('V14 V9 listening for a test event: a pushed payload is shown as pushed, and the published webhook stays as it was', async () => {
	example = 'Sync Trigger';
	const { id, workflow } = await publish();
	const before = nodesOf(id);
	expect(before.map(({ role, url }) => [role, url.includes('/webhook/')])).toEqual([
		['pull', false],
		['push', true],
	]);
	const trigger = 'Sync Trigger';
	const listening = await demo.n8n.rest<{ waitingForWebhook?: boolean }>('POST', `/workflows/${id}/run`, {
		workflowData: await demo.n8n.rest('GET', `/workflows/${id}`),
		destinationNode: { nodeName: trigger, mode: 'inclusive' },
		triggerToStartFrom: { name: trigger },
	});
	expect(listening).toMatchObject({ waitingForWebhook: true });
	demo.simulator.webhooks.url = demo.webhookUrl(workflow).replace('/webhook/', '/webhook-test/');
	const contact = demo.simulator.subscribe();
	await demo.simulator.webhooks.idle();
	const [run] = await eventually(
		async () => await demo.n8n.executions(id),
		(executions) => executions[0]?.status === 'success' && executions[0].mode === 'manual',
	);
	const { data } = await demo.n8n.rest<{ data: string }>('GET', `/executions/${run?.id}`);
	expect(data).toContain(`contacts/${contact.contactId}`);
	// n8n keeps the values of a run in a flat list.
	expect(JSON.parse(data)).toContain('webhook');
	expect(demo.queryLedger(`SELECT seq FROM event WHERE subject = 'contacts/${contact.contactId}'`)).toEqual([]);
	expect(nodesOf(id)).toEqual(before);
	await demo.n8n.unpublish(id);
	await eventually(
		() => nodesOf(id).find(({ role }) => role === 'push')?.retired_at,
		(retired) => typeof retired === 'number',
	);
});

test('V14 a workflow whose webhook cannot be published leaves nothing behind: no request is answered, nothing is expected', async () => {
	const type = 'hybridSyncGetResponseApi';
	const credential = await demo.n8n.addCredential('Short secret', type, {
		...demo.credential(),
		webhookSecret: 'short',
	});
	const workflow = demo.example((changed) => {
		for (const node of changed.nodes) if (node.credentials?.[type]) node.credentials[type].id = credential;
	});
	const id = await demo.n8n.addWorkflow(workflow);
	await expect(demo.n8n.publish(id)).rejects.toThrow('is the URL to enter');
	await demo.n8n.unpublish(id).catch(() => undefined);
	const response = await fetch(demo.webhookUrl(workflow), { method: 'POST', body: '{}' });
	expect(response.status).toBe(404);
	expect(nodesOf(id).filter(({ role }) => role === 'push')).toEqual([]);
});
