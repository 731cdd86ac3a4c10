import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { WebhookContext } from 'n8n-core';
import {
	type INode,
	type IWebhookData,
	type IWebhookFunctions,
	type IWorkflowExecuteAdditionalData,
	Workflow,
} from 'n8n-workflow';
import { createLedger, openLedger } from '../../lib';
import type { StoredEvent } from '../../lib/ledger/tables/rows';
import { SyncDedupe } from '../../nodes/SyncDedupe/SyncDedupe.node.js';
import { SyncWebhookTrigger } from '../../nodes/SyncWebhookTrigger/SyncWebhookTrigger.node.js';
import { openBackend } from '../support/ledger';
import { type Signer, signers } from '../support/signers';
import { bareAt, median, quantile } from './support';

const ROUNDS = 1_000;
const WARM_UP = 100;

/**
 * What a webhook takes in the handler itself, from the request to what goes to n8n: verified, read and stored in the embedded
 * ledger with a full sync, against a program that stores the same row and does nothing else. Rounds alternate.
 */
export async function benchHandler(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-bench-'));
	Object.assign(process.env, { N8N_USER_FOLDER: folder, N8N_ENCRYPTION_KEY: 'a-key-of-a-benchmark' });
	const signer = signers['github'];
	if (!signer) throw new Error('nobody signs as GitHub');
	const workflow = workflowOf();
	const trigger = new SyncWebhookTrigger();
	const receive = async (id: string): Promise<number> => {
		const context = contextOf(workflow, signer, id) as unknown as IWebhookFunctions;
		const began = performance.now();
		const { workflowData } = await trigger.webhook.call(context);
		const took = performance.now() - began;
		if (workflowData?.[0]?.length !== 1) throw new Error(`event ${id} did not pass`);
		return took;
	};
	const handled: number[] = [];
	const stored: number[] = [];
	try {
		await receive('sample');
		const row = storedRow(join(folder, '.n8n', 'hybrid-sync', 'ledger.sqlite'));
		const place = join(folder, 'bare.sqlite');
		await createLedger(await openBackend(place)).close();
		const bare = await bareAt(place, Object.keys(row) as (keyof StoredEvent)[]);
		for (let round = -WARM_UP; round < ROUNDS; round++) {
			const ours = await receive(String(round));
			const began = performance.now();
			await bare.transaction(async () => {
				await bare.insert({ ...row, event_key: `bare ${round}`, signed: `bare ${round}`, seq: round + 2 * WARM_UP });
			});
			const least = performance.now() - began;
			if (round < 0) continue;
			handled.push(ours);
			stored.push(least);
		}
		await bare.close();
	} finally {
		await (await openLedger()).close();
		rmSync(folder, { recursive: true, force: true });
	}
	for (const [name, fraction] of [
		['median', 0.5],
		['p99', 0.99],
	] as const) {
		const ours = quantile(handled, fraction);
		const [least, usual] = [quantile(stored, fraction), median(stored)];
		console.log(
			`webhook handler, ${name}: ${ours.toFixed(2)} ms; one-row commit: ${least.toFixed(2)} ms; ratio ${(ours / least).toFixed(2)}, to the median commit ${(ours / usual).toFixed(2)}`,
		);
	}
}

function storedRow(file: string): StoredEvent {
	const database = new DatabaseSync(file, { readOnly: true });
	const row = database.prepare('SELECT * FROM event').get() as unknown as StoredEvent;
	database.close();
	return row;
}

/** A trigger, and a Sync Dedupe behind it. */
function workflowOf(): Workflow {
	const nodes: INode[] = [
		{ name: 'Webhook', type: 'x.syncWebhookTrigger', parameters: { provider: 'anyService' } },
		{ name: 'Dedupe', type: 'x.syncDedupe', parameters: {} },
	].map((node) => ({
		...node,
		id: node.name,
		typeVersion: 1,
		position: [0, 0],
		credentials: { hybridSyncWebhookSecret: { id: '1', name: 'secret' } },
	}));
	const types = { 'x.syncWebhookTrigger': new SyncWebhookTrigger(), 'x.syncDedupe': new SyncDedupe() };
	const typeOf = (name: string) => types[name as keyof typeof types];
	return new Workflow({
		id: 'bench',
		nodes,
		connections: { Webhook: { main: [[{ node: 'Dedupe', type: 'main', index: 0 }]] } },
		active: true,
		nodeTypes: { getByName: typeOf, getByNameAndVersion: typeOf, getKnownTypes: () => ({}) },
	});
}

function contextOf(workflow: Workflow, signer: Signer, id: string): WebhookContext {
	const body = Buffer.from(
		JSON.stringify({ after: id, repository: { full_name: 'a-user/a-repository' }, note: 'x'.repeat(900) }),
	);
	const url = 'https://n8n.example.com/webhook';
	const signed = signer.sign({ method: 'POST', url, body, timestamp: Date.now(), id });
	const named = Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
	const headers = {
		'content-type': 'application/json',
		'content-length': String(body.length),
		'x-github-event': 'push',
		'x-github-delivery': id,
		...Object.fromEntries(named),
	};
	const request = { method: 'POST', originalUrl: '/webhook', ip: '127.0.0.1', headers };
	const response = { headersSent: false, status: () => response, set: () => response, send: () => response };
	const additionalData = {
		credentialsHelper: {
			getDecrypted: () => Promise.resolve({ service: 'github', secret: signer.secret }),
			isCredentialUsableByNode: () => true,
			getParentTypes: () => [],
		},
		webhookBaseUrl: url,
		httpRequest: Object.assign(Readable.from([body], { objectMode: false }), request),
		httpResponse: response,
	} as unknown as IWorkflowExecuteAdditionalData;
	const node = workflow.getNode('Webhook');
	if (!node) throw new Error('there is no trigger');
	const webhook = { node: 'Webhook', path: 'webhook', httpMethod: 'POST' } as unknown as IWebhookData;
	return new WebhookContext(workflow, node, additionalData, 'webhook', webhook, [], null);
}
