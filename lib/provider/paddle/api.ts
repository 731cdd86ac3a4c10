import { z } from 'zod/v4';
import { MINUTE } from '../../base/time';
import { type ApiResponse, type Exchange, createTransport } from '../../http/transport';
import { optionalText, printable, readFields, understood } from '../access';

/** Keys of the sandbox say so. Those from before May 2025 do not: for them the user enters the URL. */
const fields = z.object({ apiKey: printable, apiUrl: optionalText }).transform(({ apiKey, apiUrl }) => {
	return { apiKey, apiUrl: apiUrl || `https://${apiKey.includes('_sdbx_') ? 'sandbox-api' : 'api'}.paddle.com` };
});

/** @throws HybridSyncError `configuration` where it lacks the key */
export const credentialOf = (data: unknown) => readFields('Paddle', fields, data, { apiKey: 'API Key' });

/**
 * A transport for requests that need a permission: Paddle refuses a key without it as it refuses a wrong key, by a 403.
 * @see https://developer.paddle.com/api-reference/about/permissions
 * @see https://developer.paddle.com/api-reference/about/rate-limiting
 */
export function connect(data: unknown, exchange: Exchange, permission: string, share = 1) {
	const { apiKey, apiUrl: baseUrl } = credentialOf(data);
	const headers = { authorization: `Bearer ${apiKey}` };
	const limits = { quota: { requests: 240, perMs: MINUTE } };
	const credentialHint = `The API Key in the credential is wrong, or it lacks the permission "${permission}". See Developer Tools, Authentication in Paddle.`;
	return createTransport({ service: 'Paddle', baseUrl, headers, limits, exchange, share, credentialHint });
}

const paging = z.object({ pagination: z.object({ has_more: z.boolean() }) });

/** @throws HybridSyncError `bad-response` where it is no list */
export function listOf<T extends z.ZodType>(item: T, response: ApiResponse) {
	const { data: items, meta } = understood('Paddle', z.object({ data: z.array(item), meta: paging }), response);
	return { items, hasMore: meta.pagination.has_more };
}
