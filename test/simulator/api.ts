import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Account, type ListRules, rulesOf } from './account';
import type { Contacts } from './contacts';

/** A fault to answer with instead of the truth. */
export interface Fault {
	/** HTTP status; `reset` cuts the connection. */
	status: number | 'reset';
	headers?: Record<string, string>;
	body?: string;
	/** How many requests it hits. */
	times: number;
	/** Only requests whose path contains this. */
	path?: string;
	/** Lets this many matching requests through first. */
	after?: number;
}

export interface ApiRequestLog {
	readonly at: number;
	/** By a clock that nothing sets, in milliseconds. */
	readonly arrived: number;
	readonly method: string;
	readonly path: string;
	readonly query: string;
	status: number;
}

/** What was asked, as it came. */
export interface ExchangedRequest {
	readonly method: string;
	/** With its query. */
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

/** What was answered, as it went. */
export interface ExchangedResponse {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	/** Whether a fault made it. */
	readonly isScripted: boolean;
}

/** Is told of each request that is answered, before its answer goes. */
export type OnExchange = (request: ExchangedRequest, response: ExchangedResponse) => void;

/** What GetResponse calls for legacy events. */
export interface Callback {
	readonly url: string;
	readonly actions: Readonly<Record<string, boolean>>;
}

export interface ApiState {
	callback: Callback | undefined;
	readonly contacts: Contacts;
	readonly account: Account;
	readonly apiKey: string;
	readonly accountId: string;
	/** What its requests have to say under X-Domain, where it is a MAX account. */
	domain: string | undefined;
	/** Of the owner's application, and the tokens that it was given, by until when they are good. */
	readonly client: { readonly id: string; readonly secret: string; readonly tokens: Map<string, number> };
	/** Every request, also the refused ones. */
	readonly requests: ApiRequestLog[];
	readonly faults: Fault[];
	/** Milliseconds added to each answer. */
	latencyMs: number;
	/** Holds answers about contacts back until it is resolved. */
	gate: Promise<void>;
	parallel: number;
	maxParallel: number;
	readonly clock: () => number;
	readonly onExchange: OnExchange | undefined;
	/** Requests a second and at once that GetResponse allows. */
	readonly limits: { perSecond: number; per10Minutes: number; parallel: number };
}

const CODES: Record<number, [code: number, description: string, message: string]> = {
	400: [
		1000,
		'General error of validation process, more details should be in context section',
		'Validation error, see context section for more information',
	],
	401: [
		1014,
		'Problem during authentication process, check headers!',
		'Unable to authenticate request. Check credentials or authentication method details',
	],
	404: [1013, 'The requested resource was not found', 'Resource not found'],
	429: [
		1015,
		'Too many request to API, quota reached, please wait till next quota window',
		'You have reached your requests limit for this time window, please wait...',
	],
	500: [1, 'Internal error', 'System failure'],
	503: [1019, 'API is undergoing maintenance', 'Maintenance'],
};

/** Answers one request as GetResponse's API v3 does. */
export async function answer(state: ApiState, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const url = new URL(request.url ?? '/', 'http://simulator');
	const path = url.pathname.replace(/^\/v3/, '');
	const now = state.clock();
	const arrived = performance.now();
	const log: ApiRequestLog = { at: now, arrived, method: request.method ?? '', path, query: url.search, status: 0 };
	state.requests.push(log);
	state.parallel += 1;
	state.maxParallel = Math.max(state.maxParallel, state.parallel);
	let requestBody = '';
	let isScripted = false;
	const send = (status: number, content: unknown, more: Record<string, string> = {}) => {
		log.status = status;
		const recent = state.requests.filter(({ at }) => at > now - 600_000).length;
		const headers = {
			'content-type': 'application/json',
			date: new Date(now).toUTCString(),
			'x-ratelimit-limit': String(state.limits.per10Minutes),
			'x-ratelimit-remaining': String(Math.max(0, state.limits.per10Minutes - recent)),
			'x-ratelimit-reset': '432 seconds',
			...more,
		};
		const body = typeof content === 'string' ? content : JSON.stringify(content);
		state.onExchange?.(
			{ method: log.method, path: request.url ?? '/', headers: request.headers, body: requestBody },
			{ status, headers, body, isScripted },
		);
		response.writeHead(status, headers);
		response.end(body);
	};
	const fail = (status: number, context: unknown = {}, headers: Record<string, string> = {}) => {
		const [code, codeDescription, message] = CODES[status] ?? [1, '', 'Error'];
		const moreInfo = `https://apidocs.getresponse.com/v3/errors/${code}`;
		send(
			status,
			{ httpStatus: status, code, codeDescription, message, moreInfo, context, uuid: randomUUID() },
			headers,
		);
	};
	try {
		const isCrowded = state.parallel > state.limits.parallel || tooFast(state, arrived);
		requestBody = await text(request);
		if (path === '/contacts') await state.gate;
		if (state.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, state.latencyMs));
		const fault = takeFault(state, path);
		if (fault?.status === 'reset') {
			request.socket.destroy();
			return;
		}
		if (fault) {
			isScripted = true;
			if (fault.body === undefined) fail(fault.status, {}, fault.headers);
			else send(fault.status, fault.body, fault.headers);
			return;
		}
		if (isCrowded) {
			fail(
				429,
				{ currentLimit: state.limits.per10Minutes, timeToReset: '1 seconds' },
				{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1 seconds', 'retry-after': '1' },
			);
			return;
		}
		if (state.domain !== undefined && request.headers['x-domain'] !== state.domain) {
			fail(404);
			return;
		}
		if (path === '/token') {
			grantToken(state, { ...log, authorization: request.headers.authorization, body: requestBody }, send);
			return;
		}
		const [, token = ''] = /^Bearer (.*)$/.exec(request.headers.authorization ?? '') ?? [];
		const isProven =
			request.headers['x-auth-token'] === `api-key ${state.apiKey}` || (state.client.tokens.get(token) ?? 0) > now;
		if (!isProven) {
			fail(401, { authenticationType: token === '' ? 'auth_token' : 'oauth', sentToken: token });
			return;
		}
		route(state, { method: log.method, path, query: url.searchParams, body: requestBody }, send, fail);
	} finally {
		state.parallel -= 1;
	}
}

type Send = (status: number, body: unknown, headers?: Record<string, string>) => void;
type Fail = (status: number, context?: unknown) => void;

interface Question {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly body: string;
}

function route(state: ApiState, { method, path, query, body }: Question, send: Send, fail: Fail): void {
	if (path === '/accounts/callbacks') {
		callbacks(state, method, body, send, fail);
		return;
	}
	if (method === 'POST' && path === '/search-contacts/contacts') {
		searchContacts(state, JSON.parse(body), query, send, fail);
		return;
	}
	if (method !== 'GET') {
		fail(404);
		return;
	}
	if (path === '/accounts') {
		const timeZone = { name: 'UTC', offset: '+00:00' };
		send(200, asked({ accountId: state.accountId, email: 'owner@example.com', timeZone }, 'accountId', query));
		return;
	}
	const { contacts, account } = state;
	if (path === '/contacts') {
		const rows = () => contacts.all();
		list({ rows, rules: CONTACTS, show: (contact) => contacts.toRest(contact), query, send, fail });
		return;
	}
	const [, ofList] = /^\/campaigns\/([^/]+)\/contacts$/.exec(path) ?? [];
	if (ofList !== undefined) {
		const rows = () => contacts.all().filter(({ campaign }) => campaign.campaignId === ofList);
		const rules = { ...CONTACTS, query: ['email', 'name', 'createdOn'], sort: ['email', 'name', 'createdOn'] };
		list({ rows, rules, show: (contact) => contacts.toRest(contact), query, send, fail });
		return;
	}
	const rules = rulesOf(path);
	if (rules) {
		list({ rows: () => account.all(path), rules, show: (thing) => account.toRest(path, thing), query, send, fail });
		return;
	}
	const [, newsletter] = /^\/newsletters\/([^/]+)\/statistics$/.exec(path) ?? [];
	if (newsletter !== undefined) {
		const totals = account.statistics.get(newsletter);
		if (totals) sendPage([{ timeInterval: '2026-01-01T00:00:00+0000/P1Y', ...totals }], query, send);
		else fail(404);
		return;
	}
	const contact = contacts.get(/^\/contacts\/([^/]+)$/.exec(path)?.[1] ?? '');
	if (!contact) {
		fail(404);
		return;
	}
	const details = { geolocation: {}, tags: [], customFieldValues: [], ...contacts.details.get(contact.contactId) };
	send(200, asked({ ...contacts.toRest(contact), ...details }, CONTACTS.id, query));
}

const TOKEN_SECONDS = 86_400;

/** Gives the owner's application a token. */
function grantToken(
	{ client, clock }: ApiState,
	request: { readonly method: string; readonly authorization: string | undefined; readonly body: string },
	send: Send,
): void {
	const form = new URLSearchParams(request.body);
	const [, basic = ''] = /^Basic (.*)$/.exec(request.authorization ?? '') ?? [];
	if (Buffer.from(basic, 'base64').toString() !== `${client.id}:${client.secret}`) {
		send(400, { error: 'invalid_client', error_description: 'The client credentials are invalid' });
	} else if (request.method !== 'POST' || form.get('grant_type') !== 'client_credentials') {
		send(400, { error: 'invalid_request', error_description: 'Missing parameter: "grant_type" is required' });
	} else {
		const token = randomUUID();
		client.tokens.set(token, clock() + TOKEN_SECONDS * 1000);
		send(200, { access_token: token, expires_in: TOKEN_SECONDS, token_type: 'Bearer', scope: null });
	}
}

/** One for the account: enabled and changed by POST, disabled by DELETE. */
function callbacks(state: ApiState, method: string, body: string, send: Send, fail: Fail): void {
	if (method === 'POST') {
		const { url = state.callback?.url, actions } = JSON.parse(body) as Partial<Callback>;
		if (url === undefined) {
			fail(400, { validationType: 'body', fieldName: 'url' });
			return;
		}
		state.callback = { url, actions: { ...state.callback?.actions, ...actions } };
		send(200, state.callback);
	} else if (!state.callback) fail(404);
	else if (method === 'DELETE') {
		state.callback = undefined;
		send(204, '');
	} else send(200, state.callback);
}

const CONTACTS: ListRules = {
	id: 'contactId',
	query: ['email', 'name', 'campaignId', 'origin', 'createdOn', 'changedOn'],
	sort: ['email', 'name', 'createdOn', 'changedOn', 'campaignId'],
	times: ['createdOn', 'changedOn'],
};
const DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d[+-]\d\d:?\d\d)?$/;

