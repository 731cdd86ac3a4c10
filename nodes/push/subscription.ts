import type { IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { LRUCache } from 'lru-cache';
import { MINUTE, type PushingProvider, type Registration, register, registeredSecrets, unregister } from '../../lib';
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

async function registrationOf(context: Context, provider: PushingProvider, url: string): Promise<Registration> {
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

/** A request that anybody can send brings it about, so it is tried this often at the most. */
const ANEW_EVERY_MS = 10 * MINUTE;
const triedAnew = new LRUCache<string, true>({ max: 1_000, ttl: ANEW_EVERY_MS });

/**
 * Has a published webhook registered anew whose secret the ledger does not know: the ledger is another one than when it was
 * published. Nothing is waited for, and trouble goes to the log.
 */
export function registerAnew(context: IWebhookFunctions, provider: PushingProvider): void {
	const { stream, node, workflow, name } = identityOf(context);
	const key = JSON.stringify([stream, node]);
	if (triedAnew.has(key)) return;
	triedAnew.set(key, true);
	const log = (text: string) => {
		context.logger.warn(`${labelOf(context)}: ${text}`, { node: name });
	};
	const work = async () => {
		const known = await (await ledgerForNodes(context)).triggers(stream, workflow);
		// One that is just being unpublished is not to come back.
		if (known.some((row) => row.node === node && row.role === 'push' && row.retired_at !== null)) return;
		const url = context.getNodeWebhookUrl('default') ?? '';
		const notices = await register(await registrationOf(context, provider, url));
		log('the ledger did not know its webhook, so it was registered anew');
		notices.forEach(log);
	};
	work().catch((error: unknown) => {
		log(`the ledger does not know its webhook, and it cannot be registered anew: ${messageOf(error)}`);
	});
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

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
