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
import { toNodeError } from '../workflow/errors';

const REDELIVERY_ONLY = [
	{
		name: 'None (Redelivery Only)',
		value: NO_PROVIDER,
		description: 'Polls nothing, and only redelivers what webhooks brought and no execution has finished',
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
		description: 'Polls an API, finds what webhooks missed, and redelivers events that no execution has finished',
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
