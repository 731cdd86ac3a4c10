import { schemes } from '../../signature/schemes';
import { type PushApi, type PushUse, oneEvent } from '../push';
import { modeOf } from './credential';
import { readEvent } from './events';

/** Receives the webhooks of Stripe, one event each. @see https://docs.stripe.com/webhooks */
export function openPush({ credential }: PushUse): PushApi {
	const mode = modeOf(credential);
	return {
		scheme: schemes.stripe,
		read(push) {
			const read = readEvent(push.body, 'push', push.sender);
			if (typeof read === 'string') return oneEvent(push, 'stripe', read);
			const { event, isLive } = read;
			const isOther = mode !== undefined && isLive !== undefined && isLive !== (mode === 'live');
			if (!isOther) return oneEvent(push, 'stripe', event);
			return oneEvent(
				push,
				'stripe',
				`an event of ${isLive ? 'live mode' : 'a test'}, and the API key in the credential is one for ${mode === 'live' ? 'live mode' : 'tests'}. Choose the credential of the same mode`,
			);
		},
	};
}
