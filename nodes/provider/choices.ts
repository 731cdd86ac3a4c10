import type { ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';
import type { Choice, ChoicesUse, Provider } from '../../lib';
import { type Half, choicesMethod, providersWith } from './description';
import { pullUseOf } from './source';

/** Lists to choose from that are loaded from the provider while the user is at the node. */

type LoadOptions = (this: ILoadOptionsFunctions) => Promise<INodePropertyOptions[]>;

/** The methods by which the editor loads the lists of the providers, by the names that the fields call them. */
export function choicesMethods(halves: readonly Half[]): Record<string, LoadOptions> {
	return Object.fromEntries(
		providersWith(halves).flatMap((provider) =>
			Object.entries(provider.pull?.choices ?? {}).map(
				([name, load]) => [choicesMethod(provider.name, name), loaderOf(provider, load)] as const,
			),
		),
	);
}

function loaderOf(provider: Provider, load: (use: ChoicesUse) => Promise<readonly Choice[]>): LoadOptions {
	return async function () {
		try {
			const choices = await load({ ...(await pullUseOf(this, provider)), timeZone: this.getTimezone() });
			return choices.map((choice) => ({ ...choice }));
		} catch (error) {
			// The editor shows of an error only that there was one.
			const message = error instanceof Error ? error.message : String(error);
			return [{ name: `Nothing could be loaded: ${message}`, value: '' }];
		}
	};
}
