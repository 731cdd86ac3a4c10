import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';

export class HybridSyncWooCommerceApi implements ICredentialType {
	name = 'hybridSyncWooCommerceApi';

	displayName = 'Hybrid Sync WooCommerce API';

	icon: Icon = { light: 'file:woocommerce.svg', dark: 'file:woocommerce.dark.svg' };

	documentationUrl = 'https://woocommerce.com/document/woocommerce-rest-api/';

	/** The keys go to the shop and nowhere else: an HTTP Request node would send them to any host. */
	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes test it with the transport that they use. */
	declare test?: never;

	properties: INodeProperties[] = [
		{
			displayName: 'Shop URL',
			name: 'siteUrl',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. https://shop.example.com',
			description: 'The address of the shop, as WordPress has it under Settings, General',
		},
		{
			displayName: 'Consumer Key',
			name: 'consumerKey',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. ck_…',
			description:
				'Add a key in WordPress under WooCommerce, Settings, Advanced, REST API, with the permission Read/Write, for a user who may manage the shop',
		},
		{
			displayName: 'Consumer Secret',
			name: 'consumerSecret',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			placeholder: 'e.g. cs_…',
			description: 'WordPress shows it once, together with the key, when you add the key',
		},
		{
			displayName: 'Send the Keys in the URL',
			name: 'sendsKeyInUrl',
			type: 'boolean',
			default: false,
			description:
				'Whether to send the keys in the URL. Use it if correct keys are refused: some web hosts remove the header that carries them.',
		},
		{
			displayName: 'Webhook Secret',
			name: 'webhookSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description:
				'Only with "Register the Webhook: By Hand": at least 16 letters and digits that nobody can guess. Enter the same secret in the webhook. Otherwise leave it empty.',
		},
	];
}
