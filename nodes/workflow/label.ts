import type { FunctionsBase } from 'n8n-workflow';
import { nodeOf } from './node';

/** What log lines call a node: its type as the editor names it, e.g. `Sync Webhook Trigger`. */
export function labelOf(context: Pick<FunctionsBase, 'getNode'>): string {
	const type = nodeOf(context).type.split('.').at(-1) ?? '';
	const words = type.replace(/([A-Z])/g, ' $1').trim();
	return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
