import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// n8n and the ledger both live in the user folder; it is set before either is loaded.
const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-'));
process.env['N8N_USER_FOLDER'] = folder;
afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});
process.env['N8N_LOG_LEVEL'] = 'silent';
process.env['N8N_ENCRYPTION_KEY'] = 'an-encryption-key-for-tests';

import { Logger } from '@n8n/backend-common';
import { Container } from '@n8n/di';
import express, { type Request, type Response } from 'express';
import { ExecuteContext, HookContext, LoadOptionsContext, PollContext, WebhookContext } from 'n8n-core';
import {
	type IConnections,
	type ICredentialDataDecryptedObject,
	type IDataObject,
	type IExecuteData,
	type IExecuteFunctions,
	type IHookFunctions,
	type ILoadOptionsFunctions,
	type INodeListSearchResult,
	type INodePropertyOptions,
	type IPollFunctions,
	type IWebhookFunctions,
	type INode,
	type INodeExecutionData,
	type INodeParameters,
	type INodeProperties,
	type INodeType,
	type INodeTypes,
	type IRunExecutionData,
	type ITaskData,
	type IWebhookData,
	type IWebhookResponseData,
	type IWorkflowExecuteAdditionalData,
	Workflow,
	type WorkflowActivateMode,
	type WorkflowExecuteMode,
	createRunExecutionData,
} from 'n8n-workflow';
import { SyncDedupe } from '../../../nodes/SyncDedupe/SyncDedupe.node';
import { SyncTrigger } from '../../../nodes/SyncTrigger/SyncTrigger.node';
import { SyncPollingTrigger } from '../../../nodes/SyncPollingTrigger/SyncPollingTrigger.node';
import { SyncWebhookTrigger } from '../../../nodes/SyncWebhookTrigger/SyncWebhookTrigger.node';
import type { PostgresOptions, SyncEvent } from '../../../lib';
import { KEPT } from '../../simulator/kept';

/** Stands for any node of another package: it is only looked at, never run. */
const otherNode = {
	description: { properties: [], credentials: [], inputs: ['main'], outputs: ['main'] },
} as unknown as INodeType;

const PACKAGE = 'n8n-nodes-hybrid-sync';

const types: Record<string, INodeType> = {
	[`${PACKAGE}.syncTrigger`]: new SyncTrigger(),
	[`${PACKAGE}.syncWebhookTrigger`]: new SyncWebhookTrigger(),
	[`${PACKAGE}.syncPollingTrigger`]: new SyncPollingTrigger(),
	[`${PACKAGE}.syncDedupe`]: new SyncDedupe(),
};
/** @param poller the polling trigger as another process has loaded it */
function nodeTypesWith(poller: INodeType | undefined): INodeTypes {
	const name = poller && `${PACKAGE}.${poller.description.name}`;
	const known = poller && name !== undefined ? { ...types, [name]: poller } : types;
	return {
		getByName: (name) => known[name] ?? otherNode,
		getByNameAndVersion: (name) => known[name] ?? otherNode,
		getKnownTypes: () => ({}),
	};
}

export const SECRET = 'a-webhook-secret-of-32-characters';

/** Which nodes a workflow has, by name, and what leads where. */
export interface Plan {
	readonly id?: string;
	readonly nodes: Record<string, { type: string; id?: string; parameters?: INodeParameters; disabled?: boolean }>;
	/** Name of a node, to the names behind its first output. */
	readonly edges: Record<string, string[]>;
	/** Data of the provider's credential. */
	readonly credential?: Record<string, string>;
	/** No credential is chosen in the nodes. */
	readonly withoutCredential?: boolean;
	/** Data of the credential for REST APIs, with a key or with OAuth2. n8n keeps refreshed tokens in it. */
	readonly rest?: ICredentialDataDecryptedObject;
	/** Data of the ledger's credential. */
	readonly postgres?: PostgresOptions;
	/** Credentials of other types that are chosen in the nodes; their data is that of `credential`. */
	readonly credentials?: Record<string, { id: string; name: string }>;
}

