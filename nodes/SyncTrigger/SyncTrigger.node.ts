import {
	type INodeExecutionData,
	type INodeProperties,
	type INodeType,
	type INodeTypeDescription,
	type IPollFunctions,
	type IWebhookFunctions,
	type IWebhookResponseData,
	NodeConnectionTypes,
} from 'n8n-workflow';
import { ledgerCredential, ledgerProperties } from '../ledger/fields';
import { optionsCollection, pollOptions, startOptions } from '../poll/properties';
import { sample, withConclusion } from '../poll/sample';
import { tick } from '../poll/tick';
import { choicesMethods, searchMethods } from '../provider/choices';
import { credentialTests } from '../provider/credential-tests';
import {
	authenticationProperties,
	credentialsOf,
	describedProperties,
	eventsProperties,
	providerProperty,
	providerSubtitle,
	registrationProperties,
	setupNotices,
} from '../provider/description';
import { bothWaysPanel } from '../provider/trigger-panel';
import { deliver } from '../push/delivery';
import {
	activationMessage,
	doorOptions,
	eventTriggerDescription,
	startExecutions,
	unreadBody,
	webhooks,
} from '../push/properties';
import { webhookMethods } from '../push/registration';
import { toNodeError } from '../workflow/errors';
import { keepForTest, takeForTest } from './test-delivery';

const HALVES = ['push', 'pull'] as const;

/** The editor itself says only that an event is to be created. */
const testNotice: INodeProperties = {
	displayName:
		'"Fetch Test Event" waits for a webhook: have the service send one to the Test URL (under "Webhook URLs"), with the same ?secret= if there is one. If webhooks are registered automatically, a test webhook is registered until the test ends. A test stores nothing.',
	name: 'testNotice',
	type: 'notice',
	default: '',
};

export class SyncTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Trigger',
		name: 'syncTrigger',
		icon: { light: 'file:syncTrigger.svg', dark: 'file:syncTrigger.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: providerSubtitle(),
		description: 'Receives events by webhook, and asks the service for those that were lost. Each event comes once.',
		eventTriggerDescription,
		activationMessage,
		triggerPanel: bothWaysPanel,
		defaults: { name: 'Sync Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		polling: true,
		credentials: [...credentialsOf(HALVES), ledgerCredential],
		webhooks,
		properties: [
			providerProperty(HALVES),
			...authenticationProperties(HALVES),
			...registrationProperties(HALVES),
			...setupNotices(HALVES),
			...eventsProperties(HALVES, true),
			...describedProperties(HALVES),
			testNotice,
			optionsCollection([...startOptions, startExecutions('This node'), ...pollOptions(HALVES), ...doorOptions]),
			unreadBody,
			...ledgerProperties,
		],
	};

	methods = {
		credentialTest: credentialTests(),
		loadOptions: choicesMethods(HALVES),
		listSearch: searchMethods(HALVES),
	};

	webhookMethods = webhookMethods;

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return await deliver(this, (items) => {
			keepForTest(this, items);
		});
	}

	async poll(this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		try {
			if (this.getMode() === 'manual') {
				const delivered = takeForTest(this);
				return [delivered ? await withConclusion(this, delivered) : await sample(this)];
			}
			return await tick(this);
		} catch (error) {
			throw toNodeError(this.getNode(), error);
		}
	}
}
