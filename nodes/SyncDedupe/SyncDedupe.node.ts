import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeOperationError,
} from 'n8n-workflow';
import { openLedger } from '../../lib';
import { toNodeError } from '../shared/errors';
import { description } from './description';
import { removeDuplicates } from './remove-duplicates';
import { executionOf, isReadOnly } from './execution';

export class SyncDedupe implements INodeType {
	description: INodeTypeDescription = description;

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const action = this.getNodeParameter('action', 0) as 'removeDuplicates' | 'confirm';
		try {
			return action === 'confirm' ? await confirm(this) : await removeDuplicates(this);
		} catch (error) {
			if (error instanceof NodeOperationError) throw error;
			throw toNodeError(this.getNode(), error);
		}
	}
}

/** Settles every claim of this execution; the items go on as they are. */
async function confirm(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	if (!isReadOnly(context)) {
		const ledger = await openLedger();
		await ledger.confirm(executionOf(context));
	}
	return [context.getInputData().map((item, index) => ({ ...item, pairedItem: index }))];
}
