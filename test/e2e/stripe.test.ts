import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAY } from '../../lib/base/time';
import { type EndpointObject, type StripeEvent, StripeSimulator } from '../simulator/stripe/stripe';
import { Demo, type Workflow } from './harness/demo';
import { eventually } from './harness/eventually';
import { isPortFree } from './harness/n8n';

/** A Stripe account in a real n8n with the packed package installed: webhooks are registered by API, and polling finds the rest. */
const CREDENTIAL = 'hybridSyncStripeApi';
const TRIGGER = 'Sync Trigger';
let demo: Demo;
let stripe: StripeSimulator;
let credentialId: string;

beforeAll(async () => {
	let port = 5920;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	demo = await Demo.start({ folder: join(__dirname, '../../.demo', `e2e-${port}`), port });
	stripe = await StripeSimulator.start({
		limits: { perSecond: Infinity, perEndpoint: Infinity },
		retryDelays: [500, 1_000, 2_000],
	});
	// However slow this machine is.
	stripe.webhooks.timeoutMs = 120_000;
	credentialId = await demo.n8n.addCredential('Stripe', CREDENTIAL, {
		apiKey: stripe.secretKey,
		apiUrl: `http://127.0.0.1:${stripe.port}`,
		webhookSecret: '',
	});
});
afterAll(async () => {
	await demo.stop();
	await stripe.close();
});

/** What a test has published must not get the events of the next one. */
const published: string[] = [];
afterEach(async () => {
	for (const id of published.splice(0)) await demo.n8n.unpublish(id);
});

/** Trigger, Sync Dedupe, a step that calls the sink, and Confirm. */
function stripeWorkflow(options: object = {}): Workflow {
	return demo.example((workflow) => {
		for (const node of workflow.nodes) {
			if (node.name === TRIGGER) {
				node.parameters = {
					pollTimes: { item: [{ mode: 'everyMinute' }] },
					provider: 'stripe',
					events: [],
					additionalOptions: { cadence: 'fixed', everyMinutes: 1, maxEvents: 5_000, ...options },
				};
				node.credentials = { [CREDENTIAL]: { id: credentialId, name: 'Stripe' } };
			}
			if (node.name === 'Your Own Step') {
				node.parameters['jsonBody'] =
					'={{ JSON.stringify({ email: $json.subject, foundBy: $json.path + " " + $json.attempt }) }}';
				// A batch takes a while, so that n8n can be killed meanwhile.
				node.parameters['options'] = { batching: { batch: { batchSize: 10, batchInterval: 100 } } };
			}
		}
	});
}

/** Stripe gives times as whole seconds, so polling that begins now finds all that happened in this second. */
async function nextSecond(): Promise<void> {
	await sleep(1_000 - (Date.now() % 1_000));
}

async function publish(options: object = {}): Promise<string> {
	const id = await demo.n8n.addWorkflow(stripeWorkflow(options));
	published.push(id);
	await nextSecond();
	await demo.n8n.publish(id);
	return id;
}

let charges = 0;
/** A charge of its own for each event, so that its subject names the event. */
const charge = () => ({ id: `ch_${++charges}`, object: 'charge' });
const subjectOf = ({ data }: StripeEvent) => `charge/${(data.object as { id: string }).id}`;

/** What the step of a workflow was called with. */
interface Pass {
	readonly subject: string;
	readonly key: string;
	readonly path: string;
	readonly attempt: number;
}
function passes(): Pass[] {
	return demo.sink.calls.map(({ email, foundBy, idempotencyKey }) => {
		const [path = '', attempt] = foundBy.split(' ');
		return { subject: email, key: idempotencyKey, path, attempt: Number(attempt) };
	});
}
const passesOf = (event: StripeEvent) => passes().filter(({ subject }) => subject === subjectOf(event));

function notPassed(events: readonly StripeEvent[]): StripeEvent[] {
	const passed = new Set(passes().map(({ subject }) => subject));
	return events.filter((event) => !passed.has(subjectOf(event)));
}

/** Sends one more event and waits until it has passed: whatever a delivery before it was to start has started. */
async function settle(): Promise<StripeEvent> {
	await stripe.idle();
	const last = stripe.happen('charge.succeeded', charge());
	await eventually(
		() => passesOf(last).length,
		(count) => count > 0,
	);
	return last;
}

interface Row {
	readonly subject: string;
	readonly path: string;
	readonly state: string;
	readonly attempts: number;
	readonly recovered: number;
	readonly passed_at: number | null;
}
const rowsOf = (id: string) =>
	demo.queryLedger<Row>(
		`SELECT subject, path, state, attempts, recovered, passed_at FROM event WHERE stream LIKE '%/${id}'`,
	);

