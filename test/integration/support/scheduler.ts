import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type ErrorReporter, PollContext, PollTriggerExecutor, Tracing, TriggersAndPollers } from 'n8n-core';
import type { IDataObject, INodeExecutionData, INodeType, IPollFunctions, WorkflowActivateMode } from 'n8n-workflow';
import { HOUR, MINUTE, type SyncEvent } from '../../../lib';
import { streamOf } from '../../../nodes/ledger/ledger';
import { type Plan, TestWorkflow, eventsOf } from './n8n';

/**
 * n8n's three ways to run a polling trigger.
 *
 * A: crons in memory. One workflow object lives as long as it is published; its static data is saved when a poll returns
 * items, and not when it returns nothing. Ticks may overlap.
 *
 * B: ticks are tasks in n8n's database. Each gets a workflow object made from the stored row, so what a poll that returned
 * nothing has changed is lost. After a timeout the poll goes on by itself, and its result is dropped.
 *
 * C: as B, and the node's static data is a copy of a cursor that is stored by node id, together with the execution or, where
 * a poll returned nothing, by itself; a poll that another has followed can store neither.
 */
export type Regime = 'A' | 'B' | 'C';
export const REGIMES: readonly Regime[] = ['A', 'B', 'C'];

/** What n8n makes of items that a poll gives it. */
export type Fate =
	| 'starts'
	/** n8n dies before there is an execution; what it saves by itself it may have saved or not. */
	| 'dies'
	| 'dies-after-saving'
	/** The execution cannot be stored, which n8n only logs. */
	| 'not-stored'
	/** No execution comes of it, and nobody is told: n8n's own checks said no. */
	| 'blocked';

export interface SchedulerOptions {
	/** What n8n grants a poll in B and C, and after what time it gives it up. */
	readonly budgetMs?: number;
}

/** An execution that n8n has started. */
export interface Execution {
	readonly events: readonly SyncEvent[];
	/** It ends, well or not: to n8n both are results. */
	end(): void;
	/** It is cancelled, or n8n loses sight of it. */
	cancel(): void;
}

interface Process {
	readonly poller: INodeType;
	readonly pollers: TriggersAndPollers;
	alive: boolean;
}

/** What B and C keep of a poll while it runs. */
interface Staged {
	readonly snapshot: IDataObject;
	seed: IDataObject;
}

/** Drives the one node of a workflow that polls as n8n does, over restarts of n8n. */
export class Scheduler {
	readonly executions: Execution[] = [];
	/** Each is an execution that failed, and starts the error workflow. */
	readonly errors: Error[] = [];
	/** Where the ledger keeps its events. */
	stream = '';
	/** What the node has logged for people. */
	readonly logged: string[] = [];
	/** What becomes of the next items. */
	fate: Fate = 'starts';
	/** An engine that cannot tell of the end of an execution throws when it is asked to. */
	/** How long n8n waits for a poll that begins now, in milliseconds. */
	timeoutMs = 45_000;
	refusesDonePromise = false;

	/** n8n's database. */
	private staticData: IDataObject = {};
	private readonly cursors = new Map<string, IDataObject>();
	private readonly trouble = { errors: 0, until: 0 };

	private process: Process;
	private execute: (() => Promise<void>) | undefined;
	private superseded = { now: false };
	private tasks = 0;
	private readonly polls = new Set<Promise<unknown>>();
	private readonly starting = new Set<Promise<unknown>>();

	private constructor(
		readonly regime: Regime,
		private plan: Plan,
		private readonly options: SchedulerOptions,
	) {
		this.process = processWith(loadAnew(this.nodeType));
	}

	/** Publishes a workflow, whose first poll n8n makes at once. */
	static async publish(regime: Regime, plan: Plan, options: SchedulerOptions = {}): Promise<Scheduler> {
		const scheduler = new Scheduler(regime, { id: randomUUID(), ...plan }, options);
		await scheduler.activate('activate', true);
		return scheduler;
	}

	/** Events of all executions so far, by their subjects. */
	get subjects(): string[] {
		return this.executions.flatMap(({ events }) => events.map(({ subject }) => subject ?? ''));
	}

	/** The workflow as an execution sees it. */
	workflow(): TestWorkflow {
		return new TestWorkflow(this.plan, { staticData: copyOf(this.staticData), poller: this.process.poller });
	}

	/** Lets each execution pass through the Sync Dedupe behind, in an execution of its own. */
	async passed(executions: readonly Execution[] = this.executions): Promise<string[]> {
		const subjects: string[] = [];
		for (const { events } of executions) {
			const output = await this.workflow().dedupe(events, { execution: randomUUID() });
			subjects.push(...eventsOf(output).map(({ subject }) => subject ?? ''));
		}
		return subjects;
	}

	/** One tick, until n8n is done with it; a poll that n8n has given up may go on. */
	async tick(): Promise<void> {
		const { process } = this;
		if (!process.alive) throw new Error('n8n is not running');
		if (this.regime === 'A') await this.execute?.();
		else await this.task(process);
		await Promise.allSettled(this.starting);
	}

