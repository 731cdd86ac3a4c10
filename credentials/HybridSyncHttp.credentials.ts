import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';
const showOnlyFor = (...authentication: string[]) => ({ show: { authentication } });

export class HybridSyncHttp implements ICredentialType {
	name = 'hybridSyncHttp';

	displayName = 'Hybrid Sync REST API';

	icon: Icon = { light: 'file:http.svg', dark: 'file:http.dark.svg' };

	documentationUrl = 'https://www.npmjs.com/package/n8n-nodes-hybrid-sync';

	/** The key goes to the API URL and nowhere else: an HTTP Request node would send it to any host. */
	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes test it with the transport that they use. */
	declare test?: never;

	properties: INodeProperties[] = [
		{
			displayName: 'API URL',
			name: 'apiUrl',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. https://api.example.com/v1',
			description:
				'The address that all addresses of the API begin with. The login below is sent to this host and to no other.',
		},
		{
			displayName: 'Authentication',
			name: 'authentication',
			type: 'options',
			options: [
				{ name: 'Basic (User and Password)', value: 'basic' },
				{ name: 'Bearer Token', value: 'bearer' },
				{ name: 'Header', value: 'header' },
				{ name: 'None', value: 'none' },
				{ name: 'Query Parameter', value: 'query' },
			],
			default: 'bearer',
			description: 'How to sign in to the API. For OAuth2, choose Authentication: OAuth2 in the node instead.',
		},
		{
			displayName: 'Token',
			name: 'token',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: showOnlyFor('bearer'),
			description: 'Sent as Authorization: Bearer …',
		},
		{
			displayName: 'Name',
			name: 'name',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. X-API-Key',
			displayOptions: showOnlyFor('header', 'query'),
			description: 'The name of the header or query parameter',
		},
		{
			displayName: 'Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: showOnlyFor('header', 'query'),
			description: 'The key. If the API wants a word before it, enter that too.',
		},
		{
			displayName: 'User',
			name: 'user',
			type: 'string',
			default: '',
			required: true,
			displayOptions: showOnlyFor('basic'),
			description: 'The user name with which the API knows you',
		},
		{
			displayName: 'Password',
			name: 'password',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			displayOptions: showOnlyFor('basic'),
			description: 'The password of that user',
		},
		{
			displayName: 'Test Path',
			name: 'testPath',
			type: 'string',
			default: '',
			placeholder: 'e.g. /me',
			description: 'An address that works only when signed in. Used to test the credential when you save.',
		},
	];
}
