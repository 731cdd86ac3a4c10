import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SyncEvent } from '../event/event';
import type { Backend } from './backend';
import { type ClaimRequest, type ClaimResult, claimSlice, confirmSlice } from './claim';
import { type HandOverRequest, handOverSlice } from './hand-over';
import { acknowledge } from './lifecycle';
import * as nodes from './nodes';
import {
	type DeadLetter,
	type DeadLetterOrigin,
	type RecordRequest,
	arrivalsOf,
	recordDeadLetter,
	recordSlice,
} from './record';
import { type StoredEvent, columnsOf, lifeOf, syncEventOf } from './rows';
import type { NodeRow } from './schema';
import { inSlices, untilShort } from './slices';
import { findLives, storableKey, updateEach } from './store';

export type { ClaimRequest, ClaimResult } from './claim';
export type { HandOverRequest } from './hand-over';
export type { TickLease } from './nodes';
export type { RecordRequest } from './record';

/**
 * What recording an event came to: `new`; `due`, known and waiting to be handed over, and with `handsOver` handed over
 * now; `duplicate` of one already stored; `changed`, a duplicate whose payload differs from the stored one.
 */
export type RecordResult =
	{ readonly outcome: 'new' | 'due'; readonly event: SyncEvent } | { readonly outcome: 'duplicate' | 'changed' };

export type Ledger = ReturnType<typeof createLedger>;

/**
 * The ledger over a backend. Every operation is atomic against all others, in this and other processes. Large batches are
 * worked off in slices, each a transaction of its own, and so that an end between two slices loses nothing.
 *
 * @param backend where it is stored
 * @param clock milliseconds since the epoch
 */
export function createLedger(backend: Backend, clock: () => number = Date.now) {
	/** Proves that an event came from this ledger, to a node of another workflow that is asked to let it pass. */
	const proofOf = (stream: string, key: string) =>
		createHmac('sha256', backend.secret)
			.update(JSON.stringify([stream, key]))
			.digest('base64url');
	const emit = (row: Omit<StoredEvent, 'seq'>): SyncEvent => ({
		...syncEventOf(row),
		streamproof: proofOf(row.stream, row.event_key),
	});

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
			const stored = await inSlices(
				arrivalsOf(request),
				async (slice, last) =>
					await backend.write(async (db) => {
						const now = clock();
						if (cursor) await nodes.holdLease(db, stream, node, cursor.lease);
						const outcome = await recordSlice(db, request, slice, now);
						if (cursor && last) await nodes.saveCursor(db, stream, node, cursor, now);
						return outcome;
					}),
				({ payload }) => payload.length,
			);
			return stored.map((result) =>
				'row' in result ? { outcome: result.outcome, event: emit(result.row) } : { outcome: result.outcome },
			);
		},

		/** Stores what is authentic and cannot be read, so that it can be looked at and replayed. A repeat changes nothing. */
		async recordDeadLetters(origin: DeadLetterOrigin, letters: readonly DeadLetter[]): Promise<void> {
			if (letters.length === 0) return;
			await inSlices(
				letters,
				async (slice) =>
					await backend.write(async (db) => {
						for (const letter of slice) await recordDeadLetter(db, origin, letter, clock());
						return [];
					}),
			);
		},

		/**
		 * Asks for events to pass, each once. A key the ledger has never seen is stored and passes. Where a call needs several
		 * transactions, nothing is settled before all of them are through, so that a failure in between costs no event.
		 *
		 * @returns for each key, in order, whether it passes
		 */
		async claim(request: ClaimRequest): Promise<ClaimResult[]> {
			const keys = request.keys.map(storableKey);
			const seen = new Set<string>();
			let slices = 0;
			const results = await inSlices(keys, async (slice, last) => {
				slices += 1;
				const settles = request.settles && last && slices === 1;
				const work = async (db: Parameters<typeof claimSlice>[0]) =>
					await claimSlice(db, { ...request, settles }, slice, seen, clock());
				return await (request.dryRun ? work(backend.db) : backend.write(work));
			});
			if (request.settles && slices > 1 && !request.dryRun) {
				const tokens = results.flatMap((result) => ('token' in result ? result.token : []));
				await inSlices(tokens, async (slice) => {
					await backend.write(async (db) => await confirmSlice(db, request.execution, { tokens: slice }));
					return [];
				});
			}
			return results;
		},

		/** Whether an event bears this ledger's proof that it belongs to the stream it names. */
		isGenuine(event: SyncEvent): boolean {
			const proof = Buffer.from(proofOf(event.stream, event.id));
			const borne = Buffer.from(event.streamproof ?? '');
			return borne.length === proof.length && timingSafeEqual(borne, proof);
		},

		/**
		 * Settles what an execution let pass.
		 *
		 * @returns how many events it settled
		 */
		async confirm(execution: string): Promise<number> {
			return await untilShort(
				async (limit) => await backend.write(async (db) => await confirmSlice(db, execution, { limit })),
			);
		},

		/** Hands over what is due: recovered events first, then what has waited longest. */
		async handOver(request: HandOverRequest): Promise<SyncEvent[]> {
			const handed: StoredEvent[] = [];
			await untilShort(async (limit) => {
				const slice = await backend.write(async (db) => await handOverSlice(db, request, limit, clock()));
				handed.push(...slice.handed);
				return slice.rows;
			}, request.limit);
			return handed.map(emit);
		},

		/** Takes the sign that n8n has these events. */
		async acknowledge(stream: string, keys: readonly string[]): Promise<void> {
			await inSlices(keys, async (slice) => {
				await backend.write(async (db) => {
					const rows = [...(await findLives(db, stream, slice)).values()];
					await updateEach(
						db,
						rows.map((row) => ({ seq: row.seq, changes: columnsOf(acknowledge(lifeOf(row))) })),
					);
				});
				return [];
			});
		},

		/** Where a node stands in a resource; nothing where it never began. */
		async cursor(stream: string, node: string, resource: string): Promise<unknown> {
			return await nodes.loadCursor(backend.db, stream, node, resource);
		},

		/** Makes a trigger node known by its present name, and returns every trigger node of its stream. */
		async meetNode(node: nodes.NodeIdentity): Promise<NodeRow[]> {
			const known = await nodes.nodesOf(backend.db, node.stream);
			if (nodes.isMet(known, node)) return known;
			return await backend.write(async (db) => {
				await nodes.meetNode(db, node, clock());
				return await nodes.nodesOf(db, node.stream);
			});
		},

		/** Notes that a webhook node is not published any more; its events stay. */
		async retireNode(stream: string, node: string): Promise<void> {
			await backend.write(async (db) => {
				await nodes.retireNode(db, stream, node);
			});
		},

		/**
		 * Takes the lease under which one tick of a node runs, in whichever process.
		 *
		 * @returns the lease, or nothing while another tick runs
		 */
		async leaseTick(stream: string, node: string, leaseMs: number): Promise<nodes.TickLease | undefined> {
			return await backend.write(async (db) => await nodes.leaseTick(db, stream, node, leaseMs, clock()));
		},

		/** Ends a tick, and keeps its `notBefore` for the next. */
		async endTick(stream: string, node: string, lease: nodes.TickLease): Promise<void> {
			await backend.write(async (db) => {
				await nodes.endTick(db, stream, node, lease);
			});
		},

		async close(): Promise<void> {
			await backend.close();
		},
	};
}
