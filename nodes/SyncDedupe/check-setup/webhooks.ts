import type { IExecuteFunctions } from 'n8n-workflow';
import { type Health, type StreamFacts, isInternal, isLoopback } from '../../../lib';
import { identityOf } from '../../ledger/ledger';
import { exchangeFor } from '../../provider/exchange';
import type { Graph, GraphNode } from '../../workflow/graph';
import { isPolling, isReceiving } from '../../workflow/kinds';
import { nodeOf } from '../../workflow/node';
import { type Finding, findings } from './finding';
import type { Access } from './service';

/** What the ledger knows of the triggers. */

type Row = StreamFacts['nodes'][number];

/**
 * What the ledger knows of a node that is published.
 *
 * @param prefix of the workflow's nodes in the ledger: a shared stream may know the same node of a copied workflow
 */
export function rowOf({ nodes }: StreamFacts, prefix: string, node: GraphNode, role: Row['role']): Row | undefined {
	return nodes.find((row) => row.role === role && row.node === `${prefix}${node.id}` && row.retired_at === null);
}

/** @returns what stands before the ids of this workflow's nodes in the ledger */
export function prefixIn(context: IExecuteFunctions): string {
	return identityOf(context).node.slice(0, -nodeOf(context).id.length);
}

/** Whether the triggers are published, called, and let in. */
export async function checkTriggers(
	context: IExecuteFunctions,
	{ nodes }: Graph,
	{ facts, health, access }: { readonly facts: StreamFacts; readonly health: Health; readonly access: Access },
): Promise<Finding[]> {
	const { problem } = findings('Published');
	const prefix = prefixIn(context);
	const found: Finding[] = [];
	for (const node of nodes.filter(isReceiving)) {
		const row = rowOf(facts, prefix, node, 'push');
		if (!row) {
			found.push(
				problem(
					node.name,
					'Its webhook is not published.',
					'Press Publish, and wait half a minute: a red message says what is missing, e.g. the Webhook Secret. If it is published: after a change under "Ledger", publish again.',
				),
			);
			continue;
		}
		found.push(...(await checkUrl(context, node, row)), ...checkCalls(node, row, health));
	}
	for (const node of nodes.filter(isPolling)) {
		const row = rowOf(facts, prefix, node, 'pull');
		const state = health.triggers.find((each) => each.role === 'polling' && each.node === row?.node);
		const polling = findings('Polling');
		if (!row) {
			found.push(
				problem(
					node.name,
					'It has not polled yet.',
					'Press Publish and wait a minute. If that changes nothing, look under Executions for an error. After a change under "Ledger", publish again.',
				),
			);
		} else if (state?.trouble !== undefined) {
			found.push(...troubleOf(node, state.trouble, state.troubleCode === 'credential-invalid', access));
		} else if (state?.lastPoll !== undefined) {
			found.push(polling.ok(node.name, `It polled the service last at ${state.lastPoll}.`));
		}
	}
	return found;
}

/** What keeps a trigger from polling; a wrong key is told of once. */
function troubleOf(node: GraphNode, trouble: string, isOfCredential: boolean, { isRefused }: Access): Finding[] {
	const { problem } = findings('Polling');
	if (!isOfCredential) {
		return [problem(node.name, trouble, 'Correct what is named there. The next poll tries again.')];
	}
	if (isRefused(node, 'pull')) return [];
	return [
		problem(
			node.name,
			`The last poll: ${trouble}`,
			'If you have mended the credential since that poll, the next one tells, within a minute. Otherwise open the credential in the trigger and mend it, or give it the right that is missing.',
		),
	];
}

function checkCalls({ name }: GraphNode, { provider, node }: Row, { triggers, refused, alerts }: Health): Finding[] {
	const { problem, warning, ok } = findings('Webhook');
	const state = triggers.find((each) => each.role === 'webhook' && each.node === node);
	const allRefused = alerts.find((alert) => alert.name === 'all-refused');
	const [latest] = refused.toSorted((one, other) => (one.lastTime < other.lastTime ? 1 : -1));
	if (allRefused)
		return [
			problem(name, 'All webhooks of the last hour were refused.', latest ? `${latest.what}. ${latest.todo}` : ''),
		];
	if (state?.push === 'silent') {
		return [
			problem(
				name,
				`No webhook has come since ${state.lastWebhook ?? 'long ago'}, which is much longer than usual.`,
				`Look at the webhook in ${provider}: is it still active, and does it call the Production URL of this node?`,
			),
		];
	}
	if (state?.lastWebhook === undefined) {
		const reason = latest ? ` ${latest.count} were refused: ${latest.what.toLowerCase()}. ${latest.todo}` : '';
		return [
			warning(
				name,
				`No webhook has come within a day.${reason}`,
				'Cause an event in the service, and run this check with "Wait for a Test Event".',
			),
		];
	}
	if (latest && latest.lastTime > state.lastWebhook) {
		return [
			warning(
				name,
				`Since the last webhook, at ${state.lastWebhook}, one was refused at ${latest.lastTime}: ${latest.what}.`,
				`${latest.todo} If the service sent nothing then, it was somebody else, and it is well that it was refused.`.trim(),
			),
		];
	}
	return [ok(name, `The last webhook came at ${state.lastWebhook}.`)];
}

const TRY_MS = 10_000;

/** n8n says of a method that nobody waits for whether the path is one of its webhooks. */
const NOT_CALLED_BY = 'PUT';

/** Whether the Production URL leads to this n8n. The service may still be kept out, e.g. by a firewall. */
async function checkUrl(context: IExecuteFunctions, { name }: GraphNode, { url }: Row): Promise<Finding[]> {
	const { problem, warning, ok } = findings('Webhook URL');
	const target = URL.parse(url);
	const todo =
		'Set n8n’s N8N_WEBHOOK_URL to its public https:// address, restart n8n, publish again, and enter the new Production URL in the service.';
	if (!target) return [problem(name, `The Production URL is not usable (${url}).`, todo)];
	if (isLoopback(target.hostname)) {
		return [
			warning(
				name,
				`The Production URL begins with ${target.origin}, which means "this computer": only programs on this machine can call it.`,
				todo,
			),
		];
	}
	if (isInternal(target.hostname)) {
		return [
			warning(
				name,
				`The Production URL begins with ${target.origin}, an address of a private network: services on the internet cannot call it.`,
				todo,
			),
		];
	}
	try {
		const exchange = exchangeFor(context, {});
		const request = { method: NOT_CALLED_BY, headers: {} } as const;
		const { status, body } = await exchange(target, request, AbortSignal.timeout(TRY_MS));
		const text = await beginningOf(body);
		if (status === 404 && /Did you mean to make an? /.test(text))
			return [ok(name, 'The Production URL leads to this node.')];
		// Something in between may let through only what webhooks use.
		if (status === 403 || status === 405) return [];
		return [
			problem(
				name,
				`The Production URL leads elsewhere (status ${status}).`,
				`Is the address of this n8n still ${target.origin}? ${todo}`,
			),
		];
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		return [
			warning(
				name,
				`The Production URL could not be called from here: ${reason}`,
				'Open it in a browser outside your network: n8n should answer that the webhook is not registered for GET requests.',
			),
		];
	}
}

/** In bytes: n8n's answer is short. */
const MAX_READ = 10_000;

async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of body) {
		chunks.push(chunk);
		size += chunk.length;
		if (size > MAX_READ) break;
	}
	return Buffer.concat(chunks).toString();
}
