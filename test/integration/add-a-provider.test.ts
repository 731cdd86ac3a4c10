import '../support/acme/register';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ICredentialTestFunctions, ICredentialsDecrypted, INodeProperties, INodeType } from 'n8n-workflow';
import { request } from 'undici';
import { SyncPollingTrigger } from '../../nodes/SyncPollingTrigger/SyncPollingTrigger.node';
import { SyncTrigger } from '../../nodes/SyncTrigger/SyncTrigger.node';
import { SyncWebhookTrigger } from '../../nodes/SyncWebhookTrigger/SyncWebhookTrigger.node';
import { createTransport, openLedger, receive, undiciExchange } from '../../lib';
import { readPage } from '../../lib/poll/page';
import { acme } from '../support/acme/acme';
import { AcmeApi } from '../support/acme/AcmeApi.credentials';
import { type Plan, TestWorkflow, examplePlan, oneNodePlan } from './support/n8n';
import { KEPT } from '../simulator/kept';

/*
 * A provider is added as docs/add-a-provider.md says: by a folder, a credential class, and a line in the registry. No node
 * knows of it.
 */
const nodes: Record<'both' | 'push' | 'pull', INodeType> = {
	both: new SyncTrigger(),
	push: new SyncWebhookTrigger(),
	pull: new SyncPollingTrigger(),
};

const SECRET = 'acme-secret';

/** What is asked of Acme's API. */
interface Asked {
	readonly method: string;
	readonly url: string;
	readonly body: string;
	readonly authorization: string;
}

class AcmeServer {
	readonly orders: { id: string; created_at: string }[] = [];
	/** Listed, and answered 404. */
	readonly gone: { id: string; created_at: string }[] = [];
	readonly asked: Asked[] = [];
	private constructor(private readonly server: Server) {}

