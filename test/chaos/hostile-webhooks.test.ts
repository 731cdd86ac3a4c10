import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { WebhookContext } from 'n8n-core';
import type { IWebhookData, IWebhookFunctions } from 'n8n-workflow';
import qs from 'qs';
import { openLedger, services } from '../../lib';
import type { ServiceName } from '../../lib/provider/any-service/services';
import { SyncWebhookTrigger } from '../../nodes/SyncWebhookTrigger/SyncWebhookTrigger.node';
import { type Plan, TestWorkflow } from '../integration/support/n8n';
import { samples } from '../support/service-samples';
import { signers } from '../support/signers';

/** Numbers that look random, and are the same in every run. */
function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
		return state / 2 ** 32;
	};
}

const REQUESTS = 100_000;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const random = randomFrom(SEED);
const under = (limit: number) => Math.floor(random() * limit);
const oneOf = <T>(all: readonly T[]): T => all[under(all.length)] as T;

const SECRET = 'a-secret-that-no-stranger-guesses';
const url = 'https://hooks.example.com/webhook/7';
/** The key of somebody else than who signs. */
const OTHER_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' })
	.publicKey.export({ format: 'der', type: 'spki' })
	.toString('base64');

interface Hostile {
	method: string;
	url: string;
	headers: Record<string, string | string[]>;
	body: Buffer;
}

/** What the service sends, signed with another secret. */
function forged(name: ServiceName): Hostile {
	const sample = samples[name];
	const service = services[name];
	const signer = signers['scheme' in service ? service.scheme : 'hmac-sha256'] ?? signers['hmac-sha256'];
	if (!signer) throw new Error('nobody signs');
	const text = sample.form ? qs.stringify(sample.body) : JSON.stringify(sample.body);
	const message = { method: 'POST', url, body: Buffer.from(text), timestamp: Date.now(), id: 'msg_1' };
	const signed = signer.sign(message, signer.otherSecret);
	const headers: Record<string, string> = {
		'content-type': sample.form ? 'application/x-www-form-urlencoded' : 'application/json',
		'x-own-token': 'a-guess-at-the-token',
	};
	for (const [header, value] of Object.entries({ ...sample.headers, ...signed.headers })) {
		headers[header.toLowerCase()] = value;
	}
	return { method: 'POST', url: signed.url, headers, body: signed.rawBody };
}

const ODD = [
	'',
	'\u0000',
	'v1=',
	'=,;',
	'whsec_',
	'%00',
	'💥',
	'{}',
	'[',
	'1e999',
	'-1',
	'null',
	'../',
	"' or 1=1--",
	'x'.repeat(5_000),
];
const ENCODINGS = ['gzip', 'deflate', 'br', 'identity', 'zip', 'gzip, gzip', ''];
const TYPES = [
	'application/json',
	'application/x-www-form-urlencoded',
	'text/xml',
	'multipart/form-data; boundary=x',
	'application/json; charset=utf-7',
	'x',
];

const changes: ((request: Hostile) => void)[] = [
	({ body }) => {
		if (body.length > 0) body[under(body.length)] = under(256);
	},
	(request) => (request.body = request.body.subarray(0, under(request.body.length + 1))),
	(request) => (request.body = randomBytes(under(300))),
	(request) => (request.body = Buffer.from(`${'['.repeat(under(500))}${oneOf(ODD)}`)),
	(request) => (request.body = gzipSync(request.body)),
	({ headers }) => (headers['content-encoding'] = oneOf(ENCODINGS)),
	({ headers }) => (headers['content-type'] = oneOf(TYPES)),
	({ headers }) => {
		const name = oneOf(Object.keys(headers));
		headers[name] = oneOf(ODD);
	},
	({ headers }) => {
		const name = oneOf(Object.keys(headers));
		headers[name] = [oneOf(ODD), String(headers[name])];
	},
	({ headers }) => {
		Reflect.deleteProperty(headers, oneOf(Object.keys(headers)));
	},
	({ headers }) => (headers[oneOf(['__proto__', 'constructor', 'x-forwarded-for', 'signature-input'])] = oneOf(ODD)),
	(request) => (request.url += `${request.url.includes('?') ? '&' : '?'}secret=${encodeURIComponent(oneOf(ODD))}`),
	(request) => (request.url = `/webhook/7?${'a=b&'.repeat(under(200))}bodySHA256=${oneOf(['00', ''])}`),
	(request) => (request.method = oneOf(['POST', 'PUT', 'post', 'GET', 'HEAD'])),
];

