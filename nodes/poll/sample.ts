import { type INodeExecutionData, type IPollFunctions, NodeOperationError } from 'n8n-workflow';
import { sampleEvents } from '../../lib';
import { streamOf } from '../ledger/ledger';
import { sourceOf } from '../provider/source';
import { toItems } from '../workflow/items';
import { optionsOf } from './options';

/** The newest events, for the editor; nothing is stored and the cursor does not move. */
export async function sample(context: IPollFunctions): Promise<INodeExecutionData[]> {
	const options = optionsOf(context);
	const source = sourceOf(context, options.share);
	if (!source) {
		throw new NodeOperationError(
			context.getNode(),
			'There is nothing to fetch: what this node is set to comes by webhook only. Publish the workflow, or send a webhook to the Test URL where the node has one.',
		);
	}
	const { events, fetchTest } = await sampleEvents(source, streamOf(context), options.tick.lookBackMs);
	if (events.length > 0) {
		return toItems(events).map(({ json }) => ({
			// What was understood stands first, also among the columns of the table.
			json: { ...(fetchTest && { fetchtest: { ...fetchTest } }), ...json },
		}));
	}
	throw new NodeOperationError(
		context.getNode(),
		fetchTest
			? fetchTest.rows === 0
				? `There is nothing to show yet: ${fetchTest.request} gave an empty list.`
				: `${fetchTest.request} gave ${fetchTest.rows} rows, and all of them lack the field by which new rows are told. Check "Field".`
			: 'There is nothing to show yet: the account holds none of the chosen kind. Add one at the provider, then fetch again.',
	);
}
