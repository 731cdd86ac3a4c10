import fc from 'fast-check';
import { HybridSyncError } from '../../../lib/base/errors';
import { positionOfTime, timeOfPosition } from '../../../lib/event/position';
import { redactorOf } from '../../../lib/http/redact';
import { afterLogPage, withoutBookmark } from '../../../lib/poll/bookmark';
import { type CursorState, keysFrom, parseCursor, startAt, storedCursor } from '../../../lib/poll/cursor';
import { readWindow } from '../../../lib/poll/read';
import type { PollResource, PolledRow } from '../../../lib/provider/pull';

/*
 * Random histories of an event log that is read on by bookmarks, which expire, against an oracle. The ledger's part is played
 * by a set of keys that forgets every key as early as the cursor allows.
 */

interface LoggedEvent {
	readonly id: number;
	readonly time: number;
	/** When the log begins to show it. */
	readonly shownAt: number;
}

/** How far the log is read again, in milliseconds: it shows no event later than that. */
const LOOK_BACK = 500;

interface Api {
	readonly pageSize: number;
	/** How long a bookmark is known, and whether the provider says so beforehand. */
	readonly bookmarkMs: number;
	readonly tellsExpiry: boolean;
	/** Of this machine's clock against the provider's. */
	readonly skew: number;
	/** Whether a page says that it is the last, and when it was made. */
	readonly tellsLast: boolean;
	readonly tellsDate: boolean;
}

type Change =
	| { readonly kind: 'events'; readonly count: number; readonly lateMs: number }
	| { readonly kind: 'wait'; readonly ms: number };
interface Tick {
	readonly before: readonly Change[];
	readonly between: Change;
	readonly pages: number;
	/** The request that fails, and the commit at which the process dies; -1 for none. */
	readonly failsAt: number;
	readonly diesAt: number;
}

const change: fc.Arbitrary<Change> = fc.oneof(
	fc.record({
		kind: fc.constant('events' as const),
		count: fc.integer({ min: 1, max: 7 }),
		lateMs: fc.constantFrom(0, 0, 0, 1, 300, LOOK_BACK),
	}),
	fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
);
const api: fc.Arbitrary<Api> = fc.record({
	pageSize: fc.integer({ min: 1, max: 4 }),
	bookmarkMs: fc.constantFrom(1_500, 6_000, Infinity),
	tellsExpiry: fc.boolean(),
	skew: fc.constantFrom(0, 3_600_000, -3_600_000),
	tellsLast: fc.boolean(),
	tellsDate: fc.boolean(),
});
const tick: fc.Arbitrary<Tick> = fc.record({
	before: fc.array(change, { maxLength: 3 }),
	between: change,
	pages: fc.integer({ min: 1, max: 5 }),
	failsAt: fc.constantFrom(-1, -1, -1, 0, 1),
	diesAt: fc.constantFrom(-1, -1, -1, 0, 1),
});

class Log {
	now = 1_000_000;
	readonly events: LoggedEvent[] = [];

	constructor(readonly api: Api) {}

	apply(each: Change): void {
		if (each.kind === 'wait') this.now += each.ms;
		else {
			for (let index = 0; index < each.count; index++) {
				// Several share a time.
				if (index % 2 === 0) this.now += 1;
				this.events.push({ id: this.events.length + 1, time: this.now, shownAt: this.now + each.lateMs });
			}
		}
	}

	/** A bookmark names the last event that was read, and when. */
	read(bookmark: string | undefined, from: number): { found: LoggedEvent[]; more: boolean; bookmark?: string } {
		const [id = 0, readAt = 0] = (bookmark ?? '').split('@').map(Number);
		if (bookmark !== undefined && this.now - readAt >= this.api.bookmarkMs) {
			throw new HybridSyncError('bad-response', 'no such event');
		}
		const shown = this.events.filter(({ shownAt }) => shownAt <= this.now);
		const left = shown.filter((event) => (bookmark === undefined ? event.time >= from : event.id > id));
		const found = left.slice(0, this.api.pageSize);
		const last = found.at(-1)?.id ?? (bookmark === undefined ? undefined : id);
		return {
			found,
			more: left.length > found.length,
			...(last !== undefined && { bookmark: `${last}@${this.now}` }),
		};
	}
}

