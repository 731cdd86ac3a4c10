import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KEPT } from '../kept';
import type { PushPlan } from '../webhooks';
import { answer } from './api';
import { type Endpoint, Endpoints, type NewEndpoint } from './endpoints';
import { EventLog, type StripeEvent } from './events';
import type { Right, StripeFault, StripeLimits, StripeState } from './state';
import { DEFAULT_SWITCHES, type Switches } from './switches';
import { StripeWebhooks } from './webhooks';

export type { Endpoint, EndpointObject } from './endpoints';
export type { StripeEvent } from './events';
export type { Right, StripeFault, StripeState } from './state';
export type { Switches } from './switches';
export { type StripeAttempt, signatureOf } from './webhooks';

export interface StripeOptions extends Partial<Switches> {
	/** Default: any free one. */
	port?: number;
	/** A key that starts with `rk_` has the rights in `state.rights`; any other has all. Default: a restricted one. */
	secretKey?: string;
	accountId?: string;
	/** Default false: a sandbox. */
	livemode?: boolean;
	clock?: () => number;
	limits?: Partial<StripeLimits>;
	/** How long an event can be read, in milliseconds. Default 30 days. */
	keptMs?: number;
	/** Milliseconds before each retry of a delivery. Default three, of a second and more. */
	retryDelays?: readonly number[];
}

/** How an event is pushed, and when the API shows it. */
export interface EventPlan extends PushPlan {
	/** The connected account that the event is about. */
	account?: string;
	/** The list shows the event only this many milliseconds later, in its place by creation. Default 0. */
	visibleAfterMs?: number;
	/** Milliseconds since the epoch. Default now. */
	createdAt?: number;
	/** Default: that of the account. */
	livemode?: boolean;
}

const RIGHTS: readonly Right[] = ['account_read', 'events_read', 'webhooks_read', 'webhooks_write'];
const DAY = 86_400_000;

/**
 * A Stripe to talk to: a real HTTP server with the part of API v1 that is about events and webhook endpoints, and
 * webhook deliveries by the documented rules. Its methods script what happens; `requests` holds what it was asked.
 */
export class StripeSimulator {
	readonly events: EventLog;
	readonly endpoints: Endpoints;
	readonly webhooks: StripeWebhooks;
	readonly state: StripeState;
	readonly switches: Switches;
	private readonly livemode: boolean;
	private readonly clock: () => number;
	private readonly server: Server;

	private constructor(options: StripeOptions) {
		const { port: _port, secretKey, accountId, livemode, clock, limits, keptMs, retryDelays, ...switches } = options;
		this.clock = clock ?? Date.now;
		this.livemode = livemode ?? false;
		this.switches = { ...DEFAULT_SWITCHES, ...switches };
		this.events = new EventLog(this.clock, keptMs ?? 30 * DAY);
		this.endpoints = new Endpoints(this.clock, this.livemode, this.switches);
		this.webhooks = new StripeWebhooks(this.endpoints, this.clock, this.switches);
		if (retryDelays) this.webhooks.retryDelays = retryDelays;
		this.state = {
			events: this.events,
			endpoints: this.endpoints,
			switches: this.switches,
			secretKey: secretKey ?? (this.livemode ? 'rk_live_simulator' : 'rk_test_simulator'),
			accountId: accountId ?? 'acct_1Simulator',
			rights: new Set(RIGHTS),
			requests: [],
			arrivals: new Map(),
			faults: [],
			latencyMs: 0,
			gate: Promise.resolve(),
			parallel: 0,
			maxParallel: 0,
			clock: this.clock,
			limits: { perSecond: this.livemode ? 100 : 25, perEndpoint: 25, ...limits },
		};
		this.server = createServer(KEPT, (request, response) => {
			answer(this.state, request, response).catch((error: unknown) => {
				response.destroy(error instanceof Error ? error : new Error(String(error)));
			});
		});
	}

	static async start(options: StripeOptions = {}): Promise<StripeSimulator> {
		const stripe = new StripeSimulator(options);
		await new Promise<void>((resolve, reject) => {
			stripe.server.once('error', reject);
			stripe.server.listen(options.port ?? 0, '127.0.0.1', resolve);
		});
		return stripe;
	}

	get port(): number {
		return (this.server.address() as AddressInfo).port;
	}

	get apiUrl(): string {
		return `http://127.0.0.1:${this.port}/v1`;
	}

	get secretKey(): string {
		return this.state.secretKey;
	}

	/** Every API request so far, also refused ones. */
	get requests(): StripeState['requests'] {
		return this.state.requests;
	}

	/** Every attempt to deliver so far. */
	get attempts(): StripeWebhooks['attempts'] {
		return this.webhooks.attempts;
	}

	/** Answers some of the next requests with a fault. */
	fail(fault: Omit<StripeFault, 'times'> & { times?: number }): void {
		this.state.faults.push({ times: 1, ...fault });
	}

	/** Creates a webhook endpoint as the dashboard does, without an API request. */
	listen(endpoint: Omit<NewEndpoint, 'enabled_events'> & { enabled_events?: readonly string[] }): Endpoint {
		return this.endpoints.create({ enabled_events: ['*'], ...endpoint });
	}

	/** Something happens: the event appears in the log, and is pushed as planned. */
	happen(type: string, object: object = {}, plan: EventPlan = {}): StripeEvent {
		const { account, visibleAfterMs = 0, createdAt = this.clock(), livemode = this.livemode } = plan;
		const event = this.events.add(
			{
				...(account !== undefined && { account }),
				created: Math.floor(createdAt / 1000),
				data: { object },
				livemode,
				type,
			},
			visibleAfterMs > 0 ? this.clock() + visibleAfterMs : -Infinity,
		);
		this.webhooks.push(event, plan);
		return event;
	}

	/** Delivers an event once more to every endpoint that is enabled for it, as by hand in the dashboard. */
	resend(event: StripeEvent, plan: PushPlan = {}): void {
		this.webhooks.push(event, plan);
	}

	/** Settles once every delivery has ended, retries included. */
	async idle(): Promise<void> {
		await this.webhooks.idle();
	}

	async close(): Promise<void> {
		await this.webhooks.close();
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}
}
