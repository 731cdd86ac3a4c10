import type { FunctionsBase, NodeTypeAndVersion } from 'n8n-workflow';

/** What a node can see of the workflow around it. */
type NodeContext = Pick<
	FunctionsBase,
	'getNode' | 'getWorkflow' | 'getInstanceId' | 'getChildNodes' | 'getParentNodes'
>;

/** Type names end alike however the package was installed (`n8n-nodes-hybrid-sync.` or `CUSTOM.`). */
const isType = (node: NodeTypeAndVersion, name: string) => node.type.split('.').at(-1) === name;

/** The default scope in which an event is one event: this n8n and this workflow. */
export function streamOf(context: NodeContext): string {
	return `${context.getInstanceId()}/${context.getWorkflow().id ?? 'unsaved'}`;
}

/** The nodes directly behind this one. */
function nextNodes(context: NodeContext): NodeTypeAndVersion[] {
	const { name } = context.getNode();
	return context
		.getChildNodes(name, { includeNodeParameters: true })
		.filter((child) => context.getParentNodes(child.name, { depth: 1 }).some((parent) => parent.name === name));
}

const parameter = (node: NodeTypeAndVersion, name: string, byDefault: string) => node.parameters?.[name] ?? byDefault;

/** A Sync Dedupe that claims the events of our triggers. */
function claimsEvents(node: NodeTypeAndVersion): boolean {
	return (
		isType(node, 'syncDedupe') &&
		!node.disabled &&
		parameter(node, 'action', 'removeDuplicates') === 'removeDuplicates' &&
		parameter(node, 'identifyBy', 'event') === 'event'
	);
}

/** Whether every event goes from this node straight into a Sync Dedupe, whose claim is then the sign that n8n has it. */
export function isDedupeNext(context: NodeContext): boolean {
	const next = nextNodes(context);
	return next.length > 0 && next.every(claimsEvents);
}

/** Whether another trigger, by its name, leads to the same next node as this one, to another one, or nowhere. */
export function leadsTo(context: NodeContext, name: string): 'same' | 'other' | 'nowhere' {
	const parents = nextNodes(context).flatMap((next) => context.getParentNodes(next.name, { depth: 1 }));
	if (parents.some((parent) => parent.name === name)) return 'same';
	return context.getChildNodes(name).length > 0 ? 'other' : 'nowhere';
}

/** Whether a Confirm can be reached from this node, so that what passes is settled there and not at once. */
export function isConfirmAhead(context: NodeContext): boolean {
	return context
		.getChildNodes(context.getNode().name, { includeNodeParameters: true })
		.some((node) => isType(node, 'syncDedupe') && !node.disabled && parameter(node, 'action', '') === 'confirm');
}
