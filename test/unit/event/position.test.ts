import fc from 'fast-check';
import { floorTo, parsePosition, positionOfTime, sortableNumber, timeOfPosition } from '../../../lib/event/position';

const bigint = fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n });
const sign = (number: number | bigint) => (number < 0 ? -1 : number > 0 ? 1 : 0);
const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

test('text of whole numbers sorts as the numbers do, and consists of digits, which every collation sorts alike', () => {
	fc.assert(
		fc.property(bigint, bigint, (one, other) => {
			const [left = '', right = ''] = [sortableNumber(one), sortableNumber(other)];
			expect(compare(left, right)).toBe(sign(one - other));
			expect(`${left}${right}`).toMatch(/^\d+$/);
		}),
	);
});

test('text of decimal numbers sorts as the numbers do, whatever form they are written in', () => {
	const decimal = fc.record({ whole: fc.bigInt({ min: -999n, max: 999n }), thousandths: fc.nat({ max: 999 }) });
	const forms = (thousandths: bigint) => {
		const digits = (thousandths < 0n ? -thousandths : thousandths).toString().padStart(4, '0');
		const sign = thousandths < 0n ? '-' : '';
		return [
			`${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`,
			`${thousandths}e-3`,
			`0${digits}`.slice(0, 0) + `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}00`,
		];
	};
	fc.assert(
		fc.property(decimal, decimal, (one, other) => {
			const [a, b] = [one, other].map(({ whole, thousandths }) => whole * 1_000n + BigInt(thousandths));
			for (const left of forms(a ?? 0n)) {
				for (const right of forms(b ?? 0n)) {
					expect(compare(sortableNumber(left) ?? '', sortableNumber(right) ?? '')).toBe(sign((a ?? 0n) - (b ?? 0n)));
				}
			}
		}),
	);
});

test.each([
	['0', '-0'],
	['1', '1.0'],
	['1e3', '1000'],
	['1.5e1', '15'],
	['12E-1', '1.2'],
	['007', '7'],
	['-0.000', '0'],
])('%s and %s are one number', (one, other) => {
	expect(sortableNumber(one)).toBe(sortableNumber(other));
});

test.each(['', 'abc', '1e', '--1', '1.2.3', 'NaN', 'Infinity', '0x10', `1${'0'.repeat(1_000)}`, '1e9999'])(
	'"%s" is no number',
	(text) => {
		expect(sortableNumber(text.slice(0, 2_000))).toBeUndefined();
	},
);

test('a time is kept to the nanosecond, and given back to the millisecond that it lies in', () => {
	const base = Date.UTC(2026, 0, 31, 12, 0, 0);
	expect(parsePosition('2026-01-31T12:00:00.123456789Z')).toBe(positionOfTime(base + 123) + 456_789n);
	expect(parsePosition('2026-01-31T12:00:00.123456+02:00')).toBe(positionOfTime(base + 123 - 7_200_000) + 456_000n);
	expect(parsePosition('2026-01-31T12:00:00,5Z')).toBe(positionOfTime(base + 500));
	expect(parsePosition('1969-12-31T23:59:59.999999999Z')).toBe(-1n);
	expect(timeOfPosition(-1n)).toBe(-1);
	expect(parsePosition('yesterday')).toBeUndefined();
	fc.assert(
		fc.property(fc.integer({ min: -8e14, max: 8e14 }), fc.nat({ max: 999_999 }), (time, finer) => {
			expect(timeOfPosition(positionOfTime(time) + BigInt(finer))).toBe(time);
		}),
	);
});

test('a step is cut off downwards, before the epoch too', () => {
	expect([25n, 20n, -1n, -10n, -11n].map((position) => floorTo(position, 10n))).toEqual([20n, 20n, -10n, -10n, -20n]);
});
