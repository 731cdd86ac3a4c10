import type { IDataObject, IWebhookFunctions } from 'n8n-workflow';
import { LRUCache } from 'lru-cache';
import { HybridSyncError, type PushingProvider, type Receiver, pushApiOf, toLog } from '../../lib';
import { identityOf } from '../ledger/ledger';
import { chosenCredential, readCredential, settingsOf } from '../provider/chosen';
import { toNodeError } from '../workflow/errors';
import { labelOf } from '../workflow/label';
import { nodeOf } from '../workflow/node';
import { isRegistered, secretsOfRegistered } from './subscription';

/** By what requests are told from forged ones, and read. */
export interface Verification {
	readonly provider: Receiver;
	readonly secrets: string[];
	/** Why there is no secret. */
	readonly problem?: string;
	/** Why nobody can be judged for now: whoever it is, is asked to come again. */
	readonly postponed?: string;
	/** It has been registered, and nobody knows its secret any more. */
	readonly isSecretUnknown?: true;
}

/**
 * n8n decrypts a credential in an isolate of its own, which takes longer than all else that a webhook needs. So one that was
 * just read counts for a moment longer; a request that does not fit it is judged by the present one.
 */
const decrypted = new LRUCache<string, IDataObject>({ max: 1_000, ttl: 5_000, ttlResolution: 0 });
/** How old it may be to refuse a request by, in milliseconds: forged ones come in floods. */
const MAX_AGE_TO_REFUSE = 1_000;

/** The verification of a node, from a credential that was read in the last five seconds. */
export async function verificationOf(context: IWebhookFunctions, provider: PushingProvider): Promise<Verification> {
	return await made(context, provider, context.getMode() === 'manual' ? 0 : decrypted.ttl);
}

/** The same from the credential as it is now, or was a second ago. */
export async function renewedVerification(
	context: IWebhookFunctions,
	provider: PushingProvider,
): Promise<Verification> {
	return await made(context, provider, MAX_AGE_TO_REFUSE);
}

/** @param maxAge of what was read before, in milliseconds */
async function credentialOf(
	context: IWebhookFunctions,
	type: string,
	id: string,
	maxAge: number,
): Promise<IDataObject> {
	const { stream, node } = identityOf(context);
	const key = JSON.stringify([stream, node, type, id]);
	const known = decrypted.get(key);
	if (known && decrypted.ttl - decrypted.getRemainingTTL(key) < maxAge) return known;
	const data = await readCredential(context, type);
	decrypted.set(key, data);
	return data;
}

/** Without secrets, where the credential is gone or incomplete: every request is refused then, and the log says why. */
async function made(context: IWebhookFunctions, provider: PushingProvider, maxAge: number): Promise<Verification> {
	const { name, displayName, push } = provider;
	try {
		const { credential, id } = chosenCredential(context, provider, 'push');
		const data = await credentialOf(context, credential.type, id, maxAge);
		const receiver = {
			name,
			displayName,
			push: pushApiOf(push, { credential: data, settings: () => settingsOf(context) }),
		};
		if (isRegistered(context, provider)) {
			const secrets = await registeredSecretsOf(context, provider, data, maxAge);
			if (secrets.length > 0) return { provider: receiver, secrets };
			return { provider: receiver, secrets, postponed: REGISTERED_ANEW, isSecretUnknown: true };
		}
		const secrets = push.secrets(data, Date.now());
		if (secrets.length === 0) push.requireSecret(data);
		return { provider: receiver, secrets };
	} catch (error) {
		const { id, name: node } = nodeOf(context);
		const { message } = toNodeError(nodeOf(context), error);
		const refused = toLog(`${id} ${message}`, Date.now());
		if (refused !== undefined) {
			context.logger.error(`${labelOf(context)} has no usable credential: ${message}`, { node, refused });
		}
		const isAway = error instanceof HybridSyncError && error.code === 'ledger-unavailable';
		return {
			provider: { name, displayName, push: NOBODY },
			secrets: [],
			problem: message,
			...(isAway && { postponed: message }),
		};
	}
}

const REGISTERED_ANEW =
	'the secret of this webhook is not known, so it is registered anew. If this goes on, publish the workflow again';

/** Secrets that the ledger has told, so that webhooks can be verified while it is away. */
const told = new LRUCache<string, { readonly secrets: string[]; readonly at: number }>({ max: 1_000 });

/** @param maxAge of what was read before, in milliseconds */
async function registeredSecretsOf(
	context: IWebhookFunctions,
	provider: PushingProvider,
	credential: IDataObject,
	maxAge: number,
): Promise<string[]> {
	// It is made anew for each request, and costs less than a look at what is kept.
	if (provider.push.subscriptions?.secret === 'chosen') return await secretsOfRegistered(context, provider, credential);
	const { stream, node } = identityOf(context);
	const key = JSON.stringify([
		stream,
		node,
		context.getMode() === 'manual',
		provider.push.subscriptions?.root(credential),
	]);
	const known = told.get(key);
	const age = Date.now() - (known?.at ?? 0);
	if (known && age >= 0 && age < maxAge) return known.secrets;
	const loading = secretsOfRegistered(context, provider, credential);
	// While the ledger is away, what it told before has to do.
	const secrets = known ? await loading.catch(() => known.secrets) : await loading;
	told.set(key, { secrets, at: Date.now() });
	return secrets;
}

/** Whoever asks is refused. */
const NOBODY: Receiver['push'] = {
	scheme: { kind: 'shared-secret', at: { header: ['authorization'] } },
	read() {
		throw new HybridSyncError('configuration', 'There is no usable credential.');
	},
};
