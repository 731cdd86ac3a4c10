import { MINUTE } from '../base/time';
import type { ProviderEvent } from '../event/event';
import { lastPart } from '../event/key';
import type { StoredPush } from '../ledger/ledger';
import { joinTwins } from '../ledger/rules/twins';
import type { Doubt } from '../provider/pull';

/** Whether webhooks that were stored have their row, by the ledger's own rules: shown to a user who has said how they are joined. */

/** How many webhooks are looked at. */
export const PUSHES = 20;

/**
 * @param events of the rows that were fetched
 * @param pushes the latest that were stored and may have a row, newest first
 * @returns what to say of it; nothing where rows and webhooks are never the same event
 */
export function joinedWith(
	events: readonly ProviderEvent[],
	pushes: readonly StoredPush[],
): { readonly text: string; readonly doubt?: Doubt } | undefined {
	if (!events.some(({ match }) => match)) return undefined;
	if (pushes.length === 0) {
		return {
			text: 'No webhook that names a row has been stored so far, so whether they are joined cannot be seen yet',
		};
	}
	const waiting = pushes.filter(({ twin_key: twin }) => twin === null);
	const joined = new Set(joinTwins(events, waiting).values());
	const count = pushes.length - waiting.length + joined.size;
	const text = `${count} of the last ${pushes.length} webhooks ${count === 1 ? 'has its' : 'have their'} row`;
	if (count > 0) return { text };
	return { text, doubt: { text: reasonOf(events, waiting), isSure: false } };
}

/** Why not one webhook is joined, in words with the field that mends it. */
function reasonOf(events: readonly ProviderEvent[], pushes: readonly StoredPush[]): string {
	for (const { match_key: key, time } of pushes) {
		const same = events.find(({ match }) => match?.key === key);
		if (!same) continue;
		const apart = Math.ceil(Math.abs(same.time - time) / MINUTE);
		return `a webhook and a row both name "${lastPart(key)}", and their times are ${apart} minutes apart. Check Event Time and the Time Field, or raise the Tolerance`;
	}
	const [push] = pushes;
	const [row] = events.filter(({ match }) => match);
	return `no webhook names a row of these pages: the latest one names "${lastPart(push?.match_key ?? '')}", a row "${lastPart(row?.match?.key ?? '')}". Check "ID in the Webhook" and "ID for Joining", if there should be some`;
}