function resourceOf(log: Log): PollResource {
	return {
		name: 'events',
		displayName: 'Events',
		unit: 'bookmark',
		order: 'ascending',
		pageSize: log.api.pageSize,
		request: ({ from, bookmark }) => ({ path: JSON.stringify({ from: timeOfPosition(from), bookmark }) }),
		sample: () => ({ path: '' }),
		read({ body }) {
			const { found, more, bookmark } = body as ReturnType<Log['read']>;
			const rows = found.map(({ id, time }) => ({
				position: positionOfTime(time),
				event: { key: String(id), subject: String(id), time },
			})) as unknown as PolledRow[];
			const { bookmarkMs, tellsExpiry, tellsLast } = log.api;
			return Promise.resolve({
				rows,
				deadLetters: [],
				size: rows.length,
				...(log.api.tellsDate && { date: log.now }),
				...(tellsLast && { last: !more }),
				...(bookmark !== undefined && {
					bookmark: { token: bookmark, ...(tellsExpiry && { expiresAt: log.now + bookmarkMs }) },
				}),
			});
		},
	};
}

async function play(given: Api, ticks: readonly Tick[]) {
	const log = new Log(given);
	const resource = resourceOf(log);
	log.apply({ kind: 'events', count: 5, lateMs: 0 });
	const floor = log.now - 1;
	const emitted = new Map<string, number>();
	const known = new Map<string, number>();
	const notices: string[] = [];
	let state: CursorState = startAt('A', positionOfTime(floor));
	const run = async ({ before, between, pages, failsAt, diesAt }: Tick) => {
		for (const each of before) log.apply(each);
		let asked = 0;
		const reading = readWindow({
			resource,
			account: 'A',
			sender: '',
			state,
			lookBack: positionOfTime(LOOK_BACK),
			mayGoOn: () => asked < pages,
			clock: () => log.now + given.skew,
			transport: {
				fingerprint: '',
				proofKey: '',
				joinAccount: () => undefined,
				send: async ({ path }) => {
					await Promise.resolve();
					if (asked++ === failsAt) throw new HybridSyncError('unavailable', 'down');
					const { from, bookmark } = JSON.parse(path) as { from: number; bookmark?: string };
					const body = log.read(bookmark, from);
					const common = { status: 200, headers: {}, linkTo: (link: string) => link, redactor: redactorOf([]) };
					return { ...common, body };
				},
			},
		});
		let commits = 0;
		try {
			for await (const page of reading) {
				if (commits === diesAt) return;
				for (const event of page.events) {
					if (!known.has(event.key)) emitted.set(event.key, (emitted.get(event.key) ?? 0) + 1);
					known.set(event.key, event.time);
				}
				state = parseCursor(storedCursor(page.state)) ?? state;
				if (page.notice !== undefined) notices.push(page.notice);
				const kept = keysFrom(state, resource, positionOfTime(LOOK_BACK));
				for (const [key, time] of known) if (time < kept) known.delete(key);
				if (commits === 0) log.apply(between);
				commits += 1;
			}
		} catch (error) {
			if (!(error instanceof HybridSyncError)) throw error;
		}
	};
	for (const each of ticks) await run(each);
	const quiet: Tick = { before: [], between: { kind: 'wait', ms: 0 }, pages: 500, failsAt: -1, diesAt: -1 };
	for (let index = 0; index < 4; index++) {
		await run(quiet);
		log.apply({ kind: 'wait', ms: LOOK_BACK });
	}
	const due = log.events.filter(({ time }) => time >= floor).map(({ id }) => String(id));
	return { emitted, missed: due.filter((key) => !emitted.has(key)), notices };
}

test('V10 2,000 random histories of an event log: every event is emitted exactly once, however often its bookmark expires', async () => {
	let expired = 0;
	await fc.assert(
		fc.asyncProperty(api, fc.array(tick, { minLength: 1, maxLength: 8 }), async (given, ticks) => {
			const { emitted, missed, notices } = await play(given, ticks);
			expired += notices.length;
			expect(missed).toEqual([]);
			expect([...emitted].filter(([, times]) => times > 1)).toEqual([]);
			if (given.bookmarkMs === Infinity && !given.tellsExpiry) expect(notices).toEqual([]);
		}),
		{ numRuns: 2_000 },
	);
	// The histories are worth something only where bookmarks do expire.
	expect(expired).toBeGreaterThan(100);
}, 120_000);

