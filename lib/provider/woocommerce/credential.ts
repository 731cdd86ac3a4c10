import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { type Exchange, type Transport, createTransport } from '../../http/transport';
import { isLoopback } from '../../http/hosts';
import { printable, readFields } from '../access';

const credential = z.object({
	siteUrl: z.string().trim().min(1),
	consumerKey: printable,
	consumerSecret: printable,
	sendsKeyInUrl: z.boolean().nullish(),
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
	const fields = readFields('WooCommerce', credential, data, LABELS);
	const url = URL.parse(fields.siteUrl);
	if (!url || !/^https?:$/.test(url.protocol) || `${url.username}${url.search}${url.hash}` !== '') {
		throw new HybridSyncError(
			'configuration',
			'The Shop URL in the credential is not usable. Enter it like https://shop.example.com, as WordPress has it under Settings, General.',
		);
	}
	if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
		throw new HybridSyncError(
			'configuration',
			'The Shop URL in the credential is not HTTPS: anyone on the way could read the keys of the shop. Enter its https:// address.',
		);
	}
	const path = url.pathname.replace(/\/wp-json(?:\/.*)?$/, '').replace(/\/+$/, '');
	return { ...fields, siteUrl: `${url.origin}${path}` };
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
			'Check the Consumer Key and the Consumer Secret in the credential of the trigger, and that the key belongs to a user who may manage the shop (Shop Manager or Administrator).',
		...use,
	});
}
