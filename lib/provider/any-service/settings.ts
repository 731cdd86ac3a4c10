import { IANAZone } from 'luxon';
import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { parseListing } from './listing';

const text = z.string().trim();

/** How a user describes a REST API, by the names of the node's fields. */
const settings = z.object({
	/** A path below the credential's API URL, or a whole URL of the same origin. */
	url: text.min(1),
	/** JSON path to the list of rows; empty where there is only one list to be found. */
	itemsAt: text.default(''),
	/** Path to a row's id, within the row. */
	idField: text.min(1).default('id'),
	/** `row`: an event when a row appears; `change`: an event for each value of the cursor field. */
	emit: z.enum(['row', 'change']).default('row'),
	/** What tells newer rows from older ones. */
	cursor: z.enum(['time', 'number', 'none']).default('time'),
	/** Path to it, within the row. */
	cursorField: text.default('created_at'),
	/** How a time is written. */
	timeFormat: z.enum(['iso', 'seconds', 'milliseconds', 'custom']).default('iso'),
	/** Luxon's tokens, e.g. `dd.MM.yyyy HH:mm`. */
	timePattern: text.default(''),
	/** IANA name of the zone of times without one; empty for UTC. */
	timeZone: text.default(''),
	order: z.enum(['ascending', 'descending', 'none']).default('none'),
	/** Query parameter that asks for rows from a position on; empty where the API has none. */
	sinceParameter: text.default(''),
	sinceFormat: z.enum(['iso', 'isoSeconds', 'seconds', 'milliseconds', 'date']).default('iso'),
	paging: z.enum(['none', 'page', 'offset', 'token', 'link', 'next']).default('none'),
	/** Query parameter for the page number, the offset or the token. */
	pageParameter: text.default(''),
	firstPage: z.int().min(0).default(1),
	/** JSON path to the token or the URL of the next page. */
	nextAt: text.default(''),
	/** JSON path to what says whether there is a next page; empty where well-known names are looked for. */
	moreAt: text.default(''),
	/** Query parameter for the page size; empty where the API has none. */
	pageSizeParameter: text.default(''),
	pageSize: z.int().min(1).max(10_000).default(100),
	/** Makes the event's type; by default the last part of the URL's path. */
	eventName: text.default(''),
	/** Path to what webhooks name the row by, within the row; empty for its id. */
	joinField: text.default(''),
	/** What to do with rows that lack the cursor field. */
	withoutCursor: z.enum(['deadLetter', 'skip']).default('deadLetter'),
	/** More are never made, by all nodes with the credential together. */
	requestsPerMinute: z.number().min(1).default(60),
});
export type RestSettings = z.infer<typeof settings>;

/** Field names as the editor shows them. */
const LABELS: Readonly<Record<string, string>> = {
	url: 'URL',
	nextAt: 'Next Page At',
	itemsAt: 'Items At',
	cursorField: 'Time or Number Field',
	timePattern: 'Time Pattern',
	timeZone: 'Time Zone',
	moreAt: 'More At',
	pageParameter: 'Paging Parameter',
	sinceParameter: 'Changed Since Parameter',
	idField: 'ID Field',
	pageSize: 'Page Size',
	firstPage: 'First Page',
	requestsPerMinute: 'Max Requests per Minute',
};

/**
 * What was chosen under How the API Lists, and over it what was set in its own field.
 *
 * @param parameters of the node, by name
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function parseRestSettings(parameters: Readonly<Record<string, unknown>>): RestSettings {
	const { listing, changeField, ...own } = parameters;
	const chosen = parseListing(listing);
	// By hand, the two have fields of their own, because what they are by default differs.
	const cursorField = own['emit'] === 'change' && changeField !== undefined ? { cursorField: changeField } : {};
	const parsed = settings.safeParse(chosen ? { ...chosen, ...own } : { ...own, ...cursorField });
	if (!parsed.success) {
		const field = String(parsed.error.issues[0]?.path[0] ?? '');
		throw wrong(LABELS[field] ?? field, 'is missing or not usable');
	}
	const given = parsed.data;
	if (given.cursor !== 'none' && given.cursorField === '') {
		throw wrong('Time or Number Field', 'is missing');
	}
	if (given.emit === 'change' && given.cursor === 'none') {
		throw new HybridSyncError(
			'configuration',
			'"One Event per Change" needs a Time Field or a Number Field. Choose one under "Tell New Rows By", or One Event per Row.',
		);
	}
	if (['page', 'offset', 'token'].includes(given.paging) && given.pageParameter === '') {
		throw wrong('Paging Parameter', 'is missing');
	}
	if (given.cursor === 'time' && given.timeFormat === 'custom' && given.timePattern === '')
		throw wrong('Time Pattern', 'is missing');
	if (given.timeZone !== '' && !IANAZone.isValidZone(given.timeZone)) {
		throw new HybridSyncError(
			'configuration',
			`"Time Zone" is not a zone that is known: ${given.timeZone}. Enter it like Europe/Warsaw or America/New_York.`,
		);
	}
	if (['token', 'next'].includes(given.paging) && given.nextAt === '') throw wrong('Next Page At', 'is missing');
	return given;
}

function wrong(label: string, what: string): HybridSyncError {
	return new HybridSyncError('configuration', `"${label}" ${what}. Open the node and fill it in.`);
}
