import type { FunctionsBase, IExecuteFunctions } from 'n8n-workflow';
import { labelOf } from './label';
import { nodeOf } from './node';

/** What is told of each decision about an event: in n8n's log, on the execution, and in n8n's tracing. */

type LogContext = Pick<FunctionsBase, 'getNode' | 'logger'>;

/** A decision about one event, or one request. All of it is safe to log. */
export interface Decision {
	/** e.g. `passed`; see docs/logs.md. */
	readonly outcome: string;
	readonly stream: string;
	/** The event's `id`; absent for a request that held none. */
	readonly event?: string;
	readonly type?: string;
	readonly path?: string;
	readonly attempt?: number;
	readonly recovered?: boolean;
	/** Of the request or poll that brought the event. */
	readonly correlationid?: string;
	readonly traceparent?: string;
	readonly execution?: string;
	/** Where several were decided on alike: how many. */
	readonly events?: number;
	/** Of all decisions that were made together, in milliseconds. */
	readonly durationMs: number;
}

/** The fields of an event that decisions are told with. */
export interface Told {
	readonly id: string;
	readonly type: string;
	readonly path: string;
	readonly stream: string;
	readonly recovered: boolean;
	readonly attempt: number;
	readonly correlationid: string;
	readonly traceparent?: string | undefined;
}

export function decisionOn(
	{ id, type, path, stream, recovered, attempt, correlationid, traceparent }: Told,
	outcome: string,
	durationMs: number,
): Decision {
	const trace = traceparent === undefined ? {} : { traceparent };
	return { outcome, stream, event: id, type, path, recovered, attempt, correlationid, ...trace, durationMs };
}

/** Writes one line for each decision, at the level debug: n8n shows them where N8N_LOG_LEVEL=debug. */
export function logDecisions(context: LogContext, decisions: readonly Decision[]): void {
	const { name: node } = nodeOf(context);
	const label = labelOf(context);
	for (const decision of decisions) {
		context.logger.debug(`${label}: ${decision.outcome}`, { node, ...decision });
	}
}

/**
 * Puts the events that an execution lets pass on the execution itself, where n8n's executions list can be searched by them,
 * and into its tracing. n8n keeps ten such
 * fields of an execution, so most are left to the workflow: of a batch its number and its first event.
 */
export function noteOnExecution(context: IExecuteFunctions, passed: readonly Told[]): void {
	const [first] = passed;
	if (!first) return;
	const { id, type, path, attempt, correlationid, traceparent } = first;
	const events = passed.length > 1 ? { syncEvents: String(passed.length) } : {};
	const noted = { syncEvent: id, syncCorrelation: correlationid, ...events };
	const trace = traceparent === undefined ? {} : { syncTraceparent: traceparent };
	const traced = { ...noted, syncType: type, syncPath: path, syncAttempt: String(attempt), ...trace };
	try {
		context.customData.setAll(noted);
		context.setMetadata({ tracing: traced });
	} catch (error) {
		// Nothing but a note: events pass without it.
		context.logger.debug('The events could not be noted on the execution', { error: String(error) });
	}
}
