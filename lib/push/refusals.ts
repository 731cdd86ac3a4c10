import { LRUCache } from 'lru-cache';
import { MINUTE } from '../base/time';
import type { Ledger } from '../ledger/ledger';

/**
 * Requests that were let in no further: counted in memory, and written to the ledger once a minute for each stream and reason,
 * so that a flood of them costs nearly nothing.
 */
interface Waiting {
	readonly reasons: Map<string, number>;
	/** The way to the ledger that the latest of them had. */
	open: () => Promise<Ledger>;
}

/** Streams whose refusals wait to be written; a flood of different ones pushes out the oldest. */
const waiting = new LRUCache<string, Waiting>({ max: 1_000 });

/**
 * @param reason one of a few
 * @param open opens the ledger, a minute later at the most
 */
export function countRefusal(stream: string, reason: string, open: () => Promise<Ledger>): void {
	let entry = waiting.get(stream);
	if (!entry) {
		waiting.set(stream, (entry = { reasons: new Map(), open }));
		// What an n8n that ends has not written is not worth keeping it.
		setTimeout(() => void writeRefusals(stream), MINUTE).unref();
	}
	entry.open = open;
	entry.reasons.set(reason, (entry.reasons.get(reason) ?? 0) + 1);
}

/** Writes what waits to be counted at once, for who is about to read it. */
export async function writeRefusals(stream: string): Promise<void> {
	const entry = waiting.get(stream);
	waiting.delete(stream);
	if (!entry) return;
	try {
		const ledger = await entry.open();
		await ledger.countRefusals(stream, Object.fromEntries(entry.reasons));
	} catch {
		// A ledger that cannot be used is told of by everything else.
	}
}
