import { type INodeProperties, type INodeTypeDescription, NodeConnectionTypes } from 'n8n-workflow';
import { providers } from '../../lib';

const showOnlyForGetResponse = { show: { provider: ['getresponse'] } };

const properties: INodeProperties[] = [
	{
		displayName: 'Provider',
		name: 'provider',
		type: 'options',
		noDataExpression: true,
		options: [{ name: 'GetResponse', value: 'getresponse' }],
		default: 'getresponse',
		description: 'The service whose events are received',
	},
	{
		displayName:
			'Append ?secret= and the Webhook Secret of your credential to the Production URL above, and enter it in GetResponse under Integrations and API, API, Webhooks.',
		name: 'getResponseNotice',
		type: 'notice',
		default: '',
		displayOptions: showOnlyForGetResponse,
	},
	{
		displayName: 'Events',
		name: 'events',
		type: 'multiOptions',
		options: Object.entries(providers.getresponse.eventTypes).map(([value, name]) => ({ name, value })),
		default: [],
		displayOptions: showOnlyForGetResponse,
		description:
			'Which events start the workflow. None chosen means all of them, new kinds included. Others are answered with success and dropped.',
	},
	{
		// Leaves the body unread by n8n, so that the bytes are limited, verified and parsed here.
		displayName: 'Options',
		name: 'options',
		type: 'hidden',
		default: { binaryData: true },
	},
];

export const description: INodeTypeDescription = {
	displayName: 'Sync Webhook Trigger',
	name: 'syncWebhookTrigger',
	icon: { light: 'file:syncWebhookTrigger.svg', dark: 'file:syncWebhookTrigger.dark.svg' },
	group: ['trigger'],
	version: 1,
	subtitle: '={{ $parameter["provider"] === "getresponse" ? "GetResponse" : $parameter["provider"] }}',
	description: 'Receives events by webhook, verified and stored before they are answered, so that none is lost or doubled',
	eventTriggerDescription: 'Waiting for you to call the Test URL, with ?secret=… appended',
	activationMessage: 'You can now enter the Production URL, with ?secret=… appended, at the provider.',
	defaults: { name: 'Sync Webhook Trigger' },
	inputs: [],
	outputs: [NodeConnectionTypes.Main],
	credentials: [{ name: 'hybridSyncGetResponseApi', required: true, displayOptions: showOnlyForGetResponse }],
	webhooks: [
		{
			name: 'default',
			httpMethod: 'POST',
			path: 'sync',
			responseMode: 'onReceived',
			// Not left out: n8n would answer every event with the text "firstEntryJson".
			responseData: '',
		},
	],
	properties,
};
