import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { dedupesBehind } from '../shared/workflow';

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

/** How the outermost workflow was started: a sub-workflow's own mode does not tell. n8n keeps it where nodes do not look. */
function rootModeOf(context: IExecuteFunctions): unknown {
	const { additionalData } = context as { additionalData?: { rootExecutionMode?: unknown } };
	return additionalData?.rootExecutionMode;
}

/** Names of the passes that items carry. */
export function tokensOf(items: readonly INodeExecutionData[]): string[] {
	return items.flatMap(({ json: { claimtoken } }) => (typeof claimtoken === 'string' ? claimtoken : []));
}

/** Longer loops than this are not searched. */
const MAX_RUNS = 10_000;

/**
 * Names of the passes that the Sync Dedupe nodes before this one have granted in this execution. n8n's "Retry execution"
 * runs under a new id, with the data of the nodes that had succeeded and without running them again, so what it took over
 * can only be found there.
 */
export function tokensBehind(context: IExecuteFunctions): string[] {
	const proxy = context.getWorkflowDataProxy(0);
	const tokens: string[] = [];
	for (const name of dedupesBehind(context)) {
		for (let run = 0; run < MAX_RUNS; run++) {
			const items = itemsOf(proxy, name, run);
			if (!items) break;
			for (const token of tokensOf(items)) tokens.push(token);
		}
	}
	return tokens;
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
