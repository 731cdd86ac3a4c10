import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Reply,
	ListModel,
	byCreated,
	byNumber,
	byUpdated,
	hexOf,
	inOrder,
	lettersOf,
	wholeNumber,
	withQuery,
} from './model';

/**
 * Orders of a WordPress shop. The pages are https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders and
 * #pagination there. What they leave open is as in the source, WC_REST_CRUD_Controller of wc/v3: a page behind the last
 * is an empty list, with the totals; sorting by `modified` is possible; the smallest size is 1, the largest 100.
 *
 * Both bounds of a date query of WordPress leave out the moment itself. A time with an offset is first turned into the
 * shop's own time, and then compared with the GMT times all the same where `dates_are_gmt` is set
 * (https://developer.wordpress.org/reference/classes/wp_date_query/build_mysql_datetime/).
 */
class WooCommerceOrders extends ListModel {
	readonly pageSize = 100;
	readonly defaultPageSize = 10;

	protected idOf(n: number): string {
		return String(700 + n);
	}

	protected reply({ url }: ListApiRequest, base: string): Reply {
		if (url.pathname !== PATH && url.pathname !== `${PATH}/`) {
			const message = 'No route was found matching the URL and request method.';
			return { status: 404, body: { code: 'rest_no_route', message, data: { status: 404 } } };
		}
		const query = url.searchParams;
		const refusal = refuse(query);
		if (refusal) return refusal;
		const size = Number(query.get('per_page') ?? this.defaultPageSize);
		const page = Number(query.get('page') ?? 1);
		const by = { id: byNumber, modified: byUpdated }[query.get('orderby') ?? ''] ?? byCreated;
		const found = this.entries.filter((entry) => isAsked(entry, query));
		const ordered = inOrder(found, { by, descending: query.get('order') !== 'asc' });
		const begin = Number(query.get('offset') ?? (page - 1) * size);
		const pages = Math.ceil(found.length / size);
		const rows = ordered.slice(begin, begin + size);
		const link = links(`${base}${PATH}`, query, page, pages);
		return {
			headers: {
				'x-wp-total': String(found.length),
				'x-wp-totalpages': String(pages),
				...(link !== '' && { link }),
			},
			body: rows.map((entry) => order(entry, Number(this.idOf(entry.n)), base)),
		};
	}
}

const PATH = '/wp-json/wc/v3/orders';
const SHOP_OFFSET = -3 * 3_600_000;
const ORDERS = ['asc', 'desc'];
const ORDERS_BY = ['date', 'id', 'include', 'title', 'slug', 'modified'];
const DATES = ['after', 'before', 'modified_after', 'modified_before'];
const DATE = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)?$/;

type Wrong = readonly [code: string, message: string];

function refuse(query: URLSearchParams): Reply | undefined {
	const wrong = [...query].flatMap(([name, value]) => {
		const found = wrongWith(name, value);
		return found ? [[name, found] as const] : [];
	});
	if (wrong.length === 0) return undefined;
	const params = Object.fromEntries(wrong.map(([name, [, message]]) => [name, message]));
	const details = Object.fromEntries(wrong.map(([name, [code, message]]) => [name, { code, message, data: null }]));
	const message = `Invalid parameter(s): ${Object.keys(params).join(', ')}`;
	return { status: 400, body: { code: 'rest_invalid_param', message, data: { status: 400, params, details } } };
}

/** Parameters that are not known are ignored. */
function wrongWith(name: string, value: string): Wrong | undefined {
	if (['page', 'per_page', 'offset'].includes(name)) return wrongNumber(name, value);
	if (name === 'order') return wrongChoice(name, value, ORDERS);
	if (name === 'orderby') return wrongChoice(name, value, ORDERS_BY);
	if (DATES.includes(name) && !DATE.test(value)) return ['rest_invalid_date', 'Invalid date.'];
	if (name === 'dates_are_gmt' && !/^(true|false|0|1)$/i.test(value)) {
		return ['rest_invalid_type', `${name} is not of type boolean.`];
	}
	return undefined;
}

function wrongNumber(name: string, value: string): Wrong | undefined {
	const number = wholeNumber(value);
	if (number === undefined) return ['rest_invalid_type', `${name} is not of type integer.`];
	if (name === 'page' && number < 1) return ['rest_out_of_bounds', `${name} must be greater than or equal to 1`];
	if (name !== 'per_page' || (number >= 1 && number <= 100)) return undefined;
	return ['rest_out_of_bounds', `${name} must be between 1 (inclusive) and 100 (inclusive)`];
}

function wrongChoice(name: string, value: string, choices: readonly string[]): Wrong | undefined {
	const listed = new Intl.ListFormat('en').format(choices);
	return choices.includes(value) ? undefined : ['rest_not_in_enum', `${name} is not one of ${listed}.`];
}

