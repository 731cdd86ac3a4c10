import type { INode, INodeParameters } from 'n8n-workflow';
import { DAY, HOUR, MINUTE } from '../../lib';
import { checkWiring } from '../../nodes/SyncDedupe/check-setup/wiring';
import { makeGraph } from '../../nodes/workflow/graph';
import { StripeSimulator } from '../simulator/stripe/stripe';
import { type Plan, TestWorkflow, type WebhookServer } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

const PACKAGE = 'n8n-nodes-hybrid-sync';
const CHECK = { type: `${PACKAGE}.syncDedupe`, parameters: { resource: 'workflow', operation: 'checkSetup' } };

type Nodes = Record<string, { type: string; parameters?: INodeParameters; disabled?: boolean }>;
const trigger = (parameters: INodeParameters = {}) => ({
	type: `${PACKAGE}.syncTrigger`,
	parameters: { provider: 'stripe', ...parameters },
});
const dedupe = (parameters: INodeParameters = {}) => ({ type: `${PACKAGE}.syncDedupe`, parameters });
const step = { type: 'n8n-nodes-base.noOp' };
const confirm = dedupe({ operation: 'confirm' });
interface WorkflowPlan {
	nodes: Nodes;
	/** What the first output of a node leads to, and what the second does. */
	edges: Record<string, string[]>;
	duplicates?: Record<string, string[]>;
}
const GOOD: WorkflowPlan = {
	nodes: { Sync: trigger(), Dedupe: dedupe(), Step: step, Confirm: confirm },
	edges: { Sync: ['Dedupe'], Dedupe: ['Step'], Step: ['Confirm'] },
};

const linksTo = (names: readonly string[] = []) => names.map((node) => ({ node, type: 'main' as const, index: 0 }));

/** What Check Setup says of how a workflow is put together, but for what is fine. */
function findingsOf({ nodes, edges, duplicates = {} }: WorkflowPlan) {
	const all = Object.entries(nodes).map(([name, node]) => ({
		id: `${name}-id`,
		name,
		typeVersion: 1,
		position: [0, 0] as [number, number],
		parameters: {},
		...node,
	})) as INode[];
	const connections = Object.fromEntries(
		Object.entries(edges).map(([from, to]) => [from, { main: [linksTo(to), linksTo(duplicates[from])] }]),
	);
	return checkWiring(makeGraph(all, connections)).filter(({ result }) => result !== 'ok');
}

