import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { type Exchange, type Transport, createTransport } from '../../http/transport';

/** A field that was left empty may be missing, or null. */
const text = z
	.string()
	.trim()
	.nullish()
	.transform((value) => value ?? '');

const credential = z.object({
	apiKey: z
		.string()
		.trim()
		.regex(/^[\x21-\x7e]+$/),
	apiUrl: text.transform((url) => (url === '' ? 'https://api.stripe.com' : url)),
	webhookSecret: text,
});

/** Requests a second: what a sandbox allows, and by default each endpoint of the API. @see https://docs.stripe.com/rate-limits */
const LIMITS = { perSecond: 25 };

/**
 * @param data the decrypted credential
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function stripeAccess(data: unknown): z.infer<typeof credential> {
	const parsed = credential.safeParse(data);
	if (parsed.success) return parsed.data;
	throw new HybridSyncError(
		'configuration',
		'The Stripe credential lacks a usable API Key. Open it and enter a restricted key (rk_…) of your Stripe account.',
	);
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
		credentialHint: 'Check the API key in the credential of this node.',
		...use,
	});
}

/** Shown once by Stripe, beside a webhook that was added by hand. */
export function webhookSecrets(data: unknown): string[] {
	const { webhookSecret } = stripeAccess(data);
	return USABLE_SECRET.test(webhookSecret) ? [webhookSecret] : [];
}
const USABLE_SECRET = /^whsec_\S{16,}$/;

export function requireWebhookSecret(data: unknown): void {
	if (webhookSecrets(data).length > 0) return;
	throw new HybridSyncError(
		'configuration',
		'Enter the Signing Secret (whsec_…) that Stripe shows beside the webhook in the credential of this node, or choose "Register the Webhook: Automatically". Without it anybody could send events, so all are refused.',
	);
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
