import type { INodeCredentialDescription, INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { type EventType, type Field, type Provider, type ProviderCredential, providers } from '../../lib';

/**
 * What the trigger nodes show of the providers: built from the registry, here and nowhere else. A node with both halves
 * offers the providers that have both.
 */

export type Half = 'push' | 'pull';

/** In the order of the names that the user reads. */
export function providersWith(halves: readonly Half[]): Provider[] {
	return Object.values<Provider>(providers)
		.filter((provider) => halves.every((half) => provider[half] !== undefined))
		.sort((a, b) => (a.displayName < b.displayName ? -1 : 1));
}

const namesOf = (all: readonly Provider[]) => all.map(({ name }) => name);

/**
 * Of a field with this label, n8n's list of nodes makes a trigger for each option.
 *
 * @param more options that are no provider
 */
export function providerProperty(halves: readonly Half[], more: readonly INodePropertyOptions[] = []): INodeProperties {
	const all = providersWith(halves);
	const options = all.map(({ displayName, name, description, events }) => ({
		name: displayName,
		value: name,
		action: isNamed({ events }) ? `On ${displayName} event` : `On event of ${displayName.toLowerCase()}`,
		...(description !== undefined && { description }),
	}));
	return {
		displayName: 'Trigger On',
		name: 'provider',
		type: 'options',
		noDataExpression: true,
		options: sorted([...options, ...more]),
		default: all.find(isNamed)?.name ?? all[0]?.name ?? '',
		description: 'The service that the events come from',
	};
}

/** Whether its events are known, and nothing has to be described. */
const isNamed = ({ events }: Pick<Provider, 'events'>) => Object.keys(events).length > 0;

function sorted<O extends { readonly name: string }>(options: readonly O[]): O[] {
	return options.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The name of the provider, under the node. */
export function providerSubtitle(more: Readonly<Record<string, string>> = {}): string {
	const names = Object.fromEntries(
		Object.values<Provider>(providers).map(({ name, displayName }) => [name, displayName]),
	);
	return `={{ (${JSON.stringify({ ...names, ...more })})[$parameter["provider"]] ?? "" }}`;
}

/** Shown where one of these providers is chosen; in a collection by the path from the root. */
export function showOnlyFor(
	all: readonly Provider[],
	more: NonNullable<INodeProperties['displayOptions']>['show'] = {},
) {
	return { show: { provider: namesOf(all), ...more } };
}
export function showOptionFor(all: readonly Provider[]) {
	return { show: { '/provider': namesOf(all) } };
}

/** The field in which the user chooses among several credential types of a half. */
export const authenticationOf = (half: Half) => `${half}Authentication`;

const LABELS = { push: 'Webhook Authentication', pull: 'Authentication' } as const;

/** One field for each half and provider that can do with several credential types. */
export function authenticationProperties(halves: readonly Half[]): INodeProperties[] {
	return halves.flatMap((half) =>
		providersWith(halves).flatMap((provider): INodeProperties[] => {
			const credentials = provider[half]?.credentials ?? [];
			const [first] = credentials;
			if (!first || credentials.length < 2) return [];
			return [
				{
					displayName: LABELS[half],
					name: authenticationOf(half),
					type: 'options',
					noDataExpression: true,
					options: sorted(credentials.map(({ displayName: name, type: value }) => ({ name, value }))),
					default: first.type,
					displayOptions: showOnlyFor([provider]),
					description: 'How to authenticate with the service',
				},
			];
		}),
	);
}

/**
 * The credentials of a node. The editor takes a field for a part of the credentials, and hides it, once each of its values
 * is named in the `show` of one; and it places them behind the last field that is named so. So for each field one value at
 * least is left to `hide`.
 *
 * @param more options beside the providers, which need no credential
 */
export function credentialsOf(
	halves: readonly Half[],
	more: readonly INodePropertyOptions[] = [],
): INodeCredentialDescription[] {
	const all = providersWith(halves);
	const values = [...namesOf(all), ...more.map(({ value }) => String(value))];
	const uses = halves.flatMap((half) =>
		all.flatMap((provider) =>
			(provider[half]?.credentials ?? []).map((credential) => ({ half, provider, credential })),
		),
	);
	const byType = Map.groupBy(uses, ({ credential }) => credential.type);
	return [...byType].map(([name, users], index): INodeCredentialDescription => {
		const own = [...new Set(users.map(({ provider }) => provider.name))];
		const others = values.filter((value) => !own.includes(value));
		const choice = choiceOf(users, name);
		const show = { ...(others.length > 0 && index === 0 && { provider: own }), ...choice.show };
		const hide = { ...(others.length > 0 && index > 0 && { provider: others }), ...choice.hide };
		return {
			name,
			required: true,
			...(users[0]?.credential.test && { testedBy: name }),
			displayOptions: {
				...(Object.keys(show).length > 0 && { show }),
				...(Object.keys(hide).length > 0 && { hide }),
			},
		};
	});
}

/** By which of several credential types of a half one is shown. */
function choiceOf(
	users: readonly { half: Half; provider: Provider; credential: ProviderCredential }[],
	type: string,
): { show?: Record<string, string[]>; hide?: Record<string, string[]> } {
	const [user] = users;
	if (!user) return {};
	const types = (user.provider[user.half]?.credentials ?? []).map((credential) => credential.type);
	if (types.length < 2) return {};
	const field = authenticationOf(user.half);
	return types[0] === type ? { hide: { [field]: types.slice(1) } } : { show: { [field]: [type] } };
}

/** Who registers the webhook at the provider, where it has an API for that. */
export function registrationProperties(halves: readonly Half[]): INodeProperties[] {
	const all = providersWith(halves).filter(({ push }) => push?.subscriptions);
	const byDefault = all.filter(({ push }) => !push?.subscriptions?.choice);
	const byChoice = all.flatMap((provider) => {
		const { choice } = provider.push?.subscriptions ?? {};
		return choice ? [registrationProperty([provider], choice, 'byHand')] : [];
	});
	return [...(byDefault.length > 0 ? [registrationProperty(byDefault, USUAL_CHOICE, 'automatic')] : []), ...byChoice];
}

const USUAL_CHOICE = {
	automatic:
		'Publishing creates the webhook at the service, unpublishing removes it. A node that polls repairs it in between.',
	byHand: 'You enter the Production URL at the service, and the secret in the credential',
};

function registrationProperty(
	all: readonly Provider[],
	{ automatic, byHand }: typeof USUAL_CHOICE,
	preset: 'automatic' | 'byHand',
): INodeProperties {
	return {
		displayName: 'Register the Webhook',
		name: 'registration',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'Automatically', value: 'automatic', description: automatic },
			{ name: 'By Hand', value: 'byHand', description: byHand },
		],
		default: preset,
		displayOptions: showOnlyFor(all),
		description: 'How the service learns where to send its events',
	};
}

