import { createHmac, randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { KEPT } from './kept';
import type { PushPlan } from './webhooks';

const DAY = 86_400_000;
const MAX_PAGE = 200;
const MAX_ACTIVE = 10;

export interface PaddleEvent {
	readonly event_id: string;
	readonly event_type: string;
	readonly occurred_at: string;
	readonly data: object;
}

/** A webhook, as Paddle calls it. */
export interface NotificationSetting {
	readonly id: string;
	description: string;
	destination: string;
	active: boolean;
	readonly type: 'url' | 'email';
	readonly endpoint_secret_key: string;
	subscribed_events: { name: string }[];
}

/** How an event is pushed, and when the API shows it. */
export interface EventPlan extends PushPlan {
	/** The log shows the event only this many milliseconds later, in its place by id. Default 0. */
	visibleAfterMs?: number;
	/** Milliseconds since the epoch. Default now. */
	occurredAt?: number;
}

/** What the API was asked. */
export interface AskedOfPaddle {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
}

/** A refusal: status and error code. */
class Refusal extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
	) {
		super(code);
	}
}

/**
 * A Paddle to talk to: a real HTTP server with the event log and the notification settings, and deliveries by the
 * documented rules. It refuses the log's filter by time, which an API from before September 2026 does not know.
 * @see https://developer.paddle.com/api-reference/events/list-events
 */
export class PaddleSimulator {
	readonly apiKey = 'pdl_sdbx_apikey_simulator';
	readonly permissions = new Set(['notification.read', 'notification_setting.read', 'notification_setting.write']);
	readonly settings: NotificationSetting[] = [];
	readonly requests: AskedOfPaddle[] = [];
	/** HTTP statuses of all deliveries, in their order. */
	readonly statuses: number[] = [];
	/** What becomes of an `after` that is not in the log. Not documented. */
	unknownAfter: 400 | 404 | 'ignored' = 400;
	/** Settings on a page; the real one gives 200. */
	settingsPerPage = 200;
	private readonly log: { event: PaddleEvent; occurredAt: number; visibleFrom: number }[] = [];
	private readonly underWay = new Set<Promise<void>>();
	private readonly server: Server;

	private constructor() {
		this.server = createServer(KEPT, (incoming, response) => {
			void this.answer(incoming).then(({ status, body }) => {
				response.writeHead(status, { 'content-type': 'application/json', date: new Date().toUTCString() });
				response.end(body === undefined ? undefined : JSON.stringify(body));
			});
		});
	}

	static async start(): Promise<PaddleSimulator> {
		const paddle = new PaddleSimulator();
		await new Promise<void>((resolve) => paddle.server.listen(0, '127.0.0.1', resolve));
		return paddle;
	}

	get apiUrl(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	/** Something happens: the event appears in the log, and is pushed as planned. */
	happen(type: string, data: object = { id: 'txn_1' }, plan: EventPlan = {}): PaddleEvent {
		const { copies = 1, delayMs = 0, visibleAfterMs = 0, occurredAt = Date.now() } = plan;
		const event = {
			event_id: `evt_${String(this.log.length).padStart(26, '0')}`,
			event_type: type,
			occurred_at: new Date(occurredAt).toISOString().replace('Z', '123Z'),
			data,
		};
		this.log.push({ event, occurredAt, visibleFrom: visibleAfterMs > 0 ? Date.now() + visibleAfterMs : 0 });
		for (const { id, active, subscribed_events: names } of this.settings) {
			if (!active || !names.some(({ name }) => name === type)) continue;
			const notification = `ntf_${randomBytes(8).toString('hex')}`;
			for (let copy = 0; copy < copies; copy++) {
				const delivery = this.deliver(event, notification, id, delayMs).finally(() => this.underWay.delete(delivery));
				this.underWay.add(delivery);
			}
		}
		return event;
	}

	/** Adds a setting as the dashboard does. */
	listen(setting: { destination: string; events: readonly string[]; description?: string }): NotificationSetting {
		const { destination, events, description = 'by hand' } = setting;
		const added: NotificationSetting = {
			id: `ntfset_${randomBytes(13).toString('hex')}`,
			description,
			destination,
			active: true,
			type: 'url',
			endpoint_secret_key: `pdl_ntfset_${randomBytes(16).toString('hex')}`,
			subscribed_events: events.map((name) => ({ name })),
		};
		this.settings.unshift(added);
		return added;
	}

	/** Settles once every delivery has ended, retries included. */
	async idle(): Promise<void> {
		while (this.underWay.size > 0) await Promise.allSettled([...this.underWay]);
	}

	async close(): Promise<void> {
		this.settings.length = 0;
		await this.idle();
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}

	/** Signed anew at each attempt; anything but 200 is tried again. */
	private async deliver(event: PaddleEvent, notification: string, settingId: string, delayMs: number): Promise<void> {
		await sleep(delayMs);
		const body = JSON.stringify({ ...event, notification_id: notification });
		for (let attempt = 0; attempt < 5; attempt++) {
			const setting = this.settings.find(({ id, active }) => active && id === settingId);
			if (!setting) return;
			const { statusCode } = await request(setting.destination, {
				method: 'POST',
				headers: {
					'content-type': 'application/json',
					'paddle-signature': signatureOf(body, setting.endpoint_secret_key),
				},
				body,
			}).then(async (response) => {
				await response.body.dump();
				return response;
			});
			this.statuses.push(statusCode);
			if (statusCode === 200) return;
			await sleep(20);
		}
	}

	private async answer(incoming: IncomingMessage): Promise<{ status: number; body?: unknown }> {
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk as Buffer);
		const { method = '', url = '', headers } = incoming;
		const { pathname: path, searchParams: query } = new URL(url, this.apiUrl);
		this.requests.push({ method, path, query });
		try {
			if (headers.authorization !== `Bearer ${this.apiKey}`) throw new Refusal(403, 'invalid_token');
			if (path === '/events') return { status: 200, body: this.events(query) };
			const text = Buffer.concat(chunks).toString();
			const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
			return this.notificationSettings(method, path.split('/')[2], query, body);
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			const { status, code } = error;
			return { status, body: { error: { type: 'request_error', code, detail: `Refused: ${code}` } } };
		}
	}

