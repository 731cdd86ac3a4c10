import { retryAfter } from '../../../lib/http/retry-after';

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
