import { HybridSyncError, type Provider, type Registrar } from '../../lib';
import { type ProviderContext, chosenCredential, readCredential } from './chosen';
import type { Half } from './description';
import { exchangeFor } from './exchange';

/**
 * What registers webhooks with the credential of a node.
 *
 * @param half whose credential it is
 * @throws HybridSyncError `configuration` where the provider has no API for that, or the credential cannot be read
 */
export async function registrarOf(
	context: ProviderContext & { readonly helpers: object },
	{ push, ...provider }: Provider,
	half: Half,
): Promise<Registrar> {
	const { displayName: service } = provider;
	if (!push?.subscriptions) {
		throw new HybridSyncError('configuration', `${service} has no API to register webhooks by. Register it by hand.`);
	}
	const { credential: type } = chosenCredential(context, { ...provider, push }, half);
	const credential = await readCredential(context, type.type);
	const { subscriptions } = push;
	const api = subscriptions.open({ credential, exchange: exchangeFor(context, credential) });
	return { service, subscriptions, api, credential };
}
