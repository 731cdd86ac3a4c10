import type { IDataObject, INodeExecutionData } from 'n8n-workflow';
import type { SyncEvent } from '../../lib';

/** Events as n8n items. Their data came from JSON, so it is what n8n calls a data object. */
export function toItems(events: readonly SyncEvent[]): INodeExecutionData[] {
	return events.map((event) => ({ json: event as unknown as IDataObject }));
}
