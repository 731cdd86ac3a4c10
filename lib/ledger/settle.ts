import { count } from './counters';
import { storableText } from './keys';
import * as lifecycle from './lifecycle';
import { columnsOf, differences, lifeOf } from './rows';
import { type Turn, findClaims, updateEach } from './store';

/** Which claims: all those of these executions, or the ones that bear these tokens. */
export type Claims = { readonly executions: readonly string[] } | { readonly tokens: readonly string[] };

/** What is to become of them. */
export type Settlement =
	| { readonly kind: 'confirm' }
	| { readonly kind: 'fail'; readonly reason: string }
	| { readonly kind: 'extend'; readonly leaseMs: number };

/**
 * Settles claims of one stream, as far as they still stand under the tokens they were read with.
 *
 * @param seen claims, read before the stream was locked
 * @returns how many it changed
 */
export async function settleSlice(
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
	const died = settled.filter(({ life }) => life.stage.state === 'dead').length;
	if (to.kind === 'confirm') await count(turn, { confirmed: rows.length });
	if (to.kind === 'fail') await count(turn, { failed: rows.length, died });
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
