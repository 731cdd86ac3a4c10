import type { Field } from '../field';

const where =
	'JSON path, e.g. data.id, or header:X-Name, or query:name. Empty for what is known of the service in the credential.';

/** In which a user says what an event is, where the service is not known or something else is wanted. */
export const pushOptions: readonly Field[] = [
	{
		displayName: 'Event ID',
		name: 'eventId',
		type: 'string',
		default: '',
		placeholder: 'e.g. id or header:X-Event-ID',
		description: `What is the same each time one event is sent, and different for every other. ${where}`,
	},
	{
		displayName: 'Event Time',
		name: 'eventTime',
		type: 'string',
		default: '',
		placeholder: 'e.g. created_at',
		description: `When it happened. ${where}`,
	},
	{
		displayName: 'Event Type',
		name: 'eventType',
		type: 'string',
		default: '',
		placeholder: 'e.g. type or header:X-Event',
		description: `What kind of event it is. Two joined by + make one, e.g. object + action. ${where}`,
	},
	{
		displayName: 'Event Types to Let In',
		name: 'eventTypes',
		type: 'string',
		default: '',
		placeholder: 'e.g. invoice.*, customer.created',
		description:
			'Which types start the workflow, separated by commas; * stands for anything. Others are answered with success and dropped. Empty for all.',
	},
	{
		displayName: 'Events At',
		name: 'batchAt',
		type: 'string',
		default: '',
		placeholder: 'e.g. data.events',
		description: 'JSON path to the list, where one request brings several events. A body that is a list needs none.',
	},
	{
		displayName: 'Key Parts',
		name: 'keyParts',
		type: 'string',
		default: '',
		placeholder: 'e.g. type, contact.id, updated_at',
		description:
			'Where no ID is sent: what tells one event from every other together with Event Time, separated by commas; with ? behind it, a part may be missing. Leave out what changes when the same event is sent again. Empty, or without a time, for all that an event says.',
	},
	{
		displayName: 'Only Where',
		name: 'onlyWhere',
		type: 'string',
		default: '',
		placeholder: 'e.g. @.data.amount > 1000 && @.data.currency == "eur"',
		description:
			'A condition on the event, as the filter of a JSON path. Others are answered with success and dropped. Empty for all.',
	},
	{
		displayName: 'Subject',
		name: 'subject',
		type: 'string',
		default: '',
		placeholder: 'e.g. data.customer.id',
		description: `Whom or what the event is about. ${where}`,
	},
];
