import { type INodeProperties, NodeConnectionTypes } from 'n8n-workflow';
import { ledgerProperties } from '../ledger/fields';

/** Shows a field for some of the operations on a resource. */
const showOnlyFor = (
	resource: 'item' | 'event' | 'workflow',
	operation: string[],
	more: Record<string, (string | boolean)[]> = {},
) => ({
	show: { resource: [resource], operation, ...more },
});
const showOnlyForRemoveDuplicates = showOnlyFor('item', ['removeDuplicates']);
const showOnlyForValues = { show: { '/identifyBy': ['value'] } };
const showOnlyForEvents = { show: { '/identifyBy': ['event'] } };

const operations: INodeProperties[] = [
	{
		displayName: 'Resource',
		name: 'resource',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Item', value: 'item', description: 'The items that reach this node' },
			{
				name: 'Stored Event',
				value: 'event',
				description: 'Earlier events of this workflow, as they are stored',
			},
			{ name: 'Workflow', value: 'workflow', description: 'How this workflow is set up, and how it is doing' },
		],
		default: 'item',
	},
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['item'] } },
		options: [
			{
				name: 'Allow More Time',
				value: 'extendLease',
				action: 'Allow more time',
				description: 'Give this execution more time before its events are tried again',
			},
			{
				name: 'Confirm',
				value: 'confirm',
				action: 'Confirm events',
				description: 'Mark this execution’s events as finished. Put it after the last important step.',
			},
			{
				name: 'Remove Duplicates',
				value: 'removeDuplicates',
				action: 'Remove duplicates',
				description: 'Let each event pass only once, over all executions',
			},
			{
				name: 'Report Failure',
				value: 'reportFailure',
				action: 'Report failed events',
				description:
					'Give events back so that they are tried again. Put it on an error branch, or in an error workflow.',
			},
		],
		default: 'removeDuplicates',
	},
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['event'] } },
		options: [
			{
				name: 'Forget',
				value: 'forget',
				action: 'Forget events',
				description: 'Erase the stored data of a person or an event. Repeats are still recognised.',
			},
			{
				name: 'List Problems',
				value: 'listProblems',
				action: 'List failed events and dead letters',
				description:
					'Show the events that failed, were given up or are not confirmed, each with its reason and its data',
			},
			{
				name: 'Look Up',
				value: 'lookUp',
				action: 'Look up events',
				description: 'Show what happened to events, newest first',
			},
			{
				name: 'Replay',
				value: 'replay',
				action: 'Replay events',
				description: 'Bring events back after a mistake was mended, e.g. those that List Problems has shown',
			},
		],
		default: 'lookUp',
	},
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['workflow'] } },
		options: [
			{
				name: 'Check Setup',
				value: 'checkSetup',
				action: 'Check the setup',
				description: 'Go through the workflow and the service, and list what is wrong and what to do about it',
			},
			{
				name: 'Get Health',
				value: 'getHealth',
				action: 'Get the health',
				description: 'Show what happened to the events, how long it took, and whether somebody should look',
			},
		],
		default: 'getHealth',
	},
];

