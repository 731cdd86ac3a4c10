import { conditionOf } from '../../../lib/provider/any-service/condition';
import { patternsOf } from '../../../lib/provider/any-service/patterns';
import { timeOf } from '../../../lib/provider/any-service/recipe';

const AT = Date.UTC(2025, 9, 9, 8, 53, 20);

test.each([
	['1760000000', AT],
	['1760000000.123', AT + 123],
	['1760000000000', AT],
	['1760000000000000', AT],
	['1760000000000000000', AT],
	['2025-10-09T08:53:20Z', AT],
	['2025-10-09 08:53:20', AT],
	['2025-10-09 10:53:20 +0200', AT],
	['20251009T085320Z', AT],
	['20251009085320', AT],
	['20251009', Date.UTC(2025, 9, 9)],
	['Thu, 09 Oct 2025 08:53:20 GMT', AT],
	// None of them is a time, or one that cannot be.
	['2025', undefined],
	['17600000', undefined],
	['12', undefined],
	['9999999999', undefined],
	['2999-01-01T00:00:00Z', undefined],
	['soon', undefined],
	['', undefined],
	['1'.repeat(200), undefined],
])('R8 the time %j is read as %s', (text, time) => {
	expect(timeOf(text, AT + 1_000)).toBe(time);
});

test.each([
	['', 'anything', true],
	['invoice.*, customer.created', 'invoice.paid', true],
	['invoice.*, customer.created', 'customer.created', true],
	['invoice.*, customer.created', 'customer.updated', false],
	['*', 'line\nbreak', true],
	['*.paid', 'invoice.paid', true],
	['*.paid', 'invoice.paid.late', false],
	['a*b*c', 'a-b-b-c', true],
	['a*b*c', 'acb', false],
	['a*a', 'a', false],
	['a.c', 'abc', false],
	['*.*.*.*.*.*.*.*.x', '.'.repeat(10_000), false],
])('the types %j let in %j: %s', (patterns, name, isLetIn) => {
	expect(patternsOf(patterns)(name)).toBe(isLetIn);
});

test('more than 200 names are refused', () => {
	expect(() => patternsOf('a,'.repeat(201))).toThrow(/more than 200 names/);
});

test('a condition is the filter of a JSON path, and what is none is refused with an example', () => {
	const holds = conditionOf('@.data.amount > 1000 && @.data.currency == "eur"');
	expect(holds({ data: { amount: 1001, currency: 'eur' } })).toBe(true);
	expect(holds({ data: { amount: 1001, currency: 'usd' } })).toBe(false);
	expect(holds('text')).toBe(false);
	expect(() => conditionOf('amount >')).toThrow('Write it like @.data.amount > 1000');
});
