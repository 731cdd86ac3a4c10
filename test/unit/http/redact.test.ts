import fc from 'fast-check';
import { redactorOf } from '../../../lib/http/redact';

const SECRET = 'Geheim+nis/42=&"ü';

test.each([
	['as it is', SECRET],
	['in a URL', encodeURIComponent(SECRET)],
	['in a URL with small letters', encodeURIComponent(SECRET).replace(/%../g, (code) => code.toLowerCase())],
	['in JSON', JSON.stringify(SECRET)],
	['in HTML', SECRET.replaceAll('&', '&amp;').replaceAll('"', '&quot;')],
	['in base64', Buffer.from(SECRET).toString('base64')],
	['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
	['in base64 behind a user', Buffer.from(`user:${SECRET}`).toString('base64')],
	['in base64 behind one more character', Buffer.from(`x:user:${SECRET}:y`).toString('base64')],
	['in hex', Buffer.from(SECRET).toString('hex')],
	['in hex with capital letters', Buffer.from(SECRET).toString('hex').toUpperCase()],
	['in JSON of other servers', JSON.stringify(SECRET).replaceAll('/', '\\/')],
	['in a URL inside of a URL', encodeURIComponent(encodeURIComponent(SECRET))],
	['in small letters', SECRET.toLowerCase()],
	['behind its scheme', `Bearer ${SECRET}`],
])('S10 a secret is hidden %s', (_name, written) => {
	const { redact } = redactorOf([`Bearer ${SECRET}`]);
	const text = redact(`before ${written} after`);
	expect(text).toMatch(/^before .*… ?.*after$/);
	// Nothing of what only the secret makes is left.
	for (let length = 8, at = 0; at + length <= written.length; at++) {
		const part = written.slice(at, at + length);
		if (redactorOf([]).redact(`before Bearer user:x:y after`).includes(part)) continue;
		if (/base64/.test(_name) && (at < 14 || at + length > written.length - 8)) continue;
		expect(text).not.toContain(part);
	}
});

test('S10 no form of any secret is left, and texts without it stay as they are', () => {
	fc.assert(
		fc.property(fc.string({ minLength: 1, maxLength: 40 }), fc.string(), fc.string(), (secret, before, after) => {
			const { redact } = redactorOf([secret]);
			expect(redact(`${before}${secret}${after}`)).not.toContain(secret);
		}),
		{ numRuns: 500 },
	);
});

test('S10 a short secret hides all of what contains it', () => {
	const { redact, excerpt } = redactorOf(['Bearer abc']);
	expect(redact('the key abc was refused')).toBe('…');
	expect(excerpt('the key was refused', 200)).toBe('the key was refused');
});

test('S10 an excerpt cuts no secret in two', () => {
	const secret = 'a-secret-of-some-length';
	const { excerpt } = redactorOf([secret]);
	for (let at = 3_960; at < 4_010; at++) {
		const text = excerpt(`${secret.repeat(100)}${'.'.repeat(Math.max(0, at - 2_300))}${secret}`, 10_000);
		expect(text).not.toContain('a-se');
	}
	expect(excerpt('x'.repeat(500), 300)).toHaveLength(301);
});

test('S10 a value of a link is recognised whole or inside, and a short one only whole', () => {
	const { isSecret } = redactorOf(['Bearer a-long-secret', 'pw']);
	expect(['a-long-secret', 'xa-long-secretx', 'pw', 'spw', 'page2'].map(isSecret)).toEqual([
		true,
		true,
		true,
		false,
		false,
	]);
});
