import {
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	type IPollFunctions,
	NodeConnectionTypes,
} from 'n8n-workflow';
import { ledgerCredential, ledgerProperties } from '../ledger/fields';
import { optionsCollection, pollOptions, startProperties } from '../poll/properties';
import { sample } from '../poll/sample';
import { tick } from '../poll/tick';
import { NO_PROVIDER } from '../provider/chosen';
import { choicesMethods, searchMethods } from '../provider/choices';
import { credentialTests } from '../provider/credential-tests';
import {
	authenticationProperties,
	credentialsOf,
	describedProperties,
	eventsProperties,
	providerProperty,
	providerSubtitle,
	resourcesProperties,
} from '../provider/description';
import { pollingPanel } from '../provider/trigger-panel';
import { toNodeError } from '../workflow/errors';

const REDELIVERY_ONLY = [
	{
		name: 'None (Redelivery Only)',
		value: NO_PROVIDER,
		action: 'Bring back events of a webhook',
		description: 'Asks no service. Only brings back webhook events that no execution has finished.',
	},
];

export class SyncPollingTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Polling Trigger',
		name: 'syncPollingTrigger',
		icon: { light: 'file:syncPollingTrigger.svg', dark: 'file:syncPollingTrigger.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: providerSubtitle({ none: 'redelivery only' }),
		description:
			'Asks a service for events, finds what webhooks missed, and brings back events that no execution has finished',
		activationMessage:
			'The workflow now asks the service for events regularly, and starts an execution when it finds some.',
		triggerPanel: pollingPanel,
		defaults: { name: 'Sync Polling Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		polling: true,
		credentials: [...credentialsOf(['pull'], REDELIVERY_ONLY), ledgerCredential],
		properties: [
			providerProperty(['pull'], REDELIVERY_ONLY),
			...authenticationProperties(['pull']),
			...resourcesProperties(['pull']),
			...eventsProperties(['pull'], false),
			...describedProperties(['pull']),
			...startProperties(['pull']),
			optionsCollection(pollOptions(['pull'])),
			...ledgerProperties,
		],
	};

	methods = {
		credentialTest: credentialTests(),
		loadOptions: choicesMethods(['pull']),
		listSearch: searchMethods(['pull']),
	};

	async poll(this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		try {
			return this.getMode() === 'manual' ? [await sample(this)] : await tick(this);
		} catch (error) {
			throw toNodeError(this.getNode(), error);
		}
	}
}
