import {
	type BinaryLike,
	type KeyObject,
	type KeyPairKeyObjectResult,
	constants,
	createHash,
	createHmac,
	generateKeyPairSync,
	sign as signWithKey,
} from 'node:crypto';

/**
 * What every service does when it sends a webhook, written from its documentation and not from the code under test: the
 * two have nothing in common but this folder's tests.
 */
export interface Message {
	readonly method: string;
	/** Absolute, as the service knows it. */
	readonly url: string;
	readonly body: Buffer;
	/** Moment of signing in milliseconds. */
	readonly timestamp: number;
	readonly id: string;
	/** The moment as text, where a test wants one that the service would never send. */
	readonly timestampText?: string;
}

export interface Signed {
	readonly method: string;
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly rawBody: Buffer;
	readonly secrets: readonly string[];
	/** The signature as text, without what stands around it. */
	readonly signature: string;
	/** The moment of signing as it was written. */
	readonly stamp?: string;
}

/** Where a value stands in the request. */
export type Spot = { readonly header: string } | 'url' | 'body';

export type Part = 'body' | 'url' | 'method' | 'timestamp' | 'id';

export interface Signer {
	/** Name of the scheme. */
	readonly scheme: string;
	/** What the receiver is given. */
	readonly secret: string;
	/** One of the same form that signed nothing. */
	readonly otherSecret: string;
	/** The characters of the secret that matter, where not all do. */
	readonly secretRange?: readonly [from: number, to: number];
	/** What cannot be changed without breaking the signature. */
	readonly signs: readonly Part[];
	readonly signatureAt: Spot;
	readonly encoding: 'hex' | 'base64' | 'base64url' | 'text';
	/** Text in front of the signature that has to be there. */
	readonly prefix?: string;
	/** How further signatures are added to the header. */
	readonly list?: { readonly separator: string; readonly label: string };
	readonly timestamp?: {
		readonly at: Spot;
		readonly unit: 'seconds' | 'milliseconds' | 'iso' | 'http-date';
		/** In seconds; null where the service names none. */
		readonly window: number | null;
	};
	readonly idAt?: Spot;
	/** What the body has to be; any bytes where absent. */
	readonly format?: 'json' | 'form';
	sign(message: Message, secret?: string): Signed;
}

type Digest = 'hex' | 'base64' | 'base64url';
type Made = Pick<Signed, 'signature' | 'stamp'> & Partial<Pick<Signed, 'url' | 'headers' | 'rawBody'>>;

const SECRET = 'a-Secret-of-the-Service-0123456789';
const OTHER = 'another-Secret-of-the-Service-0123';

const hmac = (hash: string, key: BinaryLike, encoding: Digest, ...parts: readonly (string | Buffer)[]) => {
	const mac = createHmac(hash, key);
	for (const part of parts) mac.update(part);
	return mac.digest(encoding);
};
const seconds = ({ timestamp, timestampText }: Message) => timestampText ?? String(Math.floor(timestamp / 1000));
const milliseconds = ({ timestamp, timestampText }: Message) => timestampText ?? String(timestamp);

function signer(facts: Omit<Signer, 'sign'>, make: (message: Message, secret: string) => Made): Signer {
	return {
		...facts,
		sign(message, secret = facts.secret) {
			const { method, url, body } = message;
			return { method, url, rawBody: body, headers: {}, secrets: [facts.secret], ...make(message, secret) };
		},
	};
}

const common = { secret: SECRET, otherSecret: OTHER } as const;

/** An HMAC of the body in one header. */
function ofBody(scheme: string, header: string, encoding: Digest, prefix = '', hash = 'sha256'): Signer {
	return signer(
		{ ...common, scheme, signs: ['body'], signatureAt: { header }, encoding, prefix },
		({ body }, secret) => {
			const signature = hmac(hash, secret, encoding, body);
			return { signature, headers: { [header]: prefix + signature } };
		},
	);
}

