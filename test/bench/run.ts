// npm run bench -- ledger
import { benchGetResponse } from './getresponse';
import { benchHandler } from './handler';
import { benchHistory } from './history';
import { benchHostile } from './hostile';
import { benchLedger } from './ledger';
import { benchPoll } from './poll';
import { benchRemoveDuplicates } from './remove-duplicates';
import { benchSignature } from './signature';
import { benchStripe } from './stripe';
import { benchWebhook } from './webhook';

const benches: Record<string, () => Promise<void>> = {
	getresponse: benchGetResponse,
	ledger: benchLedger,
	handler: benchHandler,
	history: benchHistory,
	hostile: benchHostile,
	poll: benchPoll,
	'remove-duplicates': benchRemoveDuplicates,
	signature: benchSignature,
	stripe: benchStripe,
	webhook: benchWebhook,
};

async function main(): Promise<void> {
	const names = process.argv.slice(2);
	for (const name of names.length > 0 ? names : Object.keys(benches)) {
		const bench = benches[name];
		if (!bench) throw new Error(`No benchmark "${name}". There are: ${Object.keys(benches).join(', ')}.`);
		await bench();
	}
}

main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
