import { fork } from 'node:child_process';
import { join } from 'node:path';
import { createLedger, HOUR } from '../../lib';
import { BACKENDS, openBackend, useLedgers } from '../support/ledger';
import type { Job } from './support/worker';

/** All of it takes long; without `CHAOS=full`, there are fewer claims and kills. */
const FULL = process.env['CHAOS'] === 'full';
const PROCESSES = 8;
const CLAIMS = FULL ? 10_000 : 1_500;
const KEYS = 1_000;
const KILLS = FULL ? 100 : 5;

interface Outcome {
	readonly passed: { readonly passed: string; readonly attempt: number }[];
	readonly through: boolean;
}

/** Lets processes begin together, however long each takes to start. */
class StartingLine {
	private readonly waiting: (() => void)[] = [];

	constructor(private readonly expected: number) {}

	join(start: () => void): void {
		this.waiting.push(start);
		if (this.waiting.length === this.expected) for (const each of this.waiting) each();
	}
}

/** @param killAfter passes it is ended without a word, as by a power cut */
async function work(job: Job, killAfter = Infinity, line = new StartingLine(1)): Promise<Outcome> {
	const child = fork(join(__dirname, 'support', 'worker.ts'), { execArgv: ['--import', 'tsx'] });
	const passed: Outcome['passed'] = [];
	let through = false;
	child.on('message', (message: 'ready' | 'through' | { passed?: string; attempt?: number }) => {
		if (message === 'ready') line.join(() => child.send('go'));
		else if (message === 'through') through = true;
		else if (message.passed !== undefined) passed.push({ passed: message.passed, attempt: message.attempt ?? 0 });
		if (passed.length >= killAfter) child.kill('SIGKILL');
	});
	child.send(job);
	await new Promise((resolve) => child.once('close', resolve));
	// The compiler does not see that the messages above have changed it.
	if (!(through as boolean) && killAfter === Infinity && job.diesAfter === undefined)
		throw new Error('A worker ended early.');
	return { passed, through };
}

const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
/** The same keys in an order of each worker's own, over and over. */
function shuffled(seed: number, count: number): string[] {
	return Array.from(
		{ length: count },
		(_, index) => keys[(index * 7919 + seed * 104_729 + Math.floor(index / KEYS)) % KEYS] ?? '',
	);
}

describe.each(BACKENDS)('%s', (kind) => {
	const ledgers = useLedgers(kind);

	test(`${PROCESSES} processes make ${CLAIMS} claims each over ${KEYS} keys: every key passes exactly once`, async () => {
		const place = ledgers.place();
		await (await openBackend(place)).close();
		const line = new StartingLine(PROCESSES);
		const outcomes = await Promise.all(
			Array.from({ length: PROCESSES }, async (_, index) => {
				const job = { place, stream: 's', execution: `e${index}`, keys: shuffled(index, CLAIMS) };
				return await work(job, Infinity, line);
			}),
		);
		expect(outcomes.flatMap(({ passed }) => passed.map((each) => each.passed)).sort()).toEqual([...keys].sort());
		// Not one of them did it all.
		expect(outcomes.filter(({ passed }) => passed.length > 0).length).toBeGreaterThan(1);
	}, 600_000);

	test('A2 pushed and polled twins of each event from 8 processes at once: every event passes exactly once', async () => {
		const place = ledgers.place();
		await (await openBackend(place)).close();
		const outcomes = await Promise.all(
			Array.from(
				{ length: PROCESSES },
				async (_, index) =>
					await work({
						place,
						stream: 's',
						execution: `e${index}`,
						keys: index < 4 ? keys : [...keys].reverse(),
						path: index % 2 === 0 ? 'webhook' : 'poll',
					}),
			),
		);
		expect(outcomes.flatMap(({ passed }) => passed.map((each) => each.passed)).sort()).toEqual([...keys].sort());
	}, 600_000);

	test(`A5 kill -9 in the middle, ${KILLS} rounds: nothing is lost, and a second pass only where the first was not confirmed`, async () => {
		const place = ledgers.place();
		const backend = await openBackend(place);
		let now = Date.now();
		const ledger = createLedger(backend, () => now);
		let interrupted = 0;
		for (let round = 0; round < KILLS; round++) {
			const stream = `s${round}`;
			const job = { place, stream, keys, path: 'webhook', confirms: true } as const;
			// One is killed somewhere after its start, in the first round for sure before it confirms; the other works on.
			const killed = { ...job, execution: `${stream} killed`, ...(round === 0 && { diesAfter: 5 }) };
			const line = new StartingLine(2);
			const [, survivor] = await Promise.all([
				work(killed, round === 0 ? Infinity : 1 + Math.floor(Math.random() * 200), line),
				work({ ...job, execution: `${stream} survivor`, keys: keys.slice(0, 100) }, Infinity, line),
			]);
			expect(survivor.through).toBe(true);
			const states = async () => {
				const { events } = await ledger.lookUp(stream, {}, { limit: 2_000 });
				return events;
			};
			const before = await states();
			const held = new Set(before.filter(({ state }) => state === 'claimed').map(({ id }) => id));
			// Its last ten at the most were not confirmed.
			expect(held.size).toBeLessThanOrEqual(10);
			interrupted += held.size;
			// Their leases end, and everything that is not finished is handed over and passes again.
			const again: { id: string; attempt: number }[] = [];
			for (let hours = 0; hours < 14; hours++) {
				now += HOUR;
				again.push(...(await ledger.handOver({ stream, nodes: ['n'], limit: 2_000 })));
				await ledger.claim({
					items: again.map(({ id }) => ({ stream, key: id })),
					execution: `${stream} last`,
					node: 'd',
					run: 0,
					settles: true,
				});
			}
			const second = again.filter(({ attempt }) => attempt > 1).map(({ id }) => id);
			expect([...new Set(second)].sort()).toEqual([...held].sort());
			expect((await states()).filter(({ state }) => state !== 'done')).toEqual([]);
			now = Date.now();
		}
		// The kills did come in the middle of something.
		expect(interrupted).toBeGreaterThan(0);
		await backend.close();
	}, 900_000);
});
