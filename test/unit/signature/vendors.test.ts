import { createHash } from 'node:crypto';
import { validateSignature } from '@line/bot-sdk';
import { LinearWebhookClient } from '@linear/sdk/webhooks';
import Mux from '@mux/mux-node';
import { sign as signGithub, verify as verifyGithub } from '@octokit/webhooks-methods';
import { Paddle } from '@paddle/paddle-node-sdk';
import { encodeSignatureHeader, isValidSignature } from '@sanity/webhook';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { isValidSlackRequest } from '@slack/bolt';
import fc from 'fast-check';
import Razorpay from 'razorpay';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import { getExpectedTwilioSignature, validateRequest, validateRequestWithBody } from 'twilio';
import { verifySignature } from '../../../lib';
import { type Message, type Signed, type Signer, sampleMessage, signers } from '../../support/signers';

const NOW = 1_760_000_000_000;

beforeAll(() => {
	// Most of the SDKs take the time from nowhere else.
	jest.useFakeTimers({
		now: NOW,
		doNotFake: [
			'cancelAnimationFrame',
			'cancelIdleCallback',
			'clearImmediate',
			'clearInterval',
			'clearTimeout',
			'hrtime',
			'nextTick',
			'performance',
			'queueMicrotask',
			'requestAnimationFrame',
			'requestIdleCallback',
			'setImmediate',
			'setInterval',
			'setTimeout',
		],
	});
});
afterAll(() => {
	jest.useRealTimers();
});

type Request = Pick<Signed, 'method' | 'url' | 'rawBody'> & { readonly headers: Readonly<Record<string, string>> };
type Verdict = 'accepts' | 'refuses';

interface Vendor {
	/** Name of the signer. */
	readonly signer: string;
	/** Whether the vendor's own code takes the request for authentic; what it throws is a refusal. */
	readonly accepts: (request: Request, secret: string) => unknown;
	/** The headers that the vendor's own code would send. */
	readonly sign?: (message: Message, secret: string) => Promise<Headers> | Headers;
	/** Where the vendor's verdict is another than ours. */
	readonly differs?: Readonly<Record<string, Verdict>>;
}
type Headers = Readonly<Record<string, string>>;

const header = ({ headers }: Request, name: string) => headers[name] ?? '';
const text = ({ rawBody }: Request) => rawBody.toString();
const formOf = (body: Buffer) => {
	const fields = new URLSearchParams(body.toString());
	return Object.fromEntries(
		[...new Set(fields.keys())].map((name) => {
			const [value = '', ...more] = fields.getAll(name);
			return [name, more.length === 0 ? value : [value, ...more]];
		}),
	);
};
const seconds = ({ timestamp }: Message) => Math.floor(timestamp / 1000);
const mux = new Mux({ tokenId: 'id', tokenSecret: 'secret' });
const paddle = new Paddle('key');
const sendgrid = new EventWebhook();

/** These SDKs look at the age alone. */
const ONE_SIDED = { 'signed too far in the future': 'accepts' } as const;
/** They count whole seconds, and the last one is theirs. */
const WHOLE_SECONDS = { 'half a second too old': 'accepts' } as const;

