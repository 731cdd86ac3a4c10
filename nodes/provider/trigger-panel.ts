import type { TriggerPanelDefinition } from 'n8n-workflow';

/**
 * What the editor shows in the place of the input of a trigger. Left to itself, it makes sentences of the node's name, such
 * as "Pull in events from Sync Webhook".
 */

const EXECUTIONS = 'These executions are in the <a data-key="executions">executions list</a>, not in the editor.';

/**
 * @param test how to get an event while the workflow is built
 * @param starts what starts the published workflow
 */
function panelOf(header: string, test: string, starts: string): TriggerPanelDefinition {
	const building = `<b>While you build the workflow</b>, ${test} It shows up in this editor, and nothing is stored.<br /><br />`;
	return {
		header,
		executionsHelp: {
			inactive: `${building}<b>When the workflow is ready</b>, publish it. Then it starts by itself ${starts}. ${EXECUTIONS}`,
			active: `${building}<b>The workflow is published</b>. It starts by itself ${starts}. ${EXECUTIONS}`,
		},
		activationHint: {
			inactive: `When the workflow is ready, publish it. Then it also starts by itself ${starts}.`,
			active: `The workflow is published. It also starts by itself ${starts}.`,
		},
	};
}

const SENDS = 'and have the service send an event to the Test URL (under "Webhook URLs").';

export const webhookPanel = panelOf(
	'Receive a test event',
	`click "Listen for test event" ${SENDS}`,
	'when the service sends an event',
);

export const pollingPanel = panelOf(
	'Fetch a test event',
	'click "Fetch Test Event". The node asks the service for an event that it has already.',
	'when it finds a new event at the service',
);

export const bothWaysPanel = panelOf(
	'Fetch a test event',
	`click "Fetch Test Event" ${SENDS}`,
	'when the service sends an event, or when it finds one that was lost',
);
