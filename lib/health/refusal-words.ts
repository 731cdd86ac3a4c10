import { formatTime } from '../base/time';
import type { Refusal } from '../push/receive';
import type { LabelSum } from './metrics';

/** Why a request was refused, for a person who has never heard of signatures. */
export interface RefusalWords {
	readonly what: string;
	/** What to look at; empty where there is nothing. */
	readonly todo: string;
}

const WORDS: Readonly<Record<Refusal, RefusalWords>> = {
	'unknown-scheme': {
		what: 'It is not clear how the service signs its webhooks',
		todo: 'Open the credential, and choose the service again. With Other: Signed (Custom), check "Signed Text".',
	},
	'no-secret': {
		what: 'No usable secret is set, so nobody is believed',
		todo: 'Open the credential of the trigger, enter the secret and press Save: the test there says whether it can be right.',
	},
	'unusable-secret': {
		what: 'The secret does not have the form that this service’s secrets have',
		todo: 'Open the credential of the trigger and press Save: the test there says what is wrong with the secret.',
	},
	'missing-signature': {
		what: 'The request carries no signature',
		todo: 'Is the service in the credential the one that sent it? Is a secret entered at the service, so that it signs? With a secret in the URL: is ?secret=… at the end of the URL that the service calls? A proxy in between may take headers away.',
	},
	'malformed-signature': {
		what: 'There is a signature, but not written as this service writes it',
		todo: 'Is the service in the credential the one that sent it? For a secret in the URL: does it stand there once?',
	},
	'missing-timestamp': {
		what: 'The signature is there, but not the time of signing that belongs to it',
		todo: 'Is the service in the credential the one that sent it? A proxy in between may take headers away.',
	},
	'malformed-timestamp': {
		what: 'The time of signing is not written as this service writes it',
		todo: 'Is the service in the credential the one that sent it? With Other: Signed (Custom), check "Timestamp Unit".',
	},
	'timestamp-too-old': {
		what: 'The signature is right, but it was made too long ago',
		todo: 'Have the service send a new event, not the same request again. If new ones are refused too, the clock of this server is ahead: set it by NTP. Tolerance in the credential says how old a signature may be.',
	},
	'timestamp-in-future': {
		what: 'The signature is right, but its time has not come yet',
		todo: 'The clock of this server is behind, or that of the service ahead: set it by NTP.',
	},
	'missing-signed-part': {
		what: 'Something is missing that the signature covers',
		todo: 'If the service signs the URL, n8n has to know its own: set N8N_WEBHOOK_URL, or enter the Webhook URL in the credential.',
	},
	'not-covered': {
		what: 'The signature does not cover the body, so anybody could have changed it',
		todo: 'Have the service sign content-digest.',
	},
	'body-changed': {
		what: 'The signature is right, but the body is not the one that was signed',
		todo: 'Is something between the service and n8n rewriting it, such as a proxy, a firewall or an automation tool?',
	},
	mismatch: {
		what: 'The signature, or the secret in the URL, does not match the secret in the credential',
		todo: 'Most often the secret is another one: copy it again, whole, and for this very webhook (services have one for each, and others for tests). If it is the right one, the request was changed on the way: is something between the service and n8n rewriting it? Where the service signs the URL, it has to be exactly the one that was entered there.',
	},
	'verify-token': {
		what: 'The service asks for this URL to be confirmed, and the token that it sends is not the Verify Token',
		todo: 'Enter the same Verify Token in the credential of the trigger and beside the callback URL at the service.',
	},
	address: {
		what: 'It comes from an address that is not allowed',
		todo: 'Add the address under Allowed IP Addresses, or remove the option. Behind a proxy, set N8N_PROXY_HOPS to the number of proxies in front of n8n.',
	},
	body: { what: 'The body was cut off or came too slowly', todo: 'Have the service send it again.' },
	'too-large': { what: 'The body is larger than 10 MiB', todo: 'Have the service send fewer events at once.' },
	postponed: { what: 'It could not be looked at yet', todo: 'Have the service send it again in a moment.' },
	'not-stored': { what: 'It is authentic, but it could not be taken', todo: '' },
};

/** @param reason as it is counted */
export function refusalWords(reason: string): RefusalWords {
	const known = Object.entries(WORDS).find(([name]) => name === reason)?.[1];
	return known ?? { what: `The request was refused (${reason})`, todo: '' };
}

/** Requests that were refused for one reason. */
export interface Refused {
	readonly reason: string;
	readonly count: number;
	readonly lastTime: string;
	/** In words, and what to do. */
	readonly what: string;
	readonly todo: string;
}

export function refusedOf({ label, count, lastAt }: LabelSum): Refused {
	return { reason: label, count, lastTime: formatTime(lastAt), ...refusalWords(label) };
}
