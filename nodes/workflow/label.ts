import type { FunctionsBase } from 'n8n-workflow';

/** What log lines call a node: its type as the editor names it, e.g. `Sync Webhook Trigger`. */
export function labelOf(context: Pick<FunctionsBase, 'getNode'>): string {
	const type = context.getNode().type.split('.').at(-1) ?? '';
	const words = type.replace(/([A-Z])/g, ' $1').trim();
	return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
