import { DAY, HOUR, MINUTE, formatTime } from '../../../lib/base/time';
import { positionOfTime } from '../../../lib/event/position';
import { afterLogPage, logPlace } from '../../../lib/provider/event-log';
import { eventLog } from '../../../lib/provider/stripe/events';
import type { PageRequest } from '../../../lib/provider/pull';

/** A log that can be read behind a known event only: begun at a time, it gives every event from then on, once, oldest first. */

interface Item {
	readonly id: string;
	readonly time: number;
}

const NOW = Date.parse('2026-07-01T00:00:00Z');

/**
 * Reads a log from a time on, a page at a time, as the engine does.
 *
 * @param gone what happens to the log between two requests
 */
function readFrom(
	log: Item[],
	from: number,
	pageSize: number,
	gone: (asked: number) => void = () => undefined,
): string[] {
	const kept: string[] = [];
	let bookmark: string | undefined;
	for (let asked = 1; ; asked += 1) {
		if (asked > 500) throw new Error('no end');
		const page: PageRequest = {
			from: positionOfTime(from),
			page: 1,
			offset: 0,
			pageSize,
			...(bookmark !== undefined && { bookmark }),
		};
		const { backTo, after } = logPlace(page);
		const index = log.findIndex(({ id }) => id === after);
		const rest =
			backTo === undefined
				? log.slice(index + 1)
				: (after === undefined ? log : log.filter(({ id }) => id < after)).toReversed();
		const items = rest.slice(0, pageSize);
		const hasMore = rest.length > pageSize;
		const { found, place } = afterLogPage<Item>({
			items,
			hasMore,
			page,
			idOf: ({ id }) => id,
			timeOf: ({ time }) => time,
		});
		kept.push(...found.map(({ id }) => id));
		bookmark = place.bookmark?.token ?? bookmark;
		if (place.last) return kept;
		gone(asked);
	}
}

const named = (n: number) => `evt_${String(n).padStart(5, '0')}`;

test.each([1, 3, 10, 199, 200, 201, 1_000])(
	'V10 pages of %i: every event from a time on, once, oldest first',
	(pageSize) => {
		const log = Array.from({ length: 600 }, (_, n) => ({ id: named(n), time: NOW - DAY + n * MINUTE }));
		for (const begin of [0, 1, 17, 300, 598, 600]) {
			const from = NOW - DAY + begin * MINUTE;
			const wanted = log.filter(({ time }) => time >= from - MINUTE).map(({ id }) => id);
			if (Math.ceil(wanted.length / pageSize) < 200) expect(readFrom(log, from, pageSize)).toEqual(wanted);
		}
	},
);

test('V10 events whose times are not in the order of the log are found', () => {
	const log = Array.from({ length: 300 }, (_, n) => ({
		id: named(n),
		// Every seventh is dated by the day before, and every eleventh by the day after.
		time: NOW - DAY + n * MINUTE + (n % 7 === 0 ? -2 * DAY : n % 11 === 0 ? DAY : 0),
	}));
	const from = NOW - DAY + 2 * HOUR;
	const wanted = log.filter(({ time }) => time >= from).map(({ id }) => id);
	// A whole page that is older is the end.
	for (const pageSize of [50, 299, 1_000]) {
		expect(readFrom(log, from, pageSize)).toEqual(expect.arrayContaining(wanted));
	}
});

test('V10 the oldest events expire while the log is read back: those that are left are found', () => {
	const all = Array.from({ length: 400 }, (_, n) => ({ id: named(n), time: NOW - DAY + n * MINUTE }));
	for (const expired of [100, 199, 200, 201, 300]) {
		const log = [...all];
		const found = readFrom(log, NOW - 10 * DAY, 200, (asked) => {
			if (asked === 1) log.splice(0, expired);
		});
		expect(found).toEqual(expect.arrayContaining(log.map(({ id }) => id)));
	}
});

test('V10 a second of Stripe with more than a page, below which everything has expired: nothing of it is passed over', async () => {
	const second = Math.floor(NOW / 1_000) - 1_000;
	const items = Array.from({ length: 100 }, (_, n) => ({
		id: `evt_${200 - n}`,
		type: 'invoice.paid',
		created: second,
	}));
	const read = async (bookmark: string, body: object) =>
		await eventLog().read(
			{ body, date: NOW } as unknown as Parameters<ReturnType<typeof eventLog>['read']>[0],
			'',
			'me',
			{
				from: positionOfTime(second * 1_000),
				page: 1,
				offset: 0,
				pageSize: 100,
				bookmark,
			},
		);
	const first = await read(`since:${second}:1`, { data: items, has_more: true });
	expect(first.rows).toHaveLength(100);
	const below = await read(first.bookmark?.token ?? '', { data: [], has_more: false });
	// Behind the oldest that was seen.
	expect(below).toMatchObject({ bookmark: { token: 'evt_101' }, last: false });
});

test('a place back in the log is told from ids', () => {
	const page = { from: 0n, page: 1, offset: 0, pageSize: 10 };
	expect(logPlace({ ...page, bookmark: 'evt_1' })).toEqual({ after: 'evt_1' });
	const time = formatTime(NOW);
	expect(logPlace({ ...page, bookmark: `back:${time} evt_1` })).toEqual({ backTo: NOW, after: 'evt_1' });
	expect(logPlace({ ...page, bookmark: `from:${time} ` })).toEqual({ floor: NOW });
	expect(logPlace({ ...page, bookmark: `from:${time} evt_1` })).toEqual({ floor: NOW, after: 'evt_1' });
});
