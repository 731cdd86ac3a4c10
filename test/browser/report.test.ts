import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { DAY, DEFAULT_TARGETS, HOUR, MINUTE, factsQuery, healthOf, reportOf } from '../../lib';
import { STREAM, claimOf, event, recordOf, useLedgers } from '../support/ledger';
import { randomOf } from '../support/random';
import { launchChromium, pictureFile } from './editor';

/** The report of a day, in a real browser. */

const ledgers = useLedgers('sqlite');
const NAME = 'New contacts';
/** What a sender may put wherever it chooses; the title would tell of it. */
const HOSTILE = '</td></tr></table><script>document.title="ran"</script><img src=x onerror="document.title=\'ran\'">';
const TYPE = 'getresponse.contact_added';
/** Events of each hour of a day that begins and ends at half past nine. */
const PER_HOUR = [31, 42, 55, 61, 58, 49, 52, 57, 44, 36, 30, 25, 19, 12, 7, 5, 3, 2, 4, 9, 16, 24, 33, 38];
const BEGIN = Date.parse('2026-03-02T08:30:00Z');

let browser: Browser;
let folder: string;
let calm: string;
let hostile: string;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-report-'));
	browser = await launchChromium();
	calm = fileOf('calm.html', (await dayOf('')).html);
	hostile = fileOf('hostile.html', (await dayOf(HOSTILE)).html);
}, 240_000);
afterAll(async () => {
	await browser.close();
	rmSync(folder, { recursive: true, force: true });
});

function fileOf(name: string, html: string): string {
	const path = join(folder, name);
	writeFileSync(path, html);
	return pathToFileURL(path).href;
}

/**
 * The report of a day in which one webhook in thirty is lost, some come twice, and strangers call.
 *
 * @param text that a sender puts wherever it can; then one event is given up as well
 */
async function dayOf(text: string) {
	const random = randomOf(11);
	let now = BEGIN;
	const ledger = await ledgers.open(ledgers.place(), () => now);
	const node = { stream: STREAM, workflow: STREAM, name: `Sync Trigger${text}`, provider: 'getresponse' };
	await ledger.meetNode({ ...node, node: 'n', role: 'push' });
	await ledger.meetNode({ ...node, node: 'n', role: 'pull' });
	let made = 0;
	const pass = async (events: readonly { readonly key: string }[]) => {
		await ledger.handOver({ stream: STREAM, nodes: ['n'], limit: 100 });
		now += 1_000;
		const execution = `x${++made}`;
		await ledger.claim(
			claimOf(
				events.map(({ key }) => key),
				execution,
				false,
			),
		);
		now += 1_000;
		await ledger.confirm({ executions: [execution], stream: STREAM });
	};
	for (const [hour, count] of PER_HOUR.entries()) {
		const lost = [];
		for (let each = 0; each < count; each++) {
			now = BEGIN + hour * HOUR + Math.floor((each / count) * 50) * MINUTE;
			const happened = event(`key ${++made}`, { time: now, type: TYPE + text, subject: `contacts/${made}` });
			if (random() < 1 / 30) lost.push(happened);
			else {
				now += 1_000;
				await ledger.record(recordOf([happened]));
				if (random() < 0.06) await ledger.record(recordOf([happened]));
				await pass([happened]);
			}
		}
		now = BEGIN + hour * HOUR + 55 * MINUTE;
		await ledger.record({ ...recordOf(lost, 'poll'), expected: [{ [TYPE + text]: BEGIN }] });
		if (lost.length > 0) await pass(lost);
		if (hour % 5 === 0) await ledger.countRefusals(STREAM, { mismatch: 1 });
		const lease = await ledger.leaseTick(STREAM, 'n', MINUTE);
		if (lease) await ledger.endTick(STREAM, 'n', lease, { requests: 4, unchanged: 3 });
	}
	if (text !== '') {
		await ledger.recordDeadLetters(
			{ stream: STREAM, node: 'n', path: 'webhook', correlationId: text, provider: text },
			[{ key: text, reason: text, data: '{' }],
		);
	}
	now = BEGIN + DAY - MINUTE;
	const options = { periodMs: DAY, targets: DEFAULT_TARGETS };
	const facts = await ledger.facts(STREAM, factsQuery(options));
	return reportOf(facts, healthOf(facts, options), { ...options, name: NAME + text, timeZone: 'Europe/Warsaw' });
}

