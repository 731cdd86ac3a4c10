import { type IExecuteFunctions, type INodeExecutionData, type NodeApiError, NodeOperationError } from 'n8n-workflow';
import { type ClaimResult, type Ledger, isSyncEvent } from '../../lib';
import { toNodeError } from '../shared/errors';
import { ledgerForNodes } from '../shared/ledger';
import { isConfirmAhead, streamOf } from '../shared/workflow';
import { executionOf, isReadOnly } from './execution';

/** What an item is claimed by. */
interface Identity {
	readonly index: number;
	readonly stream: string;
	readonly key: string;
	readonly isEvent: boolean;
}

/** Divides the items: what passes leaves by New, what passed before by Duplicate. */
export async function removeDuplicates(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const input = context.getInputData();
	const passed: INodeExecutionData[] = [];
	const duplicates: INodeExecutionData[] = [];
	const failed = (index: number, error: NodeApiError | NodeOperationError) => {
		if (!context.continueOnFail()) throw error;
		passed.push({ json: { error: error.message }, error, pairedItem: { item: index } });
	};

	const ledger = await ledgerForNodes();
	const identities: Identity[] = [];
	for (const index of input.keys()) {
		try {
			identities.push(identify(context, ledger, input, index));
		} catch (error) {
			failed(index, toNodeError(context.getNode(), error));
		}
	}
	for (const [identity, claimed] of await claimAll(context, ledger, identities)) {
		const { index, isEvent } = identity;
		const item = input[index] ?? { json: {} };
		switch (claimed.outcome) {
			case 'new': {
				const pass = isEvent ? { attempt: claimed.attempt, claimtoken: claimed.token } : {};
				passed.push({ ...item, json: { ...item.json, ...pass }, pairedItem: { item: index } });
				break;
			}
			case 'duplicate':
				duplicates.push({ ...item, pairedItem: { item: index } });
				break;
		}
	}
	return [passed, duplicates];
}

function identify(
	context: IExecuteFunctions,
	ledger: Ledger,
	input: readonly INodeExecutionData[],
	index: number,
): Identity {
	const own = streamOf(context);
	if (context.getNodeParameter('identifyBy', index) === 'value') {
		const value: unknown = context.getNodeParameter('value', index);
		if (value !== undefined && value !== null && value !== '') {
			const text = typeof value === 'string' ? value : JSON.stringify(value);
			return { index, stream: own, key: `item:${context.getNode().id}:${text}`, isEvent: false };
		}
		throw new NodeOperationError(
			context.getNode(),
			`The value that identifies item ${index + 1} is empty. Choose a field that every item has, under "Value".`,
			{ itemIndex: index },
		);
	}
	const event = input[index]?.json;
	if (isSyncEvent(event)) {
		if (event.stream !== own && !ledger.isGenuine(event)) {
			throw new NodeOperationError(
				context.getNode(),
				`Item ${index + 1} says that it belongs to another workflow, and this n8n has not made it. Connect this node to the trigger the event came from, or choose "Value" under "Identify Items By".`,
				{ itemIndex: index },
			);
		}
		return { index, stream: event.stream, key: event.id, isEvent: true };
	}
	throw new NodeOperationError(
		context.getNode(),
		`Item ${index + 1} is not an event of a Sync trigger. Connect this node directly behind the trigger, or choose "Value" under "Identify Items By".`,
		{ itemIndex: index },
	);
}

/** Claims stream by stream, and gives the outcomes back in the order of the items. */
async function claimAll(
	context: IExecuteFunctions,
	ledger: Ledger,
	identities: readonly Identity[],
): Promise<(readonly [Identity, ClaimResult])[]> {
	const outcomes: (readonly [Identity, ClaimResult])[] = [];
	for (const [stream, members] of Map.groupBy(identities, (identity) => identity.stream)) {
		const claims = await ledger.claim({
			stream,
			keys: members.map(({ key }) => key),
			execution: executionOf(context),
			node: context.getNode().id,
			run: Number(context.evaluateExpression('{{ $runIndex }}', 0)),
			settles: !isConfirmAhead(context),
			dryRun: isReadOnly(context),
		});
		members.forEach((identity, position) => {
			const claimed = claims[position];
			if (claimed) outcomes.push([identity, claimed]);
		});
	}
	return outcomes.sort(([a], [b]) => a.index - b.index);
}
