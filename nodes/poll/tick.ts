import type { INodeExecutionData, IPollFunctions } from 'n8n-workflow';
import {
	type Breadcrumb,
	HybridSyncError,
	LRUCache,
	type Ledger,
	type PollSource,
	type Start,
	type TickResult,
	runTick,
} from '../../lib';
import { identityOf, ledgerForNodes, prune } from '../ledger/ledger';
import { sourceOf } from '../provider/source';
import { toNodeError } from '../workflow/errors';
import { toItems } from '../workflow/items';
import { decisionOn, logDecisions } from '../workflow/decisions';
import { labelOf } from '../workflow/label';
import { isDedupeNext, leadsTo } from '../workflow/neighbours';
import { LEASE_WITHOUT_DEDUPE_MS, emitWithSign } from './emit';
import { DEFAULT_OPTIONS, optionsOf, startOf } from './options';

/** A tick ends well before the next one is due, whatever n8n would grant it. */
const LONGEST_TICK_MS = 45_000;
/** What n8n grants where it does not say. */
const FALLBACK_BUDGET_MS = 30_000;

/** One tick: what n8n is to start an execution with. */
export async function tick(context: IPollFunctions): Promise<INodeExecutionData[][] | null> {
	const began = performance.now();
	const { stream, node: id, workflow, name } = identityOf(context);
	// Older versions of n8n have no budget to ask for.
	const budget = (context as Partial<IPollFunctions>).getPollBudgetMs?.() ?? FALLBACK_BUDGET_MS;
	const ledger = await ledgerForNodes(context);
	const { options, source, start } = await settingsOf(context, ledger);
	const memory = context.getWorkflowStaticData('node') as { breadcrumb?: Breadcrumb };
	const tickOf = `${stream} ${id}`;
	const isFirst = isFirstTick(tickOf);
	const dedupes = isDedupeNext(context);
	if (isFirst && !ticksOften(context)) {
		context.logger.warn(
			`${labelOf(context)}: leave Poll Times at Every Minute. It also paces redelivery; set how often to poll under Options.`,
			{ node: name },
		);
	}
	if (isFirst && !dedupes) {
		context.logger.info(
			`${labelOf(context)}: no Sync Dedupe follows directly, so an event counts as delivered when its execution has ended. With one directly behind, each event passes exactly once.`,
			{ node: name },
		);
	}
	const result = await runTick({
		ledger,
		...(source && { source }),
		stream,
		node: { id, workflow, name },
		leadsTo: (other) => leadsTo(context, other),
		start,
		...options,
		settings: context.getNode().parameters,
		budgetMs: Math.min(budget, LONGEST_TICK_MS),
		// Without a Sync Dedupe the end of the execution is the sign.
		...(!dedupes && { handOverLeaseMs: LEASE_WITHOUT_DEDUPE_MS }),
		isFirst,
		// n8n tries to publish several times: each of them has to fail, or it counts as published.
		insists: isFirst && ['activate', 'create'].includes(context.getActivationMode()),
		breadcrumb: memory.breadcrumb,
	});
	// As a whole: n8n does not notice changes inside.
	if (result.breadcrumb) memory.breadcrumb = result.breadcrumb;
	prune(context, ledger);
	log(context, result);
	const { events, failure, lost, reportsFailure } = result;
	const durationMs = performance.now() - began;
	logDecisions(
		context,
		events.map((event) => decisionOn(event, 'handed-over', durationMs)),
	);
	if (!isFirst || !reportsFailure) ticked.set(tickOf, true);
	if (lost) untold.set(tickOf, lost);
	if (events.length > 0) {
		const items = [toItems(events)];
		// Events go first: an error with them would start no execution.
		return dedupes ? items : await emitWithSign(context, ledger, stream, events, items);
	}
	if (failure && reportsFailure) return tell(context, failure, isFirst);
	const untoldLoss = isFirst ? undefined : untold.get(tickOf);
	if (!untoldLoss) return null;
	untold.delete(tickOf);
	return tell(context, untoldLoss, isFirst);
}

/** What a tick goes by. */
interface Settings {
	readonly options: ReturnType<typeof optionsOf>['tick'];
	/** Nothing where the node only redelivers. */
	readonly source: PollSource | undefined;
	readonly start: Start;
}

/**
 * What the user has set. What is wrong there must not keep anything from being handed over: it is told of when it comes to
 * polling.
 */
async function settingsOf(context: IPollFunctions, ledger: Ledger): Promise<Settings> {
	try {
		const { tick: options, share } = optionsOf(context);
		const source = await sourceOf(context, share, ledger);
		return { options, source, start: source ? startOf(context) : { from: 'now' } };
	} catch (error) {
		const { provider: name } = context.getNode().parameters;
		const provider = typeof name === 'string' ? name : '';
		const { message } = toNodeError(context.getNode(), error);
		const open = () => Promise.reject(new HybridSyncError('configuration', message));
		return { options: DEFAULT_OPTIONS.tick, source: { provider, open }, start: { from: 'now' } };
	}
}

/**
 * Starts the execution that tells of an error. Not by throwing it, unless it is publishing that fails: n8n's durable
 * scheduler answers an error with up to an hour without ticks, and nothing would be handed over meanwhile. When to ask the
 * provider again is kept in the ledger.
 */
function tell(context: IPollFunctions, error: HybridSyncError, isFirst: boolean): null {
	if (isFirst) throw error;
	try {
		context.__emitError(toNodeError(context.getNode(), error));
	} catch {
		// An engine without it takes errors as they are thrown.
		throw error;
	}
	return null;
}

/** Whether n8n ticks about every minute: its own Poll Times, which every polling node has. */
function ticksOften(context: IPollFunctions): boolean {
	const { item = [] } = (context.getNode().parameters['pollTimes'] ?? {}) as { item?: { mode?: string }[] };
	return item.length === 0 || item.some(({ mode }) => mode === 'everyMinute');
}

/** Lost ledgers of which no execution has told yet. */
const untold = new LRUCache<string, HybridSyncError>({ max: 1_000 });

/** Nodes that have ticked in this process, without an error that keeps them from being published. */
const ticked = new LRUCache<string, true>({ max: 10_000 });

/**
 * Whether this is the tick with which n8n publishes or starts a workflow. An error there keeps the workflow from being
 * polled at all, so trouble that passes by itself must not raise one.
 */
function isFirstTick(node: string): boolean {
	return !ticked.has(node);
}

function log(context: IPollFunctions, result: TickResult): void {
	const { events, requests, unchanged, read, found, progress, notices, failure, lost, skipped, reportsFailure } =
		result;
	const node = context.getNode().name;
	const { logger } = context;
	logger.debug(`${labelOf(context)} ticked`, {
		node,
		handedOver: events.length,
		requests,
		unchanged,
		read,
		found,
		...(skipped && { skipped }),
	});
	for (const { resource, read: rows, total, upTo } of progress) {
		const share = total === undefined || total === 0 ? '' : ` of ${total} (${Math.floor((rows / total) * 100)} %)`;
		logger.info(`${labelOf(context)} has read ${rows} rows${share} of ${resource}, up to ${upTo}, and goes on`, {
			node,
		});
	}
	for (const notice of notices) logger.warn(`${labelOf(context)}: ${notice}`, { node });
	if (failure && !reportsFailure)
		logger.warn(`${labelOf(context)} goes on with a later tick: ${failure.message}`, { node });
	if (lost) logger.error(`${labelOf(context)}: ${lost.message}`, { node });
}
