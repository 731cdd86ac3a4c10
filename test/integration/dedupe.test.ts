import { request } from 'undici';
import { HOUR, MINUTE, openLedger } from '../../lib';
import { fakeTimeOfDay, until } from './support/time';
import { Simulator } from '../simulator/simulator';
import { type TestPostgres, startPostgres } from '../support/postgres';
import {
	type Plan,
	SECRET,
	TestWorkflow,
	type WebhookServer,
	confirmingPlan,
	eventsOf,
	examplePlan,
} from './support/n8n';

let simulator: Simulator;
let credential: Record<string, string>;
const servers: WebhookServer[] = [];

beforeEach(async () => {
	simulator = await Simulator.start();
	// However slow this machine is.
	simulator.webhooks.timeoutMs = 60_000;
	credential = { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl };
});
afterEach(async () => {
	jest.useRealTimers();
	await simulator.close();
	for (const server of servers.splice(0)) await server.close();
});

const fakeClock = () => {
	fakeTimeOfDay();
};
const later = (ms: number) => {
	jest.setSystemTime(Date.now() + ms);
};

/** A moment ago, in whole seconds as GetResponse gives it. */
const JUST_NOW = `${new Date(Date.now() - MINUTE).toISOString().slice(0, 19)}+00:00`;

/** New events of a workflow, as its webhook node gives them. */
async function push(workflow: TestWorkflow, ids: readonly string[], changes: object = {}): Promise<object[]> {
	const server = await workflow.serve();
	servers.push(server);
	for (const id of ids) {
		const response = await request(`${server.url}?secret=${SECRET}`, {
			method: 'POST',
			headers: { 'content-type': 'application/json', 'x-webhook-id': id },
			body: JSON.stringify({
				type: 'contact_added',
				contact: { contactId: id, email: `${id}@example.com` },
				account: { accountId: 'A1' },
				event: { occurredAt: JUST_NOW },
				...changes,
			}),
		});
		await response.body.dump();
	}
	return server.executions.flat();
}

const DEDUPE = 'n8n-nodes-hybrid-sync.syncDedupe';
const sizes = (outputs: object[][]) => outputs.map((items) => items.length);
const stored = (parameters: object) => ({
	type: DEDUPE,
	parameters: { resource: 'event', ...parameters } as NonNullable<Plan['nodes'][string]['parameters']>,
});
const withNodes = (plan: Plan, nodes: Plan['nodes'], edges: Plan['edges'] = {}): Plan => ({
	...plan,
	nodes: { ...plan.nodes, ...nodes },
	edges: { ...plan.edges, ...edges },
});

