import type { EventType } from '../provider';

/** An event that webhooks bring and nothing can be polled for. */
const pushed = (displayName: string): EventType => ({ displayName, push: true, backstop: 'none' });

/** One that polling finds too, and knows for the same by the contact and the time. */
const joined = (displayName: string, resource: string): EventType => {
	return { displayName, push: true, resource, backstop: 'approximate' };
};

/** One that no webhook brings, to be polled for where a user chooses it. */
const polled = (displayName: string, resource: string, cost = 'costs one API request per poll'): EventType => {
	return { displayName, resource, backstop: 'none', onlyByName: true, cost };
};

/** Contacts are followed one by one. */
const FOLLOWED = 'one request per followed contact, half-hourly';
const REMOVED = 'reads all removed contacts hourly';

/** The events of GetResponse, sorted by the names that its own interface gives them. Others pass through unnamed. */
export const eventTypes: Readonly<Record<string, EventType>> = {
	cart_created: polled('Cart Created', 'carts', 'costs one API request per shop and poll'),
	contact_removed_bounce: {
		...joined('Contact Bounce Removed', 'removedContacts'),
		cost: REMOVED,
	},
	contact_changed: polled('Contact Changed', 'changedContacts'),
	contact_copied: pushed('Contact Copied'),
	contact_email_changed: pushed('Contact Email Changed'),
	contact_moved: pushed('Contact Moved'),
	contact_rejected: pushed('Contact Rejected'),
	contact_removed: polled('Contact Removed for Another Reason', 'removedContacts', REMOVED),
	contact_added: joined('Contact Subscribed', 'contacts'),
	contact_unconfirmed: polled('Contact Unconfirmed', 'unconfirmedContacts'),
	contact_removed_link: { ...joined('Contact Unsubscribed', 'removedContacts'), cost: REMOVED },
	contact_custom_field_changed: pushed('Custom Field Value Changed'),
	custom_reports_file_status_changed: pushed('Custom Report File Status Changed'),
	form_created: polled('Form Created', 'forms'),
	contacts_import_finished: joined('Import Finished', 'imports'),
	landing_page_created: polled('Landing Page Created', 'landingPages'),
	contact_clicked_message_link: { ...joined('Link Clicked', 'contactActivities'), cost: FOLLOWED },
	contact_opened_message: { ...joined('Message Opened', 'contactActivities'), cost: FOLLOWED },
	contact_message_sent: polled('Message Sent', 'contactActivities', FOLLOWED),
	newsletter_sent: polled('Newsletter Sent', 'newsletters'),
	newsletter_statistics_changed: polled(
		'Newsletter Statistics Changed',
		'newsletterStatistics',
		'costs one API request per newsletter of the last 28 days, hourly',
	),
	order_processed: polled('Order Processed', 'orders', 'costs one API request per shop and poll'),
	contact_clicked_sms_link: pushed('SMS Link Clicked'),
	suppression_created: polled('Suppression List Created', 'suppressions'),
	contact_survey_answered: pushed('Survey Answered'),
	tag_created: polled('Tag Created', 'tags'),
	webinar_created: polled('Webinar Created', 'webinars'),
};
