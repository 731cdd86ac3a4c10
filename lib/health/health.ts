import { HOUR, MINUTE, formatTime } from '../base/time';
import type { Percentiles } from '../base/histogram';
import { type CounterRow, MOST_COUNTED, type NodeRow, type StreamFacts, expectedOf } from '../ledger/ledger';
import { toLogged } from '../ledger/operations/look-up';
import { parsePace } from '../poll/pace';
import { type Metrics, type Point, metricsOf, stepFor } from './metrics';
import { type PushHealth, pushHealth } from './push-health';
import { refusalWords } from './refusal-words';
import { type Slo, type Targets, slosOf } from './slo';

/** How a stream has done over a time, as Get Health gives it. Shares are from 0 to 1; times of day are ISO 8601. */
export interface Health {
	/** `alert` where somebody should look now, `warning` where somebody should look some day. */
	readonly status: 'ok' | 'warning' | 'alert';
	/** Whether the status is `alert`: for an If node. */
	readonly alerting: boolean;
	readonly alerts: readonly Alert[];
	readonly from: string;
	readonly to: string;
	readonly events: EventCounts;
	/** The share of events that webhooks brought first, of all that webhooks should have brought. */
	readonly pushCoverage?: number;
	/** Durations in milliseconds, by the way that events came, and for each type of event. */
	readonly latency: LatencyByPath & { readonly byType: Readonly<Record<string, LatencyByPath>> };
	readonly refused: readonly Refused[];
	readonly deadLetters: DeadLetters;
	readonly cost: Cost;
	readonly slos: readonly Slo[];
	readonly triggers: readonly TriggerHealth[];
}

export interface Alert {
	readonly severity: 'alert' | 'warning';
	/** What it is about, e.g. `push-silent`. */
	readonly name: string;
	/** What is wrong, and what to do. */
	readonly text: string;
}

/** The first screen: how many events went which way. */
export interface EventCounts {
	/** Different events that became known. */
	readonly total: number;
	/** Of these: brought by a webhook first; found by polling in place of a webhook; found by polling, which no webhook brings. */
	readonly byWebhook: number;
	readonly recovered: number;
	readonly byPolling: number;
	/** Deliveries of events that were known already: they started nothing, or Sync Dedupe stopped them. */
	readonly duplicatesStopped: number;
	/** Older versions that came after a newer one. */
	readonly outOfDate: number;
	/** Requests that were not let in. */
	readonly refused: number;
	/** Events that reached the workflow, and of those, how many a Confirm has finished. */
	readonly reached: number;
	/** Items from other nodes that Sync Dedupe let pass, by a value of their own. */
	readonly otherItemsPassed?: number;
	readonly confirmed: number;
	/** Passes that failed or took too long, and events that passed once more because of that, or because of a replay. */
	readonly failed: number;
	readonly passedAgain: number;
	readonly replayed: number;
	/** Now: on their way, waiting for another attempt, at work, and given up. Each is exact up to 10,000. */
	readonly waiting: number;
	readonly retrying: number;
	readonly inProgress: number;
	readonly dead: number;
	/** Minutes since the oldest of those that wait was received. */
	readonly oldestWaitingMinutes?: number;
	/** Events whose data was gone before they reached the workflow. */
	readonly lost: number;
	/** Events that passed again although they were finished, and nobody had asked for it. */
	readonly twice: number;
}

/** Durations in milliseconds. */
export interface Latency {
	/** From the event to its arrival here; from there to the workflow; from there to its Confirm. */
	readonly received?: Percentiles;
	readonly passed?: Percentiles;
	readonly confirmed?: Percentiles;
	/** From the event to the workflow. */
	readonly total?: Percentiles;
}
/** By the way that events came: by webhook, in place of a lost one, or by polling alone. */
export interface LatencyByPath {
	readonly webhook?: Latency;
	readonly recovered?: Latency;
	readonly poll?: Latency;
}

export interface Refused {
	readonly reason: string;
	readonly count: number;
	readonly lastTime: string;
	/** In words, and what to do. */
	readonly what: string;
	readonly todo: string;
}

