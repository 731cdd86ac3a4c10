import type { INodeProperties } from 'n8n-workflow';
import { type Half, describedOptions, providersWith, showOnlyFor, showOptionFor } from '../provider/description';

/** What a node that polls asks of the user. */

const START: INodeProperties = {
	displayName: 'Start',
	name: 'start',
	type: 'options',
	options: [
		{ name: 'Everything', value: 'everything', description: 'Everything that the service has, in several runs' },
		{ name: 'From Now', value: 'now', description: 'Only what happens after the workflow is published' },
		{
			name: 'Since Date',
			value: 'date',
			description:
				'What happened since a date that you choose. With Any Service this needs a list with a time in each row.',
		},
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
	description: 'Fetch events from this date on. A date without a time zone is in the workflow’s time zone.',
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
			displayName: 'How Often to Poll',
			name: 'cadence',
			type: 'options',
			options: [
				{
					name: 'Adaptive',
					value: 'adaptive',
					description:
						'Polls rarely while it is quiet or webhooks bring everything, and more often as soon as that changes',
				},
				{ name: 'Fixed', value: 'fixed', description: 'Polls at equal intervals' },
			],
			default: 'adaptive',
			...reading,
			description:
				'When to ask the service for events. Events that were not finished are brought back every minute, whatever you choose.',
		},
		{
			displayName: 'Thorough Check Every (Hours)',
			name: 'reconcileHours',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 720 },
			default: 24,
			...reading,
			description: 'How often to read several days again, to find what the service listed very late. 0 for never.',
		},
		{
			displayName: 'Thorough Check Covers (Days)',
			name: 'reconcileDays',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 28 },
			default: 7,
			...reading,
			description: 'How many days each thorough check reads again',
		},
		{
			displayName: 'Interval (Minutes)',
			name: 'everyMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1_440 },
			default: 1,
			displayOptions: { show: { cadence: ['fixed'] } },
			description: 'How many minutes between polls',
		},
		{
			displayName: 'Longest Interval (Minutes)',
			name: 'longestMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1_440 },
			default: 10,
			hint: 'With How Often to Poll: Adaptive',
			...reading,
			description: 'The longest wait between polls, however quiet it is',
		},
		{
			displayName: 'Longest Interval While Webhooks Work (Minutes)',
			name: 'longestWithPushMinutes',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 1_440 },
			default: 30,
			hint: 'With How Often to Poll: Adaptive',
			...pushing,
			description: 'The longest wait between polls while webhooks arrive as usual and nothing was missing for a day',
		},
		{
			displayName: 'Look-Back (Minutes)',
			name: 'lookBackMinutes',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 10_080 },
			default: 10,
			...reading,
			description:
				'How many minutes before the newest event each run reads again, because services may list things late. Events that came already are left out.',
		},
		{
			displayName: 'Max Events per Run',
			name: 'maxEvents',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 10_000 },
			default: 100,
			description: 'The most events in one execution. The rest follows a minute later.',
		},
		{
			displayName: 'Max Requests per Run',
			name: 'maxRequests',
			type: 'number',
			typeOptions: { minValue: 2, maxValue: 10_000 },
			default: 1_000,
			...reading,
			description: 'The most API requests in one run. The next run goes on where it stopped.',
		},
		{
			displayName: 'Share of the Rate Limit (%)',
			name: 'limitShare',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 100 },
			default: 50,
			...limited,
			description: 'How much of the service’s request limit this node may use. The rest is left for your other tools.',
		},
	];
}
