import type { FunctionsBase, NodeTypeAndVersion } from 'n8n-workflow';
import { ledgerChoiceOf } from '../ledger/fields';
import { nodeOf } from './node';

/** What a node can see of the workflow around it. */
type NodeContext = Pick<FunctionsBase, 'getNode' | 'getChildNodes' | 'getParentNodes'>;

/** Type names end alike however the package was installed (`n8n-nodes-hybrid-sync.` or `CUSTOM.`). */
const isType = (node: { readonly type: string }, ...names: string[]) =>
	names.includes(node.type.split('.').at(-1) ?? '');

/** The nodes directly behind this one. */
function nextNodes(context: NodeContext): NodeTypeAndVersion[] {
	const { name } = nodeOf(context);
	return context
		.getChildNodes(name, { includeNodeParameters: true })
		.filter((child) => context.getParentNodes(child.name, { depth: 1 }).some((parent) => parent.name === name));
}

const parameter = (node: NodeTypeAndVersion, name: string, byDefault: string) => node.parameters?.[name] ?? byDefault;

/** What a Sync Dedupe does with the items that reach it; n8n leaves defaults out of a saved workflow. */
function dedupeOperation(node: NodeTypeAndVersion): unknown {
	if (!isType(node, 'syncDedupe') || node.disabled) return undefined;
	const isOnItems = parameter(node, 'resource', 'item') === 'item';
	return isOnItems ? parameter(node, 'operation', 'removeDuplicates') : undefined;
}

/** A Sync Dedupe that claims the events of our triggers. */
function claimsEvents(node: NodeTypeAndVersion): boolean {
	return dedupeOperation(node) === 'removeDuplicates' && parameter(node, 'identifyBy', 'event') === 'event';
}

/** Whether every event goes from this node straight into a Sync Dedupe, whose claim is then the sign that n8n has it. */
export function isDedupeNext(context: NodeContext): boolean {
	const next = nextNodes(context);
	return next.length > 0 && next.every(claimsEvents);
}

/** Whether another trigger, by its name, leads to the same next node as this one, to another one, or nowhere, or is switched off. */
export function leadsTo(context: NodeContext, name: string): 'same' | 'other' | 'nowhere' | 'off' {
	const parents = nextNodes(context).flatMap((next) => context.getParentNodes(next.name, { depth: 1 }));
	const parent = parents.find((each) => each.name === name);
	// A node that is switched off does nothing for its events any more.
	if (parent) return parent.disabled ? 'off' : 'same';
	return context.getChildNodes(name).length > 0 ? 'other' : 'nowhere';
}

/** Whether this node gets events by webhook, and whether it polls. */
export function isReceiver(context: Pick<NodeContext, 'getNode'>): boolean {
	return isType(nodeOf(context), 'syncTrigger', 'syncWebhookTrigger');
}
function isPoller(context: Pick<NodeContext, 'getNode'>): boolean {
	return isType(nodeOf(context), 'syncTrigger', 'syncPollingTrigger');
}

/** Whether something redelivers this node's events: it polls itself, or a polling trigger leads to the same next node. */
export function isRedelivered(context: NodeContext): boolean {
	if (isReceiver(context) && isPoller(context)) return true;
	return nextNodes(context)
		.flatMap((next) => context.getParentNodes(next.name, { depth: 1 }))
		.some((node) => isType(node, 'syncPollingTrigger') && !node.disabled);
}

/** The webhook triggers of a provider that lead to the same next node, with what they are set to. */
export function webhookTriggersBeside(context: NodeContext, provider: string): NodeTypeAndVersion[] {
	return nextNodes(context)
		.flatMap((next) => context.getParentNodes(next.name, { depth: 1, includeNodeParameters: true }))
		.filter(
			(node) => isType(node, 'syncWebhookTrigger') && !node.disabled && parameter(node, 'provider', '') === provider,
		);
}

/** Every node that can be reached from this one. */
function nodesAhead(context: NodeContext): NodeTypeAndVersion[] {
	return context
		.getChildNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter(({ disabled }) => !disabled);
}

/** Whether a Confirm can be reached from this node, so that what passes is settled there and not at once. */
export function isConfirmAhead(context: NodeContext): boolean {
	return nodesAhead(context).some((node) => dedupeOperation(node) === 'confirm');
}

/** Whether the execution may have to wait ahead, for a time or for a person. */
export function isWaitAhead(context: NodeContext): boolean {
	return nodesAhead(context).some(
		(node) => isType(node, 'wait', 'form') || parameter(node, 'operation', '') === 'sendAndWait',
	);
}

/** Names of the Sync Dedupe nodes before this one that let events pass. */
export function dedupesBehind(context: NodeContext): string[] {
	return context
		.getParentNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter((node) => dedupeOperation(node) === 'removeDuplicates')
		.map(({ name }) => name);
}

/** Names of the Error Trigger nodes before this one. */
export function errorTriggersBehind(context: NodeContext): string[] {
	return context
		.getParentNodes(nodeOf(context).name)
		.filter((node) => isType(node, 'errorTrigger'))
		.map(({ name }) => name);
}

/** The name of a Sync Dedupe before this one that lets events pass in the other ledger. */
export function dedupeOfOtherLedger(context: NodeContext): string | undefined {
	const own = ledgerChoiceOf(nodeOf(context).parameters);
	return context
		.getParentNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter((node) => dedupeOperation(node) === 'removeDuplicates')
		.find((node) => ledgerChoiceOf(node.parameters) !== own)?.name;
}

/** The name of a trigger of ours before this node that keeps its events in the other ledger. */
export function triggerOfOtherLedger(context: NodeContext): string | undefined {
	const own = ledgerChoiceOf(nodeOf(context).parameters);
	return context
		.getParentNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter((node) => isType(node, 'syncTrigger', 'syncWebhookTrigger', 'syncPollingTrigger'))
		.find((node) => ledgerChoiceOf(node.parameters) !== own)?.name;
}
