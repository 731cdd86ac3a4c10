import { pushHealth } from '../../../lib/health/push-health';
import { pauseFor } from '../../../lib/poll/cadence';
import { DAY, HOUR, MINUTE } from '../../../lib/base/time';

const ADAPTIVE = { kind: 'adaptive', longestMs: 10 * MINUTE, longestWithPushMs: 30 * MINUTE } as const;
const NOW = 1_000 * DAY;

test('the pause is a tenth of the calm, up to the longest', () => {
	expect(pauseFor(ADAPTIVE, 0, false)).toBe(0);
	expect(pauseFor(ADAPTIVE, 20 * MINUTE, false)).toBe(2 * MINUTE);
	expect(pauseFor(ADAPTIVE, DAY, false)).toBe(10 * MINUTE);
	expect(pauseFor(ADAPTIVE, DAY, true)).toBe(30 * MINUTE);
	// A clock that was set back.
	expect(pauseFor(ADAPTIVE, -DAY, true)).toBe(0);
});

test('a longest pause for push that is shorter than the other does not shorten it', () => {
	expect(pauseFor({ ...ADAPTIVE, longestWithPushMs: MINUTE }, DAY, true)).toBe(10 * MINUTE);
});

test('P7 a quiet day of one-minute ticks: at least five times fewer requests, and a change is seen within the longest pause', () => {
	const asked: number[] = [];
	for (let now = 0; now < DAY; now += MINUTE) {
		const last = asked.at(-1) ?? -Infinity;
		if (now - last >= pauseFor(ADAPTIVE, now, false) - MINUTE / 2) asked.push(now);
	}
	expect(asked.length * 5).toBeLessThanOrEqual(DAY / MINUTE);
	const gaps = asked.map((time, index) => time - (asked[index - 1] ?? time));
	expect(Math.max(...gaps)).toBeLessThanOrEqual(10 * MINUTE);
});

test.each([
	['no push yet', {}, 'unknown'],
	['too few to have a rhythm', { pushes: 4, pushedAt: NOW - MINUTE }, 'unknown'],
	['in its rhythm', { pushes: 24, pushedAt: NOW - 5 * HOUR }, 'works'],
	['silent for more than six times its gap', { pushes: 24, pushedAt: NOW - 6.1 * HOUR }, 'silent'],
	['very frequent: not silent before ten minutes', { pushes: 10_000, pushedAt: NOW - 9 * MINUTE }, 'works'],
	['very frequent, and silent', { pushes: 10_000, pushedAt: NOW - 11 * MINUTE }, 'silent'],
	['it missed something today', { pushes: 24, pushedAt: NOW, recoveredAt: NOW - 23 * HOUR }, 'unknown'],
	['it missed something yesterday', { pushes: 24, pushedAt: NOW, recoveredAt: NOW - 25 * HOUR }, 'works'],
] as const)('push: %s', (_name, activity, health) => {
	expect(pushHealth({ pushes: 0, ...activity }, NOW)).toBe(health);
});
