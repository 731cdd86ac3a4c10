import { randomUUID } from 'node:crypto';
import * as lifecycle from './lifecycle';
import { columnsOf, lifeOf } from './rows';
import { type Db, findByKeys, insertEvent, updateEvent } from './store';

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
	const rows = await findByKeys(db, request.stream, [...new Set(keys)]);
	const results: ClaimResult[] = [];
	for (const key of keys) {
		const row = rows.get(key);
		// A pushed and a polled item of one event are one, also inside a batch.
		const identity = row?.event_key ?? key;
		const claimed = seen.has(identity)
			? ({ passes: false } as const)
			: lifecycle.claim(row ? lifeOf(row) : lifecycle.beginForeign(), {
					...request,
					token: randomUUID(),
					now,
					leaseMs: request.leaseMs ?? lifecycle.DEFAULT_CLAIM_LEASE_MS,
				});
		seen.add(identity);
		if (!claimed.passes) {
			results.push({ outcome: 'duplicate' });
			continue;
		}
		const { stage, attempts } = claimed.life;
		results.push({ outcome: 'new', attempt: attempts, token: stage.token });
		if (request.dryRun) continue;
		if (row) await updateEvent(db, row.seq, columnsOf(claimed.life));
		else await insertItem(db, request, key, claimed.life, now);
	}
	return results;
}

/** Settles claims of an execution: up to so many, or those that bear one of the tokens. @returns how many it settled */
export async function confirmSlice(
	db: Db,
	execution: string,
	which: { readonly limit: number } | { readonly tokens: readonly string[] },
): Promise<number> {
	const claims = db.selectFrom('event').selectAll().where('execution', '=', execution).where('state', '=', 'claimed');
	const rows = await (
		'limit' in which ? claims.limit(which.limit) : claims.where('token', 'in', which.tokens)
	).execute();
	for (const row of rows) {
		await updateEvent(db, row.seq, columnsOf(lifecycle.confirm(lifeOf(row), row.token ?? '')));
	}
	return rows.length;
}

/** Stores the key of an item that none of our triggers recorded; should one record it later, it becomes that event. */
async function insertItem(
	db: Db,
	request: ClaimRequest,
	key: string,
	life: lifecycle.Life,
	now: number,
): Promise<void> {
	await insertEvent(db, {
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
		deliveries: '[]',
		delivery_count: 1,
	});
}