test('V10 what an expired bookmark means is said: from when on events are read again, and whether any are missing', () => {
	const readTo = Date.UTC(2026, 0, 10);
	const state: CursorState = { ...startAt('A', 0n), bound: positionOfTime(readTo), bookmark: { token: 'evt_1' } };
	const DAY = 86_400_000;
	const told = (keptForMs: number | undefined, now: number) =>
		withoutBookmark(state, { displayName: 'Events' }, { lookBack: 0n, keptForMs, now });
	expect(told(30 * DAY, readTo + DAY)).toMatchObject({
		state: { bound: positionOfTime(readTo) },
		notice: expect.stringMatching(/read again from 2026-01-10T00:00:00.000Z on; .* Nothing is missing\./) as string,
	});
	expect(told(30 * DAY, readTo + DAY).state).not.toHaveProperty('bookmark');
	expect(told(30 * DAY, readTo + 40 * DAY).notice).toContain('keeps its events from 2026-01-20T00:00:00.000Z on');
	expect(told(undefined, readTo).notice).toContain('If the service has removed events since then, they are missing');
});

describe('one page of a log', () => {
	const RULES = { displayName: 'Events', order: 'ascending', unit: 'bookmark', pageSize: 2 } as const;
	const NOW = Date.UTC(2026, 0, 10);
	const rowAt = (id: string, time: number) =>
		({ position: positionOfTime(time), event: { key: id, subject: id } }) as unknown as PolledRow;
	const pageOf = (rows: PolledRow[], more: object = {}) => ({ rows, deadLetters: [], size: rows.length, ...more });
	const begun = startAt('A', positionOfTime(NOW - 10_000));

	test('an event that is dated in the future is taken, and does not become the place to read from again', () => {
		const rows = [rowAt('a', NOW - 5_000), rowAt('future', NOW + 400 * 86_400_000)];
		const { state, rows: kept } = afterLogPage(begun, pageOf(rows, { bookmark: { token: 't' } }), RULES, NOW);
		expect(state.bound).toBe(positionOfTime(NOW - 5_000));
		expect(kept).toHaveLength(2);
	});

	test('what lies before the start is left out on every page', () => {
		const known = { ...begun, bookmark: { token: 't' } };
		const rows = [rowAt('old', NOW - 20_000), rowAt('new', NOW - 5_000)];
		const { rows: kept } = afterLogPage(known, pageOf(rows, { bookmark: { token: 'u' } }), RULES, NOW);
		expect(kept.map(({ event }) => event.key)).toEqual(['new']);
	});

	test('a page with rows that were skipped or cannot be read is a full one: the log goes on, and is still only looked at', () => {
		const seeking = { ...begun, seeking: true };
		const page = { ...pageOf([rowAt('a', NOW - 5_000)], { bookmark: { token: 't' } }), size: 2 };
		expect(afterLogPage(seeking, page, RULES, NOW)).toMatchObject({ goesOn: true, state: { seeking: true } });
	});

	test('an empty page under the same bookmark ends the reading; more without a bookmark is an error', () => {
		const known = { ...begun, bookmark: { token: 't' } };
		const stuck = pageOf([], { last: false, bookmark: { token: 't' } });
		expect(afterLogPage(known, stuck, RULES, NOW).goesOn).toBe(false);
		const placeless = afterLogPage(known, pageOf([rowAt('a', NOW)], { last: false }), RULES, NOW);
		expect(placeless.trouble?.message).toContain('there are more events, and not where they are');
		expect(placeless.goesOn).toBe(false);
		const seeking = afterLogPage({ ...begun, seeking: true }, pageOf([rowAt('a', NOW)], { last: false }), RULES, NOW);
		expect(seeking.state.seeking).toBe(true);
	});

	test.each([Infinity, NaN, undefined])(
		'an expiry of %p is none, and the cursor can be read back whole',
		(expiresAt) => {
			const page = pageOf([rowAt('a', NOW)], { last: false, bookmark: { token: 't', expiresAt } });
			const { state } = afterLogPage({ ...begun, seeking: true }, page, RULES, NOW);
			expect(parseCursor(storedCursor(state))).toEqual({
				...begun,
				bound: positionOfTime(NOW),
				bookmark: { token: 't' },
				seeking: true,
				reading: true,
				reread: { from: begun.bound, at: NOW },
			});
		},
	);

	test('a cursor whose window cannot be read goes on looking for the end, and keeps its bookmark', () => {
		const broken = {
			...(storedCursor({ ...begun, seeking: true, bookmark: { token: 't' } }) as object),
			window: { from: null },
		};
		expect(parseCursor(broken)).toEqual({ ...begun, seeking: true, bookmark: { token: 't' } });
	});
});
