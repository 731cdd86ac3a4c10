import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { LATEST_TIME, MINUTE, formatTime } from '../base/time';
import { type Position, positionOfTime, timeOfPosition } from '../event/position';
import type { Transport } from '../http/transport';
import type { Expected, Ledger } from '../ledger/ledger';
import type { PollApi, PollResource } from '../provider/pull';
import { accountOf } from './account';
import { BEYOND_ALL, type LookBacks, type Start, beginning, longestLookBack, lookBackOf } from './beginning';
import { type Breadcrumb, type BreadcrumbContent, breadcrumbOf } from './breadcrumb';
import {
	type CursorState,
	type ResourceCursor,
	isOpen,
	isTimed,
	keysFrom,
	parseCursor,
	startAt,
	storedCursor,
} from './cursor';
import { type Listing, resourcesOf } from './parents';
import { type ReadPage, readWindow } from './read';

/** How far a window has been read that one tick was not enough for. */
export interface Progress {
	readonly resource: string;
	/** Rows so far, and of how many, where the provider counts them. */
	readonly read: number;
	readonly total?: number;
	/** The position that has been reached. */
	readonly upTo: string;
}

export interface ReadingOptions extends LookBacks {
	readonly ledger: Ledger;
	readonly api: PollApi;
	/** Name of the provider. */
	readonly provider: string;
	/** Identifies the credential. */
	readonly sender: string;
	readonly stream: string;
	/** Id of the polling trigger. */
	readonly node: string;
	/** Token of the tick's lease: without it nothing is committed. */
	readonly lease: string;
	/** What push should have brought. */
	readonly expected: readonly Expected[];
	readonly start: Start;
	/** Where a lost ledger had come. */
	readonly readTo?: Breadcrumb['readTo'];
	readonly maxRequests: number;
	readonly budgetMs: number;
	readonly clock: () => number;
}

/** What was found, and the trouble that ended it. */
export interface Found {
	/** Answers by which nothing had changed. */
	readonly unchanged: number;
	/** Rows read, and how many of their events the ledger had not seen. */
	readonly read: number;
	readonly found: number;
	/** Rows that could not be read and had not been known. */
	readonly deadLetters: number;
	readonly progress: readonly Progress[];
	/** What is odd without stopping the reading. */
	readonly notices: readonly string[];
	readonly breadcrumb?: BreadcrumbContent;
	/** How long the provider is not to be asked any more, because its quota is used up. */
	readonly pauseMs?: number;
	readonly failure?: HybridSyncError;
	/** The latest row that could not be read: of which resource, and why. */
	readonly latestDeadLetter?: { readonly resource: string; readonly reason: string };
}

/** What a reading of all resources has found. */
export type ReadingResult = Found & { readonly requests: number };

const NOTHING_FOUND: Found = { unchanged: 0, read: 0, found: 0, deadLetters: 0, progress: [], notices: [] };
export const NOTHING_READ: ReadingResult = { ...NOTHING_FOUND, requests: 0 };

function plus(one: Found, other: Partial<Found>): Found {
	const { unchanged = 0, read = 0, found = 0, deadLetters = 0, progress = [], notices = [] } = other;
	return {
		...one,
		...other,
		unchanged: one.unchanged + unchanged,
		read: one.read + read,
		found: one.found + found,
		deadLetters: one.deadLetters + deadLetters,
		progress: [...one.progress, ...progress],
		notices: [...one.notices, ...notices],
	};
}

/** Counts the requests of a tick, and says when there are to be no more. */
class RequestCount {
	made = 0;
	private begun = 0;
	private isExhausted = false;
	private readonly deadline: number;

	constructor(private readonly options: Pick<ReadingOptions, 'maxRequests' | 'budgetMs'>) {
		this.deadline = performance.now() + options.budgetMs;
	}

	/** @returns the transport, whose requests are counted from now on */
	counting(transport: Transport): Transport {
		return {
			...transport,
			send: async (request, signal) => {
				this.made += 1;
				return await transport.send(request, signal);
			},
		};
	}

	mayGoOn(): boolean {
		return !this.isExhausted && this.made < this.options.maxRequests && performance.now() < this.deadline;
	}

	/** Whether there is room for another resource to begin; there is for one, whatever the limits are. */
	mayBegin(): boolean {
		this.begun += 1;
		return this.begun === 1 || this.mayGoOn();
	}

	/** The provider allows no more for now. */
	exhaust(): void {
		this.isExhausted = true;
	}
}