interface Asked<Row> {
	readonly rows: () => readonly Row[];
	readonly rules: ListRules;
	readonly show: (row: Row) => object;
	readonly query: URLSearchParams;
	readonly send: Send;
	readonly fail: Fail;
}

/** A list by the rules that all of them follow: filters that are known, `from` and `to` inclusive, sorting, pages. */
function list<Row extends object>({ rows, rules, show, query, send, fail }: Asked<Row>): void {
	let found = [...rows()];
	const sorts: { field: string; descending: boolean }[] = [];
	for (const [name, value] of query) {
		const filter = /^query\[(\w+)\](?:\[(from|to)\])?$/.exec(name);
		const sort = /^sort\[(\w+)\]$/.exec(name);
		if (filter) {
			const [, field = '', bound] = filter;
			const refuse = (errorDescription: string) => {
				fail(400, { validationType: 'searchFilter[query]', fieldName: field, errorDescription });
			};
			if (!rules.query.includes(field)) {
				refuse('Not allowed search field');
				return;
			}
			if (bound && !DATE.test(value)) {
				refuse('Invalid date');
				return;
			}
			found = found.filter(matcherOf(field, bound, value));
		} else if (sort) {
			const field = sort[1] ?? '';
			if (!rules.sort.includes(field) || !/^(ASC|DESC)$/.test(value)) {
				fail(400, { validationType: 'sort', fieldName: field, errorDescription: 'Not allowed sort field' });
				return;
			}
			sorts.push({ field, descending: value === 'DESC' });
		} else if (!['page', 'perPage', 'fields', 'additionalFlags'].includes(name)) {
			fail(400, { validationType: 'query', fieldName: name, errorDescription: 'Not allowed parameter' });
			return;
		}
	}
	const valueOf = (row: Row, field: string) => (row as Record<string, unknown>)[field];
	for (const { field, descending } of sorts.reverse()) {
		found.sort((a, b) => compare(valueOf(a, field), valueOf(b, field)) * (descending ? -1 : 1));
	}
	sendPage(found, query, send, (row) => asked(show(row), rules.id, query));
}

