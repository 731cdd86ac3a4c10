import fc from 'fast-check';
import { HOUR, MINUTE } from '../../../lib';
import { bucketOf } from '../../../lib/base/histogram';
import { ALERT_LASTS_MS, type Slo, type Targets, slosOf } from '../../../lib/health/slo';
import type { CounterName, StepSum } from '../../../lib/ledger/ledger';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const TARGETS: Targets = {
	freshness: 0.9,
	freshWithinMs: 10 * MINUTE,
	completeness: 0.999,
	success: 0.99,
	windowMs: 30 * 24 * HOUR,
};

const LIMIT = bucketOf(TARGETS.freshWithinMs);

const row = (name: CounterName, minutesAgo: number, value: number, bucket = 0): StepSum => ({
	name,
	at: Math.floor((NOW - minutesAgo * MINUTE) / MINUTE) * MINUTE,
	value,
	within: bucket <= LIMIT ? value : 0,
});

const slo = (rows: readonly StepSum[], name: Slo['name'], at = NOW, targets = TARGETS): Slo => {
	const found = slosOf(rows, rows, targets, at).find((each) => each.name === name);
	if (!found) throw new Error(name);
	return found;
};

describe('H2 service level objectives', () => {
	test('freshness is met at its target and missed just below, with the error budget that is left', () => {
		const inTime = bucketOf(9 * MINUTE);
		const late = bucketOf(12 * MINUTE);
		const rows = (good: number, bad: number) => [
			row('latency.total', 600, good, inTime),
			row('latency.total', 600, bad, late),
		];
		expect(slo(rows(90, 10), 'freshness')).toMatchObject({ met: true, actual: 0.9, good: 90, bad: 10 });
		expect(slo(rows(90, 10), 'freshness').errorBudgetLeft).toBeCloseTo(0);
		expect(slo(rows(89, 11), 'freshness')).toMatchObject({ met: false, actual: 0.89 });
		expect(slo(rows(95, 5), 'freshness').errorBudgetLeft).toBeCloseTo(0.5);
		expect(slo(rows(80, 20), 'freshness').errorBudgetLeft).toBeCloseTo(-1);
	});

	test('without events every target is met, and nothing burns', () => {
		for (const each of slosOf([], [], TARGETS, NOW)) {
			expect(each).toMatchObject({ met: true, errorBudgetLeft: 1, good: 0, bad: 0 });
			expect(each.burning).toBeUndefined();
		}
	});

	test.each([
		// 1 % may fail: 14.4 times that is 14.4 %.
		[143, 857, undefined],
		[144, 856, 'fast'],
		[200, 800, 'fast'],
	])('of 1,000 passes in the last minutes %d failed: it burns %s', (bad, good, burning) => {
		const rows = [row('failed', 2, bad), row('confirmed', 2, good)];
		// That is 6 times too fast over 6 hours as well, where nothing else has happened.
		const calm = [row('confirmed', 200, 5_000)];
		expect(slo([...rows, ...calm], 'success').burning).toBe(burning);
	});

	test('a slow burn is found over 6 hours, and ends once the last half hour is fine', () => {
		const steady = (from: number, to: number, bad: number) =>
			Array.from({ length: to - from }, (_, minute) => [
				row('failed', from + minute, bad),
				row('confirmed', from + minute, 100 - bad),
			]).flat();
		expect(slo(steady(0, 360, 7), 'success').burning).toBe('slow');
		expect(slo(steady(0, 360, 5), 'success').burning).toBeUndefined();
		const over = [...steady(70, 430, 7), ...steady(0, 70, 0)];
		expect(slo(over, 'success').burning).toBeUndefined();
	});

	test('two bad events are no trend, three are', () => {
		const rows = (bad: number) => [row('failed', 2, bad), row('confirmed', 2, 5)];
		expect(slo(rows(2), 'success').burning).toBeUndefined();
		expect(slo(rows(3), 'success').burning).toBe('fast');
	});

	test('a target of 100 % allows nothing: three bad events burn, and none does not', () => {
		const targets = { ...TARGETS, success: 1 };
		expect(slo([row('failed', 1, 3), row('confirmed', 1, 10_000)], 'success', NOW, targets).burning).toBe('fast');
		expect(slo([row('confirmed', 1, 10_000)], 'success', NOW, targets)).toMatchObject({
			met: true,
			errorBudgetLeft: 1,
			burnRate: { '5m': 0 },
		});
	});

	test.each([0.8, 0.5, 0])('a target of %d can burn too, although no more than all can fail', (success) => {
		const rows = Array.from({ length: 400 }, (_, minute) => row('failed', minute, 10));
		expect(slo(rows, 'success', NOW, { ...TARGETS, success }).burning).toBe('fast');
		const half = rows.flatMap((each) => [each, { ...each, name: 'confirmed', value: 1_000, within: 1_000 }]);
		expect(slo(half, 'success', NOW, { ...TARGETS, success }).burning).toBeUndefined();
	});

	test('completeness: what was given up is missing, until it is brought back', () => {
		const rows = [row('webhook.new', 100, 8), row('poll.new', 90, 1), row('webhook.dead', 80, 1), row('died', 70, 9)];
		expect(slo(rows, 'completeness')).toMatchObject({ good: 0, bad: 10, actual: 0, met: false });
		expect(slo([...rows, row('revived', 60, 10)], 'completeness')).toMatchObject({ good: 10, bad: 0, met: true });
	});

	test('nothing flaps: about its threshold an alert that has begun lasts half an hour at least', () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 120, maxLength: 240 }), (failures) => {
				const rows = failures.flatMap((bad, index) => {
					const minutesAgo = failures.length - index;
					return [row('failed', minutesAgo, bad), row('confirmed', minutesAgo, 100 - bad)];
				});
				// Asked every 5 minutes, as a workflow that alerts does.
				const begin = NOW - failures.length * MINUTE;
				const burns: boolean[] = [];
				for (let at = begin; at <= NOW; at += 5 * MINUTE) {
					const known = rows.filter((each) => each.at <= at);
					burns.push(slo(known, 'success', at).burning === 'fast');
				}
				// Each alert that has both its beginning and its end in here.
				const runs = burns
					.map(Number)
					.join('')
					.split(/(?<=0)(?=1)|(?<=1)(?=0)/);
				const ended = runs.slice(0, -1).filter((run) => run.startsWith('1'));
				for (const run of ended) expect(run.length * 5 * MINUTE).toBeGreaterThanOrEqual(ALERT_LASTS_MS);
			}),
			{ numRuns: 60 },
		);
	});
});
