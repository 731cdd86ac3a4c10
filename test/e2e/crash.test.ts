import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Health } from '../../lib';
import type { Contact } from '../simulator/simulator';
import { randomOf } from '../support/random';
import { Demo, type Workflow } from './harness/demo';
import { eventually } from './harness/eventually';
import { Receiver } from './harness/receiver';

/** An n8n that dies: at a moment that no chance would hit, and with its hands full. */
let demo: Demo;
const DEDUPE = 'n8n-nodes-hybrid-sync.syncDedupe';

const node = (name: string, type: string, parameters: object) =>
	({ id: name, name, type, typeVersion: 1, position: [0, 600], parameters }) as unknown as Workflow['nodes'][number];
const to = ({ name }: { name: string }) => [[{ node: name, type: 'main', index: 0 }]];

beforeAll(async () => {
	demo = await Demo.start({ folder: join(__dirname, '../../.demo', 'e2e-crash'), port: 5960 });
	// However slow this machine is.
	demo.simulator.webhooks.timeoutMs = 60_000;
});
afterAll(async () => {
	await demo.stop();
});

test('A4 n8n dies between storing an event and starting its execution: it is handed over after the restart, once', async () => {
	const workflow = demo.example();
	const id = await demo.n8n.addWorkflow(workflow);
	await demo.n8n.publish(id);
	const { simulator, sink } = demo;
	await demo.n8n.stop();
	await demo.startN8n({ NODE_OPTIONS: `--require ${join(__dirname, 'harness', 'die-after-answer.cjs')}` });
	simulator.webhooks.url = demo.webhookUrl(workflow);
	const contact = simulator.subscribe();
	await simulator.webhooks.idle();
	expect(simulator.webhooks.attempts.at(-1)).toMatchObject({ succeeded: true, attempt: 1 });
	await demo.n8n.kill();
	const select = `SELECT state, attempts FROM event WHERE subject = 'contacts/${contact.contactId}'`;
	expect(demo.queryLedger(select)).toEqual([{ state: 'handed', attempts: 0 }]);
	demo.endWaits();
	await demo.startN8n();
	await eventually(
		() => sink.callsFor(contact.email).length,
		(calls) => calls > 0,
	);
	await eventually(
		() => demo.queryLedger<{ state: string }>(select)[0]?.state,
		(state) => state === 'done',
	);
	expect(sink.callsFor(contact.email)).toHaveLength(1);
	expect(demo.queryLedger(select)).toEqual([{ state: 'done', attempts: 1 }]);
	expect((await demo.n8n.executions(id)).filter(({ status }) => status === 'crashed')).toEqual([]);
	await demo.n8n.unpublish(id);
});

