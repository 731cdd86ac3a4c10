import { HybridSyncError } from '../../base/errors';
import type { Transport } from '../../http/transport';
import type { Provider, ProviderCredential } from '../provider';
import { RIGHTS, lacksRight, modeOf, transportOf } from './credential';
import { ownSecret } from '../access';
import { eventTypes } from './event-types';
import { eventLog } from './events';
import { openPush } from './push';
import { subscriptions } from './webhooks';

const apiKey: ProviderCredential = {
	type: 'hybridSyncStripeApi',
	displayName: 'API Key',
	async test(credential, exchange) {
		const transport = transportOf(credential, { exchange });
		try {
			await transport.send({ path: '/v1/events', query: { limit: '1' } });
		} catch (error) {
			throw lacksRight(error, RIGHTS.events);
		}
		try {
			await transport.send({ path: '/v1/webhook_endpoints', query: { limit: '1' } });
		} catch (error) {
			if (!(error instanceof HybridSyncError) || error.details.status !== 403) throw error;
			return `The API key works for polling. To register webhooks it needs the right "${RIGHTS.writeWebhooks}" too.`;
		}
		const mode = modeOf(credential);
		return `The API key works${mode === undefined ? '' : mode === 'live' ? ', for real payments (live mode)' : ', for tests'}`;
	},
};

/** Polling lacks one right, if any. */
function namingRights(transport: Transport): Transport {
	return {
		...transport,
		async send(request, signal) {
			try {
				return await transport.send(request, signal);
			} catch (error) {
				throw lacksRight(error, RIGHTS.events);
			}
		},
	};
}

/**
 * Stripe: an event log, and webhooks that bring the same events.
 * @see https://docs.stripe.com/api/events
 */
export const stripe = {
	name: 'stripe',
	displayName: 'Stripe',
	description: 'Payments, invoices, subscriptions: every event, by webhook, or from Stripe’s list of the last 30 days',
	events: eventTypes,
	push: {
		credentials: [apiKey],
		setup:
			'In Stripe under Developers, Webhooks, add an endpoint with the Production URL (under "Webhook URLs" above) and the events that you want. Then enter its Signing Secret in the credential.',
		// Shown once by Stripe, beside a webhook that was added by hand.
		...ownSecret(
			'webhookSecret',
			'Enter the Signing Secret (whsec_…) that Stripe shows beside the webhook in the credential of the trigger, or choose "Register the Webhook: Automatically".',
			/^whsec_\S{16,}$/,
		),
		subscriptions,
		open: openPush,
	},
	pull: {
		credentials: [apiKey],
		resources: { events: eventLog() },
		findsEvents: true,
		hasKnownLimits: true,
		open: ({ credential, exchange, share, types = [] }) => ({
			resources: [eventLog(types)],
			transport: namingRights(transportOf(credential, { exchange, share })),
			// Most restricted keys may not know their account. The ids of events are the same with every key, so with another one
			// reading goes on; with one of another account it does from a time.
			account: modeOf(credential) ?? 'unknown',
		}),
	},
} as const satisfies Provider;
