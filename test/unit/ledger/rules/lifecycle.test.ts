import { DAY, HOUR, MINUTE } from '../../../../lib';
import fc from 'fast-check';
import { nextPause } from '../../../../lib/base/backoff';
import {
	type Claim,
	type Life,
	type Received,
	DEFAULT_MAX_ATTEMPTS,
	begin,
	beginForeign,
	claim,
	confirm,
	expire,
	extend,
	fail,
	forget,
	handOver,
	isDue,
	replay,
	acknowledge,
} from '../../../../lib/ledger/rules/lifecycle';

const by = (changes: Partial<Claim> = {}): Claim => ({
	execution: 'e1',
	node: 'n1',
	run: 0,
	token: 't1',
	now: 0,
	leaseMs: 60 * MINUTE,
	settles: false,
	maxAttempts: DEFAULT_MAX_ATTEMPTS,
	dedupeWindowMs: 30 * DAY,
	outdated: false,
	...changes,
});
const passes = (life: Life, changes: Partial<Claim> = {}) => claim(life, by(changes)).outcome === 'new';
function claimed(life: Life, changes: Partial<Claim> = {}): Life {
	const outcome = claim(life, by(changes));
	if (outcome.outcome !== 'new') throw new Error('expected to pass');
	return outcome.life;
}

test('an event waits, is handed over, is signed for, is claimed, is confirmed', () => {
	let life = begin(0, false);
	expect(isDue(life, 0)).toBe(true);
	life = handOver(life, 0);
	expect(isDue(life, 5 * MINUTE - 1)).toBe(false);
	life = acknowledge(life, 0);
	expect(life.stage.state).toBe('delivered');
	expect(isDue(life, Infinity)).toBe(false);
	life = confirm(claimed(life), 't1');
	expect(life.stage.state).toBe('done');
	expect(life.attempts).toBe(1);
});

test('A18 the lease of a hand-over doubles from 5 minutes to 6 hours, and an event never dies of waiting', () => {
	let life = begin(0, false);
	const leases: number[] = [];
	for (let round = 0; round < 12; round++) {
		life = handOver(life, 0);
		if (life.stage.state === 'handed') leases.push(life.stage.leaseUntil / MINUTE);
	}
	expect(leases).toEqual([5, 10, 20, 40, 80, 160, 320, 360, 360, 360, 360, 360]);
	expect(life.attempts).toBe(0);
});

test('a claim succeeds on every state but done and a claimed whose lease lives', () => {
	const waiting = begin(0, false);
	const dead: Life = { ...waiting, stage: { state: 'dead', reason: '' } };
	const held = claimed(waiting, { execution: 'other' });
	const done = confirm(held, 't1');
	expect(
		[waiting, handOver(waiting, 0), acknowledge(handOver(waiting, 0), 0), beginForeign(), dead].map((life) =>
			passes(life),
		),
	).toEqual([true, true, true, true, true]);
	expect([
		passes(held),
		passes(held, { now: 60 * MINUTE - 1 }),
		passes(held, { now: 60 * MINUTE }),
		passes(done, { now: Infinity }),
	]).toEqual([false, false, true, false]);
});

test('A16 the holder gets New again: the same run, or a further Sync Dedupe; a later run of a loop does not', () => {
	for (const settles of [true, false]) {
		const life = claimed(begin(0, false), { settles });
		const again = claimed(life, { settles });
		const next = claimed(again, { settles, node: 'n2' });
		expect(next.attempts).toBe(1);
		expect(passes(next, { settles, run: 1 })).toBe(false);
		expect(passes(next, { settles, node: 'n2', run: 1 })).toBe(false);
		expect(passes(next, { settles, node: 'n1' })).toBe(true);
	}
});

test('A5 one who overran cannot confirm what its successor holds', () => {
	const first = claimed(begin(0, false), { token: 'first' });
	const second = claimed(first, { token: 'second', execution: 'e2', now: 61 * MINUTE });
	expect(confirm(second, 'first')).toBe(second);
	expect(confirm(second, 'second').stage.state).toBe('done');
});

test('an overrun claim is due again after a pause, and a dead letter after the last attempt', () => {
	let life = begin(0, false);
	for (let attempt = 1; attempt <= 3; attempt++) {
		life = claimed(life, { execution: `e${attempt}`, token: `t${attempt}`, maxAttempts: 3 });
		expect(expire(life, HOUR - 1)).toBe(life);
		const late = expire(life, 100 * HOUR);
		life = expire(life, HOUR);
		// Whoever looks, and when, sees the same.
		expect(late).toEqual(life);
		if (attempt < 3) {
			expect(life.stage).toMatchObject({ state: 'received', reason: 'not confirmed in time' });
			const { dueAt } = life.stage as Received;
			expect(dueAt).toBeGreaterThanOrEqual(HOUR + MINUTE);
			expect(dueAt).toBeLessThanOrEqual(HOUR + MINUTE * 3 ** attempt);
		}
	}
	expect(life.stage).toEqual({ state: 'dead', reason: 'not confirmed in time' });
	expect(life.attempts).toBe(3);
});

