import { createHmac } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { hashOf, isSame } from '../base/hash';
import { MINUTE, formatTime } from '../base/time';
import type { SyncEvent } from '../event/event';
import { type PushHealth, pushHealth } from '../health/push';
import { type Expected, type Ledger, type NodeRow, type TickLease, expectedOf } from '../ledger/ledger';
import type { PollApi, PollSource } from '../provider/pull';
import type { Cadence } from './cadence';
import { type Conditions, type Pace, askWithin, isUntold, mayAsk, noticed, parsePace, told } from './pace';
import {
	type Breadcrumb,
	NOTHING_READ,
	type Progress,
	type ReadingOptions,
	type ReadingResult,
	type Start,
	breadcrumb as breadcrumbShape,
	readResources,
} from './resources';

export interface TickOptions {
	readonly ledger: Ledger;
	/** What to read; nothing where the node only hands over again. */
	readonly source?: PollSource;
	readonly stream: string;
	/** The polling trigger, by the name it has now, and the workflow it stands in. */
	readonly node: { readonly id: string; readonly workflow: string; readonly name: string };
	/** Whether another trigger of the workflow, by its name, leads to the same next node, to another one, or nowhere. */
	readonly leadsTo: (name: string) => 'same' | 'other' | 'nowhere';
	readonly start: Start;
	readonly lookBackMs: number;
	/** How far before the bound a number is read again. Default 0. */
	readonly lookBackCount?: number;
	/** Reads a longer time again, so often. Default never. */
	readonly deepReconcile?: { readonly lookBackMs: number; readonly everyMs: number };
	/** Default every tick. */
	readonly cadence?: Cadence;
	/** Requests that one tick may make at the most. Default as many as there is time for. */
	readonly maxRequests?: number;
	/** Settings that decide what is asked for, in whatever form: once they change, trouble is forgotten. */
	readonly settings?: unknown;
	readonly maxEvents: number;
	/** How long the tick may take. */
	readonly budgetMs: number;
	/** How long to wait for the sign before an event is handed over again; by default 5 minutes at first. */
	readonly handOverLeaseMs?: number;
	/** Trouble that passes by itself is not to be told of by this tick. */
	readonly isFirst?: boolean;
	/** A person waits for this tick: what only a person can mend is tried, and told of, whenever it was before. */
	readonly insists?: boolean;
	/** What the workflow itself remembers of the last tick. */
	readonly breadcrumb?: unknown;
	/** Milliseconds since the epoch; for waiting, never for cursors. */
	readonly clock?: () => number;
}

/** The result of a tick; `failure` may stand beside events, which go first. */
export interface TickResult {
	readonly events: readonly SyncEvent[];
	/** Requests that were made for rows, and how many of them found nothing changed. */
	readonly requests: number;
	readonly unchanged: number;
	/** Rows read, and how many of them the ledger had not seen. */
	readonly read: number;
	readonly found: number;
	readonly progress: readonly Progress[];
	/** What is odd at the provider without stopping the reading, in words for the log. */
	readonly notices: readonly string[];
	/** What went wrong, and whether it is time to tell of it: once, and then once a day while it lasts. */
	readonly failure?: HybridSyncError;
	readonly tells: boolean;
	/** To be kept with the workflow until the next tick. */
	readonly breadcrumb?: Breadcrumb;
	/** The ledger that the breadcrumb knew is gone: since when events may come a second time, or be missing. */
	readonly lost?: HybridSyncError;
	/** Another tick of the node was running. */
	readonly skipped?: true;
}

/** Room for the request that is under way when the budget ends. */
const LEASE_MARGIN_MS = MINUTE;

/**
 * One tick of polling: hands over what is due, reads what is new if it is time to, records each page together with the
 * cursor that covers it, and hands over what was found. Trouble after the first hand-over comes back beside the events, so
 * that they reach the workflow; what does not reach it is due again once its lease is over.
 *
 * @throws HybridSyncError `ledger-unavailable` before the tick began; all later trouble comes back as `failure`
 */
