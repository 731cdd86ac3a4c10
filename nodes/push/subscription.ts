import type { IDataObject, IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { type PushingProvider, type Registration, register, registeredSecrets, unregister } from '../../lib';
import { identityOf, ledgerForNodes } from '../ledger/ledger';
import { chosenEvents, settingsOf } from '../provider/chosen';
import { registrarOf } from '../provider/registrar';
import { labelOf } from '../workflow/label';

/** The webhook of a node that is registered at its provider by API. */

type Context = IHookFunctions | IWebhookFunctions;

/** Whether a node has its webhook registered for it. */
export function isRegistered(context: Context, { push }: PushingProvider): boolean {
	if (!push.subscriptions) return false;
	return context.getNodeParameter('registration', push.subscriptions.choice ? 'byHand' : 'automatic') === 'automatic';
}

/** What is listened to in the editor has a webhook of its own at the provider. */
const testOf = (node: string) => `${node} (test)`;

async function registrationOf(
	context: Context,
	provider: PushingProvider,
	url: string,
	types: readonly string[],
	settings?: IDataObject,
): Promise<Registration> {
	const { stream, node } = identityOf(context);
	return {
		...(await registrarOf(context, provider, 'push', settings)),
		ledger: await ledgerForNodes(context),
		stream,
		node: context.getMode() === 'manual' ? testOf(node) : node,
		url,
		types,
	};
}

/**
 * Has the webhook registered.
 *
 * @param isWanted asked once nobody else is at it: whether it is to be there still
 * @returns whether it was wanted still
 * @throws HybridSyncError as `register` does
 */
export async function registerWebhook(
	context: Context,
	provider: PushingProvider,
	url: string,
	isWanted?: () => Promise<boolean>,
): Promise<boolean> {
	// Only publishing may put anything in the place of something else.
	const settings = isWanted || context.getMode() === 'manual' ? undefined : settingsOf(context);
	const registration = await registrationOf(context, provider, url, chosenEvents(context, provider), settings);
	const notices = await register(registration, isWanted);
	for (const notice of notices ?? []) {
		context.logger.warn(`${labelOf(context)}: ${notice}`, { node: context.getNode().name });
	}
	return notices !== undefined;
}

/**
 * Removes what was registered under a URL, whether the ledger knows of it or not; nobody is asked where nothing can have been.
 *
 * @throws HybridSyncError as `unregister` does, once all has been tried
 */
export async function unregisterWebhook(
	context: IHookFunctions,
	provider: PushingProvider,
	url: string,
): Promise<void> {
	if (!provider.push.subscriptions) return;
	const ledger = await ledgerForNodes(context);
	const { stream, node } = identityOf(context);
	const errors: unknown[] = [];
	// Of a webhook that was only listened to for a test, n8n says the same but for its URL.
	for (const each of [node, testOf(node)]) {
		try {
			const isKnown = (await ledger.subscription(stream, each)) !== undefined;
			if (!isKnown && !isRegistered(context, provider)) continue;
			await unregister({ ...(await registrationOf(context, provider, url, [])), node: each });
		} catch (error) {
			errors.push(error);
		}
	}
	if (errors.length > 0) throw errors[0];
}

/** Whether the ledger knows what was registered for a published node. */
export async function isKnownToLedger(context: IWebhookFunctions): Promise<boolean> {
	const { stream, node } = identityOf(context);
	return (await (await ledgerForNodes(context)).subscription(stream, node)) !== undefined;
}

/**
 * The secrets of a webhook that was registered.
 *
 * @returns none where it is being registered anew
 * @throws HybridSyncError `ledger-unavailable`
 */
export async function secretsOfRegistered(
	context: IWebhookFunctions,
	{ push }: PushingProvider,
	credential: object,
): Promise<string[]> {
	if (!push.subscriptions) return [];
	const { stream, node } = identityOf(context);
	const name = context.getMode() === 'manual' ? testOf(node) : node;
	const headers = context.getHeaderData();
	return await registeredSecrets(
		push.subscriptions,
		credential,
		{ stream, node: name },
		headers,
		async () => await ledgerForNodes(context),
	);
}
