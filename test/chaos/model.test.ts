import fc from 'fast-check';
import { DAY, HOUR, type Ledger, MINUTE, createLedger } from '../../lib';
import type { Backend } from '../../lib/ledger/databases/backend';
import { type BackendKind, event, openBackend, useLedgers } from '../support/ledger';
import { MAX_ATTEMPTS, Model } from './support/model';

/** Sequences in one test. */
const PART = 500;
/** 10,000 in all, and half of them without `CHAOS=full`: each run plays others. */
const SEQUENCES: Record<BackendKind, number> =
	process.env['CHAOS'] === 'full' ? { sqlite: 9_000, postgres: 1_000 } : { sqlite: 4_500, postgres: 500 };
/** A failure names the seed to try again with. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

const name = fc.constantFrom('a', 'b', 'c');
const execution = fc.constantFrom('e1', 'e2', 'e3');
const path = fc.constantFrom('webhook' as const, 'poll' as const);
const operation = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.record({
			op: fc.constant('record' as const),
			names: fc.array(name, { minLength: 1, maxLength: 3 }),
			path,
		}),
	},
	{
		weight: 6,
		arbitrary: fc.record({
			op: fc.constant('claim' as const),
			names: fc.array(fc.constantFrom('a', 'b', 'c', 'item1', 'item2'), { minLength: 1, maxLength: 3 }),
			alias: path,
			execution,
			node: fc.constantFrom('d1', 'd2'),
			run: fc.constantFrom(0, 1),
			settles: fc.boolean(),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({ op: fc.constantFrom('confirm' as const, 'fail' as const, 'extend' as const), execution }),
	},
	{ weight: 3, arbitrary: fc.record({ op: fc.constant('handOver' as const) }) },
	{ weight: 1, arbitrary: fc.record({ op: fc.constant('acknowledge' as const), name, alias: path }) },
	{ weight: 1, arbitrary: fc.record({ op: fc.constantFrom('replay' as const, 'forget' as const), name, alias: path }) },
	{ weight: 1, arbitrary: fc.record({ op: fc.constantFrom('prune' as const, 'restart' as const) }) },
	{
		weight: 4,
		arbitrary: fc.record({
			op: fc.constant('clock' as const),
			by: fc.constantFrom(MINUTE, 6 * MINUTE, HOUR, 7 * HOUR, 8 * DAY, 31 * DAY, -10 * MINUTE, -2 * HOUR),
		}),
	},
);
type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never;

describe.each(['sqlite', 'postgres'] as const)('%s', (kind) => {
	const ledgers = useLedgers(kind);
	let backend: Backend;
	beforeAll(async () => {
		backend = await openBackend(ledgers.place());
	});
	afterAll(async () => {
		await backend.close();
	});

	// In parts, so that a machine is given up for hanging, and not for being slow.
	test.each(Array.from({ length: Math.ceil(SEQUENCES[kind] / PART) }, (_, part) => SEED + part))(
		`A14 ${PART} random sequences do to the ledger what they do to a notebook (seed %i)`,
		async (seed) => {
			let sequence = 0;
			await fc.assert(
				fc.asyncProperty(fc.array(operation, { minLength: 3, maxLength: 25 }), async (operations) => {
					await play(backend, `sequence/${seed}/${++sequence}`, operations);
				}),
				{ numRuns: PART, seed },
			);
		},
	);
});

const BEGIN = Date.UTC(2026, 0, 1);
/** Never longer ago than duplicates are remembered, in any sequence. */
const HAPPENED = BEGIN + 55 * DAY;

