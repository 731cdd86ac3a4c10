import { LATEST_TIME } from '../../base/time';
import type { ProviderEvent } from '../../event/event';
import { type Count, counting, duration } from '../tables/counters';
import { storableKey, storableText } from '../tables/keys';
import * as lifecycle from '../rules/lifecycle';
import { type Expected, isExpected } from '../rules/expected';
import { isBeyondDedupeWindow } from '../rules/retention';
import { NO_PAYLOAD, type Payload, pack, payloadOf, unpack } from '../tables/payload';
import { BARE_ROW, type LifeColumns, type NewEvent, columnsOf, lifeOf, withDelivery } from '../tables/rows';
import {
	type StoredRow,
	type Turn,
	findByKeys,
	findByMatch,
	findBySigned,
	hasForgotten,
	insertion,
	readPayloads,
	runAll,
	updateEach,
	updateEvents,
} from '../tables/statements';
import { MAX_EMITTED_BYTES } from '../slices';
import type { DeliveryNote } from '../delivery-notes';
import { joinTwins } from '../rules/twins';

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
	/** They were there before the start: they are known from now on, and pass to nobody. */
	readonly seen?: boolean;
	/** What push should have brought: such an event is recovered if polling finds it first. Default nothing. */
	readonly expected?: readonly Expected[];
	/** Advances together with the last of the events, and only while the tick holds its lease. */
	readonly cursor?: {
		readonly resource: string;
		readonly position: unknown;
		/** Rows from this time on will be read again; milliseconds since the epoch. */
		readonly readsFrom: number;
		readonly lease: string;
	};
}

/** An event made ready: its keys fit to be stored, its payload packed. */
export interface Arrival {
	readonly event: ProviderEvent;
	readonly payload: Payload;
	readonly packed: Uint8Array;
	/** Of the payload before it was packed: what it costs to deal with. */
	readonly bytes: number;
	/** Why it cannot be let in. */
	readonly refusal?: string;
}

/** What became of an arrival, and for what is to be emitted, the row it is stored in. */
export type Stored =
	| { readonly outcome: 'new' | 'due' | 'changed'; readonly row: Omit<NewEvent, 'payload'>; readonly payload: Payload }
	| { readonly outcome: 'duplicate' | 'dead' };

/** Makes an event ready to be stored. */
export function arrivalOf(event: ProviderEvent, traceparent: string | undefined): Arrival {
	return {
		event: {
			...event,
			key: storableKey(event.key),
			subject: storableKey(event.subject),
			type: storableText(event.type),
			time: Math.max(-LATEST_TIME, Math.min(LATEST_TIME, event.time)),
			...(event.signed !== undefined && { signed: storableKey(event.signed) }),
			...(event.match && { match: { ...event.match, key: storableKey(event.match.key) } }),
			...(event.state && { state: { ...event.state, entity: storableKey(event.state.entity) } }),
		},
		...packed(event, traceparent),
	};
}

function packed(event: ProviderEvent, traceparent: string | undefined): Omit<Arrival, 'event'> {
	const payload = payloadOf(event, traceparent);
	try {
		return { payload, ...pack(payload) };
	} catch (error) {
		// Data nested so deeply that JSON cannot be made of it. It must not stop the others.
		const reason = `Its data cannot be kept: ${String(error)}`;
		const rest = { ...payload, data: null };
		return { payload: rest, ...pack(rest), refusal: reason };
	}
}

/** A row whose payload was not read. */
type KnownEvent = Omit<NewEvent, 'payload'> & Partial<Pick<NewEvent, 'payload'>>;

/** A row as it stands after the arrivals so far, and what they changed; without a number while it is not stored. */
interface Pending {
	readonly row: KnownEvent;
	readonly seq?: number;
	readonly changes: Partial<NewEvent>;
}

/** What the arrivals of a slice are held against. */
interface Slice {
	readonly turn: Turn;
	readonly request: RecordRequest;
	/** Rows by event key: those that are stored, and those that the arrivals so far have made. */
	readonly pending: Map<string, Pending>;
	/** Rows of the other path that are the same event, by the key of the arrival. */
	readonly twins: ReadonlyMap<string, StoredRow>;
	/** The life that new events begin. */
	readonly freshLife: LifeColumns;
	/** Keys of what a try before this one had stored already. */
	readonly answered: Set<string>;
	/** Of webhooks that are stored, and came again. */
	readonly notes: DeliveryNote[];
}

/** The result for one arrival. */
interface Recorded {
	readonly stored: Stored;
	/** As what it is counted; nothing where it changed nothing. */
	readonly counted?: readonly Count[];
	/** A known event that is to be handed over, once its payload has been read. */
	readonly due?: KnownEvent;
}

