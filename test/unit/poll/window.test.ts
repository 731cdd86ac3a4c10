import { type CursorState, keysFrom, nextPage, startAt } from '../../../lib/poll/cursor';
import { afterPage } from '../../../lib/poll/window';
import { DAY } from '../../../lib/base/time';
import type { Page, PolledRow, PollResource } from '../../../lib/provider/pull';

/*
 * Positions are written here as people read them: times in milliseconds, and numbers as they are.
 */

type Rules = Pick<PollResource, 'displayName' | 'order' | 'unit' | 'step' | 'pageSize'>;
const MS = 1_000_000n;
const SORTED: Rules = { displayName: 'Rows', order: 'ascending', unit: 'time', step: MS, pageSize: 3 };
const UNSORTED: Rules = { displayName: 'Rows', order: 'none', unit: 'time', pageSize: 3 };
const NEWEST_FIRST: Rules = { displayName: 'Rows', order: 'descending', unit: 'time', pageSize: 3 };
const NUMBERED: Rules = { displayName: 'Rows', order: 'ascending', unit: 'number', step: 1n, pageSize: 3 };
const LOOK_BACK = 100;
const NOW = 1_000_000;

const scaleOf = ({ unit }: Rules) => (unit === 'number' ? 1n : MS);

/** A state with plain numbers in the place of positions. */
type Plain<T> = { [K in keyof T]: T[K] extends bigint | undefined ? number : Plain<T[K]> };
type PlainState = Plain<CursorState>;

/** Fields that hold no position. */
const COUNTED = [
	'page',
	'offset',
	'openedAt',
	'fingerprint',
	'before',
	'latest',
	'repeats',
	'passes',
	'read',
	'pages',
	'total',
	'step',
	'longest',
	'at',
	'expiresAt',
];

function mapped(value: unknown, change: (value: unknown) => unknown, name = ''): unknown {
	if (COUNTED.includes(name)) return value;
	if (Array.isArray(value)) return value.map((each) => mapped(each, change));
	if (typeof value !== 'object' || value === null) return change(value);
	return Object.fromEntries(Object.entries(value).map(([each, inner]) => [each, mapped(inner, change, each)]));
}
const exact = (state: PlainState, rules: Rules) =>
	mapped(state, (value) => (typeof value === 'number' ? BigInt(value) * scaleOf(rules) : value)) as CursorState;
const plain = (state: CursorState, rules: Rules) =>
	mapped(state, (value) => (typeof value === 'bigint' ? Number(value / scaleOf(rules)) : value)) as PlainState;

/** A cursor that begins at a position. */
const start = (floor: number, seeking = false): PlainState => plain(startAt('A', BigInt(floor) * MS, seeking), SORTED);
const next = (state: PlainState, rules = SORTED) => {
	const {
		from,
		start: _start,
		floor: _floor,
		...place
	} = nextPage(exact(state, rules), BigInt(LOOK_BACK) * scaleOf(rules));
	return { from: Number(from / scaleOf(rules)), ...place };
};

interface Row {
	readonly id: string;
	readonly at: number;
}
type PlainPage = Omit<Page, 'rows'> & { readonly rows: readonly Row[] };
const row = (id: string, at: number): Row => ({ id, at });
const page = (rows: Row[], more: Partial<Page> = {}): PlainPage => ({
	deadLetters: [],
	size: rows.length,
	...more,
	rows,
});
const rowsAt = (...positions: number[]) => positions.map((at, index) => row(`r${at}-${index}`, at));

function after(state: PlainState, { rows, ...rest }: PlainPage, rules: Rules, now = NOW) {
	const exactRows = rows.map(({ id, at }) => ({
		position: BigInt(at) * scaleOf(rules),
		event: { key: `${id}@${at}`, subject: id },
	})) as unknown as PolledRow[];
	const lookBack = BigInt(LOOK_BACK) * scaleOf(rules);
	const step = afterPage(exact(state, rules), { ...rest, rows: exactRows }, rules, lookBack, now);
	return { ...step, position: plain(step.state, rules) };
}

