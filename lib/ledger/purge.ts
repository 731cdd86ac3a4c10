import type { Access } from './access';
import type { Backend } from './backend';
import type { Db } from './store';

/** What was erased, until nothing of it is left in the files. */

const UNPURGED = 'unpurged';
/** A name that no stream has: streams begin with the id of an n8n instance, or with `named/`. */
const PURGING = 'purging';

/** Notes, in the transaction that erases something, that it is still to be purged. */
export async function noteUnpurged(db: Db): Promise<void> {
	await db
		.insertInto('meta')
		.values({ key: UNPURGED, value: '1' })
		.onConflict((conflict) => conflict.column('key').doNothing())
		.execute();
}

/** Purges what was erased, if anything is left to be purged. See `Backend.purge`. */
export async function purgeErased(access: Access): Promise<Awaited<ReturnType<Backend['purge']>>> {
	const isLeft = async (db: Db) =>
		(await db.selectFrom('meta').select('key').where('key', '=', UNPURGED).executeTakeFirst()) !== undefined;
	if (!(await access.read(isLeft))) return 'purged';
	// Removed before: what is erased meanwhile is noted anew.
	await access.tidy(PURGING, async ({ db }) => await db.deleteFrom('meta').where('key', '=', UNPURGED).execute());
	const result = await access.purge();
	if (result === 'pending')
		await access.tidy(PURGING, async ({ db }) => {
			await noteUnpurged(db);
		});
	return result;
}
