import fc from 'fast-check';
import { HybridSyncError } from '../../../lib/base/errors';
import { redactorOf } from '../../../lib/http/redact';
import { positionOfTime, timeOfPosition } from '../../../lib/event/position';
import { type CursorState, keysFrom, nextPage, parseCursor, startAt, storedCursor } from '../../../lib/poll/cursor';
import { readWindow } from '../../../lib/poll/read';
import type { PollResource, PolledRow } from '../../../lib/provider/pull';

/*
 * Random histories of a source, read by the real engine, against an oracle. The ledger's part is played by a set of keys
 * that forgets every key as early as the cursor allows.
 */

/** A version of a row. */
interface Version {
	readonly id: number;
	/** What the cursor goes by: a time, which may lie before the moment in which it is shown. */
	readonly position: number;
	readonly shownAt: number;
}
const keyOf = ({ id, position }: Version) => `${id}@${position}`;

interface Api {
	readonly order: PollResource['order'];
	/** Step of the filter; 0 where there is none. */
	readonly step: number;
	readonly paging: 'number' | 'offset' | 'token';
	readonly pageSize: number;
	/** The most that it gives at once, whatever it is asked for. */
	readonly cap: number;
	readonly tellsLast: boolean;
	readonly tellsTime: boolean;
	/** Of this machine's clock against the provider's. */
	readonly skew: number;
	readonly strict: boolean;
	/** What it answers behind its last page: a status, the last page again, or the first one. */
	readonly ending: 'empty' | 400 | 404 | 500 | 'repeated' | 'circle';
	/** To what its times are cut; they may also be finer than a millisecond. */
	readonly grain: number;
	readonly isFine: boolean;
	/** By how much its times are another zone's than its clock. */
	readonly shift: number;
	/** What its ETag is made of: the page, only the newest row, or nothing that ever changes. */
	readonly etag: 'none' | 'page' | 'newest' | 'fixed';
}

const LOOK_BACK = 600;
/** How much later than dated a row may be shown, and how far apart things happen. */
const MAX_LATENESS = 500;

/** What happens at the source, before a tick or between two of its pages. */
type Change =
	| { readonly kind: 'insert'; readonly rows: number; readonly ties: boolean; readonly lateness: number }
	| { readonly kind: 'update' | 'remove'; readonly row: number }
	| { readonly kind: 'wait'; readonly ms: number };
interface Tick {
	readonly before: readonly Change[];
	/** After the request of that number in the tick. */
	readonly between: readonly { readonly request: number; readonly change: Change }[];
	/** Pages that there is time for. */
	readonly pages: number;
	/** The request that fails, and the commit at which the process dies; -1 for none. */
	readonly failsAt: number;
	readonly diesAt: number;
}

const change: fc.Arbitrary<Change> = fc.oneof(
	fc.record({
		kind: fc.constant('insert' as const),
		rows: fc.integer({ min: 1, max: 6 }),
		ties: fc.boolean(),
		lateness: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: MAX_LATENESS })),
	}),
	fc.record({ kind: fc.constantFrom('update' as const, 'remove' as const), row: fc.nat({ max: 30 }) }),
	fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2_000 }) }),
);
const api: fc.Arbitrary<Api> = fc.record({
	order: fc.constantFrom('ascending' as const, 'ascending' as const, 'descending' as const, 'none' as const),
	step: fc.constantFrom(0, 1, 1, 100),
	paging: fc.constantFrom('number' as const, 'offset' as const, 'token' as const),
	pageSize: fc.integer({ min: 2, max: 5 }),
	cap: fc.constantFrom(2, 3, 100),
	tellsLast: fc.boolean(),
	tellsTime: fc.boolean(),
	skew: fc.constantFrom(0, 3_600_000, -3_600_000),
	strict: fc.boolean(),
	ending: fc.constantFrom(
		'empty' as const,
		'empty' as const,
		400 as const,
		404 as const,
		500 as const,
		'repeated' as const,
		'circle' as const,
	),
	grain: fc.constantFrom(1, 1, 50),
	isFine: fc.boolean(),
	shift: fc.constantFrom(0, 0, 7_200_000, -7_200_000),
	etag: fc.constantFrom('none' as const, 'none' as const, 'page' as const, 'newest' as const, 'fixed' as const),
});
const tick: fc.Arbitrary<Tick> = fc.record({
	before: fc.array(change, { maxLength: 3 }),
	between: fc.array(fc.record({ request: fc.nat({ max: 4 }), change }), { maxLength: 2 }),
	pages: fc.integer({ min: 1, max: 6 }),
	failsAt: fc.constantFrom(-1, -1, -1, 0, 1, 2),
	diesAt: fc.constantFrom(-1, -1, -1, 0, 1),
});

