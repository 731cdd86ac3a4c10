import { dieAt, isDeath, revive } from './support/death';
import { DAY, HOUR, type Ledger, MINUTE, type ProviderEvent, createLedger } from '../../lib';
import { BACKENDS, type Place, event, openBackend, useLedgers } from '../support/ledger';

/** More than one transaction takes. */
const MANY = 260;
/** For what takes a statement for each event. */
const FEW = 12;
/** Without `CHAOS=full`, only these go over several slices in Postgres too. */
const FULL = process.env['CHAOS'] === 'full';
const slices = ['record a page with its cursor', 'claim'];
const NODE = 'n';
const BEGIN = Date.UTC(2026, 0, 1);

const of = (path: string, index: number): ProviderEvent =>
	event(`${path}:${index}`, { time: BEGIN, subject: `s${index}`, match: { key: `m${index}`, toleranceMs: 1 } });
const all = (path: string, count: number) => Array.from({ length: count }, (_, index) => of(path, index));

interface World {
	readonly count: number;
	/** Whether the polled twins are looked at again too. */
	readonly polls: boolean;
	ledger: Ledger;
	stream: string;
	now: number;
	/** Names of the events that passed, as often as a result said so. */
	passes: string[];
}

const record = async ({ ledger, stream, count }: World, path: 'webhook' | 'poll', cursor?: { lease: string }) =>
	await ledger.record({
		stream,
		node: NODE,
		path,
		events: all(path, count),
		correlationId: 'c',
		handsOver: path === 'webhook',
		...(cursor && { cursor: { resource: 'r', position: 'read', readsFrom: BEGIN, lease: cursor.lease } }),
	});
const claim = async (world: World, keys: readonly string[], execution: string, settles = false) => {
	const results = await world.ledger.claim({
		items: keys.map((key) => ({ stream: world.stream, key })),
		execution,
		node: 'd',
		run: 0,
		settles,
	});
	results.forEach(({ outcome }, index) => {
		if (outcome === 'new') world.passes.push((keys[index] ?? '').replace(/^.*:/, ''));
	});
};
/** The execution whose work comes to nothing. */
const first = ({ stream }: World) => `${stream} first`;
const keysOf = ({ count }: World) => all('webhook', count).map(({ key }) => key);

/** What to do before, and the operation in which to die. */
const operations: Record<
	string,
	{ count: number; before: (world: World) => Promise<void>; dying: (world: World) => Promise<unknown> }
> = {
	'record a page with its cursor': {
		count: MANY,
		before: async ({ ledger, stream }) => {
			await ledger.meetNode({ stream, node: NODE, workflow: stream, name: 'Poll', role: 'pull', provider: 'x' });
		},
		dying: async (world) => {
			const lease = await world.ledger.leaseTick(world.stream, NODE, MINUTE);
			await record(world, 'poll', { lease: lease?.token ?? '' });
		},
	},
	'record pushes, then their polled twins': {
		count: FEW,
		before: () => Promise.resolve(),
		dying: async (world) => {
			await record(world, 'webhook');
			await record(world, 'poll');
		},
	},
	'hand over': {
		count: MANY,
		before: async (world) => {
			await record(world, 'poll');
		},
		dying: async ({ ledger, stream }) => await ledger.handOver({ stream, nodes: [NODE], limit: 1_000 }),
	},
	claim: {
		count: MANY,
		before: async (world) => {
			await record(world, 'webhook');
		},
		dying: async (world) => {
			await claim(world, [...keysOf(world), 'item:x'], first(world));
		},
	},
	'report a failure': {
		count: FEW,
		before: async (world) => {
			await record(world, 'webhook');
			await claim(world, keysOf(world), first(world));
		},
		dying: async (world) => await world.ledger.fail({ executions: [first(world)] }, 'no'),
	},
	'extend leases': {
		count: MANY,
		before: async (world) => {
			await record(world, 'webhook');
			await claim(world, keysOf(world), first(world));
		},
		dying: async (world) => await world.ledger.extend({ executions: [first(world)] }, 2 * HOUR),
	},
	acknowledge: {
		count: MANY,
		before: async (world) => {
			await record(world, 'webhook');
		},
		dying: async (world) => {
			// What is acknowledged, n8n has, so that its execution claims it.
			await world.ledger.acknowledge(world.stream, keysOf(world));
		},
	},
	replay: {
		count: MANY,
		before: async (world) => {
			await record(world, 'webhook');
			await claim(world, keysOf(world), first(world));
			await world.ledger.fail({ executions: [first(world)] }, 'no');
		},
		dying: async ({ ledger, stream }) =>
			await ledger.replay(stream, { states: ['failed'] }, { limit: 1_000, handsOver: false, dryRun: false }),
	},
	prune: {
		count: MANY,
		before: async (world) => {
			await record(world, 'webhook');
			await claim(world, keysOf(world).slice(0, 10), 'done', true);
			world.now += 8 * DAY;
			// After a long pause, the first time only notes that it has passed.
			await world.ledger.prune();
			world.now += 10 * MINUTE;
		},
		dying: async ({ ledger }) => await ledger.prune(),
	},
};

