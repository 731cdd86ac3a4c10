import { request } from 'undici';
import type { INodeParameters, WorkflowExecuteMode } from 'n8n-workflow';
import { openLedger } from '../../lib';
import { Simulator } from '../simulator/simulator';
import {
	type Plan,
	SECRET,
	TestWorkflow,
	type WebhookServer,
	confirmingPlan,
	eventsOf,
	examplePlan,
} from './support/n8n';

/** What workflows and users of one n8n can do to each other. */

const DEDUPE = 'n8n-nodes-hybrid-sync.syncDedupe';
const ERROR_TRIGGER = 'n8n-nodes-base.errorTrigger';
const credential = { apiKey: 'k', apiUrl: 'http://127.0.0.1:1/v3' };
const dedupe = (parameters: INodeParameters) => ({ type: DEDUPE, parameters });
const stored = (parameters: INodeParameters) => dedupe({ resource: 'event', ...parameters });

const servers: WebhookServer[] = [];
afterEach(async () => {
	for (const server of servers.splice(0)) await server.close();
});

const moment = () => new Date(Date.now() - 60_000).toISOString();

/** Delivers contacts to a workflow's webhook, and gives the events that start its executions. */
async function push(workflow: TestWorkflow, contactIds: readonly string[], how: PushOptions = {}): Promise<object[]> {
	const { node = 'Webhook', secret = SECRET, accountId = 'A1', webhookId } = how;
	const server = await workflow.serve({ node });
	servers.push(server);
	for (const contactId of contactIds) {
		const event = {
			type: 'contact_added',
			contact: { contactId, email: `${contactId}@example.com` },
			account: { accountId },
			event: { occurredAt: how.occurredAt ?? moment() },
		};
		const response = await request(`${server.url}?secret=${secret}`, {
			method: 'POST',
			headers: { 'content-type': 'application/json', 'x-webhook-id': webhookId ?? contactId },
			body: JSON.stringify(how.batch ? [event] : event),
		});
		await response.body.dump();
	}
	return server.executions.flat();
}
interface PushOptions {
	node?: string;
	secret?: string;
	accountId?: string;
	webhookId?: string;
	batch?: boolean;
	occurredAt?: string;
}

const passed = (result: Awaited<ReturnType<TestWorkflow['dedupe']>>) => (result[0] ?? []).map(({ json }) => json);
const sizes = (result: Awaited<ReturnType<TestWorkflow['dedupe']>>) => result.map((items) => items.length);
const stateOf = async (stream: string, key: string) =>
	(await (await openLedger()).lookUp(stream, { keys: [key] }, { limit: 1 })).events[0]?.state;

/** What an attacker's workflow is that claims to be another one: its JSON is the attacker's, its id the victim's. */
function impostor(victim: TestWorkflow, plan: Partial<Plan> = {}): TestWorkflow {
	return new TestWorkflow({
		...examplePlan({ credential }),
		id: victim.workflow.id,
		nodes: {
			'Look Up': stored({ operation: 'lookUp', options: { withData: true } }),
			Replay: stored({
				operation: 'replay',
				which: 'filter',
				through: 'here',
				filters: { types: 'getresponse.contact_added' },
			}),
			Forget: stored({ operation: 'forget', dryRun: false, subject: 'contacts/a' }),
			Values: dedupe({ identifyBy: 'value', value: '={{ $json.id }}', options: { scope: 'workflow' } }),
			Dedupe: dedupe({}),
			Fail: dedupe({ operation: 'reportFailure', failed: 'execution' }),
			Confirm: dedupe({ operation: 'confirm', onlyTheseItems: true }),
		},
		edges: {},
		...plan,
	});
}

/** The ways in which n8n runs a workflow that was given as JSON. */
const CALLED: readonly { name: string; how: { mode: WorkflowExecuteMode; source?: WorkflowExecuteMode } }[] = [
	{ name: 'called by another one', how: { mode: 'integrated' } },
	{ name: 'called, and resumed after a wait', how: { mode: 'integrated', source: 'integrated' } },
	{ name: 'called, and resumed by a webhook', how: { mode: 'webhook', source: 'integrated' } },
	{ name: 'a retry of an execution that had been called', how: { mode: 'retry', source: 'integrated' } },
	{ name: 'a retry of which nobody knows how it began', how: { mode: 'retry' } },
	{ name: 'a retry of which n8n did not keep how it began', how: { mode: 'retry', source: 'retry' } },
];

