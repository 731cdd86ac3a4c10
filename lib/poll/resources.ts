import { randomUUID } from 'node:crypto';
import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import { composeKey } from '../event/key';
import { LATEST_TIME, formatTime } from '../base/time';
import type { Transport } from '../http/transport';
import type { Ledger } from '../ledger/ledger';
import type { PollApi, PollResource } from '../provider/provider';
import { accountOf } from './account';
import { type Position, grown, keysFrom, parsePosition, startAt } from './cursor';
import { type ReadPage, readWindow } from './read';

/** Where the first tick begins. */
export type Start =
	{ readonly from: 'now' } | { readonly from: 'everything' } | { readonly from: 'date'; readonly date: number };

/** Kept with the workflow and not in the ledger, to notice that the ledger is gone, and how far it had come. */
export const breadcrumb = z.object({
	ledger: z.string(),
	/** Up to where each resource had been read, by account and name: milliseconds since the epoch, or a number. */
	readTo: z.record(z.string(), z.number()),
	resources: z.array(z.string()),
	/** The earliest of the times among them. */
	since: z.number().optional(),
	/** Shows that a node with the same credential has left it: whoever can write a workflow can write what it remembers. */
	proof: z.string(),
});
export type Breadcrumb = z.infer<typeof breadcrumb>;

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
	/** Since when the events have been expected by push. */
	readonly pushedSince?: number;
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

/** What reading has come to so far. */
export interface ReadOutcome {
	requests: number;
	unchanged: number;
	read: number;
	found: number;
	/** Rows that could not be read and had not been known. */
	deadLetters: number;
	progress: Progress[];
	/** What is odd without stopping the reading. */
	notices: string[];
	breadcrumb?: Omit<Breadcrumb, 'ledger' | 'proof'>;
	/** How long the provider is not to be asked any more, because its quota is used up. */
	pauseMs?: number;
}

export const nothingRead = (): ReadOutcome => ({
	requests: 0,
	unchanged: 0,
	read: 0,
	found: 0,
	deadLetters: 0,
	progress: [],
	notices: [],
});

/** A resource, and how far it has been read. */
interface Place {
	readonly resource: PollResource;
	position: Position;
}

/** What belongs to one reading of all resources. */
interface Session extends ReadingOptions {
	readonly outcome: ReadOutcome;
	readonly account: string;
	/** Counts the requests. */
	readonly transport: Transport;
	readonly correlationId: string;
	/** Whether there is time and leave for another request. */
	readonly mayGoOn: () => boolean;
}

/**
 * Reads one resource after the other, and records each page together with the cursor that covers it.
 *
 * @param outcome counts what was done, up to the failure as well
 * @returns the failure that ended it; what was recorded stays
 */
export async function readResources(
	options: ReadingOptions,
	outcome: ReadOutcome,
): Promise<HybridSyncError | undefined> {
	const deadline = performance.now() + options.budgetMs;
	const { api } = options;
	const transport: Transport = {
		...api.transport,
		async get(request, signal) {
			outcome.requests += 1;
			return await api.transport.get(request, signal);
		},
	};
	const mayGoOn = () =>
		performance.now() < deadline && outcome.requests < options.maxRequests && outcome.pauseMs === undefined;
	try {
		const account = await accountOf(api, transport);
		const session = { ...options, outcome, account, transport, correlationId: randomUUID(), mayGoOn };
		const places: Place[] = [];
		for (const resource of api.resources) places.push({ resource, position: await placeOf(session, resource) });
		// What one tick was not enough for comes last, so that it keeps nothing else from being found.
		places.sort((a, b) => Number(a.position.window !== undefined) - Number(b.position.window !== undefined));
		for (const place of places) {
			await readHead(session, place);
			if (mayGoOn()) place.position = await read(session, place, place.resource.name, lookBackOf(session, place));
			await retireHead(session, place);
			if (place.position.window) outcome.progress.push(progressOf(place));
		}
		outcome.breadcrumb = breadcrumbOf(places);
		for (const place of places) await reconcile(session, place);
		return undefined;
	} catch (error) {
		// Whatever an answer makes of us, the events that are due must go on to n8n.
		if (!(error instanceof HybridSyncError)) {
			const message = `What the provider sent could not be dealt with (${String(error)}). The cursor stays where it is.`;
			return new HybridSyncError('bad-response', message, { cause: error });
		}
		// Our own limit and no answer of the provider: it goes on when there is room again, and nobody has to be told.
		const isOwnLimit = error.code === 'rate-limited' && error.details.status === undefined;
		if (!isOwnLimit) return error;
		outcome.pauseMs = error.details.retryAfterMs ?? 0;
		return undefined;
	}
}

