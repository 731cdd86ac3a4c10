import type { IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { DEFAULT_TARGETS, DAY, type Health, factsQuery, healthOf, writeRefusals } from '../../../lib';
import { streamOf } from '../../ledger/ledger';
import { type GraphNode, graphOf } from '../../workflow/graph';
import { ledgerOfWorkflow } from '../stored-events';
import { type Finding, findings } from './finding';
import { checkRegistrations, checkService } from './service';
import { followTestEvent } from './test-event';
import { checkTriggers, prefixIn, rowOf } from './webhooks';
import { checkWiring } from './wiring';

/** Goes through the workflow and the service, and lists what is wrong, each with what to do: problems first. */
export async function checkSetup(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const ledger = await ledgerOfWorkflow(context);
	const stream = streamOf(context);
	// What was refused before is counted before.
	await writeRefusals(stream);
	const began = Date.now();
	const options = { periodMs: DAY, targets: DEFAULT_TARGETS };
	const facts = await ledger.facts(stream, factsQuery(options));
	const health = healthOf(facts, options);
	const graph = graphOf(context);
	const found: Finding[] = [];
	if (graph) {
		const registered = (node: GraphNode) => {
			const row = rowOf(facts, prefixIn(context), node, 'push');
			return row && { stream, node: row.node };
		};
		const access = await checkService(context, graph);
		found.push(
			...checkWiring(graph),
			...(await checkTriggers(context, graph, { facts, health, access })),
			...access.found,
			...(await checkRegistrations(context, ledger, graph, registered, access)),
		);
	} else {
		found.push(
			findings('Connections').warning(
				'',
				'This n8n does not show the workflow to its nodes, so only the events were looked at.',
			),
		);
	}
	found.push(...checkEvents(health));
	const waitSeconds = Math.min(MOST_SECONDS, Number(context.getNodeParameter('waitSeconds', 0, 0)));
	const sorted = ORDER.flatMap((result) => found.filter((each) => each.result === result));
	// Last, as its description says.
	if (waitSeconds > 0) sorted.push(await followTestEvent(context, { ledger, stream }, began, waitSeconds * 1_000));
	tell(context, sorted);
	const pairedItem = context.getInputData().map((_item, item) => ({ item }));
	return [sorted.map((finding) => ({ json: { ...finding }, pairedItem }))];
}

/** As long as a test event is waited for at most. */
const MOST_SECONDS = 600;

const ORDER = ['problem', 'warning', 'ok'] as const;

/** What Get Health warns of, and nothing above has said. */
function checkEvents({ alerts, events }: Health): Finding[] {
	const { problem, warning, ok } = findings('Events');
	const told = ['push-silent', 'all-refused', 'polling-trouble'];
	const own = alerts.filter(({ name }) => !told.includes(name));
	if (own.length === 0 && events.unconfirmed > 0) {
		return [
			warning(
				'',
				`Of the events that passed more than a minute ago, ${events.unconfirmed} ${events.unconfirmed === 1 ? 'is' : 'are'} not confirmed yet.`,
				'Has the execution failed? List Problems names it.',
			),
		];
	}
	if (own.length === 0) return [ok('', 'No event waits too long, and none was given up.')];
	const todo = 'See the numbers with Get Health.';
	return own.map(({ severity, text }) => (severity === 'alert' ? problem('', text, todo) : warning('', text, todo)));
}

function tell(context: IExecuteFunctions, found: readonly Finding[]): void {
	const count = (result: Finding['result']) => found.filter((each) => each.result === result).length;
	const [problems, warnings] = [count('problem'), count('warning')];
	const message =
		problems + warnings === 0
			? 'Everything is set up well.'
			: `Problems: ${problems}, warnings: ${warnings}. Each says what to do.`;
	context.addExecutionHints({
		message,
		type: problems > 0 ? 'danger' : warnings > 0 ? 'warning' : 'info',
		location: 'outputPane',
	});
}
