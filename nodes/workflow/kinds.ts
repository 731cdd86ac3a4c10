import type { INodeParameters } from 'n8n-workflow';

/** What a node is and does, as its saved parameters tell. n8n leaves those out that have their default. */

interface SavedNode {
	readonly type: string;
	readonly parameters?: Readonly<INodeParameters>;
}

/** Without the name of the package, which depends on how it was installed: `syncTrigger` of `n8n-nodes-hybrid-sync.syncTrigger`. */
export const kindOf = ({ type }: SavedNode) => type.split('.').at(-1) ?? '';
export const isKind = (node: SavedNode, ...kinds: readonly string[]) => kinds.includes(kindOf(node));

/** @returns the default where a parameter is left out, or is no text */
export function textOf({ parameters = {} }: SavedNode, name: string, byDefault: string): string {
	const value = parameters[name];
	return typeof value === 'string' ? value : byDefault;
}

export const isReceiving = (node: SavedNode) => isKind(node, 'syncTrigger', 'syncWebhookTrigger');
export const isPolling = (node: SavedNode) => isKind(node, 'syncTrigger', 'syncPollingTrigger');
export const isTrigger = (node: SavedNode) => isReceiving(node) || isPolling(node);
export const providerOf = (node: SavedNode) => textOf(node, 'provider', 'getresponse');

/** What a Sync Dedupe does; empty where that is the first operation on stored events or on the workflow. */
export function operationOf(node: SavedNode): string | undefined {
	if (!isKind(node, 'syncDedupe')) return undefined;
	return textOf(node, 'operation', textOf(node, 'resource', 'item') === 'item' ? 'removeDuplicates' : '');
}
export const removesAnyDuplicates = (node: SavedNode) => operationOf(node) === 'removeDuplicates';
/** By the events of our triggers, and not by values of the user's choice. */
export const removesDuplicates = (node: SavedNode) =>
	removesAnyDuplicates(node) && textOf(node, 'identifyBy', 'event') === 'event';
export const isConfirm = (node: SavedNode) => operationOf(node) === 'confirm';
