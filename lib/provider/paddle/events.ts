import { z } from 'zod/v4';
import { hashOf } from '../../base/hash';
import { DAY, MINUTE, parseTime } from '../../base/time';
import { composeKey } from '../../event/key';
import { parsePosition, timeOfPosition } from '../../event/position';
import { readRows } from '../page-rows';
import type { PageRequest, PollResource, PolledRow } from '../pull';
import { listOf } from './api';

/** An event in the log. Whether the rest of it is as documented is for each event to say. */
const logged = z.looseObject({ event_id: z.string(), occurred_at: z.string() });
const object = z.looseObject({ id: z.unknown() });
/** @see https://developer.paddle.com/api-reference/events */
const paddleEvent = logged.extend({ event_type: z.string().min(1), data: object.nullish() });

/**
 * @param data as Paddle writes it, in webhooks and in its log alike
 * @returns the reason in words where it is no event
 */
export function readEvent(data: unknown, path: 'push' | 'poll', sender: string): PolledRow | string {
	const { data: read } = paddleEvent.safeParse(data);
	const position = parsePosition(read?.occurred_at);
	if (!read || position === undefined) return 'no event of Paddle: event_id, event_type or occurred_at is not usable';
	const { event_id: id, event_type: type, data: entity } = read;
	const event = {
		// With whatever key the log is read, an event in it is the same.
		key: path === 'push' ? composeKey(path, 'paddle', sender, id) : composeKey(path, 'paddle', id),
		// Both paths name the same id and time.
		match: { key: composeKey('paddle', sender, id), toleranceMs: DAY },
		hash: hashOf([id, type, read.occurred_at]),
		source: '/paddle',
		type: `paddle.${type}`,
		subject: typeof entity?.id === 'string' ? `${type.split('.')[0]}/${entity.id}` : `event/${id}`,
		time: timeOfPosition(position),
		dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/paddle/event/1',
		data,
	};
	return { position, event };
}

/**
 * Where a page of the log is. It is read forward behind the id of the last event. To begin at a time, it is read from the
 * newest event back until one comes that is older: one page, where fewer have happened since. So the filter by time, which
 * Paddle has had since September 2026 (`from`), is not needed. On the way back the bookmark is `back:<time>:<id>`.
 */
function placeOf({ from, bookmark }: PageRequest) {
	// Ids need not be exactly in the order of the times.
	const start = from > 0n ? `back:${timeOfPosition(from) - MINUTE}:` : '';
	const [, since, below] = /^back:(\d+):(\w*)$/.exec(bookmark ?? start) ?? [];
	return { since: since === undefined ? undefined : Number(since), after: below ?? bookmark };
}

/**
 * @param types that the user wants; empty for all
 * @see https://developer.paddle.com/api-reference/events/list-events
 */
export function eventLog(types: readonly string[] = []): PollResource {
	const list = (perPage: number, order: 'ASC' | 'DESC', after?: string) => {
		const query = { per_page: String(perPage), order_by: `id[${order}]`, ...(after && { after }) };
		return { path: '/events', query: { ...query, ...(types.length > 0 && { event_type: types.join(',') }) } };
	};
	return {
		name: 'events',
		displayName: 'Events',
		unit: 'bookmark',
		order: 'ascending',
		pageSize: 200,
		keptForMs: 90 * DAY,
		sample: (limit) => list(limit, 'DESC'),
		request(page) {
			const { since, after } = placeOf(page);
			return list(page.pageSize, since === undefined ? 'ASC' : 'DESC', after);
		},
		async read(response, _account, sender, page) {
			const { items, hasMore } = listOf(logged, response);
			const { since = -Infinity, after } = page ? placeOf(page) : {};
			const isBack = since >= 0;
			const all = isBack ? items.toReversed() : items;
			const found = all.filter(({ occurred_at: time }) => (parseTime(time) ?? since) >= since);
			const goesBack = isBack && hasMore && found.length === all.length;
			const token = goesBack ? `back:${since}:${all[0]?.event_id}` : (all.at(-1)?.event_id ?? after);
			const last = isBack ? !goesBack && !after : !hasMore;
			const read = (item: unknown) => readEvent(item, 'poll', sender);
			const rows = { displayName: 'Events', items: goesBack ? [] : found, keyParts: ['poll', 'paddle'], read };
			const place = { size: items.length, last, ...(token && { bookmark: { token } }) };
			return { ...(await readRows(rows)), ...place, ...(response.date !== undefined && { date: response.date }) };
		},
	};
}
