import { DateTime } from 'luxon';
import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { formatTime } from '../../base/time';
import { hashOf } from '../../base/hash';
import { composeKey } from '../../event/key';
import { type Position, parsePosition, positionOfTime, timeOfPosition } from '../../event/position';
import type { ApiRequest, ApiResponse, Transport } from '../../http/transport';
import { understood } from '../access';
import { readRows } from '../page-rows';
import type { PageContent, PageRequest, PollResource, PolledRow } from '../pull';
import { identify } from './identity';
import { keepsPromise } from './payloads';

/** The lists of GetResponse's API: bare arrays, whose headers count their rows and pages. */

/** The most that GetResponse gives at once. */
export const PAGE_SIZE = 1000;
/** Its filters by time are inclusive and whole seconds wide. */
export const SECOND = positionOfTime(1_000);

/** An id, which is text in the documentation, and in places a number. */
export const id = z.union([z.string().min(1), z.number().transform(String)]);

/** A time as GetResponse writes it. */
export const moment = z.string().transform((text, context) => {
	const position = parsePosition(text);
	if (position === undefined) context.addIssue({ code: 'custom', message: 'not a date' });
	return position ?? 0n;
});

/** What a row of a list says. */
export interface ListedEvent {
	/** By GetResponse's own name, or one in its manner where it has none. */
	readonly type: string;
	readonly position: Position;
	/** Names the thing in the event, e.g. `contact`, and the path to it, e.g. `contacts/c1`. */
	readonly thing: string;
	readonly subject: string;
	/** What tells the event from others of its type. */
	readonly identity: readonly (string | number)[];
	/** By what the webhook about the same event names it, where there is one. */
	readonly matched?: string | undefined;
	/** More beside the row, in the webhook's own shape. */
	readonly more?: object;
}

/** A list that can be polled. */
export interface List extends Pick<
	PollResource,
	'name' | 'displayName' | 'order' | 'step' | 'everyMs' | 'shownWithinMs'
> {
	/** @returns the reason in words where the row cannot be read; nothing where it says no event, and does not move the cursor */
	readonly readRow: (row: unknown) => ListedEvent | (ListedEvent & { readonly isUnwanted: true }) | string | undefined;
	readonly request: (page: PageRequest) => ApiRequest;
	readonly sample: (limit: number) => ApiRequest;
}

/** Makes a resource of a list. */
export function listed({ readRow, ...list }: List): PollResource {
	return {
		unit: 'time',
		pageSize: PAGE_SIZE,
		...list,
		read: async (response, accountId, sender) =>
			await readList(response, list, (row) => {
				const found = readRow(row);
				return typeof found === 'object' ? rowOf(found, row, { accountId, sender }) : found;
			}),
	};
}

/** Whose events they are. */
export interface Owner {
	readonly accountId: string;
	readonly sender: string;
}

/** In the webhooks' own shape, so that a workflow reads both paths alike. */
export function rowOf(
	found: ListedEvent & { readonly isUnwanted?: true },
	row: unknown,
	{ accountId, sender }: Owner,
): PolledRow {
	const { type, position, thing, subject, identity, matched, more, isUnwanted } = found;
	const time = timeOfPosition(position);
	const data = { type, [thing]: row, ...more, account: { accountId }, event: { occurredAt: formatTime(time) } };
	const event = identify(
		{
			type,
			accountId,
			sender,
			time,
			subject,
			matched,
			isAsDocumented: keepsPromise(type, data),
			data,
		},
		composeKey('poll', 'getresponse', type, accountId, ...identity),
		[type, ...identity],
	);
	return { position, event, ...(isUnwanted && { isUnwanted }) };
}

/**
 * Reads a page of a list.
 *
 * @throws HybridSyncError `bad-response` where it is no list, or nothing in it is as documented
 */
export async function readList(
	response: ApiResponse,
	{ name, displayName }: Pick<PollResource, 'name' | 'displayName'>,
	read: (row: unknown) => PolledRow | string | undefined,
): Promise<PageContent> {
	const { body } = response;
	if (!Array.isArray(body)) {
		throw new HybridSyncError(
			'bad-response',
			'GetResponse answered with something that is not a list. Check the API URL in the credential.',
		);
	}
	const items = body as unknown[];
	const { rows, deadLetters } = await readRows({ displayName, items, keyParts: ['poll', 'getresponse', name], read });
	const [first] = deadLetters;
	if (first && deadLetters.length === items.length) {
		throw new HybridSyncError(
			'bad-response',
			`GetResponse answered with nothing but what is not as documented: ${first.reason}. Check the API URL in the credential. The cursor stays where it is.`,
		);
	}
	const total = count(response, 'totalcount');
	const pages = count(response, 'totalpages');
	const current = count(response, 'currentpage');
	return {
		rows,
		deadLetters,
		size: items.length,
		// A page of drafts is not the page before it.
		...(rows.length === 0 && items.length > 0 && { content: hashOf(items) }),
		...(pages !== undefined && current !== undefined && { last: current >= pages }),
		...(total !== undefined && { total }),
	};
}

