import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { type ApiRequest, type ApiResponse, type Exchange, createTransport } from '../../http/transport';
import type { Subscriptions, WantedSubscription } from '../subscription';
import { eventTypes } from './event-types';

export const credential = z.object({ apiKey: z.string().min(1), webhookSecret: z.string(), apiUrl: z.string() });

/** Keys of the sandbox say so. Those from before May 2025 do not: for them the user enters the URL. */
export function urlOf(data: unknown): string {
	const { apiKey, apiUrl } = credential.parse(data);
	return apiUrl || `https://${apiKey.includes('_sdbx_') ? 'sandbox-api' : 'api'}.paddle.com`;
}

/**
 * A transport for requests that need a permission: Paddle refuses a key without it as it refuses a wrong key, by a 403.
 * @see https://developer.paddle.com/api-reference/about/permissions
 * @see https://developer.paddle.com/api-reference/about/rate-limiting
 */
export function connect(data: unknown, exchange: Exchange, permission: string, share = 1) {
	const headers = { authorization: `Bearer ${credential.parse(data).apiKey}` };
	const limits = { quota: { requests: 240, perMs: MINUTE } };
	const credentialHint = `The API Key in the credential is wrong, or it lacks the permission "${permission}": see Developer Tools, Authentication in Paddle.`;
	return createTransport({ service: 'Paddle', baseUrl: urlOf(data), headers, limits, exchange, share, credentialHint });
}

const paging = z.object({ pagination: z.object({ has_more: z.boolean() }) });

/** @throws HybridSyncError `bad-response` where it is no list */
export function listOf<T extends z.ZodType>(item: T, { body }: ApiResponse) {
	const { data, error: cause } = z.object({ data: z.array(item), meta: paging }).safeParse(body);
	if (data) return { items: data.data, hasMore: data.meta.pagination.has_more };
	throw new HybridSyncError('bad-response', 'Paddle answered with no list. Check the API URL in the credential.', {
		cause,
	});
}

/** Paddle calls a webhook a notification setting, and shows its description in the dashboard. */
const PATH = '/notification-settings';
const DESCRIPTION = 'Registered by n8n (Hybrid Sync) ';
const events = z.array(z.object({ name: z.string() }));
const place = { id: z.string(), destination: z.string(), description: z.string() };
const setting = z.object({ ...place, active: z.boolean(), subscribed_events: events });
const created = z.object({ data: z.object({ id: z.string(), endpoint_secret_key: z.string() }) });

/** @see https://developer.paddle.com/api-reference/notification-settings */
export const subscriptions: Subscriptions = {
	secret: 'shown-once',
	reach: {},
	root: (data) => credential.parse(data).apiKey,
	open({ credential: data, exchange }) {
		const reading = connect(data, exchange, 'notification_setting.read');
		const writing = connect(data, exchange, 'notification_setting.write');
		async function settings(after?: string): Promise<z.infer<typeof setting>[]> {
			const query = { per_page: '200', ...(after !== undefined && { after }) };
			const { items, hasMore } = listOf(setting, await reading.send({ path: PATH, query }));
			return hasMore ? [...items, ...(await settings(items.at(-1)?.id))] : items;
		}
		async function write(request: ApiRequest, { url, mark, types }: WantedSubscription, more: object) {
			const body = { description: DESCRIPTION + mark, destination: url, subscribed_events: types, ...more };
			return await writing.send({ ...request, body }).catch((cause: unknown) => {
				if (!(cause instanceof HybridSyncError) || cause.code !== 'bad-response') throw cause;
				const why =
					'Paddle does not take the webhook. It may have one with this URL already, or ten that are active: remove one under Developer Tools, Notifications, and publish again.';
				throw new HybridSyncError('configuration', `${why} ${cause.message}`, { ...cause.details, cause });
			});
		}
		return {
			apiUrl: urlOf(data),
			partsOf: (types) => [types.length > 0 ? types : Object.keys(eventTypes)],
			async list() {
				return (await settings()).map(({ id, destination: url, description, active, subscribed_events: all }) => {
					const mark = description.startsWith(DESCRIPTION) ? description.slice(DESCRIPTION.length) : undefined;
					return { id, url, mark, types: all.map(({ name }) => name), isEnabled: active };
				});
			},
			async create(wanted) {
				const { data: setting } = created.parse(
					(await write({ method: 'POST', path: PATH }, wanted, { type: 'url' })).body,
				);
				return { id: setting.id, secret: setting.endpoint_secret_key };
			},
			async update(id, wanted) {
				await write({ method: 'PATCH', path: `${PATH}/${id}` }, wanted, { active: true });
			},
			async remove(id) {
				await writing.send({ method: 'DELETE', path: `${PATH}/${id}` });
			},
		};
	},
};
