import { LRUCache } from 'lru-cache';
import { IANAZone } from 'luxon';
import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { type Position, positionOfTime } from '../../event/position';
import type { Redactor } from '../../http/redact';
import type { ApiResponse } from '../../http/transport';
import { looksFull } from '../page-rows';
import { finder, listsIn } from './json-path';
import type { Listing } from './listing';
import { fieldsOf, isNextLike, isPlace } from './paging';
import { type Asked, Probe, type Size, findPaging, findSince, findSize, rowsAt } from './probing';
import {
	type IdField,
	type Row,
	type RowField,
	type TimeField,
	idFieldsOf,
	numberFieldsOf,
	sortingOf,
	timeFieldsOf,
} from './row-fields';
import type { RestSettings } from './settings';

/** How an API lists, found out by asking it: whole descriptions to choose from. What cannot be known is slow, and loses nothing. */

/** A description, and what a user should know before choosing it. */
export interface FoundListing {
	readonly listing: Listing;
	readonly cautions: readonly string[];
}

/** A list in the answer. */
export interface FoundList {
	/** JSON path to it; empty where it is the whole answer. */
	readonly path: string;
	/** What its rows are called, e.g. `orders`. */
	readonly name: string;
	readonly rows: readonly Row[];
	readonly ids: readonly IdField[];
	readonly times: readonly TimeField[];
	readonly numbers: ReturnType<typeof numberFieldsOf>;
	/** The most likely first. */
	readonly found: readonly FoundListing[];
}

export interface Discovery {
	/** The most likely first. */
	readonly lists: readonly FoundList[];
	/** Where the next page may be, with what stands there. */
	readonly nexts: readonly RowField[];
	/** Shows a value without anything secret. */
	readonly show: (value: unknown) => string;
}

/** For as long as somebody is busy with a node. */
const KEPT_MS = 5 * MINUTE;
const known = new LRUCache<string, Promise<Discovery>>({ max: 50, ttl: KEPT_MS });

const keyOf = ({ transport, url, timeZone }: Asked) => JSON.stringify([transport.fingerprint, url, timeZone]);

/** Whether it has been found out a moment ago, so that nothing is asked again. */
export const isKnown = (asked: Asked) => known.has(keyOf(asked));

/**
 * @throws HybridSyncError as the transport does, also where the API allows no more requests before the pages are understood;
 *   `configuration` where the answer has no list, or an empty one
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

/** What one answer shows: the lists, their fields, and where the next page may be. Nothing is tried. */
export async function look(asked: Asked): Promise<Omit<Discovery, 'lists'> & { readonly lists: readonly Fields[] }> {
	if (isKnown(asked)) return await discover(asked);
	const first = await asked.transport.send({ path: asked.url });
	const lists = listsOf(first, nameOf(asked.url)).map(({ path, name }) => {
		const rows = rowsAt(first, path);
		return { path, name, rows, ...fieldsIn(rows, name, [], first.redactor) };
	});
	return { lists, ...placesIn(first) };
}

async function find(asked: Asked): Promise<Discovery> {
	const first = await asked.transport.send({ path: asked.url });
	const probe = new Probe(asked);
	const listed = listsOf(first, nameOf(asked.url));
	const [main] = listed;
	const size = main && (await findSize(probe, first, main.path));
	const [id] = main?.ids ?? [];
	const paging = main && id && (await findPaging(probe, { path: main.path, idField: id.path }, first, size));
	if (!paging && probe.trouble) {
		const message = `The API could not be looked at to the end: ${probe.trouble.message} Load the list again in a minute, or choose Described by Hand.`;
		throw new HybridSyncError(probe.trouble.code, message, probe.trouble.details);
	}
	const isSized = paging?.isSized ?? true;
	const page = (isSized ? size?.full?.response : undefined) ?? first;
	const lists: FoundList[] = [];
	for (const { path, name } of listed) {
		const rows = rowsAt(page, path);
		const fields = fieldsIn(rows, name, size ? rowsAt(size.few, path) : [], page.redactor);
		const common: Listing = {
			url: asked.url,
			...(path !== '' && { itemsAt: path }),
			...(fields.ids[0] && { idField: fields.ids[0].path }),
			...paging?.paging,
			...(isSized && sizeSettings(size)),
		};
		// Filters are tried for the list that most people mean.
		const filters = paging && path === main.path ? probe : undefined;
		const found = await listingsOf({ path, name, rows, ...fields }, common, asked.timeZone, page.date, filters);
		const cautions = paging ? [] : [pageCaution(rows.length)];
		const told = found.map(({ listing, cautions: own }) => ({ listing, cautions: [...cautions, ...own] }));
		lists.push({ path, name, rows, ...fields, found: told });
	}
	return { lists, ...placesIn(size?.few ?? first) };
}

