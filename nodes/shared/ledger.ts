import { HybridSyncError, type Ledger, openLedger } from '../../lib';

/**
 * The ledger that this n8n's nodes share.
 *
 * @throws HybridSyncError `configuration` in queue mode, where processes on other hosts would each keep a ledger of their own
 */
export async function ledgerForNodes(): Promise<Ledger> {
	if (process.env['EXECUTIONS_MODE'] === 'queue') {
		throw new HybridSyncError(
			'configuration',
			'This n8n runs in queue mode, and the Sync nodes keep their ledger on one host: events would pass once per worker. Use the nodes on an n8n in regular mode.',
		);
	}
	return await openLedger();
}
