import type { INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import { HOUR, type Ledger, type SyncEvent } from '../../lib';
import { acknowledgeOnce } from '../ledger/acknowledge';

/**
 * How long an execution may take before its events are handed over again, where no Sync Dedupe follows that could tell
 * repeats. Should n8n die, they come again after this time.
 */
export const LEASE_WITHOUT_DEDUPE_MS = 6 * HOUR;

/**
 * Starts an execution and takes its end as the sign that n8n has the events. Where n8n does not tell of it, handing over
 * is the sign, and a crash at that very moment loses them.
 *
 * @returns what `poll()` is to return
 */
export async function emitWithSign(
	context: IPollFunctions,
	ledger: Ledger,
	stream: string,
	events: readonly SyncEvent[],
	items: INodeExecutionData[][],
): Promise<INodeExecutionData[][] | null> {
	const keys = events.map(({ id }) => id);
	const done = context.helpers.createDeferredPromise<unknown>();
	try {
		context.__emit(items, undefined, done as Parameters<typeof context.__emit>[2]);
	} catch {
		// An engine that does not tell of the end.
		await ledger.acknowledge(stream, keys);
		return items;
	}
	// n8n says that it is over also where it made no execution: they come again.
	const ended = done.promise.then((run) => run !== undefined);
	acknowledgeOnce(context, stream, keys, ended);
	return null;
}
