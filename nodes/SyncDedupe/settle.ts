import { type IExecuteFunctions, type INodeExecutionData, NodeOperationError } from 'n8n-workflow';
import { type Claims, HOUR, type Ledger } from '../../lib';
import { ledgerForNodes } from '../shared/ledger';
import { dedupeOfOtherLedger } from '../shared/workflow';
import { positive } from './parameters';
import { executionOf, isReadOnly, tokensBehind, tokensOf } from './execution';

/** Actions on what this execution, or another one, let pass. Their items go on as they are. */

/** Finishes what this execution let pass, or only what the items carry. */
export async function confirm(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const input = context.getInputData();
	if (!isReadOnly(context)) {
		const ledger = await ledgerOf(context);
		const only = context.getNodeParameter('onlyTheseItems', 0, false) as boolean;
		const tokens = tokensOf(input);
		if (only && tokens.length < input.length) {
			throw new NodeOperationError(
				context.getNode(),
				'"Only These Items" needs the field claimtoken in every item, and a step before this one has dropped it. Keep that field, or switch the option off: then all events of this execution are finished.',
			);
		}
		for (const claims of only ? [{ tokens }] : claimsOf(context)) await ledger.confirm(claims);
	}
	return [paired(input)];
}

/** Gives this execution more time. */
export async function extendLease(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const hours = positive(context, context.getNodeParameter('hours', 0), 'Hours');
	if (!isReadOnly(context)) {
		const ledger = await ledgerOf(context);
		for (const claims of claimsOf(context)) await ledger.extend(claims, hours * HOUR);
	}
	return [paired(context.getInputData())];
}

/** Gives events back, so that they are tried again. */
export async function reportFailure(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const input = context.getInputData();
	if (isReadOnly(context)) return [paired(input)];
	const ledger = await ledgerOf(context);
	if (context.getNodeParameter('failed', 0) === 'execution') {
		for (const index of input.keys()) {
			await ledger.fail({ executions: failedExecutions(context, input, index) }, reasonOf(context, index));
		}
		return [paired(input)];
	}
	const reasons = Map.groupBy(input.keys(), (index) => reasonOf(context, index));
	for (const [reason, indexes] of reasons) {
		await ledger.fail({ tokens: tokensOf(indexes.flatMap((index) => input[index] ?? [])) }, reason);
	}
	if (tokensOf(input).length === 0) {
		for (const claims of claimsOf(context)) await ledger.fail(claims, reasonOf(context, 0));
	}
	return [paired(input)];
}

/** The ledger, which must be the one that let the events pass. */
async function ledgerOf(context: IExecuteFunctions): Promise<Ledger> {
	const other = dedupeOfOtherLedger(context);
	if (other === undefined) return await ledgerForNodes(context);
	throw new NodeOperationError(
		context.getNode(),
		`"${other}" lets events pass in another ledger, so nothing can be settled here. Choose the same under "Ledger" in both nodes.`,
	);
}

/** Everything that this execution let pass, or took over from the one that it is a retry of. */
function claimsOf(context: IExecuteFunctions): Claims[] {
	const own = { executions: [executionOf(context)] };
	return context.getMode() === 'retry' ? [own, { tokens: tokensBehind(context) }] : [own];
}

/** The execution that an error workflow tells of, and the one that it was a retry of. */
function failedExecutions(context: IExecuteFunctions, input: readonly INodeExecutionData[], index: number): string[] {
	const id: unknown = context.getNodeParameter('executionId', index);
	if ((typeof id !== 'string' && typeof id !== 'number') || id === '') {
		throw new NodeOperationError(
			context.getNode(),
			'The execution ID is empty. Place this node behind an Error Trigger, or enter the ID under "Execution ID". An error workflow gets none where n8n did not save the failed execution.',
			{ itemIndex: index },
		);
	}
	const execution = input[index]?.json['execution'] as { retryOf?: unknown } | undefined;
	const original = execution?.retryOf;
	const ids = [String(id), ...(typeof original === 'string' && original !== '' ? [original] : [])];
	return ids.map((each) => executionOf(context, each));
}

function reasonOf(context: IExecuteFunctions, index: number): string {
	const reason: unknown = context.getNodeParameter('reason', index, '');
	if (typeof reason === 'string' && reason !== '') return reason;
	return reason === undefined || reason === null || reason === '' ? 'reported as failed' : JSON.stringify(reason);
}

function paired(items: readonly INodeExecutionData[]): INodeExecutionData[] {
	return items.map((item, index) => ({ ...item, pairedItem: { item: index } }));
}
