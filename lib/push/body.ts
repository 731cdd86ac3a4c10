import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import type { Readable } from 'node:stream';
import getRawBody from 'raw-body';
import type { HttpHeaders } from '../http/headers';

/** The raw bytes of a request, or the HTTP status that says why there are none. */
export type Body = { ok: true; bytes: Buffer } | { ok: false; status: 400 | 408 | 413 };

/**
 * Reads a body that n8n has left unread, up to a size. The bytes are untouched.
 *
 * @param limit largest size in bytes
 * @param timeoutMs for the whole body
 */
export async function readBody(sent: Readable, headers: HttpHeaders, limit: number, timeoutMs: number): Promise<Body> {
	const declared = Number(headers['content-length'] ?? NaN);
	if (declared > limit) return { ok: false, status: 413 };
	let timer: NodeJS.Timeout | undefined;
	try {
		const tooSlow = new Promise<'too-slow'>((resolve) => (timer = setTimeout(resolve, timeoutMs, 'too-slow')));
		const bytes = await Promise.race([getRawBody(sent, { limit }), tooSlow]);
		return bytes === 'too-slow' ? { ok: false, status: 408 } : { ok: true, bytes };
	} catch (error) {
		return { ok: false, status: isTooLarge(error) ? 413 : 400 };
	} finally {
		clearTimeout(timer);
	}
}

/** Real bodies compress up to 50 times; what a few bytes become costs those who verify it. */
const MAX_EXPANSION = 200;
const EXPANSION_FROM_BYTES = 1024 * 1024;

const DECOMPRESSORS: Readonly<Record<string, (bytes: Buffer, limit: { maxOutputLength: number }) => Promise<Buffer>>> =
	{
		gzip: promisify(gunzip),
		'x-gzip': promisify(gunzip),
		deflate: async (bytes, limit) =>
			await promisify(inflate)(bytes, limit).catch(async (error: unknown) => {
				if (isTooLarge(error)) throw error;
				// Some leave out the header that zlib puts in front.
				return await promisify(inflateRaw)(bytes, limit);
			}),
		br: promisify(brotliDecompress),
	};

function encodingOf(headers: HttpHeaders): string {
	return String(headers['content-encoding'] ?? '')
		.trim()
		.toLowerCase();
}

/**
 * Undoes the compression of a body. One that is not compressed after all, or in a way that is not known, is left as it is:
 * senders write what is none into the header.
 *
 * @param limit largest size in bytes; a body over a mebibyte may not be more than 200 times as large as what was sent
 */
export async function decompress(bytes: Buffer, headers: HttpHeaders, limit: number): Promise<Body> {
	const decompressor = DECOMPRESSORS[encodingOf(headers)];
	if (!decompressor || bytes.length === 0) return { ok: true, bytes };
	const maxOutputLength = Math.min(limit, Math.max(EXPANSION_FROM_BYTES, bytes.length * MAX_EXPANSION));
	try {
		return { ok: true, bytes: await decompressor(bytes, { maxOutputLength }) };
	} catch (error) {
		return isTooLarge(error) ? { ok: false, status: 413 } : { ok: true, bytes };
	}
}

function isTooLarge(error: unknown): boolean {
	const { status, code } = Object(error) as { status?: unknown; code?: unknown };
	return status === 413 || code === 'ERR_BUFFER_TOO_LARGE';
}
