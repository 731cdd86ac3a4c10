import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';
const showOnlyForKeys = { show: { authentication: ['apiKey'] } };
const showOnlyForApps = { show: { authentication: ['oAuth2'] } };
const showOnlyForMax = { show: { region: ['max-us', 'max-pl'] } };
const showOnlyForCustom = { show: { region: ['custom'] } };

export class HybridSyncGetResponseApi implements ICredentialType {
	name = 'hybridSyncGetResponseApi';

	displayName = 'Hybrid Sync GetResponse API';

	icon: Icon = { light: 'file:getresponse.svg', dark: 'file:getresponse.dark.svg' };

	documentationUrl = 'https://apidocs.getresponse.com/v3/authentication';

	/** The key goes to the API URL and nowhere else: an HTTP Request node would send it to any host. */
	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes test it with the transport that they use. */
	declare test?: never;

	properties: INodeProperties[] = [
		{
			displayName: 'Authentication',
			name: 'authentication',
			type: 'options',
			default: 'apiKey',
			options: [
				{ name: 'API Key', value: 'apiKey' },
				{ name: 'OAuth2 (Client Credentials)', value: 'oAuth2' },
			],
			description: 'How to sign in to GetResponse. With OAuth2, an app of your own account signs in and renews itself.',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			displayOptions: showOnlyForKeys,
			description:
				'Find it in GetResponse under Integrations and API, API. A key that is not used for 90 days expires.',
		},
		{
			displayName: 'Client ID',
			name: 'clientId',
			type: 'string',
			required: true,
			default: '',
			displayOptions: showOnlyForApps,
			description:
				'Add an app in GetResponse under Integrations and API, Custom Apps, and open it. Its redirect URL is not used.',
		},
		{
			displayName: 'Client Secret',
			name: 'clientSecret',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			displayOptions: showOnlyForApps,
			description: 'The Client secret key, shown beside the Client ID',
		},
		{
			displayName: 'Region',
			name: 'region',
			type: 'options',
			default: 'getresponse',
			options: [
				{ name: 'GetResponse', value: 'getresponse' },
				{ name: 'GetResponse MAX (Poland)', value: 'max-pl' },
				{ name: 'GetResponse MAX (United States)', value: 'max-us' },
				{ name: 'Other API URL', value: 'custom' },
			],
			description: 'Which GetResponse your account belongs to',
		},
		{
			displayName: 'Domain',
			name: 'domain',
			type: 'string',
			default: '',
			placeholder: 'e.g. newsletter.example.com',
			required: true,
			displayOptions: showOnlyForMax,
			description: 'The domain of your GetResponse MAX account, without https://',
		},
		{
			displayName: 'API URL',
			name: 'apiUrl',
			type: 'string',
			default: '',
			placeholder: 'e.g. https://gateway.example.com/v3',
			required: true,
			displayOptions: showOnlyForCustom,
			description:
				'Only for a gateway or a test server: its address. Your API key (with OAuth2, your client ID and secret) is sent there.',
		},
		{
			displayName: 'Domain',
			name: 'domain',
			type: 'string',
			default: '',
			placeholder: 'e.g. newsletter.example.com',
			displayOptions: showOnlyForCustom,
			description: 'Only if a GetResponse MAX account is behind that URL: its domain, without https://',
		},
		{
			displayName: 'Parent Login',
			name: 'parentLogin',
			type: 'string',
			default: '',
			description: 'Only if your user belongs to several accounts: the login of the account to use',
		},
		{
			displayName: 'Webhook Secret',
			name: 'webhookSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description:
				'Leave it empty at first. When you publish, the message gives you a random secret to enter here, and the whole URL for GetResponse. At least 16 letters and digits that nobody can guess.',
		},
		{
			displayName: 'Previous Webhook Secret',
			name: 'previousWebhookSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Accept this secret too, while you change the URL in GetResponse',
		},
		{
			displayName: 'Previous Secret Valid Until',
			name: 'previousValidUntil',
			type: 'dateTime',
			default: '',
			description:
				'Stop accepting the previous secret at this time (UTC unless a time zone is given). Leave it empty to accept it until you remove it.',
		},
	];
}
