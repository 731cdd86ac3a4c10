import { z } from 'zod/v4';
import { hashOf } from '../base/hash';
import { formatTime } from '../base/time';

/** How an event came to us. `replay` means that it was asked for again. */
export const eventPath = z.enum(['webhook', 'poll', 'replay']);
export type EventPath = z.infer<typeof eventPath>;

/**
 * What a provider says happened, before the ledger has seen it.
 *
 * An event has two identities. `key` is what the provider itself keeps stable for one event: two events on the same path
 * with different keys are two events, always. `match` exists only to join the two paths: a pushed and a polled event
 * with the same match key are one event when their times lie within the tolerance, one to one, nearest first.
 */
export interface ProviderEvent {
	/** Event key, unique within a stream and stable over the provider's retries. */
	readonly key: string;
	/** Joins the two paths; absent where the other path can never bring this event. */
	readonly match?: { readonly key: string; readonly toleranceMs: number };
	/**
	 * Of a state type: the entity whose state it is, and how new that state is, as `sortableNumber` writes it. Where a newer
	 * one has passed, an older one is out of date. Absent for what is no state: plain events never become out of date.
	 */
	readonly state?: { readonly entity: string; readonly version: string };
	/**
	 * Of a webhook whose id is not signed: what is signed of it. Whoever captured it can send it again under another id, and it
	 * is the same event all the same.
	 */
	readonly signed?: string;
	/** Hash over the fields that must not change while the key stays the same. */
	readonly hash: string;
	readonly source: string;
	/** Qualified by the provider, e.g. `getresponse.contact_added`. */
	readonly type: string;
	/** The entity it is about, e.g. `contacts/Vm0A`. */
	readonly subject: string;
	/** When it happened at the provider, in milliseconds since the epoch. */
	readonly time: number;
	readonly dataschema: string;
	/** The provider's own payload, nothing removed. */
	readonly data: unknown;
}

/**
 * A CloudEvents 1.0 event in JSON format, as every node of this package emits it.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export const syncEvent = z.looseObject({
	specversion: z.literal('1.0'),
	/** The event key: stable over retries, restarts and paths. */
	id: z.string().min(1),
	source: z.string().min(1),
	type: z.string().min(1),
	subject: z.string().optional(),
	time: z.string(),
	dataschema: z.string().optional(),
	datacontenttype: z.literal('application/json'),
	data: z.unknown(),
	/** The scope in which the event is one event. */
	stream: z.string().min(1),
	/** The same for every pass of this event; hand it to the step that must not act twice. */
	idempotencykey: z.string().min(1),
	/** Travels through logs and the event. */
	correlationid: z.string(),
	/** W3C trace context of the request that brought it. */
	traceparent: z.string().optional(),
	path: eventPath,
	/** When we first stored it. */
	receivedtime: z.string(),
	/** 1 on the first pass; higher when an earlier pass was not confirmed. */
	attempt: z.int().min(1),
	/** Found by polling although push should have brought it. */
	recovered: z.boolean(),
	/** Shows nodes of other workflows that the event belongs to the stream it names. */
	streamproof: z.string().optional(),
	/** The same event came again with another payload: this one. It never passes. */
	payloadchanged: z.boolean().optional(),
	/** Names the pass that Sync Dedupe granted, for confirming or failing it. */
	claimtoken: z.string().optional(),
});
export type SyncEvent = z.infer<typeof syncEvent>;

/** What the ledger adds to a provider's event when it is emitted. */
export interface Emission {
	readonly stream: string;
	readonly correlationId: string;
	readonly traceparent?: string;
	readonly path: EventPath;
	/** Milliseconds since the epoch. */
	readonly receivedAt: number;
	readonly attempt: number;
	readonly recovered: boolean;
	readonly streamProof?: string;
}

/** The event as nodes emit it. */
export function toSyncEvent(
	event: Pick<ProviderEvent, 'key' | 'source' | 'type' | 'subject' | 'time' | 'dataschema' | 'data'>,
	emission: Emission,
): SyncEvent {
	const { stream, correlationId, traceparent, path, receivedAt, attempt, recovered, streamProof } = emission;
	return {
		// What a user reads first stands first: the columns of the editor's table come in this order.
		type: event.type,
		subject: event.subject,
		time: formatTime(event.time),
		data: event.data,
		path,
		recovered,
		attempt,
		receivedtime: formatTime(receivedAt),
		id: event.key,
		idempotencykey: idempotencyKey(stream, event.key),
		stream,
		source: event.source,
		correlationid: correlationId,
		...(traceparent !== undefined && { traceparent }),
		dataschema: event.dataschema,
		datacontenttype: 'application/json',
		specversion: '1.0',
		...(streamProof !== undefined && { streamproof: streamProof }),
	};
}

/** Tells whether a JSON value is an event that one of our triggers emitted. */
export function isSyncEvent(value: unknown): value is SyncEvent {
	return syncEvent.safeParse(value).success;
}

/**
 * The idempotency key of an event: derived, so that every pass of it, in any process and after any restart, carries the
 * same one. Streams are part of it, so that two workflows calling the same service do not suppress each other.
 */
export function idempotencyKey(stream: string, eventKey: string): string {
	return hashOf([stream, eventKey]).slice(0, 40);
}
