import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KEPT } from '../kept';
import { RestError } from './answers';
import { type ApiRequestLog, type ApiState, type Fault, answer } from './api';
import { readObject } from './listing';
import { DEFAULTS, type Settings } from './settings';
import { type Fields, RESOURCES, type Resource, type RestObject, Shop, type ShopObject, isDraft } from './shop';
import { type Attempt, type PushPlan, type Source, Webhooks } from './webhooks';

export type { Settings } from './settings';
export type { Fields, Resource, RestObject } from './shop';
export type { Attempt, PushPlan, Webhook } from './webhooks';

export interface WooCommerceOptions extends Partial<Settings> {
	/** Default: any free one. */
	port?: number;
	consumerKey?: string;
	consumerSecret?: string;
	clock?: () => number;
}

/**
 * A WooCommerce shop to talk to: a real HTTP server with the part of the REST API that the package uses, and webhook
 * deliveries by the documented rules. What the shop does is scripted by its methods; every request is in `requests`.
 */
export class WooCommerceSimulator implements ApiState, Source {
	readonly consumerKey: string;
	readonly consumerSecret: string;
	readonly clock: () => number;
	/** What sites and versions do differently; can be changed at any time. */
	readonly settings: Settings;
	readonly shop: Shop;
	readonly webhooks: Webhooks;
	/** Every API request so far, also refused ones. */
	readonly requests: ApiRequestLog[] = [];
	readonly faults: Fault[] = [];
	private readonly server: Server;

	private constructor(options: WooCommerceOptions) {
		const { port: _port, consumerKey, consumerSecret, clock, ...settings } = options;
		this.consumerKey = consumerKey ?? 'ck_simulator';
		this.consumerSecret = consumerSecret ?? 'cs_simulator';
		this.clock = clock ?? Date.now;
		this.settings = { ...DEFAULTS, ...settings };
		this.shop = new Shop(this.settings, this.clock, () => this.apiUrl);
		this.webhooks = new Webhooks(this.settings, this.clock, this);
		this.server = createServer(KEPT, (request, response) => {
			answer(this, request, response).catch((error: unknown) => {
				response.destroy(error instanceof Error ? error : new Error(String(error)));
			});
		});
	}

	static async start(options: WooCommerceOptions = {}): Promise<WooCommerceSimulator> {
		const simulator = new WooCommerceSimulator(options);
		await new Promise<void>((resolve, reject) => {
			simulator.server.once('error', reject);
			simulator.server.listen(options.port ?? 0, '127.0.0.1', resolve);
		});
		return simulator;
	}

	get siteUrl(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	get apiUrl(): string {
		return `${this.siteUrl}/wp-json/wc/v3`;
	}

	/** Every attempt to deliver so far; pings are in `webhooks.pings`. */
	get attempts(): readonly Attempt[] {
		return this.webhooks.attempts;
	}

	/** Answers some of the next requests with a fault. */
	fail(fault: Omit<Fault, 'times'> & { times?: number }): void {
		this.faults.push({ times: 1, ...fault });
	}

	/** Fires `created`, except for drafts. */
	create(resource: Resource, fields: Fields = {}, plan: PushPlan = {}): RestObject {
		const object = this.shop.create(resource, fields);
		if (!isDraft(object)) this.fireCreated(object, plan);
		return this.shop.toRest(object);
	}

	/** Fires `updated`; for an object that was a draft `created`. */
	update(resource: Resource, id: number, fields: Fields = {}, plan: PushPlan = {}): RestObject {
		const before = { resource, status: this.shop.get(resource, id)?.status ?? '' };
		const object = this.shop.update(resource, id, fields);
		const isPublishedNow = before.status !== 'publish' && object.status === 'publish';
		if (isDraft(object)) return this.shop.toRest(object);
		if (isDraft(before)) this.fireCreated(object, plan);
		else {
			this.fire(object, 'updated', plan);
			if (isPublishedNow) this.fire(object, 'published', plan);
		}
		return this.shop.toRest(object);
	}

	/** Moves an object to the trash and fires `deleted`. A customer is deleted at once, as there is no trash for users. */
	trash(resource: Resource, id: number, plan: PushPlan = {}): void {
		if (resource === 'customers') {
			this.remove(resource, id, plan);
			return;
		}
		const isSilent = isDraft({ resource, status: this.shop.get(resource, id)?.status ?? '' });
		const object = this.shop.trash(resource, id);
		if (!isSilent) this.fire(object, 'deleted', plan);
	}

	/** Takes an object out of the trash and fires `restored`. */
	restore(resource: Resource, id: number, plan: PushPlan = {}): RestObject {
		const object = this.shop.restore(resource, id);
		if (!isDraft(object)) this.fire(object, 'restored', plan);
		return this.shop.toRest(object);
	}

	/** Deletes an object for good. It fires nothing, except for a user with the role customer. */
	remove(resource: Resource, id: number, plan: PushPlan = {}): void {
		const object = this.shop.remove(resource, id);
		if (object.fields['role'] === 'customer') this.fire(object, 'deleted', plan);
	}

	createOrder(fields: Fields = {}, plan: PushPlan = {}): RestObject {
		return this.create('orders', fields, plan);
	}

	updateOrder(id: number, fields: Fields = {}, plan: PushPlan = {}): RestObject {
		return this.update('orders', id, fields, plan);
	}

	trashOrder(id: number, plan: PushPlan = {}): void {
		this.trash('orders', id, plan);
	}

	restoreOrder(id: number, plan: PushPlan = {}): RestObject {
		return this.restore('orders', id, plan);
	}

	/** Runs a hook of WordPress with a number, for webhooks with the topic `action.<hook>`. */
	runHook(hook: string, argument: number, plan: PushPlan = {}): void {
		this.webhooks.notify(`action.${hook}`, argument, plan);
	}

	/** What a webhook sends about an object now: also the error, signed and without an id, if it cannot be read. */
	payload(topic: string, resourceId: number): unknown {
		const [kind = '', event = ''] = topic.split('.');
		const resource = RESOURCES.find((candidate) => candidate === `${kind}s`);
		if (!resource) return { action: event, arg: resourceId };
		if (event === 'deleted') return { id: resourceId };
		try {
			if (!this.settings.readFails) return readObject(this.shop, resource, resourceId);
			throw new RestError(401, 'woocommerce_rest_cannot_view', 'Sorry, you cannot view this resource.');
		} catch (error) {
			if (error instanceof RestError) return error.body;
			throw error;
		}
	}

	/** Settles once every webhook job has run. */
	async idle(): Promise<void> {
		await this.webhooks.idle();
	}

	async close(): Promise<void> {
		await this.webhooks.close();
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}

	private fireCreated(object: ShopObject, plan: PushPlan): void {
		this.fire(object, 'created', plan);
		if (object.status === 'publish') this.fire(object, 'published', plan);
	}

	/** There is no `order.published` and the like: no webhook can have such a topic. */
	private fire({ resource, id }: ShopObject, event: string, plan: PushPlan): void {
		this.webhooks.notify(`${resource.slice(0, -1)}.${event}`, id, plan);
	}
}