export interface DeadLetters {
	readonly count: number;
	readonly reasons: readonly { readonly reason: string; readonly count: number }[];
	readonly latest: readonly {
		readonly id: string;
		readonly type: string;
		readonly reason: string;
		readonly receivedtime: string;
	}[];
}

export interface Cost {
	/** Requests to the service, and how many of them found nothing changed. */
	readonly requests: number;
	readonly unchanged: number;
	readonly requestsPerEvent?: number;
	/** The same time without polling: what would have been missed. */
	readonly webhooksOnly: { readonly requests: 0; readonly missed: number };
	/** The same time polled every minute, at what a poll has taken here. */
	readonly everyMinute: { readonly requests: number };
}

export interface TriggerHealth {
	readonly name: string;
	readonly role: 'webhook' | 'polling';
	readonly service: string;
	readonly published: boolean;
	/** Of a webhook that events are expected from. */
	readonly push?: PushHealth;
	readonly lastWebhook?: string;
	/** Of polling: when the service was last asked, when the next request may go, and what is wrong. */
	readonly lastPoll?: string;
	readonly waitsUntil?: string;
	readonly trouble?: string;
}

export interface HealthOptions {
	/** The time to report on, in milliseconds up to now. */
	readonly periodMs: number;
	readonly targets: Targets;
}

export const DEFAULT_TARGETS: Targets = {
	freshness: 0.99,
	freshWithinMs: HOUR,
	completeness: 0.999,
	success: 0.99,
	windowMs: 30 * 24 * HOUR,
};

/** From when on counters are needed. */
export function countersFrom(now: number, { periodMs, targets }: HealthOptions): number {
	return now - Math.max(periodMs, targets.windowMs, 24 * HOUR);
}

/** Computes the health of a stream from what the ledger knows of it. */
export function healthOf(facts: StreamFacts, options: HealthOptions): Health {
	const { now } = facts;
	const from = beginningOf(facts, options.periodMs);
	const metrics = metricsOf(facts.counters, from, now + MINUTE);
	const slos = slosOf(metrics, options.targets, now);
	const events = eventsOf(metrics, facts);
	const refused = refusedOf(metrics);
	const triggers = triggersOf(facts);
	const alerts = alertsOf({ facts, metrics, slos, events, refused, triggers, options });
	const status = alerts.some(({ severity }) => severity === 'alert') ? 'alert' : alerts.length > 0 ? 'warning' : 'ok';
	const expected = events.byWebhook + events.recovered;
	return {
		status,
		alerting: status === 'alert',
		alerts,
		from: formatTime(from),
		to: formatTime(now),
		events,
		...(expected > 0 && { pushCoverage: share(events.byWebhook, expected) }),
		latency: latenciesOf(metrics),
		refused,
		deadLetters: deadLettersOf(facts),
		cost: costOf(metrics, events, now - from),
		slos,
		triggers,
	};
}

function eventsOf({ total, byLabel }: Metrics, { standing, now }: StreamFacts): EventCounts {
	const recovered = total('recovered');
	const unreadable = total('webhook.dead') + total('poll.dead');
	const byWebhook = total('webhook.new');
	const polled = total('poll.new');
	const { oldestReceivedAt } = standing;
	// What no trigger recorded has no type.
	const [[items], events] = partition(byLabel('passed'), ({ label }) => label === '');
	return {
		total: byWebhook + polled + unreadable,
		byWebhook,
		recovered,
		byPolling: Math.max(0, polled - recovered),
		duplicatesStopped: total('webhook.duplicate') + total('webhook.twin') + total('poll.twin') + total('stopped'),
		outOfDate: total('outdated'),
		refused: total('refused'),
		reached: events.reduce((sum, { count }) => sum + count, 0) + total('delivered'),
		...(items && { otherItemsPassed: items.count }),
		confirmed: total('confirmed'),
		failed: total('failed') + total('overrun'),
		passedAgain: byLabel('again').reduce((sum, { count }) => sum + count, 0),
		replayed: total('replayed'),
		waiting: standing.waiting,
		retrying: standing.retrying,
		inProgress: standing.inProgress,
		dead: standing.dead,
		...(oldestReceivedAt !== undefined && {
			oldestWaitingMinutes: Math.max(0, Math.round((now - oldestReceivedAt) / MINUTE)),
		}),
		lost: total('lost'),
		twice: total('twice'),
	};
}

