import { z } from 'zod/v4';
import { type ProviderEvent } from '../../event/event';
import { hashOf } from '../../base/hash';
import { composeKey } from '../../event/key';
import { parseTime } from '../../base/time';
import type { DeadLetter } from '../../event/dead-letter';
import type { Push, ReadPush } from '../push';
import { identify } from './identity';

/**
 * The envelope all webhooks share; the rest of a payload differs by type, is not fully documented, and passes through.
 * Only the type is required: an event whose account or time GetResponse leaves out is still an event.
 * @see https://apidocs.getresponse.com/v3/payloads
 */
const envelope = z.looseObject({
	type: z.string().min(1).max(200),
	contact: z
		.looseObject({ contactId: z.string().min(1).optional() })
		.optional()
		.catch(undefined),
	account: z
		.looseObject({ accountId: z.string().min(1) })
		.optional()
		.catch(undefined),
	event: z.looseObject({ occurredAt: z.string() }).optional().catch(undefined),
});

/** Reads one delivery: an event, or with batching an array of up to 100. */
export function readPush(push: Push): ReadPush {
	const deliveryId = header(push, 'x-webhook-id');
	const requestId = header(push, 'x-request-id');
	const batch = Array.isArray(push.body) ? (push.body as unknown[]) : undefined;
	const events: ProviderEvent[] = [];
	const deadLetters: DeadLetter[] = [];
	for (const [index, data] of (batch ?? [push.body]).entries()) {
		// One id stands for the whole batch; the place in it tells its events apart, on every retry.
		const key =
			deliveryId === undefined
				? composeKey('push', push.sender, '', hashOf(data))
				: composeKey('push', push.sender, deliveryId, ...(batch ? [index] : []));
		const parsed = envelope.safeParse(data);
		if (!parsed.success) {
			deadLetters.push({ key, data, reason: 'not a GetResponse event: an object with a "type" was expected' });
			continue;
		}
		const { type, contact, account, event } = parsed.data;
		events.push(
			identify(
				{
					type,
					accountId: account?.accountId ?? 'unknown',
					sender: push.sender,
					time: parseTime(event?.occurredAt) ?? push.receivedAt,
					contactId: contact?.contactId,
					data,
				},
				key,
				data,
			),
		);
	}
	return { events, deadLetters, ...(requestId !== undefined && { requestId }) };
}

/** A header that GetResponse sends once; anything odd counts as absent. */
function header(push: Push, name: string): string | undefined {
	const value = push.headers[name];
	return typeof value === 'string' && value !== '' && value.length <= 200 ? value : undefined;
}