/** The fields of a thing that are asked for, or all of them. Its id always comes. */
function asked(thing: object, id: string, query: URLSearchParams): object {
	const fields = query.get('fields')?.split(',');
	if (!fields) return thing;
	return Object.fromEntries(Object.entries(thing).filter(([name]) => name === id || fields.includes(name)));
}

/** What the list of contacts does not have: those that are gone, and those that have not confirmed. */
function searchContacts({ contacts }: ApiState, body: unknown, query: URLSearchParams, send: Send, fail: Fail): void {
	const { subscribersType = [], section = [] } = Object(body) as {
		subscribersType?: string[];
		section?: { campaignIdsList?: string[]; subscriptionDate?: string }[];
	};
	const [kind, ...others] = subscribersType;
	const lists = section.flatMap(({ campaignIdsList = [] }) => campaignIdsList);
	if (others.length > 0 || !['removed', 'unconfirmed'].includes(kind ?? '') || lists.length === 0) {
		fail(400, { validationType: 'body', fieldName: 'section', errorDescription: 'Not a search' });
		return;
	}
	const rows = () => contacts.gone(kind === 'removed').filter(({ campaign }) => lists.includes(campaign.campaignId));
	const rules = { ...CONTACTS, query: [], sort: ['name', 'email', 'createdOn'] };
	list({ rows, rules, show: (contact) => contacts.toSearch(contact), query, send, fail });
}

