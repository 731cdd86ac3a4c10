import type { INodeProperties } from 'n8n-workflow';
import { ledgerProperties } from '../ledger/ledger';
import { providers } from '../../lib';
import { providerProperty, showOnlyForGetResponse } from '../provider/provider';
import { restOptions, restProperties } from './rest-properties';

const showOnlyForReading = { show: { provider: ['getresponse', 'rest'] } };
const showOnlyWhere = (conditions: Record<string, string[]>) => ({ show: conditions });

const options: INodeProperties[] = [
	...restOptions,
	{
		displayName: 'Cadence',
		name: 'cadence',
		type: 'options',
		options: [
			{
				name: 'Adaptive',
				value: 'adaptive',
				description: 'Ask more seldom while nothing happens or push brings everything, and at once when that changes',
			},
			{ name: 'Fixed', value: 'fixed', description: 'Ask in equal intervals' },
		],
		default: 'adaptive',
		displayOptions: showOnlyWhere({ '/provider': ['getresponse', 'rest'] }),
		description: 'How often to ask the provider. Handing over again happens every minute in any case.',
	},
	{
		displayName: 'Deep Reconcile Every (Hours)',
		name: 'reconcileHours',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 720 },
		default: 24,
		displayOptions: showOnlyWhere({ '/provider': ['getresponse', 'rest'] }),
		description: 'How often to read a longer time again, for what the provider showed very late. 0 for never.',
	},
	{
		displayName: 'Deep Reconcile Window (Days)',
		name: 'reconcileDays',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 28 },
		default: 7,
		displayOptions: showOnlyWhere({ '/provider': ['getresponse', 'rest'] }),
		description: 'How much time to read again then',
	},
	{
		displayName: 'Interval (Minutes)',
		name: 'everyMinutes',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1_440 },
		default: 1,
		displayOptions: showOnlyWhere({ cadence: ['fixed'] }),
		description: 'With Cadence: Fixed, how often to ask the provider',
	},
	{
		displayName: 'Longest Interval (Minutes)',
		name: 'longestMinutes',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1_440 },
		default: 10,
		hint: 'With Cadence: Adaptive',
		displayOptions: showOnlyWhere({ '/provider': ['getresponse', 'rest'] }),
		description: 'How long to wait at the most before the provider is asked again, however quiet it is',
	},
	{
		displayName: 'Longest Interval While Push Works (Minutes)',
		name: 'longestWithPushMinutes',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1_440 },
		default: 30,
		hint: 'With Cadence: Adaptive',
		displayOptions: showOnlyWhere({ '/provider': ['getresponse'] }),
		description: 'The same while webhooks arrive in their usual rhythm and polling has found nothing missing for a day',
	},
	{
		displayName: 'Look-Back (Minutes)',
		name: 'lookBackMinutes',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 10_080 },
		default: 10,
		displayOptions: showOnlyWhere({ '/provider': ['getresponse', 'rest'] }),
		description:
			'How far before the newest row each run reads again, to catch what the provider shows late. Repeats are removed.',
	},
	{
		displayName: 'Max Events per Run',
		name: 'maxEvents',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 10_000 },
		default: 100,
		description: 'How many events one execution gets at the most. The rest follows in the next runs.',
	},
	{
		displayName: 'Max Requests per Run',
		name: 'maxRequests',
		type: 'number',
		typeOptions: { minValue: 2, maxValue: 10_000 },
		default: 1_000,
		displayOptions: showOnlyWhere({ '/provider': ['getresponse', 'rest'] }),
		description: 'How many requests one run makes at the most. The next run goes on where it stopped.',
	},
	{
		displayName: 'Share of the Rate Limit (%)',
		name: 'limitShare',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 100 },
		default: 50,
		displayOptions: showOnlyWhere({ '/provider': ['getresponse'] }),
		description: 'How much of the requests that the provider allows this node may use; the rest is for others',
	},
];

export const properties: INodeProperties[] = [
	{
		...providerProperty,
		options: [
			{ name: 'GetResponse', value: 'getresponse' },
			{
				name: 'None (Redelivery Only)',
				value: 'none',
				description: 'Asks nobody, and only hands over again what webhooks brought and no execution has finished',
			},
			{ name: 'REST API', value: 'rest', description: 'Any API that lists rows as JSON' },
		],
	},
	{
		displayName: 'Events to Find',
		name: 'resources',
		type: 'multiOptions',
		options: Object.values(providers.getresponse.resources).map(({ name, displayName }) => ({
			name: displayName,
			value: name,
		})),
		default: ['contacts'],
		required: true,
		displayOptions: showOnlyForGetResponse,
		description: 'What to look for at the provider',
	},
	...restProperties,
	{
		displayName: 'Start',
		name: 'start',
		type: 'options',
		options: [
			{ name: 'Everything', value: 'everything', description: 'All there is, in portions' },
			{ name: 'From Now', value: 'now', description: 'Only what happens after the workflow is published' },
			{ name: 'Since Date', value: 'date', description: 'What happened from a date on. Needs a time field.' },
		],
		default: 'now',
		displayOptions: showOnlyForReading,
		description: 'Where the first run begins. Later runs go on where the last one stopped, whatever is chosen here.',
	},
	{
		displayName: 'Since',
		name: 'since',
		type: 'dateTime',
		default: '',
		required: true,
		displayOptions: { show: { provider: ['getresponse', 'rest'], start: ['date'] } },
		description: 'The date from which on events are fetched. Without a time zone it is read in the workflow’s.',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: options.toSorted((a, b) => a.displayName.localeCompare(b.displayName)),
	},
	...ledgerProperties,
];
