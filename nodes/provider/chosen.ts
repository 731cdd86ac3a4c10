import type { FunctionsBase, IDataObject } from 'n8n-workflow';
import { HybridSyncError, type Provider, type ProviderCredential, type PushingProvider, providers } from '../../lib';
import { type Half, authenticationOf } from './description';

/** The provider and the credential that the user has chosen in a node. */

export interface ProviderContext extends Pick<FunctionsBase, 'getNode'> {
	getNodeParameter(name: string, fallback?: unknown): unknown;
	getCredentials(type: string): Promise<object>;
}

/** @returns nothing where the user has chosen none */
export function chosenProvider(context: ProviderContext): Provider | undefined {
	const name = context.getNodeParameter('provider') as string;
	return Object.values<Provider>(providers).find((provider) => provider.name === name);
}

/** @throws HybridSyncError `configuration` where it is unknown, or cannot push */
export function pushingProvider(context: ProviderContext): PushingProvider {
	const provider = chosenProvider(context);
	if (provider?.push) return { ...provider, push: provider.push };
	throw new HybridSyncError('configuration', 'This provider sends no webhooks. Choose another one under "Provider".');
}

/** The credential of one half: its type, and the id under which n8n keeps it. */
export function chosenCredential(
	context: ProviderContext,
	provider: Provider,
	half: Half,
): { credential: ProviderCredential; id: string } {
	const { displayName } = provider;
	const credentials = provider[half]?.credentials ?? [];
	const type = credentials.length > 1 ? context.getNodeParameter(authenticationOf(half), '') : undefined;
	const credential = credentials.find((each) => each.type === type) ?? credentials[0];
	if (credential) return { credential, id: context.getNode().credentials?.[credential.type]?.id ?? '' };
	throw new HybridSyncError(
		'configuration',
		`${displayName} has no credential for this node. Choose another provider.`,
	);
}

/** A credential that n8n cannot give is one to mend, like one with a wrong key. */
export async function readCredential(context: ProviderContext, type: string): Promise<IDataObject> {
	const credential = await context.getCredentials(type).catch((cause: unknown) => {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new HybridSyncError('configuration', `The credential of this node cannot be read: ${reason}`, { cause });
	});
	return { ...credential };
}
