import { createHash } from 'node:crypto';
import { HOUR, MINUTE } from './time';

const BASE_MS = MINUTE;
const CAP_MS = 6 * HOUR;

/**
 * The wait before an event's next attempt: decorrelated jitter, a random time between the base and three times the latest
 * wait. The chance comes from the token of the failed pass and not from a dice, so that every process that looks at an
 * overrun claim, and every look, sees the same due time.
 *
 * @param latestMs the wait before, 0 at first
 * @param token random text of this pass
 * @returns milliseconds, from 1 minute to 6 hours
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function nextPause(latestMs: number, token: string): number {
	const fraction = createHash('sha256').update(token).digest().readUInt32BE() / 2 ** 32;
	const ceiling = Math.max(BASE_MS, latestMs) * 3;
	return Math.round(Math.min(CAP_MS, BASE_MS + fraction * (ceiling - BASE_MS)));
}
