import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { request } from 'undici';
import { DAY, HOUR } from '../../lib/base/time';
import { RestApi } from '../simulator/rest';
import { Simulator } from '../simulator/simulator';
import { StripeSimulator } from '../simulator/stripe/stripe';
import { WooCommerceSimulator } from '../simulator/woocommerce/woocommerce';
import { Demo } from './harness/demo';
import { eventually } from './harness/eventually';
import { isPortFree } from './harness/n8n';
import { Receiver } from './harness/receiver';

/** Every example workflow in a real n8n: imported from its file, published, and run by what it is about. */
const FOLDER = resolve(__dirname, '../../examples');
/** Where examples tell somebody of something. */
const CHAT = '/chat-webhook';
/** An event that failed passes again after up to 3 minutes, with the next tick. */
const AGAIN_MS = 400_000;
let demo: Demo;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
	let port = 5700;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	demo = await Demo.start({ folder: join(__dirname, '../../.demo', `e2e-${port}`), port });
});
afterAll(async () => {
	await demo.stop();
	for (const close of closers) await close();
});

function closing<T extends { close: () => Promise<void> }>(opened: T): T {
	closers.push(async () => {
		await opened.close();
	});
	return opened;
}

interface ExampleNode {
	readonly name: string;
	readonly type: string;
	readonly position: readonly [number, number];
	webhookId?: string;
	readonly parameters: Record<string, unknown>;
	readonly credentials?: Record<string, { id: string; name: string }>;
}
interface ExampleWorkflow {
	readonly name: string;
	readonly nodes: ExampleNode[];
	readonly connections: Record<string, unknown>;
	readonly settings: Record<string, unknown>;
}

const read = (file: string) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as ExampleWorkflow;

interface Imported {
	readonly file: string;
	readonly id: string;
	readonly receiver: Receiver;
	/** Production URL of a node that is called. */
	webhookUrl(node: string): string;
}

/** What a user has to enter, or a test cannot wait for. All else has to be as it stands in the file. */
const ENTERED =
	/^\/nodes\/\d+\/(webhookId|credentials\/\w+\/(id|name)|parameters\/(url|pollTimes|rule|filters\/(from|to))(\/.*)?)$|^\/settings\/errorWorkflow$/;

/**
 * Imports an example as the editor does: webhooks get paths of their own.
 *
 * @param credentials data of the credentials, by their types
 */
async function importExample(
	file: string,
	credentials: Readonly<Record<string, object>> = {},
	settings: object = {},
): Promise<Imported> {
	const receiver = closing(await Receiver.start());
	const workflow = read(file);
	Object.assign(workflow.settings, settings);
	const ids = new Map<string, string>();
	for (const [type, data] of Object.entries(credentials)) ids.set(type, await demo.n8n.addCredential(type, type, data));
	for (const node of workflow.nodes) {
		const { parameters } = node;
		if (node.webhookId !== undefined) node.webhookId = randomUUID();
		for (const [type, credential] of Object.entries(node.credentials ?? {})) credential.id = ids.get(type) ?? '';
		const { url } = parameters;
		if (typeof url === 'string' && url.startsWith('https://example.com/')) {
			parameters['url'] = url.replace('https://example.com', receiver.url);
		}
		if (parameters['rule'] !== undefined) {
			parameters['rule'] = { interval: [{ field: 'seconds', secondsInterval: 10 }] };
		}
		if (parameters['pollTimes'] !== undefined) parameters['pollTimes'] = { item: [{ mode: 'everyMinute' }] };
	}
	const id = await demo.n8n.addWorkflow(workflow);
	const webhookUrl = (name: string) => {
		const node = workflow.nodes.find((each) => each.name === name);
		return `${demo.n8n.url}/webhook/${node?.webhookId}/sync`;
	};
	const example = { file, id, receiver, webhookUrl };
	receiver.look = () => (rowsOf(example).some(({ state }) => state === 'claimed') ? 'claimed' : 'not claimed');
	return example;
}

