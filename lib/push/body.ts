import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Readable } from 'node:stream';
import getRawBody from 'raw-body';
import type { HttpHeaders } from '../http/headers';

/** The raw bytes of a request, or the HTTP status that says why there are none. */
export type Body = { ok: true; bytes: Buffer } | { ok: false; status: 400 | 408 | 413 | 415 };

const DECOMPRESSORS = {
	gzip: promisify(gunzip),
	'x-gzip': promisify(gunzip),
	deflate: promisify(inflate),
	br: promisify(brotliDecompress),
} as const;

/**
 * Reads a body that n8n has left unread, up to a size, and undoes its compression up to the same size. The bytes are
 * otherwise untouched.
 *
 * @param limit largest size in bytes, before and after decompression
 * @param timeoutMs for the whole body
 */
export async function readBody(sent: Readable, headers: HttpHeaders, limit: number, timeoutMs: number): Promise<Body> {
	const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
	if (encoding !== 'identity' && !Object.hasOwn(DECOMPRESSORS, encoding)) return { ok: false, status: 415 };
	const declared = Number(headers['content-length'] ?? NaN);
	if (declared > limit) return { ok: false, status: 413 };
	let timer: NodeJS.Timeout | undefined;
	try {
		const tooSlow = new Promise<'too-slow'>((resolve) => (timer = setTimeout(resolve, timeoutMs, 'too-slow')));
		const bytes = await Promise.race([getRawBody(sent, { limit }), tooSlow]);
		if (bytes === 'too-slow') return { ok: false, status: 408 };
		if (encoding === 'identity') return { ok: true, bytes };
		const decompress = DECOMPRESSORS[encoding as keyof typeof DECOMPRESSORS];
		return { ok: true, bytes: await decompress(bytes, { maxOutputLength: limit }) };
	} catch (error) {
		return { ok: false, status: isTooLarge(error) ? 413 : 400 };
	} finally {
		clearTimeout(timer);
	}
}

function isTooLarge(error: unknown): boolean {
	if (!(error instanceof Error)) return false;
	return ('status' in error && error.status === 413) || ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE');
}
