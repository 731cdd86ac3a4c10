import {
	type KeyObject,
	createHash,
	createHmac,
	hash as hashOnce,
	timingSafeEqual,
	verify as verifyByKey,
} from 'node:crypto';
import { parseTime } from '../base/time';
import { encode, decode, isEncoded } from './encodings';
import { type Key, isVerified, keyOf } from './keys';
import { verifyMessageSignature } from './message-signature';
import { MAX_VALUE_LENGTH, RequestReader, type SignedRequest, TWICE, decodeListed, urlForms } from './request';
import { type SignatureFailure, type SignatureResult, type VerifyOptions, outsideWindow } from './result';
import type { Encoding, SharedSecretScheme, SignatureScheme, SignedScheme, TimeUnit } from './scheme';
import { schemeByName } from './schemes';
import { type Part, type Template, templateOf } from './template';

/**
 * Checks that a request was sent by someone who holds one of the secrets. It never throws on input that came over the
 * wire, and it never passes a request for want of a secret.
 *
 * @param scheme name of a scheme, or a scheme
 * @param request the request, with its body as raw bytes
 * @param secrets current secret first, then previous ones that are still accepted; empty ones are ignored
 * @param options clock, and window for schemes that sign a timestamp
 * @returns which secret matched and the signed moment, or why the request was refused
 */
export function verifySignature(
	scheme: string | SignatureScheme,
	request: SignedRequest,
	secrets: readonly string[],
	options: VerifyOptions = {},
): SignatureResult {
	const known = typeof scheme === 'string' ? schemeByName(scheme) : scheme;
	if (known === undefined) return refused('unknown-scheme');
	if (!secrets.some((secret) => secret !== '')) return refused('no-secret');
	const reader = new RequestReader(request);
	switch (known.kind) {
		case 'shared-secret':
			return verifySharedSecret(known, reader, secrets);
		case 'message-signature':
			return verifyMessageSignature(known, reader, secrets, options);
		case 'signed':
			return verifySigned(known, reader, secrets, options);
	}
}

function refused(reason: SignatureFailure): { ok: false; reason: SignatureFailure } {
	return { ok: false, reason };
}

function verifySharedSecret(
	{ at, prefix, encoding }: SharedSecretScheme,
	reader: RequestReader,
	secrets: readonly string[],
): SignatureResult {
	const value = reader.at(at);
	if (value === undefined) return refused('missing-signature');
	if (value === TWICE || value.length > MAX_VALUE_LENGTH) return refused('malformed-signature');
	if (prefix !== undefined && value.slice(0, prefix.length).toLowerCase() !== prefix.toLowerCase()) {
		return refused('malformed-signature');
	}
	const shown = prefix === undefined ? value : value.slice(prefix.length).trim();
	const bytes = encoding === undefined ? Buffer.from(shown) : decode(shown, encoding);
	if (!bytes || bytes.length === 0) return refused('malformed-signature');
	// Digests of both sides, so that the time taken does not tell how long a secret is.
	const digest = createHash('sha256').update(bytes).digest();
	let matched = -1;
	// Every secret is tried, so that the time taken does not tell which one matched.
	for (const [index, secret] of secrets.entries()) {
		if (secret === '') continue;
		if (timingSafeEqual(digest, createHash('sha256').update(secret).digest()) && matched < 0) matched = index;
	}
	return matched < 0 ? refused('mismatch') : { ok: true, secretIndex: matched };
}

/** What was presented: signatures as text, by whom they may have been made, and when. */
interface Presented {
	readonly signatures: readonly string[];
	readonly publicSignatures: readonly string[];
	/** As it was sent; empty where the scheme has none, or where an optional one is missing. */
	readonly timestamp: string;
	readonly time: number | undefined;
}