const vendors: Readonly<Record<string, Vendor>> = {
	stripe: {
		signer: 'stripe',
		accepts: (request, secret) =>
			Stripe.webhooks.constructEvent(request.rawBody, header(request, 'Stripe-Signature'), secret),
		sign: (message, secret) => ({
			'Stripe-Signature': Stripe.webhooks.generateTestHeaderString({
				payload: message.body.toString(),
				secret,
				timestamp: seconds(message),
			}),
		}),
		differs: { ...ONE_SIDED, ...WHOLE_SECONDS },
	},
	standardwebhooks: {
		signer: 'standard-webhooks',
		accepts: (request, secret) => {
			new StandardWebhook(secret).verify(request.rawBody, { ...request.headers });
			return true;
		},
		sign: (message, secret) => ({
			'webhook-id': message.id,
			'webhook-timestamp': String(seconds(message)),
			'webhook-signature': new StandardWebhook(secret).sign(message.id, new Date(message.timestamp), message.body),
		}),
		differs: { ...WHOLE_SECONDS },
	},
	svix: {
		signer: 'svix',
		accepts: (request, secret) => {
			new SvixWebhook(secret).verify(request.rawBody, { ...request.headers });
			return true;
		},
		sign: (message, secret) => ({
			'svix-id': message.id,
			'svix-timestamp': String(seconds(message)),
			'svix-signature': new SvixWebhook(secret).sign(message.id, new Date(message.timestamp), message.body),
		}),
		differs: { ...WHOLE_SECONDS },
	},
	'@octokit/webhooks-methods': {
		signer: 'github',
		accepts: (request, secret) => verifyGithub(secret, text(request), header(request, 'X-Hub-Signature-256')),
		sign: async ({ body }, secret) => ({ 'X-Hub-Signature-256': await signGithub(secret, body.toString()) }),
	},
	'@sendgrid/eventwebhook': {
		signer: 'sendgrid',
		accepts: (request, secret) =>
			sendgrid.verifySignature(
				sendgrid.convertPublicKeyToECDSA(secret),
				request.rawBody,
				header(request, 'X-Twilio-Email-Event-Webhook-Signature'),
				header(request, 'X-Twilio-Email-Event-Webhook-Timestamp'),
			),
		// It decodes what it can, and has no opinion about time.
		differs: { 'a signature with more behind it': 'accepts', 'a moment that is no number': 'accepts' },
	},
	twilio: {
		signer: 'twilio',
		accepts: (request, secret) =>
			validateRequest(secret, header(request, 'X-Twilio-Signature'), request.url, formOf(request.rawBody)),
		sign: ({ url, body }, secret) => ({
			'Content-Type': 'application/x-www-form-urlencoded',
			'X-Twilio-Signature': getExpectedTwilioSignature(secret, url, formOf(body)),
		}),
	},
	'twilio, JSON': {
		signer: 'twilio (JSON)',
		accepts: (request, secret) =>
			validateRequestWithBody(secret, header(request, 'X-Twilio-Signature'), request.url, text(request)),
	},
	'@paddle/paddle-node-sdk': {
		signer: 'paddle',
		accepts: (request, secret) =>
			paddle.webhooks.isSignatureValid(text(request), secret, header(request, 'Paddle-Signature')),
		// It looks at the last of several signatures.
		differs: { ...ONE_SIDED, 'a wrong signature after the right one': 'refuses' },
	},
	'@line/bot-sdk': {
		signer: 'line',
		accepts: (request, secret) => validateSignature(request.rawBody, secret, header(request, 'x-line-signature')),
		// It decodes what it can.
		differs: { 'a signature with more behind it': 'accepts' },
	},
	razorpay: {
		signer: 'razorpay',
		accepts: (request, secret) =>
			Razorpay.validateWebhookSignature(text(request), header(request, 'X-Razorpay-Signature'), secret),
	},
	'@sanity/webhook': {
		signer: 'sanity',
		accepts: (request, secret) => isValidSignature(text(request), header(request, 'sanity-webhook-signature'), secret),
		sign: async ({ body, timestamp }, secret) => ({
			'sanity-webhook-signature': await encodeSignatureHeader(body.toString(), timestamp, secret),
		}),
		// It knows one signature alone.
		differs: {
			'a wrong signature before the right one': 'refuses',
			'a wrong signature after the right one': 'refuses',
		},
	},
	'@mux/mux-node': {
		signer: 'mux',
		accepts: async (request, secret) => {
			await mux.webhooks.verifySignature(text(request), { ...request.headers }, secret);
			return true;
		},
		differs: { ...ONE_SIDED, ...WHOLE_SECONDS },
	},
	'@linear/sdk': {
		signer: 'linear',
		accepts: (request, secret) =>
			new LinearWebhookClient(secret).verify(request.rawBody, header(request, 'Linear-Signature')),
	},
	'@slack/bolt': {
		signer: 'slack',
		accepts: (request, secret) =>
			isValidSlackRequest({
				signingSecret: secret,
				body: text(request),
				headers: {
					'x-slack-signature': header(request, 'X-Slack-Signature'),
					'x-slack-request-timestamp': Number(header(request, 'X-Slack-Request-Timestamp')),
				},
				nowMilliseconds: Date.now(),
			}),
		differs: { ...ONE_SIDED, ...WHOLE_SECONDS },
	},
};

