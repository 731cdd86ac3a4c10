import { Readable, pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { HybridSyncError } from '../errors';
import type { HttpHeaders } from './headers';

/** Largest body after decompression. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A body that has been read to its end. */
export interface ReadBody {
	/** @throws HybridSyncError `bad-response` where it is not JSON */
	parse(): unknown;
}

/**
 * Reads a body, as far as it may be read.
 *
 * @throws HybridSyncError `bad-response` where it is larger than 16 MiB
 */
export async function readJson(
	service: string,
	headers: HttpHeaders,
	body: AsyncIterable<Uint8Array>,
): Promise<ReadBody> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of decompressed(body, headers)) {
		size += chunk.byteLength;
		if (size > MAX_BYTES) {
			throw new HybridSyncError(
				'bad-response',
				`${service} answered with more than ${MAX_BYTES / 1024 / 1024} MiB, which is more than a page should hold. Ask for smaller pages, or check the API URL in the credential.`,
			);
		}
		chunks.push(chunk);
	}
	return { parse: () => parse(service, headers, Buffer.concat(chunks)) };
}

function decompressed(body: AsyncIterable<Uint8Array>, headers: HttpHeaders): AsyncIterable<Uint8Array> {
	const encoding = headers['content-encoding'];
	if (encoding !== 'gzip' && encoding !== 'br') return body;
	const decoder = encoding === 'gzip' ? createGunzip() : createBrotliDecompress();
	// Whichever side fails, the reader of the decoder is told.
	return pipeline(body instanceof Readable ? body : Readable.from(body), decoder, () => undefined);
}

/** JSON is UTF-8; a provider that says it sends something else is believed, and one that sends what is neither is not. */
function parse(service: string, headers: HttpHeaders, bytes: Buffer): unknown {
	const type = typeof headers['content-type'] === 'string' ? headers['content-type'] : '';
	const charset = /charset="?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8';
	try {
		return parseExactly(decode(bytes, charset));
	} catch (cause) {
		const html = /^\s*</.test(bytes.subarray(0, 100).toString('latin1'))
			? 'with a web page'
			: 'with something that is not JSON';
		const what = cause instanceof SyntaxError ? html : `in a character set that cannot be read as ${charset}`;
		throw new HybridSyncError(
			'bad-response',
			`${service} answered ${what}. A proxy or a maintenance page may stand in between; check the API URL in the credential. The cursor stays where it is.`,
			{ cause },
		);
	}
}

/** Numbers that would lose digits, ids among them, stay as they were written: as text. */
function parseExactly(text: string): unknown {
	if (!/\d{16}|\d[eE]\+?\d{2}/.test(text)) return JSON.parse(text);
	const exact = (_name: string, value: unknown, { source }: { source?: string }) =>
		typeof value === 'number' && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
			? source
			: value;
	return JSON.parse(text, exact as (this: unknown, name: string, value: unknown) => unknown);
}

/** @throws TypeError or RangeError where the bytes are not of the character set, or there is none of that name */
function decode(bytes: Buffer, charset: string): string {
	return new TextDecoder(charset, { fatal: true }).decode(bytes);
}