describe.each(CALLED)('S17 a workflow under the id of another one, $name', ({ how }) => {
	test('sees, erases, revives and claims nothing of it', async () => {
		const victim = new TestWorkflow(
			examplePlan({
				credential,
				nodes: { ...examplePlan().nodes, Values: dedupe({ identifyBy: 'value', options: { scope: 'workflow' } }) },
			}),
		);
		const [event] = (await push(victim, ['a'])) as { id: string; stream: string }[];
		const attacker = impostor(victim);
		for (const node of ['Look Up', 'Replay', 'Forget']) {
			await expect(attacker.dedupe([{}], { node, ...how })).rejects.toThrow('called by another one');
		}
		expect(await stateOf(event?.stream ?? '', event?.id ?? '')).toBe('handed');
		// A value that the attacker has claimed is still new to the victim.
		expect(sizes(await attacker.dedupe([{ id: 'order-1' }], { node: 'Values', ...how }))).toEqual([1, 0, 0]);
		expect(sizes(await victim.dedupe([{ id: 'order-1' }], { node: 'Values' }))).toEqual([1, 0, 0]);
		// An event that is made up for the victim's stream is refused.
		const guessed = { ...event, id: 'push:1:guessed', streamproof: 'x' };
		await expect(attacker.dedupe([guessed], { ...how })).rejects.toThrow('belongs to another workflow');
		expect(sizes(await victim.dedupe([event ?? {}]))).toEqual([1, 0, 0]);
	});

	test('what the victim has let pass is not given back by its execution id', async () => {
		const victim = new TestWorkflow(confirmingPlan({ credential }));
		const [event] = (await push(victim, ['a'])) as { id: string; stream: string }[];
		await victim.dedupe([event ?? {}], { execution: '7' });
		const attacker = impostor(victim);
		const swept = Array.from({ length: 20 }, (_, index) => ({ execution: { id: `${victim.workflow.id}-${index}` } }));
		await attacker.dedupe(swept, { node: 'Fail', ...how });
		expect(await stateOf(event?.stream ?? '', event?.id ?? '')).toBe('claimed');
	});
});

test('S17 a real sub-workflow passes and settles the events that it is handed', async () => {
	const parent = new TestWorkflow(
		examplePlan({ credential, nodes: { ...examplePlan().nodes }, edges: { Webhook: ['Step'] } }),
	);
	const sub = new TestWorkflow(confirmingPlan({ credential }));
	const events = (await push(parent, ['a', 'b'])) as { id: string; stream: string }[];
	const how = { mode: 'integrated', execution: 's' } as const;
	const items = passed(await sub.dedupe(events, how));
	expect(items).toHaveLength(2);
	expect(sizes(await sub.dedupe(events, { mode: 'integrated', execution: 't' }))).toEqual([0, 2, 0]);
	await sub.dedupe(items, { node: 'Confirm', ...how });
	for (const { id, stream } of events) expect(await stateOf(stream, id)).toBe('done');
});

test('S17 by hand, a workflow still sees its own stored events', async () => {
	const workflow = new TestWorkflow(
		examplePlan({ credential, nodes: { ...examplePlan().nodes, 'Look Up': stored({ operation: 'lookUp' }) } }),
	);
	await push(workflow, ['a']);
	expect(passed(await workflow.dedupe([{}], { node: 'Look Up', mode: 'manual' }))).toHaveLength(1);
});

test('S17 what an attacker writes into the memory of a workflow moves no cursor', async () => {
	const simulator = await Simulator.start();
	try {
		const plan = examplePlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } });
		const staticData = {
			'node:Poll': {
				breadcrumb: {
					ledger: 'x',
					resources: ['contacts'],
					readTo: { 'A1:contacts': Date.now() + 365 * 24 * 3_600_000 },
					since: 0,
					proof: 'made up',
				},
			},
		};
		const workflow = new TestWorkflow(plan, { staticData });
		expect(await workflow.poll()).toBeNull();
		const contact = simulator.contacts.add();
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual([`contacts/${contact.contactId}`]);
		expect(await workflow.poll()).toBeNull();
		for (const breadcrumb of [null, 'text', { proof: 1 }, { resources: 'x', proof: '' }]) {
			const odd = new TestWorkflow(plan, { staticData: { 'node:Poll': { breadcrumb } } });
			await expect(odd.poll()).resolves.not.toThrow();
		}
	} finally {
		await simulator.close();
	}
});

