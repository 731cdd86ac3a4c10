import type { HybridSyncError } from '../base/errors';
import type { DeadLetter } from '../event/dead-letter';
import type { ProviderEvent } from '../event/event';
import type { Bookmark, Position } from '../event/position';
import type { ApiRequest, ApiResponse, Exchange, Transport } from '../http/transport';
import type { Choice, Field } from './field';
import type { ProviderCredential } from './provider';
import type { Registrar } from './subscription';

/** The half of a provider that can be polled. */
export interface PullHalf {
	/** Where there are several, the user chooses one. */
	readonly credentials: readonly ProviderCredential[];
	/** What can be polled, by name; the user chooses among them. Absent where the user describes it in `fields`. */
	readonly resources?: Readonly<Record<string, Pick<PollResource, 'name' | 'displayName'>>>;
	/** The user chooses events, and not resources. */
	readonly findsEvents?: true;
	/** Fields in which a user describes what is to be polled, and those of them that few will need. */
	readonly fields?: readonly Field[];
	readonly options?: readonly Field[];
	/** Lists to choose from that the provider itself is asked for, by name: see `Field.choicesFrom`. */
	readonly choices?: Readonly<Record<string, (use: ChoicesUse) => Promise<readonly Choice[]>>>;
	/** The same for lists that are too long to be shown at once, and are searched. */
	readonly searches?: Readonly<Record<string, (use: ChoicesUse, asked: Searched) => Promise<FoundChoices>>>;
	/** The user may be asked which share of the provider's rate limits a node may use. Absent where the limits are unknown. */
	readonly hasKnownLimits?: true;
	/**
	 * Makes ready to read.
	 *
	 * @throws HybridSyncError `configuration` naming what is to be filled in
	 */
	open(use: PullUse): PollApi;
}

/** With what a provider is to be polled. */
export interface PullUse {
	/** The credential that the user has chosen, decrypted. */
	readonly credential: Readonly<Record<string, unknown>>;
	/** Its n8n credential type, and its id in n8n. */
	readonly credentialType: string;
	readonly credentialId: string;
	/** Reads the credential anew: n8n may have refreshed its token with the very request. */
	readonly readCredential: () => Promise<Readonly<Record<string, unknown>>>;
	/** What stands in the fields of the provider, by name. */
	readonly settings: Readonly<Record<string, unknown>>;
	/** The same of the node that gets the webhooks, which may be this one. Default none. */
	readonly push?: Readonly<Record<string, unknown>>;
	/** Makes the requests; only to where n8n lets this credential go. */
	readonly exchange: Exchange;
	/** Makes requests to other origins, without anything secret. Default none are made. */
	readonly plainExchange?: Exchange;
	/** Of the provider's limits that the node may use, from 0 to 1. */
	readonly share: number;
	/** Types of events that the user wants, by the provider's names; empty for all. Default all. */
	readonly types?: readonly string[];
}

/** What a user looks for in a list to choose from. */
export interface Searched {
	/** A part of its name; nothing where the user has entered none. */
	readonly text?: string;
	/** Which page it is, from 1. */
	readonly page: number;
}

/** A page of a list to choose from. */
export interface FoundChoices {
	readonly choices: readonly Choice[];
	readonly hasMore: boolean;
}

/** With what a list to choose from is to be made. */
export interface ChoicesUse extends Omit<PullUse, 'share'> {
	/** IANA name of the workflow's time zone. */
	readonly timeZone: string;
}

/** What a polling node reads. */
export interface PollSource {
	/** Name of the provider. */
	readonly provider: string;
	/** Identifies the credential; a webhook that came with the same one may bring the same events. Default none. */
	readonly sender?: string;
	/** @throws HybridSyncError `configuration` naming what is to be filled in */
	open(): Promise<PollApi>;
	/**
	 * Looks after the webhooks of other nodes, or of this one, that were registered with its credential. Absent where there are
	 * none.
	 *
	 * @throws HybridSyncError `configuration` where the credential cannot be read
	 */
	readonly registrar?: () => Promise<Registrar>;
}

/** A source that is ready. */
export interface PollApi {
	readonly resources: readonly PollResource[];
	/** What there are resources of, to be found at run time. Default none. */
	readonly parents?: readonly ParentResource[];
	readonly transport: Transport;
	/** The id of the account that the credential belongs to, or how to ask for it. */
	readonly account: string | ((transport: Transport) => Promise<string>);
	/**
	 * Of what a user has described: names the list, and the field that it is read by. Two accounts of one lineage differ in how
	 * its rows are told apart.
	 */
	readonly lineage?: string;
}

/** A list of parents, such as mailing lists or shops, each of which has rows and a cursor of its own. */
export interface ParentResource {
	readonly name: string;
	/**
	 * The resources of all parents that there are now.
	 *
	 * @returns each named `<name>/<id of its parent>`
	 * @throws HybridSyncError as the transport does
	 */
	find(transport: Transport): Promise<readonly PollResource[]>;
}

