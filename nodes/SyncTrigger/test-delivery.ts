import type { FunctionsBase, INodeExecutionData } from 'n8n-workflow';
import { LRUCache, MINUTE } from '../../lib';

/**
 * A delivery that came while the editor was listening. n8n waits for the webhook of a node, then throws away what it brought
 * and calls `poll()` for the data of the run. So it is kept in this process until that call, which follows at once. Where
 * n8n hands runs by hand to workers (`OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS`), the call comes in another process, and shows
 * the newest row instead.
 */
const deliveries = new LRUCache<string, INodeExecutionData[]>({ max: 20, ttl: MINUTE, ttlAutopurge: true });

type Context = Pick<FunctionsBase, 'getNode' | 'getWorkflow'>;

const nameOf = (context: Context) => `${context.getWorkflow().id ?? ''} ${context.getNode().id}`;

export function keepForTest(context: Context, items: INodeExecutionData[]): void {
	deliveries.set(nameOf(context), items);
}

/** @returns the items of the delivery, once */
export function takeForTest(context: Context): INodeExecutionData[] | undefined {
	const items = deliveries.get(nameOf(context));
	deliveries.delete(nameOf(context));
	return items;
}