const removeDuplicates: INodeProperties[] = [
	{
		displayName: 'Identify Items By',
		name: 'identifyBy',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Sync Event',
				value: 'event',
				description:
					'The event from a Sync Trigger, Sync Webhook Trigger or Sync Polling Trigger that the item carries',
			},
			{ name: 'Value', value: 'value', description: 'A value of your choice, for items from any other node' },
		],
		default: 'event',
		displayOptions: showOnlyForRemoveDuplicates,
		description: 'What makes two items the same',
	},
	{
		displayName: 'Value',
		name: 'value',
		type: 'string',
		default: '={{ $json.id }}',
		required: true,
		displayOptions: showOnlyFor('item', ['removeDuplicates'], { identifyBy: ['value'] }),
		description: 'Items with the same value are the same. It must not be empty.',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		displayOptions: showOnlyForRemoveDuplicates,
		options: [
			{
				displayName: 'Maximum Attempts',
				name: 'maxAttempts',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 100 },
				default: 5,
				displayOptions: showOnlyForEvents,
				description:
					'How often an event is tried without reaching Confirm. After that it is set aside as a dead letter.',
			},
			{
				displayName: 'Scope',
				name: 'scope',
				type: 'options',
				options: [
					{ name: 'This Node', value: 'node', description: 'Other Sync Dedupe nodes have values of their own' },
					{
						name: 'Workflow',
						value: 'workflow',
						description: 'Sync Dedupe nodes of this workflow, or of the same stream, share their values',
					},
				],
				default: 'node',
				displayOptions: showOnlyForValues,
				description: 'In which nodes a value counts as a duplicate',
			},
			{
				displayName: 'Time to Confirm (Hours)',
				name: 'leaseHours',
				type: 'number',
				typeOptions: { minValue: 0.01, maxValue: 720 },
				default: 1,
				description:
					'How long an execution may take until Confirm before its events are tried again. Without this option: 1 hour, or 30 days if a Wait node, or another node that waits, follows.',
			},
			{
				displayName: 'Version',
				name: 'version',
				type: 'string',
				default: '={{ $json.updated_at }}',
				displayOptions: showOnlyForValues,
				description:
					'A number or date that grows with each change, e.g. the time of the last update. Each version passes once, older ones go to Out of Date. 1.10 counts as 1.1.',
			},
			{
				displayName: 'Window (Days)',
				name: 'windowDays',
				type: 'number',
				typeOptions: { minValue: 0.001, maxValue: 3650 },
				default: 30,
				displayOptions: showOnlyForValues,
				description: 'How many days a value is remembered after it passed',
			},
		],
	},
];

const settling: INodeProperties[] = [
	{
		displayName: 'Only These Items',
		name: 'onlyTheseItems',
		type: 'boolean',
		default: false,
		displayOptions: showOnlyFor('item', ['confirm']),
		description:
			'Whether to confirm only the events of the items that reach this node, instead of all events of the execution. The items must still have all fields that Sync Dedupe gave them, e.g. claimtoken.',
	},
	{
		displayName: 'Hours',
		name: 'hours',
		type: 'number',
		typeOptions: { minValue: 0.01, maxValue: 720 },
		default: 1,
		displayOptions: showOnlyFor('item', ['extendLease']),
		description: 'How long this execution may still take, from now on',
	},
	{
		displayName: 'What Failed',
		name: 'failed',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Another Execution',
				value: 'execution',
				description: 'In an error workflow, behind its Error Trigger: all events of the failed execution',
			},
			{
				name: 'This Execution',
				value: 'items',
				description: 'The events in the items. If there are none, all events of this execution.',
			},
		],
		default: 'items',
		displayOptions: showOnlyFor('item', ['reportFailure']),
		description: 'Which events are to be tried again',
	},
	{
		displayName: 'Execution ID',
		name: 'executionId',
		type: 'string',
		default: '={{ $json.execution.id }}',
		required: true,
		displayOptions: showOnlyFor('item', ['reportFailure'], { failed: ['execution'] }),
		description: 'The ID from the Error Trigger. For a retry, the original execution is included.',
	},
	{
		displayName: 'Reason',
		name: 'reason',
		type: 'string',
		default: '={{ $json.execution?.error?.message ?? $json.error?.message ?? $json.error }}',
		displayOptions: showOnlyFor('item', ['reportFailure']),
		description: 'What went wrong, for the log and the dead letter',
	},
];

type DisplayOptions = INodeProperties['displayOptions'] & object;

/**
 * Which events, by what names them.
 *
 * @param isNeeded whether an operation needs one of both
 */
const eventFilter = (displayOptions: DisplayOptions, isNeeded: boolean): INodeProperties[] => [
	{
		displayName: 'Event ID',
		name: 'eventId',
		type: 'string',
		default: '',
		placeholder: 'e.g. push:Vm0A7xQ2:1f7b6a52-8c1e-4d0e-9a53-3b6d3a1c9e10',
		displayOptions,
		description: `The "id" of one event. Leave it empty to choose by Subject or Filters.${isNeeded ? ' Forget needs this or a Subject.' : ''}`,
	},
	{
		displayName: 'Subject',
		name: 'subject',
		type: 'string',
		default: '',
		placeholder: 'e.g. contacts/pV3r',
		displayOptions,
		description: `The "subject" of events: what they are about. Leave it empty to choose by Event ID or Filters.${isNeeded ? ' Forget needs this or an Event ID.' : ''}`,
	},
];

