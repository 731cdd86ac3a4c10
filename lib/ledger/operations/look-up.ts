import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { EventPath } from '../../event/event';
import { HybridSyncError } from '../../base/errors';
import { formatTime } from '../../base/time';
import { unpack } from '../tables/payload';
import type { Delivery, LifeColumns, StoredEvent } from '../tables/rows';
import { ROW_COLUMNS, type StoredRow, type Turn, findByKeys } from '../tables/statements';

/** The log of stored events: what is asked for, read newest first in steps of bounded cost. */

/** `failed` are those that wait for another attempt. */
export type LoggedState = LifeColumns['state'] | 'failed';

/** Which stored events; what is left out does not restrict. */
export interface EventFilter {
	/** Event keys. */
	readonly keys?: readonly string[];
	readonly subject?: string;
	/** Provider-qualified types. */
	readonly types?: readonly string[];
	readonly states?: readonly LoggedState[];
	/** First received in this time; milliseconds since the epoch, the end excluded. */
	readonly from?: number;
	readonly to?: number;
}

/** A stored event as the log shows it. */
export interface LoggedEvent {
	readonly id: string;
	/** The key it has on the other path. */
	readonly twin?: string;
	readonly type: string;
	readonly subject: string;
	readonly time: string;
	readonly path: EventPath | 'item';
	readonly state: LoggedState;
	readonly attempts: number;
	readonly handovers: number;
	readonly recovered: boolean;
	readonly receivedtime: string;
	readonly passedtime?: string;
	readonly donetime?: string;
	/** When it is next due, or its lease ends. */
	readonly duetime?: string;
	readonly reason?: string;
	readonly execution?: string;
	readonly correlationid: string;
	/** The first delivery, and the last ten after it. */
	readonly deliveries: readonly (Omit<Delivery, 'at'> & { readonly time: string })[];
	readonly deliverycount: number;
	/** The payload was given up; nothing is left to replay. */
	readonly erased: boolean;
	readonly data?: unknown;
}

/** Rows of the log; `next` is where the following page begins, absent at the end. */
interface LogRows {
	readonly rows: readonly StoredRow[];
	readonly next?: string;
}

/** How many rows are read at once; of keys, a page is no longer. */
export const CHUNK = 250;
/** What a page may look at in all, however rare what is asked for. */
const MAX_SCANNED = 20_000;

/**
 * Reads one page, newest first. Where few rows meet the filter, a page may come back short, with `next` set.
 *
 * @param page how many rows, how large their payloads may be together (at least one row comes), and `next` of the page before
 */
export async function readLog(
	turn: Turn,
	filter: EventFilter,
	page: { readonly limit: number; readonly maxBytes?: number; readonly after?: string | undefined },
): Promise<LogRows> {
	const { limit, maxBytes = Infinity, after } = page;
	if (filter.keys) return await readByKeys(turn, filter, filter.keys, page);
	const rows: StoredRow[] = [];
	let bytes = 0;
	let place = parsePlace(after);
	for (let scanned = 0; scanned < MAX_SCANNED; scanned += CHUNK) {
		const read = await readChunk(turn, filter, place);
		for (const row of read) {
			const isUpToDate = meets(row, filter);
			if (isUpToDate && rows.length > 0 && bytes + row.bytes > maxBytes) {
				return { rows, ...(place && { next: formatPlace(place) }) };
			}
			place = row;
			if (!isUpToDate) continue;
			bytes += row.bytes;
			rows.push(row);
			if (rows.length >= limit) return { rows, next: formatPlace(row) };
		}
		if (read.length < CHUNK) return { rows };
		await nextTurn();
	}
	return { rows, ...(place && { next: formatPlace(place) }) };
}

/** The same for keys, in their order; `next` is the number of the first key that has not been looked at. */
async function readByKeys(
	turn: Turn,
	filter: EventFilter,
	keys: readonly string[],
	{ limit, maxBytes = Infinity, after }: Parameters<typeof readLog>[2],
): Promise<LogRows> {
	const from = Number(after ?? 0);
	const wanted = keys.slice(from, from + Math.min(limit, CHUNK));
	const found = await findByKeys(turn, wanted);
	const rows = new Map<number, StoredRow>();
	let bytes = 0;
	for (const [index, key] of wanted.entries()) {
		const row = found.get(key);
		if (!row || rows.has(row.seq) || !meets(row, filter)) continue;
		if (rows.size > 0 && bytes + row.bytes > maxBytes) return { rows: [...rows.values()], next: String(from + index) };
		bytes += row.bytes;
		rows.set(row.seq, row);
	}
	const next = from + wanted.length;
	return { rows: [...rows.values()], ...(next < keys.length && { next: String(next) }) };
}

