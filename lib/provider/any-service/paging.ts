import LinkHeader from 'http-link-header';
import { HybridSyncError } from '../../base/errors';
import type { Redactor } from '../../http/redact';
import type { ApiResponse } from '../../http/transport';
import type { Page } from '../pull';
import { looksFull } from '../page-rows';
import { finder } from './json-path';
import type { RestSettings } from './settings';

/** What an answer says of the pages behind it. */

type End = Pick<Page, 'last' | 'next' | 'total' | 'doubt'>;

/**
 * Finds whether there is a next page, and where.
 *
 * @returns a function of the answer, its rows, and whether nothing behind it would be asked for anyway
 */
export function endFinder(settings: RestSettings): (response: ApiResponse, rows: number, isSingle: boolean) => End {
	const nextIn = nextFinder(settings);
	const moreIn = moreFinder(settings);
	return (response, rows, isSingle) => {
		const next = nextIn(response);
		const more = moreIn(response);
		const total = totalIn(response, rows);
		const counted = total === undefined ? {} : { total };
		if (more === false) return { ...counted, last: true };
		if (next !== undefined && next !== '') return { ...counted, next };
		if (next === undefined && !isSingle) return { ...counted, ...(more && { last: false }) };
		const doubt = doubtOf(settings, response, { rows, more, total });
		return { ...counted, last: true, ...(doubt && { doubt }) };
	};
}

/** In the answer a place that begins so is the name of a header. */
const IN_HEADER = /^header:\s*/i;

/** Finds where the next page is: empty where there is none, nothing where the provider does not say. */
function nextFinder({ paging, nextAt }: RestSettings): (response: ApiResponse) => string | undefined {
	switch (paging) {
		case 'none':
		case 'page':
		case 'offset':
			return () => undefined;
		case 'link':
			return (response) => {
				const link = nextLink(response);
				return link === undefined ? '' : response.linkTo(link);
			};
		case 'token':
		case 'next': {
			const find = placeFinder(nextAt);
			return (response) => {
				const next = find(response);
				if (isNothing(next)) return '';
				const text = typeof next === 'number' ? String(next) : next;
				const { linkTo, redactor } = response;
				if (typeof text !== 'string') {
					throw new HybridSyncError(
						'configuration',
						`"Next Page At" (${nextAt}) leads to something that is neither a text nor a number: ${excerpt(next, { redactor })}.`,
					);
				}
				if (paging === 'next') return linkTo(text);
				if (!redactor.isSecret(text)) return text;
				throw new HybridSyncError(
					'configuration',
					`"Next Page At" (${nextAt}) leads to the key that was sent, or to something made of it, and not to the token of a page.`,
				);
			};
		}
	}
}

function placeFinder(place: string): (response: ApiResponse) => unknown {
	if (IN_HEADER.test(place)) {
		const name = place.replace(IN_HEADER, '').toLowerCase();
		return ({ headers }) => [headers[name]].flat()[0];
	}
	const find = finder(place, 'Next Page At');
	return ({ body }) => find(body);
}

const isNothing = (value: unknown) => value === undefined || value === null || value === '' || value === false;

/**
 * The link to the next page in the Link header. Sentry names one on the last page too, and says `results="false"` beside it.
 *
 * @throws HybridSyncError `bad-response` where the header is malformed
 * @see https://www.rfc-editor.org/rfc/rfc8288
 * @see https://docs.sentry.io/api/pagination/
 */
export function nextLink({ headers }: ApiResponse): string | undefined {
	const text = [headers['link'] ?? []].flat().join(', ');
	if (text === '') return undefined;
	// One by one: an odd parameter of one link must not hide the next.
	const links = text.split(/,\s*(?=<)/).map((link) => {
		try {
			return { link, next: LinkHeader.parse(link.replace(/[\s,;]+$/, '')).rel('next') };
		} catch {
			return { link, next: undefined };
		}
	});
	const [next] = links.flatMap((each) => each.next ?? []);
	const unreadable = links.filter((each) => each.next === undefined);
	if (!next && (unreadable.length === links.length || unreadable.some(({ link }) => /next/i.test(link)))) {
		throw new HybridSyncError('bad-response', 'The Link header of the answer cannot be read. Choose another Paging.');
	}
	return next === undefined || next['results'] === 'false' ? undefined : next.uri;
}

