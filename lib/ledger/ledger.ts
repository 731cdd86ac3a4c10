import { randomUUID } from 'node:crypto';
import type { ProviderEvent, SyncEvent } from '../event/event';
import { transactionsOn } from './transactions';
import { deliveryNotes } from './delivery-notes';
import { sharedTurns } from './shared-turns';
import type { Backend } from './databases/backend';
import { type ClaimRequest, type ClaimResult, claimAll } from './operations/claim';
import { forgetSlice } from './operations/forget';
import { type HandOverRequest, handOverSlice } from './operations/hand-over';
import { claimProofOf, proofOf, storableKey, streamOfClaim } from './tables/keys';
import { isSame } from '../base/hash';
import { acknowledge } from './rules/lifecycle';
import { type Count, type PathActivity, count, duration, pathActivity } from './tables/counters';
import {
	CHUNK,
	type EventFilter,
	type LoggedEvent,
	type StoredPush,
	readLog,
	recentPushes,
	toLogged,
} from './operations/look-up';
import * as cursors from './operations/cursors';
import * as nodes from './operations/nodes';
import * as subscriptions from './operations/subscriptions';
import * as leases from './operations/tick-leases';
import { type Payload, unpack } from './tables/payload';
import { pruneAll } from './operations/prune';
import { purgeErased } from './operations/purge';
import type { DeadLetter } from '../event/dead-letter';
import { type DeadLetterOrigin, type PackedLetter, packLetter, recordDeadLetter } from './operations/dead-letters';
import { type Arrival, type RecordRequest, type Stored, arrivalOf, recordSlice } from './operations/record';
import { isReplayable, replaySlice } from './operations/replay';
import { type StoredEvent, columnsOf, differences, lifeOf, syncEventOf } from './tables/rows';
import type { NodeRow } from './tables/schema';
import { type Claims, settleAll } from './operations/settle';
import { MAX_EMITTED_BYTES, inSlices, whileMore } from './slices';
import { type Turn, findLives, readPayloads, updateEach } from './tables/statements';
import { type FactsQuery, type StreamFacts, problemKeys, readFacts } from './operations/standing';
import { type Sweep, sweep } from './operations/sweep';

export type { CounterName } from './tables/counters';
export { type FactsQuery, type StreamFacts, MOST_COUNTED } from './operations/standing';
export type { StepSum, Sum } from './tables/counters';
export type { Claimable, ClaimRequest, ClaimResult } from './operations/claim';
export type { HandOverRequest } from './operations/hand-over';
export type { EventFilter, LoggedEvent, LoggedState, StoredPush } from './operations/look-up';
export type { PathActivity } from './tables/counters';
export { expectedOf } from './operations/nodes';
export type { SubscriptionLease } from './operations/subscriptions';
export type { TickLease } from './operations/tick-leases';
export { EVERY_TYPE, type Expected } from './rules/expected';
export type { NodeRow } from './tables/schema';
export type { RecordRequest } from './operations/record';
export type { Sweep } from './operations/sweep';
export type { Claims } from './operations/settle';

/**
 * What recording an event came to: `new`; `due`, known and waiting to be handed over, and with `handsOver` handed over
 * now; `duplicate` of one already stored; `changed`, a duplicate whose payload differs from the one before, with that
 * payload; `dead`, older than duplicates are remembered, and kept as a dead letter.
 */
export type RecordResult =
	| { readonly outcome: 'new' | 'due' | 'changed'; readonly event: SyncEvent }
	| { readonly outcome: 'duplicate' | 'dead' };

/** A page of the log, newest first; `next` is where the following one begins, absent at the end. */
export interface LogPage {
	readonly events: readonly LoggedEvent[];
	readonly next?: string;
}

export type Ledger = ReturnType<typeof createLedger>;

/**
 * The ledger over a backend. Every operation is atomic against all others, in this and other processes. Large batches are
 * worked off in slices, each a transaction of its own, and so that an end between two slices loses nothing.
 *
 * @param backend where it is stored
 * @param clock milliseconds since the epoch
 */
