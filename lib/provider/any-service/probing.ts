import { HybridSyncError } from '../../base/errors';
import { type Position, positionOfTime } from '../../event/position';
import type { ApiResponse, Transport } from '../../http/transport';
import type { PollResource } from '../pull';
import { finder } from './json-path';
import type { Listing } from './listing';
import { fieldsOf, isNextLike, isPlace, nextLink, saysMore } from './paging';
import { restApi } from './rest';
import { type Row, type TimeField, timeFieldsOf, wordsOf } from './row-fields';
import { parseRestSettings } from './settings';

/**
 * What does not stand in an answer, found by asking with the parameters that are in common use: the size of a page, the way to
 * the next one, the filter by time. One is taken only where what it brings fits what is known of the list.
 */

export interface Asked {
	readonly url: string;
	readonly baseUrl: string;
	readonly transport: Transport;
	/** IANA name of the workflow's time zone. */
	readonly timeZone: string;
}

/** The list that everything is tried with. */
export interface ProbedList {
	/** JSON path to it, and within a row to its id. */
	readonly path: string;
	readonly idField: string;
}

/** Where so many rows come at once, an answer takes its time. */
const MANY_ROWS = 500;
/** All that is tried, in milliseconds, and how much at the same time. */
const MAX_MS = 25_000;
const AT_ONCE = 4;

/** Asks with parameters that the API may not know. */
export class Probe {
	/** What kept it from going on: then nothing that was not found is known to be missing. */
	trouble: HybridSyncError | undefined;
	private left = 0;
	private readonly deadline = performance.now() + MAX_MS;

	constructor(readonly asked: Asked) {}

	/** From now on at most so many requests are made. */
	allow(requests: number): void {
		this.left = requests;
	}

	/** @returns nothing where the API refuses, or enough has been tried */
	async ask(query: Readonly<Record<string, string>>, path = this.asked.url): Promise<ApiResponse | undefined> {
		if (this.left <= 0 || this.trouble) return undefined;
		if (performance.now() > this.deadline) {
			this.trouble = new HybridSyncError('unavailable', 'The API takes too long to be looked at');
			return undefined;
		}
		this.left -= 1;
		try {
			return await this.asked.transport.send({ path, query });
		} catch (error) {
			if (!(error instanceof HybridSyncError)) throw error;
			// Some break over a parameter that they do not know; a limit is one of all requests.
			if (error.code === 'rate-limited' || (error.code === 'unavailable' && error.details.status !== 500)) {
				this.trouble = error;
			}
			return undefined;
		}
	}

	/** The first that something can be made of: the most likely one by itself, then some at the same time. */
	async first<T, R>(all: readonly T[], attempt: (each: T) => Promise<R | undefined>): Promise<R | undefined> {
		for (let start = 0, count = 1; start < all.length; start += count, count = AT_ONCE) {
			const results = await Promise.all(all.slice(start, start + count).map(attempt));
			const found = results.find((result) => result !== undefined);
			if (found !== undefined) return found;
		}
		return undefined;
	}

	/** The resource as it would be read. */
	resource(listing: Listing): PollResource {
		const { url, baseUrl, transport } = this.asked;
		const [resource] = restApi(parseRestSettings({ ...listing, url }), baseUrl, transport).resources;
		if (!resource) throw new Error('An API that a user describes has one resource');
		return resource;
	}
}

/** The rows at a place of an answer that are objects. */
export function rowsAt({ body }: ApiResponse, path: string): Row[] {
	const found = finder(path, 'Items At')(body);
	return Array.isArray(found) ? found.filter((row): row is Row => typeof row === 'object' && row !== null) : [];
}

/** A Link header that cannot be read leads nowhere. */
function linkIn(response: ApiResponse): string | undefined {
	try {
		return nextLink(response);
	} catch {
		return undefined;
	}
}

/*
 * The size of a page
 */

const SIZES = [
	'limit',
	'per_page',
	'page_size',
	'pageSize',
	'perPage',
	'page[size]',
	'$top',
	'maxResults',
	'max_results',
	'count',
	'size',
	'PageSize',
];
const USUAL_SIZES = 4;
const PAGE_SIZE = 100;

export interface Size {
	readonly pageSizeParameter: string;
	/** A page of few rows, by which the next one is found even where there are not many. */
	readonly few: ApiResponse;
	readonly fewRows: number;
	/** A page of the size that was settled on; absent where the API takes no larger one than its own. */
	readonly full?: { readonly response: ApiResponse; readonly pageSize: number };
}

