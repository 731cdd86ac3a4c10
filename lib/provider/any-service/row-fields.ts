import { LATEST_TIME, parseTimeBy } from '../../base/time';
import { type Position, parsePosition, positionOfTime } from '../../event/position';
import { finder } from './json-path';
import type { RestSettings } from './settings';

/** What the fields of a list's rows look like: which of them identify a row, and which say when it came and was changed. */

export type Row = Readonly<Record<string, unknown>>;

/** A field that every row has. */
export interface RowField {
	/** JSON path within the row. */
	readonly path: string;
	/** Its value in the first row. */
	readonly sample: string | number;
}

export interface TimeField extends RowField, Partial<Pick<RestSettings, 'timePattern'>> {
	/** By its name: when the row was changed for the last time, when it was created, or something else. */
	readonly kind: 'change' | 'creation' | 'other';
	readonly timeFormat: RestSettings['timeFormat'];
	/** Its times are written without a zone; the positions are those in UTC. */
	readonly isLocal: boolean;
	/** In the order of the rows. */
	readonly positions: readonly Position[];
}

/** Rows that are looked at; all of a page are, in nearly all APIs. */
const MAX_ROWS = 1_000;
/** Fields of a row, and how deep objects are looked into. */
const MAX_FIELDS = 300;
const MAX_DEPTH = 3;

type Scalar = string | number;
const isScalar = (value: unknown): value is Scalar =>
	(typeof value === 'string' && value !== '') || typeof value === 'number';

interface Column {
	readonly path: string;
	readonly values: readonly Scalar[];
}

/** The fields that have a value in every row. */
function columnsOf(rows: readonly Row[]): Column[] {
	const [first] = rows;
	if (!first) return [];
	const some = rows.slice(0, MAX_ROWS);
	return pathsOf(first).flatMap((path) => {
		const find = finder(path, 'Time or Number Field');
		const values = some.map(find);
		return values.every(isScalar) ? [{ path, values }] : [];
	});
}

function pathsOf(row: Row, depth = MAX_DEPTH, before = '', found: string[] = []): string[] {
	for (const name in row) {
		if (found.length >= MAX_FIELDS) break;
		const value = row[name];
		const path = `${before}${name}`;
		// What no path could name.
		if (/[\s[\]()]/.test(name)) continue;
		if (isScalar(value)) found.push(path);
		// Others are objects of their own, such as the customer of an order.
		else if (WRAPPERS.test(name) && typeof value === 'object' && value !== null && !Array.isArray(value) && depth > 1)
			pathsOf(value as Row, depth - 1, `${path}.`, found);
	}
	return found;
}

/** Without what stands between words, so that `updated_at` and `updatedAt` are one. */
const plain = (name: string) => name.replace(/[^a-z]/gi, '').toLowerCase();

/** Objects in which services put a row’s own fields. */
const WRAPPERS = /^(?:attributes|properties|fields|data|node|meta|metadata|system|sys|timestamps|audit|dates)$/i;

/** Fields in such an object come after those of the row itself. */
const depthOf = (path: string) => 5 * (path.split('.').length - 1);

/*
 * Times
 */

/** Words that say nothing of what a time is about. */
const GENERIC = /datetime|timestamp|date|time|gmt|utc|last|stamp|when|iso|at|on|ts|dt/g;
const KINDS = [
	{ kind: 'change', verbs: /updated?|modified|modification|changed?|edited|revised|mtime/, rank: 0 },
	{ kind: 'creation', verbs: /created?|creation|inserted|added|add(?=time|date|at|on)|ctime/, rank: 0 },
	{
		kind: 'creation',
		verbs: /placed|posted|published|received|occurred|registered|issued|recorded|submitted|processed|sent/,
		rank: 20,
	},
] as const;

/** By its name, what a time is about. */
export const kindOfTime = (path: string) => kindOf(path).kind;

function kindOf(path: string): { kind: TimeField['kind']; rank: number } {
	const name = plain(path.split('.').at(-1) ?? '');
	const rest = (text: string) => text.replace(GENERIC, '').length;
	const isUtc = /gmt|utc/.test(name) ? 0 : 0.5;
	for (const { kind, verbs, rank } of KINDS) {
		if (verbs.test(name)) return { kind, rank: rank + rest(name.replace(verbs, '')) + isUtc + depthOf(path) };
	}
	return { kind: rest(name) === 0 ? 'creation' : 'other', rank: 30 + rest(name) + isUtc + depthOf(path) };
}

/** What begins like a date that people write, and not like a number or a name. */
const DATE_LIKE = /^\s*(?:\d{4}-?\d\d-?\d\d|[a-z]{3},? \d{1,2} |\/Date\()/i;
/** Forms without a standard in which no other reading is possible. */
const PATTERNS = [
	'dd.MM.yyyy HH:mm:ss',
	'dd.MM.yyyy HH:mm',
	'dd.MM.yyyy',
	'yyyy/MM/dd HH:mm:ss',
	'yyyy/MM/dd HH:mm',
	'yyyy/MM/dd',
	'yyyyMMddHHmmss',
];
/** Those of which two may fit. */
const DAY_OR_MONTH_FIRST = ['/', '-'].flatMap((mark) =>
	['', ' HH:mm', ' HH:mm:ss'].map((clock) => [`dd${mark}MM${mark}yyyy${clock}`, `MM${mark}dd${mark}yyyy${clock}`]),
);

/** Times between the beginnings of 2001 and 2100, in seconds. */
const [EARLIEST, LATEST] = [978_307_200, 4_102_444_800];

const NAMES_ZONE = /(?:Z|[+-]\d\d:?\d\d|[+-]\d\d|GMT|UTC|\)\/)\s*$/i;