/** Opens a report, and asserts that it asks for nothing but itself. */
async function withReport<T>(
	url: string,
	settings: BrowserContextOptions,
	work: (page: Page) => Promise<T>,
): Promise<T> {
	const page = await browser.newPage(settings);
	try {
		const requests: string[] = [];
		page.on('request', (request) => requests.push(request.url()));
		await page.goto(url, { waitUntil: 'networkidle' });
		const result = await work(page);
		expect(requests).toEqual([url]);
		return result;
	} finally {
		await page.close();
	}
}

/** Runs an expression in the page. */
const evaluate = async (page: Page, expression: string) => await page.evaluate<unknown>(expression);

test('H3 the first screen says that all is well, and each number what it is', async () => {
	const made = PER_HOUR.reduce((sum, count) => sum + count, 0);
	const viewport = { width: 900, height: 1160 };
	await withReport(calm, { viewport }, async (page) => {
		expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(`Health of ${NAME} ok`);
		const table = page.getByRole('table').first();
		const rows = (await table.innerText()).split('\n').map((row) => row.split('\t'));
		const numbers = new Map(rows.map(([name = '', number]) => [name, number]));
		expect(numbers.get('Events')).toBe(String(made));
		expect(numbers.get('Confirmed')).toBe(String(made));
		expect(Number(numbers.get('By webhook')) + Number(numbers.get('Recovered by polling'))).toBe(made);
		expect([numbers.get('Lost'), numbers.get('Twice'), numbers.get('Given up')]).toEqual(['0', '0', '0']);
		const box = await table.boundingBox();
		expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThan(viewport.height);
		const path = pictureFile('health-report.png');
		if (path !== undefined) await page.screenshot({ path });
	});
});

/** The numbers that a line break goes through. */
const BROKEN = `[...document.querySelectorAll('.number')].map((cell) => {
	const range = document.createRange();
	range.selectNodeContents(cell);
	return range.getClientRects().length > 1 ? cell.innerText : '';
}).filter(Boolean)`;

test.each([360, 900, 1_600])('H3 the page fits a screen with a width of %d, and no number is broken', async (width) => {
	for (const url of [calm, hostile]) {
		await withReport(url, { viewport: { width, height: 800 } }, async (page) => {
			expect(await evaluate(page, 'document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
			expect(await evaluate(page, BROKEN)).toEqual([]);
		});
	}
});

test('H3 hostile text is shown and does nothing', async () => {
	await withReport(hostile, {}, async (page) => {
		expect(await page.title()).toBe(`Health of ${NAME}${HOSTILE}`);
		expect(await page.locator('script, img').count()).toBe(0);
		expect(await page.getByText(HOSTILE).count()).toBeGreaterThan(3);
	});
});

test('H3 it is dark where the reader is, black on white in print, and both can be read', async () => {
	const COLOURS = `(() => {
		const style = getComputedStyle(document.body);
		const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
		return { background: light(style.backgroundColor), text: light(style.color) };
	})()`;
	const coloursOf = async (page: Page) => (await evaluate(page, COLOURS)) as { background: number; text: number };
	await withReport(calm, { colorScheme: 'light' }, async (page) => {
		const { background, text } = await coloursOf(page);
		expect(background - text).toBeGreaterThan(0.7);
	});
	await withReport(calm, { colorScheme: 'dark' }, async (page) => {
		const { background, text } = await coloursOf(page);
		expect(text - background).toBeGreaterThan(0.7);
		await page.emulateMedia({ media: 'print' });
		const printed = await coloursOf(page);
		expect(printed.background - printed.text).toBeGreaterThan(0.7);
		const pdf = await page.pdf({ format: 'A4' });
		expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
	});
});