test('H1 every figure of the health is what happened, although n8n was killed twice with executions at work', async () => {
	const receiver = await Receiver.start();
	const { simulator } = demo;
	const [random, chance] = [randomOf(7_919), randomOf(104_729)];
	const failure = node('Report', DEDUPE, { operation: 'reportFailure', failed: 'execution' });
	const errorWorkflow = await demo.n8n.addWorkflow({
		name: 'When an execution fails',
		nodes: [node('Error', 'n8n-nodes-base.errorTrigger', {}), failure],
		connections: { Error: { main: to(failure) } },
		settings: { executionOrder: 'v1' },
	});
	await demo.n8n.publish(errorWorkflow);
	const path = randomUUID();
	const workflow = demo.example((changed) => {
		const { nodes, connections } = changed;
		Object.assign(changed, { settings: { executionOrder: 'v1', errorWorkflow } });
		const step = nodes.find(({ name }) => name === 'Your Own Step');
		if (!step) throw new Error('The example has no step of that name any more.');
		const jsonBody =
			'={{ JSON.stringify({ email: $json.data.contact.email, path: $json.path, execution: $execution.id }) }}';
		Object.assign(step.parameters, { url: `${receiver.url}/step`, jsonBody });
		const tell = { ...step, id: 't', name: 'Tell', parameters: { ...step.parameters, url: `${receiver.url}/stopped` } };
		const ask = node('Ask', 'n8n-nodes-base.webhook', { path, responseMode: 'lastNode' });
		const get = node('Get the Health', DEDUPE, { resource: 'workflow', operation: 'getHealth' });
		nodes.push(tell, { ...ask, webhookId: randomUUID() }, get);
		connections['Ask'] = { main: to(get) };
		connections['Sync Dedupe'] = { main: [...to(step), ...to(tell)] };
	});
	const asked = simulator.requests.length;
	const tried = simulator.webhooks.attempts.length;
	const id = await demo.n8n.addWorkflow(workflow);
	await demo.n8n.publish(id);
	const url = demo.webhookUrl(workflow);
	/** As soon as the webhooks of this n8n are there. */
	const health = async (): Promise<Health> => {
		const answer = await eventually(
			async () => await fetch(`${demo.n8n.url}/webhook/${path}`),
			({ ok }) => ok,
		);
		return (await answer.json()) as Health;
	};

	const made: Contact[] = [];
	const late: Contact[] = [];
	/** Who a webhook is about, by its id. */
	const pushed = new Map<string, Contact>();
	const push = (contact: Contact, copies: number) =>
		pushed.set(simulator.webhooks.push(simulator.contactAdded(contact), { copies }), contact);
	let forged = 0;
	/** Ten contacts whose webhooks are lost, doubled and late among forged ones, and calls of which some are refused. */
	const happen = async (): Promise<void> => {
		simulator.webhooks.url = url;
		for (const contact of late.splice(0)) push(contact, 1);
		for (let count = 0; count < 10; count++) {
			const fate = random();
			const contact = simulator.contacts.add();
			made.push(contact);
			push(contact, fate < 0.4 ? 0 : fate < 0.7 ? 1 : 2);
			if (fate < 0.2) late.push(contact);
			if (random() < 0.3) {
				forged += 1;
				const answer = await fetch(url.replace(/secret=.*/, 'secret=guessed'), { method: 'POST', body: '{}' });
				expect(answer.status).toBe(401);
			}
			await simulator.webhooks.idle();
		}
		simulator.webhooks.url = undefined;
	};
	const called = (contact: Contact) => receiver.at('/step').filter(({ body }) => body['email'] === contact.email);
	const allCalled = async () =>
		await eventually(
			() => made.filter((contact) => called(contact).length === 0).length,
			(missing) => missing === 0,
		);
	/** Until what was asked and refused is counted: a kill takes away what is in memory for a minute at the most. */
	const allCounted = async () =>
		await eventually(
			health,
			({ cost, events }) => cost.requests === simulator.requests.length - asked && events.refused === forged,
		);

	for (let kill = 0; kill < 2; kill++) {
		receiver.refuses = () => chance() < 0.3;
		await happen();
		receiver.refuses = () => false;
		// These are at work as n8n dies.
		receiver.gate = new Promise(() => undefined);
		await happen();
		await allCalled();
		await allCounted();
		await demo.n8n.kill();
		receiver.gate = Promise.resolve();
		demo.endWaits();
		await demo.startN8n();
		await health();
	}
	await happen();
	const last = Date.now();
	await allCalled();
	// Polling reads those that a webhook brought as well, and each of them counts.
	await eventually(
		() => simulator.requests.some(({ path: read, at }) => read === '/contacts' && at > last + 1_000),
		(isRead) => isRead,
	);
	await eventually(
		() => demo.queryLedger(`SELECT seq FROM event WHERE stream LIKE '%/${id}' AND state <> 'done'`),
		(open) => open.length === 0,
	);

	const said = await allCounted();
	const executions = await demo.n8n.executions(id);
	expect(executions.length).toBeLessThan(100);
	const succeeded = new Set(executions.filter(({ status }) => status === 'success').map((execution) => execution.id));
	const passes = receiver.at('/step');
	const failed = passes.filter(({ body }) => !succeeded.has(String(body['execution']))).length;
	const polled = made.filter((contact) => called(contact)[0]?.body['path'] === 'poll');
	const delivered = simulator.webhooks.attempts.slice(tried).filter(({ succeeded: is }) => is);
	const webhookOf = (contact: Contact) => delivered.some(({ webhookId }) => pushed.get(webhookId) === contact);
	expect(said.events).toEqual({
		total: made.length,
		byWebhook: made.length - polled.length,
		recovered: polled.length,
		byPolling: 0,
		webhookLate: polled.filter(webhookOf).length,
		// Polling has read each of them as well.
		duplicatesStopped: delivered.length + receiver.at('/stopped').length,
		outOfDate: 0,
		refused: forged,
		reached: made.length,
		confirmed: made.length,
		failed,
		passedAgain: passes.length - made.length,
		replayed: 0,
		waiting: 0,
		retrying: 0,
		inProgress: 0,
		unconfirmed: 0,
		dead: 0,
		lost: 0,
		twice: 0,
	});
	expect(said.latency.webhook?.total?.count).toBe(made.length - polled.length);
	expect(said.latency.recovered?.total?.count).toBe(polled.length);
	expect(passes.length - made.length).toBe(failed);
	// Nothing above is true because nothing happened.
	for (const count of [polled.length, failed, forged, polled.filter(webhookOf).length])
		expect(count).toBeGreaterThan(0);
	expect(executions.filter(({ status }) => status === 'crashed').length).toBeGreaterThan(3);
	await receiver.close();
}, 900_000);
