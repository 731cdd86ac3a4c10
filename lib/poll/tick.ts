import { setTimeout as sleep } from 'node:timers/promises';
import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import { MINUTE } from '../base/time';
import type { SyncEvent } from '../event/event';
import { type PushHealth, pushHealth } from '../health/push-health';
import type { Expected, Ledger, NodeRow, TickLease } from '../ledger/ledger';
import type { PollApi, PollSource } from '../provider/pull';
import { type Breadcrumb, type LostLedger, lostLedger, sealed } from './breadcrumb';
import type { Cadence } from './cadence';
import {
	type Conditions,
	type Pace,
	askWithin,
	isReportDue,
	mayAsk,
	mayLook,
	withPushHealth,
	parsePace,
	markReported,
} from './pace';
import type { Start } from './beginning';
import { quickLook } from './quick-look';
import { NOTHING_READ, type Progress, type ReadingOptions, type ReadingResult, readResources } from './resources';
import { NOTHING_WATCHED, watchWebhooks } from './watch';
import type { Watched } from '../push/subscription';
import { expectedByPush, foreignWebhooks, goneNodes, handedOverNodes } from './other-nodes';

export interface TickOptions {
	readonly ledger: Ledger;
	/** What to read; nothing where the node only hands over again. */
	readonly source?: PollSource;
	readonly stream: string;
	/** The polling trigger, by the name it has now, and the workflow it stands in. */
	readonly node: { readonly id: string; readonly workflow: string; readonly name: string };
	/**
	 * Whether another trigger of the workflow, by its name, leads to the same next node, to another one, or nowhere; or is
	 * switched off.
	 */
	readonly leadsTo: (name: string) => 'same' | 'other' | 'nowhere' | 'off';
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
	readonly reportsFailure: boolean;
	/** To be kept with the workflow until the next tick. */
	readonly breadcrumb?: Breadcrumb;
	/** The ledger that the breadcrumb knew is gone: since when events may come a second time, or be missing. */
	readonly lost?: HybridSyncError;
	/** Another tick of the node was running. */
	readonly skipped?: true;
}

/** As long as a tick waits for webhooks to be looked after. */
const LONGEST_WATCH_MS = 10_000;
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
	const began = performance.now();
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
	if (lease === undefined) return { ...counts(NOTHING_READ), events: [], reportsFailure: false, skipped: true };

	const handOver = {
		stream,
		nodes: handedOverNodes(options, known),
		...(options.handOverLeaseMs !== undefined && { leaseMs: options.handOverLeaseMs }),
	};
	const events: SyncEvent[] = [];
	let asked: PollOutcome = { result: NOTHING_READ, pace: parsePace(lease.state), notBefore: lease.notBefore };
	try {
		// Half of the room is left for what is found now: events that push missed go before a backfill.
		const limit = source ? Math.ceil(maxEvents / 2) : maxEvents;
		const waited = await ledger.handOverMeasured({ ...handOver, limit });
		events.push(...waited.events);
		await ledger.dropCursors(stream, goneNodes(options, known));
		if (source) asked = await poll({ ...options, source }, lease, known);
		const left = { limit: maxEvents - events.length, taken: waited.bytes };
		events.push(...(await ledger.handOver({ ...handOver, ...left })));
		const isPollReported = isReported(options, asked, events.length);
		let isWaiting = true;
		const tells = () => isWaiting && events.length === 0 && !isPollReported && !options.isFirst;
		const leftMs = began + budgetMs - performance.now();
		// What takes longer goes on by itself, under its own lease: what is to reach the workflow does not wait for it.
		const watched = source
			? await Promise.race([
					watchWebhooks({ ...options, source }, known, tells),
					sleep(Math.min(Math.max(0, leftMs), LONGEST_WATCH_MS), NOTHING_WATCHED, { ref: false }),
				])
			: NOTHING_WATCHED;
		isWaiting = false;
		asked = withWatched(asked, watched);
		const reportsFailure = isPollReported || watched.failure !== undefined;
		const state = isPollReported ? markReported(asked.pace, clockOf(options)()) : asked.pace;
		await ledger.endTick(stream, node.id, { ...lease, notBefore: asked.notBefore, state }, asked.result);
		return { ...resultOf(asked, options, known), events, reportsFailure };
	} catch (error) {
		if (error instanceof HybridSyncError) {
			// What has been handed over must reach the workflow all the same.
			return { ...resultOf(asked, options, known), events, reportsFailure: true, failure: error };
		}
		// Not for the next tick to wait for. The error itself says more than that this failed too.
		await ledger.endTick(stream, node.id, lease).catch(() => undefined);
		throw error;
	}
}

