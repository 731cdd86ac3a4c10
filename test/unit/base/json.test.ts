import fc from 'fast-check';
import { JsonMeter, parseJson } from '../../../lib/base/json';

const parse = (text: string) => {
	const bytes = Buffer.from(text);
	return parseJson(bytes, new JsonMeter().add(bytes));
};

/** The same by the engine's own means, many times as slow. */
const byReviver = (text: string): unknown => {
	const exact = (_name: string, value: unknown, { source }: { source?: string }) =>
		typeof value === 'number' && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
			? source
			: value;
	return JSON.parse(text, exact as (this: unknown, name: string, value: unknown) => unknown);
};

test('R5 any JSON is parsed as JSON.parse does, but for whole numbers that would lose digits', () => {
	const number = fc.oneof(fc.bigInt().map(String), fc.double({ noNaN: true, noDefaultInfinity: true }).map(String));
	const text = fc
		.tuple(fc.jsonValue(), fc.constantFrom(undefined, 2), fc.array(number))
		.map(([value, space, numbers]) => `[${JSON.stringify(value, undefined, space)},[${numbers.join()}]]`);
	fc.assert(
		fc.property(text, (json) => {
			expect(parse(json)).toEqual(byReviver(json));
		}),
		{ numRuns: 2_000 },
	);
});

test.each([
	['9007199254740993', '9007199254740993'],
	['-9007199254740993', '-9007199254740993'],
	['9007199254740991', Number.MAX_SAFE_INTEGER],
	['1e400', '1e400'],
	['-1E+400', '-1E+400'],
	['12345678901234567890.0', '12345678901234567890.0'],
	['0.12345678901234567890', Number('0.12345678901234567890')],
	['1e3', 1_000],
])('R5 %s keeps its digits', (source, value) => {
	expect(parse(`{"a":[${source}],"b":${source}}`)).toEqual({ a: [value], b: value });
	expect(parse(source)).toEqual(value);
	// What stands in a text is text.
	expect(parse(`["x ${source}","\\"${source}"]`)).toEqual([`x ${source}`, `"${source}`]);
});

test.each([
	'[1',
	'[01234567890123456789]',
	'[--12345678901234567890]',
	'[1234567890123456789-]',
	'{"a":12345678901234567890e}',
	'{12345678901234567890:1}',
	'{"a":1,1e400 : 1}',
	'',
])('%s is no JSON', (text) => {
	expect(() => parse(text)).toThrow(SyntaxError);
});

test('the meter counts the same, however the text is cut', () => {
	fc.assert(
		fc.property(fc.jsonValue(), fc.nat(50), (value, cut) => {
			const bytes = Buffer.from(JSON.stringify([value, 12345678901234567890n.toString(), 'a"\\b']));
			const whole = new JsonMeter().add(bytes);
			const parts = new JsonMeter().add(bytes.subarray(0, cut)).add(bytes.subarray(cut));
			const { values, deepest, numbers } = whole;
			expect({ values: parts.values, deepest: parts.deepest, numbers: parts.numbers }).toEqual({
				values,
				deepest,
				numbers,
			});
		}),
	);
});