/** Plays pages one after the other. */
function play(from: PlainState, rules: Rules, ...pages: PlainPage[]) {
	const steps: ReturnType<typeof after>[] = [];
	let position = from;
	for (const each of pages) {
		const step = after(position, each, rules);
		steps.push(step);
		({ position } = step);
	}
	return { position, steps, kept: steps.map(({ rows }) => rows.map(({ event }) => event.subject)) };
}

describe('the window', () => {
	test('begins a look-back before the bound, and never before the start', () => {
		expect(next({ account: 'A', floor: 0, bound: 5_000 })).toMatchObject({ from: 4_900, page: 1 });
		expect(next(start(5_000))).toMatchObject({ from: 5_000, page: 1, offset: 0 });
	});

	test('C3 the bound moves only when the window has been read to its end', () => {
		const beginning = start(0);
		const open = play(beginning, SORTED, page(rowsAt(10, 20, 30)));
		expect(open.position).toMatchObject({ bound: 0, window: { from: 30, page: 1, newest: 30, openedAt: NOW } });
		expect(next(open.position)).toMatchObject({ from: 30, page: 1 });
		const closed = play(open.position, SORTED, page(rowsAt(30), { last: true }));
		expect(closed.position).toMatchObject({ bound: 30 });
		expect(closed.position.window).toBeUndefined();
	});

	test('C1 rows exactly on the bound are read again, to be told apart by their keys', () => {
		const { kept } = play({ account: 'A', floor: 0, bound: 10 }, SORTED, page(rowsAt(10, 10, 10), { last: true }));
		expect(kept[0]).toHaveLength(3);
	});

	test('C2 a row below the bound comes while it is within the look-back, and not before', () => {
		const { kept } = play(
			{ account: 'A', floor: 0, bound: 1_000 },
			SORTED,
			page(rowsAt(899, 900, 950), { last: true }),
		);
		expect(kept[0]).toEqual(['r900-1', 'r950-2']);
	});

	test('C6 the row that the bound came from may be gone: nothing but its time is remembered', () => {
		const { kept, position } = play({ account: 'A', floor: 0, bound: 1_000 }, SORTED, page([], { last: true }));
		expect(kept).toEqual([[]]);
		expect(position.bound).toBe(1_000);
	});

	test('an empty page closes the window and leaves the bound', () => {
		const before: PlainState = { account: 'A', floor: 0, bound: 50 };
		expect(play(before, SORTED, page([])).position).toEqual(before);
	});

	test('C8 a row dated ahead of the provider’s clock does not move the bound, and nothing is skipped', () => {
		const { position } = play(start(0), SORTED, page(rowsAt(40_000, 99_000), { date: 50_000, last: true }));
		expect(position.bound).toBe(40_000);
	});

	test('C8 where the provider tells no time, only what lies days ahead of this machine’s clock is held back', () => {
		const { position } = play(start(0), SORTED, page(rowsAt(NOW + 3_600_000, NOW + 10 * DAY), { last: true }));
		expect(position.bound).toBe(NOW + 3_600_000);
	});

	test.each([
		['oldest first', SORTED, [20, 10]],
		['newest first', NEWEST_FIRST, [10, 20]],
	] as const)(
		'rows out of order are an error that names them: no bound would be safe (%s)',
		(_order, rules, positions) => {
			expect(() => play(start(0), rules, page(rowsAt(...positions)))).toThrow(
				/out of order: "r\d+-1" came after "r\d+-0"/,
			);
		},
	);
});

