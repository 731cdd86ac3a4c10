import type { ProviderEvent } from '../event/event';
import type { HttpHeaders } from '../http/headers';
import type { ApiRequest, ApiResponse, Transport } from '../http/transport';
import type { SignatureScheme } from '../signature/schemes';

/** An authentic request, its body parsed. */
export interface Push {
	readonly headers: HttpHeaders;
	readonly body: unknown;
	/** When it reached us, in milliseconds since the epoch. */
	readonly receivedAt: number;
}

/** Something authentic that cannot be read as an event. */
export interface Unreadable {
	readonly key: string;
	readonly data: unknown;
	readonly reason: string;
	/** HTTP status for its sender. Default 422. */
	readonly status?: number;
}

export interface ParsedPush {
	readonly events: readonly ProviderEvent[];
	readonly unreadable: readonly Unreadable[];
	/** The provider's id of this request, for logs. */
	readonly requestId?: string;
}

/** Where one reading of a window stands. */
export interface PageRequest {
	/** Rows from this time on, inclusive; milliseconds since the epoch. */
	readonly from: number;
	/** From 1. */
	readonly page: number;
	readonly pageSize: number;
}

/** One row of a resource, made ready for the ledger. */
export interface PolledRow {
	/** Its place on the cursor, in milliseconds since the epoch. */
	readonly position: number;
	readonly event: ProviderEvent;
}

/** What was read of a page. */
export interface Page {
	readonly rows: readonly PolledRow[];
	/** Rows that are not as documented; kept as dead letters, so that one of them does not stop the others. */
	readonly unreadable: readonly Unreadable[];
	/** Nothing comes after it. */
	readonly last: boolean;
	/** Rows of the whole window, where the provider counts them. */
	readonly total?: number;
	/** The server's clock, in milliseconds since the epoch. */
	readonly date?: number;
}

/** Something that can be polled: rows in ascending order of a time. */
export interface PollResource {
	readonly name: string;
	readonly displayName: string;
	readonly pageSize: number;
	request(page: PageRequest): ApiRequest;
	/** The newest few rows, for showing a user what the data looks like. */
	sample(limit: number): ApiRequest;
	/** @throws HybridSyncError `bad-response` where nothing on the page is as documented */
	read(response: ApiResponse, account: string): Page;
}

export interface Provider {
	readonly name: string;
	readonly displayName: string;
	readonly signature: SignatureScheme;
	/** What tells the provider that its delivery succeeded; sent for new, repeated and filtered events alike. */
	readonly success: { readonly status: number; readonly contentType: string; readonly body: string };
	/** Event types by the provider's own name, with the name its users know. */
	readonly eventTypes: Readonly<Record<string, string>>;
	readonly resources: Readonly<Record<string, PollResource>>;
	parsePush(push: Push): ParsedPush;
	/**
	 * A transport to the account's own API.
	 *
	 * @param credential the decrypted credential
	 * @throws HybridSyncError `configuration` naming the field to fill
	 */
	transport(credential: unknown): Transport;
	/**
	 * The webhook secrets to accept at a moment, the current one first; none where none is usable, and every request is
	 * refused then.
	 */
	webhookSecrets(credential: unknown, now: number): string[];
	/**
	 * Checks before a webhook goes live that it can be told from a forged one.
	 *
	 * @throws HybridSyncError `configuration`
	 */
	requireWebhookSecret(credential: unknown): void;
	/** The id of the account a credential belongs to. */
	account(transport: Transport): Promise<{ id: string }>;
}
