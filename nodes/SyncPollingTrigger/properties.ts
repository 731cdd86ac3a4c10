import type { INodeProperties } from 'n8n-workflow';
import { ledgerProperties } from '../shared/ledger';
import { providers } from '../../lib';
import { providerProperty, showOnlyForGetResponse } from '../shared/provider';

export const properties: INodeProperties[] = [
	providerProperty,
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
	{
		displayName: 'Start',
		name: 'start',
		type: 'options',
		options: [
			{ name: 'Everything', value: 'everything', description: 'All there is, oldest first, in portions' },
			{ name: 'From Now', value: 'now', description: 'Only what happens after the workflow is published' },
			{ name: 'Since Date', value: 'date', description: 'What happened from a date on, oldest first' },
		],
		default: 'now',
		description: 'Where the first run begins. Later runs go on where the last one stopped, whatever is chosen here.',
	},
	{
		displayName: 'Since',
		name: 'since',
		type: 'dateTime',
		default: '',
		required: true,
		displayOptions: { show: { start: ['date'] } },
		description: 'The date from which on events are fetched. Without a time zone it is read in the workflow’s.',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: [
			{
				displayName: 'Look-Back (Minutes)',
				name: 'lookBackMinutes',
				type: 'number',
				typeOptions: { minValue: 0, maxValue: 10_080 },
				default: 10,
				description:
					'How far before the last event each run reads again, to catch what the provider shows late. Repeats are removed.',
			},
			{
				displayName: 'Max Events per Run',
				name: 'maxEvents',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 10_000 },
				default: 100,
				description: 'How many events one execution gets at the most. The rest follows in the next runs.',
			},
		],
	},
	...ledgerProperties,
];
