import { expectFrom, isExpected, expectsExactly } from '../../../../lib/ledger/rules/expected';

const event = (type: string, time: number) => ({ type, time });

test('a type is expected from when it was first let in, and no other is', () => {
	const expected = expectFrom({}, ['p.a'], 1_000);
	expect(isExpected(event('p.a', 1_000), [expected])).toBe(true);
	expect(isExpected(event('p.a', 999), [expected])).toBe(false);
	expect(isExpected(event('p.b', 2_000), [expected])).toBe(false);
	expect(isExpected(event('p.a', 2_000), [])).toBe(false);
});

test('types that stay keep their time, new ones begin now, those that are gone are forgotten', () => {
	const expected = expectFrom(expectFrom({}, ['p.a', 'p.b'], 1_000), ['p.b', 'p.c'], 2_000);
	expect(expected).toEqual({ 'p.b': 1_000, 'p.c': 2_000 });
	expect(expectFrom(expected, ['p.a'], 3_000)).toEqual({ 'p.a': 3_000 });
});

test('from some types to all of them, and back', () => {
	const all = expectFrom(expectFrom({}, ['p.a'], 1_000), ['*'], 2_000);
	expect(isExpected(event('p.a', 1_500), [all])).toBe(true);
	expect(isExpected(event('p.b', 1_500), [all])).toBe(false);
	expect(isExpected(event('p.b', 2_000), [all])).toBe(true);
	expect(expectFrom(all, ['p.a', 'p.b'], 3_000)).toEqual({ 'p.a': 1_000, 'p.b': 2_000 });
});

test('where push should bring nothing, nothing is expected, whatever was before', () => {
	const nothing = expectFrom({ '*': 1_000, 'p.a': 1_000 }, [], 2_000);
	expect(isExpected(event('p.a', 3_000), [nothing])).toBe(false);
	expect(expectsExactly(nothing, [])).toBe(true);
	expect(expectsExactly({ 'p.a': 1 }, [])).toBe(false);
});

test('one of several triggers is enough', () => {
	const [one, other] = [expectFrom({}, ['p.a'], 3_000), expectFrom({}, ['*'], 1_000)];
	expect(isExpected(event('p.a', 2_000), [one, other])).toBe(true);
});

test('whether a trigger lets in what is expected of it', () => {
	expect(expectsExactly({ 'p.a': 1 }, ['p.a'])).toBe(true);
	expect(expectsExactly({ 'p.a': 1 }, ['p.a', 'p.b'])).toBe(false);
	expect(expectsExactly({ 'p.a': 1, 'p.b': 1 }, ['p.a'])).toBe(false);
	expect(expectsExactly({ '*': 1, 'p.a': 1 }, ['*'])).toBe(true);
	expect(expectsExactly({ 'p.a': 1 }, ['*'])).toBe(false);
});
