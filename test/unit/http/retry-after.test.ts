import { exhaustedFor, retryAfter } from '../../../lib/http/retry-after';

test.each([
	[429, { 'retry-after': '120' }, 120_000],
	[503, { 'retry-after': '120' }, 120_000],
	[429, { 'retry-after': 'Mon, 23 Nov 2026 12:02:00 GMT', date: 'Mon, 23 Nov 2026 12:00:00 GMT' }, 120_000],
	[429, { 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT', date: 'Mon, 23 Nov 2026 12:00:00 GMT' }, 0],
	[429, { 'x-ratelimit-reset': '432 seconds' }, 432_000],
	[429, { 'retry-after': '1', 'x-ratelimit-reset': '432 seconds' }, 1_000],
	[503, { 'x-ratelimit-reset': '432 seconds' }, undefined],
	[429, { 'retry-after': 'soon' }, undefined],
	[429, {}, undefined],
])('P1 %d %j', (status, headers, expected) => {
	expect(retryAfter(status, headers).retryAfterMs).toBe(expected);
});

describe('the reset of a rate limit', () => {
	const date = 'Mon, 23 Nov 2026 12:00:00 GMT';
	const epoch = Date.parse(date) / 1000;

	test.each([
		['seconds, as text', { 'x-ratelimit-reset': '432 seconds' }, 432_000],
		['seconds', { 'ratelimit-reset': '30' }, 30_000],
		['Unix time', { 'x-ratelimit-reset': String(epoch + 90), date }, 90_000],
		['Unix time in milliseconds', { 'x-rate-limit-reset': String((epoch + 90) * 1000), date }, 90_000],
		['a date', { 'x-ratelimit-reset': 'Mon, 23 Nov 2026 12:01:00 GMT', date }, 60_000],
		['a time that is over', { 'x-ratelimit-reset': String(epoch - 90), date }, 0],
	])('P1 as %s', (_name, headers, retryAfterMs) => {
		expect(retryAfter(429, headers)).toEqual({ retryAfterMs });
	});

	test('a request that was the last of the quota says how long to wait; any other does not', () => {
		const reset = { 'x-ratelimit-reset': '30' };
		expect(exhaustedFor({ ...reset, 'x-ratelimit-remaining': '0' })).toEqual({ exhaustedMs: 30_000 });
		expect(exhaustedFor({ ...reset, 'x-ratelimit-remaining': '1' })).toEqual({});
		expect(exhaustedFor(reset)).toEqual({});
		expect(exhaustedFor({ ...reset, 'x-ratelimit-remaining': 'none' })).toEqual({});
	});
});
