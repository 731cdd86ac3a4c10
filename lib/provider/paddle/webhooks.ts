import { z } from 'zod/v4';
import { understood } from '../access';
import { type Subscriptions, type WantedSubscription, markIn } from '../subscription';
import { connect, credentialOf, listOf } from './api';
import { eventTypes } from './events';

/** Paddle calls a webhook a notification setting. Its dashboard shows the description. */
const PATH = '/notification-settings';
const named = z.object({ id: z.string(), destination: z.string(), description: z.string().nullish() });
const event = z.object({ name: z.string() }).transform(({ name }) => name);
const setting = named.extend({ active: z.boolean(), subscribed_events: z.array(event) });
const created = z.object({ data: z.object({ id: z.string(), endpoint_secret_key: z.string() }) });

/** @see https://developer.paddle.com/api-reference/notification-settings */
export const subscriptions: Subscriptions = {
	secret: 'shown-once',
	root: (data) => credentialOf(data).apiKey,
	open({ credential: data, exchange }) {
		const reader = connect(data, exchange, 'notification_setting.read');
		const writer = connect(data, exchange, 'notification_setting.write');
		const write = async (method: 'POST' | 'PATCH', path: string, wanted: WantedSubscription, more: object) => {
			const { url: destination, label: description, types: subscribed_events } = wanted;
			return await writer.send({ method, path, body: { destination, description, subscribed_events, ...more } });
		};
		return {
			apiUrl: credentialOf(data).apiUrl,
			whenRefused: 'Ten are active already, or one has this URL: remove one under Developer Tools, Notifications.',
			partsOf: (types) => [types.length > 0 ? types : Object.keys(eventTypes)],
			async list(_mark, after) {
				const query = { per_page: '200', ...(after && { after }) };
				const { items, hasMore } = listOf(setting, await reader.send({ path: PATH, query }));
				const found = items.map(
					({ id, destination: url, description, active: isEnabled, subscribed_events: types }) => {
						return { id, url, mark: markIn(description), isEnabled, types };
					},
				);
				return { items: found, next: hasMore ? items.at(-1)?.id : undefined };
			},
			async create(wanted) {
				const answer = await write('POST', PATH, wanted, { type: 'url' });
				const { id, endpoint_secret_key: secret } = understood('Paddle', created, answer).data;
				return { id, secret };
			},
			update: async (id, wanted) => await write('PATCH', `${PATH}/${id}`, wanted, { active: true }),
			remove: async (id) => await writer.send({ method: 'DELETE', path: `${PATH}/${id}` }),
		};
	},
};
