import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Order,
	type Reply,
	ListModel,
	byNumber,
	inOrder,
	pageSizeOf,
	uuidOf,
	wholeNumber,
	withQuery,
} from './model';

/**
 * Any list made with Django REST framework, with the settings that its pages show: PageNumberPagination as
 * StandardResultsSetPagination of https://www.django-rest-framework.org/api-guide/pagination/, OrderingFilter and
 * django-filter as in https://www.django-rest-framework.org/api-guide/filtering/. A page that is not there is no page:
 * 404, `Invalid page.`. Times have microseconds, and none where they are zero:
 * https://www.django-rest-framework.org/api-guide/fields/#datetimefield.
 */
class DjangoOrders extends ListModel {
	readonly pageSize = 1000;
	readonly defaultPageSize = 100;
	protected override readonly step = 1;

	protected idOf(n: number): string {
		return String(n);
	}

	protected reply({ url }: ListApiRequest, base: string): Reply {
		const html = { 'content-type': 'text/html; charset=utf-8' };
		// APPEND_SLASH of Django.
		if (`${url.pathname}/` === PATH) {
			return { status: 301, headers: { ...html, location: `${PATH}${url.search}` }, body: '' };
		}
		if (url.pathname !== PATH) return { status: 404, headers: html, body: '<!doctype html><title>Not Found</title>' };
		const query = url.searchParams;
		const wrong = TIME_FILTERS.filter((name) => query.has(name) && readTime(query.get(name) ?? '') === undefined);
		if (wrong.length > 0) {
			return { status: 400, body: Object.fromEntries(wrong.map((name) => [name, ['Enter a valid date/time.']])) };
		}
		const found = this.entries.filter((entry) => isAsked(entry, query));
		const ordered = inOrder(found, readOrder(query.get('ordering')));
		const size = pageSizeOf(query.get('page_size'), this);
		const pages = Math.max(1, Math.ceil(ordered.length / size));
		const page = query.get('page') === 'last' ? pages : wholeNumber(query.get('page') || '1');
		if (page === undefined || page < 1 || page > pages) return { status: 404, body: { detail: 'Invalid page.' } };
		const rows = ordered.slice((page - 1) * size, page * size);
		return {
			headers: { allow: 'GET, POST, HEAD, OPTIONS', vary: 'Accept' },
			body: {
				count: ordered.length,
				next: page < pages ? link(base, query, page + 1) : null,
				previous: page > 1 ? link(base, query, page - 1) : null,
				results: rows.map((entry) => order(entry, base)),
			},
		};
	}
}

const PATH = '/api/orders/';
const COMPARE = {
	gt: (a: number, b: number) => a > b,
	gte: (a: number, b: number) => a >= b,
	lt: (a: number, b: number) => a < b,
	lte: (a: number, b: number) => a <= b,
};
const TIMES = { created_at: createdAt, updated_at: updatedAt };
const TIME_FILTERS = Object.keys(TIMES).flatMap((field) => Object.keys(COMPARE).map((lookup) => `${field}__${lookup}`));

/** In microseconds, of which the test knows the thousands only. */
function createdAt({ n, created }: Entry): number {
	return created * 1000 + ((n * 379) % 1000);
}

function updatedAt(entry: Entry): number {
	return entry.changes === 0 ? createdAt(entry) : entry.updated * 1000 + ((entry.n * 379 + entry.changes) % 1000);
}

function isAsked(entry: Entry, query: URLSearchParams): boolean {
	return Object.entries(TIMES).every(([field, time]) =>
		Object.entries(COMPARE).every(([lookup, compare]) => {
			const bound = query.get(`${field}__${lookup}`);
			return bound === null || compare(time(entry), readTime(bound) ?? 0);
		}),
	);
}

/** What is no field to order by is ignored. */
function readOrder(text: string | null): Order {
	const [, minus, field = ''] = /^(-?)(\w+)/.exec(text ?? '') ?? [];
	const by = { id: byNumber, ...TIMES }[field];
	return by ? { by, descending: minus === '-' } : { by: byNumber, descending: false };
}

/** In microseconds; a time without an offset is in UTC. */
function readTime(text: string): number | undefined {
	const [, day, minutes, fraction = '', offset = 'Z'] =
		/^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? [];
	const time = Date.parse(`${day ?? ''}T${minutes ?? ''}${offset.replace(/(\d\d)(\d\d)$/, '$1:$2')}`);
	return Number.isNaN(time) ? undefined : time * 1000 + Number(fraction.padEnd(6, '0'));
}

function written(microseconds: number): string {
	const fraction = microseconds % 1_000_000;
	const seconds = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 19);
	return `${seconds}${fraction === 0 ? '' : `.${String(fraction).padStart(6, '0')}`}Z`;
}

function link(base: string, asked: URLSearchParams, page: number): string {
	const query = new URLSearchParams(asked);
	if (page === 1) query.delete('page');
	else query.set('page', String(page));
	return withQuery(`${base}${PATH}`, query);
}

function order(entry: Entry, base: string): object {
	const { n, changes } = entry;
	return {
		id: n,
		url: `${base}${PATH}${n}/`,
		uuid: uuidOf(`order ${n}`),
		reference: `ORD-${String(n).padStart(6, '0')}`,
		customer: {
			id: n % 7,
			url: `${base}/api/customers/${n % 7}/`,
			email: `person${n}@example.com`,
			date_joined: '2019-05-07T09:12:44.318204Z',
			last_login: null,
		},
		assigned_to: n % 3 === 0 ? 4 : null,
		status: changes > 0 ? 'changed' : 'new',
		currency: 'EUR',
		total: `${20 + n}.00`,
		is_paid: true,
		due_date: '2031-04-30',
		created_at: written(createdAt(entry)),
		updated_at: written(updatedAt(entry)),
		paid_at: written(createdAt(entry)),
		shipped_at: null,
		cancelled_at: null,
		revision: changes,
		tags: ['retail', `group-${n % 7}`],
		items: [
			{ id: 9000 + n, order: n, product: 17, quantity: 2, unit_price: '10.00', created_at: written(createdAt(entry)) },
			{ id: 19_000 + n, order: n, product: 18, quantity: n, unit_price: '1.00', created_at: written(createdAt(entry)) },
		],
		notes: '',
	};
}

export const django: ListApi = { name: 'Django REST framework list', url: PATH, create: () => new DjangoOrders() };
