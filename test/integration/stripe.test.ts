import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { DAY, HOUR, MINUTE, type SyncEvent, openLedger } from '../../lib';
import { StripeSimulator } from '../simulator/stripe/stripe';
import { type Plan, TestWorkflow, type WebhookServer, eventsOf, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay, until } from './support/time';

/** Stripe, both paths, through the real nodes: only n8n's server and scheduler are played. */

let stripe: StripeSimulator;
let servers: WebhookServer[] = [];
beforeEach(async () => {
	stripe = await StripeSimulator.start({
		clock: () => Date.now(),
		limits: { perSecond: Infinity, perEndpoint: Infinity },
		retryDelays: [20, 40, 80],
	});
});
afterEach(async () => {
	for (const server of servers) await server.close();
	servers = [];
	await stripe.close();
	jest.useRealTimers();
});

const credential = (changes: Record<string, string> = {}) => ({
	apiKey: stripe.secretKey,
	apiUrl: stripe.apiUrl.replace(/\/v1$/, ''),
	webhookSecret: '',
	...changes,
});

function workflowWith(parameters: Plan['nodes'][string]['parameters'] = {}, changes: Partial<Plan> = {}): TestWorkflow {
	return new TestWorkflow(oneNodePlan({ credential: credential(), ...changes }, { provider: 'stripe', ...parameters }));
}

/** A second workflow beside the first. */
async function serve(workflow: TestWorkflow, options: Parameters<TestWorkflow['serve']>[0] = {}) {
	const server = await workflow.serve(options);
	servers.push(server);
	return server;
}

