import {
	type IHookFunctions,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
	NodeConnectionTypes,
} from 'n8n-workflow';
import { HybridSyncError, type Ledger, type Receipt, countRefusal, receive } from '../../lib';
import { toNodeError } from '../workflow/errors';
import { toItems } from '../workflow/items';
import { ledgerCredential, ledgerForNodes, placeOf } from '../ledger/ledger';
import { credentialOf, getResponseCredential, providerOf, senderOf } from '../provider/provider';
import { hasPollingPartner, isDedupeNext } from '../workflow/neighbours';
import { properties } from './properties';

export class SyncWebhookTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Webhook Trigger',
		name: 'syncWebhookTrigger',
		icon: { light: 'file:syncWebhookTrigger.svg', dark: 'file:syncWebhookTrigger.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["provider"] === "getresponse" ? "GetResponse" : "" }}',
		description:
			'Receives events by webhook, verified and stored before they are answered, so that none is lost or doubled',
		eventTriggerDescription:
			'Waiting for a POST to the Test URL (under Webhook URLs), with ?secret= and your Webhook Secret appended',
		activationMessage: 'You can now enter the Production URL, with ?secret=… appended, at the provider.',
		defaults: { name: 'Sync Webhook Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [getResponseCredential, ledgerCredential],
		webhooks: [
			{
				name: 'default',
				httpMethod: 'POST',
				path: 'sync',
				responseMode: 'onReceived',
				// Not left out: n8n would answer every event with the text "firstEntryJson".
				responseData: '',
			},
		],
		properties,
	};

	webhookMethods = {
		default: {
			/** GetResponse offers no way to register a webhook, so publishing checks only that ours can work. */
			async checkExists(this: IHookFunctions): Promise<boolean> {
				try {
					const provider = providerOf(this);
					provider.requireWebhookSecret(await credentialOf(this));
					// Listening for a test event stores nothing.
					if (this.getMode() === 'manual') return true;
					await meet(this);
					checkPartner(this);
				} catch (error) {
					throw toNodeError(this.getNode(), error);
				}
				return true;
			},
			create(this: IHookFunctions): Promise<boolean> {
				return Promise.resolve(true);
			},
			/** From now on no event is expected by push. */
			async delete(this: IHookFunctions): Promise<boolean> {
				if (this.getMode() === 'manual') return true;
				try {
					const ledger = await ledgerForNodes(this);
					const { stream, node } = placeOf(this);
					await ledger.retireNode(stream, node);
				} catch (error) {
					throw toNodeError(this.getNode(), error);
				}
				return true;
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const { stream, node, name } = placeOf(this);
		const request = this.getRequestObject();
		const manual = this.getMode() === 'manual';
		const dedupes = isDedupeNext(this);
		const received = await receive({
			provider: providerOf(this),
			secrets: await secretsOf(this),
			sender: senderOf(this),
			request: {
				method: request.method,
				url: request.originalUrl,
				headers: request.headers,
				stream: request,
			},
			stream,
			node,
			handsOver: manual || !emitsInBatches(this),
			showsChanged: dedupes,
			types: this.getNodeParameter('eventTypes', []) as string[],
			...(!manual && { openLedger: async () => await meet(this) }),
		});
		if (received.accepted)
			this.logger.debug('Sync Webhook Trigger took a delivery', { node: name, note: received.note });
		else logRefusal(this, received);

		const workflowData = [toItems(received.events)];
		if (received.events.length === 0) {
			respond(this, received);
			return { noWebhookResponse: true };
		}
		if (manual || dedupes) {
			// The ledger has it, and the claim of the Sync Dedupe will be the sign that n8n has it too.
			respond(this, received);
			return { noWebhookResponse: true, workflowData };
		}
		const keys = received.events.map((event) => event.id);
		// Otherwise the sign is n8n's own answer, which it sends after it has stored the execution.
		const response = this.getResponseObject();
		response.once('finish', () => {
			// n8n answers 500 where it could not start the execution.
			if (response.statusCode >= 300) return;
			ledgerForNodes(this)
				.then(async (ledger) => {
					await ledger.acknowledge(stream, keys);
				})
				.catch((error: unknown) => {
					this.logger.warn('Sync Webhook Trigger could not note that n8n has the events; they come again', {
						node: name,
						error: toNodeError(this.getNode(), error).message,
					});
				});
		});
		return { webhookResponse: JSON.parse(received.answer.body) as unknown, workflowData };
	}
}

function emitsInBatches(context: IHookFunctions | IWebhookFunctions): boolean {
	return context.getNodeParameter('emit', 'each') === 'batches';
}

/** Something must be left to hand over what n8n did not get, and with batches everything. */
function checkPartner(context: IHookFunctions): void {
	if (hasPollingPartner(context)) return;
	const advice =
		'Put a Sync Polling Trigger beside this node and connect it to the same next node; choose Provider: None in it if nothing is to be polled.';
	if (emitsInBatches(context)) {
		throw new HybridSyncError(
			'configuration',
			`With "Emit: In Batches" a Sync Polling Trigger starts the executions. ${advice}`,
		);
	}
	context.logger.warn(
		`Sync Webhook Trigger: nothing in this workflow hands over again what n8n did not get, e.g. after a crash. ${advice}`,
		{ node: context.getNode().name },
	);
}

/** Opens the ledger and makes this node known in it, by its present name. */
async function meet(context: IHookFunctions | IWebhookFunctions): Promise<Ledger> {
	const ledger = await ledgerForNodes(context);
	await ledger.meetNode({
		...placeOf(context),
		kind: 'webhook',
		provider: providerOf(context).name,
		sender: senderOf(context),
	});
	return ledger;
}

/** None, where the credential is gone or incomplete: every request is refused then, and the log says why. */
async function secretsOf(context: IWebhookFunctions): Promise<string[]> {
	try {
		return providerOf(context).webhookSecrets(await credentialOf(context), Date.now());
	} catch (error) {
		const { id, name } = context.getNode();
		const { message } = toNodeError(context.getNode(), error);
		const refused = countRefusal(`${id} ${message}`, Date.now());
		if (refused !== undefined) {
			context.logger.error(`Sync Webhook Trigger has no usable credential: ${message}`, { node: name, refused });
		}
		return [];
	}
}

function respond(context: IWebhookFunctions, { answer }: Receipt): void {
	const response = context.getResponseObject();
	if (response.headersSent) return;
	response.status(answer.status).set(answer.headers).send(answer.body);
}

function logRefusal(context: IWebhookFunctions, { note, answer }: Receipt): void {
	const { id, name } = context.getNode();
	const refused = countRefusal(`${id} ${note}`, Date.now());
	if (refused === undefined) return;
	context.logger.warn(`Sync Webhook Trigger refused a request: ${note}`, {
		node: name,
		status: answer.status,
		refused,
	});
}
