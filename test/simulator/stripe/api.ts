import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ApiRequestLog } from '../api';
import { Parameters } from './parameters';
import { Refusal } from './refusal';
import { ROUTES, type Route } from './routes';
import type { Right, StripeFault, StripeState } from './state';
import { API_VERSION } from './version';

/** The names that Stripe's message gives the permissions. The ones for the account and for events are unverified. */
const PERMISSIONS: Readonly<Record<Right, string>> = {
	account_read: 'rak_account_read',
	events_read: 'rak_event_read',
	webhooks_read: 'rak_webhook_read',
	webhooks_write: 'rak_webhook_write',
};

/** Answers one request as Stripe's API v1 does. */
export async function answer(state: StripeState, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const url = new URL(request.url ?? '/', 'http://simulator');
	const method = request.method ?? '';
	const path = url.pathname.replace(/^\/v1(?=\/)/, '');
	const at = state.clock();
	const log: ApiRequestLog = { at, arrived: performance.now(), method, path, query: url.search, status: 0 };
	state.requests.push(log);
	state.parallel += 1;
	state.maxParallel = Math.max(state.maxParallel, state.parallel);
	const send = (status: number, body: object | string, headers: Readonly<Record<string, string>> = {}) => {
		log.status = status;
		const { shouldRetryHeader } = state.switches;
		const saysRetry = shouldRetryHeader !== undefined && (status === 409 || status === 429 || status >= 500);
		response.writeHead(status, {
			'content-type': 'application/json',
			date: new Date(at).toUTCString(),
			'request-id': `req_${randomBytes(7).toString('hex')}`,
			'stripe-version': request.headers['stripe-version'] ?? API_VERSION,
			...(saysRetry && { 'stripe-should-retry': String(shouldRetryHeader) }),
			...headers,
		});
		response.end(typeof body === 'string' ? body : JSON.stringify(body, null, 2));
	};
	try {
		const route = ROUTES.find((candidate) => candidate.method === method && candidate.path.test(url.pathname));
		const isTooFast = countsTooMany(state, route, log.arrived);
		const form = await text(request);
		if (path === '/events') await state.gate;
		if (state.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, state.latencyMs));
		const fault = takeFault(state, method, path);
		let body: object | undefined;
		if (!fault || fault.isDone) {
			if (isTooFast) throw rateLimited();
			authenticate(state, request);
			if (!route) throw unrecognized(method, url.pathname);
			authorize(state, route.right);
			body = route.answer({
				state,
				parameters: new Parameters([url.search.slice(1), form].filter((part) => part !== '').join('&')),
				id: decodeURIComponent(route.path.exec(url.pathname)?.[1] ?? ''),
				account: request.headers['stripe-account'] as string | undefined,
			});
		}
		if (fault?.status === 'reset') request.socket.destroy();
		else if (fault) send(fault.status, fault.body ?? faultBody(fault.status), fault.headers);
		else send(200, body ?? {});
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		send(error.status, error.body);
	} finally {
		state.parallel -= 1;
	}
}

/** Accepts the key as a bearer token, or as the user of Basic authentication. */
function authenticate({ secretKey }: StripeState, { headers }: IncomingMessage): void {
	const [, scheme = '', value = ''] = /^(Bearer|Basic) +(.+)$/i.exec(headers.authorization ?? '') ?? [];
	const isBasic = scheme.toLowerCase() === 'basic';
	const key = isBasic ? Buffer.from(value, 'base64').toString().replace(/:.*$/, '') : value;
	if (key === '') {
		const message =
			'You did not provide an API key. You need to provide your API key in the Authorization header, ' +
			"using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
		throw new Refusal(401, message);
	}
	if (key !== secretKey) throw new Refusal(401, `Invalid API Key provided: ${masked(key)}`);
}

function authorize({ secretKey, accountId, rights }: StripeState, right: Right): void {
	if (!secretKey.startsWith('rk_') || rights.has(right)) return;
	const message =
		`The provided key '${masked(secretKey)}' does not have the required permissions for this endpoint ` +
		`on account '${accountId}'. Having the '${PERMISSIONS[right]}' permission would allow this request to continue.`;
	throw new Refusal(403, message);
}

/** The kind and the mode of a key, without what makes it secret. */
const masked = (key: string) => `${/^[a-z]+_(test|live)_/.exec(key)?.[0] ?? ''}***`;

function rateLimited(): Refusal {
	const message =
		'Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.';
	return new Refusal(429, message, { code: 'rate_limit' });
}

function unrecognized(method: string, path: string): Refusal {
	return new Refusal(404, `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs.`);
}

function faultBody(status: number): object {
	if (status === 429) return rateLimited().body;
	if (status >= 500) return new Refusal(status, 'An unknown error occurred', { type: 'api_error' }).body;
	return new Refusal(status, 'The request was refused.').body;
}

function takeFault({ faults }: StripeState, method: string, path: string): StripeFault | undefined {
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

/** Counts the request, and says whether it is above a limit of its last second. */
function countsTooMany({ arrivals, limits }: StripeState, route: Route | undefined, now: number): boolean {
	const isAbove = (name: string, limit: number) => {
		const times = arrivals.get(name) ?? [];
		arrivals.set(name, times);
		times.push(now);
		return times.length > limit && (times[times.length - 1 - limit] ?? 0) > now - 1000;
	};
	const isAboveOwn = isAbove(route ? `${route.method} ${route.path.source}` : 'none', limits.perEndpoint);
	return isAbove('all', limits.perSecond) || isAboveOwn;
}
