import type { INodeParameters } from 'n8n-workflow';
import { DAY, HOUR, MINUTE, openLedger } from '../../lib';
import { fakeTimeOfDay, until } from './support/time';
import { parsePace } from '../../lib/poll/pace';
import { type Contact, Simulator } from '../simulator/simulator';
import { type Plan, SECRET, examplePlan, oneNodePlan } from './support/n8n';
import { type Fate, REGIMES, type Regime, Scheduler, type SchedulerOptions } from './support/scheduler';

/** By which nodes a workflow gets its events. */
type Triggers = 'the pair' | 'Sync Trigger';
let triggers: Triggers = 'the pair';
const using = (used: Triggers) => {
	beforeAll(() => {
		triggers = used;
	});
	afterAll(() => {
		triggers = 'the pair';
	});
};
/** The node that polls. */
const poller = () => (triggers === 'the pair' ? 'Poll' : 'Sync');
const nodeId = () => `${poller()}-id`;

let simulator: Simulator;
let n8n: Scheduler | undefined;
beforeEach(async () => {
	// Time goes on by itself, and can be made to leap; what waits for the network waits for real.
	fakeTimeOfDay({ advanceTimers: true });
	simulator = await Simulator.start({ clock: () => Date.now() });
	// However slow this machine is.
	simulator.webhooks.timeoutMs = 60_000;
});
afterEach(async () => {
	await n8n?.idle();
	n8n = undefined;
	await simulator.close();
	jest.useRealTimers();
});

function planWith(polling: INodeParameters = {}, changes: Partial<Plan> = {}): Plan {
	const plan = triggers === 'the pair' ? examplePlan : oneNodePlan;
	return plan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl }, ...changes }, polling);
}

/** A polling trigger with no Sync Dedupe behind it. */
const withoutDedupe = () => planWith({ start: 'everything' }, { edges: { [poller()]: ['Step'] } });

async function publish(regime: Regime, plan: Plan, options?: SchedulerOptions): Promise<Scheduler> {
	n8n = await Scheduler.publish(regime, plan, options);
	return n8n;
}

/** Ticks once a minute. */
async function ticks(scheduler: Scheduler, count: number): Promise<void> {
	for (let tick = 0; tick < count; tick++) {
		jest.advanceTimersByTime(MINUTE);
		await scheduler.tick();
	}
}

/** Adds contacts a second apart, the last one a minute ago. */
function backlog(count: number): Contact[] {
	const end = Date.now() - MINUTE;
	return Array.from({ length: count }, (_, index) =>
		simulator.contacts.add({ createdOn: end - (count - 1 - index) * 1000 }),
	);
}

const subjectOf = ({ contactId }: Contact) => `contacts/${contactId}`;
const readings = () => simulator.requests.filter(({ path }) => path === '/contacts').length;

/** What the ledger holds of a stream: its keys, and where the trigger stands. */
async function held(scheduler: Scheduler) {
	const ledger = await openLedger();
	const stream = scheduler.stream;
	const { events } = await ledger.lookUp(stream, {}, { limit: 1_000 });
	const lease = await ledger.leaseTick(stream, nodeId(), 0);
	return {
		subjects: events.map(({ subject }) => subject),
		cursor: await ledger.cursor(stream, nodeId(), 'contacts'),
		pace: parsePace(lease?.state),
	};
}

/** Whether the breaker lets nothing through. */
async function isOpen(scheduler: Scheduler): Promise<boolean> {
	const { breaker } = (await held(scheduler)).pace;
	return breaker?.ownState.openedAt !== undefined;
}

const EACH = REGIMES.flatMap((regime) =>
	(['the pair', 'Sync Trigger'] as const).map((used) => [regime, used] as const),
);