/** The parameter by which as many rows come as were asked for. */
export async function findSize(probe: Probe, first: ApiResponse, path: string): Promise<Size | undefined> {
	const there = rowsAt(first, path).length;
	if (there < 2) return undefined;
	const fewRows = there > 2 ? 2 : 1;
	const names = inUse(first, SIZES);
	probe.allow(names.length);
	const found = await probe.first(there > MANY_ROWS ? names.slice(0, USUAL_SIZES) : names, async (name) => {
		const few = await probe.ask({ [name]: String(fewRows) });
		return few && rowsAt(few, path).length === fewRows ? { pageSizeParameter: name, few, fewRows } : undefined;
	});
	if (!found) return undefined;
	probe.allow(2);
	for (const pageSize of new Set([Math.max(PAGE_SIZE, there), there])) {
		const response = await probe.ask({ [found.pageSizeParameter]: String(pageSize) });
		if (response && rowsAt(response, path).length >= there) return { ...found, full: { response, pageSize } };
	}
	return found;
}

/** Names that the answer itself uses come first: in its link to the next page, or as a field. */
function inUse(response: ApiResponse, names: readonly string[]): string[] {
	const links = [linkIn(response), ...fieldsOf(response.body).map(({ value }) => value)].filter(
		(value): value is string => typeof value === 'string' && /^(?:https?:|\/|\?)/.test(value),
	);
	const inLinks = new Set(links.flatMap((link) => [...(URL.parse(link, 'http://host')?.searchParams.keys() ?? [])]));
	const fields = new Set(fieldsOf(response.body).map(({ name }) => name));
	const isOData = [...fields].some((name) => name.startsWith('@odata.'));
	const rank = (name: string) => (inLinks.has(name) || (isOData && name === '$top') ? 0 : fields.has(name) ? 1 : 2);
	return names.toSorted((a, b) => rank(a) - rank(b));
}

/*
 * Pages
 */

export type Paging = Pick<Listing, 'paging' | 'pageParameter' | 'firstPage' | 'nextAt'>;

const TOKENS = ['cursor', 'page_token', 'pageToken', 'after', 'next', 'continuation', 'offset'];
const LAST_IDS = ['starting_after', 'after', 'after_id', 'since_id', 'last_id', 'cursor'];
const PAGES = [
	'page',
	'page[number]',
	'pageNumber',
	'page_number',
	'p',
	'pg',
	'page_no',
	'pageNo',
	'pageIndex',
	'Page',
];
const OFFSETS = ['offset', 'skip', 'start', '$skip', '$offset', 'startAt', 'startIndex', 'from', 'page[offset]'];
const PAGING_TRIES = 32;
const PAGING_TRIES_OF_MANY = 16;

/** The start of the list, against which a page is held. */
interface Start extends ProbedList {
	/** Ids of as many rows as are known, in their order. */
	readonly ids: readonly unknown[];
	readonly listing: Listing;
	/** The first page as it is asked for. */
	readonly first: ApiResponse;
}

/**
 * The way in which the second page goes on where the first one ends.
 *
 * @returns with whether it is the way with a page size, or nothing
 */
export async function findPaging(
	probe: Probe,
	list: ProbedList,
	first: ApiResponse,
	size: Size | undefined,
): Promise<{ paging: Paging; isSized: boolean } | undefined> {
	const rows = rowsAt(size?.full?.response ?? first, list.path);
	const idOf = finder(list.idField, 'ID Field');
	const base: Listing = { itemsAt: list.path, idField: list.idField, cursor: 'none' };
	const starts: Start[] = [];
	const common = { ...list, ids: rows.map(idOf) };
	if (size) {
		const { pageSizeParameter, fewRows: pageSize, few } = size;
		starts.push({ ...common, listing: { ...base, pageSizeParameter, pageSize }, first: few });
	}
	starts.push({ ...common, listing: base, first });
	probe.allow(rows.length > MANY_ROWS ? PAGING_TRIES_OF_MANY : PAGING_TRIES);
	for (const start of starts) {
		const isSized = start.listing.pageSizeParameter !== undefined;
		const paging = await pagingFrom(probe, start);
		if (paging) return { paging, isSized };
		// Rows that came meanwhile have moved the others: then it is tried once more.
		const anew = size && isSized ? await probe.ask({ [size.pageSizeParameter]: String(size.fewRows) }) : undefined;
		const before = rowsAt(start.first, list.path).map(idOf);
		const after = anew ? rowsAt(anew, list.path).map(idOf) : before;
		if (!anew || String(after) === String(before)) continue;
		const moved = [...after.filter((id) => !start.ids.includes(id)), ...start.ids];
		const again = await pagingFrom(probe, { ...start, ids: moved, first: anew });
		if (again) return { paging: again, isSized };
	}
	return undefined;
}

