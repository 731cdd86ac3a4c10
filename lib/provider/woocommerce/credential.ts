import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { type Exchange, type Transport, createTransport } from '../../http/transport';
import { isLoopback } from '../../http/hosts';

/** A field that was left empty may be missing, or null. */
const text = z
	.string()
	.trim()
	.nullish()
	.transform((value) => value ?? '');
const key = z
	.string()
	.trim()
	.regex(/^[\x21-\x7e]+$/);

const credential = z.object({
	siteUrl: z.string().trim().min(1),
	consumerKey: key,
	consumerSecret: key,
	sendsKeyInUrl: z.boolean().nullish(),
	webhookSecret: text,
});

const LABELS: Readonly<Record<string, string>> = {
	siteUrl: 'Shop URL',
	consumerKey: 'Consumer Key',
	consumerSecret: 'Consumer Secret',
};

export interface ShopAccess extends Omit<z.infer<typeof credential>, 'siteUrl'> {
	/** Without a slash at its end. */
	readonly siteUrl: string;
}

/**
 * @param data the decrypted credential
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function shopAccess(data: unknown): ShopAccess {
	const parsed = credential.safeParse(data);
	if (!parsed.success) {
		const field = String(parsed.error.issues[0]?.path[0] ?? '');
		throw new HybridSyncError(
			'configuration',
			`The WooCommerce credential lacks a usable ${LABELS[field] ?? field}. Open it and fill it in.`,
		);
	}
	const url = URL.parse(parsed.data.siteUrl);
	if (!url || !/^https?:$/.test(url.protocol) || `${url.username}${url.search}${url.hash}` !== '') {
		throw new HybridSyncError(
			'configuration',
			'The Shop URL in the credential is not usable. Enter it like https://shop.example.com, as WordPress has it under Settings, General.',
		);
	}
	if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
		throw new HybridSyncError(
			'configuration',
			'The Shop URL in the credential is not HTTPS: whoever listens on the way could read the keys of the shop. Enter its https:// address.',
		);
	}
	const path = url.pathname.replace(/\/wp-json(?:\/.*)?$/, '').replace(/\/+$/, '');
	return { ...parsed.data, siteUrl: `${url.origin}${path}` };
}

/** A shop has no limit of its own; its host may have one. */
const LIMITS = { parallel: 3 };

export function transportOf(data: unknown, use: { readonly exchange: Exchange }): Transport {
	const { siteUrl, consumerKey, consumerSecret, sendsKeyInUrl } = shopAccess(data);
	const basic = Buffer.from(`${consumerKey}:${consumerSecret}`).toString('base64');
	return createTransport({
		service: 'WooCommerce',
		baseUrl: `${siteUrl}/wp-json/wc/v3`,
		...(sendsKeyInUrl
			? { query: { consumer_key: consumerKey, consumer_secret: consumerSecret } }
			: { headers: { authorization: `Basic ${basic}` } }),
		limits: LIMITS,
		credentialHint:
			'Check the Consumer Key and the Consumer Secret in the credential of this node, and that the key belongs to a user who may manage the shop (Shop Manager or Administrator).',
		...use,
	});
}

/** A webhook's secret is decoded as HTML by the shop before it is used. */
const USABLE_SECRET = /^[^\s&<>"']{16,}$/;

export function webhookSecrets(data: unknown): string[] {
	const { webhookSecret } = shopAccess(data);
	return USABLE_SECRET.test(webhookSecret) ? [webhookSecret] : [];
}

export function requireWebhookSecret(data: unknown): void {
	if (webhookSecrets(data).length > 0) return;
	throw new HybridSyncError(
		'configuration',
		'Enter the Secret of the webhook in the credential of this node (at least 16 characters, none of & < > and quotation marks), or choose "Register the Webhook: Automatically". Without it anybody could send events, so all are refused.',
	);
}
