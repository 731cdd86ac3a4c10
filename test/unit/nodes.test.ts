import type { INode, INodeParameters } from 'n8n-workflow';
import { streamOf } from '../../nodes/ledger/ledger';
import { SyncDedupe } from '../../nodes/SyncDedupe/SyncDedupe.node';
import { SyncPollingTrigger } from '../../nodes/SyncPollingTrigger/SyncPollingTrigger.node';
import { SyncWebhookTrigger } from '../../nodes/SyncWebhookTrigger/SyncWebhookTrigger.node';

test('the webhook is described in words that n8n knows, and has it leave the body and the answer to us', () => {
	const { webhooks, version, properties } = new SyncWebhookTrigger().description;
	expect(webhooks).toEqual([
		{ name: 'default', httpMethod: 'POST', path: 'sync', responseMode: 'onReceived', responseData: '' },
	]);
	expect(version).toBe(1);
	expect(properties.find(({ name }) => name === 'options')).toMatchObject({
		type: 'hidden',
		default: { binaryData: true },
	});
});

test('option lists are sorted by what the user reads', () => {
	for (const node of [new SyncWebhookTrigger(), new SyncPollingTrigger(), new SyncDedupe()]) {
		for (const { type, options = [] } of node.description.properties) {
			const names = options.map((option) =>
				type === 'collection' && 'displayName' in option ? option.displayName : option.name,
			);
			expect(names).toEqual([...names].sort());
		}
	}
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