function verifySigned(
	scheme: SignedScheme,
	reader: RequestReader,
	secrets: readonly string[],
	options: VerifyOptions,
): SignatureResult {
	const presented = presentedIn(scheme, reader);
	if (typeof presented === 'string') {
		const { otherwise } = scheme;
		const isAbsent = presented === 'missing-signature' && otherwise !== undefined;
		return isAbsent ? verifySigned(otherwise, reader, secrets, options) : refused(presented);
	}
	const texts = textsOf(scheme, reader);
	if (typeof texts === 'string') return refused(texts);
	const isUrlSigned = texts.some(signsUrl);
	if (isUrlSigned && !URL.canParse(reader.request.url)) return refused('missing-signed-part');
	const id = scheme.id && reader.at(scheme.id);
	if (scheme.id && typeof id !== 'string') return refused('missing-signed-part');
	const signed: Signed = {
		scheme,
		reader,
		timestamp: presented.timestamp,
		id: typeof id === 'string' ? id : '',
		texts,
		urls: isUrlSigned ? urlForms(reader.request.url, scheme.looseUrl === true) : [''],
	};
	let matched = -1;
	let failure: SignatureFailure = 'unusable-secret';
	// Every secret is tried, so that the time taken does not tell which one matched.
	for (const [index, secret] of secrets.entries()) {
		const key = secret === '' ? undefined : keyOf(secret, scheme.key);
		if (!key) continue;
		const tried = trySecret(signed, key, secret, presented);
		if (tried === 'match' && matched < 0) matched = index;
		if (tried !== 'match') failure = tried;
	}
	if (matched < 0) return refused(failure);
	if (!isHashedBody(scheme, reader)) return refused('body-changed');
	const { time } = presented;
	const tolerance =
		options.toleranceSeconds === undefined ? scheme.timestamp?.toleranceSeconds : options.toleranceSeconds;
	const late = time === undefined ? undefined : outsideWindow(time, tolerance, options.now);
	if (late) return refused(late);
	return { ok: true, secretIndex: matched, ...(time !== undefined && { timestamp: new Date(time) }) };
}

/** More signatures than any service sends while it changes its secret; each costs a comparison, or a look at all of the body. */
const MAX_SIGNATURES = 20;
const MAX_PUBLIC_SIGNATURES = 5;

function presentedIn(scheme: SignedScheme, reader: RequestReader): Presented | SignatureFailure {
	const { at, prefix = '', list, encoding } = scheme.signature;
	const value = reader.at(at);
	if (value === undefined) return 'missing-signature';
	if (value === TWICE || value.length > MAX_VALUE_LENGTH) return 'malformed-signature';
	let signatures: string[] = [];
	let publicSignatures = signatures;
	let listed: string | undefined;
	if (list) {
		const { label, publicLabel = label, timestamp } = list;
		if (publicLabel !== label) publicSignatures = [];
		for (const entry of value.split(list.separator)) {
			const assigned = entry.indexOf(list.assign);
			if (assigned < 0) continue;
			const name = entry.slice(0, assigned).trim();
			const text = entry.slice(assigned + list.assign.length).trim();
			if (name === label) signatures.push(text);
			else if (name === publicLabel) publicSignatures.push(text);
			if (name !== timestamp) continue;
			if (listed !== undefined) return 'malformed-timestamp';
			listed = text;
		}
		if (timestamp !== undefined) listed ??= '';
	} else {
		if (!value.startsWith(prefix)) return 'malformed-signature';
		publicSignatures = signatures = [value.slice(prefix.length)];
	}
	if (signatures.length === 0 && publicSignatures.length === 0) {
		return list ? 'malformed-signature' : 'missing-signature';
	}
	if (signatures.length > MAX_SIGNATURES || publicSignatures.length > MAX_SIGNATURES) return 'malformed-signature';
	const usable = wellFormed(signatures, encoding);
	const usablePublic = publicSignatures === signatures ? usable : wellFormed(publicSignatures, encoding);
	if (usable.length === 0 && usablePublic.length === 0) return 'malformed-signature';
	const presented = { signatures: usable, publicSignatures: usablePublic, timestamp: '', time: undefined };
	if (!scheme.timestamp) return presented;
	const sent = listed ?? (scheme.timestamp.at && reader.at(scheme.timestamp.at));
	if (sent === TWICE) return 'malformed-timestamp';
	if (sent === undefined || sent === '') {
		const isOptional = scheme.timestamp.optional === true && reader.isBodyReadable();
		return isOptional ? presented : 'missing-timestamp';
	}
	const time = timeOf(sent, scheme.timestamp.unit);
	return time === undefined ? 'malformed-timestamp' : { ...presented, timestamp: sent, time };
}

