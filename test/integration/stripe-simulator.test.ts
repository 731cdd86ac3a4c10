import { type IncomingHttpHeaders, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Stripe from 'stripe';
import { type EndpointObject, type StripeEvent, type StripeOptions, StripeSimulator } from '../simulator/stripe/stripe';

/** The rules of the simulated Stripe. Where it can be, Stripe's own client is the judge. */

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 9, 1, 12);

let stripe: StripeSimulator;
const toClose: (() => unknown)[] = [];

async function start(options: StripeOptions = {}): Promise<StripeSimulator> {
	const limits = { perSecond: Infinity, perEndpoint: Infinity };
	const started = await StripeSimulator.start({ retryDelays: [5, 5, 5], limits, ...options });
	toClose.push(() => started.close());
	stripe = started;
	return started;
}

afterEach(async () => {
	for (const close of toClose.splice(0).reverse()) await close();
});

/** Stripe's own client. */
function clientOf({ secretKey, port }: StripeSimulator): Stripe {
	return new Stripe(secretKey, { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0 });
}

interface Answer {
	readonly status: number;
	readonly headers: Headers;
	readonly body: {
		readonly data: { readonly id: string; readonly type?: string; readonly status?: string }[];
		readonly has_more: boolean;
		readonly error?: {
			readonly type: string;
			readonly code?: string;
			readonly message: string;
			readonly param?: string;
		};
	} & Partial<EndpointObject & { secret: string }>;
}

