import { composeKey } from '../../event/key';
import { hashOf } from '../../base/hash';
import { schemes } from '../../signature/schemes';
import type { PushApi, PushUse } from '../push';
import { modeOf } from './credential';
import { readEvent } from './events';

/** Receives the webhooks of Stripe, one event each. @see https://docs.stripe.com/webhooks */
export function openPush({ credential }: PushUse): PushApi {
	const mode = modeOf(credential);
	return {
		scheme: schemes.stripe,
		answers: { success: { status: 200, contentType: 'text/plain', body: 'OK' } },
		read({ body, sender }) {
			const read = readEvent(body, (id) => composeKey('push', 'stripe', sender, id), sender);
			const letter = (reason: string) => ({
				events: [],
				deadLetters: [{ key: composeKey('push', 'stripe', sender, '', hashOf(body)), data: body, reason }],
			});
			if (typeof read === 'string') return letter(read);
			const { event, isLive } = read;
			if (mode !== undefined && isLive !== undefined && isLive !== (mode === 'live')) {
				return letter(
					`an event of ${isLive ? 'live mode' : 'a test'}, and the API key in the credential is one for ${mode === 'live' ? 'live mode' : 'tests'}. Choose the credential of the same mode`,
				);
			}
			return { events: [event], deadLetters: [] };
		},
	};
}
