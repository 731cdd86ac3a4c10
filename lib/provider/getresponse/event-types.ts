import type { EventType } from '../provider';

/** An event that webhooks bring and nothing can be polled for. */
const pushed = (displayName: string): EventType => ({ displayName, push: true, backstop: 'none' });

/** The events of GetResponse, sorted by the names that its own interface gives them. Others pass through unnamed. */
export const eventTypes: Readonly<Record<string, EventType>> = {
	contact_removed_bounce: pushed('Contact Bounce Removed'),
	contact_copied: pushed('Contact Copied'),
	contact_email_changed: pushed('Contact Email Changed'),
	contact_moved: pushed('Contact Moved'),
	contact_rejected: pushed('Contact Rejected'),
	contact_added: { displayName: 'Contact Subscribed', push: true, resource: 'contacts', backstop: 'approximate' },
	contact_removed_link: pushed('Contact Unsubscribed'),
	contact_custom_field_changed: pushed('Custom Field Value Changed'),
	custom_reports_file_status_changed: pushed('Custom Report File Status Changed'),
	contacts_import_finished: pushed('Import Finished'),
	contact_clicked_message_link: pushed('Link Clicked'),
	contact_opened_message: pushed('Message Opened'),
	contact_clicked_sms_link: pushed('SMS Link Clicked'),
};
