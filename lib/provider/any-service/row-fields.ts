import { DAY, LATEST_TIME, parseTimeBy } from '../../base/time';
import { type Position, parsePosition, positionOfTime } from '../../event/position';
import { type Finder, finder, stepTo } from './json-path';
import type { RestSettings } from './settings';

/** What the fields of a list's rows look like: which of them identify a row, and which say when it came and was changed. */

export type Row = Readonly<Record<string, unknown>>;

/** A field of the rows. */
export interface RowField {
	/** JSON path within the row. */
	readonly path: string;
	/** Its value in the first row that has one. */
	readonly sample: string | number;
}

export interface IdField extends RowField {
	/** By its name it is the row's own id; others may be unique only so far. */
	readonly isSure: boolean;
}

export interface TimeField extends RowField, Partial<Pick<RestSettings, 'timePattern'>> {
	/**
	 * By its name: when the row was changed for the last time, when it was created, or something that people enter, and that
	 * may lie in the past when the row appears.
	 */
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
/** Longer ones are no names of fields. */
const MAX_NAME = 100;

type Scalar = string | number;
const isScalar = (value: unknown): value is Scalar =>
	(typeof value === 'string' && value !== '') || typeof value === 'number';

interface Column {
	readonly path: string;
	readonly values: readonly Scalar[];
}

/** The fields that have a value in so many of the rows. */
function columnsOf(rows: readonly Row[], least = 1): Column[] {
	const some = rows.slice(0, MAX_ROWS);
	const paths = new Set(some.slice(0, 3).flatMap((row) => pathsOf(row)));
	return [...paths].flatMap((path) => {
		const find: Finder = finder(path, 'Time or Number Field');
		const values: Scalar[] = [];
		for (const [at, row] of some.entries()) {
			const value = find(row);
			if (isScalar(value)) values.push(value);
			else if (at + 1 - values.length > some.length - Math.ceil(some.length * least)) return [];
		}
		return [{ path, values }];
	});
}

function pathsOf(row: Row, depth = MAX_DEPTH, before = '', found: string[] = []): string[] {
	for (const name in row) {
		if (found.length >= MAX_FIELDS) break;
		const value = row[name];
		if (name.length > MAX_NAME) continue;
		const path = stepTo(before, name);
		if (isScalar(value)) found.push(path);
		// Others are objects of their own, such as the customer of an order.
		else if (WRAPPERS.test(name) && typeof value === 'object' && value !== null && !Array.isArray(value) && depth > 1)
			pathsOf(value as Row, depth - 1, path, found);
	}
	return found;
}

/** Objects in which services put a row’s own fields. */
const WRAPPERS = /^(?:attributes|properties|fields|data|node|meta|metadata|system|sys|timestamps|audit|dates)$/i;

/** Fields in such an object come after those of the row itself. */
const depthOf = (path: string) => 5 * (path.split('.').length - 1);

/** The words of a field's name: `updated_at`, `updatedAt` and `UpdatedAt` have the same. */
export function wordsOf(path: string): string[] {
	const name = path.split('.').at(-1) ?? '';
	return name
		.replace(/([a-z\d])([A-Z])/g, '$1 $2')
		.replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
		.toLowerCase()
		.split(/[^a-z\d]+/)
		.filter((word) => word !== '');
}

/*
 * Times
 */

/** Words that say nothing of what a time is about. */
const GENERIC = /^(?:date|time|datetime|timestamp|gmt|utc|last|stamp|when|iso|at|on|ts|dt|unix|epoch|ms|ns|the|of)$/;
const CHANGE =
	/^(?:update|updated|updatedate|lastupdated|modify|modified|modification|modifieddate|lastmodifieddate|lastmodified|change|changed|edit|edited|revised|mtime)$/;
const CREATION = /^(?:create|created|creation|createdate|createddate|insert|inserted|add|added|ctime)$/;
/** What people or other systems fill in, maybe long after. */
const ENTERED =
	/^(?:placed|posted|published|received|occurred|registered|issued|recorded|submitted|processed|sent|ordered|started|date)$/;

function rankOf(path: string): { kind: TimeField['kind']; rank: number } {
	const words = wordsOf(path);
	const own = words.filter((word) => !GENERIC.test(word));
	const isUtc = words.some((word) => word === 'gmt' || word === 'utc') ? 0 : 0.5;
	const rank = own.length + isUtc + depthOf(path);
	if (own.some((word) => CHANGE.test(word))) return { kind: 'change', rank };
	if (own.some((word) => CREATION.test(word))) return { kind: 'creation', rank };
	// A log has nothing but its `timestamp`; a `date` may be that of anything.
	if (own.length === 0 && !words.includes('date')) return { kind: 'creation', rank: rank + 20 };
	return { kind: 'other', rank: rank + (words.some((word) => ENTERED.test(word)) ? 30 : 40) };
}

/** By its name, what a time is about. */
export const kindOfTime = (path: string) => rankOf(path).kind;

/** What begins like a date that people write, and not like a number or a name. */
const DATE_LIKE = /^\s*(?:\d{4}-?\d\d-?\d\d|[a-z]{3},? \d{1,2} |\/Date\()/i;
/** Forms without a standard: parts of a date, or all digits. */
const ODD_DATE = /^\s*(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\d{14}$)/;
/** Those in which no other reading is possible. */
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

/** Of a time as text, with a time of day. */
export const NAMES_ZONE = /:.*(?:Z|[+-]\d\d:?\d\d|[+-]\d\d|GMT|UTC)\s*$|T\d{6}(?:Z|[+-]\d{2,4})$|\)\/\s*$/i;

type Times = Pick<TimeField, 'timeFormat' | 'timePattern' | 'isLocal' | 'positions'>;

function timesOf({ path, values }: Column): Times | undefined {
	const [first = ''] = values;
	const head = String(first);
	if (/^\d+(?:\.\d+)?$/.test(head) && head.length !== 14) {
		const numbers = values.map(Number);
		return isTimeName(path) ? unixTimes(numbers) : undefined;
	}
	if (DATE_LIKE.test(head) && head.length !== 14) {
		const positions = readAll(values, (text) => parsePosition(text));
		const isLocal = values.some((value) => !NAMES_ZONE.test(String(value)));
		if (positions) return { timeFormat: 'iso', isLocal, positions };
	}
	if (!ODD_DATE.test(head)) return undefined;
	const by = (timePattern: string): Times | undefined => {
		const positions = readAll(values, (text) => {
			const time = parseTimeBy(timePattern, text);
			return time === undefined ? undefined : positionOfTime(time);
		});
		return positions && { timeFormat: 'custom', timePattern, isLocal: true, positions };
	};
	for (const pattern of PATTERNS) {
		const found = by(pattern);
		if (found) return found;
	}
	for (const either of DAY_OR_MONTH_FIRST) {
		const [one, other] = either.flatMap((pattern) => by(pattern) ?? []);
		// Where both fit, nobody knows.
		if (one) return other ? undefined : one;
	}
	return undefined;
}

/** Nothing as soon as one is no time: to read many takes its time. */
function readAll(values: readonly Scalar[], read: (text: string) => Position | undefined): Position[] | undefined {
	const positions: Position[] = [];
	for (const value of values) {
		const position = read(String(value));
		if (position === undefined || !isSet(position)) return undefined;
		positions.push(position);
	}
	return positions;
}

const isTimeName = (path: string) =>
	wordsOf(path).some((word) => [GENERIC, CHANGE, CREATION].some((each) => each.test(word)));

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
const isSet = (position: Position) => position > positionOfTime(DAY) && position <= positionOfTime(LATEST_TIME);

/** The fields that hold a time in every row, the most likely of each kind first. */
export function timeFieldsOf(rows: readonly Row[]): TimeField[] {
	return columnsOf(rows)
		.flatMap((column) => {
			const times = timesOf(column);
			const [sample = ''] = column.values;
			if (!times) return [];
			const { kind, rank } = rankOf(column.path);
			// A day is entered, or cut; in either case what comes later the same day, or for an earlier one, lies behind.
			const isDays = times.positions.every((position) => position % positionOfTime(DAY) === 0n);
			return [{ ...times, path: column.path, sample, kind: isDays ? ('other' as const) : kind, rank }];
		})
		.sort((a, b) => a.rank - b.rank)
		.map(({ rank: _, ...field }) => field);
}

/*
 * Ids
 */

const IDS = ['id', 'uuid', 'guid', 'sid', 'gid', 'uid', 'oid', 'objectid'];
/** Unique in many lists, and in many others not. */
const MAYBE = ['key', 'number', 'no', 'reference', 'ref', 'code', 'sku', 'slug', 'email', 'name'];

/** `entries` is `entry`, and `boxes` is `box`. */
const singularOf = (name: string) =>
	name
		.replace(/ies$/, 'y')
		.replace(/(s|x|z|ch|sh)es$/, '$1')
		.replace(/([^s])s$/, '$1');

/** Of so many rows at least a field is needed to be their id: one of them may be a total. */
const LEAST_WITH_ID = 0.9;

/**
 * The fields that may identify a row, the most likely first: of those whose value no two rows share.
 *
 * @param listName of the list, e.g. `orders`, whose ids may be called `order_id`
 */
export function idFieldsOf(rows: readonly Row[], listName: string): IdField[] {
	const own = singularOf(wordsOf(listName).join(''));
	const ranked = (path: string): { rank: number; isSure: boolean } => {
		const words = wordsOf(path);
		const last = words.at(-1) ?? '';
		const around = words.slice(0, -1).join('');
		const isSure = IDS.includes(last);
		const depth = depthOf(path);
		if (isSure && words.length === 1) return { rank: IDS.indexOf(last) + depth, isSure };
		if (isSure && own !== '' && (around === own || own.endsWith(around))) return { rank: 0.5 + depth, isSure };
		// Maybe that of something else that the row belongs to.
		if (isSure) return { rank: 20 + depth, isSure: false };
		const maybe = MAYBE.indexOf(last);
		return { rank: maybe < 0 ? Infinity : 40 + maybe + depth, isSure: false };
	};
	return columnsOf(rows, LEAST_WITH_ID)
		.filter(({ values }) => new Set(values).size === values.length)
		.map(({ path, values: [sample = ''] }) => ({ path, sample, ...ranked(path) }))
		.filter(({ rank }) => Number.isFinite(rank))
		.sort((a, b) => a.rank - b.rank)
		.map(({ path, sample, isSure }) => ({ path, sample, isSure }));
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