/**
 * Stores a slice of arrivals: each is a new event, or a further delivery of one that is there, or the twin of one.
 *
 * @param room bytes of JSON text that known events may have which are handed over together with this request
 * @returns also what is still to be noted: that known webhooks came again
 */
export async function recordSlice(
	turn: Turn,
	request: RecordRequest,
	arrivals: readonly Arrival[],
	room: number,
): Promise<{ stored: Stored[]; notes: readonly DeliveryNote[] }> {
	const slice = await beginSlice(turn, request, arrivals);
	let left = room;
	const recorded: Recorded[] = [];
	for (const arrival of arrivals) {
		const each = recordArrival(slice, arrival, left);
		left -= each.due?.bytes ?? 0;
		recorded.push(each);
	}
	await store(slice, recorded);
	return { stored: await withDuePayloads(slice, arrivals, recorded), notes: slice.notes };
}

async function beginSlice(turn: Turn, request: RecordRequest, arrivals: readonly Arrival[]): Promise<Slice> {
	const keys = arrivals.map(({ event }) => event.key);
	const pending = new Map<string, Pending>();
	for (const [key, { seq, ...row }] of await findByKeys(turn, keys)) pending.set(key, { row, seq, changes: {} });
	for (const [key, { seq, ...row }] of await findCaptured(turn, arrivals, pending))
		pending.set(key, { row, seq, changes: {} });
	const unseen = new Map(
		arrivals.filter(({ event }) => !pending.has(event.key)).map(({ event }) => [event.key, event]),
	);
	const twins = joinTwins([...unseen.values()], await findTwins(turn, request, [...unseen.values()]));
	const life = request.seen ? lifecycle.beginSeen(turn.now) : lifecycle.begin(turn.now, request.handsOver);
	return { turn, request, pending, twins, freshLife: columnsOf(life, turn.now), answered: new Set(), notes: [] };
}

/** Known webhooks that came again under another id, known or not, where the id is not signed: by the key of the arrival. */
async function findCaptured(
	turn: Turn,
	arrivals: readonly Arrival[],
	known: ReadonlyMap<string, Pending>,
): Promise<(readonly [string, StoredRow])[]> {
	const keyOf = new Map(
		arrivals.flatMap(({ event: { key, signed } }) =>
			signed === undefined || known.get(key)?.row.signed === signed ? [] : ([[signed, key]] as const),
		),
	);
	if (keyOf.size === 0) return [];
	const hidden = (await hasForgotten(turn)) ? [...keyOf].map(([signed, key]) => [turn.hide(signed), key] as const) : [];
	for (const [signed, key] of hidden) keyOf.set(signed, key);
	const rows = await findBySigned(turn, [...keyOf.keys()]);
	return rows.map((row) => [keyOf.get(row.signed ?? '') ?? '', row] as const);
}

function recordArrival(slice: Slice, arrival: Arrival, left: number): Recorded {
	const { turn, request, pending, twins, answered } = slice;
	const { key } = arrival.event;
	const twin = twins.get(key);
	const before = pending.get(key) ?? (twin && { row: twin, seq: twin.seq, changes: {} });
	if (before === undefined) return recordNew(slice, arrival);
	if (turn.again && isOwnRow(turn, request, before.row) && !answered.has(key)) {
		answered.add(key);
		if (before.row.state === 'dead') return { stored: { outcome: 'dead' } };
		return { stored: { outcome: 'new', row: before.row, payload: arrival.payload } };
	}
	const asTwin = !pending.has(key);
	// What is too much for one execution stays due, for the polling trigger.
	const fits = left === MAX_EMITTED_BYTES || before.row.bytes <= left;
	const isKept = before.seq !== undefined && !asTwin;
	const { changes, outcome, note } = furtherDelivery(turn, request, arrival, before.row, { asTwin, fits, isKept });
	if (note) slice.notes.push(note);
	const row = { ...before.row, ...changes };
	pending.set(key, { ...before, row, changes: { ...before.changes, ...changes } });
	// A look-back that reads a row again is no delivery.
	const isDelivery = Object.keys(changes).length > 0;
	const counted = isDelivery ? { counted: countsOf(request, before.row, outcome, asTwin) } : {};
	switch (outcome) {
		case 'due':
			return { stored: { outcome: 'duplicate' }, due: row, ...counted };
		case 'changed':
			return { stored: { outcome, row, payload: arrival.payload }, ...counted };
		case 'duplicate':
			return { stored: { outcome }, ...counted };
	}
}