const credentialOf = (name: ServiceName): Record<string, string> => ({
	service: name,
	secret: name === 'standardWebhooks' || name === 'svix' ? `whsec_${Buffer.from(SECRET).toString('base64')}` : SECRET,
	user: 'user',
	password: SECRET,
	publicKey: OTHER_KEY,
	headerName: 'x-own-token',
	signatureHeader: 'x-signature',
	verifyToken: SECRET,
	webhookUrl: url,
});

const planOf = (name: ServiceName): Plan => ({
	nodes: {
		Webhook: { type: 'n8n-nodes-hybrid-sync.syncWebhookTrigger', parameters: { provider: 'anyService' } },
		Dedupe: { type: 'n8n-nodes-hybrid-sync.syncDedupe' },
	},
	edges: { Webhook: ['Dedupe'] },
	credential: credentialOf(name),
	credentials: { hybridSyncWebhookSecret: { id: '9', name: 'secret' } },
});

test(`S9 ${REQUESTS} hostile requests (seed ${SEED}): none is accepted, nothing throws, starts or is stored`, async () => {
	const names = Object.keys(services) as ServiceName[];
	const workflows = names.map((name) => [name, new TestWorkflow(planOf(name))] as const);
	const answers = new Map<number, number>();
	for (let count = 0; count < REQUESTS; count++) {
		const [name, workflow] = oneOf(workflows);
		const request = forged(name);
		for (let times = under(4); times > 0; times--) oneOf(changes)(request);
		const sent = { status: 0, body: '' };
		const response = {
			headersSent: false,
			status: (status: number) => ((sent.status = status), response),
			set: () => response,
			send: (body: string) => ((sent.body = body), response),
		};
		const stream = Object.assign(Readable.from(request.body.length > 0 ? [request.body] : []), {
			method: request.method,
			originalUrl: request.url,
			headers: request.headers,
			ip: '192.0.2.7',
		});
		const node = workflow.node('Webhook');
		const data = { node: 'Webhook', path: 'webhook', httpMethod: 'POST' } as unknown as IWebhookData;
		const additional = { ...workflow.additionalData(), httpRequest: stream, httpResponse: response } as never;
		const context = new WebhookContext(workflow.workflow, node, additional, 'webhook', data, [], null);
		const result = await new SyncWebhookTrigger().webhook.call(context as unknown as IWebhookFunctions);
		answers.set(sent.status, (answers.get(sent.status) ?? 0) + 1);
		const isLook = /^(?:GET|HEAD)$/.test(request.method) || request.body.length === 0;
		const told = JSON.stringify({ name, request: { ...request, body: request.body.toString('latin1') }, sent, result });
		if (result.workflowData !== undefined || (sent.status < 400 && !isLook)) throw new Error(`accepted: ${told}`);
		if (sent.status >= 500 || told.includes(SECRET) || (sent.status >= 400 && sent.body !== ''))
			throw new Error(`told: ${told}`);
	}
	expect([...answers.keys()].sort()).toEqual([200, 401]);
	const ledger = await openLedger();
	for (const [, workflow] of workflows) {
		const stream = `${workflow.instanceId()}/${workflow.workflow.id}`;
		expect((await ledger.lookUp(stream, {}, { limit: 1 })).events).toEqual([]);
	}
});
