import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../errors';
import type { ProviderEvent, SyncEvent } from '../event/event';
import { DAY, MINUTE, formatTime } from '../event/time';
import type { Transport } from '../http/transport';
import type { Ledger, TickLease } from '../ledger/ledger';
import type { NodeRow } from '../ledger/schema';
import type { PollResource, Provider, Unreadable } from '../provider/provider';
import { accountOf } from './account';
import { type Position, afterPage, nextPage, parsePosition, readsFrom, startAt } from './cursor';

/** Where the first tick begins. */
export type Start =
	{ readonly from: 'now' } | { readonly from: 'everything' } | { readonly from: 'date'; readonly date: number };

export interface TickOptions {
	readonly ledger: Ledger;
	readonly transport: Transport;
	readonly provider: Provider;
	readonly resources: readonly PollResource[];
	readonly stream: string;
	/** The polling trigger, by the name it has now, and the workflow it stands in. */
	readonly node: { readonly id: string; readonly workflow: string; readonly name: string };
	/** Whether another trigger of the workflow, by its name, leads to the same next node, to another one, or nowhere. */
	readonly leadsTo: (name: string) => 'same' | 'other' | 'nowhere';
	readonly start: Start;
	readonly lookBackMs: number;
	readonly maxEvents: number;
	/** How long the tick may take. */
	readonly budgetMs: number;
	/** Whether handing over is itself the sign that n8n has an event, because no Sync Dedupe follows directly. */
	readonly acknowledged: boolean;
	/** What the workflow itself remembers of the last tick. */
	readonly breadcrumb?: Breadcrumb | undefined;
	/** Milliseconds since the epoch; for waiting, never for cursors. */
	readonly clock?: () => number;
}

/** Kept with the workflow and not in the ledger, to notice that the ledger is gone, and how far it had come. */
export interface Breadcrumb {
	readonly ledger: string;
	/** Everything before this time has been read; milliseconds since the epoch. */
	readonly readTo: number;
}

/** What a tick came to; `failure` may stand beside events, which go first. */
export interface TickResult {
	readonly events: readonly SyncEvent[];
	/** Rows read, and how many of them the ledger had not seen. */
	readonly read: number;
	readonly found: number;
	readonly failure?: HybridSyncError;
	/** To be kept with the workflow until the next tick. */
	readonly breadcrumb?: Breadcrumb;
	/** The ledger that the breadcrumb knew is gone: since when events may come a second time, or be missing. */
	readonly lost?: HybridSyncError;
	/** Another tick of the node was running. */
	readonly skipped?: true;
}

/** Room for the request that is under way when the budget ends. */
const LEASE_MARGIN_MS = MINUTE;
/** However long a provider asks us to wait, it is asked again the next day. */
const LONGEST_RETRY_AFTER_MS = DAY;

/**
 * One tick of polling: hands over what is due, reads what is new up to the budget, records each page together with the
 * cursor that covers it, and hands over what was found. Trouble after the first hand-over comes back beside the events, so
 * that they reach the workflow; what does not reach it has not been acknowledged, and is due again.
 *
 * @throws HybridSyncError `ledger-unavailable` before the tick began; all later trouble comes back as `failure`
 */
export async function runTick(options: TickOptions): Promise<TickResult> {
	const { ledger, stream, node, provider, maxEvents, budgetMs, clock = Date.now } = options;
	const known = await ledger.meetNode({
		stream,
		node: node.id,
		workflow: node.workflow,
		name: node.name,
		kind: 'poll',
		provider: provider.name,
	});
	const lease = await ledger.leaseTick(stream, node.id, budgetMs + LEASE_MARGIN_MS);
	if (lease === undefined) return { events: [], read: 0, found: 0, skipped: true };

	const lost = await lostLedger(options);
	const nodes = ownNodes(options, known);
	const events: SyncEvent[] = [];
	let { notBefore } = lease;
	let outcome: ReadOutcome = { read: 0, found: 0 };
	try {
		events.push(...(await ledger.handOver({ stream, nodes, limit: maxEvents })));
		await ledger.dropCursors(stream, goneNodes(options, known));
		// What lies further ahead was set by a clock that has been set right since.
		if (notBefore <= clock() || notBefore > clock() + LONGEST_RETRY_AFTER_MS) {
			notBefore = 0;
			const start: Start = lost ? { from: 'date', date: lost.readTo - options.lookBackMs } : options.start;
			outcome = await readResources({ ...options, start }, lease, webhookSince(options, known));
			const wait = outcome.failure?.details.retryAfterMs ?? 0;
			if (wait > 0) notBefore = clock() + Math.min(wait, LONGEST_RETRY_AFTER_MS);
		}
		events.push(...(await ledger.handOver({ stream, nodes, limit: maxEvents - events.length })));
		await ledger.endTick(stream, node.id, { ...lease, notBefore });
		// Last of all: what is acknowledged is not handed over again.
		if (options.acknowledged) {
			await ledger.acknowledge(
				stream,
				events.map(({ id }) => id),
			);
		}
	} catch (error) {
		if (!(error instanceof HybridSyncError)) {
			// Not for the next tick to wait for.
			await ledger.endTick(stream, node.id, { ...lease, notBefore });
			throw error;
		}
		outcome = { ...outcome, failure: error };
	}
	const { readTo, ...result } = outcome;
	return {
		events,
		...result,
		...(readTo !== undefined && { breadcrumb: { ledger: ledger.id, readTo } }),
		...(lost && { lost: lost.error }),
	};
}

