import { HybridSyncError } from '../../base/errors';

const MAX_PATTERNS = 200;

/**
 * Names separated by commas or lines, in which `*` stands for anything.
 *
 * @returns whether a name is one of them; every name is where there are none
 * @throws HybridSyncError `configuration` where there are more than 200
 */
export function patternsOf(text: string): (name: string) => boolean {
	const patterns = text.split(/[,\n]/).flatMap((each) => (each.trim() === '' ? [] : [each.trim().split('*')]));
	if (patterns.length > MAX_PATTERNS) {
		throw new HybridSyncError(
			'configuration',
			`There are more than ${MAX_PATTERNS} names under "Event Types to Let In".`,
		);
	}
	return (name) => patterns.length === 0 || patterns.some((pieces) => matches(pieces, name));
}

/** Takes each piece at the first place where it stands: that is the right one, and takes no more than one look. */
function matches(pieces: readonly string[], name: string): boolean {
	const [first = '', ...rest] = pieces;
	const last = rest.pop();
	if (last === undefined) return name === first;
	if (!name.startsWith(first)) return false;
	let at = first.length;
	for (const piece of rest) {
		const found = name.indexOf(piece, at);
		if (found < 0) return false;
		at = found + piece.length;
	}
	return name.length - last.length >= at && name.endsWith(last);
}
