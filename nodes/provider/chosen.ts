import type { FunctionsBase, IDataObject } from 'n8n-workflow';
import { HybridSyncError, type Provider, type ProviderCredential, type PushingProvider, providers } from '../../lib';
import { nodeOf } from '../workflow/node';
import { type Half, authenticationOf } from './description';

/** The provider and the credential that the user has chosen in a node. */

export interface ProviderContext extends Pick<FunctionsBase, 'getNode'> {
	getNodeParameter(name: string, fallback?: unknown): unknown;
	getCredentials(type: string): Promise<object>;
}

/** The choice of no provider. */
export const NO_PROVIDER = 'none';

/**
 * @returns nothing where the user has chosen none
 * @throws HybridSyncError `configuration` where there is no such provider
 */
export function chosenProvider(context: ProviderContext): Provider | undefined {
	const name = context.getNodeParameter('provider') as string;
	const provider = Object.values<Provider>(providers).find((each) => each.name === name);
	if (provider || name === NO_PROVIDER) return provider;
	throw new HybridSyncError('configuration', `There is no provider "${name}". Choose one under "Trigger On".`);
}

/**
 * The events that the user has chosen, by the provider's names; none for all.
 *
 * @throws HybridSyncError `configuration` where all of them are those of another provider, or an expression gives no list
 */
export function chosenEvents(context: ProviderContext, { events, displayName }: Provider): string[] {
	const chosen = [...new Set(chosenList(context, 'events', 'Events') ?? [])];
	const known = chosen.filter((type) => Object.hasOwn(events, type));
	if (chosen.length === 0 || known.length > 0) return known;
	throw new HybridSyncError(
		'configuration',
		`None of the chosen events is one of ${displayName}. Choose them anew under "Events".`,
	);
}

/** @throws HybridSyncError `configuration` where it is unknown, or cannot push */
export function pushingProvider(context: ProviderContext): PushingProvider {
	const provider = chosenProvider(context);
	if (provider?.push) return { ...provider, push: provider.push };
	throw new HybridSyncError('configuration', 'This service sends no webhooks. Choose another one under "Trigger On".');
}

/**
 * What was chosen in a list, of which an expression may make anything.
 *
 * @returns nothing where the node has no such field
 * @throws HybridSyncError `configuration` where it is no list of names
 */
export function chosenList(context: ProviderContext, name: string, label: string): string[] | undefined {
	const value = context.getNodeParameter(name, null);
	if (value === null) return undefined;
	if (Array.isArray(value) && value.every((each): each is string => typeof each === 'string')) return value;
	throw new HybridSyncError(
		'configuration',
		`"${label}" is not a list of names. Choose them from the list, or have the expression give one like ["contact_added"].`,
	);
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
	if (credential) return { credential, id: nodeOf(context).credentials?.[credential.type]?.id ?? '' };
	throw new HybridSyncError(
		'configuration',
		`${displayName} has no credential for this node. Choose another one under "Trigger On".`,
	);
}

/** What stands in the fields of the node; n8n hides those that do not belong to the choice that was made. */
export function settingsOf(context: ProviderContext): IDataObject {
	const { parameters } = nodeOf(context);
	const collections = ['options', 'additionalOptions'];
	const names = Object.keys(parameters).filter((name) => !collections.includes(name));
	const given = Object.fromEntries(names.map((name) => [name, context.getNodeParameter(name) as IDataObject]));
	return { ...given, ...(context.getNodeParameter('additionalOptions', {}) as IDataObject) };
}

/** A credential that n8n cannot give is one to mend, like one with a wrong key. */
export async function readCredential(context: ProviderContext, type: string): Promise<IDataObject> {
	const credential = await context.getCredentials(type).catch((cause: unknown) => {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new HybridSyncError('configuration', `The credential of the trigger cannot be read: ${reason}`, { cause });
	});
	return { ...credential };
}
