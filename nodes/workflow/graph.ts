import type { IConnections, IExecuteFunctions, INode } from 'n8n-workflow';
import { ledgerChoiceOf } from '../ledger/fields';
import { textOf } from './kinds';

/** A whole workflow: which nodes it has, and what leads where. */

export interface GraphNode extends Readonly<
	Pick<INode, 'id' | 'name' | 'type' | 'typeVersion' | 'parameters' | 'credentials'>
> {
	readonly source: INode;
}

export interface Graph {
	/** Nodes that are switched on, and those that are connected and deactivated. */
	readonly nodes: readonly GraphNode[];
	readonly deactivated: readonly GraphNode[];
	/** The nodes that an output leads to, or all of them. */
	readonly next: (node: GraphNode, output?: number) => GraphNode[];
	/** All nodes behind one, or behind one of its outputs, and all before. */
	readonly ahead: (node: GraphNode, output?: number) => GraphNode[];
	readonly behind: (node: GraphNode) => GraphNode[];
}

/**
 * The workflow of an execution. n8n shows a node only what is connected with it; the rest it keeps where nodes do not look.
 *
 * @returns nothing where n8n keeps it elsewhere
 */
export function graphOf(context: IExecuteFunctions): Graph | undefined {
	const { workflow } = context as {
		workflow?: { nodes?: Record<string, INode>; connectionsBySourceNode?: IConnections };
	};
	if (!workflow?.nodes || !workflow.connectionsBySourceNode) return undefined;
	return makeGraph(Object.values(workflow.nodes), workflow.connectionsBySourceNode);
}

/** @param connections by the name of the node that they lead away from */
export function makeGraph(all: readonly INode[], connections: IConnections): Graph {
	const everyNode = all.map((source): GraphNode => ({ ...source, source }));
	const nodes = everyNode.filter(({ source }) => source.disabled !== true);
	const byName = new Map(nodes.map((node) => [node.name, node]));
	/** n8n hands items on through a node that is switched off, by its first output. */
	const targetsOf = (name: string, output: number | undefined, passed: ReadonlySet<string>): GraphNode[] => {
		const outputs = connections[name]?.['main'] ?? [];
		const wanted = output === undefined ? outputs : [outputs[output] ?? null];
		return wanted.flatMap((targets) =>
			(targets ?? []).flatMap((target) => {
				const node = byName.get(target.node);
				if (node) return node;
				return passed.has(target.node) ? [] : targetsOf(target.node, 0, new Set([...passed, target.node]));
			}),
		);
	};
	const next = (node: GraphNode, output?: number): GraphNode[] => targetsOf(node.name, output, new Set());
	const reach = (from: readonly GraphNode[], step: (node: GraphNode) => GraphNode[]): GraphNode[] => {
		const seen = new Set<GraphNode>();
		const waiting = [...from];
		for (let node = waiting.pop(); node; node = waiting.pop()) {
			if (seen.has(node)) continue;
			seen.add(node);
			waiting.push(...step(node));
		}
		return [...seen];
	};
	const before = (node: GraphNode) => nodes.filter((other) => next(other).includes(node));
	return {
		nodes,
		deactivated: everyNode.filter(({ name, source }) => source.disabled === true && isConnected(connections, name)),
		next,
		ahead: (node, output) => reach(next(node, output), next),
		behind: (node) => reach(before(node), before),
	};
}

function isConnected(connections: IConnections, name: string): boolean {
	const targetsOf = ({ main = [] }: IConnections[string]) => main.flatMap((targets) => targets ?? []);
	const own = connections[name];
	if (own && targetsOf(own).length > 0) return true;
	return Object.values(connections).some((each) => targetsOf(each).some(({ node }) => node === name));
}

/** Which credentials a node has. */
export const credentialsOf = ({ credentials = {} }: GraphNode) =>
	JSON.stringify(Object.entries(credentials).map(([type, { id }]) => [type, id]));

/** In which ledger a node works, and in which stream there. */
export function ledgerOf(node: GraphNode): string {
	const choice = ledgerChoiceOf(node.parameters);
	if (choice === 'embedded') return choice;
	return JSON.stringify([
		choice,
		node.credentials?.['hybridSyncLedgerPostgres']?.id ?? '',
		textOf(node, 'stream', '').trim(),
	]);
}