describe.each(EACH)('regime %s, %s', (regime, used) => {
	using(used);

	const fates: Fate[] = ['dies', 'not-stored', 'blocked'];
	// In C what is saved is saved with the execution or not at all.
	if (regime !== 'C') fates.push('dies-after-saving');

	test.each(fates)(
		'A6 the items of a poll come to no execution (%s): they come again once the hand-over lease is over, and pass once',
		async (fate) => {
			const scheduler = await publish(regime, planWith());
			const contact = simulator.contacts.add();
			scheduler.fate = fate;
			await ticks(scheduler, 1);
			expect(scheduler.executions).toEqual([]);
			if (fate.startsWith('dies')) await scheduler.restart();
			await ticks(scheduler, 4);
			expect(scheduler.executions).toEqual([]);
			await ticks(scheduler, 10);
			expect(scheduler.subjects).toEqual([subjectOf(contact)]);
			expect(await scheduler.passed()).toEqual([subjectOf(contact)]);
			await ticks(scheduler, 30);
			expect(scheduler.executions).toHaveLength(1);
		},
	);

	test('A6 an execution that waits in n8n’s queue longer than the hand-over lease: the repeat is stopped', async () => {
		const scheduler = await publish(regime, planWith());
		const contact = simulator.contacts.add();
		await ticks(scheduler, 7);
		expect(scheduler.executions).toHaveLength(2);
		expect(await scheduler.passed()).toEqual([subjectOf(contact)]);
	});

	test('A6 a poll that is superseded while it reads: what it found comes again and passes once', async () => {
		const scheduler = await publish(regime, planWith());
		const contact = simulator.contacts.add();
		simulator.state.latencyMs = 100;
		const reading = scheduler.tick();
		scheduler.supersede();
		await reading;
		simulator.state.latencyMs = 0;
		await scheduler.republish();
		expect(scheduler.executions).toEqual([]);
		await ticks(scheduler, 10);
		expect(await scheduler.passed()).toEqual([subjectOf(contact)]);
	});

	test('C9 from now: the place that the first poll took is kept although it returned nothing and n8n starts again', async () => {
		backlog(20);
		const scheduler = await publish(regime, planWith());
		jest.advanceTimersByTime(20_000);
		const missed = [10_000, 5_000].map((agoMs) => simulator.contacts.add({ createdOn: Date.now() - agoMs }));
		// A place taken now would be behind them.
		await scheduler.restart();
		await ticks(scheduler, 2);
		expect(scheduler.subjects).toEqual(missed.map(subjectOf));
	});

	test('C10 a tick that takes longer than its interval: no second one reads beside it, and nothing is lost', async () => {
		const scheduler = await publish(regime, planWith({ start: 'everything' }));
		const contacts = backlog(30);
		let answer = () => {};
		simulator.state.gate = new Promise((resolve) => (answer = resolve));
		const before = readings();
		scheduler.timeoutMs = 50;
		const long = scheduler.tick();
		await until(() => readings() > before);
		scheduler.timeoutMs = 45_000;
		await Promise.all([scheduler.tick(), scheduler.tick()]);
		answer();
		await long;
		await scheduler.idle();
		expect(readings()).toBe(before + 1);
		expect(simulator.state.maxParallel).toBe(1);
		await ticks(scheduler, 10);
		expect(await scheduler.passed()).toEqual(contacts.map(subjectOf));
		expect(scheduler.errors).toEqual([]);
	});

	test('C14 a poll that reads on beside its successor: its page and its cursor are refused as one, and nothing is lost', async () => {
		const scheduler = await publish(regime, planWith({ start: 'everything' }));
		const contacts = backlog(5);
		let answer = () => {};
		simulator.state.gate = new Promise((resolve) => (answer = resolve));
		const asked = readings();
		scheduler.timeoutMs = 50;
		const stale = scheduler.tick();
		await until(() => readings() > asked);
		scheduler.timeoutMs = 45_000;
		simulator.state.gate = Promise.resolve();
		// Its lease is over.
		jest.advanceTimersByTime(3 * MINUTE);
		await scheduler.tick();
		const successor = await held(scheduler);
		expect(successor.subjects.toSorted()).toEqual(contacts.map(subjectOf).toSorted());
		const later = simulator.contacts.add();
		answer();
		await stale;
		await scheduler.idle();
		expect(simulator.requests.at(-1)).toMatchObject({ path: '/contacts', status: 200 });
		expect(await held(scheduler)).toEqual(successor);
		await ticks(scheduler, 1);
		expect(await scheduler.passed()).toEqual([...contacts, later].map(subjectOf));
		expect(scheduler.errors).toEqual([]);
	});

	test('C15 a backfill (1,500 rows here) is being handed over: an event that push left out goes with the next tick', async () => {
		const scheduler = await publish(regime, planWith({ start: 'everything', additionalOptions: { maxEvents: 100 } }));
		await scheduler.workflow().publish();
		backlog(1_500);
		await ticks(scheduler, 3);
		expect(scheduler.executions.map(({ events }) => events.length)).toEqual([100, 100, 100]);
		const missed = simulator.contacts.add();
		await ticks(scheduler, 1);
		const found = scheduler.executions.at(-1)?.events.filter(({ recovered }) => recovered);
		expect(found).toEqual([expect.objectContaining({ subject: subjectOf(missed) })]);
		expect(scheduler.executions.at(-1)?.events).toHaveLength(100);
	});

	test('A13 published again, renamed and started again: the cursor stays, and nothing is repeated', async () => {
		backlog(10);
		const contacts: Contact[] = [];
		const scheduler = await publish(regime, planWith());
		/** Two more contacts, let pass before their hand-over lease is over; a place taken anew would be behind one of them. */
		const more = async (change?: () => Promise<void>) => {
			jest.advanceTimersByTime(10_000);
			for (const agoMs of [5_000, 0]) contacts.push(simulator.contacts.add({ createdOn: Date.now() - agoMs }));
			await change?.();
			await ticks(scheduler, 2);
			await scheduler.passed();
		};
		await more();
		await more(async () => {
			await scheduler.republish(planWith({ additionalOptions: { maxEvents: 50 } }));
		});
		const { [poller()]: trigger = { type: '' }, ...others } = planWith().nodes;
		const renamed = { nodes: { ...others, Contacts: { ...trigger, id: nodeId() } } };
		const { [poller()]: next = [], ...rest } = planWith().edges;
		const edges = { ...rest, Contacts: next };
		await more(async () => {
			await scheduler.republish(planWith({}, { ...renamed, edges }));
		});
		await more(async () => {
			await scheduler.restart();
		});
		await ticks(scheduler, 10);
		expect(scheduler.subjects).toEqual(contacts.map(subjectOf));
		expect(scheduler.errors).toEqual([]);
	});

	test('C5 a backfill that takes several ticks goes on where it stopped, over a restart, each row once, and tells how far it is', async () => {
		// In A n8n grants five minutes, so there it is the number of requests that ends a tick.
		const limit = regime === 'A' ? { maxRequests: 2 } : {};
		const additionalOptions = { maxEvents: 10_000, ...limit };
		// One kind alone: whatever time there is, each tick reads a page of it.
		const plan = planWith({ events: ['contact_added'], start: 'everything', additionalOptions });
		const scheduler = await publish(regime, plan, { budgetMs: 40 });
		const contacts = backlog(3_500);
		simulator.state.latencyMs = 25;
		const before = readings();
		// On a slow machine a tick has read a page, and no time to hand it over.
		do await ticks(scheduler, 1);
		while (scheduler.subjects.length === 0);
		expect(scheduler.subjects.length).toBeLessThan(3_500);
		await scheduler.passed(scheduler.executions);
		await scheduler.restart();
		while (scheduler.subjects.length < contacts.length && readings() - before < 20) {
			await ticks(scheduler, 1);
			await scheduler.passed(scheduler.executions.slice(-1));
		}
		await ticks(scheduler, 3);
		expect(scheduler.subjects).toEqual(contacts.map(subjectOf));
		expect(scheduler.logged).toContainEqual(
			expect.stringMatching(/has read \d+ rows of 3500 \(\d+ %\) of New Contacts, up to \d{4}-.*, and goes on/),
		);
	});

	test('P2 the provider is down for an hour: few requests, one error, hand-over goes on, over a restart, and all is well afterwards', async () => {
		const scheduler = await publish(
			regime,
			planWith({ events: ['contact_added'], additionalOptions: { cadence: 'fixed', everyMinutes: 1 } }),
		);
		const server = await scheduler.workflow().serve();
		try {
			simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
			await ticks(scheduler, 2);
			simulator.fail({ status: 503, times: Infinity });
			const before = simulator.requests.length;
			// Five failures open the breaker, with random pauses between them of 15 minutes at the most.
			let minutes = 0;
			do {
				await ticks(scheduler, 1);
				minutes += 1;
			} while (!(await isOpen(scheduler)) && minutes < 35);
			expect(await isOpen(scheduler)).toBe(true);
			expect(simulator.requests.length - before).toBe(5);
			await scheduler.restart();
			await ticks(scheduler, 4);
			expect(simulator.requests.length - before).toBe(5);
			// Pushed, and its execution came to nothing: here is what hands it over again.
			const pushed = simulator.subscribe();
			await simulator.webhooks.idle();
			await ticks(scheduler, 8);
			expect(await scheduler.passed()).toEqual([subjectOf(pushed)]);
			await ticks(scheduler, Math.max(0, 48 - minutes));
			expect(await isOpen(scheduler)).toBe(true);
			expect(simulator.requests.length - before).toBeLessThanOrEqual(9);
			expect(scheduler.errors.map(({ message }) => message)).toEqual([
				expect.stringContaining('is not available at the moment'),
			]);
			simulator.state.faults.length = 0;
			const missed = simulator.contacts.add();
			await ticks(scheduler, 31);
			expect(scheduler.subjects).toContain(subjectOf(missed));
			expect((await held(scheduler)).pace.breaker).toBeUndefined();
			const recovered = readings();
			await ticks(scheduler, 5);
			expect(readings() - recovered).toBe(5);
			expect(scheduler.errors).toHaveLength(1);
		} finally {
			await server.close();
		}
	});

	test.each([
		['seconds', () => ({ 'retry-after': '432' })],
		['an HTTP date', () => ({ 'retry-after': new Date(Date.now() + 432_000).toUTCString() })],
		['X-RateLimit-Reset: 432 seconds', () => ({ 'x-ratelimit-reset': '432 seconds' })],
	])('P1 a 429 that says how long to wait by %s: no request before, and one error', async (_form, headers) => {
		const scheduler = await publish(regime, planWith({ additionalOptions: { cadence: 'fixed', everyMinutes: 1 } }));
		const contact = simulator.contacts.add();
		jest.advanceTimersByTime(MINUTE);
		simulator.fail({ status: 429, headers: headers() });
		await scheduler.tick();
		const before = simulator.requests.length;
		await ticks(scheduler, 7);
		expect(simulator.requests).toHaveLength(before);
		await ticks(scheduler, 1);
		expect(scheduler.subjects).toEqual([subjectOf(contact)]);
		expect(scheduler.errors.map(({ message }) => message)).toEqual([expect.stringContaining('fewer requests')]);
	});

	test('P6 a key that is refused: one error, and a probe every quarter of an hour', async () => {
		const scheduler = await publish(regime, planWith({ additionalOptions: { cadence: 'fixed', everyMinutes: 1 } }));
		simulator.fail({ status: 401, times: Infinity });
		const before = simulator.requests.length;
		await ticks(scheduler, 121);
		// Each of them is made twice, because some APIs refuse a good key now and then.
		expect(simulator.requests.length - before).toBeGreaterThanOrEqual(14);
		expect(simulator.requests.length - before).toBeLessThanOrEqual(18);
		expect(scheduler.errors.map(({ message }) => message)).toEqual([
			expect.stringContaining('Check the API key and the region or API URL in the credential'),
		]);
	});

	test('P6 a key that is refused: the next tick tries the one that takes its place', async () => {
		const credential = { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl };
		const scheduler = await publish(regime, planWith({}, { credential }));
		Object.assign(simulator.state, { apiKey: 'the-new-key' });
		await ticks(scheduler, 3);
		expect(scheduler.errors).toHaveLength(1);
		credential.apiKey = simulator.apiKey;
		const contact = simulator.contacts.add();
		await ticks(scheduler, 1);
		expect(scheduler.subjects).toEqual([subjectOf(contact)]);
	});

	test('P6 a key that is refused keeps nothing from being handed over', async () => {
		const scheduler = await publish(regime, planWith());
		const server = await scheduler.workflow().serve();
		try {
			simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
			const pushed = simulator.subscribe();
			await simulator.webhooks.idle();
			simulator.fail({ status: 401, times: Infinity });
			await ticks(scheduler, 7);
			expect(await scheduler.passed()).toEqual([subjectOf(pushed)]);
		} finally {
			await server.close();
		}
	});

	describe('without a Sync Dedupe next', () => {
		test('the end of the execution is the sign, whenever it comes', async () => {
			const scheduler = await publish(regime, withoutDedupe());
			const contact = simulator.contacts.add();
			await ticks(scheduler, 1);
			jest.advanceTimersByTime(5 * HOUR);
			await scheduler.tick();
			scheduler.executions[0]?.end();
			await settled();
			jest.advanceTimersByTime(2 * HOUR);
			await ticks(scheduler, 2);
			expect(scheduler.subjects).toEqual([subjectOf(contact)]);
		});

		test.each(['dies', 'not-stored', 'blocked', 'cancelled', 'dies in it'] as const)(
			'events whose execution never ended (%s) come again after 6 hours and not before',
			async (how) => {
				const scheduler = await publish(regime, withoutDedupe());
				const contact = simulator.contacts.add();
				if (how !== 'cancelled' && how !== 'dies in it') scheduler.fate = how;
				await ticks(scheduler, 1);
				if (how === 'cancelled') scheduler.executions[0]?.cancel();
				if (how === 'dies' || how === 'dies in it') await scheduler.restart();
				await settled();
				const before = how === 'cancelled' || how === 'dies in it' ? 1 : 0;
				jest.advanceTimersByTime(6 * HOUR - 2 * MINUTE);
				await scheduler.tick();
				expect(scheduler.executions).toHaveLength(before);
				await ticks(scheduler, 3);
				expect(scheduler.executions).toHaveLength(before + 1);
				expect(scheduler.executions.at(-1)?.events.map(({ subject }) => subject)).toEqual([subjectOf(contact)]);
			},
		);

		test('an engine that refuses to tell of the end: handing over is the sign, and nothing comes twice', async () => {
			const scheduler = await publish(regime, withoutDedupe());
			scheduler.refusesDonePromise = true;
			const contact = simulator.contacts.add();
			await ticks(scheduler, 1);
			expect(scheduler.subjects).toEqual([subjectOf(contact)]);
			jest.advanceTimersByTime(7 * HOUR);
			await ticks(scheduler, 2);
			expect(scheduler.executions).toHaveLength(1);
		});
	});
});