/** Which events, by what they have in common. */
const filters = (displayOptions: DisplayOptions): INodeProperties => ({
	displayName: 'Filters',
	name: 'filters',
	type: 'collection',
	placeholder: 'Add filter',
	default: {},
	displayOptions,
	options: [
		{
			displayName: 'Received Before',
			name: 'to',
			type: 'dateTime',
			default: '',
			description: 'Only events that first came in before this time',
		},
		{
			displayName: 'Received Since',
			name: 'from',
			type: 'dateTime',
			default: '',
			description: 'Only events that first came in since this time',
		},
		{
			displayName: 'States',
			name: 'states',
			type: 'multiOptions',
			options: [
				{ name: 'Being Processed', value: 'claimed', description: 'Let through, and not confirmed yet' },
				{ name: 'Dead Letter', value: 'dead', description: 'Attempts used up, unreadable, or too old' },
				{ name: 'Failed', value: 'failed', description: 'Waiting for its next attempt' },
				{ name: 'Finished', value: 'done', description: 'Passed, and confirmed where there is a Confirm' },
				{ name: 'Handed Over', value: 'handed', description: 'Given to n8n, not seen in the workflow yet' },
				{ name: 'Not Deduplicated', value: 'delivered', description: 'Reached the workflow, but no Sync Dedupe node' },
				{ name: 'Waiting', value: 'received', description: 'Stored, to be handed over' },
			],
			default: ['dead'],
			description: 'Only events in one of these states',
		},
		{
			displayName: 'Types',
			name: 'types',
			type: 'string',
			default: '',
			placeholder: 'e.g. getresponse.contact_added',
			description: 'Only events of these types, separated by commas',
		},
	],
});

const byFilter = { which: ['filter'] };

const storedEvents: INodeProperties[] = [
	{
		displayName: 'Which Events',
		name: 'which',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'By Filter', value: 'filter', description: 'All stored events that match what you enter below' },
			{
				name: 'Incoming Items',
				value: 'items',
				description: 'The events that the incoming items name by their "id", e.g. those of List Problems',
			},
		],
		default: 'items',
		displayOptions: showOnlyFor('event', ['replay']),
		description: 'Which events to bring back',
	},
	...eventFilter({ show: { resource: ['event'], operation: ['forget', 'lookUp'] } }, true),
	filters(showOnlyFor('event', ['lookUp'])),
	...eventFilter(showOnlyFor('event', ['replay'], byFilter), false),
	filters(showOnlyFor('event', ['replay'], byFilter)),
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 1000 },
		default: 50,
		displayOptions: showOnlyFor('event', ['listProblems', 'lookUp']),
		description: 'Max number of results to return',
	},
	{
		displayName: 'Include Events in Progress',
		name: 'inProgress',
		type: 'boolean',
		default: true,
		displayOptions: showOnlyFor('event', ['listProblems']),
		description:
			'Whether to show, behind the others, events that passed more than a minute ago and are not confirmed: their execution may have failed, and nobody reported it',
	},
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		displayOptions: showOnlyFor('event', ['lookUp']),
		options: [
			{
				displayName: 'Continue After',
				name: 'after',
				type: 'string',
				default: '',
				description: 'To see more results: the value of next in the last item of the previous run',
			},
			{
				displayName: 'Include Data',
				name: 'withData',
				type: 'boolean',
				default: false,
				description: 'Whether to show the service’s data too, if it is still stored',
			},
		],
	},
	{
		displayName: 'Bring Back Through',
		name: 'through',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'This Node',
				value: 'here',
				description: 'At once, as this node’s items. Connect it to Remove Duplicates.',
			},
			{
				name: 'Trigger',
				value: 'trigger',
				description: 'Within a minute, by the Sync Trigger or Sync Polling Trigger of the published workflow',
			},
		],
		default: 'trigger',
		displayOptions: showOnlyFor('event', ['replay']),
		description: 'How the events come back into the workflow',
	},
	{
		displayName: 'Maximum',
		name: 'maximum',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 100_000 },
		default: 1000,
		displayOptions: showOnlyFor('event', ['replay'], { which: ['filter'] }),
		description:
			'The most events to bring back, newest first. With This Node, one run brings back at most 8 MB of data: run it again for the rest.',
	},
	{
		displayName: 'Only Count',
		name: 'dryRun',
		type: 'boolean',
		default: true,
		displayOptions: showOnlyFor('event', ['forget']),
		description: 'Whether to only count the events. Switch it off to erase them: nothing brings them back.',
	},
];

