import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
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

/** Whatever else a contact has, it is passed on as it came. */
const details = z.looseObject({
	customFieldValues: z.array(z.unknown()).nullish().catch(undefined),
	tags: z.array(z.unknown()).nullish().catch(undefined),
});

/** The place of a contact in an event that polling has found. */
const found = z.looseObject({ contact: z.looseObject({ contactId: id }) });

/** What is not there is gone; any other refusal may pass. */
const GONE = [404, 410];

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
				if (!data || row.isUnwanted) rows.push(row);
				else further.push(detailsOf(row, data.contact.contactId, customFields));
			}
			return { ...page, rows, further };
		},
	};
}

function detailsOf(row: PolledRow, contactId: string, customFields: readonly string[]): FurtherRequest {
	return {
		request: { path: `/contacts/${encodeURIComponent(contactId)}`, query: { fields: FIELDS } },
		completes: row,
		read(response) {
			const { customFieldValues, tags } = understood('GetResponse', details, response);
			const { contact, ...data } = found.parse(row.event.data);
			const values = (customFieldValues ?? []).filter((value) => isChosen(value, customFields));
			const whole = { ...data, contact: { ...contact, customFieldValues: values, tags: tags ?? [] } };
			return Promise.resolve({ rows: [{ ...row, event: { ...row.event, data: whole } }], deadLetters: [] });
		},
		refused(reason, status) {
			// It has been removed since. That it was added, or changed, is true all the same.
			if (GONE.includes(status ?? 0)) return { rows: [row], deadLetters: [] };
			throw new HybridSyncError(
				'bad-response',
				`The custom fields and tags of contact ${contactId} cannot be read: ${reason} Nothing is lost: it is tried again. If this goes on, switch "Add Custom Fields and Tags" off.`,
			);
		},
	};
}

function isChosen(value: unknown, customFields: readonly string[]): boolean {
	const { customFieldId } = Object(value) as { customFieldId?: unknown };
	return customFields.length === 0 || customFields.includes(String(customFieldId));
}