function placesIn({ body, redactor }: ApiResponse): Pick<Discovery, 'nexts' | 'show'> {
	const nexts = fieldsOf(body).flatMap(({ path, value }): RowField[] =>
		isNextLike(path) && isPlace(value) && !redactor.isSecret(path) ? [{ path, sample: value }] : [],
	);
	return { nexts, show: (value) => redactor.excerpt(String(value), 40) };
}

function sizeSettings(size: Size | undefined): Listing {
	return size?.full ? { pageSizeParameter: size.pageSizeParameter, pageSize: size.full.pageSize } : {};
}

/** Fewer rows say nothing of pages. */
const LEAST_ROWS = 5;

function pageCaution(rows: number): string {
	if (rows < LEAST_ROWS) return 'too few rows to see how the next page comes. Choose anew when there are more';
	if (looksFull(rows))
		return `how the next page comes was not found, and this one looks full: rows behind the first ${rows} would be missed`;
	return 'there is one page, as far as can be seen';
}

/*
 * Lists
 */

const LIST_NAMES =
	/^(?:data|items|results?|values?|records|rows|list|entries|elements|collection|objects|content|hits)$/i;
/** What goes with a list, or says why there is none. */
const NO_LISTS = /(?:^|\.)(?:errors?|warnings?|facets|links|included|columns|schema)(?:\.|$)/i;
/** A map whose keys are ids has no list, but what lies in its rows. */
const IN_MAP = /(?:^|\.)\d+(?:\.|$)|\['\d+'\]/;
/** Lists of one answer that are looked at. */
const MAX_LISTS = 3;

/** What the rows are called: the last part of the URL's path. */
export function nameOf(url: string): string {
	const path = URL.parse(url, 'http://host/')?.pathname ?? '';
	const last = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
	return last.replace(/\.json$/, '') || 'rows';
}

function listsOf(response: ApiResponse, urlName: string): { path: string; name: string; ids: readonly IdField[] }[] {
	const isList = (path: string) =>
		path === urlName || !(NO_LISTS.test(path) || IN_MAP.test(path) || response.redactor.isSecret(path));
	const found = listsIn(response.body).filter(({ path }) => isList(path));
	const isEmpty = response.isEmpty === true || (found.length > 0 && found.every(({ rows }) => rows === 0));
	const lists = found
		.flatMap(({ path }) => {
			const rows = rowsAt(response, path);
			if (rows.length === 0) return [];
			const last = path.split('.').at(-1) ?? '';
			const name = path === '' || LIST_NAMES.test(last) ? urlName : last;
			const ids = idFieldsOf(rows, name);
			const isNamed = path === '' || LIST_NAMES.test(last) || last.toLowerCase() === urlName.toLowerCase();
			// What is told by id and time is what somebody wants to be told of.
			const isWanted = Number(ids.length > 0) + Number(timeFieldsOf(rows).length > 0);
			return [{ path, name, ids, rank: isWanted * 2e6 + Number(isNamed) * 1e6 + rows.length }];
		})
		.sort((a, b) => b.rank - a.rank)
		.slice(0, MAX_LISTS);
	if (lists.length > 0) return lists;
	throw new HybridSyncError(
		'configuration',
		isEmpty
			? 'The list is empty so far, so nothing can be told from it. Have some rows there, and load the list anew, or choose Described by Hand'
			: `The answer has no list of rows: ${response.redactor.excerpt(JSON.stringify(response.body), 200)}. Check the URL, or choose Described by Hand`,
	);
}

type Fields = Pick<FoundList, 'path' | 'name' | 'rows' | 'ids' | 'times' | 'numbers'>;

/**
 * The fields that a row can be told by. One whose name is made of the key is none: names are kept in the workflow.
 *
 * @param others the same rows in another answer: what differs there in all of them is made anew for each
 */
function fieldsIn(
	rows: readonly Row[],
	name: string,
	others: readonly Row[],
	{ isSecret }: Pick<Redactor, 'isSecret'>,
): Pick<Fields, 'ids' | 'times' | 'numbers'> {
	const isOpen = ({ path }: RowField) => !isSecret(path);
	const ids = idFieldsOf(rows, name).filter(isOpen);
	const idOf = finder(ids[0]?.path ?? '', 'ID Field');
	const known = new Map(rows.map((row) => [idOf(row), row]));
	const pairs = others.flatMap((row) => {
		const same = known.get(idOf(row));
		return same ? [[row, same] as const] : [];
	});
	const isStable = ({ path }: RowField) => {
		const find = finder(path, 'Time or Number Field');
		return pairs.length === 0 || pairs.some(([one, other]) => find(one) === find(other));
	};
	const times = timeFieldsOf(rows).filter(isStable).filter(isOpen);
	return { ids, times, numbers: numberFieldsOf(rows).filter(isOpen) };
}

