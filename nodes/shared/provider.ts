import type { INodeCredentialDescription, INodeProperties } from 'n8n-workflow';
import { type Provider, type ProviderName, providers } from '../../lib';

/** What both triggers say about providers, and how they find the one that the user chose. */

/** The credential type of each provider. */
const credentialTypes: Readonly<Record<ProviderName, string>> = { getresponse: 'hybridSyncGetResponseApi' };

export const showOnlyForGetResponse = { show: { provider: ['getresponse'] } };

export const providerProperty: INodeProperties = {
	displayName: 'Provider',
	name: 'provider',
	type: 'options',
	noDataExpression: true,
	options: [{ name: 'GetResponse', value: 'getresponse' }],
	default: 'getresponse',
	description: 'The service that the events come from',
};

export const credentials: INodeCredentialDescription[] = [
	{ name: 'hybridSyncGetResponseApi', required: true, displayOptions: showOnlyForGetResponse },
];

/** A node's context, as far as its provider is concerned. */
interface ProviderContext {
	getNodeParameter(name: string): unknown;
	getCredentials(type: string): Promise<object>;
}

export function providerOf(context: ProviderContext): Provider {
	return providers[context.getNodeParameter('provider') as ProviderName];
}

export async function credentialOf(context: ProviderContext): Promise<object> {
	return await context.getCredentials(credentialTypes[context.getNodeParameter('provider') as ProviderName]);
}
