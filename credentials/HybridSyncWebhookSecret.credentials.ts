import type { ICredentialType, INodeProperties, Icon } from 'n8n-workflow';
import { type SecretKind, services } from '../lib';

const all = Object.entries(services).map(([name, service]) => ({ name, ...service }));
const withSecret = (...kinds: SecretKind[]) =>
	all.flatMap(({ name, secret }) => (kinds.includes(secret) ? [name] : []));
const showFor = (...names: string[]) => ({ show: { service: names } });
const SIGNING_URL = ['custom', 'hubspotV2', 'hubspotV3', 'mandrill', 'rfc9421', 'square', 'twilio'];
const PUBLIC_ALGORITHMS = ['ecdsa', 'ed25519'];

export class HybridSyncWebhookSecret implements ICredentialType {
	name = 'hybridSyncWebhookSecret';

	displayName = 'Hybrid Sync Webhook Secret';

	icon: Icon = { light: 'file:webhook.svg', dark: 'file:webhook.dark.svg' };

	documentationUrl = 'https://www.npmjs.com/package/n8n-nodes-hybrid-sync';

	/** It proves who calls, and is sent nowhere. */
	restrictToSupportedNodes = true as const;

	/** None that n8n would make by itself: the nodes look whether the secret has the form that the service's have. */
	declare test?: never;

