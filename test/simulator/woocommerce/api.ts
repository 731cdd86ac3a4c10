import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Answer, RestError, phpJson } from './answers';
import { listObjects, readObject } from './listing';
import type { Settings } from './settings';
import { RESOURCES, type Shop } from './shop';
import { type Params, createWebhook, deleteWebhook, getWebhook, listWebhooks, updateWebhook } from './webhook-api';
import type { Webhooks } from './webhooks';

/** A fault to answer with instead of the truth. */
export interface Fault {
	/** HTTP status; `reset` cuts the connection. */
	status: number | 'reset';
	headers?: Record<string, string>;
	body?: string;
	/** How many requests it hits. */
	times: number;
	/** Only requests whose path contains this. */
	path?: string;
	/** Only requests with this method. */
	method?: string;
	/** Lets this many matching requests through first. */
	after?: number;
}

export interface ApiRequestLog {
	readonly at: number;
	/** By a clock that nothing sets, in milliseconds. */
	readonly arrived: number;
	readonly method: string;
	/** Below `/wp-json/wc/v3`, e.g. `/orders`. */
	readonly path: string;
	readonly query: string;
	status: number;
}

export interface ApiState {
	readonly shop: Shop;
	readonly webhooks: Webhooks;
	readonly settings: Settings;
	readonly consumerKey: string;
	readonly consumerSecret: string;
	readonly siteUrl: string;
	readonly apiUrl: string;
	/** Every request, also the refused ones. */
	readonly requests: ApiRequestLog[];
	readonly faults: Fault[];
	readonly clock: () => number;
}

const ROOT = '/wp-json/wc/v3';

/** Answers one request as the REST API of WooCommerce does. */
export async function answer(state: ApiState, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const url = new URL(request.url ?? '/', state.siteUrl);
	const path = url.pathname.startsWith(ROOT) ? url.pathname.slice(ROOT.length) : url.pathname;
	const { method = '' } = request;
	const arrived = performance.now();
	const log: ApiRequestLog = { at: state.clock(), arrived, method, path, query: url.search, status: 0 };
	state.requests.push(log);
	const isCrowded = isTooFast(state, arrived);
	const params = paramsOf(request, await text(request));
	if (RESOURCES.some((resource) => path.startsWith(`/${resource}`))) await state.settings.gate;
	const { latencyMs } = state.settings;
	if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
	const fault = takeFault(state, method, path);
	if (fault?.status === 'reset') {
		request.socket.destroy();
		return;
	}
	const { status, body, headers } =
		fault !== undefined
			? faultAnswer(fault.status, fault)
			: isCrowded
				? faultAnswer(429, { body: '<h1>429 Too Many Requests</h1>', headers: { 'retry-after': '1' } })
				: await answerOf(() => route(state, request, url, path, params));
	log.status = status;
	response.writeHead(status, {
		'content-type': typeof body === 'string' ? 'text/html; charset=UTF-8' : 'application/json; charset=UTF-8',
		date: new Date(state.clock()).toUTCString(),
		...headers,
	});
	response.end(typeof body === 'string' ? body : phpJson(body));
}

async function answerOf(handle: () => Answer | Promise<Answer>): Promise<Answer> {
	try {
		return await handle();
	} catch (error) {
		if (error instanceof RestError) return { status: error.status, body: error.body };
		throw error;
	}
}

function faultAnswer(status: number, { body, headers = {} }: Pick<Fault, 'body' | 'headers'>): Answer {
	const message = 'There has been a critical error on this website.';
	return { status, body: body ?? { code: 'internal_server_error', message, data: { status } }, headers };
}

function route(
	state: ApiState,
	request: IncomingMessage,
	url: URL,
	path: string,
	params: Params | undefined,
): Answer | Promise<Answer> {
	const { shop, settings } = state;
	const { method = '' } = request;
	if (url.pathname.replace(/\/$/, '') === '/wp-json') return { status: 200, body: siteIndex(state) };
	if (params === undefined) throw new RestError(400, 'rest_invalid_json', 'Invalid JSON body passed.');
	checkKey(state, request, url);
	const [, collection = '', id] = /^\/([a-z_]+)(?:\/(\d+))?\/?$/.exec(path) ?? [];
	const resource = RESOURCES.find((known) => known === collection);
	if (resource && method === 'GET') {
		if (id === undefined) return listObjects(shop, settings, resource, url);
		return { status: 200, body: readObject(shop, resource, Number(id)) };
	}
	if (collection === 'webhooks') {
		checkManager(state, method);
		const answered = routeWebhook(state, method, id, url, params);
		if (answered) return answered;
	}
	if (collection === 'system_status' && method === 'GET') {
		checkManager(state, method);
		const environment = { home_url: state.siteUrl, site_url: state.siteUrl, version: '10.9.0', wp_version: '6.9' };
		return { status: 200, body: { environment } };
	}
	throw new RestError(404, 'rest_no_route', 'No route was found matching the URL and request method.');
}

