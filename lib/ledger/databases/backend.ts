import type { Kysely } from 'kysely';
import type { Tables } from '../tables/schema';

/** A store for the ledger: the rules stand in `ledger.ts`, and a backend only opens, locks and closes. */
export interface Backend {
	readonly db: Kysely<Tables>;
	/** A random id made when the ledger was created; tells a ledger from its replacement. */
	readonly ledgerId: string;
	/** A random key of the ledger's own, for proofs. */
	readonly secret: string;
	/** Whether it still is what lies at its place; false once the file was removed or replaced. */
	isCurrent(): boolean;
	/**
	 * Runs `work`, which only reads. Not to be called inside `write`: in SQLite the two share one connection, and would wait
	 * for each other.
	 *
	 * @throws HybridSyncError `ledger-unavailable`
	 */
	read<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
	/**
	 * Runs `work` as one atomic transaction that no other writer of the stream can interleave with, waiting for its turn
	 * without holding the event loop. Where a backend loses its connection it runs `work` again from the start with
	 * `again` set, so `work` touches nothing but the database.
	 *
	 * @throws HybridSyncError `ledger-unavailable` where its turn does not come, or the store fails
	 */
	write<T>(stream: string, work: (db: Kysely<Tables>, again: boolean) => Promise<T>): Promise<T>;
	/**
	 * Removes what was erased from wherever the database still keeps it.
	 *
	 * @returns `purged`: it is nowhere any more; `pending`: another process was reading, and the next call does it;
	 *   `vacuum`: it goes with the next VACUUM, which the server does in its own time, or which is left to people
	 */
	purge(): Promise<'purged' | 'pending' | 'vacuum'>;
	close(): Promise<void>;
}