	/** Until polls that n8n has given up have ended as well. */
	async idle(): Promise<void> {
		await Promise.allSettled(this.polls);
		await Promise.allSettled(this.starting);
	}

	/** n8n is stopped, with whatever was under way, and starts again from its database. */
	async restart(): Promise<void> {
		this.process.alive = false;
		this.superseded.now = true;
		this.process = processWith(loadAnew(this.nodeType));
		// Where ticks are tasks, they are still there, and nothing is polled at once.
		await this.activate('init', this.regime === 'A');
	}

	/** Publishes the workflow again, with changes; polls under way are superseded. */
	async republish(plan: Plan = this.plan): Promise<void> {
		this.plan = { ...plan, ...(this.plan.id !== undefined && { id: this.plan.id }) };
		this.supersede();
		await this.activate('update', this.regime === 'A');
	}

	/** What the polls under way find or fail with does not count any more. */
	supersede(): void {
		this.superseded.now = true;
		this.superseded = { now: false };
	}

	/** Sets up the ticks. Where n8n polls at once, its trouble is that of publishing. */
	private async activate(mode: WorkflowActivateMode, polls: boolean): Promise<void> {
		const { process } = this;
		const superseded = { now: false };
		this.superseded = superseded;
		const owner = this.workflow();
		const context = this.contextFor(owner, process, mode);
		const executor = new PollTriggerExecutor(QUIET, process.pollers, new Tracing(), QUIET_REPORTER);
		const poll = executor.create(owner.workflow, this.nodeIn(owner), context, () => !superseded.now);
		this.execute = async () => {
			await this.watched(poll());
		};
		if (!polls) return;
		await poll(true);
		if (process.alive) this.save(owner);
		await Promise.allSettled(this.starting);
	}

	/** A tick of B and C. */
	private async task(process: Process): Promise<void> {
		if (this.regime === 'C' && this.trouble.until > Date.now()) return;
		const { superseded } = this;
		const task = ++this.tasks;
		const owner = this.workflow();
		const context = this.contextFor(owner, process, 'update', task);
		await context.__runPoll(async () => {
			let timer: NodeJS.Timeout | undefined;
			const poll = this.watched(process.pollers.runPollFunction(owner.workflow, this.nodeIn(owner), context));
			const timeout = new Promise<'timeout'>((resolve) => {
				timer = setTimeout(() => {
					resolve('timeout');
				}, this.timeoutMs);
			});
			try {
				const items = await Promise.race([poll, timeout]);
				if (!process.alive) return;
				if (items === 'timeout') {
					this.backOff(new Error('the poll took too long'));
					return;
				}
				Object.assign(this.trouble, { errors: 0, until: 0 });
				if (superseded.now) return;
				if (items === null) await context.__commitCursor();
				else context.__emit(items);
			} catch (error) {
				if (!process.alive) return;
				this.backOff(error as Error);
				context.__emitError(error as Error);
			} finally {
				clearTimeout(timer);
			}
		});
	}

	/** In C n8n itself waits after an error, longest where a person is to mend it. */
	private backOff(error: Error & { failure?: { cause: string; retryAfterMs?: number } }): void {
		this.trouble.errors += 1;
		const { cause, retryAfterMs = 0 } = error.failure ?? {};
		const growing = Math.min(5_000 * 2 ** (this.trouble.errors - 1), 30 * MINUTE);
		const isForPeople = cause === 'credential-invalid' || cause === 'configuration-invalid';
		const wait = isForPeople ? 30 * MINUTE : Math.max(growing, Math.min(retryAfterMs, HOUR));
		this.trouble.until = Date.now() + wait;
	}

