import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeConnectionTypes,
	NodeOperationError,
} from 'n8n-workflow';
import { toNodeError } from '../workflow/errors';
import { testLedgerPostgres } from '../ledger/credential-test';
import { ledgerCredential } from '../ledger/fields';
import { icon, outputs, properties, subtitle } from './properties';
import { removeDuplicates } from './remove-duplicates';
import { confirm, extendLease, reportFailure } from './settle';
import { checkSetup } from './check-setup/check-setup';
import { getHealth } from './health';
import { forEachItem, forget, listProblems, lookUp, replay } from './stored-events';

const operations: Record<string, (context: IExecuteFunctions) => Promise<INodeExecutionData[][]>> = {
	confirm,
	extendLease,
	removeDuplicates,
	reportFailure,
	checkSetup,
	getHealth,
	forget: async (context) => await forEachItem(context, forget),
	lookUp: async (context) => await forEachItem(context, lookUp),
	listProblems: async (context) => await forEachItem(context, listProblems),
	replay,
};

export class SyncDedupe implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Dedupe',
		name: 'syncDedupe',
		icon,
		group: ['transform'],
		version: 1,
		subtitle,
		description: 'Lets each event pass only once, even after restarts and from several triggers',
		defaults: { name: 'Sync Dedupe' },
		inputs: [NodeConnectionTypes.Main],
		outputs,
		credentials: [{ ...ledgerCredential, testedBy: 'testLedgerPostgres' }],
		usableAsTool: true,
		properties,
	};

	methods = { credentialTest: { testLedgerPostgres } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const operation = this.getNodeParameter('operation', 0, 'removeDuplicates');
		try {
			const run = operations[operation];
			if (!run) {
				throw new NodeOperationError(this.getNode(), `There is no operation "${operation}". Choose one from the list.`);
			}
			return await run(this);
		} catch (error) {
			const nodeError = toNodeError(this.getNode(), error);
			if (!this.continueOnFail()) throw nodeError;
			// Left to n8n, the items themselves would go on by the first output, as if they had passed.
			return [
				this.getInputData().map((_item, index) => ({
					json: { error: nodeError.message },
					error: nodeError,
					pairedItem: { item: index },
				})),
			];
		}
	}
}
