import type { IPollFunctions } from 'n8n-workflow';
import { type Cadence, DAY, HOUR, MINUTE, type TickOptions } from '../../lib';
import type { ApiUse } from '../provider/provider';

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
	readonly requestsPerMinute?: number;
}

type TickPart = Pick<
	TickOptions,
	'lookBackMs' | 'lookBackCount' | 'maxEvents' | 'maxRequests' | 'cadence' | 'deepReconcile'
>;

/** What the engine is told of a node's options; the values behind `??` are the defaults that the editor shows. */
export function optionsOf(context: IPollFunctions): { readonly tick: TickPart; readonly use: ApiUse } {
	const options = context.getNodeParameter('options', {}) as Options;
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
		use: { share: (options.limitShare ?? 50) / 100, requestsPerMinute: options.requestsPerMinute ?? 60 },
	};
}

function cadenceOf(options: Options): Cadence {
	if (options.cadence === 'fixed') return { kind: 'fixed', everyMs: (options.everyMinutes ?? 1) * MINUTE };
	return {
		kind: 'adaptive',
		longestMs: (options.longestMinutes ?? 10) * MINUTE,
		longestWithPushMs: (options.longestWithPushMinutes ?? 30) * MINUTE,
	};
}
