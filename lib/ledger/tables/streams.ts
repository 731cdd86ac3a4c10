import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import { DAY } from '../../base/time';
import { STREAM_RETENTION_MS } from '../rules/retention';
import type { Db, Turn } from './statements';

/** When each stream was last used: exact to the day, so that it costs a write a day. */

const dayOf = (now: number) => Math.floor(now / DAY) * DAY;

/**
 * Notes that a stream is in use.
 *
 * @returns when it began
 */
export async function touch({ db, stream, now }: Turn): Promise<number> {
	const { began_at } = await db
		.insertInto('stream')
		.values({ stream, began_at: now, used_at: dayOf(now) })
		.onConflict((conflict) =>
			conflict.column('stream').doUpdateSet({
				// A clock that was behind for a while must not make it look unused.
				used_at: sql`case when excluded.used_at > stream.used_at then excluded.used_at else stream.used_at end`,
			}),
		)
		.returning('began_at')
		.executeTakeFirstOrThrow();
	return began_at;
}

/** Remembers for a process which streams it has noted today. */
export class NotedStreams {
	/** A stream that is pushed out is noted once more than needed. */
	private readonly noted = new LRUCache<string, { readonly day: number; readonly beganAt: number }>({ max: 10_000 });

	/** @returns when the stream began, if it was noted today */
	beganAt(stream: string, now: number): number | undefined {
		const noted = this.noted.get(stream);
		return noted?.day === dayOf(now) ? noted.beganAt : undefined;
	}

	add(stream: string, now: number, beganAt: number): void {
		this.noted.set(stream, { day: dayOf(now), beganAt });
	}
}

/** Streams that have not been used for long, and have no webhook that is registered: of a quiet account nothing may come for months. */
export async function unusedStreams(db: Db, now: number): Promise<string[]> {
	const rows = await db
		.selectFrom('stream')
		.select('stream')
		.where('used_at', '<', now - STREAM_RETENTION_MS)
		.where((by) =>
			by.not(
				by.exists(by.selectFrom('subscription').select('node').whereRef('subscription.stream', '=', 'stream.stream')),
			),
		)
		.orderBy('used_at')
		.limit(100)
		.execute();
	return rows.map(({ stream }) => stream);
}

/**
 * Drops up to so many events of an unused stream, and the rest of it once there are none left.
 *
 * @returns how many events it dropped
 */
export async function dropSlice({ db, stream, now }: Turn, limit: number): Promise<number> {
	const unused = await db
		.selectFrom('stream')
		.select('stream')
		.where('stream', '=', stream)
		.where('used_at', '<', now - STREAM_RETENTION_MS)
		.executeTakeFirst();
	if (!unused) return 0;
	const rows = await db.selectFrom('event').select('seq').where('stream', '=', stream).limit(limit).execute();
	const seqs = rows.map(({ seq }) => seq);
	if (seqs.length > 0) await db.deleteFrom('event').where('seq', 'in', seqs).execute();
	if (seqs.length < limit) {
		for (const table of ['cursor', 'node', 'subscription', 'counter', 'stream'] as const) {
			await db.deleteFrom(table).where('stream', '=', stream).execute();
		}
	}
	return seqs.length;
}