/** What a user has to do at the provider so that webhooks come. */
export function setupNotices(halves: readonly Half[]): INodeProperties[] {
	return providersWith(halves).flatMap(({ push, ...provider }): INodeProperties[] => {
		if (!push) return [];
		return [
			{
				displayName: push.setup,
				name: `${provider.name}Setup`,
				type: 'notice',
				default: '',
				displayOptions: showOnlyFor([provider], push.subscriptions && { registration: ['byHand'] }),
			},
		];
	});
}

/** How well polling finds what push has lost, in words. The editor shows two lines, which are some 110 characters. */
const BACKSTOPS = {
	exact: 'By webhook; polling finds a lost one',
	'object-and-time': 'By webhook; polling finds a lost one',
	approximate: 'By webhook; polling finds a lost one by what it is about and when',
	none: 'By webhook only: polling cannot find it',
} as const;

/** How an event comes, in words. */
function sentenceOf({ push, backstop, cost }: EventType): string {
	const comes = push ? BACKSTOPS[backstop] : 'By polling only';
	return cost === undefined ? comes : `${comes} (${cost})`;
}

/** How all events come, where there is only one way. */
function sentenceOfAll({ push, backstop }: EventType): string {
	if (!push) return 'Events come by polling only.';
	if (backstop === 'none') return 'Events come by webhook only: polling cannot find them.';
	return 'Events come by webhook, and polling finds those that were lost.';
}

/**
 * The kinds of events that webhooks bring, or that polling finds where a user chooses events there, to choose from.
 *
 * @param saysBackstop with how well polling finds each of them
 */