/** Nanoseconds behind the millisecond. */
const finer = ({ id }: Version, { isFine }: Api) => (isFine ? (id * 379) % 1_000_000 : 0);

const positionIn = (version: Version, given: Api) => positionOfTime(version.position) + BigInt(finer(version, given));

class Source {
	now = 100_000_000;
	private versions: Version[] = [];
	private nextId = 1;

	constructor(readonly api: Api) {}

	/** What is shown now. */
	get shown(): readonly Version[] {
		return this.versions;
	}

	apply(change: Change): void {
		this.now += 7;
		switch (change.kind) {
			case 'wait':
				this.now += change.ms;
				return;
			case 'insert':
				for (let index = 0; index < change.rows; index++) {
					if (!change.ties) this.now += 3;
					this.versions.push({ id: this.nextId++, position: this.cut(this.now - change.lateness), shownAt: this.now });
				}
				return;
			case 'update':
			case 'remove': {
				const index = change.row % Math.max(1, this.versions.length);
				const [version] = this.versions.splice(index, 1);
				if (version && change.kind === 'update') {
					this.versions.splice(index, 0, { id: version.id, position: this.cut(this.now), shownAt: this.now });
				}
			}
		}
	}

	/** As the row says when. */
	private cut(time: number): number {
		return time - (time % this.api.grain) + this.api.shift;
	}

	etag(page: readonly Version[]): string | undefined {
		switch (this.api.etag) {
			case 'none':
				return undefined;
			case 'page':
				return JSON.stringify(page.map(keyOf));
			case 'newest':
				return String(Math.max(...page.map(({ position }) => position)));
			case 'fixed':
				return 'W/"1"';
		}
	}

	/** Answers a request as the API does. */
	page(from: number, offset: number, pageSize: number): { versions: Version[]; last: boolean } {
		const { order, step, cap, strict, ending, paging } = this.api;
		const floor = step === 0 ? -Infinity : Math.floor(from / step) * step;
		const found = this.versions.filter(({ position }) => (strict ? position > floor : position >= floor));
		const sign = order === 'ascending' ? 1 : -1;
		if (order !== 'none') {
			found.sort((a, b) => (a.position - b.position || finer(a, this.api) - finer(b, this.api)) * sign || a.id - b.id);
		}
		const size = Math.min(pageSize, cap);
		const isBehind = offset > 0 && offset >= found.length && paging !== 'token';
		const lastPage = Math.max(0, Math.ceil(found.length / size) - 1) * size;
		const at = isBehind && ending === 'repeated' ? lastPage : isBehind && ending === 'circle' ? 0 : offset;
		return { versions: found.slice(at, at + size), last: offset + size >= found.length };
	}

	/** The status of an answer that has no page. */
	refusal({ from, page, offset, next }: Place): number | undefined {
		const { paging, pageSize, cap, ending } = this.api;
		if (paging === 'token' || typeof ending !== 'number') return undefined;
		const at = atOf(this.api, { from, page, offset, ...(next !== undefined && { next }) });
		const size = Math.min(pageSize, cap);
		// Behind a full page, an error of the server's own is no end.
		if (ending === 500 && at > 0 && this.page(from, at - size, size).versions.length === size) return undefined;
		return at > 0 && this.page(from, at, size).versions.length === 0 ? ending : undefined;
	}
}

interface Place {
	readonly from: number;
	readonly page: number;
	readonly offset: number;
	readonly next?: string;
}

/** How many rows come before a page. */
function atOf({ paging, pageSize, cap }: Api, { page, offset, next }: Place): number {
	if (paging === 'number') return (page - 1) * Math.min(pageSize, cap);
	return paging === 'token' ? Number(next ?? 0) : offset;
}

