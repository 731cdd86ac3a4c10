import type { IDataObject } from 'n8n-workflow';
import { HybridSyncError, type Provider, type Registrar } from '../../lib';
import { type ProviderContext, chosenCredential, readCredential } from './chosen';
import type { Half } from './description';
import { exchangeFor } from './exchange';

/**
 * What registers webhooks with the credential of a node.
 *
 * @param half whose credential it is
 * @param settings of the node, where a user has just published it
 * @throws HybridSyncError `configuration` where the provider has no API for that, or the credential cannot be read
 */
export async function registrarOf(
	context: ProviderContext & { readonly helpers: object },
	{ push, ...provider }: Provider,
	half: Half,
	settings?: IDataObject,
): Promise<Registrar> {
	const { displayName: service } = provider;
	if (!push?.subscriptions) {
		throw new HybridSyncError('configuration', `${service} has no API to register webhooks by. Register it by hand.`);
	}
	const { credential: type } = chosenCredential(context, { ...provider, push }, half);
	const credential = await readCredential(context, type.type);
	const { subscriptions } = push;
	const use = { credential, exchange: exchangeFor(context, credential), ...(settings && { settings }) };
	const api = subscriptions.open(use);
	return { service, subscriptions, api, credential };
}