/** What belongs to one reading of all resources. */
interface Session extends ReadingOptions {
	readonly account: string;
	readonly transport: Transport;
	readonly requests: RequestCount;
	readonly correlationId: string;
}

/** What a reading found, step by step, and what it returns at its end. */
type Steps<T> = AsyncGenerator<Partial<Found>, T>;

/**
 * Reads one resource after the other, and records each page together with the cursor that covers it.
 *
 * @returns what was found up to a `failure` as well; what was recorded stays
 */
export async function readResources(options: ReadingOptions): Promise<ReadingResult> {
	const requests = new RequestCount(options);
	let result = NOTHING_FOUND;
	const failures: HybridSyncError[] = [];
	try {
		for await (const found of readAll(options, requests, failures)) {
			result = plus(result, found);
			if (found.pauseMs !== undefined) requests.exhaust();
			limitDeadLetters(result.deadLetters, found);
		}
	} catch (error) {
		result = plus(result, endOf(error));
	}
	const { failure = failures[0] } = result;
	return { ...result, ...(failure && { failure }), requests: requests.made };
}

/** @param failures of single resources, in spite of which the others were read */
async function* readAll(options: ReadingOptions, requests: RequestCount, failures: HybridSyncError[]): Steps<void> {
	const { api } = options;
	// Webhooks are looked after, and nothing is to be read.
	if (api.resources.length === 0 && (api.parents ?? []).length === 0) return;
	const transport = requests.counting(api.transport);
	const account = await accountOf(api, transport);
	const session: Session = { ...options, account, transport, requests, correlationId: randomUUID() };
	const cursors: ResourceCursor[] = [];
	const failed = (error: unknown, name?: string) => {
		const { failure } = endOf(error);
		if (!failure || isOfAll(failure)) throw error;
		const { code, details, message } = failure;
		failures.push(name === undefined ? failure : new HybridSyncError(code, `${name}: ${message}`, details));
	};
	const { found, listings } = await resourcesOf(api, session, failed);
	/** Where one resource fails, the others are read all the same. */
	async function* apart<T>({ displayName }: PollResource, steps: Steps<T>): Steps<T | undefined> {
		try {
			return yield* steps;
		} catch (error) {
			failed(error, found.length > 1 ? displayName : undefined);
			return undefined;
		}
	}
	for (const { resource, start } of found) {
		const state = yield* apart(resource, openCursor({ ...session, start }, resource));
		if (state) cursors.push({ resource, state });
	}
	// Now that each has begun: the next parent that is found began after this listing. What has not begun yet goes by the one
	// before, and where there is none and all is to begin now, by this one.
	for (const listing of listings) {
		const isFirst = listing.isFirst && options.start.from === 'now';
		if (cursors.length === found.length || isFirst) yield* keepListing(session, listing);
	}
	// What one tick was not enough for comes last, so that it keeps nothing else from being found.
	cursors.sort((a, b) => Number(isOpen(a.state)) - Number(isOpen(b.state)) || begunAt(a) - begunAt(b));
	const readable: ResourceCursor[] = [];
	for (const cursor of cursors) {
		if (yield* apart(cursor.resource, readOn(session, cursor, cursors.length > 1))) readable.push(cursor);
	}
	yield { breadcrumb: breadcrumbOf(cursors) };
	for (const cursor of readable) yield* apart(cursor.resource, reconcile(session, cursor));
}

/**
 * Reads a resource on from where it stands, if it is time to.
 *
 * @param isOneOfMany one tick may not be enough for all of them
 */
async function* readOn(session: Session, cursor: ResourceCursor, isOneOfMany: boolean): Steps<true> {
	const { everyMs } = cursor.resource;
	if (!isOpen(cursor.state)) {
		const age = session.clock() - begunAt(cursor);
		if (everyMs !== undefined && age >= 0 && age < everyMs - SLACK_MS) return true;
		// Where there is not room for all of them, each has its turn.
		if (everyMs !== undefined || isOneOfMany) cursor.state = { ...cursor.state, readAt: session.clock() };
	}
	yield* readHead(session, cursor);
	if (session.requests.mayGoOn()) {
		cursor.state = yield* read(session, cursor, cursor.resource.name, lookBackOf(session, cursor.resource));
	}
	yield* retireHead(session, cursor);
	if (isOpen(cursor.state)) yield { progress: [progressOf(cursor)] };
	return true;
}

