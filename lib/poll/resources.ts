import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { DAY, LATEST_TIME, formatTime } from '../base/time';
import { composeKey } from '../event/key';
import { type Position, later, positionOfTime, timeOfPosition } from '../event/position';
import type { Transport } from '../http/transport';
import type { Expected, Ledger } from '../ledger/ledger';
import type { PollApi, PollResource } from '../provider/pull';
import { accountOf } from './account';
import { type Breadcrumb, type BreadcrumbContent, breadcrumbOf } from './breadcrumb';
import { type CursorState, type ResourceCursor, isTimed, keysFrom, parseCursor, startAt, storedCursor } from './cursor';
import { type ReadPage, readWindow } from './read';
import { grown } from './window';

/** Where the first tick begins. */
export type Start =
	{ readonly from: 'now' } | { readonly from: 'everything' } | { readonly from: 'date'; readonly date: number };

/** How far a window has been read that one tick was not enough for. */
export interface Progress {
	readonly resource: string;
	/** Rows so far, and of how many, where the provider counts them. */
	readonly read: number;
	readonly total?: number;
	/** The position that has been reached. */
	readonly upTo: string;
}

export interface ReadingOptions {
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
	readonly lookBackMs: number;
	readonly lookBackCount: number;
	readonly deepReconcile?: { readonly lookBackMs: number; readonly everyMs: number };
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
	try {
		for await (const found of readAll(options, requests)) {
			result = plus(result, found);
			if (found.pauseMs !== undefined) requests.exhaust();
			limitDeadLetters(result.deadLetters, found);
		}
	} catch (error) {
		result = plus(result, endOf(error));
	}
	return { ...result, requests: requests.made };
}

async function* readAll(options: ReadingOptions, requests: RequestCount): Steps<void> {
	const { api } = options;
	const transport = requests.counting(api.transport);
	const account = await accountOf(api, transport);
	const session: Session = { ...options, account, transport, requests, correlationId: randomUUID() };
	const cursors: ResourceCursor[] = [];
	for (const resource of api.resources) cursors.push({ resource, state: yield* openCursor(session, resource) });
	// What one tick was not enough for comes last, so that it keeps nothing else from being found.
	cursors.sort((a, b) => Number(a.state.window !== undefined) - Number(b.state.window !== undefined));
	for (const cursor of cursors) {
		yield* readHead(session, cursor);
		if (requests.mayGoOn()) {
			cursor.state = yield* read(session, cursor, cursor.resource.name, lookBackOf(session, cursor.resource));
		}
		yield* retireHead(session, cursor);
		if (cursor.state.window) yield { progress: [progressOf(cursor)] };
	}
	yield { breadcrumb: breadcrumbOf(cursors) };
	for (const cursor of cursors) yield* reconcile(session, cursor);
}

/** What an error means that has ended a reading. */
function endOf(error: unknown): Partial<Found> {
	// Whatever an answer makes of us, the events that are due must go on to n8n.
	if (!(error instanceof HybridSyncError)) {
		const message = `What the provider sent could not be dealt with (${String(error)}). The cursor stays where it is.`;
		return { failure: new HybridSyncError('bad-response', message, { cause: error }) };
	}
	// Our own limit and no answer of the provider: it goes on when there is room again, and nobody has to be told.
	const isOwnLimit = error.code === 'rate-limited' && error.details.status === undefined;
	return isOwnLimit ? { pauseMs: error.details.retryAfterMs ?? 0 } : { failure: error };
}

/** Where a resource stands; another account has another history, and begins where a first run would. */
async function* openCursor(session: Session, resource: PollResource): Steps<CursorState> {
	const { ledger, stream, node, account, api } = session;
	const known = parseCursor(await ledger.cursor(stream, node, resource.name));
	if (known?.account === account) return sizedAnew(known, resource);
	const isSameList = known?.lineage !== undefined && known.lineage === api.lineage;
	// Where nothing has been handed over yet, there is nothing to go on from.
	const isBegun = isSameList && !known.seeking && known.passed !== BEYOND_ALL;
	const begun = isBegun ? rekeyed(session, resource, known) : await firstState(session, resource);
	const { sizedBy } = resource;
	const { lineage } = api;
	const state: CursorState = {
		...begun,
		...(lineage !== undefined && { lineage }),
		...(sizedBy !== undefined && { sizedBy }),
	};
	yield await commit(session, resource, resource.name, { ...NO_ROWS, state });
	if (resource.described && known) {
		const what = isBegun
			? 'its rows are told apart in another way than before (ID Field, Emit). What it has now counts as known, up to where it had been read'
			: 'it is another list than before, or new rows are told by another field. It begins anew, as "Start" says';
		yield { notices: [`${resource.displayName}: ${what}.`] };
	}
	return state;
}

/** How long a page may be has to be learned anew where another size is asked for. */
function sizedAnew(state: CursorState, { sizedBy }: PollResource): CursorState {
	if (sizedBy === undefined || state.sizedBy === sizedBy) return state;
	const { longest: _, ...rest } = state;
	return { ...rest, sizedBy };
}