/** `t=…,v1=…` over `t.body`. */
function stamped(
	scheme: string,
	header: string,
	window: number | null,
	more: { separator?: string; label?: string; t?: string; between?: string; encoding?: Digest; ms?: boolean } = {},
): Signer {
	const { separator = ',', label = 'v1', t = 't', between = '.', encoding = 'hex', ms = false } = more;
	return signer(
		{
			...common,
			scheme,
			signs: ['body', 'timestamp'],
			signatureAt: { header },
			encoding,
			list: { separator, label: `${label}=` },
			timestamp: { at: { header }, unit: ms ? 'milliseconds' : 'seconds', window },
		},
		(message, secret) => {
			const stamp = ms ? milliseconds(message) : seconds(message);
			const signature = hmac('sha256', secret, encoding, `${stamp}${between}`, message.body);
			return { signature, stamp, headers: { [header]: `${t}=${stamp}${separator}${label}=${signature}` } };
		},
	);
}

/** `v0:ts:body`, the timestamp in a header of its own. */
function versioned(scheme: string, header: string, stampHeader: string, prefix: string, window: number | null): Signer {
	return signer(
		{
			...common,
			scheme,
			signs: ['body', 'timestamp'],
			signatureAt: { header },
			encoding: 'hex',
			prefix,
			timestamp: { at: { header: stampHeader }, unit: 'seconds', window },
		},
		(message, secret) => {
			const stamp = seconds(message);
			const signature = hmac('sha256', secret, 'hex', `v0:${stamp}:`, message.body);
			return { signature, stamp, headers: { [header]: prefix + signature, [stampHeader]: stamp } };
		},
	);
}

/** The secret in the query; nothing is signed. */
function inUrl(scheme: string): Signer {
	return signer({ ...common, scheme, signs: [], signatureAt: 'url', encoding: 'text' }, ({ url }, secret) => ({
		signature: secret,
		url: `${url}${url.includes('?') ? '&' : '?'}secret=${secret}`,
	}));
}

function bearer(scheme: string): Signer {
	return signer(
		{ ...common, scheme, signs: [], signatureAt: { header: 'Authorization' }, encoding: 'text', prefix: 'Bearer ' },
		(_, secret) => ({ signature: secret, headers: { Authorization: `Bearer ${secret}` } }),
	);
}

function basic(scheme: string): Signer {
	return signer(
		{
			scheme,
			secret: `user:${SECRET}`,
			otherSecret: `user:${OTHER}`,
			signs: [],
			signatureAt: { header: 'Authorization' },
			encoding: 'base64',
			prefix: 'Basic ',
		},
		(_, secret) => {
			const signature = Buffer.from(secret).toString('base64');
			return { signature, headers: { Authorization: `Basic ${signature}` } };
		},
	);
}

function standardWebhooks(scheme: string, prefix: string): Signer {
	const header = `${prefix}-signature`;
	return signer(
		{
			scheme,
			secret: `whsec_${Buffer.from(SECRET.slice(0, 24)).toString('base64')}`,
			otherSecret: `whsec_${Buffer.from(OTHER.slice(0, 24)).toString('base64')}`,
			signs: ['body', 'timestamp', 'id'],
			signatureAt: { header },
			encoding: 'base64',
			list: { separator: ' ', label: 'v1,' },
			timestamp: { at: { header: `${prefix}-timestamp` }, unit: 'seconds', window: 300 },
			idAt: { header: `${prefix}-id` },
		},
		(message, secret) => {
			const stamp = seconds(message);
			const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
			const signature = hmac('sha256', key, 'base64', `${message.id}.${stamp}.`, message.body);
			const headers = {
				[`${prefix}-id`]: message.id,
				[`${prefix}-timestamp`]: stamp,
				[header]: `v1,${signature}`,
			};
			return { signature, stamp, headers };
		},
	);
}

const spki = (key: KeyObject) => key.export({ format: 'der', type: 'spki' });

