// Works on a ledger in a process of its own, until it is through or killed, and tells its parent what passed.
import { createLedger } from '../../../lib';
import { type Place, event, openBackend, untilItsTurn } from '../../support/ledger';

export interface Job {
	readonly place: Place;
	readonly stream: string;
	readonly execution: string;
	/** Keys to claim, one call each; with `path`, each is recorded first, as that path's delivery of the event. */
	readonly keys: readonly string[];
	readonly path?: 'webhook' | 'poll';
	/** Left to a Confirm, which comes after every ten claims. */
	readonly confirms?: boolean;
	/** Ends without a word as soon as so many have passed, before they are confirmed. */
	readonly diesAfter?: number;
}

async function main({ place, stream, execution, keys, path, confirms, diesAfter }: Job): Promise<void> {
	const ledger = createLedger(await untilItsTurn(async () => await openBackend(place)));
	const tell = (message: unknown) =>
		new Promise<void>((resolve) => {
			process.send?.(message, () => {
				resolve();
			});
		});
	await tell('ready');
	await new Promise((resolve) => process.once('message', resolve));
	let passes = 0;
	for (const [index, name] of keys.entries()) {
		const key = path ? `${path}:${name}` : name;
		if (path) {
			const delivered = event(key, { time: 1_000_000_000_000_000, match: { key: name, toleranceMs: 1 } });
			const handsOver = path === 'webhook';
			await untilItsTurn(
				async () =>
					await ledger.record({ stream, node: 'n', path, events: [delivered], correlationId: 'c', handsOver }),
			);
		}
		// An execution of its own for each claim, or for the ten that are confirmed together.
		const one = `${execution} ${confirms ? Math.floor(index / 10) : index}`;
		const request = { items: [{ stream, key }], execution: one, node: 'd', run: 0, settles: !confirms };
		const [claimed] = await untilItsTurn(async () => await ledger.claim(request));
		if (claimed?.outcome === 'new') {
			await tell({ passed: name, attempt: claimed.attempt });
			passes += 1;
			if (passes === diesAfter) process.kill(process.pid, 'SIGKILL');
		}
		if (confirms && index % 10 === 9) await untilItsTurn(async () => await ledger.confirm({ executions: [one] }));
	}
	await ledger.close();
	await tell('through');
}

process.once('message', (job: Job) => {
	void main(job).then(() => {
		process.disconnect();
	});
});
