import type { FunctionsBase, NodeTypeAndVersion } from 'n8n-workflow';
import { ledgerChoiceOf } from '../ledger/fields';
import {
	isConfirm,
	isKind,
	isPolling,
	isReceiving,
	isTrigger,
	providerOf,
	removesAnyDuplicates,
	removesDuplicates,
	textOf,
} from './kinds';
import { nodeOf } from './node';

/** What a node can see of the workflow around it. */
type NodeContext = Pick<FunctionsBase, 'getNode' | 'getChildNodes' | 'getParentNodes'>;

/** The nodes directly behind this one. */
function nextNodes(context: NodeContext): NodeTypeAndVersion[] {
	const { name } = nodeOf(context);
	return context
		.getChildNodes(name, { includeNodeParameters: true })
		.filter((child) => context.getParentNodes(child.name, { depth: 1 }).some((parent) => parent.name === name));
}

/** Whether every event goes from this node straight into a Sync Dedupe, whose claim is then the sign that n8n has it. */
export function isDedupeNext(context: NodeContext): boolean {
	const next = nextNodes(context);
	return next.length > 0 && next.every((node) => !node.disabled && removesDuplicates(node));
}

/** Whether another trigger, by its name, leads to the same next node as this one, to another one, or nowhere, or is switched off. */
export function leadsTo(context: NodeContext, name: string): 'same' | 'other' | 'nowhere' | 'off' {
	const parents = nextNodes(context).flatMap((next) => context.getParentNodes(next.name, { depth: 1 }));
	const parent = parents.find((each) => each.name === name);
	// A node that is switched off does nothing for its events any more.
	if (parent) return parent.disabled ? 'off' : 'same';
	return context.getChildNodes(name).length > 0 ? 'other' : 'nowhere';
}

/** Whether something redelivers this node's events: it polls itself, or a polling trigger leads to the same next node. */
export function isRedelivered(context: NodeContext): boolean {
	const node = nodeOf(context);
	if (isReceiving(node) && isPolling(node)) return true;
	return nextNodes(context)
		.flatMap((next) => context.getParentNodes(next.name, { depth: 1 }))
		.some((other) => isKind(other, 'syncPollingTrigger') && !other.disabled);
}

/** The webhook triggers of a provider that lead to the same next node, with what they are set to. */
export function webhookTriggersBeside(context: NodeContext, provider: string): NodeTypeAndVersion[] {
	return nextNodes(context)
		.flatMap((next) => context.getParentNodes(next.name, { depth: 1, includeNodeParameters: true }))
		.filter((node) => isKind(node, 'syncWebhookTrigger') && !node.disabled && providerOf(node) === provider);
}

/** Every node that can be reached from this one. */
function nodesAhead(context: NodeContext): NodeTypeAndVersion[] {
	return context
		.getChildNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter(({ disabled }) => !disabled);
}

/** Whether a Confirm can be reached from this node, so that what passes is settled there and not at once. */
export function isConfirmAhead(context: NodeContext): boolean {
	return nodesAhead(context).some(isConfirm);
}

/** Whether the execution may have to wait ahead, for a time or for a person. */
export function isWaitAhead(context: NodeContext): boolean {
	return nodesAhead(context).some(
		(node) => isKind(node, 'wait', 'form') || textOf(node, 'operation', '') === 'sendAndWait',
	);
}

/** Names of the Sync Dedupe nodes before this one that let events pass. */
export function dedupesBehind(context: NodeContext): string[] {
	return context
		.getParentNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter((node) => !node.disabled && removesAnyDuplicates(node))
		.map(({ name }) => name);
}

/** Names of the Error Trigger nodes before this one. */
export function errorTriggersBehind(context: NodeContext): string[] {
	return context
		.getParentNodes(nodeOf(context).name)
		.filter((node) => isKind(node, 'errorTrigger'))
		.map(({ name }) => name);
}

/** The name of a Sync Dedupe before this one that lets events pass in the other ledger. */
export function dedupeOfOtherLedger(context: NodeContext): string | undefined {
	const own = ledgerChoiceOf(nodeOf(context).parameters);
	return context
		.getParentNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter((node) => !node.disabled && removesAnyDuplicates(node))
		.find((node) => ledgerChoiceOf(node.parameters) !== own)?.name;
}

/** The name of a trigger of ours before this node that keeps its events in the other ledger. */
export function triggerOfOtherLedger(context: NodeContext): string | undefined {
	const own = ledgerChoiceOf(nodeOf(context).parameters);
	return context
		.getParentNodes(nodeOf(context).name, { includeNodeParameters: true })
		.filter((node) => isTrigger(node))
		.find((node) => ledgerChoiceOf(node.parameters) !== own)?.name;
}
