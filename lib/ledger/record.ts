import type { Insertable } from 'kysely';
import type { ProviderEvent } from '../event/event';
import * as lifecycle from './lifecycle';
import { type StoredEvent, columnsOf, lifeOf, payloadOf, withDelivery } from './rows';
import type { EventRow } from './schema';
import { type Db, findByKeys, insertEvent, storableKey, updateEvent } from './store';
import { joinTwins } from './twins';

export interface RecordRequest {
	readonly stream: string;
	/** Id of the trigger node. */
	readonly node: string;
	readonly path: 'webhook' | 'poll';
	readonly events: readonly ProviderEvent[];
	readonly correlationId: string;
	readonly traceparent?: string;
	/** Whether the recorder starts an execution with what comes back as `new` or `due`. */
	readonly handsOver: boolean;
	/** Events that happened from this time on should have been pushed; milliseconds since the epoch. */
	readonly pushedSince?: number;
	/** Advances together with the last of the events, and only while the tick holds its lease. */
	readonly cursor?: { readonly resource: string; readonly position: unknown; readonly lease: string };
}

export interface DeadLetter {
	readonly key: string;
	readonly type: string;
	readonly source: string;
	/** What arrived, as it arrived. */
	readonly data: unknown;
	readonly reason: string;
}

/** An event made ready: its key fit to be stored, its payload as text. */
export interface Arrival {
	readonly event: ProviderEvent;
	readonly payload: string;
}

/** What became of an arrival, and the row it is stored in. */
export type Stored =
	{ readonly outcome: 'new' | 'due'; readonly row: StoredEvent } | { readonly outcome: 'duplicate' | 'changed' };

export function arrivalsOf({ events, traceparent }: Pick<RecordRequest, 'events' | 'traceparent'>): Arrival[] {
	return events.map((event) => ({
		event: {
			...event,
			key: storableKey(event.key),
			...(event.match && { match: { ...event.match, key: storableKey(event.match.key) } }),
		},
		payload: payloadOf(event, traceparent),
	}));
}

/** Stores a slice of arrivals: each is a new event, or a further delivery of one that is there, or the twin of one. */
export async function recordSlice(
	db: Db,
	request: RecordRequest,
	arrivals: readonly Arrival[],
	now: number,
): Promise<Stored[]> {
	const { stream, path } = request;
	const rows = await findByKeys(db, stream, [...new Set(arrivals.map(({ event }) => event.key))]);
	const unseen = new Map(arrivals.map(({ event }) => [event.key, event] as const).filter(([key]) => !rows.has(key)));
	const twins = joinTwins([...unseen.values()], await findTwins(db, request, [...unseen.values()]));
	const delivery = (outcome: string) => ({ at: now, path, by: request.correlationId, outcome });

	const results: Stored[] = [];
	for (const arrival of arrivals) {
		const { event } = arrival;
		const twin = twins.get(event.key);
		const known = rows.get(event.key);
		const row = known ?? twin;
		if (row === undefined) {
			const stored = await insertArrival(db, request, arrival, now);
			rows.set(event.key, stored);
			results.push({ outcome: 'new', row: stored });
			continue;
		}
		const adopted = isWithoutEvent(row) ? adopt(row, request, arrival, now) : {};
		const life = lifecycle.expire(lifeOf({ ...row, ...adopted }), now);
		const due = request.handsOver && lifecycle.isDue(life, now);
		const changed = event.key === row.event_key && !isWithoutEvent(row) && event.hash !== row.hash;
		const outcome = due ? 'due' : changed ? 'changed' : 'duplicate';
		// Each tick reads its look-back again: such a repeat is no delivery and costs no write.
		const repeat = known !== undefined && path === 'poll' && !isWithoutEvent(row);
		const changes = {
			...adopted,
			...withDelivery(row, delivery(known ? outcome : 'twin')),
			...(!known && { twin_key: event.key }),
			...(due && columnsOf(lifecycle.handOver(life, now))),
		};
		if (!repeat) await updateEvent(db, row.seq, changes);
		const stored = repeat ? row : { ...row, ...changes };
		rows.set(event.key, stored);
		results.push(due ? { outcome: 'due', row: stored } : { outcome: changed ? 'changed' : 'duplicate' });
	}
	return results;
}