test('a failed pass is given back with its reason, by whoever holds it, and an item from elsewhere is free at once', () => {
	const held = claimed(begin(0, false));
	expect(fail(held, 'another', 'no', 5)).toBe(held);
	expect(fail(held, 't1', 'HTTP 500', 5).stage).toMatchObject({ state: 'received', reason: 'HTTP 500' });
	const item = fail(claimed(beginForeign()), 't1', 'HTTP 500', 5);
	expect(item.stage.state).toBe('delivered');
	expect(expire(claimed(beginForeign()), 2 * HOUR).stage.state).toBe('claimed');
	expect(passes(item, { execution: 'e2' })).toBe(true);
});

test('a lease can be made longer by its holder, never shorter', () => {
	const held = claimed(begin(0, false));
	expect(extend(held, 't1', 5 * HOUR).stage).toMatchObject({ leaseUntil: 5 * HOUR });
	expect(extend(held, 't1', 5).stage).toMatchObject({ leaseUntil: HOUR });
	expect(extend(held, 'another', 5 * HOUR)).toBe(held);
});

test('a replay gives back all attempts, and leaves what is being processed', () => {
	const dead: Life = { ...claimed(begin(0, false), { maxAttempts: 1 }), stage: { state: 'dead', reason: '' } };
	const again = replay(dead, 7);
	expect(again).toMatchObject({ stage: { state: 'received', dueAt: 7 }, attempts: 1, chances: null });
	expect(claimed(again)).toMatchObject({ attempts: 2, chances: DEFAULT_MAX_ATTEMPTS - 1 });
	const held = claimed(begin(0, false));
	expect(replay(held, 7)).toBe(held);
	expect(replay(confirm(held, 't1'), 7).stage.state).toBe('received');
});

test('what is forgotten passes no more, wherever it was', () => {
	const lives = [
		begin(0, false),
		begin(0, true),
		claimed(begin(0, false)),
		claimed(begin(0, false), { settles: true }),
	];
	for (const life of lives) {
		const forgotten = forget(life, 0);
		expect(forgotten.stage).toMatchObject({ state: 'done', reason: 'forgotten' });
		expect(passes(forgotten, { execution: 'e2' })).toBe(false);
		expect(confirm(forgotten, 't1')).toBe(forgotten);
	}
});

test('A10 an outdated version passes to nobody, and is finished unless somebody is at work on it', () => {
	const outdated = by({ outdated: true, execution: 'e2' });
	expect(claim(begin(0, false), outdated)).toMatchObject({
		outcome: 'outdated',
		life: { stage: { state: 'done', reason: 'out of date' } },
	});
	const held = claimed(begin(0, false));
	expect(claim(held, outdated)).toEqual({ outcome: 'outdated', life: held });
});

test('an item from elsewhere passes again once its window is over, a trigger’s event never by time alone', () => {
	const item = claimed(beginForeign(), { settles: true, dedupeWindowMs: HOUR });
	expect(passes(item, { execution: 'e2', now: HOUR - 1 })).toBe(false);
	expect(passes(item, { execution: 'e2', now: HOUR })).toBe(true);
	const event = claimed(begin(0, false), { settles: true, dedupeWindowMs: HOUR });
	expect(passes(event, { execution: 'e2', now: HOUR })).toBe(false);
});

test('the pause grows by decorrelated jitter between 1 minute and 6 hours, the same for the same pass', () => {
	fc.assert(
		fc.property(fc.integer({ min: 0, max: 10 * HOUR }), fc.uuid(), (latest, token) => {
			const pause = nextPause(latest, token);
			expect(pause).toBe(nextPause(latest, token));
			expect(pause).toBeGreaterThanOrEqual(MINUTE);
			expect(pause).toBeLessThanOrEqual(Math.min(6 * HOUR, 3 * Math.max(latest, MINUTE)));
		}),
	);
	const pauses = Array.from({ length: 200 }, (_, index) => nextPause(HOUR, `t${index}`));
	expect(new Set(pauses).size).toBeGreaterThan(190);
	expect(Math.max(...pauses)).toBeGreaterThan(2.5 * HOUR);
});
