import { type IExecuteFunctions, type INodeExecutionData, type NodeApiError, NodeOperationError } from 'n8n-workflow';
import {
	type Claimable,
	type ClaimResult,
	DAY,
	HOUR,
	LONGEST_CLAIM_LEASE_MS,
	type Ledger,
	type SyncEvent,
	composeKey,
	isSyncEvent,
	parsePosition,
	sortableNumber,
	sortedFields,
} from '../../lib';
import { decisionOn, logDecisions, noteOnExecution } from '../workflow/decisions';
import { toNodeError } from '../workflow/errors';
import { ledgerForNodes, prune, streamOf } from '../ledger/ledger';
import { isConfirmAhead, isWaitAhead, triggerOfOtherLedger } from '../workflow/neighbours';
import { executionOf, isReadOnly } from './execution';
import { positive } from './parameters';

/** What an item is claimed by. */
interface Identity extends Claimable {
	readonly index: number;
	readonly isEvent: boolean;
	/** An event that has passed or will pass with another payload; this one never does. */
	readonly changed: boolean;
}

interface Options {
	/** Numbers, unless an expression gives something else. */
	readonly leaseHours?: unknown;
	readonly maxAttempts?: unknown;
	readonly scope?: 'node' | 'workflow';
	readonly version?: unknown;
	readonly windowDays?: unknown;
}

/** Divides the items: what passes leaves by New, what passed before by Duplicate, older versions by Out of Date. */
export async function removeDuplicates(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const began = performance.now();
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
				const { token } = claimed;
				const proof = isEvent
					? { attempt: claimed.attempt }
					: { claimproof: ledger.claimProof(identity.stream, token) };
				const pass = { ...proof, claimtoken: token };
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
	if (!isReadOnly(context)) {
		prune(context, ledger);
		tell(context, input, claims, performance.now() - began);
	}
	return [passed, duplicates, outdated];
}

const OUTCOMES = { new: 'passed', duplicate: 'duplicate', outdated: 'out-of-date' } as const;

/** Writes each decision into the log, and what passes onto the execution. */
function tell(
	context: IExecuteFunctions,
	input: readonly INodeExecutionData[],
	claims: ReadonlyMap<Identity, ClaimResult>,
	durationMs: number,
): void {
	const execution = context.getExecutionId();
	const passed: SyncEvent[] = [];
	const decisions = [...claims].map(([{ index, isEvent, stream }, result]) => {
		const event = input[index]?.json;
		if (!isEvent || !isSyncEvent(event)) {
			// The value may be anything, such as an email address.
			return { outcome: OUTCOMES[result.outcome], stream, execution, durationMs };
		}
		const attempt = result.outcome === 'new' ? result.attempt : event.attempt;
		if (result.outcome === 'new') passed.push({ ...event, attempt });
		return { ...decisionOn({ ...event, attempt }, OUTCOMES[result.outcome], durationMs), execution };
	});
	logDecisions(context, decisions);
	noteOnExecution(context, passed);
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
	const genuine = ledger.isGenuine(event);
	if (!genuine) {
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
	// Made up, or from a ledger that is gone: it passes once too, but never in the place of an event that this one knows.
	const key = genuine ? event.id : composeKey('unproven', event.id);
	return { index, stream: event.stream, key, isEvent: true, changed: event.payloadchanged === true };
}

/** The key of an item from elsewhere, and its version where there is one. */
function valueOf(context: IExecuteFunctions, index: number): Pick<Claimable, 'key' | 'state'> {
	const value: unknown = context.getNodeParameter('value', index);
	if (isEmpty(value)) {
		throw new NodeOperationError(
			context.getNode(),
			`The value that identifies item ${index + 1} is empty. Choose a field that every item has, under "Value".`,
			{ itemIndex: index },
		);
	}
	const missing = missingPart(value);
	if (missing !== undefined) {
		throw new NodeOperationError(
			context.getNode(),
			`The value that identifies item ${index + 1} lacks a part (${missing}): items that have nothing else in common would be taken for one. Choose fields that every item has, under "Value", or make one text of them.`,
			{ itemIndex: index },
		);
	}
	const { scope = 'node', version } = context.getNodeParameter('options', index, {}) as Options;
	const owner = scope === 'node' ? context.getNode().id : '';
	const entity = composeKey('item', owner, textOf(value));
	const { options } = context.getNode().parameters;
	const hasVersions = typeof options === 'object' && options !== null && 'version' in options;
	if (!hasVersions) return { key: entity };
	const order = orderOf(version);
	if (order !== undefined) {
		return {
			key: composeKey('item', owner, textOf(value), identityOfVersion(version, order)),
			state: { entity, version: order },
		};
	}
	throw new NodeOperationError(
		context.getNode(),
		`The version of item ${index + 1} is ${version === undefined ? 'missing' : JSON.stringify(version)}, which is neither a number nor a date. Choose another field under "Version", or remove that option.`,
		{ itemIndex: index },
	);
}

/** The same for objects with the same fields, in whatever order. */
const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value, sortedFields));

