import { createHmac } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Logger } from '@n8n/backend-common';
import { Container } from '@n8n/di';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { request } from 'undici';
import { DAY, HOUR, MINUTE, type SyncEvent } from '../../lib';
import { KEPT } from '../simulator/kept';
import { type Resource, type Webhook, WooCommerceSimulator } from '../simulator/woocommerce/woocommerce';
import { type Plan, TestWorkflow, type WebhookServer, eventsOf, examplePlan, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** WooCommerce, both paths, through the real nodes: only n8n's server and scheduler are played. */

const SECOND = 1_000;
/** Each test has a day of its own, so that none begins before another one has ended. */
let noon = Date.UTC(2027, 0, 1, 12);

let shop: WooCommerceSimulator;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
	noon += DAY;
	fakeTimeOfDay();
	jest.setSystemTime(noon);
	shop = await WooCommerceSimulator.start({ clock: () => Date.now() });
});
afterEach(async () => {
	await Promise.all(closing.splice(0).map((close) => close()));
	await shop.close();
	jest.useRealTimers();
	jest.restoreAllMocks();
});

const ORDER_EVENTS = ['order.created', 'order.updated'];
/** Polled with each tick, and read again no further back than by default. */
const EVERY_TICK = { cadence: 'fixed', everyMinutes: 1 };

const credential = (changes: IDataObject = {}) =>
	({
		siteUrl: shop.siteUrl,
		consumerKey: shop.consumerKey,
		consumerSecret: shop.consumerSecret,
		webhookSecret: '',
		...changes,
	}) as Record<string, string>;

function workflowWith(parameters: INodeParameters = {}, changes: Partial<Plan> = {}): TestWorkflow {
	const { additionalOptions, ...others } = parameters;
	return new TestWorkflow(
		oneNodePlan(
			{ credential: credential(), ...changes },
			{
				provider: 'woocommerce',
				events: ORDER_EVENTS,
				additionalOptions: { ...EVERY_TICK, ...(additionalOptions as INodeParameters) },
				...others,
			},
		),
	);
}

/** A workflow that n8n runs: what starts an execution goes through its Sync Dedupe. */
class Running {
	/** What has passed. */
	readonly passed: SyncEvent[] = [];

	private constructor(
		readonly workflow: TestWorkflow,
		readonly server: WebhookServer,
	) {}

	/** Serves a workflow that is not published yet. */
	static async serve(workflow: TestWorkflow, options?: Parameters<TestWorkflow['serve']>[0]): Promise<Running> {
		const server = await workflow.serve(options);
		closing.push(() => server.close());
		return new Running(workflow, server);
	}

	static async publish(workflow = workflowWith()): Promise<Running> {
		const running = await Running.serve(workflow);
		expect(await workflow.publish()).toBe(true);
		await running.tick(0);
		return running;
	}

	/** Waits for all deliveries, and runs the executions that they started. */
	async push(): Promise<void> {
		await shop.idle();
		for (const events of this.server.executions.splice(0)) await this.run(events);
	}

	/** Lets time go by, and polls at its end. */
	async tick(ms = MINUTE): Promise<void> {
		jest.setSystemTime(Date.now() + ms);
		const events = await this.workflow.poll();
		if (events) await this.run(events);
	}

	/** Lets time go by, in which n8n ticks every minute. */
	async ticks(minutes: number): Promise<void> {
		for (let minute = 0; minute < minutes; minute++) {
			await this.push();
			await this.tick();
		}
	}

	/** The events that have passed since they were last asked for. */
	news(): string[] {
		return this.passed.splice(0).map(nameOf);
	}

	private async run(events: readonly SyncEvent[]): Promise<void> {
		this.passed.push(...eventsOf(await this.workflow.dedupe(events)));
	}
}

/** By what an event is one: its type, the object, and when that was changed. */
function nameOf({ type, data }: SyncEvent): string {
	const { id, date_modified_gmt: modified } = data as { id: number; date_modified_gmt?: string | null };
	const topic = type.replace('woocommerce.', '');
	return topic.endsWith('.updated') ? `${topic} ${id} ${timeOf(Date.parse(`${String(modified)}Z`))}` : `${topic} ${id}`;
}

/** Time of the day, as these tests name it. */
const timeOf = (milliseconds: number) => new Date(milliseconds).toISOString().slice(11, 19);

/** Sets the time of day, in seconds after the test began. */
function at(seconds: number): void {
	jest.setSystemTime(noon + seconds * SECOND);
}

const NOT_PUSHED = { copies: 0 };
const topics = (webhooks = shop.webhooks.all()) => webhooks.map(({ topic }) => topic).sort();
const idsOf = (webhooks = shop.webhooks.all()) => webhooks.map(({ id }) => id);

/** The webhooks that call a workflow. */
const webhooksOf = ({ server }: Running) =>
	shop.webhooks.all().filter(({ deliveryUrl }) => deliveryUrl.startsWith(`${server.url}/`));

/** The one of a topic; any of them where none is given. */
function webhookOf(running: Running, topic?: string): Webhook {
	const found = webhooksOf(running).find((webhook) => topic === undefined || webhook.topic === topic);
	if (!found) throw new Error(`There is no webhook for ${topic ?? 'anything'}`);
	return found;
}

/** All that the ledger has written. */
function ledgerFiles(): Buffer {
	const folder = join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync');
	return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
}

/** Calls a webhook as the shop would, with whatever headers and body. */
async function call(url: string, body: string, headers: Record<string, string> = {}) {
	const response = await request(url, { method: 'POST', body, headers });
	return { status: response.statusCode, text: await response.body.text() };
}

const sign = (body: string, secret: string) => createHmac('sha256', secret).update(body).digest('base64');

