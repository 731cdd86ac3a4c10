import { parse, stringify } from 'node:querystring';
import { JsonMeter } from '../base/json';
import type { Place } from './scheme';

/** A request as it came over the wire. */
export interface SignedRequest {
	readonly method: string;
	/** Absolute, as the sender knows it. Beginning with the path will do for schemes that do not sign it. */
	readonly url: string;
	/** Names in any case. */
	readonly headers: Record<string, string | string[] | undefined>;
	/** The bytes of the body, untouched. */
	readonly rawBody: Uint8Array;
}

/** A value of a request: nothing where it is not there, `twice` where it came several times and every reader takes another. */
export type Found = string | undefined | typeof TWICE;
export const TWICE = Symbol('twice');

/** What a value may have in characters: no service sends more, and to look at it takes its time. */
export const MAX_VALUE_LENGTH = 4_096;
/** Values and levels of a body that is read before anybody knows who sent it. */
const MAX_UNVERIFIED_VALUES = 10_000;
const MAX_UNVERIFIED_DEPTH = 50;
const MAX_FORM_FIELDS = 1_000;
/** To take a form apart costs many times as much as to hash it. */
const MAX_FORM_BYTES = 4 * 1024 * 1024;

/** Looks up what schemes refer to. Of the body nothing is read but where a scheme asks for it. */
export class RequestReader {
	private queryRead: URLSearchParams | undefined;
	private bodyRead: { readonly value: unknown; readonly isReadable: boolean } | undefined;
	private formTextRead: { readonly text: string | undefined } | undefined;
	private escapedRead: Uint8Array | undefined;
	private formRead: { readonly fields: readonly (readonly [string, string])[] | undefined } | undefined;

	constructor(readonly request: SignedRequest) {}

	/** @returns the value at a place; an empty one is not there */
	at(place: Place): Found {
		if ('header' in place) {
			for (const name of place.header) {
				const value = this.header(name);
				if (value !== undefined) return value;
			}
			return undefined;
		}
		if ('query' in place) return this.query(place.query);
		for (const path of place.field) {
			const value = this.field(path);
			if (value !== undefined) return value;
		}
		return undefined;
	}

	/** @param name in lower case */
	header(name: string): Found {
		const { headers } = this.request;
		let found: Found;
		for (const key in headers) {
			if (key.length !== name.length || (key !== name && key.toLowerCase() !== name)) continue;
			const value = headers[key];
			const [first, more] = Array.isArray(value) ? value : [value];
			if (first === undefined) continue;
			if (more !== undefined || found !== undefined) return TWICE;
			found = first;
		}
		return found === '' ? undefined : found;
	}

	query(name: string): Found {
		this.queryRead ??= parametersOf(this.queryText());
		const [value, more] = this.queryRead.getAll(name);
		if (more !== undefined) return TWICE;
		return value === '' ? undefined : value;
	}

	/** Everything after the first question mark. */
	queryText(): string {
		const [whole = ''] = this.request.url.split('#', 1);
		const from = whole.indexOf('?');
		return from < 0 ? '' : whole.slice(from + 1);
	}

	/** The path with the query, of an absolute URL or of one that begins with it. */
	path(): string {
		return this.request.url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split('#', 1)[0] ?? '';
	}

	field(path: string): Found {
		let value = this.readBody().value;
		for (const name of path.split('.')) {
			if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
			value = (value as Record<string, unknown>)[name];
		}
		if (typeof value === 'number') return String(value);
		return typeof value === 'string' && value !== '' ? value : undefined;
	}

	/** Whether the body is JSON or a form, so that a field which is not found is not there. */
	isBodyReadable(): boolean {
		return this.readBody().isReadable;
	}

	/** As what it looks like: a header that says what it is, is signed by nobody. */
	private readBody(): { readonly value: unknown; readonly isReadable: boolean } {
		return (this.bodyRead ??= this.parseBody());
	}

