import { type Transport, createTransport } from '../../http/transport';
import type { PullUse } from '../pull';
import { oAuth2, restAccess } from './credential';

/** Of an API whose limits nobody knows: no more than a few browsers would make. */
const PARALLEL_REQUESTS = 5;
/** While somebody looks for a description: an entry costs some twenty. */
const LOOKING_PER_MINUTE = 300;

/**
 * Asks an API that a user has described.
 *
 * @throws HybridSyncError `configuration` naming the field of the credential to fill in
 */
export function restTransport(
	use: Omit<PullUse, 'settings' | 'share'>,
	requestsPerMinute = LOOKING_PER_MINUTE,
): { transport: Transport; baseUrl: string } {
	const { credential, credentialType, credentialId, readCredential, exchange } = use;
	const isOAuth2 = credentialType === oAuth2.type;
	const { secrets, ...access } = restAccess(isOAuth2 ? { ...credential, authentication: 'none' } : credential);
	const transport = createTransport({
		service: URL.parse(access.baseUrl)?.host ?? 'The API',
		...access,
		// Tells credentials apart whose secrets n8n sends, and a connection from the one that took its place.
		identity: [credentialId, tokensOf(credential)['refresh_token']],
		...(isOAuth2 && { proofSecret: credential['clientSecret'] }),
		// n8n may have refreshed the token with the very request.
		secrets: async () => {
			if (!isOAuth2) return secrets;
			const token = tokensOf(await readCredential())['access_token'];
			return typeof token === 'string' ? [token] : [];
		},
		exchange,
		limits: { quota: { requests: requestsPerMinute, perMs: 60_000 }, parallel: PARALLEL_REQUESTS },
		credentialHint: 'Check the credential of the trigger: key or login, and the API URL.',
	});
	return { transport, baseUrl: access.baseUrl };
}

function tokensOf({ oauthTokenData }: PullUse['credential']): Record<string, unknown> {
	return typeof oauthTokenData === 'object' ? { ...oauthTokenData } : {};
}
