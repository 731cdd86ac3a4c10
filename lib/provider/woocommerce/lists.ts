import { DateTime } from 'luxon';
import { LRUCache } from 'lru-cache';
import { HybridSyncError } from '../../base/errors';
import { DAY } from '../../base/time';
import { type Position, later, positionOfTime, timeOfPosition } from '../../event/position';
import type { ApiResponse, Transport } from '../../http/transport';
import { readRows } from '../page-rows';
import type { PageRequest, PollResource, PolledRow } from '../pull';
import { OBJECTS, type ObjectName } from './event-types';
import { type Teller, eventOf, readObject } from './identity';

/**
 * The lists of a shop.
 * @see https://woocommerce.github.io/woocommerce-rest-api-docs/
 */

/** The most that a shop gives at once. */
const PAGE_SIZE = 100;
/** Times are whole seconds. */
const SECOND = positionOfTime(1_000);

/** Shops, and lists of them, that cannot be sorted by when something was changed. */
const unsorted = new LRUCache<string, true>({ max: 1_000 });

/**
 * @param wants whether the user wants a topic
 */
export function listOf(object: ObjectName, siteUrl: string, wants: (topic: string) => boolean): PollResource {
	const { displayName, resource: name } = OBJECTS[object];
	const isSorted = !unsorted.has(`${siteUrl} ${name}`);
	const isByCreation = object === 'customer';
	const path = `/${name}`;
	const size = (limit: number, page = 1) => ({ per_page: String(limit), page: String(page) });
	const newest = { orderby: 'registered_date', order: 'desc' };
	return {
		name,
		displayName: `${displayName}s`,
		unit: 'time',
		order: isByCreation ? 'descending' : isSorted ? 'ascending' : 'none',
		...(!isByCreation && { step: SECOND }),
		pageSize: PAGE_SIZE,
		request: ({ from, page, pageSize }) => ({
			path,
			query: isByCreation
				? { ...newest, role: 'all', ...size(pageSize, page) }
				: {
						// What is asked for comes behind the moment itself.
						modified_after: written(from - SECOND),
						dates_are_gmt: 'true',
						orderby: isSorted ? 'modified' : 'id',
						order: 'asc',
						...size(pageSize, page),
					},
		}),
		sample: (limit) => ({
			path,
			query: isByCreation
				? { ...newest, role: 'all', ...size(limit) }
				: { orderby: 'date', order: 'desc', ...size(limit) },
		}),
		async read(response, _account, sender, asked) {
			const { body } = response;
			if (!Array.isArray(body)) {
				throw new HybridSyncError(
					'bad-response',
					`The shop answered ${path} with something that is not a list. Check the Shop URL in the credential.`,
				);
			}
			const teller: Teller = { path: 'poll', siteUrl, sender };
			const rows = await readRows({
				displayName: `${displayName}s`,
				items: body as unknown[],
				keyParts: ['poll', 'woocommerce', siteUrl, name],
				read: (item) => rowsOf(item, object, teller, { wants, asked, isByCreation }),
			});
			if (asked && isSorted && !isByCreation && !isAscending(rows.rows)) throw sortingByAnotherClock(siteUrl, name);
			const total = count(response, 'x-wp-total');
			const pages = count(response, 'x-wp-totalpages');
			return {
				...rows,
				size: body.length,
				...(pages !== undefined && asked && { last: asked.page >= pages }),
				...(total !== undefined && { total }),
			};
		},
	};
}

interface Wanted {
	readonly wants: (topic: string) => boolean;
	/** Which page it is; nothing of a sample. */
	readonly asked: PageRequest | undefined;
	readonly isByCreation: boolean;
}

/** What a row says: that it was created, if that was since the list was last read, and that it was changed. */
function rowsOf(
	item: unknown,
	object: ObjectName,
	teller: Teller,
	{ wants, asked, isByCreation }: Wanted,
): readonly PolledRow[] | string {
	const found = readObject(item);
	const { created, modified } = found ?? {};
	const position = isByCreation ? created : modified;
	if (!found || position === undefined) return `a ${object} without a usable id or time`;
	const event = (action: string) => ({ position, event: eventOf(teller, object, action, found, item, 0) });
	const isNew = created !== undefined && (asked === undefined || created >= newFrom(asked));
	// Nobody who wants changes alone is told of an order by its creation.
	const isChanged = !isByCreation && (modified !== created || !wants(`${object}.created`));
	const told = [
		...(isNew && wants(`${object}.created`) ? [event('created')] : []),
		...(isChanged && wants(`${object}.updated`) ? [event('updated')] : []),
	];
	return told.length > 0 ? told : [{ ...event('updated'), isUnwanted: true }];
}

/**
 * From when on a row that was not known has been created since, and not only changed: an order counts from its checkout on,
 * which may have begun days before it was placed.
 */
function newFrom({ start, from, floor = 0n }: PageRequest): Position {
	return later(floor, (start ?? from) - DRAFT);
}
const DRAFT = positionOfTime(7 * DAY);

/** In GMT and without a zone: a time with one would be taken for that of the shop's own zone. */
function written(position: Position): string {
	const time = Math.max(0, timeOfPosition(position));
	return DateTime.fromMillis(time, { zone: 'utc' }).toFormat("yyyy-MM-dd'T'HH:mm:ss");
}

function count({ headers }: ApiResponse, name: string): number | undefined {
	const text = headers[name];
	return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined;
}

function isAscending(rows: readonly PolledRow[]): boolean {
	return rows.every(({ position }, index) => position >= (rows[index - 1]?.position ?? position));
}

/** Some sort by the time of the shop's zone, in which an hour comes twice in autumn. */
function sortingByAnotherClock(siteUrl: string, list: string): HybridSyncError {
	unsorted.set(`${siteUrl} ${list}`, true);
	return new HybridSyncError(
		'unavailable',
		`The shop does not list its ${list} by when they were changed, so they are read by ID from the next run on.`,
	);
}

/** Notes that a shop does not sort by when something was changed, as older ones do not. */
export function learningToSort(transport: Transport, siteUrl: string): Transport {
	return {
		...transport,
		async send(request, signal) {
			try {
				return await transport.send(request, signal);
			} catch (error) {
				const isRefused = error instanceof HybridSyncError && error.details.status === 400;
				if (!isRefused || request.query?.['orderby'] !== 'modified' || !/orderby/.test(error.message)) throw error;
				unsorted.set(`${siteUrl} ${request.path.slice(1)}`, true);
				throw new HybridSyncError(
					'unavailable',
					'This shop cannot sort by when something was changed, so its lists are read by ID from the next run on.',
					error.details,
				);
			}
		},
	};
}
