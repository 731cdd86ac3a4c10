import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { ApiRequest } from '../../http/transport';
import type { RemoteSubscription, Subscriptions, WantedSubscription } from '../subscription';
import { connect, credentialOf, listOf, urlOf } from './api';
import { eventTypes } from './event-types';

/** Paddle calls a webhook a notification setting. Its dashboard shows the description, which ends with the mark. */
const PATH = '/notification-settings';
const DESCRIPTION = 'Registered by n8n, Hybrid Sync';
const named = z.object({ id: z.string(), destination: z.string(), description: z.string() });
const setting = named.extend({ active: z.boolean(), subscribed_events: z.array(z.object({ name: z.string() })) });
const created = z.object({ data: z.object({ id: z.string(), endpoint_secret_key: z.string() }) });
const REFUSED = `Paddle does not take the webhook: ten are active already, or one has this URL. Remove one under Developer Tools, Notifications.`;

/** @see https://developer.paddle.com/api-reference/notification-settings */
export const subscriptions: Subscriptions = {
	secret: 'shown-once',
	reach: {},
	root: (data) => credentialOf(data).apiKey,
	open({ credential: data, exchange }) {
		const reader = connect(data, exchange, 'notification_setting.read');
		const writer = connect(data, exchange, 'notification_setting.write');
		async function list(after = ''): Promise<RemoteSubscription[]> {
			const query = { per_page: '200', ...(after && { after }) };
			const { items, hasMore } = listOf(setting, await reader.send({ path: PATH, query }));
			const found = items.map(({ id, destination: url, description, active: isEnabled, ...rest }) => {
				const mark = new RegExp(`^${DESCRIPTION} (\\w+)$`).exec(description)?.[1];
				return { id, url, mark, isEnabled, types: rest.subscribed_events.map(({ name }) => name) };
			});
			return hasMore ? [...found, ...(await list(found.at(-1)?.id))] : found;
		}
		async function write(request: ApiRequest, { url, mark, types }: WantedSubscription, more: object) {
			const body = { description: `${DESCRIPTION} ${mark}`, destination: url, subscribed_events: types, ...more };
			return await writer.send({ ...request, body }).catch((cause: unknown) => {
				if (!(cause instanceof HybridSyncError)) throw cause;
				const { details, message } = cause;
				throw [400, 409].includes(details.status ?? 0)
					? new HybridSyncError('configuration', `${REFUSED} ${message}`, details)
					: cause;
			});
		}
		return {
			apiUrl: urlOf(data),
			partsOf: (types) => [types.length > 0 ? types : Object.keys(eventTypes)],
			list: async () => await list(),
			async create(wanted) {
				const { body } = await write({ method: 'POST', path: PATH }, wanted, { type: 'url' });
				const { data: made } = created.safeParse(body);
				if (!made) throw new HybridSyncError('bad-response', 'Paddle did not tell the secret of the webhook.');
				return { id: made.data.id, secret: made.data.endpoint_secret_key };
			},
			async update(id, wanted) {
				await write({ method: 'PATCH', path: `${PATH}/${id}` }, wanted, { active: true });
			},
			async remove(id) {
				await writer.send({ method: 'DELETE', path: `${PATH}/${id}` });
			},
		};
	},
};