const PERCENT = { minValue: 0, maxValue: 100, numberPrecision: 3 };

const workflow: INodeProperties[] = [
	{
		displayName: 'Over the Last (Hours)',
		name: 'periodHours',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 2160 },
		default: 24,
		displayOptions: showOnlyFor('workflow', ['getHealth']),
		description: 'The time to report on, e.g. 168 for a week',
	},
	{
		displayName: 'Include Report',
		name: 'includeReport',
		type: 'boolean',
		default: false,
		displayOptions: showOnlyFor('workflow', ['getHealth']),
		description:
			'Whether to add a page with charts (field "report") and its first chart as a picture (field "chart"), e.g. to send by email',
	},
	{
		displayName: 'Targets',
		name: 'targets',
		type: 'collection',
		placeholder: 'Add target',
		default: {},
		displayOptions: showOnlyFor('workflow', ['getHealth']),
		description: 'What counts as good enough. An alert comes when it is missed so fast that the target is in danger.',
		options: [
			{
				displayName: 'Completeness (%)',
				name: 'completeness',
				type: 'number',
				typeOptions: PERCENT,
				default: 99.9,
				description: 'How many of all events have to reach the workflow, rather than be given up',
			},
			{
				displayName: 'Freshness (%)',
				name: 'freshness',
				type: 'number',
				typeOptions: PERCENT,
				default: 99,
				description: 'How many events have to reach the workflow in time',
			},
			{
				displayName: 'In Time Is Within (Minutes)',
				name: 'freshWithinMinutes',
				type: 'number',
				typeOptions: { minValue: 0.01, maxValue: 10_080 },
				default: 60,
				description:
					'How long an event may take from its happening to the workflow. Polling alone takes up to 30 minutes.',
			},
			{
				displayName: 'Over (Days)',
				name: 'windowDays',
				type: 'number',
				typeOptions: { minValue: 1, maxValue: 90 },
				default: 30,
				description: 'The time that the targets are kept over',
			},
			{
				displayName: 'Success (%)',
				name: 'success',
				type: 'number',
				typeOptions: PERCENT,
				default: 99,
				description: 'How many events that passed have to be confirmed, rather than fail',
			},
		],
	},
	{
		displayName: 'Wait for a Test Event (Seconds)',
		name: 'waitSeconds',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 600 },
		default: 0,
		displayOptions: showOnlyFor('workflow', ['checkSetup']),
		description:
			'How long to wait for an event that you cause in the service now, e.g. 120. The last line of the result says which step it has reached.',
	},
];

export const properties: INodeProperties[] = [
	...operations,
	...removeDuplicates,
	...settling,
	...storedEvents,
	...workflow,
	...ledgerProperties,
];

export const outputs =
	`={{ ($parameter["resource"] ?? "item") === "item" && ($parameter["operation"] ?? "removeDuplicates") === "removeDuplicates"
	? [{ type: "${NodeConnectionTypes.Main}", displayName: "New" }, { type: "${NodeConnectionTypes.Main}", displayName: "Duplicate" }, { type: "${NodeConnectionTypes.Main}", displayName: "Out of Date" }]
	: [{ type: "${NodeConnectionTypes.Main}" }] }}` as const;

/** The picture of each operation; of Remove Duplicates it is the node's own. */
const ICONS = {
	confirm: 'confirm',
	extendLease: 'time',
	reportFailure: 'failure',
	forget: 'stored',
	listProblems: 'failure',
	lookUp: 'stored',
	replay: 'replay',
	checkSetup: 'check',
	getHealth: 'health',
};

/** n8n evaluates it for each node, and where there is none yet, as in the nodes panel, the node's own is shown. */
const iconBy = (ending: string) =>
	`={{ "file:" + (${JSON.stringify(ICONS)}[$parameter["operation"]] ?? "syncDedupe") + "${ending}" }}` as `file:${string}.svg`;

export const icon = { light: iconBy('.svg'), dark: iconBy('.dark.svg') };

export const subtitle = `={{ { confirm: "Confirm", extendLease: "Allow More Time", removeDuplicates: "Remove Duplicates", reportFailure: "Report Failure", forget: "Forget", listProblems: "List Problems", lookUp: "Look Up", replay: "Replay", checkSetup: "Check Setup", getHealth: "Get Health" }[$parameter["operation"]] }}`;
