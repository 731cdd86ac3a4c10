import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Order,
	type Reply,
	ListModel,
	byCreated,
	byNumber,
	byUpdated,
	inOrder,
	pageSizeOf,
	wholeNumber,
} from './model';

/**
 * Deals of API v1. The pages are https://developers.pipedrive.com/docs/api/v1/Deals#getDeals and
 * https://pipedrive.readme.io/docs/core-api-concepts-pagination. Times are in UTC, and do not say so. There is no filter
 * by time. Where there is nothing to list, `data` is null.
 * Guessed: the order where none is asked for, and that wrong parameters are ignored.
 */
class PipedriveDeals extends ListModel {
	readonly pageSize = 500;
	readonly defaultPageSize = 100;

	protected idOf(n: number): string {
		return String(n);
	}

	protected reply({ url }: ListApiRequest): Reply {
		if (!/^(\/api)?\/v1\/deals$/.test(url.pathname)) {
			const info = 'Please check developers.pipedrive.com for more information about Pipedrive API.';
			const body = { success: false, error: 'Unknown method .', error_info: info, data: null, additional_data: null };
			return { status: 404, body };
		}
		const query = url.searchParams;
		const start = Math.max(0, wholeNumber(query.get('start') ?? '') ?? 0);
		const limit = pageSizeOf(query.get('limit'), this);
		const isAsked = ['open', 'all_not_deleted'].includes(query.get('status') ?? 'all_not_deleted');
		const ordered = inOrder(isAsked ? this.entries : [], readOrder(query.get('sort') ?? ''));
		const rows = ordered.slice(start, start + limit);
		const hasMore = start + limit < ordered.length;
		const pagination = {
			start,
			limit,
			more_items_in_collection: hasMore,
			...(hasMore && { next_start: start + limit }),
		};
		return {
			body: {
				success: true,
				data: rows.length === 0 ? null : rows.map((entry) => deal(entry)),
				additional_data: { pagination },
				...(rows.length > 0 && { related_objects: related(rows) }),
			},
		};
	}
}

/** `update_time DESC`; only the first of several counts here. */
function readOrder(text: string): Order {
	const [, field = '', direction = ''] = /^(\w+)(?: +(asc|desc))?/i.exec(text) ?? [];
	const by = { add_time: byCreated, update_time: byUpdated }[field] ?? byNumber;
	return { by, descending: direction.toLowerCase() === 'desc' };
}

const written = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ');

const USER = {
	id: 8877,
	name: 'Creator',
	email: 'john.doe@pipedrive.com',
	has_pic: 0,
	pic_hash: null,
	active_flag: true,
};

function person(n: number) {
	return {
		active_flag: true,
		name: `Person ${n % 7}`,
		email: [{ label: 'work', value: `person${n % 7}@example.com`, primary: true }],
		phone: [{ value: '', primary: true }],
		owner_id: USER.id,
	};
}

function related(rows: readonly Entry[]): object {
	return {
		user: { [USER.id]: USER },
		person: Object.fromEntries(rows.map(({ n }) => [1101 + (n % 7), { id: 1101 + (n % 7), ...person(n) }])),
		organization: { 5: { id: 5, name: 'Organization', people_count: 2, owner_id: USER.id, address: '', cc_email: '' } },
	};
}

function deal({ n, created, updated, changes }: Entry): object {
	const value = 5000 + n;
	return {
		id: n,
		creator_user_id: { ...USER, value: USER.id },
		user_id: { ...USER, value: USER.id },
		person_id: { ...person(n), value: 1101 + (n % 7) },
		org_id: { name: 'Organization', people_count: 2, owner_id: USER.id, address: '', active_flag: true, value: 5 },
		stage_id: 2,
		title: `Deal ${n}`,
		value,
		acv: null,
		mrr: null,
		arr: null,
		currency: 'EUR',
		add_time: written(created),
		update_time: written(updated),
		stage_change_time: changes > 0 ? written(updated) : null,
		active: true,
		deleted: false,
		status: 'open',
		probability: null,
		next_activity_date: '2031-11-29',
		next_activity_time: '11:30:00',
		next_activity_id: 128 + n,
		last_activity_id: null,
		last_activity_date: null,
		lost_reason: null,
		visible_to: '1',
		close_time: null,
		pipeline_id: 1,
		won_time: null,
		first_won_time: null,
		lost_time: null,
		products_count: 2,
		files_count: 0,
		notes_count: changes,
		followers_count: 1,
		activities_count: 1,
		participants_count: 1,
		expected_close_date: '2031-06-29',
		last_incoming_mail_time: null,
		last_outgoing_mail_time: null,
		label: '11',
		stage_order_nr: 2,
		person_name: `Person ${n % 7}`,
		org_name: 'Organization',
		formatted_value: `€${value}`,
		weighted_value: value,
		rotten_time: null,
		owner_name: USER.name,
		cc_email: 'company+deal1@pipedrivemail.com',
		org_hidden: false,
		person_hidden: false,
		origin: 'ManuallyCreated',
		origin_id: null,
		channel: 52,
		channel_id: 'Jun23 Billboards',
		is_archived: false,
	};
}

export const pipedrive: ListApi = { name: 'Pipedrive deals', url: '/api/v1/deals', create: () => new PipedriveDeals() };
