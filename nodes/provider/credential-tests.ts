import type { ICredentialTestFunctions, ICredentialsDecrypted, INodeCredentialTestResult } from 'n8n-workflow';
import {
	type Exchange,
	type HelperResponse,
	HybridSyncError,
	type LegacyRequest,
	createTransport,
	credentialTestExchange,
	openPostgres,
	postgresOptions,
	providers,
	restAccess,
} from '../../lib';
import { allowDomain } from './provider';

/**
 * Tests of the credentials, on the same transport that the nodes use: the key goes to the configured origin, no redirect is
 * followed, and the errors are those of the nodes.
 */

type CredentialTest = (
	this: ICredentialTestFunctions,
	credential: ICredentialsDecrypted,
) => Promise<INodeCredentialTestResult>;

export const testGetResponse: CredentialTest = async function (credential) {
	return await resultOf(async () => {
		const transport = providers.getresponse.transport(dataOf(credential), { exchange: exchangeOf(this), share: 1 });
		await providers.getresponse
			.account(transport)
			.catch(refusedAs('GetResponse refused the API key. Check the key, and that the region is that of your account.'));
		return 'The API key works';
	});
};

export const testHttp: CredentialTest = async function (credential) {
	return await resultOf(async () => {
		const data = dataOf(credential);
		const { secrets, ...access } = restAccess(data);
		allowDomain(data, access.baseUrl);
		const path = typeof data['testPath'] === 'string' ? data['testPath'].trim() : '';
		if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(path)) {
			throw new Error('"Test Path" is a whole address. Enter only what comes after the API URL, e.g. /me.');
		}
		const service = URL.parse(access.baseUrl)?.host ?? 'The API';
		const credentialHint = 'Check this credential, and the API URL.';
		const exchange = exchangeOf(this);
		const secretsOf = () => Promise.resolve(secrets);
		const transport = createTransport({ service, ...access, secrets: secretsOf, exchange, credentialHint });
		if (path === '') return 'Saved, and not tried: enter a Test Path to see whether the API accepts it';
		await transport.get({ path }).catch(refusedAs('The API refused this credential. Check it, and the API URL.'));
		return `${service} answers, and accepts the credential`;
	});
};

/** Connects, and makes sure that the ledger is there. */
export const testLedgerPostgres: CredentialTest = async function (credential) {
	return await resultOf(async () => {
		const backend = await openPostgres(postgresOptions(credential.data), { retryForMs: 0 });
		await backend.close();
		return 'Connected, and the ledger is ready';
	});
};

/** Says in the words of this form that the credential was refused. */
function refusedAs(message: string): (error: unknown) => never {
	return (error) => {
		throw error instanceof HybridSyncError && error.code === 'credential-invalid' ? new Error(message) : error;
	};
}

async function resultOf(test: () => Promise<string>): Promise<INodeCredentialTestResult> {
	try {
		return { status: 'OK', message: await test() };
	} catch (error) {
		return { status: 'Error', message: error instanceof Error ? error.message : String(error) };
	}
}

const dataOf = ({ data }: ICredentialsDecrypted) => data ?? {};

function exchangeOf({ helpers }: ICredentialTestFunctions): Exchange {
	return credentialTestExchange(
		async (request: LegacyRequest) => (await helpers.request({ ...request })) as HelperResponse,
	);
}