function routeWebhook(state: ApiState, method: string, id: string | undefined, url: URL, params: Params) {
	const isWrite = ['POST', 'PUT', 'PATCH'].includes(method);
	if (id === undefined) {
		if (method === 'GET') return listWebhooks(state, url);
		return method === 'POST' ? createWebhook(state, params) : undefined;
	}
	if (method === 'GET') return getWebhook(state, Number(id));
	if (isWrite) return updateWebhook(state, Number(id), params);
	const isForced = [true, 1, 'true', '1'].some((yes) => yes === (params['force'] ?? url.searchParams.get('force')));
	return method === 'DELETE' ? deleteWebhook(state, Number(id), isForced) : undefined;
}

/** `GET /wp-json/`: open to everybody, the name and the address of the site. */
function siteIndex({ siteUrl, settings: { siteOffsetMinutes } }: ApiState) {
	return {
		name: 'Simulated shop',
		url: siteUrl,
		home: siteUrl,
		gmt_offset: siteOffsetMinutes / 60,
		namespaces: ['wc/v1', 'wc/v2', 'wc/v3', 'wp/v2'],
	};
}

const VERBS: Record<string, string> = { GET: 'view', POST: 'create', PUT: 'edit', PATCH: 'edit', DELETE: 'delete' };

/** The key stands in the Basic authorization or in the query. */
function checkKey(state: ApiState, { headers, method = '' }: IncomingMessage, { searchParams }: URL): void {
	const { settings, consumerKey, consumerSecret } = state;
	const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
	const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic, 'base64').toString()) ?? [];
	const isKeyKnown = (searchParams.get('consumer_key') ?? user) === consumerKey;
	const isSecretRight = (searchParams.get('consumer_secret') ?? password) === consumerSecret;
	const isSecretNamed = settings.wrongSecretCode === 'woocommerce_rest_authentication_error';
	if (isKeyKnown && !isSecretRight && isSecretNamed) {
		throw new RestError(401, settings.wrongSecretCode, 'Consumer secret is invalid.');
	}
	if (!isKeyKnown || !isSecretRight) throw notAllowed(401, method);
	if (settings.rights === 'read' && method !== 'GET') {
		const message = 'The API key provided does not have write permissions.';
		throw new RestError(settings.readOnlyStatus, 'woocommerce_rest_authentication_error', message);
	}
}

function checkManager({ settings }: ApiState, method: string): void {
	if (!settings.managesShop) throw notAllowed(403, method);
}

function notAllowed(status: number, method: string): RestError {
	const message = method === 'GET' ? 'Sorry, you cannot list resources.' : 'Sorry, you are not allowed to do that.';
	return new RestError(status, `woocommerce_rest_cannot_${VERBS[method] ?? 'view'}`, message);
}

/** The parameters of a JSON or form body; undefined if it is not what it says. */
function paramsOf({ headers }: IncomingMessage, body: string): Params | undefined {
	if (body === '') return {};
	if (!headers['content-type']?.includes('json')) return Object.fromEntries(new URLSearchParams(body));
	try {
		return JSON.parse(body) as Params;
	} catch {
		return undefined;
	}
}

function takeFault({ faults }: ApiState, method: string, path: string): Fault | undefined {
	const fault = faults.find(
		(candidate) =>
			candidate.times > 0 && path.includes(candidate.path ?? '') && (candidate.method ?? method) === method,
	);
	if (!fault) return undefined;
	if (fault.after !== undefined && fault.after > 0) {
		fault.after -= 1;
		return undefined;
	}
	fault.times -= 1;
	return fault;
}

function isTooFast({ requests, settings: { requestsPerSecond } }: ApiState, now: number): boolean {
	const earlier = requests[requests.length - 1 - requestsPerSecond];
	return earlier !== undefined && earlier.arrived > now - 1000;
}
