import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { DatabaseSync } from 'node:sqlite';
import { brotliCompressSync } from 'node:zlib';
import qs from 'qs';
import { request } from 'undici';
import { HOUR, openLedger, providers, receive, services, verifySignature } from '../../lib';
import type { ServiceName } from '../../lib/provider/any-service/services';
import { type ServiceSample, samples } from '../support/service-samples';
import { signers } from '../support/signers';
import { type Plan, TestWorkflow, type WebhookServer } from './support/n8n';

const AT = 1_760_000_000_000;
const URL_GIVEN = 'https://hooks.example.com/webhook/7';
const TOKEN = 'a-token-of-the-header-service';

beforeEach(() => {
	// Signatures are as old as their samples, and everything else goes on.
	jest.useFakeTimers({ now: AT, doNotFake: TIMERS });
});
afterEach(async () => {
	jest.useRealTimers();
	await Promise.all(
		opened.splice(0).map(async (server) => {
			await server.close();
		}),
	);
});
const TIMERS: (
	| 'nextTick'
	| 'queueMicrotask'
	| 'setTimeout'
	| 'setInterval'
	| 'setImmediate'
	| 'clearTimeout'
	| 'clearInterval'
	| 'clearImmediate'
	| 'performance'
	| 'hrtime'
)[] = [
	'nextTick',
	'queueMicrotask',
	'setTimeout',
	'setInterval',
	'setImmediate',
	'clearTimeout',
	'clearInterval',
	'clearImmediate',
	'performance',
	'hrtime',
];
const opened: WebhookServer[] = [];

/** What a user enters in the credential, and nothing else. */
function credentialOf(name: ServiceName): Record<string, string> {
	const { secret: kind, ...service } = services[name];
	const scheme = 'scheme' in service ? service.scheme : 'hmac-sha256';
	const { secret } = signerOf(name, scheme);
	const base = { service: name, webhookUrl: URL_GIVEN };
	switch (kind) {
		case 'basic': {
			const [user = '', password = ''] = secret.split(':');
			return { ...base, user, password };
		}
		case 'public-key':
		case 'message-key':
			return { ...base, publicKey: secret };
		case 'header':
			return { ...base, headerName: 'X-Own-Token', secret: TOKEN };
		case 'custom':
			return { ...base, secret, signatureHeader: 'X-Signature' };
		default:
			return { ...base, secret, ...(name === 'meta' && { verifyToken: 'verify-me-please' }) };
	}
}

function signerOf(name: ServiceName, scheme: string) {
	const signer = signers[name === 'rfc9421' ? 'rfc9421 (Ed25519)' : scheme];
	if (!signer) throw new Error(`nobody signs as ${scheme}`);
	return signer;
}

interface Sent {
	readonly body: Buffer;
	readonly headers: Record<string, string>;
	readonly query: string;
}

/** Signs a sample as the service does. */
function sent(name: ServiceName, sample: ServiceSample = samples[name], id = 'msg_1'): Sent {
	const text = sample.form ? qs.stringify(sample.body) : JSON.stringify(sample.body);
	const own = {
		'content-type': sample.form ? 'application/x-www-form-urlencoded' : 'application/json',
		...sample.headers,
	};
	if (name === 'headerToken') return { body: Buffer.from(text), headers: { ...own, 'X-Own-Token': TOKEN }, query: '' };
	const service = services[name];
	const signer = signerOf(name, 'scheme' in service ? service.scheme : 'hmac-sha256');
	const signed = signer.sign({ method: 'POST', url: URL_GIVEN, body: Buffer.from(text), timestamp: AT, id });
	const from = signed.url.indexOf('?');
	return {
		body: signed.rawBody,
		headers: { ...own, ...signed.headers },
		query: from < 0 ? '' : signed.url.slice(from),
	};
}

function planOf(name: ServiceName, credential: Record<string, string> = {}, options = {}): Plan {
	return {
		nodes: {
			Webhook: {
				type: 'n8n-nodes-hybrid-sync.syncWebhookTrigger',
				parameters: { provider: 'anyService', additionalOptions: options },
			},
			Dedupe: {
				type: 'n8n-nodes-hybrid-sync.syncDedupe',
				parameters: { operation: 'removeDuplicates', identifyBy: 'event' },
			},
		},
		edges: { Webhook: ['Dedupe'] },
		credential: { ...credentialOf(name), ...credential },
		credentials: { hybridSyncWebhookSecret: { id: '9', name: 'secret' } },
	};
}

async function serve(workflow: TestWorkflow, mode?: 'manual'): Promise<WebhookServer> {
	const server = await workflow.serve(mode ? { mode } : {});
	opened.push(server);
	return server;
}

async function deliver({ url }: WebhookServer, { body, headers, query }: Sent, method = 'POST') {
	const hasBody = method === 'POST';
	const response = await request(`${url}${query}`, { method, headers, ...(hasBody && { body }) });
	return { status: response.statusCode, body: await response.body.text(), headers: response.headers };
}

const streamIn = (workflow: TestWorkflow) => `${workflow.instanceId()}/${workflow.workflow.id}`;

