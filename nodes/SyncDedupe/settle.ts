import { type IExecuteFunctions, type INodeExecutionData, NodeOperationError } from 'n8n-workflow';
import { type Claims, HOUR, type Ledger } from '../../lib';
import { ledgerForNodes, streamOf } from '../ledger/ledger';
import { logDecisions } from '../workflow/decisions';
import { dedupeOfOtherLedger } from '../workflow/neighbours';
import { positive } from './parameters';
import { executionOf, haveTokens, isReadOnly, itemsBehind, passesOf, toldByErrorTrigger } from './execution';

/** Actions on what this execution, or another one, let pass. Their items go on as they are. */

/** Finishes what this execution let pass, or only what the items carry. */
export async function confirm(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const input = context.getInputData();
	if (!isReadOnly(context)) {
		const ledger = await ledgerOf(context);
		const only = context.getNodeParameter('onlyTheseItems', 0, false) as boolean;
		if (only && !haveTokens(input)) {
			throw new NodeOperationError(
				context.getNode(),
				'"Only These Items" needs the field claimtoken in every item, and the other fields that Sync Dedupe gave it; a step before this one has dropped some. Keep them (in Edit Fields: Include Other Input Fields), or switch the option off: then all events of this execution are finished.',
			);
		}
		const all = only ? passesOf(context, ledger, input) : claimsOf(context, ledger);
		await settled(context, 'confirmed', all, async (claims) => await ledger.confirm(claims));
	}
	return [paired(input)];
}

/** Gives this execution more time. */
export async function extendLease(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const hours = positive(context, context.getNodeParameter('hours', 0), 'Hours');
	if (!isReadOnly(context)) {
		const ledger = await ledgerOf(context);
		const all = claimsOf(context, ledger);
		await settled(context, 'extended', all, async (claims) => await ledger.extend(claims, hours * HOUR));
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
			const failed = failedExecutions(context, input, index);
			const reason = reasonOf(context, index);
			await settled(context, 'failed', [failed], async (claims) => await ledger.fail(claims, reason));
		}
		return [paired(input)];
	}
	const reasons = Map.groupBy(input.keys(), (index) => reasonOf(context, index));
	for (const [reason, indexes] of reasons) {
		const items = indexes.flatMap((index) => input[index] ?? []);
		const passes = passesOf(context, ledger, items);
		await settled(context, 'failed', passes, async (claims) => await ledger.fail(claims, reason));
	}
	if (passesOf(context, ledger, input).length === 0) {
		const reason = reasonOf(context, 0);
		await settled(context, 'failed', claimsOf(context, ledger), async (claims) => await ledger.fail(claims, reason));
	}
	return [paired(input)];
}

/** Settles claims, and writes into the log how many events that were. */
async function settled(
	context: IExecuteFunctions,
	outcome: 'confirmed' | 'extended' | 'failed',
	all: readonly Claims[],
	settle: (claims: Claims) => Promise<number>,
): Promise<void> {
	// Before anything is settled: what is wrong with the choice must not be told after it.
	const stream = streamOf(context);
	const began = performance.now();
	let events = 0;
	for (const claims of all) events += await settle(claims);
	const durationMs = performance.now() - began;
	const execution = context.getExecutionId();
	logDecisions(context, [{ outcome, stream, execution, events, durationMs }]);
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
function claimsOf(context: IExecuteFunctions, ledger: Ledger): Claims[] {
	const own = { executions: [executionOf(context)] };
	return context.getMode() === 'retry' ? [own, ...passesOf(context, ledger, itemsBehind(context))] : [own];
}

/**
 * The execution that an error workflow was started for, and the one that it was a retry of; of any workflow, because n8n
 * says so. An ID that was typed, or came with an item, counts only within the workflow's own stream.
 */
function failedExecutions(context: IExecuteFunctions, input: readonly INodeExecutionData[], index: number): Claims {
	const [told] = toldByErrorTrigger(context);
	const { id: failed } = (told?.json['execution'] ?? {}) as { id?: unknown };
	const id: unknown = failed ?? context.getNodeParameter('executionId', index);
	if ((typeof id !== 'string' && typeof id !== 'number') || id === '') {
		throw new NodeOperationError(
			context.getNode(),
			'The execution ID is empty. Place this node behind an Error Trigger, or enter the ID under "Execution ID". An error workflow gets none where n8n did not save the failed execution.',
			{ itemIndex: index },
		);
	}
	const execution = (told ?? input[index])?.json['execution'] as { retryOf?: unknown } | undefined;
	const original = execution?.retryOf;
	const ids = [String(id), ...(typeof original === 'string' && original !== '' ? [original] : [])];
	const executions = ids.map((each) => executionOf(context, each));
	return failed === undefined ? { executions, stream: streamOf(context) } : { executions };
}

function reasonOf(context: IExecuteFunctions, index: number): string {
	const reason: unknown = context.getNodeParameter('reason', index, '');
	if (typeof reason === 'string' && reason !== '') return reason;
	return reason === undefined || reason === null || reason === '' ? 'reported as failed' : JSON.stringify(reason);
}

function paired(items: readonly INodeExecutionData[]): INodeExecutionData[] {
	return items.map((item, index) => ({ ...item, pairedItem: { item: index } }));
}