/** Where a resource stands; another account has another history, and begins where a first run would. */
async function placeOf(session: Session, resource: PollResource): Promise<Position> {
	const { ledger, stream, node, account } = session;
	const known = parsePosition(await ledger.cursor(stream, node, resource.name));
	if (known?.account === account) return known;
	const position = await firstPosition(session, resource);
	await commit(session, resource, resource.name, { position, events: [], unreadable: [], seen: false });
	return position;
}

/** Where to begin, by the provider's clock or what is there: the only places that a cursor may come from. */
async function firstPosition(session: Session, resource: PollResource): Promise<Position> {
	const { transport, start, readTo, account, sender } = session;
	const lostAt = readTo?.[composeKey(account, resource.name)];
	if (lostAt !== undefined) return startAt(account, Math.max(0, lostAt - lookBackOf(session, { resource })));
	switch (start.from) {
		case 'everything':
			return startAt(account, 0);
		case 'date':
			if (resource.unit === 'time') return startAt(account, start.date);
			throw new HybridSyncError(
				'configuration',
				'"Start: Since Date" needs a Time Field. Choose Everything or From Now, or tell new rows by a time.',
			);
		case 'now': {
			if (resource.unit !== 'time') return startAt(account, 0, true);
			const page = await resource.read(await transport.get(resource.sample(1)), account, sender);
			if (page.unusable) throw page.unusable;
			return grown(page.date === undefined ? startAt(account, 0, true) : startAt(account, page.date), page);
		}
	}
}

/** Reads a window, or as much of it as there is time for. */
async function read(
	session: Session,
	{ resource, position: from }: Place,
	cursor: string,
	lookBack: number,
): Promise<Position> {
	const { outcome } = session;
	let position = from;
	for await (const page of readWindow({ ...session, resource, position, lookBack })) {
		({ position } = page);
		outcome.read += page.events.length;
		if (page.unchanged) outcome.unchanged += 1;
		else await commit(session, resource, cursor, page);
		if (page.exhaustedMs !== undefined) outcome.pauseMs = page.exhaustedMs;
		if (page.notice !== undefined) outcome.notices.push(page.notice);
		limitDeadLetters(outcome, resource, page);
	}
	return position;
}

/** New dead letters of one tick: they take room in the ledger, and a person has to look at them. */
const MAX_DEAD_LETTERS = 1_000;

/** @throws HybridSyncError `bad-response` where a reading has left too many rows that cannot be read */
function limitDeadLetters({ deadLetters }: ReadOutcome, { displayName }: PollResource, { unreadable }: ReadPage): void {
	const [last] = unreadable;
	if (deadLetters < MAX_DEAD_LETTERS || !last) return;
	throw new HybridSyncError(
		'bad-response',
		`${displayName}: ${deadLetters} rows in this tick cannot be read, e.g.: ${last.reason}. The first ones of each page are kept as dead letters, and reading continues with a later tick. Check the settings of the node; once they are right, the rows can be read again by a new node with "Start: Since Date".`,
	);
}

/** @param readsFrom by default as the position says */
async function commit(
	session: Session,
	resource: PollResource,
	cursor: string,
	page: Omit<ReadPage, 'unchanged' | 'notice'>,
	readsFrom = keysFrom(page.position, resource, longestLookBack(session, resource)),
): Promise<void> {
	const { ledger, stream, node, correlationId, provider, pushedSince, lease, outcome } = session;
	const recording = { stream, node, path: 'poll', correlationId } as const;
	outcome.deadLetters += await ledger.recordDeadLetters({ ...recording, provider }, page.unreadable);
	const recorded = await ledger.record({
		...recording,
		events: page.events,
		handsOver: false,
		...(page.seen && { seen: true }),
		...(pushedSince !== undefined && { pushedSince }),
		cursor: { resource: cursor, position: page.position, readsFrom, lease },
	});
	if (!page.seen) outcome.found += recorded.filter(({ outcome: what }) => what === 'new').length;
}

