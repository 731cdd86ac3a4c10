import { hashOf } from '../base/hash';
import type { DeadLetter } from '../event/dead-letter';
import type { ProviderEvent } from '../event/event';
import { composeKey } from '../event/key';
import type { HttpHeaders } from '../http/headers';
import type { SignatureScheme } from '../signature/scheme';
import type { Field } from './field';
import type { Provider, ProviderCredential } from './provider';
import type { Subscriptions } from './subscription';

/** The half of a provider that sends webhooks: always the same, or as the user describes it. */
export type PushHalf = PushBase & (PushApi | DescribedPush);

interface PushBase {
	/** Each of them holds the secrets by which requests are told from forged ones. */
	readonly credentials: readonly ProviderCredential[];
	/** Fields in which a user describes what an event is, and those of them that few will need. */
	readonly fields?: readonly Field[];
	readonly options?: readonly Field[];
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
	 * @param url of the webhook, where it is its owner who is told: a secret is proposed then, so that nobody makes one up
	 * @throws HybridSyncError `configuration`
	 */
	requireSecret(credential: unknown, url?: string): void;
	/**
	 * Checks before a webhook goes live that the fields can be understood. Absent where there are none.
	 *
	 * @throws HybridSyncError `configuration`
	 */
	requireFields?(settings: PushSettings): void;
	/** Whether polling may find the same events, as the fields say. Default they do where it can be polled. */
	joins?(settings: PushSettings): boolean;
	/** Registers its webhooks by the provider's API. Absent where a user has to do it. */
	readonly subscriptions?: Subscriptions;
}

interface DescribedPush {
	/**
	 * Makes ready to receive.
	 *
	 * @throws HybridSyncError `configuration` naming what is to be filled in
	 */
	open(use: PushUse): PushApi;
}

/** With what webhooks are to be received. */
export interface PushUse {
	/** Decrypted. */
	readonly credential: unknown;
	/** What stands in the fields of the provider, by name. Asked for once a request is known to be authentic. */
	readonly settings: () => PushSettings;
}

/** By the name of the field. */
export type PushSettings = Readonly<Record<string, unknown>>;

/** A sender whose requests can be told from forged ones, read and answered. */
export interface PushApi {
	/** How requests prove that they are from the provider. */
	readonly scheme: SignatureScheme;
	/** How old, or how far in the future, a signed moment may be, in seconds; null for no limit. Default that of the scheme. */
	readonly toleranceSeconds?: number | null;
	/** The URL that the provider was given, where it signs it and n8n shows another. */
	readonly url?: string;
	/**
	 * What tells the provider that its delivery succeeded; sent for new, repeated, filtered and unreadable events alike. Default
	 * 200 and `OK`.
	 */
	readonly success?: PushAnswer;
	/** What makes it send again what could not be stored. Default 429, which all that try again heed. */
	readonly comeAgainStatus?: number;
	/** Whether a POST that proves nothing is only a look at whether somebody answers. */
	isProbe?(body: Uint8Array): boolean;
	/** Whether a GET brings an event in its query: it has to prove itself, and is read, like a POST with a form. */
	bringsByGet?(query: URLSearchParams): boolean;
	/** Answers a GET that asks for something; nothing where it is only a look at whether somebody answers. */
	greet?(query: URLSearchParams): PushAnswer | undefined;
	/** Answers an authentic POST that asks for something and brings no event; nothing where it brings some. */
	handshake?(push: Push, secrets: readonly string[]): PushAnswer | undefined;
	/**
	 * Reads an authentic request.
	 *
	 * @throws HybridSyncError `configuration` where a field cannot be understood: the sender is asked to come again
	 */
	read(push: Push): ReadPush;
	/** Lets an event in that was read. Absent where nothing but its type decides. */
	lets?(event: ProviderEvent): boolean;
	/** What is not let in is remembered all the same, because what proves it could prove another event. */
	readonly keepsFiltered?: boolean;
}

/** Events in one request; five times the largest batch that is documented. */
export const MAX_BATCH = 5_000;

/** What is sent back, but for what the protocol adds. */
export interface PushAnswer {
	readonly status: number;
	readonly contentType: string;
	readonly body: string;
}

/** An authentic request, its body parsed. */
export interface Push {
	readonly headers: HttpHeaders;
	readonly query: URLSearchParams;
	/** It came by a GET, and its query is what it brings. */
	readonly isGet?: true;
	/** Of JSON what it says; of a form its fields; else the text. */
	readonly body: unknown;
	/** When it reached us, in milliseconds since the epoch. */
	readonly receivedAt: number;
	/** Identifies the credential whose secret the request proved: its keys are told apart by it. */
	readonly sender: string;
	/** Hash of what the signature covers: the same whatever else of a captured request is changed. Nothing where a shared secret is all that proves it. */
	readonly signed: () => string | undefined;
}

/** What was found in a request. */
export interface ReadPush {
	readonly events: readonly ProviderEvent[];
	readonly deadLetters: readonly DeadLetter[];
	/** The provider's id of this request, for logs. */
	readonly requestId?: string;
}

/**
 * What was found in a request that brings one event.
 *
 * @param read the event, or the reason in words where it cannot be read
 */
export function oneEvent({ body, sender }: Push, provider: string, read: ProviderEvent | string): ReadPush {
	if (typeof read !== 'string') return { events: [read], deadLetters: [] };
	const key = composeKey('push', provider, sender, '', hashOf(body));
	return { events: [], deadLetters: [{ key, data: body, reason: read }] };
}

/** A provider that has the half which pushes. */
export type PushingProvider = Provider & { readonly push: PushHalf };

/** What receives the webhooks of a provider with a credential and as its fields say. */
export function pushApiOf(half: PushHalf, use: PushUse): PushApi {
	return 'open' in half ? half.open(use) : half;
}
