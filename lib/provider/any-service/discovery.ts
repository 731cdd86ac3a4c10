import { LRUCache } from 'lru-cache';
import { HybridSyncError } from '../../base/errors';
import { type Position, positionOfTime } from '../../event/position';
import type { ApiResponse, Transport } from '../../http/transport';
import type { Page, PollResource } from '../pull';
import { finder, listsIn } from './json-path';
import type { Listing } from './listing';
import { fieldsOf, isNextLike, nextLink, saysMore } from './paging';
import { restApi } from './rest';
import {
	type Row,
	type RowField,
	type TimeField,
	idFieldsOf,
	numberFieldsOf,
	sortingOf,
	timeFieldsOf,
} from './row-fields';
import { type RestSettings, parseRestSettings } from './settings';

/**
 * How an API lists, found out by asking it. What stands in an answer is read from it; what does not, such as the name of the
 * parameter for the page size, is tried under the names that are in use, and taken only where the answer shows that it works.
 */

/** A list in the answer. */
export interface FoundList {
	/** JSON path to it; empty where it is the whole answer. */
	readonly path: string;
	/** What its rows are called, e.g. `orders`. */
	readonly name: string;
	readonly rows: readonly Row[];
	readonly ids: readonly RowField[];
	readonly times: readonly TimeField[];
	readonly numbers: ReturnType<typeof numberFieldsOf>;
	readonly listings: readonly Listing[];
}

export interface Discovery {
	/** The most likely first. */
	readonly lists: readonly FoundList[];
	/** Where the next page may be, with what stands there. */
	readonly nexts: readonly { readonly path: string; readonly sample: string }[];
	/** Shows a value without anything secret. */
	readonly show: (value: unknown) => string;
}

export interface Asked {
	readonly url: string;
	readonly baseUrl: string;
	readonly transport: Transport;
	/** IANA name of the workflow's time zone. */
	readonly timeZone: string;
}

/** For as long as somebody is busy with a node. */
const KEPT_MS = 5 * 60_000;
const known = new LRUCache<string, Promise<Discovery>>({ max: 50, ttl: KEPT_MS });

const keyOf = ({ transport, url, timeZone }: Asked) => JSON.stringify([transport.fingerprint, url, timeZone]);

/** Whether it has been found out a moment ago, so that nothing is asked again. */
export const isKnown = (asked: Asked) => known.has(keyOf(asked));

/**
 * @throws HybridSyncError as the transport does; `configuration` where the answer has no list, or an empty one
 */
export async function discover(asked: Asked): Promise<Discovery> {
	const key = keyOf(asked);
	let finding = known.get(key);
	if (!finding) {
		finding = find(asked);
		known.set(key, finding);
		finding.catch(() => known.delete(key));
	}
	return await finding;
}

async function find(asked: Asked): Promise<Discovery> {
	const { transport, url } = asked;
	const first = await transport.send({ path: url });
	const listed = listsOf(first, nameOf(asked.url));
	const [main] = listed;
	const probe = new Probe(asked, main ? rowsAt(first, main.path).length : 0);
	const size = await sizeOf(probe, first, main);
	const paging = await pagingOf(probe, size.few ?? first, main, size.few ? size.few2 : {});
	const page = size.full ?? first;
	const lists: FoundList[] = [];
	for (const { path, name } of listed) {
		const rows = rowsAt(page, path);
		const ids = idFieldsOf(rows, name);
		const fields = { ids, times: timeFieldsOf(rows), numbers: numberFieldsOf(rows) };
		const common: Listing = {
			url,
			...(path !== '' && { itemsAt: path }),
			...(ids[0] && { idField: ids[0].path }),
			...paging,
			...size.settings,
		};
		const listings = ids.length === 0 ? [] : await listingsOf(probe, { path, rows, ...fields }, common, page.date);
		lists.push({ path, name, rows, ...fields, listings });
	}
	const { redactor } = first;
	const show = (value: unknown) => redactor.excerpt(String(value), 40);
	const nexts = fieldsOf((size.few ?? first).body)
		.filter(
			({ path, value }) => isNextLike(path) && (typeof value === 'string' || typeof value === 'number') && value !== '',
		)
		.map(({ path, value }) => ({ path, sample: show(value) }));
	return { lists, nexts, show };
}

