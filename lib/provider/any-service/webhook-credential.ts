import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { parseTime } from '../../base/time';
import { keyOf } from '../../signature/keys';
import type { SignatureScheme, SignedScheme } from '../../signature/scheme';
import { schemes } from '../../signature/schemes';
import { templateOf } from '../../signature/template';
import { proposedUrl } from '../access';
import type { ProviderCredential } from '../provider';
import { type WebhookService, serviceByName } from './services';

/** What an empty or absent field says. */
const text = z
	.string()
	.nullish()
	.transform((value) => value ?? '');
const word = text.transform((value) => value.trim());

const credential = z.object({
	service: text,
	secret: text,
	publicKey: text,
	user: text,
	password: text,
	headerName: word,
	previousSecret: text,
	previousValidUntil: text,
	verifyToken: text,
	toleranceSeconds: z.number().min(-1).max(86_400).catch(-1),
	allowSha1: z.boolean().catch(false),
	webhookUrl: word,
	signatureHeader: word,
	signaturePrefix: text,
	algorithm: z.enum(['hmac-sha256', 'hmac-sha1', 'hmac-sha512', 'ed25519', 'ecdsa']).catch('hmac-sha256'),
	encoding: z.enum(['hex', 'hex-upper', 'base64', 'base64url', 'base32']).catch('hex'),
	signedText: text,
	format: z.enum(['text', 'base64', 'hex']).catch('text'),
	timestampHeader: word,
	timestampUnit: z.enum(['seconds', 'milliseconds', 'iso', 'http-date']).catch('seconds'),
	idHeader: word,
});
type Credential = z.infer<typeof credential>;

/** How requests are verified with a credential. */
export interface WebhookProof {
	readonly service: WebhookService;
	readonly scheme: SignatureScheme;
	/** Where the user says so; absent for what the service documents. */
	readonly toleranceSeconds?: number | null;
	/** The URL that the service was given, where it signs it and n8n shows another. */
	readonly url?: string;
	readonly verifyToken: string;
}