describe('where one position fills a page', () => {
	const ties = [row('a', 10), row('b', 10), row('c', 10), row('d', 10), row('e', 10)];
	const begun: PlainState = { ...start(10), bound: 10 };

	test('C13 the page number moves, and two passes must find the same', () => {
		const first = play(begun, SORTED, page(ties.slice(0, 3)));
		expect(first.position.window).toMatchObject({ from: 10, page: 2, offset: 3 });
		const pass = [page(ties.slice(0, 3)), page(ties.slice(3), { last: true })];
		const twice = play(begun, SORTED, ...pass, ...pass);
		expect(twice.steps.map(({ goesOn }) => goesOn)).toEqual([true, true, true, false]);
		expect(twice.position).toEqual({ account: 'A', floor: 10, bound: 10, longest: 3 });
	});

	test('C4 a row that was removed behind us hides one on the next page; the next pass finds it', () => {
		const { kept, steps, position } = play(
			begun,
			SORTED,
			page(ties.slice(0, 3)),
			// "a" is gone, so "d" has moved to the first page.
			page([row('e', 10)], { last: true }),
			page([row('b', 10), row('c', 10), row('d', 10)]),
			page([row('e', 10)], { last: true }),
		);
		expect(kept.flat()).toContain('d');
		// The passes differ: a third one is left for the next tick.
		expect(steps.at(-1)?.goesOn).toBe(false);
		expect(position.window).toMatchObject({ page: 1, passes: 2 });
		const third = play(
			position,
			SORTED,
			page([row('b', 10), row('c', 10), row('d', 10)]),
			page([row('e', 10)], { last: true }),
		);
		expect(third.position.window).toBeUndefined();
	});
});

describe('what is not sorted', () => {
	test('is read to its end, twice if it takes more than a page; the signpost keeps new rows from disturbing it', () => {
		const at = { date: 500 };
		const { position } = play(
			start(0),
			UNSORTED,
			page(rowsAt(300, 100, 200), at),
			page([row('x', 50)], { ...at, last: true }),
			page(rowsAt(300, 100, 200), at),
			page([row('x', 50), row('new', 2_000)], { date: 3_000, last: true }),
		);
		// What was dated after the beginning is read again: another row of that time may have gone unseen.
		expect(position).toEqual({ account: 'A', floor: 0, bound: 300, longest: 3 });
	});

	test('newest first, reading stops at what is known', () => {
		const known: PlainState = { account: 'A', floor: 0, bound: 1_000 };
		const { kept, position } = play(known, NEWEST_FIRST, page(rowsAt(1_050, 1_000, 100)));
		expect(kept[0]).toEqual(['r1050-0', 'r1000-1']);
		expect(position).toEqual({ account: 'A', floor: 0, bound: 1_050, longest: 3 });
	});

	test('newest first over several pages: the bound moves at the end, to the newest of all', () => {
		const pass = [page(rowsAt(1_500, 1_400, 1_300)), page(rowsAt(1_200, 950, 100))];
		const { position, steps } = play({ account: 'A', floor: 0, bound: 1_000 }, NEWEST_FIRST, ...pass, ...pass);
		expect(steps.map((step) => step.position.bound)).toEqual([1_000, 1_000, 1_000, 1_500]);
		expect(position.window).toBeUndefined();
	});

	test('the same page twice is an error: the provider does not understand how it is asked for the next', () => {
		const same = page(rowsAt(3, 2, 1));
		// Once or twice it may be that rows were added.
		const twice = play(start(0), UNSORTED, same, same, same, same);
		expect(twice.steps.at(-1)).toMatchObject({ position: { window: { page: 1 } }, goesOn: false });
		const { steps } = play(twice.position, UNSORTED, same, same);
		expect(steps.at(-1)?.trouble?.message).toContain('the same page over and over');
	});
});

describe('a provider that does not say which page is the last', () => {
	const rules = { ...SORTED, pageSize: 100 };

	test('and may give fewer rows than it is asked for: the next page is asked for', () => {
		const first = play(start(10), rules, page(rowsAt(10, 10)));
		expect(first.position.window).toMatchObject({ page: 2 });
		expect(play(first.position, rules, page(rowsAt(30, 40))).position.window).toBeDefined();
	});

	test('and has given more before: a shorter page is the last', () => {
		const { position, steps } = play(start(0), rules, page(rowsAt(10, 20)), page(rowsAt(20)));
		expect(steps.map(({ goesOn }) => goesOn)).toEqual([true, false]);
		expect(position).toEqual({ account: 'A', floor: 0, bound: 20, longest: 2 });
	});
});