function recordNew({ turn, request, pending, freshLife }: Slice, arrival: Arrival): Recorded {
	const row = newEvent(turn, request, arrival, freshLife);
	pending.set(arrival.event.key, { row, changes: {} });
	const stored: Stored = row.state === 'dead' ? { outcome: 'dead' } : { outcome: 'new', row, payload: arrival.payload };
	const counted: Count[] = request.seen ? [{ name: 'seen' }] : [deliveryOf(request, stored.outcome)];
	return { stored, counted };
}

/** Deliveries by webhook are counted under the node that received them: each has a service of its own behind it. */
function deliveryOf({ path, node }: RecordRequest, outcome: Stored['outcome'] | 'twin'): Count {
	return { name: `${path}.${outcome}`, ...(path === 'webhook' && { label: node }) };
}

function countsOf(request: RecordRequest, row: KnownEvent, outcome: Stored['outcome'], asTwin: boolean): Count[] {
	return [
		deliveryOf(request, asTwin ? 'twin' : outcome),
		...(asTwin && request.path === 'webhook' && row.recovered === 1 ? [{ name: 'late' } as const] : []),
		// Its execution has taken too long, and it is given to another one.
		...(outcome === 'due' && row.state === 'claimed' ? [{ name: 'overrun' } as const] : []),
	];
}

async function store({ turn, request, pending }: Slice, recorded: readonly Recorded[]): Promise<void> {
	const all = [...pending.values()];
	const fresh = all.flatMap(({ row, seq }) => (seq === undefined ? (row as NewEvent) : []));
	const counts = recorded.flatMap(({ counted = [] }) => counted);
	for (const row of fresh) {
		if (row.state === 'dead' || request.seen) continue;
		if (row.recovered === 1) counts.push({ name: 'recovered' });
		counts.push(...duration(turn, 'received', row, turn.now - row.time));
	}
	await runAll(turn.db, [...insertion(turn.db, fresh), ...counting(turn, counts)]);
	await updateEach(
		turn.db,
		all.flatMap(({ seq, changes }) => (seq === undefined ? [] : { seq, changes })),
	);
}

/** Reads the payloads of known events that are handed over; one that had been given up comes with the delivery. */
async function withDuePayloads(
	{ turn, pending, twins }: Slice,
	arrivals: readonly Arrival[],
	recorded: readonly Recorded[],
): Promise<Stored[]> {
	const known = [...pending.values()].map(({ row, seq }) => [row.event_key, seq] as const);
	const seqOf = new Map([...known, ...[...twins.values()].map(({ event_key, seq }) => [event_key, seq] as const)]);
	const payloads = await readPayloads(
		turn.db,
		recorded.flatMap(({ due }) => (due && seqOf.get(due.event_key)) ?? []),
	);
	const results: Stored[] = [];
	for (const [index, { stored, due: row }] of recorded.entries()) {
		const arrival = arrivals[index];
		if (!row || !arrival) {
			results.push(stored);
			continue;
		}
		const seq = seqOf.get(row.event_key) ?? -1;
		const kept = unpack(row.payload ?? payloads.get(seq) ?? NO_PAYLOAD);
		if (!kept) await updateEvents(turn.db, [seq], { payload: arrival.packed, bytes: arrival.bytes });
		results.push({ outcome: 'due', row, payload: kept ?? arrival.payload });
	}
	return results;
}

/** Whether a row was made by this very request, by a try whose answer was lost with the connection. */
function isOwnRow({ now }: Turn, { correlationId, path }: RecordRequest, row: KnownEvent): boolean {
	return (
		row.received_at === now &&
		row.path === path &&
		row.correlation_id === storableText(correlationId) &&
		row.attempts === 0
	);
}

/**
 * What a further delivery of an event changes.
 *
 * @param how `asTwin`: it is the first by the other path; `fits`: it may be handed over, if it is due; `isKept`: it is stored
 *   already
 */
