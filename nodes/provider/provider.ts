import type { IDataObject, INodeCredentialDescription, INodeProperties, IPollFunctions } from 'n8n-workflow';
import { isDomainAllowed } from 'n8n-workflow';
import {
	type Exchange,
	type HelperRequest,
	HybridSyncError,
	type PollApi,
	type PollSource,
	type Provider,
	type ProviderName,
	createTransport,
	helperExchange,
	parseRestSettings,
	providers,
	restAccess,
	restApi,
	undiciExchange,
} from '../../lib';

/** How both triggers find the provider that the user chose, and how the polling one reaches it. */

/** The credential type of each provider that pushes. */
const credentialTypes: Readonly<Record<ProviderName, string>> = { getresponse: 'hybridSyncGetResponseApi' };

export const showOnlyForGetResponse = { show: { provider: ['getresponse'] } };
export const showOnlyForRest = { show: { provider: ['rest'] } };

export const providerProperty: INodeProperties = {
	displayName: 'Provider',
	name: 'provider',
	type: 'options',
	noDataExpression: true,
	options: [{ name: 'GetResponse', value: 'getresponse' }],
	default: 'getresponse',
	description: 'The service that the events come from',
};

export const getResponseCredential: INodeCredentialDescription = {
	name: 'hybridSyncGetResponseApi',
	required: true,
	displayOptions: showOnlyForGetResponse,
};

/**
 * Where a REST API's credential is shown: by "hide", because n8n's editor makes a field on all of whose options a credential
 * depends a part of the credential, and hides it, together with Provider.
 */
export const showOnlyForRestKey = { show: { provider: ['rest'] }, hide: { restAuthentication: ['oAuth2'] } };

export const restOAuth2Credential: INodeCredentialDescription = {
	name: 'hybridSyncHttpOAuth2Api',
	required: true,
	displayOptions: { show: { provider: ['rest'], restAuthentication: ['oAuth2'] } },
};

/** A node's context, as far as its provider is concerned. */
interface ProviderContext {
	getNodeParameter(name: string): unknown;
	getCredentials(type: string): Promise<object>;
}

export function providerOf(context: ProviderContext): Provider {
	return providers[context.getNodeParameter('provider') as ProviderName];
}

/** Names the chosen credential, whose secrets tell one sender from another. */
export function senderOf(context: Pick<IPollFunctions, 'getNode'> & ProviderContext): string {
	const type = credentialTypes[context.getNodeParameter('provider') as ProviderName];
	return context.getNode().credentials?.[type]?.id ?? '';
}

export async function credentialOf(context: ProviderContext): Promise<object> {
	return await context.getCredentials(credentialTypes[context.getNodeParameter('provider') as ProviderName]);
}

/** How a polling trigger uses an API. */
export interface ApiUse {
	/** Of the provider's limits, from 0 to 1. */
	readonly share: number;
	/** Of an API whose limits nobody knows. */
	readonly requestsPerMinute: number;
}

/** What a polling trigger reads; nothing where it only hands over again. */
export function sourceOf(context: IPollFunctions, use: ApiUse): PollSource | undefined {
	const name = context.getNodeParameter('provider') as string;
	if (name === 'none') return undefined;
	return {
		provider: name,
		...(name !== 'rest' && { sender: senderOf(context) }),
		open: async () => (name === 'rest' ? await restApiOf(context, use) : await providerApiOf(context, use)),
	};
}

async function providerApiOf(context: IPollFunctions, { share }: ApiUse): Promise<PollApi> {
	const provider = providerOf(context);
	const credential = await readCredential(credentialOf(context));
	return {
		resources: chosenResources(context, provider),
		transport: provider.transport(credential, { exchange: undiciOf(context), share }),
		account: async (transport) => await provider.account(transport),
	};
}

/** A credential that n8n cannot give is one to mend, like one with a wrong key. */
async function readCredential<T>(credential: Promise<T>): Promise<T> {
	return await credential.catch((cause: unknown) => {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new HybridSyncError('configuration', `The credential of this node cannot be read: ${reason}`, { cause });
	});
}

