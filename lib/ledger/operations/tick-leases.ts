import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import type { Db } from '../tables/statements';

/** The leases under which nodes tick: one tick of a node at a time, in whichever process. */

/** A lease further ahead was taken by a clock that has been set right since. */
const LONGEST_LEASE_MS = 15 * MINUTE;

/**
 * @param token names the lease; made by the caller
 * @param leaseMs at most 15 minutes
 * @returns the lease, or nothing while another tick holds it
 */
export async function leaseTick(
	db: Db,
	stream: string,
	node: string,
	token: string,
	leaseMs: number,
	now: number,
): Promise<TickLease | undefined> {
	const taken = await db
		.updateTable('node')
		.set({ lease_token: token, lease_until: now + leaseMs })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('role', '=', 'pull')
		.where((by) =>
			by.or([
				by('lease_until', '<=', now),
				by('lease_until', '>', now + LONGEST_LEASE_MS),
				// Taken by a try whose answer was lost.
				by('lease_token', '=', token),
			]),
		)
		.returning(['not_before', 'state'])
		.executeTakeFirst();
	return taken && { token, notBefore: taken.not_before, state: JSON.parse(taken.state) as unknown };
}

export interface TickLease {
	readonly token: string;
	/** No request to the provider before this time. */
	readonly notBefore: number;
	/** What the tick before left; an empty object at first. Must be JSON. */
	readonly state: unknown;
}

export async function endTick(db: Db, stream: string, node: string, lease: TickLease): Promise<void> {
	const { token, notBefore, state } = lease;
	await db
		.updateTable('node')
		.set({ lease_token: null, lease_until: 0, not_before: notBefore, state: JSON.stringify(state) })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('role', '=', 'pull')
		.where('lease_token', '=', token)
		.execute();
}

/** @throws HybridSyncError `lease-lost` where the lease has gone to another tick */
export async function holdLease(db: Db, stream: string, node: string, token: string): Promise<void> {
	const held = await db
		.selectFrom('node')
		.select('node')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('role', '=', 'pull')
		.where('lease_token', '=', token)
		.executeTakeFirst();
	if (held) return;
	throw new HybridSyncError(
		'lease-lost',
		'Another tick of this node took over while this one was still reading. Nothing is lost: the other one reads the same events.',
	);
}
