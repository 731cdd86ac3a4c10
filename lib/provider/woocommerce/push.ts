import { composeKey } from '../../event/key';
import { schemes } from '../../signature/schemes';
import { type Push, type PushApi, type PushUse, type ReadPush, oneEvent } from '../push';
import { shopAccess } from './credential';
import { eventTypes } from './event-types';
import { eventOf, readObject } from './identity';

/**
 * Receives the webhooks of a shop. It never sends one again, so what cannot be stored is answered with success: an error would
 * bring nothing, and the seventh in a row switches the webhook off. Polling finds what was missed.
 *
 * @see https://woocommerce.com/document/webhooks/
 */
export function openPush({ credential }: PushUse): PushApi {
	const { siteUrl } = shopAccess(credential);
	return {
		scheme: schemes.woocommerce,
		comeAgainStatus: 200,
		isProbe,
		read: (push) => readPush(push, siteUrl),
	};
}

/** The ping with which a webhook is made: a form, unsigned. */
export function isProbe(body: Uint8Array): boolean {
	return body.length < 50 && /^webhook_id=\d+$/.test(Buffer.from(body).toString('latin1'));
}

function readPush(push: Push, siteUrl: string): ReadPush {
	const { body, headers, sender, receivedAt } = push;
	const topic = headers['x-wc-webhook-topic'];
	const [, object = '', action = ''] = /^(\w+)\.(\w+)$/.exec(typeof topic === 'string' ? topic : '') ?? [];
	const signed = push.signed();
	const letter = (reason: string): ReadPush => oneEvent(push, 'woocommerce', reason);
	if (!Object.hasOwn(eventTypes, `${object}.${action}`)) {
		return letter(
			`a webhook of the topic ${JSON.stringify(topic ?? '')}, which is none of orders, products, customers or coupons. Receive it with Any Service`,
		);
	}
	const found = readObject(body);
	if (!found) return letter(`the shop could not read what the webhook is about (${saidIn(body)}). Polling finds it`);
	if (found.modified === undefined && (action === 'updated' || action === 'restored')) {
		return letter(
			'the webhook does not say when it was changed. Set its API Version to v3 in the shop. Polling finds it',
		);
	}
	const event = eventOf({ path: 'push', siteUrl, sender }, object, action, found, body, receivedAt);
	// The topic is not signed, so it is told beside what is.
	return oneEvent(push, 'woocommerce', {
		...event,
		...(signed !== undefined && { signed: composeKey(sender, signed, `${object}.${action}`) }),
	});
}

/** In the place of an object, a shop sends the error with which it could not read it. */
function saidIn(body: unknown): string {
	const { code, message } = Object(body) as { code?: unknown; message?: unknown };
	const said = [code, message].filter((each) => typeof each === 'string').join(': ');
	return said === '' ? 'it sent no object with an id' : said.slice(0, 200);
}
