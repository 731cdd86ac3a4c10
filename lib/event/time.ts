import { DateTime } from 'luxon';

/**
 * Reads a provider's timestamp as milliseconds since the epoch.
 *
 * Accepts every ISO 8601 form seen in the field: `+0000` and `+00:00`, `Z`, whole seconds and fractions, and a date
 * alone. A time without an offset is read as UTC, because a provider that sends one means its own server's clock and
 * not the zone of the machine n8n runs on.
 *
 * @param zone of a time without an offset: UTC for what providers send, the workflow's for what people enter
 * @returns milliseconds, or `undefined` where the text is no timestamp
 */
export function parseTime(text: unknown, zone = 'utc'): number | undefined {
	if (typeof text !== 'string') return undefined;
	const parsed = DateTime.fromISO(text.trim(), { zone });
	return parsed.isValid ? parsed.toMillis() : undefined;
}

/** The latest times: events that come together share theirs, and formatting costs more than all else of an emission. */
const formatted = new Map<number, string>();

/** Formats milliseconds since the epoch as ISO 8601 in UTC, e.g. `2026-01-31T12:00:00.000Z`. */
export function formatTime(milliseconds: number): string {
	let text = formatted.get(milliseconds);
	if (text === undefined) {
		if (formatted.size >= 100) formatted.clear();
		formatted.set(milliseconds, (text = new Date(milliseconds).toISOString()));
	}
	return text;
}

/** Milliseconds. */
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
