import { DDSketch } from '@datadog/sketches-js';

/**
 * Durations as a histogram whose buckets can be added up, over processes and over time: those of DDSketch, which grow by a
 * constant factor, so that every percentile is exact to 10 %.
 *
 * @see https://www.vldb.org/pvldb/vol12/p2195-masson.pdf
 */

const RELATIVE_ACCURACY = 0.1;
const { mapping } = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });

/** A longer one counts as so long, in milliseconds: ten years. */
const LONGEST = 3.2e11;

/**
 * @param milliseconds less than 1, as where the sender's clock is ahead, counts as 1
 * @returns the number of its bucket, from 0 to about 135
 */
export function bucketOf(milliseconds: number): number {
	return mapping.key(Math.min(LONGEST, Math.max(1, milliseconds)));
}

/** What is known of durations, in milliseconds. */
export interface Percentiles {
	readonly count: number;
	readonly p50: number;
	readonly p95: number;
	readonly p99: number;
}

/**
 * @param buckets how many durations fall into each bucket
 * @returns nothing where there are none
 */
export function percentilesOf(buckets: ReadonlyMap<number, number>): Percentiles | undefined {
	const sketch = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
	for (const [bucket, count] of buckets) if (count > 0) sketch.accept(mapping.value(bucket), count);
	if (sketch.count === 0) return undefined;
	const at = (quantile: number) => Math.round(sketch.getValueAtQuantile(quantile));
	return { count: sketch.count, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
