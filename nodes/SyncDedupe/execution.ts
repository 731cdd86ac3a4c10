import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { type Claims, type Ledger, isSyncEvent } from '../../lib';
import { streamOf } from '../ledger/ledger';
import { dedupesBehind, errorTriggersBehind } from '../workflow/neighbours';

/** Names an execution across the n8n instances that may share a ledger. */
export function executionOf(context: IExecuteFunctions, id = context.getExecutionId()): string {
	return `${context.getInstanceId()}/${id}`;
}

/** Runs started in the editor, and evaluations, show what would happen and change nothing. */
export function isReadOnly(context: IExecuteFunctions): boolean {
	const mode = context.getMode();
	return [mode, mode === 'integrated' ? rootModeOf(context) : mode].some(
		(each) => each === 'manual' || each === 'evaluation',
	);
}

/** Whether somebody looks at the result in the editor. */
export function isByHand(context: IExecuteFunctions): boolean {
	return context.getMode() === 'manual';
}

/** How the outermost workflow was started: a sub-workflow's own mode does not tell. n8n keeps it where nodes do not look. */
function rootModeOf(context: IExecuteFunctions): unknown {
	const { additionalData } = context as { additionalData?: { rootExecutionMode?: unknown } };
	return additionalData?.rootExecutionMode;
}

/**
 * The passes that items carry, by their streams. A pass belongs to the stream that the item proves: an event by its
 * `streamproof`, any other item by its `claimproof`. Without a proof it can only be one of this workflow's own stream.
 */
export function passesOf(context: IExecuteFunctions, ledger: Ledger, items: readonly INodeExecutionData[]): Claims[] {
	const passes = items.flatMap(({ json }) => {
		const { claimtoken: token, claimproof: proof } = json;
		if (typeof token !== 'string') return [];
		if (isSyncEvent(json) && ledger.isGenuine(json)) return { stream: json.stream, pass: { token, key: json.id } };
		const proven = typeof proof === 'string' ? ledger.streamOfClaim(token, proof) : undefined;
		return { stream: proven ?? streamOf(context), pass: { token } };
	});
	const streams = Map.groupBy(passes, ({ stream }) => stream);
	return [...streams].map(([stream, own]) => ({ stream, passes: own.map(({ pass }) => pass) }));
}

/** Whether every item says by which pass it was let through. */
export function haveTokens(items: readonly INodeExecutionData[]): boolean {
	return items.every(({ json }) => typeof json['claimtoken'] === 'string');
}

/** Longer loops than this are not searched. */
const MAX_RUNS = 10_000;

/**
 * What the Sync Dedupe nodes before this one have let pass in this execution. n8n's "Retry execution"
 * runs under a new id, with the data of the nodes that had succeeded and without running them again, so what it took over
 * can only be found there.
 */
export function itemsBehind(context: IExecuteFunctions): INodeExecutionData[] {
	const proxy = context.getWorkflowDataProxy(0);
	const passed: INodeExecutionData[] = [];
	for (const name of dedupesBehind(context)) {
		for (let run = 0; run < MAX_RUNS; run++) {
			const items = itemsOf(proxy, name, run);
			if (!items) break;
			for (const item of items) passed.push(item);
		}
	}
	return passed;
}

/**
 * What n8n has told the Error Trigger of a failed execution, whatever the steps behind it made of it; nothing elsewhere. Not
 * in a retry, which takes the data of an earlier run by the names of its nodes.
 */
export function toldByErrorTrigger(context: IExecuteFunctions): INodeExecutionData[] {
	if (context.getMode() !== 'error') return [];
	const proxy = context.getWorkflowDataProxy(0);
	return errorTriggersBehind(context).flatMap((name) => itemsOf(proxy, name, 0) ?? []);
}

/** What a node gave in a run; nothing where there was no such run. */
function itemsOf(
	proxy: ReturnType<IExecuteFunctions['getWorkflowDataProxy']>,
	name: string,
	run: number,
): INodeExecutionData[] | undefined {
	const nodeOf = proxy['$'] as (name: string) => { all(output: number, run: number): INodeExecutionData[] };
	try {
		return nodeOf(name).all(0, run);
	} catch {
		return undefined;
	}
}
