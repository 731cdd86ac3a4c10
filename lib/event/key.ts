/**
 * A key made of parts, such as an event key or a match key. Keys of different parts are different, whatever the parts
 * contain: an id that a sender chose cannot spell the key of another sender, account, place in a batch, or version.
 *
 * @param parts of any text; what separates them is escaped inside them
 * @returns e.g. `push:7:1f7b6a52:0`
 */
export function composeKey(...parts: readonly (string | number)[]): string {
	return parts.map(escaped).join(':');
}

/** Hardly any part has one of the two characters. */
function escaped(part: string | number): string {
	const text = String(part);
	return text.includes('%') || text.includes(':') ? text.replaceAll('%', '%25').replaceAll(':', '%3A') : text;
}

/** What the last part of a key was made of, for people. */
export function lastPart(key: string): string {
	const part = key.split(':').at(-1) ?? '';
	return part.replaceAll('%3A', ':').replaceAll('%25', '%');
}