/** Whether a row is what a filter asks for. */
function matcherOf(field: string, bound: string | undefined, value: string): (row: object) => boolean {
	const valueOf = (row: object) => (row as Record<string, unknown>)[field];
	if (bound !== undefined) {
		const limit = Date.parse(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
		return (row) => {
			const own = valueOf(row);
			return typeof own === 'number' && (bound === 'to' ? own <= limit : own >= limit);
		};
	}
	if (field === 'campaignId') {
		return (row) => (row as { campaign?: { campaignId?: string } }).campaign?.campaignId === value;
	}
	return (row) => {
		const own = valueOf(row);
		return typeof own === 'string' && own.toLowerCase().includes(value.toLowerCase());
	};
}

function compare(a: unknown, b: unknown): number {
	if (typeof a === 'number' && typeof b === 'number') return a - b;
	return (Number(a) || 0) - (Number(b) || 0) || String(a).localeCompare(String(b));
}

/** @param show what is sent of a row; default all of it */
function sendPage<Row>(
	rows: readonly Row[],
	query: URLSearchParams,
	send: Send,
	show: (row: Row) => unknown = (row) => row,
): void {
	const page = Math.max(1, Number(query.get('page') ?? 1));
	const perPage = Math.min(1000, Math.max(1, Number(query.get('perPage') ?? 100)));
	send(200, rows.slice((page - 1) * perPage, page * perPage).map(show), {
		TotalCount: String(rows.length),
		TotalPages: String(Math.max(1, Math.ceil(rows.length / perPage))),
		CurrentPage: String(page),
	});
}

function takeFault({ faults }: ApiState, path: string): Fault | undefined {
	const fault = faults.find((candidate) => path.includes(candidate.path ?? '') && candidate.times > 0);
	if (!fault) return undefined;
	if (fault.after !== undefined && fault.after > 0) {
		fault.after -= 1;
		return undefined;
	}
	fault.times -= 1;
	return fault;
}

function tooFast({ requests, limits }: ApiState, now: number): boolean {
	const last = requests.length;
	const within = (count: number, ms: number) => last > count && (requests[last - 1 - count]?.arrived ?? 0) > now - ms;
	return within(limits.perSecond, 1000) || within(limits.per10Minutes, 600_000);
}
