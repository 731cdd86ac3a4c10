import { type Answer, RestError } from './answers';

export function invalidParam(name: string, reason: string): RestError {
	return new RestError(400, 'rest_invalid_param', `Invalid parameter(s): ${name}`, {
		params: { [name]: reason },
		details: { [name]: { code: 'rest_invalid_param', message: reason, data: null } },
	});
}

/** A whole number between two bounds. */
export function integer(query: URLSearchParams, name: string, fallback: number, min = 0, max = Infinity): number {
	const text = query.get(name);
	if (text === null) return fallback;
	const value = Number(text);
	if (!/^-?\d+$/.test(text)) throw invalidParam(name, `${name} is not of type integer.`);
	if (value < min) throw invalidParam(name, `${name} must be greater than or equal to ${min}`);
	if (value > max) throw invalidParam(name, `${name} must be between ${min} (inclusive) and ${max} (inclusive)`);
	return value;
}

/** One of several words. */
export function oneOf<Word extends string>(value: string | null, name: string, words: readonly Word[], fallback: Word) {
	if (value === null) return fallback;
	const found = words.find((word) => word === value);
	if (found === undefined) throw invalidParam(name, `${name} is not one of ${words.join(', ')}.`);
	return found;
}

export function flag(query: URLSearchParams, name: string): boolean {
	return (
		oneOf(query.get(name)?.toLowerCase() ?? null, name, ['true', '1', 'false', '0', ''], 'false').match(/true|1/) !==
		null
	);
}

/** A list: `name=1,2`, `name[]=1&name[]=2` or `name[0]=1`. */
export function list(query: URLSearchParams, name: string): string[] {
	return [...query]
		.filter(([key]) => key.startsWith(name) && /^(\[\d*\])?$/.test(key.slice(name.length)))
		.flatMap(([, value]) => value.split(','))
		.filter((value) => value !== '');
}

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * A date bound as a moment in milliseconds.
 * With `dates_are_gmt`, a value without a zone is GMT. A value with a zone is first turned into the time of the site and
 * then read as GMT, so that it is wrong by the site's offset. Without `dates_are_gmt`, a value without a zone is site time.
 */
export function dateBound(query: URLSearchParams, name: string, siteOffsetMinutes: number): number | undefined {
	const text = query.get(name);
	if (text === null) return undefined;
	const match = DATE_TIME.exec(text);
	const clockTime = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`);
	if (!match || Number.isNaN(clockTime)) throw invalidParam(name, 'Invalid date.');
	const siteOffset = siteOffsetMinutes * 60_000;
	const areGmt = flag(query, 'dates_are_gmt');
	const zone = match[1];
	if (zone === undefined) return areGmt ? clockTime : clockTime - siteOffset;
	const moment = clockTime - zoneOffset(zone);
	return areGmt ? moment + siteOffset : moment;
}

function zoneOffset(zone: string): number {
	const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
	return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** The page of rows that the query asks for, with the totals and the links to the other pages. */
export function pageOf<Row>(rows: readonly Row[], url: URL, render: (row: Row) => unknown): Answer {
	const query = url.searchParams;
	const page = integer(query, 'page', 1, 1);
	const perPage = integer(query, 'per_page', 10, 1, 100);
	const start = integer(query, 'offset', (page - 1) * perPage);
	const pages = Math.ceil(rows.length / perPage);
	const link = (rel: string, to: number) => {
		const target = new URL(url);
		target.searchParams.set('page', String(to));
		return `<${target.href}>; rel="${rel}"`;
	};
	const links = [
		...(page > 1 ? [link('prev', Math.min(page - 1, pages))] : []),
		...(page < pages ? [link('next', page + 1)] : []),
	];
	return {
		status: 200,
		body: rows.slice(start, start + perPage).map(render),
		headers: {
			'x-wp-total': String(rows.length),
			'x-wp-totalpages': String(pages),
			...(links.length > 0 && { link: links.join(', ') }),
		},
	};
}
