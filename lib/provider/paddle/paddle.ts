import { HybridSyncError } from '../../base/errors';
import { hashOf } from '../../base/hash';
import { composeKey } from '../../event/key';
import { schemes } from '../../signature/schemes';
import type { Provider, ProviderCredential } from '../provider';
import { connect, credentialOf, urlOf } from './api';
import { eventTypes } from './event-types';
import { eventLog, readEvent } from './events';
import { subscriptions } from './webhooks';

const api: ProviderCredential = {
	type: 'hybridSyncPaddleApi',
	displayName: 'API Key',
	async test(data, exchange) {
		await connect(data, exchange, 'notification.read').send(eventLog().sample(1));
		return 'The API key works, and can read events';
	},
};

/** Paddle Billing. */
export const paddle = {
	name: 'paddle',
	displayName: 'Paddle',
	events: eventTypes,
	push: {
		credentials: [api],
		scheme: schemes.paddle,
		// Anything but exactly 200 is tried again.
		answers: { success: { status: 200, contentType: 'text/plain', body: '' } },
		setup: `In Paddle open Developer Tools, Notifications, and add a destination with the Production URL from "Webhook URLs" above and the events that you choose here. Copy its secret key into the credential.`,
		secrets: (data) => [credentialOf(data).webhookSecret].filter((secret) => secret !== ''),
		requireSecret(data) {
			if (credentialOf(data).webhookSecret !== '') return;
			throw new HybridSyncError('configuration', 'Enter the Secret Key that Paddle has for the webhook.');
		},
		read({ body, sender }) {
			const read = readEvent(body, 'push', sender);
			if (typeof read !== 'string') return { events: [read.event], deadLetters: [] };
			const key = composeKey('push', 'paddle', sender, 'unreadable', hashOf(body));
			return { events: [], deadLetters: [{ key, data: body, reason: read }] };
		},
		subscriptions,
	},
	pull: {
		credentials: [api],
		resources: { events: eventLog() },
		findsEvents: true,
		hasKnownLimits: true,
		open({ credential: data, exchange, share, types }) {
			const transport = connect(data, exchange, 'notification.read', share);
			return { resources: [eventLog(types)], transport, account: urlOf(data) };
		},
	},
} as const satisfies Provider;
