import { type KeyObject, constants, createHash, generateKeyPairSync, sign as signWithKey } from 'node:crypto';
import { type Request as Message, createSigner, createVerifier, httpbis } from 'http-message-signatures';
import { type SignatureScheme, type VerifyOptions, verifySignature } from '../../../lib';

const NOW = 1_760_000_000_000;
const CREATED = NOW / 1000;
const body = Buffer.from('{"type":"contact.created"}\r\n');
const digestOf = (bytes: Uint8Array, hash = 'sha256') =>
	`${hash.replace('sha', 'sha-')}=:${createHash(hash).update(bytes).digest('base64')}:`;

const pairs = {
	ed25519: generateKeyPairSync('ed25519'),
	'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
	'ecdsa-p384-sha384': generateKeyPairSync('ec', { namedCurve: 'secp384r1' }),
	'rsa-v1_5-sha256': generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;
const rsa = pairs['rsa-v1_5-sha256'];
const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }) as string;
const macKey = Buffer.from('thirty-two bytes of a shared key');

/** With the salt that RFC 9421 wants; the package takes as much as there is room for. */
const rsaPss = {
	alg: 'rsa-pss-sha512',
	sign: (data: Buffer) =>
		Promise.resolve(
			signWithKey('sha512', data, {
				key: rsa.privateKey,
				padding: constants.RSA_PKCS1_PSS_PADDING,
				saltLength: 64,
			}),
		),
} as const;

interface Way {
	readonly key: { readonly alg?: string; sign(data: Buffer): Promise<Buffer> };
	readonly secret: string;
	readonly verify: ReturnType<typeof createVerifier>;
}

const ways: Readonly<Record<string, Way>> = {
	...Object.fromEntries(
		Object.entries(pairs).map(([alg, { privateKey, publicKey }]) => [
			alg,
			{
				key: createSigner(privateKey, alg),
				secret: pemOf(publicKey),
				verify: createVerifier(publicKey, alg),
			},
		]),
	),
	'rsa-pss-sha512': {
		key: rsaPss,
		secret: pemOf(rsa.publicKey),
		verify: createVerifier(rsa.publicKey, 'rsa-pss-sha512'),
	},
	'hmac-sha256': {
		key: createSigner(macKey, 'hmac-sha256'),
		secret: macKey.toString('base64'),
		verify: createVerifier(macKey, 'hmac-sha256'),
	},
};
const way = (name: string): Way => {
	const found = ways[name];
	if (!found) throw new Error(`No key for ${name}`);
	return found;
};

const message: Message = {
	method: 'POST',
	url: 'https://hooks.example.com/in/9?a=1&name=Zo%C3%AB%20%2B%22&empty=',
	headers: {
		Host: 'hooks.example.com',
		'Content-Type': 'application/json',
		'Content-Digest': digestOf(body),
		'X-Fields': 'a=1, b=(1 2);q=0.5, c',
		'X-Blank': '   spaces around   ',
	},
};

interface SignOptions {
	readonly params?: readonly string[];
	readonly values?: Readonly<Record<string, unknown>>;
	readonly label?: string;
	readonly on?: Message;
	readonly key?: Way['key'];
}

/** Signed by the package. */
async function signed(name: string, fields: readonly string[], options: SignOptions = {}): Promise<Message> {
	const { params = ['created', 'keyid', 'alg'], values = {}, label = 'sig', on = message, key } = options;
	return httpbis.signMessage(
		{
			key: key ?? way(name).key,
			fields: [...fields],
			params: [...params],
			paramValues: { created: new Date(NOW), keyid: 'main', ...values },
			name: label,
		},
		on,
	);
}

const rfc9421: SignatureScheme = { kind: 'message-signature', covers: [], toleranceSeconds: null };
const ofBody: SignatureScheme = { kind: 'message-signature', covers: ['content-digest'], toleranceSeconds: null };

function check(
	request: Message,
	secrets: string | readonly string[],
	{ scheme = rfc9421, rawBody = body, ...options }: VerifyOptions & { scheme?: SignatureScheme; rawBody?: Buffer } = {},
) {
	const { method, url, headers } = request;
	return verifySignature(scheme, { method, url: String(url), headers, rawBody }, [secrets].flat(), {
		now: new Date(NOW),
		...options,
	});
}

