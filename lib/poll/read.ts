import { HybridSyncError } from '../base/errors';
import type { ProviderEvent } from '../event/event';
import type { ApiRequest, ApiResponse, Transport } from '../http/transport';
import type { Page, PollResource, Unreadable } from '../provider/provider';
import { type Position, type Step, afterPage, nextPlace, withoutNext } from './cursor';

/** What is to be recorded of one page, and the position to commit together with it. */
export interface ReadPage {
	readonly position: Position;
	readonly events: readonly ProviderEvent[];
	readonly unreadable: readonly Unreadable[];
	/** They were there before the start, and pass to nobody. */
	readonly seen: boolean;
	/** The provider said that nothing has changed: there is nothing to commit. */
	readonly unchanged: boolean;
	/** Something odd that does not stop the reading, for the log. */
	readonly notice?: string;
	/** How long the provider is not to be asked any more, because this request was the last of its quota. */
	readonly exhaustedMs?: number;
}

export interface Reading {
	readonly resource: PollResource;
	readonly transport: Transport;
	readonly account: string;
	/** Identifies the credential. */
	readonly sender: string;
	readonly position: Position;
	/** In the unit of the resource. */
	readonly lookBack: number;
	/** Whether there is time and leave for another request. */
	readonly mayGoOn: () => boolean;
	/** Milliseconds since the epoch. */
	readonly clock: () => number;
}

/**
 * Reads a window, or as much of it as there is time for, page by page. While a page is being recorded, the next one is
 * under way. A page that is never committed has not been read: the next tick begins with it.
 */
export async function* readWindow(reading: Reading): AsyncGenerator<ReadPage> {
	const { resource, lookBack, mayGoOn, clock } = reading;
	let { position } = reading;
	const givenUp = new AbortController();
	try {
		let pending: Promise<Answer> | undefined = ask(reading, position, givenUp.signal);
		while (pending) {
			let answer: Answer;
			try {
				answer = await pending;
			} catch (error) {
				// Tokens and links to pages expire: the window is read again from its first page.
				if (!isBadNext(error, position)) throw error;
				yield { position: withoutNext(position), events: [], unreadable: [], seen: false, unchanged: false };
				throw error;
			}
			const { response, request } = answer;
			pending = undefined;
			const page = await pageOf(reading, response, request, position);
			if (page.unusable && !position.window && position.bound === position.floor) throw page.unusable;
			const step = withoutSecrets(response, () => afterPage(position, page, resource, lookBack, clock()));
			position = step.position;
			const { exhaustedMs } = response;
			if (step.goesOn && exhaustedMs === undefined && mayGoOn()) {
				pending = ask(reading, position, givenUp.signal);
				// It is awaited once this page is recorded; until then nobody listens.
				pending.catch(() => undefined);
			}
			const seeking = position.seeking === true || reading.position.seeking === true;
			yield {
				position,
				events: eventsToKeep(step, resource, seeking),
				unreadable: page.unreadable,
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
function eventsToKeep({ rows, position }: Step, { unit }: PollResource, seeking: boolean): ProviderEvent[] {
	const bound = position.window?.newest ?? position.bound;
	const kept = seeking && unit === 'number' ? rows.filter((row) => row.position > bound) : rows;
	return kept.map(({ event }) => event);
}

/** Whether it may be the place of the next page that the provider, or we, refuse. */
function isBadNext(error: unknown, { window }: Position): boolean {
	return error instanceof HybridSyncError && error.code === 'bad-response' && window?.next !== undefined;
}

interface Answer {
	readonly response: ApiResponse;
	readonly request: ApiRequest;
}

async function ask(reading: Reading, position: Position, signal: AbortSignal): Promise<Answer> {
	const { resource, transport, lookBack } = reading;
	const request = resource.request({ ...nextPlace(position, lookBack), pageSize: resource.pageSize });
	const known = position.window ? undefined : position.validators;
	const validators = known?.request === nameOf(request) ? known : undefined;
	return { response: await transport.get({ ...request, ...(validators && { validators }) }, signal), request };
}

async function pageOf(
	{ resource, account, sender }: Reading,
	response: ApiResponse,
	request: ApiRequest,
	{ validators }: Position,
): Promise<Page> {
	if (response.notModified && validators) {
		const { date } = response;
		return { rows: [], unreadable: [], size: 0, last: true, validators, ...(date !== undefined && { date }) };
	}
	const { etag, 'last-modified': modified } = response.headers;
	// Kept in the ledger, so not where an API echoes the credential in it.
	const isKept = (text: unknown): text is string => typeof text === 'string' && !response.redactor.isSecret(text);
	return {
		...(await resource.read(response, account, sender)),
		...((isKept(etag) || isKept(modified)) && {
			validators: {
				request: nameOf(request),
				...(isKept(etag) && { etag }),
				...(isKept(modified) && { modified }),
			},
		}),
	};
}

function nameOf({ path, query }: ApiRequest): string {
	return JSON.stringify([path, query]);
}
