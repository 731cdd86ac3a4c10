import type { IExecuteFunctions } from 'n8n-workflow';
import { type Exchange, type Inspection, type Ledger, MINUTE, type Provider, inspect, providers } from '../../../lib';
import { type ProviderContext, chosenCredential, readCredential } from '../../provider/chosen';
import { registrarOf } from '../../provider/registrar';
import { exchangeFor } from '../../provider/exchange';
import type { Graph, GraphNode } from '../../workflow/graph';
import { isPolling, isReceiving, isTrigger, providerOf } from '../../workflow/kinds';
import { type Finding, findings } from './finding';

/** What the tests of the credentials have found. */
export interface Access {
	readonly found: readonly Finding[];
	/** Whether the credential of half a trigger has not passed its test. */
	readonly isRefused: (trigger: GraphNode, half: 'push' | 'pull') => boolean;
}

/** Whether the service lets the triggers in: each credential is tried once, as its own test does. */
export async function checkService(context: IExecuteFunctions, { nodes }: Graph): Promise<Access> {
	const tried = new Map<string, Tried>();
	const byHalf = { push: new Map<GraphNode, Tried>(), pull: new Map<GraphNode, Tried>() };
	for (const trigger of nodes.filter(isTrigger)) {
		const provider = Object.values<Provider>(providers).find(({ name }) => name === providerOf(trigger));
		if (!provider) continue;
		for (const half of ['push', 'pull'] as const) {
			if (!provider[half] || (half === 'push' ? !isReceiving(trigger) : !isPolling(trigger))) continue;
			const chosen = credentialOf(trigger, context, provider, half);
			if (!chosen) continue;
			const { credential, id } = chosen;
			const key = `${credential.type} ${id}`;
			const result = tried.get(key) ?? (await tryCredential(context, trigger, credential));
			tried.set(key, result);
			byHalf[half].set(trigger, result);
		}
	}
	return {
		found: [...tried.values()].flatMap(({ found }) => found),
		isRefused: (trigger, half) => byHalf[half].get(trigger)?.isRefused === true,
	};
}

/** Nothing where the node's choice makes no sense, which publishing tells. */
function credentialOf(trigger: GraphNode, context: IExecuteFunctions, provider: Provider, half: 'push' | 'pull') {
	try {
		return chosenCredential(contextOf(trigger, context), provider, half);
	} catch {
		return undefined;
	}
}

type Credential = ReturnType<typeof chosenCredential>['credential'];

interface Tried {
	readonly found: readonly Finding[];
	readonly isRefused: boolean;
}

async function tryCredential(
	context: IExecuteFunctions,
	trigger: GraphNode,
	{ type, test, isOAuth2 }: Credential,
): Promise<Tried> {
	const { problem, ok } = findings('Credential');
	if (!trigger.credentials?.[type]) {
		return {
			found: [problem(trigger.name, 'It has no credential.', 'Open the node and choose or create one.')],
			isRefused: false,
		};
	}
	if (!test || isOAuth2) return { found: [], isRefused: false };
	let date: string | undefined;
	try {
		const data = await readCredential(contextOf(trigger, context), type);
		const exchange = exchangeFor(context, data);
		const noting: Exchange = async (...request) => {
			const response = await exchange(...request);
			const { date: given } = response.headers as { date?: unknown };
			if (typeof given === 'string') date = given;
			return response;
		};
		const message = await test(data, noting);
		const accepted = ok(trigger.name, message === '' ? 'The service accepts it.' : message);
		return { found: [accepted, ...checkClock(trigger, date)], isRefused: false };
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		const refused = problem(
			trigger.name,
			message,
			'Correct it in the credential, which opens from the trigger, and press Save: the test there says whether it is right.',
		);
		return { found: [refused, ...checkClock(trigger, date)], isRefused: true };
	}
}

/** Signatures are refused that seem to be from another time, and what is new is told by the service's time. */
const CLOCKS_APART_MS = 2 * MINUTE;

function checkClock(trigger: GraphNode, date: string | undefined): Finding[] {
	const theirs = Date.parse(date ?? '');
	if (Number.isNaN(theirs)) return [];
	const apart = Date.now() - theirs;
	if (Math.abs(apart) < CLOCKS_APART_MS) return [];
	const minutes = Math.round(Math.abs(apart) / MINUTE);
	return [
		findings('Clock').problem(
			trigger.name,
			`The clock of this server is ${minutes} minutes ${apart > 0 ? 'ahead of' : 'behind'} that of the service: webhooks may be refused as too old or too new.`,
			'Set the clock of this server by NTP.',
		),
	];
}

/**
 * How the webhooks stand that were registered at the services.
 *
 * @param rows what the ledger knows of the webhook of a node; nothing where it is not published
 */
export async function checkRegistrations(
	context: IExecuteFunctions,
	ledger: Ledger,
	{ nodes }: Graph,
	rowOf: (node: GraphNode) => { readonly stream: string; readonly node: string } | undefined,
	{ isRefused }: Access,
): Promise<Finding[]> {
	const found: Finding[] = [];
	for (const trigger of nodes.filter(isReceiving)) {
		const row = rowOf(trigger);
		const provider = Object.values<Provider>(providers).find(({ name }) => name === providerOf(trigger));
		if (!row || !provider?.push?.subscriptions) continue;
		const own = { ...contextOf(trigger, context), helpers: context.helpers };
		const inspected = await inspect({ ledger, ...row }, async () => await registrarOf(own, provider, 'push')).catch(
			(error: unknown): Inspection => ({
				state: 'trouble',
				text: error instanceof Error ? error.message : String(error),
			}),
		);
		// Whom the service does not let in cannot ask it, and that is told of already.
		if (inspected.state === 'trouble' && isRefused(trigger, 'push')) continue;
		found.push(...registrationOf(trigger, provider.displayName, inspected));
	}
	return found;
}

function registrationOf({ name }: GraphNode, service: string, inspected: Inspection): Finding[] {
	const { problem, ok } = findings('Webhook registration');
	switch (inspected.state) {
		case 'works':
			return [ok(name, `${service} has the webhook, and it is active.`)];
		case 'not-registered':
			return [];
		case 'gone':
			return [
				problem(
					name,
					`The webhook is gone from ${service}.`,
					'Publish the workflow again. Within the hour it is registered again by itself, if the node polls.',
				),
			];
		case 'disabled':
			return [
				problem(
					name,
					`${service} has switched the webhook off, as services do after many failed deliveries.`,
					`Switch it on in ${service}, or publish the workflow again. Then look why deliveries failed.`,
				),
			];
		case 'trouble':
			return [problem(name, inspected.text, 'Correct what is named there, and publish the workflow again.')];
	}
}

/** What is asked of a node's own settings, without expressions: which service, which credential. */
function contextOf({ source }: GraphNode, context: IExecuteFunctions): ProviderContext {
	return {
		getNode: () => source,
		getNodeParameter: (name, fallback) => source.parameters[name] ?? fallback,
		// n8n gives a node only its own credentials, so it is asked on behalf of the other node of the same workflow.
		getCredentials: async (type) =>
			await (Object.create(context, { node: { value: source } }) as IExecuteFunctions).getCredentials(type),
	};
}
