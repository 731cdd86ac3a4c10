import { HybridSyncError } from '../../base/errors';
import { MINUTE } from '../../base/time';
import { type Expected, NOTHING_EXPECTED, expectFrom, letsIn } from '../rules/expected';
import type { NodeRow } from '../tables/schema';
import type { Db } from '../tables/statements';

/** The trigger nodes of a workflow, and the leases of their ticks. */

/** A lease further ahead was taken by a clock that has been set right since. */
const LONGEST_LEASE_MS = 15 * MINUTE;

export type NodeIdentity = Pick<NodeRow, 'stream' | 'node' | 'role' | 'workflow' | 'name' | 'provider'> & {
	/** Identifies its credential. Default none. */
	readonly sender?: string;
	/** Of a published webhook: the types that it lets in, as they stand in events; empty for all. */
	readonly types?: readonly string[];
	/** Of a published webhook: where it is called. */
	readonly url?: string;
};

/** The trigger nodes of a workflow. */
export async function nodesOf(db: Db, { stream, workflow }: NodeIdentity): Promise<NodeRow[]> {
	return await db
		.selectFrom('node')
		.selectAll()
		.where('stream', '=', stream)
		.where('workflow', '=', workflow)
		.execute();
}

export function expectedOf({ expects }: Pick<NodeRow, 'expects'>): Expected {
	return JSON.parse(expects) as Expected;
}

/** Whether the ledger knows a node as it is now. */
export function isMet(known: readonly NodeRow[], met: NodeIdentity): boolean {
	const { node, role, name, provider, sender = '', types, url } = met;
	const row = known.find((each) => each.node === node && each.role === role);
	if (!row || row.name !== name || row.provider !== provider || row.sender !== sender) return false;
	if (url !== undefined && row.url !== url) return false;
	return types === undefined || letsIn(expectedOf(row), types);
}

export async function meetNode(db: Db, known: readonly NodeRow[], met: NodeIdentity, now: number): Promise<void> {
	const { types, sender = '', url, ...identity } = met;
	const { name, provider } = identity;
	const before = known.find(({ node, role }) => node === met.node && role === met.role);
	const isSameSource = before?.provider === provider && before.sender === sender;
	const earlier = before && isSameSource ? expectedOf(before) : NOTHING_EXPECTED;
	const expects = types && JSON.stringify(expectFrom(earlier, types, now));
	const changes = {
		name,
		provider,
		sender,
		...(expects !== undefined && { expects }),
		...(url !== undefined && { url }),
	};
	await db
		.insertInto('node')
		.values({
			...identity,
			sender,
			expects: expects ?? '{}',
			url: url ?? '',
			lease_token: null,
			lease_until: 0,
			not_before: 0,
			state: '{}',
		})
		.onConflict((conflict) => conflict.columns(['stream', 'node', 'role']).doUpdateSet(changes))
		.execute();
}

/** From now on no event is expected by push from this node. */
export async function retireNode(db: Db, stream: string, node: string): Promise<void> {
	await db
		.updateTable('node')
		.set({ expects: JSON.stringify(NOTHING_EXPECTED), url: '' })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('role', '=', 'push')
		.execute();
}

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
