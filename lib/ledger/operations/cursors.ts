import { DEDUPE_WINDOW_MS } from '../rules/retention';
import type { Db } from '../tables/statements';

/** Where each trigger node stands in each of its resources. */

export async function saveCursor(
	db: Db,
	stream: string,
	node: string,
	cursor: { readonly resource: string; readonly position: unknown; readonly readsFrom: number },
	now: number,
): Promise<void> {
	const place = { position: JSON.stringify(cursor.position), reads_from: cursor.readsFrom, updated_at: now };
	await db
		.insertInto('cursor')
		.values({ stream, node, resource: cursor.resource, ...place })
		.onConflict((conflict) => conflict.columns(['stream', 'node', 'resource']).doUpdateSet(place))
		.execute();
}

/** Drops cursors that have not moved for longer than keys are kept: of nodes that are gone, they would keep every key. */
export async function dropCursors(db: Db, stream: string, gone: readonly string[], now: number): Promise<void> {
	await db
		.deleteFrom('cursor')
		.where('stream', '=', stream)
		.where('node', 'in', gone)
		.where('updated_at', '<', now - DEDUPE_WINDOW_MS)
		.execute();
}

/**
 * Drops the cursors of children that are gone and have not moved for longer than keys are kept.
 *
 * @param parents names them: those of a child begin with `<parents>/<child>`
 * @param children names of those that are there
 */
export async function dropResources(
	db: Db,
	stream: string,
	node: string,
	parents: string,
	children: readonly string[],
	now: number,
): Promise<void> {
	const old = await db
		.selectFrom('cursor')
		.select('resource')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('updated_at', '<', now - DEDUPE_WINDOW_MS)
		.execute();
	const there = new Set(children);
	const gone = old
		.map(({ resource }) => resource)
		.filter((name) => name.startsWith(`${parents}/`) && !there.has(name.replace(/ \((?:head|reconcile)\)$/, '')));
	if (gone.length === 0) return;
	await db
		.deleteFrom('cursor')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('resource', 'in', gone)
		.execute();
}

export async function loadCursor(db: Db, stream: string, node: string, resource: string): Promise<unknown> {
	const row = await db
		.selectFrom('cursor')
		.select('position')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.where('resource', '=', resource)
		.executeTakeFirst();
	return row && JSON.parse(row.position);
}

export async function hasCursor(db: Db, stream: string, node: string): Promise<boolean> {
	const row = await db
		.selectFrom('cursor')
		.select('resource')
		.where('stream', '=', stream)
		.where('node', '=', node)
		.limit(1)
		.executeTakeFirst();
	return row !== undefined;
}