/** Something that can be polled. */
export interface PollResource {
	readonly name: string;
	readonly displayName: string;
	/** A user has described it: what was understood is shown with the first rows. */
	readonly described?: Described;
	/**
	 * What positions are: times in nanoseconds; whole numbers that grow; `bookmark`, in an event log that is read on by
	 * bookmarks, times too, for when a bookmark has expired; `none`, where a row is known by its id alone.
	 */
	readonly unit: 'time' | 'number' | 'bookmark' | 'none';
	/** In which order the rows of a page come, by their position. */
	readonly order: 'ascending' | 'descending' | 'none';
	/** The finest step of the API's filter "from this position on"; absent where it has none, and all rows come each time. */
	readonly step?: Position;
	readonly pageSize: number;
	/** By what its pages have the size that they have, where a user may change that. */
	readonly sizedBy?: string;
	/** It is read no more often than that, in milliseconds, because that takes many requests. Default whenever the node reads. */
	readonly everyMs?: number;
	/** How late a row may be shown, or become an event, in milliseconds, where that is later than the user's look-back. */
	readonly shownWithinMs?: number;
	/** How long the provider keeps the events of a log, in milliseconds; absent where that is unknown. */
	readonly keptForMs?: number;
	request(page: PageRequest): ApiRequest;
	/**
	 * The newest rows that the provider could not deliver by webhook. Absent where its API does not know.
	 *
	 * @param until in milliseconds since the epoch: what is later may be on its way
	 */
	undelivered?(from: Position, until: number): ApiRequest;
	/** The newest few rows, or where they cannot be asked for its first page, to show a user what the data looks like. */
	sample(limit: number): ApiRequest;
	/**
	 * @param account id of the account that was asked
	 * @param sender identifies the credential; a webhook that came with the same one may bring the same events
	 * @param asked which page it is; nothing of a sample
	 * @throws HybridSyncError `bad-response` where nothing on the page is as documented
	 */
	read(response: ApiResponse, account: string, sender: string, asked?: PageRequest): Promise<PageContent>;
}

/** What can be said of a resource that a user has described. */
export interface Described {
	/** Whether a changed row is found, in words: `yes, …` or `no, because …`. */
	readonly findsChanges: string;
	/** What looks wrong in the description, beside these rows of a page. */
	doubts(rows: readonly PolledRow[]): readonly Doubt[];
}

/** Why rows may be missed, in words for the user with the field that mends it. */
export interface Doubt {
	readonly text: string;
	/** They are sure to be missed. */
	readonly isSure: boolean;
}

/** The place of a page in a window. */
export interface PageRequest {
	/** Rows from this position on, inclusive. In an event log it counts only where there is no bookmark. */
	readonly from: Position;
	/** What lies before it was read earlier. Default `from`. */
	readonly start?: Position;
	/** Where the user asked to begin. Default the beginning. */
	readonly floor?: Position;
	/** From 1, and how many rows came before; both since `from` last moved. */
	readonly page: number;
	readonly offset: number;
	/** Where the provider said that this page is: a token, or a URL. */
	readonly next?: string;
	/** Of an event log: the events behind this place. */
	readonly bookmark?: string;
	readonly pageSize: number;
}

/** One row of a resource, made ready for the ledger. */
export interface PolledRow {
	readonly position: Position;
	readonly event: ProviderEvent;
	/** By another key too it is known from now on, and passes to nobody. */
	readonly also?: ProviderEvent;
	/** It only says how far the list has been read: nobody wants its event, and nothing of it is recorded. */
	readonly isUnwanted?: true;
}

/** Rows that were read, and what could not be. */
export interface ReadRows {
	readonly rows: readonly PolledRow[];
	/** Rows that are not as documented, so that one of them does not stop the others. */
	readonly deadLetters: readonly DeadLetter[];
}

/** What a page has. */
export interface PageContent extends ReadRows {
	/** None of its rows can be read, and why: an error where nothing has been read before. */
	readonly unusable?: HybridSyncError;
	/** Rows that the page had, readable or not. */
	readonly size: number;
	/** Whether nothing comes after it, where the provider says so. */
	readonly last?: boolean;
	/** Where the provider says that the next page is: a token, or a URL. */
	readonly next?: string;
	/** Why there may be a next page that was not found; nothing where all speaks for an end. */
	readonly doubt?: Doubt & {
		/** It can be nothing but a mistake in the settings; otherwise somebody may want it so. */
		readonly isMistake: boolean;
	};
	/** Of an event log: the place behind the last event of this page. */
	readonly bookmark?: Bookmark;
	/**
	 * Requests that more of the page comes by. Their rows are recorded together with those of the page, behind them. All of
	 * them are made in one tick, so a page should have no more than a tick has time and leave for.
	 */
	readonly further?: readonly FurtherRequest[];
	/** Hash of what it had, where none of it can be used. */
	readonly content?: string;
	/** Whether the times of its rows are exact: they name their zone, and have seconds. */
	readonly isExact?: () => boolean;
	/** Rows of the whole window, where the provider counts them. */
	readonly total?: number;
}

/** A page, with what its answer says beside it. */
export interface Page extends PageContent {
	/** The server's clock, in milliseconds since the epoch. */
	readonly date?: number;
	/** With what to ask whether anything has changed since, and the request that it belongs to. */
	readonly validators?: {
		readonly request: string;
		readonly etag?: string | undefined;
		readonly modified?: string | undefined;
		readonly at: number;
	};
}

/** A second request, such as the one for a row's body where the list names only its id. */
export interface FurtherRequest {
	readonly request: ApiRequest;
	/** @throws HybridSyncError as `PollResource.read`: then nothing of the page is recorded */
	read(response: ApiResponse): Promise<ReadRows>;
	/** The row that it adds to: where the ledger knows its event, that is all, and the request is not made. */
	readonly completes?: PolledRow;
	/**
	 * What is kept of it where the provider refuses the request for good.
	 *
	 * @param reason in words, for people
	 * @param status by which it was refused; nothing where the answer could not be understood
	 * @throws HybridSyncError where that may pass: then nothing of the page is recorded
	 */
	refused(reason: string, status?: number): ReadRows;
}
