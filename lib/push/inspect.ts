import { HybridSyncError } from '../base/errors';
import type { Ledger } from '../ledger/ledger';
import type { Registrar } from '../provider/subscription';
import { allOf, isSameUrl, markOf, parseKept } from './subscription';

/** How a registered webhook stands at the provider now. */
export type Inspection =
	| { readonly state: 'works' | 'not-registered' | 'gone' | 'disabled' }
	/** `text` in words: what is wrong, and what to do. */
	| { readonly state: 'trouble'; readonly text: string };

/**
 * Looks at the webhook of a node, and changes nothing.
 *
 * @param registrar makes ready to ask; called where there is one
 */
export async function inspect(
	{ ledger, stream, node }: { readonly ledger: Ledger; readonly stream: string; readonly node: string },
	registrar: () => Promise<Registrar>,
): Promise<Inspection> {
	const known = parseKept(await ledger.subscription(stream, node));
	if (!known) return { state: 'not-registered' };
	try {
		const mark = markOf({ stream, node });
		const all = await allOf(await registrar(), mark);
		const own = all.filter((remote) => remote.mark === mark && isSameUrl(remote.url, known.url));
		const wanted = known.remotes.map(({ id }) => own.find((remote) => remote.id === id));
		if (wanted.length === 0 || wanted.some((remote) => !remote)) return { state: 'gone' };
		return { state: wanted.every((remote) => remote?.isEnabled === true) ? 'works' : 'disabled' };
	} catch (error) {
		if (error instanceof HybridSyncError) return { state: 'trouble', text: error.message };
		throw error;
	}
}