/*
 * Lists
 */

const LIST_NAMES = /^(?:data|items|results?|values?|records|rows|list|entries|elements|collection|objects|content)$/i;
/** Lists of one answer that are looked at. */
const MAX_LISTS = 3;

function rowsAt({ body }: ApiResponse, path: string): Row[] {
	const found = finder(path, 'Items At')(body);
	return Array.isArray(found) ? found.filter((row): row is Row => typeof row === 'object' && row !== null) : [];
}

/** What the rows are called: the last part of the URL's path. */
export function nameOf(url: string): string {
	const { pathname } = new URL(url, 'http://host/');
	return (
		pathname
			.replace(/\/+$/, '')
			.split('/')
			.at(-1)
			?.replace(/\.json$/, '') || 'rows'
	);
}

function listsOf(response: ApiResponse, urlName: string): { path: string; name: string }[] {
	const found = listsIn(response.body).map(({ path }) => ({ path, last: path.split('.').at(-1) ?? '' }));
	const rank = ({ path, last }: (typeof found)[number]) => {
		const isNamed = path === '' || LIST_NAMES.test(last) || last.toLowerCase() === urlName.toLowerCase();
		return (isNamed ? 1_000_000 : 0) + rowsAt(response, path).length;
	};
	const lists = found
		.filter(({ path }) => rowsAt(response, path).length > 0)
		.sort((a, b) => rank(b) - rank(a))
		.slice(0, MAX_LISTS)
		.map(({ path, last }) => ({ path, name: path === '' || LIST_NAMES.test(last) ? urlName : last }));
	if (lists.length > 0) return lists;
	throw new HybridSyncError(
		'configuration',
		response.isEmpty || found.length > 0
			? 'The list is empty so far, so nothing can be told from it. Have one row there, and load the list anew, or choose Described by Hand'
			: `The answer has no list of rows: ${response.redactor.excerpt(JSON.stringify(response.body), 200)}. Check the URL`,
	);
}

/*
 * What is tried
 */

/** So many requests are made to find out, beside the first one. */
const MAX_TRIES = 28;
/** Where so many rows come at once, an answer takes its time. */
const MANY_ROWS = 500;
const TRIES_OF_MANY = 8;
const MAX_MS = 15_000;
/** Tries that are made at the same time. */
const AT_ONCE = 4;

/** Asks with parameters that the API may not know. */
class Probe {
	private left: number;
	private readonly deadline = performance.now() + MAX_MS;

	constructor(
		readonly asked: Asked,
		rows: number,
	) {
		this.left = rows > MANY_ROWS ? TRIES_OF_MANY : MAX_TRIES;
	}

	/** @returns nothing where the API refuses, or enough has been tried */
	async ask(query: Readonly<Record<string, string>>, path = this.asked.url): Promise<ApiResponse | undefined> {
		if (this.left <= 0 || performance.now() > this.deadline) return undefined;
		this.left -= 1;
		try {
			return await this.asked.transport.send({ path, query });
		} catch (error) {
			if (!(error instanceof HybridSyncError)) throw error;
			// A limit that is used up, or an outage, ends the trying.
			if (error.code === 'rate-limited' || error.code === 'unavailable') this.left = 0;
			return undefined;
		}
	}

	/** The first that something can be made of; some are tried at the same time. */
	async first<T, R>(all: readonly T[], attempt: (each: T) => Promise<R | undefined>): Promise<R | undefined> {
		for (let start = 0; start < all.length; start += AT_ONCE) {
			const results = await Promise.all(all.slice(start, start + AT_ONCE).map(attempt));
			const found = results.find((result) => result !== undefined);
			if (found !== undefined) return found;
		}
		return undefined;
	}

