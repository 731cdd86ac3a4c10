import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { createLedger, openSqlite } from '../../lib';
import { Demo } from '../e2e/harness/demo';
import { type Execution, isPortFree } from '../e2e/harness/n8n';
import { median } from './support';

const ITEMS = 10;
const WARM_UP = 30;
const ROUNDS = 51;
const MANY = 200_000;
/** Far enough above what is stored that n8n's node has no reason to add its hint. */
const RAISED_HISTORY_SIZE = 1_000_000;
const DEFAULT_HISTORY_SIZE = 10_000;
/** What a claim takes on in one transaction. */
const BATCH = 250;
const NODE = 'Remove Duplicates';

/** A published workflow: a webhook, items made of what it was sent, and the node to be measured. */
interface Subject {
	readonly workflowId: string;
	readonly nodeId: string;
	readonly url: string;
}
interface Pair {
	readonly ours: Subject;
	readonly theirs: Subject;
}

/** What n8n has recorded of a node's run. */
interface NodeRun {
	readonly ms: number;
	readonly passed: number;
	readonly error: string | undefined;
}

/**
 * Sync Dedupe against n8n's own Remove Duplicates, both by value and in one n8n: the time that n8n records for the node
 * itself. Rounds alternate, and the medians make the ratio.
 */
export async function benchRemoveDuplicates(): Promise<void> {
	// n8n is in a process group of its own, and is ended by what this process does when it exits.
	for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
	let port = 5880;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	const folder = resolve(__dirname, '../../.demo', `bench-${port}`);
	const demo = await Demo.start({ folder, port });
	try {
		const bench = new Bench(demo, join(folder, 'user', '.n8n'));
		await bench.compare('a history that begins empty', 0);
		await bench.compare(`a history of ${MANY} keys`, MANY, { historySize: RAISED_HISTORY_SIZE });
		await bench.jam();
	} finally {
		await demo.stop();
		await rm(folder, { recursive: true, force: true });
	}
}

class Bench {
	constructor(
		private readonly demo: Demo,
		private readonly n8nFolder: string,
	) {}

	async compare(what: string, keys: number, theirOptions: object = {}): Promise<void> {
		const pair = await this.publish(theirOptions);
		const ours: number[] = [];
		const theirs: number[] = [];
		if (keys > 0) await this.fill(pair, keys);
		for (let round = -WARM_UP; round < ROUNDS; round++) {
			const [mine, other] = [await this.pass(pair.ours), await this.pass(pair.theirs)];
			if (round < 0) continue;
			ours.push(mine.ms);
			theirs.push(other.ms);
		}
		await this.unpublish(pair);
		const [mine, other] = [median(ours), median(theirs)];
		console.log(`${what}, ${ITEMS} new items, median of ${ROUNDS} runs:`);
		console.log(
			`  Sync Dedupe: ${mine} ms; Remove Duplicates: ${other} ms; ratio of times: ${(other / mine).toFixed(2)}`,
		);
	}

	/** A history as full as n8n's node lets it get by itself. */
	async jam(): Promise<void> {
		const pair = await this.publish({});
		await this.fill(pair, DEFAULT_HISTORY_SIZE - ITEMS);
		const outcomeOf = async (subject: Subject) => {
			const { passed, error } = await this.run(subject, newValues(ITEMS));
			return error ?? `${passed} of ${ITEMS} pass`;
		};
		console.log(`a history of ${DEFAULT_HISTORY_SIZE} keys, which is the default History Size, ${ITEMS} new items:`);
		console.log(`  Sync Dedupe: ${await outcomeOf(pair.ours)}`);
		console.log(`  Remove Duplicates: ${await outcomeOf(pair.theirs)}`);
		await this.unpublish(pair);
	}

	private async publish(theirOptions: object): Promise<Pair> {
		const ours = { operation: 'removeDuplicates', identifyBy: 'value', value: '={{ $json.id }}' };
		const theirs = {
			operation: 'removeItemsSeenInPreviousExecutions',
			logic: 'removeItemsWithAlreadySeenKeyValues',
			dedupeValue: '={{ $json.id }}',
			options: theirOptions,
		};
		return {
			ours: await this.subject('n8n-nodes-hybrid-sync.syncDedupe', 1, ours),
			theirs: await this.subject('n8n-nodes-base.removeDuplicates', 2, theirs),
		};
	}

	private async subject(type: string, typeVersion: number, parameters: object): Promise<Subject> {
		const [nodeId, path] = [randomUUID(), randomUUID()];
		const nodes = [
			{
				name: 'Webhook',
				id: randomUUID(),
				webhookId: path,
				type: 'n8n-nodes-base.webhook',
				typeVersion: 2,
				// Answers at the end, so that nothing else is asked of n8n while the node runs.
				parameters: { httpMethod: 'POST', path, responseMode: 'lastNode', options: {} },
			},
			{
				name: 'Code',
				id: randomUUID(),
				type: 'n8n-nodes-base.code',
				typeVersion: 2,
				parameters: { jsCode: 'return $json.body.map((id) => ({ json: { id } }));' },
			},
			{ name: NODE, id: nodeId, type, typeVersion, parameters },
		];
		const workflowId = await this.demo.n8n.addWorkflow({
			name: type,
			nodes: nodes.map((node, column) => ({ ...node, position: [column * 220, 0] })),
			connections: {
				Webhook: { main: [[{ node: 'Code', type: 'main', index: 0 }]] },
				Code: { main: [[{ node: NODE, type: 'main', index: 0 }]] },
			},
		});
		await this.demo.n8n.publish(workflowId);
		return { workflowId, nodeId, url: `${this.demo.n8n.url}/webhook/${path}` };
	}

