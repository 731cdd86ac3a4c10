import { DateTime } from 'luxon';
import { z } from 'zod/v4';
import { HybridSyncError } from '../../errors';
import { formatTime, parseTime } from '../../event/time';
import type { PollResource } from '../provider';
import { identify } from './identity';

const row = z.looseObject({
	contactId: z.string().min(1),
	createdOn: z.string().transform((text, context) => {
		const time = parseTime(text);
		if (time === undefined) context.addIssue({ code: 'custom', message: 'not a date' });
		return time ?? 0;
	}),
	campaign: z.looseObject({ campaignId: z.string() }).optional(),
});

/**
 * New contacts, by the time they were created. `from` is inclusive and whole seconds wide.
 * @see https://apireference.getresponse.com/#operation/getContactList
 */
export const contacts: PollResource = {
	name: 'contacts',
	displayName: 'New Contacts',
	pageSize: 1000,
	request: ({ from, page, pageSize }) => ({
		path: '/contacts',
		query: {
			'query[createdOn][from]': queryTime(from),
			'sort[createdOn]': 'ASC',
			page: String(page),
			perPage: String(pageSize),
		},
	}),
	sample: (limit) => ({
		path: '/contacts',
		query: { 'sort[createdOn]': 'DESC', page: '1', perPage: String(limit) },
	}),
	read({ body }, accountId) {
		if (!Array.isArray(body)) {
			throw new HybridSyncError('bad-response', 'GetResponse answered /contacts with something that is not a list.');
		}
		return body.map((contact: unknown, index) => {
			const parsed = row.safeParse(contact);
			if (!parsed.success) {
				const field = parsed.error.issues[0]?.path.join('.') ?? '';
				throw new HybridSyncError(
					'bad-response',
					`GetResponse answered /contacts with a row without a usable "${field}" (row ${index + 1}). The cursor stays where it is.`,
				);
			}
			const { contactId, createdOn, campaign } = parsed.data;
			const event = identify(
				{
					type: 'contact_added',
					accountId,
					time: createdOn,
					contactId,
					// The webhook's own shape, so that a workflow reads both paths alike.
					data: {
						type: 'contact_added',
						contact,
						account: { accountId },
						event: { occurredAt: formatTime(createdOn) },
					},
				},
				`poll:contacts/${contactId}@${createdOn}`,
				[contactId, createdOn, campaign?.campaignId],
			);
			return { position: createdOn, event };
		});
	},
};

/** A time as GetResponse's filters take it, e.g. `2018-01-15T13:30:42+0000`; part of a second is cut off. */
function queryTime(milliseconds: number): string {
	return DateTime.fromMillis(milliseconds, { zone: 'utc' }).toFormat("yyyy-MM-dd'T'HH:mm:ssZZZ");
}
