import { createHash } from 'node:crypto';

/** A list of a real service, small enough for a test. */
export interface ListApi {
	/** E.g. `Stripe charges`. */
	readonly name: string;
	/** Path and query that a user would enter as URL, as the service's own pages show it. */
	readonly url: string;
	create(): ListApiModel;
}

export interface ListApiRequest {
	readonly url: URL;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ListApiAnswer {
	readonly status: number;
	readonly headers: Record<string, string>;
	readonly body: string;
}

export interface ListApiModel {
	/** The largest page the API gives, whatever is asked for. */
	readonly pageSize: number;
	/** The page it gives where nothing is asked for. */
	readonly defaultPageSize: number;
	/** Adds an object that was created at a moment. Returns the id as the API writes it in JSON, as text. */
	add(n: number, at: number): string;
	/** Changes an object at a moment. */
	change(n: number, at: number): void;
	remove(n: number): void;
	/** Pure: what the API would answer. `base` is the origin for links, `now` the server's clock. */
	answer(request: ListApiRequest, base: string, now: number): ListApiAnswer;
}

/** What a model keeps of an object; everything else follows from the number. */
export interface Entry {
	readonly n: number;
	readonly created: number;
	readonly updated: number;
	readonly changes: number;
}

/** What a model answers; JSON unless the body is text. */
export interface Reply {
	readonly status?: number;
	readonly headers?: Record<string, string>;
	readonly body: unknown;
}

/** The part that all models have in common: objects, and an answer with a date. */
export abstract class ListModel implements ListApiModel {
	abstract readonly pageSize: number;
	abstract readonly defaultPageSize: number;
	/** The API keeps times in steps of so many milliseconds. */
	protected readonly step: number = 1000;
	private readonly byNumber = new Map<number, Entry>();

	add(n: number, at: number): string {
		const created = this.kept(at);
		this.byNumber.set(n, { n, created, updated: created, changes: 0 });
		return this.idOf(n);
	}

	change(n: number, at: number): void {
		const entry = this.byNumber.get(n);
		if (!entry) throw new Error(`There is no object ${n}`);
		this.byNumber.set(n, { ...entry, updated: this.kept(at), changes: entry.changes + 1 });
	}

	remove(n: number): void {
		this.byNumber.delete(n);
	}

	answer(request: ListApiRequest, base: string, now: number): ListApiAnswer {
		const { status = 200, headers, body } = this.reply(request, base, now);
		return {
			status,
			headers: { 'content-type': 'application/json; charset=utf-8', date: new Date(now).toUTCString(), ...headers },
			body: typeof body === 'string' ? body : JSON.stringify(body),
		};
	}

	protected get entries(): Entry[] {
		return [...this.byNumber.values()];
	}

	private kept(at: number): number {
		return Math.floor(at / this.step) * this.step;
	}

	protected abstract idOf(n: number): string;
	protected abstract reply(request: ListApiRequest, base: string, now: number): Reply;
}

/** Objects of the same value follow each other by their numbers, in the same direction. */
export interface Order {
	readonly by: (entry: Entry) => number | string;
	readonly descending: boolean;
}

/** A place in an order, which need not be that of an object that is still there. */
export interface Place {
	readonly value: number | string;
	readonly n: number;
}

export const byNumber = ({ n }: Entry) => n;
export const byCreated = ({ created }: Entry) => created;
export const byUpdated = ({ updated }: Entry) => updated;

export function placeOf(entry: Entry, { by }: Order): Place {
	return { value: by(entry), n: entry.n };
}

export function inOrder(entries: readonly Entry[], order: Order): Entry[] {
	return entries.toSorted((a, b) => compare(placeOf(a, order), placeOf(b, order), order));
}

/** Those of ordered entries that come after a place. */
export function after(ordered: readonly Entry[], order: Order, place: Place): Entry[] {
	return ordered.filter((entry) => compare(placeOf(entry, order), place, order) > 0);
}

/** Those of ordered entries that come before a place. */
export function before(ordered: readonly Entry[], order: Order, place: Place): Entry[] {
	return ordered.filter((entry) => compare(placeOf(entry, order), place, order) < 0);
}

function compare(a: Place, b: Place, { descending }: Order): number {
	const sign = descending ? -1 : 1;
	if (a.value !== b.value) return a.value < b.value ? -sign : sign;
	return (a.n - b.n) * sign;
}

/** A cursor as a client sees it: not to be read. */
export function encodeCursor(value: unknown, prefix = ''): string {
	return Buffer.from(prefix + JSON.stringify(value)).toString('base64');
}

/** `undefined` for what is no cursor. */
export function decodeCursor(text: string, prefix = ''): unknown {
	const decoded = Buffer.from(text, 'base64').toString();
	if (!decoded.startsWith(prefix)) return undefined;
	try {
		return JSON.parse(decoded.slice(prefix.length));
	} catch {
		return undefined;
	}
}

/** The number that a parameter states; `undefined` where it is none, or not whole. */
export function wholeNumber(text: string): number | undefined {
	return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The size of a page: what is no size is ignored, and what is too large cut down. */
export function pageSizeOf(text: string | null, { pageSize, defaultPageSize }: ListApiModel): number {
	const size = wholeNumber(text ?? '');
	return size === undefined || size < 1 ? defaultPageSize : Math.min(size, pageSize);
}

/** An address with its query. */
export function withQuery(address: string, query: URLSearchParams): string {
	return query.size === 0 ? address : `${address}?${query.toString()}`;
}

/** `2011-04-22T13:33:48Z` */
export const isoSeconds = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');

/** Letters and digits that look drawn by lot, but are always the same for the same text. */
export function lettersOf(text: string, length: number): string {
	return createHash('sha512')
		.update(text)
		.digest('base64')
		.replaceAll(/[^A-Za-z0-9]/g, '')
		.slice(0, length);
}

/** Hexadecimal digits in the same way. */
export function hexOf(text: string, length: number): string {
	return createHash('sha512').update(text).digest('hex').slice(0, length);
}

/** A UUID of version 4 in the same way. */
export function uuidOf(text: string): string {
	return hexOf(text, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5');
}
