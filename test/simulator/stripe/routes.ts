import type { Endpoint, EndpointChange } from './endpoints';
import type { StripeEvent } from './events';
import { type Parameters, exclusive, integer, missingParameter } from './parameters';
import { Refusal, noSuch } from './refusal';
import type { Right, StripeState } from './state';

/** One request that has passed authentication. */
export interface Call {
	readonly state: StripeState;
	/** Of the query and of the form body. */
	readonly parameters: Parameters;
	/** The id in the path, or `''`. */
	readonly id: string;
	/** The header `Stripe-Account`. */
	readonly account: string | undefined;
}

export interface Route {
	readonly method: 'GET' | 'POST' | 'DELETE';
	readonly path: RegExp;
	readonly right: Right;
	readonly answer: (call: Call) => object;
}

const ENDPOINTS = /^\/v1\/webhook_endpoints$/;
const ENDPOINT = /^\/v1\/webhook_endpoints\/([^/]+)$/;

export const ROUTES: readonly Route[] = [
	{ method: 'GET', path: /^\/v1\/account$/, right: 'account_read', answer: account },
	{ method: 'GET', path: /^\/v1\/events$/, right: 'events_read', answer: listEvents },
	{ method: 'GET', path: /^\/v1\/events\/([^/]+)$/, right: 'events_read', answer: oneEvent },
	{ method: 'GET', path: ENDPOINTS, right: 'webhooks_read', answer: listEndpoints },
	{ method: 'POST', path: ENDPOINTS, right: 'webhooks_write', answer: createEndpoint },
	{ method: 'GET', path: ENDPOINT, right: 'webhooks_read', answer: oneEndpoint },
	{ method: 'POST', path: ENDPOINT, right: 'webhooks_write', answer: updateEndpoint },
	{ method: 'DELETE', path: ENDPOINT, right: 'webhooks_write', answer: deleteEndpoint },
];

function account({ state, parameters }: Call): object {
	parameters.only();
	return {
		id: state.accountId,
		object: 'account',
		business_type: null,
		charges_enabled: true,
		country: 'US',
		default_currency: 'usd',
		details_submitted: true,
		email: 'owner@example.com',
		payouts_enabled: true,
		type: 'standard',
	};
}

function oneEvent({ state, parameters, id }: Call): object {
	parameters.only();
	const event = state.events.get(id);
	if (!event) throw noSuch('event', id);
	return event;
}

function listEvents({ state, parameters, account: asked }: Call): object {
	parameters.only('created', 'type', 'types', 'delivery_success', 'starting_after', 'ending_before', 'limit');
	exclusive(parameters, 'ending_before', 'starting_after');
	const { events, switches } = state;
	const cursor = (name: string): StripeEvent | undefined => {
		const id = parameters.text(name);
		if (id === undefined) return undefined;
		const event = events.get(id);
		if (!event) throw noSuch('event', id, name, switches.missing);
		return event;
	};
	const hasType = typeFilter(parameters);
	const isDelivered = parameters.boolean('delivery_success');
	const page = events.page({
		...createdBounds(parameters),
		startingAfter: cursor('starting_after'),
		endingBefore: cursor('ending_before'),
		limit: parameters.limit(),
		passes: (event) =>
			hasType(event.type) &&
			(isDelivered === undefined || isDelivered === (event.pending_webhooks === 0)) &&
			(!switches.separatesAccounts || event.account === asked),
	});
	return { object: 'list', ...page, url: '/v1/events' };
}

/** `created`, and `created[gt|gte|lt|lte]`, as inclusive bounds in Unix seconds. */
function createdBounds(parameters: Parameters): { from: number; to: number } {
	let from = 0;
	let to = Infinity;
	for (const [key, value] of parameters.map('created')) {
		const second = integer(`created[${key}]`, value);
		if (key === 'gt' || key === 'gte') from = Math.max(from, key === 'gt' ? second + 1 : second);
		else if (key === 'lt' || key === 'lte') to = Math.min(to, key === 'lt' ? second - 1 : second);
		else if (key === '') from = to = second;
		else throw new Refusal(400, `Received unknown parameter: created[${key}]`, { code: 'parameter_unknown' });
	}
	return { from, to };
}