function chosenResources(context: IPollFunctions, { resources: known }: Provider) {
	const chosen = context.getNodeParameter('resources') as string[];
	const resources = Object.values(known).filter(({ name }) => chosen.includes(name));
	if (resources.length > 0) return resources;
	throw new HybridSyncError('configuration', 'Choose at least one kind of event under "Events to Find".');
}

/** Of an API whose limits nobody knows: no more than a few browsers would make. */
const PARALLEL_REQUESTS = 5;

const REST_HINT = 'Check the credential of this node: key or login, and the API URL.';

async function restApiOf(context: IPollFunctions, { requestsPerMinute }: ApiUse): Promise<PollApi> {
	const settings = parseRestSettings(restParameters(context));
	const oAuth2 = context.getNodeParameter('restAuthentication') === 'oAuth2';
	const type = oAuth2 ? 'hybridSyncHttpOAuth2Api' : 'hybridSyncHttp';
	const data = await readCredential(context.getCredentials<IDataObject>(type));
	const { secrets, ...access } = restAccess(oAuth2 ? { ...data, authentication: 'none' } : data);
	allowDomain(data, access.baseUrl);
	const service = URL.parse(access.baseUrl)?.host ?? 'The API';
	const transport = createTransport({
		service,
		...access,
		identity: identityOf(context, type, data),
		...(oAuth2 && { proofSecret: data['clientSecret'] }),
		// n8n may have refreshed the token with the very request.
		secrets: async () => (oAuth2 ? accessTokenIn(await context.getCredentials(type)) : secrets),
		exchange: oAuth2 ? oAuth2ExchangeOf(context, type, service) : undiciOf(context),
		limits: { quota: { requests: requestsPerMinute, perMs: 60_000 }, parallel: PARALLEL_REQUESTS },
		credentialHint: REST_HINT,
	});
	return restApi(settings, access.baseUrl, transport, context.getNode().credentials?.[type]?.id ?? '');
}

/** Tells credentials apart whose secrets n8n sends, and a connection from the one that took its place. */
function identityOf(context: IPollFunctions, type: string, { oauthTokenData }: IDataObject): unknown {
	const refreshToken = (oauthTokenData as IDataObject | undefined)?.['refresh_token'];
	return [context.getNode().credentials?.[type]?.id, refreshToken];
}

function accessTokenIn({ oauthTokenData }: IDataObject): string[] {
	const token = (oauthTokenData as IDataObject | undefined)?.['access_token'];
	return typeof token === 'string' ? [token] : [];
}

/** The fields that describe the API; n8n hides those that do not belong to the choice that was made. */
function restParameters(context: IPollFunctions): IDataObject {
	const { parameters } = context.getNode();
	const names = Object.keys(parameters).filter((name) => name !== 'options');
	const given = Object.fromEntries(names.map((name) => [name, context.getNodeParameter(name) as IDataObject]));
	const options = context.getNodeParameter('options', {}) as IDataObject;
	return { ...given, ...options };
}

/** Domains that the credential may be used with, as its owner has set them in n8n. */
export function allowDomain(data: IDataObject, url: string): void {
	const { allowedHttpRequestDomains: mode, allowedDomains } = data;
	if (mode !== 'domains' || typeof allowedDomains !== 'string' || isDomainAllowed({ url, allowedDomains })) return;
	throw new HybridSyncError(
		'configuration',
		`The credential may be used with ${allowedDomains} only, and its API URL is another. Change one of the two in the credential.`,
	);
}

function undiciOf({ helpers }: IPollFunctions): Exchange {
	// Older versions of n8n have no such filter.
	const { getSecureEgressFilter } = helpers as Partial<typeof helpers>;
	return undiciExchange(getSecureEgressFilter?.());
}

/** n8n refreshes the tokens, so n8n makes the requests. */
function oAuth2ExchangeOf(context: IPollFunctions, type: string, service: string): Exchange {
	return helperExchange(
		async (request: HelperRequest) =>
			(await context.helpers.httpRequestWithAuthentication.call(context, type, { ...request })) as unknown,
		service,
		'Open the credential of this node and connect it again.',
	);
}