async function play(backend: Backend, stream: string, operations: readonly Operation[]): Promise<void> {
	let now = BEGIN;
	const open = () => createLedger(backend, () => now);
	let ledger: Ledger = open();
	const model = new Model();
	const recorded = new Set<string>();
	const id = (execution: string) => `${stream} ${execution}`;
	/** What a path calls an event, once it has brought it; otherwise what the other one does. */
	const keyOf = (name: string, alias: string) => {
		const other = alias === 'webhook' ? 'poll' : 'webhook';
		return [`${alias}:${name}`, `${other}:${name}`].find((key) => recorded.has(key));
	};

	for (const step of operations) {
		switch (step.op) {
			case 'record': {
				const events = step.names.map((name) =>
					event(`${step.path}:${name}`, { time: HAPPENED, match: { key: name, toleranceMs: 1 } }),
				);
				const results = await ledger.record({
					stream,
					node: 'n',
					path: step.path,
					events,
					correlationId: 'c',
					handsOver: step.path === 'webhook',
				});
				const expected = step.names.map((name) => model.record(name, `${step.path}:${name}`, step.path, now));
				for (const { key } of events) recorded.add(key);
				expect(results.map(({ outcome }) => outcome)).toEqual(expected);
				break;
			}
			case 'claim': {
				const keys = step.names.flatMap((name) => (name.startsWith('item') ? name : (keyOf(name, step.alias) ?? [])));
				const results = await ledger.claim({
					items: keys.map((key) => ({ stream, key })),
					execution: id(step.execution),
					node: step.node,
					run: step.run,
					settles: step.settles,
					maxAttempts: MAX_ATTEMPTS,
				});
				const seen = new Set<unknown>();
				keys.forEach((key, index) => {
					const result = results[index];
					const expected = model.expectClaim(key, id(step.execution), step.node, step.run, now);
					const identity = key.replace(/^.*:/, '');
					if (seen.has(identity)) expect(result).toEqual({ outcome: 'duplicate' });
					else if (expected.outcome === 'duplicate') expect(result).toEqual({ outcome: 'duplicate' });
					else {
						expect(result).toMatchObject({ outcome: 'new', attempt: expected.attempt });
						if (result?.outcome === 'new') {
							model.passed(key, id(step.execution), step.node, step.run, result.token, step.settles, now);
						}
					}
					seen.add(identity);
				});
				break;
			}
			case 'confirm':
				expect(await ledger.confirm({ executions: [id(step.execution)] })).toBe(model.confirm(id(step.execution), now));
				break;
			case 'fail':
				expect(await ledger.fail({ executions: [id(step.execution)] }, 'failed')).toBe(
					model.fail(id(step.execution), now),
				);
				break;
			case 'extend':
				expect(await ledger.extend({ executions: [id(step.execution)] }, 5 * HOUR)).toBe(
					model.extend(id(step.execution), 5 * HOUR, now),
				);
				break;
			case 'handOver': {
				const handed = await ledger.handOver({ stream, nodes: ['n'], limit: 100 });
				const expected = model.handOver(now);
				const named = (attempt: number, aliases: Iterable<string>) => `${[...aliases].sort().join()} ${attempt}`;
				const entryOf = (key: string) => [...model.entries.values()].find(({ aliases }) => aliases.has(key));
				expect(handed.map(({ id: key, attempt }) => named(attempt, entryOf(key)?.aliases ?? [])).sort()).toEqual(
					expected.map(({ aliases, attempt }) => named(attempt, aliases)).sort(),
				);
				break;
			}
			case 'acknowledge': {
				const key = keyOf(step.name, step.alias);
				if (key === undefined) break;
				await ledger.acknowledge(stream, [key]);
				model.acknowledge(key, now);
				break;
			}
			case 'replay':
			case 'forget': {
				const key = keyOf(step.name, step.alias);
				if (key === undefined) break;
				const { done } =
					step.op === 'replay'
						? await ledger.replay(stream, { keys: [key] }, { limit: 10, handsOver: false, dryRun: false })
						: await ledger.forget(stream, { keys: [key] }, { dryRun: false });
				expect(done).toBe(step.op === 'replay' ? model.replay(key, now) : model.forget(key, now));
				break;
			}
			case 'prune':
				await backend.db
					.insertInto('meta')
					.values({ key: 'pruned_at', value: String(now - 10 * MINUTE) })
					.onConflict((conflict) => conflict.column('key').doUpdateSet({ value: String(now - 10 * MINUTE) }))
					.execute();
				await ledger.prune();
				model.prune(now);
				for (const key of recorded) {
					if (![...model.entries.values()].some(({ aliases }) => aliases.has(key))) recorded.delete(key);
				}
				break;
			case 'restart':
				ledger = open();
				break;
			case 'clock':
				// Streams that nobody uses for 90 days are another matter.
				if (now + step.by < BEGIN + 80 * DAY) now += step.by;
				break;
		}
	}

	// I1: nothing that was accepted and is neither finished nor a dead letter is ever left behind.
	const waiting = [...model.entries.values()].filter(
		({ foreign, forgotten, dead, erased, pass, dueAt }) =>
			// What n8n had for so long that its payload was given up becomes a dead letter, should it come back.
			!foreign && !forgotten && !dead && !erased && (pass ? !pass.settled : dueAt !== undefined),
	);
	const left = new Set(waiting.filter(({ pass, chances }) => !pass || (chances ?? 1) > 0));
	for (let day = 0; day < 4 && left.size > 0; day++) {
		now += DAY;
		for (const { id: key } of await ledger.handOver({ stream, nodes: ['n'], limit: 100 })) {
			for (const entry of left) if (entry.aliases.has(key)) left.delete(entry);
		}
	}
	expect([...left].map(({ aliases }) => [...aliases])).toEqual([]);
}
