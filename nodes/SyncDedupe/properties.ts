import { type INodeProperties, NodeConnectionTypes } from 'n8n-workflow';

const showOnlyForRemoveDuplicates = { show: { action: ['removeDuplicates'] } };

export const properties: INodeProperties[] = [
	{
		displayName: 'Action',
		name: 'action',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Confirm',
				value: 'confirm',
				description:
					'Mark the events that this execution let through as finished. Place it behind the last step that matters.',
			},
			{
				name: 'Remove Duplicates',
				value: 'removeDuplicates',
				description: 'Let each event pass once, over all executions',
			},
		],
		default: 'removeDuplicates',
	},
	{
		displayName: 'Identify Items By',
		name: 'identifyBy',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Sync Event',
				value: 'event',
				description: 'The event from a Sync Webhook Trigger or Sync Polling Trigger that the item carries',
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
		displayOptions: { show: { action: ['removeDuplicates'], identifyBy: ['value'] } },
		description: 'Items with the same value are the same. It must not be empty.',
	},
];

export const outputs = `={{ $parameter["action"] === "confirm"
	? [{ type: "${NodeConnectionTypes.Main}" }]
	: [{ type: "${NodeConnectionTypes.Main}", displayName: "New" }, { type: "${NodeConnectionTypes.Main}", displayName: "Duplicate" }] }}` as const;
