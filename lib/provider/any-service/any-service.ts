import { createTransport } from '../../http/transport';
import type { Provider } from '../provider';
import type { PullUse } from '../pull';
import { apiKey, oAuth2, restAccess } from './credential';
import { restFields, restOptions } from './fields';
import { openPush, requireFields } from './push';
import { pushOptions } from './push-fields';
import { restApi } from './rest';
import { parseRestSettings } from './settings';
import { requireWebhookSecret, webhookSecret, webhookSecrets } from './webhook-credential';

/** Of an API whose limits nobody knows: no more than a few browsers would make. */
const PARALLEL_REQUESTS = 5;

function open(use: PullUse) {
	const { credential, credentialType, credentialId, readCredential, exchange } = use;
	const settings = parseRestSettings(use.settings);
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
		limits: { quota: { requests: settings.requestsPerMinute, perMs: 60_000 }, parallel: PARALLEL_REQUESTS },
		credentialHint: 'Check the credential of this node: key or login, and the API URL.',
	});
	return restApi(settings, access.baseUrl, transport, credentialId);
}

function tokensOf({ oauthTokenData }: PullUse['credential']): Record<string, unknown> {
	return typeof oauthTokenData === 'object' ? { ...oauthTokenData } : {};
}

/** A service that the user describes. */
export const anyService = {
	name: 'anyService',
	displayName: 'Any Service',
	description: 'Any service that sends webhooks, any API that lists rows as JSON',
	events: {},
	push: {
		credentials: [webhookSecret],
		options: pushOptions,
		setup:
			'Choose the service and enter its secret in the credential. Copy the Production URL from "Webhook URLs" above, and enter it at the service. With a secret in the URL, append ?secret= and the secret.',
		secrets: webhookSecrets,
		requireSecret: requireWebhookSecret,
		requireFields,
		open: openPush,
	},
	pull: { credentials: [apiKey, oAuth2], fields: restFields, options: restOptions, open },
} as const satisfies Provider;
