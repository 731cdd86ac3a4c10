import { setImmediate as nextTurn } from 'node:timers/promises';
import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import { composeKey } from '../event/key';
import type { DeadLetter } from '../event/dead-letter';
import type { PolledRow, ReadRows } from './pull';

/** The rows of a page, made ready for the ledger, so that no page takes much memory or holds n8n up for long. */

/** More rows than APIs give on a page; each becomes an event of about 2 KB. */
const MAX_ROWS = 25_000;
/** Rows that are read before n8n has its turn: a few milliseconds. */
const ROWS_A_TURN = 500;
/** Dead letters that are kept of one page; one more says how many others there are. */
const MAX_DEAD_LETTERS = 250;

/** A page to read. */
export interface RowsOfPage {
	/** Named in errors, e.g. `New Contacts`. */
	readonly displayName: string;
	readonly items: readonly unknown[];
	/** The beginning of the keys of rows that cannot be read. */
	readonly keyParts: readonly string[];
	/** Reads what a row says: the reason in words where it cannot be read, nothing where it is to be skipped. */
	readonly read: (item: unknown) => PolledRow | readonly PolledRow[] | string | undefined;
}

/**
 * Reads the rows of a page. A row that cannot be read, for whatever reason, is kept as a dead letter and stops no other.
 *
 * @throws HybridSyncError `bad-response` where there are more than 25,000
 */
export async function readRows(page: RowsOfPage): Promise<ReadRows> {
	const { displayName, items, keyParts, read } = page;
	if (items.length > MAX_ROWS) {
		throw new HybridSyncError(
			'bad-response',
			`${displayName}: the service gave ${items.length} rows on one page, and at most ${MAX_ROWS} are read at once. Ask for smaller pages, or for less by a filter. The cursor stays where it is.`,
		);
	}
	const rows: PolledRow[] = [];
	const deadLetters: DeadLetter[] = [];
	let unkept = 0;
	for (const [index, item] of items.entries()) {
		if (index > 0 && index % ROWS_A_TURN === 0) await nextTurn();
		const row = readSafely(read, item);
		if (row === undefined) continue;
		if (typeof row !== 'string') rows.push(...[row].flat());
		else if (deadLetters.length < MAX_DEAD_LETTERS) deadLetters.push(deadLetterOf(keyParts, item, index, row));
		else unkept += 1;
	}
	const [first] = deadLetters;
	if (first && unkept > 0) {
		const reason = `${unkept} more rows of this page cannot be read, and are not kept. The first of the page: ${first.reason}`;
		deadLetters.push({ key: composeKey(...keyParts, 'more', first.key), data: { rows: unkept }, reason });
	}
	return { rows, deadLetters };
}

function readSafely(read: RowsOfPage['read'], item: unknown): ReturnType<RowsOfPage['read']> {
	try {
		return read(item);
	} catch (error) {
		if (error instanceof HybridSyncError) throw error;
		return `A row cannot be dealt with (${String(error)})`;
	}
}

function deadLetterOf(keyParts: readonly string[], data: unknown, index: number, reason: string): DeadLetter {
	try {
		return { key: composeKey(...keyParts, '', hashOf(data)), data, reason };
	} catch {
		const key = composeKey(...keyParts, '', 'row', index);
		return { key, data: null, reason: `${reason}, and it is nested too deeply to be kept` };
	}
}

/** Whether a list has just as many rows as pages have by themselves. */
export const looksFull = (rows: number) => PAGE_SIZES.includes(rows);
const PAGE_SIZES = [10, 20, 25, 30, 50, 100, 200, 250, 500, 1000, 2000, 5000];
