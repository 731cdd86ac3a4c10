import { createHmac } from 'node:crypto';
import { base32 } from '@scure/base';
import fc from 'fast-check';
import { type SignatureScheme, verifySignature } from '../../../lib';

const request = (changes: Partial<Parameters<typeof verifySignature>[1]> = {}) => ({
	method: 'POST',
	url: '/webhook/x/sync?secret=current-secret',
	headers: {},
	rawBody: Buffer.from('{"type":"contact_added"}'),
	...changes,
});
const sign = (body: Uint8Array, secret: string) => createHmac('sha256', secret).update(body).digest('hex');

describe('a secret in the query string', () => {
	const verify = (url: string, secrets = ['current-secret', 'previous-secret']) =>
		verifySignature('getresponse', request({ url }), secrets);

	test('S1 the current secret passes, and the previous one, and it is told which', () => {
		expect(verify('/x?secret=current-secret')).toEqual({ ok: true, secretIndex: 0 });
		expect(verify('https://n8n.example.com/x?a=1&secret=previous-secret#top')).toEqual({ ok: true, secretIndex: 1 });
	});

	test('S1 any one character changed is refused', () => {
		const secret = 'current-secret';
		for (let index = 0; index < secret.length; index++) {
			const changed = `${secret.slice(0, index)}~${secret.slice(index + 1)}`;
			expect(verify(`/x?secret=${changed}`)).toEqual({ ok: false, reason: 'mismatch' });
		}
	});

	test.each([
		['/x', 'missing-signature'],
		['/x?secret=', 'missing-signature'],
		['/x?Secret=current-secret', 'missing-signature'],
		['/x?secret=current-secret&secret=current-secret', 'malformed-signature'],
		['/x?secret=current-secret&secret=', 'malformed-signature'],
		[`/x?secret=${'a'.repeat(5000)}`, 'malformed-signature'],
		['/x?secret=current-secre', 'mismatch'],
		['/x?secret=current-secret%00', 'mismatch'],
		['/x#?secret=current-secret', 'missing-signature'],
	])('S2 %.60s is refused as %s', (url, reason) => {
		expect(verify(url)).toEqual({ ok: false, reason });
	});

	test('S4 no secret, or only empty ones: refused', () => {
		expect(verify('/x?secret=', [])).toEqual({ ok: false, reason: 'no-secret' });
		expect(verify('/x?secret=', [''])).toEqual({ ok: false, reason: 'no-secret' });
	});
});

