import { z } from 'zod/v4';
import { DAY, parseTime } from '../../base/time';
import { LOG, afterLogPage, logPlace, loggedEvent, loggedRows, loggedTypes, typeNames } from '../event-log';
import type { PollResource } from '../pull';
import { listOf } from './api';

/**
 * What Paddle has events about, and what happens to it.
 * @see https://github.com/PaddleHQ/paddle-node-sdk `EventName`
 */
export const eventTypes = loggedTypes(
	typeNames(`address created imported updated, adjustment created updated, api_key_exposure created,
api_key created expired expiring revoked updated, business created imported updated, payment_method deleted saved,
client_token created revoked updated, customer created imported updated, discount created imported updated,
discount_group created updated, payout created paid, price created imported updated, product created imported updated,
report created updated, subscription activated canceled created imported past_due paused resumed trialing updated,
transaction billed canceled completed created paid past_due payment_failed ready revised updated`),
);

/** An event in the log. Whether the rest of it is as documented is for each event to say. */
const logged = z.looseObject({ event_id: z.string(), occurred_at: z.string() });
const object = z.looseObject({ id: z.unknown() });
/** @see https://developer.paddle.com/api-reference/events */
const paddleEvent = logged.extend({ event_type: z.string().min(1), data: object.nullish() });

/**
 * @param data as Paddle writes it, in webhooks and in its log alike
 * @returns the reason in words where it is no event
 */
export function readEvent(data: unknown, path: 'push' | 'poll', sender: string) {
	const { data: read } = paddleEvent.safeParse(data);
	const time = parseTime(read?.occurred_at);
	if (!read || time === undefined) return 'no event of Paddle: event_id, event_type or occurred_at is not usable';
	const { event_id: id, event_type: type, data: entity } = read;
	const [kind = ''] = type.split('.');
	return loggedEvent({ provider: 'paddle', path, sender, id, type, time, about: [kind, entity?.id], data });
}

/**
 * The log, oldest first behind a known event. Its filter by time (`from`) is as new as September 2026, so it is done without.
 *
 * @param types that the user wants; empty for all
 * @see https://developer.paddle.com/api-reference/events/list-events
 */
export function eventLog(types: readonly string[] = []): PollResource {
	const list = (perPage: number, order: 'ASC' | 'DESC', after?: string) => {
		const query = { per_page: String(perPage), order_by: `id[${order}]`, ...(after && { after }) };
		return { path: '/events', query: { ...query, ...(types.length > 0 && { event_type: types.join(',') }) } };
	};
	return {
		...LOG,
		pageSize: 200,
		keptForMs: 90 * DAY,
		sample: (limit) => list(limit, 'DESC'),
		request(page) {
			const { backTo, after } = logPlace(page);
			return list(page.pageSize, backTo === undefined ? 'ASC' : 'DESC', after);
		},
		async read(response, _account, sender, page) {
			const idOf = (item: z.infer<typeof logged>) => item.event_id;
			const timeOf = (item: z.infer<typeof logged>) => parseTime(item.occurred_at);
			const { found, place } = afterLogPage({ ...listOf(logged, response), page, idOf, timeOf });
			return { ...(await loggedRows('paddle', found, (item) => readEvent(item, 'poll', sender))), ...place };
		},
	};
}