describe('Remove Duplicates', () => {
	test('A9 the same event key with another payload leaves by Duplicate, flagged, even before the first one passed', async () => {
		const workflow = new TestWorkflow(examplePlan({ credential }));
		const [first] = await push(workflow, ['w']);
		const [changed] = await push(workflow, ['w'], { contact: { contactId: 'w', email: 'other@example.com' } });
		expect(changed).toMatchObject({ payloadchanged: true, data: { contact: { email: 'other@example.com' } } });
		expect(sizes(await workflow.dedupe([changed ?? {}]))).toEqual([0, 1, 0]);
		expect(sizes(await workflow.dedupe([first ?? {}]))).toEqual([1, 0, 0]);
		expect(await push(workflow, ['w'], { contact: { contactId: 'w', email: 'other@example.com' } })).toEqual([]);
	});

	test('A10 versions of a value: each passes once, older ones than have passed go to Out of Date', async () => {
		const options = { version: '={{ $json.updated }}' };
		const workflow = new TestWorkflow(
			withNodes(examplePlan(), {
				Dedupe: { type: DEDUPE, parameters: { identifyBy: 'value', value: '={{ $json.id }}', options } },
			}),
		);
		const order = (updated: unknown) => ({ id: 'o1', updated });
		expect(sizes(await workflow.dedupe([order('2026-01-02T00:00:00.000002Z')]))).toEqual([1, 0, 0]);
		expect(
			sizes(await workflow.dedupe([order('2026-01-02T00:00:00.000001Z'), order('2026-01-02T00:00:00.000003Z')])),
		).toEqual([1, 0, 1]);
		expect(sizes(await workflow.dedupe([order('2026-01-02T00:00:00.000003Z'), order('2026-01-03T00:00:00Z')]))).toEqual(
			[1, 1, 0],
		);
		// Finer than a number can tell: rather New than lost.
		expect(sizes(await workflow.dedupe([order('9007199254740993000'), order('9007199254740993001')]))).toEqual([
			2, 0, 0,
		]);
		await expect(workflow.dedupe([order('yesterday')])).rejects.toThrow(/neither a number nor a date/);
	});

	test.each([
		['2026-09-04T18:57:52Z', '2026-09-04T14:57:52-04:00'],
		['2026-09-04T18:57:52Z', '2026-09-04 18:57:52.000+00:00'],
		['2023-04-05T00:42:07.694Z', '2023-04-05T00:42:07.694000+0000'],
		['7', '7.0'],
		[7, '7e0'],
	])('R11 the versions %s and %s are one', async (one, other) => {
		const options = { version: '={{ $json.updated }}' };
		const workflow = new TestWorkflow(
			withNodes(examplePlan(), {
				Dedupe: { type: DEDUPE, parameters: { identifyBy: 'value', value: '={{ $json.id }}', options } },
			}),
		);
		expect(sizes(await workflow.dedupe([{ id: 'm', updated: one }]))).toEqual([1, 0, 0]);
		expect(sizes(await workflow.dedupe([{ id: 'm', updated: other }]))).toEqual([0, 1, 0]);
	});

	test('R11 objects with their fields in another order are one value; a part that is missing is an error on its item', async () => {
		const by = (value: string) =>
			new TestWorkflow(
				withNodes(examplePlan(), { Dedupe: { type: DEDUPE, parameters: { identifyBy: 'value', value } } }),
			);
		const whole = by('={{ $json.id }}');
		expect(sizes(await whole.dedupe([{ id: { a: 1, b: { c: 2, d: 3 } } }]))).toEqual([1, 0, 0]);
		expect(sizes(await whole.dedupe([{ id: { b: { d: 3, c: 2 }, a: 1 } }]))).toEqual([0, 1, 0]);
		for (const [value, part] of [
			['={{ [$json.a, $json.b] }}', '1'],
			['={{ ({ one: $json.a, two: $json.b ?? null }) }}', 'two'],
		] as const) {
			await expect(by(value).dedupe([{ a: 'x' }])).rejects.toThrow(`item 1 lacks a part (${part})`);
		}
		for (const value of ['={{ $json.a }}|{{ $json.b }}', '={{ [$json.a, $json.b] }}']) {
			await expect(by(value).dedupe([{}])).rejects.toThrow(/identifies item 1/);
		}
		expect(
			sizes(
				await by('={{ [$json.a, $json.b] }}').dedupe([
					{ a: 'x', b: 'yz' },
					{ a: 'xy', b: 'z' },
				]),
			),
		).toEqual([2, 0, 0]);
	});

	test('values that identify nothing are refused: blank, not a number, an empty object', async () => {
		const workflow = new TestWorkflow(
			withNodes(examplePlan(), {
				Dedupe: { type: DEDUPE, parameters: { identifyBy: 'value', value: '={{ $json.id }}' } },
			}),
		);
		for (const id of ['', '  ', NaN, null, undefined, {}, []]) {
			await expect(workflow.dedupe([{ id }])).rejects.toThrow(/identifies item 1 is empty/);
		}
		expect(sizes(await workflow.dedupe([{ id: 0 }, { id: false }, { id: ['a'] }, { id: { a: 1 } }]))).toEqual([
			4, 0, 0,
		]);
	});

	test('the scope and the window of a value', async () => {
		fakeClock();
		const parameters = { identifyBy: 'value', value: '={{ $json.id }}' };
		const plan = withNodes(examplePlan(), {
			Own: { type: DEDUPE, parameters: { ...parameters, options: { windowDays: 1 } } },
			Shared1: { type: DEDUPE, parameters: { ...parameters, options: { scope: 'workflow' } } },
			Shared2: { type: DEDUPE, parameters: { ...parameters, options: { scope: 'workflow' } } },
		});
		const workflow = new TestWorkflow(plan);
		const through = async (node: string) => sizes(await workflow.dedupe([{ id: 'a' }], { node }));
		expect([await through('Own'), await through('Shared1'), await through('Shared2')]).toEqual([
			[1, 0, 0],
			[1, 0, 0],
			[0, 1, 0],
		]);
		later(23 * HOUR);
		expect(await through('Own')).toEqual([0, 1, 0]);
		later(2 * HOUR);
		expect([await through('Own'), await through('Shared1')]).toEqual([
			[1, 0, 0],
			[0, 1, 0],
		]);
	});

	test('with On Error: Continue, trouble with the ledger lets no item through as if it were new', async () => {
		const parameters = { identifyBy: 'value', value: '={{ $json.id }}' };
		const node = { type: DEDUPE, parameters, onError: 'continueRegularOutput' as const };
		const workflow = new TestWorkflow(withNodes(examplePlan(), { Dedupe: node }));
		expect(sizes(await workflow.dedupe([{ id: 'pay' }]))).toEqual([1, 0, 0]);
		process.env['EXECUTIONS_MODE'] = 'queue';
		try {
			const [items = []] = await workflow.dedupe([{ id: 'pay' }]);
			expect(items).toMatchObject([{ json: { error: expect.stringMatching(/queue mode/) as string } }]);
			expect(items[0]?.json).not.toHaveProperty('id');
			expect(items[0]?.error).toBeDefined();
		} finally {
			delete process.env['EXECUTIONS_MODE'];
		}
	});

	test('settings that are no numbers are refused, and nothing is claimed', async () => {
		const workflow = new TestWorkflow(
			withNodes(examplePlan({ credential }), {
				Dedupe: { type: DEDUPE, parameters: { options: { leaseHours: 'two' } } },
			}),
		);
		const events = await push(workflow, ['w']);
		await expect(workflow.dedupe(events)).rejects.toThrow(/above 0 under "Time to Confirm \(Hours\)"/);
		const mended = new TestWorkflow(examplePlan({ id: workflow.workflow.id, credential }));
		expect(sizes(await mended.dedupe(events))).toEqual([1, 0, 0]);
	});
});

