import type { ICredentialType, INodeProperties } from 'n8n-workflow';

export class AcmeApi implements ICredentialType {
	name = 'acmeApi';

	displayName = 'Hybrid Sync Acme API';

	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes test it with the transport that they use. */
	declare test?: never;

	properties: INodeProperties[] = [
		{ displayName: 'API URL', name: 'apiUrl', type: 'string', default: 'https://api.acme.example', required: true },
		{
			displayName: 'Token',
			name: 'token',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
		},
		{
			displayName: 'Webhook Secret',
			name: 'secret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Shown by Acme beside the webhook',
		},
	];
}
