import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RestApi } from '../simulator/rest';
import { Demo } from './harness/demo';
import { isPortFree } from './harness/n8n';

/** A REST API in a real n8n with the packed package installed. */
const SECRET = 'a-bearer-token-that-nobody-may-see';
let demo: Demo;
let api: RestApi;
let folder: string;

beforeAll(async () => {
	let port = 5820;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	folder = join(__dirname, '../../.demo', `e2e-${port}`);
	demo = await Demo.start({ folder, port });
	api = await RestApi.start({
		order: 'ascending',
		since: { parameter: 'since', format: 'iso' },
		auth: { kind: 'bearer', secret: SECRET },
	});
});
afterAll(async () => {
	await demo.stop();
	await api.close();
});

const credentialData = (token: string) => ({
	apiUrl: api.apiUrl,
	authentication: 'bearer',
	token,
	testPath: '/orders',
});

const byHand = {
	provider: 'anyService',
	url: '/orders',
	listing: 'byHand',
	cursorField: 'updated_at',
	order: 'ascending',
	sinceParameter: 'since',
	start: 'everything',
};

async function addWorkflow(token: string, described: object = byHand): Promise<string> {
	const id = await demo.n8n.addCredential('Rows', 'hybridSyncHttp', credentialData(token));
	const [trigger, dedupe] = ['Sync Polling Trigger', 'Sync Dedupe'];
	return await demo.n8n.addWorkflow({
		name: 'Rows of a REST API',
		settings: { executionOrder: 'v1' },
		nodes: [
			{
				id: 'p',
				name: trigger,
				type: 'n8n-nodes-hybrid-sync.syncPollingTrigger',
				typeVersion: 1,
				position: [0, 0],
				parameters: {
					pollTimes: { item: [{ mode: 'everyMinute' }] },
					...described,
				},
				credentials: { hybridSyncHttp: { id, name: 'Rows' } },
			},
			{
				id: 'd',
				name: dedupe,
				type: 'n8n-nodes-hybrid-sync.syncDedupe',
				typeVersion: 1,
				position: [300, 0],
				parameters: {},
			},
		],
		connections: { [trigger]: { main: [[{ node: dedupe, type: 'main', index: 0 }]] } },
	});
}

interface RunData {
	readonly data: string;
	readonly status: string;
}

/** All that n8n has kept of an execution, once it has ended. */
async function executionOf(id: string): Promise<RunData> {
	for (;;) {
		const execution = await demo.n8n.rest<RunData>('GET', `/executions/${id}`);
		if (!['new', 'running'].includes(execution.status)) return execution;
		await sleep(200);
	}
}

/** Runs the trigger as the editor's "Fetch Test Event" does. */
async function fetchTestEvent(workflow: string): Promise<RunData> {
	const workflowData = await demo.n8n.rest('GET', `/workflows/${workflow}`);
	const trigger = 'Sync Polling Trigger';
	const body = {
		workflowData,
		destinationNode: { nodeName: trigger, mode: 'inclusive' },
		triggerToStartFrom: { name: trigger },
	};
	const { executionId } = await demo.n8n.rest<{ executionId: string }>('POST', `/workflows/${workflow}/run`, body);
	return await executionOf(executionId);
}

test('P6 the credential is tested by the request that its owner chose, and a refused one says what to do', async () => {
	const testCredential = async (token: string) =>
		await demo.n8n.rest<{ status: string; message: string }>('POST', '/credentials/test', {
			credentials: { id: '', name: 'Rows', type: 'hybridSyncHttp', data: credentialData(token) },
		});
	expect(await testCredential(SECRET)).toMatchObject({ status: 'OK' });
	const refused = await testCredential('wrong');
	expect(refused).toMatchObject({
		status: 'Error',
		message: expect.stringContaining('refused this credential') as string,
	});
});

test('P6 a workflow with a refused credential cannot be published, and the error names the credential', async () => {
	const id = await addWorkflow('wrong');
	await expect(demo.n8n.publish(id)).rejects.toThrow(
		/refused the credential \(401.*Check the credential of the trigger/,
	);
});

test('C12 Fetch Test Event shows rows and what was understood, and moves nothing; C9 then everything comes, once', async () => {
	for (let index = 0; index < 7; index++) api.add({ updated_at: Date.now() - 3_600_000 + index * 1_000 });
	const id = await addWorkflow(SECRET);
	const shown = await fetchTestEvent(id);
	expect(shown.status).toBe('success');
	expect(shown.data).toContain('nextRequest');
	expect(demo.queryLedger(`SELECT * FROM event WHERE stream LIKE '%/${id}'`)).toEqual([]);
	expect(demo.queryLedger(`SELECT * FROM cursor WHERE stream LIKE '%/${id}'`)).toEqual([]);
	await demo.n8n.publish(id);
	for (let tries = 0; tries < 300; tries++) {
		if (demo.queryLedger(`SELECT * FROM event WHERE state = 'done'`).length === 7) break;
		await sleep(200);
	}
	expect(demo.queryLedger<{ attempts: number }>('SELECT attempts FROM event')).toEqual(Array(7).fill({ attempts: 1 }));
	await demo.n8n.unpublish(id);
});

test('How the API Lists is loaded by the editor, and what was chosen there finds a new row and a changed one', async () => {
	const id = await demo.n8n.addCredential('Rows', 'hybridSyncHttp', credentialData(SECRET));
	const credentials = { hybridSyncHttp: { id, name: 'Rows' } };
	const entered = { provider: 'anyService', pullAuthentication: 'hybridSyncHttp', url: '/orders' };
	const [choice] = await demo.n8n.rest<{ name: string; value: string }[]>('POST', '/dynamic-node-parameters/options', {
		nodeTypeAndVersion: { name: 'n8n-nodes-hybrid-sync.syncPollingTrigger', version: 1 },
		path: 'parameters.listing',
		methodName: 'anyServiceListings',
		currentNodeParameters: entered,
		credentials,
	});
	expect(choice?.name).toMatch(/^New and changed orders, by updated_at \(/);
	const workflow = await addWorkflow(SECRET, { ...entered, listing: choice?.value, start: 'everything' });
	const shown = await fetchTestEvent(workflow);
	expect(shown.status).toBe('success');
	expect(shown.data).toContain('A changed row would be found: yes, each time updated_at has grown.');
});

test('S10 the key is in no execution, in no log and in no file but n8n’s own credentials', async () => {
	const executions = await demo.n8n.rest<{ results: { id: string }[] }>('GET', '/executions?limit=100');
	expect(executions.results.length).toBeGreaterThan(1);
	for (const { id } of executions.results) expect(JSON.stringify(await executionOf(id))).not.toContain(SECRET);
	expect(readFileSync(demo.n8n.logFile, 'utf8')).not.toContain(SECRET);
	const ledger = join(demo.ledgerFile, '..');
	for (const file of readdirSync(ledger)) expect(readFileSync(join(ledger, file)).includes(SECRET)).toBe(false);
});
