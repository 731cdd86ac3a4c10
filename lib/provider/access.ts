import { randomBytes } from 'node:crypto';
import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import type { ApiResponse, Exchange, Transport } from '../http/transport';
import type { ProviderCredential } from './provider';
import type { PollResource } from './pull';
import type { PushHalf } from './push';

/** What a provider reads of its credential, and of an answer. */

/** A field of a credential that was left empty may be missing, or null. */
export const optionalText = z
	.string()
	.trim()
	.nullish()
	.transform((value) => value ?? '');

/** A key that travels in a header or a URL: characters that can be printed, and no space. */
export const printable = z
	.string()
	.trim()
	.regex(/^[\x21-\x7e]+$/);

/**
 * Reads the fields of a credential.
 *
 * @param labels of the fields that have to be filled in, as the user sees them
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function readFields<T>(
	service: string,
	schema: z.ZodType<T>,
	data: unknown,
	labels: Readonly<Record<string, string>>,
): T {
	const parsed = schema.safeParse(data);
	if (parsed.success) return parsed.data;
	const field = String(parsed.error.issues[0]?.path[0] ?? '');
	throw new HybridSyncError(
		'configuration',
		`The ${service} credential lacks a usable ${labels[field] ?? field}. Open it and fill it in.`,
	);
}

/** Tries a credential by reading what polling reads. */
export function byReading(
	connect: (credential: unknown, exchange: Exchange) => Transport,
	{ displayName, sample }: Pick<PollResource, 'displayName' | 'sample'>,
): NonNullable<ProviderCredential['test']> {
	return async (credential, exchange) => {
		await connect(credential, exchange).send(sample(1));
		return `The credential works, and can read ${displayName.toLowerCase()}`;
	};
}

/**
 * The secret of a webhook that a user has added by hand, in a field of the credential.
 *
 * @param ask what to say where none is usable
 * @param usable what a usable one looks like; any by default
 * @param propose what to say instead, with one that nobody can guess, where the user chooses it; nothing where the service does
 */
export function ownSecret(
	field: string,
	ask: string,
	usable = /./,
	propose?: (secret: string, url: string) => string,
): Pick<PushHalf, 'secrets' | 'requireSecret'> {
	const secrets = (credential: unknown) => {
		const { [field]: secret } = Object(credential) as Record<string, unknown>;
		return typeof secret === 'string' && usable.test(secret.trim()) ? [secret.trim()] : [];
	};
	return {
		secrets,
		requireSecret(credential, url) {
			if (secrets(credential).length > 0) return;
			if (url !== undefined && propose) throw new HybridSyncError('configuration', propose(proposedSecret(), url));
			throw new HybridSyncError('configuration', `${ask} Without it anybody could send events, so all are refused.`);
		},
	};
}

/** What nobody can guess, of characters that stand in a URL, a header and a form as they are. */
/** Letters and digits alone: a double-click takes all of it. */
const proposedSecret = () => randomBytes(16).toString('hex');

/**
 * Proposes a secret that stands in the URL of a webhook, with the whole of that URL first; short, because the editor shows
 * some 400 characters at once.
 *
 * @param where it is to be entered
 */
export function proposedUrl(url: string, where: string): string {
	const secret = proposedSecret();
	return `${url}?secret=${secret} is the URL to enter at ${where}. Its secret, made at random, belongs in the credential: enter ${secret} as the Webhook Secret, and publish again.`;
}

/**
 * Reads an answer of which nothing can be kept where it is not as documented.
 *
 * @throws HybridSyncError `bad-response`
 */
export function understood<T>(service: string, schema: z.ZodType<T>, { body }: ApiResponse): T {
	const parsed = schema.safeParse(body);
	if (parsed.success) return parsed.data;
	const [issue] = parsed.error.issues;
	throw new HybridSyncError(
		'bad-response',
		`${service} answered with something that is not as documented (${issue?.path.join('.') || 'the whole of it'}). Check the URL in the credential.`,
	);
}
