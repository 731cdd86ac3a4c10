import { type INodeExecutionData, type IPollFunctions, NodeOperationError } from 'n8n-workflow';
import { type Ledger, sampleEvents } from '../../lib';
import { identityOf, ledgerForNodes } from '../ledger/ledger';
import { sourceOf } from '../provider/source';
import { toItems } from '../workflow/items';
import { optionsOf } from './options';

/** The newest events, for the editor; nothing is stored and the cursor does not move. */
export async function sample(context: IPollFunctions): Promise<INodeExecutionData[]> {
	const {
		share,
		tick: { lookBackMs },
	} = optionsOf(context);
	const ledger = await ledgerIfAny(context);
	const source = await sourceOf(context, share, ledger);
	if (!source) {
		throw new NodeOperationError(
			context.getNode(),
			'There is nothing to fetch: what this node is set to comes by webhook only. Publish the workflow, or send a webhook to the Test URL where the node has one.',
		);
	}
	const { stream, node: id } = identityOf(context);
	const { events, fetchTest } = await sampleEvents(source, stream, lookBackMs, ledger && { id, ledger });
	const [first, ...others] = toItems(events);
	if (first) {
		if (!fetchTest) return [first, ...others];
		const { conclusion, ...details } = fetchTest;
		// What was understood stands first in the list, and first among the columns of the table.
		return [{ json: { conclusion, ...first.json, fetchtest: { ...details } } }, ...others];
	}
	throw new NodeOperationError(
		context.getNode(),
		fetchTest
			? fetchTest.rows[0] === 0
				? `There is nothing to show yet: ${fetchTest.requests[0] ?? ''} gave an empty list.`
				: `${fetchTest.requests[0] ?? ''} gave ${fetchTest.rows[0] ?? 0} rows, and all of them lack the field by which new rows are told. Check "Time or Number Field".`
			: 'There is nothing to show yet: the account holds none of the chosen kind. Add one at the provider, then fetch again.',
	);
}

/** A test needs no ledger, so one that cannot be opened is for publishing to tell of. */
async function ledgerIfAny(context: IPollFunctions): Promise<Ledger | undefined> {
	try {
		return await ledgerForNodes(context);
	} catch {
		return undefined;
	}
}
