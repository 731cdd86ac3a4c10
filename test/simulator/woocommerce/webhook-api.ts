import { type Answer, RestError, restDates } from './answers';
import { integer, invalidParam, oneOf, pageOf } from './params';
import type { Settings } from './settings';
import type { Webhook, Webhooks } from './webhooks';

export interface WebhookApi {
	readonly webhooks: Webhooks;
	readonly settings: Settings;
	readonly apiUrl: string;
}

/** The parameters of a request, from its body. */
export type Params = Record<string, unknown>;

const STATUSES = ['active', 'paused', 'disabled'] as const;
const TOPIC = /^(coupon|customer|order|product)\.(created|updated|deleted|restored)$/;
/** The first of the hooks behind a topic. */
const HOOKS: Record<string, (resource: string) => string> = {
	created: (resource) => `woocommerce_new_${resource}`,
	updated: (resource) => `woocommerce_update_${resource}`,
	deleted: () => 'wp_trash_post',
	restored: () => 'untrashed_post',
};
const HOOK_TOPIC = /^action\.(woocommerce_|wc_)/;

/** `GET /webhooks`: all by default; the search is by name. */
export function listWebhooks(api: WebhookApi, url: URL): Answer {
	const query = url.searchParams;
	const status = oneOf(query.get('status'), 'status', ['all', ...STATUSES], 'all');
	const sign = oneOf(query.get('order'), 'order', ['asc', 'desc'], 'desc') === 'asc' ? 1 : -1;
	const search = (query.get('search') ?? '').trim().toLowerCase();
	integer(query, 'page', 1, 1);
	const found = api.webhooks
		.all()
		.filter((webhook) => status === 'all' || webhook.status === status)
		.filter(({ name }) => name.toLowerCase().includes(search))
		.sort((a, b) => sign * (a.id - b.id));
	return pageOf(found, url, (webhook) => toRest(api, webhook));
}

/** `POST /webhooks`: always active, whatever status is asked for. It answers after the ping. */
export async function createWebhook(api: WebhookApi, params: Params): Promise<Answer> {
	const missing = ['topic', 'delivery_url'].filter((name) => params[name] === undefined);
	if (missing.length > 0) {
		const message = `Missing parameter(s): ${missing.join(', ')}`;
		throw new RestError(400, 'rest_missing_callback_param', message, { params: missing });
	}
	statusOf(params);
	const topic = text(params, 'topic') ?? '';
	const deliveryUrl = text(params, 'delivery_url') ?? '';
	checkTopic(api, topic, 'Webhook topic is required and must be valid.');
	checkUrl(deliveryUrl);
	const secret = text(params, 'secret');
	const name = text(params, 'name') ?? 'Webhook created on Jan 01, 2026 @ 12:00 AM';
	const webhook = await api.webhooks.create({ name, topic, deliveryUrl, ...(secret !== undefined && { secret }) });
	const headers = { location: `${api.apiUrl}/webhooks/${webhook.id}` };
	return { status: 201, body: toRest(api, webhook), headers };
}

export function getWebhook(api: WebhookApi, id: number): Answer {
	return { status: 200, body: toRest(api, existing(api, id)) };
}

/** `PUT /webhooks/:id`: the count of failures stays as it is. */
export async function updateWebhook(api: WebhookApi, id: number, params: Params): Promise<Answer> {
	const status = statusOf(params);
	const webhook = existing(api, id);
	const topic = text(params, 'topic');
	const deliveryUrl = text(params, 'delivery_url');
	const secret = text(params, 'secret');
	const name = text(params, 'name');
	if (topic !== undefined) checkTopic(api, topic, 'Webhook topic must be valid.');
	if (deliveryUrl !== undefined) checkUrl(deliveryUrl);
	await api.webhooks.save(webhook, {
		...(topic !== undefined && { topic }),
		...(deliveryUrl !== undefined && { deliveryUrl }),
		...(secret !== undefined && { secret }),
		...(status !== undefined && { status }),
		...(name !== undefined && { name }),
	});
	return { status: 200, body: toRest(api, webhook) };
}

/** `DELETE /webhooks/:id?force=true`: there is no trash for webhooks. */
export function deleteWebhook(api: WebhookApi, id: number, isForced: boolean): Answer {
	if (!isForced) {
		throw new RestError(501, 'woocommerce_rest_trash_not_supported', 'Webhooks do not support trashing.');
	}
	const webhook = api.webhooks.get(id);
	if (!webhook) throw new RestError(404, 'woocommerce_rest_shop_webhook_invalid_id', 'Invalid ID.');
	api.webhooks.delete(id);
	return { status: 200, body: toRest(api, webhook) };
}

function existing({ webhooks, settings }: WebhookApi, id: number): Webhook {
	const webhook = webhooks.get(id);
	if (webhook) return webhook;
	throw new RestError(settings.unknownWebhookStatus, 'woocommerce_rest_shop_webhook_invalid_id', 'ID is invalid.');
}

/** Empty values count as left out. */
function text(params: Params, name: string): string | undefined {
	const value = params[name];
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function statusOf(params: Params) {
	const status = text(params, 'status');
	const found = STATUSES.find((known) => known === status);
	if (status !== undefined && !found) throw invalidParam('status', `status is not one of ${STATUSES.join(', ')}.`);
	return found;
}

function checkTopic({ settings }: WebhookApi, topic: string, message: string): void {
	const isPublished = settings.knowsPublished && topic === 'product.published';
	if (TOPIC.test(topic) || HOOK_TOPIC.test(topic) || isPublished) return;
	throw new RestError(400, 'woocommerce_rest_shop_webhook_invalid_topic', message);
}

function checkUrl(url: string): void {
	if (/^https?:\/\//.test(url) && URL.canParse(url)) return;
	const message = 'Webhook delivery URL must be a valid URL starting with http:// or https://.';
	throw new RestError(400, 'woocommerce_rest_shop_webhook_invalid_delivery_url', message);
}

/** A webhook as the API shows it: never with its secret or its count of failures. */
function toRest({ apiUrl, settings }: WebhookApi, { id, name, status, topic, ...webhook }: Webhook) {
	const [resource = '', event = ''] = topic.split('.');
	return {
		id,
		name,
		status,
		topic,
		resource,
		event,
		hooks: [HOOKS[event]?.(resource) ?? event],
		delivery_url: webhook.deliveryUrl,
		...restDates(webhook.createdAt, webhook.modifiedAt, settings.siteOffsetMinutes),
		_links: { self: [{ href: `${apiUrl}/webhooks/${id}` }], collection: [{ href: `${apiUrl}/webhooks` }] },
	};
}
