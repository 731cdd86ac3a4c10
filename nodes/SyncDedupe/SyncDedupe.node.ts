import {
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	NodeConnectionTypes,
} from 'n8n-workflow';
import { toNodeError } from '../shared/errors';
import { ledgerForNodes } from '../shared/ledger';
import { outputs, properties } from './properties';
import { removeDuplicates } from './remove-duplicates';
import { executionOf, isReadOnly } from './execution';

export class SyncDedupe implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Dedupe',
		name: 'syncDedupe',
		icon: { light: 'file:syncDedupe.svg', dark: 'file:syncDedupe.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["action"] === "confirm" ? "Confirm" : "Remove Duplicates" }}',
		description: 'Lets each event pass once, over all executions, triggers and restarts',
		defaults: { name: 'Sync Dedupe' },
		inputs: [NodeConnectionTypes.Main],
		outputs,
		usableAsTool: true,
		properties,
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const action = this.getNodeParameter('action', 0) as 'removeDuplicates' | 'confirm';
		try {
			return action === 'confirm' ? await confirm(this) : await removeDuplicates(this);
		} catch (error) {
			throw toNodeError(this.getNode(), error);
		}
	}
}

/** Settles every claim of this execution; the items go on as they are. */
async function confirm(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	if (!isReadOnly(context)) {
		const ledger = await ledgerForNodes();
		await ledger.confirm(executionOf(context));
	}
	return [context.getInputData().map((item, index) => ({ ...item, pairedItem: { item: index } }))];
}
