import type { MessageSignatureScheme, SharedSecretScheme, SignatureScheme, SignedScheme } from './scheme';

/** Five minutes, the window of most services. */
const WINDOW = 300;

const inHeader = (...header: string[]) => ({ header });

/** An HMAC-SHA256 of the body in one header. */
function ofBody(
	header: string | readonly string[],
	encoding: 'hex' | 'base64',
	more: { readonly prefix?: string; readonly hash?: 'sha1' } = {},
): SignedScheme {
	const { prefix, hash = 'sha256' } = more;
	return {
		kind: 'signed',
		signature: { at: { header: [header].flat() }, encoding, ...(prefix !== undefined && { prefix }) },
		text: '{body}',
		hash,
		key: 'text',
	};
}

/** An HMAC-SHA256 in hex of the moment of signing and the body, both in one header: `t=…,v1=…`. */
function timed(
	header: string,
	more: {
		readonly toleranceSeconds: number | null;
		readonly separator?: string;
		readonly label?: string;
		readonly timestamp?: string;
		readonly text?: string;
		readonly unit?: 'seconds' | 'milliseconds';
		readonly encoding?: 'hex' | 'base64url';
	},
): SignedScheme {
	const { separator = ',', label = 'v1', timestamp = 't', encoding = 'hex', toleranceSeconds } = more;
	return {
		kind: 'signed',
		signature: { at: inHeader(header), list: { separator, assign: '=', label, timestamp }, encoding },
		timestamp: { unit: more.unit ?? 'seconds', toleranceSeconds },
		text: more.text ?? '{timestamp}.{body}',
		hash: 'sha256',
		key: 'text',
	};
}

/** An HMAC-SHA256 in hex of `v0:<timestamp>:<body>`. */
function versioned(
	header: string,
	timestampHeader: string,
	toleranceSeconds: number | null,
	prefix: string,
): SignedScheme {
	return {
		kind: 'signed',
		signature: { at: inHeader(header), prefix, encoding: 'hex' },
		timestamp: { at: inHeader(timestampHeader), unit: 'seconds', toleranceSeconds },
		text: 'v0:{timestamp}:{body}',
		hash: 'sha256',
		key: 'text',
	};
}

function standardWebhooks(...prefixes: string[]): SignedScheme {
	const headers = (name: string) => ({ header: prefixes.map((prefix) => `${prefix}-${name}`) });
	return {
		kind: 'signed',
		signature: {
			at: headers('signature'),
			list: { separator: ' ', assign: ',', label: 'v1', publicLabel: 'v1a' },
			encoding: 'base64',
		},
		id: headers('id'),
		timestamp: { at: headers('timestamp'), unit: 'seconds', toleranceSeconds: WINDOW },
		text: '{id}.{timestamp}.{body}',
		hash: 'sha256',
		key: 'standard-webhooks',
	};
}

const plainHash = (text: string): SignedScheme => ({
	...ofBody('x-hubspot-signature', 'hex'),
	text,
	mac: 'plain',
});

const urlSecret: SharedSecretScheme = { kind: 'shared-secret', at: { query: 'secret' } };
const bearer: SharedSecretScheme = { kind: 'shared-secret', at: inHeader('authorization'), prefix: 'Bearer ' };
const basic: SharedSecretScheme = {
	kind: 'shared-secret',
	at: inHeader('authorization'),
	prefix: 'Basic ',
	encoding: 'base64',
};
const messageSignature: MessageSignatureScheme = { kind: 'message-signature', covers: [], toleranceSeconds: null };
const atlassian = ofBody('x-hub-signature', 'hex', { prefix: 'sha256=' });

/**
 * The named schemes: a new one is one entry here. Where a service documents no window for its timestamp there is none, because
 * nobody knows whether a retry is signed anew; the ledger stops what comes again.
 */
