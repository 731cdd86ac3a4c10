import type { Selectable } from 'kysely';
import { type ProviderEvent, type SyncEvent, toSyncEvent } from '../event/event';
import type { Holder, Life, Stage } from './lifecycle';
import type { EventRow } from './schema';

/** Between rows of the event table and what the rules speak of. */

export type StoredEvent = Selectable<EventRow>;

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

export function lifeOf(row: LifeColumns): Life {
	return { stage: stageOf(row), handOvers: row.hand_overs, attempts: row.attempts };
}

function stageOf(row: LifeColumns): Stage {
	switch (row.state) {
		case 'received':
			return { state: 'received', dueAt: row.due_at ?? 0 };
		case 'handed':
			return { state: 'handed', leaseUntil: row.due_at ?? 0 };
		case 'delivered':
			return { state: 'delivered' };
		case 'claimed':
			return {
				state: 'claimed',
				leaseUntil: row.due_at ?? 0,
				token: row.token ?? '',
				holder: holderOf(row),
			};
		case 'done':
			return { state: 'done', holder: holderOf(row), token: row.token ?? '' };
		case 'dead':
			return { state: 'dead', reason: row.reason ?? '' };
	}
}

function holderOf(row: LifeColumns): Holder {
	return { execution: row.execution ?? '', runs: JSON.parse(row.runs ?? '{}') as Record<string, number> };
}

export type LifeColumns = Pick<
	StoredEvent,
	'state' | 'due_at' | 'hand_overs' | 'attempts' | 'execution' | 'runs' | 'token' | 'reason'
>;

export function columnsOf({ stage, handOvers, attempts }: Life): LifeColumns {
	const holder = 'holder' in stage ? stage.holder : undefined;
	return {
		state: stage.state,
		due_at: 'leaseUntil' in stage ? stage.leaseUntil : 'dueAt' in stage ? stage.dueAt : null,
		hand_overs: handOvers,
		attempts,
		execution: holder?.execution ?? null,
		runs: holder ? JSON.stringify(holder.runs) : null,
		token: 'token' in stage ? stage.token : null,
		reason: 'reason' in stage ? stage.reason : null,
	};
}

interface Payload {
	source: string;
	dataschema: string;
	data: unknown;
	traceparent?: string;
}

export function payloadOf(event: ProviderEvent, traceparent: string | undefined): string {
	const payload: Payload = { source: event.source, dataschema: event.dataschema, data: event.data };
	return JSON.stringify(traceparent === undefined ? payload : { ...payload, traceparent });
}

/** A trigger's event as nodes emit it. `attempt` is the one that its next claim will be. */
export function syncEventOf(row: Omit<StoredEvent, 'seq'>): SyncEvent {
	if (row.path === 'item') throw new Error('An item that no trigger recorded has no event to emit.');
	const { traceparent, ...payload } = JSON.parse(row.payload) as Payload;
	return toSyncEvent(
		{ key: row.event_key, type: row.type, subject: row.subject, time: row.time, ...payload },
		{
			stream: row.stream,
			correlationId: row.correlation_id,
			...(traceparent !== undefined && { traceparent }),
			path: row.path,
			receivedAt: row.received_at,
			attempt: row.attempts + 1,
			recovered: row.recovered === 1,
		},
	);
}