describe('A16 in workflows of all shapes', () => {
	test('a Filter before Sync Dedupe and a dead IF branch before Confirm leave nothing claimed', async () => {
		fakeClock();
		const workflow = new TestWorkflow(confirmingPlan({ credential }));
		const events = await push(workflow, ['kept', 'branch', 'filtered']);
		const [passed = []] = await workflow.dedupe(events.slice(0, 2), { execution: 'e' });
		// Only one of them takes the branch that leads to the Confirm, which settles the whole execution.
		await workflow.dedupe(
			passed.slice(0, 1).map(({ json }) => json),
			{ node: 'Confirm', execution: 'e' },
		);
		later(20 * HOUR);
		// What the Filter dropped was never claimed: it is handed over again, and dropped again, and dies of nothing.
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual(['contacts/filtered']);
	});

	test('"Only These Items" leaves the others to a Confirm of their own', async () => {
		fakeClock();
		const plan = confirmingPlan({ credential });
		const workflow = new TestWorkflow(
			withNodes(plan, { Confirm: { type: DEDUPE, parameters: { operation: 'confirm', onlyTheseItems: true } } }),
		);
		const [passed = []] = await workflow.dedupe(await push(workflow, ['a', 'b']), { execution: 'e' });
		await workflow.dedupe(
			passed.slice(0, 1).map(({ json }) => json),
			{ node: 'Confirm', execution: 'e' },
		);
		later(20 * HOUR);
		expect((await workflow.poll())?.map(({ subject, attempt }) => [subject, attempt])).toEqual([['contacts/b', 2]]);
	});

	test('"Only These Items" says so where a step has dropped what it needs, and finishes nothing', async () => {
		const workflow = new TestWorkflow(
			withNodes(
				confirmingPlan({ credential }),
				{
					Confirm: { type: DEDUPE, parameters: { operation: 'confirm', onlyTheseItems: true } },
					Elsewhere: { type: DEDUPE, parameters: { operation: 'confirm', ledger: 'postgres' } },
				},
				{ Step: ['Confirm', 'Elsewhere'] },
			),
		);
		await workflow.dedupe(await push(workflow, ['a']), { execution: 'e' });
		const confirm = async (node: string) => await workflow.dedupe([{ status: 'ok' }], { node, execution: 'e' });
		await expect(confirm('Confirm')).rejects.toThrow(/needs the field claimtoken in every item/);
		await expect(confirm('Elsewhere')).rejects.toThrow(/"Dedupe" lets events pass in another ledger/);
	});

	test('"Retry execution" runs under a new id, and its Confirm settles what the failed one had claimed', async () => {
		fakeClock();
		const workflow = new TestWorkflow(confirmingPlan({ credential }));
		const [passed = []] = await workflow.dedupe(await push(workflow, ['a', 'b']), { execution: 'failed' });
		const json = passed.map((item) => item.json);
		// Two runs, as in a loop; what reaches the Confirm carries no event any more.
		await workflow.dedupe([{ result: 'of a step that keeps no event' }], {
			node: 'Confirm',
			mode: 'retry',
			execution: 'retry',
			before: { Dedupe: [json.slice(0, 1), json.slice(1)] },
		});
		later(20 * HOUR);
		expect(await workflow.poll()).toBeNull();
	});

	test('a value is held until its Confirm too, also by a retry, and comes back where that never comes', async () => {
		fakeClock();
		const byValue = { type: DEDUPE, parameters: { identifyBy: 'value', value: '={{ $json.id }}' } };
		const workflow = new TestWorkflow(withNodes(confirmingPlan({ credential }), { Dedupe: byValue }));
		const [passed = []] = await workflow.dedupe([{ id: 'a' }, { id: 'b' }], { execution: 'failed' });
		await workflow.dedupe([{}], {
			node: 'Confirm',
			mode: 'retry',
			execution: 'retry',
			before: { Dedupe: [passed.slice(0, 1).map(({ json }) => json)] },
		});
		later(2 * HOUR);
		expect(sizes(await workflow.dedupe([{ id: 'a' }, { id: 'b' }]))).toEqual([1, 1, 0]);
	});

	test('where a Wait lies ahead, the lease is 30 days; an option and Allow More Time set another', async () => {
		fakeClock();
		const plan = confirmingPlan({ credential });
		const waiting = withNodes(plan, {
			Step: { type: 'n8n-nodes-base.wait' },
			Extend: { type: DEDUPE, parameters: { operation: 'extendLease', hours: 5 } },
		});
		const workflow = new TestWorkflow(waiting);
		await workflow.dedupe(await push(workflow, ['a']));
		later(29 * 24 * HOUR);
		expect(await workflow.poll()).toBeNull();
		later(2 * 24 * HOUR);
		expect(await workflow.poll()).toHaveLength(1);

		const short = new TestWorkflow(
			withNodes(waiting, { Dedupe: { type: DEDUPE, parameters: { options: { leaseHours: 2 } } } }),
		);
		const events = await push(short, ['b'], { event: { occurredAt: new Date().toISOString() } });
		await short.dedupe(events, { execution: 'e' });
		later(HOUR);
		await short.dedupe([{}], { node: 'Extend', execution: 'e' });
		later(4 * HOUR);
		expect(await short.poll()).toBeNull();
		later(2 * HOUR);
		expect((await short.poll())?.map(({ attempt }) => attempt)).toEqual([2]);
	});

	test('two Sync Dedupe nodes in a row let the event through; in a sub-workflow it is known as passed', async () => {
		const workflow = new TestWorkflow(
			withNodes(examplePlan({ credential }), { Second: { type: DEDUPE } }, { Dedupe: ['Second'] }),
		);
		const sub = new TestWorkflow(examplePlan({ credential }));
		const [passed = []] = await workflow.dedupe(await push(workflow, ['a']), { execution: 'e' });
		const json = passed.map((item) => item.json);
		const [again = []] = await workflow.dedupe(json, { node: 'Second', execution: 'e' });
		expect(again).toHaveLength(1);
		// Another execution, another workflow: it has passed already.
		expect(sizes(await sub.dedupe(json, { mode: 'integrated' }))).toEqual([0, 1, 0]);
	});
});

