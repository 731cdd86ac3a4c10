import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type HmacScheme, type QuerySecretScheme, type SignatureScheme, schemes } from './schemes';

/** A request as it came over the wire. */
export interface SignedRequest {
	readonly method: string;
	/** Absolute, or beginning with the path. */
	readonly url: string;
	/** Names in any case. */
	readonly headers: Record<string, string | string[] | undefined>;
	/** The bytes of the body, untouched. */
	readonly rawBody: Uint8Array;
}

/** Why a request was refused. */
export type SignatureFailure =
	'unknown-scheme' | 'no-secret' | 'missing-signature' | 'malformed-signature' | 'mismatch';

export type SignatureResult =
	{ ok: true; secretIndex: number; timestamp?: Date } | { ok: false; reason: SignatureFailure };

/** Longer than any signature of any scheme; what is longer was not sent by a provider. */
const MAX_SIGNATURE_LENGTH = 4096;

/**
 * Checks that a request was sent by someone who holds one of the secrets. It never throws on input that came over the
 * wire, and it never passes a request for want of a secret.
 *
 * @param scheme name of a scheme, or a scheme
 * @param request the request, with its body as raw bytes
 * @param secrets current secret first, then previous ones that are still accepted; empty ones are ignored
 * @param _options clock and window for schemes that sign a timestamp; the schemes so far sign none
 * @returns which secret matched, or why the request was refused
 */
export function verifySignature(
	scheme: string | SignatureScheme,
	request: SignedRequest,
	secrets: readonly string[],
	_options: { now?: Date; toleranceSeconds?: number | null } = {},
): SignatureResult {
	const known = typeof scheme === 'string' ? schemeByName(scheme) : scheme;
	if (known === undefined) return { ok: false, reason: 'unknown-scheme' };
	const usable = secrets.map((secret, index) => ({ secret, index })).filter(({ secret }) => secret !== '');
	if (usable.length === 0) return { ok: false, reason: 'no-secret' };
	const presented = presentedSignature(known, request);
	if (typeof presented !== 'object') return { ok: false, reason: presented };
	let matched: number | undefined;
	// Every secret is tried, so that the time taken does not tell which one matched.
	for (const { secret, index } of usable) {
		if (equal(presented.bytes, expectedSignature(known, request, secret))) matched ??= index;
	}
	return matched === undefined ? { ok: false, reason: 'mismatch' } : { ok: true, secretIndex: matched };
}

function schemeByName(name: string): SignatureScheme | undefined {
	return Object.hasOwn(schemes, name) ? schemes[name as keyof typeof schemes] : undefined;
}

type Presented = { bytes: Uint8Array } | 'missing-signature' | 'malformed-signature';

function presentedSignature(scheme: SignatureScheme, request: SignedRequest): Presented {
	switch (scheme.kind) {
		case 'query-secret':
			return querySecret(scheme, request);
		case 'hmac':
			return headerSignature(scheme, request);
	}
}

function expectedSignature(scheme: SignatureScheme, request: SignedRequest, secret: string): Uint8Array {
	switch (scheme.kind) {
		case 'query-secret':
			return Buffer.from(secret);
		case 'hmac':
			return createHmac(scheme.hash, secret).update(request.rawBody).digest();
	}
}

function querySecret(scheme: QuerySecretScheme, request: SignedRequest): Presented {
	const query = request.url.split('#', 1)[0]?.split('?').slice(1).join('?') ?? '';
	const values = new URLSearchParams(query).getAll(scheme.parameter);
	const [value] = values;
	if (value === undefined || value === '') return 'missing-signature';
	// A parameter given twice is read differently by every parser on the way: refused.
	if (values.length > 1 || value.length > MAX_SIGNATURE_LENGTH) return 'malformed-signature';
	return { bytes: Buffer.from(value) };
}

const ENCODINGS = {
	hex: /^(?:[0-9a-f]{2})+$/i,
	base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
} as const;

function headerSignature(scheme: HmacScheme, request: SignedRequest): Presented {
	const values = Object.entries(request.headers)
		.filter(([name]) => name.toLowerCase() === scheme.header)
		.flatMap(([, value]) => value ?? []);
	const [value] = values;
	if (value === undefined || value === '') return 'missing-signature';
	if (values.length > 1 || value.length > MAX_SIGNATURE_LENGTH || !value.startsWith(scheme.prefix)) {
		return 'malformed-signature';
	}
	const text = value.slice(scheme.prefix.length);
	if (text === '' || !ENCODINGS[scheme.encoding].test(text)) return 'malformed-signature';
	return { bytes: Buffer.from(text, scheme.encoding) };
}

/** Compares digests of both sides: constant time, also where the lengths differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
	const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
	return timingSafeEqual(digest(a), digest(b));
}
