import { DAY, parseTime } from '../../base/time';
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
export interface Lookup {
	/** In the event itself. */
	readonly inEvent: (event: unknown) => unknown;
	/** In what is around it: headers, the query, and the body that has several events. */
	readonly around: (place: Place) => unknown;
	/** What it reads of headers and the query, where nothing is signed. */
	readonly unsigned: (place: Place) => readonly string[];
}

/**
 * @param label of the field that the source stands in
 * @throws HybridSyncError `configuration` where it is no path
 */
export function lookupOf(source: Source, label: string): Lookup {
	const parts = source.split(' + ').map((part) => simpleLookup(part.trim(), label));
	const [first, ...more] = parts;
	if (first && more.length === 0) return first;
	const joined = (values: readonly unknown[]) => {
		const texts = values.map(textOf);
		return texts.every((text) => text !== undefined) ? texts.join('.') : undefined;
	};
	return {
		inEvent: (event) => joined(parts.map((part) => part.inEvent(event))),
		around: (place) => joined(parts.map((part) => part.inEvent(place.event) ?? part.around(place))),
		unsigned: (place) => parts.flatMap(({ unsigned }) => unsigned(place)),
	};
}

function simpleLookup(source: Source, label: string): Lookup {
	const [, kind, name = ''] = /^(header|query):\s*(\S+)$/i.exec(source) ?? [];
	if (kind?.toLowerCase() === 'header') {
		const header = name.toLowerCase();
		return fromAround(({ headers }) => headers[header]);
	}
	if (kind !== undefined) {
		return fromAround(({ query }) => query.get(name) ?? undefined);
	}
	const find: Finder = finder(source, label);
	return {
		inEvent: find,
		around: ({ event, body }) => (event === body ? undefined : find(body)),
		unsigned: () => [],
	};
}

function fromAround(around: Lookup['around']): Lookup {
	return { inEvent: () => undefined, around, unsigned: (place) => [textOf(around(place)) ?? ''] };
}

/** What a source leads to, in the event or around it. */
export function look({ inEvent, around }: Lookup, place: Place): unknown {
	return inEvent(place.event) ?? around(place);
}

/** @returns what the first source leads to that leads to a text */
export function firstText(lookups: readonly Lookup[], place: Place): string | undefined {
	const lookup = firstLookup(lookups, place);
	return lookup && textOf(look(lookup, place));
}

/** @returns the first source that leads to a text */
export function firstLookup(lookups: readonly Lookup[], place: Place): Lookup | undefined {
	return lookups.find((lookup) => textOf(look(lookup, place)) !== undefined);
}

/** @returns nothing where it is no text, or an empty one */
export function textOf(value: unknown): string | undefined {
	if (typeof value === 'number' || typeof value === 'boolean') return String(value);
	return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** In how many digits people write Unix time in seconds, milliseconds, microseconds and nanoseconds. */
const UNITS: Readonly<Record<number, number>> = {
	9: 1_000,
	10: 1_000,
	12: 1,
	13: 1,
	15: 1e-3,
	16: 1e-3,
	18: 1e-6,
	19: 1e-6,
};

/**
 * A time in whatever form services write it: Unix time in any unit, ISO 8601 with or without T, dashes and colons, or as in
 * mails.
 *
 * @param receivedAt a time after the day that follows it was misread
 * @returns milliseconds since the epoch
 */
export function timeOf(text: string | undefined, receivedAt: number): number | undefined {
	const time = text === undefined || text.length > 100 ? undefined : parsed(text.trim());
	return time === undefined || time > receivedAt + DAY ? undefined : time;
}

function parsed(text: string): number | undefined {
	const [, digits = '', fraction] = /^(\d+)(\.\d+)?$/.exec(text) ?? [];
	const unit = UNITS[digits.length];
	if (unit !== undefined) return Math.floor(Number(text) * unit);
	if (fraction !== undefined) return undefined;
	const compact = /^(\d{8})(\d{6})$/.exec(text);
	const whole = compact ? `${compact[1] ?? ''}T${compact[2] ?? ''}` : text;
	const iso = whole.replace(/^(\d{4}-\d\d-\d\d) (?=\d)/, '$1T').replace(/ (?=[+-]\d\d:?\d\d$)/, '');
	if (/^\d{4}-?\d\d-?\d\d/.test(iso)) return parseTime(iso);
	const mail = /^[A-Z][a-z]{2}, \d/.test(text) ? Date.parse(text) : NaN;
	return Number.isNaN(mail) ? undefined : mail;
}