const withHeaders = (request: Message, headers: Message['headers']): Message => ({
	...request,
	headers: { ...request.headers, ...headers },
});
const refused = (reason: string) => ({ ok: false, reason });
const header = (request: Message, name: string) => request.headers[name] as string;

async function packageAccepts(name: string, request: Message): Promise<boolean> {
	const { verify } = way(name);
	try {
		const keyLookup = () => Promise.resolve({ id: 'main', algs: [name], verify });
		return (await httpbis.verifyMessage({ keyLookup, notAfter: CREATED }, request)) === true;
	} catch {
		return false;
	}
}

const FIELDS = [
	'@method',
	'@target-uri',
	'@authority',
	'@scheme',
	'@request-target',
	'@path',
	'@query',
	'@query-param;name="a"',
	'@query-param;name="name"',
	'@query-param;name="empty"',
	'content-digest',
	'content-type',
	'x-fields',
	'x-blank',
];

describe.each(Object.keys(ways))('with %s', (name) => {
	test('S1 what another implementation signs passes, with and without its algorithm named', async () => {
		for (const params of [['created', 'keyid', 'alg'], ['created'], ['created', 'expires', 'keyid', 'nonce', 'tag']]) {
			const values = { nonce: 'n-1', tag: 'app', expires: new Date(NOW + 1_000) };
			const request = await signed(name, FIELDS, { params, values });
			expect(check(request, way(name).secret)).toEqual({ ok: true, secretIndex: 0, timestamp: new Date(NOW) });
			expect(check(request, way(name).secret, { scheme: ofBody })).toMatchObject({ ok: true });
		}
	});

	test.each(FIELDS)('S1 %s alone is read as the other implementation reads it', async (field) => {
		const request = await signed(name, [field]);
		expect(check(request, way(name).secret)).toMatchObject({ ok: true });
	});

	test('S1 whatever is changed of what is signed is refused, by both', async () => {
		const request = await signed(name, FIELDS);
		expect(await packageAccepts(name, request)).toBe(true);
		const url = String(request.url);
		const changes: Message[] = [
			{ ...request, method: 'PUT' },
			{ ...request, url: url.replace('a=1', 'a=2') },
			{ ...request, url: url.replace('/in/9', '/in/8') },
			{ ...request, url: url.replace('https:', 'http:') },
			{ ...request, url: url.replace('hooks.', 'hook.') },
			{ ...request, url: `${url}&a=1` },
			withHeaders(request, { 'Content-Type': 'text/plain' }),
			withHeaders(request, { 'Content-Digest': digestOf(Buffer.from('{}')) }),
			withHeaders(request, { 'X-Fields': 'a=2' }),
			withHeaders(request, {
				Signature: header(request, 'Signature').replace(/:(.)/, (_, c) => (c === 'A' ? ':B' : ':A')),
			}),
			withHeaders(request, {
				'Signature-Input': header(request, 'Signature-Input').replace(/created=\d+/, 'created=1759999999'),
			}),
			withHeaders(request, { 'Signature-Input': header(request, 'Signature-Input').replace('"@method" ', '') }),
			withHeaders(request, { 'Signature-Input': header(request, 'Signature-Input').replace('"main"', '"mine"') }),
		];
		for (const changed of changes) {
			expect(changed).not.toEqual(request);
			expect(check(changed, way(name).secret).ok).toBe(false);
			expect(await packageAccepts(name, changed)).toBe(false);
		}
	});
});