/** The same as text: `result node: finding`. */
function wiring(plan: WorkflowPlan): string[] {
	return findingsOf(plan).map(({ result, node, finding, todo }) => {
		expect(todo).toMatch(/^["A-Z].*[.]$/);
		return `${result} ${node}: ${finding}`;
	});
}

describe('H5 how a workflow is put together', () => {
	test('with a trigger, Sync Dedupe, a step and Confirm nothing is found, and that is said', () => {
		expect(wiring(GOOD)).toEqual([]);
	});

	const pair = {
		Hook: { type: `${PACKAGE}.syncWebhookTrigger`, parameters: { provider: 'stripe' } },
		Poll: { type: `${PACKAGE}.syncPollingTrigger`, parameters: { provider: 'stripe' } },
	};
	const postgres = { ledger: 'postgres' };
	test.each<[string, WorkflowPlan, RegExp]>([
		[
			'no trigger',
			{ nodes: { Dedupe: dedupe(), Step: step }, edges: { Dedupe: ['Step'] } },
			/^problem \(workflow\): The workflow has no Sync trigger/,
		],
		[
			'a trigger that is switched off',
			{ ...GOOD, nodes: { ...GOOD.nodes, Sync: { ...trigger(), disabled: true } } },
			/^problem \(workflow\): The workflow has no Sync trigger/,
		],
		[
			'a trigger that leads nowhere',
			{ ...GOOD, edges: { Dedupe: ['Step'], Step: ['Confirm'] } },
			/^problem Sync: It leads nowhere/,
		],
		[
			'a step before Sync Dedupe',
			{ nodes: { ...GOOD.nodes, Early: step }, edges: { ...GOOD.edges, Sync: ['Early'], Early: ['Dedupe'] } },
			/^warning Sync: Between it and Sync Dedupe stands "Early"/,
		],
		[
			'no Sync Dedupe',
			{ nodes: { Sync: trigger(), Step: step }, edges: { Sync: ['Step'] } },
			/^warning Sync: No Sync Dedupe follows/,
		],
		[
			'no Confirm',
			{ nodes: GOOD.nodes, edges: { Sync: ['Dedupe'], Dedupe: ['Step'] } },
			/^warning Dedupe: No Confirm follows/,
		],
		[
			'a Confirm that is switched off',
			{ ...GOOD, nodes: { ...GOOD.nodes, Confirm: { ...confirm, disabled: true } } },
			/^warning Dedupe: No Confirm follows/,
		],
		[
			'a Confirm for duplicates alone',
			{ ...GOOD, edges: { Sync: ['Dedupe'], Dedupe: ['Step'] }, duplicates: { Dedupe: ['Confirm'] } },
			/^problem Dedupe: "Confirm" cannot be reached from its output New/,
		],
		[
			'a step behind Confirm',
			{
				nodes: { ...GOOD.nodes, Late: step, Mail: { type: 'n8n-nodes-base.emailSend' } },
				edges: { ...GOOD.edges, Confirm: ['Mail'] },
			},
			/^warning Confirm: "Mail" comes after it/,
		],
		[
			'a Confirm that finishes what another branch reports as failed',
			{
				nodes: { ...GOOD.nodes, Report: dedupe({ operation: 'reportFailure' }) },
				edges: { ...GOOD.edges, Step: ['Confirm', 'Report'] },
			},
			/^warning Confirm: It finishes all events of the execution, also those that go to "Report" on another branch/,
		],
		[
			'a Confirm without Sync Dedupe',
			{ nodes: { Sync: trigger(), Confirm: confirm }, edges: { Sync: ['Confirm'] } },
			/^problem Confirm: No Sync Dedupe before it/,
		],
		[
			'New that leads nowhere',
			{ nodes: { Sync: trigger(), Dedupe: dedupe() }, edges: { Sync: ['Dedupe'] } },
			/^problem Dedupe: Its output New leads nowhere/,
		],
		[
			'two Sync Dedupe in a row',
			{
				nodes: { ...GOOD.nodes, Second: dedupe() },
				edges: { Sync: ['Dedupe'], Dedupe: ['Second'], Second: ['Step'], Step: ['Confirm'] },
			},
			/^warning Second: "Dedupe" before it has removed/,
		],
		[
			'two triggers of one service',
			{ nodes: { ...GOOD.nodes, Other: trigger() }, edges: { ...GOOD.edges, Other: ['Dedupe'] } },
			/^warning Other: It and "Sync" both receive webhooks/,
		],
		[
			'a webhook trigger alone',
			{ nodes: { ...GOOD.nodes, Sync: pair.Hook }, edges: GOOD.edges },
			/^warning Sync: No polling stands beside it/,
		],
		[
			'a pair that leads to different nodes',
			{
				nodes: { ...pair, One: dedupe(), Two: dedupe(), Step: step, Confirm: confirm },
				edges: { Hook: ['One'], Poll: ['Two'], One: ['Step'], Two: ['Step'], Step: ['Confirm'] },
			},
			/^problem Hook: No polling trigger leads to the same next node/,
		],
		[
			'two ledgers',
			{ ...GOOD, nodes: { ...GOOD.nodes, Sync: trigger(postgres) } },
			/^problem Sync: It keeps its events in another ledger or stream than "Dedupe"/,
		],
		[
			'two streams',
			{
				...GOOD,
				nodes: {
					Sync: trigger({ ...postgres, stream: 'a' }),
					Dedupe: dedupe({ ...postgres, stream: 'b' }),
					Step: step,
					Confirm: dedupe({ operation: 'confirm', ...postgres, stream: 'b' }),
				},
			},
			/^problem Sync: It keeps its events in another ledger or stream/,
		],
	])('%s', (_what, plan, expected) => {
		expect(wiring(plan)).toContainEqual(expect.stringMatching(expected));
	});

	const value = { identifyBy: 'value' };
	const loop = { type: 'n8n-nodes-base.splitInBatches' };
	const set = { type: 'n8n-nodes-base.set' };
	test.each<[string, WorkflowPlan]>([
		[
			'nodes that are switched off in between',
			{
				nodes: { ...GOOD.nodes, Off: { ...step, disabled: true }, Out: { ...step, disabled: true } },
				edges: { Sync: ['Off'], Off: ['Dedupe'], Dedupe: ['Step'], Step: ['Out'], Out: ['Confirm'] },
			},
		],
		[
			'values of any other trigger',
			{
				nodes: { Hook: { type: 'n8n-nodes-base.webhook' }, Dedupe: dedupe(value), Step: step, Confirm: confirm },
				edges: { Hook: ['Dedupe'], Dedupe: ['Step'], Step: ['Confirm'] },
			},
		],
		[
			'an error workflow',
			{
				nodes: { Error: { type: 'n8n-nodes-base.errorTrigger' }, Report: dedupe({ operation: 'reportFailure' }) },
				edges: { Error: ['Report'] },
			},
		],
		['values behind a Sync trigger', { nodes: { ...GOOD.nodes, Dedupe: dedupe(value) }, edges: GOOD.edges }],
		[
			'Confirm in a loop',
			{
				nodes: { ...GOOD.nodes, Loop: loop },
				edges: { Sync: ['Dedupe'], Dedupe: ['Loop'], Loop: ['Step'], Step: ['Confirm'], Confirm: ['Loop'] },
			},
		],
		['one Confirm for new events and duplicates', { ...GOOD, duplicates: { Dedupe: ['Confirm'] } }],
		[
			'an answer behind Confirm',
			{
				nodes: { ...GOOD.nodes, Answer: { type: 'n8n-nodes-base.respondToWebhook' } },
				edges: { ...GOOD.edges, Confirm: ['Answer'] },
			},
		],
		[
			'a trigger that leads to Sync Dedupe and to a log',
			{ nodes: { ...GOOD.nodes, Log: set }, edges: { ...GOOD.edges, Sync: ['Dedupe', 'Log'] } },
		],
		[
			'branches that come together before Confirm',
			{ nodes: { ...GOOD.nodes, Other: set }, edges: { ...GOOD.edges, Dedupe: ['Step', 'Other'], Other: ['Confirm'] } },
		],
	])('%s: fine', (_what, plan) => {
		expect(wiring(plan)).toEqual([]);
	});

	test('what is deactivated has only to be activated', () => {
		const todos = (name: string) => {
			const off = { ...GOOD.nodes[name], disabled: true } as Nodes[string];
			return findingsOf({ ...GOOD, nodes: { ...GOOD.nodes, [name]: off } }).map(({ todo }) => todo);
		};
		expect(todos('Confirm')).toEqual(['"Confirm" is deactivated: activate it, and publish.']);
		expect(todos('Sync')).toContain('"Sync" is deactivated: activate it, and publish.');
		expect(todos('Dedupe')).toContain('"Dedupe" is deactivated: activate it, and publish.');
	});

	test('Confirm on one of two branches finishes what the other has not done', () => {
		const plan = { nodes: { ...GOOD.nodes, Other: set }, edges: { ...GOOD.edges, Dedupe: ['Step', 'Other'] } };
		expect(wiring(plan)).toEqual([
			expect.stringMatching(/^warning Confirm: .* those that go to "Other" on another branch/),
		]);
		const some = dedupe({ operation: 'confirm', onlyTheseItems: true });
		expect(wiring({ ...plan, nodes: { ...plan.nodes, Confirm: some } })).toEqual([]);
	});

	test('the pair that leads to one Sync Dedupe is fine', () => {
		const { Sync: _one, ...nodes } = GOOD.nodes;
		expect(
			wiring({ nodes: { ...nodes, ...pair }, edges: { ...GOOD.edges, Hook: ['Dedupe'], Poll: ['Dedupe'] } }),
		).toEqual([]);
	});
});

describe('H5 the triggers and the service', () => {
	let stripe: StripeSimulator;
	let ahead = 0;
	let server: WebhookServer | undefined;
	beforeEach(async () => {
		fakeTimeOfDay();
		ahead = 0;
		stripe = await StripeSimulator.start({
			clock: () => Date.now() + ahead,
			limits: { perSecond: Infinity, perEndpoint: Infinity },
			retryDelays: [20],
		});
	});
	afterEach(async () => {
		await server?.close();
		server = undefined;
		await stripe.close();
		jest.useRealTimers();
	});

	const planOf = (credential: Record<string, string> = {}, check: INodeParameters = {}): Plan => ({
		nodes: { ...GOOD.nodes, Check: { ...CHECK, parameters: { ...CHECK.parameters, ...check } } },
		edges: GOOD.edges,
		credential: {
			apiKey: stripe.secretKey,
			apiUrl: stripe.apiUrl.replace(/\/v1$/, ''),
			webhookSecret: '',
			...credential,
		},
	});
	const publish = async (workflow: TestWorkflow) => {
		server = await workflow.serve();
		await workflow.publish();
		await workflow.poll();
	};
	const check = async (workflow: TestWorkflow) => {
		const [items = []] = await workflow.dedupe([{}], { node: 'Check', mode: 'manual' });
		return items.map(
			({ json }) => json as { result: string; check: string; node: string; finding: string; todo: string },
		);
	};
	const bad = async (workflow: TestWorkflow) =>
		(await check(workflow))
			.filter(({ result }) => result !== 'ok')
			.map(({ result, check: name, finding, todo }) => `${result} ${name}: ${finding} ${todo}`);

	test('a workflow that is published and works: what is fine is said', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
		await stripe.idle();
		expect(server?.executions).toHaveLength(1);
		const found = await check(workflow);
		const fine = found.filter(({ result }) => result === 'ok').map(({ check: name }) => name);
		expect(fine).toEqual(
			expect.arrayContaining(['Connections', 'Credential', 'Webhook', 'Webhook registration', 'Polling', 'Events']),
		);
		// Here the service stands on this machine, where such an address will do.
		expect(found.filter(({ result }) => result !== 'ok')).toMatchObject([{ result: 'warning', check: 'Webhook URL' }]);
	});

	test('not published yet', async () => {
		const found = await bad(new TestWorkflow(planOf()));
		expect(found).toContainEqual(expect.stringMatching(/^problem Published: Its webhook is not published/));
		expect(found).toContainEqual(expect.stringMatching(/^problem Published: It has not polled yet/));
	});

	test('a webhook that the service has switched off, and one that is gone', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		const [endpoint] = stripe.endpoints.all();
		if (!endpoint) throw new Error('nothing is registered');
		endpoint.shown.status = 'disabled';
		expect(await bad(workflow)).toContainEqual(
			expect.stringMatching(/^problem Webhook registration: Stripe has switched the webhook off/),
		);
		// It looks, and changes nothing.
		expect(stripe.endpoints.all()[0]?.shown.status).toBe('disabled');
		stripe.endpoints.remove(endpoint.shown.id);
		expect(await bad(workflow)).toContainEqual(
			expect.stringMatching(/^problem Webhook registration: The webhook is gone from Stripe/),
		);
		expect(stripe.endpoints.all()).toEqual([]);
	});

	test('a key without a right that is needed, and one that is none', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		stripe.state.rights.delete('events_read');
		const found = await bad(workflow);
		expect(found).toContainEqual(expect.stringMatching(/^problem Credential: .*Events/));
		const wrong = new TestWorkflow({ ...planOf({ apiKey: 'rk_test_wrong' }), id: 'wrong' });
		expect(await bad(wrong)).toContainEqual(expect.stringMatching(/^problem Credential: /));
		const none = new TestWorkflow({ ...planOf(), id: 'none', withoutCredential: true });
		expect(await bad(none)).toContainEqual(expect.stringMatching(/^problem Credential: It has no credential/));
	});

	test('a wrong key is one problem, and once it is mended none', async () => {
		const right = stripe.secretKey;
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		stripe.state.secretKey = 'sk_test_another';
		jest.setSystemTime(Date.now() + HOUR);
		await workflow.poll().catch(() => undefined);
		const of = (found: string[]) => found.filter((text) => /: .*(key|refuse|credential)/i.test(text));
		expect(of(await bad(workflow))).toEqual([expect.stringMatching(/^problem Credential: /)]);
		stripe.state.secretKey = right;
		expect(of(await bad(workflow))).toEqual([
			expect.stringMatching(/^problem Polling: The last poll: .* If you have mended the credential since that poll/),
		]);
		jest.setSystemTime(Date.now() + HOUR);
		await workflow.poll();
		expect(of(await bad(workflow))).toEqual([]);
	});

	test('clocks that are apart', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		ahead = 7 * MINUTE;
		expect(await bad(workflow)).toContainEqual(
			expect.stringMatching(/^problem Clock: The clock of this server is 7 minutes behind/),
		);
		ahead = -HOUR;
		expect(await bad(workflow)).toContainEqual(expect.stringMatching(/60 minutes ahead of/));
		ahead = MINUTE;
		expect((await bad(workflow)).filter((text) => text.includes('Clock'))).toEqual([]);
	});

	test('webhooks that are all refused, with the reason and what to do', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		for (let times = 0; times < 4; times++) {
			const forged = await fetch(server?.url ?? '', {
				method: 'POST',
				body: '{}',
				headers: { 'content-type': 'application/json' },
			});
			expect(forged.status).toBe(401);
		}
		expect(await bad(workflow)).toContainEqual(
			expect.stringMatching(
				/^problem Webhook: All webhooks of the last hour were refused\. The request carries no signature\. Is the service/,
			),
		);
	});

	test('a webhook that is refused after others came', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
		await stripe.idle();
		jest.setSystemTime(Date.now() + 1_000);
		await fetch(server?.url ?? '', {
			method: 'POST',
			body: '{}',
			headers: { 'stripe-signature': `t=${Math.floor(Date.now() / 1_000)},v1=${'0'.repeat(64)}` },
		});
		expect(await bad(workflow)).toContainEqual(
			expect.stringMatching(/^warning Webhook: Since the last webhook, at \S+, one was refused at \S+: The signature/),
		);
	});

	test('an event that nobody has confirmed for a minute', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
		await stripe.idle();
		await workflow.dedupe(server?.executions[0] ?? [], { execution: 'e' });
		const about = async () => (await bad(workflow)).filter((text) => text.includes(' Events: '));
		expect(await about()).toEqual([]);
		jest.setSystemTime(Date.now() + MINUTE);
		expect(await about()).toEqual([
			expect.stringMatching(/^warning Events: .* 1 is not confirmed yet\. Has the execution/),
		]);
	});

	test('push that has fallen silent', async () => {
		const workflow = new TestWorkflow(planOf());
		await publish(workflow);
		for (let hour = 0; hour < 12; hour++) {
			jest.setSystemTime(Date.now() + HOUR);
			stripe.happen('invoice.paid', { id: `in_${hour}`, object: 'invoice' });
			await stripe.idle();
		}
		jest.setSystemTime(Date.now() + DAY / 2 + HOUR);
		expect(await bad(workflow)).toContainEqual(expect.stringMatching(/^problem Webhook: No webhook has come since/));
	});

	test('a test event is followed to the step that it has reached', async () => {
		const workflow = new TestWorkflow(planOf({}, { waitSeconds: 60 }));
		await publish(workflow);
		const waiting = check(workflow);
		stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
		await stripe.idle();
		const [events = []] = server?.executions ?? [];
		await workflow.dedupe(events, { execution: 'e' });
		await workflow.dedupe([{}], { node: 'Confirm', execution: 'e' });
		const found = await waiting;
		expect(found.at(-1)).toMatchObject({
			result: 'ok',
			check: 'Test event',
			finding: expect.stringMatching(/arrived by webhook, and reached the end: it is finished/) as string,
		});
	});

	test('a test event that is refused, and one that never comes', async () => {
		const workflow = new TestWorkflow(planOf({}, { waitSeconds: 1 }));
		await publish(workflow);
		expect((await check(workflow)).at(-1)).toMatchObject({
			result: 'problem',
			finding: 'No event came, neither by webhook nor by polling.',
		});
		await fetch(server?.url ?? '', {
			method: 'POST',
			body: '{}',
			headers: { 'stripe-signature': 't=1,v1=00', 'content-type': 'application/json' },
		});
		expect((await check(workflow)).at(-1)).toMatchObject({
			result: 'problem',
			finding: expect.stringMatching(/^A webhook arrived and was refused/) as string,
		});
	});

	test('a test event whose webhook is refused, and which polling finds', async () => {
		const workflow = new TestWorkflow(planOf({}, { waitSeconds: 30 }));
		await publish(workflow);
		// While the check runs, the event happens; its webhook is of another secret.
		const [endpoint] = stripe.endpoints.all();
		if (!endpoint) throw new Error('nothing is registered');
		endpoint.secrets.splice(0, Infinity, `whsec_${'0'.repeat(32)}`);
		const checked = check(workflow);
		stripe.happen('invoice.paid', { id: 'in_1', object: 'invoice' });
		await stripe.idle();
		jest.setSystemTime(Date.now() + 50 * MINUTE);
		const events = await workflow.poll();
		await workflow.dedupe(events ?? [], { execution: 'e' });
		await workflow.dedupe([{}], { node: 'Confirm', execution: 'e' });
		expect((await checked).at(-1)).toMatchObject({
			result: 'problem',
			finding: expect.stringMatching(
				/arrived by polling.*, and reached the workflow\. A webhook arrived meanwhile and was refused\. The signature/,
			) as string,
		});
	});
});
