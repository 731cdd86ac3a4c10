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

/** Looks up what schemes refer to. Of the body nothing is read but where a scheme asks for it. */
export class RequestReader {
	private queryRead: URLSearchParams | undefined;
	private bodyRead: { readonly value: unknown } | undefined;
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
		this.queryRead ??= new URLSearchParams(this.queryText());
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
		this.bodyRead ??= { value: this.parseBody() };
		let value = this.bodyRead.value;
		for (const name of path.split('.')) {
			if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
			value = (value as Record<string, unknown>)[name];
		}
		if (typeof value === 'number') return String(value);
		return typeof value === 'string' && value !== '' ? value : undefined;
	}

	private parseBody(): unknown {
		const { rawBody } = this.request;
		const form = this.form();
		if (form && !this.isJson()) return Object.fromEntries(form);
		const meter = new JsonMeter().add(rawBody);
		if (meter.values > MAX_UNVERIFIED_VALUES || meter.deepest > MAX_UNVERIFIED_DEPTH) return undefined;
		try {
			return JSON.parse(Buffer.from(rawBody).toString('utf8'));
		} catch {
			return undefined;
		}
	}

	private isJson(): boolean {
		const type = this.header('content-type');
		return typeof type === 'string' ? /\bjson\b/i.test(type) : this.request.rawBody[0] === 0x7b;
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
		let fields = 1;
		for (const byte of rawBody) if (byte === 0x26 && ++fields > MAX_FORM_FIELDS) return undefined;
		return [...new URLSearchParams(Buffer.from(rawBody).toString('utf8'))];
	}
}

/**
 * The forms in which a URL may have been signed: as it came, and where a service is known to be loose about it, with and
 * without the port, each with the query as it came and as a form writes it.
 */
export function urlForms(url: string, isLoose: boolean): readonly string[] {
	if (!isLoose) return [url];
	const parsed = URL.parse(url);
	if (!parsed) return [url];
	const scheme = `${parsed.protocol}//`;
	const login = parsed.username === '' ? '' : `${parsed.username}:${parsed.password}@`;
	const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
	const [path = '', ...query] = rest.split('?');
	const port = parsed.port === '' ? (parsed.protocol === 'https:' ? '443' : '80') : parsed.port;
	const rests = query.length === 0 ? [rest] : [rest, `${path}?${String(new URLSearchParams(query.join('?')))}`];
	const hosts = [parsed.hostname, `${parsed.hostname}:${port}`];
	const forms = hosts.flatMap((host) => rests.map((each) => `${scheme}${login}${host}${each}`));
	return [...new Set([url, ...forms])];
}

const DECODED = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi;

/**
 * Decodes the characters that HubSpot says it has decoded before it signs.
 * @see https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
 */
export function decodeListed(url: string): string {
	return url.replace(DECODED, (code) => decodeURIComponent(code));
}

/** JSON text with every character beyond ASCII written as \uXXXX in lower case, as Meta signs it. */
export function escapeNonAscii(body: Uint8Array): string {
	return Buffer.from(body)
		.toString('utf8')
		.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