async function pagingFrom(probe: Probe, start: Start): Promise<Paging | undefined> {
	return await probe.first(waysOf(start), async (paging) =>
		(await goesOn(probe, start, paging)) ? paging : undefined,
	);
}

function waysOf({ first, path, idField }: Start): Paging[] {
	const ways: Paging[] = [];
	if (linkIn(first) !== undefined) ways.push({ paging: 'link' });
	const fields = fieldsOf(first.body);
	const nexts = fields.filter((field) => isNextLike(field.path));
	for (const { path: nextAt, value } of nexts) {
		if (typeof value === 'string' && /^(?:https?:\/\/|\/|\?)/.test(value)) ways.push({ paging: 'next', nextAt });
	}
	for (const { path: nextAt, name, value } of nexts.slice(0, 3)) {
		if (!isPlace(value)) continue;
		// `next_cursor` goes into `cursor`, and `nextPageToken` into `pageToken`.
		const own = name.replace(/^next_?/i, '');
		const plain = own === '' ? [] : [own.charAt(0).toLowerCase() + own.slice(1), name];
		for (const pageParameter of new Set([...plain, ...TOKENS].slice(0, 6))) {
			ways.push({ paging: 'token', pageParameter, nextAt });
		}
	}
	if (fields.some((field) => saysMore(field) === true)) {
		const nextAt = `${path}[-1].${idField}`;
		for (const pageParameter of LAST_IDS) ways.push({ paging: 'token', pageParameter, nextAt });
	}
	const echoed = fields.filter(({ value }) => typeof value === 'number');
	for (const { name, value } of echoed) {
		if (!/^(?:current_?page|page_?number|page_?no|page)$/i.test(name) || (value !== 0 && value !== 1)) continue;
		for (const pageParameter of new Set(['page', name])) ways.push({ paging: 'page', pageParameter, firstPage: value });
	}
	const isEchoed = (name: string) => echoed.some((field) => field.name === name);
	const offsets = OFFSETS.toSorted((a, b) => Number(isEchoed(b)) - Number(isEchoed(a)));
	const [one, ...others] = offsets.map((pageParameter) => ({ paging: 'offset', pageParameter }) as const);
	if (one && isEchoed(one.pageParameter)) ways.push(one);
	for (const pageParameter of PAGES.slice(0, 2)) ways.push(...numberedFrom(pageParameter));
	if (one) ways.push(one);
	ways.push(...others);
	for (const pageParameter of PAGES.slice(2)) ways.push(...numberedFrom(pageParameter));
	return ways;
}

const numberedFrom = (pageParameter: string): Paging[] =>
	[1, 0].map((firstPage) => ({ paging: 'page', pageParameter, firstPage }) as const);

/** Whether the second page begins with the row behind the last one of the first page. */
async function goesOn(probe: Probe, start: Start, paging: Paging): Promise<boolean> {
	const { first, ids, listing, path, idField } = start;
	const size = rowsAt(first, path).length;
	const idOf = finder(idField, 'ID Field');
	const idsOf = (response: ApiResponse) => rowsAt(response, path).map(idOf);
	try {
		const resource = probe.resource({ ...listing, ...paging });
		const { next } = await resource.read(first, '', '');
		const isLed = paging.paging !== 'page' && paging.paging !== 'offset';
		if (isLed && next === undefined) return false;
		const place = { from: 0n, pageSize: resource.pageSize };
		const asked = resource.request({ ...place, page: 2, offset: size, ...(next !== undefined && { next }) });
		const answer = await probe.ask(asked.query ?? {}, asked.path);
		if (!answer) return false;
		const second = idsOf(answer);
		const [head] = second;
		// A row that was added at the top meanwhile has pushed the last one over.
		const isShifted = size > 1 && head === ids[size - 1];
		if (ids.length > size) return head !== undefined && (head === ids[size] || isShifted);
		const known = new Set(ids);
		const fresh = second.filter((id) => !known.has(id)).length;
		if (fresh === 0 || fresh < second.length - Number(isShifted)) return false;
		if (isLed) return true;
		// What the parameter means shows by the page that is there already.
		const same = resource.request({ ...place, page: 1, offset: 0 });
		const again = await probe.ask(same.query ?? {}, same.path);
		return again !== undefined && idsOf(again).includes(ids[0]);
	} catch (error) {
		// An answer that cannot be read so is not paged so.
		if (error instanceof HybridSyncError) return false;
		throw error;
	}
}