/** Names, without dashes and underscores, of what says that there are more, and of what says that there are none. */
const MORE = [
	'hasmore',
	'hasnext',
	'hasnextpage',
	'hasmoreitems',
	'hasmoreresults',
	'moreitemsincollection',
	'istruncated',
];
/** Objects in which it stands. */
const AROUND =
	/^(?:(?:meta|metadata|pagination|paging|page|page_?info|links|info|response_metadata|additional_data|data|result)\.)*$/i;
const LAST = ['islast', 'islastpage', 'lastpage', 'isfinal'];

/** Whether a field says that there are more pages; nothing where it says nothing of that. */
export function saysMore({ name, value }: AnswerField): boolean | undefined {
	if (typeof value !== 'boolean') return undefined;
	const plain = name.replace(/[_-]/g, '').toLowerCase();
	if (MORE.includes(plain)) return value;
	return LAST.includes(plain) ? !value : undefined;
}

/** Finds whether there are more: where the user says, or under a name that is known; nothing where the answer does not say. */
function moreFinder({ moreAt, nextAt, itemsAt }: RestSettings): (response: ApiResponse) => boolean | undefined {
	if (moreAt !== '') {
		const find = placeFinder(moreAt);
		return (response) => {
			const value = find(response);
			return value === undefined ? undefined : isTrue(value);
		};
	}
	return ({ body }) => {
		const said = fieldsOf(body).flatMap((field) => {
			const around = field.path.slice(0, field.path.length - field.name.length);
			const isAround = AROUND.test(around) || nextAt.startsWith(around) || itemsAt.startsWith(around);
			return (isAround ? saysMore(field) : undefined) ?? [];
		});
		// Where they contradict each other, nobody has said anything.
		return said.every((each) => each === said[0]) ? said[0] : undefined;
	};
}

const isTrue = (value: unknown) =>
	!(isNothing(value) || value === 0 || (typeof value === 'string' && /^(?:false|no|0)$/i.test(value)));

/** The number of those that were asked for comes before that of all there are. */
const TOTALS = [
	'recordsfiltered',
	'totalcount',
	'totalitems',
	'totalresults',
	'totalrecords',
	'totalsize',
	'totalentries',
	'numfound',
	'count',
	'total',
	'recordstotal',
];
const TOTAL_HEADERS = ['x-total-count', 'x-total', 'x-wp-total', 'total-count'];

/** How many rows the provider counts; nothing where there is no number that can be that. */
function totalIn({ body, headers }: ApiResponse, rows: number): number | undefined {
	const inHeaders = TOTAL_HEADERS.map((name) => Number([headers[name]].flat()[0] ?? NaN));
	const inBody = fieldsOf(body)
		.filter(({ path, name }) => AROUND.test(path.slice(0, path.length - name.length)))
		.flatMap(({ name, value }) => {
			const at = TOTALS.indexOf(name.replace(/[_-]/g, '').toLowerCase());
			return at < 0 ? [] : [{ at, value: Number(value) }];
		})
		.sort((a, b) => a.at - b.at)
		.map(({ value }) => value);
	return [...inHeaders, ...inBody].find((number) => Number.isSafeInteger(number) && number >= rows);
}