function wellFormed(texts: readonly string[], encoding: Encoding): readonly string[] {
	return texts.filter((text) => isEncoded(text, encoding));
}

/** Strictly as the unit is written: what is milliseconds is not taken for seconds, nor letters for a number. */
function timeOf(text: string, unit: TimeUnit): number | undefined {
	switch (unit) {
		case 'seconds':
			// One digit more or less could belong to what is signed next to it.
			return /^[1-9]\d{9}$/.test(text) ? Number(text) * 1000 : undefined;
		case 'milliseconds':
			return /^[1-9]\d{12}$/.test(text) ? Number(text) : undefined;
		case 'iso':
			return /^\d{4}-\d\d-\d\d[T ]/.test(text) ? parseTime(text.replace(' ', 'T')) : undefined;
		case 'http-date': {
			const time = HTTP_DATE.test(text) ? Date.parse(text) : NaN;
			return Number.isNaN(time) ? undefined : time;
		}
	}
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|\+0000)$/;

function textsOf(scheme: SignedScheme, reader: RequestReader): readonly Template[] | SignatureFailure {
	const { bodyHash } = scheme;
	if (bodyHash && reader.query(bodyHash.query) !== undefined) return compiledAll([bodyHash.text]);
	let texts = compiled.get(scheme);
	if (!texts) compiled.set(scheme, (texts = compiledAll([scheme.text].flat())));
	return texts;
}

const compiled = new WeakMap<SignedScheme, ReturnType<typeof compiledAll>>();

/** Where the signed URL has a hash of the body in it, whether that is the body which came. */
function isHashedBody({ bodyHash }: SignedScheme, reader: RequestReader): boolean {
	const sent = bodyHash && reader.query(bodyHash.query);
	if (sent === undefined) return true;
	return typeof sent === 'string' && isSameText(sent, hashOnce('sha256', reader.request.rawBody, 'hex'));
}

function compiledAll(texts: readonly string[]): readonly Template[] | 'unknown-scheme' {
	const templates = texts.flatMap((text) => {
		const template = templateOf(text);
		return template ? [template] : [];
	});
	return templates.length === texts.length && templates.length > 0 ? templates : 'unknown-scheme';
}

const signsUrl = (template: Template) => template.some(({ kind }) => kind === 'url' || kind === 'url:decoded');

/**
 * What a signature covers, as a hash: the same for a captured request that is sent again, whatever else in it was changed.
 *
 * @param signedAt the moment that was verified with it: of a message signature, which says itself what else it covers
 * @returns nothing where only a shared secret proves a request
 */
export function hashOfSigned(scheme: SignatureScheme, request: SignedRequest, signedAt?: Date): string | undefined {
	if (scheme.kind === 'message-signature') {
		return `${hashOnce('sha256', request.rawBody, 'base64url')}.${signedAt?.getTime() ?? ''}`;
	}
	if (scheme.kind !== 'signed') return undefined;
	const reader = new RequestReader(request);
	const presented = presentedIn(scheme, reader);
	if (typeof presented === 'string') return scheme.otherwise && hashOfSigned(scheme.otherwise, request);
	const id = scheme.id && reader.at(scheme.id);
	const texts = textsOf(scheme, reader);
	const [template] = typeof texts === 'string' ? [] : texts;
	const signed = { scheme, reader, timestamp: presented.timestamp, id: typeof id === 'string' ? id : '' };
	const [url = request.url] = urlForms(request.url, scheme.looseUrl === true).slice(-1);
	const parts = template && partsOf(signed, template, url, '');
	if (!parts) return undefined;
	const hash = createHash('sha256');
	for (const part of parts) hash.update(part);
	return hash.digest('base64url');
}

interface Signed {
	readonly scheme: SignedScheme;
	readonly reader: RequestReader;
	readonly timestamp: string;
	readonly id: string;
	readonly texts: readonly Template[];
	/** Forms in which the URL may have been signed; one, where it is not. */
	readonly urls: readonly string[];
}

type Readable = Pick<Signed, 'scheme' | 'reader' | 'timestamp' | 'id'>;