const ours = (signer: Signer, request: Request, secret: string): Verdict =>
	verifySignature(signer.scheme, request, [secret], { now: new Date(Date.now()) }).ok ? 'accepts' : 'refuses';

async function theirs(vendor: Vendor, request: Request, secret: string): Promise<Verdict> {
	try {
		return (await vendor.accepts(request, secret)) ? 'accepts' : 'refuses';
	} catch {
		return 'refuses';
	}
}

interface Change {
	/** What was signed, where that is another message. */
	readonly message?: (signer: Signer) => Partial<Message>;
	/** @returns nothing where it is nothing for this service */
	readonly request?: (signed: Signed, signer: Signer) => Request | undefined;
	readonly secret?: (signer: Signer) => string;
	/** What our own verdict is. */
	readonly ours: Verdict;
	readonly onlyFor?: (signer: Signer) => boolean;
}

const headerOf = ({ signatureAt }: Signer) => (typeof signatureAt === 'object' ? signatureAt.header : '');
const withSignature = (signed: Signed, signer: Signer, change: (value: string) => string): Request => ({
	...signed,
	headers: { ...signed.headers, [headerOf(signer)]: change(signed.headers[headerOf(signer)] ?? '') },
});
const replaced = (digit: (signature: string) => number) => (signed: Signed, signer: Signer) => {
	const at = digit(signed.signature);
	const other = signed.signature[at] === '1' ? '2' : '1';
	const wrong = `${signed.signature.slice(0, at)}${other}${signed.signature.slice(at + 1)}`;
	return withSignature(signed, signer, (value) => value.replace(signed.signature, () => wrong));
};
const further = (signed: Signed, signer: Signer, isBefore: boolean) => {
	if (!signer.list) return undefined;
	const { separator, label } = signer.list;
	const good = label + signed.signature;
	const wrong = `${label}${signed.signature.startsWith('1') ? '2' : '1'}${signed.signature.slice(1)}`;
	const both = isBefore ? wrong + separator + good : good + separator + wrong;
	return withSignature(signed, signer, (value) => value.replace(good, () => both));
};
const hasWindow = ({ timestamp }: Signer) => typeof timestamp?.window === 'number';
const windowOf = ({ timestamp }: Signer) => (timestamp?.window ?? 0) * 1_000;