type Times = Pick<TimeField, 'timeFormat' | 'timePattern' | 'isLocal' | 'positions'>;

function timesOf({ path, values }: Column): Times | undefined {
	const texts = values.map(String);
	if (texts.every((text) => /^\d+(?:\.\d+)?$/.test(text)) && !texts.every((text) => text.length === 14)) {
		return isTimeName(path) ? unixTimes(texts.map(Number)) : undefined;
	}
	if (texts.every((text) => DATE_LIKE.test(text) && text.length !== 14)) {
		const positions = texts.map((text) => parsePosition(text));
		const isLocal = texts.some((text) => !NAMES_ZONE.test(text));
		if (positions.every(isSet)) return { timeFormat: 'iso', isLocal, positions };
	}
	const byPattern = (timePattern: string): Times | undefined => {
		const times = texts.map((text) => parseTimeBy(timePattern, text));
		const positions = times.flatMap((time) => (time === undefined ? [] : positionOfTime(time)));
		return positions.length === texts.length && positions.every(isSet)
			? { timeFormat: 'custom', timePattern, isLocal: true, positions }
			: undefined;
	};
	for (const pattern of PATTERNS) {
		const found = byPattern(pattern);
		if (found) return found;
	}
	for (const either of DAY_OR_MONTH_FIRST) {
		const [one, other] = either.flatMap((pattern) => byPattern(pattern) ?? []);
		// Where both fit, nobody knows.
		if (one) return other ? undefined : one;
	}
	return undefined;
}

const isTimeName = (path: string) => {
	const name = plain(path.split('.').at(-1) ?? '');
	return KINDS.some(({ verbs }) => verbs.test(name)) || /date|time|stamp|^ts$|^at$/.test(name);
};

function unixTimes(numbers: readonly number[]): Times | undefined {
	for (const [timeFormat, factor] of [
		['seconds', 1],
		['milliseconds', 1000],
	] as const) {
		if (!numbers.every((number) => number >= EARLIEST * factor && number <= LATEST * factor)) continue;
		const positions = numbers.map((number) => positionOfTime((number * 1000) / factor));
		return { timeFormat, isLocal: false, positions };
	}
	return undefined;
}

/** Neither the first year nor the beginning of Unix time, which mean that there is no time. */
const isSet = (position: Position | undefined): position is Position =>
	position !== undefined && position > positionOfTime(86_400_000) && position <= positionOfTime(LATEST_TIME);

/** The fields that hold a time in every row, the most likely of each kind first. */
export function timeFieldsOf(rows: readonly Row[]): TimeField[] {
	return columnsOf(rows)
		.flatMap((column) => {
			const times = timesOf(column);
			const [sample = ''] = column.values;
			return times ? [{ ...times, path: column.path, sample, ...kindOf(column.path) }] : [];
		})
		.sort((a, b) => a.rank - b.rank)
		.map(({ rank: _, ...field }) => field);
}

/*
 * Ids
 */

const IDS = [
	'id',
	'uuid',
	'guid',
	'sid',
	'gid',
	'uid',
	'objectid',
	'key',
	'code',
	'number',
	'sku',
	'slug',
	'email',
	'name',
];

/**
 * The fields that may identify a row, the most likely first: of those whose value no two rows share.
 *
 * @param listName of the list, e.g. `orders`, whose ids may be called `order_id`
 */
export function idFieldsOf(rows: readonly Row[], listName: string): RowField[] {
	const own = plain(listName).replace(/s$/, '');
	const rankOf = (path: string) => {
		const name = plain(path.split('.').at(-1) ?? '');
		const named = IDS.indexOf(name);
		const isOwn = own !== '' && (name === `${own}id` || name === `${own}uuid` || name === `${own}key`);
		const rank = named >= 0 ? named : isOwn ? 0.5 : /id$/.test(name) ? 20 : Infinity;
		return rank + depthOf(path);
	};
	return columnsOf(rows)
		.filter(({ values }) => new Set(values).size === values.length)
		.map(({ path, values: [sample = ''] }) => ({ path, sample, rank: rankOf(path) }))
		.filter(({ rank }) => Number.isFinite(rank))
		.sort((a, b) => a.rank - b.rank)
		.map(({ path, sample }) => ({ path, sample }));
}

/** The whole numbers that grow or shrink from row to row, of at least three. */
export function numberFieldsOf(rows: readonly Row[]): (RowField & { readonly positions: readonly Position[] })[] {
	if (rows.length < 3) return [];
	return columnsOf(rows).flatMap(({ path, values }) => {
		if (!values.every((value) => /^\d{1,18}$/.test(String(value)))) return [];
		const positions = values.map(BigInt);
		const [sample = ''] = values;
		return sortingOf(positions) === undefined ? [] : [{ path, sample, positions }];
	});
}

/** In which order positions come, where there are at least three different ones; nothing where they are not sorted. */
export function sortingOf(positions: readonly Position[]): 'ascending' | 'descending' | undefined {
	if (new Set(positions).size < 3) return undefined;
	const pairs = positions.slice(1).map((position, index) => [positions[index] ?? position, position] as const);
	if (pairs.every(([one, next]) => one <= next)) return 'ascending';
	return pairs.every(([one, next]) => one >= next) ? 'descending' : undefined;
}
