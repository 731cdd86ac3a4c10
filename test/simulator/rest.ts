import { createHash } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { KEPT } from './kept';

/** A row; `updated_at` is in milliseconds, or a plain number where the API has such a field. */
export interface Row {
	id: string | number;
	updated_at?: number | undefined;
	[field: string]: unknown;
}

type Written = 'iso' | 'isoSeconds' | 'seconds' | 'milliseconds' | 'date' | 'number';

/** How the API is made. What is left out, it does not have. */
export interface RestOptions {
	/** The answer is a bare list, or has it at `data.items`. Default a bare list. */
	wrapped?: boolean;
	/** How a row's time is written. Default `iso`. */
	time?: Written;
	/** Default `none`: as rows were added. */
	order?: 'ascending' | 'descending' | 'none';
	/** A filter by `updated_at`; `strict` leaves out rows of the very moment. */
	since?: { parameter: string; format: Written; strict?: boolean };
	/** Token and next URL lie at `meta.next`. */
	paging?: 'none' | 'page' | 'offset' | 'token' | 'link' | 'next';
	/** Number of the first page. Default 1. */
	firstPage?: number;
	/** Rows on a page at the most, whatever `limit` asks for. */
	cap?: number;
	etag?: boolean;
	auth?:
		| { kind: 'bearer'; secret: string }
		| { kind: 'header' | 'query'; name: string; secret: string }
		| { kind: 'basic'; user: string; secret: string };
	/** Of the `Date` header; `null` for none. Default the real time. */
	clock?: (() => number) | null;
}

/** What some of the next requests get instead of the truth. */
export interface RestFault {
	/** `reset` cuts the connection, `silent` never answers, `slow` sends byte by byte, `endless` never stops. */
	kind?: 'answer' | 'reset' | 'silent' | 'slow' | 'endless';
	status?: number;
	headers?: Record<string, string>;
	body?: string | Buffer;
	gzip?: boolean;
	/** How many requests it hits. Default 1. */
	times?: number;
	/** Lets so many requests through first. */
	after?: number;
}

export interface RestRequestLog {
	readonly path: string;
	readonly query: Readonly<Record<string, string>>;
	readonly headers: IncomingMessage['headers'];
	status: number;
	bytes: number;
}

/**
 * Any REST API to talk to: a real HTTP server that lists rows as JSON. What it does is scripted by its options, its rows
 * and its methods; what it was asked stands in `requests`.
 */
export class RestApi {
	readonly rows: Row[] = [];
	readonly requests: RestRequestLog[] = [];
	maxParallel = 0;
	private readonly faults: RestFault[] = [];
	private readonly server: Server;
	private parallel = 0;
	private next = 1;

	private constructor(readonly options: RestOptions) {
		this.server = createServer(KEPT, (request, response) => {
			this.parallel += 1;
			this.maxParallel = Math.max(this.maxParallel, this.parallel);
			response.once('close', () => (this.parallel -= 1));
			this.answer(request, response);
		});
	}

	static async start(options: RestOptions = {}): Promise<RestApi> {
		const api = new RestApi(options);
		await new Promise<void>((resolve) => api.server.listen(0, '127.0.0.1', resolve));
		return api;
	}

