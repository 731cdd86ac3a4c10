import { HybridSyncError } from '../base/errors';
import type { ApiResponse, Transport } from '../http/transport';
import type { FurtherRequest, Page, PageRequest, PollResource, PolledRow, ReadRows } from '../provider/pull';

/** Of what a page is made: the answer itself, and the further requests that it names. */

interface PageUse {
	readonly account: string;
	readonly sender: string;
	readonly transport: Transport;
	readonly signal?: AbortSignal;
	/** Which of these event keys the ledger knows. Default none. */
	readonly known?: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
	/** Which page it is; nothing of a sample. */
	readonly asked?: PageRequest;
}

/** Further requests that are made at the same time, as far as the account's limits let them. */
const AT_ONCE = 10;

/**
 * Reads a page, with what its further requests bring. All of them belong to one page: where one cannot be made, nothing of
 * the page is recorded, and it is read again. What the provider refuses for good is a dead letter.
 *
 * @throws HybridSyncError as the resource and the transport do; `bad-response` where the provider gives the credential as the
 *   place of a page, because places are kept
 */
export async function readPage(resource: PollResource, response: ApiResponse, use: PageUse): Promise<Page> {
	const page = await resource.read(response, use.account, use.sender, use.asked);
	for (const place of [page.next, page.bookmark?.token]) {
		if (place !== undefined && response.redactor.isSecret(place)) throw secretPlace(resource);
	}
	const { needed: further, known } = await neededOf(page.further ?? [], use);
	const rows = [...page.rows, ...known];
	const deadLetters = [...page.deadLetters];
	for (let start = 0; start < further.length; start += AT_ONCE) {
		const some = await Promise.all(further.slice(start, start + AT_ONCE).map(async (each) => await ask(each, use)));
		for (const read of some) {
			for (const row of read.rows) rows.push(row);
			for (const letter of read.deadLetters) deadLetters.push(letter);
		}
	}
	// What further requests bring has its place among the rows of the list.
	if (rows.length > page.rows.length) sortBy(resource.order, rows);
	return { ...page, rows, deadLetters, ...(response.date !== undefined && { date: response.date }) };
}

/** The further requests that have to be made, and the rows of those that need not be. */
async function neededOf(
	further: readonly FurtherRequest[],
	{ known }: PageUse,
): Promise<{ readonly needed: readonly FurtherRequest[]; readonly known: readonly PolledRow[] }> {
	const keys = further.flatMap(({ completes }) => completes?.event.key ?? []);
	if (keys.length === 0 || !known) return { needed: further, known: [] };
	const all = await known(keys);
	const isKnown = ({ completes }: FurtherRequest) => completes !== undefined && all.has(completes.event.key);
	return {
		needed: further.filter((each) => !isKnown(each)),
		known: further.filter(isKnown).flatMap(({ completes }) => completes ?? []),
	};
}

function sortBy(order: PollResource['order'], rows: PolledRow[]): void {
	if (order === 'none') return;
	const sign = order === 'ascending' ? 1 : -1;
	rows.sort((a, b) => (a.position < b.position ? -sign : a.position > b.position ? sign : 0));
}

async function ask(further: FurtherRequest, { transport, signal }: PageUse): Promise<ReadRows> {
	let response: ApiResponse;
	try {
		response = await transport.send(further.request, signal);
	} catch (error) {
		// Such as a row that was removed since the list was made.
		if (!(error instanceof HybridSyncError) || error.code !== 'bad-response') throw error;
		return further.refused(error.message, error.details.status);
	}
	return await further.read(response);
}

function secretPlace({ displayName }: PollResource): HybridSyncError {
	return new HybridSyncError(
		'bad-response',
		`${displayName}: what the service gives as the place of the next page is the key that was sent, or made of it. It is not kept, so reading cannot go on.`,
	);
}
