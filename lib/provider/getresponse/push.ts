import { type ProviderEvent } from '../../event/event';
import { hashOf } from '../../base/hash';
import { composeKey } from '../../event/key';
import { parseTime } from '../../base/time';
import type { DeadLetter } from '../../event/dead-letter';
import type { Push, ReadPush } from '../push';
import { identify } from './identity';
import { type AnyPayload, anyPayload, isAsDocumented } from './payloads';

/** Reads one delivery: an event, or with batching an array of up to 100. */
export function readPush(push: Push): ReadPush {
	const deliveryId = header(push, 'x-webhook-id');
	const requestId = header(push, 'x-request-id');
	const batch = Array.isArray(push.body) ? (push.body as unknown[]) : undefined;
	const events: ProviderEvent[] = [];
	const deadLetters: DeadLetter[] = [];
	for (const [index, data] of (batch ?? [push.body]).entries()) {
		// One id stands for the whole batch; the place in it tells its events apart, on every retry.
		const key =
			deliveryId === undefined
				? composeKey('push', push.sender, '', hashOf(data))
				: composeKey('push', push.sender, deliveryId, ...(batch ? [index] : []));
		const parsed = anyPayload.safeParse(data);
		if (!parsed.success) {
			deadLetters.push({ key, data, reason: 'not a GetResponse event: an object with a "type" was expected' });
			continue;
		}
		const { type, contact, account, event } = parsed.data;
		const accountId = account?.accountId ?? 'unknown';
		events.push(
			identify(
				{
					type,
					accountId,
					sender: push.sender,
					time: parseTime(event?.occurredAt) ?? push.receivedAt,
					subject: contact?.contactId === undefined ? `accounts/${accountId}` : `contacts/${contact.contactId}`,
					matched: matchedBy(parsed.data),
					isAsDocumented: isAsDocumented(type, data),
					data,
				},
				key,
				data,
			),
		);
	}
	return { events, deadLetters, ...(requestId !== undefined && { requestId }) };
}

/** What the API names too. */
function matchedBy({ type, contact, message, clickTrack, importId, ...rest }: AnyPayload): string | undefined {
	if (type === 'contacts_import_finished') return rest.import?.importId ?? importId;
	const { contactId } = contact ?? {};
	if (contactId === undefined || !ACTIVITIES.includes(type)) return contactId;
	// A row that names another thing is another event.
	return [contactId, message?.resourceId ?? '', clickTrack?.clickTrackId ?? clickTrack?.id ?? ''].join(' ');
}
const ACTIVITIES = ['contact_opened_message', 'contact_clicked_message_link'];

/** The contact list that an event is about; nothing where it names none. */
export function listOf({ data }: Pick<ProviderEvent, 'data'>): string | undefined {
	const { data: payload } = anyPayload.safeParse(data);
	return payload?.contact?.campaign?.campaignId;
}

/** A header that GetResponse sends once; anything odd counts as absent. */
function header(push: Push, name: string): string | undefined {
	const value = push.headers[name];
	return typeof value === 'string' && value !== '' && value.length <= 200 ? value : undefined;
}
