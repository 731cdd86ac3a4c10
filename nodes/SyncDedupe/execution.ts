import type { IExecuteFunctions } from 'n8n-workflow';

/** Names an execution across the n8n instances that may share a ledger. */
export function executionOf(context: IExecuteFunctions): string {
	return `${context.getInstanceId()}/${context.getExecutionId()}`;
}

/** Runs started in the editor, and evaluations, show what would happen and change nothing. */
export function isReadOnly(context: IExecuteFunctions): boolean {
	const mode = context.getMode();
	return mode === 'manual' || mode === 'evaluation';
}
