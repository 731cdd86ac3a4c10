import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { HybridSyncError } from '../errors';
import type { ProviderEvent, SyncEvent } from '../event/event';
import type { Backend } from './backend';
import * as lifecycle from './lifecycle';
import { type StoredEvent, columnsOf, lifeOf, payloadOf, syncEventOf, withDelivery } from './rows';
import type { NodeRow, Tables } from './schema';
import { joinTwins } from './twins';

/** Rows one transaction touches at the most, so that none holds n8n's event loop for long. A backlog goes slice by slice. */
const SLICE = 250;

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

/**
 * What recording an event came to: `new`; `due`, known and waiting to be handed over, and with `handsOver` handed over
 * now; `duplicate` of one already stored; `changed`, a duplicate whose payload differs from the stored one.
 */
export type RecordResult =
	{ readonly outcome: 'new' | 'due'; readonly event: SyncEvent } | { readonly outcome: 'duplicate' | 'changed' };

export interface DeadLetter {
	readonly stream: string;
	readonly node: string;
	readonly key: string;
	readonly type: string;
	readonly source: string;
	/** What arrived, as it arrived. */
	readonly data: unknown;
	readonly reason: string;
	readonly correlationId: string;
}

export interface ClaimRequest {
	readonly stream: string;
	/** Event keys, or the keys of items from elsewhere. */
	readonly keys: readonly string[];
	readonly execution: string;
	/** Id of the Sync Dedupe node. */
	readonly node: string;
	readonly run: number;
	/** Done as soon as it passes, because no Confirm follows. */
	readonly settles: boolean;
	readonly leaseMs?: number;
	/** Refuses keys that are not stored, for a stream that is not the claimant's own. */
	readonly onlyKnown?: boolean;
	/** Says what a claim would come to and writes nothing. */
	readonly dryRun?: boolean;
}

export type ClaimResult =
	| { readonly outcome: 'new'; readonly attempt: number; readonly token: string }
	| { readonly outcome: 'duplicate' }
	| { readonly outcome: 'unknown' };

export interface HandOverRequest {
	readonly stream: string;
	/** Ids of the trigger nodes whose events may go. */
	readonly nodes: readonly string[];
	readonly limit: number;
	/** Whether handing over is itself the sign that n8n has them. */
	readonly acknowledged: boolean;
}

export type Ledger = ReturnType<typeof createLedger>;

/**
 * The rules of the ledger over a backend. Every operation is atomic: it happens whole or not at all, whatever else runs
 * at the same moment in this or another process.
 *
 * @param backend where it is stored
 * @param clock milliseconds since the epoch
 */
