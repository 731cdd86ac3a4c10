import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import type { DeadLetter } from '../event/dead-letter';
import type { ProviderEvent } from '../event/event';
import type { Position } from '../event/position';
import type { ApiRequest, ApiResponse, Transport } from '../http/transport';
import type { Page, PageRequest, PollResource, PolledRow } from '../provider/pull';
import { afterLogPage, beginLogReading, isExpired, withoutBookmark } from './bookmark';
import { type CursorState, type PageResult, nextPage } from './cursor';
import { readPage } from './page';
import { MINUTE } from '../base/time';
import { afterPage, withoutNext } from './window';

/** What is to be recorded of one page, and the cursor to commit together with it. */
export interface ReadPage {
	readonly state: CursorState;
	readonly events: readonly ProviderEvent[];
	/** How many rows they were read from. */
	readonly read: number;
	/** What was there before, and passes to nobody. */
	readonly passed: readonly ProviderEvent[];
	/** Under which keys they are known too, and pass to nobody. */
	readonly also: readonly ProviderEvent[];
	readonly deadLetters: readonly DeadLetter[];
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
	/** Which of these event keys the ledger knows. Default none. */
	readonly known?: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
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
	if (resource.unit === 'bookmark') state = beginLogReading(state, lookBack, clock());
	if (isExpired(state, clock())) {
		const expired = withoutBookmark(state, resource, { lookBack, keptForMs: resource.keptForMs, now: clock() });
		yield { ...NOTHING_READ, ...expired };
		({ state } = expired);
	}
	const givenUp = new AbortController();
	let restarts = 0;
	try {
		let pending: Promise<Answer> | undefined = ask(reading, state, givenUp.signal);
		while (pending) {
			let answer: Answer | undefined;
			let page: Page;
			try {
				answer = await pending;
				page = await pageOf(reading, answer, state, givenUp.signal);
			} catch (error) {
				const end = refusedPage(error, state, resource.pageSize);
				if (end?.kind !== 'end') {
					const without = end ? { ...NOTHING_READ, state: end.state } : pageWithoutPlace(error, reading, state);
					if (!without) throw error;
					yield without;
					restarts += 1;
					if (end?.kind !== 'again' || restarts > MAX_RESTARTS) throw error;
					// It is no trouble until it has been looked at once more.
					if (!mayGoOn()) return;
					({ state } = without);
					pending = ask(reading, state, givenUp.signal);
					continue;
				}
				({ state } = end);
				page = NO_PAGE;
			}
			pending = undefined;
			const isFirstEver = !state.window && state.bound === state.floor;
			if (page.unusable && isFirstEver) throw page.unusable;
			const step = withoutSecrets(answer?.response, () =>
				resource.unit === 'bookmark'
					? afterLogPage(state, page, resource, clock())
					: afterPage(state, page, resource, lookBack, clock()),
			);
			const wasSeeking = state.seeking === true;
			const { passed } = state;
			state = step.state;
			const exhaustedMs = answer?.response.exhaustedMs;
			if (step.goesOn && exhaustedMs === undefined && mayGoOn()) {
				pending = ask(reading, state, givenUp.signal);
				// It is awaited once this page is recorded; until then nobody listens.
				pending.catch(() => undefined);
			}
			const seeking = wasSeeking || reading.state.seeking === true;
			yield {
				state,
				...eventsToKeep(step, resource, seeking, passed),
				read: step.rows.length,
				deadLetters: page.deadLetters,
				unchanged: answer?.response.notModified === true,
				...(exhaustedMs !== undefined && { exhaustedMs }),
				...(step.notice !== undefined && { notice: step.notice }),
			};
			if (step.trouble) throw step.trouble;
		}
	} finally {
		givenUp.abort();
	}
}

/** What stands behind the last page. */
const NO_PAGE: Page = { rows: [], deadLetters: [], size: 0, last: true };

/** How often a reading goes back to the first page because a later one was refused. */
const MAX_RESTARTS = 3;