describe.each(BACKENDS)('%s', (kind) => {
	const ledgers = useLedgers(kind);
	let place: Place;
	let streams = 0;
	beforeAll(() => {
		place = ledgers.place();
	});

	test.each(Object.entries(operations))(
		'A14 die before and after every statement of: %s',
		async (name, { count: wanted, before, dying }) => {
			// The slices are the same in both; what each takes from Postgres is another round trip.
			const count = kind === 'sqlite' || FULL || slices.includes(name) ? wanted : FEW;
			let deaths = 0;
			for (const when of ['before', 'after'] as const) {
				for (let statement = 1; ; statement++) {
					const world: World = {
						polls: name.startsWith('record'),
						count,
						ledger: undefined as never,
						stream: `crash/${++streams}`,
						now: BEGIN,
						passes: [],
					};
					const open = async () => {
						const backend = await openBackend(place);
						world.ledger = createLedger(backend, () => world.now);
					};
					await open();
					await before(world);
					const finishedBefore = new Set(world.now > BEGIN ? world.passes : []);
					world.passes = [];

					dieAt(statement, when);
					const died = await dying(world).then(
						() => false,
						(error: unknown) => {
							if (isDeath(error)) return true;
							throw error;
						},
					);
					revive();
					await world.ledger.close().catch(() => undefined);
					world.passes = [];
					if (!died) {
						expect(statement).toBeGreaterThan(1);
						break;
					}
					deaths += 1;
					await open();
					await survive(world, finishedBefore);
					await world.ledger.close();
				}
			}
			expect(deaths).toBeGreaterThan(5);
		},
		300_000,
	);
});

/** What must hold however it died: the provider sends again, ticks go on, and each event passes once more and is finished. */
async function survive(world: World, finishedBefore: ReadonlySet<string>): Promise<void> {
	const { stream, ledger, count } = world;
	const known = async () =>
		(await ledger.lookUp(stream, {}, { limit: 1_000 })).events.filter(({ path }) => path !== 'item');
	// I4: where the cursor has moved, everything it covers is there.
	if ((await ledger.cursor(stream, NODE, 'r')) !== undefined) expect(await known()).toHaveLength(count);

	// What has not been taken for finished is handed over, or held by the execution that died, until its lease is over.
	await record(world, 'webhook');
	if (world.polls) await record(world, 'poll');
	expect(await known()).toHaveLength(count);
	await claim(world, keysOf(world), `${stream} second`, true);
	for (let day = 0; day < 3; day++) {
		world.now += 12 * HOUR;
		const handed = await ledger.handOver({ stream, nodes: [NODE], limit: 1_000 });
		await claim(
			world,
			handed.map(({ id }) => id),
			`${stream} third ${day}`,
			true,
		);
	}
	// I1 and I2: nothing is left, nothing passed twice.
	expect([...world.passes, ...finishedBefore].sort()).toEqual(
		keysOf(world)
			.map((_, index) => String(index))
			.sort(),
	);
	expect((await known()).filter(({ state }) => state !== 'done')).toEqual([]);
	expect(await ledger.handOver({ stream, nodes: [NODE], limit: 1_000 })).toEqual([]);
}