/** Whether the workflow has read before, and the ledger knows nothing of it. */
async function lostLedger(options: TickOptions): Promise<{ readTo: number; error: HybridSyncError } | undefined> {
	const { breadcrumb, ledger, stream, node, resources } = options;
	if (!breadcrumb) return undefined;
	for (const { name } of resources) {
		if ((await ledger.cursor(stream, node.id, name)) !== undefined) return undefined;
	}
	const since = formatTime(breadcrumb.readTo);
	const error = new HybridSyncError(
		'ledger-lost',
		`The sync ledger knows nothing of this workflow any more: ${breadcrumb.ledger === ledger.id ? 'its stream was changed, or it has not run for 90 days' : 'it is gone or was exchanged, and an empty one is in its place'}. Polling goes on from ${since}, where it had come. Events that were processed around that time may come again, and what had been pushed and not processed is found by polling only. Keep n8n's folder on a volume, or put the old ledger back.`,
	);
	return { readTo: breadcrumb.readTo, error };
}

/**
 * Nodes whose events this one hands over: itself, the webhook triggers that lead to the same next node, and nodes that are
 * gone from the workflow or lead nowhere, whose events would otherwise wait for ever.
 */
function ownNodes({ node, provider, leadsTo }: TickOptions, known: readonly NodeRow[]): string[] {
	const others = known.filter((row) => row.node !== node.id && row.provider === provider.name);
	const taken = others.filter(({ name, kind }) => {
		const direction = leadsTo(name);
		return direction === 'nowhere' || (direction === 'same' && kind === 'webhook');
	});
	return [node.id, ...taken.map((row) => row.node)];
}

/** Polling nodes that are in the workflow no more. */
function goneNodes({ node, leadsTo }: TickOptions, known: readonly NodeRow[]): string[] {
	const gone = known.filter(
		({ kind, node: id, name }) => kind === 'poll' && id !== node.id && leadsTo(name) === 'nowhere',
	);
	return gone.map((row) => row.node);
}

/** Since when this provider's events have been expected by push; nothing where no webhook trigger is published. */
function webhookSince({ provider }: TickOptions, known: readonly NodeRow[]): number | undefined {
	const webhooks = known.filter((row) => row.kind === 'webhook' && row.provider === provider.name);
	return webhooks.length > 0 ? Math.min(...webhooks.map(({ since }) => since)) : undefined;
}

interface ReadOutcome {
	readonly read: number;
	readonly found: number;
	/** How far the resource has come that is furthest behind, once each was read. */
	readonly readTo?: number;
	readonly failure?: HybridSyncError;
}

/** Reads one resource after the other; the first failure ends the tick, and what was recorded stays. */
async function readResources(
	options: TickOptions,
	lease: TickLease,
	pushedSince: number | undefined,
): Promise<ReadOutcome> {
	const { ledger, stream, node, provider } = options;
	const deadline = performance.now() + options.budgetMs;
	const recording = { stream, node: node.id, path: 'poll', correlationId: randomUUID() } as const;
	let read = 0;
	let found = 0;
	let readTo = Infinity;
	try {
		for (const resource of options.resources) {
			let bound = -Infinity;
			for await (const page of readPages(options, resource, deadline)) {
				({ bound } = page.position);
				await ledger.recordDeadLetters({ ...recording, provider: provider.name }, page.unreadable);
				const recorded = await ledger.record({
					...recording,
					events: page.events,
					handsOver: false,
					...(pushedSince !== undefined && { pushedSince }),
					cursor: {
						resource: resource.name,
						position: page.position,
						readsFrom: readsFrom(page.position, options.lookBackMs),
						lease: lease.token,
					},
				});
				read += page.read;
				found += recorded.filter(({ outcome }) => outcome === 'new').length;
			}
			readTo = Math.min(readTo, bound);
		}
		return { read, found, readTo };
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		return { read, found, failure: error };
	}
}

/** What is to be recorded of one page, and the position to commit together with it. */
interface ReadPage {
	readonly position: Position;
	readonly events: readonly ProviderEvent[];
	readonly unreadable: readonly Unreadable[];
	readonly read: number;
}

async function* readPages(options: TickOptions, resource: PollResource, deadline: number): AsyncGenerator<ReadPage> {
	const { ledger, transport, provider, stream, node, lookBackMs } = options;
	const account = await accountOf(provider, transport);
	let position = parsePosition(await ledger.cursor(stream, node.id, resource.name));
	// Another account has another history: it begins where a first run would.
	if (position?.account !== account.id) {
		position = await firstPosition(options, resource, account.id);
		yield { position, events: [], unreadable: [], read: 0 };
	}
	const { floor } = position;
	do {
		const place = nextPage(position, lookBackMs);
		const response = await transport.get(resource.request({ ...place, pageSize: resource.pageSize }));
		const page = resource.read(response, account.id);
		position = afterPage(position, place, page);
		const events = page.rows.filter((row) => row.position >= floor).map(({ event }) => event);
		yield { position, events, unreadable: page.unreadable, read: page.rows.length };
	} while (position.window && performance.now() < deadline);
}

/** Where to begin, by the provider's clock or its newest row: the only times a cursor may come from. */
async function firstPosition(options: TickOptions, resource: PollResource, account: string): Promise<Position> {
	const { transport, start } = options;
	switch (start.from) {
		case 'everything':
			return startAt(account, 0);
		case 'date':
			return startAt(account, start.date);
		case 'now': {
			const { date, rows } = resource.read(await transport.get(resource.sample(1)), account);
			return startAt(account, date ?? rows.at(0)?.position ?? 0);
		}
	}
}
