import type { INodeProperties, IWebhookDescription } from 'n8n-workflow';

/** The webhook of a node that receives events. */
export const webhooks: IWebhookDescription[] = [
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

/** What the editor shows while it waits for a request, and after publishing. */
export const eventTriggerDescription =
	'Waiting for a POST to the Test URL (under Webhook URLs). If the service uses a secret in the URL, append ?secret= and your Webhook Secret';
export const activationMessage =
	'Enter the Production URL at the service. If it uses a secret in the URL, append ?secret= and your Webhook Secret.';
