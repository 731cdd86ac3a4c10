import type { Field } from '../field';

const where =
	'Write data.id for a field, header:X-Name for a header, query:name for a part of the URL. Leave it empty for a known service.';

/** In which a user says what an event is, where the service is not known or something else is wanted. */
export const pushOptions: readonly Field[] = [
	{
		displayName: 'Event ID',
		name: 'eventId',
		type: 'string',
		default: '',
		placeholder: 'e.g. id or header:X-Event-ID',
		description: `Where the webhook says the event’s ID. ${where}`,
	},
	{
		displayName: 'Event Time',
		name: 'eventTime',
		type: 'string',
		default: '',
		placeholder: 'e.g. created_at',
		description: `Where the webhook says when the event happened. ${where}`,
	},
	{
		displayName: 'Event Type',
		name: 'eventType',
		type: 'string',
		default: '',
		placeholder: 'e.g. type or header:X-Event',
		description: `Where the webhook says what kind of event it is. Join two places with +, e.g. object + action. ${where}`,
	},
	{
		displayName: 'Event Types to Let In',
		name: 'eventTypes',
		type: 'string',
		default: '',
		placeholder: 'e.g. invoice.*, customer.created',
		description:
			'Which types start the workflow, separated by commas. * stands for anything. Other events are accepted and ignored, so that the service does not send them again. Leave it empty for all.',
	},
	{
		displayName: 'Events At',
		name: 'batchAt',
		type: 'string',
		default: '',
		placeholder: 'e.g. data.events',
		description:
			'If one webhook brings several events: the field that holds the list. Leave it empty if the whole body is the list.',
	},
	{
		displayName: 'Key Parts',
		name: 'keyParts',
		type: 'string',
		default: '',
		placeholder: 'e.g. type, contact.id, updated_at',
		description:
			'If webhooks have no ID: the fields that together with Event Time identify an event, separated by commas. Put ? behind a field that may be missing. Leave out fields that differ when the same event is sent again. If this or the time is empty, the whole content counts.',
	},
	{
		displayName: 'Only Where',
		name: 'onlyWhere',
		type: 'string',
		default: '',
		placeholder: 'e.g. @.data.amount > 1000 && @.data.currency == "eur"',
		description:
			'Let in only events for which this is true, written like the example. Other events are accepted and ignored, so that the service does not send them again. Leave it empty for all.',
	},
	{
		displayName: 'Subject',
		name: 'subject',
		type: 'string',
		default: '',
		placeholder: 'e.g. data.customer.id',
		description: `Where the webhook says whom or what the event is about, e.g. the customer’s ID. ${where}`,
	},
];
