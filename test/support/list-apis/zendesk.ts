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
	inOrder,
	isoSeconds,
	pageSizeOf,
	placeOf,
	wholeNumber,
	withQuery,
} from './model';

/**
 * Tickets. The pages are https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#list-tickets and
 * https://developer.zendesk.com/api-reference/introduction/pagination/. Without `page[size]` they are paged by numbers.
 * With it, the last page has a link to a next one too: `has_more` is what counts.
 * Guessed: that a size over 100 is cut down, and the page behind the last.
 */
class ZendeskTickets extends ListModel {
	readonly pageSize = 100;
	readonly defaultPageSize = 100;

	protected idOf(n: number): string {
		return String(n);
	}

	protected reply({ url }: ListApiRequest, base: string): Reply {
		if (!/^\/api\/v2\/tickets(\.json)?$/.test(url.pathname)) {
			return { status: 404, body: { error: 'InvalidEndpoint', description: 'Not found' } };
		}
		const isByCursor = ['page[size]', 'page[after]', 'page[before]'].some((name) => url.searchParams.has(name));
		const page = isByCursor ? this.byCursor(url, base) : this.byNumbers(url, base);
		if (!('rows' in page)) return page;
		return { body: { tickets: page.rows.map((entry) => ticket(entry, base)), ...page.paging } };
	}

	private byCursor(url: URL, base: string): Reply | Page {
		const query = url.searchParams;
		const size = wholeNumber(query.get('page[size]') ?? '100');
		if (size === undefined || size < 1) return invalidSize();
		const [, minus, field = ''] = /^(-?)(.*)$/.exec(query.get('sort') ?? 'id') ?? [];
		const by = { id: byNumber, updated_at: byUpdated, status: () => 'open' }[field];
		if (!by) return invalidParameter('sort is not valid');
		const order = { by, descending: minus === '-' };
		const read = (name: string) =>
			query.has(name) ? (decodeCursor(query.get(name) ?? '', CURSOR) as Cursor | undefined) : null;
		const [next, previous] = [read('page[after]'), read('page[before]')];
		if (next === undefined) return invalidParameter('page[after] is not valid');
		if (previous === undefined) return invalidParameter('page[before] is not valid');
		const ordered = inOrder(this.entries, order);
		const limit = Math.min(size, this.pageSize);
		const rest = previous ? before(ordered, order, previous.v) : next ? after(ordered, order, next.v) : ordered;
		const rows = previous ? rest.slice(-limit) : rest.slice(0, limit);
		const cursor = (entry: Entry | undefined) =>
			entry ? encodeCursor({ o: `${minus ?? ''}${field}`, v: placeOf(entry, order) } satisfies Cursor, CURSOR) : null;
		const meta = {
			has_more: rest.length > rows.length,
			after_cursor: cursor(rows.at(-1)),
			before_cursor: cursor(rows[0]),
		};
		const link = (name: string, text: string | null) => (text === null ? null : linkTo(url, base, name, text));
		const links = { prev: link('page[before]', meta.before_cursor), next: link('page[after]', meta.after_cursor) };
		return { rows, paging: { meta, links } };
	}

	private byNumbers(url: URL, base: string): Page {
		const query = url.searchParams;
		const size = pageSizeOf(query.get('per_page'), this);
		const page = Math.max(1, wholeNumber(query.get('page') ?? '') ?? 1);
		const by = { updated_at: byUpdated, created_at: byCreated }[query.get('sort_by') ?? ''] ?? byNumber;
		const order: Order = { by, descending: query.get('sort_order') === 'desc' };
		const ordered = inOrder(this.entries, order);
		const isLast = page * size >= ordered.length;
		return {
			rows: ordered.slice((page - 1) * size, page * size),
			paging: {
				next_page: isLast ? null : linkTo(url, base, 'page', String(page + 1)),
				previous_page: page > 1 ? linkTo(url, base, 'page', String(page - 1)) : null,
				count: ordered.length,
			},
		};
	}
}

/** In base64 it has a `+`, as cursors here may have: one that is sent unencoded is refused. */
const CURSOR = '~~~';

interface Page {
	readonly rows: readonly Entry[];
	readonly paging: object;
}

interface Cursor {
	readonly o: string;
	readonly v: Place;
}

/** Brackets and the padding of a cursor are encoded in the links. */
function linkTo(url: URL, base: string, name: string, value: string): string {
	const query = new URLSearchParams(url.searchParams);
	query.delete('page[after]');
	query.delete('page[before]');
	query.set(name, value);
	return withQuery(`${base}${url.pathname}`, query);
}

function invalidParameter(description: string): Reply {
	return { status: 400, body: { error: 'InvalidPaginationParameter', description } };
}

function invalidSize(): Reply {
	const message =
		'You passed an invalid value for the page.size attribute. Invalid parameter: page.size must be an integer from api/v2/tickets/index';
	return { status: 400, body: { error: { title: 'Invalid attribute', message } } };
}

function ticket({ n, created, updated, changes }: Entry, base: string): object {
	const subject = `Help, my printer is on fire ${n}`;
	return {
		url: `${base}/api/v2/tickets/${n}.json`,
		id: n,
		external_id: n % 3 === 0 ? `ahg35h3jh${n}` : null,
		via: { channel: 'web', source: { from: {}, to: {}, rel: null } },
		created_at: isoSeconds(created),
		updated_at: isoSeconds(updated),
		// A moment too, but it also moves where `updated_at` does not.
		generated_timestamp: updated / 1000,
		type: 'incident',
		subject,
		raw_subject: subject,
		description: 'The fire is very colorful.',
		priority: changes > 0 ? 'high' : 'normal',
		status: 'open',
		recipient: null,
		requester_id: 20978392 + (n % 7),
		submitter_id: 76872,
		assignee_id: 235323,
		organization_id: null,
		group_id: 98738,
		collaborator_ids: [35334, 234],
		follower_ids: [35334, 234],
		email_cc_ids: [],
		forum_topic_id: null,
		problem_id: null,
		has_incidents: false,
		is_public: true,
		due_at: null,
		tags: ['enterprise', 'other_tag'],
		custom_fields: [
			{ id: 27642, value: '745' },
			{ id: 27648, value: 'yes' },
		],
		satisfaction_rating: n % 2 === 0 ? null : { id: 1234 + n, score: 'good', comment: 'Great support!' },
		sharing_agreement_ids: [],
		custom_status_id: 1_900_001_000_000,
		fields: [],
		followup_ids: [],
		ticket_form_id: 1_900_001_020_925,
		brand_id: 1_900_000_533_085,
		allow_channelback: false,
		allow_attachments: true,
		from_messaging_channel: false,
	};
}

export const zendesk: ListApi = {
	name: 'Zendesk tickets',
	url: '/api/v2/tickets.json?page[size]=100',
	create: () => new ZendeskTickets(),
};
