import { LATEST_TIME, parseTime } from '../../base/time';
import type { HttpHeaders } from '../../http/headers';
import { type Finder, finder } from './json-path';
import type { Source } from './services';

/** What a source is looked up in. */
export interface Place {
	readonly event: unknown;
	/** The whole body, which the event may be one of several in. */
	readonly body: unknown;
	readonly headers: HttpHeaders;
	readonly query: URLSearchParams;
}

/** A source, ready to be looked up. */
export type Lookup = (place: Place) => unknown;

/**
 * @param label of the field that the source stands in
 * @throws HybridSyncError `configuration` where it is no path
 */
export function lookupOf(source: Source, label: string): Lookup {
	const parts = source.split(' + ').map((part) => simpleLookup(part.trim(), label));
	const [first, ...more] = parts;
	if (!first) return () => undefined;
	if (more.length === 0) return first;
	return (place) => {
		const texts = parts.map((part) => textOf(part(place)));
		return texts.every((text) => text !== undefined) ? texts.join('.') : undefined;
	};
}

function simpleLookup(source: Source, label: string): Lookup {
	const [, kind, name = ''] = /^(header|query):\s*(\S+)$/i.exec(source) ?? [];
	if (kind?.toLowerCase() === 'header') {
		const header = name.toLowerCase();
		return ({ headers }) => headers[header];
	}
	if (kind !== undefined) return ({ query }) => query.get(name) ?? undefined;
	const find: Finder = finder(source, label);
	return ({ event, body }) => find(event) ?? (event === body ? undefined : find(body));
}

/** @returns what the first source leads to that leads to a text */
export function firstText(lookups: readonly Lookup[], place: Place): string | undefined {
	for (const lookup of lookups) {
		const text = textOf(lookup(place));
		if (text !== undefined) return text;
	}
	return undefined;
}

/** @returns nothing where it is no text, or an empty one */
export function textOf(value: unknown): string | undefined {
	if (typeof value === 'number' || typeof value === 'boolean') return String(value);
	return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** A number so large is a time in milliseconds, and below it one in seconds. */
const LEAST_MILLISECONDS = 100_000_000_000;

/**
 * A time in whatever form services write it: Unix time in seconds or milliseconds, ISO 8601 with or without T, or as in mails.
 *
 * @returns milliseconds since the epoch
 */
export function timeOf(text: string | undefined): number | undefined {
	if (text === undefined || text.length > 100) return undefined;
	if (/^\d{1,17}(\.\d+)?$/.test(text)) {
		const number = Number(text);
		const time = Math.floor(number < LEAST_MILLISECONDS ? number * 1000 : number);
		return time > 0 && time <= LATEST_TIME ? time : undefined;
	}
	const iso = parseTime(text.replace(/^(\d{4}-\d\d-\d\d) (?=\d)/, '$1T').replace(/ (?=[+-]\d\d:?\d\d$)/, ''));
	if (iso !== undefined) return iso;
	const mail = /^[A-Z][a-z]{2}, \d/.test(text) ? Date.parse(text) : NaN;
	return Number.isNaN(mail) ? undefined : mail;
}
