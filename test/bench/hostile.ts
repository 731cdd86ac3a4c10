import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOSTILE_ANSWERS, runInSmallHeap, serving } from '../integration/support/hostile';

/** How long an API can hold n8n's event loop by one answer: the median of five, with the rows that an answer may have too. */
export async function benchHostile(): Promise<void> {
	const row = (index: number) => ({ id: index, note: 'x'.repeat(500) });
	const rows = {
		name: '24,000 rows that are read',
		body: Buffer.from(JSON.stringify(Array.from({ length: 24_000 }, (_, i) => row(i)))),
	};
	const unreadable = {
		name: '24,000 rows that cannot be read',
		body: Buffer.from(JSON.stringify(Array.from({ length: 24_000 }, (_, no) => ({ no, note: 'x'.repeat(500) })))),
	};
	console.log('Longest hold of the event loop by one answer (aim: 250 ms), median and longest of 5');
	for (const { name, body, ...more } of [...HOSTILE_ANSWERS, rows, unreadable]) {
		const isPacked = 'isPacked' in more && more.isPacked;
		const holds: number[] = [];
		for (let round = 0; round < 5; round++) {
			const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-hostile-'));
			const report = await serving(
				body,
				isPacked,
				async (baseUrl) => await runInSmallHeap({ ledger: join(folder, 'ledger.sqlite'), baseUrl, ticks: 1 }),
			);
			rmSync(folder, { recursive: true, force: true });
			holds.push(report.longestHoldMs);
		}
		holds.sort((a, b) => a - b);
		console.log(`  ${name}: ${holds[2]} ms, ${holds[4]} ms`);
	}
}
