// Takes the picture in docs/ anew, from the real editor after a real execution: npx tsx scripts/screenshot.ts
// Needs a Chromium; CHROMIUM names it where it is not /usr/bin/chromium.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Page, chromium } from 'playwright-core';
import { Demo } from '../test/e2e/harness/demo';
import { OWNER } from '../test/e2e/harness/n8n';

const FOLDER = join(__dirname, '..', 'docs', 'images');

async function main(): Promise<void> {
	mkdirSync(FOLDER, { recursive: true });
	const demo = await Demo.start({ folder: join(__dirname, '..', '.demo', 'screenshots'), port: 5880 });
	const browser = await chromium.launch({
		executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
		args: [
			'--no-sandbox',
			'--disable-gpu',
			'--disable-quic',
			'--no-first-run',
			'--disable-background-networking',
			'--disable-component-update',
			'--disable-sync',
		],
	});
	try {
		const workflow = demo.example();
		const id = await demo.n8n.addWorkflow(workflow);
		await demo.n8n.publish(id);
		demo.simulator.webhooks.url = demo.webhookUrl(workflow);
		demo.simulator.subscribe();
		while (demo.sink.calls.length === 0) await sleep(200);
		await sleep(1_000);
		const [execution] = await demo.n8n.executions(id);

		const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 });
		await login(page, demo.n8n.url);
		await page.goto(`${demo.n8n.url}/workflow/${id}/executions/${execution?.id}`);
		await sleep(5_000);
		await page.screenshot({ path: join(FOLDER, 'example-execution.png') });
	} finally {
		await browser.close();
		await demo.stop();
	}
}

async function login(page: Page, url: string): Promise<void> {
	await page.goto(`${url}/signin`);
	await page.locator('input[type="email"], input[name="emailOrLdapLoginId"]').first().fill(OWNER.email);
	await page.locator('input[type="password"]').first().fill(OWNER.password);
	await page.keyboard.press('Enter');
	await page.waitForURL((address) => !address.pathname.includes('signin'));
}

void main();
