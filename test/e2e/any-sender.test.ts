import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { Demo } from './harness/demo';
import { isPortFree } from './harness/n8n';

/** A shop that sends webhooks as Shopify does, into a real n8n with the packed package installed. */
const SECRET = 'shpss_a-client-secret-of-the-shop';
let demo: Demo;

beforeAll(async () => {
	let port = 5880;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	demo = await Demo.start({ folder: join(__dirname, '../../.demo', `e2e-${port}`), port });
});
afterAll(async () => {
	await demo.stop();
});

interface Order {
	readonly id: number;
	readonly event: string;
	readonly topic?: string;
}

/** @param secret of the app; with another one, somebody else sends */
function signed({ id, event, topic = 'orders/create' }: Order, secret = SECRET) {
	const body = JSON.stringify({
		id,
		admin_graphql_api_id: `gid://shopify/Order/${id}`,
		note: 'Zażółć ♥',
		total_price: '10.50',
	});
	return {
		body,
		headers: {
			'content-type': 'application/json',
			'X-Shopify-Topic': topic,
			'X-Shopify-Event-Id': event,
			'X-Shopify-Webhook-Id': randomBytes(8).toString('hex'),
			'X-Shopify-Shop-Domain': 'shop.example.com',
			'X-Shopify-Hmac-Sha256': createHmac('sha256', secret).update(body).digest('base64'),
		},
	};
}

async function send(url: string, { body, headers }: { body: string; headers: Record<string, string> }) {
	const response = await request(url, { method: 'POST', headers, body });
	return { status: response.statusCode, text: await response.body.text() };
}

/** Publishes a workflow in which nothing but the credential was entered. */
async function publish() {
	const credential = await demo.n8n.addCredential('Shop', 'hybridSyncWebhookSecret', {
		service: 'shopify',
		secret: SECRET,
	});
	const webhookId = randomBytes(16).toString('hex');
	const [trigger, dedupe] = ['Shop', 'Sync Dedupe'];
	const position = [0, 0];
	const id = await demo.n8n.addWorkflow({
		name: 'Orders of a shop',
		settings: { executionOrder: 'v1' },
		nodes: [
			{
				id: 't',
				name: trigger,
				type: 'n8n-nodes-hybrid-sync.syncWebhookTrigger',
				typeVersion: 1,
				position,
				webhookId,
				parameters: { provider: 'anyService' },
				credentials: { hybridSyncWebhookSecret: { id: credential, name: 'Shop' } },
			},
			{ id: 'd', name: dedupe, type: 'n8n-nodes-hybrid-sync.syncDedupe', typeVersion: 1, position, parameters: {} },
		],
		connections: { [trigger]: { main: [[{ node: dedupe, type: 'main', index: 0 }]] } },
	});
	await demo.n8n.publish(id);
	return { id, url: `${demo.n8n.url}/webhook/${webhookId}/sync` };
}

const rowsOf = (id: string) =>
	demo.queryLedger<{ type: string; subject: string; state: string }>(
		`SELECT type, subject, state FROM event WHERE stream LIKE '%/${id}' ORDER BY seq`,
	);

async function eventually(holds: () => boolean): Promise<void> {
	while (!holds()) await sleep(200);
}

test('A1 50 identical deliveries at the same moment: 1 execution, 50 success answers; S14 captured ones start none', async () => {
	const { id, url } = await publish();
	const order = { id: 1, event: 'e1' };
	const answers = await Promise.all(Array.from({ length: 50 }, async () => await send(url, signed(order))));
	expect(answers).toEqual(Array(50).fill({ status: 200, text: 'OK' }));
	await eventually(() => rowsOf(id)[0]?.state === 'done');
	const captured = await Promise.all(
		Array.from({ length: 20 }, async (_, index) => await send(url, signed({ id: 1, event: `forged-${index}` }))),
	);
	expect(captured).toEqual(Array(20).fill({ status: 200, text: 'OK' }));
	await sleep(1_000);
	expect(rowsOf(id)).toEqual([{ type: 'anyService.orders/create', subject: 'gid://shopify/Order/1', state: 'done' }]);
	expect((await demo.n8n.executions(id)).map(({ status }) => status)).toEqual(['success']);
	await demo.n8n.unpublish(id);
});

test('S9 hostile requests start and store nothing, and the next authentic one passes', async () => {
	const { id, url } = await publish();
	const order = { id: 2, event: 'e2' };
	const good = signed(order);
	const hmac = good.headers['X-Shopify-Hmac-Sha256'];
	const hostile = [
		signed(order, 'another-secret'),
		{ ...good, body: `${good.body} ` },
		{ ...good, headers: { ...good.headers, 'X-Shopify-Hmac-Sha256': hmac.slice(1) } },
		{ ...good, headers: { ...good.headers, 'X-Shopify-Hmac-Sha256': `${hmac}${hmac}` } },
		{ ...good, headers: { ...good.headers, 'X-Shopify-Hmac-Sha256': '' } },
		{ ...good, headers: { ...good.headers, 'X-Shopify-Hmac-Sha256': 'x'.repeat(5_000) } },
		{ ...good, body: '{"__proto__":{"admin":true}' },
		{ ...good, body: '['.repeat(5_000) },
		{ ...good, headers: { ...good.headers, 'content-encoding': 'gzip' }, body: '\u001f\u008b' },
	];
	for (let round = 0; round < 20; round++) {
		const answers = await Promise.all(hostile.map(async (each) => await send(url, each)));
		expect(answers.map(({ status }) => status)).toEqual(Array(hostile.length).fill(401));
		expect(answers.every(({ text }) => text === '')).toBe(true);
	}
	expect(rowsOf(id)).toEqual([]);
	expect(await demo.n8n.executions(id)).toEqual([]);
	expect(await send(url, good)).toEqual({ status: 200, text: 'OK' });
	await eventually(() => rowsOf(id)[0]?.state === 'done');
	await demo.n8n.unpublish(id);
});

test('S13 a look whether somebody answers is answered, and starts nothing', async () => {
	const { id, url } = await publish();
	for (const method of ['GET', 'HEAD'] as const) {
		const response = await request(url, { method });
		expect([response.statusCode, await response.body.text()]).toEqual([200, '']);
	}
	expect(await demo.n8n.executions(id)).toEqual([]);
	await demo.n8n.unpublish(id);
});

test('the credential says what is wrong with a secret, and where the right one is found', async () => {
	const testCredential = async (data: object) =>
		await demo.n8n.rest<{ status: string; message: string }>('POST', '/credentials/test', {
			credentials: { id: '', name: 'Shop', type: 'hybridSyncWebhookSecret', data },
		});
	expect(await testCredential({ service: 'shopify', secret: SECRET })).toMatchObject({ status: 'OK' });
	const wrong = [
		[{ service: 'shopify', secret: '' }, 'The secret is empty. In Shopify: The Client secret of the app'],
		[{ service: 'standardWebhooks', secret: 'whsec_!' }, 'The secret is not whsec_ and base64 behind it'],
		[
			{ service: 'stripe', secret: 'sk_live_0123456789' },
			'This is an API key. Webhooks are signed with another secret.',
		],
		[{ service: 'sendgrid', publicKey: 'abc' }, 'This is no public key'],
		[{ service: 'urlSecret', secret: 'short' }, 'at least 16 letters'],
	] as const;
	for (const [data, message] of wrong) {
		const told = await testCredential(data);
		expect(told).toMatchObject({ status: 'Error', message: expect.stringContaining(message) as string });
	}
});