/** The pair: both triggers into one Sync Dedupe, and a step behind it. */
export function examplePlan(
	changes: Partial<Plan> = {},
	polling: INodeParameters = {},
	webhook: INodeParameters = {},
): Plan {
	return {
		nodes: {
			Webhook: { type: `${PACKAGE}.syncWebhookTrigger`, parameters: { provider: 'getresponse', ...webhook } },
			Poll: {
				type: `${PACKAGE}.syncPollingTrigger`,
				parameters: { provider: 'getresponse', events: ['contact_added'], start: 'now', ...polling },
			},
			Dedupe: { type: `${PACKAGE}.syncDedupe`, parameters: { operation: 'removeDuplicates', identifyBy: 'event' } },
			Step: { type: 'n8n-nodes-base.noOp' },
		},
		edges: { Webhook: ['Dedupe'], Poll: ['Dedupe'], Dedupe: ['Step'] },
		...changes,
	};
}

/** The same with a Sync Trigger in the place of the pair, and what the polling trigger asks as its options. */
export function oneNodePlan(changes: Partial<Plan> = {}, polling: INodeParameters = {}): Plan {
	const { start, since, additionalOptions, ...parameters } = polling;
	const options = {
		...(start !== undefined && { start }),
		...(since !== undefined && { since }),
		...(additionalOptions as INodeParameters | undefined),
	};
	return {
		nodes: {
			Sync: {
				type: `${PACKAGE}.syncTrigger`,
				parameters: { provider: 'getresponse', additionalOptions: options, ...parameters },
			},
			Dedupe: { type: `${PACKAGE}.syncDedupe`, parameters: { operation: 'removeDuplicates', identifyBy: 'event' } },
			Step: { type: 'n8n-nodes-base.noOp' },
		},
		edges: { Sync: ['Dedupe'], Dedupe: ['Step'] },
		...changes,
	};
}

/** The same with a Confirm behind the step. */
export function confirmingPlan(changes: Partial<Plan> = {}): Plan {
	const plan = examplePlan(changes);
	return {
		...plan,
		nodes: { ...plan.nodes, Confirm: { type: `${PACKAGE}.syncDedupe`, parameters: { operation: 'confirm' } } },
		edges: { ...plan.edges, Step: ['Confirm'] },
	};
}

/** How Sync Dedupe is run. */
interface DedupeOptions {
	node?: string;
	mode?: WorkflowExecuteMode;
	/** How the outermost workflow was started, where this is a sub-workflow. */
	rootMode?: WorkflowExecuteMode;
	/** How the execution began, which n8n keeps with it through waits and retries. */
	source?: WorkflowExecuteMode;
	execution?: string;
	run?: number;
	/** What nodes before this one gave in this execution, run by run, by their first output. */
	before?: Record<string, readonly object[][]>;
}

/** A workflow whose nodes run in n8n-core's own contexts, as n8n runs them. */
export class TestWorkflow {
	readonly workflow: Workflow;
	/** Where n8n is called: once a webhook is served, there. */
	private webhookUrl = 'http://127.0.0.1/webhook';
	private executions = 0;
	/** What the nodes have written into n8n's log for people. */
	readonly warnings: string[] = [];

