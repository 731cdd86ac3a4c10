import { HOUR, MINUTE } from '../base/time';
import type { StreamFacts } from '../ledger/ledger';
import { atLeast, percent, share } from './figures';
import type { EventCounts, HealthOptions, TriggerHealth } from './health';
import { metricsOf } from './metrics';
import { refusedOf } from './refusal-words';
import type { Slo, Targets } from './slo';

/** What somebody should look at, as sentences that say what to do. */

export interface Alert {
	readonly severity: 'alert' | 'warning';
	/** What it is about, e.g. `push-silent`. */
	readonly name: string;
	/** What is wrong, and what to do. */
	readonly text: string;
}

/** What the alerts are found in. */
interface Evidence {
	readonly facts: StreamFacts;
	readonly slos: readonly Slo[];
	readonly events: EventCounts;
	readonly triggers: readonly TriggerHealth[];
	readonly options: HealthOptions;
}

/** Reasons that a service itself is refused for, with a wrong secret or clock; scanners send nothing that looks like a signature. */
const SIGNED = ['mismatch', 'timestamp-too-old', 'timestamp-in-future', 'body-changed', 'no-secret', 'unusable-secret'];
/** Forged requests come at any time; this many within an hour, and no webhook with them, are a wrong secret. */
const MANY_REFUSED = 3;
/** The share of lost webhooks that is worth a look, where at least so many were. */
const COVERAGE_WARNING = 0.95;
const FEWEST_RECOVERED = 5;

/** What is wrong with a stream, the targets first. */
export function alertsOf({ facts, slos, events, triggers, options }: Evidence): Alert[] {
	const [hour, day] = [metricsOf(facts.lastHour), metricsOf(facts.lastDay)];
	const alerts: Alert[] = [];
	const add = (severity: Alert['severity'], name: string, text: string) => alerts.push({ severity, name, text });

	for (const slo of slos) {
		const told = `${SLO_WORDS[slo.name](options.targets)} ${percent(slo.actual ?? 1)}, and the target is ${percent(slo.target)}`;
		if (slo.burning) add('alert', `${slo.name}-burns`, `${told}. Lately it misses far more than the target allows.`);
		else if (!slo.met) add('warning', `${slo.name}-missed`, `${told}.`);
	}
	if (triggers.some(({ push }) => push === 'silent')) {
		add(
			'alert',
			'push-silent',
			'No webhook has come for much longer than usual. Polling brings what they miss, but later. Run Check Setup, and look at the webhook in the service: is it still active, and does it call the Production URL?',
		);
	}
	const [mostRefused] = hour.byLabel('refused').map(refusedOf);
	const accepted = facts.lastHour.some(({ name }) => name.startsWith('webhook.'));
	if (mostRefused && !accepted && hour.total('refused') >= MANY_REFUSED) {
		const severity = SIGNED.includes(mostRefused.reason) ? 'alert' : 'warning';
		const text = `All webhooks of the last hour were refused. ${mostRefused.what}. ${mostRefused.todo}`;
		add(severity, 'all-refused', text.trim());
	}
	const expected = events.byWebhook + events.recovered;
	const missed = events.recovered - events.webhookLate;
	if (missed >= FEWEST_RECOVERED && share(expected - missed, expected) < COVERAGE_WARNING) {
		add(
			'warning',
			'push-loses',
			`Webhooks did not bring ${missed} of ${expected} events; polling found them. Look at the webhook’s delivery log in the service.`,
		);
	}
	for (const { name, trouble } of triggers) {
		if (trouble !== undefined) add('alert', 'polling-trouble', `"${name}" cannot poll: ${trouble}`);
	}
	const { longestWaitMinutes = 0 } = events;
	if (longestWaitMinutes * MINUTE > Math.max(options.targets.freshWithinMs, HOUR)) {
		add(
			'alert',
			'queue-old',
			`${events.waiting === 1 ? '1 event waits' : `${atLeast(events.waiting)} events wait`}, the longest for ${longestWaitMinutes} minutes. Is the workflow published with a trigger that polls, and does n8n start executions?`,
		);
	}
	const { lingering } = facts.standing;
	if (lingering > 0) {
		const isOne = lingering === 1;
		add(
			'warning',
			'not-confirmed',
			`${isOne ? '1 event has' : `${atLeast(lingering)} events have`} not been confirmed for a quarter of the time to confirm: ${isOne ? 'its execution is' : 'their executions are'} slow, or failed and nobody reported it. See which with List Problems.`,
		);
	}
	const givenUp = day.total('died') + day.total('webhook.dead') + day.total('poll.dead');
	if (events.dead > 0) {
		const severity = givenUp > 0 ? 'alert' : 'warning';
		add(
			severity,
			'dead-letters',
			`${countOf(events.dead)} given up. See why with List Problems, and bring them back with Replay.`,
		);
	}
	if (events.lost > 0)
		add('alert', 'lost', `The data of ${events.lost} events was gone before they reached the workflow.`);
	if (events.twice > 0)
		add('alert', 'twice', `${events.twice} events passed a second time although they were finished.`);
	return alerts;
}

const SLO_WORDS: Record<Slo['name'], (targets: Targets) => string> = {
	freshness: ({ freshWithinMs }) =>
		`Of the events that came, those that reached the workflow within ${Math.round(freshWithinMs / MINUTE)} minutes are`,
	completeness: () => 'Of all events, those that reached the workflow and were not given up are',
	success: () => 'Of the passes that ended, those that were confirmed are',
};

/** e.g. `1 event was`, `3 events were`. */
const countOf = (count: number) => (count === 1 ? '1 event was' : `${atLeast(count)} events were`);