function standardWebhooksByKey(): Signer {
	const [own, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
	/** The 32 bytes of the point are the last of SPKI. */
	const written = (key: KeyObject) => `whpk_${spki(key).subarray(-32).toString('base64')}`;
	return signer(
		{
			scheme: 'standard-webhooks',
			secret: written(own.publicKey),
			otherSecret: written(other.publicKey),
			secretRange: ['whpk_'.length, 'whpk_'.length + 43],
			signs: ['body', 'timestamp', 'id'],
			signatureAt: { header: 'webhook-signature' },
			encoding: 'base64',
			list: { separator: ' ', label: 'v1a,' },
			timestamp: { at: { header: 'webhook-timestamp' }, unit: 'seconds', window: 300 },
			idAt: { header: 'webhook-id' },
		},
		(message) => {
			const stamp = seconds(message);
			const text = Buffer.concat([Buffer.from(`${message.id}.${stamp}.`), message.body]);
			const signature = signWithKey(null, text, own.privateKey).toString('base64');
			const headers = {
				'webhook-id': message.id,
				'webhook-timestamp': stamp,
				'webhook-signature': `v1a,${signature}`,
			};
			return { signature, stamp, headers };
		},
	);
}

function sendgrid(): Signer {
	const pair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
	const [own, other] = [pair(), pair()];
	const header = 'X-Twilio-Email-Event-Webhook-Signature';
	const stampHeader = 'X-Twilio-Email-Event-Webhook-Timestamp';
	return signer(
		{
			scheme: 'sendgrid',
			secret: spki(own.publicKey).toString('base64'),
			otherSecret: spki(other.publicKey).toString('base64'),
			secretRange: [40, 120],
			signs: ['body', 'timestamp'],
			signatureAt: { header },
			encoding: 'base64',
			timestamp: { at: { header: stampHeader }, unit: 'seconds', window: null },
		},
		(message) => {
			const stamp = seconds(message);
			const text = Buffer.concat([Buffer.from(stamp), message.body]);
			const signature = signWithKey('sha256', text, own.privateKey).toString('base64');
			return { signature, stamp, headers: { [header]: signature, [stampHeader]: stamp } };
		},
	);
}

/** Version 1 signs the body, version 2 also method and URL; a plain hash with the secret in front. */
function hubspotHash(scheme: string, version: 'v1' | 'v2'): Signer {
	const header = 'X-HubSpot-Signature';
	return signer(
		{
			...common,
			scheme,
			signs: version === 'v1' ? ['body'] : ['body', 'url', 'method'],
			signatureAt: { header },
			encoding: 'hex',
		},
		({ method, url, body }, secret) => {
			const signature = createHash('sha256')
				.update(version === 'v1' ? secret : `${secret}${method}${url}`)
				.update(body)
				.digest('hex');
			return { signature, headers: { [header]: signature, 'X-HubSpot-Signature-Version': version } };
		},
	);
}

/** What HubSpot decodes in a URL before it signs it. */
const DECODED: Readonly<Record<string, string>> = {
	'%3A': ':',
	'%2F': '/',
	'%3F': '?',
	'%40': '@',
	'%21': '!',
	'%24': '$',
	'%27': "'",
	'%28': '(',
	'%29': ')',
	'%2A': '*',
	'%2C': ',',
	'%3B': ';',
};

function hubspotV3(): Signer {
	const header = 'X-HubSpot-Signature-V3';
	const stampHeader = 'X-HubSpot-Request-Timestamp';
	return signer(
		{
			...common,
			scheme: 'hubspot-v3',
			signs: ['body', 'url', 'method', 'timestamp'],
			signatureAt: { header },
			encoding: 'base64',
			timestamp: { at: { header: stampHeader }, unit: 'milliseconds', window: 300 },
		},
		(message, secret) => {
			const stamp = milliseconds(message);
			const url = message.url.replace(/%../g, (code) => DECODED[code.toUpperCase()] ?? code);
			const signature = hmac('sha256', secret, 'base64', message.method, url, message.body, stamp);
			return { signature, stamp, headers: { [header]: signature, [stampHeader]: stamp } };
		},
	);
}

/** Body, then the header with the date as it stands. */
function klaviyo(): Signer {
	return signer(
		{
			...common,
			scheme: 'klaviyo',
			signs: ['body', 'timestamp'],
			signatureAt: { header: 'Klaviyo-Signature' },
			encoding: 'hex',
			timestamp: { at: { header: 'Klaviyo-Timestamp' }, unit: 'http-date', window: null },
		},
		({ timestamp, timestampText, body, id }, secret) => {
			const stamp = timestampText ?? new Date(timestamp).toUTCString();
			const signature = hmac('sha256', secret, 'hex', body, stamp);
			const headers = { 'Klaviyo-Signature': signature, 'Klaviyo-Timestamp': stamp, 'Klaviyo-Webhook-Id': id };
			return { signature, stamp, headers };
		},
	);
}

function zendesk(): Signer {
	const stampHeader = 'X-Zendesk-Webhook-Signature-Timestamp';
	return signer(
		{
			...common,
			scheme: 'zendesk',
			signs: ['body', 'timestamp'],
			signatureAt: { header: 'X-Zendesk-Webhook-Signature' },
			encoding: 'base64',
			timestamp: { at: { header: stampHeader }, unit: 'iso', window: null },
		},
		({ timestamp, timestampText, body }, secret) => {
			const stamp = timestampText ?? new Date(timestamp).toISOString().replace('.000Z', 'Z');
			const signature = hmac('sha256', secret, 'base64', stamp, body);
			return { signature, stamp, headers: { 'X-Zendesk-Webhook-Signature': signature, [stampHeader]: stamp } };
		},
	);
}

/** The body is signed as if it were written with escapes; the escapes are in lower case. */
function meta(): Signer {
	const header = 'X-Hub-Signature-256';
	return signer(
		{
			...common,
			scheme: 'meta',
			signs: ['body'],
			signatureAt: { header },
			encoding: 'hex',
			prefix: 'sha256=',
		},
		({ body }, secret) => {
			let escaped = '';
			for (const unit of body.toString('utf8').split('')) {
				const code = unit.charCodeAt(0);
				escaped += code < 128 ? unit : `\\u${`000${code.toString(16)}`.slice(-4)}`;
			}
			const signature = hmac('sha256', secret, 'hex', escaped);
			return { signature, headers: { [header]: `sha256=${signature}` } };
		},
	);
}

/** Puts a field first in a JSON object, and leaves every other byte as it is. */
const withField = (body: Buffer, field: string) =>
	Buffer.concat([
		Buffer.from(`{${field}${body.toString('latin1').trim() === '{}' ? '' : ','}`),
		body.subarray(body.indexOf('{') + 1),
	]);

/** The moment stands in the body and is signed with it. */
function linear(): Signer {
	return signer(
		{
			...common,
			scheme: 'linear',
			signs: ['body'],
			signatureAt: { header: 'Linear-Signature' },
			encoding: 'hex',
			timestamp: { at: 'body', unit: 'milliseconds', window: 60 },
			format: 'json',
		},
		(message, secret) => {
			const stamp = milliseconds(message);
			const value = /^\d+$/.test(stamp) && !stamp.startsWith('0') ? stamp : JSON.stringify(stamp);
			const rawBody = withField(message.body, `"webhookTimestamp":${value}`);
			const signature = hmac('sha256', secret, 'hex', rawBody);
			const headers = { 'Linear-Signature': signature, 'Content-Type': 'application/json; charset=utf-8' };
			return { signature, stamp, rawBody, headers };
		},
	);
}

/** What is signed is a token and not the event. */
function mailgun(format: 'json' | 'form'): Signer {
	return signer(
		{
			...common,
			scheme: 'mailgun',
			signs: ['timestamp', 'id'],
			signatureAt: 'body',
			encoding: 'hex',
			timestamp: { at: 'body', unit: 'seconds', window: null },
			idAt: 'body',
			format,
		},
		(message, secret) => {
			const stamp = seconds(message);
			const { id: token } = message;
			const signature = hmac('sha256', secret, 'hex', stamp, token);
			const fields = { token, timestamp: stamp, signature };
			if (format === 'json') {
				const rawBody = withField(message.body, `"signature":${JSON.stringify(fields)}`);
				return { signature, stamp, rawBody, headers: { 'Content-Type': 'application/json' } };
			}
			const rawBody = Buffer.concat([Buffer.from(`${String(new URLSearchParams(fields))}&`), message.body]);
			return { signature, stamp, rawBody, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } };
		},
	);
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' } as const;

/** URL, then name and value of every field, sorted by name. */
function urlAndForm(scheme: string, header: string): Signer {
	return signer(
		{
			...common,
			scheme,
			signs: ['body', 'url'],
			signatureAt: { header },
			encoding: 'base64',
			format: 'form',
		},
		({ url, body }, secret) => {
			const fields = new URLSearchParams(body.toString());
			const names = [...new Set(fields.keys())].sort();
			const text = names.map((name) =>
				[...new Set(fields.getAll(name))]
					.sort()
					.map((value) => name + value)
					.join(''),
			);
			const signature = hmac('sha1', secret, 'base64', url, ...text);
			return { signature, headers: { ...FORM, [header]: signature } };
		},
	);
}

/** The URL holds the hash of the body, and is all that is signed. */
function twilioJson(): Signer {
	return signer(
		{
			...common,
			scheme: 'twilio',
			signs: ['body', 'url'],
			signatureAt: { header: 'X-Twilio-Signature' },
			encoding: 'base64',
		},
		(message, secret) => {
			const digest = createHash('sha256').update(message.body).digest('hex');
			const url = `${message.url}${message.url.includes('?') ? '&' : '?'}bodySHA256=${digest}`;
			const signature = hmac('sha1', secret, 'base64', url);
			return { signature, url, headers: { 'X-Twilio-Signature': signature, 'Content-Type': 'application/json' } };
		},
	);
}

function square(): Signer {
	const header = 'x-square-hmacsha256-signature';
	return signer(
		{ ...common, scheme: 'square', signs: ['body', 'url'], signatureAt: { header }, encoding: 'base64' },
		({ url, body }, secret) => {
			const signature = hmac('sha256', secret, 'base64', url, body);
			return { signature, headers: { [header]: signature } };
		},
	);
}

function pagerduty(): Signer {
	const header = 'X-PagerDuty-Signature';
	return signer(
		{
			...common,
			scheme: 'pagerduty',
			signs: ['body'],
			signatureAt: { header },
			encoding: 'hex',
			list: { separator: ',', label: 'v1=' },
		},
		({ body }, secret) => {
			const signature = hmac('sha256', secret, 'hex', body);
			return { signature, headers: { [header]: `v1=${signature}` } };
		},
	);
}

interface MessageKey extends Pick<Signer, 'secret' | 'otherSecret' | 'secretRange'> {
	readonly alg?: string;
	readonly sign: (base: Buffer, secret: string) => Buffer;
}

/** Method, URL and the digest of the body are signed. */
function messageSignature({ alg, sign, ...secrets }: MessageKey): Signer {
	return signer(
		{
			...secrets,
			scheme: 'rfc9421',
			signs: ['body', 'url', 'method', 'timestamp'],
			signatureAt: { header: 'Signature' },
			encoding: 'base64',
			timestamp: { at: { header: 'Signature-Input' }, unit: 'seconds', window: null },
		},
		(message, secret) => {
			const stamp = seconds(message);
			const digest = `sha-256=:${createHash('sha256').update(message.body).digest('base64')}:`;
			const named = alg === undefined ? '' : `;alg="${alg}"`;
			const parameters = `("@method" "@target-uri" "content-digest");created=${stamp};keyid="main"${named}`;
			const base = [
				`"@method": ${message.method}`,
				`"@target-uri": ${message.url}`,
				`"content-digest": ${digest}`,
				`"@signature-params": ${parameters}`,
			].join('\n');
			const signature = sign(Buffer.from(base), secret).toString('base64');
			const headers = {
				'Content-Digest': digest,
				'Signature-Input': `sig1=${parameters}`,
				Signature: `sig1=:${signature}:`,
			};
			return { signature, stamp, headers };
		},
	);
}

function messageMac(): MessageKey {
	const secret = Buffer.from(SECRET).toString('base64');
	return {
		secret,
		otherSecret: Buffer.from(OTHER).toString('base64'),
		/** Not the padding, nor the last digit, which has more bits than are left of the key. */
		secretRange: [0, secret.replace(/=+$/, '').length - 1],
		alg: 'hmac-sha256',
		sign: (base, secret) => createHmac('sha256', Buffer.from(secret, 'base64')).update(base).digest(),
	};
}

function messageEd25519(): MessageKey {
	const [own, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
	const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }) as string;
	return {
		secret: pem(own.publicKey),
		otherSecret: pem(other.publicKey),
		// The point stands at the end of the only line.
		secretRange: [43, 85],
		alg: 'ed25519',
		sign: (base) => signWithKey(null, base, own.privateKey),
	};
}

