import { DateTime } from 'luxon';
import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { ProviderEvent } from '../../event/event';
import { composeKey } from '../../event/key';
import { parsePosition, positionOfTime, timeOfPosition } from '../../event/position';
import { formatTime } from '../../base/time';
import type { ApiResponse } from '../../http/transport';
import { readRows } from '../page-rows';
import type { PollResource } from '../pull';
import { type GetResponseEvent, identify } from './identity';

/** The most that GetResponse gives at once. */
const PAGE_SIZE = 1000;

/** Only what is needed: the contact itself goes on as it came, so nothing of it has to be copied here. */
const row = z.object({
	contactId: z.union([z.string().min(1), z.number().transform(String)]),
	createdOn: z.string().transform((text, context) => {
		const position = parsePosition(text);
		if (position === undefined) context.addIssue({ code: 'custom', message: 'not a date' });
		return position ?? 0n;
	}),
	campaign: z.object({ campaignId: z.unknown() }).nullish(),
});

/**
 * New contacts, by the time they were created. `from` is inclusive and whole seconds wide.
 * @see https://apireference.getresponse.com/#operation/getContactList
 */
export const contacts: PollResource = {
	name: 'contacts',
	displayName: 'New Contacts',
	unit: 'time',
	order: 'ascending',
	step: positionOfTime(1_000),
	pageSize: PAGE_SIZE,
	request: ({ from, page, pageSize }) => ({
		path: '/contacts',
		query: {
			'query[createdOn][from]': queryTime(timeOfPosition(from)),
			'sort[createdOn]': 'ASC',
			page: String(page),
			perPage: String(pageSize),
		},
	}),
	sample: (limit) => ({
		path: '/contacts',
		query: { 'sort[createdOn]': 'DESC', page: '1', perPage: String(limit) },
	}),
	async read(response, accountId, sender) {
		const { body } = response;
		if (!Array.isArray(body)) {
			throw new HybridSyncError('bad-response', 'GetResponse answered /contacts with something that is not a list.');
		}
		const { rows, deadLetters } = await readRows({
			displayName: 'New Contacts',
			items: body as unknown[],
			keyParts: ['poll', 'contacts', accountId],
			read(contact) {
				const parsed = row.safeParse(contact);
				if (!parsed.success) return `a contact without a usable "${parsed.error.issues[0]?.path.join('.') ?? ''}"`;
				const { contactId, createdOn, campaign } = parsed.data;
				const event = contactAdded(
					{ accountId, sender },
					contactId,
					timeOfPosition(createdOn),
					contact,
					campaign?.campaignId,
				);
				return { position: createdOn, event };
			},
		});
		const [first] = deadLetters;
		if (rows.length === 0 && first) {
			throw new HybridSyncError(
				'bad-response',
				`GetResponse answered /contacts with nothing but what is not as documented: ${first.reason}. Check the API URL in the credential. The cursor stays where it is.`,
			);
		}
		const total = count(response, 'totalcount');
		const pages = count(response, 'totalpages');
		const current = count(response, 'currentpage');
		return {
			rows,
			deadLetters,
			size: body.length,
			...(pages !== undefined && current !== undefined && { last: current >= pages }),
			...(total !== undefined && { total }),
		};
	},
};

function contactAdded(
	owner: Pick<GetResponseEvent, 'accountId' | 'sender'>,
	contactId: string,
	createdOn: number,
	contact: unknown,
	campaignId: unknown,
): ProviderEvent {
	return identify(
		{
			type: 'contact_added',
			...owner,
			time: createdOn,
			contactId,
			// The webhook's own shape, so that a workflow reads both paths alike.
			data: {
				type: 'contact_added',
				contact,
				account: { accountId: owner.accountId },
				event: { occurredAt: formatTime(createdOn) },
			},
		},
		composeKey('poll', 'contacts', owner.accountId, contactId, createdOn),
		[contactId, createdOn, campaignId],
	);
}

/** A number that GetResponse gives in a header. */
function count({ headers }: ApiResponse, name: string): number | undefined {
	const text = headers[name];
	return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A time as GetResponse's filters take it, e.g. `2018-01-15T13:30:42+0000`; part of a second is cut off. */
function queryTime(milliseconds: number): string {
	return DateTime.fromMillis(milliseconds, { zone: 'utc' }).toFormat("yyyy-MM-dd'T'HH:mm:ssZZZ");
}
