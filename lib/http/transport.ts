import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import { DAY } from '../base/time';
import { type RateLimits, holdBack, joinAccount, requestsUnderWay, withinBudget } from './budget';
import type { HttpHeaders } from './headers';
import { isInternal, isLoopback } from './hosts';
import { exhaustedFor, heldBackFor } from './retry-after';
import { readJson } from './read-json';
import { type Redactor, redactorOf } from './redact';
import { networkError, pendingError, statusError } from './status';
import { refuseUnspecified } from './unspecified';

/** A request to the origin that a transport was made for, or to another one without its credential. */
export interface ApiRequest {
	/** Default GET. It must only read: a request may be made again. */
	readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Begins with `/` and is appended to the base URL, or is a whole URL of the same origin, e.g. a link to a next page. */
	readonly path: string;
	/** Added to what the path has. */
	readonly query?: Readonly<Record<string, string>>;
	/** Sent as JSON. */
	readonly body?: unknown;
	/** Goes to a whole URL of any origin, and carries nothing secret. */
	readonly isForeign?: true;
	/** Sent as a form instead. */
	readonly form?: Readonly<Record<string, string>>;
	/** Asks whether anything has changed since the answer that they came with. */
	readonly validators?: { readonly etag?: string | undefined; readonly modified?: string | undefined };
}

export interface ApiResponse {
	readonly status: number;
	readonly headers: HttpHeaders;
	/** Nothing where `notModified` or `isEmpty`. */
	readonly body: unknown;
	/** A success without a body, such as 204: some APIs answer so where there are no rows. */
	readonly isEmpty?: true;
	/** Nothing has changed since the answer that the request's validators came with (304). */
	readonly notModified?: true;
	/** The server's clock, in milliseconds since the epoch; absent where it sent no `Date`. */
	readonly date?: number;
	/** The provider's limit is used up by this request, for so many milliseconds. */
	readonly exhaustedMs?: number;
	/** What a link in this answer leads to, as a whole URL without anything secret that the provider may have put in it. */
	readonly linkTo: (link: string) => string;
	/** Hides the credential in what is quoted of this answer. */
	readonly redactor: Redactor;
}

/** Asks one API, with one credential. */
export interface Transport {
	/** Differs between origins, credentials and what identifies them; tells nothing about them. */
	readonly fingerprint: string;
	/** Made from what proves who asks, and nothing that changes by itself; whoever does not know the credential cannot make it. */
	readonly proofKey: string;
	/** Counts requests together with those of other credentials for the same account, once the account is known. */
	joinAccount(account: string): void;
	/**
	 * @param signal gives the request up
	 * @throws HybridSyncError `unavailable` (network, timeout, 5xx), `rate-limited` (429, 403 where a limit is used up; without
	 * a status where the own budget is used up, or the answer is still being made: 202), `credential-invalid` (401 twice, 403), `bad-response` (any other status, another origin, too large, not JSON),
	 * `configuration` (a base URL that is none, or that n8n's protection forbids)
	 */
	send(request: ApiRequest, signal?: AbortSignal): Promise<ApiResponse>;
}

/** What goes over the wire beside the URL. */
export interface RawRequest {
	readonly method: NonNullable<ApiRequest['method']>;
	readonly headers: Readonly<Record<string, string>>;
	/** Absent where there is none. */
	readonly body?: string;
}

/** What came over the wire, before anybody has read it. */
export interface RawResponse {
	readonly status: number;
	readonly headers: HttpHeaders;
	/** As sent, or with its `content-encoding` undone; the headers say which. */
	readonly body: AsyncIterable<Uint8Array>;
}

/** One way to make a request: undici, or n8n's own helper where n8n refreshes tokens. It follows no redirect. */
export type Exchange = (url: URL, request: RawRequest, signal: AbortSignal) => Promise<RawResponse>;

export interface TransportOptions {
	/** Named in error messages, e.g. `GetResponse`. */
	readonly service: string;
	/** The one origin, with an optional path, that ever sees the credential, e.g. `https://api.getresponse.com/v3`. */
	readonly baseUrl: string;
	/** Sent with every request, credentials among them. Default none. */
	readonly headers?: Readonly<Record<string, string>>;
	/** The same for the query. Default none. */
	readonly query?: Readonly<Record<string, string>>;
	/** What else is sent in some form, and must not be repeated should the provider echo it. Asked after each request. */
	readonly secrets?: () => Promise<readonly string[]>;
	/** Tells this credential from others that send the same, or whose secrets n8n sends. Default nothing. */
	readonly identity?: unknown;
	/** What the credential keeps to itself where n8n sends the secrets. Default nothing. */
	readonly proofSecret?: unknown;
	/** Makes the requests. */
	readonly exchange: Exchange;
	/** Makes those to other origins. Default none are made. */
	readonly plainExchange?: Exchange | undefined;
	/** Of the API. Default none. */
	readonly limits?: RateLimits;
	/** Of the limits that may be used, from 0 to 1. Default 1. */
	readonly share?: number;
	/** Where in n8n the credential is to be mended, e.g. `Check the API key in the credential of the trigger.` */
	readonly credentialHint: string;
}