describe('S18 passes', () => {
	const plan = () => {
		const { nodes, edges, ...rest } = confirmingPlan({ credential });
		return {
			...rest,
			nodes: {
				...nodes,
				Only: dedupe({ operation: 'confirm', onlyTheseItems: true }),
				Fail: dedupe({ operation: 'reportFailure' }),
				Values: dedupe({ identifyBy: 'value' }),
			},
			edges: { ...edges, Step: ['Confirm', 'Only', 'Fail'], Values: ['Only'] },
		};
	};

	test.each(['Only', 'Fail'])(
		'a token that was seen elsewhere settles nothing in another workflow: %s',
		async (node) => {
			const victim = new TestWorkflow(plan());
			const attacker = new TestWorkflow(plan());
			const [event] = (await push(victim, ['a'])) as { id: string; stream: string }[];
			const [item] = passed(await victim.dedupe([event ?? {}]));
			const [own] = passed(await attacker.dedupe(await push(attacker, ['b'])));
			const { claimtoken } = item ?? {};
			const forgeries = [
				{ claimtoken },
				{ ...item, streamproof: undefined },
				{ ...item, streamproof: 'x' },
				{ ...item, id: 'push:1:b' },
				// The proof of an event of one's own, with another one's token.
				{ ...own, claimtoken },
				{ ...own, stream: item?.['stream'], claimtoken },
				{ claimtoken, claimproof: 'x' },
				{ claimtoken, claimproof: `${Buffer.from(event?.stream ?? '').toString('base64url')}.x` },
			];
			for (const forged of forgeries) await attacker.dedupe([JSON.parse(JSON.stringify(forged)) as object], { node });
			expect(await stateOf(event?.stream ?? '', event?.id ?? '')).toBe('claimed');
			// With what it needs, the same item settles: it was handed on.
			await attacker.dedupe([item ?? {}], { node });
			expect(await stateOf(event?.stream ?? '', event?.id ?? '')).toBe(node === 'Only' ? 'done' : 'failed');
		},
	);

	test('a pass of one event settles no other one, though both are of one stream', async () => {
		const workflow = new TestWorkflow(plan());
		const elsewhere = new TestWorkflow(plan());
		const events = (await push(workflow, ['a', 'b'])) as { id: string; stream: string }[];
		const [a, b] = passed(await workflow.dedupe(events));
		await elsewhere.dedupe([{ ...a, claimtoken: b?.['claimtoken'] }], { node: 'Only' });
		expect(await stateOf(events[1]?.stream ?? '', events[1]?.id ?? '')).toBe('claimed');
	});

	test('an item from elsewhere carries the proof of its pass to a sub-workflow', async () => {
		const workflow = new TestWorkflow(plan());
		const sub = new TestWorkflow(plan());
		const run = async (execution: string) =>
			passed(await workflow.dedupe([{ id: 'order-1' }], { node: 'Values', execution }));
		const [item] = await run('1');
		const { claimproof, ...bare } = item ?? {};
		expect(claimproof).toEqual(expect.any(String));
		await sub.dedupe([bare], { node: 'Fail', mode: 'integrated' });
		expect(await run('2')).toHaveLength(0);
		await sub.dedupe([item ?? {}], { node: 'Fail', mode: 'integrated' });
		expect(await run('3')).toHaveLength(1);
	});

	test('an execution id that was typed gives back only what the own workflow has let pass', async () => {
		const typed = dedupe({ operation: 'reportFailure', failed: 'execution', executionId: '={{ $json.typed }}' });
		const withTyped = () => ({
			...plan(),
			nodes: { ...plan().nodes, Typed: typed, 'Error Trigger': { type: ERROR_TRIGGER } },
		});
		const victim = new TestWorkflow(withTyped());
		const attacker = new TestWorkflow({ ...withTyped(), edges: { 'Error Trigger': ['Typed'] } });
		const [event] = (await push(victim, ['a'])) as { id: string; stream: string }[];
		const state = async () => await stateOf(event?.stream ?? '', event?.id ?? '');
		await victim.dedupe([event ?? {}], { execution: '7' });
		const id = `${victim.workflow.id}-7`;
		await attacker.dedupe([{ typed: id }], { node: 'Typed' });
		expect(await state()).toBe('claimed');
		// In an error workflow, what n8n told the Error Trigger counts, and not what steps behind it make of it.
		const own = { execution: { id: `${attacker.workflow.id}-1` } };
		const told = { 'Error Trigger': [[own]] };
		await attacker.dedupe([{ typed: id, execution: { id } }], { node: 'Typed', mode: 'error', before: told });
		expect(await state()).toBe('claimed');
		await attacker.dedupe([{}], {
			node: 'Typed',
			mode: 'error',
			before: { 'Error Trigger': [[{ execution: { id } }]] },
		});
		expect(await state()).toBe('failed');

		const [again] = (await push(victim, ['c'])) as { id: string; stream: string }[];
		await victim.dedupe([again ?? {}], { execution: '8' });
		await victim.dedupe([{ typed: `${victim.workflow.id}-8` }], { node: 'Typed' });
		expect(await stateOf(again?.stream ?? '', again?.id ?? '')).toBe('failed');
	});
});

