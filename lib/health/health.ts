import { HOUR, MINUTE, formatTime } from '../base/time';
import type { Percentiles } from '../base/histogram';
import { type FactsQuery, MOST_COUNTED, type NodeRow, type StreamFacts, expectedOf } from '../ledger/ledger';
import { toLogged } from '../ledger/operations/look-up';
import { parsePace } from '../poll/pace';
import { type LabelSum, type Metrics, metricsOf } from './metrics';
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
	/** The share of events that webhooks brought, of all that webhooks should have brought. */
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
	/** Of the recovered ones, how many the webhook brought after all, but later than polling. */
	readonly webhookLate: number;
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
	/** Of those at work, how many have not been confirmed for a quarter of their time: their execution has probably failed. */
	readonly unconfirmed: number;
	/** Minutes since the one that has waited longest was due. */
	readonly longestWaitMinutes?: number;
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
	/** By which the ledger knows it. */
	readonly node: string;
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
	/** In a word, e.g. `credential-invalid`. */
	readonly troubleCode?: string;
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

/** What of the ledger it takes. */
export function factsQuery({ periodMs, targets }: HealthOptions): FactsQuery {
	return { periodMs, windowMs: targets.windowMs, freshWithinMs: targets.freshWithinMs };
}

/** Computes the health of a stream from what the ledger knows of it. */
export function healthOf(facts: StreamFacts, options: HealthOptions): Health {
	const { now, from } = facts;
	const metrics = metricsOf(facts.sums);
	const slos = slosOf(facts.window, facts.recent, options.targets, now);
	const events = eventsOf(metrics, facts);
	const triggers = triggersOf(facts);
	const alerts = alertsOf({ facts, slos, events, triggers, options });
	const status = alerts.some(({ severity }) => severity === 'alert') ? 'alert' : alerts.length > 0 ? 'warning' : 'ok';
	const expected = events.byWebhook + events.recovered;
	return {
		status,
		alerting: status === 'alert',
		alerts,
		from: formatTime(from),
		to: formatTime(now),
		events,
		...(expected > 0 && { pushCoverage: share(events.byWebhook + events.webhookLate, expected) }),
		latency: latenciesOf(metrics),
		refused: metrics.byLabel('refused').map(refusedOf),
		deadLetters: deadLettersOf(facts),
		cost: costOf(metrics, events, now - from),
		slos,
		triggers,
	};
}

function eventsOf({ total }: Metrics, { standing, now }: StreamFacts): EventCounts {
	const recovered = total('recovered');
	const unreadable = total('webhook.dead') + total('poll.dead');
	const byWebhook = total('webhook.new');
	const polled = total('poll.new');
	const items = total('items.passed');
	const { overdueSince } = standing;
	return {
		total: byWebhook + polled + unreadable,
		byWebhook,
		recovered,
		byPolling: Math.max(0, polled - recovered),
		webhookLate: total('late'),
		duplicatesStopped: total('webhook.duplicate') + total('webhook.twin') + total('poll.twin') + total('stopped'),
		outOfDate: total('outdated'),
		refused: total('refused'),
		reached: total('passed') + total('delivered'),
		...(items > 0 && { otherItemsPassed: items }),
		confirmed: total('confirmed'),
		failed: total('failed') + total('overrun'),
		passedAgain: total('again'),
		replayed: total('replayed'),
		waiting: standing.waiting,
		retrying: standing.retrying,
		inProgress: standing.inProgress,
		unconfirmed: standing.unconfirmed,
		dead: standing.dead,
		...(overdueSince !== undefined && { longestWaitMinutes: Math.max(0, Math.round((now - overdueSince) / MINUTE)) }),
		lost: total('lost'),
		twice: total('twice'),
	};
}

const SEGMENTS = ['received', 'passed', 'confirmed', 'total'] as const;
const PATHS = ['webhook', 'recovered', 'poll'] as const;

function latenciesOf({ percentiles }: Metrics): Health['latency'] {
	const byPart = SEGMENTS.map((part) => [part, percentiles(`latency.${part}`), percentiles(`type.${part}`)] as const);
	const types = new Set(byPart.flatMap(([, , byType]) => [...byType.keys()].map(typeIn)));
	const byPath = (latencyOf: (path: string) => Latency): LatencyByPath =>
		Object.fromEntries(
			PATHS.flatMap((path) => {
				const latency = latencyOf(path);
				return Object.keys(latency).length > 0 ? [[path, latency]] : [];
			}),
		);
	const ofPath = (path: string): Latency =>
		Object.fromEntries(byPart.flatMap(([part, all]) => (all.has(path) ? [[part, all.get(path)]] : [])));
	const ofType =
		(type: string) =>
		(path: string): Latency =>
			Object.fromEntries(
				byPart.flatMap(([part, , all]) => {
					const found = all.get(`${path} ${type}`);
					return found ? [[part, found]] : [];
				}),
			);
	return { ...byPath(ofPath), byType: Object.fromEntries([...types].map((type) => [type, byPath(ofType(type))])) };
}

/** Labels are a path, a space and a type. */
const typeIn = (label: string) => label.slice(label.indexOf(' ') + 1);

function refusedOf({ label, count, lastAt }: LabelSum): Refused {
	return { reason: label, count, lastTime: formatTime(lastAt), ...refusalWords(label) };
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

function triggersOf({ nodes, lastDay, now }: StreamFacts): TriggerHealth[] {
	return nodes.map((row) => {
		const { node, name, provider, retired_at } = row;
		const common = { node, name, service: provider, published: retired_at === null };
		if (row.role === 'push') {
			const activity = activityOf(lastDay, node);
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
			...(trouble && {
				trouble: trouble.message === '' ? trouble.code : trouble.message,
				troubleCode: trouble.code,
			}),
		};
	});
}

const isExpecting = (row: NodeRow) => Object.keys(expectedOf(row)).length > 0;

/** How push has done at one node within a day. */
function activityOf(lastDay: StreamFacts['lastDay'], node: string) {
	const pushed = lastDay.filter(({ name, label }) => name.startsWith('webhook.') && label === node);
	const recovered = lastDay.filter(({ name }) => name === 'recovered');
	const latest = (sums: typeof pushed) => Math.max(0, ...sums.map(({ last_at }) => last_at));
	return {
		pushes: pushed.reduce((sum, { value }) => sum + value, 0),
		...(pushed.length > 0 && { pushedAt: latest(pushed) }),
		...(recovered.length > 0 && { recoveredAt: latest(recovered) }),
	};
}

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

function alertsOf({ facts, slos, events, triggers, options }: Evidence): Alert[] {
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
	if (events.unconfirmed > 0) {
		add(
			'warning',
			'not-confirmed',
			`${events.unconfirmed === 1 ? '1 event has' : `${atLeast(events.unconfirmed)} events have`} passed and not been confirmed for long. Their execution is slow, or it failed and nobody reported it: List Problems shows which, and when they come back.`,
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

/** A number that may be counted to its end or not. */
export const atLeast = (count: number) => (count >= MOST_COUNTED ? `${MOST_COUNTED} or more` : String(count));

const share = (part: number, all: number) => Math.round((part / all) * 10_000) / 10_000;
export const percent = (value: number) => `${Math.round(value * 10_000) / 100} %`;

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
