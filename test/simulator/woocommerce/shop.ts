import { restDates, wholeSecond } from './answers';
import type { Settings } from './settings';

export const RESOURCES = ['orders', 'products', 'coupons', 'customers'] as const;
export type Resource = (typeof RESOURCES)[number];

/** What a test gives an object. Unnamed fields appear in the row as they are. */
export interface Fields {
	id?: number;
	status?: string;
	/** Milliseconds since the epoch. Default: now. */
	createdAt?: number;
	/** Milliseconds since the epoch. Default: the creation, for customers null. */
	modifiedAt?: number | null;
	[field: string]: unknown;
}

/** An object of the shop. */
export interface ShopObject {
	readonly resource: Resource;
	readonly id: number;
	status: string;
	/** The status before it was moved to the trash. */
	statusBefore: string;
	/** Whole seconds, in milliseconds since the epoch. */
	readonly createdAt: number;
	modifiedAt: number | null;
	fields: Record<string, unknown>;
}

/** An object as the API and the webhooks show it. */
export interface RestObject {
	id: number;
	date_created: string;
	date_created_gmt: string;
	date_modified: string | null;
	date_modified_gmt: string | null;
	_links: Record<'self' | 'collection', { href: string }[]>;
	[field: string]: unknown;
}

/** Statuses in which an object fires no webhook. */
const DRAFTS: Record<Resource, readonly string[]> = {
	orders: ['draft', 'auto-draft', 'checkout-draft', 'new'],
	products: ['auto-draft', 'new'],
	coupons: ['auto-draft', 'new'],
	customers: [],
};

export const isDraft = ({ resource, status }: Pick<ShopObject, 'resource' | 'status'>) =>
	DRAFTS[resource].includes(status);

/** The orders, products, coupons and customers of a shop. */
export class Shop {
	private readonly byId: Record<Resource, Map<number, ShopObject>> = {
		orders: new Map(),
		products: new Map(),
		coupons: new Map(),
		customers: new Map(),
	};
	/** Orders, products and coupons share their numbers, as WordPress keeps them all as posts. */
	private nextPost = 1;
	private nextUser = 1;

	constructor(
		private readonly settings: Settings,
		private readonly clock: () => number,
		private readonly apiUrl: () => string,
	) {}

	create(resource: Resource, { id: wanted, status, createdAt, modifiedAt, ...fields }: Fields): ShopObject {
		const id = wanted ?? (resource === 'customers' ? this.nextUser : this.nextPost);
		if (resource === 'customers') this.nextUser = Math.max(this.nextUser, id + 1);
		else this.nextPost = Math.max(this.nextPost, id + 1);
		const created = wholeSecond(createdAt ?? this.clock());
		const modified = modifiedAt === undefined ? (resource === 'customers' ? null : created) : modifiedAt;
		const object: ShopObject = {
			resource,
			id,
			status: status ?? (resource === 'orders' ? 'pending' : 'publish'),
			statusBefore: '',
			createdAt: created,
			modifiedAt: modified === null ? null : wholeSecond(modified),
			fields: { ...SAMPLES[resource](id), ...fields },
		};
		this.byId[resource].set(id, object);
		return object;
	}

	update(resource: Resource, id: number, { status, modifiedAt, ...fields }: Fields): ShopObject {
		const object = this.existing(resource, id);
		Object.assign(object.fields, fields);
		if (status !== undefined) object.status = status;
		object.modifiedAt = modifiedAt === null ? null : wholeSecond(modifiedAt ?? this.clock());
		return object;
	}

	trash(resource: Resource, id: number): ShopObject {
		const object = this.existing(resource, id);
		object.statusBefore = object.status;
		return this.update(resource, id, { status: 'trash' });
	}

	restore(resource: Resource, id: number): ShopObject {
		const object = this.existing(resource, id);
		if (object.status !== 'trash') throw new Error(`${resource} ${id} is not in the trash`);
		return this.update(resource, id, { status: object.statusBefore });
	}

	remove(resource: Resource, id: number): ShopObject {
		const object = this.existing(resource, id);
		this.byId[resource].delete(id);
		return object;
	}

	get(resource: Resource, id: number): ShopObject | undefined {
		return this.byId[resource].get(id);
	}

	all(resource: Resource): ShopObject[] {
		return [...this.byId[resource].values()];
	}

	toRest({ resource, id, status, createdAt, modifiedAt, fields }: ShopObject): RestObject {
		const collection = `${this.apiUrl()}/${resource}`;
		return {
			id,
			...(resource !== 'customers' && { status }),
			...restDates(createdAt, modifiedAt, this.settings.siteOffsetMinutes),
			...fields,
			_links: { self: [{ href: `${collection}/${id}` }], collection: [{ href: collection }] },
		};
	}

	private existing(resource: Resource, id: number): ShopObject {
		const object = this.get(resource, id);
		if (!object) throw new Error(`The shop has no ${id} among its ${resource}`);
		return object;
	}
}

/** The fields of an object that a test does not name. */
const SAMPLES: Record<Resource, (id: number) => Record<string, unknown>> = {
	orders: (id) => ({
		parent_id: 0,
		number: String(id),
		order_key: `wc_order_${id}`,
		currency: 'EUR',
		prices_include_tax: true,
		discount_total: '0.00',
		shipping_total: '4.90',
		total: '24.90',
		customer_id: 0,
		billing: { first_name: 'Person', last_name: String(id), email: `person${id}@example.com` },
		payment_method: 'bacs',
		line_items: [{ id, name: 'Tea', product_id: 1, quantity: 2, subtotal: '20.00', total: '20.00', price: 10 }],
		meta_data: [],
	}),
	products: (id) => ({
		name: `Product ${id}`,
		slug: `product-${id}`,
		type: 'simple',
		sku: `SKU-${id}`,
		price: '10.00',
		regular_price: '10.00',
		sale_price: '',
		stock_quantity: null,
		stock_status: 'instock',
		meta_data: [],
	}),
	coupons: (id) => ({
		code: `coupon${id}`,
		amount: '5.00',
		discount_type: 'percent',
		usage_count: 0,
		date_expires: null,
		meta_data: [],
	}),
	customers: (id) => ({
		email: `customer${id}@example.com`,
		first_name: 'Customer',
		last_name: String(id),
		role: 'customer',
		username: `customer${id}`,
		billing: { first_name: 'Customer', last_name: String(id), email: `customer${id}@example.com` },
		is_paying_customer: false,
		meta_data: [],
	}),
};
