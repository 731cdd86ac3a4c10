import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { type INode, type INodeParameters, type INodePropertyOptions, type INodeType, NodeHelpers } from 'n8n-workflow';
import { services as webhookServices } from '../../lib/provider/any-service/services';
import { type Provider, providers } from '../../lib';
import { streamOf } from '../../nodes/ledger/ledger';
import { SyncDedupe } from '../../nodes/SyncDedupe/SyncDedupe.node';
import { SyncPollingTrigger } from '../../nodes/SyncPollingTrigger/SyncPollingTrigger.node';
import { SyncTrigger } from '../../nodes/SyncTrigger/SyncTrigger.node';
import { SyncWebhookTrigger } from '../../nodes/SyncWebhookTrigger/SyncWebhookTrigger.node';

const receiving: INodeType[] = [new SyncTrigger(), new SyncWebhookTrigger()];
const all: INodeType[] = [...receiving, new SyncPollingTrigger(), new SyncDedupe()];

test('a webhook is described in words that n8n knows, and has it leave the body and the answer to us', () => {
	for (const { description } of receiving) {
		expect(description.webhooks).toEqual([
			expect.objectContaining({ name: 'setup', httpMethod: 'GET,HEAD', path: 'sync', ndvHideUrl: true }),
			{ name: 'default', httpMethod: 'POST', path: 'sync', responseMode: 'onReceived', responseData: '' },
		]);
		// Only there n8n leaves the body unread, and by this parameter.
		expect(description.version).toBe(1);
		expect(description.properties.filter(({ name }) => name === 'options')).toEqual([
			expect.objectContaining({ type: 'hidden', default: { binaryData: true } }),
		]);
	}
});

test('each operation of Sync Dedupe has a picture that is there, light and dark', () => {
	const { icon, properties } = new SyncDedupe().description;
	const operations = properties
		.filter(({ name }) => name === 'operation')
		.flatMap(({ options = [] }) => options.map((option) => ('value' in option ? option.value : '')));
	expect(operations.length).toBeGreaterThan(8);
	for (const [theme, ending] of [
		['light', '.svg'],
		['dark', '.dark.svg'],
	] as const) {
		const expression = (icon as Record<typeof theme, string>)[theme].replace(/^=\{\{(.*)\}\}$/s, '$1');
		const iconFor = ($parameter: object) => runInNewContext(expression, { $parameter }) as string;
		expect(iconFor({})).toBe(`file:syncDedupe${ending}`);
		const files = new Set(operations.map((operation) => iconFor({ operation })));
		expect(files.size).toBe(8);
		for (const file of files) {
			const svg = readFileSync(join(__dirname, '../../nodes/SyncDedupe', file.replace('file:', '')), 'utf8');
			expect(svg).toMatch(/^<svg /);
		}
	}
});

test('the editor makes no sentence of a trigger’s name, such as "Pull in events from Sync Webhook"', () => {
	for (const { description } of all.slice(0, 3)) {
		expect(description).toMatchObject({
			activationMessage: expect.any(String) as string,
			triggerPanel: {
				header: expect.stringMatching(/ a test event$/) as string,
				executionsHelp: { active: expect.any(String) as string, inactive: expect.any(String) as string },
				activationHint: { active: expect.any(String) as string, inactive: expect.any(String) as string },
			},
		});
	}
});

test('option lists are sorted by what the user reads', () => {
	for (const node of all) {
		for (const { type, options = [] } of node.description.properties) {
			const names = options.map((option) =>
				type === 'collection' && 'displayName' in option ? option.displayName : option.name,
			);
			expect(names).toEqual([...names].sort());
		}
	}
});

test('the ledger’s credential is shown by "hide", so that the editor places the credentials first', () => {
	for (const { description } of all) {
		const ledger = description.credentials?.find(({ name }) => name === 'hybridSyncLedgerPostgres');
		expect(ledger?.displayOptions).toEqual({ hide: { ledger: ['embedded'] } });
	}
});

test.each([
	[{ resource: 'item', operation: 'removeDuplicates' }, 'Remove duplicates'],
	[{ resource: 'item', operation: 'confirm' }, 'Confirm events'],
	[{ resource: 'item', operation: 'reportFailure' }, 'Report failed events'],
	[{ resource: 'item', operation: 'extendLease' }, 'Allow more time'],
	[{ resource: 'event', operation: 'lookUp' }, 'Look up events'],
	[{ resource: 'event', operation: 'replay' }, 'Replay events'],
	[{ resource: 'event', operation: 'forget' }, 'Forget events'],
])('n8n finds Sync Dedupe by what it does, and names it so: %j', (parameters, name) => {
	const { description } = new SyncDedupe();
	expect(NodeHelpers.makeNodeName(parameters, description)).toBe(name);
});

test('S16 a workflow that names a stream on the embedded ledger is refused, with what to do', () => {
	const context = (parameters: INodeParameters) => ({
		getNode: () => ({ id: 'n', parameters }) as INode,
		getWorkflow: () => ({ id: 'w', active: true }),
		getInstanceId: () => 'i',
		getMode: () => 'trigger' as const,
	});
	expect(streamOf(context({}))).toBe('i/w');
	expect(streamOf(context({ ledger: 'postgres', stream: ' orders ' }))).toBe('named/orders');
	expect(() => streamOf(context({ stream: 'orders' }))).toThrow(/Choose Postgres under "Ledger", or clear "Stream"/);
});

test('what stands with an event is short enough for the two lines that the editor shows', () => {
	for (const { description } of [new SyncTrigger(), new SyncWebhookTrigger(), new SyncPollingTrigger()]) {
		const options = description.properties
			.filter(({ name }) => name === 'events')
			.flatMap(({ options: all = [] }) => all as INodePropertyOptions[]);
		for (const { name, description: words = '' } of options) {
			expect(`${name}: ${words.length > 115 ? words : ''}`).toBe(`${name}: `);
		}
	}
});

describe('who searches for it finds it', () => {
	const aliasesOf = (node: string) =>
		(JSON.parse(readFileSync(join(__dirname, `../../nodes/${node}/${node}.node.json`), 'utf8')) as { alias: string[] })
			.alias;
	const found = (word: string) =>
		['SyncTrigger', 'SyncWebhookTrigger', 'SyncPollingTrigger', 'SyncDedupe'].filter((node) =>
			aliasesOf(node).some((alias) => alias.toLowerCase() === word.toLowerCase()),
		);

	test.each([
		['hybrid sync', 4],
		['webhook signature', 2],
		['verify webhook', 2],
		['missed events', 2],
		['duplicates', 3],
		['dedupe', 1],
		['idempotency', 1],
		['replay', 1],
		['dead letter', 1],
		['REST API', 2],
	])('%s', (word, nodes) => {
		expect(found(word).length).toBe(nodes);
	});

	test('each service by its name', () => {
		const services = Object.values<{ displayName: string }>(webhookServices).flatMap(({ displayName }) =>
			displayName.startsWith('Other: ') ? [] : displayName.replace(/ \(.*| Classic/, ''),
		);
		const named = Object.values<Provider>(providers)
			.filter(({ events }) => Object.keys(events).length > 0)
			.map(({ displayName }) => displayName);
		const missing = [...services, ...named].filter((name) => !found(name).includes('SyncTrigger'));
		expect(missing).toEqual([]);
	});
});
