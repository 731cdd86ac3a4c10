const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const [PLUS, MINUS, POINT, ZERO, NINE] = [0x2b, 0x2d, 0x2e, 0x30, 0x39];
const [CAPITAL_E, SMALL_E] = [0x45, 0x65];

/** More values than any answer or delivery has; they take about 100 MB of memory. */
export const MAX_JSON_VALUES = 1_000_000;
/** Names in one object; to build a larger one takes seconds. */
const MAX_NAMES = 100_000;
/** Numbers that may lose digits, in one text. */
const MAX_LONG_NUMBERS = 400_000;
/** Every number of so many digits is exact, unless it has an exponent. */
const EXACT_DIGITS = 15;
/** Every whole number of so many digits is beyond 2^53. */
const INEXACT_DIGITS = 17;

/**
 * Measures JSON text before it is parsed, because what it becomes in memory may be a hundred times as large: 16 MiB of `{},`
 * are five million objects. It does not check that the text is JSON.
 */
export class JsonMeter {
	/** Values so far, those inside lists and objects included; infinite where names or long numbers are too many to parse. */
	values = 1;
	/** The deepest nesting so far. */
	deepest = 0;
	/** Where numbers begin and end that may lose digits, in bytes, one after the other. */
	readonly numbers: number[] = [];
	private size = 0;
	/** Names so far in each open object; -1 for a list. */
	private readonly open: number[] = [];
	private isQuoted = false;
	private isEscaped = false;
	private numberFrom = -1;
	private hasExponent = false;

	/** @param bytes the next part of the text; UTF-8 */
	add(bytes: Uint8Array): this {
		for (let index = 0; index < bytes.length; index++) {
			const byte = bytes[index] ?? 0;
			if (this.isQuoted) {
				if (this.isEscaped) this.isEscaped = false;
				else if (byte === BACKSLASH) this.isEscaped = true;
				else if (byte === QUOTE) this.isQuoted = false;
				continue;
			}
			if ((byte >= ZERO && byte <= NINE) || byte === MINUS) {
				if (this.numberFrom < 0) this.numberFrom = this.size + index;
				continue;
			}
			if (this.numberFrom >= 0) {
				if (byte === CAPITAL_E || byte === SMALL_E) this.hasExponent = true;
				if (byte === CAPITAL_E || byte === SMALL_E || byte === POINT || byte === PLUS) continue;
				this.endNumber(this.size + index);
			}
			if (byte === QUOTE) this.isQuoted = true;
			else if (byte === COMMA) this.endValue();
			else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.begin(byte);
			else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.open.pop();
		}
		this.size += bytes.length;
		return this;
	}

	private begin(byte: number): void {
		this.values += 1;
		this.open.push(byte === OPEN_OBJECT ? 1 : -1);
		if (this.open.length > this.deepest) this.deepest = this.open.length;
	}

	private endValue(): void {
		this.values += 1;
		const last = this.open.length - 1;
		const names = this.open[last] ?? -1;
		if (names < 0) return;
		this.open[last] = names + 1;
		if (names > MAX_NAMES) this.values = Infinity;
	}

	/** Says that nothing follows. */
	end(): this {
		if (this.numberFrom >= 0) this.endNumber(this.size);
		return this;
	}

	private endNumber(to: number): void {
		if (this.hasExponent || to - this.numberFrom > EXACT_DIGITS) this.noteNumber(to);
		this.numberFrom = -1;
		this.hasExponent = false;
	}

	private noteNumber(to: number): void {
		// To look at them takes a hundred times as long as to read them.
		if (this.numbers.length >= 2 * MAX_LONG_NUMBERS) this.values = Infinity;
		else this.numbers.push(this.numberFrom, to);
	}
}

/**
 * Parses JSON. Whole numbers beyond 2^53, which would lose digits, ids among them, stay as they were written: as text. That
 * includes those with a point or an exponent, such as `1e20`; other fractions are numbers.
 *
 * @param bytes UTF-8
 * @param meter has measured just these bytes
 * @throws SyntaxError where it is not JSON
 */
export function parseJson(bytes: Uint8Array, meter: JsonMeter): unknown {
	const text = withQuotes(bytes, meter.end().numbers);
	return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8'));
}

function withQuotes(bytes: Uint8Array, numbers: readonly number[]): Uint8Array {
	if (numbers.length === 0) return bytes;
	const quoted = new Uint8Array(bytes.length + numbers.length);
	let [from, at] = [0, 0];
	const copy = (to: number) => {
		quoted.set(bytes.subarray(from, to), at);
		at += to - from;
		from = to;
	};
	for (let index = 0; index < numbers.length; index += 2) {
		const [begin = 0, end = 0] = [numbers[index], numbers[index + 1]];
		if (isName(bytes, end) || !losesDigits(bytes, begin, end)) continue;
		copy(begin);
		quoted[at++] = QUOTE;
		copy(end);
		quoted[at++] = QUOTE;
	}
	copy(bytes.length);
	return quoted.subarray(0, at);
}

/** A number as a name is no JSON, and must not become any. */
function isName(bytes: Uint8Array, end: number): boolean {
	let at = end;
	while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at += 1;
	return bytes[at] === COLON;
}

/** 2^53 - 1, digit by digit. */
const LARGEST_EXACT = Buffer.from(String(Number.MAX_SAFE_INTEGER));

/** Whether as many digits, from a place on, are a larger number. */
function isAboveLargest(bytes: Uint8Array, from: number): boolean {
	for (const [index, digit] of LARGEST_EXACT.entries()) {
		const difference = (bytes[from + index] ?? 0) - digit;
		if (difference !== 0) return difference > 0;
	}
	return false;
}

/** A number that is not JSON is left for the parser to complain of. */
function losesDigits(bytes: Uint8Array, begin: number, end: number): boolean {
	const first = bytes[begin] === MINUS ? begin + 1 : begin;
	let at = first;
	while (at < end && (bytes[at] ?? 0) >= ZERO && (bytes[at] ?? 0) <= NINE) at += 1;
	// Most of them, and no text has to be made of it.
	if (at === end && end - first >= INEXACT_DIGITS) return bytes[first] !== ZERO;
	if (at === end && end - first === LARGEST_EXACT.length) return isAboveLargest(bytes, first);
	const source = Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString('latin1');
	if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(source)) return false;
	const value = Number(source);
	return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
}

/** For `JSON.stringify`: objects with the same fields become the same text, in whatever order the fields were. */
export function sortedFields(_name: string, value: unknown): unknown {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
	return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : Number(a > b))));
}
