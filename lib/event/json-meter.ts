const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Measures JSON text before it is parsed, because what it becomes in memory may be a hundred times as large: 16 MiB of `{},`
 * are five million objects. It does not check that the text is JSON.
 */
export class JsonMeter {
	/** Values so far, those inside lists and objects included. */
	values = 1;
	/** The deepest nesting so far. */
	deepest = 0;
	private depth = 0;
	private isQuoted = false;
	private isEscaped = false;

	/** @param bytes the next part of the text; UTF-8 */
	add(bytes: Uint8Array): this {
		for (const byte of bytes) {
			if (this.isQuoted) {
				if (this.isEscaped) this.isEscaped = false;
				else if (byte === BACKSLASH) this.isEscaped = true;
				else if (byte === QUOTE) this.isQuoted = false;
			} else if (byte === QUOTE) this.isQuoted = true;
			else if (byte === COMMA) this.values += 1;
			else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
				this.values += 1;
				this.depth += 1;
				if (this.depth > this.deepest) this.deepest = this.depth;
			} else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.depth -= 1;
		}
		return this;
	}
}

/** More values than any answer or delivery has; they take about 100 MB of memory. */
export const MAX_JSON_VALUES = 1_000_000;
