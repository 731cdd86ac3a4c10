import type { INodeProperties } from 'n8n-workflow';
import { providers } from '../../lib';
import { ledgerProperties } from '../shared/ledger';
import { providerProperty, showOnlyForGetResponse } from '../shared/provider';

export const properties: INodeProperties[] = [
	providerProperty,
	{
		displayName:
			'Open "Webhook URLs" above, copy the Production URL, append ?secret= and the Webhook Secret of your credential, and enter the result in GetResponse under Integrations and API, API, Webhooks.',
		name: 'getResponseNotice',
		type: 'notice',
		default: '',
		displayOptions: showOnlyForGetResponse,
	},
	{
		displayName: 'Events to Receive',
		name: 'eventTypes',
		type: 'multiOptions',
		options: Object.entries(providers.getresponse.eventTypes).map(([value, name]) => ({ name, value })),
		default: [],
		displayOptions: showOnlyForGetResponse,
		description:
			'Which events start the workflow. None chosen means all of them, new kinds included. Others are answered with success and dropped.',
	},
	{
		// Leaves the body unread by n8n, so that the bytes are limited, verified and parsed here.
		displayName: 'Options',
		name: 'options',
		type: 'hidden',
		default: { binaryData: true },
	},
	...ledgerProperties,
];
