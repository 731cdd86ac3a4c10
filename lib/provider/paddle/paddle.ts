import { byReading, ownSecret } from '../access';
import type { Provider, ProviderCredential } from '../provider';
import { oneEvent } from '../push';
import { schemes } from '../../signature/schemes';
import { connect, credentialOf } from './api';
import { eventLog, eventTypes, readEvent } from './events';
import { subscriptions } from './webhooks';

const api: ProviderCredential = {
	type: 'hybridSyncPaddleApi',
	displayName: 'API Key',
	test: byReading((data, exchange) => connect(data, exchange, 'notification.read'), eventLog()),
};

/** Paddle Billing. */
export const paddle = {
	name: 'paddle',
	displayName: 'Paddle',
	events: eventTypes,
	push: {
		credentials: [api],
		scheme: schemes.paddle,
		setup: `In Paddle open Developer Tools, Notifications, and add a destination with the Production URL from "Webhook URLs" above and the events that you choose here. Copy its secret key into the credential.`,
		...ownSecret('webhookSecret', 'Enter the Secret Key of the webhook in the credential.'),
		read: (push) => oneEvent(push, 'paddle', readEvent(push.body, 'push', push.sender)),
		subscriptions,
	},
	pull: {
		credentials: [api],
		resources: { events: eventLog() },
		findsEvents: true,
		hasKnownLimits: true,
		open({ credential: data, exchange, share, types }) {
			const transport = connect(data, exchange, 'notification.read', share);
			return { resources: [eventLog(types)], transport, account: credentialOf(data).apiUrl };
		},
	},
} as const satisfies Provider;
