import { z } from 'zod/v4';
import { hashOf } from '../../base/hash';
import { DAY, MINUTE } from '../../base/time';
import { composeKey } from '../../event/key';
import { parsePosition, positionOfTime, timeOfPosition } from '../../event/position';
import { readRows } from '../page-rows';
import type { Page, PageRequest, PollResource, PolledRow } from '../pull';
import { bodyOf, listOf } from './api';

/**
 * An event as Paddle writes it, in webhooks and in its log alike.
 * @see https://developer.paddle.com/api-reference/events
 */
const paddleEvent = z.object({
	event_id: z.string().regex(/^\w+$/),
	event_type: z.string().min(1).max(200),
	occurred_at: z
		.unknown()
		.transform((text) => parsePosition(text))
		.pipe(z.bigint()),
	data: z.object({ id: z.unknown() }).nullish(),
});

/** @returns the reason in words where it is no event */
export function readEvent(data: unknown, path: 'push' | 'poll', sender: string): PolledRow | string {
	const parsed = paddleEvent.safeParse(data);
	if (!parsed.success) return 'not an event of Paddle: event_id, event_type or occurred_at is missing or not usable';
	const { event_id: id, event_type: type, occurred_at: position, data: entity } = parsed.data;
	const event = {
		key: composeKey(path, 'paddle', sender, id),
		// Both paths name the same id and time.
		match: { key: composeKey('paddle', sender, id), toleranceMs: DAY },
		hash: hashOf([id, type, String(position)]),
		source: '/paddle',
		type: `paddle.${type}`,
		subject: typeof entity?.id === 'string' ? `${type.split('.')[0]}/${entity.id}` : `event/${id}`,
		time: timeOfPosition(position),
		dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/paddle/event/1',
		data,
	};
	return { position, event };
}

/*
 * The log is read forward behind the id of the last event. To begin at a time it is read from the newest event back until
 * an older one comes, which takes one page where fewer events have happened since. Paddle's filter by time, `from`, is not
 * needed so: it is new (September 2026), and whether it is inclusive is not documented. On the way back the bookmark is
 * `back:` the time `:` the event to go on below.
 */
function backOf({ from, bookmark }: Pick<PageRequest, 'from' | 'bookmark'>) {
	if (bookmark !== undefined) return /^back:(?<since>\d+):(?<below>\w+)$/.exec(bookmark)?.groups;
	// Ids need not be exactly in the order of the times.
	return from > 0n ? { since: String(from - positionOfTime(MINUTE)), below: '' } : undefined;
}

/**
 * @param types that the user wants; empty for all
 * @see https://developer.paddle.com/api-reference/events/list-events
 */
export function eventLog(types: readonly string[] = []): PollResource {
	const list = (query: Record<string, string>) => ({
		path: '/events',
		query: { ...query, ...(types.length > 0 && { event_type: types.join(',') }) },
	});
	return {
		name: 'events',
		displayName: 'Events',
		unit: 'bookmark',
		order: 'ascending',
		pageSize: 200,
		keptForMs: 90 * DAY,
		request(page) {
			const back = backOf(page);
			const after = back ? back['below'] : page.bookmark;
			return list({ per_page: '200', order_by: back ? 'id[DESC]' : 'id[ASC]', ...(after && { after }) });
		},
		sample: (limit) => list({ per_page: String(limit), order_by: 'id[DESC]' }),
		async read(response, _account, sender, page) {
			const { data: items, meta } = bodyOf(listOf(z.unknown()), response);
			const { kept, ...place } = page ? behind(page, items, meta.pagination.has_more) : { kept: items };
			const read = (item: unknown) => readEvent(item, 'poll', sender);
			const rows = await readRows({ displayName: 'Events', items: kept, keyParts: ['poll', 'paddle'], read });
			return { ...rows, ...place, size: items.length, ...(response.date !== undefined && { date: response.date }) };
		},
	};
}

/** What comes after a page, and which of its events are kept: none while older ones are looked for. */
function behind(page: PageRequest, items: readonly unknown[], hasMore: boolean) {
	const facts = items.map((item) => Object(item) as { event_id?: unknown; occurred_at?: unknown });
	const place = (token: unknown) => typeof token === 'string' && { bookmark: { token } };
	const back = backOf(page);
	if (!back) return { kept: items, last: !hasMore, ...place(facts.at(-1)?.event_id) };
	const { since = '', below } = back;
	const end = facts.findIndex((fact) => (parsePosition(fact.occurred_at) ?? Infinity) < BigInt(since));
	if (end < 0 && hasMore) return { kept: [], last: false, ...place(`back:${since}:${facts.at(-1)?.event_id}`) };
	const kept = items.slice(0, end < 0 ? undefined : end).toReversed();
	return { kept, last: page.bookmark === undefined, ...place(facts[0]?.event_id ?? below) };
}
