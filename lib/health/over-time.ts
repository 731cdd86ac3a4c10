import type { StreamFacts } from '../ledger/ledger';

/** What the charts of a report show over time. */
export type Charted =
	'webhook.new' | 'recovered' | 'byPolling' | 'refused' | 'requests' | 'stopped' | 'webhook.duplicate' | 'twins';

/** One step of a chart. */
export interface Point {
	readonly at: number;
	readonly values: Readonly<Record<Charted, number>>;
}

/** Sums over time for the charts of a report, oldest first, with the steps in which nothing happened. */
export function chartsOf({ series, step, from, now }: StreamFacts): readonly Point[] {
	const first = from - (from % step);
	const byStep = Map.groupBy(series, ({ at }) => at);
	return Array.from({ length: Math.floor((now - first) / step) + 1 }, (_, index) => {
		const at = first + index * step;
		const own = byStep.get(at) ?? [];
		const value = (name: string) => own.find((sum) => sum.name === name)?.value ?? 0;
		const recovered = value('recovered');
		return {
			at,
			values: {
				'webhook.new': value('webhook.new'),
				recovered,
				byPolling: Math.max(0, value('poll.new') - recovered),
				refused: value('refused'),
				requests: value('requests'),
				stopped: value('stopped'),
				'webhook.duplicate': value('webhook.duplicate'),
				twins: value('webhook.twin') + value('poll.twin'),
			},
		};
	});
}