/** Stores something authentic that cannot be read, so that it can be looked at and replayed. A repeat changes nothing. */
export async function recordDeadLetter(
	db: Db,
	request: Pick<RecordRequest, 'stream' | 'node' | 'path' | 'correlationId'>,
	letter: DeadLetter,
	now: number,
): Promise<void> {
	const key = storableKey(letter.key);
	if ((await findByKeys(db, request.stream, [key])).size > 0) return;
	await insertEvent(db, {
		stream: request.stream,
		event_key: key,
		twin_key: null,
		match_key: null,
		path: request.path,
		node: request.node,
		type: letter.type,
		subject: '',
		time: now,
		hash: '',
		payload: JSON.stringify({ source: letter.source, dataschema: '', data: letter.data }),
		correlation_id: request.correlationId,
		recovered: 0,
		received_at: now,
		...columnsOf({ stage: { state: 'dead', reason: letter.reason }, handOvers: 0, attempts: 0 }),
		deliveries: JSON.stringify([{ at: now, path: request.path, by: request.correlationId, outcome: 'dead' }]),
		delivery_count: 1,
	});
}

/** A key without a readable event: an item that was claimed before any trigger recorded it, or an unreadable dead letter. */
function isWithoutEvent(row: StoredEvent): boolean {
	return row.hash === '';
}

/** Gives such a key the event that now arrived under it; what was claimed or settled stays so, what was unreadable waits. */
function adopt(
	row: StoredEvent,
	request: RecordRequest,
	arrival: Arrival,
	now: number,
): Partial<StoredEvent> & ReturnType<typeof eventColumns> {
	const columns = eventColumns(request, arrival);
	return row.state === 'dead' ? { ...columns, ...columnsOf(lifecycle.begin(now, false)) } : columns;
}

function eventColumns({ path, node, pushedSince, correlationId }: RecordRequest, { event, payload }: Arrival) {
	return {
		match_key: event.match?.key ?? null,
		path,
		node,
		type: event.type,
		subject: event.subject.toWellFormed(),
		time: event.time,
		hash: event.hash,
		payload,
		correlation_id: correlationId,
		recovered: path === 'poll' && pushedSince !== undefined && event.time >= pushedSince ? 1 : 0,
	};
}

async function insertArrival(db: Db, request: RecordRequest, arrival: Arrival, now: number): Promise<StoredEvent> {
	const row = {
		stream: request.stream,
		event_key: arrival.event.key,
		twin_key: null,
		...eventColumns(request, arrival),
		received_at: now,
		...columnsOf(lifecycle.begin(now, request.handsOver)),
		deliveries: JSON.stringify([{ at: now, path: request.path, by: request.correlationId, outcome: 'new' }]),
		delivery_count: 1,
	} satisfies Insertable<EventRow>;
	return { ...row, seq: await insertEvent(db, row) };
}

/** Events of the other path that could be the same as one of these. */
async function findTwins(db: Db, request: RecordRequest, events: readonly ProviderEvent[]): Promise<StoredEvent[]> {
	const matchKeys = [...new Set(events.flatMap(({ match }) => match?.key ?? []))];
	if (matchKeys.length === 0) return [];
	const tolerance = Math.max(...events.map(({ match }) => match?.toleranceMs ?? 0));
	const times = events.map(({ time }) => time);
	return await db
		.selectFrom('event')
		.selectAll()
		.where('stream', '=', request.stream)
		.where('match_key', 'in', matchKeys)
		.where('twin_key', 'is', null)
		.where('path', '=', request.path === 'webhook' ? 'poll' : 'webhook')
		.where('time', '>=', Math.min(...times) - tolerance)
		.where('time', '<=', Math.max(...times) + tolerance)
		.execute();
}
