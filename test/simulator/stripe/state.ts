import type { ApiRequestLog, Fault } from '../api';
import type { Endpoints } from './endpoints';
import type { EventLog } from './events';
import type { Switches } from './switches';

/** What a restricted key may do. */
export type Right = 'account_read' | 'events_read' | 'webhooks_read' | 'webhooks_write';

export interface StripeFault extends Fault {
	/** Only requests with this method. */
	method?: string;
	/** Does what was asked before it answers with the fault, as when only the answer is lost. */
	isDone?: boolean;
}

export interface StripeLimits {
	/** All requests of one second. Stripe: 100 live, 25 in a sandbox. */
	perSecond: number;
	/** Requests of one second to one API endpoint. Stripe: 25. */
	perEndpoint: number;
}

/** What the API answers from. */
export interface StripeState {
	readonly events: EventLog;
	readonly endpoints: Endpoints;
	readonly switches: Switches;
	secretKey: string;
	readonly accountId: string;
	/** What the key may do, if it is a restricted one (`rk_…`). All rights at first. */
	readonly rights: Set<Right>;
	/** Every request, also the refused ones. Paths are without `/v1`. */
	readonly requests: ApiRequestLog[];
	/** When requests arrived, by API endpoint. */
	readonly arrivals: Map<string, number[]>;
	readonly faults: StripeFault[];
	/** Milliseconds added to each answer. */
	latencyMs: number;
	/** Holds answers about events back until it is resolved. */
	gate: Promise<void>;
	parallel: number;
	maxParallel: number;
	readonly clock: () => number;
	/** Counted by a clock that nothing sets, so that a frozen `clock` does not add up. */
	readonly limits: StripeLimits;
}