	private parseBody(): { readonly value: unknown; readonly isReadable: boolean } {
		const { rawBody } = this.request;
		const meter = new JsonMeter().add(rawBody);
		const isTooMuch = meter.values > MAX_UNVERIFIED_VALUES || meter.deepest > MAX_UNVERIFIED_DEPTH;
		if (!isTooMuch) {
			try {
				return { value: JSON.parse(utf8(rawBody).replace(/^\ufeff/, '')), isReadable: true };
			} catch {
				// A form, perhaps.
			}
		}
		const looksLikeJson = /^\s*[[{]/.test(utf8(rawBody.subarray(0, 100)));
		const fields = looksLikeJson ? undefined : this.form();
		return { value: fields && Object.fromEntries(fields), isReadable: fields !== undefined };
	}

	/** @returns the fields of a form in their order; nothing where the body says that it is none, or has too many */
	form(): readonly (readonly [string, string])[] | undefined {
		this.formRead ??= { fields: this.parseForm() };
		return this.formRead.fields;
	}

	private parseForm(): readonly (readonly [string, string])[] | undefined {
		const { rawBody } = this.request;
		if (rawBody.length === 0) return [];
		const type = this.header('content-type');
		if (typeof type === 'string' && !/^application\/x-www-form-urlencoded\b/i.test(type)) return undefined;
		if (rawBody.length > MAX_FORM_BYTES) return undefined;
		let fields = 1;
		for (const byte of rawBody) if (byte === 0x26 && ++fields > MAX_FORM_FIELDS) return undefined;
		return [...parametersOf(utf8(rawBody))];
	}

	/**
	 * Name and value of each field of a form in a row, sorted by name; of a name that came several times its values, each once and
	 * sorted.
	 *
	 * @returns nothing where the body is no form
	 */
	formText(): string | undefined {
		this.formTextRead ??= { text: this.joinForm() };
		return this.formTextRead.text;
	}

	private joinForm(): string | undefined {
		const fields = this.form();
		if (!fields) return undefined;
		const values = Map.groupBy(fields, ([name]) => name);
		return [...values]
			.sort(([one], [other]) => (one < other ? -1 : 1))
			.flatMap(([name, all]) => [...new Set(all.map(([, value]) => value))].sort().map((value) => `${name}${value}`))
			.join('');
	}

	/** JSON text with every character beyond ASCII written as \uXXXX in lower case, as Meta signs it. */
	escapedBody(): Uint8Array {
		return (this.escapedRead ??= escapeNonAscii(this.request.rawBody));
	}
}

const utf8 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/** A question mark at the beginning is part of the first name. */
const parametersOf = (text: string) => new URLSearchParams(`?${text}`);

/**
 * The forms in which a URL may have been signed: as it came, and where a service is known to be loose about it, with and
 * without the port, each with the query as it came and as Node.js wrote it in former times.
 *
 * @returns the first is as it came; the last is the same, however the sender spelled it
 */
export function urlForms(url: string, isLoose: boolean): readonly string[] {
	const parsed = isLoose ? URL.parse(url) : null;
	if (!parsed) return [url];
	const login = parsed.username === '' ? '' : `${parsed.username}:${parsed.password}@`;
	const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
	const [path = '', ...query] = rest.split('?');
	const port = parsed.port === '' ? (parsed.protocol === 'https:' ? '443' : '80') : parsed.port;
	const rests = query.length === 0 ? [rest] : [rest, `${path}?${stringify(parse(query.join('?')))}`];
	const hosts = [`${parsed.hostname}:${port}`, parsed.hostname];
	const forms = hosts.flatMap((host) => rests.map((each) => `${parsed.protocol}//${login}${host}${each}`));
	const canonical = forms.slice(-1);
	return [...new Set([url, ...forms].filter((form) => !canonical.includes(form))), ...canonical];
}

const DECODED = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi;

/**
 * Decodes the characters that HubSpot says it has decoded before it signs.
 * @see https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
 */
export function decodeListed(url: string): string {
	return url.replace(DECODED, (code) => decodeURIComponent(code));
}

const HEX = Buffer.from('0123456789abcdef');

function escapeNonAscii(body: Uint8Array): Uint8Array {
	const text = utf8(body);
	const escaped = Buffer.allocUnsafe(text.length * 6);
	let at = 0;
	for (let index = 0; index < text.length; index++) {
		const unit = text.charCodeAt(index);
		if (unit < 0x80) {
			escaped[at++] = unit;
			continue;
		}
		escaped[at++] = 0x5c;
		escaped[at++] = 0x75;
		for (let shift = 12; shift >= 0; shift -= 4) escaped[at++] = HEX[(unit >> shift) & 15] ?? 0;
	}
	return escaped.subarray(0, at);
}
