import { HybridSyncError } from '../../base/errors';
import { type ProviderEvent } from '../../event/event';
import { hashOf } from '../../base/hash';
import { composeKey } from '../../event/key';
import {
	LARGEST_NUMBER,
	type Position,
	parsePosition,
	withFiner,
	positionOfTime,
	sortableNumber,
	timeOfPosition,
} from '../../event/position';
import { DAY, LATEST_TIME, MINUTE, formatTime, parseTimeBy } from '../../base/time';
import type { ApiRequest, ApiResponse, Transport } from '../../http/transport';
import { sortedFields } from '../../base/json';
import { readRows } from '../page-rows';
import { qualifiedType } from '../provider';
import type { Described, PageRequest, PollApi, PollResource, PolledRow } from '../pull';
import { type Joining, matchOf } from './joining';
import { finder, listsIn } from './json-path';
import { endFinder, excerpt } from './paging';
import { textOf } from './recipe';
import { NAMES_ZONE, type Row, kindOfTime, timeFieldsOf } from './row-fields';
import type { RestSettings } from './settings';

/** Any REST API that lists rows as JSON, as a user has described it. */

/**
 * @param settings as `parseRestSettings` gives them
 * @param baseUrl of the credential
 * @param credential names it, so that another tenant's rows of the same ids are told apart; its key may change
 * @param joining by what its rows are the same events as webhooks
 * @throws HybridSyncError `configuration` naming the field that cannot be understood
 */
export function restApi(
	settings: RestSettings,
	baseUrl: string,
	transport: Transport,
	credential = '',
	joining?: Joining,
): PollApi {
	const collection = collectionOf(settings, baseUrl, credential);
	const { cursor, cursorField, timeFormat, timePattern, timeZone, idField, emit } = settings;
	const field = cursor === 'none' ? 'id' : [cursorField, timeFormat, timePattern, timeZone].join(' ').trim();
	const lineage = composeKey(...collection.keyParts, cursor, field);
	return {
		resources: [restResource(settings, collection, joining)],
		transport,
		// Another list, or another field to tell newer rows by, has a history of its own. A new key has not.
		account: composeKey(lineage, idField, emit),
		lineage,
	};
}

interface Collection {
	/** e.g. `/rest/api.example.com/v1/orders` */
	readonly source: string;
	/** e.g. `orders` */
	readonly name: string;
	/** Tells it from every other list, those of the same path too: by the rest of the URL, the credential, and the place in the answer. */
	readonly keyParts: readonly string[];
}

function collectionOf({ url, itemsAt, eventName }: RestSettings, baseUrl: string, credential: string): Collection {
	const whole = URL.parse(
		/^https?:\/\//i.test(url) ? url : `${baseUrl.replace(/\/+$/, '')}/${url.replace(/^\/+/, '')}`,
	);
	if (whole === null) {
		throw new HybridSyncError('configuration', '"URL" is not usable. Enter a path like /orders, or the whole URL.');
	}
	const path = whole.pathname.replace(/\/+$/, '');
	const last = (path.split('/').at(-1) ?? '').replace(/\.json$/, '').replace(/[^\w.-]+/g, '_');
	for (const [name, value] of [...whole.searchParams]) if (isPlace(name, value)) whole.searchParams.delete(name);
	whole.searchParams.sort();
	const source = `/rest/${whole.host}${path}`;
	const told = [whole.search, credential, itemsAt];
	const scope = told.every((each) => each === '') ? '' : hashOf(told).slice(0, 16);
	return { source, name: eventName === '' ? last || 'rows' : eventName, keyParts: [source, scope] };
}

/** Whether a parameter of the URL says how much comes at once, or from where on, and not what. */
function isPlace(name: string, value: string): boolean {
	return /^\d{1,6}$/.test(value) && PLACES.test(name);
}
const PLACES =
	/^(?:limit|per_?page|page_?size|pagelen|max_?results|page|offset|\$top|\$skip|page\[(?:size|limit|number|offset)\])$/i;

