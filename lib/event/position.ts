import { parseTime } from '../base/time';

/**
 * A place in an ordered source: a time in nanoseconds since the epoch, or a whole number of up to 64 bits. Which of the two
 * is for the resource to say. It is exact, because providers write times finer than a millisecond and ids larger than 2^53,
 * and what is rounded is skipped or taken twice.
 */
export type Position = bigint;

/**
 * A place in an event log that the provider names by an opaque token, such as the id of the last event. It may expire: then
 * the log is read again from a time.
 */
export interface Bookmark {
	readonly token: string;
	/** From when on the provider does not know it any more, in milliseconds since the epoch; absent where it does not say. */
	readonly expiresAt?: number | undefined;
}

const PER_MILLISECOND = 1_000_000n;

/** The largest whole number that is a position. */
export const LARGEST_NUMBER: Position = 2n ** 64n - 1n;

/** @param milliseconds since the epoch; what is finer is cut off */
export function positionOfTime(milliseconds: number): Position {
	return BigInt(Math.floor(milliseconds)) * PER_MILLISECOND;
}

/** @returns milliseconds since the epoch; what is finer is cut off */
export function timeOfPosition(position: Position): number {
	return Number(floorTo(position, PER_MILLISECOND) / PER_MILLISECOND);
}

/**
 * Reads a provider's timestamp to the nanosecond.
 *
 * @param zone of a time without an offset
 * @returns `undefined` where the text is no timestamp; see `parseTime`
 */
export function parsePosition(text: unknown, zone?: string): Position | undefined {
	const milliseconds = parseTime(text, zone);
	if (milliseconds === undefined) return undefined;
	return withFiner(milliseconds, text);
}

/** @param text in which the time was written, maybe to the nanosecond */
export function withFiner(milliseconds: number, text: unknown): Position {
	const [, finer = ''] = /(?::\d{2}|T\d{6})[.,]\d{3}(\d{1,6})/.exec(String(text)) ?? [];
	return positionOfTime(milliseconds) + BigInt(finer.padEnd(6, '0'));
}

/** The largest multiple of a step that is not above a position. */
export function floorTo(position: Position, step: Position): Position {
	const rest = position % step;
	return position - (rest < 0n ? rest + step : rest);
}

export function later(one: Position, other: Position): Position {
	return one > other ? one : other;
}

/** Digits before the point that a version may have, and places after it that are compared. */
const MAX_DIGITS = 999;
const PLACES = 30;

/**
 * A number as text that sorts in a database, by whatever collation, as numbers do: each as long as it is, and exact. It
 * consists of digits alone: whether it is positive, how many digits come before the point, these digits, and those after it.
 *
 * @param number a position, or a decimal number as text; JavaScript's form with an exponent is understood
 * @returns nothing where it is no number, or has more than 999 digits
 */
export function sortableNumber(number: Position | string): string | undefined {
	const { whole, fraction, isNegative } = decimalOf(String(number).trim()) ?? {};
	if (whole === undefined || fraction === undefined || whole.length > MAX_DIGITS) return undefined;
	const size = String(whole.length).padStart(3, '0');
	if (!isNegative || `${whole}${fraction}` === '') return `1${size}${whole}${fraction}`;
	const magnitude = `${size}${whole}${fraction.padEnd(PLACES, '0')}`;
	return `0${magnitude.replace(/\d/g, (digit) => String(9 - Number(digit)))}`;
}

function decimalOf(text: string): { whole: string; fraction: string; isNegative: boolean } | undefined {
	const [, sign = '', digits = '', places = '', exponent = '0'] =
		/^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text) ?? [];
	if (digits === '') return undefined;
	const shift = Number(exponent);
	const all = `${digits}${places}`;
	const point = digits.length + shift;
	const padded = point > all.length ? all.padEnd(point, '0') : all.padStart(all.length - Math.min(0, point), '0');
	const at = Math.max(0, point);
	return {
		whole: padded.slice(0, at).replace(/^0+/, ''),
		fraction: padded.slice(at, at + PLACES).replace(/0+$/, ''),
		isNegative: sign === '-',
	};
}
