import type { SyncEvent } from '../../lib';
import { DAY, MINUTE, factsQuery, healthOf, openLedger, writeRefusals } from '../../lib';
import { DEFAULT_TARGETS } from '../../lib/health/health';
import { type Contact, Simulator } from '../simulator/simulator';
import { randomOf } from '../support/random';
import { SECRET, TestWorkflow, type WebhookServer, confirmingPlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/*
 * Four hours of an account whose webhooks are dropped, doubled and late, among forged ones, and of executions that fail, die
 * and take too long. Every figure of the health is held against what the simulator did and what the workflow was given.
 */

let simulator: Simulator;
let server: WebhookServer;
let workflow: TestWorkflow;
beforeEach(async () => {
	fakeTimeOfDay();
	simulator = await Simulator.start({
		clock: () => Date.now(),
		limits: { perSecond: Infinity, per10Minutes: Infinity },
	});
	simulator.webhooks.retryDelays = [0, 0, 0];
	simulator.webhooks.timeoutMs = 120_000;
	const plan = confirmingPlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } });
	workflow = new TestWorkflow({
		...plan,
		nodes: {
			...plan.nodes,
			Fail: { type: 'n8n-nodes-hybrid-sync.syncDedupe', parameters: { operation: 'reportFailure' } },
		},
	});
	server = await workflow.serve();
	await workflow.publish();
	await workflow.poll();
	simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
});
afterEach(async () => {
	await server.close();
	await simulator.close();
	jest.useRealTimers();
});

/** What was done, as the simulator and the workflow saw it. */
class Truth {
	readonly contacts: Contact[] = [];
	readonly byWay = new Map<string, Set<'webhook' | 'poll'>>();
	readonly first = new Map<string, SyncEvent>();
	forged = 0;
	stopped = 0;
	passes = 0;
	confirmed = 0;
	failed = 0;
	died = 0;
}

test.each([1, 2])('H1 every figure is what the simulator and the workflow saw (run %d)', async (seed) => {
	const random = randomOf(seed * 7_919);
	const truth = new Truth();
	let executions = 0;
	let given = 0;

	/** Runs what was given to the workflow, and lets some of it fail or die. */
	const execute = async (events: readonly SyncEvent[]) => {
		if (events.length === 0) return;
		for (const event of events) if (!truth.first.has(event.id)) truth.first.set(event.id, event);
		const execution = `x${++executions}`;
		const [passed = [], duplicates = []] = await workflow.dedupe(events, { execution });
		truth.passes += passed.length;
		truth.stopped += duplicates.length;
		if (passed.length === 0) return;
		const fate = random();
		if (fate < 0.1) {
			// Killed: nobody confirms, and the time to confirm runs out.
			truth.died += passed.length;
		} else if (fate < 0.2) {
			truth.failed += passed.length;
			await workflow.dedupe([{}], { node: 'Fail', execution });
		} else {
			truth.confirmed += passed.length;
			await workflow.dedupe([{}], { node: 'Confirm', execution });
		}
	};
	const tick = async (minutes = 1) => {
		jest.setSystemTime(Date.now() + minutes * MINUTE);
		await execute((await workflow.poll()) ?? []);
		await simulator.webhooks.idle();
		const started = server.executions.slice(given);
		given = server.executions.length;
		for (const events of started) await execute(events);
	};

	const late: { contact: Contact; at: number }[] = [];
	const waysOf = ({ contactId }: Contact) => {
		const ways = truth.byWay.get(contactId) ?? new Set();
		truth.byWay.set(contactId, ways);
		return ways;
	};
	let webhooks = 0;
	for (let minute = 0; minute < 240; minute++) {
		if (random() < 0.4) {
			const fate = random();
			const copies = fate < 0.2 || fate > 0.85 ? 0 : fate < 0.35 ? 2 : 1;
			const contact = simulator.subscribe({ copies });
			truth.contacts.push(contact);
			webhooks += copies;
			if (copies > 0) waysOf(contact).add('webhook');
			if (fate > 0.85) late.push({ contact, at: minute + 45 });
		}
		for (const { contact } of late.filter(({ at }) => at === minute)) {
			simulator.webhooks.push(simulator.contactAdded(contact));
			webhooks += 1;
			waysOf(contact).add('webhook');
		}
		if (random() < 0.1) {
			truth.forged += 1;
			const forged = await fetch(`${server.url}?secret=guessed`, { method: 'POST', body: '{}' });
			expect(forged.status).toBe(401);
		}
		await tick();
	}
	// Until nothing is left to do; in these hours nothing new happens.
	for (let times = 0; times < 100; times++) await tick(10);

	const stream = truth.first.values().next().value?.stream ?? '';
	await writeRefusals(stream);
	const ledger = await openLedger();
	const options = { periodMs: 2 * DAY, targets: DEFAULT_TARGETS };
	const health = healthOf(await ledger.facts(stream, factsQuery(options)), options);

	const firsts = [...truth.first.values()];
	const polledFirst = firsts.filter((event) => event.path === 'poll');
	const recovered = polledFirst.length;
	const lateFirst = polledFirst.filter(({ subject }) =>
		truth.contacts.some((contact) => subject === `contacts/${contact.contactId}` && waysOf(contact).has('webhook')),
	).length;
	const delivered = simulator.webhooks.attempts.filter(({ succeeded }) => succeeded).length;
	expect(delivered).toBe(webhooks);
	const asked = simulator.requests.length;
	// Every contact came by polling as well, because it is read either way.
	const bothWays = [...truth.byWay.values()].filter((ways) => ways.has('webhook')).length;
	const repeatedWebhooks = webhooks - bothWays;
	expect(health.events).toEqual({
		total: truth.contacts.length,
		byWebhook: truth.contacts.length - recovered,
		recovered,
		byPolling: 0,
		webhookLate: lateFirst,
		duplicatesStopped: repeatedWebhooks + bothWays + truth.stopped,
		outOfDate: 0,
		refused: truth.forged,
		reached: truth.contacts.length,
		confirmed: truth.contacts.length,
		failed: truth.failed + truth.died,
		passedAgain: truth.passes - truth.contacts.length,
		replayed: 0,
		waiting: 0,
		retrying: 0,
		inProgress: 0,
		unconfirmed: 0,
		dead: 0,
		lost: 0,
		twice: 0,
	});
	expect(truth.confirmed).toBe(truth.contacts.length);
	expect(new Set(firsts.map(({ subject }) => subject)).size).toBe(truth.contacts.length);
	expect(health.cost.requests).toBe(asked);
	expect(health.refused.map(({ reason, count }) => [reason, count])).toEqual([['mismatch', truth.forged]]);
	expect(health.latency.webhook?.total?.count).toBe(truth.contacts.length - recovered);
	expect(health.latency.recovered?.total?.count).toBe(recovered);
	// Nothing above is true because nothing happened.
	for (const count of [recovered, truth.failed, truth.died, truth.forged, repeatedWebhooks])
		expect(count).toBeGreaterThan(3);
});
