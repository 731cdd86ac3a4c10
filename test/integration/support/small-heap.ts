// A process with little memory: ticks against an API, or hands over what waits in a ledger, and reports what it took.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
	type Ledger,
	createLedger,
	createTransport,
	openSqlite,
	parseRestSettings,
	restApi,
	runTick,
	undiciExchange,
} from '../../../lib';

export interface SmallHeapJob {
	readonly ledger: string;
	/** Reads rows from this API; without it, nothing is read. */
	readonly baseUrl?: string;
	readonly ticks: number;
	/** What to do with what waits, besides ticking. */
	readonly also?: 'look up' | 'replay';
}

export interface SmallHeapReport {
	/** For each tick: how many events it emitted, and their size as JSON text in bytes. */
	readonly emitted: readonly { readonly events: number; readonly bytes: number }[];
	readonly failures: readonly string[];
	/** Rows in the ledger, by state. */
	readonly states: Readonly<Record<string, number>>;
	/** What was looked up, or replayed. */
	readonly also?: { readonly events: number; readonly bytes: number; readonly goesOn: boolean };
	/** The longest hold of the event loop, in milliseconds. */
	readonly longestHoldMs: number;
}

async function main(job: SmallHeapJob): Promise<void> {
	const backend = await openSqlite(job.ledger);
	const ledger = createLedger(backend);
	const delay = monitorEventLoopDelay({ resolution: 5 });
	delay.enable();
	const emitted: { events: number; bytes: number }[] = [];
	const failures: string[] = [];
	for (let tick = 0; tick < job.ticks; tick++) {
		const result = await runTick({
			ledger,
			...(job.baseUrl !== undefined && { source: sourceAt(job.baseUrl) }),
			stream: 's',
			node: { id: 'n', workflow: 's', name: 'Poll' },
			leadsTo: () => 'same',
			start: { from: 'everything' },
			lookBackMs: 0,
			maxEvents: 1_000,
			budgetMs: 20_000,
			insists: true,
			settings: tick,
			clock: () => Date.now() + tick * 3_600_000,
		});
		emitted.push(sizeOf(result.events));
		if (result.failure) failures.push(result.failure.message);
	}
	const also = job.also && (await alsoDone(ledger, job.also));
	const rows = await backend.db
		.selectFrom('event')
		.select(({ fn }) => ['state', fn.countAll<number>().as('count')])
		.groupBy('state')
		.execute();
	// A hold is noted by the first timer after it.
	await new Promise((resolve) => setTimeout(resolve, 20));
	const report: SmallHeapReport = {
		emitted,
		failures,
		states: Object.fromEntries(rows.map(({ state, count }) => [state, count])),
		...(also && { also }),
		longestHoldMs: Math.round(delay.max / 1e6),
	};
	await ledger.close();
	await new Promise((resolve) => process.send?.(report, resolve));
}

function sourceAt(baseUrl: string) {
	const transport = createTransport({
		service: 'The API',
		baseUrl,
		exchange: undiciExchange(),
		credentialHint: 'Check the credential.',
	});
	const settings = parseRestSettings({ url: '/rows', cursor: 'none' });
	return { provider: 'anyService', open: () => Promise.resolve(restApi(settings, baseUrl, transport)) };
}

async function alsoDone(ledger: Ledger, what: 'look up' | 'replay') {
	if (what === 'look up') {
		const { events, next } = await ledger.lookUp('s', {}, { limit: 1_000, withData: true });
		return { ...sizeOf(events), goesOn: next !== undefined };
	}
	const replayed = await ledger.replay('s', { types: ['t'] }, { limit: 1_000, handsOver: true, dryRun: false });
	return { ...sizeOf(replayed.events), goesOn: replayed.done < 1_000 };
}

function sizeOf(events: readonly unknown[]) {
	return { events: events.length, bytes: events.reduce<number>((sum, event) => sum + JSON.stringify(event).length, 0) };
}

process.once('message', (job: SmallHeapJob) => {
	void main(job).then(() => {
		process.disconnect();
	});
});