describe('A17 runs by hand', () => {
	test('every action shows what it would do and changes nothing, in a sub-workflow of such a run too', async () => {
		const plan = withNodes(confirmingPlan({ credential }), {
			Fail: { type: DEDUPE, parameters: { operation: 'reportFailure' } },
			Extend: { type: DEDUPE, parameters: { operation: 'extendLease', hours: 500 } },
		});
		const workflow = new TestWorkflow(plan);
		const events = await push(workflow, ['a']);
		const key = (events[0] as { id: string }).id;
		const ledger = await openLedger();
		const { stream } = events[0] as { stream: string };
		const state = async () => (await ledger.lookUp(stream, { keys: [key] }, { limit: 1 })).events;
		for (const how of [
			{ mode: 'manual' },
			{ mode: 'evaluation' },
			{ mode: 'integrated', rootMode: 'manual' },
		] as const) {
			const before = await state();
			expect(sizes(await workflow.dedupe(events, how))).toEqual([1, 0, 0]);
			expect(await state()).toEqual(before);
		}
		await workflow.dedupe(events, { execution: 'e' });
		for (const how of [{ mode: 'manual' }, { mode: 'integrated', rootMode: 'manual' }] as const) {
			const before = await state();
			for (const node of ['Confirm', 'Fail', 'Extend']) {
				await workflow.dedupe(events, { node, execution: 'e', ...how });
			}
			expect(await state()).toEqual(before);
		}
	});
});

