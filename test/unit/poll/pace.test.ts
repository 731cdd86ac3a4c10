import { HybridSyncError, type HybridSyncErrorCode } from '../../../lib/base/errors';
import { DAY, HOUR, MINUTE } from '../../../lib/base/time';
import {
	type Conditions,
	type Pace,
	askWithin,
	isReportDue,
	mayAsk,
	withPushHealth,
	parsePace,
	markReported,
} from '../../../lib/poll/pace';

const FRESH = parsePace({});
const at = (now: number, changes: Partial<Conditions> = {}): Conditions => ({
	now,
	notBefore: 0,
	settings: 's',
	cadence: { kind: 'fixed', everyMs: 0 },
	push: 'unknown',
	...changes,
});
const START = 1_700_000_000_000;

beforeEach(() => {
	jest.useFakeTimers({ now: START });
});
afterEach(() => {
	jest.useRealTimers();
});

async function failing(before: Pace, code: HybridSyncErrorCode, conditions: Conditions, retryAfterMs?: number) {
	jest.setSystemTime(conditions.now);
	const failure = new HybridSyncError(code, 'x', retryAfterMs === undefined ? {} : { retryAfterMs });
	return await askWithin(before, conditions, () => Promise.resolve({ found: 0, failure }));
}
const succeeding = async (before: Pace, conditions: Conditions, found = 0) =>
	await askWithin(before, conditions, () => Promise.resolve({ found }));

test('what cannot be read of the last tick counts as nothing', () => {
	expect(parsePace('nonsense')).toEqual(FRESH);
	expect(parsePace({ askedAt: 'never' })).toEqual(FRESH);
});

test('P1 a wait is obeyed to the end, and a wait that lies days ahead was set by another clock', async () => {
	const { pace, notBefore } = await failing(FRESH, 'rate-limited', at(START), 120_000);
	expect(notBefore).toBe(START + 120_000);
	expect(mayAsk(pace, at(START + 119_000, { notBefore }))).toBe(false);
	expect(mayAsk(pace, at(START + 120_000, { notBefore }))).toBe(true);
	expect(mayAsk(pace, at(START - 2 * DAY, { notBefore }))).toBe(true);
});

test('P6 a refused credential is tried every 15 minutes, and at once when it has changed', async () => {
	const { pace, notBefore } = await failing(FRESH, 'credential-invalid', at(START));
	expect(mayAsk(pace, at(START + 14 * MINUTE, { notBefore }))).toBe(false);
	expect(mayAsk(pace, at(START + 15 * MINUTE, { notBefore }))).toBe(true);
	expect(mayAsk(pace, at(START + MINUTE, { notBefore, settings: 'other' }))).toBe(true);
});

test('a wait that the provider asked for is not cut short by another setting', async () => {
	const { pace, notBefore } = await failing(FRESH, 'rate-limited', at(START), 120_000);
	expect(mayAsk(pace, at(START + MINUTE, { notBefore, settings: 'other' }))).toBe(false);
});

test('P2 an hour of failures, a tick a minute: the breaker opens, few requests, and it closes with the first success', async () => {
	let asked = 0;
	let state: Pace = FRESH;
	let notBefore = 0;
	for (let minute = 0; minute < 60; minute++) {
		const conditions = at(START + minute * MINUTE, { notBefore });
		if (!mayAsk(state, conditions)) continue;
		// As if every tick ran in another process.
		const before = JSON.parse(JSON.stringify(state)) as Pace;
		({ pace: state, notBefore } = await failing(before, 'unavailable', conditions));
		if (state.askedAt === conditions.now) asked += 1;
	}
	expect(asked).toBeGreaterThan(4);
	expect(asked).toBeLessThan(25);
	const later = at(START + 3 * HOUR);
	jest.setSystemTime(later.now);
	const recovered = await succeeding(state, later);
	expect(recovered.pace.askedAt).toBe(later.now);
	expect(recovered.pace.trouble).toBeUndefined();
	expect(mayAsk(recovered.pace, at(later.now + MINUTE))).toBe(true);
});

test('the first failure is tried again with the next tick, further ones after growing pauses', async () => {
	const first = await failing(FRESH, 'unavailable', at(START));
	expect(first.notBefore).toBe(0);
	const second = await failing(first.pace, 'unavailable', at(START + MINUTE));
	expect(second.notBefore).toBeGreaterThanOrEqual(START + 2 * MINUTE);
	expect(second.notBefore).toBeLessThanOrEqual(START + 16 * MINUTE);
});

test('trouble is told of once, and again a day later, and anew when it is another', async () => {
	const first = await failing(FRESH, 'unavailable', at(START));
	expect(isReportDue(first.pace, START)).toBe(true);
	const known = markReported(first.pace, START);
	expect(isReportDue(known, START + HOUR)).toBe(false);
	const again = await failing(known, 'unavailable', at(START + HOUR));
	expect(isReportDue(again.pace, START + HOUR)).toBe(false);
	expect(isReportDue(again.pace, START + DAY)).toBe(true);
	const other = await failing(known, 'credential-invalid', at(START + HOUR));
	expect(isReportDue(other.pace, START + HOUR)).toBe(true);
	const mended = await failing(known, 'unavailable', at(START + HOUR, { settings: 'other' }));
	expect(isReportDue(mended.pace, START + HOUR)).toBe(true);
});

test('push that falls silent ends the calm at once, and once', () => {
	const calm: Pace = { ...FRESH, askedAt: START, calmSince: START - DAY, settings: 's' };
	const silent = withPushHealth(calm, at(START + MINUTE, { push: 'silent' }));
	expect(silent.calmSince).toBe(START + MINUTE);
	expect(withPushHealth(silent, at(START + HOUR, { push: 'silent' })).calmSince).toBe(START + MINUTE);
});

test('what is found ends the calm; nothing found lets it go on', async () => {
	const first = await succeeding(FRESH, at(START));
	expect(first.pace.calmSince).toBe(START);
	const later = at(START + HOUR);
	expect((await succeeding(first.pace, later)).pace.calmSince).toBe(START);
	expect((await succeeding(first.pace, later, 1)).pace.calmSince).toBe(later.now);
});