/** Waits for something that happens behind the node's back. */
async function until(happened: () => boolean): Promise<void> {
	while (!happened()) await new Promise((resolve) => setImmediate(resolve));
}

const names = Object.keys(services) as ServiceName[];
const merged = (body: unknown, change: object): unknown =>
	Array.isArray(body) ? [{ ...(body[0] as object), ...change }] : { ...(body as object), ...change };

describe.each(names)('V2 %s: nothing but the credential is entered', (name) => {
	test('V2 its events are let in once, with type, subject and time, and another one is another', async () => {
		const workflow = new TestWorkflow(planOf(name));
		await workflow.publish();
		const server = await serve(workflow);
		const first = sent(name);
		expect(await deliver(server, first)).toMatchObject({ status: 200, body: 'OK' });
		const [events = []] = server.executions;
		const received = new Date(AT).toISOString();
		expect(events.map(({ type, subject, time, path }) => [type, subject, time, path])).toEqual(
			samples[name].events.map(([type, subject, time]) => [`anyService.${type}`, subject, time ?? received, 'webhook']),
		);
		expect(await deliver(server, first)).toMatchObject({ status: 200, body: 'OK' });
		expect(server.executions).toHaveLength(1);
		const { body = {}, headers = {} } = samples[name].another;
		const other = {
			...samples[name],
			body: merged(samples[name].body, body),
			headers: { ...samples[name].headers, ...headers },
		};
		expect(await deliver(server, sent(name, other, 'msg_2'))).toMatchObject({ status: 200 });
		expect(server.executions).toHaveLength(2);
		expect(server.executions.flat().filter(({ payloadchanged }) => payloadchanged)).toEqual([]);
		expect(server.failures).toEqual([]);
	});

	test('S1 S4 a stranger gets a bare status, and nothing is stored', async () => {
		const workflow = new TestWorkflow(planOf(name));
		const server = await serve(workflow);
		const { body: signed, headers } = sent(name);
		// Mailgun's signature stands in the body.
		const body = name === 'mailgun' ? Buffer.from(JSON.stringify(samples.mailgun.body)) : signed;
		const bare = Object.fromEntries(Object.entries(headers).filter(([header]) => header === 'content-type'));
		expect(await deliver(server, { body, headers: bare, query: '' })).toMatchObject({ status: 401, body: '' });
		expect(server.executions).toEqual([]);
		expect(server.failures).toEqual([]);
	});
});

describe('what was captured and is sent again', () => {
	test.each(['github', 'shopify', 'bitbucket', 'razorpay', 'sanity', 'twilio', 'zendesk'] as const)(
		'S14 %s: the same signed bytes under a new id are no second event',
		async (name) => {
			const server = await serve(new TestWorkflow(planOf(name)));
			await deliver(server, sent(name));
			const { headers = {} } = samples[name].another;
			const captured = sent(name);
			expect(await deliver(server, { ...captured, headers: { ...captured.headers, ...headers } })).toMatchObject({
				status: 200,
			});
			expect(server.executions).toHaveLength(1);
		},
	);

	test('one body that Shopify sends under two topics is two events', async () => {
		const server = await serve(new TestWorkflow(planOf('shopify')));
		const first = sent('shopify');
		await deliver(server, first);
		const headers = { ...first.headers, 'X-Shopify-Topic': 'orders/updated', 'X-Shopify-Event-Id': 'e2' };
		await deliver(server, { ...first, headers });
		expect(server.executions.flat().map(({ type }) => type)).toEqual([
			'anyService.orders/create',
			'anyService.orders/updated',
		]);
	});

	test('Mailgun signs a token and not the event: a token lets one event in', async () => {
		const server = await serve(new TestWorkflow(planOf('mailgun')));
		const first = sent('mailgun');
		await deliver(server, first);
		const forged = {
			...(JSON.parse(first.body.toString()) as object),
			'event-data': { id: 'forged', event: 'unsubscribed' },
		};
		expect(await deliver(server, { ...first, body: Buffer.from(JSON.stringify(forged)) })).toMatchObject({
			status: 200,
		});
		expect(server.executions).toHaveLength(1);
	});

	test.each(['stripe', 'slack', 'standardWebhooks', 'paddle', 'hubspotV3', 'calendly'] as const)(
		'S7 %s: outside the window it is refused',
		async (name) => {
			const server = await serve(new TestWorkflow(planOf(name)));
			jest.setSystemTime(AT + HOUR);
			expect(await deliver(server, sent(name))).toMatchObject({ status: 401 });
			jest.setSystemTime(AT - HOUR);
			expect(await deliver(server, sent(name))).toMatchObject({ status: 401 });
			expect(server.executions).toEqual([]);
		},
	);

	test('RFC 9421: the same body that is signed anew is another event, and a captured one is not', async () => {
		const server = await serve(new TestWorkflow(planOf('rfc9421', {}, { eventId: 'header:x-event-id' })));
		const withId = (request: Sent, id: string) => ({ ...request, headers: { ...request.headers, 'x-event-id': id } });
		await deliver(server, withId(sent('rfc9421'), 'a'));
		await deliver(server, withId(sent('rfc9421'), 'b'));
		expect(server.executions).toHaveLength(1);
		const signer = signerOf('rfc9421', '');
		const { headers, rawBody } = signer.sign({
			method: 'POST',
			url: URL_GIVEN,
			body: sent('rfc9421').body,
			timestamp: AT + 5_000,
			id: '',
		});
		const anew = { body: rawBody, headers: { 'content-type': 'application/json', ...headers }, query: '' };
		await deliver(server, withId(anew, 'c'));
		expect(server.executions).toHaveLength(2);
	});

	test('captured bytes under the id of another event are no change of that', async () => {
		const server = await serve(new TestWorkflow(planOf('github')));
		const first = sent('github');
		const { body = {}, headers = {} } = samples.github.another;
		const second = sent('github', {
			...samples.github,
			body: merged(samples.github.body, body),
			headers: { ...samples.github.headers, ...headers },
		});
		for (const each of [first, second]) await deliver(server, each);
		const swapped = { ...second, headers: { ...second.headers, 'X-GitHub-Delivery': 'd-1' } };
		for (let times = 0; times < 3; times++) await deliver(server, swapped);
		expect(server.executions).toHaveLength(2);
	});

	test('an event that was forgotten is known by its signed bytes all the same', async () => {
		const workflow = new TestWorkflow(planOf('github'));
		const server = await serve(workflow);
		await deliver(server, sent('github'));
		const ledger = await openLedger();
		const stream = streamIn(workflow);
		const { events } = await ledger.lookUp(stream, {}, { limit: 5 });
		expect(events).toHaveLength(1);
		await ledger.forget(stream, { subject: 'octo/repo' }, { dryRun: false });
		const captured = sent('github');
		await deliver(server, { ...captured, headers: { ...captured.headers, 'X-GitHub-Delivery': 'd-9' } });
		expect(server.executions).toHaveLength(1);
	});
});

