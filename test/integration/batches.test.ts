import { Simulator } from '../simulator/simulator';
import { type Plan, SECRET, TestWorkflow, eventsOf, examplePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** Emit: In Batches, and the workflow around it. */

let simulator: Simulator;
beforeEach(async () => {
	simulator = await Simulator.start();
	// However slow this machine is.
	simulator.webhooks.timeoutMs = 60_000;
});
afterEach(async () => {
	await simulator.close();
});

function batchesWith(
	polling: Record<string, string | { maxEvents: number }>,
	changes: Partial<Plan> = {},
): TestWorkflow {
	const plan = examplePlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }, polling);
	const { Webhook, ...others } = plan.nodes;
	const parameters = { ...Webhook?.parameters, startExecutions: 'batches' };
	return new TestWorkflow({
		...plan,
		nodes: { Webhook: { type: Webhook?.type ?? '', parameters }, ...others },
		...changes,
	});
}

test('a burst of 250 deliveries becomes three executions, and every event passes once', async () => {
	const workflow = batchesWith({ provider: 'none', additionalOptions: { maxEvents: 100 } });
	const server = await workflow.serve();
	simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
	for (let index = 0; index < 250; index++) simulator.subscribe();
	await simulator.webhooks.idle();
	expect(simulator.webhooks.attempts.every(({ succeeded }) => succeeded)).toBe(true);
	expect(server.executions).toEqual([]);
	const sizes: number[] = [];
	const passed = new Set<string>();
	for (;;) {
		const events = await workflow.poll();
		if (!events) break;
		sizes.push(events.length);
		for (const { id } of eventsOf(await workflow.dedupe(events))) passed.add(id);
	}
	expect(sizes).toEqual([100, 100, 50]);
	expect(passed.size).toBe(250);
	await server.close();
});

test('it cannot be published without a Sync Polling Trigger that leads to the same node', async () => {
	await expect(batchesWith({}).publish()).resolves.toBe(true);
	const alone = batchesWith({}, { edges: { Webhook: ['Dedupe'], Dedupe: ['Step'] } });
	await expect(alone.publish()).rejects.toThrow('Put a Sync Polling Trigger beside this node');
	const elsewhere = batchesWith({}, { edges: { Webhook: ['Dedupe'], Poll: ['Step'], Dedupe: ['Step'] } });
	await expect(elsewhere.publish()).rejects.toThrow('In Batches');
});

test('redelivery only: nobody is asked, and what an execution lost comes again after its lease', async () => {
	const workflow = new TestWorkflow(
		examplePlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }, { provider: 'none' }),
	);
	const server = await workflow.serve();
	simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
	simulator.subscribe();
	await simulator.webhooks.idle();
	expect(server.executions).toHaveLength(1);
	expect(await workflow.poll()).toBeNull();
	fakeTimeOfDay();
	jest.setSystemTime(Date.now() + 6 * 60_000);
	try {
		expect((await workflow.poll())?.map(({ id }) => id)).toEqual(server.executions[0]?.map(({ id }) => id));
	} finally {
		jest.useRealTimers();
	}
	expect(simulator.requests).toEqual([]);
	await server.close();
});
