import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { LRUCache } from 'lru-cache';
import {
	EVERY_TYPE,
	HybridSyncError,
	type Ledger,
	MINUTE,
	type PushingProvider,
	isLoopback,
	qualifiedType,
} from '../../lib';
import { identityOf, ledgerForNodes } from '../ledger/ledger';
import { chosenCredential, chosenEvents, pushingProvider, readCredential, settingsOf } from '../provider/chosen';
import { toNodeError } from '../workflow/errors';
import { labelOf } from '../workflow/label';
import { isRedelivered } from '../workflow/neighbours';
import { allowedAddresses } from './addresses';
import { isKnownToLedger, isRegistered, registerWebhook, unregisterWebhook } from './subscription';

/** What happens to a node's webhook when a workflow is published, edited and unpublished. */

export const webhookMethods = {
	default: {
		/**
		 * Publishing checks that the webhook can work, notes what is expected from now on, and registers it where the provider
		 * lets itself be told by API. A node that polls too makes its first poll at the same moment, and either half may fail alone: each has a row
		 * of its own in the ledger.
		 */
		async checkExists(this: IHookFunctions): Promise<boolean> {
			try {
				const provider = pushingProvider(this);
				const { credential } = chosenCredential(this, provider, 'push');
				const data = await readCredential(this, credential.type);
				const registers = isRegistered(this, provider);
				const url = this.getNodeWebhookUrl('default') ?? '';
				const isTest = this.getMode() === 'manual';
				// A secret is proposed to who publishes, with the URL that stays: what goes wrong as n8n starts is logged.
				const isByHand = !isTest && BY_HAND.includes(this.getActivationMode());
				if (!registers) provider.push.requireSecret(data, isByHand ? url : undefined);
				provider.push.requireFields?.(settingsOf(this));
				chosenEvents(this, provider);
				allowedAddresses(this);
				if (isTest) {
					// Listening for a test event stores no event.
					if (registers) await registerWebhook(this, provider, url);
					return true;
				}
				checkRedelivery(this);
				checkUrl(this, url);
				await meetReceiver(this, url);
				if (registers) await registeredOrRetired(this, provider, url);
			} catch (error) {
				throw toNodeError(this.getNode(), error);
			}
			return true;
		},
		create(this: IHookFunctions): Promise<boolean> {
			return Promise.resolve(true);
		},
		/**
		 * From now on no event is expected by push. n8n does this before every change of the node, a new name included, and
		 * creates it again right after: cursors, events and what is under way stay as they are.
		 */
		async delete(this: IHookFunctions): Promise<boolean> {
			try {
				const ledger = await ledgerForNodes(this);
				const { stream, node } = identityOf(this);
				const url = this.getNodeWebhookUrl('default') ?? '';
				// Of a webhook that was only listened to for a test, n8n says the same but for its URL.
				await ledger.retireNode(stream, node, url);
				await unregisterWebhook(this, pushingProvider(this), url);
			} catch (error) {
				// n8n keeps a webhook whose removal fails, and would answer its requests for ever.
				const { message } = toNodeError(this.getNode(), error);
				this.logger.warn(`${labelOf(this)} could not remove its webhook, or note that it is gone: ${message}`, {
					node: this.getNode().name,
				});
			}
			return true;
		},
	},
};

/** Somebody is publishing, and is shown what goes wrong. */
const BY_HAND: readonly string[] = ['activate', 'create', 'update'];

/**
 * Opens the ledger and makes this node known in it, by its present name and what it lets in.
 *
 * @param url where it is called: noted as it is published
 */
export async function meetReceiver(context: IHookFunctions | IWebhookFunctions, url?: string): Promise<Ledger> {
	const ledger = await ledgerForNodes(context);
	const provider = pushingProvider(context);
	await ledger.meetNode({
		...identityOf(context),
		role: 'push',
		provider: provider.name,
		sender: chosenCredential(context, provider, 'push').id,
		types: expectedTypes(context, provider),
		...(url !== undefined && { url }),
	});
	return ledger;
}

/** Of the types that a node lets in, those that webhooks bring; what is found by polling only, none should have brought. */
function expectedTypes(context: IHookFunctions | IWebhookFunctions, provider: PushingProvider): string[] {
	const { name, events, push } = provider;
	const registered = isRegistered(context, provider) ? push.subscriptions?.types : undefined;
	// A type that nobody has heard of comes by webhook, if at all.
	const isPushed = (type: string) => registered?.includes(type) ?? events[type]?.push ?? !Object.hasOwn(events, type);
	const chosen = chosenEvents(context, provider);
	const known = Object.keys(events);
	if (chosen.length === 0 && !registered && known.every(isPushed)) return [EVERY_TYPE];
	return (chosen.length > 0 ? chosen : known).filter(isPushed).map((type) => qualifiedType(name, type));
}

