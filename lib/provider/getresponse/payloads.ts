import { z } from 'zod/v4';

/**
 * What GetResponse's webhooks bring, a schema for each type. The envelope is as documented; of the rest only what is documented
 * or was seen is named, and all of it passes through. Where a name is not certain, each that was seen is taken.
 *
 * @see https://apidocs.getresponse.com/v3/payloads
 */

const id = z.string().min(1);
const campaign = z.looseObject({ campaignId: id, name: z.string().nullish() });
const contact = z.looseObject({
	contactId: id,
	email: z.string().nullish(),
	name: z.string().nullish(),
	campaign: campaign.nullish(),
});
/** In the API its id is `clickTrackId` in one place and `id` in another. */
const clickTrack = z.looseObject({ clickTrackId: id.nullish(), id: id.nullish(), url: z.string().nullish() });
/** A newsletter, an autoresponder, an RSS newsletter. */
const message = z.looseObject({ resourceType: z.string().nullish(), resourceId: id, subject: z.string().nullish() });

const envelope = z.looseObject({
	type: z.string().min(1).max(200),
	account: z.looseObject({ accountId: id }),
	event: z.looseObject({ occurredAt: z.string() }),
});
const ofContact = envelope.extend({ contact });
const ofMoved = envelope.extend({ contact: contact.extend({ sourceCampaign: campaign.nullish() }) });

/** By the type that stands in them. */
export const payloads = {
	contact_added: envelope.extend({
		contact: contact.extend({ ip: z.string().nullish(), origin: z.string().nullish() }),
	}),
	contact_clicked_message_link: ofContact.extend({ message: message.nullish(), clickTrack: clickTrack.nullish() }),
	contact_clicked_sms_link: ofContact.extend({ sms: z.looseObject({}).nullish(), clickTrack: clickTrack.nullish() }),
	contact_copied: ofMoved,
	contact_custom_field_changed: ofContact,
	contact_email_changed: ofContact,
	contact_moved: ofMoved,
	contact_opened_message: ofContact.extend({ message }),
	contact_rejected: ofContact,
	contact_removed_bounce: ofContact,
	contact_removed_link: ofContact,
	contacts_import_finished: envelope.extend({ import: z.looseObject({ importId: id.nullish() }).nullish() }),
	custom_reports_file_status_changed: envelope,
} as const satisfies Readonly<Record<string, z.ZodType>>;

/** What is read of any of them, whatever else is missing: an event whose account or time is left out is still an event. */
export const anyPayload = z.looseObject({
	type: z.string().min(1).max(200),
	contact: z
		.looseObject({ contactId: id.optional().catch(undefined), campaign: campaign.optional().catch(undefined) })
		.optional()
		.catch(undefined),
	message: z.looseObject({ resourceId: id }).optional().catch(undefined),
	clickTrack: clickTrack.optional().catch(undefined),
	import: z.looseObject({ importId: id }).optional().catch(undefined),
	importId: id.optional().catch(undefined),
	account: z.looseObject({ accountId: id }).optional().catch(undefined),
	event: z.looseObject({ occurredAt: z.string() }).optional().catch(undefined),
});
export type AnyPayload = z.infer<typeof anyPayload>;

/** The same of what is made here: types that no webhook has promise nothing that could be broken. */
export function keepsPromise(type: string, data: unknown): boolean {
	return !Object.hasOwn(payloads, type) || isAsDocumented(type, data);
}

/** Whether a payload is as its type promises; of a type that nobody knows, nothing is promised. */
export function isAsDocumented(type: string, data: unknown): boolean {
	return Object.hasOwn(payloads, type) && payloads[type as keyof typeof payloads].safeParse(data).success;
}
