import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { ProviderEvent } from '../../event/event';
import { storableKey } from './keys';

/** What of an event is kept as one packed value, because no rule ever asks for it. */
export interface Payload {
	readonly source: string;
	readonly dataschema: string;
	readonly data: unknown;
	readonly traceparent?: string;
	/** Where it could not be stored in its column as it is. */
	readonly subject?: string;
}

/** Given up, or never there. */
export const NO_PAYLOAD: Uint8Array = new Uint8Array();

/** Below this size compression costs more than it saves. */
const COMPRESS_FROM_BYTES = 2_048;
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
/** The first byte of JSON text of an object; a zstd frame begins with another one. */
const BRACE = 0x7b;

/** @returns the packed payload, and its size before, in bytes */
export function pack(payload: Payload): { readonly packed: Uint8Array; readonly bytes: number } {
	const json = Buffer.from(JSON.stringify(payload));
	const packed = json.length < COMPRESS_FROM_BYTES ? json : zstdCompressSync(json, FAST);
	return { packed, bytes: json.length };
}

/** @returns nothing where the payload was given up */
export function unpack(bytes: Uint8Array): Payload | undefined {
	if (bytes.length === 0) return undefined;
	const json =
		bytes[0] === BRACE ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : zstdDecompressSync(bytes);
	return JSON.parse(json.toString()) as Payload;
}

export function payloadOf(event: ProviderEvent, traceparent: string | undefined): Payload {
	const { source, dataschema, data, subject } = event;
	return {
		source,
		dataschema,
		data,
		...(traceparent !== undefined && { traceparent }),
		...(storableKey(subject) !== subject && { subject }),
	};
}
