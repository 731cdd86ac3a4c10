import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Reply,
	ListModel,
	byCreated,
	hexOf,
	inOrder,
	pageSizeOf,
	wholeNumber,
	withQuery,
} from './model';

/**
 * Messages of an account. The pages are
 * https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources and
 * https://www.twilio.com/docs/usage/twilios-response#pagination. Newest first. `Page` is there for the client only: what
 * counts is `PageToken`, which only the links have. They are paths, without the origin.
 * Guessed: the codes of refusals, and that a size over 1,000 is cut down.
 */
class TwilioMessages extends ListModel {
	readonly pageSize = 1000;
	readonly defaultPageSize = 50;

	protected idOf(n: number): string {
		return `SM${hexOf(`message ${n}`, 32)}`;
	}

	protected reply({ url }: ListApiRequest): Reply {
		if (url.pathname !== PATH) return refusal(404, 20404, `The requested resource ${url.pathname} was not found`);
		const query = url.searchParams;
		const wrong = DATES.find((name) => Number.isNaN(Date.parse(query.get(name) ?? '2000-01-01')));
		if (wrong !== undefined) return refusal(400, 20001, `Invalid ${wrong}`);
		const size = pageSizeOf(query.get('PageSize'), this);
		const token = query.get('PageToken');
		const page = token === null ? 0 : Math.max(0, wholeNumber(query.get('Page') ?? '') ?? 0);
		const ordered = inOrder(this.entries, { by: byCreated, descending: true });
		const found = ordered.filter((entry) => isAsked(entry, query));
		const index = token === null ? -1 : found.findIndex(({ n }) => token.endsWith(this.idOf(n)));
		if (token !== null && index < 0) return refusal(400, 20001, 'Invalid PageToken');
		const isBackwards = token?.startsWith('PB') ?? false;
		const rest = isBackwards ? found.slice(0, index) : found.slice(index + 1);
		const rows = isBackwards ? rest.slice(-size) : rest.slice(0, size);
		const link = (number: number, name?: string, edge?: Entry) => {
			if (name !== undefined && !edge) return null;
			return linkTo(query, size, number, edge ? `${name ?? ''}${this.idOf(edge.n)}` : undefined);
		};
		const hasNext = rows.length > 0 && rows.at(-1) !== found.at(-1);
		return {
			body: {
				first_page_uri: link(0),
				end: page * size + rows.length - 1,
				previous_page_uri: page > 0 ? link(page - 1, 'PB', rows[0]) : null,
				messages: rows.map((entry) => message(entry, this.idOf(entry.n))),
				uri: `${PATH}${url.search || `?PageSize=${size}&Page=0`}`,
				page_size: size,
				start: page * size,
				next_page_uri: hasNext ? link(page + 1, 'PA', rows.at(-1)) : null,
				page,
			},
		};
	}
}

const ACCOUNT = 'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const VERSION = '2010-04-01';
const PATH = `/${VERSION}/Accounts/${ACCOUNT}/Messages.json`;
const DAY = 86_400_000;
/** `DateSent>=2009-07-06` is a parameter `DateSent>`. */
const DATES = ['DateSent', 'DateSent>', 'DateSent<'];

function isAsked({ created }: Entry, query: URLSearchParams): boolean {
	const [on, from, to] = DATES.map((name) => Date.parse(query.get(name) ?? ''));
	return (
		(on === undefined || Number.isNaN(on) || Math.floor(created / DAY) === Math.floor(on / DAY)) &&
		!(from !== undefined && created < from) &&
		!(to !== undefined && created > to)
	);
}

function linkTo(asked: URLSearchParams, size: number, page: number, token: string | undefined): string {
	const query = new URLSearchParams(asked);
	query.delete('PageToken');
	query.set('PageSize', String(size));
	query.set('Page', String(page));
	if (token !== undefined) query.set('PageToken', token);
	return withQuery(PATH, query);
}

function refusal(status: number, code: number, message: string): Reply {
	return { status, body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status } };
}

/** RFC 2822: `Thu, 24 Aug 2023 05:01:45 +0000` */
const written = (milliseconds: number) => new Date(milliseconds).toUTCString().replace('GMT', '+0000');

function message({ n, created, updated, changes }: Entry, sid: string): object {
	const uri = `/${VERSION}/Accounts/${ACCOUNT}/Messages/${sid}`;
	return {
		account_sid: ACCOUNT,
		api_version: VERSION,
		body: `Hello ${n}`,
		date_created: written(created),
		date_sent: written(created),
		date_updated: written(updated),
		direction: n % 2 === 0 ? 'inbound' : 'outbound-api',
		error_code: null,
		error_message: null,
		from: '+15017122661',
		messaging_service_sid: `MG${hexOf(`service ${n % 3}`, 32)}`,
		num_media: '0',
		num_segments: '1',
		price: changes > 0 ? '-0.00750' : null,
		price_unit: 'USD',
		sid,
		status: changes > 0 ? 'delivered' : 'sent',
		subresource_uris: { media: `${uri}/Media.json`, feedback: `${uri}/Feedback.json` },
		tags: { campaign_name: 'Spring Sale', message_type: 'cart_abandoned' },
		to: `+1555${String(n).padStart(7, '0')}`,
		uri: `${uri}.json`,
	};
}

export const twilio: ListApi = { name: 'Twilio messages', url: PATH, create: () => new TwilioMessages() };
