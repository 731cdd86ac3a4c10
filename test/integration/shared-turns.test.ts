import { BACKENDS, STREAM, event, openBackend, outcomes, recordOf, useLedgers } from '../support/ledger';
import { createLedger } from '../../lib';
import type { Backend } from '../../lib/ledger/databases/backend';

/** A backend that counts its transactions, and lets one fail. */
function counted(backend: Backend) {
	const seen = { writes: 0 };
	const write: Backend['write'] = async (stream, work) => {
		seen.writes += 1;
		return await backend.write(stream, work);
	};
	return { seen, backend: { ...backend, write } };
}

describe.each(BACKENDS)('turns that are shared in %s', (kind) => {
	const ledgers = useLedgers(kind);

	test('A1 50 identical deliveries at the same moment are one event, and few transactions', async () => {
		const { seen, backend } = counted(await openBackend(ledgers.place()));
		const ledger = createLedger(backend);
		const all = await Promise.all(Array.from({ length: 50 }, async () => await ledger.record(recordOf([event('a')]))));
		expect(outcomes(all.flat()).filter((outcome) => outcome === 'new')).toHaveLength(1);
		expect(outcomes(all.flat()).filter((outcome) => outcome === 'duplicate')).toHaveLength(49);
		// The first alone, and the others that came meanwhile together.
		expect(seen.writes).toBe(2);
		const { events } = await ledger.lookUp(STREAM, {}, { limit: 5 });
		expect(events).toMatchObject([{ id: 'a', deliverycount: 50 }]);
		await backend.close();
	});

	test('I5 what is large waits for a turn of its own', async () => {
		const { seen, backend } = counted(await openBackend(ledgers.place()));
		const ledger = createLedger(backend);
		const note = 'x'.repeat(200 * 1024);
		const all = await Promise.all(
			Array.from(
				{ length: 6 },
				async (_, index) => await ledger.record(recordOf([event(`k${index}`, { data: { note } })])),
			),
		);
		expect(outcomes(all.flat())).toEqual(Array(6).fill('new'));
		expect(seen.writes).toBe(6);
		await backend.close();
	});

	test('where a shared turn fails for the sake of one, each has a turn of its own, and none is stored twice', async () => {
		const { seen, backend } = counted(await openBackend(ledgers.place()));
		const failing: Backend = {
			...backend,
			write: async (stream, work) =>
				await backend.write(stream, async (db, again) => {
					const result = await work(db, again);
					if (seen.writes === 2) throw new RangeError('odd');
					return result;
				}),
		};
		const ledger = createLedger(failing);
		const all = await Promise.all(
			['first', 'a', 'b', 'c'].map(async (key) => await ledger.record(recordOf([event(key)]))),
		);
		expect(outcomes(all.flat())).toEqual(['new', 'new', 'new', 'new']);
		expect(seen.writes).toBe(5);
		const { events } = await ledger.lookUp(STREAM, {}, { limit: 9 });
		expect(events.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c', 'first']);
		await backend.close();
	});
});
