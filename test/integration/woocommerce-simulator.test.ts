import { createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type RestObject, WooCommerceSimulator, type WooCommerceOptions } from '../simulator/woocommerce/woocommerce';

const NOON = Date.UTC(2026, 10, 25, 12);
const SECRET = '0123456789abcdef';

interface Received {
	headers: IncomingHttpHeaders;
	body: string;
}

/** Something that gets webhooks. */
interface Receiver {
	readonly url: string;
	/** The status of the next answers. */
	status: number;
	readonly received: Received[];
	readonly pings: string[];
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
	await Promise.all(closing.splice(0).map((close) => close()));
});

async function shop(options: WooCommerceOptions = {}): Promise<WooCommerceSimulator> {
	const simulator = await WooCommerceSimulator.start({ clock: () => NOON, ...options });
	closing.push(() => simulator.close());
	return simulator;
}

async function receiver(status = 200): Promise<Receiver> {
	const server: Server = createServer((request, response) => {
		void text(request).then((body) => {
			if (request.headers['x-wc-webhook-topic'] === undefined) result.pings.push(body);
			else result.received.push({ headers: request.headers, body });
			response.writeHead(result.status, { location: '/elsewhere' }).end();
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`;
	const result: Receiver = { url, status, received: [], pings: [] };
	closing.push(() => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	});
	return result;
}

/** The error object of the REST API, or the part of a webhook that tests look at. */
interface Body {
	id: number;
	status: string;
	name: string;
	code: string;
	message: string;
}

async function call(simulator: WooCommerceSimulator, path: string, method = 'GET', params?: object) {
	const credentials = `${simulator.consumerKey}:${simulator.consumerSecret}`;
	const response = await fetch(path.startsWith('http') ? path : `${simulator.apiUrl}${path}`, {
		method,
		headers: {
			authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
			'content-type': 'application/json',
		},
		...(params && { body: JSON.stringify(params) }),
	});
	return { status: response.status, headers: response.headers, text: await response.text() };
}

async function body<Result = Body>(...request: Parameters<typeof call>): Promise<Result> {
	return JSON.parse((await call(...request)).text) as Result;
}

const ids = async (simulator: WooCommerceSimulator, path: string) =>
	(await body<RestObject[]>(simulator, path)).map(({ id }) => id);

function register(simulator: WooCommerceSimulator, { url }: Receiver, topic = 'order.updated', more: object = {}) {
	return body(simulator, '/webhooks', 'POST', { name: 'test', topic, delivery_url: url, secret: SECRET, ...more });
}

describe('lists', () => {
	test('250 orders are walked in the order of change, with totals and links', async () => {
		const simulator = await shop();
		for (let count = 0; count < 250; count++) {
			// The later the number, the earlier the change; two share each second.
			simulator.createOrder({ modifiedAt: NOON - Math.floor(count / 2) * 1000 });
		}
		const found: RestObject[] = [];
		let next: string | undefined = '/orders?orderby=modified&order=asc&per_page=100';
		while (next !== undefined) {
			const page = await call(simulator, next);
			expect(page.headers.get('x-wp-total')).toBe('250');
			expect(page.headers.get('x-wp-totalpages')).toBe('3');
			found.push(...(JSON.parse(page.text) as RestObject[]));
			next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
		}
		expect(new Set(found.map(({ id }) => id)).size).toBe(250);
		const order = found.map((row) => `${row.date_modified_gmt ?? ''} ${String(row.id).padStart(3, '0')}`);
		expect(order).toEqual(order.toSorted());
		expect(simulator.requests.map(({ path, status }) => `${path} ${status}`)).toEqual(Array(3).fill('/orders 200'));
	});

	test('a page has 10 rows by default and 100 at most', async () => {
		const simulator = await shop();
		for (let count = 0; count < 12; count++) simulator.create('products');
		expect(await ids(simulator, '/products')).toHaveLength(10);
		expect(await ids(simulator, '/products?offset=10')).toHaveLength(2);
		expect(await call(simulator, '/products?per_page=101')).toMatchObject({ status: 400 });
	});

	test('modified_after is strict, and its resolution is the second', async () => {
		const simulator = await shop();
		simulator.createOrder({ modifiedAt: NOON + 900 });
		simulator.createOrder({ modifiedAt: NOON + 1000 });
		expect(await ids(simulator, '/orders?dates_are_gmt=true&modified_after=2026-11-25T12:00:00')).toEqual([2]);
		expect(await ids(simulator, '/orders?dates_are_gmt=true&modified_after=2026-11-25T11:59:59')).toEqual([2, 1]);
	});

	test('a date with a zone is off by the offset of the site if dates are GMT', async () => {
		const simulator = await shop({ siteOffsetMinutes: 120 });
		simulator.createOrder();
		const [order] = await body<RestObject[]>(simulator, '/orders');
		expect(order).toMatchObject({ date_modified: '2026-11-25T14:00:00', date_modified_gmt: '2026-11-25T12:00:00' });
		const after = (date: string, more = '') =>
			ids(simulator, `/orders?modified_after=${encodeURIComponent(date)}${more}`);
		const afterGmt = (date: string) => after(date, '&dates_are_gmt=true');
		expect(await afterGmt('2026-11-25T11:59:59')).toEqual([1]);
		expect(await afterGmt('2026-11-25T11:59:59Z')).toEqual([]);
		expect(await afterGmt('2026-11-25T09:59:59Z')).toEqual([1]);
		expect(await after('2026-11-25T13:59:59')).toEqual([1]);
		expect(await after('2026-11-25T14:00:00')).toEqual([]);
		expect(await after('2026-11-25T12:59:59+01:00')).toEqual([1]);
		expect(await after('2026-11-25T13:00:00+01:00')).toEqual([]);
	});

	test('any status leaves out the trash and checkout drafts', async () => {
		const simulator = await shop();
		for (const status of ['processing', 'checkout-draft', 'completed']) simulator.createOrder({ status });
		simulator.trashOrder(3);
		expect(await ids(simulator, '/orders?order=asc')).toEqual([1]);
		expect(await ids(simulator, '/orders?order=asc&status[]=trash&status[]=checkout-draft')).toEqual([2, 3]);
		expect(await ids(simulator, '/orders?include=1,2&status=trash')).toEqual([]);
	});

	test('customers have no date filter, and no date of change before their first change', async () => {
		const simulator = await shop();
		simulator.create('customers', { createdAt: NOON - 1000 });
		simulator.create('customers');
		const query = 'orderby=registered_date&order=desc&modified_after=2030-01-01T00:00:00&dates_are_gmt=true';
		expect(await ids(simulator, `/customers?${query}`)).toEqual([2, 1]);
		expect(await body(simulator, '/customers/1')).toMatchObject({ date_modified_gmt: null });
		simulator.update('customers', 1, { first_name: 'Ada' });
		expect(await body(simulator, '/customers/1')).toMatchObject({ date_modified_gmt: '2026-11-25T12:00:00' });
		expect(await call(simulator, '/customers?orderby=modified')).toMatchObject({ status: 400 });
	});

	test('a site can refuse to sort by the date of change', async () => {
		const simulator = await shop({ sortsByModified: false });
		expect(await body(simulator, '/orders?orderby=modified')).toMatchObject({ code: 'rest_invalid_param' });
		expect(await call(simulator, '/orders?orderby=id')).toMatchObject({ status: 200 });
	});

	test('thousands of orders are listed at once', async () => {
		const simulator = await shop();
		for (let count = 0; count < 5_000; count++) simulator.createOrder({ modifiedAt: NOON + count * 1000 });
		const found = new Set<number>();
		for (let page = 1; page <= 50; page++) {
			const path = `/orders?orderby=modified&order=asc&per_page=100&page=${page}`;
			for (const id of await ids(simulator, path)) found.add(id);
		}
		expect(found.size).toBe(5_000);
	});
});

describe('access', () => {
	test('a wrong key is refused, and the address of the site is open', async () => {
		const simulator = await shop();
		const stranger = await fetch(`${simulator.apiUrl}/orders`);
		expect(stranger.status).toBe(401);
		expect(await stranger.json()).toMatchObject({ code: 'woocommerce_rest_cannot_view', data: { status: 401 } });
		expect(await (await fetch(`${simulator.siteUrl}/wp-json/`)).json()).toMatchObject({ home: simulator.siteUrl });
		expect(await call(simulator, '/system_status')).toMatchObject({ status: 200 });
	});

	test('a wrong secret and a user without rights have errors of their own', async () => {
		const simulator = await shop({ managesShop: false });
		const code = async () => {
			const response = await fetch(`${simulator.apiUrl}/orders?consumer_key=ck_simulator&consumer_secret=wrong`);
			return ((await response.json()) as Body).code;
		};
		expect(await code()).toBe('woocommerce_rest_cannot_view');
		simulator.settings.wrongSecretCode = 'woocommerce_rest_authentication_error';
		expect(await code()).toBe('woocommerce_rest_authentication_error');
		expect(await call(simulator, '/webhooks')).toMatchObject({ status: 403 });
		expect(await call(simulator, '/orders')).toMatchObject({ status: 200 });
	});

	test.each([401, 403] as const)('a read-only key cannot write: %d', async (readOnlyStatus) => {
		const simulator = await shop({ rights: 'read', readOnlyStatus });
		expect(await call(simulator, '/webhooks')).toMatchObject({ status: 200 });
		const refused = await call(simulator, '/webhooks/1?force=true', 'DELETE');
		expect(refused.status).toBe(readOnlyStatus);
		expect(JSON.parse(refused.text)).toMatchObject({ code: 'woocommerce_rest_authentication_error' });
	});

	test('the host limits requests, and faults come as scripted', async () => {
		const simulator = await shop({ requestsPerSecond: 2 });
		const answers = await Promise.all([1, 2, 3].map(() => call(simulator, '/orders')));
		expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
		simulator.settings.requestsPerSecond = Infinity;
		simulator.fail({ status: 503, path: '/orders', after: 1 });
		expect(await call(simulator, '/orders')).toMatchObject({ status: 200 });
		expect(await call(simulator, '/orders')).toMatchObject({ status: 503 });
	});
});

test('answers can be held back, and connections cut', async () => {
	const simulator = await shop();
	let open = () => {};
	simulator.settings.gate = new Promise((resolve) => (open = resolve));
	let isAnswered = false;
	const held = call(simulator, '/orders').then(() => (isAnswered = true));
	expect(await call(simulator, '/webhooks')).toMatchObject({ status: 200 });
	expect(isAnswered).toBe(false);
	open();
	await held;
	simulator.fail({ status: 'reset' });
	await expect(call(simulator, '/orders')).rejects.toThrow('fetch failed');
});

describe('registration', () => {
	test('a webhook is created active, and its secret is never returned', async () => {
		const simulator = await shop();
		const created = await call(simulator, '/webhooks', 'POST', {
			topic: 'order.created',
			delivery_url: (await receiver()).url,
			secret: SECRET,
			status: 'paused',
		});
		expect(created.status).toBe(201);
		expect(JSON.parse(created.text)).toMatchObject({ id: 1, status: 'active', topic: 'order.created' });
		const answers = [created, await call(simulator, '/webhooks'), await call(simulator, '/webhooks/1')];
		for (const { text: shown } of answers) expect(shown).not.toMatch(/secret|failure|0123456789abcdef/);
		expect(simulator.webhooks.get(1)?.secret).toBe(SECRET);
	});

	test('a secret that is left out is made up', async () => {
		const simulator = await shop();
		await register(simulator, await receiver(), 'order.created', { secret: '' });
		expect(simulator.webhooks.get(1)?.secret).toHaveLength(50);
	});

	test('unknown topics and webhooks are errors', async () => {
		const simulator = await shop();
		const target = await receiver();
		const code = 'woocommerce_rest_shop_webhook_invalid_topic';
		expect(await register(simulator, target, 'order.paid')).toMatchObject({ code });
		expect(await register(simulator, target, 'product.published')).toMatchObject({ id: 1 });
		simulator.settings.knowsPublished = false;
		expect(await register(simulator, target, 'product.published')).toMatchObject({ code });
		for (const method of ['GET', 'PUT', 'DELETE']) {
			expect(await call(simulator, '/webhooks/9?force=true', method)).toMatchObject({ status: 404 });
		}
		simulator.settings.unknownWebhookStatus = 400;
		expect(await call(simulator, '/webhooks/9')).toMatchObject({ status: 400 });
	});

	test('webhooks are listed by status and name', async () => {
		const simulator = await shop();
		const target = await receiver();
		for (const name of ['Orders [n8n 1]', 'Stock', 'Orders [n8n 2]']) {
			await register(simulator, target, 'order.updated', { name });
		}
		await call(simulator, '/webhooks/3', 'PUT', { status: 'paused' });
		expect(await ids(simulator, '/webhooks?search=N8N')).toEqual([3, 1]);
		expect(await ids(simulator, '/webhooks?search=n8n&status=active')).toEqual([1]);
		const first = await call(simulator, '/webhooks?per_page=2&page=1');
		expect(first.headers.get('x-wp-totalpages')).toBe('2');
	});

	test('a webhook is deleted only with force', async () => {
		const simulator = await shop();
		await register(simulator, await receiver());
		const refused = await call(simulator, '/webhooks/1', 'DELETE');
		expect(refused.status).toBe(501);
		expect(JSON.parse(refused.text)).toMatchObject({ code: 'woocommerce_rest_trash_not_supported' });
		expect(await call(simulator, '/webhooks/1?force=true', 'DELETE')).toMatchObject({ status: 200 });
		expect(await ids(simulator, '/webhooks')).toEqual([]);
	});

	test('the ping is repeated with every save until it is answered with 200', async () => {
		const simulator = await shop();
		const target = await receiver(204);
		await register(simulator, target);
		expect(target.pings).toEqual(['webhook_id=1']);
		await call(simulator, '/webhooks/1', 'PUT', { name: 'renamed' });
		expect(target.pings).toHaveLength(2);
		simulator.createOrder();
		simulator.updateOrder(1);
		await simulator.idle();
		expect(target.pings).toHaveLength(3);
		target.status = 200;
		await call(simulator, '/webhooks/1', 'PUT', { name: 'again' });
		await call(simulator, '/webhooks/1', 'PUT', { name: 'and again' });
		expect(target.pings).toHaveLength(4);
		await call(simulator, '/webhooks/1', 'PUT', { delivery_url: `${target.url}/moved` });
		expect(target.pings).toHaveLength(5);
	});
});

describe('deliveries', () => {
	test('a delivery is the object, signed over the exact body', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target, 'order.created', { secret: 'a&amp;b' });
		simulator.createOrder({ billing: { email: 'zoë@example.com' } });
		await simulator.idle();
		const [{ headers, body: sent } = { headers: {}, body: '' }] = target.received;
		expect(JSON.parse(sent)).toEqual(await body(simulator, '/orders/1'));
		expect(headers).toMatchObject({
			'x-wc-webhook-topic': 'order.created',
			'x-wc-webhook-resource': 'order',
			'x-wc-webhook-event': 'created',
			'x-wc-webhook-id': '1',
			'x-wc-webhook-source': `${simulator.siteUrl}/`,
			'x-wc-webhook-signature': createHmac('sha256', 'a&b').update(sent).digest('base64'),
		});
		expect(sent).toContain('zo\\u00eb');
	});

	test('changes before the job runs are merged into one delivery of the last state', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target);
		const { id } = simulator.createOrder();
		simulator.updateOrder(id, { status: 'processing' }, { delayMs: 20 });
		simulator.updateOrder(id, { status: 'completed' });
		simulator.updateOrder(simulator.createOrder().id);
		await simulator.idle();
		expect(target.received.map(({ body: sent }) => (JSON.parse(sent) as Body).status).sort()).toEqual([
			'completed',
			'pending',
		]);
		simulator.updateOrder(id);
		await simulator.idle();
		expect(target.received).toHaveLength(3);
	});

	test('a delivery can be dropped, or sent twice under one delivery id', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target, 'order.created');
		simulator.createOrder({}, { copies: 0 });
		await simulator.idle();
		expect(simulator.attempts).toEqual([]);
		simulator.createOrder({}, { copies: 2 });
		await simulator.idle();
		expect(target.received).toHaveLength(2);
		expect(new Set(target.received.map(({ headers }) => headers['x-wc-webhook-delivery-id'])).size).toBe(1);
	});

	test('an object that cannot be read is sent as a signed error without an id', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target, 'order.created');
		const { id } = simulator.createOrder();
		simulator.remove('orders', id);
		await simulator.idle();
		simulator.settings.readFails = true;
		simulator.createOrder();
		await simulator.idle();
		expect(target.received.map(({ body: sent }) => JSON.parse(sent) as unknown)).toEqual([
			{ code: 'woocommerce_rest_shop_order_invalid_id', message: 'Invalid ID.', data: { status: 404 } },
			{
				code: 'woocommerce_rest_cannot_view',
				message: 'Sorry, you cannot view this resource.',
				data: { status: 401 },
			},
		]);
		expect(target.received[0]?.headers['x-wc-webhook-signature']).toBeDefined();
	});

	test('the trash fires deleted and restored, a deletion for good fires nothing', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target, 'product.deleted');
		await register(simulator, target, 'product.restored');
		const { id } = simulator.create('products');
		simulator.trash('products', id);
		await simulator.idle();
		simulator.restore('products', id);
		await simulator.idle();
		simulator.remove('products', id);
		await simulator.idle();
		expect(target.received.map(({ body: sent }) => JSON.parse(sent) as unknown)).toEqual([
			{ id },
			expect.objectContaining({ id, status: 'publish' }),
		]);
	});

	test('drafts fire nothing, and are created when they are no longer drafts', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target, 'order.created');
		await register(simulator, target, 'order.updated');
		const { id } = simulator.createOrder({ status: 'checkout-draft' });
		await simulator.idle();
		expect(target.received).toEqual([]);
		simulator.updateOrder(id, { status: 'pending' });
		await simulator.idle();
		expect(simulator.attempts.map(({ topic }) => topic)).toEqual(['order.created']);
	});

	test('the seventh failure in a row disables, and after that one more does', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target);
		const { id } = simulator.createOrder();
		const deliver = async (status: number) => {
			target.status = status;
			simulator.updateOrder(id);
			await simulator.idle();
			return simulator.webhooks.get(1);
		};
		for (let count = 0; count < 6; count++) await deliver(500);
		expect(await deliver(302)).toMatchObject({ status: 'active', failureCount: 0 });
		for (let count = 0; count < 6; count++) {
			expect(await deliver(404)).toMatchObject({ status: 'active', failureCount: count + 1 });
		}
		expect(await deliver(303)).toMatchObject({ status: 'disabled', failureCount: 6 });
		const attempts = simulator.attempts.length;
		await deliver(200);
		expect(simulator.attempts).toHaveLength(attempts);
		await call(simulator, '/webhooks/1', 'PUT', { status: 'active' });
		expect(simulator.webhooks.get(1)).toMatchObject({ status: 'active', failureCount: 6 });
		expect(await deliver(500)).toMatchObject({ status: 'disabled' });
	});

	test.each([
		[true, 1],
		[false, 0],
	])('a job of a webhook that was paused meanwhile runs or not: %s', async (sendsWhenInactive, sent) => {
		const simulator = await shop({ sendsWhenInactive });
		const target = await receiver();
		await register(simulator, target, 'order.created');
		simulator.createOrder();
		Object.assign(simulator.webhooks.get(1) ?? {}, { status: 'paused' });
		await simulator.idle();
		expect(target.received).toHaveLength(sent);
	});

	test('a private address is never called, and that counts as a failure', async () => {
		const simulator = await shop({ callsAnyAddress: false });
		const target = await receiver();
		expect(await register(simulator, target, 'order.created')).toMatchObject({ status: 'active' });
		simulator.createOrder();
		await simulator.idle();
		expect([...target.pings, ...target.received]).toEqual([]);
		expect(simulator.attempts).toMatchObject([{ succeeded: false, status: 'A valid URL was not provided.' }]);
		expect(simulator.webhooks.get(1)?.failureCount).toBe(1);
	});

	test('a customer is deleted for good, which fires, and a hook can have a webhook of its own', async () => {
		const simulator = await shop();
		const target = await receiver();
		await register(simulator, target, 'customer.deleted');
		await register(simulator, target, 'action.woocommerce_payment_complete');
		simulator.remove('customers', simulator.create('customers').id);
		simulator.remove('customers', simulator.create('customers', { role: 'administrator' }).id);
		simulator.runHook('woocommerce_payment_complete', 7);
		await simulator.idle();
		expect(simulator.attempts.map(({ body: sent }) => sent).sort()).toEqual([
			'{"action":"woocommerce_payment_complete","arg":7}',
			'{"id":1}',
		]);
	});
});
