import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';

export class HybridSyncStripeApi implements ICredentialType {
	name = 'hybridSyncStripeApi';

	displayName = 'Hybrid Sync Stripe API';

	icon: Icon = { light: 'file:stripe.svg', dark: 'file:stripe.dark.svg' };

	documentationUrl = 'https://docs.stripe.com/keys/restricted-api-keys';

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
			placeholder: 'e.g. rk_live_…',
			description:
				'Create a restricted key in Stripe under Developers, API Keys. Rights: "Events: Read", and for registering webhooks "Webhook Endpoints, Event Destinations: Write". Test mode and live mode have different keys.',
		},
		{
			displayName: 'Signing Secret',
			name: 'webhookSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			placeholder: 'e.g. whsec_…',
			description:
				'Only with "Register the Webhook: By Hand": the signing secret of the webhook in Stripe. Otherwise leave it empty.',
		},
		{
			displayName: 'API URL',
			name: 'apiUrl',
			type: 'string',
			default: 'https://api.stripe.com',
			description: 'Change it only for a gateway or a test server. Your API key is sent to this address.',
		},
	];
}
