import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { type ApiResponse, type Exchange, createTransport } from '../../http/transport';

const text = z
	.string()
	.trim()
	.nullish()
	.transform((value) => value ?? '');
const fields = z.object({ apiKey: z.string().trim().min(1), webhookSecret: text, apiUrl: text });

/** @throws HybridSyncError `configuration` where it lacks the key */
export function credentialOf(data: unknown): z.infer<typeof fields> {
	const parsed = fields.safeParse(data);
	if (parsed.success) return parsed.data;
	throw new HybridSyncError('configuration', 'The Paddle credential lacks the API Key. Open it and fill it in.');
}

/** Keys of the sandbox say so. Those from before May 2025 do not: for them the user enters the URL. */
export function urlOf(data: unknown): string {
	const { apiKey, apiUrl } = credentialOf(data);
	return apiUrl || `https://${apiKey.includes('_sdbx_') ? 'sandbox-api' : 'api'}.paddle.com`;
}

/**
 * A transport for requests that need a permission: Paddle refuses a key without it as it refuses a wrong key, by a 403.
 * @see https://developer.paddle.com/api-reference/about/permissions
 * @see https://developer.paddle.com/api-reference/about/rate-limiting
 */
export function connect(data: unknown, exchange: Exchange, permission: string, share = 1) {
	const headers = { authorization: `Bearer ${credentialOf(data).apiKey}` };
	const limits = { quota: { requests: 240, perMs: MINUTE } };
	const credentialHint = `The API Key in the credential is wrong, or it lacks the permission "${permission}". See Developer Tools, Authentication in Paddle.`;
	return createTransport({ service: 'Paddle', baseUrl: urlOf(data), headers, limits, exchange, share, credentialHint });
}

const paging = z.object({ pagination: z.object({ has_more: z.boolean() }) });

/** @throws HybridSyncError `bad-response` where it is no list */
export function listOf<T extends z.ZodType>(item: T, { body }: ApiResponse) {
	const { data: list } = z.object({ data: z.array(item), meta: paging }).safeParse(body);
	if (list) return { items: list.data, hasMore: list.meta.pagination.has_more };
	throw new HybridSyncError('bad-response', 'Paddle answered with no list. Check the API URL in the credential.');
}
