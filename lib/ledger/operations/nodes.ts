import { MINUTE } from '../../base/time';
import { pathOf } from '../../http/hosts';
import { type Expected, NOTHING_EXPECTED, expectFrom, expectsExactly } from '../rules/expected';
import type { NodeRow } from '../tables/schema';
import type { Db } from '../tables/statements';

/** The trigger nodes of a workflow. */

export type NodeIdentity = Pick<NodeRow, 'stream' | 'node' | 'role' | 'workflow' | 'name' | 'provider'> & {
	/** Identifies its credential. Default none. */
	readonly sender?: string;
	/** Of a published webhook: the types that it should bring, as they stand in events; `*` for all. */
	readonly types?: readonly string[];
	/** Of a published webhook: where it is called. */
	readonly url?: string;
};

/** The trigger nodes of a workflow. */
export async function nodesOf(
	db: Db,
	{ stream, workflow }: Pick<NodeIdentity, 'stream' | 'workflow'>,
): Promise<NodeRow[]> {
	return await db
		.selectFrom('node')
		.selectAll()
		.where('stream', '=', stream)
		.where('workflow', '=', workflow)
		.execute();
}

/** What push should bring; nothing of a node that is not published. */
export function expectedOf({ expects, retired_at }: Pick<NodeRow, 'expects' | 'retired_at'>): Expected {
	return retired_at === null ? (JSON.parse(expects) as Expected) : NOTHING_EXPECTED;
}

/** n8n unpublishes a node and publishes it again for every change: within this time it was published all along. */
const REPUBLISHED_WITHIN_MS = 5 * MINUTE;

function wasPublishedAt({ retired_at }: NodeRow, now: number): boolean {
	return retired_at === null || Math.abs(now - retired_at) <= REPUBLISHED_WITHIN_MS;
}

/** Whether the ledger knows a node as it is now. */
export function isUpToDate(known: readonly NodeRow[], met: NodeIdentity): boolean {
	const { node, role, name, provider, sender = '', types, url } = met;
	const row = known.find((each) => each.node === node && each.role === role);
	if (!row || row.name !== name || row.provider !== provider || row.sender !== sender) return false;
	if (url !== undefined && row.url !== url) return false;
	if (types === undefined) return true;
	return row.retired_at === null && expectsExactly(expectedOf(row), types);
}

export async function meetNode(db: Db, known: readonly NodeRow[], met: NodeIdentity, now: number): Promise<void> {
	const { types, sender = '', url, ...identity } = met;
	const { name, provider } = identity;
	const before = known.find(({ node, role }) => node === met.node && role === met.role);
	const isSameSource = before?.provider === provider && before.sender === sender;
	const isContinued = before && isSameSource && wasPublishedAt(before, now);
	const earlier = isContinued ? (JSON.parse(before.expects) as Expected) : NOTHING_EXPECTED;
	const expects = types && JSON.stringify(expectFrom(earlier, types, now));
	const changes = {
		...(types && { retired_at: null }),
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
			retired_at: null,
			url: url ?? '',
			lease_token: null,
			lease_until: 0,
			not_before: 0,
			state: '{}',
		})
		.onConflict((conflict) => conflict.columns(['stream', 'node', 'role']).doUpdateSet(changes))
		.execute();
}

/**
 * From now on no event is expected by push from this node, unless it is published again at once.
 *
 * @param url of the webhook that is gone: one that was only listened to for a test is another
 */
export async function retireNode(db: Db, stream: string, node: string, url: string, now: number): Promise<void> {
	const rows = await db
		.selectFrom('node')
		.selectAll()
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('role', '=', 'push')
		.execute();
	if (!rows.some((row) => pathOf(row.url) === pathOf(url))) return;
	await db
		.updateTable('node')
		.set({ retired_at: now })
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('role', '=', 'push')
		.execute();
}