describe('the body', () => {
	const { secret } = way('hmac-sha256');

	test('S1 S6 a body that its signed digest does not fit is refused', async () => {
		const request = await signed('hmac-sha256', ['content-digest']);
		expect(check(request, secret)).toMatchObject({ ok: true });
		for (const rawBody of [Buffer.alloc(0), Buffer.from(body.toString().replace('\r\n', '\n')), body.subarray(1)]) {
			expect(check(request, secret, { rawBody })).toEqual(refused('body-changed'));
		}
		const other = Buffer.from('{}');
		const both = withHeaders(request, { 'Content-Digest': digestOf(other) });
		expect(check(both, secret, { rawBody: other })).toEqual(refused('mismatch'));
	});

	test('every digest of a known kind has to fit, and there has to be one', async () => {
		const other = Buffer.from('{}');
		const verdict = async (digest: string | string[]) =>
			check(
				await signed('hmac-sha256', ['content-digest'], { on: withHeaders(message, { 'Content-Digest': digest }) }),
				secret,
			);
		expect(await verdict(digestOf(body, 'sha512'))).toMatchObject({ ok: true });
		expect(await verdict(`${digestOf(body)}, ${digestOf(body, 'sha512')}`)).toMatchObject({ ok: true });
		expect(await verdict(`${digestOf(body)}, md5=:AAAA:`)).toMatchObject({ ok: true });
		for (const digest of [
			`${digestOf(body)}, ${digestOf(other, 'sha512')}`,
			`${digestOf(other)}, ${digestOf(body, 'sha512')}`,
			'md5=:AAAA:',
			'sha-256=x',
			'sha-256=::',
			'sha-256',
			'SHA-256=:AAAA:',
			'nonsense((',
			digestOf(body).replace('sha-256', 'sha-512'),
		]) {
			expect(await verdict(digest)).toEqual(refused('body-changed'));
		}
	});

	test('what has to be signed and is not is refused', async () => {
		const request = await signed('hmac-sha256', ['@method', '@target-uri']);
		expect(check(request, secret)).toMatchObject({ ok: true });
		expect(check(request, secret, { scheme: ofBody })).toEqual(refused('not-covered'));
		const wanted: SignatureScheme = {
			...rfc9421,
			kind: 'message-signature',
			covers: ['@method', '@path'],
			toleranceSeconds: null,
		};
		expect(check(request, secret, { scheme: wanted })).toEqual(refused('not-covered'));
		expect(check(await signed('hmac-sha256', ['@path', '@method']), secret, { scheme: wanted })).toMatchObject({
			ok: true,
		});
	});

	test('a digest that is there and not signed is not looked at', async () => {
		const request = await signed('hmac-sha256', ['@method']);
		expect(check(request, secret, { rawBody: Buffer.from('{}') })).toMatchObject({ ok: true });
	});
});

describe('the key decides the algorithm', () => {
	const publicKeys = Object.entries(ways).filter(([name]) => name !== 'hmac-sha256');

	test.each(publicKeys)('S1 the text of a public key of %s is no HMAC key', async (_, { secret }) => {
		const lines = secret.replace(/-----[^-]+-----|\s/g, '');
		for (const key of [secret, secret.trim(), lines, Buffer.from(lines, 'base64')]) {
			for (const params of [['created'], ['created', 'alg']]) {
				const request = await signed('hmac-sha256', ['@method'], { params, key: createSigner(key, 'hmac-sha256') });
				expect(check(request, secret)).toEqual(refused('mismatch'));
				expect(check(request, lines)).toEqual(refused('mismatch'));
			}
		}
	});

	test.each(Object.keys(ways))('S1 a signature by %s that names another algorithm is refused', async (name) => {
		for (const alg of [...Object.keys(ways), 'none', '', 'HMAC-SHA256', 'rsa-v1_5-sha1']) {
			const request = await signed(name, ['@method'], { values: { alg } });
			const verdict = check(request, way(name).secret);
			// The package leaves out what is empty.
			if (alg === name || alg === '') expect(verdict).toMatchObject({ ok: true });
			else expect(verdict).toEqual(refused('mismatch'));
		}
	});

	test('S1 PSS with another salt than the RFC names is refused, and plain RSA under its own name alone', async () => {
		const built = createSigner(rsa.privateKey, 'rsa-pss-sha512');
		const request = await signed('rsa-pss-sha512', ['@method'], { key: built });
		expect(check(request, pemOf(rsa.publicKey))).toEqual(refused('mismatch'));
		const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
		const plain = await signed('rsa-v1_5-sha256', ['@method']);
		expect(check(plain, pemOf(pss.publicKey))).toEqual(refused('mismatch'));
	});

	test('S4 a private key, or text that is no key, is no secret', async () => {
		const request = await signed('ed25519', ['@method']);
		const { privateKey } = pairs.ed25519;
		const jwk = JSON.stringify(privateKey.export({ format: 'jwk' }));
		for (const secret of [
			privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
			jwk,
			'-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
			'{"kty":"oct","k":"AAAA"}',
			'{',
			'not base64!',
		]) {
			expect(check(request, secret)).toEqual(refused('unusable-secret'));
			expect(check(request, [secret, pemOf(pairs.ed25519.publicKey)])).toMatchObject({ ok: true, secretIndex: 1 });
		}
	});

	test.each(publicKeys)('S1 the public key of %s as JWK, PEM in one line and base64', async (name, { secret }) => {
		const request = await signed(name, ['@method']);
		const pair = Object.entries(pairs).find(([alg]) => alg === name)?.[1] ?? rsa;
		const jwk = JSON.stringify(pair.publicKey.export({ format: 'jwk' }));
		for (const written of [
			jwk,
			secret.replaceAll('\n', '\\n'),
			secret.replace(/-----[^-]+-----|\s/g, ''),
			` ${secret}`,
		]) {
			expect(check(request, written)).toMatchObject({ ok: true });
		}
	});
});