/** So many rows may be a full page where nobody knows how many that is. */
const LEAST_FULL = 10;
/** What is not there is behind the end; any other refusal may be that of a search which goes no further. */
const NOT_THERE = [404, 410, 416];
/** In the words of the provider, which stand in quotes. */
const SAYS_NO_SUCH_PAGE =
	/"[^"]*(?:(?:no such|invalid|unknown|empty) page|page[^"]{0,60}(?:not found|does not exist|out of range)|number of pages|no more (?:pages|results|items))[^"]*"/i;

/**
 * What it means that the provider refuses a page by its number. Some have no empty page behind the last one, but an error:
 * so what lies before is read once more, and what is then refused again is the end. Behind a page that may be a full one it
 * has to say that there is no such page. An error of the server's own is believed only behind a page that is
 * surely a short one.
 */
function refusedPage(
	error: unknown,
	state: CursorState,
	pageSize: number,
): { readonly kind: 'again' | 'later' | 'end'; readonly state: CursorState } | undefined {
	const { window, endStatus, longest = 0 } = state;
	if (!(error instanceof HybridSyncError) || !window || window.page === 1 || window.next !== undefined)
		return undefined;
	const { status = 0 } = error.details;
	// Any other error of the server says that it will be back.
	const isServer = status === 500;
	if (!isServer && !(error.code === 'bad-response' && status >= 400)) return undefined;
	const { refused, page, size = 0 } = window;
	const isKnown = endStatus === status;
	const full = isServer || !Number.isFinite(pageSize) ? Math.min(pageSize, LEAST_FULL) : pageSize;
	const isShort = size < longest || (page === 2 && size < full);
	const saysSo = !isServer && (NOT_THERE.includes(status) || SAYS_NO_SUCH_PAGE.test(error.message));
	const times = (refused?.page === page ? refused.times : 0) + 1;
	if (!isShort && !saysSo) {
		if (!isServer) return undefined;
		// The list may have become shorter since the page before was read. A single error is waited out where we are.
		const marked = { ...state, window: { ...window, refused: { page, times } } };
		return { kind: 'later', state: times === 1 ? marked : withoutNext(state) };
	}
	const needed = isKnown && !isServer ? 1 : 2;
	if (times >= needed) return { kind: 'end', state: { ...state, endStatus: status } };
	const again = withoutNext(state);
	const marked = { ...again, ...(again.window && { window: { ...again.window, refused: { page, times } } }) };
	return { kind: 'again', state: marked };
}

const NOTHING_READ = { events: [], read: 0, passed: [], also: [], deadLetters: [], unchanged: false } as const;

/**
 * What to commit where it may be the place of a page that the provider, or we, refuse. Tokens, links and bookmarks expire,
 * and searches go no further than so many rows: the window is read again from its first page, where new rows may be, and the
 * log from a time.
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
	if (state.window === undefined || state.window.page === 1) return undefined;
	return { ...NOTHING_READ, state: withoutNext(state) };
}

/** The rules name rows by their ids, in which an API may echo the credential. */
function withoutSecrets<T>(response: ApiResponse | undefined, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		const message = response ? response.redactor.redact(error.message) : error.message;
		throw new HybridSyncError(error.code, message, error.details);
	}
}

/**
 * The events of a page that are recorded. What comes before the start need not be where numbers tell what came later, but
 * for the rows above the bound, which are read again.
 *
 * @param passed up to where rows were there before
 */
function eventsToKeep(
	{ rows, state }: PageResult,
	{ unit }: PollResource,
	seeking: boolean,
	passed: Position | undefined,
): Pick<ReadPage, 'events' | 'passed' | 'also'> {
	const bound = state.window?.newest ?? state.bound;
	const wanted = rows.filter(({ isUnwanted }) => isUnwanted !== true);
	const kept = seeking && unit === 'number' ? wanted.filter((row) => row.position > bound) : wanted;
	const isPassed = ({ position }: PolledRow) => seeking || (passed !== undefined && position <= passed);
	return {
		events: kept.flatMap((row) => (isPassed(row) ? [] : row.event)),
		passed: kept.flatMap((row) => (isPassed(row) ? row.event : [])),
		also: kept.flatMap(({ also }) => also ?? []),
	};
}

interface Answer {
	readonly response: ApiResponse;
	readonly request: ApiRequest;
	readonly asked: PageRequest;
}

/**
 * How long the provider is believed that nothing has changed, in milliseconds. Some say so for ever, and what they hide has
 * to come within the look-back all the same.
 */
const BELIEVED_FOR_MS = 5 * MINUTE;
/** A date of the last change that is not older than this says nothing of what changed later in the same second. */
const LEAST_AGE_MS = MINUTE;

async function ask(reading: WindowReading, state: CursorState, signal: AbortSignal): Promise<Answer> {
	const { resource, transport, lookBack, clock } = reading;
	const asked = { ...nextPage(state, lookBack), pageSize: resource.pageSize };
	const request = resource.request(asked);
	const known = state.window ? undefined : state.validators;
	const age = clock() - (known?.at ?? 0);
	const isUsable = known?.request === nameOf(request) && age >= 0 && age < BELIEVED_FOR_MS;
	const response = await transport.send({ ...request, ...(isUsable && { validators: known }) }, signal);
	return { response, request, asked };
}

async function pageOf(
	{ resource, account, sender, transport, known, clock }: WindowReading,
	{ response, request, asked }: Answer,
	{ validators }: CursorState,
	signal: AbortSignal,
): Promise<Page> {
	const { date } = response;
	if (response.notModified && validators) {
		return { rows: [], deadLetters: [], size: 0, last: true, validators, ...(date !== undefined && { date }) };
	}
	const { etag, 'last-modified': modified } = response.headers;
	// Kept in the ledger, so not where an API echoes the credential in it.
	const isKept = (text: unknown): text is string => typeof text === 'string' && !response.redactor.isSecret(text);
	// @see https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2
	const isStrong = date !== undefined && Date.parse(String(modified)) <= date - LEAST_AGE_MS;
	const page = await readPage(resource, response, {
		account,
		sender,
		transport,
		signal,
		asked,
		...(known && { known }),
	});
	return {
		...page,
		...((isKept(etag) || (isKept(modified) && isStrong)) && {
			validators: {
				request: nameOf(request),
				...(isKept(etag) && { etag }),
				...(isKept(modified) && isStrong && { modified }),
				at: clock(),
			},
		}),
	};
}

function nameOf({ method = 'GET', path, query, body }: ApiRequest): string {
	// A hash, because a body may hold a key.
	return hashOf([method, path, query, body]);
}
