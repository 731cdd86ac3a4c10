import type { DeliveryNote } from '../delivery-notes';
import { count } from '../tables/counters';
import { type Delivery, withDelivery } from '../tables/rows';
import { type Turn, findByKeys, updateEach } from '../tables/statements';

/** Writes into the log that known webhooks came again. */
export async function updateDeliveries(turn: Turn, notes: readonly DeliveryNote[]): Promise<void> {
	const rows = await findByKeys(turn, [...new Set(notes.map(({ key }) => key))]);
	const changes = new Map<number, ReturnType<typeof withDelivery>>();
	for (const { key, delivery } of notes) {
		const row = rows.get(key);
		if (!row) continue;
		// Senders choose the ids of their requests, and of a forgotten event nothing is kept that they chose.
		const noted = row.forgotten === 1 ? { ...delivery, by: '' } : delivery;
		changes.set(row.seq, inOrder(withDelivery(changes.get(row.seq) ?? row, noted)));
	}
	await updateEach(
		turn.db,
		[...changes].map(([seq, each]) => ({ seq, changes: each })),
	);
	await count(
		turn,
		notes.map(({ key }) => ({ name: 'webhook.duplicate', label: rows.get(key)?.node ?? '' })),
	);
}

/** What happened after a note was made may have been written before it. */
function inOrder(columns: ReturnType<typeof withDelivery>): ReturnType<typeof withDelivery> {
	const deliveries = JSON.parse(columns.deliveries) as Delivery[];
	return { ...columns, deliveries: JSON.stringify(deliveries.toSorted((one, other) => one.at - other.at)) };
}
