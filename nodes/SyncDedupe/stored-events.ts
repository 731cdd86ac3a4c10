import { type IDataObject, type IExecuteFunctions, type INodeExecutionData, NodeOperationError } from 'n8n-workflow';
import {
	type EventFilter,
	type Ledger,
	type LoggedEvent,
	type LoggedState,
	type Sweep,
	clockIn,
	parseTime,
} from '../../lib';
import { toNodeError } from '../workflow/errors';
import { toItems } from '../workflow/items';
import { ledgerForNodes, streamOf } from '../ledger/ledger';
import { isVouchedFor } from '../workflow/trust';
import { isByHand } from './execution';
import { positive, text } from './parameters';

/** Actions on what the ledger keeps, of the stream that this node belongs to. */

type Action = (context: IExecuteFunctions, ledger: Ledger, index: number) => Promise<INodeExecutionData[]>;

/** @throws NodeOperationError where n8n does not vouch for the workflow whose events these are */
export async function ledgerOfWorkflow(context: IExecuteFunctions): Promise<Ledger> {
	if (!isVouchedFor(context)) {
		throw new NodeOperationError(
			context.getNode(),
			'Stored events, health and setup can be seen only in a workflow that n8n started itself, and not in one that is called by another one, because a caller can pretend to be any workflow. Use a workflow with a trigger of its own, e.g. a Schedule Trigger, or run it by hand.',
		);
	}
	return await ledgerForNodes(context);
}

/** Runs an action for each item that reaches the node. */
export async function forEachItem(context: IExecuteFunctions, action: Action): Promise<INodeExecutionData[][]> {
	const ledger = await ledgerOfWorkflow(context);
	const results: INodeExecutionData[] = [];
	for (const index of context.getInputData().keys()) {
		try {
			const items = await action(context, ledger, index);
			results.push(...items.map((item) => ({ ...item, pairedItem: { item: index } })));
		} catch (error) {
			const nodeError = toNodeError(context.getNode(), error);
			if (!context.continueOnFail()) throw nodeError;
			results.push({ json: { error: nodeError.message }, error: nodeError, pairedItem: { item: index } });
		}
	}
	return [results];
}

/** What became of events, newest first; the last item names the next page, where there is one. */
export const lookUp: Action = async (context, ledger, index) => {
	const limit = positive(context, context.getNodeParameter('limit', index, 50), 'Limit', index);
	const { after, withData = false } = context.getNodeParameter('options', index, {}) as {
		after?: string;
		withData?: boolean;
	};
	const { events, next } = await ledger.lookUp(streamOf(context), filterOf(context, index), {
		limit,
		withData,
		...(after && { after }),
	});
	const items = events.map((event) => ({ json: { ...event } as unknown as IDataObject }));
	const last = items.at(-1);
	if (last && next !== undefined) last.json['next'] = next;
	// A page that found nothing yet, of a log that goes on.
	if (!last && next !== undefined) return [{ json: { next } }];
	return items;
};

/** The events that failed or were given up, and those that nobody confirms, with their reasons and their data: what Replay takes. */
export const listProblems: Action = async (context, ledger, index) => {
	const limit = positive(context, context.getNodeParameter('limit', index, 50), 'Limit', index);
	const withUnconfirmed = context.getNodeParameter('inProgress', index, true) !== false;
	const events = await ledger.problems(streamOf(context), limit, withUnconfirmed);
	if (events.length === 0 && index === 0) {
		const message =
			'No event of this workflow is known to have failed. If an execution has failed and nobody reported it, its events show up a minute after they passed.';
		context.addExecutionHints({ message, type: 'info', location: 'outputPane' });
	}
	// What a person looks for comes first: the columns of the editor's table come in this order.
	return events.map((event) => {
		const { time, subject, reason = '', state, attempts, type, data, ...rest } = event;
		const told = state === 'claimed' ? notConfirmed(context, event) : reason;
		return { json: { time, subject, reason: told, state, attempts, type, data, ...rest } as unknown as IDataObject };
	});
};