/** A number that GetResponse gives in a header. */
function count({ headers }: ApiResponse, name: string): number | undefined {
	const text = headers[name];
	return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A time as GetResponse's filters take it, e.g. `2018-01-15T13:30:42+0000`; part of a second is cut off. */
export function queryTime(position: Position): string {
	const time = Math.max(0, timeOfPosition(position));
	return DateTime.fromMillis(time, { zone: 'utc' }).toFormat("yyyy-MM-dd'T'HH:mm:ssZZZ");
}

export const pageOf = ({ page, pageSize }: Pick<PageRequest, 'page' | 'pageSize'>) => {
	return { page: String(page), perPage: String(pageSize) };
};

/**
 * How a list is asked that can be asked from a time on, and sorted by it.
 *
 * @param field e.g. `createdOn`
 */
export function byTime(
	path: string,
	field: string,
	more: Readonly<Record<string, string>> = {},
): Pick<List, 'order' | 'step' | 'request' | 'sample'> {
	return {
		order: 'ascending',
		step: SECOND,
		request: ({ from, ...page }) => ({
			path,
			query: { [`query[${field}][from]`]: queryTime(from), [`sort[${field}]`]: 'ASC', ...more, ...pageOf(page) },
		}),
		sample: (limit) => ({
			path,
			query: { [`sort[${field}]`]: 'DESC', ...more, ...pageOf({ page: 1, pageSize: limit }) },
		}),
	};
}

/** How a list is asked that can only be sorted: the newest first, until what is known comes. */
export function newestFirst(
	path: string,
	field: string,
	more: Readonly<Record<string, string>> = {},
): Pick<List, 'order' | 'request' | 'sample'> {
	const query = (page: Pick<PageRequest, 'page' | 'pageSize'>) => ({
		[`sort[${field}]`]: 'DESC',
		...more,
		...pageOf(page),
	});
	return {
		order: 'descending',
		request: (page) => ({ path, query: query(page) }),
		sample: (limit) => ({ path, query: query({ page: 1, pageSize: limit }) }),
	};
}

/**
 * A reader of rows about things that are told of once, by the time they were made.
 *
 * @param what e.g. `form`: of its id `formId`, and of its type `form_created`
 * @param field of its time
 */
export function created(what: string, path: string, field = 'createdOn', verb = 'created'): List['readRow'] {
	const idField = `${what.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())}Id`;
	const schema = z.looseObject({ [idField]: id, [field]: moment.nullish() });
	return (row) => {
		const { data } = schema.safeParse(row);
		if (!data) return `a ${what.replaceAll('_', ' ')} without a usable ${idField} or ${field}`;
		const own = String(data[idField]);
		const position = data[field] as Position | null | undefined;
		if (position == null) return undefined;
		return {
			type: `${what}_${verb}`,
			position,
			thing: idField.slice(0, -2),
			subject: `${path}/${own}`,
			identity: [own],
		};
	};
}

/** More than any account has; a list of which each page is full has no end. */
const MOST_PAGES = 100;

/**
 * The ids of all that a list has.
 *
 * @throws HybridSyncError as the transport does, and `bad-response` where the list has no end
 */
export async function allIds(transport: Transport, path: string, idField: string): Promise<string[]> {
	const rows = z.array(z.looseObject({ [idField]: id }));
	const found: string[] = [];
	for (let page = 1; page <= MOST_PAGES; page += 1) {
		const query = { fields: idField, 'sort[createdOn]': 'ASC', ...pageOf({ page, pageSize: PAGE_SIZE }) };
		const some = understood('GetResponse', rows, await transport.send({ path, query }));
		found.push(...some.map(({ [idField]: own }) => String(own)));
		if (some.length < PAGE_SIZE) return found;
	}
	throw new HybridSyncError(
		'bad-response',
		`GetResponse lists ${path} without end. Check the API URL in the credential.`,
	);
}
