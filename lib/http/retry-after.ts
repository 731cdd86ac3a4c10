import { isInnerList, parseDictionary, parseList } from 'structured-headers';
import type { HttpHeaders } from './headers';

/**
 * How long a provider asks us to wait: `Retry-After` in seconds or as an HTTP date (read against the server's own
 * `Date`), else, where the quota is used up, the reset of its rate limit.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfter(status: number, headers: HttpHeaders): { retryAfterMs?: number } {
	const after = single(headers, 'retry-after');
	const seconds = secondsIn(after) ?? distanceTo(Date.parse(after), headers);
	const wait = seconds ?? (isForRequests(status, headers) ? resetIn(headers) : undefined);
	return wait === undefined ? {} : { retryAfterMs: wait * 1000 };
}

/**
 * Whether an answer refuses for the number of requests. GitHub and others say so with 403, and tell it from a refused
 * credential by what is left of the limit, or by when to come again.
 *
 * @see https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export function isForRequests(status: number, headers: HttpHeaders): boolean {
	if (status !== 403) return status === 429;
	const remaining = remainingIn(headers);
	return (remaining === 0 && (resetIn(headers) ?? 0) > 0) || single(headers, 'retry-after') !== '';
}

/** How long nothing more may be asked because a request that succeeded was the last of the quota. */
export function exhaustedFor(headers: HttpHeaders): { exhaustedMs?: number } {
	const exhaustedMs = heldBackFor(200, headers, 0);
	return exhaustedMs === undefined ? {} : { exhaustedMs };
}

/** How long to wait where a provider refuses for the number of requests and says nothing more. */
const SHORTEST_WAIT_MS = 1_000;

/**
 * How long the other callers with the same account have to wait after this answer, in milliseconds: it refused for the
 * number of requests, or those that are still under way use up what remains.
 *
 * @param underWay requests of the account that have not been answered; the provider may not have counted them yet
 */
export function heldBackFor(status: number, headers: HttpHeaders, underWay: number): number | undefined {
	if (isForRequests(status, headers)) return retryAfter(status, headers).retryAfterMs ?? SHORTEST_WAIT_MS;
	const remaining = remainingIn(headers);
	// Gateways write a negative number, or no time, where there is no limit at all.
	if (remaining === undefined || remaining < 0 || remaining > underWay) return undefined;
	const wait = resetIn(headers) ?? 0;
	return wait === 0 ? undefined : wait * 1000;
}

function remainingIn(headers: HttpHeaders): number | undefined {
	const told = toldIn(headers);
	if (told) return told.remaining;
	const text = LIMIT_HEADERS.map((prefix) => single(headers, `${prefix}-remaining`)).find((each) => each !== '');
	return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** The names in use for the three headers of a rate limit, before `-limit`, `-remaining` and `-reset`. */
const LIMIT_HEADERS = ['x-ratelimit', 'x-rate-limit', 'ratelimit'];
/** A number so large is a point in time: seconds, or milliseconds, since the epoch. */
const LEAST_EPOCH_SECONDS = 1_000_000_000;
const LEAST_EPOCH_MILLISECONDS = 1_000_000_000_000;

/**
 * Seconds until the quota is renewed: a number of seconds, which GetResponse sends as text like `432 seconds` and with
 * every answer, a Unix time as GitHub sends, or a date.
 */
function resetIn(headers: HttpHeaders): number | undefined {
	const told = toldIn(headers)?.reset;
	if (told !== undefined) return told;
	const names = LIMIT_HEADERS.flatMap((prefix) => [`${prefix}-reset-after`, `${prefix}-reset`]);
	const text = names.map((name) => single(headers, name)).find((each) => each !== '') ?? '';
	const number = secondsIn(text);
	if (number === undefined) return distanceTo(Date.parse(text), headers);
	if (number < LEAST_EPOCH_SECONDS) return number;
	return distanceTo(number < LEAST_EPOCH_MILLISECONDS ? number * 1000 : number, headers);
}

/**
 * What the field `RateLimit` tells, in seconds: of several limits the one with the least left. Earlier drafts write
 * `limit=10, remaining=0, reset=900`, later ones `"default";r=0;t=900`.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
function toldIn(headers: HttpHeaders): { remaining: number; reset: number | undefined } | undefined {
	const text = single(headers, 'ratelimit');
	if (text === '') return undefined;
	try {
		const names = parseDictionary(text);
		const item = (name: string) => {
			const found = names.get(name);
			return found && !isInnerList(found) ? numberIn(found[0]) : undefined;
		};
		const remaining = item('remaining');
		if (remaining !== undefined) return { remaining, reset: item('reset') };
	} catch {
		// Of a later draft.
	}
	try {
		const limits = parseList(text).flatMap(([, parameters]) => {
			const remaining = numberIn(parameters.get('r'));
			return remaining === undefined ? [] : { remaining, reset: numberIn(parameters.get('t')) };
		});
		return limits.toSorted((a, b) => a.remaining - b.remaining || (b.reset ?? 0) - (a.reset ?? 0))[0];
	} catch {
		return undefined;
	}
}

function numberIn(item: unknown): number | undefined {
	return typeof item === 'number' && item >= 0 ? item : undefined;
}

function single(headers: HttpHeaders, name: string): string {
	const value = headers[name];
	return (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
}

function secondsIn(text: string): number | undefined {
	const digits = /^(\d{1,13})(?:\.\d+)?(?:\s*(?:s|seconds?))?$/i.exec(text)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

/** @param until milliseconds since the epoch by the server's clock */
function distanceTo(until: number, headers: HttpHeaders): number | undefined {
	const date = Date.parse(single(headers, 'date'));
	const from = Number.isNaN(date) ? Date.now() : date;
	return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - from) / 1000));
}