/** Where what ran differs from what was written. n8n adds the parameters that have been left at their defaults. */
function differences(one: unknown, other: unknown, path = ''): string[] {
	const isDefault = one === undefined && path.includes('/parameters/');
	if (isDefault || isDeepStrictEqual(one, other)) return [];
	if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return [path];
	const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
	const valueOf = (object: object, key: string): unknown => (object as Record<string, unknown>)[key];
	return [...keys].flatMap((key) => differences(valueOf(one, key), valueOf(other, key), `${path}/${key}`));
}

/** Names of the nodes that ran in an execution. n8n keeps it as a list of values that name each other by their places. */
function nodesIn(data: string): string[] {
	const values = JSON.parse(data) as Record<string, string>[];
	const at = (value: string | undefined) => values[Number(value)] ?? {};
	return Object.keys(at(at(values[0]?.['resultData'])['runData']));
}

/**
 * Asserts that each execution ran what stands in the file, that each node of it ran in one of them, and that steps were
 * called before the event was finished.
 *
 * @param failed how many executions ended with an error
 */
async function expectToHaveRun({ file, id, receiver }: Imported, failed = 0): Promise<void> {
	const all = await eventually(
		async () => await demo.n8n.executions(id),
		(executions) => executions.every(({ status }) => ['success', 'error', 'waiting'].includes(status)),
	);
	expect(all.filter(({ status }) => status === 'error')).toHaveLength(failed);
	const ran = new Set<string>();
	const written = read(file);
	for (const execution of all) {
		const { workflowData, data } = await demo.n8n.rest<{ workflowData: ExampleWorkflow; data: string }>(
			'GET',
			`/executions/${execution.id}`,
		);
		const { name, nodes, connections, settings } = workflowData;
		const changed = differences(written, { name, nodes, connections, settings });
		expect(changed.filter((path) => !ENTERED.test(path))).toEqual([]);
		for (const node of nodesIn(data)) ran.add(node);
	}
	const names = written.nodes.filter(({ type }) => !type.endsWith('.stickyNote')).map(({ name }) => name);
	expect([...ran].sort()).toEqual(names.sort());
	const early = receiver.calls.filter(({ path, seen }) => path !== CHAT && seen !== 'claimed');
	expect(early).toEqual([]);
}

interface Row {
	readonly subject: string;
	readonly type: string;
	readonly path: string;
	readonly state: string;
	readonly attempts: number;
	readonly recovered: number;
	readonly reason: string | null;
}
const rowsOf = ({ id }: Imported) =>
	demo.queryLedger<Row>(
		`SELECT subject, type, path, state, attempts, recovered, reason FROM event WHERE stream LIKE '%/${id}' ORDER BY seq`,
	);

/** Waits until so many events are known, and all of them are finished. */
const allDone = async (example: Imported, count: number, withinMs?: number) =>
	await eventually(
		() => rowsOf(example),
		(rows) => rows.length >= count && rows.every(({ state }) => state === 'done'),
		withinMs,
	);

/** A GetResponse account for an example, which is published and called by it. */
async function withGetResponse(file: string, trigger: string, settings: object = {}) {
	const simulator = closing(await Simulator.start());
	const webhookSecret = randomBytes(16).toString('hex');
	const credential = { ...demo.credential(), apiKey: simulator.apiKey, apiUrl: simulator.apiUrl, webhookSecret };
	const example = await importExample(file, { hybridSyncGetResponseApi: credential }, settings);
	await demo.n8n.publish(example.id);
	simulator.webhooks.timeoutMs = 120_000;
	simulator.webhooks.url = `${example.webhookUrl(trigger)}?secret=${webhookSecret}`;
	return { ...example, simulator };
}

/** Dates back when webhooks have come, as if they had come so long before. */
function passTime({ id }: Imported, milliseconds: number): void {
	const database = new DatabaseSync(demo.ledgerFile, { timeout: 30_000 });
	try {
		database.exec(
			`UPDATE counter SET at = at - ${milliseconds}, last_at = last_at - ${milliseconds}
			WHERE stream LIKE '%/${id}' AND name LIKE 'webhook.%'`,
		);
	} finally {
		database.close();
	}
}

