import type { Exchange } from '../http/transport';
import type { PullHalf } from './pull';
import type { PushHalf } from './push';

/**
 * A service that events come from: what it pushes, what can be polled, and which of the two brings what. It is a description
 * and not a program. Everything that a node shows, asks, checks and answers for a provider comes from here.
 */
export interface Provider {
	/** As it stands in parameters and in the types of events, e.g. `getresponse` in `getresponse.contact_added`. */
	readonly name: string;
	readonly displayName: string;
	/** Shown where the provider is chosen. */
	readonly description?: string;
	/** Kinds of events by the provider's own name. Others pass through unnamed. */
	readonly events: Readonly<Record<string, EventType>>;
	/** Absent where it cannot push. */
	readonly push?: PushHalf;
	/** Absent where it cannot be polled. */
	readonly pull?: PullHalf;
}

/** A kind of event. */
export interface EventType {
	/** The name that the provider's own interface gives it. */
	readonly displayName: string;
	/** Webhooks bring it. */
	readonly push?: true;
	/** The resource by which polling finds it. */
	readonly resource?: string;
	/** It is polled for only where it is chosen by name, and not where nothing is. */
	readonly onlyByName?: true;
	/** What polling for it costs, in words. */
	readonly cost?: string;
	/**
	 * How well polling finds what push has lost, and knows it for the same event:
	 * `exact`, by the provider's own id; `object-and-time`, by the object and its version or time; `approximate`, by the object
	 * within a tolerance; `none`, not at all.
	 */
	readonly backstop: Backstop;
}
export type Backstop = 'exact' | 'object-and-time' | 'approximate' | 'none';

/** A credential type that a half works with. The two halves may share one, or have different ones. */
export interface ProviderCredential {
	/** Name of the n8n credential type. */
	readonly type: string;
	/** Tells it from the others, where a half can do with several, e.g. `OAuth2`. */
	readonly displayName: string;
	/** n8n itself makes the requests, because it refreshes the tokens. */
	readonly isOAuth2?: true;
	/**
	 * Tries the credential; n8n tests OAuth2 ones itself.
	 *
	 * @param credential decrypted
	 * @param exchange makes the requests
	 * @returns what to say of a credential that is all right
	 * @throws HybridSyncError saying what is wrong with it
	 */
	readonly test?: (credential: unknown, exchange: Exchange) => Promise<string>;
}

/** The type of an event as it stands in the event: qualified by the provider, e.g. `getresponse.contact_added`. */
export function qualifiedType(provider: string, type: string): string {
	return `${provider}.${type}`;
}