function partition<T>(all: readonly T[], isFirst: (each: T) => boolean): [T[], T[]] {
	return [all.filter(isFirst), all.filter((each) => !isFirst(each))];
}

const SEGMENTS = ['received', 'passed', 'confirmed', 'total'] as const;
const PATHS = ['webhook', 'recovered', 'poll'] as const;

function latenciesOf(metrics: Metrics): Health['latency'] {
	const types = new Set(metrics.byLabel('latency.received').map(({ label }) => label.slice(label.indexOf(' ') + 1)));
	const byPath = (type?: string): LatencyByPath =>
		Object.fromEntries(
			PATHS.flatMap((path) => {
				const isWanted = (label: string) =>
					type === undefined ? label.startsWith(`${path} `) : label === `${path} ${type}`;
				const latency = Object.fromEntries(
					SEGMENTS.flatMap((segment) => {
						const percentiles = metrics.percentiles(`latency.${segment}`, isWanted);
						return percentiles ? [[segment, percentiles]] : [];
					}),
				);
				return Object.keys(latency).length > 0 ? [[path, latency]] : [];
			}),
		);
	return { ...byPath(), byType: Object.fromEntries([...types].map((type) => [type, byPath(type)])) };
}

function refusedOf({ byLabel }: Metrics): Refused[] {
	return byLabel('refused').map(({ label, count, lastAt }) => ({
		reason: label,
		count,
		lastTime: formatTime(lastAt),
		...refusalWords(label),
	}));
}

function deadLettersOf({ standing }: StreamFacts): DeadLetters {
	return {
		count: standing.dead,
		reasons: standing.deathReasons,
		latest: standing.latestDead.map((row) => {
			const { id, type, receivedtime, reason = '' } = toLogged(row);
			return { id, type, reason, receivedtime };
		}),
	};
}

function costOf({ total }: Metrics, events: EventCounts, periodMs: number): Cost {
	const [requests, polls] = [total('requests'), total('polls')];
	return {
		requests,
		unchanged: total('unchanged'),
		...(events.total > 0 && { requestsPerEvent: Math.round((requests / events.total) * 100) / 100 }),
		webhooksOnly: { requests: 0, missed: events.recovered + events.byPolling },
		everyMinute: { requests: polls === 0 ? 0 : Math.round((periodMs / MINUTE) * (requests / polls)) },
	};
}

function triggersOf({ nodes, counters, now }: StreamFacts): TriggerHealth[] {
	const activity = activityOf(counters, now);
	return nodes.map((row) => {
		const { name, provider, retired_at } = row;
		const common = { name, service: provider, published: retired_at === null };
		if (row.role === 'push') {
			return {
				...common,
				role: 'webhook',
				...(isExpecting(row) && { push: pushHealth(activity, now) }),
				...(activity.pushedAt !== undefined && { lastWebhook: formatTime(activity.pushedAt) }),
			};
		}
		const { askedAt, trouble } = parsePace(JSON.parse(row.state));
		return {
			...common,
			role: 'polling',
			...(askedAt > 0 && { lastPoll: formatTime(askedAt) }),
			...(row.not_before > now && { waitsUntil: formatTime(row.not_before) }),
			...(trouble && { trouble: trouble.message === '' ? trouble.code : trouble.message }),
		};
	});
}

const isExpecting = (row: NodeRow) => Object.keys(expectedOf(row)).length > 0;

function activityOf(counters: readonly CounterRow[], now: number) {
	const day = counters.filter(({ at, span }) => at + span > now - 24 * HOUR);
	const pushed = day.filter(({ name }) => name.startsWith('webhook.'));
	const recovered = day.filter(({ name }) => name === 'recovered');
	const latest = (rows: readonly CounterRow[]) => Math.max(0, ...rows.map(({ last_at }) => last_at));
	return {
		pushes: pushed.reduce((sum, { value }) => sum + value, 0),
		...(pushed.length > 0 && { pushedAt: latest(pushed) }),
		...(recovered.length > 0 && { recoveredAt: latest(recovered) }),
	};
}

