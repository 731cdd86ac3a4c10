import fc from 'fast-check';
import type { ProviderEvent } from '../../../../lib';
import { joinTwins } from '../../../../lib/ledger/rules/twins';

const event = (key: string, matchKey: string, time: number, toleranceMs = 1000): ProviderEvent => ({
	key,
	match: { key: matchKey, toleranceMs },
	hash: '',
	source: '',
	type: '',
	subject: '',
	time,
	dataschema: '',
	data: {},
});
const candidate = (event_key: string, match_key: string, time: number) => ({ event_key, match_key, time });

test('A15 two real clicks a second apart each join their own polled twin, nearest first', () => {
	const joined = joinTwins(
		[event('poll:1', 'click', 10_000), event('poll:2', 'click', 11_000)],
		[candidate('push:b', 'click', 11_100), candidate('push:a', 'click', 10_100)],
	);
	expect([...joined].map(([key, { event_key }]) => [key, event_key])).toEqual([
		['poll:1', 'push:a'],
		['poll:2', 'push:b'],
	]);
});

test('A15 one polled twin is joined by one of two clicks at the most', () => {
	const joined = joinTwins(
		[event('push:a', 'click', 10_000), event('push:b', 'click', 10_400)],
		[candidate('poll:1', 'click', 10_300)],
	);
	expect([...joined.keys()]).toEqual(['push:b']);
});

test('beyond the tolerance, or with another match key, nothing is joined', () => {
	expect(joinTwins([event('a', 'm', 0)], [candidate('x', 'm', 1001)]).size).toBe(0);
	expect(joinTwins([event('a', 'm', 0)], [candidate('x', 'n', 0)]).size).toBe(0);
	expect(joinTwins([event('a', 'm', 0)], [candidate('x', 'm', 1000)]).size).toBe(1);
});

test('every join is one to one, within tolerance, independent of order, and leaves no joinable pair', () => {
	const times = fc.uniqueArray(fc.integer({ min: 0, max: 5_000 }), { maxLength: 8 });
	fc.assert(
		fc.property(times, times, (left, right) => {
			const events = left.map((time) => event(`e${time}`, 'm', time));
			const candidates = right.map((time) => candidate(`c${time}`, 'm', time));
			const joined = joinTwins(events, candidates);
			const taken = [...joined.values()];
			expect(new Set(taken).size).toBe(taken.length);
			for (const { key, time } of events) {
				const twin = joined.get(key);
				if (twin) expect(Math.abs(twin.time - time)).toBeLessThanOrEqual(1000);
				else {
					const free = candidates.filter((other) => !taken.includes(other));
					expect(free.filter((other) => Math.abs(other.time - time) <= 1000)).toEqual([]);
				}
			}
			const names = (map: typeof joined) => [...map].map(([key, { event_key }]) => `${key}=${event_key}`).sort();
			expect(names(joinTwins([...events].reverse(), [...candidates].reverse()))).toEqual(names(joined));
		}),
	);
});
