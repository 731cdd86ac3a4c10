import type { HttpHeaders } from '../http/headers';
import type { Exchange } from '../http/transport';

/** How the webhooks of a provider are registered by its API, so that nobody has to enter a URL there. */
export interface Subscriptions {
	/**
	 * Who makes up the secret by which webhooks are told from forged ones: `chosen`, we do, so it is derived from the credential
	 * and nothing has to be kept; `shown-once`, the provider does, and shows it once, so it is kept, encrypted.
	 */
	readonly secret: 'chosen' | 'shown-once';
	/**
	 * Which of several webhooks a request says that it is of, where each has a secret of its own: its types, joined by spaces.
	 * Default one secret for all. Only for chosen secrets.
	 */
	secretName?(headers: HttpHeaders): string;
	/** What is said of the choice, where registering is not what most people want; by hand is the default then. */
	readonly choice?: { readonly automatic: string; readonly byHand: string };
	/** The only types that such a webhook brings, by the provider's names. Default all that webhooks bring. */
	readonly types?: readonly string[];
	/** Which URLs the provider calls. Default any. */
	readonly reach?: Reach;
	/**
	 * What only the owner of a credential knows: secrets are derived from it, or encrypted by it.
	 *
	 * @param credential decrypted
	 */
	root(credential: unknown): string;
	/**
	 * Makes ready to register.
	 *
	 * @throws HybridSyncError `configuration` naming what is to be filled in
	 */
	open(use: SubscriptionUse): SubscriptionApi;
}

/** What the provider can call. A URL of a private network can be reached from nowhere else. */
export interface Reach {
	readonly isHttpsOnly?: true;
	/** Default any. */
	readonly ports?: readonly number[];
}

export interface SubscriptionUse {
	/** Decrypted. */
	readonly credential: unknown;
	/** Makes the requests; only to where n8n lets this credential go. */
	readonly exchange: Exchange;
	/** What stands in the fields of the node, by name; nothing where a tick looks after a webhook: it replaces nothing. */
	readonly settings?: Readonly<Record<string, unknown>>;
}

/** Registers the webhooks of one account. */
export interface SubscriptionApi {
	/** Where it is asked: a service on this machine can call a URL of this machine. */
	readonly apiUrl: string;
	/** What it most often means that a webhook is not taken (status 400, 409 or 422), and what to do. Default nothing is known of it. */
	readonly whenRefused?: string;
	/**
	 * Which types of events go together into one webhook at the provider, as it is told them.
	 *
	 * @param types by our names; empty for all that it has
	 * @returns for each webhook its types; none of them for all
	 */
	partsOf(types: readonly string[]): readonly (readonly string[])[];
	/**
	 * The webhooks of the account that carry a mark, a page of them; more of them may be listed.
	 *
	 * @param place of the page, as the one before said; nothing of the first
	 * @throws HybridSyncError as the transport does, naming the right that is missing
	 */
	list(mark: string, place?: string): Promise<RemotePage>;
	/** @throws HybridSyncError as the transport does, naming the right that is missing */
	create(wanted: WantedSubscription): Promise<CreatedSubscription>;
	/** Sets right one that is there, and switches it on. Absent where it has to be made anew. */
	update?(id: string, wanted: WantedSubscription): Promise<unknown>;
	/** @throws HybridSyncError as the transport does; with status 404 where it is not there */
	remove(id: string): Promise<unknown>;
}

/** A webhook as it is to be at the provider. */
export interface WantedSubscription {
	/** Where it is called. */
	readonly url: string;
	/** Tells it from those of others: kept with it at the provider, in letters and digits. */
	readonly mark: string;
	/** For people, with the mark in it: where the provider keeps a text with it, the mark is found again by `markIn`. */
	readonly label: string;
	/** Types of events by the provider's names; empty for all. */
	readonly types: readonly string[];
	/** In letters and digits; nothing where the provider makes it up. */
	readonly secret?: string;
}

export interface RemotePage {
	readonly items: readonly RemoteSubscription[];
	/** By what the next page is asked for; nothing of the last. */
	readonly next?: string | undefined;
}

/** A webhook as the provider has it. */
export interface RemoteSubscription {
	readonly id: string;
	readonly url: string;
	/** Nothing where it carries none of ours. */
	readonly mark: string | undefined;
	readonly types: readonly string[];
	/** Whether the provider sends anything to it. */
	readonly isEnabled: boolean;
}

export interface CreatedSubscription {
	readonly id: string;
	/** Where the provider makes it up. */
	readonly secret?: string;
}

/** The label of a webhook that carries a mark. */
export const webhookLabel = (mark: string) => `Registered by n8n, Hybrid Sync ${mark}`;

/** The mark in a label; nothing where it is none of ours. */
export const markIn = (label: string | null | undefined) =>
	/^Registered by n8n, Hybrid Sync (\w+)$/.exec(label ?? '')?.[1];

/** What registers webhooks with a credential. */
export interface Registrar {
	/** As people know the provider. */
	readonly service: string;
	readonly subscriptions: Subscriptions;
	readonly api: SubscriptionApi;
	/** Decrypted. */
	readonly credential: unknown;
}
