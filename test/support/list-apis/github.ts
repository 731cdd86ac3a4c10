import {
	type Entry,
	type ListApi,
	type ListApiModel,
	type ListApiRequest,
	type Order,
	type Place,
	type Reply,
	ListModel,
	after,
	before,
	byCreated,
	byUpdated,
	decodeCursor,
	encodeCursor,
	hexOf,
	inOrder,
	isoSeconds,
	pageSizeOf,
	placeOf,
	withQuery,
} from './model';

/**
 * Issues of a repository. The page with the parameters is
 * https://docs.github.com/en/rest/issues/issues#list-repository-issues, and of paging and of conditional requests
 * https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api and
 * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api.
 *
 * The pages do not say, but github.com answers: links with `after` and `page` and never a last page, under
 * `/repositories/{id}`; a size that is out of bounds is put right, an unknown order is ignored, an unknown state is not;
 * and no page beyond 10,000 issues (https://github.com/google/go-github/issues/3976).
 * Guessed: that a `since` which cannot be read is ignored, and that the page behind the last has no links.
 */
class GithubIssues extends ListModel {
	readonly pageSize = 100;
	readonly defaultPageSize = 30;

	protected idOf(n: number): string {
		return String(2_000_000_000 + n);
	}

	protected reply({ url, headers }: ListApiRequest, base: string): Reply {
		if (!/^\/(repos\/octocat\/Hello-World|repositories\/1296269)\/issues$/i.test(url.pathname)) {
			return {
				status: 404,
				body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' },
			};
		}
		const page = readPage(url.searchParams, this);
		const refusal = refuse(url.searchParams, page);
		if (refusal) return refusal;
		const order = readOrder(url.searchParams);
		const since = Date.parse(url.searchParams.get('since') ?? '');
		const isOpen = url.searchParams.get('state') !== 'closed';
		const found = this.entries.filter(({ updated }) => isOpen && !(updated < since));
		const { rows, isLast } = cut(inOrder(found, order), order, page);
		const body = JSON.stringify(rows.map((entry) => issue(entry, this.idOf(entry.n), base)));
		const etag = `W/"${hexOf(body, 64)}"`;
		const link = links(url.searchParams, base, page, order, rows, isLast);
		const shown = { etag, 'cache-control': 'public, max-age=60, s-maxage=60', ...(link !== '' && { link }) };
		if (headers['if-none-match'] === etag) return { status: 304, headers: shown, body: '' };
		return { headers: shown, body };
	}
}

const CURSOR = 'cursor:v2:';

interface Page {
	readonly number: number;
	readonly size: number;
	readonly after: Place | undefined;
	readonly before: Place | undefined;
}

function readPage(query: URLSearchParams, model: ListApiModel): Page {
	const cursor = (name: string) => decodeCursor(query.get(name) ?? '', CURSOR) as Place | undefined;
	return {
		number: Math.max(1, Math.trunc(Number(query.get('page'))) || 1),
		size: pageSizeOf(query.get('per_page'), model),
		after: cursor('after'),
		before: cursor('before'),
	};
}

function readOrder(query: URLSearchParams): Order {
	const by = { updated: byUpdated, comments: ({ n }: Entry) => n % 5 }[query.get('sort') ?? ''];
	return { by: by ?? byCreated, descending: query.get('direction') !== 'asc' };
}

function refuse(query: URLSearchParams, page: Page): Reply | undefined {
	const state = query.get('state') ?? 'open';
	if (!['open', 'closed', 'all'].includes(state)) {
		const errors = [{ value: state, resource: 'Issue', field: 'state', code: 'invalid' }];
		const documentation = 'https://docs.github.com/v3/issues/#list-issues';
		return {
			status: 422,
			body: { message: 'Validation Failed', errors, documentation_url: documentation, status: '422' },
		};
	}
	if (page.after || page.before || page.number * page.size < 10_000) return undefined;
	const message =
		'Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)';
	const documentation = 'https://docs.github.com/rest/issues/issues#list-repository-issues';
	return { status: 422, body: { message, documentation_url: documentation, status: '422' } };
}

