import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';

export class HybridSyncPaddleApi implements ICredentialType {
	name = 'hybridSyncPaddleApi';

	displayName = 'Hybrid Sync Paddle API';

	icon: Icon = { light: 'file:paddle.svg', dark: 'file:paddle.dark.svg' };

	documentationUrl = 'https://developer.paddle.com/api-reference/about/api-keys';

	/** The key goes to the API URL and nowhere else: an HTTP Request node would send it to any host. */
	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes test it with the transport that they use. */
	declare test?: never;

	properties: INodeProperties[] = [
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			placeholder: 'e.g. pdl_live_apikey_…',
			description:
				'Create it in Paddle under Developer Tools, Authentication. Permissions: "notification.read", and for registering webhooks "notification_setting.read" and "notification_setting.write". The sandbox has keys of its own.',
		},
		{
			displayName: 'Secret Key',
			name: 'webhookSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			placeholder: 'e.g. pdl_ntfset_…',
			description:
				'Only with "Register the Webhook: By Hand": the secret key of the notification destination in Paddle. Otherwise leave it empty.',
		},
		{
			displayName: 'API URL',
			name: 'apiUrl',
			type: 'string',
			default: '',
			placeholder: 'e.g. https://sandbox-api.paddle.com',
			description:
				'Leave it empty: the key says whether it belongs to the sandbox. Only a key of the sandbox from before May 2025, without "_sdbx_" in it, needs https://sandbox-api.paddle.com. The API key is sent to this URL.',
		},
	];
}
