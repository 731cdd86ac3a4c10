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
			description: 'The base URL of the API. The login below is sent to this host and to no other.',
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
			description: 'How to authenticate. For OAuth2, use the credential Hybrid Sync REST API OAuth2.',
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
			description: 'The key, with whatever the API wants before it',
		},
		{
			displayName: 'User',
			name: 'user',
			type: 'string',
			default: '',
			required: true,
			displayOptions: showOnlyFor('basic'),
		},
		{
			displayName: 'Password',
			name: 'password',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			displayOptions: showOnlyFor('basic'),
		},
		{
			displayName: 'Test Path',
			name: 'testPath',
			type: 'string',
			default: '',
			placeholder: 'e.g. /me',
			description: 'A path that works only with a valid login. It is requested when you save, to check the credential.',
		},
	];
}