/** The finest step of each way to write a position in a query. */
const STEPS = {
	iso: positionOfTime(1),
	isoSeconds: positionOfTime(1_000),
	seconds: positionOfTime(1_000),
	milliseconds: positionOfTime(1),
	date: positionOfTime(DAY),
} as const;

function restResource(settings: RestSettings, collection: Collection, joining: Joining | undefined): PollResource {
	const { cursor, order, paging, pageSize, sinceParameter, sinceFormat } = settings;
	const ends = endFinder(settings);
	const filters = sinceParameter !== '' && cursor !== 'none';
	const step = cursor === 'number' ? 1n : STEPS[sinceFormat];
	const reader = rowReader(settings, collection, joining);
	const itemsIn = listFinder(settings);
	const request = ({ from, page, offset, next }: Omit<PageRequest, 'pageSize'>): ApiRequest => {
		if (next !== undefined && (paging === 'link' || paging === 'next')) return { path: next };
		// One step earlier, because nobody knows whether "since" includes its own moment.
		const since = filters && from - step > 0n ? { [sinceParameter]: written(from - step, settings) } : {};
		const place = placeQuery(settings, page, offset, next);
		const size = settings.pageSizeParameter === '' ? {} : { [settings.pageSizeParameter]: String(pageSize) };
		return { path: settings.url, query: { ...since, ...size, ...place } };
	};
	const asked = settings.pageSizeParameter === '' ? Infinity : pageSize;
	/** Without pages, the filter may lead on: behind the last row of a page that has rows of several positions, or is full. */
	const goesOnByFilter = (rows: readonly PolledRow[], size: number) =>
		filters && order === 'ascending' && (size >= asked || rows.at(0)?.position !== rows.at(-1)?.position);
	return {
		name: 'rows',
		described: describedBy(settings),
		displayName: collection.name,
		unit: cursor,
		order: cursor === 'none' ? 'none' : order,
		...(filters && { step }),
		// Without a parameter nobody has asked for a size: no page is a full one for sure.
		pageSize: asked,
		sizedBy: hashOf([settings.url, settings.pageSizeParameter, pageSize]),
		request,
		sample: () => request({ from: 0n, page: 1, offset: 0 }),
		async read(response, _account, sender) {
			const items = itemsIn(response);
			const { name, keyParts } = collection;
			const read = (item: unknown) => reader(item, response, sender);
			const { rows, deadLetters } = await readRows({
				displayName: name,
				items,
				keyParts: ['poll', ...keyParts],
				read,
			});
			const [first] = deadLetters;
			const unusable =
				rows.length === 0 && first
					? new HybridSyncError(
							'configuration',
							`${first.reason}. No row of the answer can be read, e.g. ${excerpt(first.data, response)}. The cursor stays where it is.`,
						)
					: undefined;
			const end = ends(response, items.length, paging === 'none' && !goesOnByFilter(rows, items.length));
			return {
				rows,
				deadLetters,
				size: items.length,
				...(rows.length === 0 && items.length > 0 && { content: hashOf(items) }),
				isExact: () => isExact(rows, items, settings),
				...(unusable && { unusable }),
				...end,
			};
		},
	};
}

/** What can be said of the description without asking anybody, or from the rows alone. */
function describedBy(settings: RestSettings): Described {
	const { emit, cursor, cursorField, idField } = settings;
	const isCreation = emit === 'change' && cursor === 'time' && kindOfTime(cursorField) === 'creation';
	return {
		findsChanges: findsChanges(settings),
		doubts(rows) {
			if (!isCreation) return [];
			const times = timeFieldsOf(rows.map(({ event }) => event.data as Row));
			const chosen = times.find(({ path }) => path === cursorField);
			const moving = times.find(({ kind, path }) => kind === 'change' && path !== cursorField);
			const instead = moving ? `Choose ${moving.path}` : 'Choose the field of the last change';
			const at =
				moving?.positions.findIndex((position, index) => position > (chosen?.positions[index] ?? position)) ?? -1;
			const row = rows[at]?.event.data;
			if (chosen && moving && row !== undefined) {
				const id = String(finder(idField, 'ID Field')(row));
				const text = `"${cursorField}" stays as it is when a row changes: in the row ${id}, ${moving.path} is later. Changed rows would never be found. ${instead} under Time or Number Field`;
				return [{ text, isSure: true }];
			}
			const text = `"${cursorField}" sounds like the time of creation, which does not change: a changed row would not be found. ${instead} under Time or Number Field`;
			return [{ text, isSure: false }];
		},
	};
}