/**
 * @param data the decrypted credential
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function proofOf(data: unknown): WebhookProof {
	const parsed = credential.parse(data);
	const service = serviceOf(parsed);
	const { toleranceSeconds, webhookUrl, verifyToken } = parsed;
	return {
		service,
		scheme: schemeOf(parsed, service),
		...(toleranceSeconds >= 0 && { toleranceSeconds: toleranceSeconds === 0 ? null : toleranceSeconds }),
		...(webhookUrl !== '' && { url: webhookUrl }),
		verifyToken,
	};
}

function serviceOf({ service }: Credential): WebhookService {
	const known = serviceByName(service);
	if (known) return known;
	throw invalid('Choose the service under "Service".');
}

function schemeOf(data: Credential, service: WebhookService): SignatureScheme {
	if (service.secret === 'custom') return customScheme(data);
	if (service.secret === 'header') return headerScheme(data);
	// Otherwise a captured signature could be sent with any other body.
	if (service.secret === 'message-key')
		return { ...schemes.rfc9421, covers: ['content-digest'], toleranceSeconds: 300 };
	const scheme = schemes[service.scheme ?? 'hmac-sha256'];
	if (service.scheme === 'github' && data.allowSha1) return { ...schemes.github, otherwise: schemes['github-sha1'] };
	return scheme;
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function headerScheme({ headerName }: Credential): SignatureScheme {
	if (!HEADER_NAME.test(headerName)) throw invalid('"Header Name" is missing, e.g. X-Webhook-Token.');
	return { kind: 'shared-secret', at: { header: [headerName.toLowerCase()] } };
}

function customScheme(data: Credential): SignedScheme {
	const { signatureHeader, signaturePrefix, algorithm, encoding, signedText, timestampHeader, timestampUnit } = data;
	if (!HEADER_NAME.test(signatureHeader)) throw invalid('"Signature Header" is missing, e.g. X-Signature.');
	const written = signedText === '' ? '{body}' : signedText;
	const template = templateOf(written);
	if (!template) {
		throw invalid(
			'"Signed Text" has a placeholder that is not known. Known are {body}, {timestamp}, {id}, {method}, {url}, {path}, {header:NAME}, {query:NAME} and {field:PATH}.',
		);
	}
	const uses = (kind: string) => template.some((part) => part.kind === kind);
	if (!uses('body') && !uses('body:escaped') && !uses('form')) {
		throw invalid('"Signed Text" lacks {body}: what is not signed, anybody could change.');
	}
	if (uses('timestamp') && timestampHeader === '')
		throw invalid('"Signed Text" has {timestamp}: enter the "Timestamp Header".');
	if (uses('id') && data.idHeader === '') throw invalid('"Signed Text" has {id}: enter the "ID Header".');
	const isPublic = algorithm === 'ed25519' || algorithm === 'ecdsa';
	return {
		kind: 'signed',
		signature: {
			at: { header: [signatureHeader.toLowerCase()] },
			encoding,
			...(signaturePrefix !== '' && { prefix: signaturePrefix }),
		},
		...(uses('id') && { id: { header: [data.idHeader.toLowerCase()] } }),
		...(timestampHeader !== '' && {
			timestamp: {
				at: { header: [timestampHeader.toLowerCase()] },
				unit: timestampUnit,
				// One that is not signed proves nothing.
				toleranceSeconds: uses('timestamp') ? 300 : null,
			},
		}),
		text: written,
		hash: algorithm === 'hmac-sha1' ? 'sha1' : algorithm === 'hmac-sha512' ? 'sha512' : 'sha256',
		key: isPublic ? 'public' : data.format,
	};
}

/** The secret as the scheme takes it, and what would be the previous one. */
function secretsIn(data: Credential, service: WebhookService): { current: string; previous: string } {
	switch (service.secret) {
		case 'basic':
			return { current: data.password === '' ? '' : `${data.user}:${data.password}`, previous: data.previousSecret };
		case 'public-key':
			return { current: data.publicKey.trim(), previous: data.previousSecret.trim() };
		case 'message-key': {
			const publicKey = data.publicKey.trim();
			return { current: publicKey === '' ? data.secret.trim() : publicKey, previous: data.previousSecret.trim() };
		}
		case 'custom':
			return data.algorithm === 'ed25519' || data.algorithm === 'ecdsa'
				? { current: data.publicKey.trim(), previous: data.previousSecret.trim() }
				: { current: data.secret, previous: data.previousSecret };
		default:
			return { current: data.secret, previous: data.previousSecret };
	}
}

/** The secrets to accept at a moment, the current one first: those that have the form of the service. */
export function webhookSecrets(data: unknown, now: number): string[] {
	const parsed = credential.parse(data);
	const service = serviceOf(parsed);
	const { current, previous } = secretsIn(parsed, service);
	const { previousValidUntil } = parsed;
	const until = previousValidUntil === '' ? Infinity : (parseTime(previousValidUntil) ?? 0);
	return [current, now < until ? previous : ''].filter((secret) => complaint(parsed, service, secret) === undefined);
}

/**
 * @param url of the webhook, where its owner is told
 * @throws HybridSyncError `configuration` saying what is wrong with the secret, and where the right one is found
 */
export function requireWebhookSecret(data: unknown, url?: string): void {
	const parsed = credential.parse(data);
	const service = serviceOf(parsed);
	schemeOf(parsed, service);
	const { current, previous } = secretsIn(parsed, service);
	const wrong = complaint(parsed, service, current);
	if (wrong !== undefined) {
		const isOwn = service.secret === 'url-secret' && url !== undefined;
		const name = service.displayName.replace(/^Other:.*/, 'the service');
		throw invalid(isOwn ? `${proposedUrl(url, name)} ${wrong}` : `${wrong} ${where(service)}`);
	}
	const wrongBefore = previous === '' ? undefined : complaint(parsed, service, previous);
	if (wrongBefore !== undefined) throw invalid(`Of the previous secret: ${wrongBefore}`);
	if (service.handshake === 'meta' && parsed.verifyToken.trim().length < 8) {
		throw invalid(
			'"Verify Token" is missing: make up at least 8 letters and digits, and enter them beside the callback URL.',
		);
	}
}