/** Why there may be more than was found. */
function doubtOf(
	{ paging, nextAt, pageSizeParameter, pageSize }: RestSettings,
	response: ApiResponse,
	{
		rows,
		more,
		total,
	}: { readonly rows: number; readonly more: boolean | undefined; readonly total: number | undefined },
): Page['doubt'] {
	if (rows === 0) return undefined;
	const looksBy = paging === 'link' ? 'no Link header with rel="next"' : `nothing at "Next Page At" (${nextAt})`;
	const found = paging === 'none' ? 'Paging is None' : `there is ${looksBy}`;
	const advice =
		paging === 'none'
			? 'Choose how the next page is found under Paging'
			: 'Check under Paging how the next page is found';
	const isThere = (paging === 'token' || paging === 'next') && placeFinder(nextAt)(response) !== undefined;
	const field = isThere ? undefined : nextLikeField(response, nextAt);
	const says = more === true ? 'the answer says that there are more rows' : field && `the answer has ${field.text}`;
	if (says !== undefined) {
		const isSure = more === true || field?.isSure === true;
		return {
			text: `${says}, but ${found}. ${advice}; rows behind the first page would never be found.`,
			isSure,
			isMistake: isSure && paging !== 'none',
		};
	}
	if (isThere) return undefined;
	const isFull = pageSizeParameter === '' ? paging === 'none' && looksFull(rows) : rows >= pageSize;
	const hint =
		total !== undefined && total > rows
			? `the answer counts ${total} rows and has ${rows}`
			: isFull
				? `the page looks full (${rows} rows)`
				: undefined;
	return hint === undefined
		? undefined
		: { text: `${hint}, and ${found}. ${advice}, if there can be more rows.`, isSure: false, isMistake: false };
}

/** Whether a value can be the place of a page. */
export const isPlace = (value: unknown): value is string | number =>
	(typeof value === 'string' && value !== '') || (typeof value === 'number' && value > 0);

/** Whether a field may lead to a next page, by its path. */
export const isNextLike = (path: string) => NEXT_LIKE.test(path) && !NOT_NEXT.test(path);
const NEXT_LIKE =
	/cursor|continuation|(?:page|skip)_?token|scroll_?id|next_?(?:page|link|token|records)|(?:^|[._-])(?:next|after)(?:[._-]?(?:url|uri|href|offset|start|key|id))?$/i;
/** What can mean nothing else; cursors may be those of the rows that came. */
const IS_NEXT = /next_?(?:page|link|token|cursor|url|uri|records)|(?:^|[._-])next$/i;
/** Also what is there to go on by later, such as Google’s sync tokens. */
const NOT_NEXT = /prev|before|start_?cursor|start_?page|sync|delta|cursors\.|first|self|(?:^|\.)current/i;

/** A field outside the rows that may lead to a next page, in words. */
function nextLikeField(response: ApiResponse, nextAt: string): { text: string; isSure: boolean } | undefined {
	const { body, redactor } = response;
	const field = fieldsOf(body).find(({ path, value }) => isNextLike(path) && path !== nextAt && isPlace(value));
	if (field) {
		const text = `"${redactor.redact(field.path)}": ${excerpt(field.value, response)}`;
		return { text, isSure: IS_NEXT.test(field.path) };
	}
	return nextLink(response) === undefined ? undefined : { text: 'a Link header with rel="next"', isSure: true };
}

/** A field of an answer. */
export interface AnswerField {
	readonly path: string;
	readonly name: string;
	readonly value: unknown;
}
const MAX_FIELDS = 200;
const MAX_DEPTH = 4;

/** The fields of an answer outside its lists. */
export function fieldsOf(value: unknown, depth = MAX_DEPTH, before = '', found: AnswerField[] = []): AnswerField[] {
	if (typeof value !== 'object' || value === null || Array.isArray(value) || depth === 0) return found;
	for (const name in value) {
		if (found.length >= MAX_FIELDS) break;
		const each = (value as Record<string, unknown>)[name];
		const path = `${before}${name}`;
		if (typeof each === 'object') fieldsOf(each, depth - 1, `${path}.`, found);
		else found.push({ path, name, value: each });
	}
	return found;
}

/** A value to be shown in a message, without the credential should the API echo it. */
export function excerpt(value: unknown, { redactor }: { readonly redactor: Redactor }): string {
	return value === undefined ? 'nothing' : redactor.excerpt(JSON.stringify(value), 300);
}