/** The same list under other keys: what will ever be read again is read once, and up to where it had been read it passes to nobody. */
function rekeyed(session: Session, resource: PollResource, known: CursorState): CursorState {
	const { floor, bound, window } = known;
	// Up to its newest row a window has been read only where it is read in order.
	const inOrder = resource.order === 'ascending' ? window?.newest : undefined;
	const readTo = [known.passed, inOrder].reduce<Position>((latest, each) => later(latest, each ?? latest), bound);
	const from = readTo - longestLookBack(session, resource);
	// What a window was still to read begins where it would have.
	const begins = window && window.start < from ? window.start : from;
	return { ...startAt(session.account, floor), bound: later(begins, floor), passed: readTo };
}

const NO_ROWS = { events: [], passed: [], also: [], deadLetters: [] } as const;

/** Where to begin, by the provider's clock or what is there: the only places that a cursor may come from. */
async function firstState(session: Session, resource: PollResource): Promise<CursorState> {
	const { transport, start, readTo, account, sender } = session;
	const lostAt = readTo?.[composeKey(account, resource.name)];
	if (lostAt !== undefined) {
		const from = BigInt(lostAt) - lookBackOf(session, resource);
		return startAt(account, from > 0n ? from : 0n);
	}
	switch (start.from) {
		case 'everything':
			return startAt(account, 0n);
		case 'date':
			if (isTimed(resource)) return startAt(account, positionOfTime(start.date));
			throw new HybridSyncError(
				'configuration',
				'"Start: Since Date" needs a Time Field. Choose Everything or From Now, or tell new rows by a time.',
			);
		case 'now': {
			if (!isTimed(resource)) return startAt(account, 0n, true);
			const page = await resource.read(await transport.send(resource.sample(1)), account, sender);
			if (page.unusable) throw page.unusable;
			if (page.date === undefined) return grown(startAt(account, 0n, true), page);
			if (!resource.described) return grown(startAt(account, positionOfTime(page.date)), page);
			if (page.isExact?.()) return grown(startAt(account, positionOfTime(page.date)), page);
			// Nobody knows how fine and in which zone the times are written: so what is there now is marked, and what comes is new.
			const state = grown(startAt(account, positionOfTime(page.date - ANY_ZONE_MS)), page);
			return page.size === 0 ? state : { ...state, passed: BEYOND_ALL };
		}
	}
}

/** More than two zones differ, and a day for those who write only the date. */
const ANY_ZONE_MS = 2 * DAY;
/** Beyond every position. */
const BEYOND_ALL: Position = 10n ** 30n;

/** Reads a window, or as much of it as there is time for. */
async function* read(
	session: Session,
	{ resource, state: from }: ResourceCursor,
	cursor: string,
	lookBack: Position,
): Steps<CursorState> {
	const { requests } = session;
	let state = from;
	const mayGoOn = () => requests.mayGoOn();
	for await (const page of readWindow({ ...session, resource, state, lookBack, mayGoOn })) {
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

function lookBackOf({ lookBackMs, lookBackCount }: ReadingOptions, resource: PollResource): Position {
	return isTimed(resource) ? positionOfTime(lookBackMs) : BigInt(lookBackCount);
}

/** How far back anything of a resource is ever read again. */
function longestLookBack(session: Session, resource: PollResource): Position {
	const usual = lookBackOf(session, resource);
	const deep = positionOfTime(session.deepReconcile?.lookBackMs ?? 0);
	return resource.unit === 'time' && deep > usual ? deep : usual;
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
	if (!deepReconcile || resource.unit !== 'time' || main.window || !requests.mayGoOn()) return;
	const cursor = `${resource.name} (reconcile)`;
	const before = parseCursor(await ledger.cursor(stream, node, cursor));
	const isUsable = before?.account === account && before.reconciledAt !== undefined && before.reconciledAt <= clock();
	const beginning: CursorState = { ...startAt(account, main.floor), bound: main.bound, reconciledAt: clock() };
	if (!isUsable) {
		yield await commit(session, resource, cursor, { ...NO_ROWS, state: beginning });
		return;
	}
	if (!before.window && clock() - (before.reconciledAt ?? 0) < deepReconcile.everyMs) return;
	const from = before.window ? before : beginning;
	const lookBack = positionOfTime(deepReconcile.lookBackMs);
	const state = yield* read(session, { resource, state: from }, cursor, lookBack);
	if (state.window) yield { progress: [progressOf({ resource, state })] };
}

function progressOf({ resource, state: { window, seeking } }: ResourceCursor): Progress {
	const { from = 0n, read: rows = 0, total } = window ?? {};
	return {
		resource: `${resource.displayName}${seeking ? ' (looking for the end)' : ''}`,
		read: rows,
		...(total !== undefined && { total }),
		upTo: isTimed(resource) ? formatTime(Math.min(timeOfPosition(from), LATEST_TIME)) : String(from),
	};
}
