import { randomUUID } from 'node:crypto';
import { HybridSyncError } from '../base/errors';
import { MINUTE } from '../base/time';
import { accountOf } from './account';
import { lookBackOf } from './beginning';
import { isOpen, parseCursor, readsFrom } from './cursor';
import { readPage } from './page';
import { NOTHING_READ, type ReadingOptions, type ReadingResult } from './resources';

/** As long as a webhook may be on its way, in milliseconds: until then it is not lost. */
const UNDER_WAY_MS = 2 * MINUTE;

/**
 * While push works the provider is asked seldom, and in between it is asked only for what it could not deliver, where its API
 * knows that. No cursor moves: what is found is found again by the next reading, and is known then.
 *
 * @returns also what was found where it failed: the next reading will say why
 */
export async function quickLook(options: ReadingOptions): Promise<ReadingResult> {
	const { api, ledger, stream, node, provider, expected } = options;
	const now = options.clock();
	let result = NOTHING_READ;
	try {
		const account = await accountOf(api);
		const recording = { stream, node, path: 'poll', correlationId: randomUUID() } as const;
		for (const resource of api.resources) {
			const state = parseCursor(await ledger.cursor(stream, node, resource.name));
			// What is being read has to be read to its end first.
			if (!resource.undelivered || !state || state.account !== account || isOpen(state)) continue;
			const from = readsFrom(state, lookBackOf(options, resource));
			const response = await api.transport.send(resource.undelivered(from, now - UNDER_WAY_MS));
			const page = await readPage(resource, response, { account, sender: options.sender, transport: api.transport });
			const events = page.rows.flatMap(({ event, position }) => (position >= state.floor ? event : []));
			await ledger.recordDeadLetters({ ...recording, provider }, page.deadLetters);
			const recorded = await ledger.record({ ...recording, events, handsOver: false, expected });
			const found = recorded.filter(({ outcome }) => outcome === 'new').length;
			result = { ...result, requests: result.requests + 1, read: result.read + page.size, found: result.found + found };
		}
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		return { ...result, pauseMs: error.details.retryAfterMs ?? 0 };
	}
	return result;
}
