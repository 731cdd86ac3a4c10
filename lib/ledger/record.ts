import type { ProviderEvent } from '../event/event';
import * as lifecycle from './lifecycle';
import { type StoredEvent, columnsOf, lifeOf, payloadOf, withDelivery } from './rows';
import { type Db, findByKeys, insertEvents, storableKey, updateEach } from './store';
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

/** Something authentic that cannot be read as an event. */
export interface DeadLetter {
	readonly key: string;
	/** What arrived, as it arrived. */
	readonly data: unknown;
	readonly reason: string;
}

/** Where dead letters came from. */
export type DeadLetterOrigin = Pick<RecordRequest, 'stream' | 'node' | 'path' | 'correlationId'> & {
	readonly provider: string;
};

/** An event made ready: its key fit to be stored, its payload as text. */
export interface Arrival {
	readonly event: ProviderEvent;
	readonly payload: string;
}

/** What became of an arrival, and the row it is stored in. */
export type Stored =
	{ readonly outcome: 'new' | 'due'; readonly row: NewEvent } | { readonly outcome: 'duplicate' | 'changed' };

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

type NewEvent = Omit<StoredEvent, 'seq'>;

/** A row as it stands after the arrivals so far, and what they changed; without a number while it is not stored. */
interface Pending {
	readonly row: NewEvent;
	readonly seq?: number;
	readonly changes: Partial<StoredEvent>;
}

/** Stores a slice of arrivals: each is a new event, or a further delivery of one that is there, or the twin of one. */
export async function recordSlice(
	db: Db,
	request: RecordRequest,
	arrivals: readonly Arrival[],
	now: number,
): Promise<Stored[]> {
	const keys = arrivals.map(({ event }) => event.key);
	const pending = new Map<string, Pending>();
	for (const [key, row] of await findByKeys(db, request.stream, keys)) {
		pending.set(key, { row, seq: row.seq, changes: {} });
	}
	const unseen = new Map(
		arrivals.filter(({ event }) => !pending.has(event.key)).map(({ event }) => [event.key, event]),
	);
	const twins = joinTwins([...unseen.values()], await findTwins(db, request, [...unseen.values()]));

	const results = arrivals.map((arrival): Stored => {
		const { key } = arrival.event;
		const twin = twins.get(key);
		const before = pending.get(key) ?? (twin && { row: twin, seq: twin.seq, changes: {} });
		if (before === undefined) {
			const row = newEvent(request, arrival, now);
			pending.set(key, { row, changes: {} });
			return { outcome: 'new', row };
		}
		const { changes, outcome } = furtherDelivery(request, arrival, before.row, !pending.has(key), now);
		const row = { ...before.row, ...changes };
		pending.set(key, { ...before, row, changes: { ...before.changes, ...changes } });
		return outcome === 'due' ? { outcome, row } : { outcome };
	});
	const all = [...pending.values()];
	await insertEvents(
		db,
		all.flatMap(({ row, seq }) => (seq === undefined ? row : [])),
	);
	await updateEach(
		db,
		all.flatMap(({ seq, changes }) => (seq === undefined ? [] : { seq, changes })),
	);
	return results;
}

/** Stores something authentic that cannot be read, so that it can be looked at and replayed. A repeat changes nothing. */
export async function recordDeadLetter(
	db: Db,
	request: DeadLetterOrigin,
	letter: DeadLetter,
	now: number,
): Promise<void> {
	const key = storableKey(letter.key);
	if ((await findByKeys(db, request.stream, [key])).size > 0) return;
	await insertEvents(db, [
		{
			stream: request.stream,
			event_key: key,
			twin_key: null,
			match_key: null,
			path: request.path,
			node: request.node,
			type: `${request.provider}.unreadable`,
			subject: '',
			time: now,
			hash: '',
			payload: JSON.stringify({ source: `/${request.provider}`, dataschema: '', data: letter.data }),
			correlation_id: request.correlationId,
			recovered: 0,
			received_at: now,
			...columnsOf({ stage: { state: 'dead', reason: letter.reason }, handOvers: 0, attempts: 0 }),
			deliveries: JSON.stringify([{ at: now, path: request.path, by: request.correlationId, outcome: 'dead' }]),
			delivery_count: 1,
		},
	]);
}

/** What a further delivery of an event changes; `asTwin` says that it is the first by the other path. */
function furtherDelivery(
	request: RecordRequest,
	arrival: Arrival,
	row: NewEvent,
	asTwin: boolean,
	now: number,
): { changes: Partial<StoredEvent>; outcome: 'due' | 'duplicate' | 'changed' } {
	const { event } = arrival;
	const { path, correlationId, handsOver } = request;
	const adopted = isWithoutEvent(row) ? adopt(row, request, arrival, now) : undefined;
	const life = lifecycle.expire(lifeOf({ ...row, ...adopted }), now);
	const due = handsOver && lifecycle.isDue(life, now);
	const changed = !adopted && event.key === row.event_key && event.hash !== row.hash;
	const outcome = due ? 'due' : changed ? 'changed' : 'duplicate';
	// Each tick reads its look-back again: such a repeat is no delivery and costs no write.
	if (path === 'poll' && !asTwin && !adopted) return { changes: {}, outcome };
	const changes = {
		...adopted,
		...withDelivery(row, { at: now, path, by: correlationId, outcome: asTwin ? 'twin' : outcome }),
		...(asTwin && { twin_key: event.key }),
		...(due && columnsOf(lifecycle.handOver(life, now))),
	};
	return { changes, outcome };
}

/** A key without a readable event: an item that was claimed before any trigger recorded it, or an unreadable dead letter. */
function isWithoutEvent(row: NewEvent): boolean {
	return row.hash === '';
}

/** Gives such a key the event that now arrived under it; what was claimed or settled stays so, what was unreadable waits. */
function adopt(
	row: NewEvent,
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

function newEvent(request: RecordRequest, arrival: Arrival, now: number): NewEvent {
	return {
		stream: request.stream,
		event_key: arrival.event.key,
		twin_key: null,
		...eventColumns(request, arrival),
		received_at: now,
		...columnsOf(lifecycle.begin(now, request.handsOver)),
		deliveries: JSON.stringify([{ at: now, path: request.path, by: request.correlationId, outcome: 'new' }]),
		delivery_count: 1,
	};
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
