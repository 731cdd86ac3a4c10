import { type KeyObject, constants, createHash, createHmac, timingSafeEqual, verify } from 'node:crypto';
import { Token, parseDictionary, serializeInnerList, serializeItem } from 'structured-headers';
import { type Key, isVerified, keyOf } from './keys';
import { MAX_VALUE_LENGTH, type RequestReader, TWICE } from './request';
import { type SignatureFailure, type SignatureResult, type VerifyOptions, outsideWindow } from './result';
import type { MessageSignatureScheme } from './scheme';

/** Structured fields, as the library reads them; its own types need those of browsers. */
type Parameters = ReadonlyMap<string, unknown>;
type Item = readonly [unknown, Parameters];
type InnerList = readonly [readonly Item[], Parameters];
type Dictionary = ReadonlyMap<string, Item | InnerList>;

const isInnerList = (member: Item | InnerList): member is InnerList => Array.isArray(member[0]);

/** Signatures that are tried; the limit that RFC 9421 asks for. */
const MAX_SIGNATURES = 5;
const MAX_COMPONENTS = 50;

/**
 * Verifies an HTTP Message Signature. What the sender has signed is what it says in `Signature-Input`; a `Content-Digest`
 * among it is held against the body. The key decides the algorithm, and an `alg` that names another one is refused.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9421#section-3.2
 */
export function verifyMessageSignature(
	scheme: MessageSignatureScheme,
	reader: RequestReader,
	secrets: readonly string[],
	options: VerifyOptions,
): SignatureResult {
	const found = signaturesIn(reader);
	if (typeof found === 'string') return { ok: false, reason: found };
	const keys = secrets.map((secret) => (secret === '' ? undefined : keyOf(secret, 'message')));
	if (!keys.some((key) => key !== undefined)) return { ok: false, reason: 'unusable-secret' };
	let worst: SignatureFailure = 'mismatch';
	for (const { input, bytes } of found) {
		const result = verifyOne(scheme, reader, input, bytes, keys, options);
		if (result.ok) return result;
		if (result.reason !== 'mismatch') worst = result.reason;
	}
	return { ok: false, reason: worst };
}

interface FoundSignature {
	readonly input: InnerList;
	readonly bytes: Buffer;
}

function signaturesIn(reader: RequestReader): FoundSignature[] | SignatureFailure {
	const [inputs, signatures] = [dictionaryIn(reader, 'signature-input'), dictionaryIn(reader, 'signature')];
	if (typeof inputs === 'string') return inputs;
	if (typeof signatures === 'string') return signatures;
	const found: FoundSignature[] = [];
	for (const [label, input] of inputs) {
		const bytes = bytesOf(signatures.get(label)?.[0]);
		if (isInnerList(input) && input[0].length <= MAX_COMPONENTS && bytes) found.push({ input, bytes });
	}
	return found.length === 0 || found.length > MAX_SIGNATURES ? 'malformed-signature' : found;
}

function dictionaryIn(reader: RequestReader, name: string): Dictionary | SignatureFailure {
	const value = reader.header(name);
	if (value === undefined) return 'missing-signature';
	if (value === TWICE || value.length > MAX_VALUE_LENGTH) return 'malformed-signature';
	try {
		return parseDictionary(value) as Dictionary;
	} catch {
		return 'malformed-signature';
	}
}

function bytesOf(value: unknown): Buffer | undefined {
	return value instanceof ArrayBuffer ? Buffer.from(value) : undefined;
}

