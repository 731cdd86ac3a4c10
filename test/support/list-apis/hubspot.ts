import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Reply,
	ListModel,
	byNumber,
	inOrder,
	uuidOf,
	wholeNumber,
	withQuery,
} from './model';

/**
 * Contacts. The pages are https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/basic/get-crm-v3-objects-contacts
 * and https://developers.hubspot.com/docs/guides/api/crm/objects/contacts. The list can be neither sorted nor filtered by
 * time: that is for the search, by POST. On the last page there is no `paging`.
 * Guessed: the order, that a cursor is an id, and the messages of refusals, whose form is known.
 */
class HubspotContacts extends ListModel {
	readonly pageSize = 100;
	readonly defaultPageSize = 10;
	protected override readonly step = 1;

	protected idOf(n: number): string {
		return String(FIRST_ID + n);
	}

	protected reply({ url }: ListApiRequest, base: string): Reply {
		if (url.pathname !== PATH) return refusal('Not Found', 'OBJECT_NOT_FOUND', 404);
		const query = url.searchParams;
		const limit = wholeNumber(query.get('limit') ?? String(this.defaultPageSize));
		if (limit === undefined || limit < 1) return refusal('Invalid value for limit', 'VALIDATION_ERROR');
		if (limit > this.pageSize) return refusal(`limit must be at most ${this.pageSize}`, 'VALIDATION_ERROR');
		const after = wholeNumber(query.get('after') ?? '0');
		if (after === undefined) return refusal('Invalid value for after', 'VALIDATION_ERROR');
		const entries = query.get('archived') === 'true' ? [] : this.entries;
		const rest = inOrder(entries, { by: byNumber, descending: false }).filter(({ n }) => FIRST_ID + n > after);
		const rows = rest.slice(0, limit);
		const properties = new Set([...USUAL, ...query.getAll('properties').flatMap((names) => names.split(','))]);
		const last = rows.at(-1);
		const hasMore = last !== undefined && rest.length > rows.length;
		return {
			body: {
				results: rows.map((entry) => contact(entry, this.idOf(entry.n), properties)),
				...(hasMore && { paging: { next: next(query, base, this.idOf(last.n)) } }),
			},
		};
	}
}

const PATH = '/crm/v3/objects/contacts';
const FIRST_ID = 105_185_000_000;
/** What is in a contact even where it is not asked for. */
const USUAL = ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname'];

function next(asked: URLSearchParams, base: string, after: string) {
	const query = new URLSearchParams(asked);
	query.set('after', after);
	return { after, link: withQuery(`${base}${PATH}`, query) };
}

function refusal(message: string, category: string, status = 400): Reply {
	return { status, body: { status: 'error', message, correlationId: uuidOf(message), category } };
}

/** Every property is text, or null where the contact has none. */
function contact({ n, created, updated, changes }: Entry, id: string, asked: ReadonlySet<string>): object {
	const [createdAt, updatedAt] = [new Date(created).toISOString(), new Date(updated).toISOString()];
	const known: Record<string, string | null> = {
		associatedcompanyid: String(9_000_000 + (n % 7)),
		closedate: null,
		company: 'HubSpot',
		createdate: createdAt,
		email: `person${n}@example.com`,
		firstname: 'Person',
		hs_analytics_first_timestamp: createdAt,
		hs_analytics_num_visits: String(changes),
		hs_lead_status: changes > 0 ? 'OPEN' : null,
		hs_object_id: id,
		hubspot_owner_id: '910901',
		lastmodifieddate: updatedAt,
		lastname: String(n),
		lifecyclestage: 'lead',
		notes_last_updated: null,
		phone: '(877) 929-0687',
		website: 'example.com',
	};
	const properties = Object.fromEntries([...asked].toSorted().map((name) => [name, known[name] ?? null]));
	const url = `https://app.hubspot.com/contacts/4343/record/0-1/${id}`;
	return { id, properties, createdAt, updatedAt, archived: false, url };
}

export const hubspot: ListApi = {
	name: 'HubSpot contacts',
	url: `${PATH}?properties=associatedcompanyid,closedate,company,email,lifecyclestage,notes_last_updated,phone`,
	create: () => new HubspotContacts(),
};