function messageP256(): MessageKey {
	/** Without the digits that Node.js also reads in the other base64: a key spelled another way is no other key. */
	const pair = (): KeyPairKeyObjectResult => {
		const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
		return /[-_]/.test(keys.publicKey.export({ format: 'jwk' }).y ?? '') ? pair() : keys;
	};
	const [own, other] = [pair(), pair()];
	const jwk = (key: KeyObject) => JSON.stringify({ kty: 'EC', crv: 'P-256', ...key.export({ format: 'jwk' }) });
	const secret = jwk(own.publicKey);
	const y = secret.indexOf('"y":"') + '"y":"'.length;
	return {
		secret,
		otherSecret: jwk(other.publicKey),
		secretRange: [y, y + 42],
		sign: (base) => signWithKey('sha256', base, { key: own.privateKey, dsaEncoding: 'ieee-p1363' }),
	};
}

function messageRsa(): MessageKey {
	const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
	const [own, other] = [pair(), pair()];
	return {
		secret: spki(own.publicKey).toString('base64'),
		otherSecret: spki(other.publicKey).toString('base64'),
		// The modulus.
		secretRange: [60, 300],
		sign: (base) =>
			signWithKey('sha512', base, {
				key: own.privateKey,
				padding: constants.RSA_PKCS1_PSS_PADDING,
				saltLength: 64,
			}),
	};
}