	/** The resource as it would be read. */
	resource(listing: Listing): PollResource | undefined {
		const { url, baseUrl, transport } = this.asked;
		return restApi(parseRestSettings({ ...listing, url }), baseUrl, transport).resources[0];
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
const PAGE_SIZE = 100;

interface Size {
	readonly settings: Pick<Listing, 'pageSizeParameter' | 'pageSize'>;
	/** A page of few rows, by which the next one is found even where there are not many. */
	readonly few?: ApiResponse;
	readonly few2: Pick<Listing, 'pageSizeParameter' | 'pageSize'>;
	/** A page of the size that was settled on. */
	readonly full?: ApiResponse;
}

async function sizeOf(probe: Probe, first: ApiResponse, list: { path: string } | undefined): Promise<Size> {
	const there = list ? rowsAt(first, list.path).length : 0;
	const none: Size = { settings: {}, few2: {} };
	if (!list || there < 2) return none;
	const wanted = there > 2 ? 2 : 1;
	const found = await probe.first(inUse(first, SIZES), async (name) => {
		const few = await probe.ask({ [name]: String(wanted) });
		return few && rowsAt(few, list.path).length === wanted ? { name, few } : undefined;
	});
	if (!found) return none;
	const { name, few } = found;
	const few2 = { pageSizeParameter: name, pageSize: wanted };
	for (const pageSize of [Math.max(PAGE_SIZE, there), there]) {
		const full = await probe.ask({ [name]: String(pageSize) });
		if (full && rowsAt(full, list.path).length >= there)
			return { settings: { pageSizeParameter: name, pageSize }, few, few2, full };
	}
	return { ...none, few, few2 };
}

/** Names that the answer itself uses come first: in its link to the next page, or as a field. */
function inUse(response: ApiResponse, names: readonly string[]): string[] {
	const links = [nextLink(response), ...fieldsOf(response.body).map(({ value }) => value)].filter(
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

type Paging = Pick<Listing, 'paging' | 'pageParameter' | 'firstPage' | 'nextAt'>;

const TOKENS = ['cursor', 'page_token', 'pageToken', 'after', 'next', 'continuation', 'offset'];
const LAST_IDS = ['starting_after', 'after', 'after_id', 'since_id', 'last_id', 'cursor'];
const PAGES = ['page', 'page[number]', 'p', 'pageNumber', 'page_number', 'Page'];
const OFFSETS = ['offset', 'start', 'skip', '$skip', 'startAt', 'startIndex', 'page[offset]'];

/** The first way in which the second page has other rows than the first one. */
async function pagingOf(
	probe: Probe,
	first: ApiResponse,
	list: { path: string; name: string } | undefined,
	size: Listing,
): Promise<Paging> {
	if (!list) return {};
	const [id] = idFieldsOf(rowsAt(first, list.path), list.name);
	if (!id) return {};
	const base: Listing = {
		...(list.path !== '' && { itemsAt: list.path }),
		idField: id.path,
		cursor: 'none',
		...size,
	};
	for (const paging of waysOf(first, list.path, id.path)) {
		if (!(await turns(probe, first, { ...base, ...paging }))) continue;
		if (paging.paging !== 'page' || paging.firstPage !== undefined || paging.pageParameter === undefined) return paging;
		// Where page 1 is another one than that which comes unasked, that was page 0.
		const isFirst = !(await turns(probe, first, { ...base, ...paging, firstPage: 0 }));
		return { ...paging, firstPage: isFirst ? 1 : 0 };
	}
	return {};
}

function* waysOf(first: ApiResponse, listPath: string, idField: string): Generator<Paging> {
	if (nextLink(first) !== undefined) yield { paging: 'link' };
	const fields = fieldsOf(first.body);
	const nexts = fields.filter(({ path }) => isNextLike(path));
	for (const { path, value } of nexts) {
		if (typeof value === 'string' && /^(?:https?:\/\/|\/|\?)/.test(value)) yield { paging: 'next', nextAt: path };
	}
	for (const { path, name, value } of nexts.slice(0, 3)) {
		if ((typeof value !== 'string' || value === '') && (typeof value !== 'number' || value <= 0)) continue;
		// `next_cursor` goes into `cursor`, and `nextPageToken` into `pageToken`.
		const own = name.replace(/^next_?/i, '');
		const plain = own === '' ? [] : [own.charAt(0).toLowerCase() + own.slice(1), name];
		for (const pageParameter of new Set([...plain, ...TOKENS].slice(0, 6))) {
			yield { paging: 'token', pageParameter, nextAt: path };
		}
	}
	if (fields.some((field) => saysMore(field) === true)) {
		const nextAt = `${listPath}[-1].${idField}`;
		for (const pageParameter of LAST_IDS) yield { paging: 'token', pageParameter, nextAt };
	}
	const echoed = fields.filter(({ value }) => typeof value === 'number');
	for (const { name, value } of echoed) {
		if (!/^(?:current_?page|page_?number|page_?no|page)$/i.test(name) || (value !== 0 && value !== 1)) continue;
		for (const pageParameter of new Set(['page', name])) yield { paging: 'page', pageParameter, firstPage: value };
	}
	for (const { name, value } of echoed) {
		if (OFFSETS.includes(name) && value === 0) yield { paging: 'offset', pageParameter: name };
	}
	for (const pageParameter of PAGES.slice(0, 2)) yield { paging: 'page', pageParameter };
	for (const pageParameter of OFFSETS.slice(0, 4)) yield { paging: 'offset', pageParameter };
}

/** Whether the second page has rows, and other ones than the first. */
async function turns(probe: Probe, first: ApiResponse, listing: Listing): Promise<boolean> {
	try {
		const resource = probe.resource(listing);
		if (!resource) return false;
		const before = await read(resource, first);
		if (listing.paging === 'token' && before.next === undefined) return false;
		const request = resource.request({
			from: 0n,
			page: 2,
			offset: before.size,
			pageSize: resource.pageSize,
			...(before.next !== undefined && { next: before.next }),
		});
		const second = await probe.ask(request.query ?? {}, request.path);
		if (!second) return false;
		const ids = new Set(before.rows.map(({ event }) => event.key));
		const after = await read(resource, second);
		return after.rows.length > 0 && !after.rows.some(({ event }) => ids.has(event.key));
	} catch (error) {
		// An answer that cannot be read so is not paged so.
		if (error instanceof HybridSyncError) return false;
		throw error;
	}
}

const read = async (resource: PollResource, response: ApiResponse): Promise<Page> =>
	await resource.read(response, '', '');

/*
 * What rows are told by
 */

type Fields = Pick<FoundList, 'path' | 'rows' | 'ids' | 'times' | 'numbers'>;

async function listingsOf(probe: Probe, list: Fields, common: Listing, date: number | undefined): Promise<Listing[]> {
	const { times, numbers } = list;
	const change = times.find(({ kind }) => kind === 'change');
	const creation = times.find(({ kind }) => kind === 'creation');
	const found: Listing[] = [];
	for (const [emit, field, other] of [
		['change', change, creation],
		['row', creation, change],
	] as const) {
		if (!field) continue;
		const order = orderOf(list, field, emit);
		const since =
			common.paging === undefined ? {} : await sinceOf(probe, list, { ...common, emit, order }, field, other);
		const listing: Listing = {
			...common,
			emit,
			cursor: 'time',
			cursorField: field.path,
			timeFormat: field.timeFormat,
			...(field.timePattern !== undefined && { timePattern: field.timePattern }),
			order,
			...since,
		};
		found.push(...inZones(probe, listing, field, date));
	}
	const number = numbers.find(({ path }) => list.ids.some((id) => id.path === path));
	if (number) {
		const order = sortingOf(number.positions) ?? 'none';
		found.push({ ...common, emit: 'row', cursor: 'number', cursorField: number.path, order });
	}
	found.push({ ...common, emit: 'row', cursor: 'none' });
	return found;
}

/**
 * In which order the rows come, as far as the page proves it. Rows that never changed are in the order of their changes
 * wherever they are in that of their creation: only where the two differ, it is known which of them it is.
 */
function orderOf({ times, numbers }: Fields, field: TimeField, emit: 'row' | 'change'): RestSettings['order'] {
	const order = sortingOf(field.positions);
	if (order === undefined || emit === 'row') return order ?? 'none';
	const creation = times.find(({ kind }) => kind === 'creation');
	const isProven = creation !== undefined && numbers.length === 0 && sortingOf(creation.positions) === undefined;
	return isProven ? order : 'none';
}

/** Times without a zone are those of UTC, or of the workflow's zone. */
function inZones(
	probe: Probe,
	listing: Listing,
	{ isLocal, path, positions }: TimeField,
	date = Date.now(),
): Listing[] {
	const { timeZone } = probe.asked;
	if (!isLocal || /gmt|utc/i.test(path) || timeZone === 'UTC') return [listing];
	const both = [listing, { ...listing, timeZone }];
	// What would come from the future comes from another zone.
	const isAhead = positions.some((position) => position > positionOfTime(date + 120_000));
	return isAhead ? both.toReversed() : both;
}

/*
 * Asking for rows from a moment on
 */

/** A filter that is tried by its name must say by which time it goes, or rows must prove it. */
function sinceNames(path: string): { name: string; isNamed: boolean }[] {
	const field = path.split('.').at(-1) ?? '';
	const stem = /updat|modif|chang|creat|edit|add/i.exec(field)?.[0].toLowerCase() ?? '';
	const stems = {
		updat: 'updated',
		modif: 'modified',
		chang: 'changed',
		creat: 'created',
		edit: 'edited',
		add: 'added',
	};
	const word = stems[stem as keyof typeof stems];
	const named = [
		`${field}_min`,
		`${field}[gte]`,
		`${field}__gte`,
		...(word ? [`${word}_since`, `${word}_after`, `${word}Since`, `${word}After`] : []),
		`${field}_gte`,
	];
	return [{ name: 'since', isNamed: false }, ...named.map((name) => ({ name, isNamed: true }))];
}

type Since = Pick<Listing, 'sinceParameter' | 'sinceFormat'>;

/**
 * The filter that gives the newest row, and none of those before it. That of a time without a zone may be read in any zone,
 * and would then lose rows.
 */
async function sinceOf(
	probe: Probe,
	{ path, rows }: Fields,
	common: Listing,
	field: TimeField,
	other: TimeField | undefined,
): Promise<Since> {
	const { positions, isLocal, timeFormat } = field;
	const newest = positions.reduce((latest, each) => (each > latest ? each : latest), 0n);
	const step = positionOfTime(1_000);
	const isOlder = (at: number) => (positions[at] ?? newest) < newest - 2n * step;
	const isNewest = (at: number) => (positions[at] ?? 0n) > newest - step;
	if (isLocal || timeFormat === 'custom' || !rows.some((_, at) => isOlder(at))) return {};
	const idOf = finder(common.idField ?? 'id', 'ID Field');
	/** By the other time, a row would be on the other side: so it shows by which of them the filter goes. */
	const proves = (own: Position, others: Position | undefined) =>
		others !== undefined &&
		(own > newest - step ? others < newest - 2n * step : own < newest - 2n * step && others > newest - step);
	const isProvenBy = (times: readonly TimeField[]) => {
		const [mine, others] = [
			times.find((each) => each.path === field.path),
			times.find((each) => each.path === other?.path),
		];
		return mine?.positions.some((position, at) => proves(position, others?.positions[at])) ?? false;
	};
	const isProven = isProvenBy([field, ...(other ? [other] : [])]);
	const sinceFormat = timeFormat === 'iso' ? 'isoSeconds' : timeFormat;
	const found = await probe.first(sinceNames(field.path), async ({ name, isNamed }): Promise<Since | undefined> => {
		const since = { sinceParameter: name, sinceFormat } as const;
		const resource = probe.resource({ ...common, cursor: 'time', cursorField: field.path, timeFormat, ...since });
		const request = resource?.request({ from: newest, page: 1, offset: 0, pageSize: resource.pageSize });
		const answer = await probe.ask(request?.query ?? {});
		if (!answer) return undefined;
		const given = rowsAt(answer, path);
		if (!isNamed && !isProven && !isProvenBy(timeFieldsOf(given))) return undefined;
		const ids = new Set(given.map(idOf));
		const hasNewest = rows.every((row, at) => !isNewest(at) || ids.has(idOf(row)));
		const hasOlder = rows.some((row, at) => isOlder(at) && ids.has(idOf(row)));
		return hasNewest && !hasOlder ? since : undefined;
	});
	return found ?? {};
}
