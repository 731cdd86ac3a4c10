import type { Db } from '../tables/statements';

/** The webhooks that nodes have registered at their providers, and the leases under which this is done. */

/** A lease further ahead was taken by a clock that has been set right since. */
const LONGEST_LEASE_MS = 5 * 60_000;

/** A lease, and what the one before has left. */
export interface SubscriptionLease {
	readonly token: string;
	/** Nothing where the node has registered none. */
	readonly state: unknown;
}

export async function leaseSubscription(
	db: Db,
	stream: string,
	node: string,
	token: string,
	leaseMs: number,
	now: number,
): Promise<SubscriptionLease | undefined> {
	await db
		.insertInto('subscription')
		.values({ stream, node, state: 'null', lease_token: null, lease_until: 0 })
		.onConflict((conflict) => conflict.columns(['stream', 'node']).doNothing())
		.execute();
	const taken = await db
		.updateTable('subscription')
		.set({ lease_token: token, lease_until: now + leaseMs })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where((by) =>
			by.or([
				by('lease_until', '<=', now),
				by('lease_until', '>', now + LONGEST_LEASE_MS),
				// Taken by a try whose answer was lost.
				by('lease_token', '=', token),
			]),
		)
		.returning('state')
		.executeTakeFirst();
	return taken && { token, state: stateOf(taken) };
}

/** @returns whether the lease was still held */
export async function keepSubscription(
	db: Db,
	stream: string,
	node: string,
	token: string,
	state: unknown,
): Promise<boolean> {
	const kept = await db
		.updateTable('subscription')
		.set({ state: JSON.stringify(state ?? null) })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('lease_token', '=', token)
		.returning('node')
		.executeTakeFirst();
	return kept !== undefined;
}

export async function releaseSubscription(db: Db, stream: string, node: string, token: string): Promise<void> {
	const mine = db
		.selectFrom('subscription')
		.select('node')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('lease_token', '=', token);
	if (!(await mine.executeTakeFirst())) return;
	await db
		.updateTable('subscription')
		.set({ lease_token: null, lease_until: 0 })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.execute();
	await db
		.deleteFrom('subscription')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('state', '=', 'null')
		.execute();
}

export async function loadSubscription(db: Db, stream: string, node: string): Promise<unknown> {
	const row = await db
		.selectFrom('subscription')
		.select('state')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.executeTakeFirst();
	return row && stateOf(row);
}

const stateOf = ({ state }: { readonly state: string }): unknown => (JSON.parse(state) as unknown) ?? undefined;