/** Every named scheme, some of them in several variants. */
export const signers: Readonly<Record<string, Signer>> = {
	activecampaign: inUrl('activecampaign'),
	'basic-auth': basic('basic-auth'),
	'bearer-token': bearer('bearer-token'),
	bitbucket: ofBody('bitbucket', 'X-Hub-Signature', 'hex', 'sha256='),
	'bitbucket-jira': ofBody('bitbucket-jira', 'X-Hub-Signature', 'hex', 'sha256='),
	brevo: bearer('brevo'),
	calendly: stamped('calendly', 'Calendly-Webhook-Signature', 180),
	'customer-io': versioned('customer-io', 'X-CIO-Signature', 'X-CIO-Timestamp', '', null),
	getresponse: inUrl('getresponse'),
	github: ofBody('github', 'X-Hub-Signature-256', 'hex', 'sha256='),
	'github-sha1': ofBody('github-sha1', 'X-Hub-Signature', 'hex', 'sha1=', 'sha1'),
	'hmac-sha256': ofBody('hmac-sha256', 'X-Signature', 'hex'),
	'hubspot-v1': hubspotHash('hubspot-v1', 'v1'),
	'hubspot-v2': hubspotHash('hubspot-v2', 'v2'),
	'hubspot-v3': hubspotV3(),
	intercom: ofBody('intercom', 'X-Hub-Signature', 'hex', 'sha1=', 'sha1'),
	jira: ofBody('jira', 'X-Hub-Signature', 'hex', 'sha256='),
	klaviyo: klaviyo(),
	'lemon-squeezy': ofBody('lemon-squeezy', 'X-Signature', 'hex'),
	line: ofBody('line', 'x-line-signature', 'base64'),
	linear: linear(),
	mailchimp: stamped('mailchimp', 'X-Mailchimp-Signature', 300),
	'mailchimp-url-secret': inUrl('mailchimp-url-secret'),
	mailerlite: ofBody('mailerlite', 'Signature', 'hex'),
	'mailerlite-classic': ofBody('mailerlite-classic', 'X-MailerLite-Signature', 'base64'),
	mailgun: mailgun('json'),
	'mailgun (form)': mailgun('form'),
	mandrill: urlAndForm('mandrill', 'X-Mandrill-Signature'),
	mautic: ofBody('mautic', 'Webhook-Signature', 'base64'),
	meta: meta(),
	mux: stamped('mux', 'Mux-Signature', 300),
	paddle: stamped('paddle', 'Paddle-Signature', 5, { separator: ';', label: 'h1', t: 'ts', between: ':' }),
	pagerduty: pagerduty(),
	postmark: basic('postmark'),
	razorpay: ofBody('razorpay', 'X-Razorpay-Signature', 'hex'),
	'rfc9421 (HMAC)': messageSignature(messageMac()),
	'rfc9421 (Ed25519)': messageSignature(messageEd25519()),
	'rfc9421 (ECDSA P-256)': messageSignature(messageP256()),
	'rfc9421 (RSA-PSS)': messageSignature(messageRsa()),
	sanity: stamped('sanity', 'sanity-webhook-signature', null, { encoding: 'base64url', ms: true }),
	sendgrid: sendgrid(),
	shopify: ofBody('shopify', 'X-Shopify-Hmac-Sha256', 'base64'),
	'shopify (newer header)': ofBody('shopify', 'shopify-hmac-sha256', 'base64'),
	slack: versioned('slack', 'X-Slack-Signature', 'X-Slack-Request-Timestamp', 'v0=', 300),
	square: square(),
	'standard-webhooks': standardWebhooks('standard-webhooks', 'webhook'),
	'standard-webhooks (public key)': standardWebhooksByKey(),
	stripe: stamped('stripe', 'Stripe-Signature', 300),
	svix: standardWebhooks('svix', 'svix'),
	'svix (unbranded)': standardWebhooks('svix', 'webhook'),
	twilio: urlAndForm('twilio', 'X-Twilio-Signature'),
	'twilio (JSON)': twilioJson(),
	typeform: ofBody('typeform', 'Typeform-Signature', 'base64', 'sha256='),
	'url-secret': inUrl('url-secret'),
	woocommerce: ofBody('woocommerce', 'X-WC-Webhook-Signature', 'base64'),
	zendesk: zendesk(),
	zoom: versioned('zoom', 'x-zm-signature', 'x-zm-request-timestamp', 'v0=', null),
};

/** What a service sends, of the form that it needs. */
export function sampleMessage({ format }: Pick<Signer, 'format'>, changes: Partial<Message> = {}): Message {
	return {
		method: 'POST',
		url: 'https://hooks.example.com/in/9?tenant=7&part=b',
		body: Buffer.from(
			format === 'form'
				? 'AccountSid=AC1&Body=Hello&From=15005550006&To=15005550001'
				: '{"type":"contact.created","data":{"name":"Zoë","n":12}}',
		),
		timestamp: 1_760_000_000_000,
		id: 'msg_2b7cQyAf0',
		...changes,
	};
}