/** `type` may have wildcards, as in `invoice.*`; `types` has up to 20 whole names. */
function typeFilter(parameters: Parameters): (type: string) => boolean {
	exclusive(parameters, 'type', 'types');
	const names = parameters.list('types');
	if (names && names.length > 20) {
		throw new Refusal(400, 'Array must not have more than 20 elements', { param: 'types' });
	}
	if (names) return (type) => names.includes(type);
	const wanted = parameters.text('type');
	if (wanted === undefined) return () => true;
	if (!wanted.includes('*')) return (type) => type === wanted;
	const literal = wanted.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
	const pattern = new RegExp(`^${literal.replaceAll('*', '.*')}$`);
	return (type) => pattern.test(type);
}

function listEndpoints({ state, parameters }: Call): object {
	parameters.only('starting_after', 'ending_before', 'limit');
	exclusive(parameters, 'ending_before', 'starting_after');
	const all = state.endpoints.all();
	const indexOf = (name: string): number | undefined => {
		const id = parameters.text(name);
		const index = all.findIndex(({ shown }) => shown.id === id);
		if (id !== undefined && index < 0) throw noSuch('webhook endpoint', id, name, state.switches.missing);
		return id === undefined ? undefined : index;
	};
	const limit = parameters.limit();
	const older = all.slice((indexOf('starting_after') ?? -1) + 1);
	const before = indexOf('ending_before');
	const rest = before === undefined ? older : all.slice(0, before);
	const rows = before === undefined ? rest.slice(0, limit) : rest.slice(-limit);
	const data = rows.map(({ shown }) => shown);
	return { object: 'list', data, has_more: rest.length > rows.length, url: '/v1/webhook_endpoints' };
}

function createEndpoint({ state, parameters }: Call): object {
	parameters.only('url', 'enabled_events', 'api_version', 'connect', 'description', 'metadata');
	const url = parameters.required('url');
	const types = parameters.list('enabled_events');
	if (!types) throw missingParameter('enabled_events');
	const { shown, secrets } = state.endpoints.create({
		url,
		enabled_events: types,
		api_version: parameters.text('api_version') ?? null,
		connect: parameters.boolean('connect') ?? false,
		description: parameters.text('description') || null,
		metadata: changedMetadata({}, parameters),
	});
	return { ...shown, secret: secrets[0] };
}

function oneEndpoint({ state, parameters, id }: Call): object {
	parameters.only();
	return state.endpoints.get(id).shown;
}

function updateEndpoint({ state, parameters, id }: Call): object {
	const { shown }: Endpoint = state.endpoints.get(id);
	parameters.only('url', 'enabled_events', 'description', 'metadata', 'disabled');
	const url = parameters.has('url') ? parameters.required('url') : undefined;
	const types = parameters.list('enabled_events');
	const description = parameters.text('description');
	const isDisabled = parameters.boolean('disabled');
	const change: EndpointChange = {
		...(url !== undefined && { url }),
		...(types && { enabled_events: types }),
		...(description !== undefined && { description: description || null }),
		...(isDisabled !== undefined && { status: isDisabled ? 'disabled' : 'enabled' }),
		metadata: changedMetadata(shown.metadata, parameters),
	};
	return state.endpoints.change(id, change).shown;
}

function deleteEndpoint({ state, id }: Call): object {
	state.endpoints.remove(id);
	return { id, object: 'webhook_endpoint', deleted: true };
}

/** An empty value takes its key away, and an empty `metadata` all keys. */
function changedMetadata(before: EndpointChange['metadata'], parameters: Parameters): Record<string, string> {
	const given = parameters.map('metadata');
	if (given.get('')) throw new Refusal(400, 'Invalid object', { param: 'metadata' });
	const all = given.get('') === '' ? [] : [...Object.entries(before ?? {}), ...given];
	return Object.fromEntries(all.filter(([key]) => given.get(key) !== ''));
}