/** The resource that a user would have described. */
function resourceOf(source: Source): PollResource {
	const { order, step, paging, pageSize, tellsLast, tellsTime, cap, strict, ending } = source.api;
	return {
		name: 'rows',
		displayName: 'Rows',
		unit: 'time',
		order,
		...(step > 0 && { step: positionOfTime(step) }),
		pageSize,
		request: ({ start: _start, floor: _floor, ...place }) => {
			const from = timeOfPosition(place.from);
			return { path: JSON.stringify({ ...place, from: strict ? from - step : from }) };
		},
		sample: () => ({ path: '' }),
		read({ body }) {
			const place = body as Place;
			const size = Math.min(pageSize, cap);
			const at = atOf(source.api, place);
			const { versions, last } = source.page(place.from, at, pageSize);
			// Links that go round.
			const next = last && ending === 'circle' ? 0 : at + size;
			const rows = versions.map((version) => ({
				position: positionIn(version, source.api),
				event: { key: keyOf(version), subject: String(version.id) },
			})) as unknown as PolledRow[];
			return Promise.resolve({
				rows,
				deadLetters: [],
				size: rows.length,
				isExact: () => source.api.shift === 0,
				...(tellsLast && paging !== 'token' && ending !== 'circle' && { last }),
				...(paging === 'token' && (last && next > 0 ? { last } : { next: String(next) })),
				...(tellsTime && { date: Math.floor(source.now / 1000) * 1000 }),
			});
		},
	};
}

interface Outcome {
	/** How often each version was emitted. */
	readonly emitted: ReadonlyMap<string, number>;
	/** What had to be emitted by the end of some window and was not. */
	readonly missed: readonly string[];
	readonly requests: number;
}

async function play(given: Api, ticks: readonly Tick[]): Promise<Outcome> {
	const source = new Source(given);
	const resource = resourceOf(source);
	const emitted = new Map<string, number>();
	const missed: string[] = [];
	/** What the ledger knows: key to time. */
	const known = new Map<string, number>();
	const floor = source.now - 2_000 + given.shift;
	for (let index = 0; index < 5; index++) source.apply({ kind: 'insert', rows: 2, ties: index % 2 === 0, lateness: 0 });
	let state: CursorState = startAt('A', positionOfTime(floor));
	let openedAt = source.now;
	let requests = 0;

	const run = async ({ before, between, pages, failsAt, diesAt }: Tick) => {
		for (const each of before) source.apply(each);
		if (!state.window) openedAt = source.now;
		let asked = 0;
		const reading = readWindow({
			resource,
			account: 'A',
			sender: '',
			state,
			lookBack: positionOfTime(LOOK_BACK),
			mayGoOn: () => asked < pages,
			clock: () => source.now + given.skew,
			transport: {
				fingerprint: '',
				proofKey: '',
				joinAccount: () => undefined,
				send: ({ path, validators }) => {
					const request = asked++;
					requests += 1;
					if (request === failsAt) return Promise.reject(new HybridSyncError('unavailable', 'down'));
					const status = source.refusal(JSON.parse(path) as Place);
					if (status !== undefined) {
						const code = status === 500 ? 'unavailable' : 'bad-response';
						return Promise.reject(new HybridSyncError(code, `refused (${status}, "Invalid page.")`, { status }));
					}
					// The page is what is shown at the time of the request, not of its reading.
					const place = JSON.parse(path) as Place;
					const etag = source.etag(source.page(place.from, atOf(given, place), given.pageSize).versions);
					const answer = {
						status: 200,
						headers: etag === undefined ? {} : { etag },
						...(etag !== undefined && validators?.etag === etag && { notModified: true as const }),
						body: JSON.parse(path) as unknown,
						linkTo: (link: string) => link,
						redactor: redactorOf([]),
					};
					return Promise.resolve(answer);
				},
			},
		});
		let commits = 0;
		try {
			for await (const page of reading) {
				if (commits === diesAt) return;
				for (const event of page.events) {
					if (!known.has(event.key)) emitted.set(event.key, (emitted.get(event.key) ?? 0) + 1);
					known.set(event.key, Number(event.key.split('@')[1]));
				}
				// As the ledger gives it back.
				state = parseCursor(storedCursor(page.state)) ?? state;
				// The ledger gives up keys as early as it may.
				const kept = keysFrom(state, resource, positionOfTime(LOOK_BACK));
				for (const [key, time] of known) if (time < kept) known.delete(key);
				// What a wrong ETag hides is looked for when it is not believed any more.
				const isHidden = given.etag === 'newest' || given.etag === 'fixed';
				if (!state.window && !isHidden) {
					// What is dated after the provider's clock, which has whole seconds, is left to the next window, be it by a nanosecond.
					const latest = positionOfTime(Math.floor(openedAt / 1000) * 1000);
					const due = source.shown.filter(
						(version) =>
							version.shownAt < openedAt &&
							version.position >= floor &&
							(!given.tellsTime || positionIn(version, given) <= latest),
					);
					missed.push(...due.map(keyOf).filter((key) => !emitted.has(key)));
					openedAt = source.now;
				}
				for (const each of between) if (each.request === commits) source.apply(each.change);
				commits += 1;
			}
		} catch (error) {
			if (!(error instanceof HybridSyncError) || !['unavailable', 'bad-response'].includes(error.code)) throw error;
		}
	};
	for (const each of ticks) await run(each);
	// Then nothing happens any more, and whatever is shown has to be there in the end.
	const quiet: Tick = {
		before: [{ kind: 'wait', ms: given.etag === 'none' ? 2_000 : 400_000 }],
		between: [],
		pages: 500,
		failsAt: -1,
		diesAt: -1,
	};
	for (let index = 0; index < 6; index++) await run(quiet);
	if (state.window) missed.push('the window never closes');
	const left = source.shown.filter((version) => version.position >= floor).map(keyOf);
	return { emitted, missed: [...missed, ...left.filter((key) => !emitted.has(key))], requests };
}

