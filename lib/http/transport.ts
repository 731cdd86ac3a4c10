import { type Readable, pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { EnvHttpProxyAgent, request } from 'undici';
import { HybridSyncError } from '../errors';
import { hashOf } from '../event/event';
import type { HttpHeaders } from './headers';
import { retryAfter } from './retry-after';

/** A GET request to the origin that a transport was made for. */
export interface ApiRequest {
	/** Begins with `/`; appended to the base URL. */
	readonly path: string;
	readonly query: Readonly<Record<string, string>>;
}

export interface ApiResponse {
	readonly status: number;
	readonly headers: HttpHeaders;
	readonly body: unknown;
	/** The server's clock, in milliseconds since the epoch; absent where it sent no `Date`. */
	readonly date?: number;
}

export interface Transport {
	/** Differs between credentials and origins; tells nothing about them. */
	readonly fingerprint: string;
	/**
	 * @throws HybridSyncError `unavailable` (network, timeout, 5xx), `rate-limited` (429), `credential-invalid` (401, 403),
	 * `bad-response` (any other status, too large, not JSON)
	 */
	get(request: ApiRequest): Promise<ApiResponse>;
}

export interface TransportOptions {
	/** Named in error messages, e.g. `GetResponse`. */
	readonly service: string;
	/** The one origin, with an optional path, that ever sees the headers, e.g. `https://api.getresponse.com/v3`. */
	readonly baseUrl: string;
	/** Sent with every request, credentials among them. */
	readonly headers: Readonly<Record<string, string>>;
}

/** For connecting, for the headers, and between two pieces of the body. */
const TIMEOUT_MS = 10_000;
/** For the whole request. */
const TOTAL_TIMEOUT_MS = 30_000;
/** Largest body after decompression. */
const MAX_BYTES = 16 * 1024 * 1024;

/** One pool of keep-alive connections for the process, behind the proxy that the environment names. */
let pool: EnvHttpProxyAgent | undefined;

/** A client for one API. Redirects are not followed, so credentials never leave the configured origin. */
export function createTransport(options: TransportOptions): Transport {
	const { service, baseUrl } = options;
	const base = parseBaseUrl(service, baseUrl);
	return {
		fingerprint: hashOf([base, options.headers]),
		async get({ path, query }) {
			const url = new URL(`${base}${path}`);
			url.search = new URLSearchParams(query).toString();
			try {
				const response = await request(url, {
					dispatcher: (pool ??= new EnvHttpProxyAgent({ connect: { timeout: TIMEOUT_MS }, keepAliveTimeout: 30_000 })),
					headers: {
						accept: 'application/json',
						'accept-encoding': 'gzip, br',
						'user-agent': 'n8n-nodes-hybrid-sync',
						...options.headers,
					},
					headersTimeout: TIMEOUT_MS,
					bodyTimeout: TIMEOUT_MS,
					signal: AbortSignal.timeout(TOTAL_TIMEOUT_MS),
				});
				const text = await readText(service, decompressed(response.body, response.headers));
				const { statusCode: status, headers } = response;
				if (status < 200 || status > 299) throw statusError(options, status, headers, text);
				const date = typeof headers['date'] === 'string' ? Date.parse(headers['date']) : NaN;
				return { status, headers, body: parseJson(service, text), ...(Number.isFinite(date) && { date }) };
			} catch (error) {
				throw error instanceof HybridSyncError ? error : networkError(service, base, error);
			}
		},
	};
}

function parseBaseUrl(service: string, text: string): string {
	const url = URL.parse(text);
	if (
		url === null ||
		!/^https?:$/.test(url.protocol) ||
		`${url.username}${url.password}${url.search}${url.hash}` !== ''
	) {
		throw new HybridSyncError(
			'configuration',
			`The API URL of the ${service} credential is not usable. Enter it like https://api.example.com/v3, without a query or a login.`,
		);
	}
	return url.href.replace(/\/+$/, '');
}

function decompressed(body: Readable, headers: HttpHeaders): AsyncIterable<Uint8Array> {
	const encoding = headers['content-encoding'];
	if (encoding !== 'gzip' && encoding !== 'br') return body;
	const decoder = encoding === 'gzip' ? createGunzip() : createBrotliDecompress();
	// Whichever side fails, the reader of the decoder is told.
	return pipeline(body, decoder, () => undefined);
}

async function readText(service: string, body: AsyncIterable<Uint8Array>): Promise<string> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of body) {
		size += chunk.byteLength;
		if (size > MAX_BYTES) {
			throw new HybridSyncError(
				'bad-response',
				`${service} answered with more than ${MAX_BYTES / 1024 / 1024} MiB, which is more than a page of it ever holds. Check the API URL in the credential.`,
			);
		}
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

function parseJson(service: string, text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw new HybridSyncError(
			'bad-response',
			`${service} answered with something that is not JSON. A proxy or a maintenance page may stand in between; check the API URL in the credential.`,
			{ cause },
		);
	}
}

function statusError(
	{ service, headers: sent }: TransportOptions,
	status: number,
	headers: HttpHeaders,
	text: string,
): HybridSyncError {
	const details = { status, ...retryAfter(status, headers) };
	const said = providerMessage(text, Object.values(sent));
	if (status === 401 || status === 403) {
		return new HybridSyncError(
			'credential-invalid',
			`${service} refused the credential (${status}${said}). Check the API key and the region or API URL in the credential of this node.`,
			details,
		);
	}
	if (status === 429) {
		return new HybridSyncError(
			'rate-limited',
			`${service} asks for fewer requests (429${said}). Nothing is lost: the node tries again later and goes on where it stopped.`,
			details,
		);
	}
	if (status >= 500 || status === 408) {
		return new HybridSyncError(
			'unavailable',
			`${service} is not available at the moment (${status}${said}). Nothing is lost: the node tries again and goes on where it stopped.`,
			details,
		);
	}
	return new HybridSyncError(
		'bad-response',
		`${service} did not accept the request (${status}${said}). Check the API URL and the region in the credential, then the settings of this node.`,
		details,
	);
}

/** The provider's own words, shortened and without anything secret it may echo; nothing where it sent none. */
function providerMessage(text: string, secrets: readonly string[]): string {
	let message: unknown;
	try {
		({ message } = JSON.parse(text) as { message?: unknown });
	} catch {
		return '';
	}
	if (typeof message !== 'string') return '';
	const words = secrets.flatMap((secret) => [secret, ...secret.split(' ')]).filter((word) => word.length > 7);
	const said = words.reduce((rest, word) => rest.replaceAll(word, '…'), message);
	return `, "${said.slice(0, 200)}"`;
}

function networkError(service: string, base: string, cause: unknown): HybridSyncError {
	const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
	const reason = cause instanceof Error && cause.name === 'TimeoutError' ? 'it took too long' : code || 'no connection';
	return new HybridSyncError(
		'unavailable',
		`${service} cannot be reached at ${new URL(base).origin} (${reason}). Check the network of this n8n and the region in the credential. Nothing is lost: the node tries again and goes on where it stopped.`,
		{ cause },
	);
}
