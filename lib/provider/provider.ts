import type { HybridSyncError } from '../base/errors';
import type { ProviderEvent } from '../event/event';
import type { HttpHeaders } from '../http/headers';
import type { ApiRequest, ApiResponse, Exchange, Transport } from '../http/transport';
import type { SignatureScheme } from '../signature/schemes';

/** An authentic request, its body parsed. */
export interface Push {
	readonly headers: HttpHeaders;
	readonly body: unknown;
	/** When it reached us, in milliseconds since the epoch. */
	readonly receivedAt: number;
	/** Identifies the credential whose secret the request proved: its keys are told apart by it. */
	readonly sender: string;
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

/** The place of a page in a window. */
export interface PageRequest {
	/** Rows from this position on, inclusive. */
	readonly from: number;
	/** From 1, and how many rows came before; both since `from` last moved. */
	readonly page: number;
	readonly offset: number;
	/** Where the provider said that this page is: a token, or a URL. */
	readonly next?: string;
	readonly pageSize: number;
}

/** One row of a resource, made ready for the ledger. */
export interface PolledRow {
	/** Its place on the cursor: milliseconds since the epoch, or a whole number. */
	readonly position: number;
	readonly event: ProviderEvent;
}

/** What was read of a page. */
export interface Page {
	readonly rows: readonly PolledRow[];
	/** Rows that are not as documented; kept as dead letters, so that one of them does not stop the others. */
	readonly unreadable: readonly Unreadable[];
	/** None of its rows can be read, and why: an error where nothing has been read before. */
	readonly unusable?: HybridSyncError;
	/** Rows that the page had, readable or not. */
	readonly size: number;
	/** Whether nothing comes after it, where the provider says so. */
	readonly last?: boolean;
	/** Where the provider says that the next page is: a token, or a URL. */
	readonly next?: string;
	/** Rows of the whole window, where the provider counts them. */
	readonly total?: number;
	/** The server's clock, in milliseconds since the epoch. */
	readonly date?: number;
	/** With what to ask whether anything has changed since, and the request that it belongs to. */
	readonly validators?: {
		readonly request: string;
		readonly etag?: string | undefined;
		readonly modified?: string | undefined;
	};
}

/** Something that can be polled. */
export interface PollResource {
	readonly name: string;
	readonly displayName: string;
	/** A user has described it: what was understood is shown with the first rows. */
	readonly described?: true;
	/** What positions are: times, whole numbers that grow, or nothing, where a row is known by its id alone. */
	readonly unit: 'time' | 'number' | 'none';
	/** In which order rows come, by their position. */
	readonly order: 'ascending' | 'descending' | 'none';
	/** The finest step of the API's filter "from this position on"; absent where it has none, and all rows come each time. */
	readonly step?: number;
	readonly pageSize: number;
	request(page: PageRequest): ApiRequest;
	/** The newest few rows, or where they cannot be asked for its first page, to show a user what the data looks like. */
	sample(limit: number): ApiRequest;
	/**
	 * @param account id of the account that was asked
	 * @param sender identifies the credential; a webhook that came with the same one may bring the same events
	 * @throws HybridSyncError `bad-response` where nothing on the page is as documented
	 */
	read(response: ApiResponse, account: string, sender: string): Promise<Page>;
}

/** What a polling node reads. */
export interface PollSource {
	/** Name of the provider. */
	readonly provider: string;
	/** Identifies the credential; a webhook that came with the same one may bring the same events. Default none. */
	readonly sender?: string;
	/**
	 * Makes ready to read.
	 *
	 * @throws HybridSyncError `configuration` naming what is to be filled in
	 */
	open(): Promise<PollApi>;
}

/** A source that is ready. */
export interface PollApi {
	readonly resources: readonly PollResource[];
	readonly transport: Transport;
	/** The id of the account that the credential belongs to, or how to ask for it. */
	readonly account: string | ((transport: Transport) => Promise<string>);
}

/** How a node uses an API. */
export interface TransportUse {
	readonly exchange: Exchange;
	/** Of the provider's limits that it may use, from 0 to 1. */
	readonly share: number;
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
	transport(credential: unknown, use: TransportUse): Transport;
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
	account(transport: Transport): Promise<string>;
}
