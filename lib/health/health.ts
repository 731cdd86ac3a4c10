import { HOUR, MINUTE, formatTime } from '../base/time';
import type { Percentiles } from '../base/histogram';
import { type FactsQuery, type NodeRow, type StreamFacts, expectedOf } from '../ledger/ledger';
import { toLogged } from '../ledger/operations/look-up';
import { parsePace } from '../poll/pace';
import { type Alert, alertsOf } from './alerts';
import { share } from './figures';
import { type Metrics, metricsOf } from './metrics';
import { type PushHealth, pushHealth } from './push-health';
import { type Refused, refusedOf } from './refusal-words';
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
	/** Of those at work, how many passed more than a minute ago: their execution may have failed, and nobody reported it. */
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
