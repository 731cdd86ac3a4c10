import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { type SyncEvent, toSyncEvent } from '../event/event';
import { hashOf } from '../base/hash';
import { JsonMeter, MAX_JSON_VALUES, parseJson } from '../base/json';
import { composeKey } from '../event/key';
import type { HttpHeaders } from '../http/headers';
import type { Ledger } from '../ledger/ledger';
import { type Provider, qualifiedType } from '../provider/provider';
import type { PushHalf, ReadPush } from '../provider/push';
import type { SignatureScheme } from '../signature/scheme';
import { verifySignature } from '../signature/verify';
import { type Body, readBody } from './body';

/** What goes back to the sender. */
export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** The result of a delivery. */
export interface Receipt {
	readonly answer: Answer;
	/** What an execution is to be started with: new events, and known ones that were due. */
	readonly events: readonly SyncEvent[];
	/** For the log: why the request was refused, or what was found in it. */
	readonly note: string;
	readonly accepted: boolean;
}

/** A provider that has the half which pushes. */
export type PushingProvider = Provider & { readonly push: PushHalf };

export interface ReceiveOptions {
	readonly provider: PushingProvider;
	/** Secrets to accept, the current one first. */
	readonly secrets: readonly string[];
	/** Identifies the credential that the secrets come from. Default none. */
	readonly sender?: string;
	readonly request: {
		readonly method: string;
		readonly url: string;
		readonly headers: HttpHeaders;
		readonly stream: Parameters<typeof readBody>[0];
	};
	readonly stream: string;
	/** Id of the webhook trigger node. */
	readonly node: string;
	/** Event types to let in, by the provider's own names; empty for all. */
	readonly types: readonly string[];
	/** Whether events start an execution now, or wait for the polling trigger to hand them over. */
	readonly handsOver: boolean;
	/** Whether known events that came with another payload are let through too, for a Sync Dedupe to tell them apart. */
	readonly showsChanged: boolean;
	/** Opens the ledger; called for authentic requests only. Absent in manual runs, which store nothing. */
	readonly openLedger?: () => Promise<Ledger>;
	/** Milliseconds since the epoch. */
	readonly clock?: () => number;
}

/** GetResponse batches up to 100 events; this leaves 100 KiB for each. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Ten times the largest batch that GetResponse sends. */
const MAX_BATCH = 1_000;
const MAX_NESTING = 200;
/** Providers give up after a few seconds; whoever sends slower is none. */
const BODY_TIMEOUT_MS = 10_000;

/**
 * Takes one delivery: limits, verification on the bytes, parsing, filtering, recording. Whatever arrives, it answers and
 * does not throw; a refusal writes nothing and tells a stranger nothing but a status.
 */
export async function receive(options: ReceiveOptions): Promise<Receipt> {
	const { provider, request, clock = Date.now } = options;
	// Where the proof stands in the URL, a stranger's body is not even read.
	if (isProvenByUrl(provider.push.scheme)) {
		const refusal = refuseForged(options, Buffer.alloc(0));
		if (refusal) return refusal;
	}
	const body: Body = await readBody(request.stream, request.headers, MAX_BODY_BYTES, BODY_TIMEOUT_MS);
	if (!body.ok) return refuse(body.status, `unreadable body (${body.status})`);
	if (!isProvenByUrl(provider.push.scheme)) {
		const refusal = refuseForged(options, body.bytes);
		if (refusal) return refusal;
	}

	const receivedAt = clock();
	const push = parse(options, body.bytes, receivedAt);
	const events = push.events.filter(({ type }) => wanted(options, type));
	const correlationId = push.requestId ?? randomUUID();
	const { traceparent } = request.headers;
	const trace = typeof traceparent === 'string' && traceparent.length < 100 ? { traceparent } : {};

	if (!options.openLedger) {
		const emission = { stream: options.stream, correlationId, receivedAt, attempt: 1, recovered: false };
		const shown = events.map((event) => toSyncEvent(event, { ...emission, ...trace, path: 'webhook' }));
		return answerTo(options, shown, `${shown.length} shown, nothing stored`, push);
	}
	try {
		const ledger = await options.openLedger();
		const recording = { stream: options.stream, node: options.node, path: 'webhook', correlationId } as const;
		await ledger.recordDeadLetters({ ...recording, provider: provider.name }, push.deadLetters);
		const recorded = await ledger.record({
			...recording,
			events,
			...trace,
			handsOver: options.handsOver,
		});
		if (!options.handsOver)
			return answerTo(options, [], `${recorded.length} stored, to be handed over in batches`, push);
		const started = recorded.flatMap((result) =>
			'event' in result && (result.outcome !== 'changed' || options.showsChanged) ? result.event : [],
		);
		const changed = recorded.filter(({ outcome }) => outcome === 'changed').length;
		const note = `${started.length} of ${recorded.length} started, ${changed} known with another payload`;
		return answerTo(options, started, note, push);
	} catch (error) {
		// The sender keeps what we cannot store, and tries again.
		const reason = error instanceof HybridSyncError ? error.message : String(error);
		return refuse(503, reason, 'The event could not be stored. Send it again.');
	}
}

