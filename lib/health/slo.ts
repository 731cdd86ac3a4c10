import { HOUR, MINUTE } from '../base/time';
import type { Metrics } from './metrics';

/**
 * Service level objectives: the share of events that should fare well, and how fast the rest is used up that may not.
 *
 * @see https://sre.google/workbook/alerting-on-slos/
 */

/** What a user wants kept. Shares are from 0 to 1. */
export interface Targets {
	/** The share of events that reaches the workflow in time. */
	readonly freshness: number;
	/** In time is within so many milliseconds of the event. */
	readonly freshWithinMs: number;
	/** The share of events that reaches the workflow at all. */
	readonly completeness: number;
	/** The share of passes that is confirmed, of those that were confirmed or failed. */
	readonly success: number;
	/** The time that a target is kept over, in milliseconds. */
	readonly windowMs: number;
}

export type SloName = 'freshness' | 'completeness' | 'success';

export interface Slo {
	readonly name: SloName;
	/** The share that should fare well. */
	readonly target: number;
	/** Events that fared well or badly within the window, and the share of the first; nothing where there were none. */
	readonly good: number;
	readonly bad: number;
	readonly actual?: number;
	/** Whether the target is kept; where there were no events, it is. */
	readonly met: boolean;
	/** The share of what may fare badly that is left: 1 where nothing did, below 0 where the target is missed. */
	readonly errorBudgetLeft: number;
	/** How many times too fast the error budget is used up, lately. */
	readonly burnRate: { readonly '5m': number; readonly '1h': number; readonly '30m': number; readonly '6h': number };
	/** `fast`: all of it would be gone within two days of 30; `slow`: within five. */
	readonly burning?: 'fast' | 'slow';
}

/** A window to see how bad it is, and a short one to see that it still goes on. */
const BURNS = [
	{ kind: 'fast', rate: 14.4, longMs: HOUR, shortMs: 5 * MINUTE },
	{ kind: 'slow', rate: 6, longMs: 6 * HOUR, shortMs: 30 * MINUTE },
] as const;

/** An alert that has begun lasts at least so long, so that a burn about its threshold does not make it come and go. */
export const ALERT_LASTS_MS = 30 * MINUTE;
const STEP_MS = 5 * MINUTE;
/** Fewer bad events than this are no trend. They are told of singly, as failed events and dead letters. */
const FEWEST_BAD = 3;

type Outcomes = (from?: number, to?: number) => { readonly good: number; readonly bad: number };

/** How the targets are kept. */
export function slosOf(metrics: Metrics, targets: Targets, now: number): Slo[] {
	const { total, within } = metrics;
	const outcomes: Record<SloName, Outcomes> = {
		freshness: (from, to) => within('latency.total', targets.freshWithinMs, from, to),
		completeness: (from, to) => ({
			good: total('passed', from, to) + total('delivered', from, to),
			bad: total('died', from, to) + total('webhook.dead', from, to) + total('poll.dead', from, to),
		}),
		success: (from, to) => ({
			good: total('confirmed', from, to),
			bad: total('failed', from, to) + total('overrun', from, to),
		}),
	};
	return (['freshness', 'completeness', 'success'] as const).map((name) =>
		sloOf(name, targets[name], outcomes[name], now - targets.windowMs, now),
	);
}

function sloOf(name: SloName, target: number, outcomes: Outcomes, from: number, now: number): Slo {
	const { good, bad } = outcomes(from);
	const actual = good + bad === 0 ? undefined : good / (good + bad);
	const allowed = (good + bad) * (1 - target);
	const rate = (ms: number, at = now) => burnRate(outcomes(at - ms, at), target);
	const burning = BURNS.find(({ rate: threshold, longMs, shortMs }) => {
		for (let at = now; at >= now - ALERT_LASTS_MS; at -= STEP_MS) {
			const isTrend = outcomes(at - longMs, at).bad >= FEWEST_BAD;
			if (isTrend && rate(longMs, at) >= threshold && rate(shortMs, at) >= threshold) return true;
		}
		return false;
	});
	return {
		name,
		target,
		good,
		bad,
		...(actual !== undefined && { actual }),
		met: actual === undefined || actual >= target,
		errorBudgetLeft: bad === 0 ? 1 : allowed === 0 ? -bad : 1 - bad / allowed,
		burnRate: { '5m': rate(5 * MINUTE), '1h': rate(HOUR), '30m': rate(30 * MINUTE), '6h': rate(6 * HOUR) },
		...(burning && { burning: burning.kind }),
	};
}

/** 1 where the error budget lasts just as long as its window. */
function burnRate({ good, bad }: ReturnType<Outcomes>, target: number): number {
	if (bad === 0) return 0;
	const share = bad / (good + bad);
	// A target of 100 % allows nothing: whatever fares badly burns as fast as can be.
	return target >= 1 ? Number.MAX_SAFE_INTEGER : round(share / (1 - target));
}

const round = (value: number) => Math.round(value * 100) / 100;
