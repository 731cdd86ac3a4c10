import type { FunctionsBase, INode } from 'n8n-workflow';

type NodeContext = Pick<FunctionsBase, 'getNode'>;

const nodes = new WeakMap<NodeContext, INode>();

/** The node of a context; n8n copies all of it, with every parameter, each time it is asked. */
export function nodeOf(context: NodeContext): Readonly<INode> {
	let node = nodes.get(context);
	if (!node) nodes.set(context, (node = context.getNode()));
	return node;
}
