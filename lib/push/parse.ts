import { isUtf8 } from 'node:buffer';
import qs from 'qs';
import { JsonMeter, MAX_JSON_VALUES, parseJson } from '../base/json';
import type { HttpHeaders } from '../http/headers';
import { MAX_BATCH } from '../provider/push';

/** What a body says, or why it cannot be read, and what is kept of it. */
export type Parsed = { ok: true; value: unknown; text: string } | { ok: false; reason: string; kept: unknown };

const MAX_NESTING = 200;
const MAX_FORM_FIELDS = 1_000;

/**
 * Reads a body as what it says it is: JSON, a form, or text. Text nested deeper than any event is not even parsed, because n8n
 * and the next steps would stumble over it.
 */
export function parseBody(bytes: Buffer, headers: HttpHeaders): Parsed {
	const type = typeof headers['content-type'] === 'string' ? headers['content-type'] : '';
	// What says how the body is to be read is signed by nobody, and what is JSON in UTF-8 is nothing else.
	const json = parseUtf8Json(bytes);
	if (json) return json;
	const decoded = decodeText(bytes, type);
	if (decoded === undefined) {
		const charset = charsetOf(type) ?? 'utf-8';
		return unreadable(`The body is not in the character set it should be in (${charset}).`, {
			contentType: type,
			contentEncoding: String(headers['content-encoding'] ?? ''),
			base64: bytes.toString('base64'),
		});
	}
	const { text, isUtf8: isPlain } = decoded;
	const isForm = /^application\/x-www-form-urlencoded\b/i.test(type);
	if (isForm && !/^\s*[[{]/.test(text)) return parseForm(text, charsetOf(type));
	return parseText(isPlain && bytes[0] !== BOM ? bytes : Buffer.from(text), text, type);
}

function parseUtf8Json(bytes: Buffer): Parsed | undefined {
	if (!/^\s*[[{]/.test(bytes.toString('latin1', 0, 100)) || !isUtf8(bytes)) return undefined;
	const parsed = parseText(bytes, bytes.toString('utf8'), '');
	return parsed.ok || parsed.reason !== NOT_JSON ? parsed : undefined;
}

const NOT_JSON = 'The body is not valid JSON.';

function unreadable(reason: string, kept: unknown): Parsed {
	return { ok: false, reason, kept };
}

/** The first byte of a byte order mark in UTF-8; it stands in no JSON text. */
const BOM = 0xef;

function charsetOf(type: string): string | undefined {
	return /charset="?([\w.:-]+)/i.exec(type)?.[1];
}

/** By the character set that it names, or UTF-8 where it names none, or one that does not exist. */
function decodeText(bytes: Buffer, type: string): { text: string; isUtf8: boolean } | undefined {
	const charset = charsetOf(type) ?? 'utf-8';
	let decoder: InstanceType<typeof TextDecoder>;
	try {
		decoder = new TextDecoder(charset, { fatal: true });
	} catch {
		decoder = new TextDecoder('utf-8', { fatal: true });
	}
	try {
		return { text: decoder.decode(bytes), isUtf8: decoder.encoding === 'utf-8' };
	} catch {
		return undefined;
	}
}

/** Names in brackets are fields of fields, as PHP writes them: `data[merges][EMAIL]`. */
function parseForm(text: string, charset: string | undefined): Parsed {
	const decoder = formDecoder(charset);
	try {
		const fields = qs.parse(text, {
			depth: 10,
			parameterLimit: MAX_FORM_FIELDS,
			arrayLimit: MAX_FORM_FIELDS,
			throwOnLimitExceeded: true,
			// Names that objects have of themselves are fields like others.
			plainObjects: true,
			...(decoder && { decoder }),
		});
		return { ok: true, value: JSON.parse(JSON.stringify(fields)), text };
	} catch {
		return unreadable(`The form has more than ${MAX_FORM_FIELDS} fields.`, text);
	}
}

/** Decodes what is written as %XX by another character set than UTF-8. */
function formDecoder(charset: string | undefined): ((text: string) => string) | undefined {
	if (charset === undefined || /^utf-?8$/i.test(charset)) return undefined;
	try {
		const decoder = new TextDecoder(charset);
		return (text) => {
			const bytes = text
				.replaceAll('+', ' ')
				.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
			return /[^\0-\xff]/.test(bytes) ? bytes : decoder.decode(Buffer.from(bytes, 'latin1'));
		};
	} catch {
		return undefined;
	}
}

function parseText(utf8: Buffer, text: string, type: string): Parsed {
	const meter = new JsonMeter().add(utf8);
	if (meter.deepest > MAX_NESTING) return unreadable(`The body is nested deeper than ${MAX_NESTING} levels.`, text);
	if (meter.values > MAX_JSON_VALUES) return unreadable(`The body holds more than ${MAX_JSON_VALUES} values.`, text);
	let value: unknown;
	try {
		value = parseJson(utf8, meter);
	} catch {
		// What says that it is something else is taken at its word.
		if (type !== '' && !/json/i.test(type)) return { ok: true, value: text, text };
		return unreadable(NOT_JSON, text);
	}
	if (Array.isArray(value) && value.length > MAX_BATCH) {
		return unreadable(`The body holds more than ${MAX_BATCH} events.`, text);
	}
	return { ok: true, value, text };
}