export function createLedger(backend: Backend, clock: () => number = Date.now) {
	return {
		/** Tells this ledger from its replacement. */
		id: backend.ledgerId,

		/**
		 * Stores events, joining those of the two paths one to one, and advances the cursor that covers them.
		 *
		 * @returns for each event, in order, what came of it
		 * @throws HybridSyncError `lease-lost` where the tick's lease has gone to another; `ledger-unavailable`
		 */
		async record(request: RecordRequest): Promise<RecordResult[]> {
			const { events, cursor } = request;
			const slices = cursor && events.length === 0 ? [[]] : slicesOf(events);
			const results: RecordResult[] = [];
			for (const [index, slice] of slices.entries()) {
				const recorded = await backend.write(async (db) => {
					const now = clock();
					if (cursor) await holdLease(db, request.stream, request.node, cursor.lease);
					const outcome = await recordSlice(db, request, slice, now);
					if (cursor && index === slices.length - 1) {
						await saveCursor(db, request.stream, request.node, cursor, now);
					}
					return outcome;
				});
				results.push(...recorded);
			}
			return results;
		},

		/** Stores something authentic that cannot be read, so that it can be looked at and replayed. A repeat changes nothing. */
		async recordDeadLetter(letter: DeadLetter): Promise<void> {
			await backend.write(async (db) => {
				const now = clock();
				await db
					.insertInto('event')
					.values({
						stream: letter.stream,
						event_key: letter.key,
						twin_key: null,
						match_key: null,
						path: 'webhook',
						node: letter.node,
						type: letter.type,
						subject: '',
						time: now,
						hash: '',
						payload: JSON.stringify({ source: letter.source, dataschema: '', data: letter.data }),
						correlation_id: letter.correlationId,
						recovered: 0,
						received_at: now,
						...columnsOf({ stage: { state: 'dead', reason: letter.reason }, handOvers: 0, attempts: 0 }),
						deliveries: JSON.stringify([{ at: now, path: 'webhook', by: letter.correlationId, outcome: 'dead' }]),
						delivery_count: 1,
					})
					.onConflict((conflict) => conflict.columns(['stream', 'event_key']).doNothing())
					.execute();
			});
		},

		/**
		 * Asks for events to pass, each once. A key the ledger has never seen is stored and passes.
		 *
		 * @returns for each key, in order, whether it passes
		 */
		async claim(request: ClaimRequest): Promise<ClaimResult[]> {
			const seen = new Set<string>();
			const results: ClaimResult[] = [];
			for (const slice of slicesOf(request.keys)) {
				const work = async (db: Kysely<Tables>) => await claimSlice(db, request, slice, seen, clock());
				results.push(...(await (request.dryRun ? work(backend.db) : backend.write(work))));
			}
			return results;
		},

		/**
		 * Settles what an execution let pass.
		 *
		 * @returns how many events it settled
		 */
		async confirm(execution: string): Promise<number> {
			return await untilShort(async () => await backend.write(async (db) => await confirmSlice(db, execution)));
		},

		/** Hands over what is due: recovered events first, then the oldest. */
		async handOver(request: HandOverRequest): Promise<SyncEvent[]> {
			if (request.limit <= 0 || request.nodes.length === 0) return [];
			const handed: SyncEvent[] = [];
			while (handed.length < request.limit) {
				const limit = Math.min(SLICE, request.limit - handed.length);
				const slice = await backend.write(async (db) => await handOverSlice(db, request, limit, clock()));
				handed.push(...slice.events);
				if (slice.rows < limit) break;
			}
			return handed;
		},

		/** Takes the sign that n8n has these events. */
		async acknowledge(stream: string, keys: readonly string[]): Promise<void> {
			for (const slice of slicesOf(keys)) {
				await backend.write(async (db) => {
					for (const row of (await findByKeys(db, stream, slice)).values()) {
						await save(db, row, columnsOf(lifecycle.acknowledge(lifeOf(row))));
					}
				});
			}
		},

		/** Where a node stands in a resource; nothing where it never began. */
		async cursor(stream: string, node: string, resource: string): Promise<unknown> {
			const row = await backend.db
				.selectFrom('cursor')
				.select('position')
				.where('stream', '=', stream)
				.where('node', '=', node)
				.where('resource', '=', resource)
				.executeTakeFirst();
			return row && JSON.parse(row.position);
		},

		/** Forgets a trigger node that is no longer published; its events stay. */
		async forgetNode(stream: string, node: string): Promise<void> {
			await backend.write(
				async (db) => await db.deleteFrom('node').where('stream', '=', stream).where('node', '=', node).execute(),
			);
		},

		/** Makes a trigger node known by its present name, and returns every trigger node of its stream. */
		async meetNode(node: Pick<NodeRow, 'stream' | 'node' | 'name' | 'kind' | 'provider'>): Promise<NodeRow[]> {
			const all = async (db: Kysely<Tables>) =>
				await db.selectFrom('node').selectAll().where('stream', '=', node.stream).execute();
			const known = await all(backend.db);
			const mine = known.find((row) => row.node === node.node);
			if (mine?.name === node.name && mine.provider === node.provider) return known;
			return await backend.write(async (db) => {
				await db
					.insertInto('node')
					.values({ ...node, since: clock(), lease_token: null, lease_until: 0, not_before: 0 })
					.onConflict((conflict) =>
						conflict.columns(['stream', 'node']).doUpdateSet({ name: node.name, provider: node.provider }),
					)
					.execute();
				return await all(db);
			});
		},

		/**
		 * Takes the lease under which one tick of a node runs, in whichever process.
		 *
		 * @returns the lease's token, or nothing while another tick runs
		 */
		async leaseTick(stream: string, node: string, leaseMs: number): Promise<string | undefined> {
			const token = randomUUID();
			const now = clock();
			const taken = await backend.write(
				async (db) =>
					await db
						.updateTable('node')
						.set({ lease_token: token, lease_until: now + leaseMs })
						.where('stream', '=', stream)
						.where('node', '=', node)
						.where('lease_until', '<=', now)
						.executeTakeFirst(),
			);
			return taken.numUpdatedRows > 0n ? token : undefined;
		},

		/** Ends a tick; `notBefore` is the earliest time for its next request to the provider. */
		async endTick(stream: string, node: string, lease: string, notBefore: number): Promise<void> {
			await backend.write(
				async (db) =>
					await db
						.updateTable('node')
						.set({ lease_token: null, lease_until: 0, not_before: notBefore })
						.where('stream', '=', stream)
						.where('node', '=', node)
						.where('lease_token', '=', lease)
						.execute(),
			);
		},

		async close(): Promise<void> {
			await backend.close();
		},
	};
}

