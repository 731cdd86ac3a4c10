import { rmSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { request } from 'undici';
import { HOUR, MINUTE, openLedger } from '../../lib';
import { StripeSimulator } from '../simulator/stripe/stripe';
import { KEPT } from '../simulator/kept';
import { type Plan, TestWorkflow, type WebhookServer, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay, until } from './support/time';

/** Webhooks that are registered, when something happens in between: another ledger, a race, a list without end. */

let stripe: StripeSimulator;
let servers: WebhookServer[] = [];
const proxies: Server[] = [];
beforeEach(async () => {
	fakeTimeOfDay();
	stripe = await StripeSimulator.start({
		clock: () => Date.now(),
		limits: { perSecond: Infinity, perEndpoint: Infinity },
		retryDelays: [20],
	});
});
afterEach(async () => {
	for (const server of servers) await server.close();
	servers = [];
	for (const proxy of proxies.splice(0)) {
		proxy.closeAllConnections();
		await new Promise((done) => proxy.close(done));
	}
	await stripe.close();
	jest.useRealTimers();
});

const credential = (changes: Record<string, string> = {}): Record<string, string> => ({
	apiKey: stripe.secretKey,
	apiUrl: stripe.apiUrl.replace(/\/v1$/, ''),
	webhookSecret: '',
	...changes,
});

const planWith = (parameters: Plan['nodes'][string]['parameters'] = {}, changes: Partial<Plan> = {}) =>
	oneNodePlan({ credential: credential(), ...changes }, { provider: 'stripe', ...parameters });

async function serve(workflow: TestWorkflow, options: Parameters<TestWorkflow['serve']>[0] = {}) {
	const server = await workflow.serve(options);
	servers.push(server);
	return server;
}

async function published(workflow: TestWorkflow) {
	const server = await serve(workflow);
	await workflow.publish();
	await workflow.poll();
	return server;
}

const ours = () => stripe.endpoints.all().filter(({ shown }) => Object.keys(shown.metadata).length > 0);
const urlOf = () => ours()[0]?.shown.url ?? '';

async function loseLedger() {
	await (await openLedger()).close();
	rmSync(join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync'), { recursive: true });
	// What the ledger told before is believed for some seconds.
	jest.setSystemTime(Date.now() + MINUTE);
}

/** In which what must not happen would. */
const aWhile = async () => await new Promise((done) => setTimeout(done, 1_000));

const isAnew = (workflow: TestWorkflow) => workflow.warnings.some((text) => text.includes('was registered anew'));

/** Stands between a workflow and Stripe. @returns its URL */
async function proxy(
	about: (path: string) => Promise<void>,
	hold: (path: string) => Promise<unknown> | undefined = () => undefined,
): Promise<string> {
	const to = credential()['apiUrl'] ?? '';
	const server = createServer(KEPT, (incoming, response) => {
		const work = async () => {
			const chunks: Buffer[] = [];
			for await (const chunk of incoming) chunks.push(chunk as Buffer);
			await about(incoming.url ?? '');
			const { authorization = '', 'content-type': type } = incoming.headers;
			const answer = await request(`${to}${incoming.url ?? ''}`, {
				method: incoming.method as 'GET',
				headers: { authorization, ...(type !== undefined && { 'content-type': type }) },
				...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
			});
			const headers = { 'content-type': 'application/json', date: new Date(Date.now()).toUTCString() };
			response.writeHead(answer.statusCode, headers);
			// An answer that says nothing for ten seconds is given up.
			const drip = setInterval(() => response.write(' '), 1_000);
			await hold(incoming.url ?? '');
			clearInterval(drip);
			response.end(await answer.body.text());
		};
		work().catch(() => response.destroy());
	});
	return await listening(server);
}

async function listening(server: Server): Promise<string> {
	proxies.push(server);
	await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('V9 a request to the test URL whose secret nobody knows registers nothing', async () => {
	const workflow = new TestWorkflow(planWith());
	const testing = await serve(workflow, { mode: 'manual' });
	await published(workflow);
	stripe.state.latencyMs = 20;
	const listens = workflow.hook('checkExists', 'Sync', 'manual', true);
	const early = await request(`${testing.url}-test/x/sync`, { method: 'POST', body: '{}' });
	expect(early.statusCode).not.toBe(200);
	await listens;
	await aWhile();
	expect(ours()).toHaveLength(2);
	await workflow.hook('delete', 'Sync', 'manual', true);
	expect(ours()).toHaveLength(1);
	await workflow.hook('delete');
	expect(ours()).toEqual([]);
	expect(isAnew(workflow)).toBe(false);
	expect(testing.failures.map(String).join()).not.toContain('authentic');
});

test('V8 what is unpublished while it is being registered anew does not come back', async () => {
	const goOn = Promise.withResolvers<undefined>();
	let isHeld = false;
	let reads = 0;
	class Slow extends TestWorkflow {
		override additionalData() {
			const data = super.additionalData();
			const plain = data.credentialsHelper.getDecrypted.bind(data.credentialsHelper);
			data.credentialsHelper.getDecrypted = async (...asked) => {
				if (isHeld && new Error().stack?.includes('registrarOf') === true) {
					isHeld = false;
					reads += 1;
					await goOn.promise;
				}
				return await plain(...asked);
			};
			return data;
		}
	}
	const data = credential();
	const workflow = new Slow(planWith({}, { credential: data }));
	await published(workflow);
	const url = urlOf();
	data['apiKey'] = stripe.state.secretKey = 'rk_test_another';
	jest.setSystemTime(Date.now() + MINUTE);
	// The registration waits for its credential.
	isHeld = true;
	await request(url, { method: 'POST', body: '{}' });
	await until(() => reads > 0);
	await workflow.hook('delete');
	goOn.resolve(undefined);
	await aWhile();
	expect(ours().filter(({ shown }) => shown.url === url && shown.status === 'enabled')).toEqual([]);
});

test('V8 what was registered anew is looked after and can be unpublished, though nothing has come by it', async () => {
	const workflow = new TestWorkflow(planWith());
	await published(workflow);
	const url = urlOf();
	await loseLedger();
	await request(url, { method: 'POST', body: '{}' });
	await until(() => isAnew(workflow));
	stripe.endpoints.change(ours()[0]?.shown.id ?? '', { status: 'disabled' });
	for (let waited = 0; waited < 2 * HOUR; waited += 5 * MINUTE) {
		jest.setSystemTime(Date.now() + 5 * MINUTE);
		await workflow.poll().catch(() => undefined);
	}
	expect(ours().map(({ shown }) => shown.status)).toEqual(['enabled']);
	await workflow.hook('delete');
	expect(ours()).toEqual([]);
	// It is known to be unpublished: nothing brings it back.
	jest.setSystemTime(Date.now() + HOUR);
	await request(url, { method: 'POST', body: '{}' });
	await workflow.poll();
	expect(ours()).toEqual([]);
});

test('V8 what another ledger knows nothing of is removed all the same, and nothing else is', async () => {
	const foreign = stripe.listen({ url: 'https://127.0.0.1:9/foreign', enabled_events: ['charge.failed'] });
	const workflow = new TestWorkflow(planWith());
	await published(workflow);
	await loseLedger();
	await workflow.hook('delete');
	expect(stripe.endpoints.all().map(({ shown }) => shown.id)).toEqual([foreign.shown.id]);
});

test('V8 settings that cannot be understood keep no webhook from being removed', async () => {
	const workflow = new TestWorkflow(planWith({ events: ['invoice.paid'] }));
	await published(workflow);
	workflow.node('Sync').parameters['events'] = ['gone.type'];
	await workflow.hook('delete');
	expect(ours()).toEqual([]);
});

test('V8 who may not call cannot have a webhook registered anew, nor can a look', async () => {
	const workflow = new TestWorkflow(planWith({ additionalOptions: { allowedAddresses: '192.0.2.1' } }));
	await published(workflow);
	const [before] = ours();
	await loseLedger();
	const asked = stripe.requests.length;
	expect((await request(urlOf(), { method: 'POST', body: '{}' })).statusCode).toBe(403);
	const open = new TestWorkflow(planWith());
	await serve(open);
	await request(`${servers.at(-1)?.url ?? ''}/x/sync`, { method: 'GET' });
	await aWhile();
	expect(stripe.requests.slice(asked)).toEqual([]);
	expect(ours()).toEqual([before]);
});

test('V8 a list of webhooks without an end ends publishing with an error', async () => {
	const page = {
		object: 'list',
		has_more: true,
		data: [{ id: 'we_1', url: 'https://a.example/x', status: 'enabled', enabled_events: ['*'], metadata: {} }],
	};
	let asked = 0;
	const server = createServer(KEPT, (_request, response) => {
		asked += 1;
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
	});
	const workflow = new TestWorkflow(planWith({}, { credential: credential({ apiUrl: await listening(server) }) }));
	await serve(workflow);
	await expect(workflow.publish()).rejects.toThrow('without end');
	expect(asked).toBeLessThan(5);
});

test('V8 trouble that was found by a look nobody could wait for is told of by the next tick', async () => {
	const gate: { held?: Promise<unknown> } = {};
	const apiUrl = await proxy(
		async () => {},
		(path) => (path.includes('webhook_endpoints') ? gate.held : undefined),
	);
	const workflow = new TestWorkflow(planWith({}, { credential: credential({ apiUrl }) }));
	await published(workflow);
	stripe.endpoints.change(ours()[0]?.shown.id ?? '', { status: 'disabled' });
	stripe.state.rights.delete('webhooks_write');
	jest.setSystemTime(Date.now() + 65 * MINUTE);
	const goOn = Promise.withResolvers<undefined>();
	gate.held = goOn.promise;
	// It ends without the look, after ten seconds.
	expect(await workflow.poll()).toBeNull();
	goOn.resolve(undefined);
	const ledger = await openLedger();
	const stream = `${workflow.instanceId()}/${workflow.workflow.id}`;
	const isKept = async () =>
		JSON.stringify(await ledger.subscription(stream, 'Sync-id')).includes('could not be looked after');
	while (!(await isKept())) await new Promise((done) => setTimeout(done, 20));
	jest.setSystemTime(Date.now() + MINUTE);
	await expect(workflow.poll()).rejects.toThrow(/could not be looked after.*Write/);
}, 120_000);