	get origin(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	get apiUrl(): string {
		return `${this.origin}/v1`;
	}

	/** Adds a row, dated now unless said otherwise. */
	add(fields: Partial<Row> = {}): Row {
		const row: Row = { id: `r${this.next++}`, updated_at: Date.now(), ...fields };
		this.rows.push(row);
		return row;
	}

	update(id: Row['id'], fields: Partial<Row>): void {
		const row = this.rows.find((each) => each.id === id);
		if (row) Object.assign(row, { updated_at: Date.now() }, fields);
	}

	remove(id: Row['id']): void {
		this.rows.splice(
			this.rows.findIndex((row) => row.id === id),
			1,
		);
	}

	fail(fault: RestFault): void {
		this.faults.push({ times: 1, ...fault });
	}

	async close(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}

	private answer(request: IncomingMessage, response: ServerResponse): void {
		const url = new URL(request.url ?? '/', this.origin);
		const query = Object.fromEntries(url.searchParams);
		const log: RestRequestLog = { path: url.pathname, query, headers: request.headers, status: 0, bytes: 0 };
		this.requests.push(log);
		const { clock = Date.now } = this.options;
		if (clock === null) response.sendDate = false;
		else response.setHeader('date', new Date(clock()).toUTCString());
		const send = (status: number, body: string | Buffer, headers: Record<string, string> = {}) => {
			Object.assign(log, { status, bytes: Buffer.byteLength(body) });
			response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
		};
		const fault = this.takeFault();
		if (fault) misbehave(fault, request, response, send);
		else if (!this.isAllowed(request, query)) send(401, '{"message":"Who are you?"}');
		else if (url.pathname !== '/v1/orders') send(404, '{"message":"No such thing"}');
		else this.list(url, query, request.headers['if-none-match'], send);
	}

	private list(url: URL, query: Record<string, string>, known: string | undefined, send: Send): void {
		const { wrapped, paging = 'none', time = 'iso', firstPage = 1, cap = Infinity, etag } = this.options;
		const found = this.found(query);
		const size = Math.min(cap, Number(query['limit'] ?? Infinity));
		const begin =
			paging === 'page'
				? (Number(query['page'] ?? firstPage) - firstPage) * Math.min(size, found.length)
				: Number(query[PLACES[paging]] ?? 0);
		const page = found.slice(begin, begin + size);
		const items = page.map((row) => ({
			...row,
			...(row.updated_at !== undefined && { updated_at: write(row.updated_at, time) }),
		}));
		const following = begin + size < found.length ? String(begin + size) : null;
		const link = new URL(url);
		link.searchParams.set(PLACES[paging], following ?? '');
		const next = following === null ? null : paging === 'next' ? link.href : following;
		const hasMeta = wrapped ?? (paging === 'token' || paging === 'next');
		const body = JSON.stringify(hasMeta ? { data: { items }, meta: { next } } : items);
		const tag = `"${createHash('sha1').update(body).digest('hex')}"`;
		const headers = {
			...(etag && { etag: tag }),
			...(paging === 'link' && following !== null && { link: `<${link.href}>; rel="next"` }),
		};
		if (etag && known === tag) send(304, '', headers);
		else send(200, body, headers);
	}

	/** The rows that a query asks for, in the order of the API. */
	private found(query: Record<string, string>): Row[] {
		const { since, order = 'none' } = this.options;
		const from = since && query[since.parameter];
		const rows = this.rows.filter((row) => {
			if (!since || from === undefined) return true;
			const distance = (row.updated_at ?? 0) - read(from, since.format);
			return since.strict ? distance > 0 : distance >= 0;
		});
		if (order === 'none') return rows;
		const sign = order === 'ascending' ? 1 : -1;
		return rows.sort((a, b) => ((a.updated_at ?? 0) - (b.updated_at ?? 0)) * sign);
	}

	private isAllowed({ headers }: IncomingMessage, query: Record<string, string>): boolean {
		const { auth } = this.options;
		switch (auth?.kind) {
			case undefined:
				return true;
			case 'bearer':
				return headers.authorization === `Bearer ${auth.secret}`;
			case 'header':
				return headers[auth.name] === auth.secret;
			case 'query':
				return query[auth.name] === auth.secret;
			case 'basic':
				return headers.authorization === `Basic ${Buffer.from(`${auth.user}:${auth.secret}`).toString('base64')}`;
		}
	}

	private takeFault(): RestFault | undefined {
		const fault = this.faults.find(({ times = 0 }) => times > 0);
		if (fault?.after !== undefined && fault.after > 0) {
			fault.after -= 1;
			return undefined;
		}
		if (fault) fault.times = (fault.times ?? 1) - 1;
		return fault;
	}
}

type Send = (status: number, body: string | Buffer, headers?: Record<string, string>) => void;

const PLACES = { none: '', page: 'page', offset: 'offset', token: 'cursor', link: 'after', next: 'after' } as const;

function misbehave(fault: RestFault, request: IncomingMessage, response: ServerResponse, send: Send): void {
	const { kind = 'answer', status = 200, headers = {}, body = '', gzip } = fault;
	switch (kind) {
		case 'answer':
			send(status, gzip ? gzipSync(body) : body, { ...(gzip && { 'content-encoding': 'gzip' }), ...headers });
			return;
		case 'reset':
			request.socket.destroy();
			return;
		case 'silent':
			return;
		case 'slow':
		case 'endless': {
			response.writeHead(status, { 'content-type': 'application/json', ...headers });
			response.write('[');
			const piece = Buffer.alloc(kind === 'slow' ? 1 : 1_000_000, ' ');
			const timer = setInterval(() => response.write(piece), kind === 'slow' ? 500 : 1);
			response.once('close', () => {
				clearInterval(timer);
			});
		}
	}
}

function write(value: number, format: Written): string | number {
	const iso = () => new Date(value).toISOString();
	switch (format) {
		case 'iso':
			return iso();
		case 'isoSeconds':
			return iso().replace(/\.\d+Z$/, 'Z');
		case 'seconds':
			return value / 1000;
		case 'date':
			return iso().slice(0, 10);
		case 'milliseconds':
		case 'number':
			return value;
	}
}

function read(text: string, format: Written): number {
	if (format === 'seconds') return Number(text) * 1000;
	return format === 'milliseconds' || format === 'number' ? Number(text) : Date.parse(text);
}
