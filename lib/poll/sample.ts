import { randomUUID } from 'node:crypto';
import { type SyncEvent, toSyncEvent } from '../event/event';
import type { Transport } from '../http/transport';
import { accountOf } from './account';
import type { PollResource, Provider } from '../provider/provider';

const SAMPLE_SIZE = 5;

/**
 * The newest few events of each resource, to show a user what the data looks like. It stores nothing.
 *
 * @throws HybridSyncError as the transport does
 */
export async function sampleEvents(
	provider: Provider,
	transport: Transport,
	resources: readonly PollResource[],
	stream: string,
): Promise<SyncEvent[]> {
	const account = await accountOf(provider, transport);
	const correlationId = randomUUID();
	const receivedAt = Date.now();
	const events: SyncEvent[] = [];
	for (const resource of resources) {
		const { rows } = resource.read(await transport.get(resource.sample(SAMPLE_SIZE)), account.id);
		for (const { event } of rows) {
			events.push(
				toSyncEvent(event, { stream, correlationId, path: 'poll', receivedAt, attempt: 1, recovered: false }),
			);
		}
	}
	return events;
}
