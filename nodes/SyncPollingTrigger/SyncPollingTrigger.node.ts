import {
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	type IPollFunctions,
	NodeConnectionTypes,
	NodeOperationError,
} from 'n8n-workflow';
import {
	type Breadcrumb,
	type HybridSyncError,
	MINUTE,
	type Provider,
	type Start,
	type SyncEvent,
	parseTime,
	runTick,
	sampleEvents,
} from '../../lib';
import { toNodeError } from '../shared/errors';
import { toItems } from '../shared/items';
import { ledgerCredential, ledgerForNodes, placeOf, prune, streamOf } from '../shared/ledger';
import { credentialOf, credentials, providerOf } from '../shared/provider';
import { isDedupeNext, leadsTo } from '../shared/workflow';
import { properties } from './properties';

/** A tick ends well before the next one is due, whatever n8n would grant it. */
const LONGEST_TICK_MS = 45_000;
/** What n8n grants where it does not say. */
const FALLBACK_BUDGET_MS = 30_000;

export class SyncPollingTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Sync Polling Trigger',
		name: 'syncPollingTrigger',
		icon: { light: 'file:syncPollingTrigger.svg', dark: 'file:syncPollingTrigger.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["provider"] === "getresponse" ? "GetResponse" : "" }}',
		description: 'Finds events that webhooks missed by polling the API, and hands over again what was not finished',
		defaults: { name: 'Sync Polling Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		polling: true,
		credentials: [...credentials, ledgerCredential],
		properties,
	};

	async poll(this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		try {
			return this.getMode() === 'manual' ? [toItems(await sample(this))] : await tick(this);
		} catch (error) {
			throw toNodeError(this.getNode(), error);
		}
	}
}

async function tick(context: IPollFunctions): Promise<INodeExecutionData[][] | null> {
	const { stream, node: id, workflow, name } = placeOf(context);
	const provider = providerOf(context);
	const options = context.getNodeParameter('options', {}) as { lookBackMinutes?: number; maxEvents?: number };
	// Older versions of n8n have no budget to ask for.
	const budget = (context as Partial<IPollFunctions>).getPollBudgetMs?.() ?? FALLBACK_BUDGET_MS;
	const ledger = await ledgerForNodes(context);
	const memory = context.getWorkflowStaticData('node') as { breadcrumb?: Breadcrumb };
	const result = await runTick({
		ledger,
		transport: provider.transport(await credentialOf(context)),
		provider,
		resources: chosenResources(context, provider),
		stream,
		node: { id, workflow, name },
		leadsTo: (other) => leadsTo(context, other),
		start: startOf(context),
		lookBackMs: (options.lookBackMinutes ?? 10) * MINUTE,
		maxEvents: options.maxEvents ?? 100,
		budgetMs: Math.min(budget, LONGEST_TICK_MS),
		acknowledged: !isDedupeNext(context),
		breadcrumb: memory.breadcrumb,
	});
	// As a whole: n8n does not notice changes inside.
	if (result.breadcrumb) memory.breadcrumb = result.breadcrumb;
	prune(context, ledger);
	const { events, read, found, lost, skipped } = result;
	context.logger.debug('Sync Polling Trigger ticked', {
		node: name,
		handedOver: events.length,
		read,
		found,
		...(skipped && { skipped }),
		...(result.failure && { failure: result.failure.message }),
	});
	const tickOf = `${stream} ${id}`;
	if (lost) {
		context.logger.error(`Sync Polling Trigger: ${lost.message}`, { node: name });
		untold.set(tickOf, lost);
	}
	const first = isFirstTick(tickOf);
	// Events go first: an error with them would start no execution.
	if (events.length > 0) return [toItems(events)];
	const { failure } = result;
	if (failure && first && isTransient(failure)) {
		context.logger.warn(`Sync Polling Trigger begins with the next tick: ${failure.message}`, { node: name });
		return null;
	}
	if (failure) throw failure;
	const untoldLoss = first ? undefined : untold.get(tickOf);
	if (!untoldLoss) return null;
	untold.delete(tickOf);
	throw untoldLoss;
}

/** Lost ledgers of which no execution has told yet. */
const untold = new Map<string, HybridSyncError>();

/** Nodes that have ticked in this process. */
const ticked = new Set<string>();

/**
 * Whether this is the tick with which n8n publishes or starts a workflow. An error there keeps the workflow from being
 * polled at all, so trouble that passes by itself must not raise one.
 */
function isFirstTick(node: string): boolean {
	if (ticked.has(node)) return false;
	ticked.add(node);
	return true;
}

function isTransient({ code }: HybridSyncError): boolean {
	return code === 'unavailable' || code === 'rate-limited';
}

/** The newest events, for the editor; nothing is stored and the cursor does not move. */
async function sample(context: IPollFunctions): Promise<SyncEvent[]> {
	const provider = providerOf(context);
	const transport = provider.transport(await credentialOf(context));
	const events = await sampleEvents(provider, transport, chosenResources(context, provider), streamOf(context));
	if (events.length > 0) return events;
	throw new NodeOperationError(
		context.getNode(),
		'There is nothing to show yet: the account holds none of the chosen kind. Add one at the provider, then fetch again.',
	);
}

function chosenResources(context: IPollFunctions, { resources: known }: Provider) {
	const chosen = context.getNodeParameter('resources') as string[];
	const resources = Object.values(known).filter(({ name }) => chosen.includes(name));
	if (resources.length > 0) return resources;
	throw new NodeOperationError(context.getNode(), 'Choose at least one kind of event under "Events to Find".');
}

function startOf(context: IPollFunctions): Start {
	const start = context.getNodeParameter('start') as Start['from'];
	if (start !== 'date') return { from: start };
	const date = parseTime(context.getNodeParameter('since'), context.getTimezone());
	if (date !== undefined) return { from: 'date', date };
	throw new NodeOperationError(context.getNode(), 'Enter the date under "Since", e.g. 2026-01-31T00:00:00Z.');
}