test('5,000 random histories: every version of a row that is shown for longer than the look-back is emitted exactly once', async () => {
	await fc.assert(
		fc.asyncProperty(api, fc.array(tick, { minLength: 1, maxLength: 8 }), async (given, ticks) => {
			const { emitted, missed } = await play(given, ticks);
			expect(missed).toEqual([]);
			expect([...emitted].filter(([, times]) => times > 1)).toEqual([]);
		}),
		{ numRuns: Number(process.env['HISTORIES'] ?? 5_000) },
	);
}, 300_000);

/** Now and then a row, and in between ticks in which nothing happens: there the provider is asked whether anything has changed. */
const rarely: fc.Arbitrary<Tick> = fc.record({
	before: fc.oneof(
		fc.constant([]),
		fc.tuple(fc.constant({ kind: 'wait', ms: 2_000 } as const)),
		fc.tuple(fc.constant({ kind: 'wait', ms: 2_000 } as const), change),
	),
	between: fc.constant([]),
	pages: fc.constant(6),
	failsAt: fc.constant(-1),
	diesAt: fc.constant(-1),
});

test('R4 whatever an ETag is made of: what it hides comes once it is not believed any more', async () => {
	await fc.assert(
		fc.asyncProperty(
			api,
			fc.constantFrom('page' as const, 'newest' as const, 'fixed' as const),
			fc.array(rarely, { minLength: 4, maxLength: 12 }),
			async (given, etag, ticks) => {
				const { emitted, missed } = await play({ ...given, etag, pageSize: 5, cap: 100, tellsLast: true }, ticks);
				expect(missed).toEqual([]);
				expect([...emitted].filter(([, times]) => times > 1)).toEqual([]);
			},
		),
		{ numRuns: 1_000 },
	);
}, 300_000);

test('a cursor is where its next page is: what is stored can be read back', () => {
	const state = startAt('A', 2n ** 64n - 1n);
	expect(storedCursor(state)).toEqual({ account: 'A', floor: '18446744073709551615', bound: '18446744073709551615' });
	const from = 2n ** 64n - 1n;
	expect(nextPage(parseCursor(storedCursor(state)) ?? state, 0n)).toEqual({
		from,
		start: from,
		floor: from,
		page: 1,
		offset: 0,
	});
});