describe('time', () => {
	const { secret } = way('hmac-sha256');
	const timed = async (values: Record<string, unknown>, params: string[]) =>
		signed('hmac-sha256', ['@method'], { params, values });

	test('S3 what has expired is refused, also without a window', async () => {
		const request = await timed({ expires: new Date(NOW + 10_000) }, ['created', 'expires']);
		const at = (late: number, options: VerifyOptions = {}) =>
			check(request, secret, { now: new Date(NOW + late), ...options });
		expect(at(10_000)).toMatchObject({ ok: true });
		expect(at(10_001)).toEqual(refused('timestamp-too-old'));
		expect(at(10_001, { toleranceSeconds: null })).toEqual(refused('timestamp-too-old'));
		expect(at(10_001, { toleranceSeconds: 3_600 })).toEqual(refused('timestamp-too-old'));
		const alone = await timed({ expires: new Date(NOW - 1_000), created: null }, ['expires']);
		expect(check(alone, secret)).toEqual(refused('timestamp-too-old'));
	});

	test('S3 a window needs the moment of signing, and holds on both sides', async () => {
		const request = await timed({}, ['created']);
		const at = (late: number) => check(request, secret, { now: new Date(NOW + late), toleranceSeconds: 60 });
		expect(at(60_000)).toMatchObject({ ok: true });
		expect(at(-60_000)).toMatchObject({ ok: true });
		expect(at(60_001)).toEqual(refused('timestamp-too-old'));
		expect(at(-60_001)).toEqual(refused('timestamp-in-future'));
		const without = await timed({ created: null }, ['keyid']);
		expect(check(without, secret)).toEqual({ ok: true, secretIndex: 0 });
		expect(check(without, secret, { toleranceSeconds: 60 })).toEqual(refused('missing-timestamp'));
	});

	test.each(['soon', 'abc', true, 1.5, -5, 1_760_000_000_000])('S3 a moment of %p is refused', async (value) => {
		for (const name of ['created', 'expires']) {
			// `created` of the package is a date; it signs under another name what it does not know.
			const request = await signed('hmac-sha256', ['@method'], { params: ['zz'], values: { zz: value } });
			const input = header(request, 'Signature-Input').replace(';zz', `;${name}`);
			const resigned = await resign(request, input);
			expect(check(resigned, secret)).toEqual(refused('malformed-timestamp'));
		}
	});

	/** Signs other parameters over `@method`. */
	async function resign(request: Message, input: string): Promise<Message> {
		const parameters = input.slice(input.indexOf('=') + 1);
		const bytes = await way('hmac-sha256').key.sign(Buffer.from(`"@method": POST\n"@signature-params": ${parameters}`));
		return withHeaders(request, { 'Signature-Input': input, Signature: `sig=:${bytes.toString('base64')}:` });
	}
});

