import { hashOf } from '../base/hash';
import { DAY, MINUTE, formatTime } from '../base/time';
import type { ProviderEvent } from '../event/event';
import { composeKey } from '../event/key';
import { positionOfTime, timeOfPosition } from '../event/position';
import { type EventType, qualifiedType } from './provider';
import { readRows } from './page-rows';
import type { PageContent, PageRequest, ReadRows } from './pull';

/** What event logs have in common: a log of the very events that webhooks bring, with the same ids. */

/**
 * What all event logs say of themselves. A log is read on by bookmarks, and has the events of all types.
 */
export const LOG = { name: 'events', displayName: 'Events', unit: 'bookmark', order: 'ascending' } as const;

/** @param text the things that there are events about, each with what happens to it: `order created paid, refund created` */
export function typeNames(text: string): string[] {
	return text.split(/,\s+/).flatMap((line) => {
		const [thing, ...actions] = line.trim().split(/\s+/);
		return actions.map((action) => `${thing}.${action}`);
	});
}

/** Types of events that come by webhook and stand in a log, to be chosen by the provider's own names. */
export function loggedTypes(names: readonly string[]): Readonly<Record<string, EventType>> {
	const type = (displayName: string): EventType => {
		return { displayName, push: true, resource: 'events', backstop: 'exact' };
	};
	return Object.fromEntries(names.toSorted().map((name) => [name, type(name)]));
}

/** An event that stands in a log as it comes by webhook. */
export interface LoggedEvent {
	/** Name of the provider. */
	readonly provider: string;
	readonly path: 'push' | 'poll';
	/** Identifies the credential. */
	readonly sender: string;
	/** Of the event, on both paths. */
	readonly id: string;
	/** By the provider's own name. */
	readonly type: string;
	/** In milliseconds since the epoch. */
	readonly time: number;
	/** The kind of thing that it is about, and which one it is. */
	readonly about: readonly [kind: string, id: unknown];
	/** Behind the provider's name, where it has events of several senders. */
	readonly source?: string | undefined;
	/** Of the schema of its data. Default 1. */
	readonly version?: string | undefined;
	readonly data: unknown;
}

/** Gives such an event its identity: with whatever key the log is read, an event in it is the same. */
export function loggedEvent({ provider, path, sender, id, type, time, about, ...rest }: LoggedEvent): ProviderEvent {
	const [kind, object] = about;
	return {
		key: path === 'push' ? composeKey(path, provider, sender, id) : composeKey(path, provider, id),
		// Both paths name the same id and time.
		match: { key: composeKey(provider, sender, id), toleranceMs: DAY },
		hash: hashOf([id, type, time]),
		source: `/${provider}${rest.source ?? ''}`,
		type: qualifiedType(provider, type),
		subject: typeof object === 'string' ? `${kind}/${object}` : `event/${id}`,
		time,
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/${provider}/event/${rest.version ?? '1'}`,
		data: rest.data,
	};
}

/**
 * Makes rows of the events of a page.
 *
 * @param provider its name
 * @param read the event, or the reason in words where it cannot be read; nothing where nobody wants it
 * @throws HybridSyncError as `readRows` does
 */
export async function loggedRows(
	provider: string,
	items: readonly unknown[],
	read: (item: unknown) => ProviderEvent | string | undefined,
): Promise<ReadRows> {
	return await readRows({
		displayName: LOG.displayName,
		items,
		keyParts: ['poll', provider],
		read(item) {
			const event = read(item);
			return typeof event === 'object' ? { position: positionOfTime(event.time), event } : event;
		},
	});
}

/*
 * A log that can be read forward, but only behind a known event: to begin at a time, it is read from the newest event back
 * until one comes that is older. That takes one page where fewer have happened since. On the way back the bookmark is
 * `back:<time> <id>`, and on the way forward again, up to the end of the log, `from:<time> <id>`.
 */

/** Where a page of such a log is. */
export interface LogPlace {
	/** The time up to which it is read back, in milliseconds since the epoch; nothing where it is read forward. */
	readonly backTo?: number;
	/** Behind which event; nothing at the beginning, or at the newest. */
	readonly after: string | undefined;
	/** While it is read forward from there: what is older was not asked for. */
	readonly floor?: number;
}

export function logPlace({ from, bookmark }: PageRequest): LogPlace {
	// Ids need not be exactly in the order of the times.
	const start = from > 0n ? `back:${formatTime(timeOfPosition(from) - MINUTE)} ` : '';
	const [, direction, time = '', id = bookmark] = /^(back|from):(\S+) (.*)$/.exec(bookmark ?? start) ?? [];
	const after = id === '' ? undefined : id;
	if (direction === undefined) return { after };
	return direction === 'back' ? { backTo: Date.parse(time), after } : { floor: Date.parse(time), after };
}

/** What was read of a page of such a log. */
export interface LogPage<T> {
	/** As they came: the oldest first where it is read forward, else the newest first. */
	readonly items: readonly T[];
	readonly hasMore: boolean;
	/** Nothing of a sample. */
	readonly page: PageRequest | undefined;
	readonly idOf: (item: T) => string;
	/** In milliseconds since the epoch. */
	readonly timeOf: (item: T) => number | undefined;
}

/** @returns which of its items are kept, oldest first, and what comes after it */
export function afterLogPage<T>({ items, hasMore, page, idOf, timeOf }: LogPage<T>): {
	readonly found: readonly T[];
	readonly place: Pick<PageContent, 'size' | 'last' | 'bookmark'>;
} {
	const { backTo, after, floor }: LogPlace = page ? logPlace(page) : { backTo: -Infinity, after: undefined };
	const size = items.length;
	if (backTo === undefined) {
		const id = size > 0 ? idOf(items[size - 1] as T) : after;
		// Up to the end of the log.
		const token = floor !== undefined && hasMore ? `from:${formatTime(floor)} ${id ?? ''}` : id;
		const found = floor === undefined ? items : items.filter((item) => (timeOf(item) ?? floor) >= floor);
		return { found, place: { size, last: !hasMore, ...(token !== undefined && { bookmark: { token } }) } };
	}
	const found = items.filter((item) => (timeOf(item) ?? backTo) >= backTo).toReversed();
	const [newest] = items;
	const isSample = page === undefined;
	const begins = after === undefined;
	const last = items.at(-1);
	// Times need not be in the order of the ids: only where a whole page is older is all that comes behind it.
	const goesBack = !isSample && hasMore && last !== undefined && found.length > 0;
	if (goesBack) {
		return { found: [], place: { size, last: false, bookmark: { token: `back:${formatTime(backTo)} ${idOf(last)}` } } };
	}
	if (begins) return { found, place: { size, last: true, ...(newest && { bookmark: { token: idOf(newest) } }) } };
	// What was passed on the way back is read forward now: behind the newest of the older ones, or from the beginning.
	const behind = newest && found.length === 0 ? idOf(newest) : '';
	return { found: [], place: { size, last: false, bookmark: { token: `from:${formatTime(backTo)} ${behind}` } } };
}
