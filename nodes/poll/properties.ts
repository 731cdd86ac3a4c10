import type { INodeProperties } from 'n8n-workflow';
import { type Half, describedOptions, providersWith, showOnlyFor, showOptionFor } from '../provider/description';

/** What a node that polls asks of the user. */

const START: INodeProperties = {
	displayName: 'Start',
	name: 'start',
	type: 'options',
	options: [
		{ name: 'Everything', value: 'everything', description: 'All there is, in portions' },
		{ name: 'From Now', value: 'now', description: 'Only what happens after the workflow is published' },
		{ name: 'Since Date', value: 'date', description: 'What happened from a date on. Needs a time field.' },
	],
	default: 'now',
	description: 'Where the first run begins. Later runs go on where the last one stopped, whatever is chosen here.',
};
const SINCE: INodeProperties = {
	displayName: 'Since',
	name: 'since',
	type: 'dateTime',
	default: '',
	required: true,
	description: 'The date from which on events are fetched. Without a time zone it is read in the workflow’s.',
};

/** Where to begin, as fields of the node. */
export function startProperties(halves: readonly Half[]): INodeProperties[] {
	const all = providersWith(halves);
	return [
		{ ...START, displayOptions: showOnlyFor(all) },
		{ ...SINCE, displayOptions: showOnlyFor(all, { start: ['date'] }) },
	];
}

/** The same as options. */
export const startOptions: INodeProperties[] = [START, { ...SINCE, displayOptions: { show: { start: ['date'] } } }];

/** A collection of options, in the order of what the user reads. */
export function optionsCollection(options: readonly INodeProperties[]): INodeProperties {
	return {
		displayName: 'Options',
		name: 'additionalOptions',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: options.toSorted((a, b) => (a.displayName < b.displayName ? -1 : 1)),
	};
}

/** The options of a node that polls, with those that the providers have. */
export function pollOptions(halves: readonly Half[]): INodeProperties[] {
	const all = providersWith(halves);
	const reading = { displayOptions: showOptionFor(all) };
	const pushing = { displayOptions: showOptionFor(all.filter(({ push }) => push)) };
	const limited = { displayOptions: showOptionFor(all.filter(({ pull }) => pull?.hasKnownLimits)) };
	return [
		...describedOptions(halves),
		{
			displayName: 'Cadence',
			name: 'cadence',
			type: 'options',
			options: [
				{
					name: 'Adaptive',
					value: 'adaptive',
					description:
						'Poll less often while nothing happens or webhooks bring everything, and at once when that changes',
				},
				{ name: 'Fixed', value: 'fixed', description: 'Poll at equal intervals' },
			],
			default: 'adaptive',
			...reading,
			description: 'How often to poll the provider. Redelivery happens every minute in any case.',
		},
		{
			displayName: 'Deep Reconcile Every (Hours)',
			name: 'reconcileHours',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 720 },
			default: 24,
			...reading,
			description: 'How often to read a longer time again, for what the provider showed very late. 0 for never.',
		},
		{
			displayName: 'Deep Reconcile Window (Days)',
			name: 'reconcileDays',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 28 },
			default: 7,
			...reading,
			description: 'How many days each deep reconcile reads again',
		},
		{
			displayName: 'Interval (Minutes)',
			name: 'everyMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1_440 },
			default: 1,
			displayOptions: { show: { cadence: ['fixed'] } },
			description: 'With Cadence: Fixed, how often to poll the provider',
		},
		{
			displayName: 'Longest Interval (Minutes)',
			name: 'longestMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1_440 },
			default: 10,
			hint: 'With Cadence: Adaptive',
			...reading,
			description: 'How long to wait at most before the provider is polled again, however quiet it is',
		},
		{
			displayName: 'Longest Interval While Push Works (Minutes)',
			name: 'longestWithPushMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1_440 },
			default: 30,
			hint: 'With Cadence: Adaptive',
			...pushing,
			description:
				'The longest interval while webhooks arrive as usual and polling has found nothing missing for a day',
		},
		{
			displayName: 'Look-Back (Minutes)',
			name: 'lookBackMinutes',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 10_080 },
			default: 10,
			...reading,
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
			...reading,
			description: 'How many requests one run makes at the most. The next run goes on where it stopped.',
		},
		{
			displayName: 'Share of the Rate Limit (%)',
			name: 'limitShare',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 100 },
			default: 50,
			...limited,
			description: 'How much of the requests that the provider allows this node may use; the rest is for others',
		},
	];
}