function verifyOne(
	{ covers, toleranceSeconds }: MessageSignatureScheme,
	reader: RequestReader,
	input: InnerList,
	bytes: Buffer,
	keys: readonly (Key | undefined)[],
	{ now, toleranceSeconds: wanted = toleranceSeconds }: VerifyOptions,
): SignatureResult {
	const refused = (reason: SignatureFailure) => ({ ok: false, reason }) as const;
	const [components, parameters] = input;
	// With a parameter it is a part of the field, or something else.
	const names = components.flatMap(([name, { size }]) => (size === 0 ? [name] : []));
	if (!covers.every((name) => names.includes(name))) return refused('not-covered');
	const base = signatureBase(reader, input);
	if (typeof base !== 'object') return refused(base);
	const algorithm = parameters.get('alg');
	// Every key is tried, so that the time taken does not tell which one matched.
	const matches = keys.map((key) => key !== undefined && isSigned(base, bytes, key, algorithm));
	const matched = matches.indexOf(true);
	if (matched < 0) return refused('mismatch');
	if (components.some(([name]) => name === 'content-digest') && !isDigestOf(reader)) return refused('body-changed');
	const [created, expires] = [parameters.get('created'), parameters.get('expires')];
	if (created !== undefined && !isTime(created)) return refused('malformed-timestamp');
	if (expires !== undefined && !isTime(expires)) return refused('malformed-timestamp');
	if (isTime(expires) && (now?.getTime() ?? Date.now()) > expires * 1000) return refused('timestamp-too-old');
	if (!isTime(created)) return wanted === null ? { ok: true, secretIndex: matched } : refused('missing-timestamp');
	const late = outsideWindow(created * 1000, wanted, now);
	return late ? refused(late) : { ok: true, secretIndex: matched, timestamp: new Date(created * 1000) };
}

/** Seconds since the epoch. */
function isTime(value: unknown): value is number {
	return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 1e11;
}

/** @see https://www.rfc-editor.org/rfc/rfc9421#section-2.5 */
function signatureBase(reader: RequestReader, input: InnerList): Buffer | SignatureFailure {
	const lines: string[] = [];
	const seen = new Set<string>();
	for (const component of input[0]) {
		const identifier = written(() => serializeItem(component as never));
		if (identifier === undefined || seen.has(identifier)) return 'malformed-signature';
		seen.add(identifier);
		const value = componentValue(reader, component);
		if (value === undefined) return 'missing-signed-part';
		// A line break in a value could spell another component.
		if (/[\r\n]/.test(value)) return 'malformed-signature';
		lines.push(`${identifier}: ${value}`);
	}
	const parameters = written(() => serializeInnerList(input as never));
	if (parameters === undefined) return 'malformed-signature';
	return Buffer.from([...lines, `"@signature-params": ${parameters}`].join('\n'));
}

function written(serialize: () => string): string | undefined {
	try {
		return serialize();
	} catch {
		return undefined;
	}
}

/** @returns nothing where the component is not there, or is of a kind that requests do not have */
function componentValue(reader: RequestReader, [name, parameters]: Item): string | undefined {
	if (typeof name !== 'string') return undefined;
	const [first, more] = [...parameters.keys()];
	if (more !== undefined) return undefined;
	if (name === '@query-param') return first === 'name' ? queryParameter(reader, parameters.get('name')) : undefined;
	if (name.startsWith('@')) return first === undefined ? derived(reader, name) : undefined;
	if (name !== name.toLowerCase()) return undefined;
	const value = fieldValue(reader, name);
	if (first === undefined || value === undefined) return value;
	if (first !== 'key') return undefined;
	const member = written(() => memberOf(value, parameters.get('key')));
	return member === '' ? undefined : member;
}

/** Of a field that came several times its values in their order; each without what is blank around it. */
function fieldValue(reader: RequestReader, name: string): string | undefined {
	const values = Object.entries(reader.request.headers)
		.filter(([each]) => each.toLowerCase() === name)
		.flatMap(([, value]) => value ?? []);
	return values.length === 0 ? undefined : values.map((value) => value.trim()).join(', ');
}

function memberOf(value: string, key: unknown): string {
	const member = typeof key === 'string' ? (parseDictionary(value) as Dictionary).get(key) : undefined;
	if (!member) return '';
	return isInnerList(member) ? serializeInnerList(member as never) : serializeItem(member as never);
}