export async function runTick(options: TickOptions): Promise<TickResult> {
	const { ledger, stream, node, source, maxEvents, budgetMs } = options;
	const known = await ledger.meetNode({
		stream,
		node: node.id,
		role: 'pull',
		workflow: node.workflow,
		name: node.name,
		provider: source?.provider ?? '',
		...(source?.sender !== undefined && { sender: source.sender }),
	});
	const lease = await ledger.leaseTick(stream, node.id, budgetMs + LEASE_MARGIN_MS);
	if (lease === undefined) return { ...counts(NOTHING_READ), events: [], tells: false, skipped: true };

	const handOver = {
		stream,
		nodes: handedOverNodes(options, known),
		...(options.handOverLeaseMs !== undefined && { leaseMs: options.handOverLeaseMs }),
	};
	const events: SyncEvent[] = [];
	let asked: Asked = { result: NOTHING_READ, pace: parsePace(lease.state), notBefore: lease.notBefore };
	try {
		// Half of the room is left for what is found now: events that push missed go before a backfill.
		const limit = source ? Math.ceil(maxEvents / 2) : maxEvents;
		const waited = await ledger.handOverMeasured({ ...handOver, limit });
		events.push(...waited.events);
		await ledger.dropCursors(stream, goneNodes(options, known));
		if (source) asked = await poll({ ...options, source }, lease, known);
		const left = { limit: maxEvents - events.length, taken: waited.bytes };
		events.push(...(await ledger.handOver({ ...handOver, ...left })));
		const tells = isTold(options, asked, events.length);
		const state = tells ? told(asked.pace, clockOf(options)()) : asked.pace;
		await ledger.endTick(stream, node.id, { ...lease, notBefore: asked.notBefore, state }, asked.result);
		return { ...resultOf(asked, options, known), events, tells };
	} catch (error) {
		if (error instanceof HybridSyncError) {
			// What has been handed over must reach the workflow all the same.
			return { ...resultOf(asked, options, known), events, tells: true, failure: error };
		}
		// Not for the next tick to wait for. The error itself says more than that this failed too.
		await ledger.endTick(stream, node.id, lease).catch(() => undefined);
		throw error;
	}
}

const clockOf = ({ clock = Date.now }: TickOptions) => clock;

function counts({ requests, unchanged, read, found, progress, notices }: ReadingResult) {
	return { requests, unchanged, read, found, progress, notices };
}

function resultOf(asked: Asked, options: TickOptions, known: readonly NodeRow[]): Omit<TickResult, 'events' | 'tells'> {
	const { result, failure, breadcrumb, lost } = asked;
	const foreign = options.source && options.isFirst ? foreignWebhooks(options.source, known) : undefined;
	return {
		...counts(result),
		notices: [...(foreign === undefined ? [] : [foreign]), ...result.notices],
		...(failure && { failure }),
		...(breadcrumb && { breadcrumb }),
		...(lost && { lost: lost.error }),
	};
}

/** Whether a failure is to be told of now. */
function isTold(options: TickOptions, { failure, pace }: Asked, handedOver: number): boolean {
	if (failure === undefined) return false;
	// An error beside events would start no execution.
	if (handedOver > 0) return false;
	// Its successor reads the same.
	if (failure.code === 'lease-lost') return false;
	if (options.isFirst && isTransient(failure)) return false;
	return (options.insists ?? false) || isUntold(pace, clockOf(options)());
}

/** Trouble that passes by itself. */
function isTransient({ code }: { readonly code: string }): boolean {
	return code === 'unavailable' || code === 'rate-limited';
}

/** A ledger that is gone: where the node had come, and what to tell of it. */
interface LostLedger {
	readonly readTo: Breadcrumb['readTo'];
	readonly error: HybridSyncError;
}

