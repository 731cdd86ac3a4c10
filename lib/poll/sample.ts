import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { HybridSyncError } from '../base/errors';
import { formatTime } from '../base/time';
import { type SyncEvent, toSyncEvent } from '../event/event';
import { type Position, timeOfPosition } from '../event/position';
import type { ApiRequest } from '../http/transport';
import type { Ledger } from '../ledger/ledger';
import type { Described, Doubt, Page, ParentResource, PollApi, PollResource, PollSource } from '../provider/pull';
import { looksFull } from '../provider/page-rows';
import { accountOf } from './account';
import { lookBackOf, noticeOf } from './beginning';
import { PUSHES, joinedWith } from './joined';
import { type CursorState, nextPage, parseCursor, startAt } from './cursor';
import { readPage } from './page';
import { isOfAll } from './resources';
import { afterPage } from './window';

const SAMPLE_SIZE = 5;

/** What was understood of an API that a user has described, from its first two pages. */
export interface FetchTest {
	/** All of it in words. */
	readonly conclusion: string;
	/** What may keep rows from being found, and the field that mends it. */
	readonly warnings: readonly string[];
	/** What was asked, without anything secret. */
	readonly requests: readonly string[];
	/** Rows of each of these pages. */
	readonly rows: readonly number[];
	/** Rows that cannot be read, and why the first of them cannot. */
	readonly unreadable: number;
	readonly reason?: string;
	readonly firstRow?: string;
	readonly lastRow?: string;
	/** What a run would ask after these rows; of numbers, without the look-back. */
	readonly nextRequest: string;
}

export interface Sample {
	readonly events: readonly SyncEvent[];
	/** Why some kinds could not be read, while others could. */
	readonly refused: readonly string[];
	/** Of a resource that a user has described. */
	readonly fetchTest?: FetchTest;
}

/** Where the node stands that is tried. */
export interface SampleNode {
	/** Id of the polling trigger. */
	readonly id: string;
	readonly ledger: Pick<Ledger, 'cursor' | 'recentPushes'>;
}

/**
 * The newest few events of each resource, to show a user what the data looks like. It stores nothing.
 *
 * @param node where what would begin anew is to be said
 * @throws HybridSyncError as the transport does; `bad-response` where rows are not in the order that the user said, and
 *   `configuration` where rows are sure to be missed
 */
export async function sampleEvents(
	source: PollSource,
	stream: string,
	lookBackMs = 0,
	node?: SampleNode,
): Promise<Sample> {
	const api = await source.open();
	const use = { account: await accountOf(api), sender: source.sender ?? '', transport: api.transport };
	const correlationId = randomUUID();
	const receivedAt = Date.now();
	const events: SyncEvent[] = [];
	let fetchTest: FetchTest | undefined;
	const refused: HybridSyncError[] = [];
	/** One kind that cannot be read, such as what the account's plan does not include, is no reason to show nothing of the others. */
	const orRefused = async <T>(read: Promise<T>): Promise<T | undefined> => {
		try {
			return await read;
		} catch (error) {
			if (!(error instanceof HybridSyncError) || isOfAll(error)) throw error;
			refused.push(error);
			return undefined;
		}
	};
	const children = await Promise.all((api.parents ?? []).map(async (each) => await orRefused(childrenOf(each, api))));
	for (const resource of [...api.resources, ...children.flatMap((some) => some ?? [])]) {
		const request = resource.sample(SAMPLE_SIZE);
		const read = async () => await readPage(resource, await api.transport.send(request), use);
		const page = await orRefused(read());
		if (!page) continue;
		if (page.unusable) throw page.unusable;
		const { described } = resource;
		if (described) fetchTest = await tested({ described, stream, lookBackMs, node, api, use, resource, request, page });
		const newest = page.rows
			.filter(({ isUnwanted }) => isUnwanted !== true)
			.toSorted((a, b) => (a.position > b.position ? -1 : Number(a.position < b.position)))
			.slice(0, SAMPLE_SIZE);
		for (const { event } of newest) {
			events.push(
				toSyncEvent(event, { stream, correlationId, path: 'poll', receivedAt, attempt: 1, recovered: false }),
			);
		}
	}
	const [failure] = refused;
	if (failure && events.length === 0) throw failure;
	return { events, refused: refused.map(({ message }) => message), ...(fetchTest && { fetchTest }) };
}