interface Evidence {
	readonly facts: StreamFacts;
	readonly metrics: Metrics;
	readonly slos: readonly Slo[];
	readonly events: EventCounts;
	readonly refused: readonly Refused[];
	readonly triggers: readonly TriggerHealth[];
	readonly options: HealthOptions;
}

/** Forged requests come at any time; this many within an hour, and no webhook with them, are a wrong secret. */
const MANY_REFUSED = 3;
/** The share of lost webhooks that is worth a look, where at least so many were. */
const COVERAGE_WARNING = 0.95;
const FEWEST_RECOVERED = 5;

function alertsOf({ facts, metrics, slos, events, refused, triggers, options }: Evidence): Alert[] {
	const { now } = facts;
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
	const accepted = metrics.total('webhook.new', now - HOUR) + metrics.total('webhook.duplicate', now - HOUR);
	const [mostRefused] = refused;
	if (mostRefused && accepted === 0 && metrics.total('refused', now - HOUR) >= MANY_REFUSED) {
		add('alert', 'all-refused', `All webhooks of the last hour were refused. ${mostRefused.what}. ${mostRefused.todo}`);
	}
	const expected = events.byWebhook + events.recovered;
	if (events.recovered >= FEWEST_RECOVERED && share(events.byWebhook, expected) < COVERAGE_WARNING) {
		add(
			'warning',
			'push-loses',
			`Webhooks lost ${events.recovered} of ${expected} events; polling found them. Look at the webhook’s delivery log in the service.`,
		);
	}
	for (const { name, trouble } of triggers) {
		if (trouble !== undefined) add('alert', 'polling-trouble', `"${name}" cannot poll: ${trouble}`);
	}
	if ((events.oldestWaitingMinutes ?? 0) * MINUTE > Math.max(options.targets.freshWithinMs, HOUR)) {
		add(
			'alert',
			'queue-old',
			`${events.waiting === 1 ? '1 event waits' : `${atLeast(events.waiting)} events wait`}, the oldest for ${events.oldestWaitingMinutes} minutes. Is the workflow published, and does n8n start executions?`,
		);
	}
	const newDead =
		metrics.total('died', now - 24 * HOUR) +
		metrics.total('webhook.dead', now - 24 * HOUR) +
		metrics.total('poll.dead', now - 24 * HOUR);
	if (newDead > 0) {
		add(
			'alert',
			'dead-letters',
			`${countOf(newDead)} given up within a day. See why with List Problems, and bring them back with Replay.`,
		);
	} else if (events.dead > 0) {
		add('warning', 'dead-letters', `${countOf(events.dead)} given up earlier. See them with List Problems.`);
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

/** A number that may be counted to its end or not. */
export const atLeast = (count: number) => (count >= MOST_COUNTED ? `${MOST_COUNTED} or more` : String(count));

const share = (part: number, all: number) => Math.round((part / all) * 10_000) / 10_000;
export const percent = (value: number) => `${Math.round(value * 10_000) / 100} %`;

/** What the charts of a report show over time. */
export const CHARTED = [
	'webhook.new',
	'recovered',
	'byPolling',
	'refused',
	'requests',
	'stopped',
	'webhook.duplicate',
] as const;

/** Sums over time for the charts of a report, in the order of `CHARTED`. */
export function chartsOf(
	facts: StreamFacts,
	{ periodMs }: Pick<HealthOptions, 'periodMs'>,
): { readonly step: number; readonly points: Point[] } {
	const from = beginningOf(facts, periodMs);
	const step = stepFor(facts.now - from);
	const names = CHARTED.map((name) => (name === 'byPolling' ? 'poll.new' : name));
	const points = metricsOf(facts.counters, from, facts.now + MINUTE).series(names, step);
	const [recovered, byPolling] = [CHARTED.indexOf('recovered'), CHARTED.indexOf('byPolling')];
	const withoutRecovered = ({ at, values }: Point): Point => ({
		at,
		values: values.map((value, column) =>
			column === byPolling ? Math.max(0, value - (values[recovered] ?? 0)) : value,
		),
	});
	return { step, points: points.map(withoutRecovered) };
}

/** A report does not begin before the stream did. */
function beginningOf({ now, beganAt = now }: StreamFacts, periodMs: number): number {
	return Math.max(now - periodMs, Math.floor(beganAt / MINUTE) * MINUTE);
}