export const schemes = {
	activecampaign: urlSecret,
	'basic-auth': basic,
	'bearer-token': bearer,
	bitbucket: atlassian,
	'bitbucket-jira': atlassian,
	/** @see https://developers.brevo.com/docs/username-and-password-authentication */
	brevo: bearer,
	/** @see https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures */
	calendly: timed('calendly-webhook-signature', { toleranceSeconds: 180 }),
	/** @see https://docs.customer.io/journeys/webhooks/ */
	'customer-io': versioned('x-cio-signature', 'x-cio-timestamp', null, ''),
	/** GetResponse signs nothing; its documentation has the receiver append a query parameter of its own. */
	getresponse: urlSecret,
	/** @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
	github: ofBody('x-hub-signature-256', 'hex', { prefix: 'sha256=' }),
	'github-sha1': ofBody('x-hub-signature', 'hex', { prefix: 'sha1=', hash: 'sha1' }),
	/** The plainest form in use: hex HMAC-SHA256 of the body. */
	'hmac-sha256': ofBody('x-signature', 'hex'),
	/** @see https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests */
	'hubspot-v1': plainHash('{secret}{body}'),
	'hubspot-v2': plainHash('{secret}{method}{url}{body}'),
	'hubspot-v3': {
		kind: 'signed',
		signature: { at: inHeader('x-hubspot-signature-v3'), encoding: 'base64' },
		timestamp: { at: inHeader('x-hubspot-request-timestamp'), unit: 'milliseconds', toleranceSeconds: WINDOW },
		text: '{method}{url:decoded}{body}{timestamp}',
		hash: 'sha256',
		key: 'text',
	},
	/** @see https://developers.intercom.com/docs/webhooks/setting-up-webhooks */
	intercom: ofBody('x-hub-signature', 'hex', { prefix: 'sha1=', hash: 'sha1' }),
	jira: atlassian,
	/** @see https://developers.klaviyo.com/en/docs/working_with_system_webhooks */
	klaviyo: {
		kind: 'signed',
		signature: { at: inHeader('klaviyo-signature'), encoding: 'hex' },
		timestamp: { at: inHeader('klaviyo-timestamp'), unit: 'http-date', toleranceSeconds: null },
		text: '{body}{timestamp}',
		hash: 'sha256',
		key: 'text',
	},
	/** @see https://docs.lemonsqueezy.com/help/webhooks/signing-requests */
	'lemon-squeezy': ofBody('x-signature', 'hex'),
	/** @see https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/ */
	line: ofBody('x-line-signature', 'base64'),
	/** @see https://linear.app/developers/webhooks */
	linear: {
		...ofBody('linear-signature', 'hex'),
		timestamp: { at: { field: ['webhookTimestamp'] }, unit: 'milliseconds', toleranceSeconds: 60, optional: true },
	},
	/** Of audience webhooks that were created with a signing secret; most are not. */
	mailchimp: timed('x-mailchimp-signature', { toleranceSeconds: WINDOW }),
	'mailchimp-url-secret': urlSecret,
	/** @see https://developers.mailerlite.com/docs/webhooks */
	mailerlite: ofBody('signature', 'hex'),
	'mailerlite-classic': ofBody('x-mailerlite-signature', 'base64'),
	/**
	 * The signature covers a token and not the event.
	 * @see https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
	 */
	mailgun: {
		kind: 'signed',
		signature: { at: { field: ['signature.signature', 'signature'] }, encoding: 'hex' },
		id: { field: ['signature.token', 'token'] },
		timestamp: { at: { field: ['signature.timestamp', 'timestamp'] }, unit: 'seconds', toleranceSeconds: null },
		text: '{timestamp}{id}',
		hash: 'sha256',
		key: 'text',
	},
	/** @see https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/ */
	mandrill: { ...ofBody('x-mandrill-signature', 'base64', { hash: 'sha1' }), text: '{url}{form}' },
	mautic: ofBody('webhook-signature', 'base64'),
	/** @see https://developers.facebook.com/docs/graph-api/webhooks/getting-started */
	meta: { ...ofBody('x-hub-signature-256', 'hex', { prefix: 'sha256=' }), text: ['{body}', '{body:escaped}'] },
	/** @see https://www.mux.com/docs/core/verify-webhook-signatures */
	mux: timed('mux-signature', { toleranceSeconds: WINDOW }),
	/** @see https://developer.paddle.com/webhooks/signature-verification */
	paddle: timed('paddle-signature', {
		separator: ';',
		label: 'h1',
		timestamp: 'ts',
		text: '{timestamp}:{body}',
		toleranceSeconds: 5,
	}),
	/** @see https://developer.pagerduty.com/docs/webhooks/webhook-signatures/ */
	pagerduty: {
		...ofBody('x-pagerduty-signature', 'hex'),
		signature: {
			at: inHeader('x-pagerduty-signature'),
			list: { separator: ',', assign: '=', label: 'v1' },
			encoding: 'hex',
		},
	},
	postmark: basic,
	/** @see https://razorpay.com/docs/webhooks/validate-test/ */
	razorpay: ofBody('x-razorpay-signature', 'hex'),
	rfc9421: messageSignature,
	/** @see https://www.sanity.io/docs/webhooks */
	sanity: timed('sanity-webhook-signature', {
		toleranceSeconds: null,
		unit: 'milliseconds',
		encoding: 'base64url',
	}),
	/** @see https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features */
	sendgrid: {
		kind: 'signed',
		signature: { at: inHeader('x-twilio-email-event-webhook-signature'), encoding: 'base64' },
		timestamp: { at: inHeader('x-twilio-email-event-webhook-timestamp'), unit: 'seconds', toleranceSeconds: null },
		text: '{timestamp}{body}',
		hash: 'sha256',
		key: 'public',
	},
	/** @see https://shopify.dev/docs/apps/build/webhooks/subscribe/https */
	shopify: ofBody(['x-shopify-hmac-sha256', 'shopify-hmac-sha256'], 'base64'),
	/** @see https://docs.slack.dev/authentication/verifying-requests-from-slack */
	slack: versioned('x-slack-signature', 'x-slack-request-timestamp', WINDOW, 'v0='),
	/** @see https://developer.squareup.com/docs/webhooks/step3validate */
	square: { ...ofBody('x-square-hmacsha256-signature', 'base64'), text: '{url}{body}' },
	/** @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
	'standard-webhooks': standardWebhooks('webhook'),
	/** @see https://docs.stripe.com/webhooks/signature */
	stripe: timed('stripe-signature', { toleranceSeconds: WINDOW }),
	svix: standardWebhooks('svix', 'webhook'),
	/** @see https://www.twilio.com/docs/usage/webhooks/webhooks-security */
	twilio: {
		...ofBody('x-twilio-signature', 'base64', { hash: 'sha1' }),
		text: '{url}{form}',
		looseUrl: true,
		bodyHash: { query: 'bodySHA256', text: '{url}' },
	},
	/** @see https://www.typeform.com/developers/webhooks/secure-your-webhooks/ */
	typeform: ofBody('typeform-signature', 'base64', { prefix: 'sha256=' }),
	'url-secret': urlSecret,
	/** @see https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks */
	woocommerce: ofBody('x-wc-webhook-signature', 'base64'),
	/** @see https://developer.zendesk.com/documentation/webhooks/verifying/ */
	zendesk: {
		kind: 'signed',
		signature: { at: inHeader('x-zendesk-webhook-signature'), encoding: 'base64' },
		timestamp: { at: inHeader('x-zendesk-webhook-signature-timestamp'), unit: 'iso', toleranceSeconds: null },
		text: '{timestamp}{body}',
		hash: 'sha256',
		key: 'text',
	},
	/** @see https://developers.zoom.us/docs/api/webhooks/ */
	zoom: versioned('x-zm-signature', 'x-zm-request-timestamp', null, 'v0='),
} as const satisfies Readonly<Record<string, SignatureScheme>>;

export type SchemeName = keyof typeof schemes;

export function schemeByName(name: string): SignatureScheme | undefined {
	return Object.hasOwn(schemes, name) ? schemes[name as SchemeName] : undefined;
}
