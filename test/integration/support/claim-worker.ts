// Claims keys one by one in a process of its own, and sends back those that passed.
import { createLedger, openSqlite } from '../../../lib';

async function main(): Promise<void> {
	const [file = '', execution = '', ...keys] = process.argv.slice(2);
	const ledger = createLedger(await openSqlite(file));
	const won: string[] = [];
	for (const key of keys) {
		const [claimed] = await ledger.claim({
			stream: 'instance/workflow',
			keys: [key],
			execution,
			node: 'd',
			run: 0,
			settles: true,
		});
		if (claimed?.outcome === 'new') won.push(key);
	}
	await ledger.close();
	process.send?.(won);
}

void main();
