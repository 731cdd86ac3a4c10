import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { type ApiResponse, type Exchange, createTransport } from '../../http/transport';

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
export const connect = (data: unknown, exchange: Exchange, permission: string, share = 1) =>
	createTransport({
		service: 'Paddle',
		baseUrl: urlOf(data),
		headers: { authorization: `Bearer ${credential.parse(data).apiKey}` },
		exchange,
		share,
		limits: { quota: { requests: 240, perMs: MINUTE } },
		credentialHint: `The API Key in the credential is wrong, or it lacks the permission "${permission}". Edit it in Paddle under Developer Tools, Authentication.`,
	});

/**
 * @param schema of what Paddle answers
 * @throws HybridSyncError `bad-response` where it is something else
 */
export function bodyOf<T>(schema: z.ZodType<T>, { body }: Pick<ApiResponse, 'body'>): T {
	const { data, error } = schema.safeParse(body);
	if (!error) return data;
	const message = 'Paddle answered with something that is not as documented. Check the API URL in the credential.';
	throw new HybridSyncError('bad-response', message, { cause: error });
}

export const listOf = <T extends z.ZodType>(item: T) =>
	z.object({ data: z.array(item), meta: z.object({ pagination: z.object({ has_more: z.boolean() }) }) });
