/** The webhook events of GetResponse, sorted by the names its own interface gives them. Others pass through unnamed. */
export const eventTypes = {
	contact_removed_bounce: 'Contact Bounce Removed',
	contact_copied: 'Contact Copied',
	contact_email_changed: 'Contact Email Changed',
	contact_moved: 'Contact Moved',
	contact_rejected: 'Contact Rejected',
	contact_added: 'Contact Subscribed',
	contact_removed_link: 'Contact Unsubscribed',
	contact_custom_field_changed: 'Custom Field Value Changed',
	custom_reports_file_status_changed: 'Custom Report File Status Changed',
	contacts_import_finished: 'Import Finished',
	contact_clicked_message_link: 'Link Clicked',
	contact_opened_message: 'Message Opened',
	contact_clicked_sms_link: 'SMS Link Clicked',
} as const;
