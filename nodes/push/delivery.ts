import type { INodeExecutionData, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { type PushingProvider, type Receipt, countRefusal, receive } from '../../lib';
import { acknowledgeOnce } from '../ledger/acknowledge';
import { identityOf } from '../ledger/ledger';
import { chosenCredential, chosenEvents, pushingProvider, readCredential } from '../provider/chosen';
import { toNodeError } from '../workflow/errors';
import { toItems } from '../workflow/items';
import { labelOf } from '../workflow/label';
import { isDedupeNext } from '../workflow/neighbours';
import { meetReceiver, startsInBatches } from './registration';

/**
 * Receives one delivery: verifies and stores it, answers, and starts an execution with what was new or due.
 *
 * @param onTest gets the items of a delivery that came while the editor was listening
 */
export async function deliver(
	context: IWebhookFunctions,
	onTest?: (items: INodeExecutionData[]) => void,
): Promise<IWebhookResponseData> {
	const { stream, node, name } = identityOf(context);
	const provider = pushingProvider(context);
	const request = context.getRequestObject();
	const manual = context.getMode() === 'manual';
	const dedupes = isDedupeNext(context);
	const received = await receive({
		provider,
		secrets: await secretsOf(context),
		sender: chosenCredential(context, provider, 'push').id,
		request: {
			method: request.method,
			url: request.originalUrl,
			headers: request.headers,
			stream: request,
		},
		stream,
		node,
		handsOver: manual || !startsInBatches(context),
		showsChanged: dedupes,
		types: letIn(context, provider),
		...(!manual && { openLedger: async () => await meetReceiver(context) }),
	});
	if (received.accepted) {
		context.logger.debug(`${labelOf(context)} took a delivery`, { node: name, note: received.note });
	} else logRefusal(context, received);

	const items = toItems(received.events);
	if (items.length === 0) {
		respond(context, received);
		return { noWebhookResponse: true };
	}
	if (manual) onTest?.(items);
	if (manual || dedupes) {
		// The ledger has it, and the claim of the Sync Dedupe will be the sign that n8n has it too.
		respond(context, received);
		return { noWebhookResponse: true, workflowData: [items] };
	}
	// Where no Sync Dedupe follows, the sign is n8n's own answer, which it sends after it has stored the execution.
	const keys = received.events.map((event) => event.id);
	acknowledgeOnce(context, stream, keys, answered(context));
	// n8n sends the text as it is.
	context.getResponseObject().set(received.answer.headers);
	return { webhookResponse: received.answer.body, workflowData: [items] };
}

/**
 * The events to let in. Nothing may throw before a request is known to be authentic; where the choice is wrong, noting the
 * node in the ledger fails, and an authentic sender is asked to come again.
 */
function letIn(context: IWebhookFunctions, provider: PushingProvider): string[] {
	try {
		return chosenEvents(context, provider);
	} catch {
		return [];
	}
}

/** Whether n8n has stored the execution; it answers 500 where it could not start it. */
async function answered(context: IWebhookFunctions): Promise<boolean> {
	const response = context.getResponseObject();
	await new Promise((resolve) => response.once('finish', resolve));
	return response.statusCode < 300;
}

/** None, where the credential is gone or incomplete: every request is refused then, and the log says why. */
async function secretsOf(context: IWebhookFunctions): Promise<string[]> {
	try {
		const provider = pushingProvider(context);
		const { credential } = chosenCredential(context, provider, 'push');
		return provider.push.secrets(await readCredential(context, credential.type), Date.now());
	} catch (error) {
		const { id, name } = context.getNode();
		const { message } = toNodeError(context.getNode(), error);
		const refused = countRefusal(`${id} ${message}`, Date.now());
		if (refused !== undefined) {
			context.logger.error(`${labelOf(context)} has no usable credential: ${message}`, { node: name, refused });
		}
		return [];
	}
}

function respond(context: IWebhookFunctions, { answer }: Receipt): void {
	const response = context.getResponseObject();
	if (response.headersSent) return;
	response.status(answer.status).set(answer.headers).send(answer.body);
}

function logRefusal(context: IWebhookFunctions, { note, answer }: Receipt): void {
	const { id, name } = context.getNode();
	const refused = countRefusal(`${id} ${note}`, Date.now());
	if (refused === undefined) return;
	context.logger.warn(`${labelOf(context)} refused a request: ${note}`, {
		node: name,
		status: answer.status,
		refused,
	});
}
