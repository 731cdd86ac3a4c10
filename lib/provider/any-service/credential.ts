import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { createTransport } from '../../http/transport';
import type { ProviderCredential } from '../provider';

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
	if (!/^[a-z][a-z0-9+.-]*:/i.test(apiUrl.trim()) || /^[\w.-]+:\d/.test(apiUrl.trim())) {
		throw new HybridSyncError(
			'configuration',
			`"API URL" lacks https:// in front. Enter the whole address: https://${apiUrl.trim().replace(/^\/+/, '')}.`,
		);
	}
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

/** A key, a login, or nothing. */
export const apiKey: ProviderCredential = {
	type: 'hybridSyncHttp',
	displayName: 'Key, Login or None',
	async test(data, exchange) {
		const { secrets, ...access } = restAccess(data);
		const path = z.object({ testPath: text }).parse(data).testPath.trim();
		if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(path)) {
			const message = '"Test Path" is a whole address. Enter only what comes after the API URL, e.g. /me.';
			throw new HybridSyncError('configuration', message);
		}
		const service = URL.parse(access.baseUrl)?.host ?? 'The API';
		const secretsOf = () => Promise.resolve(secrets);
		const transport = createTransport({ service, ...access, secrets: secretsOf, exchange, credentialHint: '' });
		try {
			await transport.send({ path });
		} catch (error) {
			if (!(error instanceof HybridSyncError)) throw error;
			const said = testResultOf(error, service, path);
			if (said === undefined) throw error;
			if (said instanceof HybridSyncError) throw said;
			return said;
		}
		return path === '' ? `${service} answers. ${UNTRIED}` : `${service} answers, and accepts the credential`;
	},
};

const UNTRIED = 'Whether it accepts the credential is not tried: enter a Test Path for that';

/** What a failed request says of the credential: an error, or where nothing else was to be expected, what is well. */
function testResultOf(error: HybridSyncError, service: string, path: string): HybridSyncError | string | undefined {
	const { status } = error.details;
	switch (error.code) {
		case 'credential-invalid':
			return new HybridSyncError(
				'credential-invalid',
				`The API refused this credential (${status ?? 401}). Check it, and the API URL.${path === '' ? ' If both are right, enter a Test Path that this credential may read, e.g. /me.' : ''}`,
			);
		case 'unavailable':
			if (status !== undefined) return undefined;
			return new HybridSyncError(
				'unavailable',
				`${error.message.split('. ')[0] ?? ''}. Check how the API URL is written, and whether this n8n may reach that host.`,
			);
		case 'bad-response':
			// Few APIs have anything at their own address.
			if (path === '' && status !== undefined && status >= 400) return `${service} answers. ${UNTRIED}`;
			if (status === 404) {
				return new HybridSyncError(
					'bad-response',
					`${service} answers, and has nothing at ${path} (404). Check the Test Path, and whether the API URL ends where the API begins, e.g. with /v1.`,
				);
			}
			return undefined;
		default:
			return undefined;
	}
}

/** Tokens that n8n gets and refreshes. */
export const oAuth2: ProviderCredential = { type: 'hybridSyncHttpOAuth2Api', displayName: 'OAuth2', isOAuth2: true };