async function published(workflow: TestWorkflow): Promise<WebhookServer> {
	const server = await serve(workflow);
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

const idOf = ({ data }: { data?: unknown }) => (data as { id: string }).id;
const pushed = (server: WebhookServer) => server.executions.flat().map(idOf);
const ours = () => stripe.endpoints.all().filter(({ shown }) => Object.keys(shown.metadata).length > 0);
const statuses = () => stripe.attempts.map(({ status }) => status);

test('V7 publishing registers a webhook, and registers it once', async () => {
	const foreign = stripe.listen({ url: 'https://127.0.0.1:9/foreign', enabled_events: ['charge.failed'] });
	const workflow = workflowWith({ events: ['invoice.*', 'charge.refunded'] });
	const server = await published(workflow);
	const [endpoint, ...others] = ours();
	expect(others).toEqual([]);
	expect(endpoint?.shown.url.startsWith(server.url)).toBe(true);
	expect(endpoint?.shown.enabled_events).toEqual(expect.arrayContaining(['invoice.paid', 'charge.refunded']));
	expect(endpoint?.shown.enabled_events).not.toContain('customer.created');
	await workflow.publish();
	await workflow.publish();
	expect(ours().map(({ shown }) => shown.id)).toEqual([endpoint?.shown.id]);
	const event = stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
	stripe.happen('customer.created');
	await stripe.idle();
	expect(pushed(server)).toEqual([event.id]);
	expect(server.executions[0]?.[0]).toMatchObject({
		type: 'stripe.invoice.paid',
		subject: 'invoice/in_1',
		path: 'webhook',
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/stripe/event/${event.api_version}/1`,
	});
	expect(statuses()).toEqual([200]);
	await workflow.hook('delete');
	expect(ours()).toEqual([]);
	expect(stripe.endpoints.get(foreign.shown.id)).toBeDefined();
});

test('V7 publishing and the first tick at once, in two processes, leave one webhook', async () => {
	const workflow = workflowWith();
	await serve(workflow);
	stripe.state.latencyMs = 5;
	await Promise.all([workflow.publish(), workflow.poll(), workflow.publish(), workflow.publish()]);
	expect(ours()).toHaveLength(1);
});

test('V7 a rename, which n8n makes an unpublishing and a publishing of, leaves one webhook that works', async () => {
	const workflow = workflowWith();
	const server = await published(workflow);
	await workflow.hook('delete');
	await workflow.publish();
	expect(ours()).toHaveLength(1);
	const event = stripe.happen('invoice.paid');
	await stripe.idle();
	expect(pushed(server)).toEqual([event.id]);
});

test('V7 an answer that is lost after the webhook was made, and publishing again, leave one that works', async () => {
	const workflow = workflowWith();
	const server = await serve(workflow);
	stripe.fail({ status: 'reset', method: 'POST', path: 'webhook_endpoints', isDone: true });
	await expect(workflow.publish()).rejects.toThrow('cannot be reached');
	expect(ours()).toHaveLength(1);
	await workflow.publish();
	expect(ours()).toHaveLength(1);
	const event = stripe.happen('invoice.paid');
	await stripe.idle();
	expect(pushed(server)).toEqual([event.id]);
});

test.each([
	[
		'removed',
		(id: string) => {
			stripe.endpoints.remove(id);
		},
		'had been removed there, and was made anew',
	],
	[
		'switched off',
		(id: string) => stripe.endpoints.change(id, { status: 'disabled' }),
		'had been disabled there, and was set right',
	],
	[
		'told to send other events',
		(id: string) => stripe.endpoints.change(id, { enabled_events: ['charge.failed'] }),
		'had been changed there, and was set right',
	],
])(
	'V7 a webhook that was %s is healed by polling within the hour, and that is said once',
	async (_what, harm, said) => {
		fakeTimeOfDay();
		const workflow = workflowWith();
		const server = await published(workflow);
		harm(ours()[0]?.shown.id ?? '');
		const lost = stripe.happen('invoice.created');
		await stripe.idle();
		expect(await ticks(workflow, 70 * MINUTE)).toEqual([lost.id]);
		expect(ours()).toHaveLength(1);
		const event = stripe.happen('invoice.paid');
		await stripe.idle();
		expect(pushed(server)).toEqual([event.id]);
		expect(await ticks(workflow, 3 * HOUR, server)).toEqual([event.id]);
		expect(workflow.warnings.filter((text) => text.includes(said))).toHaveLength(1);
	},
);

test('V7 while the API is down nobody is told, and when a right is missing one person is, once a day', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	await published(workflow);
	stripe.endpoints.change(ours()[0]?.shown.id ?? '', { status: 'disabled' });
	stripe.fail({ status: 503, path: 'webhook_endpoints', times: 1 });
	expect(await ticks(workflow, 65 * MINUTE)).toEqual([]);
	expect(workflow.warnings.filter((text) => text.includes('could not be looked after'))).toHaveLength(1);
	stripe.state.rights.delete('webhooks_write');
	await expect(ticks(workflow, 2 * HOUR)).rejects.toThrow('"Webhook Endpoints, Event Destinations: Write"');
	expect(await ticks(workflow, 20 * HOUR, undefined, 15 * MINUTE)).toEqual([]);
	stripe.state.rights.add('webhooks_write');
	await ticks(workflow, HOUR);
	expect(ours()[0]?.shown.status).toBe('enabled');
});

test('V7 two workflows with one account each have their own', async () => {
	const [one, other] = [workflowWith(), workflowWith()];
	const [first, second] = [await published(one), await published(other)];
	expect(ours()).toHaveLength(2);
	const event = stripe.happen('invoice.paid');
	await stripe.idle();
	expect([pushed(first), pushed(second)]).toEqual([[event.id], [event.id]]);
	await one.hook('delete');
	expect(ours()).toHaveLength(1);
	expect(ours()[0]?.shown.url.startsWith(second.url)).toBe(true);
});

test('V8 a secret that is shown once survives a restart and is nowhere in clear text', async () => {
	const workflow = workflowWith();
	await published(workflow);
	const [secret = ''] = ours()[0]?.secrets ?? [];
	expect(secret).toMatch(/^whsec_/);
	const folder = join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync');
	const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
	expect(files.some((bytes) => bytes.includes(workflow.workflow.id))).toBe(true);
	expect(files.some((bytes) => bytes.includes(secret) || bytes.includes(secret.slice(6)))).toBe(false);
	// Another process knows only what the ledger has kept.
	await (await openLedger()).close();
	const restarted = new TestWorkflow(
		oneNodePlan({ credential: credential(), id: workflow.workflow.id }, { provider: 'stripe' }),
	);
	const server = await serve(restarted);
	stripe.endpoints.change(ours()[0]?.shown.id ?? '', { url: `${server.url}/x/sync` });
	const event = stripe.happen('invoice.paid');
	await stripe.idle();
	expect(pushed(server)).toEqual([event.id]);
});

test('V8 a changed key makes a new subscription at the next tick; until then senders are asked to come again', async () => {
	fakeTimeOfDay();
	const data = credential();
	const workflow = workflowWith({}, { credential: data });
	const server = await published(workflow);
	const [before] = ours();
	data['apiKey'] = stripe.state.secretKey = 'rk_test_another';
	const event = stripe.happen('invoice.created', {}, { copies: 1 });
	await stripe.idle();
	expect(new Set(statuses())).toEqual(new Set([429]));
	expect(await ticks(workflow, MINUTE)).toEqual([event.id]);
	expect(ours().map(({ shown }) => shown.id)).not.toContain(before?.shown.id);
	expect(ours()).toHaveLength(1);
	const next = stripe.happen('invoice.paid');
	await stripe.idle();
	expect(pushed(server)).toEqual([next.id]);
});

test('V8 with the key of another account the webhook that is left behind is named, to be removed there', async () => {
	fakeTimeOfDay();
	const data = credential();
	const workflow = workflowWith({}, { credential: data });
	await published(workflow);
	const [before] = ours();
	const other = await StripeSimulator.start({ clock: () => Date.now() });
	data['apiKey'] = other.state.secretKey = 'rk_test_another';
	data['apiUrl'] = other.apiUrl.replace(/\/v1$/, '');
	await ticks(workflow, MINUTE);
	expect(other.endpoints.all()).toHaveLength(1);
	expect(ours()).toHaveLength(1);
	const id = before?.shown.id ?? '';
	expect(
		workflow.warnings.filter((text) => text.includes(id) && text.includes('remove the webhook there')),
	).toHaveLength(1);
	await ticks(workflow, 3 * HOUR, undefined, 10 * MINUTE);
	expect(workflow.warnings.filter((text) => text.includes(id))).toHaveLength(1);
	await other.close();
});

test('V8 with another ledger the first webhook that comes has its webhook registered anew, and nothing is lost', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	const server = await published(workflow);
	const [before] = ours();
	await (await openLedger()).close();
	rmSync(join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync'), { recursive: true });
	// What the ledger told before is believed for some seconds.
	jest.setSystemTime(Date.now() + MINUTE);
	const event = stripe.happen('invoice.created', {}, { copies: 1 });
	await stripe.idle();
	expect(new Set(statuses())).toEqual(new Set([429]));
	await until(() => workflow.warnings.some((warning) => warning.includes('was registered anew')));
	expect(ours()).toHaveLength(1);
	expect(ours()[0]?.shown.id).not.toBe(before?.shown.id);
	jest.setSystemTime(Date.now() + MINUTE);
	const next = stripe.happen('invoice.paid');
	await stripe.idle();
	expect(pushed(server)).toEqual([next.id]);
	// Events go first.
	const missed = await passing(workflow, await workflow.poll());
	await expect(workflow.poll()).rejects.toThrow('gone or was exchanged');
	missed.push(...(await ticks(workflow, 2 * MINUTE, server)));
	expect(missed.sort()).toEqual([event.id, next.id].sort());
	// It is looked after again.
	stripe.endpoints.change(ours()[0]?.shown.id ?? '', { status: 'disabled' });
	await ticks(workflow, 2 * HOUR, server, 5 * MINUTE);
	expect(ours().map(({ shown }) => shown.status)).toEqual(['enabled']);
});

test('V8 a webhook that comes while the workflow is being unpublished does not bring it back', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	await published(workflow);
	const [endpoint] = ours();
	const { url } = endpoint?.shown ?? { url: '' };
	await workflow.hook('delete');
	jest.setSystemTime(Date.now() + MINUTE);
	const answer = await request(url, { method: 'POST', body: '{}' });
	expect(answer.statusCode).toBe(429);
	await workflow.poll();
	expect(ours()).toEqual([]);
});

test('V9 listening for a test event has a webhook of its own, and leaves the published one as it was', async () => {
	const workflow = workflowWith();
	const server = await published(workflow);
	const [production] = ours();
	await workflow.hook('checkExists', 'Sync', 'manual', true);
	expect(ours()).toHaveLength(2);
	expect(ours().map(({ shown }) => shown.url)).toContainEqual(expect.stringContaining('/webhook-test/'));
	await workflow.hook('delete', 'Sync', 'manual', true);
	expect(ours().map(({ shown }) => shown)).toEqual([production?.shown]);
	// It is still verified by its own secret.
	const event = stripe.happen('invoice.paid');
	await stripe.idle();
	expect(pushed(server)).toEqual([event.id]);
});

test('V10 V12 events are found 30 days back, oldest first, each once, however many there are in a second', async () => {
	const now = Date.now();
	const all = Array.from({ length: 1_234 }, (_, n) =>
		stripe.happen(
			'charge.succeeded',
			{},
			{ copies: 0, createdAt: now - 29 * DAY + (n < 400 ? n * HOUR : 400 * HOUR + Math.floor(n / 250)) },
		),
	).map(({ id }) => id);
	const workflow = workflowWith({ start: 'everything', additionalOptions: { maxEvents: 10_000 } });
	const found: string[] = [];
	for (let n = 0; n < 3; n++) found.push(...((await workflow.poll()) ?? []).map(idOf));
	expect(found).toEqual(all);
});

test('A2 an event that push and polling bring at the same moment is one', async () => {
	const workflow = workflowWith({ additionalOptions: { start: 'now' } });
	const server = await published(workflow);
	const events = Array.from({ length: 40 }, () => stripe.happen('invoice.paid', {}, { delayMs: 5 }));
	const polled = (await workflow.poll()) ?? [];
	await stripe.idle();
	polled.push(...((await workflow.poll()) ?? []));
	expect([...pushed(server), ...polled.map(idOf)].sort()).toEqual(events.map(({ id }) => id).sort());
});

test('V12 pushes dropped, doubled and late: every event once, and both paths are one event', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	const server = await published(workflow);
	const random = mulberry(12);
	const made: string[] = [];
	const passed: string[] = [];
	for (let round = 0; round < 40; round++) {
		for (let n = 0; n < 10; n++) {
			const chance = random();
			const plan = chance < 0.2 ? { copies: 0 } : chance < 0.4 ? { copies: 2 } : chance < 0.5 ? { delayMs: 30 } : {};
			const visibleAfterMs = random() < 0.1 ? 4 * MINUTE : 0;
			made.push(stripe.happen('invoice.paid', {}, { ...plan, visibleAfterMs }).id);
		}
		passed.push(...(await ticks(workflow, MINUTE, server)));
	}
	await stripe.idle();
	passed.push(...(await ticks(workflow, 40 * MINUTE, server)));
	expect(passed.sort()).toEqual(made.toSorted());
});

test('V12 while push works, what Stripe could not deliver is asked for between two readings', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	const server = await published(workflow);
	const made: string[] = [];
	const passed: string[] = [];
	const make = async (plan = {}) => {
		made.push(stripe.happen('invoice.paid', {}, plan).id);
		await stripe.idle();
	};
	for (let n = 0; n < 7; n++) {
		await make();
		passed.push(...(await ticks(workflow, HOUR, server, 10 * MINUTE)));
	}
	expect(passed).toEqual(made);
	// Push works: a reading would come only every half an hour.
	const readings = () => stripe.requests.filter(({ path, query }) => path === '/events' && !query.includes('delivery'));
	await ticks(workflow, 31 * MINUTE);
	const before = readings().length;
	await make({ copies: 0 });
	while (passed.length < made.length) passed.push(...(await ticks(workflow, MINUTE, server)));
	expect(passed).toEqual(made);
	expect(readings()).toHaveLength(before);
	expect(stripe.requests.some(({ query }) => query.includes('delivery_success=false'))).toBe(true);
});

test('V12 events of connected accounts and of the other mode', async () => {
	const workflow = workflowWith();
	const server = await published(workflow);
	stripe.happen('charge.succeeded', {}, { account: 'acct_other' });
	stripe.happen('charge.succeeded', {}, { livemode: true });
	await stripe.idle();
	expect(server.executions.flat().map(({ source }) => source)).toEqual(['/stripe/accounts/acct_other']);
	expect(statuses()).toEqual([200, 200]);
});

test('V12 the types that are asked for: by name, by wildcard, and more than Stripe takes', async () => {
	for (const events of [['invoice.paid'], ['invoice.*'], ['customer.*', 'invoice.*', 'charge.*']]) {
		const workflow = workflowWith({ events, additionalOptions: { start: 'everything' } });
		await serve(workflow);
		await workflow.publish();
		const [wanted, other] = [
			stripe.happen('invoice.paid', {}, { copies: 0 }),
			stripe.happen('payout.paid', {}, { copies: 0 }),
		];
		const found = ((await workflow.poll()) ?? []).map(idOf);
		expect(found).toContain(wanted.id);
		expect(found).not.toContain(other.id);
		await workflow.hook('delete');
	}
});

test('V10 a bookmark that Stripe no longer knows: told once, and nothing is missing or twice', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith({ additionalOptions: { start: 'now' } });
	await published(workflow);
	const first = stripe.happen('invoice.paid', {}, { copies: 0 });
	expect(await ticks(workflow, 15 * MINUTE)).toEqual([first.id]);
	for (const missing of [400, 404] as const) {
		stripe.switches.missing = missing;
		// n8n was down until the last event that is known was gone.
		jest.setSystemTime(Date.now() + 31 * DAY);
		workflow.warnings.length = 0;
		const missed = Array.from({ length: 3 }, () => stripe.happen('invoice.paid', {}, { copies: 0 }).id);
		expect(await ticks(workflow, 30 * MINUTE)).toEqual(missed);
		expect(workflow.warnings.filter((text) => text.includes('may be missing')).length).toBeLessThanOrEqual(1);
	}
});

function mulberry(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}

test('V12 with another credential for the same account reading goes on, and nothing passes again', async () => {
	fakeTimeOfDay();
	const workflow = workflowWith();
	await published(workflow);
	const first = stripe.happen('invoice.paid', {}, { copies: 0 });
	expect(await ticks(workflow, MINUTE)).toEqual([first.id]);
	const other = new TestWorkflow(
		oneNodePlan(
			{
				credential: credential(),
				id: workflow.workflow.id,
				credentials: { hybridSyncStripeApi: { id: '55', name: 'another one' } },
			},
			{ provider: 'stripe' },
		),
	);
	const second = stripe.happen('invoice.paid', {}, { copies: 0 });
	expect(await ticks(other, 25 * MINUTE)).toEqual([second.id]);
});
