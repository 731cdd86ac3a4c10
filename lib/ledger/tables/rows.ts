import type { Selectable } from 'kysely';
import { type SyncEvent, toSyncEvent } from '../../event/event';
import type { Done, Holder, Life, Stage } from '../rules/lifecycle';
import { NO_PAYLOAD, type Payload } from './payload';
import { pruneAt } from '../rules/retention';
import { DEFAULTS, type EventRow } from './schema';

/** Between rows of the event table and what the rules speak of. */

export type StoredEvent = Selectable<EventRow>;
export type NewEvent = Omit<StoredEvent, 'seq'>;

/** One arrival of an event: when, how, and what came of it. */
export interface Delivery {
	readonly at: number;
	readonly path: string;
	/** Correlation id of the request or tick that brought it. */
	readonly by: string;
	readonly outcome: string;
}

const KEPT_DELIVERIES = 10;

export function withDelivery(
	row: Pick<StoredEvent, 'deliveries' | 'delivery_count'>,
	delivery: Delivery,
): Pick<StoredEvent, 'deliveries' | 'delivery_count'> {
	const earlier = JSON.parse(row.deliveries) as Delivery[];
	return {
		deliveries: JSON.stringify([...earlier, delivery].slice(-KEPT_DELIVERIES)),
		delivery_count: row.delivery_count + 1,
	};
}

/** The columns that make up a life. */
export type LifeColumns = Pick<
	StoredEvent,
	| 'state'
	| 'due_at'
	| 'hand_overs'
	| 'attempts'
	| 'chances'
	| 'pause_ms'
	| 'execution'
	| 'runs'
	| 'token'
	| 'reason'
	| 'keep_until'
	| 'prune_at'
>;

export function lifeOf(row: LifeColumns & Pick<StoredEvent, 'path'>): Life {
	return {
		stage: stageOf(row),
		foreign: row.path === 'item',
		handOvers: row.hand_overs,
		attempts: row.attempts,
		chances: row.chances,
		pauseMs: row.pause_ms,
		keepUntil: row.keep_until,
	};
}

function stageOf(row: LifeColumns): Stage {
	const reason = row.reason === null ? {} : { reason: row.reason };
	switch (row.state) {
		case 'received':
			return { state: 'received', dueAt: row.due_at ?? 0, ...reason };
		case 'handed':
			return { state: 'handed', leaseUntil: row.due_at ?? 0 };
		case 'delivered':
			return { state: 'delivered' };
		case 'claimed':
			return { state: 'claimed', leaseUntil: row.due_at ?? 0, token: row.token ?? '', holder: holderOf(row) };
		case 'done':
			return { state: 'done', token: row.token ?? '', holder: holderOf(row), ...(reason as Pick<Done, 'reason'>) };
		case 'dead':
			return { state: 'dead', reason: row.reason ?? '' };
	}
}

function holderOf(row: LifeColumns): Holder {
	return { execution: row.execution ?? '', runs: JSON.parse(row.runs ?? '{}') as Record<string, number> };
}

export function columnsOf(life: Life, now: number): LifeColumns {
	const { stage } = life;
	const holder = 'holder' in stage ? stage.holder : undefined;
	return {
		state: stage.state,
		due_at: 'leaseUntil' in stage ? stage.leaseUntil : 'dueAt' in stage ? stage.dueAt : null,
		hand_overs: life.handOvers,
		attempts: life.attempts,
		chances: life.chances,
		pause_ms: life.pauseMs,
		execution: holder?.execution ?? null,
		runs: holder ? JSON.stringify(holder.runs) : null,
		token: 'token' in stage ? stage.token : null,
		reason: 'reason' in stage ? (stage.reason ?? null) : null,
		keep_until: life.keepUntil,
		prune_at: pruneAt(life, now),
	};
}

/** Everything of a row that is neither its identity nor its life, for one that came without an event. */
export const BARE_ROW = { ...DEFAULTS, node: '', payload: NO_PAYLOAD } as const satisfies Partial<NewEvent>;

/** A trigger's event as nodes emit it. `attempt` is the one that its next claim will be. */
export function syncEventOf(row: Omit<NewEvent, 'payload'>, payload: Payload, streamProof: string): SyncEvent {
	const { source, dataschema, data, traceparent, subject = row.subject } = payload;
	return toSyncEvent(
		{ key: row.event_key, source, type: row.type, subject, time: row.time, dataschema, data },
		{
			stream: row.stream,
			correlationId: row.correlation_id,
			...(traceparent !== undefined && { traceparent }),
			path: row.replayed === 1 || row.path === 'item' ? 'replay' : row.path,
			receivedAt: row.received_at,
			attempt: row.attempts + 1,
			recovered: row.recovered === 1,
			streamProof,
		},
	);
}

/** The columns whose values differ from those of a row. */
export function differences<C extends Partial<NewEvent>>(row: Partial<NewEvent>, columns: C): Partial<C> {
	const differing = Object.entries(columns).filter(([name, value]) => row[name as keyof NewEvent] !== value);
	return Object.fromEntries(differing) as Partial<C>;
}
