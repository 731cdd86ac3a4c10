import type { DeadLetter } from '../event/dead-letter';
import type { ProviderEvent } from '../event/event';
import type { HttpHeaders } from '../http/headers';
import type { SignatureScheme } from '../signature/scheme';
import type { ProviderCredential } from './provider';

/** The half of a provider that sends webhooks. */
export interface PushHalf {
	/** Each of them holds the secrets by which requests are told from forged ones. */
	readonly credentials: readonly ProviderCredential[];
	/** How requests prove that they are from the provider. */
	readonly scheme: SignatureScheme;
	readonly answers: {
		/** What tells the provider that its delivery succeeded; sent for new, repeated and filtered events alike. */
		readonly success: { readonly status: number; readonly contentType: string; readonly body: string };
	};
	/** What a user has to do at the provider so that webhooks come; shown in the node. */
	readonly setup: string;
	/**
	 * The secrets to accept at a moment, the current one first; none where none is usable, and every request is refused then.
	 *
	 * @param credential decrypted
	 * @param now in milliseconds since the epoch
	 */
	secrets(credential: unknown, now: number): string[];
	/**
	 * Checks before a webhook goes live that it can be told from a forged one.
	 *
	 * @throws HybridSyncError `configuration`
	 */
	requireSecret(credential: unknown): void;
	/** Reads an authentic request. */
	read(push: Push): ReadPush;
}

/** An authentic request, its body parsed. */
export interface Push {
	readonly headers: HttpHeaders;
	readonly body: unknown;
	/** When it reached us, in milliseconds since the epoch. */
	readonly receivedAt: number;
	/** Identifies the credential whose secret the request proved: its keys are told apart by it. */
	readonly sender: string;
}

/** What was found in a request. */
export interface ReadPush {
	readonly events: readonly ProviderEvent[];
	readonly deadLetters: readonly RefusedLetter[];
	/** The provider's id of this request, for logs. */
	readonly requestId?: string;
}

/** A dead letter whose sender is told of it, where nothing else came with it. */
export interface RefusedLetter extends DeadLetter {
	/** HTTP status. Default 422. */
	readonly status?: number;
}
