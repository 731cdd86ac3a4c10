import { type Expected, type NodeRow, expectedOf } from '../ledger/ledger';
import type { PollSource } from '../provider/pull';
import type { TickOptions } from './tick';

/** What a tick needs to know of the other trigger nodes of its workflow. */

/**
 * Nodes whose events this one hands over: itself, the webhook triggers that lead to the same next node and do not tick
 * themselves, and nodes that are switched off, gone from the workflow or lead nowhere, whose events would otherwise wait for
 * ever. A node that reads nothing itself takes those of every provider.
 */
export function handedOverNodes({ node, source, leadsTo }: TickOptions, known: readonly NodeRow[]): string[] {
	const ticking = new Set(known.filter(({ role }) => role === 'pull').map((row) => row.node));
	const others = known.filter(({ node: id, name, provider }) => {
		if (id === node.id) return false;
		const direction = leadsTo(name);
		if (direction === 'same') return !ticking.has(id);
		const isIdle = direction === 'nowhere' || direction === 'off';
		return isIdle && (!source || provider === source.provider);
	});
	return [...new Set([node.id, ...others.map((row) => row.node)])];
}

/** Polling nodes that are in the workflow no more; one that is switched off goes on where it stopped. */
export function goneNodes({ node, leadsTo }: TickOptions, known: readonly NodeRow[]): string[] {
	const gone = known.filter(
		({ role, node: id, name }) => role === 'pull' && id !== node.id && leadsTo(name) === 'nowhere',
	);
	return gone.map((row) => row.node);
}

/** What the account's webhooks should bring; nothing where no webhook trigger of it is published. */
export function expectedByPush({ provider, sender = '' }: PollSource, known: readonly NodeRow[]): Expected[] {
	return known
		.filter((row) => row.role === 'push' && row.provider === provider && row.sender === sender)
		.map(expectedOf)
		.filter((expected) => Object.keys(expected).length > 0);
}

/** What to say where webhooks of the provider come with another credential only: nobody can tell that they are the same. */
export function foreignWebhooks({ provider, sender }: PollSource, known: readonly NodeRow[]): string | undefined {
	if (sender === undefined) return undefined;
	const webhooks = known.filter((row) => row.role === 'push' && row.provider === provider);
	const [first] = webhooks;
	if (!first || webhooks.some((row) => row.sender === sender)) return undefined;
	return `"${first.name}" uses another credential than this node, so an event that both bring counts twice. Choose the same credential in both, unless they are for different accounts.`;
}
