import { createHash, createHmac } from 'node:crypto';

/** The headers of a delivery. The signature is over the exact body, under the secret after HTML decoding. */
export function deliveryHeaders(
	webhook: { id: number; topic: string; secret: string },
	body: string,
	siteUrl: string,
	now: number,
): Record<string, string> {
	const [resource = '', event = ''] = webhook.topic.split('.');
	return {
		'content-type': 'application/json',
		'user-agent': USER_AGENT,
		'x-wc-webhook-source': `${siteUrl}/`,
		'x-wc-webhook-topic': webhook.topic,
		'x-wc-webhook-resource': resource,
		'x-wc-webhook-event': event,
		'x-wc-webhook-signature': sign(body, webhook.secret),
		'x-wc-webhook-id': String(webhook.id),
		'x-wc-webhook-delivery-id': deliveryId(webhook.id, now),
	};
}

export const USER_AGENT = 'WooCommerce/10.9.0 Hookshot (WordPress/6.9)';

export const sign = (body: string, secret: string) =>
	createHmac('sha256', htmlDecoded(secret)).update(body).digest('base64');

/** Two deliveries of one webhook within a second share it. */
const deliveryId = (webhookId: number, now: number) =>
	createHash('md5')
		.update(`${webhookId}${Math.floor(now / 1000)}`)
		.digest('hex');

const ENTITIES: readonly [entity: RegExp, character: string][] = [
	[/&lt;|&#0*60;|&#x0*3c;/gi, '<'],
	[/&gt;|&#0*62;|&#x0*3e;/gi, '>'],
	[/&quot;|&#0*34;|&#x0*22;/gi, '"'],
	[/&#0*39;|&#x0*27;/gi, "'"],
	[/&amp;|&#0*38;|&#x0*26;/gi, '&'],
];

const htmlDecoded = (text: string) =>
	ENTITIES.reduce((decoded, [entity, character]) => decoded.replaceAll(entity, character), text);

const PORTS = new Set(['', '80', '443', '8080']);
const PRIVATE = /^(127\.|10\.|0\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.)/;

/** Whether WordPress calls a URL: no private or loopback address, only the ports 80, 443 and 8080. */
export function isCallable(url: string): boolean {
	const { hostname, port } = new URL(url);
	const isLocal = hostname === 'localhost' || hostname.startsWith('[') || PRIVATE.test(hostname);
	return PORTS.has(port) && !isLocal;
}