/** Says of an event that has passed, and is neither confirmed nor reported, what can be done and until when. */
function notConfirmed(context: IExecuteFunctions, { execution = '', duetime = '' }: LoggedEvent): string {
	const zone = context.getTimezone();
	const due = Date.parse(duetime);
	const until = `${clockIn(zone).time(due)} (${zone})`;
	if (due <= Date.now()) return `Not confirmed by execution ${execution} until ${until}: that attempt has failed.`;
	return `Not confirmed yet by execution ${execution}. If that has failed, mend the step and retry it under Executions. If you do nothing, this attempt counts as failed on ${until}.`;
}

/** Brings events back: through the polling trigger, or as this node's own items. */
export async function replay(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	if (context.getNodeParameter('which', 0, 'items') === 'filter') return await forEachItem(context, replayMatching);
	const ledger = await ledgerOfWorkflow(context);
	const { items, ...listed } = listedEvents(context);
	const swept = await replayed(context, ledger, listed, { limit: listed.keys.length, index: 0 });
	return [swept.map((item) => ({ ...item, pairedItem: items.map((each) => ({ item: each })) }))];
}

/** What an event is that is not finished. */
const UNFINISHED = ['received', 'handed', 'claimed', 'failed', 'dead'] as const satisfies readonly LoggedState[];

/**
 * The events that the incoming items name. A list may be old, as when a person has to approve it first: where it shows no
 * finished event, those that have been finished meanwhile are not done once more.
 */
function listedEvents(context: IExecuteFunctions): EventFilter & { keys: string[]; items: number[] } {
	const all = context.getInputData().map(({ json }) => json);
	const items = [...all.keys()];
	const ids = all.map(({ id }) => id);
	const missing = ids.findIndex((id) => typeof id !== 'string' || id === '');
	const isOpen = all.every(({ state }) => UNFINISHED.some((known) => known === state));
	if (missing < 0) return { keys: [...new Set(ids as string[])], ...(isOpen && { states: UNFINISHED }), items };
	throw new NodeOperationError(
		context.getNode(),
		`Item ${missing + 1} names no event: it has no "id". Place this node behind List Problems or Look Up, or choose "By Filter" under "Which Events".`,
		{ itemIndex: missing },
	);
}

const replayMatching: Action = async (context, ledger, index) => {
	const filter = filterOf(context, index);
	if (Object.keys(filter).length === 0) {
		throw new NodeOperationError(
			context.getNode(),
			'Say which events to replay: an Event ID, a Subject, or at least one filter, e.g. States: Dead Letter.',
			{ itemIndex: index },
		);
	}
	const limit = positive(context, context.getNodeParameter('maximum', index, 1000), 'Maximum', index);
	return await replayed(context, ledger, filter, { limit, index });
};

/** @throws NodeOperationError where nothing could be brought back, but for a run that finds nothing by itself */
async function replayed(
	context: IExecuteFunctions,
	ledger: Ledger,
	filter: EventFilter,
	{ limit, index }: { readonly limit: number; readonly index: number },
): Promise<INodeExecutionData[]> {
	if (context.getMode() === 'evaluation') {
		throw new NodeOperationError(context.getNode(), 'An evaluation replays nothing: the events would run for real.');
	}
	const handsOver = context.getNodeParameter('through', index, 'trigger') === 'here';
	const swept = await ledger.replay(streamOf(context), filter, { limit, handsOver, dryRun: false });
	// By itself, as every night, it may find nothing that can be replayed; what somebody names has to be there.
	const mayFindNothing = !isByHand(context) && (filter.keys === undefined || filter.states !== undefined);
	const isNothingOpen = swept.found === (swept.states.claimed ?? 0);
	if (swept.done === 0 && !(mayFindNothing && isNothingOpen)) {
		const why = await whyNotReplayed(context, ledger, filter, swept);
		throw new NodeOperationError(context.getNode(), `Nothing was replayed: ${why}`, { itemIndex: index });
	}
	const asked = filter.keys?.length ?? swept.found;
	if (swept.done < asked) {
		const message = `${swept.done} of ${asked} events were brought back. ${handsOver ? 'One run brings back 8 MB of data at most: run it again for the rest. ' : ''}Others are being processed, have been finished meanwhile, have no data any more, or belong to another workflow.`;
		context.addExecutionHints({ message, type: 'warning', location: 'outputPane' });
	}
	return handsOver ? toItems(swept.events) : [summary(swept, 'replayed')];
}

