import { createLedger, openSqlite } from '../lib';
import { mkdtempSync } from 'node:fs';
async function main() {
	const ledger = createLedger(await openSqlite(mkdtempSync('/tmp/prof-') + '/l.sqlite'));
	const event = (key: string) => ({
		key,
		match: { key: `contact_added contacts/${key}`, toleranceMs: 900_000 },
		hash: 'a'.repeat(64),
		source: '/getresponse/accounts/A1',
		type: 'getresponse.contact_added',
		subject: `contacts/${key}`,
		time: Date.now(),
		dataschema: 'urn:n8n-nodes-hybrid-sync:schema:/getresponse/contact_added/1',
		data: { type: 'contact_added', contact: { contactId: key, email: `${key}@example.com`, note: 'x'.repeat(400) } },
	});
	let r = 0,
		c = 0;
	for (let round = 0; round < 40; round++) {
		const events = Array.from({ length: 1000 }, (_, i) => event(`push:${round}-${i}`));
		const t0 = performance.now();
		await ledger.record({
			stream: 'instance/workflow',
			node: 'n',
			path: 'webhook',
			events,
			correlationId: 'c',
			handsOver: true,
		});
		const t1 = performance.now();
		await ledger.claim({
			items: events.map(({ key }) => ({ stream: 'instance/workflow', key })),
			execution: `e${round}`,
			node: 'd',
			run: 0,
			settles: true,
		});
		const t2 = performance.now();
		if (round > 5) {
			r += t1 - t0;
			c += t2 - t1;
		}
	}
	console.log('record', (r / 34).toFixed(1), 'claim', (c / 34).toFixed(1));
}
main();
