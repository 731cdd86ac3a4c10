import { type Readable, addAbortSignal } from 'node:stream';
import { HybridSyncError } from '../base/errors';
import { forbiddenError } from './status';
import type { Exchange, RawRequest } from './transport';

/** A request as n8n's helper takes it. */
export interface HelperRequest {
	readonly method: RawRequest['method'];
	readonly url: string;
	readonly headers: Record<string, string>;
	readonly body?: string;
	readonly encoding: 'stream';
	readonly returnFullResponse: true;
	readonly ignoreHttpStatusErrors: { readonly ignore: true; readonly except: number[] };
	readonly disableFollowRedirect: true;
	readonly timeout: number;
	readonly abortSignal: AbortSignal;
}

/** n8n's `httpRequestWithAuthentication`, bound to a node and its credential. */
export type Helper = (request: HelperRequest) => Promise<unknown>;

/** What n8n calls an expired token: it is left to fail, so that n8n refreshes the token and asks again. */
const EXPIRED = 401;

/**
 * Requests by n8n's own helper, for credentials whose tokens n8n refreshes: the twin of undici's. n8n applies its proxy and
 * its protection itself; connections are not kept.
 *
 * @param hint where the credential is to be mended
 */
export function helperExchange(helper: Helper, service: string, hint: string): Exchange {
	return async (url, { method, headers, body: sent }, signal) => {
		try {
			const {
				statusCode,
				headers: answered,
				body,
			} = (await helper({
				method,
				url: url.href,
				headers: { ...headers },
				...(sent !== undefined && { body: sent }),
				encoding: 'stream',
				returnFullResponse: true,
				ignoreHttpStatusErrors: { ignore: true, except: [EXPIRED] },
				disableFollowRedirect: true,
				timeout: 30_000,
				abortSignal: signal,
			})) as HelperResponse;
			const { 'content-encoding': _, ...plain } = answered;
			return { status: statusCode, headers: plain, body };
		} catch (error) {
			const causes = chainOf(error);
			if (causes.some(({ name }) => /^SsrfBlocked/.test(name))) throw forbiddenError(url.host);
			if (causes.some((each) => 'httpCode' in each && String(each.httpCode) === String(EXPIRED))) {
				throw new HybridSyncError('credential-invalid', `${service} refused the credential (${EXPIRED}). ${hint}`, {
					status: EXPIRED,
				});
			}
			if (causes.some(isUnconnected)) {
				throw new HybridSyncError('credential-invalid', `n8n has no valid token for ${service}. ${hint}`);
			}
			throw error;
		}
	};
}

/** A request as n8n's helper for credential tests takes it. */
export interface LegacyRequest {
	readonly method: RawRequest['method'];
	readonly uri: string;
	readonly headers: Record<string, string>;
	readonly body?: string;
	readonly useStream: true;
	readonly resolveWithFullResponse: true;
	readonly simple: false;
	readonly followRedirect: false;
	readonly timeout: number;
}

/** Requests by the helper that n8n gives to credential tests, behind n8n's own protection and proxy. */
export function credentialTestExchange(helper: (request: LegacyRequest) => Promise<HelperResponse>): Exchange {
	return async (url, { method, headers, body: text }, signal) => {
		const { 'accept-encoding': _, ...sent } = headers;
		const answer = helper({
			method,
			uri: url.href,
			headers: sent,
			...(text !== undefined && { body: text }),
			useStream: true,
			resolveWithFullResponse: true,
			simple: false,
			followRedirect: false,
			timeout: 30_000,
		}).catch((error: unknown) => {
			if (chainOf(error).some(({ name }) => /^SsrfBlocked/.test(name))) throw forbiddenError(url.host);
			throw error;
		});
		const { statusCode, headers: answered, body } = await answer;
		const { 'content-encoding': _encoding, ...plain } = answered;
		return { status: statusCode, headers: plain, body: addAbortSignal(signal, body) };
	};
}

/** What n8n's helpers answer with: the encoding has been undone. */
export interface HelperResponse {
	readonly statusCode: number;
	readonly headers: Record<string, string | string[] | undefined>;
	readonly body: Readable;
}

/** An error and what caused it: n8n wraps them. */
function chainOf(error: unknown): Error[] {
	return error instanceof Error ? [error, ...chainOf(error.cause)] : [];
}

/** What n8n says where there is no token, or none can be had; its OAuth2 client has a code for what the server refused. */
function isUnconnected(error: Error): boolean {
	const { code } = error as { code?: unknown };
	return code === 'EAUTH' || /not connected|needs to be reconnected|reconnect the credentials/.test(error.message);
}
