import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Transactions } from '../transactions';
import type { Backend } from '../databases/backend';
import type { Db } from '../tables/statements';

/** What was erased, until nothing of it is left in the files. */

const UNPURGED = 'unpurged';
/** A name that no stream has: streams begin with the id of an n8n instance, or with `named/`. */
const PURGING = 'purging';

/** Notes, in the transaction that erases something, that it is still to be purged; under a name of its own each time. */
export async function noteUnpurged(db: Db): Promise<void> {
	await db
		.insertInto('meta')
		.values({ key: UNPURGED, value: randomUUID() })
		.onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sql`excluded.value` }))
		.execute();
}

/** Purges what was erased, if anything is left to be purged. See `Backend.purge`. */
export async function purgeErased(transactions: Transactions): Promise<Awaited<ReturnType<Backend['purge']>>> {
	const noted = await transactions.read(
		async (db) => await db.selectFrom('meta').select('value').where('key', '=', UNPURGED).executeTakeFirst(),
	);
	if (!noted) return 'purged';
	const result = await transactions.purge();
	// Only now, should this process die meanwhile; and not what was erased after the purge began.
	if (result === 'purged') {
		await transactions.tidy(PURGING, async ({ db }) => {
			await db.deleteFrom('meta').where('key', '=', UNPURGED).where('value', '=', noted.value).execute();
		});
	}
	return result;
}
