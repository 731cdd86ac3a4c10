import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';

/** One attempt to deliver. */
export interface Attempt {
	readonly webhookId: string;
	readonly requestId: string;
	readonly attempt: number;
	/** HTTP status, or why there was none. */
	readonly status: number | string;
	readonly body: string;
	/** Of the answer; empty where there was none. */
	readonly contentType: string;
	readonly succeeded: boolean;
}

/** How one event, or batch, is pushed. */
export interface PushPlan {
	/** 0 drops it, 2 delivers it twice at the same moment. Default 1. */
	copies?: number;
	delayMs?: number;
}

/** Statuses that count as delivered, if the body is `{"status":"OK"}`. */
const DELIVERED = new Set([200, 201, 202, 204]);
const RETRIES = 3;

/** Delivers webhooks by GetResponse's rules: five seconds for an answer, the exact body, three more tries. */
export class Webhooks {
	/** Where to deliver, with its secret; none while undefined. */
	url: string | undefined;
	/** Milliseconds before each retry. */
	retryDelays = [1_000, 2_000, 4_000];
	/** How long an answer is waited for, in milliseconds. */
	timeoutMs = 5_000;
	readonly attempts: Attempt[] = [];
	private readonly underWay = new Set<Promise<void>>();
	private readonly stop = new AbortController();

	/** Pushes an event, or an array of them as one batch, as planned. */
	push(payload: unknown, plan: PushPlan = {}): string {
		const webhookId = randomUUID();
		for (let copy = 0; copy < (plan.copies ?? 1); copy++) {
			const delivery = this.deliver(webhookId, payload, plan.delayMs ?? 0).finally(() =>
				this.underWay.delete(delivery),
			);
			this.underWay.add(delivery);
		}
		return webhookId;
	}

	/** Settles once every delivery has ended, retries included. */
	async idle(): Promise<void> {
		while (this.underWay.size > 0) await Promise.allSettled([...this.underWay]);
	}

	async close(): Promise<void> {
		this.stop.abort();
		await this.idle();
	}

	private async deliver(webhookId: string, payload: unknown, delayMs: number): Promise<void> {
		await this.pause(delayMs);
		for (let attempt = 1; attempt <= 1 + RETRIES && !this.stop.signal.aborted; attempt++) {
			const result = await this.attempt(webhookId, payload, attempt);
			this.attempts.push(result);
			if (result.succeeded || !isRetried(result)) return;
			await this.pause(this.retryDelays[attempt - 1] ?? 0);
		}
	}

	private async attempt(webhookId: string, payload: unknown, attempt: number): Promise<Attempt> {
		const requestId = randomUUID();
		const type = Array.isArray(payload) ? (payload[0] as { type: string }).type : (payload as { type: string }).type;
		try {
			if (this.url === undefined) throw new Error('no webhook URL');
			const response = await request(this.url, {
				method: 'POST',
				headers: {
					'content-type': 'application/json',
					'x-webhook-type': type,
					'x-webhook-id': webhookId,
					'x-request-id': requestId,
				},
				body: JSON.stringify(payload),
				signal: AbortSignal.any([AbortSignal.timeout(this.timeoutMs), this.stop.signal]),
			});
			const body = await response.body.text();
			const succeeded = DELIVERED.has(response.statusCode) && body === '{"status":"OK"}';
			const { 'content-type': contentType } = response.headers;
			return {
				webhookId,
				requestId,
				attempt,
				status: response.statusCode,
				body,
				contentType: typeof contentType === 'string' ? contentType : '',
				succeeded,
			};
		} catch (error) {
			const status = error instanceof Error ? error.message : String(error);
			return { webhookId, requestId, attempt, status, body: '', contentType: '', succeeded: false };
		}
	}

	private async pause(milliseconds: number): Promise<void> {
		await sleep(milliseconds, undefined, { signal: this.stop.signal }).catch(() => undefined);
	}
}

/** A success without the body, 429, every 5xx, a timeout and a network error are tried again; other statuses are not. */
function isRetried({ status }: Attempt): boolean {
	if (typeof status === 'string') return true;
	return (status >= 200 && status <= 299) || status === 429 || status >= 500;
}
