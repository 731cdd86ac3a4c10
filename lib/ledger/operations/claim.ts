import { randomUUID } from 'node:crypto';
import type { ProviderEvent } from '../../event/event';
import type { Transactions } from '../transactions';
import { type Count, count, duration } from '../tables/counters';
import { storableKey } from '../tables/keys';
import * as lifecycle from '../rules/lifecycle';
import { DEDUPE_WINDOW_MS } from '../rules/retention';
import { BARE_ROW, columnsOf, lifeOf } from '../tables/rows';
import { settleAll } from './settle';
import { inSlices } from '../slices';
import {
	type StoredLife,
	type Turn,
	findLives,
	insertEvents,
	newestPassed,
	updateClaimed,
	updateEach,
} from '../tables/statements';

/** What is to pass: an event's key, or that of an item from elsewhere. */
export interface Claimable {
	readonly stream: string;
	readonly key: string;
	/** Of an item that is one state of an entity; an event has its own on record. */
	readonly state?: ProviderEvent['state'];
}

export interface ClaimRequest {
	readonly items: readonly Claimable[];
	readonly execution: string;
	/** Id of the Sync Dedupe node. */
	readonly node: string;
	readonly run: number;
	/** Done as soon as it passes, because no Confirm follows. */
	readonly settles: boolean;
	readonly leaseMs?: number;
	/** Passes that an event may have without being confirmed. */
	readonly maxAttempts?: number;
	/** How long an item from elsewhere is known as a duplicate. */
	readonly dedupeWindowMs?: number;
	/** Says what a claim would come to and writes nothing. */
	readonly dryRun?: boolean;
}

export type ClaimResult =
	| { readonly outcome: 'new'; readonly attempt: number; readonly token: string }
	| { readonly outcome: 'duplicate' | 'outdated' };

/** What earlier items of the same call have claimed. */
interface EarlierClaims {
	/** Their events. */
	readonly keys: ReadonlySet<string>;
	/** Newest version of each entity. */
	readonly versions: ReadonlyMap<string, string>;
}

/** More would keep other writers waiting for too long. */
const MAX_CLAIMED_AT_ONCE = 2_000;

/**
 * Claims stream by stream. Where that takes several transactions, nothing is settled before all of them are through.
 *
 * @returns for each item, in order, whether it passes
 */
export async function claimAll(transactions: Transactions, request: ClaimRequest): Promise<ClaimResult[]> {
	const items = request.items.map(storable);
	const streams = Map.groupBy(items.keys(), (index) => items[index]?.stream ?? '');
	const atOnce = streams.size === 1 && items.length <= MAX_CLAIMED_AT_ONCE;
	const settles = request.settles && atOnce;
	const results = new Map<number, ClaimResult>();
	for (const [stream, indexes] of streams) {
		let claimed: EarlierClaims = { keys: new Set(), versions: new Map() };
		const claimSome = async (turn: Turn, some: readonly number[]) => {
			let sofar = claimed;
			await inSlices(some, async (slice) => {
				const own = slice.flatMap((index) => items[index] ?? []);
				const outcome = await claimSlice(turn, { ...request, settles }, own, sofar);
				outcome.results.forEach((result, position) => results.set(slice[position] ?? -1, result));
				sofar = outcome.claimed;
				return [];
			});
			return sofar;
		};
		for (let start = 0; start < indexes.length; start += MAX_CLAIMED_AT_ONCE) {
			const some = indexes.slice(start, start + MAX_CLAIMED_AT_ONCE);
			const run = request.dryRun ? transactions.readStream : transactions.write;
			claimed = await run(stream, async (turn) => await claimSome(turn, some));
		}
	}
	const ordered = items.flatMap((_item, index) => results.get(index) ?? []);
	if (request.settles && !atOnce && !request.dryRun) {
		for (const [stream, indexes] of streams) {
			const passes = indexes.flatMap((index) => {
				const result = results.get(index);
				return result && 'token' in result ? { token: result.token } : [];
			});
			await settleAll(transactions, { stream, passes }, { kind: 'confirm', isAtOnce: true });
		}
	}
	return ordered;
}

