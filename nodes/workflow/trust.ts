import type { WorkflowExecuteMode } from 'n8n-workflow';

/** Which workflow a node runs in, as far as n8n vouches for it. */

/** A node's context; triggers have no execution context. */
export interface RunContext {
	getMode(): WorkflowExecuteMode;
	getExecutionContext?(): { readonly source: WorkflowExecuteMode } | undefined;
}

/**
 * Whether n8n vouches for the id of the workflow. For a workflow that another one calls it does not: *Execute Workflow* runs
 * JSON that is given in the node under whatever id stands in it. n8n keeps the mode in which an execution began with the
 * execution, where no workflow can write it, so this holds after a wait and in a retry, too.
 */
export function isVouchedFor(context: RunContext): boolean {
	const mode = context.getMode();
	const source = context.getExecutionContext?.()?.source;
	if (mode === 'integrated' || source === 'integrated') return false;
	// A retry runs the workflow that is stored with an execution. Where n8n did not keep how that one began, it says retry.
	return mode !== 'retry' || (source !== undefined && source !== 'retry');
}
