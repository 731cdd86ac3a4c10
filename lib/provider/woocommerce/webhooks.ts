import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { ApiRequest, ApiResponse } from '../../http/transport';
import { understood } from '../access';
import { type RemoteSubscription, type Subscriptions, markIn } from '../subscription';
import { shopAccess, transportOf } from './credential';
import { eventTypes } from './event-types';

/** Registers webhooks in a shop, one for each topic. @see https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks */

const PATH = '/webhooks';
const PER_PAGE = 100;
const BY_HAND = ' Or choose "Register the Webhook: By Hand".';

const webhook = z.object({
	id: z.int().positive(),
	name: z.string(),
	status: z.string(),
	topic: z.string(),
	delivery_url: z.string(),
});

export const subscriptions: Subscriptions = {
	secret: 'chosen',
	// The topic is not signed: so that none can be put in the place of another, each has a secret of its own.
	secretName: ({ 'x-wc-webhook-topic': topic }) => (typeof topic === 'string' ? topic : ''),
	// Those that WordPress calls. @see https://developer.wordpress.org/reference/functions/wp_http_validate_url/
	reach: { ports: [80, 443, 8080] },
	root: (credential) => shopAccess(credential).consumerSecret,
	open({ credential, exchange }) {
		const transport = transportOf(credential, { exchange });
		const change = async (request: ApiRequest): Promise<ApiResponse> => {
			try {
				return await transport.send(request);
			} catch (error) {
				throw lacksRight(error);
			}
		};
		return {
			apiUrl: shopAccess(credential).siteUrl,
			partsOf: (types) => (types.length === 0 ? Object.keys(eventTypes) : types).map((topic) => [topic]),
			async list(mark, page = '1') {
				const query = { search: mark, status: 'all', per_page: String(PER_PAGE), page };
				const some = understood('The shop', z.array(webhook), await change({ path: PATH, query }));
				return { items: some.map(remoteOf), next: some.length < PER_PAGE ? undefined : String(Number(page) + 1) };
			},
			async create({ url, label, types, secret }) {
				const [topic = ''] = types;
				const body = { name: label, topic, delivery_url: url, secret };
				const answer = await change({ method: 'POST', path: PATH, body });
				return { id: String(understood('The shop', webhook, answer).id) };
			},
			async remove(id) {
				await change({ method: 'DELETE', path: `${PATH}/${encodeURIComponent(id)}`, query: { force: 'true' } });
			},
		};
	},
};

function remoteOf({ id, name, status, topic, delivery_url: url }: z.infer<typeof webhook>): RemoteSubscription {
	// The name is all that webhooks can be searched by.
	return { id: String(id), url, mark: markIn(name), types: [topic], isEnabled: status === 'active' };
}

function lacksRight(error: unknown): unknown {
	const status = error instanceof HybridSyncError ? error.details.status : undefined;
	// A wrong key is refused as one that may not write is, and the shop tells which it was.
	if (!(error instanceof HybridSyncError) || (status !== 401 && status !== 403)) return error;
	return new HybridSyncError(
		'credential-invalid',
		`The key of the shop may not register webhooks. Under WooCommerce, Settings, Advanced, REST API, give it the permission Read/Write, for a user who may manage the shop.${BY_HAND} ${error.message}`,
		error.details,
	);
}