function slicesOf<T>(items: readonly T[]): T[][] {
	return Array.from({ length: Math.ceil(items.length / SLICE) }, (_, index) =>
		items.slice(index * SLICE, (index + 1) * SLICE),
	);
}

/** Stored events by key, under either of the two keys an event may have. */
async function findByKeys(db: Kysely<Tables>, stream: string, keys: readonly string[]) {
	const found = new Map<string, StoredEvent>();
	if (keys.length === 0) return found;
	const stored = db.selectFrom('event').selectAll().where('stream', '=', stream);
	for (const row of await stored.where('twin_key', 'in', keys).execute()) found.set(row.twin_key ?? '', row);
	for (const row of await stored.where('event_key', 'in', keys).execute()) found.set(row.event_key, row);
	return found;
}

/** Events of the other path that could be the same as one of these. */
async function findTwins(db: Kysely<Tables>, request: RecordRequest, events: readonly ProviderEvent[]) {
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

async function confirmSlice(db: Kysely<Tables>, execution: string): Promise<number> {
	const rows = await db
		.selectFrom('event')
		.selectAll()
		.where('execution', '=', execution)
		.where('state', '=', 'claimed')
		.limit(SLICE)
		.execute();
	for (const row of rows) await save(db, row, columnsOf(lifecycle.confirm(lifeOf(row), row.token ?? '')));
	return rows.length;
}

/** Repeats a slice until one comes up short. @returns how many rows all of them touched */
async function untilShort(slice: () => Promise<number>): Promise<number> {
	let total = 0;
	for (;;) {
		const rows = await slice();
		total += rows;
		if (rows < SLICE) return total;
	}
}

async function handOverSlice(
	db: Kysely<Tables>,
	request: HandOverRequest,
	limit: number,
	now: number,
): Promise<{ rows: number; events: SyncEvent[] }> {
	const rows = await findDue(db, request, limit, now);
	const events: SyncEvent[] = [];
	for (const row of rows) {
		const life = lifecycle.expire(lifeOf(row), now);
		if (row.path === 'item' || !lifecycle.isDue(life, now)) {
			await save(db, row, columnsOf(life));
			continue;
		}
		const given = lifecycle.handOver(life, now);
		await save(db, row, columnsOf(request.acknowledged ? lifecycle.acknowledge(given) : given));
		events.push(syncEventOf({ ...row, path: row.path }));
	}
	return { rows: rows.length, events };
}

/** What is due, each part read in the order of its index, so that a long backlog costs no more than a short one. */
async function findDue(
	db: Kysely<Tables>,
	request: HandOverRequest,
	limit: number,
	now: number,
): Promise<StoredEvent[]> {
	const due: StoredEvent[] = [];
	for (const recovered of [1, 0]) {
		for (const node of request.nodes) {
			const rows = await db
				.selectFrom('event')
				.selectAll()
				.where('stream', '=', request.stream)
				.where('node', '=', node)
				.where('recovered', '=', recovered)
				.where('due_at', '<=', now)
				.orderBy('due_at')
				.orderBy('seq')
				.limit(limit - due.length)
				.execute();
			due.push(...rows);
			if (due.length >= limit) return due;
		}
	}
	return due;
}

async function recordSlice(
	db: Kysely<Tables>,
	request: RecordRequest,
	slice: readonly ProviderEvent[],
	now: number,
): Promise<RecordResult[]> {
	const { stream, path } = request;
	const rows = await findByKeys(db, stream, [...new Set(slice.map(({ key }) => key))]);
	const unseen = new Map(slice.filter(({ key }) => !rows.has(key)).map((event) => [event.key, event]));
	const twins = joinTwins([...unseen.values()], await findTwins(db, request, [...unseen.values()]));
	const delivery = (outcome: string) => ({ at: now, path, by: request.correlationId, outcome });

	const results: RecordResult[] = [];
	for (const event of slice) {
		const twin = twins.get(event.key);
		const row = rows.get(event.key) ?? twin;
		if (row === undefined) {
			const stored = await insert(db, request, event, now);
			rows.set(event.key, stored);
			results.push({ outcome: 'new', event: syncEventOf({ ...stored, path: request.path }) });
			continue;
		}
		const known = rows.has(event.key);
		const life = lifecycle.expire(lifeOf(row), now);
		const due = request.handsOver && lifecycle.isDue(life, now);
		const changed = event.key === row.event_key && row.hash !== '' && event.hash !== row.hash;
		const outcome = due ? 'due' : changed ? 'changed' : 'duplicate';
		if (due && row.path !== 'item') results.push({ outcome: 'due', event: syncEventOf({ ...row, path: row.path }) });
		else results.push({ outcome: changed ? 'changed' : 'duplicate' });
		// Each tick reads its look-back again: such a repeat is no delivery and costs no write.
		if (known && path === 'poll') continue;
		const changes = {
			...withDelivery(row, delivery(known ? outcome : 'twin')),
			...(twin && !known && { twin_key: event.key }),
			...(due && columnsOf(lifecycle.handOver(life, now))),
		};
		await save(db, row, changes);
		rows.set(event.key, { ...row, ...changes });
	}
	return results;
}

async function insert(
	db: Kysely<Tables>,
	request: RecordRequest,
	event: ProviderEvent,
	now: number,
): Promise<StoredEvent> {
	const { path, pushedSince } = request;
	return await db
		.insertInto('event')
		.values({
			stream: request.stream,
			event_key: event.key,
			twin_key: null,
			match_key: event.match?.key ?? null,
			path,
			node: request.node,
			type: event.type,
			subject: event.subject,
			time: event.time,
			hash: event.hash,
			payload: payloadOf(event, request.traceparent),
			correlation_id: request.correlationId,
			recovered: path === 'poll' && pushedSince !== undefined && event.time >= pushedSince ? 1 : 0,
			received_at: now,
			...columnsOf(lifecycle.begin(now, request.handsOver)),
			deliveries: JSON.stringify([{ at: now, path, by: request.correlationId, outcome: 'new' }]),
			delivery_count: 1,
		})
		.returningAll()
		.executeTakeFirstOrThrow();
}

async function claimSlice(
	db: Kysely<Tables>,
	request: ClaimRequest,
	keys: readonly string[],
	seen: Set<string>,
	now: number,
): Promise<ClaimResult[]> {
	const rows = await findByKeys(db, request.stream, [...new Set(keys)]);
	const results: ClaimResult[] = [];
	for (const key of keys) {
		const row = rows.get(key);
		// A pushed and a polled item of one event are one, also inside a batch.
		const identity = row?.event_key ?? key;
		if (seen.has(identity)) {
			results.push({ outcome: 'duplicate' });
			continue;
		}
		if (!row && request.onlyKnown) {
			results.push({ outcome: 'unknown' });
			continue;
		}
		seen.add(identity);
		const token = randomUUID();
		const claimed = lifecycle.claim(row ? lifeOf(row) : lifecycle.beginForeign(), {
			...request,
			token,
			now,
			leaseMs: request.leaseMs ?? lifecycle.DEFAULT_CLAIM_LEASE_MS,
		});
		if (!claimed.passes) {
			results.push({ outcome: 'duplicate' });
			continue;
		}
		const { stage, attempts } = claimed.life;
		results.push({ outcome: 'new', attempt: attempts, token: stage.token });
		if (request.dryRun) continue;
		if (row) await save(db, row, columnsOf(claimed.life));
		else await insertItem(db, request, key, claimed.life, now);
	}
	return results;
}

/** Stores the key of an item that none of our triggers recorded. */
async function insertItem(
	db: Kysely<Tables>,
	request: ClaimRequest,
	key: string,
	life: lifecycle.Life,
	now: number,
): Promise<void> {
	await db
		.insertInto('event')
		.values({
			stream: request.stream,
			event_key: key,
			twin_key: null,
			match_key: null,
			path: 'item',
			node: '',
			type: '',
			subject: '',
			time: now,
			hash: '',
			payload: '',
			correlation_id: '',
			recovered: 0,
			received_at: now,
			...columnsOf(life),
			// Nobody could hand an item over again: its lease matters only to the next claim.
			deliveries: '[]',
			delivery_count: 1,
		})
		.execute();
}

async function save(db: Kysely<Tables>, row: StoredEvent, changes: Partial<StoredEvent>): Promise<void> {
	await db.updateTable('event').set(changes).where('seq', '=', row.seq).execute();
}

async function holdLease(db: Kysely<Tables>, stream: string, node: string, lease: string): Promise<void> {
	const held = await db
		.selectFrom('node')
		.select('node')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('lease_token', '=', lease)
		.executeTakeFirst();
	if (held) return;
	throw new HybridSyncError(
		'lease-lost',
		'Another tick of this node took over while this one was still reading. Nothing is lost: the other one reads the same events.',
	);
}

async function saveCursor(
	db: Kysely<Tables>,
	stream: string,
	node: string,
	cursor: { resource: string; position: unknown },
	now: number,
): Promise<void> {
	const position = JSON.stringify(cursor.position);
	await db
		.insertInto('cursor')
		.values({ stream, node, resource: cursor.resource, position, updated_at: now })
		.onConflict((conflict) =>
			conflict.columns(['stream', 'node', 'resource']).doUpdateSet({ position, updated_at: now }),
		)
		.execute();
}
