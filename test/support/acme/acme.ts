import { z } from 'zod/v4';
import { hashOf } from '../../../lib/base/hash';
import { formatTime } from '../../../lib/base/time';
import type { ProviderEvent } from '../../../lib/event/event';
import { composeKey } from '../../../lib/event/key';
import { parsePosition, positionOfTime, timeOfPosition } from '../../../lib/event/position';
import { createTransport } from '../../../lib/http/transport';
import { ownSecret } from '../../../lib/provider/access';
import { readRows } from '../../../lib/provider/page-rows';
import type { Provider, ProviderCredential } from '../../../lib/provider/provider';
import type { PollResource } from '../../../lib/provider/pull';
import { schemes } from '../../../lib/signature/schemes';

/** An order as Acme writes it, in webhooks and in the API alike. */
const order = z.object({
	id: z.string().min(1),
	created_at: z.string().transform((text, context) => {
		const position = parsePosition(text);
		if (position === undefined) context.addIssue({ code: 'custom', message: 'not a time' });
		return position ?? 0n;
	}),
});

/** One place for both paths, so that they agree on what an order's event is. */
function orderCreated(data: unknown, key: (id: string) => string, sender: string) {
	const parsed = order.safeParse(data);
	if (!parsed.success) return 'an order without a usable id or created_at';
	const { id, created_at: position } = parsed.data;
	const event: ProviderEvent = {
		key: key(id),
		// Acme's webhooks and its API both name the order and the time.
		match: { key: composeKey('order', sender, id), toleranceMs: 1_000 },
		hash: hashOf(id),
		source: '/acme',
		type: 'acme.order_created',
		subject: `orders/${id}`,
		time: timeOfPosition(position),
		dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/acme/order_created/1',
		data,
	};
	return { position, event };
}

/** New orders. The list is a search by POST and names ids only, so each order takes a request of its own. */
const orders: PollResource = {
	name: 'orders',
	displayName: 'New Orders',
	unit: 'time',
	order: 'ascending',
	step: positionOfTime(1),
	pageSize: 50,
	request: ({ from, page, pageSize }) => ({
		method: 'POST',
		path: '/orders/search',
		body: { created_from: formatTime(timeOfPosition(from)), page, size: pageSize },
	}),
	sample: (limit) => ({ method: 'POST', path: '/orders/search', body: { newest_first: true, page: 1, size: limit } }),
	read({ body }, _account, sender) {
		const { ids, more } = z.object({ ids: z.array(z.string()), more: z.boolean() }).parse(body);
		return Promise.resolve({
			rows: [],
			deadLetters: [],
			size: ids.length,
			last: !more,
			further: ids.map((id) => ({
				request: { path: `/orders/${encodeURIComponent(id)}` },
				read: async (response) =>
					await readRows({
						displayName: 'New Orders',
						items: [response.body],
						keyParts: ['poll', 'acme', 'orders'],
						read: (item) => orderCreated(item, (each) => composeKey('poll', 'acme', sender, each), sender),
					}),
				refused: (reason) => {
					const key = composeKey('poll', 'acme', 'orders', 'refused', id);
					return { rows: [], deadLetters: [{ key, data: { id }, reason }] };
				},
			})),
		});
	},
};

const credential = z.object({ apiUrl: z.string().min(1), token: z.string().min(1), secret: z.string() });

const api: ProviderCredential = {
	type: 'acmeApi',
	displayName: 'Token',
	async test(data, exchange) {
		const { apiUrl, token } = credential.parse(data);
		const headers = { authorization: `Bearer ${token}` };
		const hint = { service: 'Acme', credentialHint: 'Check the token.' };
		await createTransport({ ...hint, baseUrl: apiUrl, headers, exchange }).send({ path: '/me' });
		return 'The token works';
	},
};

export const acme = {
	name: 'acme',
	displayName: 'Acme',
	events: {
		order_created: { displayName: 'Order Created', push: true, resource: 'orders', backstop: 'object-and-time' },
		order_cancelled: { displayName: 'Order Cancelled', push: true, backstop: 'none' },
	},
	push: {
		credentials: [api],
		scheme: schemes['hmac-sha256'],
		success: { status: 200, contentType: 'text/plain', body: '' },
		setup: 'Copy the Production URL from "Webhook URLs" above, and enter it at Acme under Settings, Webhooks.',
		...ownSecret('secret', 'Enter the Secret that Acme shows beside the webhook.'),
		read({ body, headers, sender }) {
			const delivery = headers['x-delivery'];
			const key = () => composeKey('push', 'acme', sender, typeof delivery === 'string' ? delivery : hashOf(body));
			const read = orderCreated(body, key, sender);
			if (typeof read === 'string') return { events: [], deadLetters: [{ key: key(), data: body, reason: read }] };
			return { events: [read.event], deadLetters: [] };
		},
	},
	pull: {
		credentials: [api],
		resources: { orders },
		open({ credential: data, exchange, share }) {
			const { apiUrl, token } = credential.parse(data);
			const transport = createTransport({
				service: 'Acme',
				baseUrl: apiUrl,
				headers: { authorization: `Bearer ${token}` },
				exchange,
				share,
				credentialHint: 'Check the token and the API URL in the credential of the trigger.',
			});
			return { resources: [orders], transport, account: 'acme' };
		},
	},
} as const satisfies Provider;
