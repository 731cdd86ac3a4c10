import { type IExecuteFunctions, type INodeExecutionData, type NodeApiError, NodeOperationError } from 'n8n-workflow';
import {
	type Claimable,
	type ClaimResult,
	DAY,
	HOUR,
	LONGEST_CLAIM_LEASE_MS,
	type Ledger,
	isSyncEvent,
	parseTime,
} from '../../lib';
import { toNodeError } from '../shared/errors';
import { ledgerForNodes, prune, streamOf } from '../shared/ledger';
import { isConfirmAhead, isWaitAhead, triggerOfOtherLedger } from '../shared/workflow';
import { executionOf, isReadOnly } from './execution';

/** What an item is claimed by. */
interface Identity extends Claimable {
	readonly index: number;
	readonly isEvent: boolean;
	/** An event that has passed or will pass with another payload; this one never does. */
	readonly changed: boolean;
}

interface Options {
	readonly leaseHours?: number;
	readonly maxAttempts?: number;
	readonly scope?: 'node' | 'workflow';
	readonly version?: unknown;
	readonly windowDays?: number;
}

/** Divides the items: what passes leaves by New, what passed before by Duplicate, older versions by Out of Date. */
export async function removeDuplicates(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const input = context.getInputData();
	const passed: INodeExecutionData[] = [];
	const duplicates: INodeExecutionData[] = [];
	const outdated: INodeExecutionData[] = [];
	const failed = (index: number, error: NodeApiError | NodeOperationError) => {
		if (!context.continueOnFail()) throw error;
		passed.push({ json: { error: error.message }, error, pairedItem: { item: index } });
	};

	const ledger = await ledgerForNodes(context);
	const identities: Identity[] = [];
	for (const index of input.keys()) {
		try {
			identities.push(identify(context, ledger, input, index));
		} catch (error) {
			failed(index, toNodeError(context.getNode(), error));
		}
	}
	const claims = await claim(
		context,
		ledger,
		identities.filter(({ changed }) => !changed),
	);
	for (const identity of identities) {
		const { index, isEvent } = identity;
		const item = { ...(input[index] ?? { json: {} }), pairedItem: { item: index } };
		const claimed = claims.get(identity) ?? { outcome: 'duplicate' };
		switch (claimed.outcome) {
			case 'new': {
				const pass = isEvent ? { attempt: claimed.attempt, claimtoken: claimed.token } : {};
				passed.push({ ...item, json: { ...item.json, ...pass } });
				break;
			}
			case 'duplicate':
				duplicates.push(item);
				break;
			case 'outdated':
				outdated.push(item);
				break;
		}
	}
	if (!isReadOnly(context)) prune(context, ledger);
	return [passed, duplicates, outdated];
}

function identify(
	context: IExecuteFunctions,
	ledger: Ledger,
	input: readonly INodeExecutionData[],
	index: number,
): Identity {
	const stream = streamOf(context);
	if (context.getNodeParameter('identifyBy', index) === 'value') {
		return { index, stream, ...valueOf(context, index), isEvent: false, changed: false };
	}
	const event = input[index]?.json;
	if (!isSyncEvent(event)) {
		throw new NodeOperationError(
			context.getNode(),
			`Item ${index + 1} is not an event of a Sync trigger. Connect this node directly behind the trigger, or choose "Value" under "Identify Items By".`,
			{ itemIndex: index },
		);
	}
	if (!ledger.isGenuine(event)) {
		const other = triggerOfOtherLedger(context);
		if (other !== undefined) {
			throw new NodeOperationError(
				context.getNode(),
				`Item ${index + 1} comes from "${other}", which works with another ledger. Choose the same under "Ledger" in both nodes.`,
				{ itemIndex: index },
			);
		}
		if (event.stream !== stream) {
			throw new NodeOperationError(
				context.getNode(),
				`Item ${index + 1} says that it belongs to another workflow, and this ledger has not made it. Connect this node to the trigger the event came from, or choose "Value" under "Identify Items By".`,
				{ itemIndex: index },
			);
		}
	}
	return { index, stream: event.stream, key: event.id, isEvent: true, changed: event.payloadchanged === true };
}

/** The key of an item from elsewhere, and its version where there is one. */
function valueOf(context: IExecuteFunctions, index: number): Pick<Claimable, 'key' | 'state'> {
	const value: unknown = context.getNodeParameter('value', index);
	if (value === undefined || value === null || value === '') {
		throw new NodeOperationError(
			context.getNode(),
			`The value that identifies item ${index + 1} is empty. Choose a field that every item has, under "Value".`,
			{ itemIndex: index },
		);
	}
	const { scope = 'node', version: given } = context.getNodeParameter('options', index, {}) as Options;
	const owner = scope === 'node' ? context.getNode().id : '';
	const entity = `item:${owner}:${typeof value === 'string' ? value : JSON.stringify(value)}`;
	if (given === undefined) return { key: entity };
	const version = versionOf(given);
	if (version !== undefined) return { key: `${entity}@${version}`, state: { entity, version } };
	throw new NodeOperationError(
		context.getNode(),
		`The version of item ${index + 1} is ${JSON.stringify(given)}, which is neither a number nor a date. Choose another field under "Version", or remove that option.`,
		{ itemIndex: index },
	);
}

/** Numbers, dates as text, and what expressions make of dates: luxon's and JavaScript's own convert to numbers. */
function versionOf(given: unknown): number | undefined {
	if (given === '' || given === null || typeof given === 'boolean') return undefined;
	const number = Number(given);
	return Number.isFinite(number) ? number : parseTime(given);
}

async function claim(
	context: IExecuteFunctions,
	ledger: Ledger,
	identities: readonly Identity[],
): Promise<Map<Identity, ClaimResult>> {
	const { leaseHours, maxAttempts, windowDays } = context.getNodeParameter('options', 0, {}) as Options;
	const waits = isWaitAhead(context) && { leaseMs: LONGEST_CLAIM_LEASE_MS };
	const results = await ledger.claim({
		items: identities,
		execution: executionOf(context),
		node: context.getNode().id,
		run: Number(context.evaluateExpression('{{ $runIndex }}', 0)),
		settles: !isConfirmAhead(context),
		dryRun: isReadOnly(context),
		...(leaseHours === undefined ? waits : { leaseMs: Math.min(leaseHours * HOUR, LONGEST_CLAIM_LEASE_MS) }),
		...(maxAttempts !== undefined && { maxAttempts }),
		...(windowDays !== undefined && { windowMs: windowDays * DAY }),
	});
	return new Map(
		results.flatMap((result, position) => {
			const identity = identities[position];
			return identity ? [[identity, result] as const] : [];
		}),
	);
}