const changes: Readonly<Record<string, Change>> = {
	'nothing changed': { ours: 'accepts' },
	'a body with CRLF and characters beyond ASCII': {
		message: ({ format }) => ({
			body: Buffer.from(
				format === 'form' ? 'Body=Zo%C3%AB+%F0%9F%98%80%0D%0A&A=1&B=' : '{"a":"Zoë 😀",\r\n"b":"\\u00e9"}\r\n',
			),
		}),
		ours: 'accepts',
	},
	'another body': {
		request: (signed, { format }) => ({
			...signed,
			rawBody: format === 'form' ? Buffer.from('A=1') : Buffer.from(`${signed.rawBody.toString()} `),
		}),
		ours: 'refuses',
	},
	'the first digit changed': { request: replaced(() => 0), ours: 'refuses' },
	'the last digit changed': {
		request: replaced((signature) => signature.replace(/=+$/, '').length - 2),
		ours: 'refuses',
	},
	'a signature cut short': {
		request: (signed, signer) => withSignature(signed, signer, (value) => value.replace(/.{6}$/, '')),
		ours: 'refuses',
	},
	'a signature with more behind it': {
		request: (signed, signer) => withSignature(signed, signer, (value) => `${value}!!`),
		ours: 'refuses',
	},
	'no signature': { request: (signed, signer) => withSignature(signed, signer, () => ''), ours: 'refuses' },
	'digits in upper case': {
		request: (signed, signer) =>
			withSignature(signed, signer, (value) => value.replace(signed.signature, () => signed.signature.toUpperCase())),
		ours: 'refuses',
	},
	'no text in front of the signature': {
		request: (signed, signer) => withSignature(signed, signer, (value) => value.replace(signer.prefix ?? '', '')),
		onlyFor: ({ prefix }) => Boolean(prefix),
		ours: 'refuses',
	},
	'another secret': { secret: ({ otherSecret }) => otherSecret, ours: 'refuses' },
	'the oldest moment that is accepted': {
		message: (signer) => ({ timestamp: NOW - windowOf(signer) }),
		onlyFor: hasWindow,
		ours: 'accepts',
	},
	'signed too long ago': {
		message: (signer) => ({ timestamp: NOW - windowOf(signer) - 1_000 }),
		onlyFor: hasWindow,
		ours: 'refuses',
	},
	'signed too far in the future': {
		message: (signer) => ({ timestamp: NOW + windowOf(signer) + 1_000 }),
		onlyFor: hasWindow,
		ours: 'refuses',
	},
	'half a second too old': {
		message: (signer) => ({ timestamp: NOW - windowOf(signer) }),
		onlyFor: ({ timestamp, ...signer }) => timestamp?.unit === 'seconds' && hasWindow({ timestamp, ...signer }),
		ours: 'refuses',
	},
	'a moment that is no number': {
		message: () => ({ timestampText: 'now' }),
		onlyFor: ({ timestamp }) => timestamp !== undefined,
		ours: 'refuses',
	},
	'another URL': {
		request: (signed) => ({ ...signed, url: signed.url.replace('tenant=7', 'tenant=8') }),
		onlyFor: ({ signs }) => signs.includes('url'),
		ours: 'refuses',
	},
	'another id': {
		request: (signed, { idAt }) =>
			typeof idAt === 'object' ? { ...signed, headers: { ...signed.headers, [idAt.header]: 'msg_other' } } : undefined,
		ours: 'refuses',
	},
	'a wrong signature before the right one': {
		request: (signed, signer) => further(signed, signer, true),
		onlyFor: ({ list }) => list !== undefined,
		ours: 'accepts',
	},
	'a wrong signature after the right one': {
		request: (signed, signer) => further(signed, signer, false),
		onlyFor: ({ list }) => list !== undefined,
		ours: 'accepts',
	},
};

describe.each(Object.entries(vendors))('%s', (_, vendor) => {
	const signer = signers[vendor.signer];
	if (!signer) throw new Error(`No signer for ${vendor.signer}`);

	const { sign } = vendor;
	if (sign) {
		test('S1 what the vendor signs passes here, and is what the hand-written signer sends', async () => {
			for (const timestamp of [NOW, NOW - 4_000]) {
				const message = sampleMessage(signer, { timestamp });
				const signed = signer.sign(message);
				const headers = await sign(message, signer.secret);
				expect(signed.headers).toMatchObject(
					Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'Content-Type')),
				);
				expect(ours(signer, { ...signed, headers }, signer.secret)).toBe('accepts');
				expect(ours(signer, { ...signed, headers }, signer.otherSecret)).toBe('refuses');
			}
		});
	}

	const fitting = Object.entries(changes).filter(([, { onlyFor }]) => !onlyFor || onlyFor(signer));
	test.each(fitting)('S1 S2 S3 S5 %s: the verdict is that of the vendor, or known to differ', async (name, change) => {
		const signed = signer.sign(sampleMessage(signer, change.message?.(signer)));
		const request = change.request ? change.request(signed, signer) : signed;
		if (!request) return;
		const secret = change.secret?.(signer) ?? signer.secret;
		if (name === 'half a second too old') jest.setSystemTime(NOW + 500);
		try {
			expect({
				ours: ours(signer, request, secret),
				vendor: await theirs(vendor, request, secret),
			}).toEqual({ ours: change.ours, vendor: vendor.differs?.[name] ?? change.ours });
		} finally {
			jest.setSystemTime(NOW);
		}
	});

	test('every difference that is said to be known is one', () => {
		const names = fitting.map(([name]) => name);
		for (const name of Object.keys(vendor.differs ?? {})) expect(names).toContain(name);
	});

	test('S1 nothing passes here that the vendor refuses, whatever is changed', async () => {
		const message = sampleMessage(signer);
		const signed = signer.sign(message);
		const names = Object.keys(signed.headers).filter((name) => name !== 'Content-Type');
		// Blanks, and separators with nothing between them, are read over here.
		const put = ['', '0', '1', 'a', 'A', '=', '.', ':', '_', '/', ...(signer.list ? [] : [',', ';'])];
		/** One character replaced, put in or taken out. */
		const edit = (whole: string) =>
			fc
				.tuple(fc.nat(whole.length), fc.constantFrom(0, 1), fc.constantFrom(...put))
				.map(([at, cut, more]) => `${whole.slice(0, at)}${more}${whole.slice(at + cut)}`);
		const edits: fc.Arbitrary<Request>[] = [
			fc.constantFrom(...names).chain((name) =>
				edit(signed.headers[name] ?? '').map((value) => ({
					...signed,
					headers: { ...signed.headers, [name]: value },
				})),
			),
			edit(signed.rawBody.toString('latin1')).map((body) => ({ ...signed, rawBody: Buffer.from(body, 'latin1') })),
		];
		if (signer.signs.includes('url')) {
			const [path = '', query = ''] = signed.url.split('?');
			edits.push(edit(`?${query}`).map((changed) => ({ ...signed, url: `${path}${changed}` })));
		}
		await fc.assert(
			fc.asyncProperty(fc.oneof(...edits), async (changed) => {
				if (ours(signer, changed, signer.secret) === 'accepts') {
					expect(await theirs(vendor, changed, signer.secret)).toBe('accepts');
				}
			}),
			{ numRuns: 400 },
		);
	});
});

