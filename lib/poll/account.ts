import { LRUCache } from 'lru-cache';
import type { Transport } from '../http/transport';
import type { PollApi } from '../provider/pull';

/** By credential; more than a process works with at the same time. */
const known = new LRUCache<string, Promise<string>>({ max: 1_000 });

/**
 * The account that a transport's credential belongs to. Asked once per credential and process; a failure is not kept.
 * From then on all credentials of the account share its request limits. Where the source names the account itself (REST),
 * nothing is asked, and each credential has limits of its own.
 *
 * @throws HybridSyncError as the transport does
 */
export async function accountOf(api: PollApi, transport: Transport = api.transport): Promise<string> {
	if (typeof api.account === 'string') return api.account;
	const key = transport.fingerprint;
	let asking = known.get(key);
	if (!asking) {
		asking = api.account(transport);
		known.set(key, asking);
		asking.catch(() => known.delete(key));
	}
	const account = await asking;
	transport.joinAccount(account);
	return account;
}