/*
 * Asking for rows from a moment on
 */

/** By how the words of a field begin. */
const STEMS = { updat: 'updated', modif: 'modified', chang: 'changed', creat: 'created', edit: 'edited', add: 'added' };

/** How the filter for a field may be called; one whose name does not say by which time it goes must be proven by rows. */
function sinceNames(path: string): { name: string; isNamed: boolean }[] {
	const field = path.split('.').at(-1) ?? '';
	const words = wordsOf(field);
	const word = Object.entries(STEMS).find(([stem]) => words.some((each) => each.startsWith(stem)))?.[1];
	const named = [
		`${field}_min`,
		`${field}[gte]`,
		`${field}__gte`,
		...(word === undefined ? [] : [`${word}_since`, `${word}_after`, `${word}Since`, `${word}After`]),
		`${field}_gte`,
	];
	return [{ name: 'since', isNamed: false }, ...named.map((name) => ({ name, isNamed: true }))];
}

export type Since = Pick<Listing, 'sinceParameter' | 'sinceFormat'>;

/**
 * The filter that gives every row that is known from a moment in the middle on, and none before it. One by a time without a zone
 * may be read in any zone, and would then lose rows.
 *
 * @param rows of the first page, whose times the fields have
 * @param other the other time of the rows, by which the filter may go instead
 * @param tries how many names are tried
 */
export async function findSince(
	probe: Probe,
	{ path, idField, rows }: ProbedList & { readonly rows: readonly Row[] },
	common: Listing,
	field: TimeField,
	other: TimeField | undefined,
	tries = Infinity,
): Promise<Since> {
	const { positions, isLocal, timeFormat } = field;
	const distinct = [...new Set(positions)].sort((a, b) => Number(a - b));
	const from = distinct[Math.floor(distinct.length / 2)];
	if (isLocal || timeFormat === 'custom' || distinct.length < 3 || from === undefined) return {};
	const step = positionOfTime(1_000);
	// Asked from one step earlier, and filters have whole seconds.
	const isOld = (position: Position) => position < from - 3n * step;
	const isDue = (position: Position) => position >= from;
	const idOf = finder(idField, 'ID Field');
	/** By the other time, a row would be on the other side: so it shows by which of them the filter goes. */
	const isProvenBy = (times: readonly TimeField[]) => {
		const of = (path: string | undefined) => times.find((each) => each.path === path)?.positions;
		const [mine, others] = [of(field.path), of(other?.path)];
		return mine?.some((own, at) => {
			const another = others?.[at];
			return another !== undefined && ((isDue(own) && isOld(another)) || (isOld(own) && isDue(another)));
		});
	};
	const isProven = isProvenBy([field, ...(other ? [other] : [])]);
	const sinceFormat = timeFormat === 'iso' ? 'isoSeconds' : timeFormat;
	const names = sinceNames(field.path).slice(0, tries);
	probe.allow(names.length);
	const found = await probe.first(names, async ({ name, isNamed }): Promise<Since | undefined> => {
		const since = { sinceParameter: name, sinceFormat } as const;
		const resource = probe.resource({ ...common, cursor: 'time', cursorField: field.path, timeFormat, ...since });
		const request = resource.request({ from, page: 1, offset: 0, pageSize: resource.pageSize });
		const answer = await probe.ask(request.query ?? {});
		if (!answer) return undefined;
		const given = rowsAt(answer, path);
		if (!isNamed && !isProven && !isProvenBy(timeFieldsOf(given))) return undefined;
		const ids = new Set(given.map(idOf));
		const has = (at: number) => ids.has(idOf(rows[at]));
		const hasAll = positions.every((position, at) => !isDue(position) || has(at));
		const hasOld = positions.some((position, at) => isOld(position) && has(at));
		return hasAll && !hasOld && positions.some(isOld) ? since : undefined;
	});
	return found ?? {};
}
