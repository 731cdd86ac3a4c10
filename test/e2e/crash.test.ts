import { join } from 'node:path';
import { Demo } from './harness/demo';
import { eventually } from './harness/eventually';

/** An n8n that dies at a moment that no chance would hit. */
let demo: Demo;

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
});
