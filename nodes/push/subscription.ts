import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { type PushingProvider, type Registration, register, registeredSecrets, unregister } from '../../lib';
import { identityOf, ledgerForNodes } from '../ledger/ledger';
import { chosenEvents } from '../provider/chosen';
import { registrarOf } from '../provider/registrar';
import { labelOf } from '../workflow/label';

/** The webhook of a node that is registered at its provider by API. */

type Context = IHookFunctions | IWebhookFunctions;

/** Whether a node has its webhook registered for it. */
export function isRegistered(context: Context, { push }: PushingProvider): boolean {
	return push.subscriptions !== undefined && context.getNodeParameter('registration', 'automatic') === 'automatic';
}

/** What is listened to in the editor has a webhook of its own at the provider. */
const testOf = (node: string) => `${node} (test)`;

async function registrationOf(context: IHookFunctions, provider: PushingProvider, url: string): Promise<Registration> {
	const { stream, node } = identityOf(context);
	return {
		...(await registrarOf(context, provider, 'push')),
		ledger: await ledgerForNodes(context),
		stream,
		node: context.getMode() === 'manual' ? testOf(node) : node,
		url,
		types: chosenEvents(context, provider),
	};
}

/**
 * Has the webhook registered.
 *
 * @throws HybridSyncError as `register` does
 */
export async function registerWebhook(context: IHookFunctions, provider: PushingProvider, url: string): Promise<void> {
	for (const notice of await register(await registrationOf(context, provider, url))) {
		context.logger.warn(`${labelOf(context)}: ${notice}`, { node: context.getNode().name });
	}
}

/** Removes what was registered under a URL; nothing happens where nothing was. */
export async function unregisterWebhook(
	context: IHookFunctions,
	provider: PushingProvider,
	url: string,
): Promise<void> {
	const ledger = await ledgerForNodes(context);
	const { stream, node } = identityOf(context);
	// Of a webhook that was only listened to for a test, n8n says the same but for its URL.
	for (const each of [node, testOf(node)]) {
		if ((await ledger.subscription(stream, each)) === undefined) continue;
		await unregister({ ...(await registrationOf(context, provider, url)), node: each });
	}
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