async function call(path: string, { method = 'GET', form, key = stripe.secretKey }: CallOptions = {}): Promise<Answer> {
	const response = await fetch(`${stripe.apiUrl}${path}`, {
		method,
		headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' },
		...(form !== undefined && { body: form }),
	});
	return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

interface CallOptions {
	readonly method?: string;
	readonly form?: string;
	readonly key?: string;
}

const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

interface Received {
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

/** A webhook receiver, which answers with the statuses in turn, and with the last of them from then on. */
async function receiver(...statuses: number[]): Promise<{ url: string; received: Received[]; server: Server }> {
	const received: Received[] = [];
	const server = createServer((request, response) => {
		void text(request).then((body) => {
			const status = statuses[Math.min(received.length, statuses.length - 1)] ?? 200;
			received.push({ headers: request.headers, body });
			response.writeHead(status).end();
		});
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	toClose.push(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received, server };
}

describe('the list of events', () => {
	test('a walk with ending_before gives each of 250 events once, in the order of creation', async () => {
		await start();
		const [first, ...rest] = Array.from({ length: 251 }, (_, n) => stripe.happen('invoice.paid', { n }));
		const walked: string[] = [];
		const pages: [number, boolean][] = [];
		let cursor = first?.id ?? '';
		for (let hasMore = true; hasMore;) {
			const { body } = await call(`/events?limit=100&ending_before=${cursor}`);
			walked.push(...idsOf(body.data).reverse());
			pages.push([body.data.length, body.has_more]);
			hasMore = body.has_more;
			cursor = body.data[0]?.id ?? '';
		}
		expect(walked).toEqual(idsOf(rest));
		expect(pages).toEqual([
			[100, true],
			[100, true],
			[50, false],
		]);
		expect([...walked].sort()).toEqual(walked);
		expect(await call(`/events?ending_before=${cursor}`)).toMatchObject({ body: { data: [], has_more: false } });
	});

	test("Stripe's client walks it both ways", async () => {
		await start();
		const ids = idsOf(Array.from({ length: 250 }, () => stripe.happen('invoice.paid')));
		const client = clientOf(stripe);
		const newestFirst: string[] = [];
		for await (const { id } of client.events.list({ limit: 100 })) newestFirst.push(id);
		const chronological: string[] = [];
		const params = { limit: 100, ending_before: ids[0] ?? '' };
		for await (const { id } of client.events.list(params)) chronological.push(id);
		expect(newestFirst).toEqual(ids.toReversed());
		expect(chronological).toEqual(ids.slice(1));
		expect(stripe.requests).toHaveLength(6);
	});

	test('100,000 events can be walked', async () => {
		await start({ clock: () => NOW });
		const events = Array.from({ length: 100_000 }, (_, n) =>
			stripe.happen(n % 10_000 === 0 ? 'charge.refunded' : 'invoice.paid', {}, { createdAt: NOW - DAY + n * 100 }),
		);
		const { body } = await call(`/events?limit=100&ending_before=${events[50_000]?.id ?? ''}`);
		expect(idsOf(body.data).reverse()).toEqual(idsOf(events.slice(50_001, 50_101)));
		const rare = await call('/events?limit=9&type=charge.*');
		expect(rare.body).toMatchObject({ has_more: true, data: { length: 9 } });
	});

	test('pages have 10 rows unless said otherwise, and 1 to 100', async () => {
		await start();
		for (let n = 0; n < 11; n++) stripe.happen('invoice.paid');
		expect(await call('/events')).toMatchObject({ body: { data: { length: 10 }, has_more: true } });
		expect(await call('/events?limit=11')).toMatchObject({ body: { data: { length: 11 }, has_more: false } });
		for (const limit of ['0', '101', 'many', '1.5']) {
			const error = { type: 'invalid_request_error', code: 'parameter_invalid_integer', param: 'limit' };
			expect(await call(`/events?limit=${limit}`)).toMatchObject({ status: 400, body: { error } });
		}
	});

	test('types: a wildcard, or up to 20 names, not both', async () => {
		await start();
		for (const type of ['invoice.paid', 'invoice.created', 'invoiceitem.created', 'charge.refunded']) {
			stripe.happen(type);
		}
		const typesOf = async (query: string) => (await call(`/events?${query}`)).body.data.map(({ type }) => type);
		expect(await typesOf('type=invoice.*')).toEqual(['invoice.created', 'invoice.paid']);
		expect(await typesOf('type=invoice.paid')).toEqual(['invoice.paid']);
		expect(await typesOf('type=*.created')).toEqual(['invoiceitem.created', 'invoice.created']);
		expect(await typesOf('types[]=charge.refunded&types[]=invoice.paid')).toEqual(['charge.refunded', 'invoice.paid']);
		expect(await typesOf('types[0]=charge.refunded')).toEqual(['charge.refunded']);
		const many = (count: number) => Array.from({ length: count }, (_, n) => `types[]=t.n${n}`).join('&');
		expect((await call(`/events?${many(20)}`)).status).toBe(200);
		expect((await call(`/events?${many(21)}`)).status).toBe(400);
		expect((await call('/events?type=invoice.*&types[]=invoice.paid')).status).toBe(400);
		expect((await call('/events?sort=asc')).body.error).toMatchObject({ code: 'parameter_unknown', param: 'sort' });
	});

	test('created bounds are in seconds, and gte and lte include theirs', async () => {
		await start({ clock: () => NOW });
		const second = NOW / 1000;
		const events = [-2, -1, 0].map((n) => stripe.happen('a.b', {}, { createdAt: NOW + n * 1000 }));
		const placesOf = async (query: string) =>
			idsOf((await call(`/events?${query}`)).body.data).map((id) => idsOf(events).indexOf(id) - 2);
		expect(await placesOf(`created[gt]=${second - 1}`)).toEqual([0]);
		expect(await placesOf(`created[gte]=${second - 1}`)).toEqual([0, -1]);
		expect(await placesOf(`created[lt]=${second - 1}`)).toEqual([-2]);
		expect(await placesOf(`created[lte]=${second - 1}&created[gt]=${second - 2}`)).toEqual([-1]);
		expect(await placesOf(`created=${second}`)).toEqual([0]);
		expect((await call('/events?created[gt]=yesterday')).status).toBe(400);
	});

	test('an event that becomes visible late is then in its place, behind newer ones', async () => {
		let now = NOW;
		await start({ clock: () => now });
		const before = stripe.happen('a.b');
		const late = stripe.happen('a.b', {}, { visibleAfterMs: 60_000 });
		const after = stripe.happen('a.b');
		expect(idsOf((await call('/events')).body.data)).toEqual(idsOf([after, before]));
		expect((await call(`/events?ending_before=${late.id}`)).status).toBe(400);
		expect((await call(`/events/${late.id}`)).status).toBe(404);
		now += 60_000;
		expect(idsOf((await call('/events')).body.data)).toEqual(idsOf([after, late, before]));
		expect((await call(`/events?ending_before=${after.id}`)).body.data).toEqual([]);
	});

	test('an event older than 30 days is gone, as a cursor too', async () => {
		let now = NOW;
		await start({ clock: () => now });
		const old = stripe.happen('a.b');
		now += DAY;
		const kept = stripe.happen('a.b');
		now += 29 * DAY;
		expect((await call(`/events?ending_before=${old.id}`)).body.data).toHaveLength(1);
		now += 1000;
		expect(idsOf((await call('/events')).body.data)).toEqual([kept.id]);
		const error = {
			type: 'invalid_request_error',
			code: 'resource_missing',
			message: `No such event: '${old.id}'`,
			param: 'ending_before',
		};
		expect(await call(`/events?ending_before=${old.id}`)).toMatchObject({ status: 400, body: { error } });
		stripe.switches.missing = 404;
		expect(await call(`/events?ending_before=${old.id}`)).toMatchObject({ status: 404, body: { error } });
		expect((await call('/events?ending_before=evt_unknown')).status).toBe(404);
	});
});

describe('webhook endpoints', () => {
	test('brackets make lists and maps, and only the answer to the creation has the secret', async () => {
		await start();
		const form = 'url=https://example.com/hook&enabled_events[0]=invoice.paid&enabled_events[]=a.b&metadata[node]=n1';
		const { body: created } = await call('/webhook_endpoints', { method: 'POST', form });
		expect(created).toMatchObject({
			object: 'webhook_endpoint',
			status: 'enabled',
			url: 'https://example.com/hook',
			enabled_events: ['invoice.paid', 'a.b'],
			metadata: { node: 'n1' },
			livemode: false,
		});
		expect(created.secret).toMatch(/^whsec_\w{32}$/);
		const path = `/webhook_endpoints/${created.id ?? ''}`;
		const { secret: _secret, ...withoutSecret } = created;
		expect((await call(path)).body).toEqual(withoutSecret);
		expect((await call('/webhook_endpoints')).body.data).toEqual([withoutSecret]);

		const change = 'metadata[node]=&metadata[other]=2&disabled=true&enabled_events[]=*&description=d';
		const { body: changed } = await call(path, { method: 'POST', form: change });
		const now = { metadata: { other: '2' }, status: 'disabled', enabled_events: ['*'], description: 'd' };
		expect(changed).toEqual({ ...withoutSecret, ...now });
		const undone = await call(path, { method: 'POST', form: 'metadata=&disabled=false' });
		expect(undone.body).toEqual({ ...withoutSecret, ...now, metadata: {}, status: 'enabled' });
	});

	test('what is wrong in a form is refused', async () => {
		await start({ allowsHttp: false });
		const https = 'url=https://example.com/';
		const wrong: Record<string, object> = {
			'enabled_events[]=*': { code: 'parameter_missing', param: 'url' },
			[https]: { code: 'parameter_missing', param: 'enabled_events' },
			[`${https}&enabled_events=*`]: { message: 'Invalid array', param: 'enabled_events' },
			[`${https}&enabled_events[]=nonsense`]: { param: 'enabled_events[0]' },
			[`${https}&enabled_events[]=*&metadata=x`]: { param: 'metadata' },
			[`${https}&enabled_events[]=*&secret=x`]: { code: 'parameter_unknown', param: 'secret' },
			'url=http://example.com/&enabled_events[]=*': { code: 'url_invalid', param: 'url' },
			'{"url":"https://example.com/","enabled_events":["*"]}': { code: 'parameter_unknown' },
		};
		for (const [form, error] of Object.entries(wrong)) {
			expect(await call('/webhook_endpoints', { method: 'POST', form })).toMatchObject({
				status: 400,
				body: { error },
			});
		}
		const id = stripe.listen({ url: 'https://example.com/' }).shown.id;
		const versioned = await call(`/webhook_endpoints/${id}`, { method: 'POST', form: 'api_version=2026-09-30.endive' });
		expect(versioned).toMatchObject({ status: 400, body: { error: { code: 'parameter_unknown' } } });
	});

	test("Stripe's client creates, lists, changes and deletes them, 16 at most", async () => {
		await start();
		const client = clientOf(stripe);
		const create = (n: number) =>
			client.webhookEndpoints.create({
				url: `https://example.com/${n}`,
				enabled_events: ['*'],
				metadata: { n: String(n) },
			});
		const ids: string[] = [];
		for (let n = 0; n < 16; n++) ids.unshift((await create(n)).id);
		await expect(create(16)).rejects.toMatchObject({ statusCode: 400, type: 'StripeInvalidRequestError' });
		stripe.switches.limitOfEndpoints = undefined;
		ids.unshift((await create(16)).id);

		const listed: string[] = [];
		for await (const { id } of client.webhookEndpoints.list({ limit: 7 })) listed.push(id);
		expect(listed).toEqual(ids);
		const [id = ''] = ids;
		expect(await client.webhookEndpoints.update(id, { disabled: true })).toMatchObject({ status: 'disabled' });
		expect(await client.webhookEndpoints.del(id)).toMatchObject({ id, object: 'webhook_endpoint', deleted: true });
		const missing = { statusCode: 404, code: 'resource_missing' };
		await expect(client.webhookEndpoints.retrieve(id)).rejects.toMatchObject(missing);
		await expect(client.webhookEndpoints.del(id)).rejects.toMatchObject(missing);
	});
});

describe('who may ask, how often', () => {
	test('a key is needed, as a bearer token or as the user of Basic authentication', async () => {
		await start();
		expect((await call('/account', { key: 'rk_test_another' })).body.error?.message).toContain('Invalid API Key');
		expect((await fetch(`${stripe.apiUrl}/account`)).status).toBe(401);
		const basic = `Basic ${Buffer.from(`${stripe.secretKey}:`).toString('base64')}`;
		const response = await fetch(`${stripe.apiUrl}/account`, { headers: { authorization: basic } });
		expect(await response.json()).toMatchObject({ id: 'acct_1Simulator', object: 'account' });
		expect(response.headers.get('request-id')).toMatch(/^req_/);
		expect(response.headers.get('stripe-version')).toBe('2026-09-30.endive');
	});

	test.each([
		['account_read', 'GET', '/account', ''],
		['events_read', 'GET', '/events', ''],
		['webhooks_read', 'GET', '/webhook_endpoints', 'rak_webhook_read'],
		['webhooks_write', 'POST', '/webhook_endpoints', 'rak_webhook_write'],
	] as const)('a restricted key without %s cannot %s %s', async (right, method, path, permission) => {
		await start();
		const form = method === 'POST' ? { form: 'url=https://example.com/&enabled_events[]=*' } : {};
		expect((await call(path, { method, ...form })).status).toBe(200);
		stripe.state.rights.delete(right);
		const { status, body } = await call(path, { method, ...form });
		expect(status).toBe(403);
		expect(body.error).toMatchObject({ type: 'invalid_request_error' });
		expect(body.error?.message).toContain("The provided key 'rk_test_***' does not have the required permissions");
		expect(body.error?.message).toContain(permission);
	});

	test('requests above the limit of a second are refused, with the retry header if there is one', async () => {
		expect((await start({ limits: {} })).state.limits).toEqual({ perSecond: 25, perEndpoint: 25 });
		expect((await start({ limits: {}, livemode: true })).state.limits).toEqual({ perSecond: 100, perEndpoint: 25 });
		for (const limits of [{ perSecond: 3 }, { perEndpoint: 3 }]) {
			await start({ limits });
			const gate = Promise.withResolvers<undefined>();
			stripe.state.gate = gate.promise;
			const answers = Array.from({ length: 4 }, () => call('/events'));
			while (stripe.requests.length < 4) await new Promise((resolve) => setTimeout(resolve, 1));
			expect(stripe.state.maxParallel).toBe(4);
			gate.resolve(undefined);
			const statuses = (await Promise.all(answers)).map(({ status }) => status);
			expect(statuses.toSorted()).toEqual([200, 200, 200, 429]);
			// Each API endpoint has a limit of its own, below the one of all.
			expect((await call('/account')).status).toBe('perSecond' in limits ? 429 : 200);
		}
		stripe.switches.shouldRetryHeader = false;
		const { status, headers, body } = await call('/events');
		expect(status).toBe(429);
		expect(headers.get('stripe-should-retry')).toBe('false');
		expect(body.error).toMatchObject({ code: 'rate_limit' });
	});

	test('faults hit the requests they are meant for; one that is done has only lost the answer', async () => {
		await start();
		stripe.fail({ status: 503, path: '/events', after: 1 });
		stripe.fail({ status: 'reset', path: '/webhook_endpoints', method: 'POST', isDone: true });
		const statuses = [];
		for (let n = 0; n < 3; n++) statuses.push((await call('/events')).status);
		expect(statuses).toEqual([200, 503, 200]);
		const form = 'url=https://example.com/&enabled_events[]=*';
		await expect(call('/webhook_endpoints', { method: 'POST', form })).rejects.toThrow();
		expect((await call('/webhook_endpoints')).body.data).toHaveLength(1);
		expect(stripe.requests.map(({ method, path, status }) => [method, path, status])).toEqual([
			['GET', '/events', 200],
			['GET', '/events', 503],
			['GET', '/events', 200],
			['POST', '/webhook_endpoints', 0],
			['GET', '/webhook_endpoints', 200],
		]);
	});
});

describe('deliveries', () => {
	test("Stripe's client accepts the signature, and finds the event that the list has", async () => {
		await start();
		const { url, received } = await receiver(200);
		const { secrets } = stripe.listen({ url, enabled_events: ['invoice.paid'] });
		stripe.happen('invoice.created');
		const event = stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
		await stripe.idle();
		expect(received).toHaveLength(1);
		const { body = '', headers = {} } = received[0] ?? {};
		const signature = headers['stripe-signature'] ?? '';
		const { webhooks } = clientOf(stripe);
		expect(webhooks.constructEvent(body, signature, secrets[0] ?? '')).toEqual({ ...event, pending_webhooks: 1 });
		expect((await call('/events?limit=1')).body.data).toEqual([{ ...event, pending_webhooks: 0 }]);
		expect(body).toBe(JSON.stringify({ ...event, pending_webhooks: 1 }, null, 2));
	});

	test('retries until a 2xx, with a new signature each time', async () => {
		let now = Date.now();
		await start({ clock: () => (now += 1000) });
		const { url, received } = await receiver(500, 302, 204);
		const { shown } = stripe.listen({ url });
		const { id: eventId } = stripe.happen('a.b');
		await stripe.idle();
		const attempt = { eventId, endpointId: shown.id };
		expect(stripe.attempts).toEqual([
			{ ...attempt, attempt: 1, status: 500, succeeded: false },
			{ ...attempt, attempt: 2, status: 302, succeeded: false },
			{ ...attempt, attempt: 3, status: 204, succeeded: true },
		]);
		expect(new Set(received.map(({ headers }) => headers['stripe-signature'])).size).toBe(3);
	});

	test('the plan says how many copies arrive; a dropped one is not retried', async () => {
		await start();
		const { url, received } = await receiver(200);
		stripe.listen({ url });
		const dropped = stripe.happen('a.b', {}, { copies: 0 });
		const doubled = stripe.happen('a.b', {}, { copies: 2 });
		const late = stripe.happen('a.b', {}, { delayMs: 100 });
		const last = stripe.happen('a.b');
		await stripe.idle();
		const arrived = received.map(({ body }) => (JSON.parse(body) as StripeEvent).id);
		expect(arrived.toSorted()).toEqual(idsOf([doubled, doubled, late, last]));
		expect(arrived.at(-1)).toBe(late.id);
		expect(idsOf((await call('/events?delivery_success=false')).body.data)).toEqual([dropped.id]);
	});

	test('delivery_success=false lists what is pending or failed at any endpoint', async () => {
		await start({ retryDelays: [] });
		const [good, bad] = [await receiver(200), await receiver(500)];
		stripe.listen({ url: good.url });
		const fine = stripe.happen('a.b');
		await stripe.idle();
		stripe.listen({ url: bad.url, enabled_events: ['a.b'] });
		const failed = stripe.happen('a.b');
		const pending = stripe.happen('c.d', {}, { delayMs: 60_000 });
		await new Promise((resolve) => setTimeout(resolve, 200));
		const listed = async (success: boolean) => idsOf((await call(`/events?delivery_success=${success}`)).body.data);
		expect(await listed(false)).toEqual(idsOf([pending, failed]));
		expect(await listed(true)).toEqual([fine.id]);
		expect(failed.pending_webhooks).toBe(1);
	});

	test('events made while an endpoint is disabled never reach it', async () => {
		await start();
		const { url, received } = await receiver(200);
		const { id } = stripe.listen({ url }).shown;
		await call(`/webhook_endpoints/${id}`, { method: 'POST', form: 'disabled=true' });
		stripe.happen('a.b', {}, { delayMs: 100 });
		await call(`/webhook_endpoints/${id}`, { method: 'POST', form: 'disabled=false' });
		await stripe.idle();
		const later = stripe.happen('a.b');
		await stripe.idle();
		expect(received.map(({ body }) => (JSON.parse(body) as StripeEvent).id)).toEqual([later.id]);
	});

	test.each([
		['disabled', { method: 'POST', form: 'disabled=true' }],
		['deleted', { method: 'DELETE' }],
	])('an endpoint that is %s gets no more retries', async (_how, options) => {
		await start({ retryDelays: [200] });
		const { url, received } = await receiver(500);
		const { id } = stripe.listen({ url }).shown;
		stripe.happen('a.b');
		while (stripe.attempts.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
		await call(`/webhook_endpoints/${id}`, options);
		await stripe.idle();
		expect(received).toHaveLength(1);
	});

	test('an endpoint that fails for long is disabled, if Stripe does that', async () => {
		let now = NOW;
		await start({ clock: () => now, retryDelays: [], disablesAfterMs: 3 * DAY });
		const { url } = await receiver(500);
		const { shown } = stripe.listen({ url });
		for (const [days, status] of [[0, 'enabled'] as const, [2, 'enabled'] as const, [3, 'disabled'] as const]) {
			now = NOW + days * DAY;
			stripe.happen('a.b');
			await stripe.idle();
			expect(shown.status).toBe(status);
		}
		expect((await call('/webhook_endpoints')).body.data[0]?.status).toBe('disabled');
	});

	test('a rolled secret signs beside the old one', async () => {
		await start();
		const { url, received } = await receiver(200);
		const endpoint = stripe.listen({ url });
		stripe.endpoints.rollSecret(endpoint.shown.id);
		stripe.happen('a.b');
		await stripe.idle();
		const { body = '', headers = {} } = received[0] ?? {};
		const { webhooks } = clientOf(stripe);
		expect(endpoint.secrets).toHaveLength(2);
		for (const secret of endpoint.secrets) {
			expect(webhooks.constructEvent(body, headers['stripe-signature'] ?? '', secret)).toBeDefined();
		}
	});

	test('events of connected accounts are kept apart, if so switched', async () => {
		await start();
		const own = await receiver(200);
		const connected = await receiver(200);
		stripe.listen({ url: own.url });
		stripe.listen({ url: connected.url, connect: true });
		expect(stripe.happen('a.b', {}, { account: 'acct_2' }).account).toBe('acct_2');
		await stripe.idle();
		expect([own.received.length, connected.received.length]).toEqual([1, 1]);
		stripe.switches.separatesAccounts = true;
		stripe.happen('a.b', {}, { account: 'acct_2' });
		const mine = stripe.happen('a.b');
		await stripe.idle();
		expect([own.received.length, connected.received.length]).toEqual([2, 2]);
		expect(idsOf((await call('/events')).body.data)).toEqual([mine.id]);
		const { data } = await clientOf(stripe).events.list({}, { stripeAccount: 'acct_2' });
		expect(data).toHaveLength(2);
	});

	test('2,000 events are delivered', async () => {
		await start();
		const { url, received } = await receiver(200);
		stripe.listen({ url });
		for (let n = 0; n < 2_000; n++) stripe.happen('a.b', { n });
		await stripe.idle();
		expect(new Set(received.map(({ body }) => (JSON.parse(body) as StripeEvent).id)).size).toBe(2_000);
		expect((await call('/events?delivery_success=false')).body.data).toEqual([]);
	});

	test("a star leaves out the types that need explicit choice, and an endpoint's own API version is kept", async () => {
		await start({ explicitTypes: ['rare.one'] });
		const star = await receiver(200);
		const named = await receiver(200);
		stripe.listen({ url: star.url });
		stripe.listen({ url: named.url, enabled_events: ['rare.one'], api_version: '2025-01-27.acacia' });
		stripe.happen('rare.one');
		await stripe.idle();
		expect(star.received).toEqual([]);
		expect(JSON.parse(named.received[0]?.body ?? '{}')).toMatchObject({ api_version: '2025-01-27.acacia' });
	});
});
