import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { type SyncEvent, toSyncEvent } from '../event/event';
import type { DeadLetter } from '../event/dead-letter';
import { hashOf } from '../base/hash';
import { composeKey } from '../event/key';
import { isOfType } from '../event/type';
import type { HttpHeaders } from '../http/headers';
import type { Ledger, RecordResult } from '../ledger/ledger';
import { type Provider, qualifiedType } from '../provider/provider';
import type { Push, PushAnswer, PushApi, ReadPush } from '../provider/push';
import type { SignedRequest } from '../signature/request';
import type { SignatureFailure, SignatureResult } from '../signature/result';
import type { SignatureScheme } from '../signature/scheme';
import { hashOfSigned, verifySignature } from '../signature/verify';
import { type Body, decompress, readBody } from './body';
import { type Parsed, parseBody } from './parse';

/** What goes back to the sender. */
export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** Why a request was let in no further. */
export type Refusal =
	| SignatureFailure
	/** It asks for a URL to be confirmed, and does not know the verify token. */
	| 'verify-token'
	/** It came from an address that is not on the list. */
	| 'address'
	/** Its body was cut off, too slow, or too large. */
	| 'body'
	| 'too-large'
	/** It is authentic, and could not be stored. */
	| 'not-stored'
	| 'postponed';

/** The result of a delivery. */
export interface Receipt {
	readonly answer: Answer;
	/** What an execution is to be started with: new events, and known ones that were due. */
	readonly events: readonly SyncEvent[];
	/** For the log: why the request was refused, or what was found in it. */
	readonly note: string;
	readonly accepted: boolean;
	/** Absent where it was accepted. */
	readonly refusal?: Refusal;
	/** What came of each event in it. */
	readonly decided?: readonly Received[];
}

/** One event of a request. */
export interface Received {
	readonly outcome: RecordResult['outcome'];
	/** Its key. */
	readonly event: string;
	readonly type: string;
	readonly correlationid: string;
	readonly traceparent?: string;
}

/** What receives: a provider, with what its credential and fields say. */
export interface Receiver extends Pick<Provider, 'name' | 'displayName'> {
	readonly push: PushApi;
}