/** A few of the resources that are found at run time. */
async function childrenOf(parent: ParentResource, { transport }: PollApi): Promise<PollResource[]> {
	return (await parent.find(transport)).slice(0, SAMPLED_CHILDREN);
}
const SAMPLED_CHILDREN = 3;

interface Tested {
	readonly described: Described;
	readonly stream: string;
	readonly lookBackMs: number;
	readonly node: SampleNode | undefined;
	readonly api: PollApi;
	readonly use: Parameters<typeof readPage>[2];
	readonly resource: PollResource;
	/** The first request, and its page. */
	readonly request: ApiRequest;
	readonly page: Page;
}

/** Goes on as a run would, as far as the second page, and says what is to be expected. */
async function tested(test: Tested): Promise<FetchTest> {
	const { resource, described, request, page, use } = test;
	const { unit, pageSize, displayName } = resource;
	// Numbers are shown as they are.
	const lookBack = lookBackOf({ ...test, lookBackCount: 0 }, resource);
	const { state, trouble } = afterPage(startAt(use.account, 0n), page, resource, lookBack, Date.now());
	if (trouble) throw trouble;
	const second = state.window ? await secondPage(test, state, lookBack) : undefined;
	const doubts = [page.doubt ?? [], described.doubts(page.rows), sharedKeys(page), second?.doubt ?? []].flat();
	const joined = await joinedPushes(test, second);
	if (joined?.doubt) doubts.push(joined.doubt);
	const sure = doubts.find(({ isSure }) => isSure);
	if (sure) throw new HybridSyncError('configuration', `${displayName}: ${sure.text}`);
	const warnings = doubts.map(({ text }) => text);
	const next = nextPage({ ...startAt(use.account, 0n), bound: newestOf(page) }, lookBack);
	const told = (row: Page['rows'][number]) =>
		unit === 'none'
			? row.event.subject
			: `${row.event.subject} at ${unit === 'number' ? row.position : formatTime(timeOfPosition(row.position))}`;
	const [first, last] = [page.rows.at(0), page.rows.at(-1)];
	const unreadable = [...page.deadLetters, ...(second?.page?.deadLetters ?? [])];
	return {
		conclusion: [
			`${counted(test, second)}.`,
			`A changed row would be found: ${described.findsChanges}.`,
			...(second ? [`${second.text}.`] : []),
			...(joined ? [`${joined.text}.`] : []),
			...warnings.map((text) => `Careful: ${text}`),
			...(await beginsAnew(test)),
		].join(' '),
		warnings,
		requests: [request, ...(second ? [second.request] : [])].map(written),
		rows: [page.size, ...(second?.page ? [second.page.size] : [])],
		unreadable: unreadable.length,
		...(unreadable[0] && { reason: unreadable[0].reason }),
		...(first && { firstRow: told(first) }),
		...(last && { lastRow: told(last) }),
		nextRequest: written(resource.request({ ...next, pageSize })),
	};
}

/** Whether webhooks that were stored have their row on these pages. */
async function joinedPushes({ node, stream, page }: Tested, second: SecondPage | undefined) {
	const events = [...page.rows, ...(second?.page?.rows ?? [])].map(({ event }) => event);
	if (!node || !events.some(({ match }) => match)) return undefined;
	return joinedWith(events, await node.ledger.recentPushes(stream, PUSHES));
}

interface SecondPage {
	readonly request: ApiRequest;
	/** Nothing where it was not given. */
	readonly page?: Page;
	/** How many of its rows are not on the first page. */
	readonly fresh?: number;
	/** What to say of it. */
	readonly text: string;
	readonly doubt?: Doubt;
}

