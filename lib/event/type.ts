/**
 * Whether a type is a wanted one.
 *
 * @param wanted a type, or with `.*` at its end all that begin so, e.g. `invoice.*`; both qualified or both not
 */
export function isOfType(type: string, wanted: string): boolean {
	return wanted === type || (wanted.endsWith('.*') && type.startsWith(wanted.slice(0, -1)));
}