async function whyNotReplayed(
	context: IExecuteFunctions,
	ledger: Ledger,
	filter: EventFilter,
	{ found, states }: Sweep,
): Promise<string> {
	if (found === 0 && filter.keys !== undefined && filter.states !== undefined) {
		return 'what was listed has been finished meanwhile, or belongs to another workflow. List it again.';
	}
	if (found === 0) {
		return 'this workflow has stored no such event. Events belong to the workflow whose trigger brought them: place this node there.';
	}
	const { claimed = 0 } = states;
	if (claimed === found) {
		// Keys are looked at in their order, and any of them may be unknown.
		const page = { limit: filter.keys?.length ?? 1 };
		const all = found === 1 ? '' : `none of the ${found} events is confirmed. For example: `;
		const { events } = await ledger.lookUp(streamOf(context), { ...filter, states: ['claimed'] }, page);
		const example = events.find(({ path }) => path !== 'item');
		if (example) return `${all}${notConfirmed(context, example)}`;
		return events.length > 0
			? 'of values of other nodes nothing is kept that could be replayed.'
			: 'it was being processed until now. Run this again.';
	}
	return `of ${found} events, ${claimed} are not confirmed yet, and the data of the others is not kept any more (it is for 7 days, of dead letters for 90).`;
}

/** When nothing of it is left in the database's files. */
const ERASED = {
	purged: 'now',
	pending: 'at the next clean-up, about ten minutes after the next run, once no other process is reading',
	vacuum: 'with the next vacuum of the database',
} as const;

/** Erases what is stored of a subject or an event. */
export const forget: Action = async (context, ledger, index) => {
	const { keys, subject } = filterOf(context, index);
	if (!keys && subject === undefined) {
		throw new NodeOperationError(context.getNode(), 'Say what to forget: enter a Subject or an Event ID.', {
			itemIndex: index,
		});
	}
	const dryRun = context.getNodeParameter('dryRun', index, true) !== false || context.getMode() === 'evaluation';
	const swept = await ledger.forget(
		streamOf(context),
		{ ...(keys && { keys }), ...(subject !== undefined && { subject }) },
		{ dryRun },
	);
	const item = summary(swept, dryRun ? 'forgettable' : 'forgotten');
	const more = { ...(dryRun && { onlyCounted: true }), ...(swept.purge && { erased: ERASED[swept.purge] }) };
	return [{ json: { ...item.json, ...more } }];
};

function summary({ found, done, states }: Sweep, what: string): INodeExecutionData {
	return { json: { found, [what]: done, states: { ...states } } };
}

function filterOf(context: IExecuteFunctions, index: number): EventFilter {
	const eventId = text(context, 'eventId', 'Event ID', index);
	const subject = text(context, 'subject', 'Subject', index);
	const filters = context.getNodeParameter('filters', index, {}) as {
		from?: string;
		to?: string;
		states?: LoggedState[];
		types?: string;
	};
	const types = (filters.types ?? '')
		.split(',')
		.map((type) => type.trim())
		.filter(Boolean);
	const time = (name: 'from' | 'to') => {
		const value = filters[name];
		if (value === undefined || value === '') return {};
		// The editor's calendar gives a time without an offset: the workflow's own.
		const at = parseTime(value, context.getTimezone());
		if (at !== undefined) return { [name]: at };
		throw new NodeOperationError(
			context.getNode(),
			`"${value}" is no date. Enter it under "Filters" as 2026-01-31T00:00:00Z, or choose it there.`,
			{ itemIndex: index },
		);
	};
	return {
		...(eventId !== '' && { keys: [eventId] }),
		...(subject !== '' && { subject }),
		...(filters.states && filters.states.length > 0 && { states: filters.states }),
		...(types.length > 0 && { types }),
		...time('from'),
		...time('to'),
	};
}
