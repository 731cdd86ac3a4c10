import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import type { DeadLetter } from '../event/dead-letter';
import type { ProviderEvent } from '../event/event';
import type { Position } from '../event/position';
import type { ApiRequest, ApiResponse, Transport } from '../http/transport';
import type { Page, PollResource } from '../provider/pull';
import { afterLogPage, isExpired, withoutBookmark } from './bookmark';
import { type CursorState, type PageResult, nextPage } from './cursor';
import { readPage } from './page';
import { afterPage, withoutNext } from './window';

/** What is to be recorded of one page, and the cursor to commit together with it. */
export interface ReadPage {
	readonly state: CursorState;
	readonly events: readonly ProviderEvent[];
	readonly deadLetters: readonly DeadLetter[];
	/** They were there before the start, and pass to nobody. */
	readonly seen: boolean;
	/** The provider said that nothing has changed: there is nothing to commit. */
	readonly unchanged: boolean;
	/** Something odd that does not stop the reading, for the log. */
	readonly notice?: string;
	/** How long the provider is not to be asked any more, because this request was the last of its quota. */
	readonly exhaustedMs?: number;
}

export interface WindowReading {
	readonly resource: PollResource;
	readonly transport: Transport;
	readonly account: string;
	/** Identifies the credential. */
	readonly sender: string;
	readonly state: CursorState;
	/** In the unit of the resource's positions. */
	readonly lookBack: Position;
	/** Whether there is time and leave for another request. */
	readonly mayGoOn: () => boolean;
	/** Milliseconds since the epoch. */
	readonly clock: () => number;
}

/**
 * Reads a window, or as much of it as there is time for, page by page. While a page is being recorded, the next one is
 * under way. A page that is never committed has not been read: the next tick begins with it.
 */
export async function* readWindow(reading: WindowReading): AsyncGenerator<ReadPage> {
	const { resource, lookBack, mayGoOn, clock } = reading;
	let { state } = reading;
	if (isExpired(state, clock())) {
		const expired = withoutBookmark(state, resource, { lookBack, keptForMs: resource.keptForMs, now: clock() });
		yield { ...NOTHING_READ, ...expired };
		({ state } = expired);
	}
	const givenUp = new AbortController();
	try {
		let pending: Promise<Answer> | undefined = ask(reading, state, givenUp.signal);
		while (pending) {
			let answer: Answer;
			try {
				answer = await pending;
			} catch (error) {
				const page = pageWithoutPlace(error, reading, state);
				if (!page) throw error;
				yield page;
				throw error;
			}
			const { response, request } = answer;
			pending = undefined;
			const page = await pageOf(reading, response, request, state, givenUp.signal);
			const isFirstEver = !state.window && state.bound === state.floor;
			if (page.unusable && isFirstEver) throw page.unusable;
			const step = withoutSecrets(response, () =>
				resource.unit === 'bookmark'
					? afterLogPage(state, page, resource, clock())
					: afterPage(state, page, resource, lookBack, clock()),
			);
			const wasSeeking = state.seeking === true;
			state = step.state;
			const { exhaustedMs } = response;
			if (step.goesOn && exhaustedMs === undefined && mayGoOn()) {
				pending = ask(reading, state, givenUp.signal);
				// It is awaited once this page is recorded; until then nobody listens.
				pending.catch(() => undefined);
			}
			const seeking = wasSeeking || reading.state.seeking === true;
			yield {
				state,
				events: eventsToKeep(step, resource, seeking),
				deadLetters: page.deadLetters,
				seen: seeking,
				unchanged: response.notModified === true,
				...(exhaustedMs !== undefined && { exhaustedMs }),
				...(step.notice !== undefined && { notice: step.notice }),
			};
			if (step.trouble) throw step.trouble;
		}
	} finally {
		givenUp.abort();
	}
}

const NOTHING_READ = { events: [], deadLetters: [], seen: false, unchanged: false } as const;

/**
 * What to commit where it may be the place of a page that the provider, or we, refuse. Tokens, links and bookmarks expire:
 * the window is read again from its first page, and the log from a time.
 */
function pageWithoutPlace(
	error: unknown,
	{ resource, lookBack, clock }: WindowReading,
	state: CursorState,
): ReadPage | undefined {
	if (!(error instanceof HybridSyncError) || error.code !== 'bad-response') return undefined;
	if (state.bookmark) {
		const { keptForMs } = resource;
		return { ...NOTHING_READ, ...withoutBookmark(state, resource, { lookBack, keptForMs, now: clock() }) };
	}
	if (state.window?.next === undefined) return undefined;
	return { ...NOTHING_READ, state: withoutNext(state) };
}

/** The rules name rows by their ids, in which an API may echo the credential. */
function withoutSecrets<T>({ redactor }: ApiResponse, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		throw new HybridSyncError(error.code, redactor.redact(error.message), error.details);
	}
}

/**
 * The events of a page that are recorded. What comes before the start need not be where numbers tell what came later, but
 * for the rows above the bound, which are read again.
 */
function eventsToKeep({ rows, state }: PageResult, { unit }: PollResource, seeking: boolean): ProviderEvent[] {
	const bound = state.window?.newest ?? state.bound;
	const kept = seeking && unit === 'number' ? rows.filter((row) => row.position > bound) : rows;
	return kept.map(({ event }) => event);
}

interface Answer {
	readonly response: ApiResponse;
	readonly request: ApiRequest;
}

async function ask(reading: WindowReading, state: CursorState, signal: AbortSignal): Promise<Answer> {
	const { resource, transport, lookBack } = reading;
	const request = resource.request({ ...nextPage(state, lookBack), pageSize: resource.pageSize });
	const known = state.window ? undefined : state.validators;
	const validators = known?.request === nameOf(request) ? known : undefined;
	return { response: await transport.send({ ...request, ...(validators && { validators }) }, signal), request };
}

async function pageOf(
	{ resource, account, sender, transport }: WindowReading,
	response: ApiResponse,
	request: ApiRequest,
	{ validators }: CursorState,
	signal: AbortSignal,
): Promise<Page> {
	if (response.notModified && validators) {
		const { date } = response;
		return { rows: [], deadLetters: [], size: 0, last: true, validators, ...(date !== undefined && { date }) };
	}
	const { etag, 'last-modified': modified } = response.headers;
	// Kept in the ledger, so not where an API echoes the credential in it.
	const isKept = (text: unknown): text is string => typeof text === 'string' && !response.redactor.isSecret(text);
	const page = await readPage(resource, response, { account, sender, transport, signal });
	return {
		...page,
		...((isKept(etag) || isKept(modified)) && {
			validators: {
				request: nameOf(request),
				...(isKept(etag) && { etag }),
				...(isKept(modified) && { modified }),
			},
		}),
	};
}

function nameOf({ method = 'GET', path, query, body }: ApiRequest): string {
	// A hash, because a body may hold a key.
	return hashOf([method, path, query, body]);
}