type Place = Pick<StoredEvent, 'received_at' | 'seq'>;

const formatPlace = ({ received_at, seq }: Place) => `${received_at}-${seq}`;

function parsePlace(text: string | undefined): Place | undefined {
	if (text === undefined) return undefined;
	const [, received_at, seq] = /^(\d+)-(\d+)$/.exec(text) ?? [];
	if (received_at !== undefined) return { received_at: Number(received_at), seq: Number(seq) };
	throw new HybridSyncError('configuration', `"${text}" is not the "next" of an earlier page. Use it as it was given.`);
}

/** The next rows of one index: that of the subject, of the dead letters, or of all arrivals. */
async function readChunk({ db, stream }: Turn, filter: EventFilter, after: Place | undefined): Promise<StoredRow[]> {
	const { subject, states, from, to } = filter;
	let query = db.selectFrom('event').select(ROW_COLUMNS).where('stream', '=', stream);
	if (subject !== undefined) query = query.where('subject', '=', subject).where('subject', '<>', sql.lit(''));
	if (states?.length === 1 && states[0] === 'dead') query = query.where('state', '=', sql.lit('dead'));
	if (from !== undefined) query = query.where('received_at', '>=', from);
	if (to !== undefined) query = query.where('received_at', '<', to);
	if (after) {
		query = query
			.where('received_at', '<=', after.received_at)
			.where((by) => by.or([by('received_at', '<', after.received_at), by('seq', '<', after.seq)]));
	}
	return await query.orderBy('received_at', 'desc').orderBy('seq', 'desc').limit(CHUNK).execute();
}

function meets(row: StoredRow, { types, states, subject, from, to }: EventFilter): boolean {
	return (
		(!types || types.includes(row.type)) &&
		(!states || states.includes(loggedState(row))) &&
		(subject === undefined || subject === row.subject) &&
		(from === undefined || row.received_at >= from) &&
		(to === undefined || row.received_at < to)
	);
}

export function loggedState({ state, reason }: Pick<StoredEvent, 'state' | 'reason'>): LoggedState {
	return state === 'received' && reason !== null ? 'failed' : state;
}

/** @param payload packed; absent where it was not asked for */
export function toLogged(row: StoredRow, payload?: Uint8Array): LoggedEvent {
	const time = (name: string, at: number | null) => (at === null ? {} : { [name]: formatTime(at) });
	const unpacked = payload && unpack(payload);
	const first = { at: row.received_at, path: row.path, by: row.correlation_id, outcome: 'new' };
	return {
		id: row.event_key,
		...(row.twin_key !== null && { twin: row.twin_key }),
		type: row.type,
		subject: unpacked?.subject ?? row.subject,
		time: formatTime(row.time),
		path: row.path,
		state: loggedState(row),
		attempts: row.attempts,
		handovers: row.hand_overs,
		recovered: row.recovered === 1,
		receivedtime: formatTime(row.received_at),
		...time('passedtime', row.passed_at),
		...time('donetime', row.done_at),
		...time('duetime', row.due_at),
		...(row.reason !== null && { reason: row.reason }),
		// The execution's id as n8n shows it, without the instance.
		...(row.execution !== null && row.execution !== '' && { execution: row.execution.replace(/^.*\//, '') }),
		correlationid: row.correlation_id,
		deliveries: [first, ...(JSON.parse(row.deliveries) as Delivery[])].map(({ at, ...delivery }) => ({
			time: formatTime(at),
			...delivery,
		})),
		deliverycount: row.delivery_count,
		erased: row.bytes === 0,
		...(unpacked && { data: unpacked.data }),
	};
}

/** A stored webhook that names what a row of an API may name too. */
export interface StoredPush {
	readonly event_key: string;
	readonly match_key: string;
	/** The key of the row that it was joined with. */
	readonly twin_key: string | null;
	readonly time: number;
}

/** How far back webhooks are looked for, in stored events: a page of the log costs no more. */
const RECENT = 2_000;

/** The latest webhooks that may have a row, newest first. */
export async function recentPushes({ db, stream }: Pick<Turn, 'db' | 'stream'>, limit: number): Promise<StoredPush[]> {
	const recent = db
		.selectFrom('event')
		.select(['seq', 'event_key', 'match_key', 'twin_key', 'time', 'path'])
		.where('stream', '=', stream)
		.orderBy('received_at', 'desc')
		.orderBy('seq', 'desc')
		.limit(RECENT);
	const rows = await recent.execute();
	return rows
		.flatMap(({ path, match_key: key, event_key, twin_key, time }) =>
			path === 'webhook' && key !== null ? { event_key, match_key: key, twin_key, time } : [],
		)
		.slice(0, limit);
}