/** Until what follows the end of an execution has been done. */
async function settled(): Promise<void> {
	const ledger = await openLedger();
	for (let turn = 0; turn < 5; turn++) {
		await new Promise(setImmediate);
		// The ledger does one thing after the other, so what was begun before has been done when this comes back.
		await ledger.cursor('nobody', 'nobody', 'nothing');
	}
}

describe('a backfill', () => {
	// What waited before the tick fills its execution before anything is read.
	test('C15 is still being read: an event that push left out goes within two ticks', async () => {
		const options = { maxEvents: 10_000, maxRequests: 2 };
		const scheduler = await publish('B', planWith({ start: 'everything', options }));
		await scheduler.workflow().publish();
		backlog(6_500);
		await ticks(scheduler, 1);
		const missed = simulator.contacts.add();
		await ticks(scheduler, 2);
		expect(scheduler.subjects).toContain(subjectOf(missed));
	});
});

describe('the pace', () => {
	/** Requests of a day in which nothing happens until the evening, and how long the change then stayed unseen. */
	async function quietDay(options: INodeParameters): Promise<{ requests: number; unseenMs: number }> {
		const scheduler = await publish('A', planWith({ options }));
		const before = readings();
		await ticks(scheduler, DAY / MINUTE - 60);
		const contact = simulator.contacts.add();
		const happened = Date.now();
		let unseenMs = Infinity;
		for (let minute = 0; minute < 60; minute++) {
			await ticks(scheduler, 1);
			if (unseenMs === Infinity && scheduler.subjects.includes(subjectOf(contact))) unseenMs = Date.now() - happened;
		}
		return { requests: readings() - before, unseenMs };
	}

	test('P7 a quiet day of 1,440 ticks takes at least five times fewer requests than asking every minute, and a change is seen within the longest interval', async () => {
		const adaptive = await quietDay({ cadence: 'adaptive', longestMinutes: 10, reconcileHours: 0 });
		const fixed = await publish(
			'A',
			planWith({ additionalOptions: { cadence: 'fixed', everyMinutes: 1, reconcileHours: 0 } }),
		);
		const before = readings();
		await ticks(fixed, 60);
		const perDay = (readings() - before) * 24;
		expect(perDay).toBe(1_440);
		expect(adaptive.requests * 5).toBeLessThanOrEqual(perDay);
		expect(adaptive.unseenMs).toBeLessThanOrEqual(11 * MINUTE);
	}, 120_000);
});