export function eventsProperties(halves: readonly Half[], saysBackstop: boolean): INodeProperties[] {
	return providersWith(halves).flatMap((provider): INodeProperties[] => {
		const offers = halves.includes('push') || provider.pull?.findsEvents;
		const isPolled = halves.includes('pull') && provider.pull?.findsEvents === true;
		const known = Object.entries(provider.events).filter(
			([, { push, resource }]) => (halves.includes('push') && push) || (isPolled && resource !== undefined),
		);
		if (!offers || known.length === 0) return [];
		// What is the same of all of them need not stand with each.
		const isSame = new Set(known.map(([, each]) => sentenceOf(each))).size === 1;
		return [
			{
				displayName: 'Events',
				name: 'events',
				type: 'multiOptions',
				options: known.map(([value, type]) => ({
					name: type.displayName,
					value,
					...(saysBackstop && !isSame && { description: sentenceOf(type) }),
				})),
				default: [],
				displayOptions: showOnlyFor([provider]),
				description: [
					'Which events start the workflow. Leave it empty for all, also kinds that the service adds later.',
					...(known.some(([, { onlyByName }]) => onlyByName)
						? ['Kinds that only polling finds come only if you choose them.']
						: []),
					...(saysBackstop && isSame ? known.slice(0, 1).map(([, each]) => sentenceOfAll(each)) : []),
					...(halves.includes('push')
						? ['Other events are accepted and ignored, so that the service does not send them again.']
						: []),
				].join(' '),
			},
		];
	});
}

/** What can be polled, to choose from. */
export function resourcesProperties(halves: readonly Half[]): INodeProperties[] {
	return providersWith(halves).flatMap((provider): INodeProperties[] => {
		if (provider.pull?.findsEvents) return [];
		const resources = Object.values(provider.pull?.resources ?? {});
		const [first] = resources;
		if (!first) return [];
		return [
			{
				displayName: 'Events to Find',
				name: 'resources',
				type: 'multiOptions',
				options: sorted(resources.map(({ name, displayName }) => ({ name: displayName, value: name }))),
				default: [first.name],
				required: true,
				displayOptions: showOnlyFor([provider]),
				description: 'What to look for at the service',
			},
		];
	});
}

/** The fields in which the user describes what is to be polled, of each provider that has such fields. */
export function describedProperties(halves: readonly Half[]): INodeProperties[] {
	return providersWith(halves).flatMap((provider) =>
		// A field that both halves ask for is one.
		[...new Set(halves.flatMap((half) => provider[half]?.fields ?? []))].map((field) =>
			propertyOf(field, provider, ''),
		),
	);
}

/** More of the same, for a collection of options. */
export function describedOptions(halves: readonly Half[]): INodeProperties[] {
	return providersWith(halves).flatMap((provider) =>
		halves.flatMap((half) => provider[half]?.options ?? []).map((field) => propertyOf(field, provider, '/')),
	);
}

function propertyOf(
	{ show = {}, hide = {}, choicesFrom, dependsOn, typeOptions, itemName, ...field }: Field,
	{ name }: Provider,
	root: '' | '/',
): INodeProperties {
	const named = (conditions: NonNullable<Field['show']>) =>
		Object.fromEntries(Object.entries(conditions).map(([other, values]) => [`${root}${other}`, [...values]]));
	const isPicked = field.type === 'pickers';
	const loaded = choicesFrom !== undefined &&
		!isPicked && {
			loadOptionsMethod: choicesMethod(name, choicesFrom),
			...(dependsOn && { loadOptionsDependsOn: [...dependsOn] }),
		};
	return {
		...(field as unknown as INodeProperties),
		...((typeOptions ?? loaded) && { typeOptions: { ...typeOptions, ...loaded } }),
		...(isPicked && pickersOf(itemName ?? field.displayName, choicesMethod(name, choicesFrom ?? ''))),
		displayOptions: {
			show: { [`${root}provider`]: [name], ...named(show) },
			...(Object.keys(hide).length > 0 && { hide: named(hide) }),
		},
	};
}

/** Any number of things, each picked from a list that is searched, or by its id. */
function pickersOf(itemName: string, searchListMethod: string): Partial<INodeProperties> {
	return {
		type: 'fixedCollection',
		typeOptions: { multipleValues: true },
		options: [
			{
				name: 'items',
				displayName: itemName,
				values: [
					{
						displayName: itemName,
						name: 'item',
						type: 'resourceLocator',
						default: { mode: 'list', value: '' },
						modes: [
							{
								displayName: 'From List',
								name: 'list',
								type: 'list',
								typeOptions: { searchListMethod, searchable: true },
							},
							{ displayName: 'By ID', name: 'id', type: 'string', placeholder: 'e.g. pVZKi' },
						],
					},
				],
			},
		],
	};
}

/** Name of the method that loads a list to choose from: `anyServiceListings`. */
export const choicesMethod = (provider: string, choices: string) =>
	`${provider}${choices.charAt(0).toUpperCase()}${choices.slice(1)}`;
