import type { INodeCredentialDescription, INodeProperties } from 'n8n-workflow';

/** In which ledger a node works, and in which scope of it: the same fields in every node. */

const LEDGER_CREDENTIAL = 'hybridSyncLedgerPostgres';

export const ledgerProperties: INodeProperties[] = [
	{
		displayName: 'Ledger',
		name: 'ledger',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'Embedded',
				value: 'embedded',
				description: 'A file in n8n’s folder. Nothing to set up. For n8n on one machine.',
			},
			{
				name: 'Postgres',
				value: 'postgres',
				description: 'A database that all n8n processes share. Needed in queue mode.',
			},
		],
		default: 'embedded',
		description: 'Where events are kept. Choose the same in all Sync nodes of a workflow.',
	},
	{
		displayName: 'Stream',
		name: 'stream',
		type: 'string',
		noDataExpression: true,
		default: '',
		placeholder: 'e.g. orders',
		displayOptions: { show: { ledger: ['postgres'] } },
		description:
			'Workflows with the same name here share their events: each event passes once in all of them together. Leave it empty for this workflow alone.',
	},
];

/** By `hide`: the editor places the credentials of a node behind the last field that one of them is shown by. */
export const ledgerCredential: INodeCredentialDescription = {
	name: LEDGER_CREDENTIAL,
	required: true,
	displayOptions: { hide: { ledger: ['embedded'] } },
};

/** What a node has chosen, from its parameters; n8n leaves defaults out of a saved workflow. */
export function ledgerChoiceOf(parameters: object | undefined): 'embedded' | 'postgres' {
	return parameters && 'ledger' in parameters && parameters.ledger === 'postgres' ? 'postgres' : 'embedded';
}
