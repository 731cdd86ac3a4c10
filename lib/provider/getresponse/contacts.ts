import { LRUCache } from 'lru-cache';
import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { DAY, HOUR, MINUTE } from '../../base/time';
import type { ApiRequest, Transport } from '../../http/transport';
import { understood } from '../access';
import type { ParentResource, PollResource } from '../pull';
import { type List, type ListedEvent, SECOND, allIds, byTime, id, listed, moment, pageOf, queryTime } from './list';

/** Contacts, by what has happened to them. */

/** Only what is needed: the contact itself goes on as it came, so nothing of it has to be copied here. */
const contact = z.object({
	contactId: id,
	campaign: z.object({ campaignId: z.unknown() }).nullish(),
});

/** The same with the time that it is told of by. */
const dated = contact.extend({ at: moment.nullish() });

/** The contact lists that the user has chosen, by their ids; none for all. */
export type Lists = readonly string[];

/**
 * The cursor has to move with every contact, or another list that is chosen later would bring its own since the newest of
 * this one: so the lists are told apart by us. Only to show some contacts a single list is asked for.
 *
 * @param field of the time that they are sorted by
 */
function contactsBy(field: string, lists: Lists): ReturnType<typeof byTime> {
	const all = byTime('/contacts', field);
	const [only, ...others] = lists;
	if (only === undefined || others.length > 0) return all;
	return { ...all, sample: byTime('/contacts', field, { 'query[campaignId]': only }).sample };
}

interface ContactList {
	readonly type: string;
	/** Of the time at which it happened. */
	readonly field: string;
	readonly lists: Lists;
}

function readContact({ type, field, lists }: ContactList): List['readRow'] {
	return (item) => {
		const { contactId: own, campaign: list, [field]: at } = Object(item) as Record<string, unknown>;
		const parsed = dated.safeParse({ contactId: own, campaign: list, at });
		if (!parsed.success) {
			const wrong = String(parsed.error.issues[0]?.path[0] ?? '');
			return `a contact without a usable "${wrong === 'at' ? field : wrong}"`;
		}
		const { contactId, campaign, at: position } = parsed.data;
		if (position == null) return type === 'contact_changed' ? undefined : `a contact without a usable "${field}"`;
		const event: ListedEvent = {
			type,
			position,
			thing: 'contact',
			subject: `contacts/${contactId}`,
			identity: [contactId, String(position)],
			matched: contactId,
		};
		const isWanted = lists.length === 0 || lists.includes(String(campaign?.campaignId));
		return isWanted ? event : { ...event, isUnwanted: true };
	};
}

/**
 * New contacts, by the time they were created.
 * @see https://apireference.getresponse.com/#operation/getContactList
 */
export function newContacts(lists: Lists = []): PollResource {
	return listed({
		name: 'contacts',
		displayName: 'New Contacts',
		...contactsBy('createdOn', lists),
		readRow: readContact({ type: 'contact_added', field: 'createdOn', lists }),
	});
}

/** Changed contacts, by the time of their latest change. What moves that time, GetResponse does not say. */
export function changedContacts(lists: Lists = []): PollResource {
	return listed({
		name: 'changedContacts',
		displayName: 'Changed Contacts',
		...contactsBy('changedOn', lists),
		readRow: readContact({ type: 'contact_changed', field: 'changedOn', lists }),
	});
}

/*
 * What the list of contacts does not have is found by a search: those that are gone, and those that have not confirmed. It
 * has to name the lists that it looks through.
 * @see https://apireference.getresponse.com/#operation/getContactsFromSearchContacts
 */

function searched(
	subscribersType: 'removed' | 'unconfirmed',
	campaignIdsList: Lists,
): Pick<List, 'request' | 'sample'> {
	const request = (page: { readonly page: number; readonly pageSize: number }): ApiRequest => ({
		method: 'POST',
		path: '/search-contacts/contacts',
		query: { 'sort[createdOn]': 'DESC', ...pageOf(page) },
		body: {
			subscribersType: [subscribersType],
			sectionLogicOperator: 'or',
			section: [
				{
					campaignIdsList,
					logicOperator: 'or',
					subscriberCycle: ['receiving_autoresponder', 'not_receiving_autoresponder'],
					subscriptionDate: 'all_time',
					conditions: [],
				},
			],
		},
	});
	return { request, sample: (limit) => request({ page: 1, pageSize: limit }) };
}

const removedContact = contact.extend({ deletedOn: moment.nullish(), reason: z.string().nullish() });

/** By the reasons for which GetResponse sends webhooks; it has others, for which it sends none. */
const TYPE_OF_REASON: Readonly<Record<string, string>> = {
	unsubscribe: 'contact_removed_link',
	bounce: 'contact_removed_bounce',
};

/** The search has no filter by the time of removal, and is not sorted by it: each reading takes the whole of it. */
function removed(lists: Lists): PollResource {
	return listed({
		name: 'removedContacts/all',
		displayName: 'Removed Contacts',
		order: 'none',
		everyMs: HOUR,
		// All of them come anyway.
		shownWithinMs: DAY,
		...searched('removed', lists),
		readRow(item) {
			const { data } = removedContact.safeParse(item);
			if (!data) return 'a removed contact without a usable contactId or deletedOn';
			// GetResponse does not know when.
			if (data.deletedOn == null) return undefined;
			const { contactId, deletedOn: position, reason } = data;
			return {
				type: TYPE_OF_REASON[reason ?? ''] ?? 'contact_removed',
				position,
				thing: 'contact',
				subject: `contacts/${contactId}`,
				identity: [contactId, String(position)],
				matched: contactId,
			};
		},
	});
}

