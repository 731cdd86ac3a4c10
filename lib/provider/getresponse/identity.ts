import { type ProviderEvent } from '../../event/event';
import { hashOf } from '../../base/hash';
import { DAY, MINUTE } from '../../base/time';
import { composeKey } from '../../event/key';
import { qualifiedType } from '../provider';

/**
 * By what a webhook and a row of the API are known to be one event: under which name, and how far apart GetResponse may date
 * the two. Seconds are usual; the rest is margin. Where the same happens twice within it, it counts as once only where one of
 * the two webhooks was lost.
 */
const JOINED: Readonly<Record<string, { readonly as: string; readonly toleranceMs: number }>> = {
	contact_added: { as: 'contact_added', toleranceMs: 15 * MINUTE },
	contact_removed_link: { as: 'contact_removed_link', toleranceMs: 15 * MINUTE },
	contact_removed_bounce: { as: 'contact_removed_bounce', toleranceMs: 15 * MINUTE },
	// A row says that something has changed, and a webhook what.
	contact_changed: { as: 'contact_changed', toleranceMs: 5 * MINUTE },
	contact_custom_field_changed: { as: 'contact_changed', toleranceMs: 5 * MINUTE },
	contact_email_changed: { as: 'contact_changed', toleranceMs: 5 * MINUTE },
	contact_clicked_message_link: { as: 'contact_clicked_message_link', toleranceMs: 2 * MINUTE },
	contact_opened_message: { as: 'contact_opened_message', toleranceMs: 2 * MINUTE },
	contact_clicked_sms_link: { as: 'contact_clicked_sms_link', toleranceMs: 2 * MINUTE },
	// By its id; a row is dated by its upload, and a person may take days to approve of it.
	contacts_import_finished: { as: 'contacts_import_finished', toleranceMs: 30 * DAY },
};

/** What every event of GetResponse carries, whichever path brought it. */
export interface GetResponseEvent {
	readonly type: string;
	readonly accountId: string;
	/** Credential that the event came with: what a webhook says of its account, anyone with its secret can say. */
	readonly sender: string;
	readonly time: number;
	readonly subject: string;
	/** What the other path names too; nothing where it names nothing. */
	readonly matched: string | undefined;
	/** Whether the data is what its type promises. Default it is: made here. */
	readonly isAsDocumented?: boolean;
	readonly data: unknown;
}

/** Gives an event its identity: one place for both paths, so that they agree. */
export function identify(event: GetResponseEvent, key: string, stable: unknown): ProviderEvent {
	const { type, accountId, sender, time, subject, matched, isAsDocumented = true, data } = event;
	const joined = matched === undefined ? undefined : JOINED[type];
	return {
		key,
		...(joined && {
			match: { key: composeKey(joined.as, sender, accountId, matched ?? ''), toleranceMs: joined.toleranceMs },
		}),
		hash: hashOf(stable),
		source: `/getresponse/accounts/${accountId}`,
		type: qualifiedType('getresponse', type),
		subject,
		time,
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/getresponse/${isAsDocumented ? type : 'event'}/1`,
		data,
	};
}
