import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { phpJson, wholeSecond } from './answers';
import { USER_AGENT, deliveryHeaders, isCallable } from './delivery';
import type { Settings } from './settings';

export type WebhookStatus = 'active' | 'paused' | 'disabled';

export interface Webhook {
	readonly id: number;
	name: string;
	topic: string;
	deliveryUrl: string;
	secret: string;
	status: WebhookStatus;
	failureCount: number;
	/** No ping was answered with 200 yet. */
	awaitsPing: boolean;
	readonly createdAt: number;
	modifiedAt: number | null;
}

/** One attempt to deliver; there are no others for it. */
export interface Attempt {
	readonly webhookId: number;
	readonly topic: string;
	readonly resourceId: number;
	/** HTTP status, or why there was none. */
	readonly status: number | string;
	/** What was sent. */
	readonly body: string;
	readonly succeeded: boolean;
}

/** How one change is pushed. */
export interface PushPlan {
	/** 0 drops it, 2 delivers it twice at the same moment. Default 1. */
	copies?: number;
	/** Milliseconds until the job runs; changes until then are merged into it. Default 0. */
	delayMs?: number;
}

/** What the webhooks need of the shop. */
export interface Source {
	readonly siteUrl: string;
	/** What a webhook about an object sends now. */
	payload(topic: string, resourceId: number): unknown;
}

const SECRET_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!@#$%^*()-_[]{}~+=,.:?|';

/** The webhooks of a shop: registration, pings, and deliveries without any retry. */
export class Webhooks {
	readonly attempts: Attempt[] = [];
	readonly pings: { readonly webhookId: number; readonly status: number | string }[] = [];
	private readonly byId = new Map<number, Webhook>();
	private nextId = 1;
	private readonly pending = new Set<string>();
	private readonly underWay = new Set<Promise<void>>();
	private readonly stop = new AbortController();
	private readonly connections = new Agent({ connections: 50 });

	constructor(
		private readonly settings: Settings,
		private readonly clock: () => number,
		private readonly source: Source,
	) {}

	all(): Webhook[] {
		return [...this.byId.values()];
	}

	get(id: number): Webhook | undefined {
		return this.byId.get(id);
	}

	/** Creates an active webhook. Settles once it was pinged. */
	async create(fields: Pick<Webhook, 'name' | 'topic' | 'deliveryUrl'> & { secret?: string }): Promise<Webhook> {
		const webhook: Webhook = {
			secret: Array.from({ length: 50 }, () => SECRET_CHARACTERS[randomInt(SECRET_CHARACTERS.length)]).join(''),
			...fields,
			id: this.nextId++,
			status: 'active',
			failureCount: 0,
			awaitsPing: true,
			createdAt: wholeSecond(this.clock()),
			modifiedAt: null,
		};
		this.byId.set(webhook.id, webhook);
		await this.ping(webhook);
		return webhook;
	}

	/** Saves a webhook. An active one is pinged if its URL is new, or no ping was answered with 200 yet. */
	async save(webhook: Webhook, changes: Partial<Omit<Webhook, 'id'>> = {}): Promise<void> {
		const isUrlNew = changes.deliveryUrl !== undefined && changes.deliveryUrl !== webhook.deliveryUrl;
		Object.assign(webhook, changes, { modifiedAt: wholeSecond(this.clock()) });
		if (webhook.status === 'active' && (isUrlNew || webhook.awaitsPing)) await this.ping(webhook);
	}

	delete(id: number): void {
		this.byId.delete(id);
	}

	/** Queues a job for every active webhook of the topic, unless one is pending for the object. */
	notify(topic: string, resourceId: number, { copies = 1, delayMs = 0 }: PushPlan = {}): void {
		for (const webhook of this.byId.values()) {
			const job = `${webhook.id} ${resourceId}`;
			const isWanted = webhook.status === 'active' && webhook.topic === topic;
			if (!isWanted || copies === 0 || this.pending.has(job)) continue;
			this.pending.add(job);
			const run = this.run(job, webhook, resourceId, copies, delayMs).finally(() => this.underWay.delete(run));
			this.underWay.add(run);
		}
	}

	/** Settles once every job has run. */
	async idle(): Promise<void> {
		while (this.underWay.size > 0) await Promise.allSettled([...this.underWay]);
	}

	async close(): Promise<void> {
		this.stop.abort();
		await this.idle();
		await this.connections.destroy();
	}

	private async run(job: string, webhook: Webhook, resourceId: number, copies: number, delayMs: number): Promise<void> {
		await sleep(delayMs, undefined, { signal: this.stop.signal }).catch(() => undefined);
		this.pending.delete(job);
		const isSent = webhook.status === 'active' || this.settings.sendsWhenInactive;
		if (this.stop.signal.aborted || !this.byId.has(webhook.id) || !isSent) return;
		await Promise.all(Array.from({ length: copies }, () => this.deliver(webhook, resourceId)));
	}

	private async deliver(webhook: Webhook, resourceId: number): Promise<void> {
		const { topic, deliveryUrl } = webhook;
		const body = phpJson(this.source.payload(topic, resourceId));
		const headers = deliveryHeaders(webhook, body, this.source.siteUrl, this.clock());
		const status = await this.post(deliveryUrl, headers, body, this.settings.timeoutMs);
		const succeeded = typeof status === 'number' && status >= 200 && status <= 302;
		this.attempts.push({ webhookId: webhook.id, topic, resourceId, status, body, succeeded });
		if (this.stop.signal.aborted || !this.byId.has(webhook.id)) return;
		await this.save(webhook, succeeded ? { failureCount: 0 } : this.failed(webhook));
	}

	/** The failure that disables does not add to the count, so the next one after a new start disables again. */
	private failed({ failureCount }: Webhook): Partial<Webhook> {
		const isLast = failureCount >= this.settings.disablesAt - 1;
		return isLast ? { status: 'disabled' } : { failureCount: failureCount + 1 };
	}

	/** Only an answer of exactly 200 ends the pings. */
	private async ping(webhook: Webhook): Promise<void> {
		const headers = { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': USER_AGENT };
		const body = `webhook_id=${webhook.id}`;
		const status = await this.post(webhook.deliveryUrl, headers, body, this.settings.pingTimeoutMs);
		this.pings.push({ webhookId: webhook.id, status });
		if (status === 200) webhook.awaitsPing = false;
	}

	private async post(url: string, headers: Record<string, string>, body: string, timeoutMs: number) {
		if (!this.settings.callsAnyAddress && !isCallable(url)) return 'A valid URL was not provided.';
		try {
			const response = await request(url, {
				method: 'POST',
				headers,
				body,
				dispatcher: this.connections,
				signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.stop.signal]),
			});
			await response.body.dump();
			return response.statusCode;
		} catch (error) {
			return error instanceof Error ? error.message : String(error);
		}
	}
}
