import fc from 'fast-check';
import { bucketOf, percentilesOf } from '../../../lib/base/histogram';

const bucketsOf = (durations: readonly number[]) => {
	const buckets = new Map<number, number>();
	for (const duration of durations) buckets.set(bucketOf(duration), (buckets.get(bucketOf(duration)) ?? 0) + 1);
	return buckets;
};

describe('durations in buckets', () => {
	test('each percentile is exact to 10 %, whatever the durations', () => {
		const duration = fc.double({ min: 0, max: 11.5, noNaN: true }).map((power) => Math.round(10 ** power));
		fc.assert(
			fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), (durations) => {
				const percentiles = percentilesOf(bucketsOf(durations));
				const sorted = durations.toSorted((one, other) => one - other);
				expect(percentiles?.count).toBe(durations.length);
				for (const [name, share] of [
					['p50', 0.5],
					['p95', 0.95],
					['p99', 0.99],
				] as const) {
					// Between two values, either of the two is the percentile.
					const rank = share * (sorted.length - 1);
					const low = sorted[Math.floor(rank)] ?? 0;
					const high = sorted[Math.ceil(rank)] ?? 0;
					expect(percentiles?.[name]).toBeGreaterThanOrEqual(Math.floor(low * 0.9) - 1);
					expect(percentiles?.[name]).toBeLessThanOrEqual(Math.ceil(high * 1.1) + 1);
				}
			}),
		);
	});

	test('what came before it happened, and what took longer than anything does, has a bucket too', () => {
		expect([bucketOf(-5), bucketOf(0), bucketOf(1)]).toEqual([0, 0, 0]);
		expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBe(bucketOf(3.2e11));
		expect(percentilesOf(new Map())).toBeUndefined();
	});
});
