import { openPostgres, postgresOptions } from '../../lib';
import { type CredentialTest, resultOf } from '../provider/credential-tests';

/** Connects, and makes sure that the ledger is there. */
export const testLedgerPostgres: CredentialTest = async function (credential) {
	return await resultOf(async () => {
		const backend = await openPostgres(postgresOptions(credential.data), { retryForMs: 0 });
		await backend.close();
		return 'Connected, and the ledger is ready';
	});
};
