import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { type Exchange, type Transport, createTransport } from '../../http/transport';
import { optionalText, printable, readFields } from '../access';

const credential = z.object({
	apiKey: printable,
	apiUrl: optionalText.transform((url) => (url === '' ? 'https://api.stripe.com' : url)),
});

/** Requests a second: what a sandbox allows, and by default each endpoint of the API. @see https://docs.stripe.com/rate-limits */
const LIMITS = { perSecond: 25 };

/**
 * @param data the decrypted credential
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function stripeAccess(data: unknown): z.infer<typeof credential> {
	return readFields('Stripe', credential, data, { apiKey: 'API Key, such as a restricted key (rk_…) of your account' });
}

/** Whether the key is for real payments or for tests; nothing where it does not say. */
export function modeOf(data: unknown): 'live' | 'test' | undefined {
	const [, mode] = /^[a-z]+_(live|test)_/.exec(stripeAccess(data).apiKey) ?? [];
	return mode === 'live' || mode === 'test' ? mode : undefined;
}

export function transportOf(data: unknown, use: { readonly exchange: Exchange; readonly share?: number }): Transport {
	const { apiUrl, apiKey } = stripeAccess(data);
	return createTransport({
		service: 'Stripe',
		baseUrl: apiUrl,
		headers: { authorization: `Bearer ${apiKey}` },
		limits: LIMITS,
		credentialHint: 'Check the API key in the credential of the trigger.',
		...use,
	});
}

/** Rights of a restricted key, by the names of the dashboard. @see https://docs.stripe.com/keys/restricted-api-keys */
export const RIGHTS = {
	events: 'Events: Read',
	readWebhooks: 'Webhook Endpoints, Event Destinations: Read',
	writeWebhooks: 'Webhook Endpoints, Event Destinations: Write',
} as const;

/** A refusal by Stripe for want of a right, as an error that names it; any other error as it is. */
export function lacksRight(error: unknown, right: string, otherwise = ''): unknown {
	if (!(error instanceof HybridSyncError) || error.details.status !== 403) return error;
	return new HybridSyncError(
		'credential-invalid',
		`The API key may not do this: it needs the right "${right}". Open the key in Stripe (Developers, API Keys, Edit Key), give it the right, and save.${otherwise} Stripe says: ${error.message}`,
		error.details,
	);
}