/** The services whose signature covers what they send. */
const signing = names.filter((name) => {
	const service = services[name];
	return 'scheme' in service && signerOf(name, service.scheme).signs.includes('body');
});

describe.each(signing)('S14 %s: what was captured lets nothing in again', (name) => {
	test('however its unsigned headers have it read', async () => {
		const workflow = new TestWorkflow(planOf(name));
		const server = await serve(workflow);
		const captured = sent(name);
		await deliver(server, captured);
		const kinds = ['text/plain', 'application/x-www-form-urlencoded', 'application/json', 'text/xml'];
		const charsets = ['', '; charset=utf-16le', '; charset=utf-16be', '; charset=windows-1252', '; charset=shift_jis'];
		for (const type of kinds.flatMap((kind) => charsets.map((charset) => `${kind}${charset}`))) {
			const headers = { ...captured.headers, 'content-type': type };
			expect([200, 401]).toContain((await deliver(server, { ...captured, headers })).status);
		}
		expect(server.executions).toHaveLength(1);
		const { events } = await (await openLedger()).lookUp(streamIn(workflow), {}, { limit: 50 });
		// What cannot be read is kept once, if at all.
		expect(events.filter(({ state }) => state === 'dead').length).toBeLessThanOrEqual(1);
	});
});

describe('S14 one signed text, and several requests that have it', () => {
	const replayed = async (name: ServiceName, change: (captured: Sent) => Sent[], credential = {}) => {
		const server = await serve(new TestWorkflow(planOf(name, credential)));
		const captured = sent(name);
		await deliver(server, captured);
		for (const changed of change(captured)) await deliver(server, changed);
		return server.executions.length;
	};

	test('Mandrill signs no boundary between name and value', async () => {
		const change = (captured: Sent) =>
			[16, 17, 20].map((at) => {
				const text = `mandrill_events${String(new URLSearchParams(captured.body.toString()).get('mandrill_events'))}`;
				const body = `${encodeURIComponent(text.slice(0, at))}=${encodeURIComponent(text.slice(at))}`;
				return { ...captured, body: Buffer.from(body) };
			});
		expect(await replayed('mandrill', change)).toBe(1);
	});

	test('SendGrid signs no boundary between the time and the body', async () => {
		const change = (captured: Sent) =>
			[1, 2, 5].map((digits) => {
				const stamp = String(AT / 1000);
				const headers = { ...captured.headers };
				const header = Object.keys(headers).find((each) => /timestamp/i.test(each)) ?? '';
				headers[header] = stamp.slice(0, -digits);
				return { ...captured, headers, body: Buffer.concat([Buffer.from(stamp.slice(-digits)), captured.body]) };
			});
		expect(await replayed('sendgrid', change)).toBe(1);
	});

	test('Twilio’s URL may be spelled in several ways', async () => {
		const given = `${URL_GIVEN}?tenant=7`;
		const signed = (query: string) => {
			const text = qs.stringify(samples.twilio.body);
			const { headers, rawBody } = signerOf('twilio', 'twilio').sign({
				method: 'POST',
				url: given,
				body: Buffer.from(text),
				timestamp: AT,
				id: '',
			});
			return {
				body: rawBody,
				headers: {
					'content-type': 'application/x-www-form-urlencoded',
					'I-Twilio-Idempotency-Token': query,
					...headers,
				},
				query,
			};
		};
		const server = await serve(new TestWorkflow(planOf('twilio')));
		for (const query of ['?tenant=7', '?tenant=%37', '?%74enant=7', '?%74enant=%37']) {
			expect(await deliver(server, signed(query))).toMatchObject({ status: 200 });
		}
		expect(server.executions).toHaveLength(1);
	});

	test('a Mailgun token lets in one event: also where that was filtered out, and not a list in its place', async () => {
		const workflow = new TestWorkflow(planOf('mailgun', {}, { eventTypes: 'failed' }));
		const server = await serve(workflow);
		const captured = sent('mailgun');
		await deliver(server, captured);
		const { signature } = JSON.parse(captured.body.toString()) as { signature: unknown };
		const forged = { signature, 'event-data': { id: 'forged', event: 'failed' } };
		for (const body of [forged, { ...forged, extra: [1, 2] }]) {
			await deliver(server, { ...captured, body: Buffer.from(JSON.stringify(body)) });
		}
		expect(server.executions).toEqual([]);
		for (let times = 0; times < 3; times++) {
			const headers = { ...captured.headers, 'content-type': 'application/json; charset=utf-16le' };
			const body = Buffer.from(JSON.stringify({ ...forged, pad: 'x'.repeat(times) }));
			await deliver(server, { ...captured, headers, body });
		}
		const { events } = await (await openLedger()).lookUp(streamIn(workflow), { states: ['dead'] }, { limit: 50 });
		expect(events.length).toBeLessThanOrEqual(1);
	});

	test('a header that was not there counts only where the type stands in it', async () => {
		const header = (name: string) => (captured: Sent) =>
			['a', 'b'].map((value) => ({
				...captured,
				headers: { ...captured.headers, [name]: value, 'X-Shopify-Event-Id': value },
			}));
		expect(await replayed('shopify', header('Shopify-Topic'))).toBe(1);
		expect(await replayed('lemonSqueezy', header('X-Event-Name'))).toBe(1);
	});

	test('what a condition has kept out does not come in by being read as something else', async () => {
		const server = await serve(new TestWorkflow(planOf('stripe', {}, { onlyWhere: '@.livemode != false' })));
		const body = { ...(samples.stripe.body as object), livemode: false };
		const captured = sent('stripe', { ...samples.stripe, body });
		for (const type of ['application/json', 'text/plain; charset=utf-16le', 'application/x-www-form-urlencoded']) {
			await deliver(server, { ...captured, headers: { ...captured.headers, 'content-type': type } });
		}
		expect(server.executions).toEqual([]);
	});

	test('Linear’s window holds, whatever the request says that its body is', async () => {
		const server = await serve(new TestWorkflow(planOf('linear')));
		jest.setSystemTime(AT + HOUR);
		const captured = sent('linear');
		const headers = { ...captured.headers, 'content-type': 'application/x-www-form-urlencoded' };
		expect(await deliver(server, { ...captured, headers })).toMatchObject({ status: 401 });
	});
});

