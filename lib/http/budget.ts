import { setTimeout as sleep } from 'node:timers/promises';
import { HybridSyncError } from '../errors';

/** How often an account may be asked, all nodes of this process together. */
export interface RateLimits {
	readonly perSecond?: number;
	/** So many requests in so many milliseconds. */
	readonly quota?: { readonly requests: number; readonly perMs: number };
}

const SECOND = 1_000;

/** When each account was asked, oldest first: shared by the nodes of a process, whatever share each may use. */
const asked = new Map<string, number[]>();

/**
 * Takes a request out of an account's budget. The count is exact over every second and every period, wherever they begin:
 * libraries at hand count in fixed periods, across whose border twice as many may go, or wait where we must not.
 *
 * @param account names the account; not a secret
 * @param share of the limits that may be used, from 0 to 1
 * @param clock monotonic, in milliseconds
 * @throws HybridSyncError `rate-limited` where the quota is used up, with the time until it is not; a second is waited for
 */
export async function takeRequest(
	account: string,
	{ perSecond, quota }: RateLimits,
	share = 1,
	clock: () => number = () => performance.now(),
): Promise<void> {
	const times = asked.get(account) ?? [];
	asked.set(account, times);
	const keptMs = Math.max(SECOND, quota?.perMs ?? 0);
	for (;;) {
		const now = clock();
		const kept = times.findIndex((time) => time > now - keptMs);
		times.splice(0, kept < 0 ? times.length : kept);
		if (quota) {
			const wait = waitFor(times, allowed(quota.requests, share), quota.perMs, now);
			if (wait > 0) {
				throw new HybridSyncError(
					'rate-limited',
					`The requests that this node may make are used up (${allowed(quota.requests, share)} in ${Math.round(quota.perMs / SECOND)} seconds). It goes on by itself where it stopped. Raise the limit in its options if the API allows more.`,
					{ retryAfterMs: Math.ceil(wait) },
				);
			}
		}
		const wait = perSecond === undefined ? 0 : waitFor(times, allowed(perSecond, share), SECOND, now);
		if (wait <= 0) {
			times.push(now);
			return;
		}
		await sleep(Math.ceil(wait));
	}
}

function allowed(limit: number, share: number): number {
	return Math.max(1, Math.floor(limit * share));
}

/** How long until one more request fits. */
function waitFor(times: readonly number[], limit: number, periodMs: number, now: number): number {
	const oldest = times.at(-limit);
	return oldest === undefined ? 0 : oldest + periodMs - now;
}