describe('what asks whether anything has changed', () => {
	const validators = { request: 'r', etag: '"1"', at: 0 };

	test('P4 is kept where one page was all there is; a page that has not changed leaves everything as it is', () => {
		const read = play(start(0), SORTED, page(rowsAt(10), { last: true, validators }));
		expect(read.position).toEqual({ account: 'A', floor: 0, bound: 10, validators });
		const unchanged = play(read.position, SORTED, page([], { last: true, validators }));
		expect(unchanged.position).toEqual(read.position);
		expect(unchanged.kept).toEqual([[]]);
	});

	test('P4 is not kept of a window of several pages: the first of them says nothing of the others', () => {
		const pages = [page(rowsAt(10, 20, 30), { validators }), page(rowsAt(30), { last: true, validators })];
		expect(play(start(0), SORTED, ...pages).position.validators).toBeUndefined();
	});
});

describe('numbers', () => {
	const rules = NUMBERED;

	test('from now on: what is there is only looked at, and the start is behind the last of it', () => {
		const { position } = play(start(0, true), rules, page(rowsAt(1, 2), { last: true, date: 5 }));
		expect(position).toMatchObject({ floor: 3, bound: 2 });
		expect(position.seeking).toBeUndefined();
	});

	test('keys are kept since the bound had come so far, by the marks of each day', () => {
		let position = start(0);
		for (const day of [1, 2, 3]) {
			({ position } = play(position, rules, page(rowsAt(day * 1_000), { last: true, date: day * DAY })));
		}
		// Rows from 2,900 on are read again; all of them came after the second day, when the bound was 2,000.
		expect(keysFrom(exact(position, rules), rules, BigInt(LOOK_BACK))).toBe(2 * DAY);
	});

	/** The bound after each reading, of all rows that there are. */
	function bounds(readings: readonly (readonly number[])[], from = start(0)): number[] {
		let position = from;
		return readings.map((numbers) => {
			({ position } = play(position, { ...rules, pageSize: 100 }, page(rowsAt(...numbers), { last: true })));
			return position.bound;
		});
	}
	const ABSURD = Number.MAX_SAFE_INTEGER;

	test('S22 one absurd number does not hide the rows that come after it', () => {
		expect(bounds([[1, 2, 3], [3, 4, ABSURD], [4, 5, ABSURD], [ABSURD], [5, 6, 7, ABSURD]])).toEqual([3, 4, 5, 5, 7]);
	});

	test('S22 a jump is believed once another row comes close to it, or above', () => {
		const [far, near] = [5_000_000_000, 5_000_000_900];
		expect(
			bounds([
				[1, 2, 3],
				[3, far],
				[3, far, near],
			]),
		).toEqual([3, 3, near]);
	});

	test('where numbers are far apart and come one by one, the bound is one row behind', () => {
		const step = 40_000_000;
		const readings = [1, 2, 3, 4, 5].map((count) => [count * step, (count + 1) * step]);
		expect(bounds(readings)).toEqual([step, 2 * step, 3 * step, 4 * step, 5 * step]);
	});

	test.each([
		[100, 999_999],
		[2_000, 1_900_000],
		[20_000, 19_999_999],
	])('S22 %d dense rows and then %d: what comes after it is found', (count, absurd) => {
		const dense = Array.from({ length: count }, (_, index) => index + 1);
		const more = [...dense, count + 1, absurd];
		const later = [...dense, count + 1, count + 2, absurd];
		expect(bounds([dense, more, later])).toEqual([count, count + 1, count + 2]);
	});

	test('S22 a jump is reported once, and not where nothing has been read before', () => {
		const read = (position: PlainState, ...numbers: number[]) =>
			after(position, page(rowsAt(...numbers), { last: true }), rules, 0);
		const first = read(start(0), 5_000_000);
		expect(first.notice).toBeUndefined();
		const usual = read(first.position, 5_000_000, 5_000_001);
		expect(usual.notice).toBeUndefined();
		const jump = read(usual.position, 5_000_001, ABSURD);
		expect(jump.notice).toContain(`the number ${ABSURD}, far above the others. It is treated as an outlier`);
		expect(read(jump.position, 5_000_001, ABSURD).notice).toBeUndefined();
	});

	test('S22 from now on: an absurd number that is there at the start is passed over, and what comes after it is found', () => {
		const { position } = play(start(0, true), rules, page(rowsAt(1, 2, ABSURD), { last: true }));
		expect(position).toMatchObject({ floor: 3, bound: 2 });
	});
});
