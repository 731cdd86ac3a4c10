import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';
import { HybridSyncError, type Provider } from '../../lib';
import { chosenProvider } from './chosen';
import { type Half, choicesMethod, providersWith } from './description';
import { pullUseOf } from './source';

/** Lists to choose from that are loaded from the provider while the user is at the node. */

type LoadOptions = (this: ILoadOptionsFunctions) => Promise<INodePropertyOptions[]>;

/** The methods by which the editor loads the lists of the providers, by the names that the fields call them. */
export function choicesMethods(halves: readonly Half[]): Record<string, LoadOptions> {
	return Object.fromEntries(
		providersWith(halves).flatMap(({ name, pull }) =>
			Object.keys(pull?.choices ?? {}).map((choices) => [choicesMethod(name, choices), loaderOf(choices)] as const),
		),
	);
}

/** The share of the provider's limits that looking takes. */
const SHARE = 0.5;

function loaderOf(name: string): LoadOptions {
	return async function () {
		const provider: Provider | undefined = chosenProvider(this);
		const load = provider?.pull?.choices?.[name];
		if (!provider || !load) return [];
		try {
			const use = await pullUseOf(this, provider, SHARE);
			return (await load({ ...use, timeZone: this.getTimezone() })).map((choice) => ({ ...choice }));
		} catch (error) {
			// The editor shows of an error only that there was one.
			const { message } = error instanceof HybridSyncError ? error : new Error(String(error));
			return [{ name: `Nothing could be loaded: ${message}`, value: '' }];
		}
	};
}
