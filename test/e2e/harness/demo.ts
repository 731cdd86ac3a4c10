import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Simulator } from '../../simulator/simulator';
import { Sink } from '../../simulator/sink';
import { N8n, installPackage, pack } from './n8n';

const EXAMPLES = resolve(__dirname, '../../../examples');

/** Example workflows: with a Sync Trigger, and with the pair that does the same. */
export const EXAMPLE_FILES = {
	'Sync Trigger': 'getresponse-new-contacts.json',
	'the pair': 'getresponse-webhook-and-polling.json',
} as const;
export type Example = keyof typeof EXAMPLE_FILES;

interface WorkflowNode {
	id: string;
	name: string;
	type: string;
	webhookId?: string;
	parameters: Record<string, unknown>;
	credentials?: Record<string, { id: string; name: string }>;
}
export interface Workflow {
	name: string;
	nodes: WorkflowNode[];
	connections: Record<string, unknown>;
}

/** What the GetResponse credential is filled with; the defaults are those of its fields. */
export interface Credential {
	apiKey: string;
	region: string;
	domain?: string;
	apiUrl?: string;
	webhookSecret?: string;
	previousWebhookSecret?: string;
	previousValidUntil?: string;
}

export interface DemoOptions {
	/** Emptied first. */
	readonly folder: string;
	readonly port: number;
	/** An account to poll instead of the simulator. */
	readonly account?: Credential;
	readonly env?: Record<string, string>;
	/** Of the simulated GetResponse; milliseconds since the epoch. */
	readonly clock?: () => number;
	/** Called right before n8n takes its port. */
	readonly beforeN8n?: () => Promise<void>;
	/** Called as each step begins. */
	readonly progress?: (step: string) => void;
}

/** A real n8n with the packed package installed in it, a GetResponse and a service for its workflows to talk to. */
export class Demo {
	readonly secret = randomBytes(16).toString('hex');
	credentialId = '';
	private n8nProcess: N8n | undefined;

	private constructor(
		readonly simulator: Simulator,
		readonly sink: Sink,
		private readonly options: DemoOptions,
	) {}

	static async start(options: DemoOptions): Promise<Demo> {
		const { folder, progress = () => undefined } = options;
		await rm(folder, { recursive: true, force: true });
		const simulator = await Simulator.start(options.clock ? { clock: options.clock } : {});
		const demo = new Demo(simulator, await Sink.start(), options);
		try {
			progress('Building and packing the package');
			const tarball = process.env['HYBRID_SYNC_TARBALL'] ?? (await pack(folder));
			progress('Installing it into a private n8n');
			await installPackage(tarball, demo.userFolder);
			progress('Starting n8n');
			await options.beforeN8n?.();
			await demo.startN8n();
			const type = 'hybridSyncGetResponseApi';
			demo.credentialId = await demo.n8n.addCredential('Hybrid Sync GetResponse account', type, demo.credential());
			return demo;
		} catch (error) {
			await demo.stop();
			throw error;
		}
	}

	private get userFolder(): string {
		return join(this.options.folder, 'user');
	}

	/** The embedded ledger of this n8n, to be looked into from outside. */
	get ledgerFile(): string {
		return join(this.userFolder, '.n8n', 'hybrid-sync', 'ledger.sqlite');
	}

	get n8n(): N8n {
		if (!this.n8nProcess) throw new Error('n8n is not running');
		return this.n8nProcess;
	}

	/** Starts n8n, for the first time or again after it was stopped or killed. */
	async startN8n(env: Record<string, string> = {}): Promise<void> {
		const { port, env: always = {} } = this.options;
		this.n8nProcess = await N8n.start({ folder: this.userFolder, port, env: { ...always, ...env } });
	}

	/** The data of the credential that the workflows use. */
	credential(): Required<Credential> {
		const account = this.options.account ?? {
			apiKey: this.simulator.apiKey,
			region: 'custom',
			apiUrl: this.simulator.apiUrl,
		};
		const blank = { domain: '', apiUrl: '', previousWebhookSecret: '', previousValidUntil: '' };
		return { ...blank, webhookSecret: this.secret, ...account };
	}

	/** What n8n's own "Test" button says about the credential. */
	async testCredential(changes: Partial<Credential> = {}): Promise<{ status: string; message: string }> {
		const type = 'hybridSyncGetResponseApi';
		const data = { ...this.credential(), ...changes };
		const credentials = { id: this.credentialId, name: 'Hybrid Sync GetResponse account', type, data };
		return await this.n8n.rest('POST', '/credentials/test', { credentials });
	}

	/** An example workflow, with this demo's credential and service in it, and webhook paths of its own. */
	example(change: (workflow: Workflow) => void = () => undefined, example: Example = 'Sync Trigger'): Workflow {
		const workflow = JSON.parse(readFileSync(join(EXAMPLES, EXAMPLE_FILES[example]), 'utf8')) as Workflow;
		for (const node of workflow.nodes) {
			if (node.credentials?.['hybridSyncGetResponseApi']) {
				node.credentials['hybridSyncGetResponseApi'].id = this.credentialId;
			}
			if (node.name === 'Your Own Step') node.parameters['url'] = this.sink.url;
			if (node.webhookId !== undefined) node.webhookId = randomBytes(16).toString('hex');
		}
		change(workflow);
		return workflow;
	}

	/** The URL to enter at GetResponse for a workflow. */
	webhookUrl(workflow: Workflow, secret = this.secret): string {
		const node = workflow.nodes.find(({ type }) => /\.sync(Webhook)?Trigger$/.test(type));
		return `${this.n8n.url}/webhook/${node?.webhookId}/sync?secret=${secret}`;
	}

	/** Reads the ledger beside n8n. */
	queryLedger<T>(sql: string): T[] {
		const database = new DatabaseSync(join(this.userFolder, '.n8n', 'hybrid-sync', 'ledger.sqlite'), {
			readOnly: true,
		});
		try {
			return database.prepare(sql).all() as T[];
		} finally {
			database.close();
		}
	}

	/** Ends every wait and lease in the ledger, as if n8n had been down for longer than any of them. Only while it is down. */
	endWaits(): void {
		const database = new DatabaseSync(this.ledgerFile);
		try {
			database.exec('UPDATE event SET due_at = 0 WHERE due_at IS NOT NULL');
			database.exec(`UPDATE node SET lease_until = 0, not_before = 0, state = json_set(state, '$.askedAt', 0)`);
			database.exec('UPDATE subscription SET lease_until = 0');
			// Of lists that are read at intervals.
			database.exec(`UPDATE cursor SET position = json_remove(position, '$.readAt')`);
		} finally {
			database.close();
		}
	}

	async stop(): Promise<void> {
		await this.n8nProcess?.stop();
		await this.simulator.close();
		await this.sink.close();
	}
}
