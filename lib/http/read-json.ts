import { Readable, pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { HybridSyncError } from '../base/errors';
import { JsonMeter, MAX_JSON_VALUES, parseJson } from '../base/json';
import type { HttpHeaders } from './headers';

/** Largest body after decompression. */
const MAX_BYTES = 16 * 1024 * 1024;
/** How many times larger than what was sent a body may become, once it is larger than a mebibyte. Real lists compress up to 50 times. */
const MAX_EXPANSION = 200;
const EXPANSION_FROM_BYTES = 1024 * 1024;

/** A body that has been read to its end. */
export interface ReadBody {
	/** There is nothing in it but white space. */
	readonly isEmpty: boolean;
	/** @throws HybridSyncError `bad-response` where it is not JSON */
	parse(): unknown;
}

/**
 * Reads a body, as far as it may be read. What would take too much memory is refused before it is built.
 *
 * @throws HybridSyncError `bad-response` where it is larger than 16 MiB, expands more than 200 times, or holds more than a
 *   million values
 */
export async function readJson(
	service: string,
	headers: HttpHeaders,
	body: AsyncIterable<Uint8Array>,
): Promise<ReadBody> {
	const chunks: Uint8Array[] = [];
	const meter = new JsonMeter();
	let size = 0;
	let sent = 0;
	const counted = (async function* () {
		for await (const chunk of body) {
			sent += chunk.byteLength;
			yield chunk;
		}
	})();
	for await (const chunk of decompressed(counted, headers)) {
		size += chunk.byteLength;
		if (size > MAX_BYTES) throw tooLarge(service, `more than ${MAX_BYTES / 1024 / 1024} MiB`);
		if (size > EXPANSION_FROM_BYTES && size > sent * MAX_EXPANSION) {
			throw tooLarge(service, `a body that expands more than ${MAX_EXPANSION} times`);
		}
		if (meter.add(chunk).values > MAX_JSON_VALUES) {
			throw tooManyValues(service);
		}
		chunks.push(chunk);
	}
	const bytes = Buffer.concat(chunks);
	const isEmpty = size < MAX_EMPTY_BYTES && /^(?:\xef\xbb\xbf)?\s*$/.test(bytes.toString('latin1'));
	return { isEmpty, parse: () => parse(service, headers, bytes, meter) };
}

/** What is longer is not looked through. */
const MAX_EMPTY_BYTES = 100;

/** The first byte of a byte order mark in UTF-8; it stands in no JSON text. */
const BOM = 0xef;

function tooManyValues(service: string): HybridSyncError {
	return tooLarge(service, `more than ${MAX_JSON_VALUES.toLocaleString('en')} values`);
}

function tooLarge(service: string, what: string): HybridSyncError {
	return new HybridSyncError(
		'bad-response',
		`${service} answered with ${what}, which is more than a page should hold. Ask for smaller pages, or check the API URL in the credential. The cursor stays where it is.`,
	);
}

function decompressed(body: AsyncIterable<Uint8Array>, headers: HttpHeaders): AsyncIterable<Uint8Array> {
	const encoding = headers['content-encoding'];
	if (encoding !== 'gzip' && encoding !== 'br') return body;
	const decoder = encoding === 'gzip' ? createGunzip() : createBrotliDecompress();
	// Whichever side fails, the reader of the decoder is told.
	return pipeline(Readable.from(body), decoder, () => undefined);
}

/** JSON is UTF-8; a provider that says it sends something else is believed, and one that sends what is neither is not. */
function parse(service: string, headers: HttpHeaders, bytes: Buffer, meter: JsonMeter): unknown {
	const type = typeof headers['content-type'] === 'string' ? headers['content-type'] : '';
	const charset = /charset="?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8';
	try {
		const text = decode(bytes, charset);
		if (/^utf-?8$/i.test(charset) && bytes[0] !== BOM) return parseJson(bytes, meter);
		// What was measured are other bytes.
		const utf8 = Buffer.from(text);
		const measured = new JsonMeter().add(utf8);
		if (measured.values > MAX_JSON_VALUES) throw tooManyValues(service);
		return parseJson(utf8, measured);
	} catch (cause) {
		if (cause instanceof HybridSyncError) throw cause;
		const html = /^\s*</.test(bytes.subarray(0, 100).toString('latin1'))
			? 'with a web page'
			: 'with something that is not JSON';
		const what = cause instanceof SyntaxError ? html : `in a character set that is not the ${charset} it should be`;
		throw new HybridSyncError(
			'bad-response',
			`${service} answered ${what}. A proxy or a maintenance page may stand in between; check the API URL in the credential. The cursor stays where it is.`,
			{ cause },
		);
	}
}

/** @throws TypeError or RangeError where the bytes are not of the character set, or there is none of that name */
function decode(bytes: Buffer, charset: string): string {
	return new TextDecoder(charset, { fatal: true }).decode(bytes);
}