function findsChanges({ emit, cursor, cursorField, idField }: RestSettings): string {
	if (emit === 'row')
		return 'no, because One Event per Row tells of new rows only. Choose One Event per Change for that';
	if (cursorField === idField) return `no, because ${idField} stays as it is. Choose the field of the last change`;
	const isMoved = cursor === 'number' || kindOfTime(cursorField) === 'change';
	return isMoved
		? `yes, each time ${cursorField} has grown`
		: `only where ${cursorField} becomes later, and not by another change`;
}

function placeQuery(
	{ paging, pageParameter, firstPage }: RestSettings,
	page: number,
	offset: number,
	next: string | undefined,
): Record<string, string> {
	if (paging === 'page') return { [pageParameter]: String(firstPage + page - 1) };
	if (paging === 'offset') return { [pageParameter]: String(offset) };
	if (paging === 'token' && next !== undefined) return { [pageParameter]: next };
	return {};
}

function written(position: Position, { cursor, sinceFormat }: RestSettings): string {
	if (cursor === 'number') return String(position);
	const time = timeOfPosition(position);
	switch (sinceFormat) {
		case 'iso':
			return formatTime(time);
		case 'isoSeconds':
			return formatTime(time).replace(/\.\d+Z$/, 'Z');
		case 'seconds':
			return String(Math.floor(time / 1000));
		case 'milliseconds':
			return String(time);
		case 'date':
			return formatTime(time).slice(0, 10);
	}
}

/**
 * An error that comes with a status of success, as some APIs answer, GraphQL among them.
 *
 * @returns nothing where it says of none
 */
function errorInside({ body, status, redactor }: ApiResponse): HybridSyncError | undefined {
	if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
	const { ok, success, error, errors, message } = body as Record<string, unknown>;
	const isFailed = ok === false || success === false;
	const said = [errors, error, isFailed ? (message ?? 'no reason') : undefined].find(saysSomething);
	if (said === undefined) return undefined;
	const text = redactor.excerpt(typeof said === 'string' ? said : JSON.stringify(said), 300);
	const isLimit = /throttl|rate.?limit|too many requests|quota/i.test(text);
	return new HybridSyncError(
		isLimit ? 'rate-limited' : 'bad-response',
		`The API answered with an error (${status}, ${text}). ${isLimit ? 'Nothing is lost: it is asked again later.' : 'The cursor stays where it is. Check the URL in the node and the key in the credential.'}`,
		{ status },
	);
}

