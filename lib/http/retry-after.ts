import type { HttpHeaders } from './headers';

/**
 * How long a provider asks us to wait: `Retry-After` in seconds or as an HTTP date (read against the server's own
 * `Date`), else, where the quota is used up, `X-RateLimit-Reset` in seconds, which GetResponse sends as text like
 * `432 seconds` and with every answer.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfter(status: number, headers: HttpHeaders): { retryAfterMs?: number } {
	const after = single(headers['retry-after']);
	const seconds = leadingNumber(after) ?? dateDistance(after, single(headers['date']));
	const reset = status === 429 ? leadingNumber(single(headers['x-ratelimit-reset'])) : undefined;
	const wait = seconds ?? reset;
	return wait === undefined ? {} : { retryAfterMs: wait * 1000 };
}

function single(value: string | string[] | undefined): string {
	return (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
}

function leadingNumber(text: string): number | undefined {
	const digits = /^(\d{1,9})(?:\.\d+)?(?:\s*(?:s|seconds?))?$/i.exec(text)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

function dateDistance(text: string, serverDate: string): number | undefined {
	const until = Date.parse(text);
	const from = Number.isNaN(Date.parse(serverDate)) ? Date.now() : Date.parse(serverDate);
	return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - from) / 1000));
}