/** An n8n that can be gone while its address stays the same. */
async function frontOf(running: Running): Promise<{ mode: 'works' | 'gone' | number }> {
	const front = { mode: 'works' as 'works' | 'gone' | number };
	const server: Server = createServer(KEPT, (incoming, outgoing) => {
		const pass = async () => {
			const body = await buffer(incoming);
			if (front.mode === 'gone') return void incoming.socket.destroy();
			if (front.mode !== 'works') return void outgoing.writeHead(front.mode).end();
			const target = `${new URL(running.server.url).origin}${incoming.url ?? ''}`;
			const { host: _h, connection: _c, 'content-length': _l, 'transfer-encoding': _t, ...headers } = incoming.headers;
			const answer = await request(target, { method: 'POST', headers, body });
			outgoing.writeHead(answer.statusCode).end(await buffer(answer.body));
		};
		pass().catch(() => outgoing.destroy());
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	closing.push(() => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	});
	Object.assign(running.workflow, { webhookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook` });
	return front;
}

describe('registration', () => {
	test('V7 publishing registers a webhook for each topic, and unpublishing removes these and no others', async () => {
		const mark = await markOfUnpublished();
		const foreign = await Promise.all([
			shop.webhooks.create({ name: 'Mine', topic: 'order.created', deliveryUrl: 'http://127.0.0.1:9/mine' }),
			shop.webhooks.create({
				name: `Registered by n8n, Hybrid Sync ${'0'.repeat(24)}`,
				topic: 'order.updated',
				deliveryUrl: 'http://127.0.0.1:9/other',
			}),
			shop.webhooks.create({ name: `About ${mark}`, topic: 'order.updated', deliveryUrl: 'http://127.0.0.1:9/about' }),
		]);
		const running = await Running.publish();
		const ours = webhooksOf(running);
		expect(topics(ours)).toEqual(['order.created', 'order.updated']);
		expect(shop.webhooks.all()).toHaveLength(5);
		expect(ours.map(({ status }) => status)).toEqual(['active', 'active']);
		await running.workflow.publish();
		await running.workflow.publish();
		expect(idsOf(webhooksOf(running))).toEqual(idsOf(ours));
		await running.workflow.hook('delete');
		expect(shop.webhooks.all()).toEqual(foreign);
		expect(running.workflow.warnings).toEqual([]);
	});

	test('V7 one of ours by its mark that calls another address, or by its address that bears another mark, is left alone', async () => {
		const running = await Running.serve(workflowWith({}, { id: 'moved' }));
		await running.workflow.publish();
		const { deliveryUrl, name } = webhookOf(running);
		const elsewhere = { name, topic: 'order.created', deliveryUrl: 'http://127.0.0.1:9/webhook/old' };
		const foreign = [
			await shop.webhooks.create(elsewhere),
			await shop.webhooks.create({ name: `Copy of ${name}`, topic: 'order.created', deliveryUrl }),
		];
		await running.workflow.publish();
		expect(running.workflow.warnings).toEqual([expect.stringContaining('also calls 127.0.0.1:9')]);
		await running.workflow.hook('delete');
		expect(shop.webhooks.all()).toEqual(foreign);
	});

	test('V7 a node that wants all events has a webhook for each topic of the shop', async () => {
		const running = await Running.publish(workflowWith({ events: [] }));
		expect(topics(webhooksOf(running))).toEqual(
			['coupon', 'customer', 'order', 'product']
				.flatMap((object) => ['created', 'deleted', 'restored', 'updated'].map((action) => `${object}.${action}`))
				.filter((topic) => topic !== 'customer.restored'),
		);
	});

	test('V7 deliveries are proven by a secret that is derived, never shown and nowhere kept', async () => {
		const running = await Running.publish();
		const { secret, deliveryUrl } = webhookOf(running);
		expect(secret).toMatch(/^[0-9a-f]{64}$/);
		const { id } = shop.createOrder();
		await running.push();
		expect(running.news()).toEqual([`order.created ${id}`]);
		expect(shop.attempts.map(({ status }) => status)).toEqual([200]);
		const body = JSON.stringify({ id: 4711, date_created_gmt: '2027-01-02T12:00:00' });
		const forged = { 'content-type': 'application/json', 'x-wc-webhook-topic': 'order.created' };
		for (const wrong of ['', shop.consumerSecret, `${secret.slice(1)}0`]) {
			const headers = { ...forged, 'x-wc-webhook-signature': sign(body, wrong) };
			expect(await call(deliveryUrl, body, headers)).toMatchObject({ status: 401 });
		}
		await running.push();
		await running.tick();
		expect(running.news()).toEqual([]);
		const written = ledgerFiles();
		expect(written.includes(running.workflow.workflow.id)).toBe(true);
		expect([secret, shop.consumerKey, shop.consumerSecret].filter((each) => written.includes(each))).toEqual([]);
		const warned = JSON.stringify(running.workflow.warnings);
		expect(warned).not.toContain(secret);
	});

	test('V7 the ping is answered with exactly 200, and starts nothing', async () => {
		const running = await Running.publish();
		expect(shop.webhooks.pings.map(({ status }) => status)).toEqual([200, 200]);
		const { deliveryUrl } = webhookOf(running);
		const form = { 'content-type': 'application/x-www-form-urlencoded' };
		expect(await call(deliveryUrl, 'webhook_id=17', form)).toMatchObject({ status: 200 });
		expect(await call(deliveryUrl, 'webhook_id=17&order=1', form)).toMatchObject({ status: 401 });
		expect(await call(deliveryUrl, 'webhook_id=17', { 'content-type': 'text/plain' })).toMatchObject({ status: 200 });
		expect(running.server.executions).toEqual([]);
		await running.tick(10 * MINUTE);
		expect(running.news()).toEqual([]);
	});

	test.each([['after it is unpublished'], ['at once']])(
		'V7 switching a node to other events %s leaves just their webhooks',
		async (how) => {
			const running = await Running.publish(workflowWith({ events: ['order.created', 'order.updated'] }));
			const kept = webhooksOf(running).find(({ topic }) => topic === 'order.updated');
			if (how !== 'at once') await running.workflow.hook('delete');
			running.workflow.node('Sync').parameters['events'] = ['order.updated', 'order.deleted', 'product.created'];
			await running.workflow.publish();
			expect(topics()).toEqual(['order.deleted', 'order.updated', 'product.created']);
			if (how === 'at once') expect(idsOf()).toContain(kept?.id);
			const order = shop.createOrder();
			const product = shop.create('products');
			shop.trashOrder(order.id);
			await running.push();
			await running.tick();
			expect(running.news().sort()).toEqual([`order.deleted ${order.id}`, `product.created ${product.id}`]);
			await running.workflow.hook('delete');
			expect(topics()).toEqual([]);
		},
	);

	test('V7 two workflows on one shop each have their own webhooks, and each gets each event', async () => {
		const [one, other] = [await Running.publish(), await Running.publish()];
		expect(topics(webhooksOf(one))).toEqual(ORDER_EVENTS);
		expect(topics(webhooksOf(other))).toEqual(ORDER_EVENTS);
		// Each topic of each has its own: what is signed for one proves no other.
		expect(new Set(shop.webhooks.all().map(({ secret }) => secret)).size).toBe(4);
		const { id } = shop.createOrder();
		shop.createOrder({}, NOT_PUSHED);
		for (const running of [one, other]) {
			await running.push();
			await running.tick();
			expect(running.news()).toEqual([`order.created ${id}`, `order.created ${id + 1}`]);
		}
		await one.workflow.hook('delete');
		expect(topics(webhooksOf(other))).toEqual(ORDER_EVENTS);
		expect(shop.webhooks.all()).toHaveLength(2);
	});

	test('V7 a delivery to one workflow is none to another one on the same shop', async () => {
		const [one, other] = [await Running.publish(), await Running.publish()];
		const { deliveryUrl } = webhookOf(other);
		const { secret } = webhookOf(one);
		const body = JSON.stringify(shop.createOrder({}, NOT_PUSHED));
		const headers = {
			'content-type': 'application/json',
			'x-wc-webhook-topic': 'order.created',
			'x-wc-webhook-signature': sign(body, secret),
		};
		expect(await call(deliveryUrl, body, headers)).toMatchObject({ status: 401 });
		expect(other.server.executions).toEqual([]);
	});

	test('V7 publishing several times at once, with a tick between, leaves one webhook for each topic', async () => {
		const { workflow } = await Running.serve(workflowWith());
		shop.settings.latencyMs = 5;
		await Promise.all([workflow.publish(), workflow.poll(), workflow.publish(), workflow.publish()]);
		expect(topics()).toEqual(ORDER_EVENTS);
	});

	test.each([
		['the shop refuses one of them', 500],
		['the connection breaks', 'reset'],
	] as const)('V7 publishing fails where %s, and leaves nothing once n8n has taken it back', async (_what, status) => {
		const { workflow } = await Running.serve(workflowWith({ events: [] }));
		shop.fail({ path: '/webhooks', method: 'POST', after: 4, status });
		await expect(workflow.publish()).rejects.toThrow(/WooCommerce/);
		expect(topics()).toHaveLength(4);
		await workflow.hook('delete');
		expect(topics()).toEqual([]);
		await workflow.publish();
		expect(topics()).toHaveLength(15);
	});

	test('V7 an answer that was lost after a webhook was made leaves one for each topic, and none after unpublishing', async () => {
		const { workflow } = await Running.serve(workflowWith());
		const create = shop.webhooks.create.bind(shop.webhooks);
		let made = 0;
		jest.spyOn(shop.webhooks, 'create').mockImplementation(async (fields) => {
			const webhook = await create(fields);
			made += 1;
			if (made === 2) throw new Error('The answer is lost.');
			return webhook;
		});
		await expect(workflow.publish()).rejects.toThrow(/WooCommerce/);
		expect(topics()).toEqual(ORDER_EVENTS);
		await workflow.publish();
		expect(topics()).toEqual(ORDER_EVENTS);
		await workflow.hook('delete');
		expect(topics()).toEqual([]);
	});

	test('V7 webhooks that cannot be removed while the shop is down are removed the next time', async () => {
		const running = await Running.publish();
		shop.fail({ path: '/webhooks', status: 503, times: 10 });
		await running.workflow.hook('delete');
		expect(topics()).toEqual(ORDER_EVENTS);
		expect(running.workflow.warnings).toEqual([expect.stringContaining('could not remove its webhook')]);
		shop.faults.length = 0;
		for (const webhook of webhooksOf(running)) webhook.status = 'disabled';
		// Nobody looks after what is not published.
		await running.ticks(90);
		expect(webhooksOf(running).map(({ status }) => status)).toEqual(['disabled', 'disabled']);
		await running.workflow.publish();
		await running.workflow.hook('delete');
		expect(topics()).toEqual([]);
	});

	test.each<[string, (webhook: Webhook) => void, string]>([
		[
			'removed',
			({ id }) => {
				shop.webhooks.delete(id);
			},
			'removed',
		],
		['disabled', (webhook) => void (webhook.status = 'disabled'), 'disabled'],
		['paused', (webhook) => void (webhook.status = 'paused'), 'disabled'],
		['given another topic', (webhook) => void (webhook.topic = 'coupon.created'), 'changed'],
	])('V7 a webhook that was %s is made anew within the hour, and that is said once', async (_what, harm, said) => {
		const running = await Running.publish();
		const [harmed, other] = ORDER_EVENTS.map((topic) => webhookOf(running, topic));
		if (!harmed || !other) throw new Error('There are no webhooks');
		const { topic } = harmed;
		harm(harmed);
		const { id } = shop.createOrder({}, NOT_PUSHED);
		await running.ticks(61);
		expect(running.news()).toEqual([`order.created ${id}`]);
		expect(topics()).toEqual(ORDER_EVENTS);
		expect(idsOf()).toContain(other.id);
		expect(idsOf()).not.toContain(harmed.id);
		await running.ticks(130);
		expect(running.workflow.warnings).toHaveLength(1);
		expect(running.workflow.warnings[0]).toContain(said);
		expect(running.workflow.warnings[0]).toContain(topic);
	});

	test('V7 what is unpublished is not made anew', async () => {
		const running = await Running.publish();
		await running.workflow.hook('delete');
		await running.ticks(130);
		expect(topics()).toEqual([]);
	});

	test('V9 listening for a test event has webhooks of its own, and leaves the published ones as they were', async () => {
		const running = await Running.publish();
		const published = webhooksOf(running).map((webhook) => ({ ...webhook }));
		await running.workflow.hook('checkExists', 'Sync', 'manual', true);
		expect(topics()).toEqual(['order.created', 'order.created', 'order.updated', 'order.updated']);
		await running.workflow.hook('delete', 'Sync', 'manual', true);
		expect(shop.webhooks.all()).toEqual(published);
		// They are looked after and removed as before.
		webhookOf(running).status = 'disabled';
		await running.ticks(61);
		expect(webhooksOf(running).map(({ status }) => status)).toEqual(['active', 'active']);
		await running.workflow.hook('delete');
		expect(topics()).toEqual([]);
	});

	test('V7 a changed key makes the webhooks anew with the next tick, by another secret', async () => {
		const data = credential();
		const running = await Running.publish(workflowWith({}, { credential: data }));
		const [before, after] = [webhooksOf(running), 'cs_another'];
		Object.assign(shop, { consumerSecret: after });
		Object.assign(data, { consumerSecret: after });
		await running.tick();
		expect(topics()).toEqual(ORDER_EVENTS);
		expect(idsOf().filter((id) => idsOf(before).includes(id))).toEqual([]);
		expect(webhooksOf(running)[0]?.secret).not.toBe(before[0]?.secret);
	});

	test('V7 a node with its webhook by hand registers none, and takes what the secret of its credential proves', async () => {
		const webhookSecret = 'a-secret-of-the-user';
		const workflow = workflowWith({ registration: 'byHand' }, { credential: credential({ webhookSecret }) });
		const running = await Running.publish(workflow);
		expect(topics()).toEqual([]);
		await shop.webhooks.create({
			name: 'Mine',
			topic: 'order.created',
			deliveryUrl: running.server.url,
			secret: webhookSecret,
		});
		const { id } = shop.createOrder();
		await running.push();
		await running.tick();
		expect(running.news()).toEqual([`order.created ${id}`]);
		await workflow.hook('delete');
		expect(shop.webhooks.all()).toHaveLength(1);
	});

	test.each(['', 'too short', 'with <an> & of HTML in it'])(
		'V7 by hand, the secret %j is refused before the webhook goes live',
		async (webhookSecret) => {
			const workflow = workflowWith({ registration: 'byHand' }, { credential: credential({ webhookSecret }) });
			await expect(workflow.publish()).rejects.toThrow(
				/Enter this one, made at random, .*: [\w-]{32} .*Delivery URL http/,
			);
		},
	);
});

describe('access', () => {
	test.each([401, 403] as const)(
		'V13 a key that may only read is told which permission it lacks (%i)',
		async (status) => {
			Object.assign(shop.settings, { rights: 'read', readOnlyStatus: status });
			const { workflow } = await Running.serve(workflowWith());
			await expect(workflow.publish()).rejects.toThrow(/permission Read\/Write/);
			await expect(workflow.publish()).rejects.toThrow(/By Hand/);
			expect(topics()).toEqual([]);
		},
	);

	test('V13 a user who may not manage the shop is named as the reason', async () => {
		shop.settings.managesShop = false;
		const { workflow } = await Running.serve(workflowWith());
		await expect(workflow.publish()).rejects.toThrow(/may manage the shop/);
	});

	test.each(['woocommerce_rest_cannot_view', 'woocommerce_rest_authentication_error'] as const)(
		'V13 a wrong key is refused when the workflow is published, and not repeated (%s)',
		async (wrongSecretCode) => {
			shop.settings.wrongSecretCode = wrongSecretCode;
			const workflow = workflowWith({}, { credential: credential({ consumerSecret: 'cs_of_another_shop' }) });
			await Running.serve(workflow);
			for (const attempt of [workflow.publish(), workflow.poll()]) {
				const error: unknown = await attempt.catch((caught: unknown) => caught);
				expect(String(error)).toMatch(/refused the credential.*Consumer Secret/);
				expect(JSON.stringify(error)).not.toContain('cs_of_another_shop');
			}
		},
	);

	test.each([
		['http://shop.example.com', 'is not HTTPS'],
		['http://192.168.0.7', 'is not HTTPS'],
		['shop.example.com', 'not usable'],
		['https://user:password@shop.example.com', 'not usable'],
		['', 'lacks a usable Shop URL'],
	])('V13 the shop %j is refused before anything is sent', async (siteUrl, why) => {
		const workflow = workflowWith({}, { credential: credential({ siteUrl }) });
		await expect(workflow.publish()).rejects.toThrow(why);
		await expect(workflow.poll()).rejects.toThrow(why);
		expect(shop.requests).toEqual([]);
	});

	test('V13 the shop may be given with the path of its API', async () => {
		const siteUrl = `${shop.siteUrl}/wp-json/wc/v3/`;
		const running = await Running.publish(workflowWith({}, { credential: credential({ siteUrl }) }));
		const { id } = shop.createOrder();
		await running.push();
		await running.tick();
		expect(running.news()).toEqual([`order.created ${id}`]);
	});

	test('V13 keys in the URL are nowhere else: not in the ledger, in errors or in logs', async () => {
		const keys = { consumerKey: 'ck_in_the_url_1234567890', consumerSecret: 'cs_in_the_url_1234567890' };
		Object.assign(shop, keys);
		const output: string[] = [];
		const write = (...words: unknown[]) => void output.push(words.map((word) => JSON.stringify(word)).join(' '));
		for (const name of ['info', 'warn', 'error', 'debug'] as const) {
			jest.spyOn(Container.get(Logger), name).mockImplementation(write);
			jest.spyOn(console, name).mockImplementation(write);
		}
		const running = await Running.publish(
			workflowWith({ events: [] }, { credential: credential({ ...keys, sendsKeyInUrl: true }) }),
		);
		expect(shop.requests.every(({ query }) => query.includes(keys.consumerSecret))).toBe(true);
		for (let n = 0; n < 150; n++) shop.createOrder({}, NOT_PUSHED);
		shop.createOrder();
		await running.push();
		await running.ticks(3);
		expect(running.news()).toHaveLength(151);
		const echo = `You sent ?consumer_key=${keys.consumerKey}&consumer_secret=${keys.consumerSecret}`;
		const body = JSON.stringify({ code: 'no', message: echo, data: { status: 400 } });
		for (const status of [400, 403, 404, 500, 503, 'reset'] as const) {
			shop.fail({ status, body, times: 100 });
			const errors: unknown[] = [];
			await running.workflow.poll().catch((error: unknown) => errors.push(error));
			await running.workflow.publish().catch((error: unknown) => errors.push(error));
			expect(errors.length).toBeGreaterThan(0);
			output.push(...errors.map((error) => `${String(error)} ${JSON.stringify(error)}`));
			shop.faults.length = 0;
			jest.setSystemTime(Date.now() + 40 * MINUTE);
		}
		output.push(...running.workflow.warnings, JSON.stringify(running.workflow.workflow.staticData));
		const secrets = Object.values(keys);
		expect(secrets.filter((key) => output.join('\n').includes(key))).toEqual([]);
		const written = ledgerFiles();
		expect(secrets.filter((key) => written.includes(key))).toEqual([]);
	});
});

describe('one event on two paths', () => {
	test('A1 50 identical deliveries at the same moment start one execution, and all are answered with success', async () => {
		const running = await Running.publish();
		shop.createOrder({}, { copies: 50 });
		await shop.idle();
		expect(shop.attempts.map(({ status }) => status)).toEqual(Array(50).fill(200));
		expect(running.server.executions).toHaveLength(1);
		await running.push();
		await running.tick();
		expect(running.news()).toHaveLength(1);
	});

	test('A2 V13 the same orders at the same moment by push and by poll pass once', async () => {
		const running = await Running.publish();
		for (let round = 0; round < 5; round++) {
			jest.setSystemTime(Date.now() + MINUTE);
			const orders = Array.from({ length: 10 }, () => shop.createOrder());
			await Promise.all([running.tick(0), shop.idle()]);
			await running.push();
			await running.ticks(1);
			expect(running.news().sort()).toEqual(orders.map(({ id }) => `order.created ${id}`).sort());
		}
	});

	test('V13 what was pushed first does not come again by polling', async () => {
		const running = await Running.publish();
		at(30);
		const { id } = shop.createOrder();
		await running.push();
		at(40);
		shop.updateOrder(id, { status: 'processing' });
		await running.push();
		expect(running.news()).toEqual([`order.created ${id}`, `order.updated ${id} 12:00:40`]);
		await running.ticks(20);
		expect(running.news()).toEqual([]);
	});

	test('V13 what was polled first and is pushed minutes later does not come again', async () => {
		const running = await Running.publish();
		at(30);
		const { id } = shop.createOrder({}, NOT_PUSHED);
		at(40);
		shop.updateOrder(id, { status: 'processing' }, NOT_PUSHED);
		await running.tick();
		expect(running.passed.map(({ recovered, path }) => ({ recovered, path }))).toEqual(
			Array(2).fill({ recovered: true, path: 'poll' }),
		);
		expect(running.news().sort()).toEqual([`order.created ${id}`, `order.updated ${id} 12:00:40`]);
		await running.ticks(7);
		shop.webhooks.notify('order.created', id);
		shop.webhooks.notify('order.updated', id);
		await running.ticks(20);
		expect(shop.attempts.map(({ status }) => status)).toEqual([200, 200]);
		expect(running.news()).toEqual([]);
	});

	test('V13 created and updated of one state are two events, whichever way they come', async () => {
		const running = await Running.publish();
		at(30);
		const { id } = shop.createOrder({}, NOT_PUSHED);
		at(31);
		shop.updateOrder(id, {}, NOT_PUSHED);
		// The queue runs late: both show the same state.
		shop.webhooks.notify('order.created', id);
		shop.webhooks.notify('order.updated', id);
		await running.push();
		expect(new Set(shop.attempts.map(({ body }) => body)).size).toBe(1);
		await running.ticks(20);
		expect(running.news().sort()).toEqual([`order.created ${id}`, `order.updated ${id} 12:00:31`]);
	});

	test('V13 changes that the shop merges into one delivery are one event, the last one', async () => {
		const running = await Running.publish();
		at(10);
		const { id } = shop.createOrder({}, NOT_PUSHED);
		for (const second of [20, 30, 40]) {
			at(second);
			shop.updateOrder(id, { total: `${second}.00` });
		}
		await running.push();
		await running.ticks(20);
		expect(running.news().sort()).toEqual([`order.created ${id}`, `order.updated ${id} 12:00:40`]);
		expect(shop.attempts).toHaveLength(1);
	});

	test('V13 an old order that changes is updated, and not created', async () => {
		const old = shop.createOrder({ createdAt: noon - 30 * DAY });
		const justBefore = shop.createOrder({ createdAt: noon - SECOND });
		const running = await Running.publish();
		for (const [index, plan] of [NOT_PUSHED, {}].entries()) {
			for (const { id } of [old, justBefore]) {
				jest.setSystemTime(Date.now() + MINUTE);
				shop.updateOrder(id, { total: `${index}.00` }, plan);
				await running.push();
				await running.tick(0);
				expect(running.news()).toEqual([`order.updated ${id} ${timeOf(Date.now())}`]);
			}
		}
		// A longer time is read again once a day.
		for (let hours = 0; hours < 60; hours += 6) await running.tick(6 * HOUR);
		expect(running.news()).toEqual([]);
	});

	test('V13 an order that is new and changed when polling finds it is both', async () => {
		const running = await Running.publish();
		at(70);
		const { id } = shop.createOrder({}, NOT_PUSHED);
		await running.tick(0);
		expect(running.news()).toEqual([`order.created ${id}`]);
		at(130);
		shop.updateOrder(id, {}, NOT_PUSHED);
		const other = shop.createOrder({}, NOT_PUSHED).id;
		at(131);
		shop.updateOrder(other, {}, NOT_PUSHED);
		await running.tick();
		expect(running.news().sort()).toEqual([
			`order.created ${other}`,
			`order.updated ${id} 12:02:10`,
			`order.updated ${other} 12:02:11`,
		]);
	});

	test('V13 Start: Everything finds what there is, each once', async () => {
		for (let n = 0; n < 130; n++) shop.createOrder({ createdAt: noon - n * DAY });
		at(10);
		shop.updateOrder(1, {}, NOT_PUSHED);
		const workflow = workflowWith({ additionalOptions: { start: 'everything', maxEvents: 1_000 } });
		const running = await Running.publish(workflow);
		await running.ticks(3);
		expect(running.news().sort()).toEqual(
			[...Array.from({ length: 130 }, (_, index) => `order.created ${index + 1}`), 'order.updated 1 12:00:10'].sort(),
		);
	});

	test('V13 a pair of triggers joins both paths as one node does', async () => {
		const chosen = { provider: 'woocommerce', events: ORDER_EVENTS };
		const plan = examplePlan(
			{ credential: credential() },
			{ ...chosen, resources: ['orders'], additionalOptions: EVERY_TICK },
			chosen,
		);
		const running = await Running.publish(new TestWorkflow(plan));
		expect(topics()).toEqual(ORDER_EVENTS);
		const pushed = shop.createOrder().id;
		await running.push();
		const dropped = shop.createOrder({}, NOT_PUSHED).id;
		await running.ticks(3);
		expect(running.news()).toEqual([`order.created ${pushed}`, `order.created ${dropped}`]);
		for (const webhook of webhooksOf(running)) webhook.status = 'disabled';
		await running.ticks(61);
		expect(webhooksOf(running).map(({ status }) => status)).toEqual(['active', 'active']);
	});
});

describe('what is lost on the way', () => {
	test.each([500, 404, 'gone'] as const)(
		'V13 seven failures in a row (%s) disable a webhook, it is made anew, and what was missed comes by polling',
		async (mode) => {
			const workflow = workflowWith();
			const running = await Running.serve(workflow);
			const front = await frontOf(running);
			await workflow.publish();
			await running.tick(0);
			const before = shop.webhooks.all();
			front.mode = mode;
			const missed: string[] = [];
			for (let n = 0; n < 7; n++) {
				jest.setSystemTime(Date.now() + MINUTE);
				missed.push(`order.created ${shop.createOrder().id}`);
				await shop.idle();
			}
			expect(shop.attempts.filter(({ succeeded }) => succeeded)).toEqual([]);
			expect(before.map(({ topic, status }) => `${topic} ${status}`)).toEqual([
				'order.created disabled',
				'order.updated active',
			]);
			front.mode = 'works';
			missed.push(`order.created ${shop.createOrder().id}`);
			await running.tick();
			expect(running.news()).toEqual(missed);
			await running.ticks(70);
			expect(running.news()).toEqual([]);
			expect(shop.webhooks.all().map(({ topic, status, failureCount }) => ({ topic, status, failureCount }))).toEqual(
				expect.arrayContaining(ORDER_EVENTS.map((topic) => ({ topic, status: 'active', failureCount: 0 }))),
			);
			expect(shop.webhooks.all()).toHaveLength(2);
			expect(idsOf()).not.toContain(before[0]?.id);
			expect(idsOf()).toContain(before[1]?.id);
			expect(workflow.warnings).toEqual([expect.stringContaining('for order.created had been disabled there')]);
			const { id } = shop.createOrder();
			await running.push();
			expect(running.passed.map(({ path }) => path)).toEqual(['webhook']);
			await running.ticks(10);
			expect(running.news()).toEqual([`order.created ${id}`]);
		},
	);

	test('V13 an error in the place of an order starts nothing and is answered with 200, and the order comes by polling', async () => {
		const running = await Running.publish();
		shop.settings.readFails = true;
		const { id } = shop.createOrder();
		const other = shop.createOrder().id;
		await shop.idle();
		expect(shop.attempts.map(({ status, body }) => [status, body.includes('cannot_view')])).toEqual([
			[200, true],
			[200, true],
		]);
		expect(running.server.executions).toEqual([]);
		await running.ticks(10);
		expect(running.news()).toEqual([`order.created ${id}`, `order.created ${other}`]);
	});

	test('V13 an order that was deleted before the shop could read it for a webhook starts nothing', async () => {
		const running = await Running.publish();
		const { id } = shop.createOrder();
		shop.remove('orders', id);
		await running.push();
		await running.ticks(3);
		expect(shop.attempts.map(({ status, body }) => [status, body.includes('invalid_id')])).toEqual([[200, true]]);
		expect(running.news()).toEqual([]);
	});

	test('V6 what the ledger cannot take is answered with success, and comes by polling', async () => {
		const postgres = { host: '127.0.0.1', port: 9, database: 'none', user: 'none', password: 'none' };
		const running = await Running.publish(workflowWith({}, { postgres } as unknown as Partial<Plan>));
		const { parameters } = running.workflow.node('Sync');
		parameters['ledger'] = 'postgres';
		const { id } = shop.createOrder();
		await running.push();
		expect(shop.attempts.map(({ status }) => status)).toEqual([200]);
		expect(running.news()).toEqual([]);
		delete parameters['ledger'];
		await running.ticks(3);
		expect(running.news()).toEqual([`order.created ${id}`]);
	});

	test.each([-720, -300, 120, 345, 840])(
		'V13 a shop in another time zone (%i minutes) loses and doubles nothing',
		async (siteOffsetMinutes) => {
			shop.settings.siteOffsetMinutes = siteOffsetMinutes;
			const old = shop.createOrder({ createdAt: noon - DAY }).id;
			const running = await Running.publish();
			const expected: string[] = [];
			for (let minute = 0; minute < 30; minute++) {
				const { id } = shop.createOrder({}, minute % 3 === 0 ? {} : NOT_PUSHED);
				jest.setSystemTime(Date.now() + SECOND);
				shop.updateOrder(old, { total: `${minute}.00` }, minute % 3 === 1 ? {} : NOT_PUSHED);
				expected.push(`order.created ${id}`, `order.updated ${old} ${timeOf(Date.now())}`);
				await running.push();
				await running.tick();
			}
			await running.ticks(20);
			expect(running.news().sort()).toEqual(expected.sort());
		},
	);

	test('V13 a shop that cannot sort by the time of change is read by id, and loses nothing', async () => {
		shop.settings.sortsByModified = false;
		for (let n = 0; n < 250; n++) shop.createOrder({ createdAt: noon - DAY });
		const running = await Running.publish(workflowWith({ additionalOptions: { maxEvents: 1_000 } }));
		const expected: string[] = [];
		for (let minute = 0; minute < 20; minute++) {
			for (let n = 0; n < 7; n++) {
				const id = ((minute * 7 + n) % 250) + 1;
				shop.updateOrder(id, { total: `${minute}.00` }, NOT_PUSHED);
				expected.push(`order.updated ${id} ${timeOf(Date.now())}`);
			}
			expected.push(`order.created ${shop.createOrder({}, minute % 2 === 0 ? {} : NOT_PUSHED).id}`);
			await running.push();
			await running.tick();
		}
		await running.ticks(10);
		expect(running.news().sort()).toEqual(expected.sort());
		expect(shop.requests.filter(({ status }) => status === 400)).toHaveLength(1);
	});

	test.each([true, false])('V13 250 orders in one second pass, each once (sorted: %s)', async (sortsByModified) => {
		shop.settings.sortsByModified = sortsByModified;
		const running = await Running.publish(workflowWith({ additionalOptions: { maxEvents: 1_000 } }));
		at(30);
		const orders = Array.from({ length: 250 }, (_, n) => shop.createOrder({}, n % 5 === 0 ? {} : NOT_PUSHED).id);
		await running.ticks(5);
		expect(running.news().sort()).toEqual(orders.map((id) => `order.created ${id}`).sort());
		at(600);
		for (const id of orders) shop.updateOrder(id, {}, NOT_PUSHED);
		await running.ticks(5);
		expect(running.news().sort()).toEqual(orders.map((id) => `order.updated ${id} 12:10:00`).sort());
	});

	test('V13 1,000 random changes, with deliveries dropped, doubled and late: each state that polling sees passes once', async () => {
		const random = randomFrom(20_270_102);
		const old = Array.from({ length: 40 }, (_, n) => shop.createOrder({ createdAt: noon - (n + 1) * DAY }).id);
		const running = await Running.publish(workflowWith({ additionalOptions: { maxEvents: 1_000 } }));
		const ids = [...old];
		const created = new Set<string>();
		const passed: string[] = [];
		let late: [topic: string, id: number][] = [];
		let changes = 0;
		for (let minute = 1; changes < 1_000; minute++) {
			const start = noon + minute * MINUTE;
			for (const [topic, id] of late) shop.webhooks.notify(topic, id);
			late = [];
			for (let n = 0; n < 25 && changes < 1_000; n++, changes++) {
				jest.setSystemTime(start + n * 2 * SECOND);
				const chance = random();
				const isLate = chance >= 0.4 && chance < 0.5;
				const copies = chance < 0.2 || isLate ? 0 : chance < 0.4 ? 2 : 1;
				const plan = { copies, delayMs: Math.floor(random() * 4) };
				const isNew = random() < 0.3;
				const id = isNew ? shop.createOrder({}, plan).id : (ids[Math.floor(random() * ids.length)] ?? 1);
				if (isNew) {
					ids.push(id);
					created.add(`order.created ${id}`);
				} else shop.updateOrder(id, { total: `${changes}.00` }, plan);
				if (isLate) late.push([isNew ? 'order.created' : 'order.updated', id]);
				if (random() < 0.3) await running.push();
			}
			jest.setSystemTime(start + 55 * SECOND);
			await running.tick(0);
			await running.push();
			passed.push(...running.news());
			const counts = Map.groupBy(passed, (name) => name);
			const shown = shop.shop
				.all('orders')
				.flatMap(({ id, createdAt, modifiedAt }) =>
					modifiedAt !== null && modifiedAt !== createdAt ? [`order.updated ${id} ${timeOf(modifiedAt)}`] : [],
				);
			const lost = [...shown, ...created].filter((name) => !counts.has(name));
			expect({ minute, lost }).toEqual({ minute, lost: [] });
		}
		await running.ticks(30);
		passed.push(...running.news());
		expect(passed.filter((name, index) => passed.indexOf(name) !== index)).toEqual([]);
		expect(passed.filter((name) => name.startsWith('order.created')).sort()).toEqual([...created].sort());
		expect(shop.attempts.every(({ succeeded }) => succeeded)).toBe(true);
		expect(shop.requests.filter(({ status }) => status !== 200 && status !== 201)).toEqual([]);
	});
});

describe('other objects', () => {
	test('V13 of customers only new ones are found, and changes come by push', async () => {
		const old = shop.create('customers', { createdAt: noon - DAY }).id;
		const running = await Running.publish(
			workflowWith({ events: ['customer.created', 'customer.updated', 'customer.deleted'] }),
		);
		at(30);
		const dropped = shop.create('customers', {}, NOT_PUSHED).id;
		const pushed = shop.create('customers', { role: 'shop_manager' }).id;
		shop.update('customers', old, { first_name: 'Ada' }, NOT_PUSHED);
		await running.push();
		await running.ticks(3);
		expect(running.news().sort()).toEqual([`customer.created ${dropped}`, `customer.created ${pushed}`]);
		at(300);
		shop.update('customers', old, { first_name: 'Grace' });
		await running.push();
		shop.remove('customers', dropped);
		await running.push();
		await running.ticks(15);
		expect(running.news()).toEqual([`customer.updated ${old} 12:05:00`, `customer.deleted ${dropped}`]);
	});

	test('V13 250 customers between two ticks are found, each once', async () => {
		const running = await Running.publish(
			workflowWith({ events: ['customer.created'], additionalOptions: { maxEvents: 1_000 } }),
		);
		const expected = Array.from({ length: 250 }, (_, n) => {
			at(30 + Math.floor(n / 100));
			return `customer.created ${shop.create('customers', {}, NOT_PUSHED).id}`;
		});
		await running.ticks(5);
		expect(running.news().sort()).toEqual(expected.sort());
	});

	test.each<[Resource, string]>([
		['products', 'product'],
		['coupons', 'coupon'],
	])('V13 %s pass by both paths, each state once', async (resource, object) => {
		const old = shop.create(resource, { createdAt: noon - DAY }).id;
		const events = ['created', 'updated'].map((action) => `${object}.${action}`);
		const running = await Running.publish(workflowWith({ events }));
		expect(topics()).toEqual(events);
		at(10);
		const pushed = shop.create(resource).id;
		await running.push();
		at(20);
		const dropped = shop.create(resource, {}, NOT_PUSHED).id;
		shop.update(resource, old, {}, NOT_PUSHED);
		at(30);
		shop.update(resource, pushed, {});
		await running.push();
		await running.ticks(15);
		expect(running.passed.map(({ subject }) => subject)).toContain(`${object}/${dropped}`);
		expect(running.news().sort()).toEqual(
			[
				`${object}.created ${pushed}`,
				`${object}.created ${dropped}`,
				`${object}.updated ${old} 12:00:20`,
				`${object}.updated ${pushed} 12:00:30`,
			].sort(),
		);
	});

	test('V13 an order that is deleted and restored says so, once each', async () => {
		const running = await Running.publish(workflowWith({ events: [] }));
		at(10);
		const { id } = shop.createOrder();
		await running.push();
		at(20);
		shop.trashOrder(id, { copies: 2 });
		await running.push();
		await running.tick();
		at(200);
		shop.restoreOrder(id, { copies: 2 });
		await running.push();
		await running.ticks(15);
		// Polling sees what came back as changed.
		expect(running.news()).toEqual([
			`order.created ${id}`,
			`order.deleted ${id}`,
			`order.restored ${id}`,
			`order.updated ${id} 12:03:20`,
		]);
	});

	test('V13 a node that wants deletions alone gets them by push, and reads no list', async () => {
		const { id } = shop.createOrder({ createdAt: noon - DAY });
		const running = await Running.serve(workflowWith({ events: ['order.deleted'] }));
		await running.workflow.publish();
		await running.tick(0);
		shop.trashOrder(id);
		await running.push();
		await running.ticks(3);
		expect(running.news()).toEqual([`order.deleted ${id}`]);
		expect(shop.requests.filter(({ path }) => path !== '/webhooks')).toEqual([]);
	});
});

/** Numbers from 0 to 1 that are the same in each run. @see https://en.wikipedia.org/wiki/Linear_congruential_generator */
function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2 ** 32;
	};
}

/** The mark of a webhook that was registered for a moment. */
async function markOfUnpublished(): Promise<string> {
	const running = await Running.serve(workflowWith());
	await running.workflow.publish();
	const { name } = webhookOf(running);
	await running.workflow.hook('delete');
	return name.split(' ').at(-1) ?? '';
}