export function createLedger(backend: Backend, clock: () => number = () => Date.now()) {
	const { secret } = backend;
	const transactions = transactionsOn(backend, clock);
	const { write } = transactions;
	const share = sharedTurns(transactions);
	const notes = deliveryNotes(transactions);

	const emit = (row: StoredEvent): SyncEvent => {
		const payload = unpack(row.payload);
		// The rules hand over only what is complete.
		if (!payload) throw new Error(`The payload of event ${row.event_key} is gone.`);
		return emission(row, payload);
	};
	const emission = (row: Omit<StoredEvent, 'seq' | 'payload'>, payload: Payload): SyncEvent =>
		syncEventOf(row, payload, proofOf(secret, row.stream, row.event_key));
	const recorded = (stored: Stored): RecordResult => {
		switch (stored.outcome) {
			case 'duplicate':
			case 'dead':
				return stored;
			case 'changed':
				return { outcome: 'changed', event: { ...emission(stored.row, stored.payload), payloadchanged: true } };
			case 'new':
			case 'due':
				return { outcome: stored.outcome, event: emission(stored.row, stored.payload) };
		}
	};

	/**
	 * Hands over, for whoever does it several times into one execution.
	 *
	 * @returns also how large the payloads of the events are as JSON text, in bytes. Together with what is `taken` they are at
	 *   most 8 MiB, or one larger event
	 */
	const handOverMeasured = async (request: HandOverRequest): Promise<{ events: SyncEvent[]; bytes: number }> => {
		const { taken = 0 } = request;
		const events: SyncEvent[] = [];
		let bytes = 0;
		await whileMore(async (rows) => {
			const all = taken + bytes;
			const room = { rows, bytes: MAX_EMITTED_BYTES - all, isEmpty: all === 0 };
			const slice = await write(request.stream, async (mine) => await handOverSlice(mine, request, room));
			for (const row of slice.handed) bytes += row.bytes;
			events.push(...slice.handed.map((row) => emit(row)));
			return slice;
		}, request.limit);
		return { events, bytes };
	};

	return {
		/** Tells this ledger from its replacement. */
		id: backend.ledgerId,

		/**
		 * Stores events, joining those of the two paths one to one, and advances the cursor that covers them together with
		 * the last of them.
		 *
		 * @returns for each event, in order, what came of it
		 * @throws HybridSyncError `lease-lost` where the tick's lease has gone to another; `ledger-unavailable`
		 */
		async record(request: RecordRequest): Promise<RecordResult[]> {
			const { stream, node, cursor } = request;
			if (request.events.length === 0 && !cursor) return [];
			/** All that a request hands over goes into one execution. */
			let room = MAX_EMITTED_BYTES;
			// Made ready slice by slice: to pack large payloads takes its time too.
			const ready = new Map<ProviderEvent, Arrival>();
			const arrival = (event: ProviderEvent): Arrival => {
				const made = ready.get(event) ?? arrivalOf(event, request.traceparent);
				ready.set(event, made);
				return made;
			};
			return await inSlices(
				request.events,
				async (slice, last) => {
					const arrivals = slice.map(arrival);
					ready.clear();
					const work = async (mine: Turn) => {
						if (cursor) await leases.holdLease(mine.db, stream, node, cursor.lease);
						const result = await recordSlice(mine, request, arrivals, room);
						if (cursor && last) await cursors.saveCursor(mine.db, stream, node, cursor, mine.now);
						return result;
					};
					const size = { rows: arrivals.length, bytes: arrivals.reduce((sum, { bytes }) => sum + bytes, 0) };
					const { stored, notes: noted } = await (cursor ? write(stream, work) : share(stream, size, work));
					notes.add(stream, noted);
					for (const each of stored) if (each.outcome === 'due') room -= each.row.bytes;
					return stored.map(recorded);
				},
				(event) => arrival(event).bytes,
			);
		},

		/**
		 * Stores what is authentic and cannot be read, so that it can be looked at and replayed. A repeat changes nothing.
		 *
		 * @returns how many were not known
		 */
		async recordDeadLetters(origin: DeadLetterOrigin, letters: readonly DeadLetter[]): Promise<number> {
			if (letters.length === 0) return 0;
			const ready = new Map<DeadLetter, PackedLetter>();
			const packed = (letter: DeadLetter): PackedLetter => {
				const made = ready.get(letter) ?? packLetter(letter, origin);
				ready.set(letter, made);
				return made;
			};
			const stored = await inSlices(
				letters,
				async (slice) => {
					const all = slice.map(packed);
					ready.clear();
					return await write(origin.stream, async (mine) => {
						const isNew: boolean[] = [];
						for (const letter of all) isNew.push(await recordDeadLetter(mine, origin, letter));
						return isNew;
					});
				},
				(letter) => packed(letter).bytes,
			);
			return stored.filter(Boolean).length;
		},

		/**
		 * Asks for events to pass, each once. A key the ledger has never seen is stored and passes. Where a call needs several
		 * transactions, nothing is settled before all of them are through, so that a failure in between costs no event.
		 *
		 * @returns for each item, in order, whether it passes
		 */
		async claim(request: ClaimRequest): Promise<ClaimResult[]> {
			return await claimAll(transactions, request);
		},

		/** Whether an event bears this ledger's proof that it belongs to the stream it names. */
		isGenuine(event: SyncEvent): boolean {
			return isSame(event.streamproof ?? '', proofOf(secret, event.stream, event.id));
		},

		/**
		 * Shows that a pass was granted in a stream; for items that carry no proof of their own.
		 *
		 * @param token of the pass
		 */
		claimProof(stream: string, token: string): string {
			return claimProofOf(secret, stream, token);
		},

		/** The stream of a pass, from its proof; nothing where the proof is not this ledger's, or of another pass. */
		streamOfClaim(token: string, proof: string): string | undefined {
			return streamOfClaim(secret, token, proof);
		},

		/**
		 * Finishes what was let pass.
		 *
		 * @returns how many events it settled
		 */
		async confirm(claims: Claims): Promise<number> {
			return await settleAll(transactions, claims, { kind: 'confirm' });
		},

		/**
		 * Gives back what was let pass and has failed: it waits for its next attempt, or becomes a dead letter.
		 *
		 * @param reason in words, for the log and the dead letter
		 * @returns how many events it gave back
		 */
		async fail(claims: Claims, reason: string): Promise<number> {
			return await settleAll(transactions, claims, { kind: 'fail', reason: reason.slice(0, MAX_REASON_LENGTH) });
		},

		/**
		 * Gives executions more time to confirm.
		 *
		 * @param leaseMs from now on, at most 30 days
		 * @returns how many events have it
		 */
		async extend(claims: Claims, leaseMs: number): Promise<number> {
			return await settleAll(transactions, claims, { kind: 'extend', leaseMs });
		},

		/** Hands over what is due: recovered events first, then what has waited longest. */
		async handOver(request: HandOverRequest): Promise<SyncEvent[]> {
			return (await handOverMeasured(request)).events;
		},

		handOverMeasured,

		/** Takes the sign that n8n has these events. */
		async acknowledge(stream: string, keys: readonly string[]): Promise<void> {
			await inSlices(keys, async (slice) => {
				await write(stream, async (mine) => {
					const rows = [...(await findLives(mine, slice)).values()];
					const changes = rows.map((row) => ({
						seq: row.seq,
						changes: differences(row, columnsOf(acknowledge(lifeOf(row), mine.now), mine.now)),
					}));
					await updateEach(mine.db, changes);
					// The first time that n8n has it, without a Sync Dedupe.
					const reached = rows.filter((row) => row.state === 'handed' && row.attempts === 0 && row.replayed === 0);
					const counts = reached.flatMap((row): Count[] => [
						{ name: 'delivered' },
						...duration(mine, 'passed', row, mine.now - row.received_at),
						...duration(mine, 'total', row, mine.now - row.time),
					]);
					await count(mine, counts);
				});
				return [];
			});
		},

		/**
		 * Reads the log of a stream, newest first.
		 *
		 * @param page how many events, where to begin (`next` of the page before), and whether with their payloads, at most
		 *   8 MiB of them or one
		 */
		async lookUp(
			stream: string,
			filter: EventFilter,
			page: { readonly limit: number; readonly after?: string; readonly withData?: boolean },
		): Promise<LogPage> {
			await notes.flush(stream);
			const { rows, next } = await transactions.readStream(
				stream,
				async (turn) =>
					await readLog(turn, storableFilter(filter), {
						...page,
						...(page.withData && { maxBytes: MAX_EMITTED_BYTES }),
					}),
			);
			const seqs = page.withData ? rows.map(({ seq }) => seq) : [];
			const payloads = new Map<number, Uint8Array>();
			await inSlices(seqs, async (slice) => {
				const read = await transactions.read(async (db) => await readPayloads(db, slice));
				for (const [seq, payload] of read) payloads.set(seq, payload);
				return [];
			});
			return { events: rows.map((row) => toLogged(row, payloads.get(row.seq))), ...(next !== undefined && { next }) };
		},

		/** Which of these event keys the ledger knows, under whichever of its keys an event is. */
		async knownKeys(stream: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
			const stored = new Map(keys.map((key) => [storableKey(key), key]));
			const known = new Set<string>();
			await inSlices([...stored.keys()], async (slice) => {
				const found = await transactions.readStream(stream, async (turn) => await findLives(turn, slice));
				for (const key of found.keys()) known.add(stored.get(key) ?? key);
				return [];
			});
			return known;
		},

		/** The latest webhooks that may have a row of an API, newest first. */
		async recentPushes(stream: string, limit: number): Promise<StoredPush[]> {
			return await transactions.read(async (db) => await recentPushes({ db, stream }, limit));
		},

		/**
		 * Brings events back to life, with all their attempts; `idempotencykey` stays, and `attempt` goes on counting.
		 *
		 * @param options `handsOver` gives them to the caller to emit, at most 8 MiB of them or one; otherwise the polling
		 *   trigger hands them over. `dryRun` only counts
		 */
		async replay(
			stream: string,
			filter: EventFilter,
			options: { readonly limit: number; readonly handsOver: boolean; readonly dryRun: boolean },
		): Promise<Sweep> {
			const { limit, handsOver, dryRun } = options;
			const most = { rows: limit, bytes: handsOver && !dryRun ? MAX_EMITTED_BYTES : Infinity };
			const pages: number[][] = [];
			const swept = await sweep(transactions, stream, storableFilter(filter), most, (rows) => {
				const seqs = rows.filter((row) => isReplayable(row, clock())).map(({ seq }) => seq);
				pages.push(seqs);
				return Promise.resolve({ done: seqs.length });
			});
			if (dryRun) return swept;
			// Found newest first, and brought back in the order in which they came, each once: two keys may name one.
			const seqs = [...new Set(pages.flat())].toSorted((one, other) => one - other);
			if (seqs.length === 0) return swept;
			const events: SyncEvent[] = [];
			const done = await inSlices(seqs, async (slice) => {
				const replayed = await write(stream, async (mine) => await replaySlice(mine, slice, handsOver, filter.states));
				if (handsOver) for (const row of replayed) events.push(emit(row));
				return [replayed.length];
			});
			return { ...swept, done: done.reduce((sum, each) => sum + each, 0), events };
		},

		/**
		 * Erases payloads and subjects, and keeps of the keys only HMACs. What had not passed yet never will.
		 *
		 * @param filter keys or a subject; not nothing
		 * @returns `purge`: whether it is gone from all files by now, see `Backend.purge`
		 */
		async forget(
			stream: string,
			filter: Pick<EventFilter, 'keys' | 'subject'>,
			options: { readonly dryRun: boolean },
		): Promise<Sweep & { readonly purge?: 'purged' | 'pending' | 'vacuum' }> {
			if (!filter.keys && (filter.subject ?? '') === '') throw new RangeError('forget() needs keys or a subject.');
			await notes.flush(stream);
			const all = { rows: Infinity, bytes: Infinity };
			const swept = await sweep(transactions, stream, storableFilter(filter), all, async (rows) => {
				const known = rows.filter(({ forgotten }) => forgotten === 0);
				if (options.dryRun || known.length === 0) return { done: known.length };
				const counts = await inSlices(
					known,
					async (slice) => {
						const seqs = slice.map(({ seq }) => seq);
						return [await write(stream, async (mine) => await forgetSlice(mine, seqs))];
					},
					({ bytes }) => bytes,
				);
				return { done: counts.reduce((sum, each) => sum + each, 0) };
			});
			return { ...swept, ...(!options.dryRun && { purge: await purgeErased(transactions) }) };
		},

		/**
		 * Gives up what nobody needs any more: payloads after 7 days, keys after their window, dead letters and unused streams
		 * after 90 days. One process does it every ten minutes; to the others it costs one read.
		 *
		 * @param limit of events in one go
		 * @returns how many events it dealt with
		 */
		async prune(limit = 20_000): Promise<number> {
			return await pruneAll(transactions, limit);
		},

		/** Whether a node has begun to read any resource. */
		async hasCursor(stream: string, node: string): Promise<boolean> {
			return await transactions.read(async (db) => await cursors.hasCursor(db, stream, node));
		},

		/** Where a node stands in a resource; nothing where it never began. */
		async cursor(stream: string, node: string, resource: string): Promise<unknown> {
			return await transactions.read(async (db) => await cursors.loadCursor(db, stream, node, resource));
		},

		/** Makes a trigger node known by its present name, and returns every trigger node of its workflow. */
		async meetNode(node: nodes.NodeIdentity): Promise<NodeRow[]> {
			const known = await transactions.read(async (db) => await nodes.nodesOf(db, node));
			if (nodes.isUpToDate(known, node) && transactions.isNoted(node.stream)) return known;
			return await write(node.stream, async ({ db, now }) => {
				await nodes.meetNode(db, await nodes.nodesOf(db, node), node, now);
				return await nodes.nodesOf(db, node);
			});
		},

		/** The trigger nodes of a workflow, as they are known. */
		async triggers(stream: string, workflow: string): Promise<NodeRow[]> {
			return await transactions.read(async (db) => await nodes.nodesOf(db, { stream, workflow }));
		},

		/** Lets go of the cursors of nodes that are gone from their workflow, once they have stood still for 30 days. */
		async dropCursors(stream: string, gone: readonly string[]): Promise<void> {
			if (gone.length === 0) return;
			await write(stream, async ({ db, now }) => {
				await cursors.dropCursors(db, stream, gone, now);
			});
		},

		/** Lets go of the cursors of children that are gone from their parents, once they have stood still for 30 days. */
		async dropResources(stream: string, node: string, parents: string, children: readonly string[]): Promise<void> {
			await write(stream, async ({ db, now }) => {
				await cursors.dropResources(db, stream, node, parents, children, now);
			});
		},

		/**
		 * Notes that a webhook node is not published any more; its events stay.
		 *
		 * @param url where it was called: nothing is noted where the ledger knows the node by another one
		 */
		async retireNode(stream: string, node: string, url: string): Promise<void> {
			await write(stream, async ({ db, now }) => {
				await nodes.retireNode(db, stream, node, url, now);
			});
		},

		/**
		 * Takes the lease under which one tick of a node runs, in whichever process.
		 *
		 * @returns the lease, or nothing while another tick runs
		 */
		async leaseTick(stream: string, node: string, leaseMs: number): Promise<leases.TickLease | undefined> {
			const token = randomUUID();
			return await write(stream, async ({ db, now }) => await leases.leaseTick(db, stream, node, token, leaseMs, now));
		},

		/**
		 * Ends a tick, and keeps its `notBefore` and `state` for the next.
		 *
		 * @param counts requests that it made, and how many of them found nothing changed
		 */
		async endTick(
			stream: string,
			node: string,
			lease: leases.TickLease,
			counts: { readonly requests?: number; readonly unchanged?: number } = {},
		): Promise<void> {
			await write(stream, async (mine) => {
				await leases.endTick(mine.db, stream, node, lease);
				const { requests = 0, unchanged = 0 } = counts;
				await count(mine, [
					{ name: 'polls', value: requests > 0 ? 1 : 0 },
					{ name: 'requests', value: requests },
					{ name: 'unchanged', value: unchanged },
				]);
			});
		},

		/**
		 * Takes the lease under which the webhook of a node is registered, looked after or removed, in whichever process.
		 *
		 * @param leaseMs at most 5 minutes
		 * @returns the lease, or nothing while another one holds it
		 */
		async leaseSubscription(
			stream: string,
			node: string,
			leaseMs: number,
		): Promise<subscriptions.SubscriptionLease | undefined> {
			const token = randomUUID();
			return await write(
				stream,
				async ({ db, now }) => await subscriptions.leaseSubscription(db, stream, node, token, leaseMs, now),
			);
		},

		/**
		 * Keeps what is known of a registered webhook; nothing says that there is none.
		 *
		 * @returns whether the lease was still held
		 */
		async keepSubscription(stream: string, node: string, token: string, state: unknown): Promise<boolean> {
			return await write(
				stream,
				async ({ db }) => await subscriptions.keepSubscription(db, stream, node, token, state),
			);
		},

		async releaseSubscription(stream: string, node: string, token: string): Promise<void> {
			await write(stream, async ({ db }) => {
				await subscriptions.releaseSubscription(db, stream, node, token);
			});
		},

		/** What is known of the webhook that a node has registered; nothing where it has none. */
		async subscription(stream: string, node: string): Promise<unknown> {
			return await transactions.read(async (db) => await subscriptions.loadSubscription(db, stream, node));
		},

		/** Counts requests that were let in no further, by reason. */
		async countRefusals(stream: string, reasons: Readonly<Record<string, number>>): Promise<void> {
			await transactions.tidy(stream, async (turn) => {
				await count(
					turn,
					Object.entries(reasons).map(([label, value]) => ({ name: 'refused', label, value })),
				);
			});
		},

		/** What the health of a stream is computed from. It costs the same however many events there are. */
		async facts(stream: string, query: FactsQuery): Promise<StreamFacts> {
			await notes.flush(stream);
			return await transactions.readStream(stream, async (turn) => await readFacts(turn, query));
		},

		/**
		 * The events that were given up and those that wait for another attempt, then those that passed more than a minute ago
		 * and are not confirmed, each newest first, with their data: at most 8 MiB of it for each 250 events.
		 *
		 * @param withUnconfirmed whether to give the last, too
		 */
		async problems(stream: string, limit: number, withUnconfirmed: boolean): Promise<readonly LoggedEvent[]> {
			const keys = await transactions.readStream(
				stream,
				async (turn) => await problemKeys(turn, limit, withUnconfirmed),
			);
			// What has been finished meanwhile is none any more.
			const states = ['dead', 'failed', 'claimed'] as const;
			const found: LoggedEvent[] = [];
			for (let rest = keys; rest.length > 0; rest = rest.slice(CHUNK)) {
				const page = { limit: CHUNK, withData: true };
				const { events, next } = await this.lookUp(stream, { keys: rest.slice(0, CHUNK), states }, page);
				found.push(...events);
				// There is more data than one call gives.
				if (next !== undefined) break;
			}
			return found;
		},

		/** How push and polling have done within the last day. */
		async pathActivity(stream: string): Promise<PathActivity> {
			await notes.flush(stream);
			return await transactions.read(async (db) => await pathActivity(db, stream, clock()));
		},

		async close(): Promise<void> {
			await notes.flushAll();
			await backend.close();
		},
	};
}

const MAX_REASON_LENGTH = 2_000;
function storableFilter(filter: EventFilter): EventFilter {
	return {
		...filter,
		...(filter.keys && { keys: filter.keys.map(storableKey) }),
		...(filter.subject !== undefined && { subject: storableKey(filter.subject) }),
	};
}