const SECOND_TRY_AFTER_MS = 500;

/** For the whole request. */
const TOTAL_TIMEOUT_MS = 30_000;

/** Sent with every request, so that providers can tell who asks. */
const USER_AGENT = 'n8n-nodes-hybrid-sync (+https://www.npmjs.com/package/n8n-nodes-hybrid-sync)';

/** A client for one API. Redirects are not followed, so credentials never leave the configured origin. */
export function createTransport(options: TransportOptions): Transport {
	const { service, baseUrl, headers = {}, query: secretQuery = {}, exchange, limits = {}, share = 1 } = options;
	const base = parseBaseUrl(baseUrl);
	const fingerprint = hashOf([base, headers, secretQuery, options.identity ?? '']);
	const proofKey = hashOf(['proof', headers, secretQuery, options.proofSecret ?? '']);
	/** Keeps what the provider tells it by itself; others with the account hear of it by the budget. */
	const caller = {};
	const sent = [...Object.values(headers), ...Object.values(secretQuery)];
	const secretNames = new Set(Object.keys(secretQuery).map((name) => name.toLowerCase()));
	const sendOnce: Transport['send'] = async (request, signal) => {
		const { method = 'GET', path, query = {}, validators = {} } = request;
		const content = contentOf(request);
		const url = urlOf(service, base, path);
		refuseUnspecified(url);
		for (const [name, value] of Object.entries({ ...query, ...secretQuery })) url.searchParams.set(name, value);
		return await withinBudget(fingerprint, { limits, share, caller, signal }, async () => {
			const timeout = AbortSignal.timeout(TOTAL_TIMEOUT_MS);
			const within = signal ? AbortSignal.any([signal, timeout]) : timeout;
			try {
				const {
					status,
					headers: answered,
					body: answer,
				} = await exchange(
					url,
					{
						method,
						headers: {
							accept: 'application/json',
							'accept-encoding': 'gzip, br',
							'user-agent': USER_AGENT,
							...headers,
							...(validators.etag !== undefined && { 'if-none-match': validators.etag }),
							...(validators.modified !== undefined && { 'if-modified-since': validators.modified }),
							...(content && { 'content-type': content.type }),
						},
						...(content && { body: content.text }),
					},
					within,
				);
				const waitMs = heldBackFor(status, answered, requestsUnderWay(fingerprint) - 1);
				if (waitMs !== undefined) holdBack(fingerprint, Math.min(waitMs, DAY), caller);
				const read = await readJson(service, answered, answer);
				const redactor = redactorOf([...sent, ...((await options.secrets?.()) ?? [])]);
				const date = dateOf(answered);
				const common = {
					status,
					headers: answered,
					linkTo: (link: string) => linkFrom(url, link, secretNames, redactor),
					redactor,
					...(date !== undefined && { date }),
					...exhaustedFor(answered),
				};
				if (status === 304) return { ...common, body: undefined, notModified: true };
				if (status < 200 || status > 299) {
					throw statusError(options, status, answered, read, redactor);
				}
				if (status === 202 && read.isEmpty) throw pendingError(service, answered);
				if (read.isEmpty) return { ...common, body: undefined, isEmpty: true };
				const parsed = read.parse();
				if (status === 202 && !hasRows(parsed)) throw pendingError(service, answered);
				return { ...common, body: parsed };
			} catch (error) {
				throw error instanceof HybridSyncError ? error : networkError(service, base, error);
			}
		});
	};
	return {
		fingerprint,
		proofKey,
		joinAccount: (account) => {
			joinAccount(fingerprint, `${new URL(base).origin} ${account}`);
		},
		async send(request, signal) {
			if (request.isForeign) return await sendElsewhere(options, request, signal);
			try {
				return await sendOnce(request, signal);
			} catch (error) {
				// Some APIs refuse a good credential now and then, and take it a moment later.
				if (!(error instanceof HybridSyncError) || error.details.status !== 401) throw error;
				await sleep(SECOND_TRY_AFTER_MS, undefined, signal && { signal }).catch(() => undefined);
				return await sendOnce(request, signal);
			}
		},
	};
}

