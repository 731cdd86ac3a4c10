import type { INodeExecutionData, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';
import { type PushingProvider, type Receipt, comeAgain, countRefusal, receive, toLog } from '../../lib';
import { acknowledgeOnce } from '../ledger/acknowledge';
import { identityOf, ledgerForNodes } from '../ledger/ledger';
import { chosenCredential, chosenEvents, pushingProvider } from '../provider/chosen';
import { toItems } from '../workflow/items';
import { logDecisions } from '../workflow/decisions';
import { labelOf } from '../workflow/label';
import { nodeOf } from '../workflow/node';
import { isDedupeNext } from '../workflow/neighbours';
import { allowedAddresses, isAllowed } from './addresses';
import { explainRefusal } from './explain';
import { type Verification, renewedVerification, verificationOf } from './receiver';
import { lookUpWebhook, meetReceiver, registerAnew, startsInBatches } from './registration';

/**
 * Receives one delivery: verifies and stores it, answers, and starts an execution with what was new or due.
 *
 * @param onTest gets the items of a delivery that came while the editor was listening
 */
export async function deliver(
	context: IWebhookFunctions,
	onTest?: (items: INodeExecutionData[]) => void,
): Promise<IWebhookResponseData> {
	const began = performance.now();
	const { stream, node, name } = identityOf(context);
	const provider = pushingProvider(context);
	const request = context.getRequestObject();
	const manual = context.getMode() === 'manual';
	const dedupes = isDedupeNext(context);
	const verification = await verificationOf(context, provider);
	const { url, ...push } = verification.provider.push;
	const received = await judged(
		context,
		provider,
		verification,
		async () =>
			await receive({
				// What a test is sent to stands beside what is published.
				provider: manual ? { ...verification.provider, push } : verification.provider,
				secrets: verification.secrets,
				...(!manual && { renew: async () => await renewedVerification(context, provider) }),
				sender: chosenCredential(context, provider, 'push').id,
				request: {
					method: request.method,
					url: absoluteUrl(context, request.originalUrl, url),
					headers: request.headers,
					stream: request,
				},
				stream,
				node,
				handsOver: manual || !isBatching(context),
				showsChanged: dedupes,
				types: letIn(context, provider),
				...(!manual && {
					openLedger: async () => {
						// What could not be understood is told of now, and the sender comes again.
						allowedAddresses(context);
						startsInBatches(context);
						return await meetReceiver(context, context.getNodeWebhookUrl('default'));
					},
				}),
			}),
	);
	if (received.accepted) {
		context.logger.debug(`${labelOf(context)} took a delivery`, { node: name, note: received.note });
		const durationMs = performance.now() - began;
		const decided = received.decided ?? [];
		logDecisions(
			context,
			decided.map((each) => ({ ...each, stream, path: 'webhook', durationMs })),
		);
		lookUpWebhook(context, provider);
	} else {
		// Whoever is listening in the editor is told why; the sender gets n8n's own answer.
		if (manual) throw explainRefusal(nodeOf(context), received, verification.problem);
		logRefusal(context, received);
		countRefusal(stream, received.refusal ?? 'unknown', async () => await ledgerForNodes(context));
	}

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

/** What keeps a request from being looked at all, before it is. */
async function judged(
	context: IWebhookFunctions,
	pushing: PushingProvider,
	{ provider, postponed, isSecretUnknown }: Verification,
	judge: () => Promise<Receipt>,
): Promise<Receipt> {
	const { ip, method } = context.getRequestObject();
	if (!mayCall(context)) return refusedAddress(ip);
	if (postponed === undefined) return await judge();
	if (isSecretUnknown && method === 'POST') registerAnew(context, pushing);
	return { ...comeAgain(provider, postponed), refusal: 'postponed' };
}

/**
 * The URL as the sender knows it: n8n may stand behind a proxy, and only its own settings tell.
 *
 * @param given the one that the service was given, where the user says so
 */
function absoluteUrl(context: IWebhookFunctions, original: string, given?: string): string {
	const url = URL.parse(context.getNodeWebhookUrl('default') ?? '');
	if (!url) return original;
	const from = original.indexOf('?');
	if (context.getMode() === 'manual') return `${URL.parse(given ?? '')?.origin ?? url.origin}${original}`;
	return `${url.origin}${url.pathname}${from < 0 ? '' : original.slice(from)}`;
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

/** Where what is allowed cannot be understood, an authentic sender is asked to come again, and not told that it never may. */
function mayCall(context: IWebhookFunctions): boolean {
	try {
		const list = allowedAddresses(context);
		return list === undefined || isAllowed(list, context.getRequestObject().ip);
	} catch {
		return true;
	}
}

function isBatching(context: IWebhookFunctions): boolean {
	try {
		return startsInBatches(context);
	} catch {
		return false;
	}
}

function refusedAddress(address: string | undefined): Receipt {
	return {
		answer: { status: 403, headers: { connection: 'close' }, body: '' },
		events: [],
		note: `not from an allowed address (${address ?? 'unknown'})`,
		accepted: false,
		refusal: 'address',
	};
}

/** Whether n8n has stored the execution; it answers 500 where it could not start it. */
async function answered(context: IWebhookFunctions): Promise<boolean> {
	const response = context.getResponseObject();
	await new Promise((resolve) => response.once('finish', resolve));
	return response.statusCode < 300;
}

function respond(context: IWebhookFunctions, { answer }: Receipt): void {
	const response = context.getResponseObject();
	if (response.headersSent) return;
	response.status(answer.status).set(answer.headers).send(answer.body);
}

function logRefusal(context: IWebhookFunctions, { note, answer }: Receipt): void {
	const { id, name } = nodeOf(context);
	const { ip: address } = context.getRequestObject();
	const refused = toLog(`${id} ${address ?? ''} ${note}`, Date.now());
	if (refused === undefined) return;
	context.logger.warn(`${labelOf(context)} refused a request: ${note}`, {
		node: name,
		status: answer.status,
		address,
		refused,
	});
}
