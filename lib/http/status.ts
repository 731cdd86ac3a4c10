import { HybridSyncError } from '../base/errors';
import { MINUTE } from '../base/time';
import type { HttpHeaders } from './headers';
import type { ReadBody } from './read-json';
import type { Redactor } from './redact';
import { isForRequests, retryAfter } from './retry-after';

/** What goes wrong between us and a provider, as errors that say what to do. */

/** @param redactor hides what was sent, should the provider echo it */
export function statusError(
	{ service, credentialHint }: { readonly service: string; readonly credentialHint: string },
	status: number,
	headers: HttpHeaders,
	body: ReadBody,
	redactor: Redactor,
): HybridSyncError {
	const details = { status, ...retryAfter(status, headers) };
	const said = providerMessage(body, redactor);
	if (isForRequests(status, headers) || (status === 403 && SAYS_LIMIT.test(said))) {
		return new HybridSyncError(
			'rate-limited',
			`${service} asks for fewer requests (${status}${said}). Nothing is lost: the node tries again later and goes on where it stopped.`,
			details,
		);
	}
	if (status === 401 || status === 403) {
		return new HybridSyncError(
			'credential-invalid',
			`${service} refused the credential (${status}${said}). ${credentialHint}`,
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
	if (status >= 300 && status < 400) {
		return new HybridSyncError(
			'bad-response',
			`${service} answered with a redirect (${status})${targetOf(headers, redactor)}. Redirects are not followed, so that nobody else gets the credential. Enter the address it leads to: as API URL in the credential, or as URL in the node.`,
			details,
		);
	}
	return new HybridSyncError(
		'bad-response',
		`${service} did not accept the request (${status}${said}). Check the API URL in the credential, then the settings of this node.`,
		details,
	);
}

/** In the words of those that send nothing else with a 403, e.g. Google's `rateLimitExceeded`. */
const SAYS_LIMIT = /rate.?limit|too many requests|quota exceeded/i;

/** Where a redirect leads, without its query. */
function targetOf(headers: HttpHeaders, { excerpt }: Redactor): string {
	const { location } = headers;
	const url = typeof location === 'string' ? URL.parse(location, 'http://same.invalid') : null;
	if (url === null) return '';
	return ` to ${excerpt(`${url.origin === 'http://same.invalid' ? '' : url.origin}${url.pathname}`, 200)}`;
}

/** The provider's own words, shortened and without anything secret it may echo; nothing where it sent none. */
function providerMessage(body: ReadBody, { excerpt }: Redactor): string {
	let message: unknown;
	try {
		const said = body.parse() as { message?: unknown; error?: unknown; detail?: unknown } | null;
		const { message: within } = Object(said?.error) as { message?: unknown };
		message = [said?.message, said?.detail, within, said?.error].find((each) => typeof each === 'string');
	} catch {
		return '';
	}
	if (typeof message !== 'string') return '';
	return `, "${excerpt(message, 200)}"`;
}

/** The provider has taken the request, and is still making the answer (202). It is no trouble, and nobody has to be told. */
export function pendingError(service: string, headers: HttpHeaders): HybridSyncError {
	const { retryAfterMs = MINUTE } = retryAfter(202, headers);
	return new HybridSyncError(
		'rate-limited',
		`${service} is still preparing its answer (202). It is asked again in ${Math.ceil(retryAfterMs / 1000)} seconds.`,
		{ retryAfterMs },
	);
}

export function forbiddenError(host: string): HybridSyncError {
	return new HybridSyncError(
		'configuration',
		`n8n does not allow requests to ${host}: it is a private or local address, and the protection against server-side request forgery is on. Enter another API URL, or have N8N_SSRF_ALLOWED_HOSTNAMES or N8N_SSRF_ALLOWED_IP_RANGES changed.`,
	);
}

/** Of an address that means the host itself, such as `0.0.0.0`. */
export function unspecifiedError(host: string): HybridSyncError {
	return new HybridSyncError(
		'configuration',
		`n8n does not allow requests to ${host}: it means "this computer" and is not the address of an API. Enter the real address as API URL.`,
	);
}

/** In words: n8n puts a sentence of its own in the place of a message with one of these codes in it. */
const NETWORK_REASONS: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'nothing answers there',
	ECONNRESET: 'the connection was closed',
	EHOSTUNREACH: 'there is no way to it',
	ENETUNREACH: 'there is no way to it',
	ENOTFOUND: 'there is no such host',
	EAI_AGAIN: 'the name server does not answer',
	ETIMEDOUT: 'it took too long',
	UND_ERR_CONNECT_TIMEOUT: 'it took too long',
	UND_ERR_BODY_TIMEOUT: 'it did not answer in time',
	UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
	UND_ERR_SOCKET: 'the connection was closed',
};

export function networkError(service: string, base: string, cause: unknown): HybridSyncError {
	const { origin } = new URL(base);
	// By its name: a timeout is a DOMException.
	const { code, name } = Object(cause) as { code?: unknown; name?: unknown };
	const known = typeof code === 'string' ? NETWORK_REASONS[code] : undefined;
	const reason = name === 'TimeoutError' ? 'it took too long' : (known ?? 'no connection');
	return new HybridSyncError(
		'unavailable',
		`${service} cannot be reached at ${origin}: ${reason}. Check the network of this n8n and the API URL in the credential. Nothing is lost: the node tries again and goes on where it stopped.`,
		{ cause },
	);
}
