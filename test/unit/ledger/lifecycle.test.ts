import {
	type Life,
	MAX_ATTEMPTS,
	begin,
	beginForeign,
	claim,
	confirm,
	expire,
	handOver,
	isDue,
	acknowledge,
} from '../../../lib/ledger/lifecycle';

const MINUTE = 60_000;
const by = (changes: Partial<Parameters<typeof claim>[1]> = {}) => ({
	execution: 'e1',
	node: 'n1',
	run: 0,
	token: 't1',
	now: 0,
	leaseMs: 60 * MINUTE,
	settles: false,
	...changes,
});
function claimed(life: Life, changes: Partial<Parameters<typeof claim>[1]> = {}): Life {
	const outcome = claim(life, by(changes));
	if (!outcome.passes) throw new Error('expected to pass');
	return outcome.life;
}

test('an event waits, is handed over, is signed for, is claimed, is confirmed', () => {
	let life = begin(0, false);
	expect(isDue(life, 0)).toBe(true);
	life = handOver(life, 0);
	expect(isDue(life, 5 * MINUTE - 1)).toBe(false);
	life = acknowledge(life);
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
	const passes = (life: Life, now = 0) => claim(life, by({ now })).passes;
	expect(
		[waiting, handOver(waiting, 0), acknowledge(handOver(waiting, 0)), beginForeign(), dead].map((life) =>
			passes(life),
		),
	).toEqual([true, true, true, true, true]);
	expect([passes(held), passes(held, 60 * MINUTE - 1), passes(held, 60 * MINUTE), passes(done, Infinity)]).toEqual([
		false,
		false,
		true,
		false,
	]);
});

test('A16 the holder gets New again: the same run, or a further Sync Dedupe; a later run of a loop does not', () => {
	for (const settles of [true, false]) {
		const life = claimed(begin(0, false), { settles });
		const again = claimed(life, { settles });
		const next = claimed(again, { settles, node: 'n2' });
		expect(next.attempts).toBe(1);
		expect(claim(next, by({ settles, run: 1 })).passes).toBe(false);
		expect(claim(next, by({ settles, node: 'n2', run: 1 })).passes).toBe(false);
		expect(claim(next, by({ settles, node: 'n1' })).passes).toBe(true);
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
	for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
		life = claimed(life, { execution: `e${attempt}` });
		expect(expire(life, 60 * MINUTE - 1)).toBe(life);
		life = expire(life, 60 * MINUTE);
		if (attempt < MAX_ATTEMPTS)
			expect(life.stage).toEqual({ state: 'received', dueAt: (60 + 2 ** (attempt - 1)) * MINUTE });
	}
	expect(life.stage).toEqual({ state: 'dead', reason: 'not confirmed after 5 attempts' });
});
