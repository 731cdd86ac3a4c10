import { type INodeExecutionData, type IPollFunctions, NodeOperationError } from 'n8n-workflow';
import { type FetchTest, type Ledger, type Sample, sampleEvents } from '../../lib';
import { identityOf, ledgerForNodes } from '../ledger/ledger';
import { sourceOf } from '../provider/source';
import { toItems } from '../workflow/items';
import { labelOf } from '../workflow/label';
import { optionsOf } from './options';

/** The newest events, for the editor; nothing is stored and the cursor does not move. */
export async function sample(context: IPollFunctions): Promise<INodeExecutionData[]> {
	const { events, fetchTest } = await fetched(context);
	const items = toItems(events);
	if (items.length > 0) return concluded(items, fetchTest);
	throw new NodeOperationError(
		context.getNode(),
		fetchTest
			? fetchTest.rows[0] === 0
				? `There is nothing to show yet: ${fetchTest.requests[0] ?? ''} gave an empty list.`
				: `${fetchTest.requests[0] ?? ''} gave ${fetchTest.rows[0] ?? 0} rows, and all of them lack the field by which new rows are told. Check "Time or Number Field".`
			: 'There is nothing to show yet: the account holds none of the chosen kind. Add one at the service, then fetch again.',
	);
}

/**
 * A webhook that came while the editor was listening, with what is to be said of the list that the node polls too; as it is
 * where the list cannot be read.
 */
export async function withConclusion(
	context: IPollFunctions,
	delivered: INodeExecutionData[],
): Promise<INodeExecutionData[]> {
	try {
		const { fetchTest } = await fetched(context);
		return concluded(delivered, fetchTest);
	} catch {
		return delivered;
	}
}

/** What was understood stands first in the list, and first among the columns of the table. */
function concluded(items: INodeExecutionData[], fetchTest: FetchTest | undefined): INodeExecutionData[] {
	const [first, ...others] = items;
	if (!first || !fetchTest) return items;
	const { conclusion, ...details } = fetchTest;
	return [{ ...first, json: { conclusion, ...first.json, fetchtest: { ...details } } }, ...others];
}

async function fetched(context: IPollFunctions): Promise<Sample> {
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
	const found = await sampleEvents(source, stream, lookBackMs, ledger && { id, ledger });
	for (const message of found.refused) {
		context.logger.warn(`${labelOf(context)} shows no events of one kind: ${message}`, {
			node: context.getNode().name,
		});
	}
	return found;
}

/** A test needs no ledger, so one that cannot be opened is for publishing to tell of. */
async function ledgerIfAny(context: IPollFunctions): Promise<Ledger | undefined> {
	try {
		return await ledgerForNodes(context);
	} catch {
		return undefined;
	}
}