test('S6 bytes that are no text pass here as they are signed, where SDKs that make text of them refuse', async () => {
	const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
	const verdicts: Record<string, Verdict> = {};
	for (const [name, vendor] of Object.entries(vendors)) {
		const signer = signers[vendor.signer];
		if (!signer || signer.format) continue;
		const signed = signer.sign(sampleMessage(signer, { body }));
		expect(ours(signer, signed, signer.secret)).toBe('accepts');
		verdicts[name] = await theirs(vendor, signed, signer.secret);
	}
	const accepting = Object.entries(verdicts).flatMap(([name, verdict]) => (verdict === 'accepts' ? [name] : []));
	expect(accepting).toEqual(['@line/bot-sdk']);
});

describe('URLs of Twilio', () => {
	const signer = signers['twilio'];
	if (!signer) throw new Error('No signer');
	const body = Buffer.from('Body=Hello&From=%2B15005550006');

	test.each([
		'https://hooks.example.com/in/9',
		'https://hooks.example.com/in/9?a=1&b=x%20y',
		'https://hooks.example.com/in/9?a=1+2&b=%C3%A9&c=',
		"https://hooks.example.com/in/9?name=O'Brien",
		'https://hooks.example.com:8443/in/9?a=1',
		'https://user:pass@hooks.example.com/in/9?a=1',
		'http://hooks.example.com/in/9?a',
	])('S1 %s is accepted as it came, with its port and without, by both', (url) => {
		const { hostname, port, protocol } = new URL(url);
		const standard = protocol === 'https:' ? '443' : '80';
		const known = port || standard;
		const bare = url.replace(`${hostname}:${port}`, hostname);
		for (const one of [bare, bare.replace(hostname, `${hostname}:${known}`)]) {
			const headers = {
				'Content-Type': 'application/x-www-form-urlencoded',
				'X-Twilio-Signature': getExpectedTwilioSignature(signer.secret, one, formOf(body)),
			};
			const request = { method: 'POST', url, headers, rawBody: body };
			expect(validateRequest(signer.secret, headers['X-Twilio-Signature'], url, formOf(body))).toBe(true);
			expect(ours(signer, request, signer.secret)).toBe('accepts');
		}
	});

	test('S1 the hash of a JSON body is the one that the SDK makes', () => {
		const json = Buffer.from('{"name":"Zoë"}');
		const url = `https://hooks.example.com/in/9?bodySHA256=${createHash('sha256').update(json).digest('hex')}`;
		const headers = {
			'Content-Type': 'application/json',
			'X-Twilio-Signature': getExpectedTwilioSignature(signer.secret, url, {}),
		};
		expect(validateRequestWithBody(signer.secret, headers['X-Twilio-Signature'], url, json.toString())).toBe(true);
		expect(ours(signer, { method: 'POST', url, headers, rawBody: json }, signer.secret)).toBe('accepts');
	});
});