function refuseForged({ provider, request, secrets, clock = Date.now }: ReceiveOptions, rawBody: Uint8Array) {
	const { method, url, headers } = request;
	const result = verifySignature(provider.push.scheme, { method, url, headers, rawBody }, secrets, {
		now: new Date(clock()),
	});
	return result.ok ? undefined : refuse(401, `not authentic (${result.reason})`);
}

function wanted({ types, provider }: ReceiveOptions, type: string): boolean {
	return types.length === 0 || types.some((name) => type === qualifiedType(provider.name, name));
}

function answerTo({ provider }: ReceiveOptions, events: SyncEvent[], note: string, push: ReadPush): Receipt {
	// A delivery of which nothing could be read was kept as a dead letter, and its sender is told.
	const [first] = push.events.length === 0 ? push.deadLetters : [];
	if (first) {
		const { status = 422, reason } = first;
		return refuse(status, `unreadable: ${reason}`, reason);
	}
	const { status, contentType, body } = provider.push.answers.success;
	return { answer: { status, headers: { 'content-type': contentType }, body }, events, note, accepted: true };
}

function refuse(status: number, note: string, explanation?: string): Receipt {
	const explained = explanation !== undefined;
	const answer: Answer = {
		status,
		headers: {
			// What is left of the body is not waited for.
			connection: 'close',
			...(explained && { 'content-type': 'application/json' }),
			...(status === 503 && { 'retry-after': '30' }),
		},
		body: explained ? JSON.stringify({ status: 'error', message: explanation }) : '',
	};
	return { answer, events: [], note, accepted: false };
}

/**
 * What cannot be read is kept as it came: no provider sends a delivery again that was answered with 4xx. Text nested
 * deeper than any event is not even parsed, because n8n and the next steps would stumble over it.
 */
function parse({ provider, request, sender = '' }: ReceiveOptions, bytes: Buffer, receivedAt: number): ReadPush {
	const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
	const unreadable = (reason: string, status: number): ReadPush => ({
		events: [],
		deadLetters: [{ key: composeKey('push', sender, '', hashOf(text)), data: text, reason, status }],
	});
	const utf8 = Buffer.from(text);
	const meter = new JsonMeter().add(utf8);
	if (meter.deepest > MAX_NESTING) return unreadable(`The body is nested deeper than ${MAX_NESTING} levels.`, 422);
	if (meter.values > MAX_JSON_VALUES) return unreadable(`The body holds more than ${MAX_JSON_VALUES} values.`, 422);
	let body: unknown;
	try {
		body = parseJson(utf8, meter);
	} catch {
		return unreadable('The body is not valid JSON. Send one event, or an array of events.', 400);
	}
	if (Array.isArray(body) && body.length > MAX_BATCH) {
		return unreadable(`The body holds more than ${MAX_BATCH} events. Send them in smaller batches.`, 422);
	}
	try {
		return provider.push.read({ headers: request.headers, body, receivedAt, sender });
	} catch (error) {
		return unreadable(`The body cannot be read as an event of ${provider.displayName} (${String(error)}).`, 422);
	}
}

function isProvenByUrl(scheme: SignatureScheme): boolean {
	return scheme.kind === 'shared-secret' && !('field' in scheme.at);
}
