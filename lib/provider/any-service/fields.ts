import type { Field } from '../field';
import { idInRow } from './joining';
import { BY_HAND } from './listing';

/** Where the list is, and how the API gives it: the only fields where one of the loaded entries is right. */
const listing: readonly Field[] = [
	{
		displayName: 'URL',
		name: 'url',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. /orders?sort=created_at',
		description:
			'The address of the list: the part after the credential’s API URL, or the whole address. Filters and sorting are written as the API’s documentation says. Requests go only to the host of the credential’s API URL.',
	},
	{
		displayName: 'How the API Lists',
		name: 'listing',
		type: 'options',
		noDataExpression: true,
		choicesFrom: 'listings',
		dependsOn: ['url', 'pullAuthentication', 'listing'],
		default: '',
		required: true,
		description:
			'The node asks the API and suggests how to read the list: where the rows are, how to see new ones, how to get the next page. Choose the suggestion that fits. You can change parts of it under Options.',
	},
];

/** The same entered by hand. The names are those of `RestSettings`. */
const byHand: readonly Field[] = [
	{
		displayName: 'Items At',
		name: 'itemsAt',
		type: 'string',
		default: '',
		placeholder: 'e.g. data.items',
		description: 'The field of the answer that holds the list. Leave it empty if the answer has only one list.',
	},
	{
		displayName: 'ID Field',
		name: 'idField',
		type: 'string',
		default: 'id',
		required: true,
		placeholder: 'e.g. id',
		description: 'The field that identifies a row: unique, and never changes',
	},
	{
		displayName: 'What Is an Event',
		name: 'emit',
		type: 'options',
		options: [
			{
				name: 'One Event per Change',
				value: 'change',
				description:
					'Each time a row changes. Under Time or Number Field, name the field that says when it was changed.',
			},
			{
				name: 'One Event per Row',
				value: 'row',
				description: 'When a row appears. Under Time or Number Field, name the field that says when it was created.',
			},
		],
		default: 'row',
		description: 'What counts as an event',
	},
	{
		displayName: 'Tell New Rows By',
		name: 'cursor',
		type: 'options',
		options: [
			{ name: 'ID Only', value: 'none', description: 'For short lists: reads all of it each time' },
			{ name: 'Number Field', value: 'number', description: 'A whole number that grows from row to row' },
			{ name: 'Time Field', value: 'time', description: 'When a row was created or changed' },
		],
		default: 'time',
		description: 'How the node sees which rows are new',
	},
	{
		displayName: 'Time or Number Field',
		name: 'cursorField',
		type: 'string',
		default: 'created_at',
		required: true,
		placeholder: 'e.g. updated_at',
		show: { cursor: ['number', 'time'], emit: ['row'] },
		description: 'The field of a row that holds the time or the number',
	},
	{
		displayName: 'Time or Number Field',
		name: 'changeField',
		type: 'string',
		default: 'updated_at',
		required: true,
		placeholder: 'e.g. updated_at',
		show: { cursor: ['number', 'time'], emit: ['change'] },
		description: 'The field of a row that says when it was changed for the last time, or its version as a number',
	},
	{
		displayName: 'Time Format',
		name: 'timeFormat',
		type: 'options',
		options: [
			{ name: 'Custom', value: 'custom', description: 'Text of a form that you describe under Time Pattern' },
			{
				name: 'Date and Time',
				value: 'iso',
				description:
					'Text like 2026-01-31T12:00:00Z, 2026-01-31 12:00:00 or Sat, 31 Jan 2026 12:00:00 +0000. Without a time zone it is read as UTC, unless the option Time Zone names another.',
			},
			{ name: 'Unix Time in Milliseconds', value: 'milliseconds' },
			{ name: 'Unix Time in Seconds', value: 'seconds' },
		],
		default: 'iso',
		show: { cursor: ['time'] },
		description: 'How the API writes the time',
	},
	{
		displayName: 'Time Pattern',
		name: 'timePattern',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. dd.MM.yyyy HH:mm',
		show: { cursor: ['time'], timeFormat: ['custom'] },
		description:
			'How the time is written: yyyy year, MM month, dd day, HH hour, mm minute, ss second, SSS millisecond, ZZ offset. Text in single quotes stands for itself.',
	},
	{
		displayName: 'Order',
		name: 'order',
		type: 'options',
		options: [
			{ name: 'Newest First', value: 'descending', description: 'Reads up to the rows that were read before' },
			{ name: 'Not Sorted', value: 'none', description: 'Reads all pages each time, and twice if there are several' },
			{
				name: 'Oldest First',
				value: 'ascending',
				description: 'Goes on where it stopped. Best together with Changed Since Parameter.',
			},
		],
		default: 'none',
		show: { cursor: ['number', 'time'] },
		description: 'How the rows are sorted by this field. If you are not sure, choose Not Sorted.',
	},
	{
		displayName: 'Changed Since Parameter',
		name: 'sinceParameter',
		type: 'string',
		default: '',
		placeholder: 'e.g. updated_since',
		show: { cursor: ['number', 'time'] },
		description:
			'The URL parameter that asks for rows since a time or number. Leave it empty if there is none. The node then picks them out itself.',
	},
	{
		displayName: 'Changed Since Format',
		name: 'sinceFormat',
		type: 'options',
		options: [
			{ name: 'Date (2026-01-31)', value: 'date' },
			{ name: 'ISO 8601 in Milliseconds (2026-01-31T12:00:00.000Z)', value: 'iso' },
			{ name: 'ISO 8601 in Seconds (2026-01-31T12:00:00Z)', value: 'isoSeconds' },
			{ name: 'Unix Time in Milliseconds', value: 'milliseconds' },
			{ name: 'Unix Time in Seconds', value: 'seconds' },
		],
		default: 'iso',
		show: { cursor: ['time'] },
		description: 'How the API wants the time in that parameter',
	},
	{
		displayName: 'Paging',
		name: 'paging',
		type: 'options',
		options: [
			{ name: 'Link Header', value: 'link', description: 'As GitHub does: Link: <…>; rel="next"' },
			{ name: 'Next URL in Body', value: 'next' },
			{ name: 'None', value: 'none', description: 'The answer has everything' },
			{ name: 'Offset', value: 'offset', description: 'How many rows to skip' },
			{ name: 'Page Number', value: 'page' },
			{ name: 'Token', value: 'token', description: 'The answer names a token, cursor or last ID for the next page' },
		],
		default: 'none',
		description: 'How the API gives more than one page',
	},
	{
		displayName: 'Paging Parameter',
		name: 'pageParameter',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. page, offset or cursor',
		show: { paging: ['offset', 'page', 'token'] },
		description: 'The URL parameter that takes the page number, the offset or the token',
	},
	{
		displayName: 'First Page',
		name: 'firstPage',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1 },
		default: 1,
		show: { paging: ['page'] },
		description: 'The number of the first page: 1, or 0 in some APIs',
	},
	{
		displayName: 'Next Page At',
		name: 'nextAt',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'e.g. meta.next_cursor or data[-1].id',
		show: { paging: ['next', 'token'] },
		description:
			'The field of the answer that holds the next page’s token or URL. If it is in a response header, write header: and the header’s name, e.g. header:X-Next-Token.',
	},
	{
		displayName: 'Page Size Parameter',
		name: 'pageSizeParameter',
		type: 'string',
		default: '',
		placeholder: 'e.g. limit or per_page',
		description: 'The URL parameter that says how many rows a page should have. Leave it empty if there is none.',
	},
	{
		displayName: 'Page Size',
		name: 'pageSize',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 10_000 },
		default: 100,
		hide: { pageSizeParameter: [''] },
		description: 'How many rows per request. The API’s maximum is best.',
	},
];