function withWatched(asked: PollOutcome, { notices, failure }: Watched): PollOutcome {
	// Where there are two, that of polling was told of before.
	const told = failure && asked.failure ? [asked.failure.message] : [];
	const result = { ...asked.result, notices: [...asked.result.notices, ...told, ...notices] };
	return { ...asked, result, ...(failure && { failure }) };
}

const clockOf = ({ clock = Date.now }: TickOptions) => clock;

function counts({ requests, unchanged, read, found, progress, notices }: ReadingResult) {
	return { requests, unchanged, read, found, progress, notices };
}

function resultOf(
	asked: PollOutcome,
	options: TickOptions,
	known: readonly NodeRow[],
): Omit<TickResult, 'events' | 'reportsFailure'> {
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
function isReported(options: TickOptions, { failure, pace }: PollOutcome, handedOver: number): boolean {
	if (failure === undefined) return false;
	// An error beside events would start no execution.
	if (handedOver > 0) return false;
	// Its successor reads the same.
	if (failure.code === 'lease-lost') return false;
	if (options.isFirst && isTransient(failure)) return false;
	return (options.insists ?? false) || isReportDue(pace, clockOf(options)());
}

/** Trouble that passes by itself. */
function isTransient({ code }: { readonly code: string }): boolean {
	return code === 'unavailable' || code === 'rate-limited';
}

/** A tick of a node that reads. */
type ReadOptions = TickOptions & { readonly source: PollSource };

/** The result of asking the provider, and what it leaves to the next tick. */
interface PollOutcome {
	readonly result: ReadingResult;
	readonly pace: Pace;
	readonly notBefore: number;
	readonly failure?: HybridSyncError;
	readonly breadcrumb?: Breadcrumb;
	readonly lost?: LostLedger;
}

/** Reads, if cadence, waits and breaker allow it. */
async function poll(options: ReadOptions, lease: TickLease, known: readonly NodeRow[]): Promise<PollOutcome> {
	const { source, cadence = { kind: 'fixed', everyMs: 0 } } = options;
	const now = clockOf(options)();
	// Whatever is wrong with the credential or the settings, what is due must go on to n8n.
	const api = await source.open().catch((error: unknown) => {
		if (error instanceof HybridSyncError) return error;
		return new HybridSyncError('configuration', `The node cannot be made ready to poll (${String(error)}).`);
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
	const pace = withPushHealth(parsePace(lease.state), conditions);
	const insists = options.insists && pace.trouble && !isTransient(pace.trouble);
	const lost = isUsable ? await lostLedger(options, api) : undefined;
	if (!insists && !mayAsk(pace, conditions)) {
		const looks = isUsable && !lost && mayLook(pace, conditions);
		const looked = looks ? await quickLook(readingOf(options, api, lease, expected, lost)) : NOTHING_READ;
		const calm = looked.found > 0 ? { calmSince: now } : {};
		const next = looks ? { ...pace, ...calm, lookedAt: now } : pace;
		const waits = looked.pauseMs !== undefined && looked.pauseMs > 0;
		const notBefore = waits ? now + looked.pauseMs : lease.notBefore;
		return { result: looked, pace: next, notBefore, ...(lost && { lost }) };
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
