import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { type Exchange, type Transport, createTransport } from '../../http/transport';
import { schemes } from '../../signature/schemes';
import type { Provider, ProviderCredential } from '../provider';
import { contacts } from './contacts';
import { accessOf, requireWebhookSecret, webhookSecrets } from './credential';
import { eventTypes } from './event-types';
import { readPush } from './push';

/** Per user. @see https://apireference.getresponse.com/#section/Limits-and-throttling */
const LIMITS = { perSecond: 80, quota: { requests: 30_000, perMs: 10 * MINUTE }, parallel: 10 };

function transportOf(credential: unknown, use: { readonly exchange: Exchange; readonly share?: number }): Transport {
	return createTransport({
		service: 'GetResponse',
		...accessOf(credential),
		...use,
		limits: LIMITS,
		credentialHint: 'Check the API key and the region or API URL in the credential of this node.',
	});
}

const account = z.looseObject({ accountId: z.string().min(1) });

async function accountOf(transport: Transport): Promise<string> {
	const response = await transport.send({ path: '/accounts', query: { fields: 'accountId' } });
	const parsed = account.safeParse(response.body);
	if (parsed.success) return parsed.data.accountId;
	throw new HybridSyncError(
		'bad-response',
		'GetResponse answered without an account id. Check the API URL and the region in the credential.',
	);
}

const apiKey: ProviderCredential = {
	type: 'hybridSyncGetResponseApi',
	displayName: 'API Key',
	async test(credential, exchange) {
		try {
			await accountOf(transportOf(credential, { exchange }));
		} catch (error) {
			if (!(error instanceof HybridSyncError) || error.code !== 'credential-invalid') throw error;
			throw new HybridSyncError(
				'credential-invalid',
				'GetResponse refused the API key. Check the key, and that the region is that of your account.',
			);
		}
		return 'The API key works';
	},
};

/**
 * GetResponse: webhooks as its documentation describes them, and API v3.
 * @see https://apidocs.getresponse.com/v3/webhooks
 * @see https://apireference.getresponse.com
 */
export const getResponse = {
	name: 'getresponse',
	displayName: 'GetResponse',
	events: eventTypes,
	push: {
		credentials: [apiKey],
		scheme: schemes.getresponse,
		// A success without exactly this body is delivered again.
		success: { status: 200, contentType: 'application/json', body: '{"status":"OK"}' },
		setup:
			'Open "Webhook URLs" above, copy the Production URL, append ?secret= and the Webhook Secret of your credential, and enter the result in GetResponse under Integrations and API, API, Webhooks.',
		secrets: webhookSecrets,
		requireSecret: requireWebhookSecret,
		read: readPush,
	},
	pull: {
		credentials: [apiKey],
		resources: { contacts },
		hasKnownLimits: true,
		open: ({ credential, exchange, share }) => ({
			resources: [contacts],
			transport: transportOf(credential, { exchange, share }),
			account: accountOf,
		}),
	},
} as const satisfies Provider;
