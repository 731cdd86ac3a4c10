import { createHmac, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { Demo } from '../e2e/harness/demo';
import { isPortFree } from '../e2e/harness/n8n';
import { median } from './support';

const CLIENTS = 16;
const ROUNDS = 5;
/** Requests of a round: enough that the start and the end of it do not matter. */
const REQUESTS = 64;
const BATCH = 100;
const BATCHES = 16;
const SECRET = 'a-secret-of-this-benchmark';

/** A published workflow: what is sent to it, and whether each of its answers stands for an execution. */
interface Subject {
	readonly name: string;
	readonly workflowId: string;
	readonly url: string;
	readonly send: (ids: readonly string[]) => { body: string; headers: Record<string, string>; status?: number };
	readonly startsExecutions: boolean;
}

/**
 * Webhooks into a real n8n, with both of its expression engines: ours against n8n's own Webhook and Remove Duplicates, and
 * beside them what n8n itself needs for a webhook. Sixteen clients; a round ends when the last execution has.
 */
export async function benchWebhook(): Promise<void> {
	for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
	for (const engine of ['vm', 'legacy']) {
		let port = 5880;
		while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
		const folder = resolve(__dirname, '../../.demo', `bench-${port}`);
		const env = { N8N_EXPRESSION_ENGINE: engine };
		const demo = await Demo.start({ folder, port, env });
		try {
			console.log(`\nexpression engine ${engine === 'vm' ? 'vm (the default)' : engine}, ${CLIENTS} clients`);
			await new Bench(demo, join(folder, 'user', '.n8n')).run();
		} finally {
			await demo.stop();
			await rm(folder, { recursive: true, force: true });
		}
	}
}

class Bench {
	private readonly agent = new Agent({ connections: CLIENTS });

	constructor(
		private readonly demo: Demo,
		private readonly n8nFolder: string,
	) {}

	async run(): Promise<void> {
		const credential = await this.demo.n8n.addCredential('Sender', 'hybridSyncWebhookSecret', {
			service: 'custom',
			signatureHeader: 'X-Signature',
			secret: SECRET,
		});
		const ours = await this.ours('Sync Webhook Trigger', credential, false);
		const withDedupe = await this.ours('Sync Webhook Trigger, Sync Dedupe', credential, true);
		const theirs = await this.theirs('Webhook, Remove Duplicates', true);
		const bare = await this.theirs('Webhook alone', false);
		const answers: Subject = {
			...(await this.theirs('Webhook that refuses (n8n’s own share, no execution)', false, { ignoreBots: true })),
			startsExecutions: false,
			send: (ids) => ({ ...sent({ id: ids[0] }), headers: { 'user-agent': 'Googlebot/2.1' }, status: 403 }),
		};
		const news = () => Array.from({ length: REQUESTS }, () => [randomUUID()]);
		const inBatches: Subject = {
			...(await this.ours('Sync Webhook Trigger, In Batches', credential, false, true)),
			startsExecutions: false,
		};
		const rates = await this.compare([theirs, ours, withDedupe, inBatches, bare], news);
		this.report('new events a second', rates, theirs);

		const [known] = news();
		if (!known) throw new Error('nothing was made');
		for (const subject of [theirs, ours]) await this.round(subject, [known]);
		const again = () => Array.from({ length: REQUESTS }, () => known);
		const unstarted = (subject: Subject) => ({ ...subject, startsExecutions: false });
		const repeated = await this.compare([theirs, unstarted(ours), answers], again);
		this.report('duplicates a second', repeated, theirs);

		const batched = await this.compare([ours], () =>
			Array.from({ length: BATCHES }, () => Array.from({ length: BATCH }, () => randomUUID())),
		);
		const singles = rates.get(ours) ?? NaN;
		const events = (batched.get(ours) ?? NaN) * BATCH;
		console.log(
			`batches of ${BATCH}: ${events.toFixed(0)} events a second, ${(events / singles).toFixed(0)} x singles`,
		);
	}

	private report(what: string, rates: ReadonlyMap<Subject, number>, base: Subject): void {
		console.log(what);
		for (const [{ name }, rate] of rates) {
			console.log(
				`  ${name.padEnd(55)} ${rate.toFixed(1).padStart(8)}   ${(rate / (rates.get(base) ?? NaN)).toFixed(2)} x`,
			);
		}
	}

	/** Rounds of all subjects alternate. @returns requests a second, medians */
	private async compare(subjects: readonly Subject[], make: () => string[][]): Promise<Map<Subject, number>> {
		const took = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
		for (let round = -1; round < ROUNDS; round++) {
			for (const subject of subjects) {
				const deliveries = make();
				const rate = (deliveries.length * 1000) / (await this.round(subject, deliveries));
				// The first is for caches to fill.
				if (round >= 0) took.get(subject)?.push(rate);
			}
		}
		return new Map([...took].map(([subject, rates]) => [subject, median(rates)]));
	}

	/** @returns milliseconds until all are answered and every execution has ended */
	private async round(subject: Subject, deliveries: readonly (readonly string[])[]): Promise<number> {
		const before = this.ended(subject);
		const began = performance.now();
		const queue = deliveries.values();
		const client = async () => {
			for (const ids of queue) {
				const { status: expected = 200, ...options } = subject.send(ids);
				const { statusCode, body } = await request(subject.url, { method: 'POST', dispatcher: this.agent, ...options });
				await body.dump();
				if (statusCode !== expected) throw new Error(`${subject.name} answered ${statusCode}`);
			}
		};
		await Promise.all(Array.from({ length: CLIENTS }, client));
		const expected = before + (subject.startsExecutions ? deliveries.length : 0);
		while (this.ended(subject) < expected) await sleep(25);
		return performance.now() - began;
	}

	private ended({ workflowId }: Subject): number {
		const database = new DatabaseSync(join(this.n8nFolder, 'database.sqlite'), { readOnly: true, timeout: 10_000 });
		// Remove Duplicates fails now and then where several make the first entry of its history.
		const sql = `SELECT count(*) AS n FROM execution_entity WHERE workflowId = ? AND status IN ('success', 'error')`;
		const row = database.prepare(sql).get(workflowId);
		database.close();
		return Number(row?.['n']);
	}

	private async ours(name: string, credential: string, hasDedupe: boolean, batches = false): Promise<Subject> {
		const webhookId = randomUUID();
		const trigger = {
			...node(name, 'n8n-nodes-hybrid-sync.syncWebhookTrigger', 1),
			webhookId,
			parameters: {
				provider: 'anyService',
				eventId: 'id',
				batchAt: 'events',
				startExecutions: batches ? 'batches' : 'each',
			},
			credentials: { hybridSyncWebhookSecret: { id: credential, name: 'Sender' } },
		};
		const dedupe = node('Sync Dedupe', 'n8n-nodes-hybrid-sync.syncDedupe', 1);
		const partner = {
			...node('Sync Polling Trigger', 'n8n-nodes-hybrid-sync.syncPollingTrigger', 1),
			parameters: { provider: 'none' },
		};
		const workflowId = await this.publish(
			name,
			hasDedupe
				? [trigger, dedupe]
				: batches
					? [trigger, node('No Operation', 'n8n-nodes-base.noOp', 1), partner]
					: [trigger],
		);
		const send = (ids: readonly string[]) => {
			const { body, headers } = sent({ events: ids.map((id) => ({ id, ...CONTENT })) });
			const signature = createHmac('sha256', SECRET).update(body).digest('hex');
			return { body, headers: { ...headers, 'x-signature': signature } };
		};
		return { name, workflowId, url: `${this.demo.n8n.url}/webhook/${webhookId}/sync`, send, startsExecutions: true };
	}

	private async theirs(name: string, hasRemoveDuplicates: boolean, options: object = {}): Promise<Subject> {
		const webhookId = randomUUID();
		const webhook = {
			...node('Webhook', 'n8n-nodes-base.webhook', 2.1),
			webhookId,
			parameters: { httpMethod: 'POST', path: webhookId, responseMode: 'onReceived', options },
		};
		const remove = {
			...node('Remove Duplicates', 'n8n-nodes-base.removeDuplicates', 2),
			parameters: {
				operation: 'removeItemsSeenInPreviousExecutions',
				logic: 'removeItemsWithAlreadySeenKeyValues',
				dedupeValue: '={{ $json.body.id }}',
			},
		};
		const workflowId = await this.publish(name, hasRemoveDuplicates ? [webhook, remove] : [webhook]);
		const send = ([id]: readonly string[]) => sent({ id, ...CONTENT });
		return { name, workflowId, url: `${this.demo.n8n.url}/webhook/${webhookId}`, send, startsExecutions: true };
	}

	/** A workflow of nodes in a row. */
	private async publish(name: string, nodes: readonly ReturnType<typeof node>[]): Promise<string> {
		const [first, second, partner] = nodes;
		const next = second && { main: [[{ node: second.name, type: 'main', index: 0 }]] };
		const id = await this.demo.n8n.addWorkflow({
			name,
			settings: { executionOrder: 'v1' },
			nodes,
			connections: { ...(first && next && { [first.name]: next }), ...(partner && next && { [partner.name]: next }) },
		});
		await this.demo.n8n.publish(id);
		return id;
	}
}

const CONTENT = {
	type: 'order.paid',
	created: '2026-01-01T00:00:00Z',
	data: { total: '10.50', note: 'x'.repeat(800) },
};

function sent(body: object) {
	return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } as Record<string, string> };
}

function node(name: string, type: string, typeVersion: number) {
	return { id: randomUUID(), name, type, typeVersion, position: [0, 0], parameters: {} };
}
