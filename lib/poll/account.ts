import type { Transport } from '../http/transport';
import type { PollApi } from '../provider/provider';

/** Credentials that a process works with at once, with room to spare. */
const MAX_KNOWN = 1_000;

const known = new Map<string, Promise<string>>();

/**
 * The account that a transport's credential belongs to. Asked once per credential and process; a failure is not kept.
 *
 * @throws HybridSyncError as the transport does
 */
export async function accountOf(api: PollApi, transport: Transport = api.transport): Promise<string> {
	if (typeof api.account === 'string') return api.account;
	const key = transport.fingerprint;
	let account = known.get(key);
	if (!account) {
		if (known.size >= MAX_KNOWN) known.clear();
		account = api.account(transport);
		known.set(key, account);
		account.catch(() => known.delete(key));
	}
	return await account;
}