	private need(permission: string): void {
		if (!this.permissions.has(permission)) throw new Refusal(403, 'forbidden');
	}

	private events(query: URLSearchParams): unknown {
		this.need('notification.read');
		if (query.has('from') || query.has('to')) throw new Refusal(400, 'invalid_field');
		const types = query.get('event_type')?.split(',');
		const now = Date.now();
		const kept = this.log.filter(({ occurredAt, visibleFrom }) => occurredAt > now - 90 * DAY && visibleFrom <= now);
		const after = query.get('after') ?? undefined;
		const isKnown = after === undefined || kept.some(({ event }) => event.event_id === after);
		if (!isKnown && this.unknownAfter !== 'ignored') throw new Refusal(this.unknownAfter, 'not_found');
		const listed = kept.map(({ event }) => event).filter(({ event_type: type }) => !types || types.includes(type));
		return pageOf(listed, query, ({ event_id: id }) => id, isKnown ? after : undefined, MAX_PAGE);
	}

	private notificationSettings(
		method: string,
		id: string | undefined,
		query: URLSearchParams,
		body: Record<string, unknown>,
	): { status: number; body?: unknown } {
		this.need(`notification_setting.${method === 'GET' ? 'read' : 'write'}`);
		if (method === 'GET') {
			const list = this.settings.toReversed();
			return {
				status: 200,
				body: pageOf(list, query, (each) => each.id, query.get('after') ?? undefined, this.settingsPerPage),
			};
		}
		const setting = this.settings.find((each) => each.id === id);
		if (id !== undefined && !setting) throw new Refusal(404, 'not_found');
		if (setting && method === 'DELETE') {
			this.settings.splice(this.settings.indexOf(setting), 1);
			return { status: 204 };
		}
		const { destination = setting?.destination, description = setting?.description } = body;
		const others = this.settings.filter((each) => each !== setting);
		if (others.some((each) => each.destination === destination)) {
			throw new Refusal(409, 'notification_setting_cannot_be_duplicate');
		}
		if (others.filter((each) => each.active).length >= MAX_ACTIVE) {
			throw new Refusal(400, 'notification_maximum_active_settings_reached');
		}
		const events = body['subscribed_events'] as string[];
		if (!setting) {
			const made = { destination: String(destination), description: String(description), events };
			return { status: 201, body: { data: this.listen(made) } };
		}
		const { active = setting.active } = body;
		const subscribed = { subscribed_events: events.map((name) => ({ name })) };
		return { status: 200, body: { data: Object.assign(setting, { destination, description, active }, subscribed) } };
	}
}

/** The value of `Paddle-Signature` at this moment. */
export function signatureOf(body: string, secret: string): string {
	const ts = Math.floor(Date.now() / 1_000);
	return `ts=${ts};h1=${createHmac('sha256', secret).update(`${ts}:${body}`).digest('hex')}`;
}

/** @param ascending by id */
function pageOf<T>(
	ascending: readonly T[],
	query: URLSearchParams,
	idOf: (entry: T) => string,
	after: string | undefined,
	maxPerPage: number,
): unknown {
	const sorted = query.get('order_by') === 'id[ASC]' ? ascending : ascending.toReversed();
	const start = after === undefined ? 0 : sorted.findIndex((entry) => idOf(entry) === after) + 1;
	const perPage = Math.min(Number(query.get('per_page') ?? 50), maxPerPage);
	const data = sorted.slice(start, start + perPage);
	const has_more = start + perPage < sorted.length;
	return { data, meta: { request_id: 'simulator', pagination: { per_page: perPage, has_more } } };
}
