import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Order,
	type Place,
	type Reply,
	ListModel,
	after,
	before,
	byCreated,
	byNumber,
	byUpdated,
	decodeCursor,
	encodeCursor,
	hexOf,
	inOrder,
	pageSizeOf,
	placeOf,
	withQuery,
} from './model';

/**
 * Orders of a shop. The pages are https://shopify.dev/docs/api/admin-rest/latest/resources/order and
 * https://shopify.dev/docs/api/admin-rest/usage/pagination. The filters of the first request are inside `page_info`,
 * and must not be sent beside it again. `order` is in wide use, but on no page.
 * Guessed: newest first, and what a time that cannot be read is answered with.
 */
class ShopifyOrders extends ListModel {
	readonly pageSize = 250;
	readonly defaultPageSize = 50;

	protected idOf(n: number): string {
		return String(5_800_000_000_000 + n);
	}

	protected reply({ url }: ListApiRequest, base: string): Reply {
		if (!PATH.test(url.pathname)) return { status: 404, body: { errors: 'Not Found' } };
		const query = url.searchParams;
		if (Number(query.get('limit')) > this.pageSize) {
			return { status: 400, body: { errors: `Limit exceeds maximum limit of ${this.pageSize}` } };
		}
		const size = pageSizeOf(query.get('limit'), this);
		const cursor = readCursor(query);
		if ('errors' in cursor) return { status: 400, body: cursor };
		const found = this.find(cursor.filters);
		if (!found) return { status: 400, body: { errors: { updated_at: 'Invalid date' } } };
		const order = readOrder(cursor.filters['order']);
		const ordered = inOrder(found, order);
		const rest = cursor.place ? SIDES[cursor.direction](ordered, order, cursor.place) : ordered;
		const rows = cursor.direction === 'next' ? rest.slice(0, size) : rest.slice(-size);
		const link = links(`${base}${url.pathname}`, query, size, cursor.filters, order, ordered, rows);
		const orders = rows.map((entry) => showOrder(entry, Number(this.idOf(entry.n))));
		const headers = { 'x-shopify-shop-api-call-limit': '1/40', ...(link !== '' && { link }) };
		return { headers, body: { orders } };
	}

	/** `undefined` where a time cannot be read. */
	private find(filters: Filters): Entry[] | undefined {
		let found = ['open', 'any'].includes(filters['status'] ?? 'open') ? this.entries : [];
		for (const [name, text] of Object.entries(filters)) {
			const [, field, bound] = /^(created|updated|processed)_at_(min|max)$/.exec(name) ?? [];
			if (!field) continue;
			const limit = readTime(text);
			if (Number.isNaN(limit)) return undefined;
			const time = field === 'updated' ? byUpdated : byCreated;
			found = found.filter((entry) => (bound === 'min' ? time(entry) >= limit : time(entry) <= limit));
		}
		return found;
	}
}

type Filters = Readonly<Record<string, string>>;

interface Cursor {
	readonly filters: Filters;
	readonly place?: Place;
	readonly direction: 'next' | 'prev';
}

const PATH = /^\/admin\/api\/\d{4}-\d\d\/orders\.json$/;
const SIDES = { next: after, prev: before };
/** Not part of the cursor, and allowed beside it. */
const FREE = ['limit', 'fields', 'page_info'];

function readCursor(query: URLSearchParams): Cursor | { errors: Record<string, string> } {
	const filters = Object.fromEntries([...query].filter(([name]) => !FREE.includes(name)));
	const text = query.get('page_info');
	if (text === null) return { filters, direction: 'next' };
	const refused = Object.keys(filters).map((name) => [
		name,
		`${name} cannot be passed when page_info is present. See https://shopify.dev/api/usage/pagination-rest for more information.`,
	]);
	if (refused.length > 0) return { errors: Object.fromEntries(refused) as Record<string, string> };
	const cursor = decodeCursor(text);
	const isCursor = typeof cursor === 'object' && cursor !== null && 'direction' in cursor;
	return isCursor ? (cursor as Cursor) : { errors: { page_info: 'Invalid value.' } };
}

function readOrder(text = ''): Order {
	const [, field = 'created_at', direction = 'desc'] = /^(\w+)(?: (asc|desc))?$/i.exec(text) ?? [];
	const by = { id: byNumber, updated_at: byUpdated }[field] ?? byCreated;
	return { by, descending: direction.toLowerCase() === 'desc' };
}

