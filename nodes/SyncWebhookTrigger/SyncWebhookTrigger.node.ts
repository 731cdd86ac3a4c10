import {
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
	NodeConnectionTypes,
} from 'n8n-workflow';
import { ledgerCredential, ledgerProperties } from '../ledger/fields';
import { optionsCollection } from '../poll/properties';
import { credentialTests } from '../provider/credential-tests';
import {
	authenticationProperties,
	credentialsOf,
	describedOptions,
	describedProperties,
	eventsProperties,
	providerProperty,
	providerSubtitle,
	registrationProperties,
	setupNotices,
} from '../provider/description';
import { webhookPanel } from '../provider/trigger-panel';
import { searchMethods } from '../provider/choices';
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

export class SyncWebhookTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Webhook Trigger',
		name: 'syncWebhookTrigger',
		icon: { light: 'file:syncWebhookTrigger.svg', dark: 'file:syncWebhookTrigger.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: providerSubtitle(),
		description:
			'Receives events by webhook, checks and stores them. A Sync Polling Trigger beside it brings back those that n8n lost.',
		eventTriggerDescription,
		activationMessage,
		triggerPanel: webhookPanel,
		defaults: { name: 'Sync Webhook Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [...credentialsOf(['push']), ledgerCredential],
		webhooks,
		properties: [
			providerProperty(['push']),
			...authenticationProperties(['push']),
			...registrationProperties(['push']),
			...setupNotices(['push']),
			...eventsProperties(['push'], false),
			...describedProperties(['push']),
			startExecutions('The Sync Polling Trigger beside this node'),
			{
				displayName:
					'Put a Sync Polling Trigger beside this node, connected to the same next node (with Trigger On: None if it should ask no service). It brings back events that n8n lost, e.g. in a crash. A Sync Trigger does both in one node.',
				name: 'partnerNotice',
				type: 'notice',
				default: '',
			},
			optionsCollection([...describedOptions(['push']), ...doorOptions]),
			unreadBody,
			...ledgerProperties,
		],
	};

	methods = { credentialTest: credentialTests(), listSearch: searchMethods(['push']) };

	webhookMethods = webhookMethods;

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return await deliver(this);
	}
}