/** Contacts that have not confirmed yet, newest first. */
function unconfirmed(lists: Lists): PollResource {
	return listed({
		name: 'unconfirmedContacts/all',
		displayName: 'Unconfirmed Contacts',
		order: 'descending',
		// Those of a new list are shown once the list is known, and a while later as everywhere.
		shownWithinMs: 2 * LISTS_KEPT_MS,
		...searched('unconfirmed', lists),
		readRow: readContact({ type: 'contact_unconfirmed', field: 'createdOn', lists: [] }),
	});
}

/** The two searches: which lists there are is asked for where the user has chosen none. */
export function searches(lists: Lists = []): ParentResource[] {
	const all = async (transport: Transport) => (lists.length > 0 ? lists : await listsOf(transport));
	return [
		{ name: 'removedContacts', find: async (transport) => [removed(await all(transport))] },
		{ name: 'unconfirmedContacts', find: async (transport) => [unconfirmed(await all(transport))] },
	];
}

/** How long it is believed which lists an account has. */
const LISTS_KEPT_MS = 10 * MINUTE;
const known = new LRUCache<string, Lists>({
	max: 100,
	ttl: LISTS_KEPT_MS,
	perf: { now: () => Date.now() },
	ttlResolution: 0,
});

/** The ids of all contact lists, as they were in the last ten minutes. */
async function listsOf(transport: Transport): Promise<Lists> {
	const before = known.get(transport.fingerprint);
	if (before) return before;
	const found = await allIds(transport, '/campaigns', 'campaignId');
	known.set(transport.fingerprint, found);
	return found;
}

/** Whose activities are looked for, and the lists whose newest contacts are followed, too. */
export interface Followed {
	readonly contacts: readonly string[];
	readonly lists: Lists | undefined;
}

/** Each of them takes a request every half hour. */
const MOST_FOLLOWED = 500;
const contactIds = z.array(z.looseObject({ contactId: id }));

export function activities({ contacts, lists }: Followed): ParentResource {
	const most = Math.ceil(MOST_FOLLOWED / Math.max(1, lists?.length ?? 0));
	return {
		name: 'contactActivities',
		async find(transport) {
			const found = new Set(contacts);
			if (lists?.length === 0) {
				throw new HybridSyncError(
					'configuration',
					'Choose the lists whose newest contacts are to be followed under Lists, or switch "Follow the Newest Contacts of the Lists" off.',
				);
			}
			for (const list of lists ?? []) {
				const query = { fields: 'contactId', 'sort[createdOn]': 'DESC', ...pageOf({ page: 1, pageSize: most }) };
				const path = `/campaigns/${encodeURIComponent(list)}/contacts`;
				const newest = understood('GetResponse', contactIds, await transport.send({ path, query }));
				for (const { contactId } of newest) found.add(contactId);
			}
			return [...found].slice(0, MOST_FOLLOWED).map(activitiesOf);
		},
	};
}

const activity = z.object({
	activity: z.string(),
	subject: z.string().nullish(),
	createdOn: moment,
	resource: z.looseObject({ resourceId: id.nullish(), resourceType: z.string().nullish() }).nullish(),
	clickTrack: z.looseObject({ id: id.nullish() }).nullish(),
});

const TYPE_OF_ACTIVITY: Readonly<Record<string, string>> = {
	open: 'contact_opened_message',
	click: 'contact_clicked_message_link',
	send: 'contact_message_sent',
};

/**
 * What a contact has received, opened and clicked.
 *
 * @see https://apireference.getresponse.com/#operation/getActivities
 */
export function activitiesOf(contactId: string): PollResource {
	const path = `/contacts/${encodeURIComponent(contactId)}/activities`;
	return listed({
		name: `contactActivities/${contactId}`,
		displayName: `Activities of ${contactId}`,
		order: 'none',
		step: SECOND,
		everyMs: 30 * MINUTE,
		request: ({ from, ...page }) => ({ path, query: { 'query[createdOn][from]': queryTime(from), ...pageOf(page) } }),
		sample: (limit) => ({ path, query: pageOf({ page: 1, pageSize: limit }) }),
		readRow(item) {
			const { data } = activity.safeParse(item);
			if (!data) return 'an activity without a usable kind or createdOn';
			const { activity: kind, createdOn: position, resource, clickTrack, subject } = data;
			const of = [contactId, resource?.resourceId ?? '', clickTrack?.id ?? ''];
			const isSms = kind === 'click' && resource?.resourceType === 'sms';
			return {
				type: isSms ? 'contact_clicked_sms_link' : (TYPE_OF_ACTIVITY[kind] ?? `contact_${kind}`),
				position,
				thing: 'activity',
				subject: `contacts/${contactId}`,
				identity: [...of, String(position)],
				// Of a click in an SMS a webhook names nothing else for sure.
				matched: isSms ? contactId : of.join(' '),
				more: {
					contact: { contactId },
					...(resource && { message: { ...resource, subject } }),
					...(clickTrack && { clickTrack }),
				},
			};
		},
	});
}
