import type {
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IHttpRequestOptions,
	INodeProperties,
	Icon,
} from 'n8n-workflow';
import { restAccess } from '../lib';

const showOnlyFor = (...authentication: string[]) => ({ show: { authentication } });

export class HybridSyncHttp implements ICredentialType {
	name = 'hybridSyncHttp';

	displayName = 'Hybrid Sync REST API';

	icon: Icon = { light: 'file:http.svg', dark: 'file:http.dark.svg' };

	documentationUrl = 'https://www.npmjs.com/package/n8n-nodes-hybrid-sync';

	properties: INodeProperties[] = [
		{
			displayName: 'API URL',
			name: 'apiUrl',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. https://api.example.com/v1',
			description:
				'What all addresses of the API begin with. What is entered below is sent there, and to no other host.',
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
			description: 'How the API is told who asks. For OAuth2 there is a credential of its own.',
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
			description:
				'Asked when you save this credential, to see whether it works; anything the API answers only to those who may',
		},
	];

	authenticate(
		credentials: ICredentialDataDecryptedObject,
		options: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> {
		try {
			const { headers, query } = restAccess(credentials);
			return Promise.resolve({
				...options,
				headers: { ...options.headers, ...headers },
				qs: { ...options.qs, ...query },
			});
		} catch (error) {
			// Of an error with a code, n8n shows the code alone.
			return Promise.reject(new Error(error instanceof Error ? error.message : String(error)));
		}
	}

	test: ICredentialTestRequest = {
		request: { baseURL: '={{ $credentials.apiUrl }}', url: '={{ $credentials.testPath }}' },
		rules: [401, 403].map((value) => ({
			type: 'responseCode',
			properties: { value, message: 'The API refused this credential. Check it, and the API URL.' },
		})),
	};
}
