import { scaleLinear, scaleLog, scaleUtc } from 'd3-scale';
import { stack } from 'd3-shape';
import { DAY, HOUR, MINUTE } from '../../base/time';
import type { Charted, Point } from '../over-time';
import { type Markup, markup } from './markup';
import { type Clock, duration, number } from '../../base/words';

/** Charts as SVG, in the colours of the page that they stand in. */

const WIDTH = 760;
const HEIGHT = 220;
/** Half of what a time takes. */
const TICK_WIDTH = 45;
const MARGIN = { top: 8, right: 8, bottom: 26, left: 56 };

/** One part of each bar. */
export interface Series {
	readonly name: string;
	/** Whose values they are. */
	readonly column: Charted;
	/** A class of the page's style: `a` to `d`. */
	readonly colour: 'a' | 'b' | 'c' | 'd';
}

/** Bars over time, their parts on top of each other. */
export function barsOverTime(
	points: readonly Point[],
	series: readonly Series[],
	{ step, clock, title }: { readonly step: number; readonly clock: Clock; readonly title: string },
): Markup {
	const first = points[0]?.at ?? 0;
	const last = (points.at(-1)?.at ?? first) + step;
	const x = scaleUtc()
		.domain([first, last])
		.range([MARGIN.left, WIDTH - MARGIN.right]);
	const layers = stack<Point, Series>()
		.keys(series)
		.value(({ values }, { column }) => values[column])([...points]);
	const top = Math.max(1, ...layers.flatMap((layer) => layer.map(([, high]) => high)));
	const y = scaleLinear()
		.domain([0, top])
		.nice()
		.range([HEIGHT - MARGIN.bottom, MARGIN.top]);
	const width = Math.max(1, x(first + step) - x(first) - 1);
	const bars = layers.flatMap((layer) =>
		layer.flatMap(([low, high], index) => {
			const point = points[index];
			if (!point || high === low) return [];
			const told = `${layer.key.name}: ${number(high - low)}, ${clock.time(point.at)}`;
			return markup`<rect class="${layer.key.colour}" x="${round(x(point.at))}" y="${round(y(high))}" width="${round(width)}" height="${round(y(low) - y(high))}"><title>${told}</title></rect>`;
		}),
	);
	const tickText = step >= DAY ? clock.day : clock.time;
	return drawing(title, [
		...y
			.ticks(4)
			.filter(Number.isInteger)
			.map(
				(tick) =>
					markup`<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/><text x="${MARGIN.left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${number(tick)}</text>`,
			),
		...x.ticks(5).map((tick) => {
			// At the edges a text stands inside.
			const at = x(tick);
			const anchor = at < MARGIN.left + TICK_WIDTH ? 'start' : at > WIDTH - TICK_WIDTH ? 'end' : 'middle';
			return markup`<text x="${round(at)}" y="${HEIGHT - 8}" text-anchor="${anchor}">${tickText(tick.getTime())}</text>`;
		}),
		...bars,
	]);
}

/** One row of lines: where most, nearly all and all but a few durations end. */
export interface DurationRow {
	readonly name: string;
	readonly colour: Series['colour'];
	/** In milliseconds. */
	readonly p50: number;
	readonly p95: number;
	readonly p99: number;
}

/** From 1 ms to 100 days, as people count. */
const SCALE = [1, 10, 100, 1_000, 10_000, MINUTE, 10 * MINUTE, HOUR, 10 * HOUR, 4 * DAY, 40 * DAY];
const ROW_HEIGHT = 30;
const NAMES_WIDTH = 190;

/** Durations on a scale on which each step is ten times as long. */
export function durations(rows: readonly DurationRow[], title: string): Markup {
	const height = rows.length * ROW_HEIGHT + MARGIN.bottom;
	const x = scaleLog()
		.domain([1, Math.max(10_000, ...rows.map(({ p99 }) => p99))])
		.range([NAMES_WIDTH, WIDTH - 40])
		.clamp(true);
	const marks = SCALE.filter((mark) => mark <= (x.domain()[1] ?? 0));
	return drawing(
		title,
		[
			...marks.map(
				(mark) =>
					markup`<line class="grid" x1="${round(x(mark))}" x2="${round(x(mark))}" y1="0" y2="${height - MARGIN.bottom}"/><text x="${round(x(mark))}" y="${height - 8}" text-anchor="middle">${duration(mark)}</text>`,
			),
			...rows.map(({ name, colour, p50, p95, p99 }, index) => {
				const y = index * ROW_HEIGHT + ROW_HEIGHT / 2;
				const told = `${name}: half within ${duration(p50)}, 95 % within ${duration(p95)}, 99 % within ${duration(p99)}`;
				return markup`<g><title>${told}</title><text x="${NAMES_WIDTH - 10}" y="${y + 4}" text-anchor="end">${name}</text><line class="${colour} thin" x1="${round(x(p50))}" x2="${round(x(p99))}" y1="${y}" y2="${y}"/><line class="${colour} thick" x1="${round(x(p50))}" x2="${round(x(p95))}" y1="${y}" y2="${y}"/><circle class="${colour}" cx="${round(x(p50))}" cy="${y}" r="6"/></g>`;
			}),
		],
		height,
	);
}

/** One row of a comparison. */
export interface Amount {
	readonly name: string;
	readonly value: number;
	readonly colour: Series['colour'];
}

/** Amounts side by side. */
export function comparison(rows: readonly Amount[], title: string): Markup {
	const x = scaleLinear()
		.domain([0, Math.max(1, ...rows.map(({ value }) => value))])
		.range([0, WIDTH - NAMES_WIDTH - 90]);
	return drawing(
		title,
		rows.map(({ name, value, colour }, index) => {
			const y = index * ROW_HEIGHT;
			return markup`<text x="${NAMES_WIDTH - 10}" y="${y + 20}" text-anchor="end">${name}</text><rect class="${colour}" x="${NAMES_WIDTH}" y="${y + 6}" width="${round(Math.max(1, x(value)))}" height="${ROW_HEIGHT - 12}"/><text x="${round(NAMES_WIDTH + x(value) + 8)}" y="${y + 20}">${number(value)}</text>`;
		}),
		rows.length * ROW_HEIGHT + 4,
	);
}

function drawing(title: string, parts: readonly Markup[], height = HEIGHT): Markup {
	return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
${parts}
</svg>`;
}

const round = (value: number) => Math.round(value * 10) / 10;
