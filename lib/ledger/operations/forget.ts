import { count } from '../tables/counters';
import * as lifecycle from '../rules/lifecycle';
import { NO_PAYLOAD } from '../tables/payload';
import { noteUnpurged } from './purge';
import { type Delivery, columnsOf, lifeOf } from '../tables/rows';
import { ROW_COLUMNS, type Turn, updateEvents } from '../tables/statements';

/**
 * Erases what is known of events: payload, subject and keys. Of the keys only HMACs stay, under a key of the ledger's own,
 * so that the events are still recognised as duplicates when they come again.
 *
 * @returns how many it erased
 */
export async function forgetSlice(turn: Turn, seqs: readonly number[]): Promise<number> {
	const { db, now, hide } = turn;
	const rows = await db
		.selectFrom('event')
		.select(ROW_COLUMNS)
		.where('seq', 'in', seqs)
		.where('forgotten', '=', 0)
		.execute();
	const hidden = (key: string | null) => (key === null ? null : hide(key));
	for (const row of rows) {
		await updateEvents(db, [row.seq], {
			event_key: hide(row.event_key),
			twin_key: hidden(row.twin_key),
			match_key: hidden(row.match_key),
			signed: hidden(row.signed),
			entity: hidden(row.entity),
			subject: '',
			// Senders choose the ids of their requests.
			correlation_id: '',
			deliveries: JSON.stringify(
				(JSON.parse(row.deliveries) as Delivery[]).map((delivery) => ({ ...delivery, by: '' })),
			),
			hash: 'forgotten',
			payload: NO_PAYLOAD,
			bytes: 0,
			forgotten: 1,
			...columnsOf(lifecycle.forget(lifeOf(row), now), now),
		});
	}
	if (rows.length > 0) await noteUnpurged(db);
	await count(turn, [{ name: 'forgotten', value: rows.length }]);
	return rows.length;
}