/** Every field in which a user describes a REST API. */
export const restFields: readonly Field[] = [
	...listing,
	...byHand.map(({ show, ...field }) => ({ ...field, show: { listing: [BY_HAND], ...show } })),
];

/** Parts that are seldom right by themselves and can be loaded: the name of each says where its entries come from. */
const LOADED: Readonly<Record<string, string>> = {
	itemsAt: 'lists',
	idField: 'ids',
	cursorField: 'cursorFields',
	nextAt: 'nexts',
};

/** What overrides a part of the entry that was chosen. */
const overrides: readonly Field[] = byHand
	.filter(({ name }) => name !== 'changeField')
	.map(({ show: _s, hide: _h, required: _r, ...field }): Field => {
		const choicesFrom = LOADED[field.name];
		const loaded = { type: 'options', choicesFrom, dependsOn: ['url', 'pullAuthentication'], default: '' } as const;
		return { ...field, ...(choicesFrom !== undefined && { ...loaded, choicesFrom }), hide: { listing: [BY_HAND] } };
	});

/** More of the same that few will need. */
export const restOptions: readonly Field[] = [
	...overrides,
	idInRow,
	{
		displayName: 'Event Name',
		name: 'eventName',
		type: 'string',
		default: '',
		placeholder: 'e.g. order',
		description:
			'The name in the event’s type: order gives anyService.order. Without it, the last part of the address is used.',
	},
	{
		displayName: 'Look-Back (Numbers)',
		name: 'lookBackCount',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1_000_000 },
		default: 100,
		description: 'How far below the highest number each run reads again, because services may list things late',
	},
	{
		displayName: 'Max Requests per Minute',
		name: 'requestsPerMinute',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 6_000 },
		default: 60,
		description: 'The most requests a minute, for all nodes that use this credential',
	},
	{
		displayName: 'More At',
		name: 'moreAt',
		type: 'string',
		default: '',
		placeholder: 'e.g. meta.has_more',
		description:
			'The field that says whether another page follows. Needed only if the last page still has a token or link. Common names such as has_more are found automatically.',
	},
	{
		displayName: 'Rows Without the Field',
		name: 'withoutCursor',
		type: 'options',
		options: [
			{
				name: 'Keep as Dead Letters',
				value: 'deadLetter',
				description: 'Stored, and shown by Sync Dedupe: List Problems',
			},
			{ name: 'Skip', value: 'skip' },
		],
		default: 'deadLetter',
		description: 'What to do with rows that lack the time or number',
	},
	{
		displayName: 'Time Zone',
		name: 'timeZone',
		type: 'string',
		default: '',
		placeholder: 'e.g. Europe/Warsaw',
		description:
			'The time zone of times that are written without one. Empty means UTC. For the workflow’s time zone, use the expression {{ $now.zoneName }}.',
	},
];
