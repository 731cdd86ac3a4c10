import type { Transactions } from '../transactions';
import { type Count, count, duration } from '../tables/counters';
import { storableText } from '../tables/keys';
import * as lifecycle from '../rules/lifecycle';
import { columnsOf, differences, lifeOf } from '../tables/rows';
import { MAX_ROWS, inSlices } from '../slices';
import { type Turn, findClaims, findTokens, updateEach } from '../tables/statements';

/**
 * Which claims: those of these executions, in one stream or in all; or those with these tokens, in the one stream that the
 * caller has a right to. A token alone proves nothing: it may have been seen elsewhere.
 */
export type Claims =
	| { readonly executions: readonly string[]; readonly stream?: string }
	| { readonly stream: string; readonly passes: readonly Pass[] };

/** A claim that was granted. */
export interface Pass {
	readonly token: string;
	/** Of the event that it was granted for; absent where the caller may settle every claim of the stream. */
	readonly key?: string;
}

/** What is to become of them. */
type Settlement =
	/** `isAtOnce`: it is finished as it passes, because no Confirm follows. */
	| { readonly kind: 'confirm'; readonly isAtOnce?: true }
	| { readonly kind: 'fail'; readonly reason: string }
	| { readonly kind: 'extend'; readonly leaseMs: number };

/**
 * Settles claims, stream by stream, those of an execution in the order in which they were recorded.
 *
 * @returns how many it changed
 */
export async function settleAll(transactions: Transactions, claims: Claims, to: Settlement): Promise<number> {
	const isByToken = 'passes' in claims;
	const values = isByToken ? claims.passes.map(({ token }) => token) : claims.executions;
	const keys = new Map(isByToken ? claims.passes.map(({ token, key }) => [token, key]) : []);
	const { stream } = claims;
	// Not to be mistaken for all streams.
	if (values.length === 0 || (isByToken && stream === undefined)) return 0;
	const counts = await inSlices(values, async (slice) => {
		let settled = 0;
		const by = {
			column: isByToken ? 'token' : 'execution',
			values: slice,
			...(stream !== undefined && { stream }),
		} as const;
		for (let after = 0; ;) {
			const page = { limit: MAX_ROWS, after };
			const found = await transactions.read(async (db) => await findTokens(db, by, page));
			const seen = found.filter((row) => (keys.get(row.token ?? '') ?? row.event_key) === row.event_key);
			for (const [stream, own] of Map.groupBy(seen, (row) => row.stream)) {
				settled += await transactions.write(stream, async (turn) => await settleSlice(turn, own, to));
			}
			if (found.length < MAX_ROWS) return [settled];
			after = found.at(-1)?.seq ?? after;
		}
	});
	return counts.reduce((sum, each) => sum + each, 0);
}

/**
 * Settles claims of one stream, as far as they still stand under the tokens they were read with.
 *
 * @param seen claims, read before the stream was locked
 * @returns how many it changed
 */
async function settleSlice(
	turn: Turn,
	seen: readonly { readonly token: string | null }[],
	to: Settlement,
): Promise<number> {
	const { db, now } = turn;
	const rows = await findClaims(
		db,
		seen.flatMap(({ token }) => token ?? []),
	);
	const settled = rows.map((row) => ({ row, life: settle(lifeOf(row), row.token ?? '', to, now) }));
	await updateEach(
		db,
		settled.map(({ row, life }) => ({
			seq: row.seq,
			changes: {
				...differences(row, columnsOf(life, now)),
				...(life.stage.state === 'done' && { done_at: now }),
			},
		})),
	);
	const counts = settled.flatMap(({ row, life }): Count[] => {
		// Items from elsewhere are no events.
		if (row.path === 'item') return [];
		switch (to.kind) {
			case 'confirm':
				if (to.isAtOnce) return [];
				return [{ name: 'confirmed' }, ...duration(turn, 'confirmed', row, now - (row.passed_at ?? now))];
			case 'fail':
				return [{ name: 'failed' }, ...(life.stage.state === 'dead' ? [{ name: 'died' } as const] : [])];
			case 'extend':
				return [];
		}
	});
	await count(turn, counts);
	return rows.length;
}

function settle(life: lifecycle.Life, token: string, to: Settlement, now: number): lifecycle.Life {
	switch (to.kind) {
		case 'confirm':
			return lifecycle.confirm(life, token);
		case 'fail':
			return lifecycle.fail(life, token, storableText(to.reason), now);
		case 'extend':
			return lifecycle.extend(life, token, now + Math.min(to.leaseMs, lifecycle.LONGEST_CLAIM_LEASE_MS));
	}
}
