import type { ICredentialTestFunctions, ICredentialsDecrypted, INodeCredentialTestResult } from 'n8n-workflow';
import {
	type Exchange,
	type HelperResponse,
	type LegacyRequest,
	type Provider,
	type ProviderCredential,
	credentialTestExchange,
	providers,
} from '../../lib';
import { withinAllowedDomains } from './allowed-domains';

/**
 * Tests of the credentials, on the same transport that the nodes use: the key goes to the configured origin, no redirect is
 * followed, and the errors are those of the nodes.
 */

export type CredentialTest = (
	this: ICredentialTestFunctions,
	credential: ICredentialsDecrypted,
) => Promise<INodeCredentialTestResult>;

/** The test of each credential type that a provider has one for, by the name of the type. */
export function credentialTests(): Record<string, CredentialTest> {
	const credentials = Object.values<Provider>(providers).flatMap(({ push, pull }) => [
		...(push?.credentials ?? []),
		...(pull?.credentials ?? []),
	]);
	return Object.fromEntries(
		credentials.flatMap(({ type, test }) => (test ? [[type, credentialTestOf(test)] as const] : [])),
	);
}

function credentialTestOf(test: NonNullable<ProviderCredential['test']>): CredentialTest {
	return async function (credential) {
		const data = credential.data ?? {};
		return await resultOf(async () => await test(data, withinAllowedDomains(data, exchangeOf(this))));
	};
}

/** What n8n shows of a test that returns what is well, or throws what is not. */
export async function resultOf(test: () => Promise<string>): Promise<INodeCredentialTestResult> {
	try {
		return { status: 'OK', message: await test() };
	} catch (error) {
		return { status: 'Error', message: error instanceof Error ? error.message : String(error) };
	}
}

function exchangeOf({ helpers }: ICredentialTestFunctions): Exchange {
	return credentialTestExchange(
		async (request: LegacyRequest) => (await helpers.request({ ...request })) as HelperResponse,
	);
}