/** Ticks come about a minute apart, and not to the second. */
const SLACK_MS = MINUTE / 2;

const begunAt = ({ state: { readAt } }: ResourceCursor) => readAt ?? 0;

/** Whether trouble is that of all resources: of the ledger, the credential, the network, or because too much was asked. */
export function isOfAll({ code, details: { status } }: HybridSyncError): boolean {
	if (code === 'credential-invalid') return status !== 403;
	if (code === 'unavailable') return status === undefined;
	return code !== 'bad-response' && code !== 'configuration';
}

/** What an error means that has ended a reading. */
function endOf(error: unknown): Partial<Found> {
	// Whatever an answer makes of us, the events that are due must go on to n8n.
	if (!(error instanceof HybridSyncError)) {
		const message = `What the service sent could not be dealt with (${String(error)}). The cursor stays where it is.`;
		return { failure: new HybridSyncError('bad-response', message, { cause: error }) };
	}
	// Our own limit and no answer of the provider: it goes on when there is room again, and nobody has to be told.
	const isOwnLimit = error.code === 'rate-limited' && error.details.status === undefined;
	return isOwnLimit ? { pauseMs: error.details.retryAfterMs ?? 0 } : { failure: error };
}

/** Notes when the parents were listed, and lets go of what has been gone for long. */
async function* keepListing(session: Session, { name, parents, state, children }: Listing): Steps<void> {
	const { ledger, stream, node, lease } = session;
	const cursor = { resource: name, position: storedCursor(state), readsFrom: Number.MAX_SAFE_INTEGER, lease };
	await ledger.record({ stream, node, path: 'poll', correlationId: '', events: [], handsOver: false, cursor });
	await ledger.dropResources(stream, node, parents, children);
	yield {};
}

/** Where a resource stands; nothing where it has not begun, and there is no room to. */
async function* openCursor(session: Session, resource: PollResource): Steps<CursorState | undefined> {
	const { ledger, stream, node } = session;
	const known = parseCursor(await ledger.cursor(stream, node, resource.name));
	if (!known && !session.requests.mayBegin()) return undefined;
	const { state, isBegun, notice } = await beginning(session, resource, known);
	if (isBegun) yield await commit(session, resource, resource.name, { ...NO_ROWS, state });
	if (notice !== undefined) yield { notices: [notice] };
	return state;
}

const NO_ROWS = { events: [], passed: [], also: [], deadLetters: [] } as const;

/** Reads a window, or as much of it as there is time for. */
async function* read(
	session: Session,
	{ resource, state: from }: ResourceCursor,
	cursor: string,
	lookBack: Position,
): Steps<CursorState> {
	const { requests, ledger, stream } = session;
	let state = from;
	const mayGoOn = () => requests.mayGoOn();
	const known = async (keys: readonly string[]) => await ledger.knownKeys(stream, keys);
	for await (const page of readWindow({ ...session, resource, state, lookBack, mayGoOn, known })) {
		({ state } = page);
		const { deadLetters, notice, exhaustedMs } = page;
		const committed = page.unchanged ? { unchanged: 1 } : await commit(session, resource, cursor, page);
		yield {
			...committed,
			read: page.read,
			...(notice !== undefined && { notices: [notice] }),
			...(exhaustedMs !== undefined && { pauseMs: exhaustedMs }),
		};
		const [first] = deadLetters;
		if (first) yield { latestDeadLetter: { resource: resource.displayName, reason: first.reason } };
	}
	return state;
}

/** New dead letters of one tick: they take room in the ledger, and a person has to look at them. */
const MAX_DEAD_LETTERS = 1_000;

/** @throws HybridSyncError `bad-response` where a reading has left too many rows that cannot be read */
function limitDeadLetters(count: number, { latestDeadLetter }: Partial<Found>): void {
	if (count < MAX_DEAD_LETTERS || latestDeadLetter === undefined) return;
	throw new HybridSyncError(
		'bad-response',
		`${latestDeadLetter.resource}: ${count} rows in this tick cannot be read, e.g.: ${latestDeadLetter.reason}. The first ones of each page are kept as dead letters, and reading continues with a later tick. Check the settings of the node; once they are right, the rows can be read again by a new node with "Start: Since Date".`,
	);
}