/** @see https://www.rfc-editor.org/rfc/rfc9421#section-2.2 */
function derived(reader: RequestReader, name: string): string | undefined {
	const { method, url } = reader.request;
	if (name === '@method') return method.toUpperCase();
	const path = reader.path();
	if (name === '@request-target') return path;
	if (name === '@path') return path.split('?', 1)[0] === '' ? '/' : path.split('?', 1)[0];
	if (name === '@query') return `?${reader.queryText()}`;
	const parsed = URL.parse(url);
	if (!parsed) return undefined;
	if (name === '@target-uri') return url;
	if (name === '@authority') return parsed.host.toLowerCase();
	return name === '@scheme' ? parsed.protocol.slice(0, -1) : undefined;
}

function queryParameter(reader: RequestReader, name: unknown): string | undefined {
	const values = new URLSearchParams(`?${reader.queryText()}`).getAll(decodedName(name));
	const [value, more] = values;
	// Encoded as RFC 9421 says: as a form does, but for the blank.
	if (value === undefined || more !== undefined) return undefined;
	return encodeURIComponent(value).replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decodedName(name: unknown): string {
	return written(() => decodeURIComponent(String(name))) ?? '';
}

function isSigned(base: Buffer, bytes: Buffer, key: Key, algorithm: unknown): boolean {
	const named = algorithm === undefined ? undefined : algorithm instanceof Token ? algorithm.toString() : algorithm;
	if (key.kind === 'mac') {
		if (named !== undefined && named !== 'hmac-sha256') return false;
		const expected = createHmac('sha256', key.secret).update(base).digest();
		return bytes.length === expected.length && timingSafeEqual(bytes, expected);
	}
	return algorithmsOf(key.key).some(
		(each) => (named === undefined || named === each) && isVerified(() => VERIFIERS[each](base, key.key, bytes)),
	);
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
/** @see https://www.rfc-editor.org/rfc/rfc9421#section-3.3 */
const VERIFIERS = {
	ed25519: (base: Buffer, key: KeyObject, bytes: Buffer) => verify(null, base, key, bytes),
	'ecdsa-p256-sha256': (base: Buffer, key: KeyObject, bytes: Buffer) =>
		verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, bytes),
	'ecdsa-p384-sha384': (base: Buffer, key: KeyObject, bytes: Buffer) =>
		verify('sha384', base, { key, dsaEncoding: 'ieee-p1363' }, bytes),
	'rsa-pss-sha512': (base: Buffer, key: KeyObject, bytes: Buffer) => verify('sha512', base, { key, ...PSS }, bytes),
	'rsa-v1_5-sha256': (base: Buffer, key: KeyObject, bytes: Buffer) => verify('sha256', base, key, bytes),
} as const;

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): (keyof typeof VERIFIERS)[] {
	switch (asymmetricKeyType) {
		case 'ed25519':
			return ['ed25519'];
		case 'ec':
			return asymmetricKeyDetails?.namedCurve === 'secp384r1' ? ['ecdsa-p384-sha384'] : ['ecdsa-p256-sha256'];
		case 'rsa-pss':
			return ['rsa-pss-sha512'];
		case 'rsa':
			return ['rsa-pss-sha512', 'rsa-v1_5-sha256'];
		default:
			return [];
	}
}

const DIGESTS: Readonly<Record<string, string>> = { 'sha-256': 'sha256', 'sha-512': 'sha512' };

/**
 * Every hash of a known kind has to be that of the body, and there has to be one.
 * @see https://www.rfc-editor.org/rfc/rfc9530
 */
function isDigestOf(reader: RequestReader): boolean {
	const digests = dictionaryIn(reader, 'content-digest');
	if (typeof digests === 'string') return false;
	const known = [...digests].filter(([name]) => Object.hasOwn(DIGESTS, name));
	return (
		known.length > 0 &&
		known.every(([name, member]) => {
			const actual = createHash(DIGESTS[name] ?? '')
				.update(reader.request.rawBody)
				.digest();
			return bytesOf(member[0])?.equals(actual) === true;
		})
	);
}