describe('S24 keys', () => {
	/** Two accounts whose webhooks lead into one workflow. */
	const twoAccounts = () => {
		const { nodes, edges } = examplePlan();
		const other = { hybridSyncGetResponseApi: { id: 'other', name: 'other account' } };
		return new TestWorkflow({
			...examplePlan({ credential }),
			nodes: { ...nodes, 'Other Webhook': { ...nodes['Webhook'], credentials: other } as never },
			edges: { ...edges, 'Other Webhook': ['Dedupe'] },
		});
	};

	test('the same webhook id from another sender is another event, and changes nothing of the first', async () => {
		const workflow = twoAccounts();
		const [first] = (await push(workflow, ['a'], { webhookId: 'w1' })) as { id: string; stream: string }[];
		const [second] = (await push(workflow, ['b'], { node: 'Other Webhook', webhookId: 'w1' })) as { id: string }[];
		expect(second).not.toHaveProperty('payloadchanged');
		expect(second?.id).not.toBe(first?.id);
		const { events } = await (
			await openLedger()
		).lookUp(first?.stream ?? '', { keys: [first?.id ?? ''] }, { limit: 1 });
		expect(events[0]?.deliverycount).toBe(1);
	});

	test('who knows the secret of one account cannot make a contact of another one a duplicate', async () => {
		const simulator = await Simulator.start();
		try {
			const { nodes, edges } = examplePlan();
			const other = { hybridSyncGetResponseApi: { id: 'other', name: 'other account' } };
			const workflow = new TestWorkflow({
				...examplePlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }),
				nodes: { ...nodes, 'Other Webhook': { ...nodes['Webhook'], credentials: other } as never },
				edges: { ...edges, 'Other Webhook': ['Dedupe'] },
			});
			await workflow.poll();
			const contact = simulator.contacts.add();
			const occurredAt = new Date(contact.createdOn).toISOString();
			const forged = await push(workflow, [contact.contactId], { node: 'Other Webhook', occurredAt });
			expect(sizes(await workflow.dedupe(forged))).toEqual([1, 0, 0]);
			const polled = await workflow.poll();
			expect(polled).toHaveLength(1);
			expect(sizes(await workflow.dedupe(polled ?? []))).toEqual([1, 0, 0]);
			// The account's own webhook and its API bring one event, as ever.
			const joined = simulator.contacts.add();
			const pushed = await push(workflow, [joined.contactId], { occurredAt: new Date(joined.createdOn).toISOString() });
			expect(sizes(await workflow.dedupe(pushed))).toEqual([1, 0, 0]);
			expect(await workflow.poll()).toBeNull();
		} finally {
			await simulator.close();
		}
	});

	test('a delivery by itself cannot spell the place of one in a batch', async () => {
		const workflow = new TestWorkflow(examplePlan({ credential }));
		const [batch] = (await push(workflow, ['a'], { webhookId: 'COL', batch: true })) as { id: string }[];
		const singles: object[] = [];
		for (const webhookId of ['COL:0', 'COL%3A0', ':COL:0', '1:COL:0']) {
			singles.push(...(await push(workflow, ['a'], { webhookId })));
		}
		expect(singles).toHaveLength(4);
		expect(new Set([batch, ...singles].map((event) => (event as { id: string }).id)).size).toBe(5);
	});

	test('a value without its version is an error, and spells no other value with one', async () => {
		const versions = dedupe({ identifyBy: 'value', value: '={{ $json.id }}', options: { version: '={{ $json.v }}' } });
		const workflow = new TestWorkflow({ nodes: { Dedupe: versions }, edges: {} });
		await expect(workflow.dedupe([{ id: 'order-1@7' }])).rejects.toThrow('The version of item 1 is missing');
		for (const id of ['order-1@7', 'order-1:7', 'order-1%3A7']) {
			expect(eventsOf(await workflow.dedupe([{ id, v: 1 }]))).toHaveLength(1);
		}
		expect(eventsOf(await workflow.dedupe([{ id: 'order-1', v: 7 }]))).toHaveLength(1);
	});
});