	static async start(): Promise<AcmeServer> {
		const server = createServer(KEPT, (incoming, response) => {
			const chunks: Buffer[] = [];
			incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
			incoming.on('end', () => {
				const { method = '', url = '', headers } = incoming;
				const body = Buffer.concat(chunks).toString();
				started.asked.push({ method, url, body, authorization: headers.authorization ?? '' });
				const [status, answer] = started.answer(method, url, body);
				response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
			});
		});
		const started = new AcmeServer(server);
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return started;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	private answer(method: string, url: string, body: string): [number, unknown] {
		if (url === '/me') return [200, {}];
		if (method === 'POST' && url === '/orders/search') {
			const {
				created_from = '',
				page,
				size,
			} = JSON.parse(body) as { created_from?: string; page: number; size: number };
			const listed = [...this.orders, ...this.gone].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
			const found = listed.filter(({ created_at }) => created_at >= created_from);
			const ids = found.slice((page - 1) * size, page * size).map(({ id }) => id);
			return [200, { ids, more: page * size < found.length }];
		}
		const order = this.orders.find(({ id }) => url === `/orders/${id}`);
		return order ? [200, order] : [404, {}];
	}

	async close(): Promise<void> {
		this.server.closeAllConnections();
		await new Promise((resolve) => this.server.close(resolve));
	}
}

describe('V1 what the nodes show comes from the registry', () => {
	const optionsOf = (properties: readonly INodeProperties[], name: string) =>
		properties.filter((property) => property.name === name).flatMap(({ options = [] }) => options);
	const names = (node: INodeType) => optionsOf(node.description.properties, 'provider').map(({ name }) => name);

	test('each node offers the providers that have what it needs', () => {
		expect(names(nodes.both)).toEqual([
			'Acme',
			'Any Service',
			'GetResponse',
			'Paddle',
			'Stripe',
			'Two Keys',
			'WooCommerce',
		]);
		expect(names(nodes.push)).toEqual([
			'Acme',
			'Any Service',
			'Bell',
			'GetResponse',
			'Paddle',
			'Stripe',
			'Two Keys',
			'WooCommerce',
		]);
		expect(names(nodes.pull)).toEqual([
			'Acme',
			'Any Service',
			'GetResponse',
			'None (Redelivery Only)',
			'Paddle',
			'Stripe',
			'Two Keys',
			'Well',
			'WooCommerce',
		]);
	});

	test('with their events, resources, notices and subtitle', () => {
		const { properties, subtitle } = nodes.both.description;
		const shownFor = (name: string) =>
			properties.filter(({ displayOptions }) => displayOptions?.show?.['provider']?.includes(name));
		const events = shownFor('acme').find(({ name }) => name === 'events');
		expect(events?.options).toMatchObject([
			{ name: 'Order Created', value: 'order_created', description: 'By webhook; polling finds a lost one' },
			{ name: 'Order Cancelled', description: expect.stringMatching(/By webhook only/) as string },
		]);
		expect(shownFor('acme').find(({ type }) => type === 'notice')?.displayName).toBe(acme.push.setup);
		expect(subtitle).toContain('"acme":"Acme"');
		const polled = nodes.pull.description.properties.filter(({ name }) => name === 'resources');
		expect(polled.map(({ displayOptions }) => displayOptions?.show?.['provider'])).toEqual([
			['acme'],
			['twoKeys'],
			['well'],
		]);
	});

	test('and their credentials, each shown for its providers alone, and tested', () => {
		const { credentials = [] } = nodes.pull.description;
		const isShown = (type: string, provider: string, authentication = 'hybridSyncHttp') => {
			const { show = {}, hide = {} } = credentials.find(({ name }) => name === type)?.displayOptions ?? {};
			const values: Record<string, unknown> = { provider, pullAuthentication: authentication, ledger: 'embedded' };
			const has = ([name, wanted]: [string, unknown]) => (wanted as unknown[]).includes(values[name]);
			return Object.entries(show).every(has) && !Object.entries(hide).some(has);
		};
		const types = credentials.map(({ name }) => name);
		const shown = (provider: string, authentication?: string) =>
			types.filter((type) => isShown(type, provider, authentication));
		expect(shown('acme')).toEqual(['acmeApi']);
		expect(shown('well')).toEqual(['acmeApi']);
		expect(shown('getresponse')).toEqual(['hybridSyncGetResponseApi']);
		expect(shown('anyService')).toEqual(['hybridSyncHttp']);
		expect(shown('anyService', 'hybridSyncHttpOAuth2Api')).toEqual(['hybridSyncHttpOAuth2Api']);
		expect(shown('none')).toEqual([]);
		for (const node of Object.values(nodes)) {
			const { credentialTest = {} } = node.methods ?? {};
			const tested = (node.description.credentials ?? []).flatMap(({ testedBy }) => testedBy ?? []);
			expect(Object.keys(credentialTest)).toEqual(expect.arrayContaining(tested.map(String)));
			// The editor takes a field for a part of the credentials once each of its values is named in a "show".
			const named = (node.description.credentials ?? []).flatMap(
				(each) => each.displayOptions?.show?.['provider'] ?? [],
			);
			const values = optionsOf(node.description.properties, 'provider').map(
				(option) => (option as { value: string }).value,
			);
			expect(values.filter((value) => !named.includes(value))).not.toEqual([]);
		}
	});
});

describe('a provider of one’s own works in every node', () => {
	let server: AcmeServer;
	beforeEach(async () => {
		server = await AcmeServer.start();
	});
	afterEach(async () => {
		await server.close();
	});
	const add = (id: string, at = Date.now()) => {
		const order = { id, created_at: new Date(at).toISOString() };
		server.orders.push(order);
		return order;
	};
	const workflowOf = (plan: (...parts: Parameters<typeof examplePlan>) => Plan) =>
		new TestWorkflow(
			plan(
				{
					credential: { apiUrl: server.url, token: 'acme-token', secret: SECRET },
					credentials: { acmeApi: { id: '5', name: 'Acme' } },
				},
				{ provider: 'acme', resources: ['orders'] },
				{ provider: 'acme' },
			),
		);

	test.each(['the pair', 'Sync Trigger'])(
		'by %s: pushed and verified, found by polling, joined, and with the answer that it wants',
		async (shape) => {
			const workflow = workflowOf(shape === 'the pair' ? examplePlan : oneNodePlan);
			add('old', Date.now() - 60_000);
			await workflow.publish();
			expect(await workflow.poll()).toBeNull();
			const hook = await workflow.serve();
			try {
				const pushed = add('pushed', Date.now() + 1_000);
				const body = JSON.stringify(pushed);
				const deliver = async (signature: string) => {
					const headers = { 'x-signature': signature, 'x-delivery': 'd1' };
					const response = await request(hook.url, { method: 'POST', headers, body });
					return [response.statusCode, await response.body.text()];
				};
				expect(await deliver('00')).toEqual([401, '']);
				expect(await deliver(createHmac('sha256', SECRET).update(body).digest('hex'))).toEqual([200, '']);
				expect(hook.executions).toMatchObject([
					[{ type: 'acme.order_created', subject: 'orders/pushed', path: 'webhook' }],
				]);
				add('missed', Date.now() + 2_000);
				const found = await workflow.poll();
				expect(found).toMatchObject([{ subject: 'orders/missed', path: 'poll', recovered: true }]);
				// A search by POST, and a request for each order, to the API alone and with its token.
				expect(server.asked.map(({ method, url }) => `${method} ${url}`)).toEqual(
					expect.arrayContaining(['POST /orders/search', 'GET /orders/pushed', 'GET /orders/missed']),
				);
				expect(new Set(server.asked.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer acme-token']));
			} finally {
				await hook.close();
			}
		},
	);

	test('with a credential for each half, a Sync Trigger joins both paths all the same', async () => {
		const plan = oneNodePlan(
			{
				credential: { apiUrl: server.url, token: 'acme-token', secret: SECRET },
				credentials: { acmeApi: { id: '5', name: 'Acme' }, acmeHook: { id: '6', name: 'Acme webhooks' } },
			},
			{ provider: 'twoKeys' },
		);
		const workflow = new TestWorkflow(plan);
		await workflow.publish();
		expect(await workflow.poll()).toBeNull();
		const hook = await workflow.serve();
		try {
			const body = JSON.stringify(add('both', Date.now() + 1_000));
			const headers = { 'x-signature': createHmac('sha256', SECRET).update(body).digest('hex'), 'x-delivery': 'd2' };
			await (await request(hook.url, { method: 'POST', headers, body })).body.dump();
			expect(hook.executions).toHaveLength(1);
			add('missed', Date.now() + 2_000);
			expect(await workflow.poll()).toMatchObject([{ subject: 'orders/missed', recovered: true }]);
		} finally {
			await hook.close();
		}
	});

	test('an order that is gone by the time it is asked for is a dead letter, and stops no other', async () => {
		const workflow = workflowOf(oneNodePlan);
		await workflow.poll();
		add('first', Date.now() + 1_000);
		server.gone.push({ id: 'gone', created_at: new Date(Date.now() + 1_500).toISOString() });
		add('last', Date.now() + 2_000);
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual(['orders/first', 'orders/last']);
		const shown = await workflow.poll('Sync', 'manual');
		expect(shown?.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['orders/first', 'orders/last']));
	});

	test('what the user chose for another provider is an error, and no provider of that name is one', async () => {
		const plan = (parameters: object) =>
			new TestWorkflow(
				oneNodePlan(
					{
						credential: { apiUrl: server.url, token: 't', secret: SECRET },
						credentials: { acmeApi: { id: '5', name: 'Acme' } },
					},
					{ ...parameters },
				),
			);
		await expect(plan({ provider: 'acme', events: ['contact_added'] }).publish()).rejects.toThrow(
			/None of the chosen events is one of Acme/,
		);
		for (const events of ['order_created', { 0: 'order_created' }, [7]]) {
			await expect(plan({ provider: 'acme', events }).publish()).rejects.toThrow('"Events" is not a list of names');
		}
		await expect(plan({ provider: 'rest' }).poll()).rejects.toThrow('There is no provider "rest"');
	});

	test.each(['bookmark', 'next'])('S10 the key as the %s of a page is refused, and kept nowhere', async (place) => {
		const key = 'a-key-of-the-api-0123456789';
		const transport = createTransport({
			service: 'Acme',
			baseUrl: server.url,
			headers: { authorization: `Bearer ${key}` },
			exchange: undiciExchange(),
			credentialHint: '',
		});
		const given = place === 'next' ? { next: `p-${key}` } : { bookmark: { token: `p-${key}` } };
		const resource = {
			...acme.pull.resources.orders,
			read: () => Promise.resolve({ rows: [], deadLetters: [], size: 1, ...given }),
		};
		const response = await transport.send({ path: '/me' });
		const error: unknown = await readPage(resource, response, { account: 'a', sender: '', transport }).catch(
			(reason: unknown) => reason,
		);
		expect(String(error)).toContain('is the key that was sent');
		expect(String(error)).not.toContain(key);
	});

	test('I7 an authentic delivery that its provider stumbles over is a dead letter, and no error of n8n', async () => {
		const body = JSON.stringify({ odd: true });
		const headers = { 'x-signature': createHmac('sha256', SECRET).update(body).digest('hex') };
		const stumbling = {
			...acme,
			push: {
				...acme.push,
				read: () => {
					throw new TypeError('odd');
				},
			},
		};
		const ledger = await openLedger();
		const receipt = await receive({
			provider: stumbling,
			secrets: [SECRET],
			request: { method: 'POST', url: '/', headers, stream: Readable.from([Buffer.from(body)]) },
			stream: 'stumbling',
			node: 'n',
			types: [],
			handsOver: true,
			showsChanged: false,
			openLedger: () => Promise.resolve(ledger),
		});
		expect(receipt).toMatchObject({ accepted: true, answer: { status: 200 }, events: [] });
		const { events } = await ledger.lookUp('stumbling', {}, { limit: 5, withData: true });
		expect(events).toMatchObject([{ state: 'dead', data: body, type: 'acme.unreadable' }]);
	});

	test('its credential is tested on the transport of the nodes', async () => {
		const { acmeApi } = nodes.both.methods?.credentialTest ?? {};
		const helpers = {
			request: async ({ uri, headers }: { uri: string; headers: Record<string, string> }) =>
				await request(uri, { headers }),
		};
		const data = { apiUrl: server.url, token: 'acme-token', secret: '' };
		const result = await acmeApi?.call(
			{ helpers } as unknown as ICredentialTestFunctions,
			{ data } as unknown as ICredentialsDecrypted,
		);
		expect(result).toEqual({ status: 'OK', message: 'The token works' });
		expect(server.asked).toMatchObject([{ method: 'GET', url: '/me', authorization: 'Bearer acme-token' }]);
	});
});

test('the guide shows the very code that is tested here', () => {
	const root = join(__dirname, '../..');
	const read = (path: string) => readFileSync(join(root, path), 'utf8');
	const files = [
		'test/support/acme/acme.ts',
		'test/support/acme/AcmeApi.credentials.ts',
		'lib/provider/stripe/webhooks.ts',
	];
	const code = files.map(read).join('\n');
	const blocks = [...read('docs/add-a-provider.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block = '']) =>
		block.trim(),
	);
	expect(blocks.length).toBeGreaterThan(3);
	for (const block of blocks) expect(code).toContain(block);
});

test('the credential of the guide has the fields that its provider reads, and no other', () => {
	const { name, properties } = new AcmeApi();
	expect([...acme.push.credentials, ...acme.pull.credentials].map(({ type }) => type)).toEqual([name, name]);
	expect(properties.map((property) => property.name)).toEqual(['apiUrl', 'token', 'secret']);
});
