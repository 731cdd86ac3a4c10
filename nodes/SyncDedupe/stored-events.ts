import { type IDataObject, type IExecuteFunctions, type INodeExecutionData, NodeOperationError } from 'n8n-workflow';
import { type EventFilter, type Ledger, type LoggedState, type Sweep, parseTime } from '../../lib';
import { toNodeError } from '../workflow/errors';
import { toItems } from '../workflow/items';
import { ledgerForNodes, streamOf } from '../ledger/ledger';
import { isVouchedFor } from '../workflow/trust';
import { isReadOnly } from './execution';
import { positive, text } from './parameters';

/** Actions on what the ledger keeps, of the stream that this node belongs to. */

type Action = (context: IExecuteFunctions, ledger: Ledger, index: number) => Promise<INodeExecutionData[]>;

/** Runs an action for each item that reaches the node. */
export async function forEachItem(context: IExecuteFunctions, action: Action): Promise<INodeExecutionData[][]> {
	if (!isVouchedFor(context)) {
		throw new NodeOperationError(
			context.getNode(),
			'Stored Event works only in a workflow that n8n started itself, and not in one that is called by another one, because a caller can pretend to be any workflow. Use a workflow with a trigger of its own, e.g. a Schedule Trigger, or run it by hand.',
		);
	}
	const ledger = await ledgerForNodes(context);
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

/** Brings events back: through the polling trigger, or as this node's own items. */
export const replay: Action = async (context, ledger, index) => {
	const filter = filterOf(context, index);
	if (Object.keys(filter).length === 0) {
		throw new NodeOperationError(
			context.getNode(),
			'Say which events to replay: an Event ID, a Subject, or at least one filter, e.g. States: Dead Letter.',
			{ itemIndex: index },
		);
	}
	const dryRun = isDry(context, index);
	const handsOver = context.getNodeParameter('through', index, 'trigger') === 'here';
	const limit = positive(context, context.getNodeParameter('maximum', index, 1000), 'Maximum', index);
	const swept = await ledger.replay(streamOf(context), filter, { limit, handsOver, dryRun });
	if (handsOver && !dryRun) return toItems(swept.events);
	return [summary(swept, dryRun ? 'replayable' : 'replayed', dryRun)];
};

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
	const dryRun = isDry(context, index);
	const swept = await ledger.forget(
		streamOf(context),
		{ ...(keys && { keys }), ...(subject !== undefined && { subject }) },
		{ dryRun },
	);
	const item = summary(swept, dryRun ? 'forgettable' : 'forgotten', dryRun);
	return [swept.purge === undefined ? item : { json: { ...item.json, erased: ERASED[swept.purge] } }];
};

function summary({ found, done, states }: Sweep, what: string, dryRun: boolean): INodeExecutionData {
	return { json: { found, [what]: done, states: { ...states }, dryRun } };
}

function isDry(context: IExecuteFunctions, index: number): boolean {
	if (context.getNodeParameter('dryRun', index, true) !== false) return true;
	return isReadOnly(context) && context.getNodeParameter('alsoManual', index, false) !== true;
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
