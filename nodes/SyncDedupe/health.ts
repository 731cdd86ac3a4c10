import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import {
	DAY,
	DEFAULT_TARGETS,
	HOUR,
	type HealthOptions,
	MINUTE,
	type Targets,
	factsQuery,
	healthOf,
	reportOf,
	writeRefusals,
} from '../../lib';
import { streamOf } from '../ledger/ledger';
import { positive } from './parameters';
import { ledgerOfWorkflow } from './stored-events';

/** One item for the workflow: what happened to its events, how it is doing, and on request a report to look at. */
export async function getHealth(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const ledger = await ledgerOfWorkflow(context);
	const stream = streamOf(context);
	await writeRefusals(stream);
	const options = optionsOf(context);
	const facts = await ledger.facts(stream, factsQuery(options));
	const health = healthOf(facts, options);
	const pairedItem = context.getInputData().map((_item, item) => ({ item }));
	const item: INodeExecutionData = { json: health as unknown as IDataObject, pairedItem };
	if (context.getNodeParameter('includeReport', 0, false) !== true) return [[item]];
	const name = context.getWorkflow().name ?? 'this workflow';
	const { html, svg } = reportOf(facts, health, { ...options, name, timeZone: context.getTimezone() });
	const file = async (text: string, fileName: string, type: string) =>
		await context.helpers.prepareBinaryData(Buffer.from(text), fileName, type);
	const report = await file(html, 'health.html', 'text/html');
	const chart = await file(svg, 'health.svg', 'image/svg+xml');
	return [[{ ...item, binary: { report, chart } }]];
}

function optionsOf(context: IExecuteFunctions): HealthOptions {
	const hours = positive(context, context.getNodeParameter('periodHours', 0, 24), 'Over the Last (Hours)');
	const given = context.getNodeParameter('targets', 0, {}) as IDataObject;
	const share = (name: string, label: string, byDefault: number) =>
		given[name] === undefined ? byDefault : Math.min(100, positive(context, given[name], label)) / 100;
	const span = (name: string, label: string, unit: number, byDefault: number) =>
		given[name] === undefined ? byDefault : positive(context, given[name], label) * unit;
	const targets: Targets = {
		freshness: share('freshness', 'Freshness (%)', DEFAULT_TARGETS.freshness),
		completeness: share('completeness', 'Completeness (%)', DEFAULT_TARGETS.completeness),
		success: share('success', 'Success (%)', DEFAULT_TARGETS.success),
		freshWithinMs: span('freshWithinMinutes', 'In Time Is Within (Minutes)', MINUTE, DEFAULT_TARGETS.freshWithinMs),
		windowMs: span('windowDays', 'Over (Days)', DAY, DEFAULT_TARGETS.windowMs),
	};
	return { periodMs: hours * HOUR, targets };
}
