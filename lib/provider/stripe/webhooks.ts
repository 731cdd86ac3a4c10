import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { ApiRequest, ApiResponse } from '../../http/transport';
import { understood } from '../access';
import { type RemoteSubscription, type Subscriptions, type WantedSubscription } from '../subscription';
import { RIGHTS, lacksRight, stripeAccess, transportOf } from './credential';
import { namesOf } from './event-types';

/** Registers webhooks at Stripe. @see https://docs.stripe.com/api/webhook_endpoints */

const PATH = '/v1/webhook_endpoints';
/** Where the mark is kept. */
const MARK = 'hybrid_sync';
const BY_HAND = ' Or choose "Register the Webhook: By Hand".';

const endpoint = z.object({
	id: z.string().min(1),
	url: z.string(),
	status: z.string(),
	enabled_events: z.array(z.string()),
	metadata: z.record(z.string(), z.string()).nullish(),
	/** Only in the answer that it was made with. */
	secret: z.string().nullish(),
});
const endpoints = z.object({ data: z.array(endpoint), has_more: z.boolean() });

export const subscriptions: Subscriptions = {
	secret: 'shown-once',
	root: (credential) => stripeAccess(credential).apiKey,
	open({ credential, exchange }) {
		const transport = transportOf(credential, { exchange });
		const ask = async (right: string, request: ApiRequest): Promise<ApiResponse> => {
			try {
				return await transport.send(request);
			} catch (error) {
				throw lacksRight(error, right, BY_HAND);
			}
		};
		return {
			apiUrl: stripeAccess(credential).apiUrl,
			partsOf: (types) => [namesOf(types)],
			async list(_mark, after) {
				const query = { limit: '100', ...(after !== undefined && { starting_after: after }) };
				const answer = await ask(RIGHTS.readWebhooks, { path: PATH, query });
				const { data, has_more: hasMore } = understood('Stripe', endpoints, answer);
				return { items: data.map(remoteOf), next: hasMore ? data.at(-1)?.id : undefined };
			},
			async create(wanted) {
				const form = {
					...formOf(wanted),
					description: wanted.label,
				};
				try {
					const answer = await ask(RIGHTS.writeWebhooks, { method: 'POST', path: PATH, form });
					const { id, secret } = understood('Stripe', endpoint, answer);
					if (secret) return { id, secret };
				} catch (error) {
					throw refusal(error, wanted);
				}
				throw new HybridSyncError('bad-response', 'Stripe registered a webhook and did not tell its secret.');
			},
			async update(id, wanted) {
				const form = { ...formOf(wanted), disabled: 'false' };
				await ask(RIGHTS.writeWebhooks, { method: 'POST', path: `${PATH}/${encodeURIComponent(id)}`, form });
			},
			async remove(id) {
				await ask(RIGHTS.writeWebhooks, { method: 'DELETE', path: `${PATH}/${encodeURIComponent(id)}` });
			},
		};
	},
};

function remoteOf({ id, url, status, enabled_events: names, metadata }: z.infer<typeof endpoint>): RemoteSubscription {
	return {
		id,
		url,
		mark: metadata?.[MARK],
		types: names.includes('*') ? [] : names,
		isEnabled: status === 'enabled',
	};
}

function formOf({ url, mark, types }: WantedSubscription): Record<string, string> {
	const names = types.length === 0 ? ['*'] : types;
	return {
		url,
		[`metadata[${MARK}]`]: mark,
		...Object.fromEntries(names.map((name, index) => [`enabled_events[${index}]`, name])),
	};
}

/** What only the user can mend, in words. */
function refusal(error: unknown, { url }: WantedSubscription): unknown {
	if (!(error instanceof HybridSyncError) || error.details.status !== 400) return error;
	const { message, details } = error;
	if (/maximum of \d+|too many|limit/i.test(message)) {
		return new HybridSyncError(
			'configuration',
			`Stripe has no room for another webhook: the account has as many as it may have. Remove one that is not needed in Stripe (Developers, Webhooks), then publish again.${BY_HAND} ${message}`,
			details,
		);
	}
	if (!/url/i.test(message)) return error;
	return new HybridSyncError(
		'configuration',
		`Stripe does not take the webhook URL ${url}: it has to be public, and HTTPS with a live key. Set N8N_WEBHOOK_URL to the public https:// address of this n8n.${BY_HAND} ${message}`,
		details,
	);
}
