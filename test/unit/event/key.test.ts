import fc from 'fast-check';
import { composeKey } from '../../../lib/event/key';

const part = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', ':', '%', '%3A', 'a:b', 'COL', '0', '\ud800'));

test('S24 keys of different parts are different, and those of the same parts are the same', () => {
	fc.assert(
		fc.property(fc.array(part, { minLength: 1 }), fc.array(part, { minLength: 1 }), (one, other) => {
			const isSame = one.length === other.length && one.every((each, index) => each === other[index]);
			expect(composeKey(...one) === composeKey(...other)).toBe(isSame);
		}),
		{ numRuns: 5_000 },
	);
});

test('S24 a part cannot spell two', () => {
	expect(composeKey('push', '7', 'COL:0')).not.toBe(composeKey('push', '7', 'COL', 0));
	expect(composeKey('push', '7', 'COL%3A0')).not.toBe(composeKey('push', '7', 'COL:0'));
});
