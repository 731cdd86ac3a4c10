import type { LookupFunction } from 'node:net';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { forbiddenError } from './status';
import { lookupSpecified } from './unspecified';
import type { Exchange } from './transport';

/** What stands between us and addresses that nobody should reach from here: n8n's own protection, where it is on. */
export interface EgressFilter {
	validateUrl(url: URL): Promise<{ ok: true } | { ok: false; error: Error }>;
	createSecureLookup(): LookupFunction;
}

/** For connecting, for the headers, and between two pieces of the body. */
const TIMEOUT_MS = 10_000;
/** Connections to one origin: a bound for the process. How many requests an account may make at once is for its budget. */
const CONNECTIONS = 50;

let open: Dispatcher | undefined;
let guarded: Dispatcher | undefined;

/**
 * Requests by undici: one pool of keep-alive connections for each origin and the process, behind the proxy that the
 * environment names.
 *
 * @param egress looks at every URL, and at every address that its host resolves to
 */
export function undiciExchange(egress?: EgressFilter): Exchange {
	return async (url, { method, headers, body: sent }, signal) => {
		if (egress) {
			const allowed = await egress.validateUrl(url);
			if (!allowed.ok) throw forbiddenError(url.host);
		}
		const options = {
			dispatcher: dispatcherFor(egress),
			method,
			headers,
			...(sent !== undefined && { body: sent }),
			headersTimeout: TIMEOUT_MS,
			bodyTimeout: TIMEOUT_MS,
			signal,
		};
		const { statusCode, headers: answered, body } = await onLiveConnection(method, () => request(url, options));
		return { status: statusCode, headers: answered, body };
	};
}

/** What happens to a request on a kept connection that the server has just closed. */
const CLOSED = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/**
 * Makes a request again, once, whose connection was closed before anything was answered: a server may close a kept connection
 * at the very moment in which it is used.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
 */
async function onLiveConnection<T>(method: string, ask: () => Promise<T>): Promise<T> {
	try {
		return await ask();
	} catch (error) {
		const { code } = Object(error) as { code?: unknown };
		if (method !== 'GET' || typeof code !== 'string' || !CLOSED.includes(code)) throw error;
		return await ask();
	}
}

function dispatcherFor(egress: EgressFilter | undefined): Dispatcher {
	const options = { connections: CONNECTIONS, keepAliveTimeout: 30_000 };
	// The filter is n8n's one and only: whichever node brings it, it is the same.
	const known = egress ? guarded : open;
	if (known) return known;
	const connect = { timeout: TIMEOUT_MS, lookup: lookupSpecified(egress?.createSecureLookup()) };
	const made = new EnvHttpProxyAgent({
		...options,
		connect,
		factory: (origin: string | URL, own: Agent.Options) => new Agent({ ...own, connect }),
	});
	if (egress) guarded = made;
	else open = made;
	return made;
}
