import { type Percentiles, bucketOf, percentilesOf } from '../base/histogram';
import { DAY, HOUR, MINUTE } from '../base/time';
import type { CounterName, CounterRow } from '../ledger/ledger';

/** Counters of a stream, to be asked for sums over any time. Times are milliseconds since the epoch. */
export interface Metrics {
	/** How often something happened. */
	readonly total: (name: CounterName, from?: number, to?: number) => number;
	/** The same by label, the most frequent first. */
	readonly byLabel: (
		name: CounterName,
	) => { readonly label: string; readonly count: number; readonly lastAt: number }[];
	/** Percentiles of durations, of those labels that are wanted. */
	readonly percentiles: (name: LatencyName, isWanted?: (label: string) => boolean) => Percentiles | undefined;
	/** How many durations lie within a limit in milliseconds, and how many beyond. */
	readonly within: (name: LatencyName, limitMs: number, from?: number, to?: number) => { good: number; bad: number };
	/** Sums of several counters over equal steps of time, oldest first. */
	readonly series: (names: readonly CounterName[], step: number) => Point[];
}

export type LatencyName = Extract<CounterName, `latency.${string}`>;

/** Sums over one step of time. */
export interface Point {
	readonly at: number;
	/** In the order of the names that were asked for. */
	readonly values: readonly number[];
}

/** How finely a time is known: minutes for seven hours, hours for eight days, then days. */
export function stepFor(periodMs: number): number {
	if (periodMs <= 6 * HOUR) return periodMs <= 2 * HOUR ? 5 * MINUTE : 15 * MINUTE;
	return periodMs <= 7 * DAY ? HOUR : DAY;
}

/**
 * @param from only what happened since; where counters stand for a longer time that began before, they count
 * @param to only what happened before
 */
export function metricsOf(rows: readonly CounterRow[], from: number, to: number): Metrics {
	const byName = Map.groupBy(rows, ({ name }) => name as CounterName);
	const rowsOf = (name: CounterName, since = from, until = to) =>
		(byName.get(name) ?? []).filter(({ at, span }) => at + span > since && at < until);
	const sum = (counters: readonly CounterRow[]) => counters.reduce((all, { value }) => all + value, 0);
	const byLabels = new Map<CounterName, Map<string, CounterRow[]>>();
	const labelsOf = (name: CounterName) => {
		let labels = byLabels.get(name);
		if (!labels) byLabels.set(name, (labels = Map.groupBy(rowsOf(name), ({ label }) => label)));
		return labels;
	};
	return {
		total: (name, since, until) => sum(rowsOf(name, since, until)),
		byLabel: (name) =>
			[...labelsOf(name)]
				.map(([label, own]) => ({ label, count: sum(own), lastAt: Math.max(...own.map(({ last_at }) => last_at)) }))
				.toSorted((one, other) => other.count - one.count),
		percentiles: (name, isWanted = () => true) => {
			const buckets = new Map<number, number>();
			for (const [label, own] of labelsOf(name)) {
				if (!isWanted(label)) continue;
				for (const { bucket, value } of own) buckets.set(bucket, (buckets.get(bucket) ?? 0) + value);
			}
			return percentilesOf(buckets);
		},
		within: (name, limitMs, since, until) => {
			const limit = bucketOf(limitMs);
			const all = rowsOf(name, since, until);
			return {
				good: sum(all.filter(({ bucket }) => bucket <= limit)),
				bad: sum(all.filter(({ bucket }) => bucket > limit)),
			};
		},
		series: (names, step) => {
			const first = Math.floor(from / step) * step;
			const points = Array.from({ length: Math.max(1, Math.ceil((to - first) / step)) }, (_, index) => ({
				at: first + index * step,
				values: names.map(() => 0),
			}));
			for (const [column, name] of names.entries()) {
				for (const { at, value } of rowsOf(name)) {
					const point = points[Math.max(0, Math.floor((at - first) / step))];
					if (point) point.values[column] = (point.values[column] ?? 0) + value;
				}
			}
			return points;
		},
	};
}