function isAsked({ created, updated }: Entry, query: URLSearchParams): boolean {
	const status = query.get('status') ?? 'any';
	const isGmt = /^(true|1)$/i.test(query.get('dates_are_gmt') ?? '');
	const shown = (time: number) => (isGmt ? time : time + SHOP_OFFSET);
	const bound = (name: string, otherwise: number) => readTime(query.get(name)) ?? otherwise;
	return (
		['any', 'processing'].includes(status) &&
		shown(created) > bound('after', -Infinity) &&
		shown(created) < bound('before', Infinity) &&
		shown(updated) > bound('modified_after', -Infinity) &&
		shown(updated) < bound('modified_before', Infinity)
	);
}

/** What a clock at the shop showed, written as if it were UTC; in whole seconds. */
function readTime(text: string | null): number | undefined {
	if (text === null) return undefined;
	const hasOffset = /(Z|[+-]\d\d(:\d\d)?)$/.test(text.slice(19));
	const time = hasOffset ? Date.parse(text.replace(/([+-]\d\d)$/, '$1:00')) + SHOP_OFFSET : Date.parse(`${text}Z`);
	return Math.floor(time / 1000) * 1000;
}

function links(address: string, asked: URLSearchParams, page: number, pages: number): string {
	const link = (number: number, rel: string) => {
		const query = new URLSearchParams(asked);
		query.set('page', String(number));
		return [`<${withQuery(address, query)}>; rel="${rel}"`];
	};
	return [
		...(page > 1 ? link(Math.min(page - 1, pages), 'prev') : []),
		...(pages > page ? link(page + 1, 'next') : []),
	].join(', ');
}

const written = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 19);

function order({ n, created, updated, changes }: Entry, id: number, base: string): object {
	const { first_name, last_name } = { first_name: 'John', last_name: `Doe ${n}` };
	const address = {
		first_name,
		last_name,
		company: '',
		address_1: '969 Market',
		city: 'San Francisco',
		postcode: '94103',
	};
	return {
		id,
		parent_id: 0,
		status: 'processing',
		currency: 'USD',
		version: '9.3.3',
		prices_include_tax: false,
		date_created: written(created + SHOP_OFFSET),
		date_modified: written(updated + SHOP_OFFSET),
		discount_total: '0.00',
		shipping_total: '10.00',
		cart_tax: '1.35',
		total: `${20 + n}.35`,
		total_tax: '1.35',
		customer_id: n % 7,
		order_key: `wc_order_${lettersOf(`order ${n}`, 13)}`,
		billing: { ...address, state: 'CA', country: 'US', email: `person${n}@example.com`, phone: '(555) 555-5555' },
		shipping: { ...address, state: 'CA', country: 'US', phone: '' },
		payment_method: 'bacs',
		payment_method_title: 'Direct Bank Transfer',
		transaction_id: '',
		customer_ip_address: '192.0.2.1',
		customer_user_agent: '',
		created_via: 'checkout',
		customer_note: changes > 0 ? `Changed ${changes} times` : '',
		date_completed: null,
		date_paid: written(created + SHOP_OFFSET),
		cart_hash: hexOf(`cart ${n}`, 32),
		number: String(id),
		meta_data: [
			{ id: 13106 + n, key: '_download_permissions_granted', value: 'yes' },
			{ id: 23106 + n, key: '_order_stock_reduced', value: 'yes' },
		],
		line_items: [
			{
				id: 315 + n,
				name: 'Woo Single #1',
				product_id: 93,
				variation_id: 0,
				quantity: 2,
				subtotal: '6.00',
				total: '6.00',
				taxes: [{ id: 75, total: '0.45', subtotal: '0.45' }],
				meta_data: [],
				sku: '',
				price: 3,
			},
		],
		tax_lines: [{ id: 318 + n, rate_code: 'US-CA-STATE TAX', rate_id: 75, label: 'State Tax', tax_total: '1.35' }],
		shipping_lines: [{ id: 317 + n, method_title: 'Flat Rate', method_id: 'flat_rate', total: '10.00', taxes: [] }],
		fee_lines: [],
		coupon_lines: [],
		refunds: [],
		payment_url: `${base}/checkout/order-pay/${id}/`,
		is_editable: false,
		needs_payment: false,
		needs_processing: true,
		date_created_gmt: written(created),
		date_modified_gmt: written(updated),
		date_completed_gmt: null,
		date_paid_gmt: written(created),
		_links: { self: [{ href: `${base}${PATH}/${id}` }], collection: [{ href: `${base}${PATH}` }] },
	};
}

export const wooCommerce: ListApi = { name: 'WooCommerce orders', url: PATH, create: () => new WooCommerceOrders() };
