import type { DeadLetter } from '../../event/dead-letter';
import { count } from '../tables/counters';
import { storableKey, storableText } from '../tables/keys';
import * as lifecycle from '../rules/lifecycle';
import { pack } from '../tables/payload';
import { BARE_ROW, columnsOf } from '../tables/rows';
import { type Turn, findByKeys, insertEvents } from '../tables/statements';
import type { RecordRequest } from './record';

/** Where dead letters came from. */
export type DeadLetterOrigin = Pick<RecordRequest, 'stream' | 'node' | 'path' | 'correlationId'> & {
	readonly provider: string;
};

/** A dead letter made ready: its data packed. */
export interface PackedLetter {
	readonly letter: DeadLetter;
	readonly packed: Uint8Array;
	readonly bytes: number;
}

export function packLetter(letter: DeadLetter, { provider }: DeadLetterOrigin): PackedLetter {
	const payload = { source: `/${provider}`, dataschema: '', data: letter.data };
	try {
		return { letter, ...pack(payload) };
	} catch {
		// Nested so deeply that JSON cannot be made of it.
		return { letter, ...pack({ ...payload, data: null }) };
	}
}

/**
 * Stores something authentic that cannot be read, so that it can be looked at and replayed. A repeat changes nothing.
 *
 * @returns whether it was not known
 */
export async function recordDeadLetter(
	turn: Turn,
	origin: DeadLetterOrigin,
	{ letter, packed, bytes }: PackedLetter,
): Promise<boolean> {
	const key = storableKey(letter.key);
	if ((await findByKeys(turn, [key])).size > 0) return false;
	const { stream, now } = turn;
	await insertEvents(turn.db, [
		{
			...BARE_ROW,
			stream,
			event_key: key,
			path: origin.path,
			node: origin.node,
			type: `${origin.provider}.unreadable`,
			time: now,
			payload: packed,
			bytes,
			correlation_id: storableText(origin.correlationId),
			received_at: now,
			...columnsOf(lifecycle.beginDead(storableText(letter.reason)), now),
		},
	]);
	await count(turn, [{ name: `${origin.path}.dead`, ...(origin.path === 'webhook' && { label: origin.node }) }]);
	return true;
}