describe('failures', () => {
	test('A3 an error branch gives its items back; the error workflow gives back an execution, and what it was a retry of', async () => {
		fakeClock();
		const errorWorkflow = new TestWorkflow({
			nodes: {
				'Error Trigger': { type: 'n8n-nodes-base.errorTrigger' },
				Fail: { type: DEDUPE, parameters: { operation: 'reportFailure', failed: 'execution' } },
			},
			edges: { 'Error Trigger': ['Fail'] },
		});
		const plan = withNodes(confirmingPlan({ credential }), {
			Fail: { type: DEDUPE, parameters: { operation: 'reportFailure' } },
		});
		const workflow = new TestWorkflow(plan);
		const [passed = []] = await workflow.dedupe(await push(workflow, ['a', 'b', 'c']), { execution: '7' });
		await workflow.dedupe([{ ...passed[0]?.json, error: 'HTTP 500' }], { node: 'Fail', execution: '7' });
		later(4 * MINUTE);
		expect((await workflow.poll())?.map(({ subject, attempt }) => [subject, attempt])).toEqual([['contacts/a', 2]]);

		const { id } = workflow.workflow;
		const failed = { execution: { id: 'unknown', retryOf: `${id}-7`, error: { message: 'The step broke' } } };
		const before = { 'Error Trigger': [[failed]] };
		await errorWorkflow.dedupe([failed], { node: 'Fail', mode: 'error', before });
		later(4 * MINUTE);
		const again = (await workflow.poll()) ?? [];
		expect(again.map(({ subject }) => subject).sort()).toEqual(['contacts/b', 'contacts/c']);
		await expect(errorWorkflow.dedupe([{}], { node: 'Fail', mode: 'error' })).rejects.toThrow(/execution ID is empty/);
	});

	test('an answer of 500, because n8n could not start the execution, is no sign that n8n has the event', async () => {
		const plan = examplePlan({ credential });
		const workflow = new TestWorkflow({ ...plan, edges: { Webhook: ['Step'], Poll: ['Step'] } });
		const server = await workflow.serve();
		servers.push(server);
		simulator.webhooks.url = `${server.url}?secret=${SECRET}`;
		server.broken.now = true;
		fakeClock();
		simulator.subscribe();
		await until(() => simulator.webhooks.attempts.length > 0);
		server.broken.now = false;
		await workflow.poll();
		later(10 * MINUTE);
		expect(await workflow.poll()).toHaveLength(1);
	});
});