	/** A context as n8n makes it, whose effects end with the process. */
	private contextFor(
		owner: TestWorkflow,
		process: Process,
		mode: WorkflowActivateMode,
		task?: number,
	): IPollFunctions & Required<Pick<IPollFunctions, '__runPoll' | '__commitCursor'>> {
		const { workflow } = owner;
		const node = this.nodeIn(owner);
		const staging = new AsyncLocalStorage<Staged>();
		const takeCursor = (): IDataObject | undefined => {
			const staged = staging.getStore();
			if (!staged || isDeepStrictEqual(staged.snapshot, staged.seed)) return undefined;
			staged.seed = copyOf(staged.snapshot);
			return staged.seed;
		};
		const isLatest = () => task === undefined || task === this.tasks;
		const emit: IPollFunctions['__emit'] = (items, _response, done) => {
			if (done && this.refusesDonePromise) throw new Error('This engine cannot wait for an execution to end.');
			if (!process.alive) return;
			const { fate } = this;
			this.fate = 'starts';
			if (fate === 'dies' || fate === 'dies-after-saving') {
				if (fate === 'dies-after-saving') this.save(owner);
				process.alive = false;
				return;
			}
			const cursor = takeCursor();
			this.save(owner);
			const started = Promise.resolve().then(() => {
				if (fate === 'not-stored') throw new Error('the execution could not be stored');
				if (fate === 'blocked' || (cursor && !isLatest())) return undefined;
				if (cursor) this.cursors.set(node.id, cursor);
				return this.start(items);
			});
			this.starting.add(started);
			// n8n tells of the end by the same promise where no execution has come of it.
			if (done) settle(started, done);
			started.catch(() => undefined).finally(() => this.starting.delete(started));
		};
		const context = new PollContext(
			workflow,
			node,
			owner.additionalData(),
			'trigger',
			mode,
			emit,
			(error) => {
				if (process.alive) this.errors.push(error);
			},
			() => {
				const cursor = takeCursor();
				if (process.alive && cursor && isLatest()) this.cursors.set(node.id, cursor);
				return Promise.resolve();
			},
			async (poll) => {
				if (this.regime !== 'C') return await poll();
				const cursor = this.cursors.get(node.id) ?? copyOf(workflow.getStaticData('node', node));
				this.cursors.set(node.id, cursor);
				return await staging.run({ snapshot: copyOf(cursor), seed: cursor }, poll);
			},
			() => staging.getStore()?.snapshot ?? workflow.getStaticData('node', node),
			task === undefined ? undefined : () => this.options.budgetMs ?? 36_000,
		);
		this.stream = streamOf(context as unknown as IPollFunctions);
		Object.defineProperty(context, 'logger', {
			value: { ...silence, info: (message: string) => this.logged.push(message) },
		});
		return context as unknown as IPollFunctions & Required<Pick<IPollFunctions, '__runPoll' | '__commitCursor'>>;
	}

	private start(items: INodeExecutionData[][]): Promise<unknown> {
		let finish: { end: () => void; cancel: () => void } | undefined;
		const ended = new Promise<unknown>((resolve, reject) => {
			finish = {
				end: () => {
					resolve({ finished: true });
				},
				cancel: () => {
					reject(new Error('The execution was cancelled'));
				},
			};
		});
		ended.catch(() => undefined);
		if (finish) this.executions.push({ events: eventsOf(items), ...finish });
		// Not to be waited for together with the start.
		return Promise.resolve({ ended });
	}

	/** The whole of a workflow's static data is one column, written only where something changed. */
	private save({ workflow }: TestWorkflow): void {
		if (workflow.staticData['__dataChanged'] !== true) return;
		this.staticData = copyOf(workflow.staticData);
		workflow.staticData['__dataChanged'] = false;
	}

	/** The node that polls, by its name. */
	private get pollingNode(): string {
		const [name] = Object.entries(this.plan.nodes).find(([, { type }]) => /\.sync(Polling)?Trigger$/.test(type)) ?? [];
		if (name === undefined) throw new Error('no node of the workflow polls');
		return name;
	}

	private get nodeType(): string {
		return this.plan.nodes[this.pollingNode]?.type ?? '';
	}

	private nodeIn(owner: TestWorkflow) {
		return owner.node(this.pollingNode);
	}

	private async watched<T>(poll: Promise<T>): Promise<T> {
		this.polls.add(poll);
		try {
			return await poll;
		} finally {
			this.polls.delete(poll);
		}
	}
}

/** As n8n's database keeps it; what a workflow holds is a proxy. */
function copyOf(data: IDataObject): IDataObject {
	return JSON.parse(JSON.stringify(data)) as IDataObject;
}

function settle(started: Promise<unknown>, done: Done): void {
	started
		.then(async (execution) => await (execution as { ended: Promise<unknown> } | undefined)?.ended)
		.then(
			(run) => {
				done.resolve(run);
			},
			(error: unknown) => {
				done.reject(error instanceof Error ? error : new Error(String(error)));
			},
		);
}

function processWith(poller: INodeType): Process {
	return { poller, pollers: new TriggersAndPollers(), alive: true };
}

/** A node as another process loads it: with nothing in its memory. */
function loadAnew(type: string): INodeType {
	let poller: INodeType | undefined;
	jest.isolateModules(() => {
		if (type.endsWith('.syncTrigger')) {
			const loaded = jest.requireActual<typeof import('../../../nodes/SyncTrigger/SyncTrigger.node')>(
				'../../../nodes/SyncTrigger/SyncTrigger.node',
			);
			poller = new loaded.SyncTrigger();
		} else {
			const loaded = jest.requireActual<typeof import('../../../nodes/SyncPollingTrigger/SyncPollingTrigger.node')>(
				'../../../nodes/SyncPollingTrigger/SyncPollingTrigger.node',
			);
			poller = new loaded.SyncPollingTrigger();
		}
	});
	if (!poller) throw new Error(`${type} could not be loaded`);
	return poller;
}

type Done = { resolve(result: unknown): void; reject(error: Error): void };

type Logger = ConstructorParameters<typeof PollTriggerExecutor>[0];
/** What n8n logs by itself is not looked at. */
const nothing = () => undefined;
const silence = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const QUIET = { ...silence, scoped: () => QUIET } as unknown as Logger;
const QUIET_REPORTER = { error: nothing } as unknown as ErrorReporter;
