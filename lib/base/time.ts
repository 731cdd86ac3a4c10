import { LRUCache } from 'lru-cache';
import { DateTime } from 'luxon';

/** Milliseconds. */
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The latest time that there is a date for, in milliseconds since the epoch; the earliest is its negative. */
export const LATEST_TIME = 8_640_000_000_000_000;

/** What providers send nearly always: a time of day with an offset, on a day that every year has. */
const DAYS = String.raw`(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`;
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?`;
const COMMON = new RegExp(String.raw`^([1-9]\d{3}-${DAYS}T${CLOCK})(?:Z|([+-](?:[01]\d|2[0-3])):?([0-5]\d))$`);

/** Reads the common form, many times as fast as luxon: every row of a page has a time. */
function parseCommon(text: string): number | undefined {
	const match = COMMON.exec(text);
	if (!match) return undefined;
	const [, local = '', hours, minutes = ''] = match;
	return Date.parse(hours === undefined ? text : `${local}${hours}:${minutes}`);
}

/** In characters; to look at a longer text takes its time. */
const MAX_TIME_LENGTH = 100;

/**
 * Reads a provider's timestamp as milliseconds since the epoch.
 *
 * Accepts every form seen in the field: ISO 8601 with `+0000`, `+00:00` or `Z`, with whole seconds and fractions, and a date
 * alone; a space in the place of the T, RFC 2822, the date of HTTP, and .NET's `/Date(1769860800000)/`. A time without an offset is read as UTC, because a provider that sends one means its own server's clock and
 * not the zone of the machine n8n runs on.
 *
 * @param zone of a time without an offset: UTC for what providers send, the workflow's for what people enter
 * @returns milliseconds, or `undefined` where the text is no timestamp
 */
export function parseTime(text: unknown, zone = 'utc'): number | undefined {
	if (typeof text !== 'string' || text.length > MAX_TIME_LENGTH) return undefined;
	const common = parseCommon(text);
	if (common !== undefined) return common;
	const trimmed = text.trim();
	for (const read of FORMS) {
		const time = instantOf((options) => read(trimmed, options), zone);
		if (time !== undefined) return time;
	}
	const dotNet = /^\/Date\((-?\d{1,15})(?:[+-]\d{4})?\)\/$/.exec(trimmed)?.[1];
	return dotNet === undefined ? undefined : Number(dotNet);
}

/** ISO 8601, SQL (a space for the T), RFC 2822 and the date of HTTP. */
const FORMS: readonly ((text: string, options: { readonly zone: string }) => DateTime)[] = [
	(text, options) => DateTime.fromISO(text, options),
	(text, options) => DateTime.fromSQL(text.replace(/ (?:UTC|GMT)$/, 'Z'), options),
	(text, options) => DateTime.fromRFC2822(text, options),
	(text, options) => DateTime.fromHTTP(text, options),
];

/**
 * Reads a time by a pattern that a user has written.
 *
 * @param pattern luxon's tokens, e.g. `dd.MM.yyyy HH:mm`
 * @see https://moment.github.io/luxon/#/parsing?id=table-of-tokens
 */
export function parseTimeBy(pattern: string, text: string, zone = 'utc'): number | undefined {
	if (text.length > MAX_TIME_LENGTH) return undefined;
	return instantOf((options) => DateTime.fromFormat(text.trim(), pattern, { ...options, locale: 'en' }), zone);
}

/**
 * The hour that comes twice in autumn is taken for its second time: what is taken for an hour too early may lie before what
 * was read, and what lies in the future is waited for.
 *
 * @returns milliseconds since the epoch; nothing where the text is not of the form
 */
function instantOf(read: (options: { readonly zone: string }) => DateTime, zone: string): number | undefined {
	const time = read({ zone });
	if (!time.isValid) return undefined;
	const millis = time.toMillis();
	// One that names its own offset is the same wherever it is read.
	if (zone === 'utc' || read({ zone: 'utc' }).toMillis() === millis) return millis;
	return Math.max(millis, ...time.getPossibleOffsets().map((each) => each.toMillis()));
}

/**
 * The latest times: events that come together share theirs, and formatting costs more than all else of an emission. Enough
 * for the largest page, whose times are formatted when it is read and again when it is recorded.
 */
const formatted = new LRUCache<number, string>({ max: 2_000 });

/** Formats milliseconds since the epoch as ISO 8601 in UTC, e.g. `2026-01-31T12:00:00.000Z`. */
export function formatTime(milliseconds: number): string {
	let text = formatted.get(milliseconds);
	if (text === undefined) formatted.set(milliseconds, (text = new Date(milliseconds).toISOString()));
	return text;
}