/** Whether the node has read before, and the ledger knows nothing of it. */
async function lostLedger(options: TickOptions, { transport }: PollApi): Promise<LostLedger | undefined> {
	const { ledger, stream, node } = options;
	const { data: breadcrumb } = breadcrumbShape.safeParse(plain(options.breadcrumb));
	// Where rows are known by their ids alone, or the start has not been found yet, there is no place to have come to.
	if (!breadcrumb || breadcrumb.resources.length === 0) return undefined;
	if (!isSame(breadcrumb.proof, proofOf(breadcrumb, options, transport))) return undefined;
	if (await ledger.hasCursor(stream, node.id)) return undefined;
	const since = breadcrumb.since === undefined ? 'the place' : formatTime(breadcrumb.since);
	const error = new HybridSyncError(
		'ledger-lost',
		`The sync ledger knows nothing of this workflow any more: ${breadcrumb.ledger === ledger.id ? 'its stream was changed, or it has not run for 90 days' : 'it is gone or was exchanged, and an empty one is in its place'}. Polling goes on from ${since}, where it had come. Events that were processed around that time may come again, and what had been pushed and not processed is found by polling only. Keep n8n's folder on a volume, or put the old ledger back.`,
	);
	return { readTo: breadcrumb.readTo, error };
}

/** What n8n keeps with a workflow, without the marks that n8n itself makes on the objects that it loads. */
function plain(kept: unknown): unknown {
	return kept === undefined ? undefined : JSON.parse(JSON.stringify(kept));
}

function sealed(
	{ readTo, resources, since }: Omit<Breadcrumb, 'ledger' | 'proof'>,
	options: TickOptions,
	{ transport }: PollApi,
): Breadcrumb {
	const bare = { ledger: options.ledger.id, readTo, resources, ...(since !== undefined && { since }) };
	return { ...bare, proof: proofOf(bare, options, transport) };
}

/**
 * An HMAC under a key made from the credential, because the ledger's own key would be gone with it. Where the API takes no
 * key, whoever knows the settings can make it; after a change of the key, the breadcrumb counts from the next tick on.
 */
function proofOf(
	{ ledger, readTo, resources, since }: Omit<Breadcrumb, 'proof'>,
	{ node }: TickOptions,
	{ proofKey }: PollApi['transport'],
): string {
	const said = JSON.stringify([
		node.workflow,
		node.id,
		ledger,
		Object.entries(readTo).sort(),
		resources,
		since ?? null,
	]);
	return createHmac('sha256', proofKey).update(said).digest('base64url');
}

/**
 * Nodes whose events this one hands over: itself, the webhook triggers that lead to the same next node and do not tick
 * themselves, and nodes that are gone from the workflow or lead nowhere, whose events would otherwise wait for ever. A node
 * that reads nothing itself takes those of every provider.
 */
function handedOverNodes({ node, source, leadsTo }: TickOptions, known: readonly NodeRow[]): string[] {
	const ticking = new Set(known.filter(({ role }) => role === 'pull').map((row) => row.node));
	const others = known.filter(({ node: id, name, provider }) => {
		if (id === node.id) return false;
		const direction = leadsTo(name);
		if (direction === 'same') return !ticking.has(id);
		return direction === 'nowhere' && (!source || provider === source.provider);
	});
	return [...new Set([node.id, ...others.map((row) => row.node)])];
}

/** Polling nodes that are in the workflow no more. */
function goneNodes({ node, leadsTo }: TickOptions, known: readonly NodeRow[]): string[] {
	const gone = known.filter(
		({ role, node: id, name }) => role === 'pull' && id !== node.id && leadsTo(name) === 'nowhere',
	);
	return gone.map((row) => row.node);
}

/** What the account's webhooks should bring; nothing where no webhook trigger of it is published. */
function expectedByPush({ provider, sender = '' }: PollSource, known: readonly NodeRow[]): Expected[] {
	return known
		.filter((row) => row.role === 'push' && row.provider === provider && row.sender === sender)
		.map(expectedOf)
		.filter((expected) => Object.keys(expected).length > 0);
}