/** @param readsFrom by default as the cursor says */
async function commit(
	session: Session,
	resource: PollResource,
	cursor: string,
	page: Pick<ReadPage, 'state' | 'events' | 'passed' | 'also' | 'deadLetters'>,
	readsFrom = keysFrom(page.state, resource, longestLookBack(session, resource)),
): Promise<Pick<Found, 'found' | 'deadLetters'>> {
	const { ledger, stream, node, correlationId, provider, expected, lease } = session;
	const recording = { stream, node, path: 'poll', correlationId } as const;
	const deadLetters = await ledger.recordDeadLetters({ ...recording, provider }, page.deadLetters);
	await ledger.record({ ...recording, events: page.passed, handsOver: false, seen: true, expected });
	const recorded = await ledger.record({
		...recording,
		events: page.events,
		handsOver: false,
		expected,
		cursor: { resource: cursor, position: storedCursor(page.state), readsFrom, lease },
	});
	// Afterwards: what is known by one of its keys only may come twice, and would be lost the other way round.
	await ledger.record({ ...recording, events: page.also, handsOver: false, seen: true, expected });
	const found = recorded.filter(({ outcome }) => outcome === 'new').length;
	return { found, deadLetters };
}

/*
 * The head. A window that takes many ticks comes to the newest rows last, or in a list that is read newest first, has left
 * them behind. What happens meanwhile is read under a cursor of its own, from the moment on in which the window was opened.
 */

const headOf = ({ name }: PollResource) => `${name} (head)`;

async function* readHead(session: Session, { resource, state: main }: ResourceCursor): Steps<void> {
	const { ledger, stream, node, account, requests } = session;
	const { signpost, pages = 0 } = main.window ?? {};
	if (signpost === undefined || main.seeking || !requests.mayGoOn()) return;
	if (resource.order === 'none' && resource.step === undefined) return;
	// What is dated earlier and shown late is found by the next window.
	const floor = main.floor > signpost ? main.floor : signpost;
	const known = parseCursor(await ledger.cursor(stream, node, headOf(resource)));
	const isSameHead = known?.account === account && known.floor === floor;
	// Where there is one request a tick, the window has its turn too.
	if (isSameHead && known.readAtPage === pages) return;
	const state: CursorState = { ...(isSameHead ? known : startAt(account, floor)), readAtPage: pages };
	yield* read(session, { resource, state }, headOf(resource), lookBackOf(session, resource));
}

/** Once the window has been read to its end, nothing is read under the head's cursor, and no key is kept for it. */
async function* retireHead(session: Session, { resource, state }: ResourceCursor): Steps<void> {
	if (state.window) return;
	const { ledger, stream, node, account } = session;
	const known = parseCursor(await ledger.cursor(stream, node, headOf(resource)));
	if (known === undefined || known.floor === RETIRED) return;
	const page = { ...NO_ROWS, state: startAt(account, RETIRED) };
	yield await commit(session, resource, headOf(resource), page, Number.MAX_SAFE_INTEGER);
}
const RETIRED = BEYOND_ALL;

/** Reads a longer time again, if it is time to. */
async function* reconcile(session: Session, { resource, state: main }: ResourceCursor): Steps<void> {
	const { deepReconcile, ledger, stream, node, account, clock, requests } = session;
	if (!deepReconcile || !isTimed(resource) || isOpen(main) || !requests.mayGoOn()) return;
	const cursor = `${resource.name} (reconcile)`;
	const before = parseCursor(await ledger.cursor(stream, node, cursor));
	const isUsable = before?.account === account && before.reconciledAt !== undefined && before.reconciledAt <= clock();
	const fresh: CursorState = { ...startAt(account, main.floor), bound: main.bound, reconciledAt: clock() };
	if (!isUsable) {
		yield await commit(session, resource, cursor, { ...NO_ROWS, state: fresh });
		return;
	}
	if (!isOpen(before) && clock() - (before.reconciledAt ?? 0) < deepReconcile.everyMs) return;
	const from = isOpen(before) ? before : fresh;
	const lookBack = positionOfTime(deepReconcile.lookBackMs);
	const state = yield* read(session, { resource, state: from }, cursor, lookBack);
	if (isOpen(state)) yield { progress: [progressOf({ resource, state })] };
}

function progressOf({ resource, state: { window, seeking, bound } }: ResourceCursor): Progress {
	const { from = bound, read: rows = 0, total } = window ?? {};
	return {
		resource: `${resource.displayName}${seeking ? ' (looking for the end)' : ''}`,
		read: rows,
		...(total !== undefined && { total }),
		upTo: isTimed(resource) ? formatTime(Math.min(timeOfPosition(from), LATEST_TIME)) : String(from),
	};
}
