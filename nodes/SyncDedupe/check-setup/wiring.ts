import { type Graph, type GraphNode, credentialsOf, ledgerOf } from '../../workflow/graph';
import {
	isConfirm,
	isKind,
	isPolling,
	isReceiving,
	isTrigger,
	operationOf,
	providerOf,
	removesAnyDuplicates,
	removesDuplicates,
} from '../../workflow/kinds';
import { type Finding, findings } from './finding';

/** What the nodes of a workflow tell about how they are put together. */
export function checkWiring(graph: Graph): Finding[] {
	const { nodes } = graph;
	const triggers = nodes.filter(isTrigger);
	const found = [
		...checkConnections(graph, triggers),
		...checkPairs(graph, triggers),
		...nodes.filter(removesDuplicates).flatMap((node) => checkDedupe(graph, node)),
		...nodes.filter(isConfirm).flatMap((node) => checkConfirm(graph, node)),
		...checkLedgers(nodes.filter((node) => isTrigger(node) || isKind(node, 'syncDedupe'))),
	];
	const isFine = found.every(({ result }) => result === 'ok');
	return isFine
		? [
				...found,
				findings('Connections').ok(
					'',
					'The Sync nodes are connected as they should be, as you see them here. What you have changed counts once it is published.',
				),
			]
		: found;
}

/** What to do where a node is missing: where one is deactivated, that is all there is to it. */
function orActivate({ deactivated }: Graph, isMissing: (node: GraphNode) => boolean, todo: string): string {
	const off = deactivated.find(isMissing);
	return off ? `"${off.name}" is deactivated: activate it, and publish.` : todo;
}

function checkConnections(graph: Graph, triggers: readonly GraphNode[]): Finding[] {
	const { nodes, next, ahead } = graph;
	const { problem, warning } = findings('Connections');
	// Sync Dedupe alone has its uses: values of any trigger, and error workflows.
	if (triggers.length === 0 && !nodes.some(removesDuplicates)) return [];
	if (triggers.length === 0) {
		return [
			problem(
				'',
				'The workflow has no Sync trigger that is active.',
				orActivate(
					graph,
					isTrigger,
					'Add a Sync Trigger, and put this node into the workflow of that trigger: events belong to a workflow.',
				),
			),
		];
	}
	return triggers.flatMap((trigger) => {
		const targets = next(trigger);
		if (targets.length === 0) {
			return [problem(trigger.name, 'It leads nowhere.', 'Connect it to Sync Dedupe, or to your own step.')];
		}
		const early = targets.find((target) => !removesAnyDuplicates(target) && ahead(target).some(removesAnyDuplicates));
		if (early) {
			return [
				warning(
					trigger.name,
					`Between it and Sync Dedupe stands "${early.name}": what that does may be done twice.`,
					'Connect Sync Dedupe directly to the trigger.',
				),
			];
		}
		if (targets.some(removesAnyDuplicates)) return [];
		return [
			warning(
				trigger.name,
				'No Sync Dedupe follows: if n8n dies in the middle of an execution, its events may be done twice or not be finished.',
				orActivate(
					graph,
					removesAnyDuplicates,
					'Add Sync Dedupe behind the trigger, and a Confirm behind your last step. Leave it if that does not matter.',
				),
			),
		];
	});
}

function checkPairs(graph: Graph, triggers: readonly GraphNode[]): Finding[] {
	const { next } = graph;
	const { problem, warning } = findings('Triggers');
	const found: Finding[] = [];
	const bySource = Map.groupBy(triggers, (trigger) => `${providerOf(trigger)} ${credentialsOf(trigger)}`);
	for (const own of bySource.values()) {
		for (const [half, can] of [
			['receive webhooks', isReceiving],
			['poll', isPolling],
		] as const) {
			const [one, other] = own.filter(can);
			if (!one || !other || ['anyService', 'none'].includes(providerOf(one))) continue;
			found.push(
				warning(
					other.name,
					`It and "${one.name}" both ${half} for the same service: each event still comes once, but is asked for and sent twice.`,
					'Keep one of them, or choose different events in the two.',
				),
			);
		}
	}
	const pollers = triggers.filter(isPolling);
	for (const receiver of triggers.filter((node) => isReceiving(node) && !isPolling(node))) {
		if (pollers.length === 0) {
			found.push(
				warning(
					receiver.name,
					'No polling stands beside it: what a webhook loses never comes, and what n8n could not start is not started again.',
					orActivate(
						graph,
						isPolling,
						'Use Sync Trigger instead, or add a Sync Polling Trigger that leads to the same next node.',
					),
				),
			);
			continue;
		}
		const targets = next(receiver);
		const isShared = pollers.some((poller) => next(poller).some((target) => targets.includes(target)));
		if (targets.length > 0 && !isShared) {
			found.push(
				problem(
					receiver.name,
					'No polling trigger leads to the same next node, so nothing brings back the events that it could not start.',
					`Connect "${pollers[0]?.name ?? ''}" to "${targets[0]?.name ?? ''}" too.`,
				),
			);
		}
	}
	return found;
}