	private async unpublish({ ours, theirs }: Pair): Promise<void> {
		for (const { workflowId } of [ours, theirs]) await this.demo.n8n.unpublish(workflowId);
	}

	/** Gives both nodes the same history, behind what a first run leaves, and makes sure that both know it. */
	private async fill({ ours, theirs }: Pair, keys: number): Promise<void> {
		const values = newValues(keys);
		await this.pass(ours);
		await this.fillLedger(ours, values);
		await this.pass(theirs);
		this.fillProcessedData(theirs, values);
		for (const subject of [ours, theirs]) {
			const { passed } = await this.run(subject, values.slice(-ITEMS));
			if (passed > 0) throw new Error(`${passed} items passed that are in the history.`);
		}
	}

	private async fillLedger({ workflowId, nodeId }: Subject, values: readonly string[]): Promise<void> {
		const [row] = this.demo.queryLedger<{ stream: string }>(
			`SELECT stream FROM stream WHERE stream LIKE '%/${workflowId}'`,
		);
		if (!row) throw new Error('Sync Dedupe has left nothing in the ledger.');
		const ledger = createLedger(await openSqlite(join(this.n8nFolder, 'hybrid-sync', 'ledger.sqlite')));
		for (let start = 0; start < values.length; start += BATCH) {
			const items = values.slice(start, start + BATCH).map((value) => ({ ...row, key: `item:${nodeId}:${value}` }));
			await ledger.claim({ items, execution: `earlier/${start}`, node: nodeId, run: 0, settles: true });
			// Otherwise this process would not notice that n8n closes an idle connection, and use it again.
			await nextTurn();
		}
		await ledger.close();
	}

	private fillProcessedData({ workflowId }: Subject, values: readonly string[]): void {
		const database = new DatabaseSync(join(this.n8nFolder, 'database.sqlite'), { timeout: 10_000 });
		const row = database.prepare('SELECT value FROM processed_data WHERE workflowId = ?').get(workflowId);
		const history = JSON.parse(String(row?.['value'])) as { data: string[] };
		for (const value of values) history.data.push(createHash('md5').update(value).digest('base64'));
		const update = database.prepare('UPDATE processed_data SET value = ? WHERE workflowId = ?');
		update.run(JSON.stringify(history), workflowId);
		database.close();
	}

	private async pass(subject: Subject): Promise<NodeRun> {
		const run = await this.run(subject, newValues(ITEMS));
		if (run.passed === ITEMS) return run;
		throw new Error(`${run.passed} of ${ITEMS} new items passed: ${run.error ?? 'no error'}`);
	}

	/** Starts a production execution and waits until n8n has stored it, so that no two of them meet. */
	private async run({ workflowId, url }: Subject, values: readonly string[]): Promise<NodeRun> {
		const before = await this.newest(workflowId);
		const headers = { 'content-type': 'application/json' };
		const { body } = await request(url, { method: 'POST', headers, body: JSON.stringify(values) });
		await body.dump();
		for (const deadline = Date.now() + 60_000; ;) {
			const execution = await this.newest(workflowId);
			if (execution && execution.id !== before?.id && ['success', 'error'].includes(execution.status)) {
				const { data } = await this.demo.n8n.rest<{ data: string }>('GET', `/executions/${execution.id}`);
				return nodeRun(data);
			}
			if (Date.now() > deadline) throw new Error(`An execution of workflow ${workflowId} has not ended.`);
			await sleep(25);
		}
	}

	private async newest(workflowId: string): Promise<Execution | undefined> {
		const filter = encodeURIComponent(JSON.stringify({ workflowId }));
		const path = `/executions?filter=${filter}&limit=1`;
		return (await this.demo.n8n.rest<{ results: Execution[] }>('GET', path)).results[0];
	}
}

/** n8n gives execution data as a table in which each text stands for another of its entries. */
function nodeRun(data: string): NodeRun {
	const table = JSON.parse(data) as unknown[];
	const at = (...path: (string | number)[]) =>
		path.reduce<unknown>((value, key) => {
			const next = (value as Record<string | number, unknown> | undefined)?.[key];
			return typeof next === 'string' ? table[Number(next)] : next;
		}, table[0]);
	const run = ['resultData', 'runData', NODE, 0];
	const passed = at(...run, 'data', 'main', 0);
	const error = at(...run, 'error', 'message');
	return {
		ms: Number(at(...run, 'executionTime')),
		passed: Array.isArray(passed) ? passed.length : 0,
		error: typeof error === 'string' ? error : undefined,
	};
}

function newValues(count: number): string[] {
	return Array.from({ length: count }, () => randomUUID());
}
