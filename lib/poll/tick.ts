import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../errors';
import type { ProviderEvent, SyncEvent } from '../event/event';
import type { Transport } from '../http/transport';
import type { Ledger } from '../ledger/ledger';
import type { NodeRow } from '../ledger/schema';
import type { PollResource, Provider } from '../provider/provider';
import { type Position, afterPage, nextPage, parsePosition, startAt } from './cursor';

/** Where the first tick begins. */
export type Start =
	{ readonly from: 'now' } | { readonly from: 'everything' } | { readonly from: 'date'; readonly date: number };

export interface TickOptions {
	readonly ledger: Ledger;
	readonly transport: Transport;
	readonly provider: Provider;
	readonly resources: readonly PollResource[];
	readonly stream: string;
	/** The polling trigger, by the name it has now. */
	readonly node: { readonly id: string; readonly name: string };
	/** Names of the webhook triggers whose events this node may hand over: those that lead to the same next node. */
	readonly partners: readonly string[];
	readonly start: Start;
	readonly lookBackMs: number;
	readonly maxEvents: number;
	/** How long the tick may take. */
	readonly budgetMs: number;
	/** Whether handing over is itself the sign that n8n has an event, because no Sync Dedupe follows directly. */
	readonly acknowledged: boolean;
	/** Milliseconds since the epoch; for waiting, never for cursors. */
	readonly clock?: () => number;
}

/** What a tick came to; `failure` may stand beside events, which go first. */
export interface TickResult {
	readonly events: readonly SyncEvent[];
	/** Rows read, and how many of them the ledger had not seen. */
	readonly read: number;
	readonly found: number;
	readonly failure?: HybridSyncError;
	/** Another tick of the node was running. */
	readonly skipped?: true;
}

/** Room for the request that is under way when the budget ends. */
const LEASE_MARGIN_MS = 60_000;

/**
 * One tick of polling: hands over what is due, reads what is new up to the budget, records each page together with the
 * cursor that covers it, and hands over what was found.
 *
 * @throws HybridSyncError `ledger-unavailable`; trouble with the provider comes back as `failure`
 */
export async function runTick(options: TickOptions): Promise<TickResult> {
	const { ledger, stream, node, provider, maxEvents, acknowledged, budgetMs, clock = Date.now } = options;
	const nodes = await ledger.meetNode({
		stream,
		node: node.id,
		name: node.name,
		kind: 'poll',
		provider: provider.name,
	});
	const lease = await ledger.leaseTick(stream, node.id, budgetMs + LEASE_MARGIN_MS);
	if (lease === undefined) return { events: [], read: 0, found: 0, skipped: true };

	let notBefore = nodes.find((row) => row.node === node.id)?.not_before ?? 0;
	try {
		const webhooks = nodes.filter((row) => row.kind === 'webhook' && row.provider === provider.name);
		const mine = [node.id, ...webhooks.filter(({ name }) => options.partners.includes(name)).map((row) => row.node)];
		const handOver = async (limit: number) => await ledger.handOver({ stream, nodes: mine, limit, acknowledged });

		const waiting = await handOver(maxEvents);
		const outcome = notBefore > clock() ? { read: 0, found: 0 } : await readResources(options, lease, webhooks);
		notBefore = outcome.failure?.details.retryAfterMs ? clock() + outcome.failure.details.retryAfterMs : notBefore;
		const found = await handOver(maxEvents - waiting.length);
		return { events: [...waiting, ...found], ...outcome };
	} finally {
		await ledger.endTick(stream, node.id, lease, notBefore);
	}
}

interface ReadOutcome {
	readonly read: number;
	readonly found: number;
	readonly failure?: HybridSyncError;
}

/** Reads one resource after the other; the first failure ends the tick, and what was recorded stays. */
async function readResources(options: TickOptions, lease: string, webhooks: readonly NodeRow[]): Promise<ReadOutcome> {
	const deadline = performance.now() + options.budgetMs;
	const correlationId = randomUUID();
	let read = 0;
	let found = 0;
	try {
		for (const resource of options.resources) {
			for await (const page of readPages(options, resource, deadline)) {
				const recorded = await options.ledger.record({
					stream: options.stream,
					node: options.node.id,
					path: 'poll',
					events: page.events,
					correlationId,
					handsOver: false,
					...(webhooks.length > 0 && { pushedSince: Math.min(...webhooks.map(({ since }) => since)) }),
					cursor: { resource: resource.name, position: page.position, lease },
				});
				read += page.read;
				found += recorded.filter(({ outcome }) => outcome === 'new').length;
			}
		}
		return { read, found };
	} catch (error) {
		if (!(error instanceof HybridSyncError) || error.code === 'ledger-unavailable') throw error;
		return { read, found, failure: error };
	}
}

/** The pages of a resource from its cursor on, each with the position to commit together with its events. */
async function* readPages(
	options: TickOptions,
	resource: PollResource,
	deadline: number,
): AsyncGenerator<{ position: Position; events: ProviderEvent[]; read: number }> {
	const { ledger, transport, stream, node, lookBackMs } = options;
	let position = parsePosition(await ledger.cursor(stream, node.id, resource.name));
	if (!position) {
		position = await firstPosition(options, resource);
		yield { position, events: [], read: 0 };
	}
	const { account, floor } = position;
	do {
		const page = { ...nextPage(position, lookBackMs), pageSize: resource.pageSize };
		const rows = resource.read(await transport.get(resource.request(page)), account);
		position = afterPage(position, page, rows);
		const events = rows.filter((row) => row.position >= floor).map(({ event }) => event);
		yield { position, events, read: rows.length };
	} while (position.window && performance.now() < deadline);
}

/** Asks the provider who and when it is; its clock and its rows are the only ones a cursor may come from. */
async function firstPosition(options: TickOptions, resource: PollResource): Promise<Position> {
	const { provider, transport, start } = options;
	const { id, date } = await provider.account(transport);
	switch (start.from) {
		case 'everything':
			return startAt(id, 0);
		case 'date':
			return startAt(id, start.date);
		case 'now': {
			if (date !== undefined) return startAt(id, date);
			const newest = resource.read(await transport.get(resource.sample(1)), id).at(0);
			return startAt(id, newest?.position ?? 0);
		}
	}
}
