import type { INodeProperties, IWebhookDescription } from 'n8n-workflow';

/** The webhook of a node that receives events; services look by GET whether somebody answers, and some ask for something. */
export const webhooks: IWebhookDescription[] = [
	{
		name: 'setup',
		httpMethod: 'GET,HEAD',
		path: 'sync',
		responseMode: 'onReceived',
		responseData: '',
		ndvHideUrl: true,
	},
	{
		name: 'default',
		httpMethod: 'POST',
		path: 'sync',
		responseMode: 'onReceived',
		// Not left out: n8n would answer every event with the text "firstEntryJson".
		responseData: '',
	},
];

/** Leaves the body unread by n8n, at typeVersion 1 only, so that the bytes are limited, verified and parsed here. */
export const unreadBody: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'hidden',
	default: { binaryData: true },
};

/** @param partner which node starts the executions of batches */
export function startExecutions(partner: string): INodeProperties {
	return {
		displayName: 'Start Executions',
		name: 'startExecutions',
		type: 'options',
		options: [
			{ name: 'For Each Delivery', value: 'each', description: 'At once, an execution for every delivery' },
			{
				name: 'In Batches',
				value: 'batches',
				description: `Collects events. ${partner} starts one execution a minute with up to Max Events per Run of them.`,
			},
		],
		default: 'each',
		description:
			'When an execution starts. In batches, with Max Events per Run at 1,000, a burst of 10,000 events becomes 10 executions.',
	};
}

/** Who may call. */
export const doorOptions: INodeProperties[] = [
	{
		displayName: 'Allowed IP Addresses',
		name: 'allowedAddresses',
		type: 'string',
		default: '',
		placeholder: 'e.g. 192.0.2.0/24, 2001:db8::/32',
		description:
			'Accept webhooks only from these IP addresses, separated by commas. Leave it empty to accept all. Behind a proxy, n8n’s setting N8N_PROXY_HOPS must be set.',
	},
	{
		displayName: 'Allow HTTP',
		name: 'allowHttp',
		type: 'boolean',
		default: false,
		description:
			'Whether to allow an address without HTTPS. Anyone on the way can then read the data and the secret. For tests only.',
	},
];

/** What the editor shows while it waits for a request, and after publishing. */
export const eventTriggerDescription =
	'Waiting for a webhook at the Test URL (under Webhook URLs), with ?secret= and the Webhook Secret of the credential behind it if the service signs nothing';
export const activationMessage =
	'If you register the webhook by hand, wait half a minute: where the secret is missing, a red message gives you one, and the whole URL. Otherwise enter the Production URL at the service, with ?secret= and the Webhook Secret of the credential behind it if the service signs nothing.';
