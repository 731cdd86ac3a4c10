import { base32 } from '@scure/base';
import type { Encoding } from './scheme';

/** What text of an encoding looks like. */
const FORMS: Readonly<Record<Encoding, RegExp>> = {
	hex: /^(?:[0-9a-f]{2})+$/,
	'hex-upper': /^(?:[0-9A-F]{2})+$/,
	base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
	base64url: /^[A-Za-z0-9_-]+$/,
	base32: /^[A-Z2-7]+={0,6}$/,
};

export function isEncoded(text: string, encoding: Encoding): boolean {
	return text !== '' && FORMS[encoding].test(text);
}

/** The one spelling of bytes that counts. */
export function encode(bytes: Buffer, encoding: Encoding): string {
	switch (encoding) {
		case 'hex-upper':
			return bytes.toString('hex').toUpperCase();
		case 'base32':
			return base32.encode(bytes);
		default:
			return bytes.toString(encoding);
	}
}

/** @returns nothing where the text is not of the encoding, or is another spelling of the same bytes */
export function decode(text: string, encoding: Encoding): Buffer | undefined {
	if (!isEncoded(text, encoding)) return undefined;
	const bytes =
		encoding === 'base32' ? fromBase32(text) : Buffer.from(text, encoding === 'hex-upper' ? 'hex' : encoding);
	return bytes && encode(bytes, encoding) === text ? bytes : undefined;
}

function fromBase32(text: string): Buffer | undefined {
	try {
		return Buffer.from(base32.decode(text));
	} catch {
		return undefined;
	}
}
