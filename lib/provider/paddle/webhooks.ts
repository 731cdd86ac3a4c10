import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { ApiRequest } from '../../http/transport';
import type { Subscriptions, WantedSubscription } from '../subscription';
import { bodyOf, connect, credential, listOf, urlOf } from './api';
import { eventTypes } from './event-types';

/** Paddle calls a webhook a notification setting, and shows its description in the dashboard. */
const PATH = '/notification-settings';
const DESCRIPTION = 'Registered by n8n (Hybrid Sync)';
const MAX_ACTIVE = 10;

const setting = z.object({
	id: z.string().min(1),
	destination: z.string(),
	description: z.string(),
	active: z.boolean(),
	subscribed_events: z.array(z.object({ name: z.string() })),
	endpoint_secret_key: z.string().min(1),
});

/** @see https://developer.paddle.com/api-reference/notification-settings */
export const subscriptions: Subscriptions = {
	secret: 'shown-once',
	reach: {},
	root: (data) => credential.parse(data).apiKey,
	open({ credential: data, exchange }) {
		const reading = connect(data, exchange, 'notification_setting.read');
		const writing = connect(data, exchange, 'notification_setting.write');
		async function settings() {
			const all: z.infer<typeof setting>[] = [];
			for (let hasMore = true; hasMore;) {
				const query = { per_page: '200', ...(all.length > 0 && { after: all.at(-1)?.id ?? '' }) };
				const page = bodyOf(listOf(setting), await reading.send({ path: PATH, query }));
				all.push(...page.data);
				hasMore = page.meta.pagination.has_more && page.data.length > 0;
			}
			return all;
		}
	},
};