function checkDedupe(graph: Graph, node: GraphNode): Finding[] {
	const { next, ahead, behind } = graph;
	const { problem, warning } = findings('Sync Dedupe');
	const found: Finding[] = [];
	if (next(node, 0).length === 0) {
		found.push(problem(node.name, 'Its output New leads nowhere.', 'Connect New to your own step.'));
	}
	if (!behind(node).some(isTrigger)) {
		found.push(
			problem(
				node.name,
				'No Sync trigger leads to it, so no item has the event that it looks for.',
				orActivate(graph, isTrigger, 'Connect a Sync Trigger to it, or choose "Identify Items By: Value".'),
			),
		);
	}
	const [before] = behind(node).filter((each) => each !== node && removesDuplicates(each));
	if (before) {
		found.push(
			warning(
				node.name,
				`"${before.name}" before it has removed the duplicates already.`,
				'Remove one of the two. To mark events as finished, choose the operation Confirm.',
			),
		);
	}
	if (ahead(node, 0).some(isConfirm)) return found;
	const elsewhere = ahead(node).find(isConfirm);
	if (elsewhere) {
		found.push(
			problem(
				node.name,
				`"${elsewhere.name}" cannot be reached from its output New: what comes out there is never confirmed, so it passes again and again until it is given up.`,
				`Connect "${elsewhere.name}" behind the last step of New.`,
			),
		);
	} else {
		found.push(
			warning(
				node.name,
				'No Confirm follows: an event counts as finished as soon as it passes, also if a later step fails.',
				orActivate(
					graph,
					isConfirm,
					'Add a Sync Dedupe with the operation Confirm behind your last step. Then failed events are tried again.',
				),
			),
		);
	}
	return found;
}

function checkConfirm(graph: Graph, node: GraphNode): Finding[] {
	const { next, ahead, behind } = graph;
	const { problem, warning } = findings('Confirm');
	const found: Finding[] = [];
	if (!behind(node).some(removesAnyDuplicates)) {
		found.push(
			problem(
				node.name,
				'No Sync Dedupe before it lets events pass, so it confirms nothing.',
				orActivate(
					graph,
					removesAnyDuplicates,
					'Add a Sync Dedupe with the operation Remove Duplicates directly behind the trigger.',
				),
			),
		);
	}
	const isAll = node.parameters['onlyTheseItems'] !== true;
	const before = behind(node);
	const branch = before
		.filter(removesAnyDuplicates)
		.flatMap((dedupe) => ahead(dedupe, 0))
		.find((each) => isStep(each) && each !== node && !before.includes(each) && !ahead(node).includes(each));
	if (isAll && branch) {
		found.push(
			warning(
				node.name,
				`It finishes all events of the execution, also those that go to "${branch.name}" on another branch: n8n runs one branch to its end before the other.`,
				'Bring the branches together with a Merge before Confirm. Or switch on "Only These Items" in Confirm, and keep the fields of the event in the items.',
			),
		);
	}
	// What leads back to it is a loop, and an answer is no step that matters.
	const after = next(node).filter((each) => isStep(each) && !before.includes(each));
	if (after[0]) {
		found.push(
			warning(
				node.name,
				`"${after[0].name}" comes after it: if that fails, the event is finished all the same.`,
				'Move Confirm behind the last step that matters.',
			),
		);
	}
	return found;
}

/** What does something that may fail. */
function isStep(node: GraphNode): boolean {
	if (isKind(node, 'syncDedupe')) return operationOf(node) === 'reportFailure';
	return !isKind(node, 'noOp', 'respondToWebhook', 'stickyNote');
}

function checkLedgers(nodes: readonly GraphNode[]): Finding[] {
	const groups = [...Map.groupBy(nodes, ledgerOf).values()];
	const [main, ...others] = groups.toSorted((one, other) => other.length - one.length);
	return others
		.flat()
		.map((node) =>
			findings('Ledger').problem(
				node.name,
				`It keeps its events in another ledger or stream than "${main?.[0]?.name ?? ''}": the two know nothing of each other.`,
				'Choose the same under "Ledger", its credential and "Stream" in all Sync nodes of the workflow.',
			),
		);
}