function furtherDelivery(
	turn: Turn,
	request: RecordRequest,
	arrival: Arrival,
	row: KnownEvent,
	{ asTwin, fits, isKept }: { readonly asTwin: boolean; readonly fits: boolean; readonly isKept: boolean },
): { changes: Partial<NewEvent>; outcome: 'due' | 'duplicate' | 'changed'; note?: DeliveryNote } {
	const { now } = turn;
	const { event } = arrival;
	const { path, correlationId, handsOver } = request;
	const adopted = isWithoutEvent(row) ? adopt(turn, row, request, arrival) : undefined;
	const life = lifecycle.expire(lifeOf({ ...row, ...adopted }), now);
	const due = handsOver && fits && lifecycle.isDue(life, now);
	// Of the same signed bytes, whatever they were read as, the first reading counts.
	const isCaptured = event.signed !== undefined && event.signed === row.signed;
	const isOther = event.key === row.event_key && event.hash !== row.hash;
	const changed = !adopted && !row.forgotten && isOther && !isCaptured;
	const outcome = due ? 'due' : changed ? 'changed' : 'duplicate';
	// Each tick reads its look-back again: such a repeat is no delivery and costs no write.
	if (path === 'poll' && !asTwin && !adopted && outcome === 'duplicate') return { changes: {}, outcome };
	const delivery = { at: now, path, by: correlationId, outcome: asTwin ? 'twin' : outcome };
	// Nothing but the log would change: its sender need not wait for that.
	if (isKept && !adopted && outcome === 'duplicate')
		return { changes: {}, outcome, note: { key: row.event_key, delivery } };
	const changes = {
		...adopted,
		...withDelivery(row, delivery),
		...(asTwin && {
			twin_key: row.forgotten ? turn.hide(event.key) : event.key,
			...(event.signed !== undefined && { signed: row.forgotten ? turn.hide(event.signed) : event.signed }),
		}),
		// Told once for each change, and not again with every repeat.
		...(outcome === 'changed' && { hash: event.hash }),
		...(due && columnsOf(lifecycle.handOver(life, now), now)),
	};
	return { changes, outcome };
}

/** A key without a readable event: an item that was claimed before any trigger recorded it, or an unreadable dead letter. */
function isWithoutEvent(row: KnownEvent): boolean {
	return row.hash === '';
}

/** Gives such a key the event that now arrived under it; what is claimed or settled stays so, everything else waits. */
function adopt(
	{ now }: Turn,
	row: KnownEvent,
	request: RecordRequest,
	arrival: Arrival,
): Partial<NewEvent> & ReturnType<typeof eventColumns> {
	const columns = eventColumns(request, arrival);
	const life = lifeOf(row);
	const isHeld = row.state === 'claimed' || row.state === 'done';
	const adopted = isHeld ? { ...life, foreign: false } : { ...lifecycle.begin(now, false), attempts: life.attempts };
	return { ...columns, ...columnsOf(adopted, now) };
}

function eventColumns({ path, node, expected = [], correlationId }: RecordRequest, { event, packed, bytes }: Arrival) {
	return {
		match_key: event.match?.key ?? null,
		entity: event.state?.entity ?? null,
		version: event.state?.version ?? null,
		signed: event.signed ?? null,
		path,
		node,
		type: event.type,
		subject: event.subject,
		time: event.time,
		hash: event.hash,
		payload: packed,
		bytes,
		correlation_id: storableText(correlationId),
		recovered: path === 'poll' && isExpected(event, expected) ? 1 : 0,
	};
}

const TOO_OLD = 'It happened longer ago than duplicates are remembered. Replay it if it has not been processed.';

/** @param fresh the life that most of them begin */
function newEvent(turn: Turn, request: RecordRequest, arrival: Arrival, fresh: LifeColumns): NewEvent {
	const { now, stream } = turn;
	const tooOld = request.path === 'webhook' && isBeyondDedupeWindow(arrival.event.time, now);
	const refusal = tooOld ? TOO_OLD : arrival.refusal;
	return {
		...BARE_ROW,
		stream,
		event_key: arrival.event.key,
		...eventColumns(request, arrival),
		received_at: now,
		...(refusal === undefined ? fresh : columnsOf(lifecycle.beginDead(refusal), now)),
	};
}

/** Events of the other path that could be the same as one of these. */
async function findTwins(turn: Turn, { path }: RecordRequest, events: readonly ProviderEvent[]): Promise<StoredRow[]> {
	const matchKeys = [...new Set(events.flatMap(({ match }) => match?.key ?? []))];
	if (matchKeys.length === 0) return [];
	const hidden = (await hasForgotten(turn)) ? new Map(matchKeys.map((key) => [turn.hide(key), key])) : undefined;
	const tolerance = Math.max(...events.map(({ match }) => match?.toleranceMs ?? 0));
	const times = events.map(({ time }) => time);
	const rows = await findByMatch(turn, {
		keys: [...matchKeys, ...(hidden?.keys() ?? [])],
		path: path === 'webhook' ? 'poll' : 'webhook',
		from: Math.min(...times) - tolerance,
		to: Math.max(...times) + tolerance,
	});
	return hidden ? rows.map((row) => ({ ...row, match_key: hidden.get(row.match_key ?? '') ?? row.match_key })) : rows;
}