/** A cursor counts, and the number of the page only where there is none. */
function cut(ordered: readonly Entry[], order: Order, page: Page): { rows: Entry[]; isLast: boolean } {
	if (page.before) return { rows: before(ordered, order, page.before).slice(-page.size), isLast: false };
	const rest = page.after ? after(ordered, order, page.after) : ordered.slice((page.number - 1) * page.size);
	return { rows: rest.slice(0, page.size), isLast: rest.length <= page.size };
}

function links(
	asked: URLSearchParams,
	base: string,
	{ number, size }: Page,
	order: Order,
	rows: readonly Entry[],
	isLast: boolean,
): string {
	const link = (name: 'after' | 'before', entry: Entry | undefined, page: number, rel: string) => {
		if (!entry) return [];
		const query = new URLSearchParams(asked);
		query.delete('after');
		query.delete('before');
		if (query.has('per_page')) query.set('per_page', String(size));
		query.set('page', String(page));
		query.set(name, encodeCursor(placeOf(entry, order), CURSOR));
		return [`<${withQuery(`${base}/repositories/1296269/issues`, query)}>; rel="${rel}"`];
	};
	return [
		...(isLast ? [] : link('after', rows.at(-1), number + 1, 'next')),
		...(number > 1 ? link('before', rows[0], number - 1, 'prev') : []),
	].join(', ');
}

function issue({ n, created, updated, changes }: Entry, id: string, base: string): object {
	const repository = `${base}/repos/octocat/Hello-World`;
	const url = `${repository}/issues/${n}`;
	const octocat = user('octocat', 1, base);
	return {
		url,
		repository_url: repository,
		labels_url: `${url}/labels{/name}`,
		comments_url: `${url}/comments`,
		events_url: `${url}/events`,
		html_url: `https://github.com/octocat/Hello-World/${n % 4 === 0 ? 'pull' : 'issues'}/${n}`,
		id: Number(id),
		node_id: `I_kwDOABPHjc${hexOf(id, 8)}`,
		number: n,
		title: `Found a bug ${n}`,
		user: octocat,
		labels: [
			{
				id: 208045946,
				node_id: 'MDU6TGFiZWwyMDgwNDU5NDY=',
				url: `${repository}/labels/bug`,
				name: 'bug',
				color: 'f29513',
				default: true,
				description: "Something isn't working",
			},
		],
		state: 'open',
		locked: false,
		assignee: n % 3 === 0 ? octocat : null,
		assignees: n % 3 === 0 ? [octocat, user('hubot', 2, base)] : [],
		milestone: n % 2 === 0 ? milestone(repository) : null,
		comments: n % 5,
		created_at: isoSeconds(created),
		updated_at: isoSeconds(updated),
		closed_at: null,
		author_association: 'COLLABORATOR',
		type: null,
		active_lock_reason: null,
		// To GitHub, a pull request is an issue too.
		...(n % 4 === 0 && {
			draft: false,
			pull_request: {
				url: `${repository}/pulls/${n}`,
				html_url: `https://github.com/octocat/Hello-World/pull/${n}`,
				merged_at: null,
			},
		}),
		sub_issues_summary: { total: 0, completed: 0, percent_completed: 0 },
		body: `I'm having a problem with this, for the ${changes + 1}. time.`,
		closed_by: null,
		reactions: {
			url: `${url}/reactions`,
			total_count: 0,
			'+1': 0,
			'-1': 0,
			laugh: 0,
			hooray: 0,
			confused: 0,
			heart: 0,
		},
		timeline_url: `${url}/timeline`,
		performed_via_github_app: null,
		state_reason: null,
	};
}

function user(login: string, id: number, base: string): object {
	const url = `${base}/users/${login}`;
	const html = `https://github.com/${login}`;
	return { login, id, node_id: `MDQ6VXNlcj${id}=`, url, html_url: html, type: 'User', site_admin: false };
}

function milestone(repository: string): object {
	return {
		url: `${repository}/milestones/1`,
		id: 1002604,
		number: 1,
		state: 'open',
		title: 'v1.0',
		open_issues: 4,
		created_at: '2011-04-10T20:09:31Z',
		updated_at: '2014-03-03T18:58:10Z',
		closed_at: null,
		due_on: '2012-10-09T23:39:01Z',
	};
}

export const github: ListApi = {
	name: 'GitHub issues',
	url: '/repos/octocat/Hello-World/issues',
	create: () => new GithubIssues(),
};
