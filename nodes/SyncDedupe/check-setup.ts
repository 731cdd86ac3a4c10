import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
export async function checkSetup(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	return await Promise.resolve([context.getInputData()]);
}
