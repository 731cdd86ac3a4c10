import { HOUR, MINUTE } from '../base/time';
import type { CounterName, StepSum } from '../ledger/ledger';

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
	/** `fast`: it is used up more than 14 times too fast; `slow`: 6 times. */
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

/** How many events fared well and badly. */
interface Outcome {
	readonly good: number;
	readonly bad: number;
}

/** What fares badly beyond the allowed share can burn no faster than this share of it allows: a target of 80 % burns 5 times at most. */
const NEARLY_ALL = 0.9;

/**
 * How the targets are kept.
 *
 * @param window sums over the window of the targets
 * @param recent sums minute by minute over the last hours
 */
export function slosOf(window: readonly StepSum[], recent: readonly StepSum[], targets: Targets, now: number): Slo[] {
	return (['freshness', 'completeness', 'success'] as const).map((name) => {
		const outcome = (sums: readonly StepSum[]) => OUTCOMES[name](totalsOf(sums));
		// Alerts begin and last by minutes, so each is looked at once.
		const minutes = recent.filter(({ name: counter }) => USED[name].includes(counter));
		const within = (from: number, to: number) => outcome(minutes.filter(({ at }) => at + MINUTE > from && at < to));
		return sloOf(name, targets[name], outcome(window), within, now);
	});
}

interface Totals {
	readonly value: (name: CounterName) => number;
	readonly within: (name: CounterName) => number;
}

function totalsOf(sums: readonly StepSum[]): Totals {
	const add = (key: 'value' | 'within') => (name: CounterName) =>
		sums.reduce((sum, each) => (each.name === name ? sum + each[key] : sum), 0);
	return { value: add('value'), within: add('within') };
}

const OUTCOMES: Record<SloName, (totals: Totals) => Outcome> = {
	freshness: ({ value, within }) => ({
		good: within('latency.total'),
		bad: value('latency.total') - within('latency.total'),
	}),
	completeness: ({ value }) => {
		const unreadable = value('webhook.dead') + value('poll.dead');
		// What was given up and brought back is not missing.
		const bad = Math.max(0, value('died') + unreadable - value('revived'));
		return { good: Math.max(0, value('webhook.new') + value('poll.new') + unreadable - bad), bad };
	},
	success: ({ value }) => ({ good: value('confirmed'), bad: value('failed') + value('overrun') }),
};
const USED: Record<SloName, readonly string[]> = {
	freshness: ['latency.total'],
	completeness: ['webhook.new', 'poll.new', 'webhook.dead', 'poll.dead', 'died', 'revived'],
	success: ['confirmed', 'failed', 'overrun'],
};

function sloOf(
	name: SloName,
	target: number,
	{ good, bad }: Outcome,
	within: (from: number, to: number) => Outcome,
	now: number,
): Slo {
	const actual = good + bad === 0 ? undefined : good / (good + bad);
	const allowed = (good + bad) * (1 - target);
	const rate = (ms: number, at = now) => burnRate(within(at - ms, at), target);
	const burning = BURNS.find(({ rate: usual, longMs, shortMs }) => {
		const threshold = target >= 1 ? usual : Math.min(usual, NEARLY_ALL / (1 - target));
		for (let at = now; at >= now - ALERT_LASTS_MS; at -= STEP_MS) {
			const isTrend = within(at - longMs, at).bad >= FEWEST_BAD;
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
function burnRate({ good, bad }: Outcome, target: number): number {
	if (bad === 0) return 0;
	const share = bad / (good + bad);
	// A target of 100 % allows nothing: whatever fares badly burns as fast as can be.
	return target >= 1 ? Number.MAX_SAFE_INTEGER : round(share / (1 - target));
}

const round = (value: number) => Math.round(value * 100) / 100;