function where({ displayName, find }: WebhookService): string {
	return displayName.startsWith('Other') ? find : `In ${displayName}: ${find}`;
}

/** Long enough not to be guessed, and of characters that stand in a URL as they are. */
const URL_SECRET = /^[A-Za-z0-9._~-]{16,}$/;
/** The shortest that anybody should have to guess. */
const LEAST_LENGTH = 8;

/** What is wrong with a secret, in words; nothing where it has the form that the service's secrets have. */
function complaint(data: Credential, service: WebhookService, secret: string): string | undefined {
	const { minLength = LEAST_LENGTH } = service;
	if (secret === '') return service.secret === 'basic' ? '"User" or "Password" is empty.' : 'The secret is empty.';
	// What was entered as a public key must not be taken for a shared secret, because everybody may know it.
	const isKey = service.secret === 'public-key' || (service.secret === 'message-key' && data.publicKey.trim() !== '');
	const isCustomKey = service.secret === 'custom' && (data.algorithm === 'ed25519' || data.algorithm === 'ecdsa');
	if (isKey || isCustomKey) {
		if (/PRIVATE KEY/.test(secret))
			return 'This is a private key, which nobody but the service should have. Enter the public key.';
		return keyOf(secret, 'public')
			? undefined
			: 'This is no public key: PEM (-----BEGIN PUBLIC KEY-----), JWK, or base64.';
	}
	if (service.secret !== 'basic' && /^\s|\s$/.test(secret)) return 'The secret begins or ends with a blank.';
	switch (service.secret) {
		case 'message-key':
			return isLongBase64(secret) ? undefined : 'The shared secret is not base64 of at least 16 bytes.';
		case 'basic':
			return data.password.length < minLength && secret === `${data.user}:${data.password}`
				? `The password has ${data.password.length} characters, and needs at least ${minLength}.`
				: undefined;
		case 'standard-webhooks':
			if (!keyOf(secret, 'standard-webhooks'))
				return 'The secret is not whsec_ and base64 behind it (or whpk_, for a public key). Copy it whole.';
			// The specification wants 24 bytes at least.
			return secret.startsWith('whpk_') || isLongBase64(secret.replace(/^whsec_/, ''))
				? undefined
				: 'The secret is too short to be whole: behind whsec_ come at least 22 letters and digits. Copy it whole.';
		case 'url-secret':
			return URL_SECRET.test(secret)
				? undefined
				: 'The secret needs at least 16 letters, digits or . _ ~ -, and nothing else.';
		case 'custom':
			if (data.format !== 'text' && !keyOf(secret, data.format)) {
				return `The secret is not ${data.format === 'hex' ? 'hex in lower case' : 'base64'}, as "Secret Format" says.`;
			}
			break;
		case 'secret':
			if (service.scheme === 'stripe' && /^(sk|rk|pk)_/.test(secret)) {
				return 'This is an API key. Webhooks are signed with another secret.';
			}
			break;
		default:
			break;
	}
	return secret.length < minLength
		? `The secret has ${secret.length} characters, and needs at least ${minLength}.`
		: undefined;
}

function isLongBase64(text: string): boolean {
	return keyOf(text, 'base64') !== undefined && Buffer.from(text, 'base64').length >= 16;
}

function invalid(message: string): HybridSyncError {
	return new HybridSyncError('configuration', `The webhook secret credential is not complete. ${message}`);
}

/** What webhooks of any service are proven by. */
export const webhookSecret: ProviderCredential = {
	type: 'hybridSyncWebhookSecret',
	displayName: 'Webhook Secret',
	test(data) {
		requireWebhookSecret(data);
		const { displayName } = proofOf(data).service;
		return Promise.resolve(
			`This has the form of a secret of ${displayName.replace(/^Other: /, '')}. Whether it is the right one shows with the first webhook.`,
		);
	},
};