/** What to say where webhooks of the provider come with another credential only: they cannot be told to be the same. */
function foreignWebhooks({ provider, sender = '' }: PollSource, known: readonly NodeRow[]): string | undefined {
	const webhooks = known.filter((row) => row.role === 'push' && row.provider === provider);
	const [first] = webhooks;
	if (!first || webhooks.some((row) => row.sender === sender)) return undefined;
	return `"${first.name}" uses another credential than this node, so an event that both bring counts twice. Choose the same credential in both, unless they are for different accounts.`;
}

/** A tick of a node that reads. */
type ReadOptions = TickOptions & { readonly source: PollSource };

/** The result of asking the provider, and what it leaves to the next tick. */
interface Asked {
	readonly result: ReadingResult;
	readonly pace: Pace;
	readonly notBefore: number;
	readonly failure?: HybridSyncError;
	readonly breadcrumb?: Breadcrumb;
	readonly lost?: LostLedger;
}

/** Reads, if cadence, waits and breaker allow it. */
async function poll(options: ReadOptions, lease: TickLease, known: readonly NodeRow[]): Promise<Asked> {
	const { source, cadence = { kind: 'fixed', everyMs: 0 } } = options;
	const now = clockOf(options)();
	const api = await source.open().catch((error: unknown) => {
		if (error instanceof HybridSyncError) return error;
		throw error;
	});
	const isUsable = !(api instanceof HybridSyncError);
	const expected = expectedByPush(source, known);
	const conditions: Conditions = {
		now,
		notBefore: lease.notBefore,
		settings: hashOf([isUsable ? api.transport.fingerprint : api.message, options.settings]),
		cadence,
		push: await pushHealthOf(options, expected, now),
	};
	const pace = noticed(parsePace(lease.state), conditions);
	const insists = options.insists && pace.trouble && !isTransient(pace.trouble);
	const lost = isUsable ? await lostLedger(options, api) : undefined;
	if (!insists && !mayAsk(pace, conditions)) {
		return { result: NOTHING_READ, pace, notBefore: lease.notBefore, ...(lost && { lost }) };
	}
	let result: ReadingResult = NOTHING_READ;
	const kept = await askWithin(pace, conditions, async () => {
		result = isUsable
			? await readResources(readingOf(options, api, lease, expected, lost))
			: { ...NOTHING_READ, failure: api };
		const { found, progress, pauseMs, failure } = result;
		// What has not been read to its end is no calm.
		return { found: found + progress.length, ...(failure && { failure }), ...(pauseMs !== undefined && { pauseMs }) };
	});
	const { failure, breadcrumb } = result;
	return {
		...kept,
		result,
		...(failure && { failure }),
		...(isUsable && breadcrumb && { breadcrumb: sealed(breadcrumb, options, api) }),
		...(lost && { lost }),
	};
}

/** How push is doing, as far as it matters for the pace. */
async function pushHealthOf(
	{ ledger, stream, cadence }: ReadOptions,
	expected: readonly Expected[],
	now: number,
): Promise<PushHealth> {
	if (cadence?.kind !== 'adaptive' || expected.length === 0) return 'unknown';
	return pushHealth(await ledger.pathActivity(stream), now);
}

function readingOf(
	options: ReadOptions,
	api: PollApi,
	lease: TickLease,
	expected: readonly Expected[],
	lost: LostLedger | undefined,
): ReadingOptions {
	const { source, node, lookBackCount = 0, maxRequests = Infinity } = options;
	return {
		...options,
		api,
		provider: source.provider,
		sender: source.sender ?? '',
		node: node.id,
		lease: lease.token,
		expected,
		...(lost && { readTo: lost.readTo }),
		lookBackCount,
		maxRequests,
		clock: clockOf(options),
	};
}