describe('an HMAC in a header', () => {
	const rawBody = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x0d, 0x0a, 0xff, 0xfe, 0x7d]);
	const verify = (
		headers: Record<string, string | string[] | undefined>,
		secrets = ['s3cret', 'older'],
		body = rawBody,
	) => verifySignature('hmac-sha256', request({ headers, rawBody: body }), secrets);

	test('S1 S6 the bytes are signed as they are: CRLF, BOM and invalid UTF-8 included', () => {
		expect(verify({ 'X-Signature': sign(rawBody, 's3cret') })).toEqual({ ok: true, secretIndex: 0 });
		expect(verify({ 'x-signature': sign(rawBody, 'older') })).toEqual({ ok: true, secretIndex: 1 });
	});

	test('S1 any one byte changed in body, signature or secret is refused', () => {
		const signature = sign(rawBody, 's3cret');
		for (let index = 0; index < rawBody.length; index++) {
			const body = Buffer.from(rawBody);
			body[index] = (body[index] ?? 0) ^ 1;
			expect(verify({ 'x-signature': signature }, ['s3cret'], body)).toEqual({ ok: false, reason: 'mismatch' });
		}
		for (let index = 0; index < signature.length; index++) {
			const digit = signature[index] === '0' ? '1' : '0';
			const changed = `${signature.slice(0, index)}${digit}${signature.slice(index + 1)}`;
			expect(verify({ 'x-signature': changed })).toEqual({ ok: false, reason: 'mismatch' });
		}
		expect(verify({ 'x-signature': signature }, ['s3creu'])).toEqual({ ok: false, reason: 'mismatch' });
	});

	test('S2 missing, doubled, array-valued, truncated, non-hex and over-long headers are refused with a reason', () => {
		const good = sign(rawBody, 's3cret');
		expect(verify({})).toEqual({ ok: false, reason: 'missing-signature' });
		expect(verify({ 'x-signature': undefined })).toEqual({ ok: false, reason: 'missing-signature' });
		expect(verify({ 'x-signature': [good, good] })).toEqual({ ok: false, reason: 'malformed-signature' });
		expect(verify({ 'x-signature': good, 'X-Signature': good })).toEqual({ ok: false, reason: 'malformed-signature' });
		expect(verify({ 'x-signature': [good] })).toEqual({ ok: true, secretIndex: 0 });
		expect(verify({ 'x-signature': good.slice(0, -2) })).toEqual({ ok: false, reason: 'mismatch' });
		expect(verify({ 'x-signature': good.slice(0, -1) })).toEqual({ ok: false, reason: 'malformed-signature' });
		expect(verify({ 'x-signature': `${good}zz` })).toEqual({ ok: false, reason: 'malformed-signature' });
		expect(verify({ 'x-signature': good.toUpperCase() })).toEqual({ ok: false, reason: 'malformed-signature' });
		expect(verify({ 'x-signature': 'a'.repeat(10_000) })).toEqual({ ok: false, reason: 'malformed-signature' });
	});

	test('a scheme of one’s own is one entry: `ts|body` in base32', () => {
		const scheme: SignatureScheme = {
			kind: 'signed',
			signature: { at: { header: ['x-own'] }, encoding: 'base32' },
			timestamp: { at: { header: ['x-own-time'] }, unit: 'seconds', toleranceSeconds: 60 },
			text: '{timestamp}|{body}',
			hash: 'sha256',
			key: 'text',
		};
		const now = new Date(1_700_000_000_000);
		const mac = createHmac('sha256', 'k').update('1700000000|').update(rawBody).digest();
		const headers = { 'X-Own': base32.encode(mac), 'x-own-time': '1700000000' };
		const check = (changed: object, late = 0) =>
			verifySignature(scheme, request({ headers: { ...headers, ...changed }, rawBody }), ['k'], {
				now: new Date(now.getTime() + late * 1000),
			});
		expect(check({})).toEqual({ ok: true, secretIndex: 0, timestamp: now });
		expect(check({ 'x-own-time': '1700000001' })).toEqual({ ok: false, reason: 'mismatch' });
		expect(check({}, 61)).toEqual({ ok: false, reason: 'timestamp-too-old' });
		expect(check({}, -61)).toEqual({ ok: false, reason: 'timestamp-in-future' });
		expect(check({ 'X-Own': base32.encode(mac).toLowerCase() })).toEqual({ ok: false, reason: 'malformed-signature' });
	});
});

test('an unknown scheme is refused, also one named like a property of every object', () => {
	expect(verifySignature('constructor', request(), ['s'])).toEqual({ ok: false, reason: 'unknown-scheme' });
});

test('S2 S9 whatever comes over the wire, it neither throws nor accepts', () => {
	fc.assert(
		fc.property(
			fc.constantFrom('getresponse', 'hmac-sha256'),
			fc.string({ unit: 'binary' }),
			fc.dictionary(
				fc.constantFrom('x-signature', 'X-SIGNATURE', 'other'),
				fc.oneof(fc.string(), fc.array(fc.string())),
			),
			fc.uint8Array(),
			(scheme, url, headers, rawBody) => {
				const result = verifySignature(scheme, request({ url, headers, rawBody }), ['a-secret-nobody-guesses']);
				expect(result.ok).toBe(false);
			},
		),
		{ numRuns: 3_000 },
	);
});
