import { z } from 'zod/v4';
import { HybridSyncError } from '../../errors';
import { schemes } from '../../signature/schemes';
import type { Provider } from '../provider';
import { contacts } from './contacts';
import { requireWebhookSecret, transportFor, webhookSecrets } from './credential';
import { eventTypes } from './event-types';
import { parsePush } from './push';

const account = z.looseObject({ accountId: z.string().min(1) });

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
	transport: transportFor,
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
		return { id: parsed.data.accountId };
	},
};