const shown = () => stripe.endpoints.all().map((endpoint) => structuredClone(endpoint.shown));
const isOurs = ({ metadata }: EndpointObject) => 'hybrid_sync' in metadata;
const ours = () => shown().filter(isOurs);
const foreign = () => shown().filter((endpoint) => !isOurs(endpoint));

function median(values: readonly number[]): string {
	const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
	return `${middle ?? '–'} ms (median of ${values.length})`;
}

test('A1 50 identical deliveries at the same moment: 1 execution, 50 success answers', async () => {
	const id = await publish();
	const event = stripe.happen('charge.succeeded', charge(), { copies: 50 });
	await settle();
	const attempts = stripe.attempts.filter(({ eventId }) => eventId === event.id);
	expect(attempts).toHaveLength(50);
	expect(attempts.filter(({ status, attempt }) => status === 200 && attempt === 1)).toHaveLength(50);
	expect(passesOf(event)).toMatchObject([{ attempt: 1 }]);
	const executions = await eventually(
		async () => await demo.n8n.executions(id),
		(all) => all.every(({ status }) => status === 'success'),
	);
	// One is that of the event that settled it.
	expect(executions).toHaveLength(1 + 1);
});

test('V12 everything that Stripe still has comes once, up to 30 days back', async () => {
	const daysOld = (days: number) =>
		stripe.happen('charge.succeeded', charge(), { createdAt: Date.now() - days * DAY, copies: 0 });
	const expired = daysOld(31);
	const old = [29, 20, 10, 1].map(daysOld);
	const before = stripe.events.size;
	const id = await publish({ start: 'everything' });
	await eventually(
		() => old.filter((event) => passesOf(event).length > 0).length,
		(count) => count === old.length,
	);
	await settle();
	for (const event of old) expect(passesOf(event)).toMatchObject([{ path: 'poll', attempt: 1 }]);
	expect(passesOf(expired)).toEqual([]);
	// All but the expired one, and the one that settled it.
	expect(rowsOf(id)).toHaveLength(before - 1 + 1);
});

describe('V7 the webhook at Stripe', () => {
	beforeAll(() => {
		const { url } = demo.n8n;
		// None of them is sent anything.
		const enabled_events = ['topup.reversed'];
		stripe.listen({ url: 'https://shop.example.com/stripe', enabled_events });
		stripe.listen({ url: `${url}/webhook/of-another-workflow/sync`, enabled_events, metadata: { by: 'somebody' } });
	});

	test('V7 one after each publishing, also of a renamed node, and none after unpublishing; foreign ones stay', async () => {
		const others = foreign();
		expect(others).toHaveLength(2);
		const id = await publish();
		const [first, ...more] = ours();
		expect(more).toEqual([]);
		expect(first).toMatchObject({
			status: 'enabled',
			enabled_events: ['*'],
			url: expect.stringContaining('/webhook/') as string,
		});

		const { name, nodes, connections, versionId } = await demo.n8n.rest<Workflow & { versionId: string }>(
			'GET',
			`/workflows/${id}`,
		);
		const renamed = JSON.parse(
			JSON.stringify({ name, nodes, connections, versionId }).replaceAll(`"${TRIGGER}"`, '"Payments"'),
		) as object;
		await demo.n8n.rest('PATCH', `/workflows/${id}`, renamed);
		await demo.n8n.publish(id);
		expect(ours()).toMatchObject([{ status: 'enabled', url: first?.url, metadata: first?.metadata }]);
		const event = stripe.happen('charge.succeeded', charge());
		await eventually(
			() => passesOf(event).length,
			(count) => count > 0,
		);
		await stripe.idle();
		expect(stripe.attempts.filter(({ eventId }) => eventId === event.id)).toMatchObject([{ status: 200 }]);

		await demo.n8n.unpublish(id);
		await eventually(ours, (left) => left.length === 0);
		await demo.n8n.publish(id);
		expect(ours()).toHaveLength(1);
		await demo.n8n.unpublish(id);
		await eventually(ours, (left) => left.length === 0);
		expect(foreign()).toEqual(others);
	});

	test('V7 without the right to register, publishing fails and names it, and leaves nothing; with it, it works', async () => {
		const others = foreign();
		stripe.state.rights.delete('webhooks_write');
		const id = await demo.n8n.addWorkflow(stripeWorkflow());
		published.push(id);
		try {
			await expect(demo.n8n.publish(id)).rejects.toThrow('"Webhook Endpoints, Event Destinations: Write"');
			expect(shown()).toEqual(others);
		} finally {
			stripe.state.rights.add('webhooks_write');
		}
		await demo.n8n.publish(id);
		expect(ours()).toHaveLength(1);
		await settle();
		await demo.n8n.unpublish(id);
		await eventually(shown, (left) => left.length === others.length);
		expect(foreign()).toEqual(others);
	});
});

