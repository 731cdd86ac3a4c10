import { createHmac } from 'node:crypto';
import { isSame } from '../../base/hash';
import type { Push, PushAnswer } from '../push';
import type { WebhookService } from './services';

/** The questions that services ask before they send events. */

const text = (body: string): PushAnswer => ({ status: 200, contentType: 'text/plain', body });

/** What a challenge looks like: nothing that a browser would run, nor the text of something signed. */
const CHALLENGE = /^[\w.~+/=-]{1,300}$/;
/** What Zoom asks to be signed: as it must not be the text that an event is signed by, it has no colon. */
const PLAIN_TOKEN = /^[\w+/=-]{8,100}$/;

/**
 * Meta's check of a callback URL.
 * @see https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
 */
export function greet(service: WebhookService, verifyToken: string, query: URLSearchParams): PushAnswer | undefined {
	if (service.handshake !== 'meta' || !query.has('hub.mode')) return undefined;
	const challenge = query.get('hub.challenge') ?? '';
	const isOurs = verifyToken !== '' && isSame(query.get('hub.verify_token') ?? '', verifyToken);
	if (query.get('hub.mode') !== 'subscribe' || !isOurs || !CHALLENGE.test(challenge)) {
		return { status: 401, contentType: 'text/plain', body: '' };
	}
	return text(challenge);
}

/**
 * The questions that are signed like events.
 * @see https://docs.slack.dev/reference/events/url_verification
 * @see https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint
 */
export function handshake(
	service: WebhookService,
	{ body }: Pick<Push, 'body'>,
	secrets: readonly string[],
): PushAnswer | undefined {
	if (typeof body !== 'object' || body === null) return undefined;
	const { type, challenge, event, payload } = body as Record<string, unknown>;
	if (service.handshake === 'slack' && type === 'url_verification') {
		return typeof challenge === 'string' && CHALLENGE.test(challenge) ? text(challenge) : text('');
	}
	if (service.handshake === 'zoom' && event === 'endpoint.url_validation') {
		const { plainToken } = Object(payload) as { plainToken?: unknown };
		const [secret] = secrets;
		if (typeof plainToken !== 'string' || !PLAIN_TOKEN.test(plainToken) || secret === undefined) return text('');
		const encryptedToken = createHmac('sha256', secret).update(plainToken).digest('hex');
		return { status: 200, contentType: 'application/json', body: JSON.stringify({ plainToken, encryptedToken }) };
	}
	return undefined;
}
