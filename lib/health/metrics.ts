import { type Percentiles, percentilesOf } from '../base/histogram';
import type { CounterName, Sum } from '../ledger/ledger';

/** Sums of counters, to be asked by name. */
export interface Metrics {
	/** How often something happened. */
	readonly total: (name: CounterName) => number;
	/** The same by label, the most frequent first. */
	readonly byLabel: (name: CounterName) => readonly LabelSum[];
	/** Percentiles of durations, by label. */
	readonly percentiles: (name: CounterName) => ReadonlyMap<string, Percentiles>;
}

export interface LabelSum {
	readonly label: string;
	readonly count: number;
	/** When it happened last; milliseconds since the epoch. */
	readonly lastAt: number;
}

export function metricsOf(sums: readonly Sum[]): Metrics {
	const byName = Map.groupBy(sums, ({ name }) => name);
	const of = (name: CounterName) => byName.get(name) ?? [];
	const labelsOf = (name: CounterName) => Map.groupBy(of(name), ({ label }) => label);
	const total = (all: readonly Sum[]) => all.reduce((count, { value }) => count + value, 0);
	return {
		total: (name) => total(of(name)),
		byLabel: (name) =>
			[...labelsOf(name)]
				.map(([label, own]) => ({ label, count: total(own), lastAt: Math.max(...own.map(({ last_at }) => last_at)) }))
				.toSorted((one, other) => other.count - one.count),
		percentiles: (name) =>
			new Map(
				[...labelsOf(name)].flatMap(([label, own]) => {
					const percentiles = percentilesOf(new Map(own.map(({ bucket, value }) => [bucket, value])));
					return percentiles ? [[label, percentiles] as const] : [];
				}),
			),
	};
}