describe('several labels', () => {
	const [one, other] = [way('hmac-sha256').secret, way('ed25519').secret];

	test('S5 any that matches a secret passes', async () => {
		const first = await signed('hmac-sha256', ['@method'], { label: 'first' });
		const both = await signed('ed25519', ['content-digest'], { label: 'second', on: first });
		expect(check(both, one)).toMatchObject({ ok: true, secretIndex: 0 });
		expect(check(both, other)).toMatchObject({ ok: true, secretIndex: 0 });
		expect(check(both, ['AAAA', other])).toMatchObject({ ok: true, secretIndex: 1 });
		expect(check(both, other, { scheme: ofBody })).toMatchObject({ ok: true });
		expect(check(both, one, { scheme: ofBody }).ok).toBe(false);
		expect(check(both, other, { scheme: ofBody, rawBody: Buffer.from('{}') }).ok).toBe(false);
		const third = way('rsa-v1_5-sha256').secret;
		expect(check(both, third)).toEqual(refused('mismatch'));
	});

	test('a label that stands in one of the two headers alone is no signature', async () => {
		const request = await signed('hmac-sha256', ['@method'], { label: 'a' });
		const input = header(request, 'Signature-Input');
		const renamed = withHeaders(request, { 'Signature-Input': input.replace(/^a=/, 'b=') });
		expect(check(renamed, one)).toEqual(refused('malformed-signature'));
		const more = withHeaders(request, { 'Signature-Input': `${input}, b=("@path")` });
		expect(check(more, one)).toMatchObject({ ok: true });
	});

	test('more than five are refused', async () => {
		let request = await signed('ed25519', ['@method'], { label: 'a' });
		for (const label of ['b', 'c', 'd']) request = await signed('ed25519', ['@method'], { label, on: request });
		const five = await signed('hmac-sha256', ['@method'], { label: 'e', on: request });
		expect(check(five, one)).toMatchObject({ ok: true });
		const six = await signed('ed25519', ['@method'], { label: 'f', on: five });
		expect(check(six, one)).toEqual(refused('malformed-signature'));
	});
});

