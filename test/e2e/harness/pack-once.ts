import { join } from 'node:path';
import { pack } from './n8n';

/** Before all tests: packs the package for all of them, because building it twice at once would mix the two. */
export default async function packOnce(): Promise<void> {
	process.env['HYBRID_SYNC_TARBALL'] = await pack(join(__dirname, '../../../.demo/package'));
}