function saysSomething(value: unknown): boolean {
	if (typeof value === 'string') return value !== '';
	return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/** Finds the list of rows in an answer. */
function listFinder({ itemsAt }: RestSettings): (response: ApiResponse) => readonly unknown[] {
	const find = finder(itemsAt, 'Items At');
	return (response) => {
		const { body } = response;
		if (response.isEmpty) return [];
		const found = find(body);
		if (Array.isArray(found) && itemsAt !== '') return found as unknown[];
		const refusal = errorInside(response);
		if (refusal) throw refusal;
		if (Array.isArray(found)) return found as unknown[];
		// Some have no empty list.
		if (found === null && itemsAt !== '') return [];
		const lists = listsIn(body);
		const [only, another] = lists;
		if (itemsAt === '' && only && !another) return finder(only.path, 'Items At')(body) as unknown[];
		const known = lists
			.map(({ path, rows }) => `${path === '' ? 'the answer itself' : path} (${rows} rows)`)
			.join(', ');
		const where =
			itemsAt === ''
				? 'the answer has not one list, so "Items At" has to say which'
				: `"Items At" (${itemsAt}) leads to ${found === undefined ? 'nothing' : 'something that is not a list'}`;
		throw new HybridSyncError(
			'configuration',
			`No rows found: ${where}. ${known === '' ? `The answer has no lists: ${excerpt(body, response)}` : `Lists are at: ${response.redactor.excerpt(known, 1_000)}`}. The cursor stays where it is.`,
		);
	};
}

/** Reads one row: the reason in words where it cannot be read, nothing where it is to be skipped. */
function rowReader(
	settings: RestSettings,
	{ source, name, keyParts }: Collection,
	joining: Joining | undefined,
): (item: unknown, response: ApiResponse, sender: string) => PolledRow | string | undefined {
	const { emit, cursor, cursorField, idField, withoutCursor } = settings;
	/** Versions by one field say nothing of those by another one, or by the same as a number and as a time. */
	const changeOf = (id: string | number) => ['poll', ...keyParts, id, cursorField, cursor];
	const idOf = finder(idField, 'ID Field');
	const cursorOf = finder(cursorField, 'Time or Number Field');
	const joinOf = finder(settings.joinField === '' ? idField : settings.joinField, 'ID for Joining');
	return (item, response, sender) => {
		if (typeof item !== 'object' || item === null) return 'A row is no object (Items At)';
		const id = idOf(item);
		if ((typeof id !== 'string' && typeof id !== 'number') || id === '')
			return `A row has no usable ID in the field "${idField}" (ID Field)`;
		if (typeof id === 'string' && id.length > MAX_ID_LENGTH)
			return `A row has an ID of ${id.length} characters (ID Field)`;
		const position = cursor === 'none' ? 0n : positionOf(cursorOf(item), settings, response);
		if (position === undefined && withoutCursor === 'skip') return undefined;
		if (typeof position !== 'bigint') return position ?? `A row has no "${cursorField}"`;
		const isChange = emit === 'change';
		const version = isChange ? sortableNumber(position) : undefined;
		const key = isChange ? composeKey(...changeOf(id), String(position)) : composeKey('poll', ...keyParts, id);
		const content =
			isChange && cursor === 'time' && !isDate(cursorOf(item))
				? unsettledContent(item, position, response.date)
				: undefined;
		const join = textOf(joinOf(item));
		const event: ProviderEvent = {
			...(joining && join !== undefined && { match: matchOf(joining, sender, join) }),
			key: content === undefined ? key : composeKey(key, content),
			...(version !== undefined && { state: { entity: composeKey(...changeOf(id)), version } }),
			// What else changes in a row is no other event.
			hash: hashOf([id, isChange ? String(position) : '', content ?? '']),
			source,
			type: qualifiedType('anyService', name),
			subject: `${name}/${id}`,
			time: cursor === 'time' ? timeOfPosition(position) : (response.date ?? Date.now()),
			dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/rest/row/1',
			data: item,
		};
		return { position, event, ...(content !== undefined && { also: { ...event, key } }) };
	};
}

/** Times of day have a colon or stand behind a T. */
const isDate = (value: unknown) => typeof value === 'string' && !/:|T\d/.test(value);

/** Whether times name their zone, or are Unix times, and are not cut to the minute. */
function isExact(
	rows: readonly PolledRow[],
	items: readonly unknown[],
	{ cursor, cursorField, timeFormat }: RestSettings,
): boolean {
	if (cursor !== 'time' || rows.every(({ position }) => position % positionOfTime(MINUTE) === 0n)) return false;
	if (timeFormat !== 'iso') return timeFormat !== 'custom';
	const find = finder(cursorField, 'Time or Number Field');
	const namesZone = (value: unknown) => typeof value !== 'string' || NAMES_ZONE.test(value);
	return items.every((item) => namesZone(find(item)));
}

/** As long as a row may change again without its time moving, where times are cut to the minute. */
const UNSETTLED_FOR_MS = 15 * MINUTE;

/**
 * Tells the states of a row apart whose time is cut to the minute, as long as it may change again within it: then every
 * state is an event of its own. Later the row is known by its time alone, whatever else in it is computed anew for
 * every answer.
 */
function unsettledContent(item: object, position: Position, date = Date.now()): string | undefined {
	if (position % positionOfTime(MINUTE) !== 0n) return undefined;
	if (date > timeOfPosition(position) + MINUTE + UNSETTLED_FOR_MS) return undefined;
	// What signs a URL is new in every answer.
	return hashOf(JSON.stringify(item, sortedFields).replace(/("https?:[^"?]*)\?[^"]*"/g, '$1"')).slice(0, 16);
}

/** No API has longer ids; to hash one of megabytes takes its time. */
const MAX_ID_LENGTH = 10_000;

/** A number so large is a time in milliseconds, and below it one in seconds. */
const LEAST_MILLISECONDS = 100_000_000_000;

/** A row's position, nothing where the field is not there, or what is wrong with it in words. */
function positionOf(
	value: unknown,
	{ cursor, cursorField, timeFormat, timePattern, timeZone }: RestSettings,
	response: ApiResponse,
): Position | string | undefined {
	if (value === undefined || value === null || value === '') return undefined;
	const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
	const decimal = /^\d+(\.\d+)?$/.test(text) ? text : undefined;
	const holds = `"${cursorField}" holds ${excerpt(value, response)}`;
	if (cursor === 'number') {
		const whole = decimal === undefined ? undefined : /^(\d+)(?:\.0+)?$/.exec(decimal)?.[1];
		if (whole === undefined) {
			return `${holds}, which is not a whole number. Choose a number that grows from row to row as Number Field`;
		}
		if (whole.length <= MAX_DIGITS && BigInt(whole) <= LARGEST_NUMBER) return BigInt(whole);
		return `${holds}, which has more than 64 bits. Tell new rows by a Time Field instead`;
	}
	const zone = timeZone === '' ? 'utc' : timeZone;
	if (timeFormat === 'custom') {
		const time = parseTimeBy(timePattern, text, zone);
		return time === undefined
			? `${holds}, which is not of the form "${timePattern}" (Time Pattern)`
			: setTime(withFiner(time, text));
	}
	if (timeFormat === 'iso') {
		if (decimal === undefined) {
			const position = parsePosition(value, zone);
			return position === undefined ? `${holds}, which is not a time like 2026-01-31T12:00:00Z` : setTime(position);
		}
		const isSeconds = Number(decimal) < LEAST_MILLISECONDS;
		return `${holds}, which looks like Unix time. Choose ${isSeconds ? 'Unix Time in Seconds' : 'Unix Time in Milliseconds'} under Time Format`;
	}
	if (decimal === undefined) {
		return `${holds}, which is not a number. Choose Date and Time under Time Format if it is a date`;
	}
	if (Number(decimal) === 0) return undefined;
	const isSeconds = timeFormat === 'seconds';
	const number = Number(decimal);
	if (number > LATEST_TIME) {
		return `${holds}, which is no time in ${isSeconds ? 'seconds' : 'milliseconds'} (micro- or nanoseconds?)`;
	}
	if (isSeconds === number < LEAST_MILLISECONDS) return nanoseconds(decimal, isSeconds ? 9 : 6);
	return `${holds}, which looks like ${isSeconds ? 'milliseconds' : 'seconds'}. Choose that under Time Format`;
}

/** A day behind the beginning of Unix time, in whatever zone. */
const UNSET_UNTIL = positionOfTime(DAY);
/** The end of the first year, in which Go and .NET put what has no time. */
const FIRST_YEAR_ENDS = positionOfTime(Date.parse('0002-01-01T00:00:00Z'));

/** What is written where there is no time, such as 0001-01-01 and 1970-01-01, is none. */
function setTime(position: Position): Position | undefined {
	return position < UNSET_UNTIL && (position > -UNSET_UNTIL || position < FIRST_YEAR_ENDS) ? undefined : position;
}

/** Of 2^64. */
const MAX_DIGITS = 20;

/** @param places how many places after the point are whole nanoseconds */
function nanoseconds(decimal: string, places: number): Position {
	const [whole = '', fraction = ''] = decimal.split('.');
	return BigInt(`${whole}${fraction.padEnd(places, '0').slice(0, places)}`);
}
