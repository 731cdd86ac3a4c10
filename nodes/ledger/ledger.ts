import type { FunctionsBase } from 'n8n-workflow';
import { HybridSyncError, type Ledger, executionsMode, openLedger, postgresOptions } from '../../lib';
import { nodeOf } from '../workflow/node';
import { type RunContext, isVouchedFor } from '../workflow/trust';
import { ledgerChoiceOf, ledgerCredential } from './fields';

/** The ledger that a node works with, and the scope in it. */

/** What a node's context offers here. */
export type LedgerContext = Pick<FunctionsBase, 'getNode' | 'getWorkflow' | 'getInstanceId' | 'logger'> &
	RunContext & {
		getCredentials(type: string): Promise<object>;
	};

type StreamContext = Pick<
	LedgerContext,
	'getNode' | 'getWorkflow' | 'getInstanceId' | 'getMode' | 'getExecutionContext'
>;

/**
 * Names a workflow across n8n instances. A workflow that is called by another one has a name of its own, because its id may
 * be made up.
 */
function workflowOf(context: StreamContext): string {
	const id = context.getWorkflow().id ?? 'unsaved';
	return `${context.getInstanceId()}/${isVouchedFor(context) ? '' : 'sub/'}${id}`;
}

/** Events of a stream are known in it once; by default it is this n8n and this workflow. */
export function streamOf(context: StreamContext): string {
	const { parameters } = nodeOf(context);
	const name = typeof parameters['stream'] === 'string' ? parameters['stream'].trim() : '';
	if (name === '') return workflowOf(context);
	if (ledgerChoiceOf(parameters) === 'postgres') return `named/${name}`;
	throw new HybridSyncError(
		'configuration',
		`The stream "${name}" needs the Postgres ledger: in the embedded one, every workflow keeps to itself. Choose Postgres under "Ledger", or clear "Stream".`,
	);
}

/**
 * How the ledger knows a node. Copies of a workflow may have nodes of the same id, so in a stream that several workflows
 * share the workflow is part of it.
 */
export function identityOf(context: LedgerContext): { stream: string; node: string; workflow: string; name: string } {
	const { id, name } = nodeOf(context);
	const workflow = workflowOf(context);
	const stream = streamOf(context);
	return { stream, node: stream === workflow ? id : `${workflow}/${id}`, workflow, name };
}

/**
 * The ledger that a node has chosen.
 *
 * @throws HybridSyncError `configuration` in queue mode with the embedded ledger, of which each host would have its own
 */
export async function ledgerForNodes(context: LedgerContext): Promise<Ledger> {
	if (ledgerChoiceOf(nodeOf(context).parameters) === 'postgres') {
		return await openLedger(postgresOptions(await context.getCredentials(ledgerCredential.name)));
	}
	if (executionsMode() === 'queue' && process.env['HYBRID_SYNC_SINGLE_HOST'] !== 'true') {
		throw new HybridSyncError(
			'configuration',
			'This n8n runs in queue mode, and the embedded ledger serves one host: events would pass once per host. Choose Postgres under "Ledger" in every Sync node. If all n8n processes run on this host and share one user folder, set HYBRID_SYNC_SINGLE_HOST=true for each of them instead.',
		);
	}
	return await openLedger();
}

/** Gives up what the ledger needs no more, behind the node's back: nothing waits for it, and trouble is only noted. */
export function prune(context: Pick<LedgerContext, 'logger'>, ledger: Ledger): void {
	ledger.prune().catch((error: unknown) => {
		context.logger.warn('The sync ledger could not be pruned; it will be tried again', { error: String(error) });
	});
}
