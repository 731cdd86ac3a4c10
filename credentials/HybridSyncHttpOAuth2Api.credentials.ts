import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';

/** The twin of Hybrid Sync REST API for services whose tokens n8n has to refresh. */
export class HybridSyncHttpOAuth2Api implements ICredentialType {
	name = 'hybridSyncHttpOAuth2Api';

	extends = ['oAuth2Api'];

	displayName = 'Hybrid Sync REST API OAuth2 API';

	icon: Icon = { light: 'file:http.svg', dark: 'file:http.dark.svg' };

	documentationUrl = 'https://www.npmjs.com/package/n8n-nodes-hybrid-sync';

	restrictToSupportedNodes = true as const;

	properties: INodeProperties[] = [
		{
			displayName: 'API URL',
			name: 'apiUrl',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. https://api.example.com/v1',
			description:
				'The address that all addresses of the API begin with. The token is sent to this host and to no other.',
		},
	];
}
