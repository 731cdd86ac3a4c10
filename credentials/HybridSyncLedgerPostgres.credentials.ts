import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';

const showOnlyForTls = { hide: { tls: ['disable'] } };
const showOnlyForVerified = { show: { tls: ['verify-ca', 'verify-full'] } };

export class HybridSyncLedgerPostgres implements ICredentialType {
	name = 'hybridSyncLedgerPostgres';

	displayName = 'Hybrid Sync Ledger (Postgres)';

	icon: Icon = { light: 'file:postgres.svg', dark: 'file:postgres.dark.svg' };

	documentationUrl = 'https://www.npmjs.com/package/n8n-nodes-hybrid-sync';

	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes test it with the connection that they use. */
	declare test?: never;

	properties: INodeProperties[] = [
		{
			displayName: 'Host',
			name: 'host',
			type: 'string',
			default: 'localhost',
			required: true,
			description:
				'The address of the database server. In Docker Compose it is the name of the service, e.g. postgres.',
		},
		{
			displayName: 'Port',
			name: 'port',
			type: 'number',
			default: 5432,
			required: true,
			description: 'The port of the database server',
		},
		{
			displayName: 'Database',
			name: 'database',
			type: 'string',
			default: 'n8n',
			required: true,
			description: 'May be n8n’s own database: the stored events are kept apart, in the schema below',
		},
		{
			displayName: 'User',
			name: 'user',
			type: 'string',
			default: '',
			required: true,
			description: 'The database user. It must own the schema below, or be allowed to create it.',
		},
		{
			displayName: 'Password',
			name: 'password',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'The password of the database user',
		},
		{
			displayName: 'TLS',
			name: 'tls',
			type: 'options',
			default: 'verify-full',
			options: [
				{ name: 'Disable', value: 'disable', description: 'Only on a network that nobody else can listen to' },
				{ name: 'Require', value: 'require', description: 'Encrypt, and do not check who answers' },
				{ name: 'Verify CA', value: 'verify-ca', description: 'Check that a known authority signed the certificate' },
				{ name: 'Verify Full', value: 'verify-full', description: 'Check also that the certificate is for this host' },
			],
			description: 'How the connection is protected',
		},
		{
			displayName: 'CA Certificate',
			name: 'ca',
			type: 'string',
			typeOptions: { rows: 4 },
			default: '',
			placeholder: 'e.g. -----BEGIN CERTIFICATE-----…',
			displayOptions: showOnlyForVerified,
			description:
				'Only if the server’s certificate is from an authority that n8n does not know, e.g. your company’s: the certificate of that authority',
		},
		{
			displayName: 'Client Certificate',
			name: 'clientPem',
			type: 'string',
			typeOptions: { rows: 4 },
			default: '',
			displayOptions: showOnlyForTls,
			description: 'Only if the server requires a client certificate',
		},
		{
			displayName: 'Client Key',
			name: 'privateKey',
			type: 'string',
			typeOptions: { password: true, rows: 4 },
			default: '',
			displayOptions: showOnlyForTls,
			description: 'Only with a client certificate: its private key',
		},
		{
			displayName: 'Schema',
			name: 'schema',
			type: 'string',
			default: 'hybrid_sync',
			required: true,
			description: 'Created if it is not there. Nodes with different schemas do not see each other’s events.',
		},
		{
			displayName: 'Pool Size',
			name: 'poolSize',
			type: 'number',
			typeOptions: { minValue: 1, maxValue: 50 },
			default: 3,
			description: 'How many connections each n8n process may open',
		},
	];
}
