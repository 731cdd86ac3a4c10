import type { Backend } from './databases/backend';
import { hiddenKey } from './tables/keys';
import type { Db, Turn } from './tables/statements';
import { NotedStreams, touch } from './tables/streams';

/** What the operations on a ledger share: its time, and its transactions. */
export interface Transactions {
	/** Milliseconds since the epoch. */
	readonly clock: () => number;
	/** Reads, of one stream or of all. */
	readonly read: <T>(work: (db: Db) => Promise<T>) => Promise<T>;
	readonly readStream: <T>(stream: string, work: (turn: Turn) => Promise<T>) => Promise<T>;
	/** One transaction at a stream, which notes that the stream is in use. */
	readonly write: <T>(stream: string, work: (turn: Turn) => Promise<T>) => Promise<T>;
	/** The same for what nobody asked for, which is no use of the stream. */
	readonly tidy: <T>(stream: string, work: (turn: Turn) => Promise<T>) => Promise<T>;
	/** See `Backend.purge`. */
	readonly purge: Backend['purge'];
	/** Whether this process has noted today that the stream is in use. */
	readonly isNoted: (stream: string) => boolean;
}

export function transactionsOn(backend: Backend, clock: () => number): Transactions {
	const noted = new NotedStreams();
	const turn = (stream: string, db: Db, now = clock(), again = false, beganAt = Infinity): Turn => ({
		db,
		stream,
		now,
		again,
		beganAt,
		hide: (key) => hiddenKey(backend.secret, stream, key),
	});
	return {
		clock,
		read: async (work) => await backend.read(work),
		readStream: async (stream, work) => await backend.read(async (db) => await work(turn(stream, db))),
		write: async (stream, work) => {
			const now = clock();
			let beganAt = noted.beganAt(stream, now);
			const result = await backend.write(stream, async (db, again) => {
				// The same time for every try, by which a later one knows what an earlier one did.
				beganAt ??= await touch(turn(stream, db, now, again));
				return await work(turn(stream, db, now, again, beganAt));
			});
			if (beganAt !== undefined) noted.add(stream, now, beganAt);
			return result;
		},
		tidy: async (stream, work) => await backend.write(stream, async (db) => await work(turn(stream, db))),
		purge: async () => await backend.purge(),
		isNoted: (stream) => noted.beganAt(stream, clock()) !== undefined,
	};
}