	/** @param from what n8n has kept with the workflow, and the polling trigger as the process has loaded it */
	constructor(
		private readonly plan: Plan,
		from: { readonly staticData?: IDataObject; readonly poller?: INodeType } = {},
	) {
		const credentials = {
			hybridSyncGetResponseApi: { id: '1', name: 'account' },
			hybridSyncLedgerPostgres: { id: '2', name: 'ledger' },
			hybridSyncHttp: { id: '3', name: 'key' },
			hybridSyncHttpOAuth2Api: { id: '4', name: 'tokens' },
			hybridSyncStripeApi: { id: '5', name: 'payments' },
			hybridSyncWooCommerceApi: { id: '6', name: 'shop' },
			...plan.credentials,
		};
		const nodes: INode[] = Object.entries(plan.nodes).map(([name, node]) => ({
			id: `${name}-id`,
			name,
			typeVersion: 1,
			position: [0, 0],
			parameters: {},
			...(plan.withoutCredential ? {} : { credentials }),
			...node,
		}));
		const connections: IConnections = Object.fromEntries(
			Object.entries(plan.edges).map(([from, to]) => [
				from,
				{ main: [to.map((node) => ({ node, type: 'main' as const, index: 0 }))] },
			]),
		);
		this.workflow = new Workflow({
			id: plan.id ?? randomUUID(),
			nodes,
			connections,
			active: true,
			nodeTypes: nodeTypesWith(from.poller),
			...(from.staticData && { staticData: from.staticData }),
		});
	}

	/** The only node of a workflow that does one thing: of the pair, or the one that does both. */
	private named(name: string): string {
		return this.workflow.getNode(name) ? name : 'Sync';
	}

	private typeOf(name: string): SyncTrigger | SyncWebhookTrigger | SyncPollingTrigger {
		return nodeTypesWith(undefined).getByName(this.node(name).type) as SyncTrigger;
	}

	/** Keeps what a node writes into n8n's log for people. */
	private listening<C extends object>(context: C): C {
		// A context keeps the one that it is asked for first.
		const logger = Container.get(Logger);
		const kept = (level: 'warn' | 'error') => (message: string, more?: IDataObject) => {
			this.warnings.push(message);
			logger[level](message, more);
		};
		const value = {
			debug: (message: string, more?: IDataObject) => {
				logger.debug(message, more);
			},
			info: (message: string, more?: IDataObject) => {
				logger.info(message, more);
			},
			warn: kept('warn'),
			error: kept('error'),
		};
		return Object.defineProperty(context, 'logger', { value });
	}

	/** Runs a tick as n8n's scheduler does. */
	async poll(name = 'Poll', mode: WorkflowExecuteMode = 'trigger'): Promise<SyncEvent[] | null> {
		const node = this.named(name);
		const context = this.listening(
			new PollContext(this.workflow, this.node(node), this.additionalData(), mode, 'activate'),
		);
		const { poll } = this.typeOf(node) as unknown as { poll: INodeType['poll'] };
		const items = await poll?.call(context as unknown as IPollFunctions);
		return items ? eventsOf(items) : null;
	}

	/** Loads the list of a field, as the editor does while the node is open. */
	async load(field: string, name = 'Poll'): Promise<INodePropertyOptions[]> {
		const node = this.node(this.named(name));
		const { description, methods } = nodeTypesWith(undefined).getByName(node.type) as INodeType;
		const options = description.properties.find((each) => each.name === 'additionalOptions')?.options ?? [];
		const fields = [...description.properties, ...(options as INodeProperties[])];
		const method = fields.find((each) => each.name === field && each.typeOptions?.loadOptionsMethod)?.typeOptions;
		const load = methods?.loadOptions?.[method?.loadOptionsMethod ?? ''];
		if (!load) throw new Error(`Nothing loads ${field}`);
		const more = { ...this.additionalData(), currentNodeParameters: node.parameters };
		const context = new LoadOptionsContext(this.workflow, node, more, `parameters.${field}`);
		return await load.call(context as unknown as ILoadOptionsFunctions);
	}

	/** Searches a list to pick from, as the editor does while a user types. */
	async search(method: string, filter?: string, page?: string, name = 'Poll'): Promise<INodeListSearchResult> {
		const node = this.node(this.named(name));
		const { methods } = nodeTypesWith(undefined).getByName(node.type) as INodeType;
		const search = methods?.listSearch?.[method];
		if (!search) throw new Error(`Nothing searches ${method}`);
		const more = { ...this.additionalData(), currentNodeParameters: node.parameters };
		const context = new LoadOptionsContext(this.workflow, node, more, 'parameters.lists');
		return await search.call(context as unknown as ILoadOptionsFunctions, filter, page);
	}

