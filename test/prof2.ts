import { DatabaseSync, StatementSync } from 'node:sqlite';
import { mkdtempSync } from 'node:fs';
const times = new Map<string, [number, number]>();
for (const m of ['all', 'run'] as const) {
	const orig: any = (StatementSync.prototype as any)[m];
	(StatementSync.prototype as any)[m] = function (...v: any[]) {
		const t = performance.now();
		const r = orig.apply(this, v);
		const k = this.sourceSQL
			.replace(/\?(, \?)+/g, '?…')
			.replace(/\(\?…\)(, \(\?…\))+/g, '(?…)…')
			.slice(0, 160);
		const e = times.get(k) ?? [0, 0];
		e[0] += performance.now() - t;
		e[1]++;
		times.set(k, e);
		return r;
	};
}
import { createLedger, openSqlite } from '../lib';
async function main() {
	const file = mkdtempSync('/tmp/prof-') + '/l.sqlite';
	const ledger = createLedger(await openSqlite(file));
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
	for (let round = 0; round < 40; round++) {
		if (round === 5) times.clear();
		const events = Array.from({ length: 1000 }, (_, i) => event(`push:${round}-${i}`));
		await ledger.record({
			stream: 'instance/workflow',
			node: 'n',
			path: 'webhook',
			events,
			correlationId: 'c',
			handsOver: true,
		});
		await ledger.claim({
			items: events.map(({ key }) => ({ stream: 'instance/workflow', key })),
			execution: `e${round}`,
			node: 'd',
			run: 0,
			settles: true,
		});
	}
	const db = new DatabaseSync(file);
	for (const [k, [t, n]] of [...times].sort((a, b) => b[1][0] - a[1][0]).slice(0, 14))
		console.log((t / 35).toFixed(2).padStart(7), 'ms/round', (n / 35).toFixed(0), k);
	for (const q of [
		"select * from event where token in (?,?) and state='claimed' and seq > 0 order by seq limit 250",
		"select * from event where execution in (?) and state='claimed' and seq > 0 order by seq limit 250",
		"select seq from event where stream='a' and match_key in ('a','b') and twin_key is null and path='poll' and time>=1 and time<=2",
	])
		console.log(
			q,
			db
				.prepare('explain query plan ' + q)
				.all(...(q.includes('?,?') ? ['a', 'b'] : q.includes('(?)') ? ['a'] : []))
				.map((r: any) => r.detail),
		);
}
void main();