async function secondPage(test: Tested, state: CursorState, lookBack: Position): Promise<SecondPage> {
	const { resource, page: first, use } = test;
	const request = resource.request({ ...nextPage(state, lookBack), pageSize: resource.pageSize });
	const { total = 0, size } = first;
	const { pageSize } = resource;
	const isMore = total > size;
	// A number called total may be that of something else.
	const isSure = isMore && (size >= pageSize || looksFull(size));
	const counts = isMore ? `, but the answer counts ${total} rows and the first page has ${size}` : '';
	let page: Page;
	try {
		page = await readPage(resource, await use.transport.send(request), use);
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		const { message, code } = error;
		// Whatever is in the way passes, and says nothing of the settings.
		if (code === 'rate-limited') return { request, text: 'The second page was not tried: a limit is used up for now' };
		if (code === 'unavailable' && !isMore) return { request, text: `The second page failed: ${message}` };
		const doubt = { text: `the second page is refused${counts} (${message}). Check Paging`, isSure };
		return {
			request,
			text: `The second page is refused, which is taken for the end of the list`,
			...(isMore && { doubt }),
		};
	}
	const known = new Set(first.rows.map(({ event }) => event.key));
	const fresh = page.rows.filter(({ event }) => !known.has(event.key)).length + page.deadLetters.length;
	if (page.size === 0) {
		const doubt = { text: `the second page is empty${counts}. Check Paging`, isSure };
		return { request, page, text: 'There is no second page so far', ...(isMore && { doubt }) };
	}
	if (fresh > 0) return { request, page, fresh, text: 'The second page was read, and has other rows' };
	const text = `the second page has the same rows as the first${counts}: the API may take no notice of how the next page is asked for. Check Paging, if there are more than ${size} rows`;
	return { request, page, text: 'There is no second page so far', doubt: { text, isSure } };
}

const newestOf = ({ rows }: Page) =>
	rows.reduce<Position>((latest, { position }) => (position > latest ? position : latest), 0n);

const ORDERS = { ascending: 'oldest first', descending: 'newest first', none: 'not sorted' } as const;

/** How many rows there are, how they come, and what a reading costs. */
function counted({ resource, page }: Tested, second: SecondPage | undefined): string {
	const { displayName, order, unit, step } = resource;
	const { total = 0, size } = page;
	const fresh = second?.fresh ?? 0;
	const rows = Math.max(total, size + fresh);
	const sorting = unit === 'none' ? '' : `, ${ORDERS[order]}`;
	const isLedOn = step !== undefined || (order === 'descending' && unit !== 'none');
	// Where nothing keeps rows from moving between two requests, all of them are read until two passes agree.
	if (second && !second.page) return `At least ${rows} ${displayName}, ${size} a page${sorting}`;
	if (fresh === 0) {
		const requests = second === undefined || isLedOn ? 1 : 4;
		return `${rows} ${displayName} on one page${sorting}: ${requestsIn(requests)} a reading`;
	}
	const pages = total > size ? Math.ceil(total / size) : undefined;
	const isAtLeast = pages === undefined ? 'at least ' : '';
	const all = pages === undefined ? 'all pages' : requestsIn(pages);
	const twice = pages === undefined ? 'all pages twice' : requestsIn(2 * pages);
	const reading = isLedOn
		? `${all} for all there is, then 1 request a reading while little is new`
		: `${twice} a reading`;
	return `${isAtLeast}${rows} ${displayName}, ${size} a page${sorting}: ${reading}`.replace(/^a/, 'A');
}

/** Two rows that are one event: then what tells a row from all others does not. */
function sharedKeys({ rows }: Page): Doubt[] {
	const byKey = Map.groupBy(rows, ({ event }) => event.key);
	const shared = [...byKey.values()].find(
		([one, ...others]) =>
			others.length > 0 && others.some(({ event }) => !isDeepStrictEqual(event.data, one?.event.data)),
	);
	const [row] = shared ?? [];
	if (!shared || !row) return [];
	const text = `${shared.length} different rows of one page count as ${row.event.subject}, so all but the first would be lost. Choose a field that no two rows share under ID Field`;
	return [{ text, isSure: true }];
}

const requestsIn = (count: number) => `${count} ${count === 1 ? 'request' : 'requests'}`;

/** What would begin anew were the workflow published as it is. */
async function beginsAnew({ stream, node, resource, use, api }: Tested): Promise<string[]> {
	if (!node) return [];
	const known = parseCursor(await node.ledger.cursor(stream, node.id, resource.name));
	const notice = noticeOf(known, use.account, api, resource);
	return notice === undefined ? [] : [`Once published: ${notice}`];
}

function written({ method = 'GET', path, query = {} }: ApiRequest): string {
	const parameters = new URLSearchParams(query).toString();
	return `${method} ${path}${parameters === '' ? '' : `${path.includes('?') ? '&' : '?'}${parameters}`}`;
}
