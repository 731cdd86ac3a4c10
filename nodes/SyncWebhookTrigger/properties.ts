import type { INodeProperties } from 'n8n-workflow';
import { providers } from '../../lib';
import { ledgerProperties } from '../ledger/ledger';
import { providerProperty, showOnlyForGetResponse } from '../provider/provider';

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
		displayName: 'Emit',
		name: 'emit',
		type: 'options',
		options: [
			{ name: 'Each Delivery', value: 'each', description: 'Start an execution for every delivery, at once' },
			{
				name: 'In Batches',
				value: 'batches',
				description:
					'Store and answer only. The Sync Polling Trigger beside this node hands the events over every minute, up to its Max Events per Run in one execution.',
			},
		],
		default: 'each',
		description:
			'When an execution starts. In batches, with Max Events per Run at 1,000, a burst of 10,000 events becomes 10 executions.',
	},
	{
		displayName:
			'Put a Sync Polling Trigger beside this node, connected to the same next node (with Provider: None if nothing is to be polled). It hands over again what n8n did not get, e.g. after a crash; without it such events wait until the provider sends them again.',
		name: 'partnerNotice',
		type: 'notice',
		default: '',
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