function trySecret(
	signed: Signed,
	key: Key,
	secret: string,
	presented: Presented,
): 'match' | 'mismatch' | 'missing-signed-part' {
	const { scheme, texts, urls } = signed;
	let isMatch = false;
	let isWhole = false;
	for (const template of texts) {
		for (const url of urls) {
			const parts = partsOf(signed, template, url, secret);
			if (!parts) continue;
			isWhole = true;
			if (key.kind === 'public') {
				if (isSignedByKey(parts, key, presented.publicSignatures, scheme)) isMatch = true;
				continue;
			}
			const expected = macOf(parts, key.secret, scheme);
			for (const each of presented.signatures) if (isSameText(each, expected)) isMatch = true;
		}
	}
	if (isMatch) return 'match';
	return isWhole ? 'mismatch' : 'missing-signed-part';
}

/** In the one spelling that counts. */
function macOf(
	parts: readonly (string | Uint8Array)[],
	key: KeyObject | string,
	{ mac, hash, signature: { encoding } }: SignedScheme,
): string {
	const digest = mac === 'plain' ? createHash(hash) : createHmac(hash, key);
	for (const part of parts) digest.update(part);
	// Without a buffer in between.
	if (encoding === 'hex' || encoding === 'base64' || encoding === 'base64url') return digest.digest(encoding);
	return encode(digest.digest(), encoding);
}

function isSignedByKey(
	parts: readonly (string | Uint8Array)[],
	{ key }: Key & { kind: 'public' },
	signatures: readonly string[],
	{ hash, signature: { encoding } }: SignedScheme,
): boolean {
	const text = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
	// Ed25519 has its hash built in.
	const algorithm = key.asymmetricKeyType === 'ed25519' ? null : hash;
	return signatures.slice(0, MAX_PUBLIC_SIGNATURES).some((each) => {
		const bytes = decode(each, encoding);
		return bytes !== undefined && isVerified(() => verifyByKey(algorithm, text, key, bytes));
	});
}

/** Both are ASCII, and their length is known to everybody. */
function isSameText(one: string, other: string): boolean {
	if (one.length !== other.length) return false;
	const [left, right] = roomFor(one.length);
	left.write(one, 'latin1');
	right.write(other, 'latin1');
	return timingSafeEqual(left, right);
}

/** By length: to make two buffers for every comparison takes a fifth of a verification. */
const rooms = new Map<number, readonly [Buffer, Buffer]>();

function roomFor(length: number): readonly [Buffer, Buffer] {
	let room = rooms.get(length);
	if (!room) rooms.set(length, (room = [Buffer.alloc(length), Buffer.alloc(length)]));
	return room;
}

/** @returns nothing where something that is signed is not there */
function partsOf(
	signed: Readable,
	template: Template,
	url: string,
	secret: string,
): (string | Uint8Array)[] | undefined {
	const parts: (string | Uint8Array)[] = [];
	// What stands side by side as text is hashed at once.
	let text = '';
	for (const part of template) {
		const value = valueOf(signed, part, url, secret);
		if (typeof value === 'string') {
			text += value;
			continue;
		}
		if (typeof value !== 'object') return undefined;
		if (text !== '') parts.push(text);
		text = '';
		parts.push(value);
	}
	if (text !== '') parts.push(text);
	return parts;
}

function valueOf(
	{ reader, timestamp, id }: Readable,
	part: Part,
	url: string,
	secret: string,
): string | Uint8Array | undefined | typeof TWICE {
	switch (part.kind) {
		case 'text':
			return part.text;
		case 'body':
			return reader.request.rawBody;
		case 'body:escaped':
			return reader.escapedBody();
		case 'timestamp':
			return timestamp;
		case 'id':
			return id;
		case 'method':
			return reader.request.method.toUpperCase();
		case 'url':
			return url;
		case 'url:decoded':
			return decodeListed(url);
		case 'path':
			return reader.path();
		case 'secret':
			return secret;
		case 'form':
			return reader.formText();
		case 'header':
			return reader.header(part.name);
		case 'query':
			return reader.query(part.name);
		case 'field':
			return reader.field(part.name);
	}
}
