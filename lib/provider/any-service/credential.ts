import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';

const text = z
	.string()
	.nullish()
	.transform((value) => value ?? '');
const credential = z.object({
	apiUrl: text,
	authentication: z.enum(['none', 'bearer', 'header', 'query', 'basic']).catch('none'),
	token: text,
	name: text,
	apiKey: text,
	user: text,
	password: text,
});

/** Where requests with this credential go, and what they carry. */
export interface RestAccess {
	readonly baseUrl: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly query: Readonly<Record<string, string>>;
	/** What they carry in another form. */
	readonly secrets: readonly string[];
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\x20-\x7e\x80-\xff]+$/;

/**
 * @param data the decrypted credential
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function restAccess(data: unknown): RestAccess {
	const { apiUrl, authentication, token, name, apiKey, user, password } = credential.parse(data);
	if (apiUrl.trim() === '') throw missing('API URL');
	const access = { baseUrl: apiUrl.trim(), headers: {}, query: {}, secrets: [] };
	switch (authentication) {
		case 'none':
			return access;
		case 'bearer':
			if (!HEADER_VALUE.test(token.trim())) throw missing('Token');
			return { ...access, headers: { authorization: `Bearer ${token.trim()}` } };
		case 'header':
			if (!HEADER_NAME.test(name.trim())) throw missing('Name');
			if (!HEADER_VALUE.test(apiKey.trim())) throw missing('Key');
			return { ...access, headers: { [name.trim().toLowerCase()]: apiKey.trim() } };
		case 'query':
			if (name.trim() === '') throw missing('Name');
			if (apiKey.trim() === '') throw missing('Key');
			return { ...access, query: { [name.trim()]: apiKey.trim() } };
		case 'basic':
			if (user === '') throw missing('User');
			return {
				...access,
				headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
				secrets: [password],
			};
	}
}

function missing(label: string): HybridSyncError {
	return new HybridSyncError(
		'configuration',
		`The REST API credential lacks a usable ${label}. Open it and fill it in.`,
	);
}
