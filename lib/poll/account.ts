import type { Transport } from '../http/transport';
import type { Provider } from '../provider/provider';

/** Credentials that a process works with at once, with room to spare. */
const MAX_KNOWN = 1_000;

const known = new Map<string, Promise<{ id: string }>>();

/**
 * The account that a transport's credential belongs to. Asked once per credential and process; a failure is not kept.
 *
 * @throws HybridSyncError as the transport does
 */
export async function accountOf(provider: Provider, transport: Transport): Promise<{ id: string }> {
	const key = `${provider.name} ${transport.fingerprint}`;
	let account = known.get(key);
	if (!account) {
		if (known.size >= MAX_KNOWN) known.clear();
		account = provider.account(transport);
		known.set(key, account);
		account.catch(() => known.delete(key));
	}
	return await account;
}