function storable({ stream, key, state }: Claimable): Claimable {
	return { stream, key: storableKey(key), ...(state && { state: { ...state, entity: storableKey(state.entity) } }) };
}

/** A slice of a call. */
interface Slice {
	readonly turn: Turn;
	readonly request: ClaimRequest;
	readonly rows: ReadonlyMap<string, StoredLife>;
	/** What has been claimed so far, earlier slices included. */
	readonly keys: Set<string>;
	readonly versions: Map<string, string>;
	/** Names the call in the tokens of its passes. */
	readonly call: string;
}

/** The result for one item, and what is to be written of it. */
interface Claimed {
	readonly result: ClaimResult;
	/** As it was before. */
	readonly row?: StoredLife;
	/** An item that no trigger of ours recorded. */
	readonly inserted?: ReturnType<typeof itemRow>;
	/** Its holder claims it again, and it keeps its token. */
	readonly kept?: { readonly seq: number; readonly changes: ReturnType<typeof columnsOf> };
	/** It gets a token of its own; those that are `alike` otherwise are written together. */
	readonly passing?: { readonly seq: number; readonly alike: string; readonly columns: ReturnType<typeof passColumns> };
}

/**
 * @param items with storable keys
 * @param earlier what slices before this one have claimed
 * @returns the outcomes, and what has been claimed by now
 */
async function claimSlice(
	turn: Turn,
	request: ClaimRequest,
	items: readonly Claimable[],
	earlier: EarlierClaims,
): Promise<{ results: ClaimResult[]; claimed: EarlierClaims }> {
	const rows = await findLives(
		turn,
		items.map(({ key }) => key),
	);
	const entities = new Set(items.flatMap((item) => stateOf(item, rows)?.entity ?? []));
	const versions = new Map([...(await newestPassed(turn, [...entities])), ...earlier.versions]);
	const slice: Slice = { turn, request, rows, keys: new Set(earlier.keys), versions, call: randomUUID() };
	const claims = items.map((item) => claimItem(slice, item));
	const results = claims.map(({ result }) => result);
	if (!request.dryRun) {
		await storeClaims(slice, claims);
		await count(
			turn,
			claims.flatMap(({ result, row }) => countsOf(turn, result, row)),
		);
	}
	return { results, claimed: slice };
}

function claimItem(slice: Slice, item: Claimable): Claimed {
	const { turn, request, rows, keys, versions, call } = slice;
	const { now } = turn;
	const row = rows.get(item.key);
	const known = row ? { row } : {};
	const state = stateOf(item, rows);
	// A pushed and a polled item of one event are one, also inside a batch.
	const identity = row?.event_key ?? item.key;
	if (keys.has(identity)) return { ...known, result: { outcome: 'duplicate' } };
	keys.add(identity);
	const before = row ? lifeOf(row) : lifecycle.beginForeign();
	const { outcome, life } = lifecycle.claim(before, {
		execution: request.execution,
		node: request.node,
		run: request.run,
		settles: request.settles,
		token: row ? `${call}-${row.seq}` : randomUUID(),
		now,
		leaseMs: request.leaseMs ?? lifecycle.DEFAULT_CLAIM_LEASE_MS,
		maxAttempts: request.maxAttempts ?? lifecycle.DEFAULT_MAX_ATTEMPTS,
		dedupeWindowMs: request.dedupeWindowMs ?? DEDUPE_WINDOW_MS,
		outdated: state !== undefined && state.version < (versions.get(state.entity) ?? ''),
	});
	if (outcome === 'new' && state) versions.set(state.entity, state.version);
	const token = 'token' in life.stage ? life.stage.token : '';
	const result: ClaimResult = outcome === 'new' ? { outcome, attempt: life.attempts, token } : { outcome };
	if (life === before) return { ...known, result };
	if (!row) return { result, inserted: itemRow(turn, item, life, outcome) };
	if (token === row.token) return { row, result, kept: { seq: row.seq, changes: columnsOf(life, now) } };
	// What differs between passes of one call.
	const { stage, ...counted } = life;
	const alike = `${stage.state} ${outcome} ${JSON.stringify(counted)}`;
	return { row, result, passing: { seq: row.seq, alike, columns: passColumns(life, outcome, now) } };
}

