import { DAY, HOUR, MINUTE, healthOf, reportOf } from '../../../lib';
import { bucketOf } from '../../../lib/base/histogram';
import { DEFAULT_TARGETS } from '../../../lib/health/health';
import { BARE_ROW } from '../../../lib/ledger/tables/rows';
import type { StreamFacts } from '../../../lib/ledger/ledger';

const NOW = Date.parse('2026-03-01T12:00:00Z');

/** What a sender may put into whatever it chooses: names, reasons, types. */
const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(2)>' onload='x {{ $json }} =cmd|'/c calc'!A0 \u202Egnp.exe \0`;

/** The facts of a stream in which everything that comes from outside is this text. */
function factsWith(text: string, types = 1): StreamFacts {
	const sum = (name: string, value: number, label = '', bucket = 0) => ({
		name,
		label,
		bucket,
		value,
		last_at: NOW - HOUR,
	});
	const step = (name: string, hoursAgo: number, value: number) => ({
		name,
		at: NOW - hoursAgo * HOUR,
		value,
		within: 0,
	});
	const labels = Array.from({ length: types }, (_, index) => `${text}${index}`);
	const dead = {
		...BARE_ROW,
		event_key: text,
		type: text,
		reason: text,
		received_at: NOW,
		time: NOW,
		path: 'webhook',
		state: 'dead',
	} as unknown as StreamFacts['standing']['latestDead'][number];
	const trouble = { code: 'unavailable', message: text, tries: 1, pauseMs: 0 };
	const pace = { askedAt: NOW, calmSince: 0, silent: false, settings: '', trouble };
	return {
		now: NOW,
		from: NOW - DAY,
		step: HOUR,
		sums: [
			sum('webhook.new', 5_000_000, text),
			sum('poll.new', 70_000),
			sum('recovered', 60_000),
			...['webhook', 'recovered', 'poll'].flatMap((path) =>
				[10, 2_000, 60_000, 4_000_000].flatMap((ms) =>
					['received', 'passed', 'confirmed', 'total'].flatMap((part) => [
						sum(`latency.${part}`, 1_000_000, path, bucketOf(ms)),
						...labels.map((label) => sum(`type.${part}`, 1_000_000, `${path} ${label}`, bucketOf(ms))),
					]),
				),
			),
			sum('refused', 12, text),
			sum('requests', 500),
			sum('polls', 100),
		],
		lastDay: [],
		lastHour: [sum('refused', 12, text)],
		window: [step('latency.total', 3, 1_000)],
		recent: [step('latency.total', 3, 1_000)],
		series: [
			step('webhook.new', 3, 5_000_000),
			step('poll.new', 2, 70_000),
			step('recovered', 2, 60_000),
			step('refused', 1, 12),
		],
		standing: {
			waiting: 10_000,
			retrying: 3,
			inProgress: 4,
			unconfirmed: 1,
			lingering: 1,
			overdueSince: NOW - 5 * HOUR,
			dead: 20,
			deathReasons: Array.from({ length: 20 }, () => ({ reason: text, count: 1 })),
			latestDead: Array.from({ length: 20 }, () => dead),
		},
		nodes: [
			{ node: text, name: text, role: 'push', provider: text, expects: '{}', retired_at: null, state: '{}' },
			{
				node: text,
				name: text,
				role: 'pull',
				provider: text,
				expects: '{}',
				retired_at: null,
				state: JSON.stringify(pace),
			},
		] as unknown as StreamFacts['nodes'],
	};
}

function reportWith(text: string, types?: number, periodMs = DAY) {
	const facts = { ...factsWith(text, types), from: NOW - periodMs };
	const options = { periodMs, targets: DEFAULT_TARGETS };
	return reportOf(facts, healthOf(facts, options), { ...options, name: text, timeZone: 'Europe/Warsaw' });
}

const tagsOf = (html: string) => html.match(/<[^>]*>/g)?.map((tag) => tag.replace(/(aria-label)="[^"]*"/, '$1')) ?? [];

describe('H3 the report', () => {
	test('hostile text makes no element and no attribute: the page is built as with harmless text', () => {
		const hostile = reportWith(HOSTILE);
		const harmless = reportWith('harmless');
		const built = (html: string) => tagsOf(html).filter((tag) => !/^<(?:text|rect|line|circle)/.test(tag));
		expect(built(hostile.html)).toEqual(built(harmless.html));
		expect(hostile.html).not.toMatch(/<(?:script|img|iframe|object|link|base|form|a|foreignObject)\b/i);
		expect(hostile.html).not.toMatch(/[\u202A-\u202E\u2066-\u2069\0]/);
		expect(hostile.html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
		expect(hostile.svg).not.toMatch(/script|onerror|\u202E/);
	});

	test('it loads nothing, and allows nothing to load or run', () => {
		const { html, svg } = reportWith('x');
		expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
		for (const text of [html, svg]) {
			expect(
				text.replace('http://www.w3.org/2000/svg', '').replaceAll('xmlns="http://www.w3.org/2000/svg"', ''),
			).not.toMatch(/https?:|url\(|@import|src=|href=/);
		}
	});

	test.each([HOUR, DAY, 7 * DAY, 90 * DAY])(
		'it is under 1 MB with 100 types and the longest texts, over %d ms',
		(period) => {
			const { html, svg } = reportWith('t'.repeat(5_000), 100, period);
			expect(Buffer.byteLength(html)).toBeLessThan(1_000_000);
			expect(Buffer.byteLength(svg)).toBeLessThan(200_000);
		},
	);

	test('its first screen is the table, and each number has a sentence', () => {
		const { html } = reportWith('x');
		const table = /<table class="counts">(.*?)<\/table>/s.exec(html)?.[1] ?? '';
		const rows = [...table.matchAll(/<tr><th>(.*?)<\/th><td class="number">(.*?)<\/td><td class="note">(.*?)<\/td>/g)];
		expect(rows.map(([, name, value]) => [name, value])).toEqual([
			['Events', '5,070,000'],
			['By webhook', '5,000,000'],
			['Recovered by polling', '60,000'],
			['By polling alone', '10,000'],
			['Duplicates stopped', '0'],
			['Out of date', '0'],
			['Refused', '12'],
			['Reached the workflow', '0'],
			['Confirmed', '0'],
			['Failed', '0'],
			['Passed again', '0'],
			['Waiting', '10000 or more'],
			['In progress', '4'],
			['Given up', '20'],
			['Lost', '0'],
			['Twice', '0'],
		]);
		for (const [, , , sentence] of rows) expect(sentence).toMatch(/^[A-Z].*\.$/);
	});

	test('requests are compared with other ways once there is an hour to compare', () => {
		expect(reportWith('x', 2, HOUR).html).toContain('Polling every minute');
		expect(reportWith('x', 2, HOUR - 1).html).not.toContain('Polling every minute');
	});

	test('what is over is told: the alerts name what to do', () => {
		const facts = factsWith('x');
		const { alerts, alerting, status } = healthOf(facts, { periodMs: DAY, targets: DEFAULT_TARGETS });
		expect({ alerting, status }).toEqual({ alerting: true, status: 'alert' });
		expect(alerts.map(({ name }) => name)).toEqual(
			expect.arrayContaining(['freshness-missed', 'polling-trouble', 'queue-old', 'dead-letters', 'all-refused']),
		);
		expect(alerts.find(({ name }) => name === 'queue-old')?.text).toContain(
			'10000 or more events wait, the longest for 300 minutes',
		);
		const long = healthOf({ ...facts, now: NOW + 2 * MINUTE }, { periodMs: DAY, targets: DEFAULT_TARGETS });
		expect(long.alerts.map(({ name }) => name)).toEqual(alerts.map(({ name }) => name));
	});
});