	properties: INodeProperties[] = [
		{
			displayName: 'Service',
			name: 'service',
			type: 'options',
			options: all
				.map(({ name: value, displayName: name, find: description }) => ({ name, value, description }))
				.sort((a, b) => (a.name < b.name ? -1 : 1)),
			default: 'standardWebhooks',
			description: 'Choose the one that sends the webhooks. The list says where to find its secret.',
		},
		{
			displayName: 'Signing Secret',
			name: 'secret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: {
				show: { service: withSecret('secret', 'standard-webhooks') },
			},
			description: 'Copy it whole from the service. It is not the API key.',
		},
		{
			displayName: 'Secret in the URL',
			name: 'secret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: showFor(...withSecret('url-secret')),
			description:
				'Make up at least 16 letters and digits that nobody can guess, and append them to the webhook URL as ?secret=…',
		},
		{
			displayName: 'Header Name',
			name: 'headerName',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. X-Webhook-Token',
			displayOptions: showFor(...withSecret('header')),
			description: 'The header in which the service sends the secret',
		},
		{
			displayName: 'Token',
			name: 'secret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: showFor(...withSecret('bearer', 'header')),
			description: 'Enter the same text here and at the service: at least 8 letters and digits that nobody can guess',
		},
		{
			displayName: 'User',
			name: 'user',
			type: 'string',
			default: '',
			required: true,
			displayOptions: showFor(...withSecret('basic')),
			description: 'The same as at the service',
		},
		{
			displayName: 'Password',
			name: 'password',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: showFor(...withSecret('basic')),
			description: 'The same as at the service',
		},
		{
			displayName: 'Verify Token',
			name: 'verifyToken',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: showFor('meta'),
			description: 'Make up at least 8 letters and digits, and enter the same at the service beside the callback URL',
		},
		{
			displayName: 'Algorithm',
			name: 'algorithm',
			type: 'options',
			options: [
				{ name: 'ECDSA with SHA-256', value: 'ecdsa' },
				{ name: 'Ed25519', value: 'ed25519' },
				{ name: 'HMAC-SHA1', value: 'hmac-sha1' },
				{ name: 'HMAC-SHA256', value: 'hmac-sha256' },
				{ name: 'HMAC-SHA512', value: 'hmac-sha512' },
			],
			default: 'hmac-sha256',
			displayOptions: showFor('custom'),
			description: 'How the service signs. Its documentation says so; most use HMAC-SHA256.',
		},
		{
			displayName: 'Signing Secret',
			name: 'secret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			displayOptions: { show: { service: ['custom'] }, hide: { algorithm: PUBLIC_ALGORITHMS } },
			description: 'Copy it whole from the service. It is not the API key.',
		},
		{
			displayName: 'Public Key',
			name: 'publicKey',
			type: 'string',
			typeOptions: { rows: 4 },
			default: '',
			displayOptions: showFor(...withSecret('public-key', 'message-key')),
			description: 'As the service shows it: PEM, JWK or base64',
		},
		{
			displayName: 'Or Shared Secret',
			name: 'secret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			displayOptions: { show: { service: withSecret('message-key'), publicKey: [''] } },
			description: 'Instead of a public key, if the service gave you a shared secret. In base64.',
		},
		{
			displayName: 'Public Key',
			name: 'publicKey',
			type: 'string',
			typeOptions: { rows: 4 },
			default: '',
			required: true,
			displayOptions: { show: { service: ['custom'], algorithm: PUBLIC_ALGORITHMS } },
			description: 'As the service shows it: PEM, JWK or base64',
		},
		{
			displayName: 'Secret Format',
			name: 'format',
			type: 'options',
			options: [
				{ name: 'Base64', value: 'base64' },
				{ name: 'Hex', value: 'hex' },
				{ name: 'Text', value: 'text', description: 'Used as it is' },
			],
			default: 'text',
			displayOptions: { show: { service: ['custom'] }, hide: { algorithm: PUBLIC_ALGORITHMS } },
			description: 'How the secret is written',
		},
		{
			displayName: 'Signature Header',
			name: 'signatureHeader',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'e.g. X-Signature',
			displayOptions: showFor('custom'),
			description: 'The header that holds the signature',
		},
		{
			displayName: 'Signature Prefix',
			name: 'signaturePrefix',
			type: 'string',
			default: '',
			placeholder: 'e.g. sha256=',
			displayOptions: showFor('custom'),
			description: 'The text before the signature in the header, if there is any',
		},
		{
			displayName: 'Signature Encoding',
			name: 'encoding',
			type: 'options',
			options: [
				{ name: 'Base32', value: 'base32' },
				{ name: 'Base64', value: 'base64', description: 'Letters of both cases, digits, + and /, often = at the end' },
				{ name: 'Base64 URL', value: 'base64url', description: 'With - and _, without = at the end' },
				{ name: 'Hex', value: 'hex', description: 'Digits and the letters a to f' },
				{ name: 'Hex in Upper Case', value: 'hex-upper', description: 'Digits and the letters A to F' },
			],
			default: 'hex',
			displayOptions: showFor('custom'),
			description: 'How the signature is written',
		},
		{
			displayName: 'Signed Text',
			name: 'signedText',
			type: 'string',
			default: '{body}',
			placeholder: 'e.g. {timestamp}.{body}',
			displayOptions: showFor('custom'),
			description:
				'The text that the service signs. Placeholders: {body}, {timestamp} and {id} as in the headers below, {method}, {url}, {path}, {header:NAME}, {query:NAME}, {field:PATH} of the body.',
		},
		{
			displayName: 'Timestamp Header',
			name: 'timestampHeader',
			type: 'string',
			default: '',
			placeholder: 'e.g. X-Timestamp',
			displayOptions: showFor('custom'),
			description: 'The header with the time of signing, if Signed Text contains {timestamp}',
		},
		{
			displayName: 'Timestamp Unit',
			name: 'timestampUnit',
			type: 'options',
			options: [
				{ name: 'HTTP Date', value: 'http-date', description: 'Like Thu, 04 Jan 2024 18:05:25 GMT' },
				{ name: 'ISO 8601', value: 'iso', description: 'Like 2024-01-04T18:05:25Z' },
				{ name: 'Unix Time in Milliseconds', value: 'milliseconds' },
				{ name: 'Unix Time in Seconds', value: 'seconds' },
			],
			default: 'seconds',
			displayOptions: { show: { service: ['custom'] }, hide: { timestampHeader: [''] } },
			description: 'How the time is written',
		},
		{
			displayName: 'ID Header',
			name: 'idHeader',
			type: 'string',
			default: '',
			placeholder: 'e.g. X-Webhook-ID',
			displayOptions: showFor('custom'),
			description: 'The header with the ID of the event, if Signed Text contains {id}',
		},
		{
			displayName: 'Allow SHA-1',
			name: 'allowSha1',
			type: 'boolean',
			default: false,
			displayOptions: showFor('github'),
			description:
				'Whether to accept requests that are signed with SHA-1 only, as old versions of GitHub Enterprise Server do',
		},
		{
			displayName: 'Webhook URL',
			name: 'webhookUrl',
			type: 'string',
			default: '',
			placeholder: 'e.g. https://hooks.example.com/webhook/…',
			displayOptions: showFor(...SIGNING_URL),
			description:
				'The webhook address exactly as you entered it at the service. Leave it empty if it is the one that n8n shows.',
		},
		{
			displayName: 'Tolerance (Seconds)',
			name: 'toleranceSeconds',
			type: 'number',
			typeOptions: { minValue: -1, maxValue: 86_400 },
			default: -1,
			displayOptions: { hide: { service: withSecret('url-secret', 'basic', 'bearer', 'header') } },
			description:
				'How old a webhook may be, for services that sign the time. -1: as the service recommends. 0: any age.',
		},
		{
			displayName: 'Previous Secret',
			name: 'previousSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Accept this secret too, while you change it at the service. With Basic Auth: user:password.',
		},
		{
			displayName: 'Previous Secret Valid Until',
			name: 'previousValidUntil',
			type: 'dateTime',
			default: '',
			description:
				'Stop accepting the previous secret at this time (UTC unless a time zone is given). Leave it empty to accept it until you remove it.',
		},
	];
}