/** What a claim counts as. A pass that its holder asks for again, as n8n's Retry On Fail does, is the same pass. */
function countsOf(turn: Turn, result: ClaimResult, row: StoredLife | undefined): Count[] {
	const isEvent = row !== undefined && row.path !== 'item';
	switch (result.outcome) {
		case 'duplicate':
			return [{ name: isEvent ? 'stopped' : 'items.stopped' }];
		case 'outdated':
			return [{ name: 'outdated' }];
		case 'new':
			if (!isEvent) return [{ name: 'items.passed' }];
			if (result.attempt === row.attempts) return [];
			return row.attempts === 0 ? firstPass(turn, row) : furtherPass(row);
	}
}

function firstPass(turn: Turn, row: StoredLife): Count[] {
	const { now } = turn;
	const reached: Count[] =
		// It was counted as delivered, with the end of the execution that had it.
		row.state === 'delivered'
			? []
			: [
					{ name: 'passed' },
					...duration(turn, 'passed', row, now - row.received_at),
					...duration(turn, 'total', row, now - row.time),
				];
	return row.state === 'dead' ? [...reached, { name: 'revived' }] : reached;
}

function furtherPass({ state, replayed, done_at }: StoredLife): Count[] {
	const overran = state === 'claimed';
	return [
		{ name: 'again', label: replayed === 1 ? 'replayed' : overran ? 'overrun' : 'failed' },
		...(overran ? [{ name: 'overrun' } as const] : []),
		...(state === 'dead' ? [{ name: 'revived' } as const] : []),
		...(done_at !== null && replayed === 0 ? [{ name: 'twice' } as const] : []),
	];
}

async function storeClaims({ turn: { db }, call }: Slice, claims: readonly Claimed[]): Promise<void> {
	await updateEach(
		db,
		claims.flatMap(({ kept }) => kept ?? []),
	);
	const passing = claims.flatMap((claim) => claim.passing ?? []);
	for (const group of Map.groupBy(passing, ({ alike }) => alike).values()) {
		const seqs = group.map(({ seq }) => seq);
		if (group[0]) await updateClaimed(db, seqs, group[0].columns, `${call}-`);
	}
	await insertEvents(
		db,
		claims.flatMap(({ inserted }) => inserted ?? []),
	);
}

/** The state that an item is: an event has its own on record. */
function stateOf(item: Claimable, rows: ReadonlyMap<string, StoredLife>): Claimable['state'] {
	return stateOfRow(rows.get(item.key)) ?? item.state;
}

function stateOfRow(row: StoredLife | undefined): Claimable['state'] {
	if (!row || row.entity === null || row.version === null) return undefined;
	return { entity: row.entity, version: row.version };
}

/** The columns of a pass but its token, which is each row's own. */
function passColumns(life: lifecycle.Life, outcome: ClaimResult['outcome'], now: number) {
	const { token: _own, ...columns } = columnsOf(life, now);
	return {
		...columns,
		passed_at: outcome === 'new' ? now : null,
		done_at: life.stage.state === 'done' ? now : null,
	};
}

/** The row of an item that none of our triggers recorded; should one record it later, it becomes that event. */
function itemRow(
	{ stream, now }: Turn,
	{ key, state }: Claimable,
	life: lifecycle.Life,
	outcome: ClaimResult['outcome'],
) {
	return {
		...BARE_ROW,
		stream,
		event_key: key,
		entity: state?.entity ?? null,
		version: state?.version ?? null,
		path: 'item' as const,
		time: now,
		received_at: now,
		...columnsOf(life, now),
		passed_at: outcome === 'new' ? now : null,
		done_at: life.stage.state === 'done' ? now : null,
	};
}