export interface ReceiveOptions {
	readonly provider: Receiver;
	/** Secrets to accept, the current one first. */
	readonly secrets: readonly string[];
	/** What a request that is to be refused is judged by once more: what it is judged by may be a few seconds old. */
	readonly renew?: () => Promise<Pick<ReceiveOptions, 'provider' | 'secrets'>>;
	/** Identifies the credential that the secrets come from. Default none. */
	readonly sender?: string;
	readonly request: {
		readonly method: string;
		/** Absolute where the provider signs it. */
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
/** Providers give up after a few seconds; whoever sends slower is none. */
const BODY_TIMEOUT_MS = 10_000;
const SLOW_BODY_MS = 1_000;
/** When a provider should come again, in seconds. */
const COME_AGAIN_AFTER = '30';

/**
 * Takes one delivery: limits, verification on the bytes, parsing, filtering, recording. Whatever arrives, it answers and
 * does not throw; a refusal writes nothing and tells a stranger nothing but a status.
 */
export async function receive(given: ReceiveOptions): Promise<Receipt> {
	if (/^(?:GET|HEAD)$/i.test(given.request.method) && !bringsByGet(given)) {
		const answer = answerToLook(given);
		return answer.accepted || !given.renew ? answer : answerToLook({ ...given, ...(await given.renew()) });
	}
	const began = performance.now();
	// Where the proof stands outside the body, a stranger's body is not even read.
	const { options, proof: early } = await judged(given, (by) =>
		isProvenWithoutBody(by.provider.push.scheme) ? verify(by, Buffer.alloc(0)) : undefined,
	);
	const { push } = options.provider;
	if (early && !early.ok && push.isProbe === undefined) return refuseForged(early.reason);
	const body = await bodyOf(options, early?.ok === false);
	if (!body.ok) {
		const refusal = body.status === 413 ? 'too-large' : 'body';
		return refuse(body.status, refusal, `unreadable body (${body.status})`);
	}
	if (early?.ok === true) return await take(options, body.bytes, { ...early, signed: body.bytes });
	// A body may take its time, and what it is judged by must not be older for that.
	const isSlow = performance.now() - began > SLOW_BODY_MS;
	const present = isSlow && options.renew ? { ...options, ...(await options.renew()) } : options;
	const late = early ? { options, proof: early } : await judged(present, (by) => verifyEither(by, body));
	if (late.proof.ok) return await take(late.options, body.bytes, late.proof);
	return push.isProbe?.(body.sent) === true
		? accept(options, [], 'asked whether anybody answers')
		: refuseForged(late.proof.reason);
}

/** Judges a request, and once more where it does not pass and what it is judged by has changed. */
async function judged<P extends SignatureResult | undefined>(
	options: ReceiveOptions,
	judge: (by: ReceiveOptions) => P,
): Promise<{ readonly options: ReceiveOptions; readonly proof: P }> {
	const proof = judge(options);
	if (proof?.ok !== false || !options.renew) return { options, proof };
	const by = { ...options, ...(await options.renew()) };
	return { options: by, proof: judge(by) };
}

/** The body as it was sent, and with its compression undone. */
interface Bodies {
	readonly ok: true;
	readonly sent: Buffer;
	readonly bytes: Buffer;
}

/** @param isForged then no more of it is read than a probe may have */
async function bodyOf(
	{ request: { stream, headers } }: ReceiveOptions,
	isForged: boolean,
): Promise<Bodies | Exclude<Body, { ok: true }>> {
	const limit = isForged ? MAX_PROBE_BYTES : MAX_BODY_BYTES;
	const sent = await readBody(stream, headers, limit, BODY_TIMEOUT_MS);
	if (!sent.ok) return isForged ? { ok: true, sent: FORGED, bytes: FORGED } : sent;
	const decompressed = await decompress(sent.bytes, headers, MAX_BODY_BYTES);
	return decompressed.ok ? { ok: true, sent: sent.bytes, bytes: decompressed.bytes } : decompressed;
}

const MAX_PROBE_BYTES = 1_024;
/** In the place of a body that was not read. */
const FORGED = Buffer.from('?');

/** Nobody says whether what was signed is what was sent, or what it was before it was compressed. */
function verifyEither(options: ReceiveOptions, { sent, bytes }: Bodies): SignatureResult & { readonly signed: Buffer } {
	const proof = verify(options, bytes);
	return proof.ok || sent === bytes ? { ...proof, signed: bytes } : { ...verify(options, sent), signed: sent };
}

function verify(options: ReceiveOptions, rawBody: Uint8Array) {
	const { provider, secrets, clock = Date.now } = options;
	const { scheme, toleranceSeconds } = provider.push;
	return verifySignature(scheme, signedRequest(options, rawBody), secrets, {
		now: new Date(clock()),
		...(toleranceSeconds !== undefined && { toleranceSeconds }),
	});
}

function signedRequest({ request, provider }: ReceiveOptions, rawBody: Uint8Array): SignedRequest {
	const { method, headers } = request;
	const { url: given } = provider.push;
	const from = request.url.indexOf('?');
	const query = from < 0 ? '' : request.url.slice(from);
	// What the sender appended counts, and not what somebody entered: a secret could stand there.
	const url = given === undefined ? request.url : `${given.split('?', 1)[0] ?? ''}${query}`;
	return { method, url, headers, rawBody };
}

function isProvenWithoutBody(scheme: SignatureScheme): boolean {
	return scheme.kind === 'shared-secret' && !('field' in scheme.at);
}

function bringsByGet({ provider, request: { method, url } }: Pick<ReceiveOptions, 'provider' | 'request'>): boolean {
	return method.toUpperCase() === 'GET' && provider.push.bringsByGet?.(queryOf(url)) === true;
}

/** Providers look whether somebody answers before they send anything, and some ask for something. */
function answerToLook(options: ReceiveOptions): Receipt {
	const { request, provider } = options;
	const answer = provider.push.greet?.(queryOf(request.url));
	if (answer === undefined)
		return accept(options, [], 'asked whether anybody answers', { status: 200, contentType: 'text/plain', body: '' });
	if (answer.status >= 400) return refuse(answer.status, 'verify-token', 'not authentic (verify token)');
	return accept(options, [], 'answered a handshake', answer);
}

function queryOf(url: string): URLSearchParams {
	const from = url.indexOf('?');
	return new URLSearchParams(from < 0 ? '' : url.slice(from + 1));
}

/** What proved a request: a secret by its place in the list, and the bytes that were signed. */
type Proof = Extract<SignatureResult, { ok: true }> & { readonly signed: Buffer };

/**
 * Takes what is known to be authentic.
 *
 * @param bytes of the body, with its compression undone
 */
async function take(options: ReceiveOptions, bytes: Buffer, proof: Proof): Promise<Receipt> {
	const { provider, request, sender = '', secrets, clock = Date.now } = options;
	const { secretIndex, timestamp } = proof;
	const parsed: ReturnType<typeof parseBody> = bringsByGet(options)
		? { ok: true, value: Object.fromEntries(queryOf(request.url)), text: '' }
		: parseBody(bytes, request.headers);
	let hash: { readonly of: string | undefined } | undefined;
	const signed = () =>
		(hash ??= { of: hashOfSigned(provider.push.scheme, signedRequest(options, proof.signed), timestamp) }).of;
	const query = queryOf(request.url);
	const isGet = bringsByGet(options);
	const base = { headers: request.headers, query, receivedAt: clock(), sender, signed, ...(isGet && { isGet }) };
	if (parsed.ok) {
		const answer = provider.push.handshake?.({ ...base, body: parsed.value }, secrets.slice(secretIndex));
		if (answer) return accept(options, [], 'answered a handshake', answer);
	}
	if (bytes.length === 0 && provider.push.isProbe?.(bytes) === true) return accept(options, [], 'an empty body');
	const read = readEvents(options, base, parsed);
	if (read instanceof HybridSyncError) return comeAgain(options.provider, messageOf(read));
	const sorted = Map.groupBy(read.events, (event) => wanted(options, event));
	const [events = [], others = []] = [sorted.get(true), sorted.get(false)];
	const extra = `${secretIndex > 0 ? ', proven by the previous secret' : ''}${deadNote(read)}`;
	const correlationId = read.requestId ?? randomUUID();
	const { traceparent } = request.headers;
	const trace = typeof traceparent === 'string' && traceparent.length < 100 ? { traceparent } : {};
	if (!options.openLedger) {
		const emission = {
			stream: options.stream,
			correlationId,
			receivedAt: base.receivedAt,
			attempt: 1,
			recovered: false,
		};
		const shown = events.map((event) => toSyncEvent(event, { ...emission, ...trace, path: 'webhook' }));
		return accept(options, shown, `${shown.length} shown, nothing stored${extra}`);
	}
	try {
		const ledger = await options.openLedger();
		const recording = { stream: options.stream, node: options.node, path: 'webhook', correlationId } as const;
		await ledger.recordDeadLetters({ ...recording, provider: provider.name }, read.deadLetters);
		if (provider.push.keepsFiltered)
			await ledger.record({ ...recording, events: others, handsOver: false, seen: true });
		const recorded = await ledger.record({ ...recording, events, ...trace, handsOver: options.handsOver });
		const decided = recorded.flatMap(({ outcome }, index): Received[] => {
			const event = events[index];
			return event ? [{ outcome, event: event.key, type: event.type, correlationid: correlationId, ...trace }] : [];
		});
		if (!options.handsOver)
			return { ...accept(options, [], `${recorded.length} stored, to be handed over in batches${extra}`), decided };
		const started = recorded.flatMap((result) =>
			'event' in result && (result.outcome !== 'changed' || options.showsChanged) ? result.event : [],
		);
		const changed = recorded.filter(({ outcome }) => outcome === 'changed').length;
		const note = `${started.length} of ${recorded.length} started, ${changed} known with another payload${extra}`;
		return { ...accept(options, started, note), decided };
	} catch (error) {
		// The sender keeps what we cannot store, and tries again.
		return comeAgain(options.provider, messageOf(error));
	}
}

const messageOf = (error: unknown) => (error instanceof HybridSyncError ? error.message : String(error));

/**
 * Asks a sender to come again.
 *
 * @param reason for the log
 */
export function comeAgain({ push }: Receiver, reason: string): Receipt {
	const { comeAgainStatus: status = 429 } = push;
	return refuse(status, 'not-stored', reason, 'The event could not be stored. Send it again.');
}

function deadNote({ deadLetters: [first, ...more] }: ReadPush): string {
	return first ? `, ${more.length + 1} dead letters (${first.reason})` : '';
}

function wanted({ types, provider }: ReceiveOptions, event: ReadPush['events'][number]): boolean {
	const isType = types.length === 0 || types.some((name) => isOfType(event.type, qualifiedType(provider.name, name)));
	return isType && provider.push.lets?.(event) !== false;
}

/** What cannot be read is kept as it came, and answered with success: no provider mends what it sent, and some send nothing else until it is taken. */
function readEvents(
	{ provider, sender = '' }: ReceiveOptions,
	base: Omit<Push, 'body'>,
	parsed: Parsed,
): ReadPush | HybridSyncError {
	const unreadable = (reason: string, data: unknown): ReadPush => {
		const letter: DeadLetter = { key: composeKey('push', sender, '', base.signed() ?? hashOf(data)), data, reason };
		return { events: [], deadLetters: [letter] };
	};
	if (!parsed.ok) return unreadable(parsed.reason, parsed.kept);
	try {
		return provider.push.read({ ...base, body: parsed.value });
	} catch (error) {
		// What is set wrong can be mended, and the sender comes again.
		if (error instanceof HybridSyncError) return error;
		const reason = `The body cannot be read as an event of ${provider.displayName} (${String(error)}).`;
		return unreadable(reason, parsed.text);
	}
}

/** What nearly all providers take for success. */
const SUCCESS: PushAnswer = { status: 200, contentType: 'text/plain', body: 'OK' };

function accept(
	{ provider }: ReceiveOptions,
	events: readonly SyncEvent[],
	note: string,
	answer: PushAnswer = provider.push.success ?? SUCCESS,
): Receipt {
	const { status, contentType, body } = answer;
	return { answer: { status, headers: { 'content-type': contentType }, body }, events, note, accepted: true };
}

function refuseForged(reason: SignatureFailure): Receipt {
	return refuse(401, reason, `not authentic (${reason})`);
}

/** @param explanation for an authentic sender; strangers learn nothing but a status */
function refuse(status: number, refusal: Refusal, note: string, explanation?: string): Receipt {
	const explained = explanation !== undefined;
	const answer: Answer = {
		status,
		headers: {
			// What is left of the body is not waited for.
			connection: 'close',
			...(explained && { 'content-type': 'application/json' }),
			...(refusal === 'not-stored' && { 'retry-after': COME_AGAIN_AFTER }),
		},
		body: explained ? JSON.stringify({ status: 'error', message: explanation }) : '',
	};
	return { answer, events: [], note, accepted: false, refusal };
}
