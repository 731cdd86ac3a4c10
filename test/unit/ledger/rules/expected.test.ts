import { expectFrom, isExpected, letsIn } from '../../../../lib/ledger/rules/expected';

const event = (type: string, time: number) => ({ type, time });

test('a type is expected from when it was first let in, and no other is', () => {
	const expected = expectFrom({}, ['p.a'], 100);
	expect(isExpected(event('p.a', 100), [expected])).toBe(true);
	expect(isExpected(event('p.a', 99), [expected])).toBe(false);
	expect(isExpected(event('p.b', 200), [expected])).toBe(false);
	expect(isExpected(event('p.a', 200), [])).toBe(false);
});

test('types that stay keep their time, new ones begin now, those that are gone are forgotten', () => {
	const expected = expectFrom(expectFrom({}, ['p.a', 'p.b'], 100), ['p.b', 'p.c'], 200);
	expect(expected).toEqual({ 'p.b': 100, 'p.c': 200 });
	expect(expectFrom(expected, ['p.a'], 300)).toEqual({ 'p.a': 300 });
});

test('from some types to all of them, and back', () => {
	const all = expectFrom(expectFrom({}, ['p.a'], 100), [], 200);
	expect(isExpected(event('p.a', 150), [all])).toBe(true);
	expect(isExpected(event('p.b', 150), [all])).toBe(false);
	expect(isExpected(event('p.b', 200), [all])).toBe(true);
	expect(expectFrom(all, ['p.a', 'p.b'], 300)).toEqual({ 'p.a': 100, 'p.b': 200 });
});

test('one of several triggers is enough', () => {
	const [one, other] = [expectFrom({}, ['p.a'], 300), expectFrom({}, [], 100)];
	expect(isExpected(event('p.a', 200), [one, other])).toBe(true);
});

test('whether a trigger lets in what is expected of it', () => {
	expect(letsIn({ 'p.a': 1 }, ['p.a'])).toBe(true);
	expect(letsIn({ 'p.a': 1 }, ['p.a', 'p.b'])).toBe(false);
	expect(letsIn({ 'p.a': 1, 'p.b': 1 }, ['p.a'])).toBe(false);
	expect(letsIn({ '*': 1, 'p.a': 1 }, [])).toBe(true);
	expect(letsIn({}, [])).toBe(false);
});