const emails = (receiver: Receiver, path: string) =>
	receiver
		.at(path)
		.map(({ body }) => body['email'])
		.sort();

/** One new contact whose webhook comes twice, one whose webhook is lost: each is sent once. */
async function newContactsOnce(file: string, trigger: string): Promise<void> {
	const example = await withGetResponse(file, trigger);
	const { simulator, receiver } = example;
	const contacts = [simulator.subscribe({ copies: 2 }), simulator.subscribe({ copies: 0 })];
	expect(await allDone(example, 2)).toHaveLength(2);
	expect(emails(receiver, '/your-service')).toEqual(contacts.map(({ email }) => email).sort());
	const forged = simulator.contacts.add({ createdOn: Date.now() - 100 * DAY });
	simulator.webhooks.url = `${example.webhookUrl(trigger)}?secret=${randomBytes(16).toString('hex')}`;
	simulator.webhooks.push(simulator.contactAdded(forged));
	await simulator.webhooks.idle();
	expect(simulator.webhooks.attempts.at(-1)).toMatchObject({ status: 401 });
	expect(rowsOf(example)).toHaveLength(2);
	await expectToHaveRun(example);
}

/** What is asserted of each example. */
const cases: Readonly<Record<string, () => Promise<void>>> = {
	'getresponse-new-contacts.json': async () => {
		await newContactsOnce('getresponse-new-contacts.json', 'Sync Trigger');
	},

	'getresponse-webhook-and-polling.json': async () => {
		await newContactsOnce('getresponse-webhook-and-polling.json', 'Sync Webhook Trigger');
	},

	'getresponse-to-data-table.json': async () => {
		const { id: project } = await demo.n8n.rest<{ id: string }>('GET', '/projects/personal');
		const tables = `/projects/${project}/data-tables`;
		const table = await demo.n8n.rest<{ id: string }>('POST', tables, {
			name: 'GetResponse contacts',
			columns: ['email', 'name', 'list'].map((name) => ({ name, type: 'string' })),
		});
		const example = await withGetResponse('getresponse-to-data-table.json', 'New Contacts');
		const { simulator } = example;
		const pushed = simulator.subscribe({ copies: 2 }, { name: 'Ann' });
		const lost = simulator.subscribe({ copies: 0 }, { name: 'Bea' });
		await allDone(example, 2);
		simulator.subscribe({}, { email: pushed.email, name: 'Ann Again' });
		expect(await allDone(example, 3)).toHaveLength(3);
		const { data } = await demo.n8n.rest<{ data: Record<string, unknown>[] }>('GET', `${tables}/${table.id}/rows`);
		expect(data.map(({ email, name, list }) => ({ email, name, list }))).toEqual(
			expect.arrayContaining([
				{ email: pushed.email, name: 'Ann Again', list: 'newsletter' },
				{ email: lost.email, name: 'Bea', list: 'newsletter' },
			]),
		);
		expect(data).toHaveLength(2);
		await expectToHaveRun(example);
	},

	'stripe-payments-once.json': async () => {
		const stripe = closing(await StripeSimulator.start({ limits: { perSecond: Infinity, perEndpoint: Infinity } }));
		stripe.webhooks.timeoutMs = 120_000;
		const example = await importExample('stripe-payments-once.json', {
			hybridSyncStripeApi: { apiKey: stripe.secretKey, apiUrl: `http://127.0.0.1:${stripe.port}`, webhookSecret: '' },
		});
		const { receiver } = example;
		await demo.n8n.publish(example.id);
		const invoice = (id: string) => ({ id, object: 'invoice', amount_paid: 4900, currency: 'eur' });
		stripe.happen('invoice.paid', invoice('in_pushed'), { copies: 2 });
		stripe.happen('checkout.session.completed', {
			id: 'cs_pushed',
			object: 'checkout.session',
			amount_total: 5900,
			currency: 'eur',
		});
		stripe.happen('charge.succeeded', { id: 'ch_other', object: 'charge' });
		await allDone(example, 2);
		// Polling finds three at once, of which the service refuses one at first.
		let refusals = 1;
		receiver.refuses = ({ body }) => body['id'] === 'in_refused' && refusals-- > 0;
		const gate = Promise.withResolvers<undefined>();
		stripe.state.gate = gate.promise;
		for (const id of ['in_lost', 'in_refused', 'in_last']) stripe.happen('invoice.paid', invoice(id), { copies: 0 });
		gate.resolve(undefined);
		const stateOf = (id: string) => rowsOf(example).find(({ subject }) => subject === `invoice/${id}`);
		const refused = await eventually(
			() => stateOf('in_refused'),
			(row) => row?.state === 'received' && row.attempts === 1,
		);
		expect(refused?.reason).toContain('500');
		for (const id of ['in_lost', 'in_last']) {
			await eventually(
				() => stateOf(id)?.state,
				(state) => state === 'done',
			);
		}
		const rows = await allDone(example, 5, AGAIN_MS);
		expect(rows.filter(({ attempts }) => attempts > 1)).toMatchObject([{ subject: 'invoice/in_refused', attempts: 2 }]);
		const calls = Map.groupBy(receiver.at('/payments'), ({ body }) => body['id']);
		const [first, second, ...more] = calls.get('in_refused') ?? [];
		expect([first?.status, second?.status, more]).toEqual([500, 200, []]);
		expect(first?.key).toBe(second?.key);
		calls.delete('in_refused');
		expect([...calls.keys()].sort()).toEqual(['cs_pushed', 'in_last', 'in_lost', 'in_pushed']);
		expect([...calls.values()].every(({ length }) => length === 1)).toBe(true);
		expect(calls.get('cs_pushed')?.[0]?.body).toEqual({
			kind: 'checkout.session.completed',
			id: 'cs_pushed',
			amount: 5900,
			currency: 'eur',
		});
		expect(new Set(receiver.calls.map(({ key }) => key)).size).toBe(5);
		await expectToHaveRun(example);
	},

	'woocommerce-orders.json': async () => {
		const shop = closing(await WooCommerceSimulator.start({ timeoutMs: 120_000, pingTimeoutMs: 120_000 }));
		const example = await importExample('woocommerce-orders.json', {
			hybridSyncWooCommerceApi: {
				siteUrl: shop.siteUrl,
				consumerKey: shop.consumerKey,
				consumerSecret: shop.consumerSecret,
				sendsKeyInUrl: false,
				webhookSecret: '',
			},
		});
		const { receiver } = example;
		await demo.n8n.publish(example.id);
		const pushed = shop.createOrder({ total: '49.00', status: 'processing' }, { copies: 2 });
		await allDone(example, 1);
		// The shop writes whole seconds.
		const created = Date.parse(`${pushed.date_created_gmt}Z`);
		await eventually(Date.now, (now) => now >= created + 1_000);
		// A new and a changed order that polling finds, in one execution.
		const gate = Promise.withResolvers<undefined>();
		shop.settings.gate = gate.promise;
		const lost = shop.createOrder({ total: '59.00', status: 'processing' }, { copies: 0 });
		shop.updateOrder(pushed.id, { status: 'completed' }, { copies: 0 });
		gate.resolve(undefined);
		const rows = await allDone(example, 3);
		expect(rows.map(({ type, subject, path }) => [type, subject, path]).sort()).toEqual([
			['woocommerce.order.created', `order/${pushed.id}`, 'webhook'],
			['woocommerce.order.created', `order/${lost.id}`, 'poll'],
			['woocommerce.order.updated', `order/${pushed.id}`, 'poll'],
		]);
		expect(receiver.at('/new-orders').map(({ body }) => body)).toEqual([
			{ order: pushed.id, total: '49.00', status: 'processing' },
			{ order: lost.id, total: '59.00', status: 'processing' },
		]);
		expect(receiver.at('/changed-orders').map(({ body }) => body)).toEqual([
			{ order: pushed.id, total: '49.00', status: 'completed' },
		]);
		await expectToHaveRun(example);
	},

	'unsubscribe-everywhere.json': async () => {
		const example = await withGetResponse('unsubscribe-everywhere.json', 'Unsubscribed Contacts');
		const { simulator, receiver } = example;
		const [first, second] = ['/first-service/unsubscribe', '/second-service/unsubscribe'] as const;
		const unsubscribe = () => {
			const contact = simulator.contacts.add({ createdOn: Date.now() - 100 * DAY });
			simulator.webhooks.push(simulator.event('contact_removed_link', contact), { copies: 2 });
			return contact.email;
		};
		const plain = unsubscribe();
		await allDone(example, 1);
		receiver.refuses = ({ path }) => path === second;
		const refused = unsubscribe();
		const failed = await eventually(
			async () => (await demo.n8n.executions(example.id)).find(({ status }) => status === 'error'),
			(found) => found !== undefined,
		);
		// The first service has it, the second has not: it is not finished.
		expect(rowsOf(example).map(({ state }) => state)).toEqual(['done', 'claimed']);
		receiver.refuses = () => false;
		await demo.n8n.rest('POST', `/executions/${failed?.id}/retry`, { loadWorkflow: false });
		expect(await allDone(example, 2)).toHaveLength(2);
		expect(emails(receiver, first)).toEqual([plain, refused].sort());
		expect(receiver.at(second).map(({ body, status }) => [body['email'], status])).toEqual([
			[plain, 200],
			[refused, 500],
			[refused, 200],
		]);
		for (const email of [plain, refused]) {
			const keys = receiver.calls.flatMap(({ body, key }) => (body['email'] === email ? [key] : []));
			expect(new Set(keys).size).toBe(1);
		}
		await expectToHaveRun(example, 1);
	},

	'any-service-both-paths.json': async () => {
		const api = closing(await RestApi.start({ auth: { kind: 'bearer', secret: 'a-token-for-the-list' } }));
		const secret = randomBytes(16).toString('hex');
		const example = await importExample('any-service-both-paths.json', {
			hybridSyncWebhookSecret: {
				service: 'custom',
				algorithm: 'hmac-sha256',
				secret,
				signatureHeader: 'X-Signature',
				signaturePrefix: 'sha256=',
			},
			hybridSyncHttp: { apiUrl: api.apiUrl, authentication: 'bearer', token: 'a-token-for-the-list', testPath: '' },
		});
		const { receiver } = example;
		const url = example.webhookUrl('Paid Orders');
		const pay = (id: number) => api.add({ id, paid_at: new Date().toISOString(), total: `${id}.00` });
		const send = async (id: number, type = 'order.paid', signedWith = secret) => {
			const body = JSON.stringify({
				event_id: randomUUID(),
				type,
				created_at: new Date().toISOString(),
				data: { order: { id, total: `${id}.00` } },
			});
			const signature = createHmac('sha256', signedWith).update(body).digest('hex');
			const headers = { 'content-type': 'application/json', 'x-signature': `sha256=${signature}` };
			const response = await request(url, { method: 'POST', headers, body });
			await response.body.dump();
			return response.statusCode;
		};
		await demo.n8n.publish(example.id);
		expect(await send(4710, 'order.paid', 'another-secret')).toBe(401);
		expect(await send(4710, 'order.shipped')).toBe(200);
		pay(4711);
		expect(await send(4711)).toBe(200);
		pay(4712);
		expect((await allDone(example, 2)).map(({ path }) => path)).toEqual(['webhook', 'poll']);
		// The webhook of what polling has found comes late.
		expect(await send(4712)).toBe(200);
		expect(await send(4713)).toBe(200);
		expect(await allDone(example, 3)).toHaveLength(3);
		expect(receiver.at('/shipments').map(({ body }) => body)).toEqual([
			{ order: 4711, total: '4711.00', foundBy: 'webhook', missedByWebhook: false },
			{ order: 4712, total: '4712.00', foundBy: 'poll', missedByWebhook: true },
			{ order: 4713, total: '4713.00', foundBy: 'webhook', missedByWebhook: false },
		]);
		await expectToHaveRun(example);
	},

	'nightly-reconcile.json': async () => {
		const file = 'nightly-reconcile.json';
		const poller = read(file).nodes.find(({ name }) => name === 'New Contacts at Night');
		expect(poller?.parameters['pollTimes']).toEqual({ item: [{ mode: 'everyDay', hour: 2, minute: 0 }] });
		const example = await withGetResponse(file, 'New Contacts by Webhook');
		const { simulator, receiver } = example;
		const pushed = simulator.subscribe({ copies: 2 });
		await allDone(example, 1);
		expect(receiver.at(CHAT)).toEqual([]);
		const gate = Promise.withResolvers<undefined>();
		simulator.state.gate = gate.promise;
		const lost = [1, 2].map(() => simulator.subscribe({ copies: 0 }));
		gate.resolve(undefined);
		const rows = await allDone(example, 3);
		expect(rows.map(({ recovered }) => recovered)).toEqual([0, 1, 1]);
		expect(emails(receiver, '/your-service')).toEqual([pushed, ...lost].map(({ email }) => email).sort());
		const messages = await eventually(
			() => receiver.at(CHAT),
			({ length }) => length > 0,
		);
		expect(messages.map(({ body }) => body)).toEqual([
			{
				text: 'New contacts that came without a webhook: 2. Look whether the webhook in GetResponse is switched on.',
			},
		]);
		await expectToHaveRun(example);
	},

	'error-workflow-report-failure.json': async () => {
		const errorWorkflow = await importExample('error-workflow-report-failure.json');
		await demo.n8n.publish(errorWorkflow.id);
		const example = await withGetResponse('getresponse-new-contacts.json', 'Sync Trigger', {
			errorWorkflow: errorWorkflow.id,
		});
		const { simulator, receiver } = example;
		receiver.refuses = () => receiver.calls.length === 0;
		simulator.subscribe();
		const [failed] = await eventually(
			() => rowsOf(example),
			([row]) => row?.state === 'received' && row.attempts === 1,
		);
		expect(failed).toMatchObject({ attempts: 1, reason: expect.stringContaining('not able to process') as string });
		expect(await allDone(example, 1, AGAIN_MS)).toMatchObject([{ attempts: 2 }]);
		const [first, second, ...more] = receiver.at('/your-service');
		expect([first?.status, second?.status, more]).toEqual([500, 200, []]);
		expect(first?.key).toBe(second?.key);
		await expectToHaveRun(errorWorkflow);
		expect(await demo.n8n.executions(errorWorkflow.id)).toHaveLength(1);
	},

	'push-silent-alert.json': async () => {
		const example = await withGetResponse('push-silent-alert.json', 'New Contacts');
		const { simulator, receiver } = example;
		// All is well, and nobody is told of it.
		await eventually(
			async () => (await demo.n8n.executions(example.id)).filter(({ status }) => status === 'success'),
			({ length }) => length > 0,
		);
		expect(receiver.calls).toEqual([]);
		// GetResponse has another secret now, so that no webhook comes through.
		const { url = '' } = simulator.webhooks;
		simulator.webhooks.url = url.replace(/secret=.*/, 'secret=another-secret-than-in-n8n');
		const contact = () => simulator.contacts.add({ createdOn: Date.now() - 100 * DAY });
		for (let count = 0; count < 3; count++) simulator.webhooks.push(simulator.contactAdded(contact()));
		const [message] = await eventually(
			() => receiver.at(CHAT),
			({ length }) => length > 0,
		);
		expect(message?.body['text']).toContain('All webhooks of the last hour were refused.');
		// Five webhooks make a rhythm; half a day without any is a silence.
		simulator.webhooks.url = url;
		for (let count = 0; count < 5; count++) simulator.subscribe();
		await allDone(example, 5);
		await simulator.webhooks.idle();
		passTime(example, 13 * HOUR);
		const { text } = await eventually(
			() => receiver.at(CHAT).at(-1)?.body ?? {},
			(body) => String(body['text']).includes('No webhook'),
		);
		expect(text).toContain('No webhook has come for much longer than usual.');
		await demo.n8n.unpublish(example.id);
		expect(receiver.at('/your-service')).toHaveLength(5);
		await expectToHaveRun(example);
	},

	'dead-letter-review.json': async () => {
		const errorWorkflow = await importExample('error-workflow-report-failure.json');
		await demo.n8n.publish(errorWorkflow.id);
		const settings = { errorWorkflow: errorWorkflow.id };
		const example = await withGetResponse('dead-letter-review.json', 'New Contacts', settings);
		const { simulator, receiver } = example;
		receiver.refuses = ({ path }) => path === '/your-service';
		simulator.subscribe();
		// It is authentic, and no event that anybody could read.
		const { url = '' } = simulator.webhooks;
		await (await request(url, { method: 'POST', body: '{"hello":"world"}' })).body.dump();
		const message = await eventually(
			() => receiver.at(CHAT).find(({ body }) => (body['events'] as unknown[]).length === 2),
			(found) => found !== undefined,
		);
		expect(message?.body['events']).toEqual(
			expect.arrayContaining([
				expect.objectContaining({ state: 'failed', type: 'getresponse.contact_added' }),
				expect.objectContaining({
					state: 'dead',
					reason: expect.stringContaining('not a GetResponse event') as string,
				}),
			]),
		);
		receiver.refuses = () => false;
		const link = String(message?.body['approve']);
		const open = async (agent: string) => {
			const response = await request(link, { headers: { 'user-agent': agent } });
			await response.body.dump();
			return response.statusCode;
		};
		const execution = new URL(link).pathname.split('/').at(-1);
		await eventually(
			async () => (await demo.n8n.executions(example.id)).find(({ id }) => id === execution)?.status,
			(status) => status === 'waiting',
		);
		// A chat looks at links that are posted there.
		expect(await open('Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)')).toBe(403);
		expect(rowsOf(example).filter(({ state }) => state === 'dead')).toHaveLength(1);
		expect(await open('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(200);
		const rows = await allDone(example, 2, AGAIN_MS);
		expect(rows.map(({ attempts }) => attempts).sort()).toEqual([1, 2]);
		await demo.n8n.unpublish(example.id);
		expect(receiver.at('/your-service').map(({ status }) => status)).toEqual([500, 200, 200]);
		await expectToHaveRun(example, 1);
	},

	'replay-after-incident.json': async () => {
		const example = await withGetResponse('replay-after-incident.json', 'New Contacts');
		const { simulator, receiver } = example;
		const [start, replay] = ['Replay by Hand', 'Replay the Events of That Time'] as const;
		const before = simulator.subscribe();
		await allDone(example, 1);
		const from = new Date().toISOString();
		const meanwhile = simulator.subscribe();
		await allDone(example, 2);
		type Saved = ExampleWorkflow & { readonly versionId: string };
		const { name, nodes, connections, versionId } = await demo.n8n.rest<Saved>('GET', `/workflows/${example.id}`);
		const { parameters } = nodes.find((node) => node.name === replay) ?? {};
		expect(parameters?.['filters']).toEqual({ from: expect.any(String) as string, to: expect.any(String) as string });
		Object.assign(parameters?.['filters'] ?? {}, { from, to: new Date(Date.now() + DAY).toISOString() });
		await demo.n8n.rest('PATCH', `/workflows/${example.id}`, { name, nodes, connections, versionId });
		await demo.n8n.rest('POST', `/workflows/${example.id}/run`, {
			workflowData: await demo.n8n.rest('GET', `/workflows/${example.id}`),
			destinationNode: { nodeName: replay, mode: 'inclusive' },
			triggerToStartFrom: { name: start },
		});
		await eventually(
			() => receiver.at('/your-service').length,
			(count) => count === 3,
		);
		const rows = await allDone(example, 2);
		expect(rows.map(({ subject, attempts }) => [subject, attempts])).toEqual([
			[`contacts/${before.contactId}`, 1],
			[`contacts/${meanwhile.contactId}`, 2],
		]);
		const [, first, second] = receiver.at('/your-service');
		expect(first?.body['subject']).toBe(`contacts/${meanwhile.contactId}`);
		expect({ ...second, seen: undefined }).toEqual({ ...first, seen: undefined });
		await expectToHaveRun(example);
	},

	'dedupe-any-trigger.json': async () => {
		const example = await importExample('dedupe-any-trigger.json');
		await demo.n8n.publish(example.id);
		const send = async (order: string) => {
			const response = await request(`${demo.n8n.url}/webhook/incoming-orders`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify({ order, total: '10.50' }),
			});
			await response.body.dump();
			return response.statusCode;
		};
		const orders = ['A-1', 'A-1', 'A-2', 'A-1', 'A-2'];
		expect(await Promise.all(orders.map(send))).toEqual(orders.map(() => 200));
		expect(await allDone(example, 2)).toHaveLength(2);
		await expectToHaveRun(example);
		expect(await demo.n8n.executions(example.id)).toHaveLength(orders.length);
		expect(
			example.receiver
				.at('/orders')
				.map(({ body }) => body['order'])
				.sort(),
		).toEqual(['A-1', 'A-2']);
		expect(rowsOf(example).map(({ state }) => state)).toEqual(['done', 'done']);
	},
};

const files = readdirSync(FOLDER);

test('each example has its test', () => {
	expect(Object.keys(cases).sort()).toEqual(files.sort());
});

/** The room that the editor takes for a node with its name below. */
const sizeOf = ({ type, parameters }: ExampleNode) =>
	type.endsWith('.stickyNote')
		? { width: Number(parameters['width']), height: Number(parameters['height']) }
		: { width: 100, height: 140 };

test.each(files)('%s says what it does, lies tidily, and holds no secret and no address of a machine', (file) => {
	const { nodes } = read(file);
	for (const [index, node] of nodes.entries()) {
		const [left, top] = node.position;
		const { width, height } = sizeOf(node);
		const overlapping = nodes.slice(index + 1).filter((other) => {
			const [otherLeft, otherTop] = other.position;
			const size = sizeOf(other);
			const isBeside = left + width <= otherLeft || otherLeft + size.width <= left;
			return !isBeside && top + height > otherTop && otherTop + size.height > top;
		});
		expect(overlapping.map(({ name }) => `${node.name} and ${name}`)).toEqual([]);
		for (const credential of Object.values(node.credentials ?? {})) expect(credential.id).toBe('');
	}
	const operations = nodes.flatMap(({ type, parameters }) =>
		type.endsWith('.syncDedupe') ? [parameters['operation']] : [],
	);
	if (operations.includes('removeDuplicates')) expect(operations).toContain('confirm');
	// README.md says what the two of them do, and how they are set.
	const isInReadme = ['getresponse-new-contacts.json', 'getresponse-webhook-and-polling.json'].includes(file);
	expect(nodes.filter(({ type }) => type.endsWith('.stickyNote'))).toHaveLength(isInReadme ? 0 : 1);
	const hosts = readFileSync(join(FOLDER, file), 'utf8').match(/https?:\/\/[^/"]+/g) ?? [];
	expect(hosts.filter((host) => host !== 'https://example.com')).toEqual([]);
});

describe('imported, published and run', () => {
	test.concurrent.each(Object.entries(cases))(
		'%s',
		async (_file, run) => {
			await run();
		},
		AGAIN_MS + 200_000,
	);
});
