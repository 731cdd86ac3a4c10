import { type Answer, RestError } from './answers';
import { dateBound, integer, invalidParam, list, oneOf, pageOf } from './params';
import type { Settings } from './settings';
import type { Resource, Shop, ShopObject } from './shop';

/** What WordPress calls the type of an object, in error codes. */
const POST_TYPES: Record<Resource, string> = {
	orders: 'shop_order',
	products: 'product',
	coupons: 'shop_coupon',
	customers: 'customer',
};

const ORDER_STATUSES = [
	...['any', 'trash', 'auto-draft', 'pending', 'processing', 'on-hold', 'completed', 'cancelled', 'refunded', 'failed'],
	'checkout-draft',
];
const POST_STATUSES = ['any', 'future', 'trash', 'draft', 'pending', 'private', 'publish'];
/** What `any` leaves out. */
const HIDDEN = new Set(['trash', 'auto-draft', 'checkout-draft']);

const DIRECTIONS = ['asc', 'desc'] as const;

/** One object, as the API and the webhooks read it. */
export function readObject(shop: Shop, resource: Resource, id: number): unknown {
	const object = shop.get(resource, id);
	if (object) return shop.toRest(object);
	throw new RestError(404, `woocommerce_rest_${POST_TYPES[resource]}_invalid_id`, 'Invalid ID.');
}

/** A page of orders, products, coupons or customers. */
export function listObjects(shop: Shop, settings: Settings, resource: Resource, url: URL): Answer {
	const query = url.searchParams;
	integer(query, 'page', 1, 1);
	integer(query, 'per_page', 10, 1, 100);
	const matching =
		resource === 'customers' ? customerFilter(query) : postFilter(query, settings.siteOffsetMinutes, resource);
	const ids = new Set(list(query, 'include').map(Number));
	const excluded = new Set(list(query, 'exclude').map(Number));
	const search = query.get('search')?.toLowerCase();
	const found = shop
		.all(resource)
		.filter(
			(object) =>
				matching(object) &&
				(ids.size === 0 || ids.has(object.id)) &&
				!excluded.has(object.id) &&
				(!search || searchText(object).includes(search)),
		);
	const compare = resource === 'customers' ? customerOrder(query) : postOrder(query, settings);
	return pageOf(found.sort(compare), url, (object) => shop.toRest(object));
}

type Filter = (object: ShopObject) => boolean;
type Order = (a: ShopObject, b: ShopObject) => number;

/** Dates are compared strictly, by whole seconds. */
function postFilter(query: URLSearchParams, siteOffsetMinutes: number, resource: Resource): Filter {
	const bound = (name: string) => dateBound(query, name, siteOffsetMinutes);
	const after = bound('after') ?? -Infinity;
	const before = bound('before') ?? Infinity;
	const modifiedAfter = bound('modified_after') ?? -Infinity;
	const modifiedBefore = bound('modified_before') ?? Infinity;
	const hasStatus = statusFilter(query, resource);
	return (object) => {
		// Variations fire webhooks as products do, and are read one by one, but are not in the list.
		if (object.fields['type'] === 'variation') return false;
		const modifiedAt = object.modifiedAt ?? 0;
		const isCreatedBetween = object.createdAt > after && object.createdAt < before;
		const isModifiedBetween = modifiedAt > modifiedAfter && modifiedAt < modifiedBefore;
		return isCreatedBetween && isModifiedBetween && hasStatus(object);
	};
}

function statusFilter(query: URLSearchParams, resource: Resource): Filter {
	const statuses = list(query, 'status');
	const allowed = resource === 'orders' ? ORDER_STATUSES : POST_STATUSES;
	const unknown = statuses.find((status) => !allowed.includes(status));
	if (unknown !== undefined) throw invalidParam('status', `status[0] is not one of ${allowed.join(', ')}.`);
	if (statuses.length === 0 || statuses.includes('any')) return ({ status }) => !HIDDEN.has(status);
	return ({ status }) => statuses.includes(status);
}

/** Customers have no date filter: dates in the query are ignored. */
function customerFilter(query: URLSearchParams): Filter {
	const role = query.get('role') ?? 'customer';
	const email = query.get('email');
	return ({ fields }) => (role === 'all' || fields['role'] === role) && (email === null || fields['email'] === email);
}

/** Equal dates are ordered by number, in the same direction. */
function postOrder(query: URLSearchParams, { sortsByModified }: Settings): Order {
	const columns = ['date', 'id', 'include', 'title', 'slug', ...(sortsByModified ? ['modified'] : [])];
	const column = oneOf(query.get('orderby'), 'orderby', columns, 'date');
	const sign = oneOf(query.get('order'), 'order', DIRECTIONS, 'desc') === 'asc' ? 1 : -1;
	switch (column) {
		case 'date':
			return (a, b) => sign * (a.createdAt - b.createdAt || a.id - b.id);
		case 'modified':
			return (a, b) => sign * ((a.modifiedAt ?? 0) - (b.modifiedAt ?? 0) || a.id - b.id);
		case 'include': {
			const place = new Map(list(query, 'include').map((id, index) => [Number(id), index]));
			return (a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0);
		}
		case 'title':
		case 'slug':
			return (a, b) => sign * (searchText(a).localeCompare(searchText(b)) || a.id - b.id);
		default:
			return (a, b) => sign * (a.id - b.id);
	}
}

function customerOrder(query: URLSearchParams): Order {
	const column = oneOf(query.get('orderby'), 'orderby', ['id', 'include', 'name', 'registered_date'], 'name');
	const sign = oneOf(query.get('order'), 'order', DIRECTIONS, 'asc') === 'asc' ? 1 : -1;
	switch (column) {
		case 'registered_date':
			return (a, b) => sign * (a.createdAt - b.createdAt || a.id - b.id);
		case 'name':
			return (a, b) => sign * (searchText(a).localeCompare(searchText(b)) || a.id - b.id);
		default:
			return (a, b) => sign * (a.id - b.id);
	}
}

/** What a search looks at, and what a title or name sorts by. */
function searchText({ resource, fields }: ShopObject): string {
	switch (resource) {
		case 'orders':
			return `${String(fields['number'])} ${JSON.stringify(fields['billing'])}`.toLowerCase();
		case 'products':
			return `${String(fields['name'])} ${String(fields['sku'])}`.toLowerCase();
		case 'coupons':
			return String(fields['code']).toLowerCase();
		case 'customers':
			return `${String(fields['first_name'])} ${String(fields['last_name'])} ${String(fields['email'])}`.toLowerCase();
	}
}
