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
			'Enter what comes after the API URL of the credential, with filters and sorting as the API wants them; or the whole URL. Requests go only to the host of the credential’s API URL.',
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
			'What the API answers, found out by asking it: where the rows are, by what new and changed ones are told, and how the next page comes. Choose the entry that fits; it stays as it is. Parts of it can be set otherwise under Options.',
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
		description: 'JSON path to the list of rows in the answer. Leave it empty where the answer has only one list.',
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
		displayName: 'Emit',
		name: 'emit',
		type: 'options',
		options: [
			{
				name: 'One Event per Change',
				value: 'change',
				description:
					'Each time the Time or Number Field has another value. Name the field that says when a row was changed.',
			},
			{
				name: 'One Event per Row',
				value: 'row',
				description: 'When a row appears. Under Time or Number Field, name the one that says when it was created.',
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
			{ name: 'ID Only', value: 'none', description: 'For short lists: all of it is read each time' },
			{ name: 'Number Field', value: 'number', description: 'A whole number that grows from row to row' },
			{ name: 'Time Field', value: 'time', description: 'When a row was created or changed' },
		],
		default: 'time',
		description: 'The node remembers this field’s highest value to know how far it has read',
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
					'Text like 2026-01-31T12:00:00Z, 2026-01-31 12:00:00 or Sat, 31 Jan 2026 12:00:00 +0000. Without a zone it is read as UTC, unless the option Time Zone says another.',
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
			{ name: 'Newest First', value: 'descending', description: 'Reading stops at rows that were read before' },
			{ name: 'Not Sorted', value: 'none', description: 'All pages are read each time, twice where there are several' },
			{
				name: 'Oldest First',
				value: 'ascending',
				description: 'Best together with Changed Since Parameter: reading goes on where it stopped',
			},
		],
		default: 'none',
		show: { cursor: ['number', 'time'] },
		description: 'In which order the rows come, by this field. If you are not sure, choose Not Sorted.',
	},
	{
		displayName: 'Changed Since Parameter',
		name: 'sinceParameter',
		type: 'string',
		default: '',
		placeholder: 'e.g. updated_since',
		show: { cursor: ['number', 'time'] },
		description:
			'The query parameter with which the API gives only rows from a time or number on. Leave it empty if it has none: then the node filters the rows itself.',
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
			{ name: 'None', value: 'none', description: 'The answer has all there is' },
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
		description: 'The query parameter that takes the page number, the offset or the token',
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
			'JSON path to the token or URL of the next page in the answer. In a response header: header: and its name, e.g. header:X-Next-Token.',
	},
	{
		displayName: 'Page Size Parameter',
		name: 'pageSizeParameter',
		type: 'string',
		default: '',
		placeholder: 'e.g. limit or per_page',
		description: 'The query parameter that says how many rows a page should have. Leave it empty if there is none.',
	},
	{
		displayName: 'Page Size',
		name: 'pageSize',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 10_000 },
		default: 100,
		hide: { pageSizeParameter: [''] },
		description: 'How many rows to ask for at once: the most that the API allows costs the fewest requests',
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
		description: 'Makes the event’s type, e.g. anyService.order. By default the last part of the URL’s path.',
	},
	{
		displayName: 'Look-Back (Numbers)',
		name: 'lookBackCount',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 1_000_000 },
		default: 100,
		description: 'How far below the highest number each run reads again, to catch what the API shows late',
	},
	{
		displayName: 'Max Requests per Minute',
		name: 'requestsPerMinute',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 6_000 },
		default: 60,
		description: 'Upper limit for all nodes with this credential together',
	},
	{
		displayName: 'More At',
		name: 'moreAt',
		type: 'string',
		default: '',
		placeholder: 'e.g. meta.has_more',
		description:
			'JSON path to what says whether there is a next page, where a token or link is there on the last one too. Well-known names such as has_more are found by themselves.',
	},
	{
		displayName: 'Rows Without the Field',
		name: 'withoutCursor',
		type: 'options',
		options: [
			{ name: 'Keep as Dead Letters', value: 'deadLetter' },
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
			'The zone of times that are written without one. Leave it empty for UTC; the workflow’s own is {{ $now.zoneName }} as an expression.',
	},
];
