import { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import type { HttpHeaders } from './headers';
import { readJson } from './read-json';
import type { Exchange } from './transport';

/**
 * OAuth2 client credentials: an application of the account's owner fetches a token for itself, and another one when that
 * has expired. n8n's own OAuth2 cannot send headers with the request for a token, and some services need them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
 */
export interface ClientCredentials {
	/** Named in error messages. */
	readonly service: string;
	readonly tokenUrl: string;
	readonly clientId: string;
	readonly clientSecret: string;
	/** Sent with the request for a token too. */
	readonly headers: Readonly<Record<string, string>>;
}

/** An exchange that proves itself by a token. */
export interface TokenExchange {
	readonly exchange: Exchange;
	/** What it sends, in all its forms. */
	readonly secrets: () => Promise<readonly string[]>;
}

/** How long a token is kept where the service does not say, in seconds. */
const USUAL_SECONDS = 3_600;
/** No token is kept longer. */
const LONGEST_SECONDS = 86_400;
/** So much earlier another one is fetched: it has to be good until a request has arrived. */
const AHEAD_SECONDS = 60;
/** For a token. */
const TIMEOUT_MS = 10_000;
/** Of what is said in the place of a token. */
const MOST_REFUSAL_BYTES = 65_536;

const granted = z.looseObject({
	access_token: z.string().regex(/^[\x21-\x7e]+$/),
	expires_in: z.unknown(),
});

/** What was answered to the request for a token, and is none. */
class Refusal extends Error {
	constructor(
		readonly status: number,
		readonly headers: HttpHeaders,
		readonly body: readonly Uint8Array[],
	) {
		super('no token');
	}
}

/** Of all nodes of the process, by the credential; whoever comes while one is fetched waits for the same. */
const tokens = new LRUCache<string, string, () => Promise<{ token: string; forSeconds: number }>>({
	max: 1_000,
	// Tokens expire while a machine sleeps, too.
	perf: { now: () => Date.now() },
	ttlResolution: 0,
	fetchMethod: async (_key, _stale, { options, context: fetchToken }) => {
		const { token, forSeconds } = await fetchToken();
		options.ttl = Math.max(1, forSeconds - AHEAD_SECONDS) * 1_000;
		return token;
	},
});

/**
 * Makes an exchange prove itself by a token. One that the service refuses is forgotten, so that the next request fetches
 * another. Where there is none, what the service said stands in the place of the answer: its limit is a limit, and its
 * refusal a refusal.
 */
export function withClientCredentials(credentials: ClientCredentials, exchange: Exchange): TokenExchange {
	const { tokenUrl, clientId, clientSecret, headers } = credentials;
	const key = hashOf([tokenUrl, clientId, clientSecret, headers]);
	const basic = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64');
	const fetchToken = async () => {
		const response = await exchange(
			new URL(tokenUrl),
			{
				method: 'POST',
				headers: {
					accept: 'application/json',
					authorization: `Basic ${basic}`,
					'content-type': 'application/x-www-form-urlencoded',
					...headers,
				},
				body: 'grant_type=client_credentials',
			},
			// Not that of a request: others may wait for the same token.
			AbortSignal.timeout(TIMEOUT_MS),
		);
		if (response.status === 200) return await tokenIn(credentials.service, response);
		const body: Uint8Array[] = [];
		let size = 0;
		for await (const chunk of response.body) {
			body.push(chunk);
			size += chunk.byteLength;
			if (size > MOST_REFUSAL_BYTES) break;
		}
		// By the standard, who is not known is told so with a 400 too.
		throw new Refusal(response.status === 400 ? 401 : response.status, response.headers, body);
	};
	/** Tokens that were sent, which an answer may repeat, whatever has become of them. */
	const sent = new Set<string>();
	/** What keeps another node from its token need not keep this one. */
	const current = async (isOwn = false): Promise<string | undefined> => {
		let own = isOwn;
		const context = async () => {
			own = true;
			return await fetchToken();
		};
		try {
			return await tokens.fetch(key, { context });
		} catch (error) {
			if (own || error instanceof Refusal) throw error;
			return await current(true);
		}
	};
	return {
		async exchange(url, request, signal) {
			let token: string | undefined;
			try {
				token = await Promise.race([current(), givenUp(signal)]);
				if (token !== undefined) sent.add(token);
			} catch (error) {
				if (!(error instanceof Refusal)) throw error;
				const { status, headers: answered, body } = error;
				return { status, headers: answered, body: Readable.from(body) };
			}
			const proven = { ...request.headers, authorization: `Bearer ${token ?? ''}` };
			const response = await exchange(url, { ...request, headers: proven }, signal);
			// Another one may be there already.
			if (response.status === 401 && tokens.peek(key) === token) tokens.delete(key);
			return response;
		},
		secrets() {
			return Promise.resolve([clientSecret, basic, ...sent]);
		},
	};
}

async function tokenIn(service: string, { headers, body }: Awaited<ReturnType<Exchange>>) {
	const parsed = granted.safeParse((await readJson(service, headers, body)).parse());
	if (parsed.success) {
		const { access_token: token, expires_in: seconds } = parsed.data;
		const told = Number(seconds);
		return { token, forSeconds: told > 0 ? Math.min(Math.floor(told), LONGEST_SECONDS) : USUAL_SECONDS };
	}
	throw new HybridSyncError(
		'bad-response',
		`${service} answered the request for a token with something that is not as documented. Check the URL in the credential.`,
	);
}

/** Settles only once the signal says so. */
async function givenUp(signal: AbortSignal): Promise<never> {
	return await new Promise((_resolve, reject) => {
		const tell = () => {
			reject(signal.reason instanceof Error ? signal.reason : new Error('given up'));
		};
		if (signal.aborted) tell();
		else signal.addEventListener('abort', tell, { once: true });
	});
}

/** @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
const formEncoded = (text: string) => new URLSearchParams({ text }).toString().slice('text='.length);