describe('S2 components', () => {
	const { secret, key } = way('hmac-sha256');

	/** Signs a base of one's own making, so that only the request can be the reason for a refusal. */
	async function made(components: string, lines: readonly string[], on: Message = message): Promise<Message> {
		const parameters = `(${components});created=${CREATED}`;
		const bytes = await key.sign(Buffer.from([...lines, `"@signature-params": ${parameters}`].join('\n')));
		return withHeaders(on, { 'Signature-Input': `sig=${parameters}`, Signature: `sig=:${bytes.toString('base64')}:` });
	}

	test.each([
		['"@method" "@method"', ['"@method": POST', '"@method": POST'], 'malformed-signature'],
		['"@status"', ['"@status": 200'], 'missing-signed-part'],
		['"@unknown"', ['"@unknown": '], 'missing-signed-part'],
		['"@signature-params"', ['"@signature-params": '], 'missing-signed-part'],
		['"@method";req', ['"@method";req: POST'], 'missing-signed-part'],
		['"x-none"', ['"x-none": '], 'missing-signed-part'],
		['"Content-Type"', ['"Content-Type": application/json'], 'missing-signed-part'],
		['"x-fields";bs', ['"x-fields";bs: :AAAA:'], 'missing-signed-part'],
		['"x-fields";key="z"', ['"x-fields";key="z": '], 'missing-signed-part'],
		['"x-fields";key=a', ['"x-fields";key=a: 1'], 'missing-signed-part'],
		['"x-fields";key="a";tr', ['"x-fields";key="a";tr: 1'], 'missing-signed-part'],
		['"@query-param"', ['"@query-param": 1'], 'missing-signed-part'],
		['"@query-param";name="none"', ['"@query-param";name="none": '], 'missing-signed-part'],
		['token', ['token: '], 'missing-signed-part'],
		[':AAAA:', [':AAAA:: '], 'missing-signed-part'],
	])('%s is refused', async (components, lines, reason) => {
		expect(check(await made(components, lines), secret)).toEqual(refused(reason));
	});

	test.each([
		['"x-fields";key="a"', ['"x-fields";key="a": 1']],
		['"x-fields";key="b"', ['"x-fields";key="b": (1 2);q=0.5']],
		['"x-fields";key="c"', ['"x-fields";key="c": ?1']],
		['', []],
	])('%s of the field is read', async (components, lines) => {
		expect(check(await made(components, lines), secret)).toMatchObject({ ok: true });
	});

	test('a line break in a value cannot spell another component', async () => {
		const on = withHeaders(message, { 'X-Evil': 'a\n"@method": GET' });
		const request = await made('"x-evil"', ['"x-evil": a', '"@method": GET'], on);
		expect(check(request, secret)).toEqual(refused('malformed-signature'));
	});

	test('a field that came twice counts with both values, and a signature that did is refused', async () => {
		const on = withHeaders(message, { 'X-Two': ['one ', ' two'] });
		expect(check(await made('"x-two"', ['"x-two": one, two'], on), secret)).toMatchObject({ ok: true });
		const request = await made('"@method"', ['"@method": POST']);
		for (const name of ['Signature', 'Signature-Input']) {
			const value = header(request, name);
			expect(check(withHeaders(request, { [name]: [value, value] }), secret)).toEqual(refused('malformed-signature'));
			expect(check(withHeaders(request, { [name.toLowerCase()]: value }), secret)).toEqual(
				refused('malformed-signature'),
			);
			expect(check(withHeaders(request, { [name]: undefined as unknown as string }), secret)).toEqual(
				refused('missing-signature'),
			);
			expect(check(withHeaders(request, { [name]: 'sig' }), secret)).toEqual(refused('malformed-signature'));
			expect(check(withHeaders(request, { [name]: `${value}${' '.repeat(5_000)}` }), secret)).toEqual(
				refused('malformed-signature'),
			);
		}
	});

	test('a parameter of the query that came twice is refused, and the others are read by their decoded names', async () => {
		const at = (query: string): Message => ({ ...message, url: `https://hooks.example.com/in?${query}` });
		const line = (value: string) => [`"@query-param";name="a": ${value}`];
		const verdict = async (query: string, value: string) =>
			check(await made('"@query-param";name="a"', line(value), at(query)), secret);
		expect(await verdict('a=1&b=2', '1')).toMatchObject({ ok: true });
		expect(await verdict('b=2&a=with+plus+blanks', 'with%20plus%20blanks')).toMatchObject({ ok: true });
		expect(await verdict('%61=fa%C3%A7ade%22%3A%20', 'fa%C3%A7ade%22%3A%20')).toMatchObject({ ok: true });
		expect(await verdict('a=1&a=1', '1')).toEqual(refused('missing-signed-part'));
		expect(await verdict('A=1', '1')).toEqual(refused('missing-signed-part'));
		const named = await made(
			'"@query-param";name="fa%C3%A7ade%22%3A%20"',
			['"@query-param";name="fa%C3%A7ade%22%3A%20": x'],
			at('fa%C3%A7ade%22%3A%20=x'),
		);
		expect(check(named, secret)).toMatchObject({ ok: true });
	});

	test('more than fifty are refused', async () => {
		const names = Array.from({ length: 51 }, (_, index) => `x-${index}`);
		const on = withHeaders(message, Object.fromEntries(names.map((name) => [name, 'v'])));
		const of = (some: readonly string[]) =>
			made(
				some.map((name) => `"${name}"`).join(' '),
				some.map((name) => `"${name}": v`),
				on,
			);
		expect(check(await of(names.slice(1)), secret)).toMatchObject({ ok: true });
		expect(check(await of(names), secret)).toEqual(refused('malformed-signature'));
	});
});

test('S1 the Ed25519 example of the RFC, B.2.6, passes', () => {
	const example: Message = {
		method: 'POST',
		url: 'https://example.com/foo?param=Value&Pet=dog',
		headers: {
			Host: 'example.com',
			Date: 'Tue, 20 Apr 2021 02:07:55 GMT',
			'Content-Type': 'application/json',
			'Content-Length': '18',
			'Signature-Input':
				'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
			Signature: 'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
		},
	};
	const key = 'MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=';
	expect(check(example, key)).toEqual({ ok: true, secretIndex: 0, timestamp: new Date(1_618_884_473_000) });
	expect(check({ ...example, method: 'GET' }, key)).toEqual(refused('mismatch'));
});
