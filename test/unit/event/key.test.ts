import fc from 'fast-check';
import { composeKey } from '../../../lib/event/key';

/** Short texts of what separates and escapes parts, so that many are nearly alike. */
const part = fc.oneof(
	fc.string({ unit: fc.constantFrom(':', '%', '3', 'A', 'a'), maxLength: 3 }),
	fc.constantFrom('COL', '0', '\ud800'),
);
const parts = fc.array(part, { minLength: 1, maxLength: 3 });

test('S24 keys of different parts are different, and those of the same parts are the same', () => {
	fc.assert(
		fc.property(parts, parts, (one, other) => {
			const isSame = one.length === other.length && one.every((each, index) => each === other[index]);
			expect(composeKey(...one) === composeKey(...other)).toBe(isSame);
		}),
		{ numRuns: 20_000 },
	);
});

test('S24 a part cannot spell two', () => {
	expect(composeKey('push', '7', 'COL:0')).not.toBe(composeKey('push', '7', 'COL', 0));
	expect(composeKey('push', '7', 'COL%3A0')).not.toBe(composeKey('push', '7', 'COL:0'));
});