describe('V9 listening for a test event in the editor', () => {
	async function listen(id: string): Promise<void> {
		const listening = await demo.n8n.rest('POST', `/workflows/${id}/run`, {
			workflowData: await demo.n8n.rest('GET', `/workflows/${id}`),
			destinationNode: { nodeName: TRIGGER, mode: 'inclusive' },
			triggerToStartFrom: { name: TRIGGER },
		});
		expect(listening).toMatchObject({ waitingForWebhook: true });
	}
	const secretOf = (endpoint?: EndpointObject) => stripe.endpoints.find(endpoint?.id ?? '')?.secrets;

	test('V9 has a webhook of its own at Stripe, which goes when it is cancelled; the published one stays as it was', async () => {
		const id = await publish();
		const before = shown();
		const [live] = ours();
		const secret = secretOf(live);
		await listen(id);
		const [temporary, ...more] = shown().filter((endpoint) => !before.some((other) => other.id === endpoint.id));
		expect(more).toEqual([]);
		expect(temporary).toMatchObject({ status: 'enabled', url: expect.stringContaining('/webhook-test/') as string });
		expect(shown().filter((endpoint) => endpoint.id !== temporary?.id)).toEqual(before);
		await demo.n8n.rest('DELETE', `/test-webhook/${id}`);
		await eventually(shown, (left) => left.length === before.length);
		expect(shown()).toEqual(before);
		expect(secretOf(live)).toEqual(secret);
		await settle();
	});

	test('V9 an event meanwhile is shown in the editor and passes in the published workflow; then the webhook goes', async () => {
		const id = await publish();
		const before = shown();
		await listen(id);
		const event = stripe.happen('charge.succeeded', charge());
		const isTest = ({ mode, status }: { mode: string; status: string }) => mode === 'manual' && status === 'success';
		const runs = await eventually(
			async () => await demo.n8n.executions(id),
			(all) => all.some(isTest),
		);
		const { data } = await demo.n8n.rest<{ data: string }>('GET', `/executions/${runs.find(isTest)?.id}`);
		expect(data).toContain(event.id);
		// n8n keeps the values of a run in a flat list.
		expect(JSON.parse(data)).toContain('webhook');
		await eventually(shown, (left) => left.length === before.length);
		expect(shown()).toEqual(before);
		await settle();
		expect(passesOf(event)).toMatchObject([{ attempt: 1 }]);
	});
});

/** How an event gets to n8n: `late` is pushed only after polling has found it. */
type Way = 'plain' | 'dropped' | 'doubled' | 'late';
const COPIES = { plain: 1, dropped: 0, doubled: 2, late: 0 } as const;

/** What happens at Stripe, in ways that take turns. */
class Traffic {
	readonly events: StripeEvent[] = [];
	private readonly at = new Map<string, number>();
	private late: StripeEvent[] = [];

	constructor(private readonly ways: readonly Way[]) {}

	/** @param mostUnderWay of what was pushed; then it is waited for, so that n8n always has some to do and never too much */
	async go(count: number, mostUnderWay = Infinity): Promise<void> {
		let underWay: StripeEvent[] = [];
		for (let index = 0; index < count; index++) {
			const way = this.ways[this.events.length % this.ways.length] ?? 'plain';
			const event = stripe.happen('charge.succeeded', charge(), { copies: COPIES[way] });
			this.events.push(event);
			this.at.set(subjectOf(event), Date.now());
			if (way === 'late') this.late.push(event);
			if (COPIES[way] > 0) underWay.push(event);
			await sleep(randomInt(10));
			if (underWay.length < mostUnderWay) continue;
			underWay = await eventually(
				() => notPassed(underWay),
				({ length }) => length < mostUnderWay / 2,
			);
		}
	}

	/** Pushes what is late, and found by polling. */
	pushLate(id: string): void {
		const found = new Set(rowsOf(id).map(({ subject }) => subject));
		const isFound = (event: StripeEvent) => found.has(subjectOf(event));
		for (const event of this.late.filter(isFound)) stripe.resend(event);
		this.late = this.late.filter((event) => !isFound(event));
	}

	/** How many events have not passed yet, or are not pushed yet. */
	missing(): number {
		return notPassed(this.events).length + this.late.length;
	}

	/** Milliseconds from each of these events until it passed. */
	took(rows: readonly Row[]): number[] {
		return rows.map(({ subject, passed_at: passedAt }) => (passedAt ?? 0) - (this.at.get(subject) ?? 0));
	}
}