/** Makes a request to another origin, which never sees the credential: whatever it refuses, it refuses for good. */
async function sendElsewhere(
	{ service, baseUrl, plainExchange }: TransportOptions,
	{ isForeign: _, path, ...request }: ApiRequest,
	signal: AbortSignal | undefined,
): Promise<ApiResponse> {
	const [url, own] = [URL.parse(path), URL.parse(baseUrl)];
	const refused = (where: string) =>
		new HybridSyncError('bad-response', `${service}: something lies at ${where}. The request was not made.`);
	if (!url || !/^https?:$/.test(url.protocol) || `${url.username}${url.password}` !== '') {
		throw refused('what is not a URL');
	}
	if (!plainExchange) throw refused(`${url.origin}, and the credential is for ${own?.origin ?? baseUrl}`);
	// What an answer names must not lead into the network of this n8n, unless the API is in it.
	if (isInside(url) && !(own && isInside(own))) throw refused(`${url.origin}, an address of a private network`);
	const elsewhere = createTransport({
		service: url.host,
		baseUrl: url.origin,
		exchange: plainExchange,
		credentialHint: '',
	});
	try {
		return await elsewhere.send({ ...request, path }, signal);
	} catch (error) {
		if (!(error instanceof HybridSyncError) || error.code !== 'credential-invalid') throw error;
		throw new HybridSyncError('bad-response', error.message, error.details);
	}
}

const isInside = ({ hostname }: URL) => isLoopback(hostname) || isInternal(hostname);

/** What a request brings along. */
function contentOf({ body, form }: ApiRequest): { readonly type: string; readonly text: string } | undefined {
	if (form) return { type: 'application/x-www-form-urlencoded', text: String(new URLSearchParams({ ...form })) };
	return body === undefined ? undefined : { type: 'application/json', text: JSON.stringify(body) };
}

/** A link of an answer as it may be kept: what proves who asks is sent with every request, and must not lie in the ledger. */
function linkFrom(asked: URL, link: string, secretNames: ReadonlySet<string>, { isSecret }: Redactor): string {
	const found = URL.parse(link, asked.href);
	if (found === null) return link;
	const { pathname, search } = found;
	// Set, and not parsed: a path may begin with two slashes, which would name a host.
	const target = isSameApi(asked, found) ? Object.assign(new URL(asked.origin), { pathname, search }) : found;
	Object.assign(target, { username: '', password: '', hash: '' });
	for (const [name, value] of [...target.searchParams]) {
		const isOurs = value !== '' && (secretNames.has(name.toLowerCase()) || isSecret(value));
		if (isOurs || isSecret(name)) target.searchParams.delete(name);
	}
	return target.href;
}

/**
 * Whether a link that shows another origin means the API that was asked: a server behind a proxy often knows neither its
 * own name nor that it is reached by HTTPS. It is asked by the address in the credential then, and nobody else sees the key.
 */
function isSameApi(asked: URL, { protocol, hostname, origin }: URL): boolean {
	if (origin === asked.origin || !/^https?:$/.test(protocol)) return false;
	const isInternal =
		!hostname.includes('.') || isIP(hostname.replace(/^\[|\]$/g, '')) > 0 || /\.(?:local|internal|lan)$/.test(hostname);
	return hostname === asked.hostname || isInternal || (protocol === 'http:' && asked.protocol === 'https:');
}

/** Whether an answer has a list with something in it. */
function hasRows(body: unknown): boolean {
	const lists = typeof body === 'object' && body !== null ? [body, ...(Object.values(body) as unknown[])] : [];
	return lists.some((list) => Array.isArray(list) && list.length > 0);
}

/** The server's clock, unless it is days ahead of ours: then it would hide all that happens until that day. */
function dateOf({ date }: HttpHeaders): number | undefined {
	const time = typeof date === 'string' ? Date.parse(date) : NaN;
	return time <= Date.now() + DAY ? time : undefined;
}

function parseBaseUrl(text: string): string {
	const url = URL.parse(text);
	if (
		url === null ||
		!/^https?:$/.test(url.protocol) ||
		`${url.username}${url.password}${url.search}${url.hash}` !== ''
	) {
		throw new HybridSyncError(
			'configuration',
			`The API URL in the credential is not usable. Enter it like https://api.example.com/v3, without a query or a login.`,
		);
	}
	return url.href.replace(/\/+$/, '');
}

/** @throws HybridSyncError `bad-response` where it leads to another origin, which must not see the credential */
function urlOf(service: string, base: string, path: string): URL {
	const { origin } = new URL(base);
	const url = /^https?:\/\//i.test(path)
		? URL.parse(path)
		: URL.parse(`${base}${path.startsWith('/') ? '' : '/'}${path}`);
	if (url !== null && url.origin === origin && `${url.username}${url.password}` === '') return url;
	throw new HybridSyncError(
		'bad-response',
		`${service}: ${url === null ? 'a page lies at something that is not a URL' : `a page lies at ${url.origin}, and the credential is for ${origin}`}. The request was not made, so that nobody else gets the credential.${url?.protocol === 'https:' ? ' If that is where the API is, enter it as API URL in the credential.' : ''}`,
	);
}
