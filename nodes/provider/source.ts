import type { IDataObject, ILoadOptionsFunctions, IPollFunctions } from 'n8n-workflow';
import {
	type Exchange,
	type HelperRequest,
	HybridSyncError,
	type Ledger,
	type PollApi,
	type PollSource,
	type Provider,
	type PullUse,
	helperExchange,
} from '../../lib';
import { withinAllowedDomains } from './allowed-domains';
import { exchangeFor } from './exchange';
import { registrarOf } from './registrar';
import { identityOf } from '../ledger/ledger';
import { isReceiving } from '../workflow/kinds';
import { webhookTriggersBeside } from '../workflow/neighbours';
import { nodeOf } from '../workflow/node';
import { chosenCredential, chosenEvents, chosenList, chosenProvider, readCredential, settingsOf } from './chosen';

/** How a polling node reaches the provider that the user chose. */

/** A tick, or the editor that loads a list. */
export type PullContext = IPollFunctions | ILoadOptionsFunctions;

/**
 * What a node reads; nothing where it only redelivers.
 *
 * @param share of the provider's limits, from 0 to 1
 * @param ledger absent where nothing is stored, in a test without one
 */
export async function sourceOf(
	context: IPollFunctions,
	share: number,
	ledger?: Ledger,
): Promise<PollSource | undefined> {
	const provider = chosenProvider(context);
	if (!provider?.pull) return undefined;
	const names = provider.pull.resources && (chosenResources(context) ?? resourcesOfEvents(context, provider));
	const isWebhooksOnly = names?.length === 0 && chosenResources(context) === undefined;
	// Webhooks that were registered are looked after all the same.
	if (isWebhooksOnly && !provider.push?.subscriptions) return undefined;
	const other = await otherPath(context, provider, ledger);
	return {
		provider: provider.name,
		...(other.sender !== undefined && { sender: other.sender }),
		open: async () => await open(context, provider, names, share, other),
		...(provider.push?.subscriptions && {
			registrar: async () => await registrarOf(context, provider, joiningHalf(context)),
		}),
	};
}

/** The webhooks that may bring the same events. */
interface OtherPath {
	/** Names the credential that they are proven by. Nothing where there are none. */
	readonly sender?: string;
	/** What the node that gets them is set to. */
	readonly settings?: IDataObject;
	/** The webhook trigger of which nobody knows yet what its webhooks are proven by. */
	readonly unpublished?: string;
}

async function otherPath(context: IPollFunctions, provider: Provider, ledger: Ledger | undefined): Promise<OtherPath> {
	const { push } = provider;
	if (!push) return {};
	if (isReceiving(nodeOf(context))) {
		const settings = settingsOf(context);
		return push.joins?.(settings) === false ? {} : { settings, sender: senderOf(context, provider) };
	}
	// A named provider has one credential for both.
	if (!push.joins) return { sender: senderOf(context, provider) };
	const joined = webhookTriggersBeside(context, provider.name)
		.map(({ name, parameters }) => {
			return { name, settings: { ...parameters, ...(parameters?.['additionalOptions'] as IDataObject | undefined) } };
		})
		.find(({ settings }) => push.joins?.(settings));
	if (!joined || !ledger) return {};
	const { name, settings } = joined;
	const { stream, workflow } = identityOf(context);
	const known = await ledger.triggers(stream, workflow);
	const row = known.find((each) => each.role === 'push' && each.name === name);
	return row ? { settings, sender: row.sender } : { settings, unpublished: name };
}

/**
 * Names the credential that both paths are joined by. In a node that receives too it is the one that webhooks are proven by,
 * which may be another than the one for the API.
 */
function senderOf(context: IPollFunctions, provider: Provider): string {
	return chosenCredential(context, provider, joiningHalf(context)).id;
}

const joiningHalf = (context: IPollFunctions) => (isReceiving(nodeOf(context)) ? 'push' : 'pull');

/** What the user has chosen to be polled, in nodes that ask. */
function chosenResources(context: IPollFunctions): string[] | undefined {
	return chosenList(context, 'resources', 'Events to Find');
}

/** What finds the events that the user has chosen, in nodes that ask for events. */
function resourcesOfEvents(context: IPollFunctions, provider: Provider): string[] {
	const chosen = chosenEvents(context, provider);
	const wanted = Object.entries(provider.events).filter(([type, { onlyByName }]) =>
		chosen.length === 0 ? !onlyByName : chosen.includes(type),
	);
	return [...new Set(wanted.flatMap(([, { resource }]) => resource ?? []))];
}

async function open(
	context: IPollFunctions,
	provider: Provider,
	names: readonly string[] | undefined,
	share: number,
	{ settings: push, unpublished }: OtherPath,
): Promise<PollApi> {
	if (unpublished !== undefined) {
		// Both are published at the same moment.
		throw new HybridSyncError(
			'unavailable',
			`"${unpublished}", which gets the webhooks of the same events, is not known to the ledger yet. Polling begins as soon as it is; if this goes on, publish the workflow again.`,
		);
	}
	const { pull, displayName } = provider;
	const known = Object.keys(pull?.resources ?? {});
	const isLost = names !== undefined && !names.some((name) => known.includes(name));
	if (isLost && (names.length > 0 || chosenResources(context) !== undefined)) {
		throw new HybridSyncError('configuration', `Choose at least one event of ${displayName} under "Events to Find".`);
	}
	const types = pull?.findsEvents ? chosenEvents(context, provider) : [];
	const api = pull?.open({ ...(await pullUseOf(context, provider)), share, types, ...(push && { push }) });
	if (!api)
		throw new HybridSyncError(
			'configuration',
			`${displayName} cannot be polled. Choose another one under "Trigger On".`,
		);
	if (!names) return api;
	const isChosen = ({ name }: { readonly name: string }) => names.includes(name);
	return {
		...api,
		resources: api.resources.filter(isChosen),
		...(api.parents && { parents: api.parents.filter(isChosen) }),
	};
}

/** With what the API of a provider is asked. */
export async function pullUseOf(context: PullContext, provider: Provider): Promise<Omit<PullUse, 'share'>> {
	const { credential, id } = chosenCredential(context, provider, 'pull');
	const data = await readCredential(context, credential.type);
	const requests = credential.isOAuth2
		? oAuth2Exchange(context, credential.type, data, provider.displayName)
		: undefined;
	return {
		credential: data,
		credentialType: credential.type,
		credentialId: id,
		readCredential: async () => await readCredential(context, credential.type),
		settings: settingsOf(context),
		exchange: requests ? withinAllowedDomains(data, requests) : exchangeFor(context, data),
		plainExchange: exchangeFor(context, {}),
	};
}

/** n8n refreshes the tokens, so n8n makes the requests. */
function oAuth2Exchange(context: PullContext, type: string, { apiUrl }: IDataObject, name: string): Exchange {
	const service = typeof apiUrl === 'string' ? (URL.parse(apiUrl)?.host ?? name) : name;
	return helperExchange(
		async (request: HelperRequest) =>
			(await context.helpers.httpRequestWithAuthentication.call(context, type, { ...request })) as unknown,
		service,
		'Open the credential of the trigger and connect it again.',
	);
}
