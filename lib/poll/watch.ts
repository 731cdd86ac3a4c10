import { HybridSyncError } from '../base/errors';
import { pushHealth } from '../health/push-health';
import type { NodeRow } from '../ledger/ledger';
import { type Watched, watch } from '../push/subscription';
import type { PollSource } from '../provider/pull';
import type { TickOptions } from './tick';

/**
 * Polling looks after the webhooks that push comes by: n8n itself looks only when a workflow is published, and several
 * providers switch a webhook off that failed a few times, as it does while n8n restarts.
 */

export const NOTHING_WATCHED: Watched = { notices: [] };

/**
 * Looks after the webhooks of the workflow that were registered with the credential that this node polls with.
 *
 * @param tells whether a failure would reach a person now
 */
export async function watchWebhooks(
	{
		ledger,
		stream,
		source,
		clock = Date.now,
	}: Pick<TickOptions, 'ledger' | 'stream' | 'clock'> & { readonly source: PollSource },
	known: readonly NodeRow[],
	tells: () => boolean,
): Promise<Watched> {
	const { registrar, provider, sender } = source;
	if (!registrar) return NOTHING_WATCHED;
	const push = async () => pushHealth(await ledger.pathActivity(stream), clock());
	let all = NOTHING_WATCHED;
	for (const row of known) {
		if (row.role !== 'push' || row.provider !== provider || row.sender !== sender || row.retired_at !== null) continue;
		let watched: Watched;
		try {
			watched = await watch({ ledger, stream, node: row.node, clock }, registrar, push, tells);
		} catch (error) {
			// Whatever it is, events that are due must go on to n8n.
			watched = { notices: noticesOf(error) };
		}
		// Of two failures the first is told of, and the other one goes to the log.
		const { failure = watched.failure } = all;
		const second = all.failure && watched.failure ? [watched.failure.message] : [];
		all = { notices: [...all.notices, ...watched.notices, ...second], ...(failure && { failure }) };
	}
	return all;
}

/** Polling with the same credential, in the same ledger, has its own word on what is wrong with them. */
function noticesOf(error: unknown): string[] {
	const isKnown = error instanceof HybridSyncError && ['configuration', 'ledger-unavailable'].includes(error.code);
	if (isKnown) return [];
	return [`Its webhook could not be looked after: ${error instanceof Error ? error.message : String(error)}`];
}