describe('stored events', () => {
	const plan = () =>
		withNodes(
			confirmingPlan({ credential }),
			{
				'Look Up': stored({ operation: 'lookUp', filters: { states: ['dead'] }, options: { withData: true } }),
				'Replay Here': stored({ operation: 'replay', which: 'filter', through: 'here', filters: { states: ['dead'] } }),
				'Replay By Poll': stored({
					operation: 'replay',
					which: 'filter',
					subject: '={{ $json.subject }}',
				}),
				'Replay All': stored({ operation: 'replay', which: 'filter' }),
				List: stored({ operation: 'listProblems' }),
				Replay: stored({ operation: 'replay' }),
				Forget: stored({ operation: 'forget', subject: '={{ $json.subject }}', dryRun: false }),
				Dedupe: { type: DEDUPE, parameters: { options: { maxAttempts: 1 } } },
				Fail: { type: DEDUPE, parameters: { operation: 'reportFailure', reason: 'The shop was closed' } },
			},
			{ 'Replay Here': ['Dedupe'] },
		);

	test('a dead letter is looked up with its reason and data, replayed here, and passes with its next attempt', async () => {
		const workflow = new TestWorkflow(plan());
		await workflow.dedupe(await push(workflow, ['a', 'b']), { execution: 'e' });
		await workflow.dedupe([{}], { node: 'Fail', execution: 'e' });
		const [found = []] = await workflow.dedupe([{}], { node: 'Look Up' });
		expect(found.map(({ json }) => json)).toMatchObject([
			{ id: 'push:1:b', state: 'dead', reason: 'The shop was closed', data: { contact: { contactId: 'b' } } },
			{ id: 'push:1:a', state: 'dead', attempts: 1 },
		]);
		const [replayed = []] = await workflow.dedupe([{}], { node: 'Replay Here' });
		expect(replayed.map(({ json }) => [json['id'], json['path'], json['attempt']])).toEqual([
			['push:1:a', 'replay', 2],
			['push:1:b', 'replay', 2],
		]);
		expect(sizes(await workflow.dedupe(replayed.map(({ json }) => json)))).toEqual([2, 0, 0]);
		await expect(workflow.dedupe([{}], { node: 'Replay All' })).rejects.toThrow(/Say which events to replay/);
	});

	test('what List Problems shows is replayed from its list in a run by hand, and a replay of nothing is an error', async () => {
		const workflow = new TestWorkflow(plan());
		await workflow.dedupe(await push(workflow, ['a', 'b']), { execution: 'e' });
		await workflow.dedupe([{}], { node: 'Fail', execution: 'e' });
		const [problems = []] = await workflow.dedupe([{}], { node: 'List', mode: 'manual' });
		expect(problems.map(({ json }) => json)).toMatchObject([
			{ id: 'push:1:b', state: 'dead', reason: 'The shop was closed', data: { contact: { contactId: 'b' } } },
			{ id: 'push:1:a', state: 'dead' },
		]);
		const chosen = problems.slice(0, 1).map(({ json }) => json);
		const replay = { node: 'Replay', mode: 'manual' } as const;
		const [[summary] = []] = await workflow.dedupe(chosen, replay);
		expect(summary).toMatchObject({ json: { found: 1, replayed: 1 }, pairedItem: [{ item: 0 }] });
		expect((await workflow.poll())?.map(({ id, attempt }) => [id, attempt])).toEqual([['push:1:b', 2]]);
		expect((await workflow.dedupe([{}], { node: 'List' }))[0]?.map(({ json }) => json['id'])).toEqual(['push:1:a']);
		await workflow.dedupe(await push(workflow, ['c']), { execution: 'f' });
		await expect(workflow.dedupe([{ id: 'push:1:c' }], replay)).rejects.toThrow(
			'Nothing was replayed: Not confirmed yet by execution ',
		);
		await expect(workflow.dedupe([{ id: 'never' }, { id: 'push:1:c' }], replay)).rejects.toThrow(
			'Not confirmed yet by',
		);
		await expect(workflow.dedupe([{ id: 'never' }], replay)).rejects.toThrow('has stored no such event');
		await expect(workflow.dedupe([{ id: 'push:1:a' }, {}], replay)).rejects.toThrow('Item 2 names no event');
		await workflow.dedupe([{ subject: 'contacts/a' }], { node: 'Forget' });
		await expect(workflow.dedupe([{ id: 'push:1:a' }], replay)).rejects.toThrow(/Nothing was replayed/);
		const none = { ...replay, node: 'Replay By Poll' };
		await expect(workflow.dedupe([{ subject: 'contacts/z' }], none)).rejects.toThrow('has stored no such event');
		// By itself, as every night, it may find nothing.
		const [[nothing] = []] = await workflow.dedupe([{ subject: 'contacts/z' }], { node: 'Replay By Poll' });
		expect(nothing?.json).toMatchObject({ found: 0, replayed: 0 });
	});

	test('a step that failed and was not reported: List Problems says which execution has the event, and until when', async () => {
		fakeClock();
		const workflow = new TestWorkflow(plan());
		await workflow.dedupe(await push(workflow, ['a']), { execution: '41' });
		const list = async () =>
			(await workflow.dedupe([{}], { node: 'List', mode: 'manual' }))[0]?.map(({ json }) => json) ?? [];
		const replay = async () => await workflow.dedupe([{ id: 'push:1:a' }], { node: 'Replay', mode: 'manual' });
		expect(await list()).toEqual([]);
		later(MINUTE);
		const [waiting] = await list();
		// In the zone of the workflow.
		const at = new Date(waiting?.['duetime'] as string).toLocaleString('en-GB', {
			timeZone: 'America/New_York',
			...({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' } as const),
		});
		expect(waiting).toMatchObject({ id: 'push:1:a', state: 'claimed' });
		expect(waiting?.['reason']).toMatch(
			new RegExp(`^Not confirmed yet by execution \\S+-41\\. .* counts as failed on ${at} \\(America/New_York\\)\\.$`),
		);
		await expect(replay()).rejects.toThrow(`Nothing was replayed: ${waiting?.['reason'] as string}`);
		// By itself, an execution that is merely slow is no error.
		const [[nothing] = []] = await workflow.dedupe([waiting ?? {}], { node: 'Replay' });
		expect(nothing?.json).toMatchObject({ found: 1, replayed: 0 });
		later(HOUR);
		const [over] = await list();
		expect(over?.['reason']).toMatch(
			new RegExp(`^Not confirmed by execution \\S+-41 until ${at} \\(America/New_York\\): that attempt has failed\\.$`),
		);
		expect((await replay())[0]).toMatchObject([{ json: { replayed: 1 } }]);
	});

	test('a list that is old replays nothing that has been finished meanwhile; a list of what is finished does', async () => {
		fakeClock();
		const workflow = new TestWorkflow(plan());
		await workflow.dedupe(await push(workflow, ['a']), { execution: 'e' });
		later(5 * MINUTE);
		const [listed = []] = await workflow.dedupe([{}], { node: 'List', mode: 'manual' });
		const old = listed.map(({ json }) => json);
		expect(old).toMatchObject([{ id: 'push:1:a', state: 'claimed' }]);
		await workflow.dedupe([{}], { node: 'Confirm', execution: 'e' });
		const replay = { node: 'Replay', mode: 'manual' } as const;
		await expect(workflow.dedupe(old, replay)).rejects.toThrow('has been finished meanwhile');
		const [[nothing] = []] = await workflow.dedupe(old, { node: 'Replay' });
		expect(nothing?.json).toMatchObject({ found: 0, replayed: 0 });
		expect(await workflow.poll()).toBeNull();
		const [[again] = []] = await workflow.dedupe([{ ...old[0], state: 'done' }], replay);
		expect(again?.json).toMatchObject({ found: 1, replayed: 1 });
	});

	test('what an expression leaves empty makes no action reach further, and pages and limits are checked', async () => {
		const workflow = new TestWorkflow(
			withNodes(plan(), {
				One: stored({
					operation: 'replay',
					which: 'filter',
					eventId: '={{ $json.id }}',
					filters: { states: ['dead'] },
				}),
				Page: stored({ options: { after: '={{ $json.next }}' }, limit: 2 }),
				Limit: stored({ limit: '={{ $json.limit }}' }),
			}),
		);
		await push(workflow, ['a', 'b', 'c']);
		await expect(workflow.dedupe([{}], { node: 'One' })).rejects.toThrow(/"Event ID" gives nothing for item 1/);
		const [page = []] = await workflow.dedupe([{ next: '' }], { node: 'Page' });
		expect(page.map(({ json }) => json['id'])).toEqual(['push:1:c', 'push:1:b']);
		const [rest = []] = await workflow.dedupe([{ next: page[1]?.json['next'] }], { node: 'Page' });
		expect(rest.map(({ json }) => json['id'])).toEqual(['push:1:a']);
		await expect(workflow.dedupe([{ next: 'page 2' }], { node: 'Page' })).rejects.toThrow(
			/not the "next" of an earlier/,
		);
		expect((await workflow.dedupe([{ limit: '1' }], { node: 'Limit' }))[0]).toHaveLength(1);
		await expect(workflow.dedupe([{ limit: 'all' }], { node: 'Limit' })).rejects.toThrow(/above 0 under "Limit"/);
	});

	test('a replay through the polling trigger, by hand, and a person forgotten', async () => {
		const workflow = new TestWorkflow(plan());
		await workflow.dedupe(await push(workflow, ['a']), { execution: 'e' });
		await workflow.dedupe([{}], { node: 'Confirm', execution: 'e' });
		const [[summary] = []] = await workflow.dedupe([{ subject: 'contacts/a' }], {
			node: 'Replay By Poll',
			mode: 'manual',
		});
		expect(summary?.json).toEqual({ found: 1, replayed: 1, states: { done: 1 } });
		expect((await workflow.poll())?.map(({ path, attempt }) => [path, attempt])).toEqual([['replay', 2]]);
		const [[forgotten] = []] = await workflow.dedupe([{ subject: 'contacts/a' }], { node: 'Forget' });
		expect(forgotten?.json).toMatchObject({ forgotten: 1 });
		expect(await push(workflow, ['a'])).toEqual([]);
		await expect(workflow.dedupe([{ subject: ' ' }], { node: 'Forget' })).rejects.toThrow(/"Subject" gives nothing/);
	});
});

describe('the Postgres ledger', () => {
	let postgres: TestPostgres;
	beforeAll(async () => {
		postgres = await startPostgres(['-c', 'fsync=off']);
	}, 60_000);
	afterAll(async () => {
		await postgres.stop();
	});

	/** Both triggers and Sync Dedupe on the shared ledger. */
	const shared = (parameters: object, id?: string): Plan => {
		const plan = examplePlan({ credential, postgres: postgres.options('shared'), ...(id && { id }) });
		const nodes = Object.fromEntries(
			Object.entries(plan.nodes).map(([name, node]) => [
				name,
				{ ...node, parameters: { ...node.parameters, ledger: 'postgres', ...parameters } },
			]),
		);
		return { ...plan, nodes };
	};

	test('A12 two workflows that name the same stream share each event, and each looks after its own', async () => {
		fakeClock();
		const [a, b] = [new TestWorkflow(shared({ stream: 'orders' })), new TestWorkflow(shared({ stream: 'orders' }))];
		const other = new TestWorkflow(shared({}));
		const events = await push(a, ['x']);
		expect(await push(b, ['x'])).toEqual([]);
		expect(await push(other, ['x'])).toHaveLength(1);
		expect(sizes(await b.dedupe(events))).toEqual([1, 0, 0]);
		expect(sizes(await a.dedupe(events))).toEqual([0, 1, 0]);
		// What b received and never got is handed over in b, although the nodes of both have the same names.
		await push(b, ['y']);
		later(HOUR);
		await a.poll();
		expect((await a.poll()) ?? []).toEqual([]);
		expect((await b.poll())?.map(({ subject }) => subject)).toEqual(['contacts/y']);
	});

	test('in queue mode it is used, and the embedded one is refused unless all processes run on this host', async () => {
		process.env['EXECUTIONS_MODE'] = 'queue';
		try {
			const workflow = new TestWorkflow(shared({}));
			expect(sizes(await workflow.dedupe(await push(workflow, ['q'])))).toEqual([1, 0, 0]);
			const embedded = new TestWorkflow(examplePlan({ credential }));
			await expect(embedded.publish()).rejects.toThrow(/Choose Postgres under "Ledger"/);
			process.env['HYBRID_SYNC_SINGLE_HOST'] = 'true';
			expect(await embedded.publish()).toBe(true);
		} finally {
			delete process.env['EXECUTIONS_MODE'];
			delete process.env['HYBRID_SYNC_SINGLE_HOST'];
		}
	});

	test('a trigger and a Sync Dedupe on different ledgers are told so', async () => {
		const workflow = new TestWorkflow(shared({}));
		const events = await push(workflow, ['m']);
		const plan = shared({}, workflow.workflow.id);
		const mixed = new TestWorkflow({ ...plan, nodes: { ...plan.nodes, Dedupe: { type: DEDUPE } } });
		await expect(mixed.dedupe(events)).rejects.toThrow(/works with another ledger. Choose the same under "Ledger"/);
		expect(eventsOf(await workflow.dedupe(events))).toHaveLength(1);
	});
});