	/** Publishes: runs the check that n8n makes before a webhook goes live. */
	async publish(name = 'Webhook'): Promise<boolean> {
		return await this.hook('checkExists', name);
	}

	/** Does what n8n does when a workflow is published, edited or unpublished. */
	async hook(
		method: 'checkExists' | 'create' | 'delete',
		name = 'Webhook',
		mode: WorkflowExecuteMode = 'trigger',
		isTest = false,
		activation: WorkflowActivateMode = 'activate',
	): Promise<boolean> {
		const node = this.named(name);
		const data = { isTest, webhookDescription: { name: 'default', path: 'sync', httpMethod: 'POST' } } as IWebhookData;
		const context = this.listening(
			new HookContext(this.workflow, this.node(node), this.additionalData(), mode, activation, data),
		);
		const { default: methods } = (this.typeOf(node) as SyncTrigger).webhookMethods;
		return await methods[method].call(context as unknown as IHookFunctions);
	}

	/** Runs Sync Dedupe on items, as one execution or as part of one. */
	async dedupe(input: readonly object[], options: DedupeOptions = {}): Promise<INodeExecutionData[][]> {
		return await new SyncDedupe().execute.call(this.executeContext(input, options) as unknown as IExecuteFunctions);
	}

	/** The same, and what it has noted on the execution. */
	async dedupeWithNotes(
		input: readonly object[],
		execution: string,
	): Promise<{ customData: Record<string, string>; metadata: object }> {
		const context = this.executeContext(input, { execution });
		await new SyncDedupe().execute.call(context as unknown as IExecuteFunctions);
		return { customData: context.customData.getAll(), metadata: context.getExecuteData().metadata ?? {} };
	}

	private executeContext(input: readonly object[], options: DedupeOptions): ExecuteContext {
		const { node = 'Dedupe', mode = 'trigger', execution = `${++this.executions}`, run = 0, before = {} } = options;
		const items = input.map((json) => ({ json })) as INodeExecutionData[];
		const executeData: IExecuteData = { data: { main: [items] }, node: this.node(node), source: null };
		const toItems = (jsons: readonly object[]) => jsons.map((json) => ({ json })) as INodeExecutionData[];
		const runs = (all: readonly object[][]): ITaskData[] =>
			all.map((jsons, executionIndex) => ({
				executionIndex,
				startTime: 0,
				executionTime: 0,
				source: [],
				data: { main: [toItems(jsons)] },
			}));
		const runData: IRunExecutionData = createRunExecutionData({
			...(options.source && {
				executionData: { runtimeData: { version: 1, establishedAt: 0, source: options.source } },
			}),
			resultData: {
				runData: Object.fromEntries(Object.entries(before).map(([name, all]) => [name, runs(all)])),
			},
		});
		return new ExecuteContext(
			this.workflow,
			this.node(node),
			{
				...this.additionalData(),
				executionId: `${this.workflow.id}-${execution}`,
				...(options.rootMode && { rootExecutionMode: options.rootMode }),
			},
			mode,
			runData,
			run,
			items,
			executeData.data,
			executeData,
			[],
		);
	}

