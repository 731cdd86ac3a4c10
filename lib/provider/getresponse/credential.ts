import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { parseTime } from '../../base/time';
import { optionalText, printable, proposedUrl, readFields } from '../access';

/**
 * The part of the credential that the API needs. The regions are separate installations with accounts of their own; MAX
 * ones serve many customers under one host and are told which by `X-Domain`.
 */
const access = z
	.object({
		authentication: z.enum(['apiKey', 'oAuth2']).default('apiKey'),
		apiKey: optionalText,
		clientId: optionalText,
		clientSecret: optionalText,
		region: z.enum(['getresponse', 'max-us', 'max-pl', 'custom']),
		domain: optionalText,
		apiUrl: optionalText,
		parentLogin: optionalText,
	})
	.check(({ value, issues }) => {
		const needed = value.authentication === 'apiKey' ? (['apiKey'] as const) : (['clientId', 'clientSecret'] as const);
		const missing = needed.find((name) => !printable.safeParse(value[name]).success);
		if (missing) issues.push({ code: 'custom', path: [missing], input: value[missing], message: 'missing' });
	});

/** The part that webhooks need. */
const secrets = z.object({
	webhookSecret: optionalText,
	previousWebhookSecret: optionalText,
	previousValidUntil: optionalText,
});

const LABELS = { apiKey: 'API Key', clientId: 'Client ID', clientSecret: 'Client Secret', region: 'Region' };

/** API base URL by region. */
export const HOSTS = {
	getresponse: 'https://api.getresponse.com/v3',
	'max-us': 'https://api3.getresponse360.com/v3',
	'max-pl': 'https://api3.getresponse360.pl/v3',
} as const;

/** Long enough not to be guessed, and of characters that stand in a URL as they are. */
const USABLE_SECRET = /^[A-Za-z0-9._~-]{16,}$/;

/** Where requests with this credential go, and what they carry. */
export interface GetResponseAccess {
	readonly baseUrl: string;
	readonly headers: Readonly<Record<string, string>>;
	/** Of an application that fetches tokens; nothing where a key stands in the headers. */
	readonly client?: { readonly clientId: string; readonly clientSecret: string };
}

/**
 * @param data the decrypted credential
 * @throws HybridSyncError `configuration` naming the field to fill
 */
export function accessOf(data: unknown): GetResponseAccess {
	const { authentication, apiKey, clientId, clientSecret, ...where } = readFields('GetResponse', access, data, LABELS);
	const { region, domain, apiUrl, parentLogin } = where;
	const max = region === 'max-us' || region === 'max-pl';
	if (max && domain === '') {
		throw new HybridSyncError(
			'configuration',
			'A GetResponse MAX account needs its domain. Enter it in the credential, without https://.',
		);
	}
	const isClient = authentication === 'oAuth2';
	return {
		baseUrl: region === 'custom' ? apiUrl : HOSTS[region],
		headers: {
			...(!isClient && { 'X-Auth-Token': `api-key ${apiKey}` }),
			...((max || region === 'custom') && domain !== '' && { 'X-Domain': domain }),
			...(parentLogin !== '' && { 'X-Parent-Login': parentLogin }),
		},
		...(isClient && { client: { clientId, clientSecret } }),
	};
}

/** What only the owner of the credential knows. */
export function rootOf(data: unknown): string {
	const { authentication, apiKey, clientSecret } = readFields('GetResponse', access, data, LABELS);
	return authentication === 'apiKey' ? apiKey : clientSecret;
}

export function webhookSecrets(data: unknown, now: number): string[] {
	const { webhookSecret, previousWebhookSecret, previousValidUntil } = readFields('GetResponse', secrets, data, LABELS);
	const until = previousValidUntil === '' ? Infinity : (parseTime(previousValidUntil) ?? 0);
	return [webhookSecret, now < until ? previousWebhookSecret : ''].filter((secret) => USABLE_SECRET.test(secret));
}

/** @param url of the webhook, where its owner is told */
export function requireWebhookSecret(data: unknown, url?: string): void {
	if (USABLE_SECRET.test(readFields('GetResponse', secrets, data, LABELS).webhookSecret)) return;
	throw new HybridSyncError(
		'configuration',
		url === undefined
			? 'The GetResponse credential of the trigger needs a Webhook Secret of at least 16 letters and digits. Without it anybody could send events, so all are refused. Publish the workflow to be given one.'
			: `${proposedUrl(url, 'GetResponse under Integrations and API, API, Webhooks')} The credential has none yet, or one of less than 16 letters and digits.`,
	);
}
