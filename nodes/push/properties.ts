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
				description: `Store and answer only. ${partner} hands the events over every minute, up to its Max Events per Run in one execution.`,
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
			'Refuse webhooks from all other addresses, separated by commas. Behind a proxy n8n needs N8N_PROXY_HOPS to know the sender’s. Empty for all.',
	},
	{
		displayName: 'Allow HTTP',
		name: 'allowHttp',
		type: 'boolean',
		default: false,
		description:
			'Whether to publish with a webhook URL that is not HTTPS: whoever listens on the way can read what is sent, secrets in the URL included',
	},
];

/** What the editor shows while it waits for a request, and after publishing. */
export const eventTriggerDescription =
	'Waiting for a POST to the Test URL (under Webhook URLs). If the service uses a secret in the URL, append ?secret= and your Webhook Secret';
export const activationMessage =
	'Enter the Production URL at the service. If it uses a secret in the URL, append ?secret= and your Webhook Secret.';