describe('I1 no event is taken for another', () => {
	const started = async (
		name: ServiceName,
		bodies: readonly unknown[],
		headers: Record<string, string> = {},
		options = {},
	) => {
		const server = await serve(new TestWorkflow(planOf(name, {}, options)));
		for (const [index, body] of bodies.entries()) {
			const sample = { ...samples[name], body, headers: { ...samples[name].headers, ...headers } };
			await deliver(server, sent(name, sample, `msg_${index}`));
		}
		return server.executions.flat().filter(({ payloadchanged }) => payloadchanged !== true).length;
	};

	test('Brevo: two changes of one contact, two lists', async () => {
		const contact = { event: 'contact_updated', email: 'a@example.com', id: 5 };
		const listed = { event: 'list_addition', email: ['a@example.com'], id: 5, ts: AT / 1000 };
		const bodies = [
			{ ...contact, ts: AT / 1000 },
			{ ...contact, ts: AT / 1000 + 7_200 },
			{ ...listed, list_id: [1] },
			{ ...listed, list_id: [2] },
		];
		expect(await started('brevo', bodies)).toBe(4);
	});

	test('Mandrill: two mails that came in within one second', async () => {
		const mail = (subject: string) => ({ event: 'inbound', ts: AT / 1000, msg: { subject, email: 'in@example.com' } });
		const body = { mandrill_events: JSON.stringify([mail('one'), mail('two')]) };
		expect(await started('mandrill', [body])).toBe(2);
	});

	test('Mailchimp and WooCommerce: two states within one second', async () => {
		const profile = (name: string) => ({
			type: 'profile',
			fired_at: '2025-10-09 08:53:20',
			data: { id: '8', merges: { FNAME: name } },
		});
		expect(await started('mailchimp', [profile('A'), profile('B')])).toBe(2);
		const product = (stock: number) => ({ id: 7, date_modified_gmt: '2025-10-09T08:53:20', stock_quantity: stock });
		expect(await started('woocommerce', [product(5), product(4)])).toBe(2);
	});

	test('several events in one request that has one id', async () => {
		expect(await started('standardWebhooks', [[{ n: 1 }, { n: 2 }, { n: 3 }]])).toBe(3);
		expect(await started('stripe', [{ id: 'evt_1', rows: [{ n: 1 }, { n: 2 }] }], {}, { batchAt: 'rows' })).toBe(2);
	});

	test('a batch of 1,200, and one that is too large to be taken apart', async () => {
		const rows = (count: number) =>
			Array.from({ length: count }, (_, index) => ({ sg_event_id: `s${index}`, event: 'open' }));
		expect(await started('sendgrid', [rows(1_200)])).toBe(1_200);
		expect(await started('sendgrid', [rows(5_001)])).toBe(0);
		expect(await started('line', [{ events: rows(5_001) }])).toBe(0);
	});

	test('a repeat that says that it is one is no other payload', async () => {
		const server = await serve(new TestWorkflow(planOf('line')));
		const events = (isRedelivery: boolean) => ({
			...samples.line,
			body: { events: [{ type: 'message', webhookEventId: 'L1', deliveryContext: { isRedelivery } }] },
		});
		for (const isRedelivery of [false, true]) await deliver(server, sent('line', events(isRedelivery)));
		expect(server.executions).toHaveLength(1);
	});

	test('a repeat that counts its own attempts is no other payload', async () => {
		const event = samples.hubspotV1.body as object[];
		const again = event.map((each) => ({ ...each, attemptNumber: 1 }));
		const server = await serve(new TestWorkflow(planOf('hubspotV1')));
		for (const body of [event, again]) await deliver(server, sent('hubspotV1', { ...samples.hubspotV1, body }));
		expect(server.executions).toHaveLength(1);
	});

	test('a condition that cannot be found out lets the event in', async () => {
		const deep = (levels: number): unknown => (levels === 0 ? 1 : { x: deep(levels - 1) });
		const body = { ...(samples.stripe.body as object), deep: deep(150) };
		expect(await started('stripe', [body], {}, { onlyWhere: 'count(@..*) > 3' })).toBe(1);
	});
});

