import type { IPollFunctions } from 'n8n-workflow';
import { type Cadence, DAY, HOUR, HybridSyncError, MINUTE, type Start, type TickOptions, parseTime } from '../../lib';

/** The options of the node, as far as they have been chosen. */
interface Options {
	readonly lookBackMinutes?: number;
	readonly lookBackCount?: number;
	readonly maxEvents?: number;
	readonly maxRequests?: number;
	readonly cadence?: 'adaptive' | 'fixed';
	readonly everyMinutes?: number;
	readonly longestMinutes?: number;
	readonly longestWithPushMinutes?: number;
	readonly reconcileHours?: number;
	readonly reconcileDays?: number;
	readonly limitShare?: number;
	readonly start?: Start['from'];
	readonly since?: unknown;
}

type TickPart = Pick<
	TickOptions,
	'lookBackMs' | 'lookBackCount' | 'maxEvents' | 'maxRequests' | 'cadence' | 'deepReconcile'
>;

/** What the engine is told of a node's options; the values behind `??` are the defaults that the editor shows. */
export function optionsOf(context: IPollFunctions): { readonly tick: TickPart; readonly share: number } {
	return engineOptions(numbersOf(context.getNodeParameter('additionalOptions', {}) as Options));
}

function engineOptions(options: Options): { readonly tick: TickPart; readonly share: number } {
	const everyHours = options.reconcileHours ?? 24;
	return {
		tick: {
			lookBackMs: (options.lookBackMinutes ?? 10) * MINUTE,
			lookBackCount: options.lookBackCount ?? 100,
			maxEvents: options.maxEvents ?? 100,
			maxRequests: options.maxRequests ?? 1_000,
			cadence: cadenceOf(options),
			...(everyHours > 0 && {
				deepReconcile: { everyMs: everyHours * HOUR, lookBackMs: (options.reconcileDays ?? 7) * DAY },
			}),
		},
		share: (options.limitShare ?? 50) / 100,
	};
}

/** Where nothing has been chosen. */
export const DEFAULT_OPTIONS = engineOptions({});

/** Those options that are numbers, as the editor shows them; the provider's own are for the provider to read. */
const NUMBERS = {
	lookBackMinutes: 'Look-Back (Minutes)',
	lookBackCount: 'Look-Back (Numbers)',
	maxEvents: 'Max Events per Run',
	maxRequests: 'Max Requests per Run',
	everyMinutes: 'Interval (Minutes)',
	longestMinutes: 'Longest Interval (Minutes)',
	longestWithPushMinutes: 'Longest Interval While Webhooks Work (Minutes)',
	reconcileHours: 'Thorough Check Every (Hours)',
	reconcileDays: 'Thorough Check Covers (Days)',
	limitShare: 'Share of the Rate Limit (%)',
} as const satisfies Partial<Record<keyof Options, string>>;

/**
 * Expressions may make anything of a number.
 *
 * @throws HybridSyncError `configuration` where it is none
 */
function numbersOf(options: Options): Options {
	const numbers = Object.entries(NUMBERS).flatMap(([name, label]) => {
		const value: unknown = options[name as keyof typeof NUMBERS];
		if (value === undefined) return [];
		const number = typeof value === 'string' && value.trim() === '' ? NaN : Number(value);
		// Rows are counted in whole numbers.
		if (Number.isFinite(number) && number >= 0) return [[name, name === 'lookBackCount' ? Math.ceil(number) : number]];
		throw new HybridSyncError('configuration', `"${label}" is not a number. Enter one under Options.`);
	});
	return { ...options, ...(Object.fromEntries(numbers) as Options) };
}

function cadenceOf(options: Options): Cadence {
	if (options.cadence === 'fixed') return { kind: 'fixed', everyMs: (options.everyMinutes ?? 1) * MINUTE };
	return {
		kind: 'adaptive',
		longestMs: (options.longestMinutes ?? 10) * MINUTE,
		longestWithPushMs: (options.longestWithPushMinutes ?? 30) * MINUTE,
	};
}

/**
 * Where the first tick begins: a field of its own, or one of the options.
 *
 * @throws HybridSyncError `configuration` where the date is none, or an expression gives another word
 */
export function startOf(context: IPollFunctions): Start {
	const options = context.getNodeParameter('additionalOptions', {}) as Options;
	const from: unknown = options.start ?? context.getNodeParameter('start', 'now');
	if (from === 'now' || from === 'everything') return { from };
	if (from !== 'date') {
		throw new HybridSyncError(
			'configuration',
			'Set "Start" to now, everything or date: there is no other way to begin.',
		);
	}
	const since: unknown = options.since ?? context.getNodeParameter('since', '');
	const date = parseTime(since, context.getTimezone());
	if (date !== undefined) return { from, date };
	throw new HybridSyncError('configuration', 'Enter the date under "Since", e.g. 2026-01-31T00:00:00Z.');
}