	/** Serves the webhook node as n8n does: real requests, the body left unread. */
	async serve(options: { node?: string; mode?: WorkflowExecuteMode } = {}): Promise<WebhookServer> {
		const { mode = 'webhook' } = options;
		const node = this.named(options.node ?? 'Webhook');
		const executions: SyncEvent[][] = [];
		const failures: unknown[] = [];
		const broken = { now: false };
		const app = express();
		app.all(/^\/webhook/, (request: Request, response: Response) => {
			const additionalData = { ...this.additionalData(), httpRequest: request, httpResponse: response };
			const webhookData = { node, path: 'webhook', httpMethod: request.method } as unknown as IWebhookData;
			const context = this.listening(
				new WebhookContext(this.workflow, this.node(node), additionalData, mode, webhookData, [], null),
			);
			const answer = (result: IWebhookResponseData) => {
				if (result.workflowData && !result.noWebhookResponse && broken.now) {
					response.status(500).end();
					return;
				}
				if (result.workflowData) executions.push(eventsOf(result.workflowData));
				if (result.noWebhookResponse) return;
				const webhookResponse: unknown = result.webhookResponse ?? { message: 'Workflow was started' };
				if (typeof webhookResponse === 'string') response.send(webhookResponse);
				else response.json(webhookResponse);
			};
			(this.typeOf(node) as SyncTrigger).webhook
				.call(context as unknown as IWebhookFunctions)
				.then(answer, (error: unknown) => {
					failures.push(error);
					response.status(500).end();
				});
		});
		const server = createServer(KEPT, app);
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`;
		this.webhookUrl = url;
		return {
			url,
			executions,
			failures,
			broken,
			close: async () => {
				server.closeAllConnections();
				await new Promise((resolve) => server.close(resolve));
			},
		};
	}

	/** The id of the n8n that these workflows run in. */
	instanceId(): string {
		const context = new PollContext(this.workflow, this.firstNode(), this.additionalData(), 'trigger', 'activate');
		return context.getInstanceId();
	}

	private firstNode(): INode {
		const [node] = Object.values(this.workflow.nodes);
		if (!node) throw new Error('the workflow has no node');
		return node;
	}

	node(name: string): INode {
		const node = this.workflow.getNode(name);
		if (!node) throw new Error(`no node ${name}`);
		return node;
	}

	additionalData(): IWorkflowExecuteAdditionalData {
		// Read with each use, as n8n does: it may be changed while a workflow is published.
		const credential = () => ({
			apiKey: '',
			region: 'custom',
			domain: '',
			apiUrl: '',
			webhookSecret: SECRET,
			...this.plan.credential,
		});
		return {
			credentialsHelper: {
				getDecrypted: (_data: unknown, _node: unknown, type: string) => {
					if (type.startsWith('hybridSyncHttp')) return Promise.resolve({ ...this.plan.rest });
					return Promise.resolve(type === 'hybridSyncLedgerPostgres' ? this.plan.postgres : credential());
				},
				isCredentialUsableByNode: () => true,
				getParentTypes: (type: string) => (type === 'hybridSyncHttpOAuth2Api' ? ['oAuth2Api'] : []),
				runPreAuthentication: () => Promise.resolve(undefined),
				updateCredentialsOauthTokenData: (_node: unknown, _type: string, data: ICredentialDataDecryptedObject) => {
					Object.assign(this.plan.rest ?? {}, { oauthTokenData: data['oauthTokenData'] });
					return Promise.resolve();
				},
			},
			executionId: undefined,
			instanceBaseUrl: 'http://127.0.0.1/',
			webhookBaseUrl: this.webhookUrl,
			webhookTestBaseUrl: `${this.webhookUrl}-test`,
			webhookWaitingBaseUrl: 'http://127.0.0.1/webhook-waiting',
			formWaitingBaseUrl: 'http://127.0.0.1/form-waiting',
		} as unknown as IWorkflowExecuteAdditionalData;
	}
}

export interface WebhookServer {
	readonly url: string;
	/** Events of each execution that was started. */
	readonly executions: SyncEvent[][];
	/** n8n cannot start executions now, and answers 500. */
	readonly broken: { now: boolean };
	/** What the node threw; n8n would record an error execution for each. */
	readonly failures: unknown[];
	close(): Promise<void>;
}

export function eventsOf(items: INodeExecutionData[][]): SyncEvent[] {
	return (items[0] ?? []).map(({ json }) => json as unknown as SyncEvent);
}
