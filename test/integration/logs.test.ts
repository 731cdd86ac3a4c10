import { Logger } from '@n8n/backend-common';
import { Container } from '@n8n/di';
import type { SyncEvent } from '../../lib';
import { Simulator } from '../simulator/simulator';
import { SECRET, TestWorkflow, type WebhookServer, confirmingPlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** One line for each decision, with what joins the lines of one event; nothing secret in them. */

let simulator: Simulator;
let server: WebhookServer;
let workflow: TestWorkflow;
const lines: { message: string; fields: Record<string, unknown> }[] = [];
beforeEach(async () => {
	fakeTimeOfDay();
	lines.length = 0;
	jest.spyOn(Container.get(Logger), 'debug').mockImplementation((message, fields = {}) => {
		lines.push({ message, fields: fields });
	});
	simulator = await Simulator.start({ clock: () => Date.now() });
	workflow = new TestWorkflow(confirmingPlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }));
	server = await workflow.serve();
	await workflow.publish();
	await workflow.poll();
	simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
});
afterEach(async () => {
	await server.close();
	await simulator.close();
	jest.restoreAllMocks();
	jest.useRealTimers();
});

const decisions = () => lines.filter(({ fields }) => typeof fields['outcome'] === 'string');

test('an event is followed from its arrival to its end by its id and its correlation id', async () => {
	simulator.subscribe({ copies: 1 });
	await simulator.webhooks.idle();
	const [[event] = []] = server.executions;
	const { requestId } = simulator.webhooks.attempts[0] ?? {};
	await workflow.dedupe([event as SyncEvent], { execution: 'e' });
	await workflow.dedupe([event as SyncEvent], { execution: 'f' });
	await workflow.dedupe([{}], { node: 'Confirm', execution: 'e' });
	const told = decisions().map(({ message, fields: { outcome, node, event: id, correlationid } }) => ({
		message,
		outcome,
		node,
		id,
		correlationid,
	}));
	const common = { id: event?.id, correlationid: requestId };
	expect(told).toEqual(
		[
			{ message: 'Sync Webhook Trigger: new', outcome: 'new', node: 'Webhook', ...common },
			{ message: 'Sync Dedupe: passed', outcome: 'passed', node: 'Dedupe', ...common },
			{ message: 'Sync Dedupe: duplicate', outcome: 'duplicate', node: 'Dedupe', ...common },
			{ message: 'Sync Dedupe: confirmed', outcome: 'confirmed', node: 'Confirm' },
		].map((line) => ({ id: undefined, correlationid: undefined, ...line })),
	);
	for (const { fields } of decisions()) {
		expect(fields['durationMs']).toBeGreaterThanOrEqual(0);
		expect(fields['stream']).toBe(event?.stream);
	}
});

test('what polling finds is told with the correlation id of its poll', async () => {
	simulator.subscribe({ copies: 0 });
	jest.setSystemTime(Date.now() + 15 * 60_000);
	const [event] = (await workflow.poll()) ?? [];
	expect(decisions().map(({ fields }) => fields)).toMatchObject([
		{ outcome: 'handed-over', node: 'Poll', event: event?.id, correlationid: event?.correlationid, recovered: true },
	]);
});

test('S10 no line holds a secret, and none what is in an event', async () => {
	simulator.subscribe({}, { email: 'ann@secret.example', name: 'Ann Secret' });
	await simulator.webhooks.idle();
	await workflow.dedupe(server.executions[0] ?? [], { execution: 'e' });
	const text = JSON.stringify(lines);
	expect(lines.length).toBeGreaterThan(3);
	for (const secret of [SECRET, simulator.apiKey, 'ann@secret.example', 'Ann Secret'])
		expect(text).not.toContain(secret);
});

test('what passes stands on the execution and in its trace: of a batch its number and its first event', async () => {
	simulator.subscribe();
	simulator.subscribe();
	await simulator.webhooks.idle();
	const events = server.executions.flat();
	const { customData, metadata } = await workflow.dedupeWithNotes(events, 'e');
	expect(customData).toEqual({
		syncEvent: events[0]?.id,
		syncCorrelation: events[0]?.correlationid,
		syncEvents: '2',
	});
	expect(metadata).toMatchObject({
		tracing: { syncEvent: events[0]?.id, syncType: 'getresponse.contact_added', syncAttempt: '1' },
	});
	const again = await workflow.dedupeWithNotes(events, 'f');
	expect(again.customData).toEqual({});
});
