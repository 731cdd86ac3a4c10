import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { DAY } from '../../base/time';
import type { ProviderEvent } from '../../event/event';
import { type Position, timeOfPosition } from '../../event/position';
import { isOfType } from '../../event/type';
import { LOG, loggedEvent, loggedRows } from '../event-log';
import { qualifiedType } from '../provider';
import type { PageContent, PageRequest, PollResource } from '../pull';
import { namesOf } from './event-types';

/**
 * An event as Stripe writes it, in webhooks and in its log alike.
 * @see https://docs.stripe.com/api/events/object
 */
const stripeEvent = z.object({
	id: z.string().regex(/^evt_\w+$/),
	type: z.string().min(1).max(200),
	/** In seconds. */
	created: z.int().positive(),
	/** Of an account that is connected to ours. */
	account: z.string().min(1).nullish(),
	livemode: z.boolean().nullish(),
	api_version: z.string().min(1).nullish(),
	data: z.object({ object: z.object({ id: z.unknown(), object: z.unknown() }).nullish() }).nullish(),
});

/** What both paths say of an event. */
export interface StripeEvent {
	readonly event: ProviderEvent;
	/** Whether it is about real payments; nothing where it does not say. */
	readonly isLive: boolean | undefined;
}

/**
 * @param data as Stripe sent it
 * @param sender identifies the credential
 * @returns the reason in words where it is no event
 */
export function readEvent(data: unknown, path: 'push' | 'poll', sender: string): StripeEvent | string {
	const parsed = stripeEvent.safeParse(data);
	if (!parsed.success) {
		const field = parsed.error.issues[0]?.path.join('.') ?? '';
		return `not an event of Stripe: an object with a usable "${field === '' ? 'id' : field}" was expected`;
	}
	const { id, type, created, account, livemode, api_version: version } = parsed.data;
	const object = parsed.data.data?.object;
	return {
		isLive: livemode ?? undefined,
		event: loggedEvent({
			provider: 'stripe',
			path,
			sender,
			id,
			type,
			time: created * 1_000,
			about: [textOr(object?.object, 'object'), object?.id],
			source: account ? `/accounts/${account}` : '',
			version: `${version ?? 'unknown'}/1`,
			data,
		}),
	};
}

const textOr = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);

/** The most that Stripe gives at once. */
const PAGE_SIZE = 100;
/** How long Stripe keeps its events. */
const KEPT_FOR_MS = 30 * DAY;
/** As many types as can be asked for by name. */
const MAX_TYPES = 20;

const list = z.object({ data: z.array(z.unknown()), has_more: z.boolean() });

/*
 * Stripe lists the newest events first, and only behind a known one the oldest first. So the oldest one from a time on is
 * looked for, in stretches of time that have at most a page of events: where one has more, half of it is asked for. Where we
 * are stands in the bookmark: the id of an event, or a stretch (`since:` its beginning `:` its length, both in seconds, and in
 * a second that has more than a page, `:` the event that is to be gone below).
 */

interface Stretch {
	readonly from: number;
	readonly seconds: number;
	readonly below?: string;
}

function stretchOf(bookmark: string | undefined): Stretch | undefined {
	const [, from, seconds, below] = /^since:(\d+):(\d+)(?::(\w+))?$/.exec(bookmark ?? '') ?? [];
	if (from === undefined) return undefined;
	return { from: Number(from), seconds: Number(seconds), ...(below !== undefined && { below }) };
}

const written = ({ from, seconds, below }: Stretch) =>
	`since:${from}:${Math.max(1, seconds)}${below === undefined ? '' : `:${below}`}`;

/**
 * The log of all events.
 *
 * @param types that the user wants, by Stripe's names; empty for all
 * @see https://docs.stripe.com/api/events/list
 */
