import { DAY, HOUR } from '../../base/time';
import type { StreamFacts } from '../../ledger/ledger';
import { atLeast, percent } from '../figures';
import type { Health, HealthOptions, LatencyByPath } from '../health';
import { chartsOf } from '../over-time';
import type { Slo } from '../slo';
import { type DurationRow, type Series, barsOverTime, comparison, durations } from './charts';
import { type Markup, markup } from './markup';
import { type Clock, clockIn, duration, number } from '../../base/words';
import { STYLE } from './style';

/** What a report needs besides the health. */
export interface ReportOptions extends HealthOptions {
	/** Of the workflow, for the heading. */
	readonly name: string;
	/** That times are written in, e.g. `Europe/Warsaw`. */
	readonly timeZone: string;
}

/** A report: a page, and its first chart as a picture of its own. Both need nothing else, and act on nothing. */
export interface Report {
	readonly html: string;
	readonly svg: string;
}

/** Writes the report of a stream's health. */
export function reportOf(facts: StreamFacts, health: Health, options: ReportOptions): Report {
	const clock = clockIn(options.timeZone);
	const { step } = facts;
	const points = chartsOf(facts);
	const over = (title: string, series: readonly Series[]) => barsOverTime(points, series, { step, clock, title });
	const [from, to] = [Date.parse(health.from), Date.parse(health.to)];
	const arrivals = over('Events over time', [
		series('By webhook', 'webhook.new', 'a'),
		series('Recovered by polling', 'recovered', 'b'),
		series('By polling alone', 'byPolling', 'c'),
	]);
	const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Health of ${options.name}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Health of ${options.name} <span class="status ${health.status}">${health.status}</span></h1>
<p>${clock.time(from)} to ${clock.time(to)} (${options.timeZone})</p>
</header>
${alertsOf(health)}
<section>
<h2>What happened to the events</h2>
${countsOf(health)}
</section>
<section>
<h2>How events arrived</h2>
${legend(['a', 'By webhook'], ['b', 'Recovered by polling'], ['c', 'By polling alone'])}
${arrivals}
<p>${coverageOf(health)}</p>
</section>
<section>
<h2>How long it took</h2>
<p>From the event to the workflow. Half of the events took no longer than the dot, 95 % no longer than the thick line, 99 % no longer than the thin one.</p>
${latencyOf(health.latency)}
${typesOf(health)}
</section>
<section>
<h2>Targets</h2>
<p>A target of 99 % allows 1 % to go wrong: the error budget. A burn rate of 1 would use it up in ${number(options.targets.windowMs / DAY)} days, one of 2 in half that time.</p>
${slosOf(health.slos)}
</section>
<section>
<h2>Duplicates and refused requests</h2>
${legend(['a', 'Repeated webhooks'], ['c', 'Came both ways'], ['b', 'Stopped by Sync Dedupe'], ['d', 'Refused'])}
${over('Duplicates and refused requests', [
	series('Repeated webhooks', 'webhook.duplicate', 'a'),
	series('Came both ways', 'twins', 'c'),
	series('Stopped by Sync Dedupe', 'stopped', 'b'),
	series('Refused', 'refused', 'd'),
])}
${table(
	['Refused because', 'How often', 'Last', 'What to do'],
	health.refused.map(({ what, count, lastTime, todo }) => [
		what,
		number(count),
		clock.time(Date.parse(lastTime)),
		todo,
	]),
	'No request was refused.',
)}
</section>
<section>
<h2>Events that were given up</h2>
${table(
	['Reason', 'How many'],
	health.deadLetters.reasons.map(({ reason, count }) => [reason, number(count)]),
	'No event was given up.',
)}
${table(
	['Event', 'Type', 'Received', 'Reason'],
	health.deadLetters.latest.map(({ id, type, receivedtime, reason }) => [
		id,
		type,
		clock.time(Date.parse(receivedtime)),
		reason,
	]),
)}
</section>
<section>
<h2>What it cost</h2>
${health.cost.requests > 0 ? over('Requests over time', [series('Requests', 'requests', 'a')]) : markup``}
<p>${costOf(health)}</p>
${
	health.cost.requests > 0 && to - from >= HOUR
		? comparison(
				[
					{ name: 'This workflow', value: health.cost.requests, colour: 'a' },
					{ name: 'Polling every minute', value: health.cost.everyMinute.requests, colour: 'b' },
					{ name: 'Webhooks only', value: 0, colour: 'c' },
				],
				'Requests, compared',
			)
		: markup``
}
</section>
<section>
<h2>Triggers</h2>
${triggersOf(health, clock)}
</section>
</body>
</html>
`;
	const svg = arrivals.text.replace('>', `><style>${STYLE.text}</style>`);
	return { html: page.text, svg };
}

function series(name: string, column: Series['column'], colour: Series['colour']): Series {
	return { name, column, colour };
}

function alertsOf({ alerts, events }: Health): Markup {
	if (alerts.length === 0) {
		const isCalm = events.unconfirmed === 0;
		return markup`<p class="alert ok">${isCalm ? 'Nothing to do: every check is fine.' : 'No alert. Some events are in progress for over a minute: has their execution failed?'}</p>`;
	}
	return markup`${alerts.map(({ severity, text }) => markup`<p class="alert ${severity}">${text}</p>`)}`;
}

function countsOf({ events }: Health): Markup {
	const rows: [string, string, string][] = [
		['Events', number(events.total), 'Different events that became known.'],
		['By webhook', number(events.byWebhook), 'A webhook brought them first.'],
		[
			'Recovered by polling',
			number(events.recovered),
			'A webhook should have brought them; polling found them instead.',
		],
		['By polling alone', number(events.byPolling), 'Of a kind, or from a time, that no webhook brings.'],
		['Duplicates stopped', number(events.duplicatesStopped), 'The same event came again, and nothing was done twice.'],
		['Out of date', number(events.outOfDate), 'An older state that came after a newer one had passed.'],
		['Refused', number(events.refused), 'Requests that could not prove who sent them.'],
		['Reached the workflow', number(events.reached), 'Different events that an execution was started with.'],
		['Confirmed', number(events.confirmed), 'Marked as finished by a Confirm.'],
		[
			'Failed',
			number(events.failed),
			'Executions failed or took too long; their events are tried again, five times in all.',
		],
		['Passed again', number(events.passedAgain), 'Events that came once more, after a failure or a replay.'],
		['Waiting', atLeast(events.waiting), waitingWords(events)],
		['In progress', atLeast(events.inProgress), inProgressWords(events)],
		['Given up', atLeast(events.dead), 'Now: dead letters. List Problems shows them, Replay brings them back.'],
		['Lost', number(events.lost), 'Their data was gone before they reached the workflow.'],
		['Twice', number(events.twice), 'Passed again although they were finished, and nobody asked for it.'],
	];
	return markup`<table class="counts">${rows.map(
		([name, value, sentence]) =>
			markup`<tr><th>${name}</th><td class="number">${value}</td><td class="note">${sentence}</td></tr>`,
	)}</table>`;
}

function inProgressWords({ unconfirmed }: Health['events']): string {
	if (unconfirmed === 0) return 'Now: passed, and not confirmed yet.';
	return `Now: passed, and not confirmed yet, ${atLeast(unconfirmed)} for over a minute. If their execution failed, see List Problems.`;
}

function waitingWords({ longestWaitMinutes, retrying }: Health['events']): string {
	const oldest = longestWaitMinutes === undefined ? '' : ` The oldest has waited for ${longestWaitMinutes} minutes.`;
	return `Now: on their way, ${number(retrying)} of them to another attempt.${oldest}`;
}

function coverageOf({ pushCoverage, events }: Health): string {
	if (pushCoverage === undefined) return 'No webhook was expected in this time.';
	return `Of ${number(events.byWebhook + events.recovered)} events that webhooks should have brought, they brought ${percent(pushCoverage)}.`;
}

const PATH_WORDS = [
	['webhook', 'By webhook', 'a'],
	['recovered', 'Recovered', 'b'],
	['poll', 'By polling', 'c'],
] as const;

function latencyOf(latency: LatencyByPath): Markup {
	const rows = PATH_WORDS.flatMap(([path, name, colour]): DurationRow[] => {
		const total = latency[path]?.total;
		return total ? [{ name, colour, ...total }] : [];
	});
	return rows.length > 0
		? durations(rows, 'From the event to the workflow')
		: markup`<p>No event reached the workflow.</p>`;
}

const SEGMENT_WORDS = [
	['received', 'arrival'],
	['passed', 'workflow'],
	['confirmed', 'Confirm'],
] as const;

function typesOf({ latency: { byType } }: Health): Markup {
	const rows = Object.entries(byType).flatMap(([type, byPath]) =>
		PATH_WORDS.flatMap(([path, name]) => {
			const latency = byPath[path];
			if (!latency) return [];
			const cells = SEGMENT_WORDS.map(([segment]) => {
				const percentiles = latency[segment];
				return percentiles
					? `${duration(percentiles.p50)} · ${duration(percentiles.p95)} · ${duration(percentiles.p99)}`
					: '';
			});
			return [[type, name, ...cells]];
		}),
	);
	return markup`<details><summary>By type of event</summary>${table(
		['Type', 'Way', ...SEGMENT_WORDS.map(([, end]) => `To ${end}: 50, 95, 99 %`)],
		rows,
	)}</details>`;
}

const SLO_NAMES: Record<Slo['name'], string> = {
	freshness: 'Freshness: reached the workflow in time',
	completeness: 'Completeness: reached the workflow at all',
	success: 'Success: confirmed rather than failed',
};

function slosOf(slos: readonly Slo[]): Markup {
	return table(
		['Target', 'Wanted', 'Actual', 'Error budget left', 'Burn rate over 1 h, 6 h'],
		slos.map(({ name, target, actual, met, errorBudgetLeft, burnRate, burning }) => [
			SLO_NAMES[name],
			percent(target),
			actual === undefined ? 'no events' : `${percent(actual)} ${met ? '✓' : '✗'}`,
			percent(Math.max(-10, errorBudgetLeft)),
			`${burnText(burnRate['1h'])}, ${burnText(burnRate['6h'])}${burning ? ` (${burning})` : ''}`,
		]),
	);
}

const burnText = (rate: number) => (rate > 1_000 ? 'over 1,000' : number(rate));

function costOf({ cost, events }: Health): string {
	const perEvent = cost.requestsPerEvent === undefined ? '' : `, ${number(cost.requestsPerEvent)} for each event`;
	return `${number(cost.requests)} requests to the service${perEvent}${cost.unchanged > 0 ? `; to ${number(cost.unchanged)} the service answered that nothing had changed` : ''}. With webhooks alone, ${number(cost.webhooksOnly.missed)} of ${number(events.total)} events would not have come.`;
}

function triggersOf({ triggers }: Health, clock: Clock): Markup {
	const time = (text: string | undefined) => (text === undefined ? '' : clock.time(Date.parse(text)));
	return table(
		['Node', 'Does', 'State', 'Last', 'Waits until', 'Trouble'],
		triggers.map(({ name, role, published, push, lastWebhook, lastPoll, waitsUntil, trouble }) => [
			name,
			role === 'webhook' ? 'Receives webhooks' : 'Polls',
			published ? (push === 'silent' ? 'silent' : 'published') : 'not published',
			time(lastWebhook ?? lastPoll),
			time(waitsUntil),
			trouble ?? '',
		]),
		'No trigger has been published yet.',
	);
}

function table(head: readonly string[], rows: readonly (readonly string[])[], empty = ''): Markup {
	if (rows.length === 0) return empty === '' ? markup`` : markup`<p>${empty}</p>`;
	return markup`<table><thead><tr>${head.map((cell) => markup`<th>${cell}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>`)}</tbody></table>`;
}

function legend(...entries: readonly (readonly [Series['colour'], string])[]): Markup {
	return markup`<p class="legend">${entries.map(([colour, name]) => markup`<span><i class="${colour}"></i>${name}</span>`)}</p>`;
}