/** The shop is at -05:00, and a time without an offset is its own. */
function readTime(text: string): number {
	return Date.parse(
		/T.*(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text.includes('T') ? text : `${text}T00:00:00`}-05:00`,
	);
}

function showTime(milliseconds: number): string {
	return new Date(milliseconds - 5 * 3_600_000).toISOString().replace(/\.\d+Z$/, '-05:00');
}

function links(
	address: string,
	asked: URLSearchParams,
	size: number,
	filters: Filters,
	order: Order,
	ordered: readonly Entry[],
	rows: readonly Entry[],
): string {
	const link = (direction: 'next' | 'prev', edge: Entry | undefined, rel: string) => {
		if (!edge || SIDES[direction](ordered, order, placeOf(edge, order)).length === 0) return [];
		const query = new URLSearchParams({ limit: String(size) });
		const fields = asked.get('fields');
		if (fields !== null) query.set('fields', fields);
		query.set('page_info', encodeCursor({ filters, place: placeOf(edge, order), direction } satisfies Cursor));
		return [`<${withQuery(address, query)}>; rel="${rel}"`];
	};
	return [...link('prev', rows[0], 'previous'), ...link('next', rows.at(-1), 'next')].join(', ');
}

function showOrder({ n, created, updated, changes }: Entry, id: number): object {
	const price = money(`${20 + n}.00`);
	return {
		id,
		admin_graphql_api_id: `gid://shopify/Order/${id}`,
		app_id: 580111,
		browser_ip: '192.0.2.1',
		buyer_accepts_marketing: false,
		cancel_reason: null,
		cancelled_at: null,
		cart_token: hexOf(`cart ${n}`, 32),
		checkout_id: 901_414_060 + n,
		checkout_token: hexOf(`checkout ${n}`, 32),
		closed_at: null,
		confirmed: true,
		contact_email: `person${n}@example.com`,
		created_at: showTime(created),
		currency: 'USD',
		current_total_price: price.shop_money.amount,
		current_total_price_set: price,
		customer: {
			id: 207_119_551 + (n % 7),
			email: `person${n}@example.com`,
			created_at: '2024-04-02T09:05:33-05:00',
			updated_at: showTime(created),
			first_name: 'Bob',
			last_name: 'Norman',
			state: 'disabled',
			tags: '',
			default_address: {
				id: 207_119_551,
				customer_id: 207_119_551 + (n % 7),
				city: 'Louisville',
				zip: '40202',
				default: true,
			},
		},
		discount_codes: n % 3 === 0 ? [{ code: 'TENOFF', amount: '10.00', type: 'fixed_amount' }] : [],
		financial_status: 'paid',
		fulfillment_status: null,
		fulfillments: [],
		line_items: [
			{
				id: 466_157_049 + n,
				admin_graphql_api_id: `gid://shopify/LineItem/${466_157_049 + n}`,
				name: 'IPod Nano - 8gb - green',
				price: price.shop_money.amount,
				product_id: 632910392,
				quantity: 1,
				sku: 'IPOD2008GREEN',
				tax_lines: [{ price: '3.98', rate: 0.06, title: 'State Tax' }],
				variant_id: 39072856,
			},
		],
		location_id: null,
		name: `#${1000 + n}`,
		note: changes > 0 ? `Changed ${changes} times` : null,
		note_attributes: [{ name: 'colour', value: 'green' }],
		number: n,
		order_number: 1000 + n,
		payment_gateway_names: ['bogus'],
		processed_at: showTime(created),
		refunds: [],
		shipping_lines: [{ id: 369_256_396 + n, code: 'Free Shipping', price: '0.00', source: 'shopify' }],
		source_name: 'web',
		tags: '',
		taxes_included: false,
		test: false,
		token: hexOf(`order ${n}`, 32),
		total_price: price.shop_money.amount,
		updated_at: showTime(updated),
		user_id: null,
	};
}

function money(amount: string) {
	const money = { amount, currency_code: 'USD' };
	return { shop_money: money, presentment_money: money };
}

export const shopify: ListApi = {
	name: 'Shopify orders',
	url: '/admin/api/2026-07/orders.json?status=any',
	create: () => new ShopifyOrders(),
};