/*
 * What rows are told by
 */

/** @param filters asks with filters; absent where none is to be found */
async function listingsOf(
	list: Fields,
	common: Listing,
	timeZone: string,
	date: number | undefined,
	filters: Probe | undefined,
): Promise<FoundListing[]> {
	const { times, numbers, ids } = list;
	const [id] = ids;
	if (!id) return [];
	const unsure = id.isSure ? [] : [`only if no two rows ever have the same ${id.path}`];
	const change = times.find(({ kind }) => kind === 'change');
	const creation = times.find(({ kind }) => kind === 'creation');
	const found: FoundListing[] = [];
	const byTime = (field: TimeField, emit: 'row' | 'change', more: Listing, cautions: readonly string[]) => {
		const listing: Listing = {
			...common,
			emit,
			cursor: 'time',
			cursorField: field.path,
			timeFormat: field.timeFormat,
			...(field.timePattern !== undefined && { timePattern: field.timePattern }),
			...more,
		};
		for (const each of inZones(listing, field, timeZone, date)) found.push({ listing: each, cautions });
	};
	const probed = { path: list.path, idField: id.path, rows: list.rows };
	if (change) {
		const since = filters ? await findSince(filters, probed, { ...common, emit: 'change' }, change, creation) : {};
		byTime(change, 'change', { order: orderOf(list, change, 'change'), ...since }, unsure);
	}
	if (creation) {
		// Where there is none for changes, there will hardly be one for these.
		const tries = found.some(({ listing }) => listing.sinceParameter === undefined) ? FEW_TRIES : Infinity;
		const since = filters ? await findSince(filters, probed, { ...common, emit: 'row' }, creation, change, tries) : {};
		byTime(creation, 'row', { order: orderOf(list, creation, 'row'), ...since }, unsure);
	}
	found.push({ listing: { ...common, emit: 'row', cursor: 'none' }, cautions: unsure });
	const number = numbers.find(({ path }) => path === id.path);
	if (number) {
		const listing: Listing = { ...common, emit: 'row', cursor: 'number', cursorField: number.path };
		const order = sortingOf(number.positions) ?? 'none';
		found.push({
			listing: { ...listing, order },
			cautions: [...unsure, `only if ${number.path} grows with every row`],
		});
	}
	const other = times.find(({ kind }) => kind === 'other');
	if (other && !creation) {
		byTime(other, 'row', { order: 'none' }, [
			...unsure,
			`only if ${other.path} is never in the past when a row appears`,
		]);
	}
	// What a user has to think about comes last.
	return found.toSorted((a, b) => a.cautions.length - b.cautions.length);
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

const FEW_TRIES = 4;

/** What is dated later by so much comes from another zone, and a row that is so new from this one. */
const CLOCKS_APART_MS = 2 * MINUTE;
const JUST_NOW_MS = 15 * MINUTE;

/** Times without a zone are those of UTC, or of the workflow's zone: first that in which the newest row fits the clock. */
function inZones(listing: Listing, field: TimeField, timeZone: string, date = Date.now()): Listing[] {
	if (!field.isLocal || /gmt|utc/i.test(field.path) || timeZone === 'UTC') return [listing];
	const newest = field.positions.reduce<Position>((latest, each) => (each > latest ? each : latest), 0n);
	const now = positionOfTime(date);
	const isAhead = newest > now + positionOfTime(CLOCKS_APART_MS);
	// West of Greenwich a time of day that was just now looks hours old.
	const offset = positionOfTime(offsetOf(timeZone, date));
	const age = now - (newest - offset);
	const isJustNow = age > -positionOfTime(CLOCKS_APART_MS) && age < positionOfTime(JUST_NOW_MS);
	const both = [listing, { ...listing, timeZone }];
	return isAhead || (isJustNow && offset !== 0n) ? both.toReversed() : both;
}

/** How far a zone is ahead of UTC at a moment, in milliseconds. */
function offsetOf(timeZone: string, at: number): number {
	const zone = IANAZone.create(timeZone);
	return zone.isValid ? zone.offset(at) * MINUTE : 0;
}
