import { updateDeliveries } from './operations/note-deliveries';
import type { Delivery } from './tables/rows';
import type { Transactions } from './transactions';

/** That a known webhook came again. */
export interface DeliveryNote {
	/** The key that the event is stored under. */
	readonly key: string;
	readonly delivery: Delivery;
}

/** How long notes wait for others, in milliseconds. */
const WAIT_MS = 1_000;
/** How many of them in one transaction, and how many may wait. */
const TOGETHER = 250;
const MAX_WAITING = 10_000;

export type DeliveryNotes = ReturnType<typeof deliveryNotes>;

/**
 * Notes of repeated webhooks, which change nothing but the log: the sender has its answer before they are on disk, and many of
 * them share a transaction. A kill costs those of the last second.
 */
export function deliveryNotes({ tidy }: Pick<Transactions, 'tidy'>) {
	const waiting = new Map<string, DeliveryNote[]>();
	let count = 0;
	let isSet = false;

	const writeStream = async (stream: string): Promise<void> => {
		const notes = waiting.get(stream) ?? [];
		waiting.delete(stream);
		count -= notes.length;
		while (notes.length > 0) {
			const slice = notes.splice(0, TOGETHER);
			await tidy(stream, async (turn) => {
				await updateDeliveries(turn, slice);
			});
		}
	};
	const underWay = new Map<string, Promise<void>>();
	/** Writes what waits, behind what is being written. Where the ledger cannot be used, everything else tells of it. */
	const write = async (stream: string): Promise<void> => {
		const before = underWay.get(stream) ?? Promise.resolve();
		const mine = before
			.then(async () => {
				await writeStream(stream);
			})
			.catch(() => undefined);
		underWay.set(stream, mine);
		await mine;
		if (underWay.get(stream) === mine) underWay.delete(stream);
	};

	return {
		/** Writes a note within a second. */
		add(stream: string, notes: readonly DeliveryNote[]): void {
			if (notes.length === 0 || count >= MAX_WAITING) return;
			const earlier = waiting.get(stream);
			if (earlier) earlier.push(...notes);
			else waiting.set(stream, [...notes]);
			count += notes.length;
			if (isSet) return;
			isSet = true;
			setTimeout(() => {
				isSet = false;
				for (const each of waiting.keys()) void write(each);
			}, WAIT_MS).unref();
		},
		/** Writes all of them at once, before the ledger is closed. */
		async flushAll(): Promise<void> {
			for (const stream of new Set([...waiting.keys(), ...underWay.keys()])) await write(stream);
		},
		/** Writes those of a stream at once, for who is about to read them. */
		async flush(stream: string): Promise<void> {
			if (waiting.has(stream) || underWay.has(stream)) await write(stream);
		},
	};
}