export function eventLog(types: readonly string[] = []): PollResource {
	const names = namesOf(types);
	// More than these cannot be asked for by name; the others are left out when they have come.
	const asked = names.length > MAX_TYPES ? [] : names;
	const filter = Object.fromEntries(asked.map((type, index) => [`types[${index}]`, type]));
	return {
		...LOG,
		pageSize: PAGE_SIZE,
		keptForMs: KEPT_FOR_MS,
		request: ({ from, bookmark, pageSize }) => ({
			path: '/v1/events',
			query: { limit: String(pageSize), ...filter, ...placeOf(from, bookmark) },
		}),
		// Whether one of all the webhooks of the account has failed: more than is needed may come.
		undelivered: (from, until) => ({
			path: '/v1/events',
			query: {
				limit: String(PAGE_SIZE),
				...filter,
				'created[gte]': String(secondsOf(from)),
				'created[lte]': String(Math.floor(until / 1_000)),
				delivery_success: 'false',
			},
		}),
		sample: (limit) => ({ path: '/v1/events', query: { limit: String(limit), ...filter } }),
		async read(response, _account, sender, page) {
			const parsed = list.safeParse(response.body);
			if (!parsed.success) {
				throw new HybridSyncError(
					'bad-response',
					'Stripe answered /v1/events with something that is not a list of events. Check the API URL in the credential.',
				);
			}
			const { data: items, has_more: hasMore } = parsed.data;
			const { isKept, ...place } = page ? placeBehind(page, idsOf(items), hasMore, response.date) : { isKept: true };
			const wants = (event: ProviderEvent) =>
				types.length === 0 || types.some((type) => isOfType(event.type, qualifiedType('stripe', type)));
			const rows = await loggedRows('stripe', isKept ? items.toReversed() : [], (item) => {
				const read = readEvent(item, 'poll', sender);
				if (typeof read === 'string') return read;
				return wants(read.event) ? read.event : undefined;
			});
			return { ...rows, size: items.length, ...place };
		},
	};
}

function placeOf(from: Position, bookmark: string | undefined): Record<string, string> {
	if (bookmark === undefined) return { 'created[gte]': String(secondsOf(from)) };
	const stretch = stretchOf(bookmark);
	if (!stretch) return { ending_before: bookmark };
	return {
		'created[gte]': String(stretch.from),
		'created[lt]': String(stretch.from + stretch.seconds),
		...(stretch.below !== undefined && { starting_after: stretch.below }),
	};
}

const secondsOf = (position: Position) => Math.max(0, Math.floor(timeOfPosition(position) / 1_000));

const idsOf = (items: readonly unknown[]) =>
	items.flatMap((item) => {
		const { id } = Object(item) as { id?: unknown };
		return typeof id === 'string' ? id : [];
	});

/**
 * What comes after a page.
 *
 * @param ids of its events, newest first
 * @returns also whether its rows are kept: not where older ones are still looked for
 */
function placeBehind(
	{ from, bookmark }: PageRequest,
	ids: readonly string[],
	hasMore: boolean,
	date = Date.now(),
): Pick<PageContent, 'bookmark' | 'last'> & { readonly isKept: boolean } {
	const newest = ids.at(0);
	const stretch = stretchOf(bookmark);
	if (bookmark !== undefined && !stretch) {
		return { isKept: true, last: !hasMore, ...(newest !== undefined && { bookmark: { token: newest } }) };
	}
	if (!stretch) {
		if (!hasMore) return { isKept: true, last: true, ...(newest !== undefined && { bookmark: { token: newest } }) };
		const now = Math.floor(date / 1_000);
		const begin = Math.max(secondsOf(from), now - KEPT_FOR_MS / 1_000);
		return { isKept: false, last: false, bookmark: { token: written({ from: begin, seconds: (now - begin) >> 1 }) } };
	}
	const isPast = stretch.from <= Math.floor(date / 1_000);
	const goesOn = (next: Stretch) => ({ isKept: false, last: !isPast, bookmark: { token: written(next) } });
	if (!hasMore) {
		// Of all that there is from that time on, these are the oldest.
		if (newest !== undefined) return { isKept: true, last: false, bookmark: { token: newest } };
		// The one below which nothing is any more.
		if (stretch.below !== undefined) return { isKept: true, last: false, bookmark: { token: stretch.below } };
		return goesOn({ from: stretch.from + stretch.seconds, seconds: stretch.seconds * 2 });
	}
	if (stretch.seconds > 1) return goesOn({ ...stretch, seconds: stretch.seconds >> 1 });
	// Kept, though the newest come first: they are not asked for again should those below them be gone meanwhile.
	return { ...goesOn({ ...stretch, below: ids.at(-1) ?? '' }), isKept: true };
}