describe('I5 what strangers send costs little', () => {
	test('26 bytes that unpack to 10 MB are not unpacked', async () => {
		const server = await serve(new TestWorkflow(planOf('meta')));
		const body = brotliCompressSync(Buffer.alloc(10 * 1024 * 1024 - 1, 0xff));
		expect(body.length).toBeLessThan(100);
		const headers = { 'content-encoding': 'br', 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
		expect(await deliver(server, { body, headers, query: '' })).toMatchObject({ status: 413 });
	});
});

describe('S13 what services ask before they send anything', () => {
	test('S13 Zoom: a token is signed, and what spells a signed event is not', async () => {
		const server = await serve(new TestWorkflow(planOf('zoom')));
		const ask = (plainToken: string) =>
			sent('zoom', { ...samples.zoom, body: { event: 'endpoint.url_validation', payload: { plainToken } } });
		const plainToken = 'qgg8vlvZRS6UYooatFL8Aw';
		const encryptedToken = createHmac('sha256', signers['zoom']?.secret ?? '')
			.update(plainToken)
			.digest('hex');
		const answer = await deliver(server, ask(plainToken));
		expect(JSON.parse(answer.body)).toEqual({ plainToken, encryptedToken });
		// Otherwise anybody who can have Zoom ask gets an event signed.
		expect(await deliver(server, ask(`v0:${AT / 1000}:{"event":"meeting.ended"}`))).toMatchObject({
			status: 200,
			body: '',
		});
		const forged = ask(plainToken);
		expect(
			await deliver(server, { ...forged, headers: { ...forged.headers, 'x-zm-signature': `v0=${'0'.repeat(64)}` } }),
		).toMatchObject({ status: 401 });
		expect(server.executions).toEqual([]);
	});

	test('S13 Slack: the challenge comes back as plain text, if it is one', async () => {
		const server = await serve(new TestWorkflow(planOf('slack')));
		const ask = (challenge: string) =>
			sent('slack', { ...samples.slack, body: { type: 'url_verification', challenge } });
		const answer = await deliver(server, ask('3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P'));
		expect(answer).toMatchObject({ status: 200, body: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' });
		expect(answer.headers['content-type']).toContain('text/plain');
		expect(await deliver(server, ask('<script>alert(1)</script>'))).toMatchObject({ status: 200, body: '' });
		expect(server.executions).toEqual([]);
	});

	test('S13 Meta: the challenge comes back to who knows the verify token', async () => {
		const server = await serve(new TestWorkflow(planOf('meta')));
		const get = async (token: string, challenge = '1158201444') =>
			await deliver(
				server,
				{
					body: Buffer.alloc(0),
					headers: {},
					query: `?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=${challenge}`,
				},
				'GET',
			);
		expect(await get('verify-me-please')).toMatchObject({ status: 200, body: '1158201444' });
		expect(await get('guess')).toMatchObject({ status: 401, body: '' });
		expect(await get('verify-me-please', '%3Cb%3E')).toMatchObject({ status: 401, body: '' });
		expect(server.executions).toEqual([]);
	});

	test.each(['GET', 'HEAD'])('S13 Mailchimp: %s is answered, and starts nothing', async (method) => {
		const server = await serve(new TestWorkflow(planOf('mailchimp')));
		expect(await deliver(server, { body: Buffer.alloc(0), headers: {}, query: '' }, method)).toMatchObject({
			status: 200,
			body: '',
		});
		expect(server.executions).toEqual([]);
	});

	test('S13 an empty POST and the ping of WooCommerce are answered without a secret, and start nothing', async () => {
		const server = await serve(new TestWorkflow(planOf('woocommerce')));
		const form = { 'content-type': 'application/x-www-form-urlencoded' };
		for (const body of ['', 'webhook_id=7']) {
			expect(await deliver(server, { body: Buffer.from(body), headers: form, query: '' })).toMatchObject({
				status: 200,
			});
		}
		expect(await deliver(server, { body: Buffer.from('webhook_id=7&x=1'), headers: form, query: '' })).toMatchObject({
			status: 401,
		});
		expect(server.executions).toEqual([]);
	});
});

describe('V6 authentic, and no event', () => {
	test('V6 what WooCommerce sends when it cannot read its own order is kept, and answered with success', async () => {
		const workflow = new TestWorkflow(planOf('woocommerce'));
		const server = await serve(workflow);
		const body = { code: 'woocommerce_rest_cannot_view', message: 'Sorry', data: { status: 401 } };
		expect(await deliver(server, sent('woocommerce', { ...samples.woocommerce, body }))).toMatchObject({ status: 200 });
		expect(server.executions).toEqual([]);
		const { events } = await (await openLedger()).lookUp(streamIn(workflow), {}, { limit: 5, withData: true });
		expect(events).toMatchObject([{ state: 'dead', data: body }]);
	});

	test.each(['brevo', 'hubspotV3', 'typeform', 'stripe', 'woocommerce'] as const)(
		'V6 %s is asked to come again where the ledger cannot be used',
		async (name) => {
			// In queue mode the embedded ledger is refused.
			process.env['EXECUTIONS_MODE'] = 'queue';
			try {
				const server = await serve(new TestWorkflow(planOf(name)));
				const answer = await deliver(server, sent(name));
				expect(answer.status).toBe(429);
				expect(answer.headers['retry-after']).toBe('30');
				expect(server.failures).toEqual([]);
			} finally {
				delete process.env['EXECUTIONS_MODE'];
			}
		},
	);

	test('where a field of the node is wrong, a stranger is refused, and an authentic sender is to come again', async () => {
		const server = await serve(new TestWorkflow(planOf('stripe', {}, { onlyWhere: '((' })));
		expect(await deliver(server, sent('stripe'))).toMatchObject({ status: 429 });
		const { body } = sent('stripe');
		expect(await deliver(server, { body, headers: {}, query: '' })).toMatchObject({ status: 401 });
		expect(server.failures).toEqual([]);
		const published = new TestWorkflow(planOf('stripe', {}, { onlyWhere: '((' }));
		await expect(published.publish()).rejects.toThrow(/"Only Where" is not a condition/);
	});
});

describe('V5 bodies as they come', () => {
	const textOf = (server: WebhookServer) => JSON.stringify(server.executions[0]?.[0]?.data);

	test('V5 brackets of a form are fields of fields, also those that objects have of themselves', async () => {
		const server = await serve(new TestWorkflow(planOf('urlSecret')));
		const { query } = sent('urlSecret');
		const body = Buffer.from(
			'type=a&data[merges][FNAME]=Zo%C3%AB&data[tags][]=x&data[tags][]=y&__proto__[polluted]=1&hasOwnProperty=2',
		);
		await deliver(server, { body, headers: { 'content-type': 'application/x-www-form-urlencoded' }, query });
		expect(JSON.parse(textOf(server))).toEqual(
			JSON.parse('{"type":"a","data":{"merges":{"FNAME":"Zoë"},"tags":["x","y"]},"hasOwnProperty":"2"}'),
		);
		expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
	});

	test('V5 a form in another character set', async () => {
		const server = await serve(new TestWorkflow(planOf('urlSecret')));
		const { query } = sent('urlSecret');
		const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=windows-1250' };
		await deliver(server, { body: Buffer.from('name=Za%BF%F3%B3%E6+g%EA%B6l%B9'), headers, query });
		expect(textOf(server)).toBe('{"name":"Zażółć gę¶lą"}');
	});

	test.each([
		['ISO-8859-1', Buffer.from('{"name":"José"}', 'latin1')],
		['utf-16le', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{"name":"José"}', 'utf16le')])],
		['utf-8', Buffer.from('\ufeff{"name":"José"}')],
		// None of that name: read as what nearly everything is.
		['x-unheard-of', Buffer.from('{"name":"José"}')],
	])('V5 R5 JSON in %s', async (charset, body) => {
		const server = await serve(new TestWorkflow(planOf('urlSecret')));
		const { query } = sent('urlSecret');
		await deliver(server, { body, headers: { 'content-type': `application/json; charset=${charset}` }, query });
		expect(textOf(server)).toBe('{"name":"José"}');
	});

	test('V5 plain text, and a body that does not say what it is', async () => {
		const server = await serve(new TestWorkflow(planOf('urlSecret')));
		const { query } = sent('urlSecret');
		await deliver(server, { body: Buffer.from('<order id="1"/>'), headers: { 'content-type': 'text/xml' }, query });
		expect(textOf(server)).toBe(JSON.stringify('<order id="1"/>'));
		await deliver(server, { body: Buffer.from('{"n":8202522731445525542}'), headers: {}, query });
		expect(server.executions[1]?.[0]?.data).toEqual({ n: '8202522731445525542' });
	});

	test('V5 what cannot be decoded is a dead letter with its bytes', async () => {
		const workflow = new TestWorkflow(planOf('urlSecret'));
		const server = await serve(workflow);
		const { query } = sent('urlSecret');
		const body = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22]);
		expect(await deliver(server, { body, headers: { 'content-type': 'application/json' }, query })).toMatchObject({
			status: 200,
		});
		const { events } = await (await openLedger()).lookUp(streamIn(workflow), {}, { limit: 5, withData: true });
		expect(events).toMatchObject([{ state: 'dead', data: { base64: body.toString('base64') } }]);
	});
});

describe('what the user describes', () => {
	const filtered = async (options: Record<string, string>, body: unknown) => {
		const server = await serve(new TestWorkflow(planOf('stripe', {}, options)));
		expect(await deliver(server, sent('stripe', { ...samples.stripe, body }))).toMatchObject({
			status: 200,
			body: 'OK',
		});
		return server.executions.flat();
	};

	test('filtered by type and by a condition, and answered with success', async () => {
		const { body } = samples.stripe;
		expect(await filtered({ eventTypes: 'customer.*, invoice.paid' }, body)).toHaveLength(1);
		expect(await filtered({ eventTypes: 'invoice' }, body)).toHaveLength(0);
		expect(await filtered({ eventTypes: 'invoice.*' }, body)).toHaveLength(1);
		expect(await filtered({ onlyWhere: '@.data.object.id == "in_1"' }, body)).toHaveLength(1);
		expect(await filtered({ onlyWhere: '@.data.object.amount > 10' }, body)).toHaveLength(0);
	});

	test('an ID, key parts, a batch and names of one’s own', async () => {
		const own = { batchAt: 'rows', eventId: 'no', eventType: 'kind + verb', subject: 'who', eventTime: 'when' };
		const rows = [
			{ no: 1, kind: 'a', verb: 'b', who: 'w1', when: 'Thu, 09 Oct 2025 08:53:20 GMT' },
			{ no: 2, kind: 'a', verb: 'c', who: 'w2', when: '2025-10-09 10:53:20 +0200' },
			{ no: 1, kind: 'a', verb: 'b', who: 'w1', when: 'Thu, 09 Oct 2025 08:53:20 GMT' },
		];
		const events = await filtered(own, { rows });
		const at = new Date(AT).toISOString();
		expect(events.map(({ type, subject, time }) => [type, subject, time])).toEqual([
			['anyService.a.b', 'w1', at],
			['anyService.a.c', 'w2', at],
		]);
		expect(await filtered({ batchAt: 'rows', keyParts: 'who, when', eventTime: 'when' }, { rows })).toHaveLength(2);
	});

	test('without a time of its own an event is known by all that it says', async () => {
		const rows = [
			{ who: 'w1', sent: 1 },
			{ who: 'w1', sent: 2 },
		];
		expect(await filtered({ batchAt: 'rows', keyParts: 'who' }, { rows })).toHaveLength(2);
	});
});

describe('who may call', () => {
	test('addresses that are not on the list are refused, IPv4 and IPv6', async () => {
		const call = async (allowedAddresses: string) => {
			const server = await serve(new TestWorkflow(planOf('stripe', {}, { allowedAddresses })));
			return (await deliver(server, sent('stripe'))).status;
		};
		expect(await call('127.0.0.0/8')).toBe(200);
		expect(await call('192.0.2.7, ::ffff:127.0.0.1/128')).toBe(200);
		expect(await call('192.0.2.0/24, 2001:db8::/32')).toBe(403);
		// Nobody knows who is meant, and an authentic sender comes again.
		expect(await call('no address')).toBe(429);
		const wrong = new TestWorkflow(planOf('stripe', {}, { allowedAddresses: '10.0.0.0/33' }));
		await expect(wrong.publish()).rejects.toThrow('"10.0.0.0/33" is no IP address and no range of them');
	});

	test('I3 refusals are counted by reason, one row for each, and a flood of them writes nothing at once', async () => {
		const workflow = new TestWorkflow(planOf('stripe'));
		const server = await serve(workflow);
		const rows = () => {
			const ledger = new DatabaseSync(
				join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync', 'ledger.sqlite'),
				{ readOnly: true },
			);
			try {
				const select = ledger.prepare(
					"select label, value from counter where stream = ? and name = 'refused' order by label",
				);
				return select.all(streamIn(workflow)).map((row) => ({ ...row }));
			} finally {
				ledger.close();
			}
		};
		await openLedger();
		jest.useFakeTimers({ now: AT, doNotFake: TIMERS.filter((name) => name !== 'setTimeout') });
		const { body } = sent('stripe');
		for (let times = 0; times < 30; times++) await deliver(server, { body, headers: {}, query: '' });
		await deliver(server, { body, headers: { 'Stripe-Signature': `t=${AT / 1000},v1=${'0'.repeat(64)}` }, query: '' });
		expect(rows()).toEqual([]);
		await jest.advanceTimersByTimeAsync(60_000);
		await until(() => rows().length === 2);
		expect(rows()).toEqual([
			{ label: 'mismatch', value: 1 },
			{ label: 'missing-signature', value: 30 },
		]);
	});

	test('I3 an expression that fails in one of the options is no matter for a stranger, and an authentic sender comes again', async () => {
		const server = await serve(new TestWorkflow(planOf('stripe', {}, { eventId: '={{ $("Nope").item.json.a }}' })));
		const { body } = sent('stripe');
		expect(await deliver(server, { body, headers: {}, query: '' })).toMatchObject({ status: 401 });
		expect(await deliver(server, sent('stripe'))).toMatchObject({ status: 429 });
		expect(server.failures).toEqual([]);
		const plan = planOf('stripe');
		const parameters = { provider: 'anyService', startExecutions: '={{ $("Nope").item.json.a }}' };
		const Webhook = { type: 'n8n-nodes-hybrid-sync.syncWebhookTrigger', parameters };
		const batches = await serve(new TestWorkflow({ ...plan, nodes: { ...plan.nodes, Webhook } }));
		expect(await deliver(batches, { body, headers: {}, query: '' })).toMatchObject({ status: 401 });
		expect(await deliver(batches, sent('stripe'))).toMatchObject({ status: 429 });
		expect(batches.failures).toEqual([]);
	});

	test('a secret that stands in the Webhook URL of the credential lets nobody in', async () => {
		const { query } = sent('urlSecret');
		const server = await serve(new TestWorkflow(planOf('urlSecret', { webhookUrl: `${URL_GIVEN}${query}` })));
		const { body, headers } = sent('urlSecret');
		expect(await deliver(server, { body, headers, query: '' })).toMatchObject({ status: 401 });
	});

	test('S5 the previous secret is accepted until its date', async () => {
		const previous = { secret: 'a-new-Secret-of-the-service-0123', previousSecret: signers['stripe']?.secret ?? '' };
		const until = async (previousValidUntil: string) => {
			const server = await serve(new TestWorkflow(planOf('stripe', { ...previous, previousValidUntil })));
			return (await deliver(server, sent('stripe'))).status;
		};
		expect(await until('')).toBe(200);
		expect(await until('2025-10-09T09:00:00')).toBe(200);
		expect(await until('2025-10-09T08:53:20')).toBe(401);
		expect(await until('soon')).toBe(401);
	});

	test('S5 a changed secret counts at once, and the one before for five seconds more', async () => {
		let time = performance.now();
		const clock = jest.spyOn(performance, 'now').mockImplementation(() => time);
		const [before, after] = [signers['stripe']?.secret ?? '', 'a-new-Secret-of-the-service-0123'];
		const credential: Record<string, string> = { ...credentialOf('stripe'), secret: after };
		const server = await serve(new TestWorkflow({ ...planOf('stripe'), credential }));
		const statusOf = async () => (await deliver(server, sent('stripe'))).status;
		expect(await statusOf()).toBe(401);
		credential['secret'] = before;
		// What refused a moment ago is not asked for again, however many forged requests come.
		time += 999;
		expect(await statusOf()).toBe(401);
		time += 2;
		expect(await statusOf()).toBe(200);
		credential['secret'] = after;
		time += 4_999;
		expect(await statusOf()).toBe(200);
		time += 2;
		expect(await statusOf()).toBe(401);
		clock.mockRestore();
	});

	test('S5 the log says where it was the previous secret that matched', async () => {
		const secrets = ['the-current-secret-of-all', 'the-previous-secret-of-all'];
		const noteOf = async (secret: string) => {
			const { note } = await receive({
				provider: {
					...providers.getresponse,
					push: providers.getresponse.push.open({ credential: {}, settings: () => ({}) }),
				},
				secrets,
				request: {
					method: 'POST',
					url: `/x?secret=${secret}`,
					headers: {},
					stream: Readable.from([Buffer.from('{"type":"a"}')]),
				},
				stream: 's',
				node: 'n',
				types: [],
				handsOver: true,
				showsChanged: true,
			});
			return note;
		};
		expect(await noteOf('the-previous-secret-of-all')).toContain('proven by the previous secret');
		expect(await noteOf('the-current-secret-of-all')).not.toContain('previous');
	});

	test('GitHub’s SHA-1 is accepted only where it is allowed', async () => {
		const old = signers['github-sha1'];
		const body = Buffer.from(JSON.stringify(samples.github.body));
		const signed = old?.sign({ method: 'POST', url: URL_GIVEN, body, timestamp: AT, id: '' });
		const request = {
			body,
			headers: { 'content-type': 'application/json', ...samples.github.headers, ...signed?.headers },
			query: '',
		};
		expect(await deliver(await serve(new TestWorkflow(planOf('github'))), request)).toMatchObject({ status: 401 });
		const allowed = new TestWorkflow(planOf('github', { allowSha1: true as unknown as string }));
		expect(await deliver(await serve(allowed), request)).toMatchObject({ status: 200 });
		expect(
			verifySignature('github', { method: 'POST', url: '/', headers: request.headers, rawBody: body }, ['x']).ok,
		).toBe(false);
	});
});
