import type { ILoadOptionsFunctions, INodeListSearchResult, INodePropertyOptions } from 'n8n-workflow';
import type { Choice, ChoicesUse, FoundChoices, Provider, Searched } from '../../lib';
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

type ListSearch = (
	this: ILoadOptionsFunctions,
	filter?: string,
	paginationToken?: string,
) => Promise<INodeListSearchResult>;

/** The methods by which the editor searches the lists of the providers, a page at a time. */
export function searchMethods(halves: readonly Half[]): Record<string, ListSearch> {
	return Object.fromEntries(
		providersWith(halves).flatMap((provider) =>
			Object.entries(provider.pull?.searches ?? {}).map(
				([name, search]) => [choicesMethod(provider.name, name), searcherOf(provider, search)] as const,
			),
		),
	);
}

function searcherOf(
	provider: Provider,
	search: (use: ChoicesUse, asked: Searched) => Promise<FoundChoices>,
): ListSearch {
	return async function (filter, paginationToken) {
		const page = Number(paginationToken ?? 1);
		const use = { ...(await pullUseOf(this, provider)), timeZone: this.getTimezone() };
		const { choices, hasMore } = await search(use, { page, ...(filter && { text: filter }) });
		return { results: choices.map((choice) => ({ ...choice })), ...(hasMore && { paginationToken: String(page + 1) }) };
	};
}
