import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { PushPlan } from '../webhooks';
import type { Endpoint, Endpoints } from './endpoints';
import type { StripeEvent } from './events';
import type { Switches } from './switches';

/** One attempt to deliver an event to an endpoint. */
export interface StripeAttempt {
	readonly eventId: string;
	readonly endpointId: string;
	/** 1 for the first. */
	readonly attempt: number;
	/** HTTP status, or why there was none. */
	readonly status: number | string;
	readonly succeeded: boolean;
}

/** Delivers events by Stripe's rules: signed anew at each attempt, any 2xx is a success, everything else is retried. */
export class StripeWebhooks {
	/** Milliseconds before each retry; their number is the number of retries. A sandbox has three. */
	retryDelays: readonly number[] = [1_000, 2_000, 4_000];
	/** How long an answer is waited for, in milliseconds. Stripe does not publish it. */
	timeoutMs = 10_000;
	/** Most attempts at one moment; the others wait. */
	parallel = 256;
	readonly attempts: StripeAttempt[] = [];
	/** Ids of the endpoints that have not received the event, by its id. */
	private readonly undelivered = new Map<string, Set<string>>();
	private readonly underWay = new Set<Promise<void>>();
	private readonly stop = new AbortController();
	private readonly turns = new Turns(() => this.parallel);

	constructor(
		private readonly endpoints: Endpoints,
		private readonly clock: () => number,
		private readonly switches: Switches,
	) {}

	/** Delivers an event, as planned, to each endpoint that is enabled for it now. */
	push(event: StripeEvent, { copies = 1, delayMs = 0 }: PushPlan = {}): void {
		const receivers = this.endpoints.receiving(event);
		if (receivers.length === 0) return;
		this.undelivered.set(event.id, new Set(receivers.map(({ shown }) => shown.id)));
		event.pending_webhooks = receivers.length;
		for (const { shown } of receivers) {
			for (let copy = 0; copy < copies; copy++) {
				const delivery = this.deliver(event, shown.id, delayMs).finally(() => this.underWay.delete(delivery));
				this.underWay.add(delivery);
			}
		}
	}

	/** Settles once every delivery has ended, retries included. */
	async idle(): Promise<void> {
		while (this.underWay.size > 0) await Promise.allSettled([...this.underWay]);
	}

	async close(): Promise<void> {
		this.stop.abort();
		await this.idle();
	}

	private async deliver(event: StripeEvent, endpointId: string, delayMs: number): Promise<void> {
		if (delayMs > 0) await this.pause(delayMs);
		for (let attempt = 1; attempt <= 1 + this.retryDelays.length; attempt++) {
			const succeeded = await this.turns.take(async () => {
				// A deleted or disabled endpoint gets nothing, retries neither.
				const endpoint = this.endpoints.find(endpointId);
				if (endpoint?.shown.status !== 'enabled' || this.stop.signal.aborted) return undefined;
				const status = await this.post(event, endpoint);
				const isSuccess = typeof status === 'number' && status >= 200 && status <= 299;
				this.attempts.push({ eventId: event.id, endpointId, attempt, status, succeeded: isSuccess });
				if (isSuccess) this.delivered(event, endpoint);
				else this.failed(endpoint);
				return isSuccess;
			});
			if (succeeded !== false) return;
			const delay = this.retryDelays[attempt - 1];
			if (delay !== undefined) await this.pause(delay);
		}
	}

	/** The HTTP status, or why there was none. */
	private async post(event: StripeEvent, { shown, secrets }: Endpoint): Promise<number | string> {
		// An endpoint with an API version of its own gets another form of the event than the list shows.
		const body = JSON.stringify({ ...event, api_version: shown.api_version ?? event.api_version }, null, 2);
		const t = Math.floor(this.clock() / 1000);
		const signatures = secrets.map((secret) => `v1=${signatureOf(body, t, secret)}`);
		try {
			const response = await request(shown.url, {
				method: 'POST',
				headers: {
					'content-type': 'application/json; charset=utf-8',
					'stripe-signature': [`t=${t}`, ...signatures].join(','),
					'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
				},
				body,
				signal: AbortSignal.any([AbortSignal.timeout(this.timeoutMs), this.stop.signal]),
			});
			await response.body.dump();
			return response.statusCode;
		} catch (error) {
			return error instanceof Error ? error.message : String(error);
		}
	}

	private delivered(event: StripeEvent, endpoint: Endpoint): void {
		endpoint.failingSince = undefined;
		const missing = this.undelivered.get(event.id);
		missing?.delete(endpoint.shown.id);
		event.pending_webhooks = missing?.size ?? 0;
		if (missing?.size === 0) this.undelivered.delete(event.id);
	}

	private failed(endpoint: Endpoint): void {
		const now = this.clock();
		endpoint.failingSince ??= now;
		const { disablesAfterMs } = this.switches;
		if (disablesAfterMs !== undefined && now - endpoint.failingSince >= disablesAfterMs) {
			endpoint.shown.status = 'disabled';
		}
	}

	private async pause(milliseconds: number): Promise<void> {
		await sleep(milliseconds, undefined, { signal: this.stop.signal }).catch(() => undefined);
	}
}

/** The hex signature of a body at a time in Unix seconds. */
export function signatureOf(body: string, t: number, secret: string): string {
	return createHmac('sha256', secret).update(`${t}.${body}`).digest('hex');
}

/** Lets a limited number of tasks run at one moment, in the order in which they came. */
class Turns {
	private running = 0;
	private readonly waiting: (() => void)[] = [];
	private served = 0;

	constructor(private readonly limit: () => number) {}

	async take<T>(task: () => Promise<T>): Promise<T> {
		if (this.running < this.limit()) this.running += 1;
		else await new Promise<void>((resolve) => this.waiting.push(resolve));
		try {
			return await task();
		} finally {
			const next = this.waiting[this.served];
			if (next) {
				this.served += 1;
				next();
			} else {
				this.running -= 1;
			}
		}
	}
}
