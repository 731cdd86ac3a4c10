import { createHmac } from 'node:crypto';
import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import { isSame } from '../base/hash';
import { formatTime } from '../base/time';
import { composeKey } from '../event/key';
import { timeOfPosition } from '../event/position';
import type { Ledger } from '../ledger/ledger';
import type { PollApi } from '../provider/pull';
import { type ResourceCursor, isTimed } from './cursor';

/** What a workflow itself remembers of its polling, so that a ledger that is gone is noticed, and polling goes on. */

/** Kept with the workflow and not in the ledger, to notice that the ledger is gone, and how far it had come. */
export const breadcrumb = z.object({
	ledger: z.string(),
	/** Up to where each resource had been read, by account and name: a position as text. */
	readTo: z.record(z.string(), z.string().regex(/^-?\d{1,40}$/)),
	resources: z.array(z.string()),
	/** The earliest of the times among them, in milliseconds since the epoch. */
	since: z.number().optional(),
	/** Shows that a node with the same credential has left it: whoever can write a workflow can write what it remembers. */
	proof: z.string(),
});
export type Breadcrumb = z.infer<typeof breadcrumb>;

/** What a reading leaves, before it is sealed. */
export type BreadcrumbContent = Omit<Breadcrumb, 'ledger' | 'proof'>;

/** The node that leaves it. */
export interface BreadcrumbOwner {
	readonly ledger: Ledger;
	readonly stream: string;
	readonly node: { readonly id: string; readonly workflow: string };
	/** What the workflow remembers of the last tick. */
	readonly breadcrumb?: unknown;
}

export function breadcrumbOf(cursors: readonly ResourceCursor[]): BreadcrumbContent {
	const known = cursors.filter(({ resource, state }) => resource.unit !== 'none' && !state.seeking);
	const times = known.flatMap(({ resource, state }) => (isTimed(resource) ? timeOfPosition(state.bound) : []));
	return {
		readTo: Object.fromEntries(
			known.map(({ resource, state }) => [composeKey(state.account, resource.name), String(state.bound)]),
		),
		resources: known.map(({ resource }) => resource.name),
		...(times.length > 0 && { since: Math.min(...times) }),
	};
}

/** A ledger that is gone: where the node had come, and what to tell of it. */
export interface LostLedger {
	readonly readTo: Breadcrumb['readTo'];
	readonly error: HybridSyncError;
}

/** Whether the node has read before, and the ledger knows nothing of it. */
export async function lostLedger(options: BreadcrumbOwner, { transport }: PollApi): Promise<LostLedger | undefined> {
	const { ledger, stream, node } = options;
	const { data: left } = breadcrumb.safeParse(plain(options.breadcrumb));
	// Where rows are known by their ids alone, or the start has not been found yet, there is no place to have come to.
	if (!left || left.resources.length === 0) return undefined;
	if (!isSame(left.proof, proofOf(left, options, transport))) return undefined;
	if (await ledger.hasCursor(stream, node.id)) return undefined;
	const since = left.since === undefined ? 'the place' : formatTime(left.since);
	const error = new HybridSyncError(
		'ledger-lost',
		`The sync ledger knows nothing of this workflow any more: ${left.ledger === ledger.id ? 'its stream was changed, or it has not run for 90 days' : 'it is gone or was exchanged, and an empty one is in its place'}. Polling goes on from ${since}, where it had come. Events that were processed around that time may come again, and what had been pushed and not processed is found by polling only. Keep n8n's folder on a volume, or put the old ledger back.`,
	);
	return { readTo: left.readTo, error };
}

/** What n8n keeps with a workflow, without the marks that n8n itself makes on the objects that it loads. */
function plain(kept: unknown): unknown {
	return kept === undefined ? undefined : JSON.parse(JSON.stringify(kept));
}

export function sealed(
	{ readTo, resources, since }: BreadcrumbContent,
	options: BreadcrumbOwner,
	{ transport }: PollApi,
): Breadcrumb {
	const bare = { ledger: options.ledger.id, readTo, resources, ...(since !== undefined && { since }) };
	return { ...bare, proof: proofOf(bare, options, transport) };
}

/**
 * An HMAC under a key made from the credential, because the ledger's own key would be gone with it. Where the API takes no
 * key, whoever knows the settings can make it; after a change of the key, the breadcrumb counts from the next tick on.
 */
function proofOf(
	{ ledger, readTo, resources, since }: Omit<Breadcrumb, 'proof'>,
	{ node }: BreadcrumbOwner,
	{ proofKey }: PollApi['transport'],
): string {
	const said = JSON.stringify([
		node.workflow,
		node.id,
		ledger,
		Object.entries(readTo).sort(),
		resources,
		since ?? null,
	]);
	return createHmac('sha256', proofKey).update(said).digest('base64url');
}