function lookBackOf({ lookBackMs, lookBackCount }: Session, { resource }: Pick<Place, 'resource'>): number {
	return resource.unit === 'time' ? lookBackMs : lookBackCount;
}

/** How far back anything of a resource is ever read again. */
function longestLookBack(session: Session, resource: PollResource): number {
	const usual = lookBackOf(session, { resource });
	return resource.unit === 'time' ? Math.max(usual, session.deepReconcile?.lookBackMs ?? 0) : usual;
}

/*
 * The head. A window that takes many ticks comes to the newest rows last, or in a list that is read newest first, has left
 * them behind. What happens meanwhile is read under a cursor of its own, from the moment on in which the window was opened.
 */

const headOf = ({ name }: PollResource) => `${name} (head)`;

async function readHead(session: Session, { resource, position: main }: Place): Promise<void> {
	const { ledger, stream, node, account, mayGoOn } = session;
	const { signpost } = main.window ?? {};
	if (signpost === undefined || main.seeking || !mayGoOn()) return;
	if (resource.order === 'none' && resource.step === undefined) return;
	// What is dated earlier and shown late is found by the next window.
	const floor = Math.max(main.floor, signpost);
	const known = parsePosition(await ledger.cursor(stream, node, headOf(resource)));
	const isOwn = known?.account === account && known.floor === floor;
	const { pages = 0 } = main.window ?? {};
	// Where there is one request a tick, the window has its turn too.
	if (isOwn && known.at === pages) return;
	const position: Position = { ...(isOwn ? known : startAt(account, floor)), at: pages };
	await read(session, { resource, position }, headOf(resource), lookBackOf(session, { resource }));
}

/** Once the window has been read to its end, nothing is read under the head's cursor, and no key is kept for it. */
async function retireHead(session: Session, { resource, position }: Place): Promise<void> {
	if (position.window) return;
	const { ledger, stream, node, account } = session;
	const known = parsePosition(await ledger.cursor(stream, node, headOf(resource)));
	if (known === undefined || known.floor === RETIRED) return;
	const page = { position: startAt(account, RETIRED), events: [], unreadable: [], seen: false };
	await commit(session, resource, headOf(resource), page, RETIRED);
}
const RETIRED = Number.MAX_SAFE_INTEGER;

/** Reads a longer time again, if it is time to. */
async function reconcile(session: Session, { resource, position: main }: Place): Promise<void> {
	const { deepReconcile, ledger, stream, node, account, clock, outcome, mayGoOn } = session;
	if (!deepReconcile || resource.unit !== 'time' || main.window || !mayGoOn()) return;
	const cursor = `${resource.name} (reconcile)`;
	const before = parsePosition(await ledger.cursor(stream, node, cursor));
	const isOwn = before?.account === account && before.at !== undefined && before.at <= clock();
	const beginning: Position = { ...startAt(account, main.floor), bound: main.bound, at: clock() };
	if (!isOwn) {
		await commit(session, resource, cursor, { position: beginning, events: [], unreadable: [], seen: false });
		return;
	}
	if (!before.window && clock() - (before.at ?? 0) < deepReconcile.everyMs) return;
	const from = before.window ? before : beginning;
	const position = await read(session, { resource, position: from }, cursor, deepReconcile.lookBackMs);
	if (position.window) outcome.progress.push(progressOf({ resource, position }));
}

function breadcrumbOf(places: readonly Place[]): Omit<Breadcrumb, 'ledger' | 'proof'> {
	const known = places.filter(({ resource, position }) => resource.unit !== 'none' && !position.seeking);
	const times = known.flatMap(({ resource, position }) => (resource.unit === 'time' ? position.bound : []));
	return {
		readTo: Object.fromEntries(
			known.map(({ resource, position }) => [composeKey(position.account, resource.name), position.bound]),
		),
		resources: known.map(({ resource }) => resource.name),
		...(times.length > 0 && { since: Math.min(...times) }),
	};
}

function progressOf({ resource: { displayName, unit }, position: { window, seeking } }: Place): Progress {
	const { from = 0, read: rows = 0, total } = window ?? {};
	return {
		resource: `${displayName}${seeking ? ' (looking for the end)' : ''}`,
		read: rows,
		...(total !== undefined && { total }),
		upTo: unit === 'time' ? formatTime(Math.min(from, LATEST_TIME)) : String(from),
	};
}
