import { type Position, afterPage, nextPage, startAt } from '../../../lib/poll/cursor';
import type { Page, PolledRow } from '../../../lib/provider/provider';

const rows = (...positions: number[]): Page => ({
	rows: positions.map((position) => ({ position }) as PolledRow),
	unreadable: [],
	last: positions.length < 2,
});
const LOOK_BACK = 600_000;

test('a window begins a look-back before the bound, and never before the start', () => {
	expect(nextPage({ account: 'A', floor: 0, bound: 5_000_000 }, LOOK_BACK)).toEqual({ from: 4_400_000, page: 1 });
	expect(nextPage(startAt('A', 5_000_000), LOOK_BACK)).toEqual({ from: 5_000_000, page: 1 });
});

test('C3 the bound moves only when the window has been read to its end', () => {
	const start = startAt('A', 0);
	const open = afterPage(start, { from: 0, page: 1 }, rows(10, 20));
	expect(open).toEqual({ ...start, window: { from: 20, page: 1, newest: 20 } });
	const closed = afterPage(open, { from: 20, page: 1 }, rows(20));
	expect(closed).toEqual({ account: 'A', floor: 0, bound: 20 });
});

test('C13 where one second fills a page, the page number moves', () => {
	const read = { from: 10, page: 1 };
	const first = afterPage({ ...startAt('A', 0), window: { from: 10, page: 1, newest: 10 } }, read, rows(10, 10));
	expect(first.window).toEqual({ from: 10, page: 2, newest: 10 });
	expect(afterPage(first, { ...read, page: 2 }, rows(10, 11)).window).toEqual({ from: 11, page: 1, newest: 11 });
});

test('an empty page closes the window and leaves the bound', () => {
	const position: Position = { account: 'A', floor: 0, bound: 50 };
	expect(afterPage(position, { from: 0, page: 1 }, rows())).toEqual(position);
});

test('rows out of order are an error: no bound would be safe', () => {
	expect(() => afterPage(startAt('A', 0), { from: 0, page: 1 }, rows(20, 10))).toThrow('out of order');
});

test('C4 rows of a full second vanish while its pages are read: they are read again from the first', () => {
	const position: Position = { ...startAt('A', 0), window: { from: 10, page: 2, newest: 10, total: 5 } };
	const next = afterPage(position, { from: 10, page: 2 }, { ...rows(10, 10), total: 4 });
	expect(next.window).toEqual({ from: 10, page: 1, newest: 10, total: 4 });
});

test('C8 a row dated ahead of the provider’s clock does not move the bound past it', () => {
	const position = afterPage(startAt('A', 0), { from: 0, page: 1 }, { ...rows(99_000), date: 50_000 });
	expect(position.bound).toBe(50_000);
});
