import { randomUUID } from 'node:crypto';
import * as lifecycle from './lifecycle';
import { type LifeColumns, columnsOf, lifeOf } from './rows';
import { type Db, findLives, insertEvents, updateClaimed, updateEvents } from './store';

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
	/** Says what a claim would come to and writes nothing. */
	readonly dryRun?: boolean;
}

export type ClaimResult =
	{ readonly outcome: 'new'; readonly attempt: number; readonly token: string } | { readonly outcome: 'duplicate' };

/**
 * @param keys storable keys
 * @param seen events that earlier items of the same call have claimed
 */
export async function claimSlice(
	db: Db,
	request: ClaimRequest,
	keys: readonly string[],
	seen: Set<string>,
	now: number,
): Promise<ClaimResult[]> {
	const rows = await findLives(db, request.stream, keys);
	const passing = new Map<string, { seqs: number[]; columns: LifeColumns }>();
	const items: { key: string; life: lifecycle.Life }[] = [];
	const call = randomUUID();
	const results: ClaimResult[] = [];
	for (const key of keys) {
		const row = rows.get(key);
		// A pushed and a polled item of one event are one, also inside a batch.
		const identity = row?.event_key ?? key;
		const claimed = seen.has(identity)
			? ({ passes: false } as const)
			: lifecycle.claim(row ? lifeOf(row) : lifecycle.beginForeign(), {
					...request,
					token: row ? `${call}-${row.seq}` : randomUUID(),
					now,
					leaseMs: request.leaseMs ?? lifecycle.DEFAULT_CLAIM_LEASE_MS,
				});
		seen.add(identity);
		if (!claimed.passes) {
			results.push({ outcome: 'duplicate' });
			continue;
		}
		const { life } = claimed;
		results.push({ outcome: 'new', attempt: life.attempts, token: life.stage.token });
		if (request.dryRun) continue;
		const columns = columnsOf(life);
		if (!row) items.push({ key, life });
		// Its holder claims it again, and it keeps its token.
		else if (life.stage.token === row.token) await updateEvents(db, [row.seq], columns);
		else {
			const same = JSON.stringify({ ...columns, token: null });
			const group = passing.get(same) ?? { seqs: [], columns };
			group.seqs.push(row.seq);
			passing.set(same, group);
		}
	}
	for (const { seqs, columns } of passing.values()) {
		const { token: _own, ...shared } = columns;
		await updateClaimed(db, seqs, shared, `${call}-`);
	}
	await insertEvents(
		db,
		items.map(({ key, life }) => itemRow(request.stream, key, life, now)),
	);
	return results;
}

/**
 * Settles claims of an execution: up to so many, or those that bear one of the tokens. It does for many at once what
 * `lifecycle.confirm` says for one.
 *
 * @returns how many it settled
 */
export async function confirmSlice(
	db: Db,
	execution: string,
	which: { readonly limit: number } | { readonly tokens: readonly string[] },
): Promise<number> {
	const claims = db.selectFrom('event').select('seq').where('execution', '=', execution).where('state', '=', 'claimed');
	const rows = await (
		'limit' in which ? claims.limit(which.limit) : claims.where('token', 'in', which.tokens)
	).execute();
	const seqs = rows.map(({ seq }) => seq);
	if (seqs.length > 0) await updateEvents(db, seqs, { state: 'done', due_at: null });
	return seqs.length;
}

/** The row of an item that none of our triggers recorded; should one record it later, it becomes that event. */
function itemRow(stream: string, key: string, life: lifecycle.Life, now: number) {
	return {
		stream,
		event_key: key,
		twin_key: null,
		match_key: null,
		path: 'item' as const,
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
		deliveries: '[]',
		delivery_count: 1,
	};
}