/** A webhook that could not be registered brings nothing, and nothing is expected of it. */
async function registeredOrRetired(context: IHookFunctions, provider: PushingProvider, url: string): Promise<void> {
	try {
		await registerWebhook(context, provider, url);
	} catch (error) {
		const { stream, node } = identityOf(context);
		await (await ledgerForNodes(context)).retireNode(stream, node, url);
		throw toNodeError(context.getNode(), error);
	}
}

/** A request that anybody can send brings it about, so it is tried this often at the most. */
const ANEW_EVERY_MS = 10 * MINUTE;
const triedAnew = new LRUCache<string, true>({ max: 1_000, ttl: ANEW_EVERY_MS });

/**
 * Has a published webhook registered anew whose secret is not known, or of which the ledger knows nothing: the ledger is
 * another one than when it was published. Nothing is waited for, and trouble goes to the log.
 */
export function registerAnew(context: IWebhookFunctions, provider: PushingProvider): void {
	// What is listened to for a test is registered by whoever listens.
	if (context.getMode() === 'manual' || !isRegistered(context, provider)) return;
	const { stream, node, workflow, name } = identityOf(context);
	const key = JSON.stringify([stream, node]);
	if (triedAnew.has(key)) return;
	triedAnew.set(key, true);
	const url = context.getNodeWebhookUrl('default') ?? '';
	/** One that has been unpublished meanwhile is not to come back. */
	const isWanted = async () => {
		const known = await (await ledgerForNodes(context)).triggers(stream, workflow);
		if (known.some((row) => row.node === node && row.role === 'push' && row.retired_at !== null)) return false;
		// As publishing does: so that it is looked after, and can be unpublished.
		await meetReceiver(context, url);
		return true;
	};
	registerWebhook(context, provider, url, isWanted).then(
		(isDone) => {
			if (!isDone) return;
			context.logger.warn(
				`${labelOf(context)}: the ledger did not know its webhook or its secret, so it was registered anew`,
				{
					node: name,
				},
			);
		},
		(error: unknown) => {
			const { message } = toNodeError(context.getNode(), error);
			context.logger.warn(`${labelOf(context)}: its webhook cannot be registered anew: ${message}`, { node: name });
		},
	);
}

const lookedUp = new LRUCache<string, true>({ max: 1_000, ttl: ANEW_EVERY_MS });

/** Looks, once in a while, whether the ledger knows the webhook that has just brought something. */
export function lookUpWebhook(context: IWebhookFunctions, provider: PushingProvider): void {
	if (context.getMode() === 'manual' || !isRegistered(context, provider)) return;
	const { stream, node } = identityOf(context);
	const key = JSON.stringify([stream, node]);
	if (lookedUp.has(key)) return;
	lookedUp.set(key, true);
	isKnownToLedger(context).then(
		(isKnown) => {
			if (!isKnown) registerAnew(context, provider);
		},
		// The ledger is away: it is looked up again later.
		() => undefined,
	);
}

export function startsInBatches(context: IHookFunctions | IWebhookFunctions): boolean {
	// Nothing else is evaluated: what is wrong in another field is no matter for a stranger.
	const option = context.getNodeParameter('additionalOptions.startExecutions', '');
	return (option === '' ? context.getNodeParameter('startExecutions', 'each') : option) === 'batches';
}

/** Secrets and people's data travel with it. */
function checkUrl(context: IHookFunctions, url: string | undefined): void {
	const { allowHttp } = context.getNodeParameter('additionalOptions', {}) as { allowHttp?: boolean };
	const parsed = URL.parse(url ?? '');
	if (allowHttp === true || parsed?.protocol !== 'http:' || isLoopback(parsed.hostname)) return;
	throw new HybridSyncError(
		'configuration',
		`The webhook URL is not HTTPS (${parsed.origin}): anyone on the way can read what is sent. Set N8N_WEBHOOK_URL to the https:// address of this n8n, or add the option "Allow HTTP".`,
	);
}

/** Something must be left to redeliver what n8n did not get, and with batches everything. */
function checkRedelivery(context: IHookFunctions): void {
	if (isRedelivered(context)) return;
	const advice =
		'Put a Sync Polling Trigger beside this node and connect it to the same next node; choose Trigger On: None in it if it should ask no service.';
	if (startsInBatches(context)) {
		throw new HybridSyncError(
			'configuration',
			`With "Start Executions: In Batches" a Sync Polling Trigger starts the executions. ${advice}`,
		);
	}
	context.logger.warn(
		`${labelOf(context)}: nothing in this workflow redelivers events that n8n did not receive, e.g. after a crash. ${advice}`,
		{ node: context.getNode().name },
	);
}
