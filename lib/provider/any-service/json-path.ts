import { jsonpath } from 'json-p3';
import { HybridSyncError } from '../../base/errors';

/** Finds something in a JSON value: the first match, or nothing. */
export type Finder = (value: unknown) => unknown;

/**
 * Understands a path as people write it: `data.items`, `$.data.items`, `items[-1].id`, or the plain name of a field,
 * whatever characters it has.
 *
 * @param label of the field that it stands in
 * @throws HybridSyncError `configuration` where it is no path
 * @see https://www.rfc-editor.org/rfc/rfc9535
 */
export function finder(path: string, label: string): Finder {
	if (path === '' || path === '$') return (value) => value;
	const own = (value: unknown) => typeof value === 'object' && value !== null && Object.hasOwn(value, path);
	// Most paths are the name of a field.
	if (/^\w+$/.test(path)) return (value) => (own(value) ? (value as Record<string, unknown>)[path] : undefined);
	const isPlain = /^[^\s$[\]()]+$/.test(path);
	const query = compiled(path.startsWith('$') ? path : path.startsWith('[') ? `$${path}` : `$.${path}`);
	return (value) => {
		if (own(value)) return (value as Record<string, unknown>)[path];
		const found = query?.match(value as never)?.value;
		return found === undefined && isPlain ? byNames(value, path.split('.')) : found;
	};

	function compiled(text: string) {
		try {
			return jsonpath.compile(text);
		} catch (cause) {
			// A name with dashes or dots, to be found as it is.
			if (isPlain) return undefined;
			throw new HybridSyncError(
				'configuration',
				`"${label}" is not a path that can be understood: ${path}. Write it like data.items or items[0].id.`,
				{ cause },
			);
		}
	}
}

/** Follows names that no path language would take, such as `d.@nextLink`, or that have dots themselves. */
function byNames(value: unknown, names: readonly string[]): unknown {
	if (names.length === 0) return value;
	if (typeof value !== 'object' || value === null) return undefined;
	for (let count = names.length; count > 0; count--) {
		const name = names.slice(0, count).join('.');
		if (!Object.hasOwn(value, name)) continue;
		const found = byNames((value as Record<string, unknown>)[name], names.slice(count));
		if (found !== undefined) return found;
	}
	return undefined;
}

/** Where a value has lists, for telling a user: `data.items (25 rows)`. */
export function listsIn(value: unknown, depth = 3, path = ''): { path: string; rows: number }[] {
	if (Array.isArray(value)) return [{ path, rows: value.length }];
	if (typeof value !== 'object' || value === null || depth === 0) return [];
	const lists: { path: string; rows: number }[] = [];
	let looked = 0;
	for (const name in value) {
		if (++looked > 100) break;
		lists.push(...listsIn((value as Record<string, unknown>)[name], depth - 1, stepTo(path, name)));
	}
	return lists;
}

/** One name further along a path, in a form that `finder` understands whatever characters it has. */
export function stepTo(path: string, name: string): string {
	if (/^[\w@][\w@.:-]*$/.test(name)) return path === '' ? name : `${path}.${name}`;
	return `${path === '' ? '$' : path}['${name.replace(/[\\']/g, '\\$&')}']`;
}