/** Places after the point that versions are ordered by. */
const ORDERED_PLACES = 30;

/** One instant, or one number, is one version, however it is written; digits beyond those that it is ordered by count too. */
function identityOfVersion(version: unknown, order: string): string {
	const [, finer = ''] = new RegExp(`[.,]\\d{${ORDERED_PLACES}}(\\d+)`).exec(String(version)) ?? [];
	const rest = finer.replace(/0+$/, '');
	return rest === '' ? order : `${order} ${rest}`;
}

/** The name or place of a part of a composite that is not there. */
function missingPart(value: unknown): string | undefined {
	if (typeof value !== 'object' || value === null || value instanceof Date || 'toISO' in value) return undefined;
	return Object.entries(value).find(([, part]) => part === undefined || part === null || part === '')?.[0];
}

/** What identifies nothing: the same for items that have nothing in common. */
function isEmpty(value: unknown): boolean {
	// Nothing but what stands between parts, as of `{{ $json.a }}|{{ $json.b }}`, is empty too.
	if (typeof value === 'string') return !/[^\s|:;,/_.-]/.test(value);
	if (typeof value === 'number') return !Number.isFinite(value);
	if (value === null || typeof value !== 'object') return typeof value !== 'boolean';
	return !(value instanceof Date) && !('toISO' in value) && Object.keys(value).length === 0;
}

/**
 * By what versions are ordered: numbers and dates, exact to their last digit, and what expressions make of dates (luxon's and
 * JavaScript's own convert to milliseconds).
 */
function orderOf(version: unknown): string | undefined {
	if (isEmpty(version) || typeof version === 'boolean') return undefined;
	const text = typeof version === 'string' ? version : String(Number(version));
	const number = sortableNumber(text);
	if (number !== undefined) return number;
	const nanoseconds = parsePosition(version);
	// In milliseconds, as numbers that stand for times are.
	return nanoseconds === undefined ? undefined : sortableNumber(`${nanoseconds}e-6`);
}

async function claim(
	context: IExecuteFunctions,
	ledger: Ledger,
	identities: readonly Identity[],
): Promise<Map<Identity, ClaimResult>> {
	const options = context.getNodeParameter('options', 0, {}) as Options;
	const optional = (value: unknown, label: string) =>
		value === undefined ? undefined : positive(context, value, label);
	const leaseHours = optional(options.leaseHours, 'Time to Confirm (Hours)');
	const maxAttempts = optional(options.maxAttempts, 'Maximum Attempts');
	const windowDays = optional(options.windowDays, 'Window (Days)');
	const waits = isWaitAhead(context) && { leaseMs: LONGEST_CLAIM_LEASE_MS };
	const results = await ledger.claim({
		items: identities,
		execution: executionOf(context),
		node: context.getNode().id,
		// Not by an expression: the first one of a run is slow.
		run: Number(context.getWorkflowDataProxy(0)['$runIndex']),
		settles: !isConfirmAhead(context),
		dryRun: isReadOnly(context),
		...(leaseHours === undefined ? waits : { leaseMs: Math.min(leaseHours * HOUR, LONGEST_CLAIM_LEASE_MS) }),
		...(maxAttempts !== undefined && { maxAttempts }),
		...(windowDays !== undefined && { dedupeWindowMs: windowDays * DAY }),
	});
	return new Map(
		results.flatMap((result, position) => {
			const identity = identities[position];
			return identity ? [[identity, result] as const] : [];
		}),
	);
}
