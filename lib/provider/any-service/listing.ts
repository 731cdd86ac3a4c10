import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { Choice } from '../field';
import type { RestSettings } from './settings';

/**
 * How an API lists, as it was found and a user chose it: what a user would otherwise enter field by field. It stands in the
 * node as JSON, so what was chosen stays as it is, whatever the API answers later. The URL is the one that was asked.
 */
export type Listing = Partial<RestSettings>;

/** Value of the choice to enter all of it. */
export const BY_HAND = 'byHand';

/**
 * @param chosen what stands in the field
 * @returns nothing where all is described by hand
 * @throws HybridSyncError `configuration` where nothing was chosen, or something that is no description
 */
export function parseListing(chosen: unknown): Listing | undefined {
	if (chosen === undefined || chosen === BY_HAND) return undefined;
	const parsed = listing.safeParse(chosen);
	if (parsed.success) return parsed.data;
	throw new HybridSyncError(
		'configuration',
		chosen === ''
			? 'Choose an entry under "How the API Lists". The list is loaded from the API once the credential and the URL are there.'
			: '"How the API Lists" holds something that is none of its entries. Choose one anew.',
	);
}

/** What it holds in detail is checked together with what overrides it. */
const listing = z.string().transform((text, context): Listing => {
	try {
		return z.record(z.string(), z.union([z.string(), z.number()])).parse(JSON.parse(text));
	} catch {
		context.addIssue('No description');
		return z.NEVER;
	}
});

/** What was seen in the answers, to be shown with a choice. */
export interface Seen {
	/** What the rows are called, e.g. `orders`. */
	readonly rows: string;
	/** Of a row: its id, and the field that it is told by; without anything secret. */
	readonly id?: string;
	readonly value?: string;
	/** Rows of the first answer. */
	readonly count?: number;
	/** What a user should know before choosing it. */
	readonly cautions?: readonly string[];
}

/** A listing in words, to be chosen. */
export function choiceOf(found: Listing, { rows, id, value, count, cautions = [] }: Seen): Choice {
	const { itemsAt = '', idField = 'id', cursor, cursorField = '', emit } = found;
	const sample = value === undefined ? '' : ` (${value})`;
	const zone = found.timeZone === undefined ? '' : `, as ${found.timeZone}`;
	const by = cursor === 'none' ? 'their id alone: all of them are read each time' : `${cursorField}${sample}${zone}`;
	const list = itemsAt === '' ? 'The answer itself is the list' : `List at ${itemsAt}`;
	return {
		name: `${emit === 'change' ? 'New and changed' : 'New'} ${rows}, by ${by}`,
		value: JSON.stringify(found),
		description: [
			...cautions.map((text) => `Careful: ${text}`),
			`${list}${count === undefined ? '' : ` (${count} rows)`}, ${idField}${id === undefined ? '' : ` ${id}`}`,
			...(cursor === 'none' ? [] : [`${timesOf(found)}${ORDERS[found.order ?? 'none']}`]),
			pagingOf(found),
			...(found.sinceParameter ? [`asked from a moment on by ${found.sinceParameter}`] : []),
		].join('; '),
	};
}

const ORDERS = { ascending: 'oldest first', descending: 'newest first', none: 'not sorted' } as const;

function timesOf({ cursor, timeFormat, timePattern, timeZone }: Listing): string {
	if (cursor === 'number') return '';
	switch (timeFormat) {
		case 'seconds':
			return 'Unix time in seconds, ';
		case 'milliseconds':
			return 'Unix time in milliseconds, ';
		case 'custom':
			return `times like ${timePattern ?? ''} in ${timeZone ?? 'UTC'}, `;
		default:
			return timeZone === undefined ? '' : `times without a zone are in ${timeZone}, `;
	}
}

function pagingOf({ paging, pageParameter = '', nextAt = '', pageSizeParameter, pageSize }: Listing): string {
	const size = pageSizeParameter ? `, ${pageSize ?? 100} a page (${pageSizeParameter})` : '';
	switch (paging) {
		case 'link':
			return `next page by the Link header${size}`;
		case 'next':
			return `next page at ${nextAt}${size}`;
		case 'token':
			return `next page by ${pageParameter} from ${nextAt}${size}`;
		case 'page':
		case 'offset':
			return `pages by ${pageParameter}${size}`;
		default:
			return `one page${size}`;
	}
}
