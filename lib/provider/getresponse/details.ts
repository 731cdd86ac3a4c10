import { LRUCache } from 'lru-cache';
import { z } from 'zod/v4';
import { understood } from '../access';
import type { FurtherRequest, PollResource, PolledRow } from '../pull';
import { id } from './list';

/**
 * What a list of contacts does not have, and the contact itself does: the values of its custom fields, and its tags. Each
 * contact takes a request of its own.
 *
 * @see https://apireference.getresponse.com/#operation/getContactById
 */

const FIELDS = 'customFieldValues,tags';
/** Each row takes a request, and all of a page are made in one tick. */
const PAGE_SIZE = 100;

const details = z.object({
	customFieldValues: z.array(z.looseObject({ customFieldId: id })).nullish(),
	tags: z.array(z.unknown()).nullish(),
});
type Details = z.infer<typeof details>;

/** By credential and event: what is read again for a look-back is not asked for again. Without any, where the contact is gone. */
const known = new LRUCache<string, { readonly details?: Details }>({ max: 5_000 });

/** The place of a contact in an event that polling has found. */
const found = z.looseObject({ contact: z.looseObject({ contactId: id }) });

/**
 * A list of contacts that brings the details of each of those that are wanted.
 *
 * @param customFields ids of the custom fields whose values are wanted; none for all
 */
export function withDetails(resource: PollResource, customFields: readonly string[]): PollResource {
	return {
		...resource,
		pageSize: PAGE_SIZE,
		async read(response, account, sender, asked) {
			const page = await resource.read(response, account, sender, asked);
			const rows: PolledRow[] = [];
			const further: FurtherRequest[] = [];
			for (const row of page.rows) {
				const { data } = found.safeParse(row.event.data);
				const key = JSON.stringify([sender, row.event.key]);
				const before = known.get(key);
				if (!data || row.isUnwanted) rows.push(row);
				else if (before) rows.push(before.details ? detailed(row, before.details, customFields) : row);
				else further.push(detailsOf(row, data.contact.contactId, key, customFields));
			}
			return { ...page, rows, further };
		},
	};
}

function detailsOf(row: PolledRow, contactId: string, key: string, customFields: readonly string[]): FurtherRequest {
	return {
		request: { path: `/contacts/${encodeURIComponent(contactId)}`, query: { fields: FIELDS } },
		read(response) {
			const read = understood('GetResponse', details, response);
			known.set(key, { details: read });
			return Promise.resolve({ rows: [detailed(row, read, customFields)], deadLetters: [] });
		},
		// It has been removed since. That it was added, or changed, is true all the same.
		refused() {
			known.set(key, {});
			return { rows: [row], deadLetters: [] };
		},
	};
}

function detailed(row: PolledRow, { customFieldValues, tags }: Details, customFields: readonly string[]): PolledRow {
	const { contact, ...data } = found.parse(row.event.data);
	const values = (customFieldValues ?? []).filter(
		({ customFieldId }) => customFields.length === 0 || customFields.includes(customFieldId),
	);
	const whole = { ...data, contact: { ...contact, customFieldValues: values, tags: tags ?? [] } };
	return { ...row, event: { ...row.event, data: whole } };
}
