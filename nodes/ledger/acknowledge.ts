import { toNodeError } from '../workflow/errors';
import { labelOf } from '../workflow/label';
import { type LedgerContext, ledgerForNodes } from './ledger';

/**
 * Notes that n8n has events, behind the node's back: nothing waits for it. Where it cannot be noted they come again.
 *
 * @param sign resolves to whether n8n has them
 */
export function acknowledgeOnce(
	context: LedgerContext,
	stream: string,
	keys: readonly string[],
	sign: Promise<boolean>,
): void {
	sign
		.then(async (isDelivered) => {
			if (!isDelivered) return;
			const ledger = await ledgerForNodes(context);
			await ledger.acknowledge(stream, keys);
		})
		.catch((error: unknown) => {
			context.logger.warn(`${labelOf(context)} could not note that n8n has the events; they come again`, {
				node: context.getNode().name,
				error: toNodeError(context.getNode(), error).message,
			});
		});
}
