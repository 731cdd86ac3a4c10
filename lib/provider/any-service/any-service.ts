import type { Provider } from '../provider';
import type { PullUse } from '../pull';
import { choices } from './choices';
import { apiKey, oAuth2 } from './credential';
import { restFields, restOptions } from './fields';
import { joiningFields, joiningOf } from './joining';
import { openPush, requireFields } from './push';
import { pushOptions } from './push-fields';
import { restApi } from './rest';
import { restTransport } from './rest-transport';
import { parseRestSettings } from './settings';
import { requireWebhookSecret, webhookSecret, webhookSecrets } from './webhook-credential';

function open(use: PullUse) {
	const settings = parseRestSettings(use.settings);
	const { transport, baseUrl } = restTransport(use, settings.requestsPerMinute);
	return restApi(settings, baseUrl, transport, use.credentialId, joiningOf(use.push ?? {}));
}

/** A service that the user describes. */
export const anyService = {
	name: 'anyService',
	displayName: 'Any Service',
	description: 'Any other service that sends webhooks or has an API with lists (JSON)',
	events: {},
	push: {
		credentials: [webhookSecret],
		fields: joiningFields,
		options: pushOptions,
		setup:
			'Choose the service and enter its secret in the credential. Copy the Production URL from "Webhook URLs" above, and enter it at the service. If the service uses a secret in the URL, append ?secret= and the secret.',
		secrets: webhookSecrets,
		requireSecret: requireWebhookSecret,
		requireFields,
		joins: (settings) => joiningOf(settings) !== undefined,
		open: openPush,
	},
	pull: { credentials: [apiKey, oAuth2], fields: restFields, options: restOptions, choices, open },
} as const satisfies Provider;