test('from an event to its execution: measured, pushed one after another', async () => {
	const id = await publish();
	const traffic = new Traffic(['plain']);
	for (let index = 0; index < 25; index++) {
		await traffic.go(1);
		await eventually(
			() => traffic.missing(),
			(missing) => missing === 0,
		);
	}
	const rows = rowsOf(id);
	expect(rows).toHaveLength(25);
	console.log(`From event to execution, pushed one after another: ${median(traffic.took(rows))}`);
});

const EVENTS = 2_000;
/** 20 % dropped, 20 % doubled, 10 % late. */
const WAYS = [
	...['plain', 'dropped', 'doubled', 'plain', 'late'],
	...['plain', 'dropped', 'plain', 'doubled', 'plain'],
] as readonly Way[];
/** By default n8n makes an isolate for each execution, which takes longer than all else that this workflow does. */
const FAST = { N8N_EXPRESSION_ENGINE: 'legacy' };

/** Waits until some events of a batch that polling has found have reached the step, and the batch is not confirmed. */
async function inTheMiddleOfABatch(id: string, traffic: Traffic): Promise<void> {
	await eventually(
		() => {
			const reached = new Set(passes().map(({ subject }) => subject));
			const isBegun = rowsOf(id).some(
				({ subject, path, state }) => path === 'poll' && state === 'claimed' && reached.has(subject),
			);
			// Or the batch was through before we looked.
			return isBegun || notPassed(traffic.events).length === 0;
		},
		(isThere) => isThere,
	);
}

test('A14 A2 V12 2,000 events, 20 % dropped, 20 % doubled, 10 % later than the poll, three kills: none lost, a second pass only where the first was not confirmed', async () => {
	const id = await publish();
	const [webhook] = ours();
	const traffic = new Traffic(WAYS);
	/** What had passed and was not confirmed when n8n was killed. */
	const open = new Set<string>();
	for (let kill = 1; kill <= 3; kill++) {
		// n8n has what polling has found in one batch after each start: the second kill hits it.
		if (kill === 2) await inTheMiddleOfABatch(id, traffic);
		else await traffic.go(kill === 1 ? randomInt(50, 100) : randomInt(500, 700), 20);
		await demo.n8n.kill();
		for (const { subject, state } of rowsOf(id)) if (state === 'claimed') open.add(subject);
		const away = kill === 3 ? EVENTS - traffic.events.length : 400;
		await traffic.go(away - 150);
		demo.endWaits();
		await Promise.all([demo.startN8n(FAST), traffic.go(150)]);
		traffic.pushLate(id);
	}
	await eventually(
		() => {
			traffic.pushLate(id);
			return traffic.missing();
		},
		(missing) => missing === 0,
	);
	traffic.events.push(await settle());
	const rows = await eventually(
		() => rowsOf(id),
		(all) => all.every(({ state }) => state === 'done'),
	);

	// Both paths are one event.
	expect(rows.map(({ subject }) => subject).toSorted()).toEqual(traffic.events.map(subjectOf).toSorted());
	const bySubject = Map.groupBy(passes(), ({ subject }) => subject);
	const keys = new Set<string>();
	let again = 0;
	for (const event of traffic.events) {
		const subject = subjectOf(event);
		const own = bySubject.get(subject) ?? [];
		const [key, ...otherKeys] = new Set(own.map((pass) => pass.key));
		expect(otherKeys).toEqual([]);
		keys.add(key ?? '');
		const attempts = own.map(({ attempt }) => attempt);
		expect(attempts).toEqual([...new Set(attempts)].toSorted((a, b) => a - b));
		if (attempts.length > 1) again += 1;
		if (attempts.some((attempt) => attempt > 1)) expect(open).toContain(subject);
		else expect(attempts).toEqual([1]);
	}
	expect(keys.size).toBe(traffic.events.length);
	expect(ours()).toEqual([webhook]);

	const first = rows.filter(({ attempts }) => attempts === 1);
	const pushed = first.filter(({ path }) => path === 'webhook');
	const recovered = first.filter((row) => row.recovered === 1);
	console.log(
		[
			`${traffic.events.length} events, ${stripe.attempts.length} deliveries, 3 kills:`,
			`${open.size} not confirmed at a kill, ${again} called the step a second time;`,
			`first by webhook ${rows.filter(({ path }) => path === 'webhook').length}, by poll ${rows.filter(({ path }) => path === 'poll').length};`,
			`from event to execution: pushed, under load, ${median(traffic.took(pushed))}, recovered ${median(traffic.took(recovered))}`,
		].join('\n'),
	);
}, 600_000);
