import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { schemes } from '../../signature/schemes';
import { createTransport } from '../../http/transport';
import type { Provider } from '../provider';
import { contacts } from './contacts';
import { accessOf, requireWebhookSecret, webhookSecrets } from './credential';
import { eventTypes } from './event-types';
import { parsePush } from './push';

const account = z.looseObject({ accountId: z.string().min(1) });

/** Per user. @see https://apireference.getresponse.com/#section/Limits-and-throttling */
const LIMITS = { perSecond: 80, quota: { requests: 30_000, perMs: 10 * MINUTE }, parallel: 10 };

/**
 * GetResponse: webhooks as its documentation describes them, and API v3.
 * @see https://apidocs.getresponse.com/v3/webhooks
 * @see https://apireference.getresponse.com
 */
export const getResponse: Provider = {
	name: 'getresponse',
	displayName: 'GetResponse',
	signature: schemes.getresponse,
	// A success without exactly this body is delivered again.
	success: { status: 200, contentType: 'application/json', body: '{"status":"OK"}' },
	eventTypes,
	resources: { contacts },
	parsePush,
	transport: (credential, use) =>
		createTransport({
			service: 'GetResponse',
			...accessOf(credential),
			...use,
			limits: LIMITS,
			credentialHint: 'Check the API key and the region or API URL in the credential of this node.',
		}),
	webhookSecrets,
	requireWebhookSecret,
	async account(transport) {
		const response = await transport.get({ path: '/accounts', query: { fields: 'accountId' } });
		const parsed = account.safeParse(response.body);
		if (!parsed.success) {
			throw new HybridSyncError(
				'bad-response',
				'GetResponse answered without an account id. Check the API URL and the region in the credential.',
			);
		}
		return parsed.data.accountId;
	},
};
