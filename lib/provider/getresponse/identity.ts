import { type ProviderEvent } from '../../event/event';
import { hashOf } from '../../base/hash';
import { composeKey } from '../../event/key';
import { qualifiedType } from '../provider';

/**
 * How far apart GetResponse may date one subscription in its webhook (`event.occurredAt`) and in its API (`createdOn`).
 * Seconds are usual; the rest is margin. A contact that is removed and added again within it counts as one addition only
 * where one of the two pushes was lost.
 */
const CONTACT_ADDED_TOLERANCE_MS = 15 * 60_000;

/** What every event of GetResponse carries, whichever path brought it. */
export interface GetResponseEvent {
	readonly type: string;
	readonly accountId: string;
	/** Credential that the event came with: what a webhook says of its account, anyone with its secret can say. */
	readonly sender: string;
	readonly time: number;
	readonly contactId: string | undefined;
	readonly data: unknown;
}

/** Gives an event its identity: one place for both paths, so that they agree. */
export function identify(event: GetResponseEvent, key: string, stable: unknown): ProviderEvent {
	const { type, accountId, sender, time, contactId, data } = event;
	const match = type === 'contact_added' && contactId !== undefined;
	return {
		key,
		...(match && {
			match: { key: composeKey(type, sender, accountId, contactId), toleranceMs: CONTACT_ADDED_TOLERANCE_MS },
		}),
		hash: hashOf(stable),
		source: `/getresponse/accounts/${accountId}`,
		type: qualifiedType('getresponse', type),
		subject: contactId === undefined ? `accounts/${accountId}` : `contacts/${contactId}`,
		time,
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/getresponse/${type}/1`,
		data,
	};
}
