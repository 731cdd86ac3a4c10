import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Browser, type Locator, type Page, chromium } from 'playwright-core';
import { OWNER } from '../e2e/harness/n8n';

const IMAGES = resolve(__dirname, '../../docs/images');

/** Starts the Chromium that `CHROMIUM` names, or the system's own. */
export async function launchChromium(): Promise<Browser> {
	const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
	if (!existsSync(executablePath)) {
		throw new Error(`There is no Chromium at ${executablePath}. Run: node scripts/bootstrap.mjs --chromium`);
	}
	return await chromium.launch({
		executablePath,
		args: [
			'--headless',
			'--no-sandbox',
			'--disable-gpu',
			'--disable-quic',
			'--no-first-run',
			'--disable-background-networking',
			'--disable-component-update',
			'--disable-sync',
		],
	});
}

/** A file in docs/images to write a picture to, while pictures are to be taken. */
export function pictureFile(name: string): string | undefined {
	if (process.env['SCREENSHOTS'] !== 'true') return undefined;
	mkdirSync(IMAGES, { recursive: true });
	return join(IMAGES, name);
}

/** A part of the page, in its pixels. */
export interface Clip {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
}

/** Where a node is added: behind another one, by the plus of one of its outputs. */
export interface Behind {
	readonly node: string;
	/** By its place; the first one if it is left out. */
	readonly output?: number;
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
const exactly = (text: string) => new RegExp(`^\\s*${escaped(text)}\\s*$`, 'i');
/** A field that has to be filled in has a star. */
const labelled = (text: string) => new RegExp(`^\\s*${escaped(text)}\\s*\\*?\\s*$`);
/** Not the switches between a fixed value and an expression. */
const IS_INPUT = '(self::input or self::textarea) and not(ancestor::*[contains(@data-test-id, "options-container")])';

/** The editor of an n8n, used as its owner uses it: by mouse and keyboard, and by what is to be read on the screen. */
export class Editor {
	private constructor(
		private readonly browser: Browser,
		readonly page: Page,
		private readonly url: string,
	) {}

	/** Starts a browser and logs in. */
	static async open(url: string): Promise<Editor> {
		const browser = await launchChromium();
		try {
			const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 });
			// However slow this machine is.
			page.setDefaultTimeout(240_000);
			await page.route(
				(address) => address.protocol.startsWith('http') && address.hostname !== '127.0.0.1',
				async (route) => {
					await route.abort();
				},
			);
			await page.goto(`${url}/signin`);
			await page.locator('input[type="email"], input[name="emailOrLdapLoginId"]').first().fill(OWNER.email);
			await page.locator('input[type="password"]').first().fill(OWNER.password);
			await page.keyboard.press('Enter');
			await page.waitForURL((address) => !address.pathname.includes('signin'));
			return new Editor(browser, page, url);
		} catch (error) {
			await browser.close();
			throw error;
		}
	}

	async close(): Promise<void> {
		await this.browser.close();
	}

	private by(testId: string): Locator {
		return this.page.locator(`[data-test-id="${testId}"]`);
	}

	/** A node on the canvas, by its name. */
	node(name: string): Locator {
		return this.page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
	}

	/** The part of a node on the canvas that a click selects. */
	private shape(name: string): Locator {
		return this.node(name)
			.locator('[data-test-id="canvas-default-node"], [data-test-id="canvas-trigger-node"]')
			.first();
	}

	/** The names of the nodes on the canvas. */
	async nodes(): Promise<string[]> {
		const all = await this.by('canvas-node').all();
		return await Promise.all(all.map(async (node) => (await node.getAttribute('data-node-name')) ?? ''));
	}

	/** An empty canvas. */
	async newWorkflow(): Promise<void> {
		await this.page.goto(`${this.url}/workflow/new`);
		await this.by('canvas-add-button').waitFor();
	}

	async openWorkflow(id: string): Promise<void> {
		await this.page.goto(`${this.url}/workflow/${id}`);
		await this.by('canvas-node').first().waitFor();
	}

	/** The id in the address of the page, once the workflow is saved. */
	async workflowId(): Promise<string> {
		await this.page.waitForURL(/\/workflow\/(?!new)[^/?]+/);
		return /\/workflow\/([^/?]+)/.exec(this.page.url())?.[1] ?? '';
	}

	/** Opens the nodes panel, by the plus behind a node, or by that of the canvas. */
	async openNodesPanel(behind?: Behind): Promise<void> {
		const search = this.by('node-creator-search-bar');
		if (behind) {
			const output = this.node(behind.node).locator(`[data-handleid="outputs/main/${behind.output ?? 0}"]`);
			const plus = output.locator('[data-test-id="canvas-handle-plus"]');
			const isThere = async () =>
				await plus.click({ trial: true, timeout: 2_000 }).then(
					() => true,
					() => false,
				);
			if ((await plus.count()) > 0 && (await isThere())) {
				await plus.click();
			} else {
				// An output that leads somewhere has no plus, and another node may hide it: the N key adds behind the selected one.
				await this.shape(behind.node).click();
				await this.page.keyboard.press('n');
			}
		} else if (!(await search.isVisible())) {
			await this.by('canvas-add-button').or(this.by('node-creator-plus-button')).first().click();
		}
		await search.waitFor();
	}

	/** Types into the nodes panel. */
	async search(text: string): Promise<void> {
		await this.by('node-creator-search-bar').fill(text);
	}

	/** What the nodes panel lists. */
	async listed(): Promise<string[]> {
		return await this.by('node-creator-item-name').allInnerTexts();
	}

	private async pick(name: string): Promise<void> {
		await this.by('node-creator-item-name')
			.filter({ hasText: exactly(name) })
			.first()
			.click();
	}

	/**
	 * Adds a node as a person does: searches, chooses it, and chooses the action where it has several. Its panel is open then.
	 *
	 * @param name as the panel shows it: without "Trigger"
	 */
	async addNode(text: string, name: string, action?: string, behind?: Behind): Promise<void> {
		// They lie above the panel.
		await this.dismissNotices();
		await this.openNodesPanel(behind);
		await this.search(text);
		await this.pick(name);
		if (action !== undefined) await this.pick(action);
		await this.by('ndv').waitFor();
	}

	/** Opens the panel of a node. */
	async openNode(name: string): Promise<void> {
		await this.shape(name).dblclick();
		await this.by('ndv').waitFor();
	}

	async closeNode(): Promise<void> {
		await this.by('ndv-close-button').click();
		await this.by('ndv').waitFor({ state: 'hidden' });
	}

	/** All that the open panel of a node says. */
	async panel(): Promise<string> {
		return await this.by('ndv').innerText();
	}

	/** The field that belongs to a label in the open panel, with its input or switch in it. */
	private field(label: string, inside: Locator = this.by('ndv')): Locator {
		return inside
			.locator('label')
			.filter({ has: this.page.locator('span', { hasText: labelled(label) }) })
			.locator(`xpath=ancestor::*[.//*[${IS_INPUT}]][1]//*[${IS_INPUT}]`)
			.first();
	}

	/** What is chosen or entered under a label. */
	async valueOf(label: string): Promise<string> {
		return await this.field(label).inputValue();
	}

	/** Chooses from the list under a label. */
	async choose(label: string, option: string, inside?: Locator): Promise<void> {
		await this.field(label, inside).click();
		const options = this.page.locator('[role="option"]:visible');
		await options
			.filter({ has: this.page.getByText(option, { exact: true }) })
			.first()
			.click();
	}

	/** Chooses several from the list under a label, which stays open. @returns all that it offers */
	async chooseEach(label: string, wanted: readonly string[]): Promise<string[]> {
		await this.field(label).click();
		const options = this.page.locator('[role="option"]:visible');
		for (const option of wanted) {
			await options
				.filter({ has: this.page.getByText(option, { exact: true }) })
				.first()
				.click();
		}
		return await options.allInnerTexts();
	}

	/** Closes the list under a label. */
	async closeList(label: string): Promise<void> {
		await this.field(label).press('Tab');
		await this.page.locator('[role="option"]:visible').first().waitFor({ state: 'hidden' });
	}

	/** Enters a value under a label. */
	async enter(label: string, value: string, inside?: Locator): Promise<void> {
		await this.field(label, inside).fill(value);
	}

	/** Switches on or off what stands under a label. */
	async toggle(label: string): Promise<void> {
		await this.field(label).locator('xpath=..').click();
	}

	/** Creates a credential from the panel of the open node: each field by its label, lists by what is chosen. */
	async createCredential(
		fields: Readonly<Record<string, string>>,
		choices: Readonly<Record<string, string>> = {},
	): Promise<void> {
		await this.by('node-credentials-select').click();
		await this.by('node-credentials-select-item-new').click();
		await this.fillCredential(fields, choices);
	}

	/** Chooses one of the credentials that there are. */
	async chooseCredential(name: string): Promise<void> {
		await this.by('node-credentials-select').click();
		await this.page
			.locator('[data-test-id^="node-credentials-select-item-"]:visible')
			.filter({ has: this.page.getByText(name, { exact: true }) })
			.click();
	}

	/** Opens the credential of the open node and changes it. */
	async changeCredential(fields: Readonly<Record<string, string>>): Promise<void> {
		await this.by('credential-edit-button').click();
		await this.fillCredential(fields, {});
	}

	private async fillCredential(
		fields: Readonly<Record<string, string>>,
		choices: Readonly<Record<string, string>>,
	): Promise<void> {
		const dialog = this.by('editCredential-modal');
		await dialog.waitFor();
		for (const [label, option] of Object.entries(choices)) await this.choose(label, option, dialog);
		for (const [label, value] of Object.entries(fields)) await this.enter(label, value, dialog);
		const saved = this.page.waitForResponse(
			(response) => response.url().includes('/rest/credentials') && response.request().method() !== 'GET',
		);
		await this.by('credential-save-button').locator('button').or(this.by('credential-save-button')).last().click();
		await saved;
		// A new one closes it.
		await dialog.waitFor({ state: 'hidden', timeout: 5_000 }).catch(async () => {
			await dialog.locator('.el-dialog__headerbtn, [aria-label*="lose"]').first().click();
		});
		await dialog.waitFor({ state: 'hidden' });
	}

	/** What the credential of the open node is called. */
	async credential(): Promise<string> {
		return await this.by('node-credentials-select').locator('input').inputValue();
	}

	private notices(): Locator {
		return this.page.locator('.el-notification:visible');
	}

	/** Closes what the corner of the page says. */
	private async dismissNotices(): Promise<void> {
		while ((await this.notices().count()) > 0) {
			const first = this.notices().first();
			await first
				.locator('.el-notification__closeBtn')
				.click({ timeout: 2_000 })
				.catch(() => undefined);
		}
	}

	/** Presses the button of the open node, and waits until it has run. @returns what the corner of the page says then */
	async execute(): Promise<string> {
		await this.dismissNotices();
		await this.by('node-execute-button').click();
		return await this.notice();
	}

	/** Closes the panel of a node if one is open. */
	async leaveNode(): Promise<void> {
		if (await this.by('ndv').isVisible()) await this.closeNode();
	}

	/** Waits for a message in the corner of the page. */
	async notice(): Promise<string> {
		await this.notices().first().waitFor();
		return (await this.notices().first().innerText()).trim();
	}

	/** Presses the button of the open trigger, and waits until it listens. @returns its Test URL */
	async listen(): Promise<string> {
		await this.dismissNotices();
		const shown = this.by('ndv').getByText(/\/webhook-test\//);
		if (!(await shown.isVisible())) await this.by('ndv').getByText('Webhook URLs', { exact: true }).click();
		const url = await shown.innerText();
		// n8n answers once it listens; its button says so before.
		const started = this.page.waitForResponse((response) => response.url().endsWith('/run'));
		await this.by('node-execute-button').click();
		await started;
		await this.by('ndv').getByText('Stop Listening').first().waitFor();
		return url.trim();
	}

	/** Shows one of several outputs of the open node. */
	async showOutput(name: string): Promise<void> {
		await this.by('output-panel')
			.getByText(new RegExp(`^\\s*${name}\\b`))
			.first()
			.click();
	}

	/** The items in the output panel of the open node: the text of each cell of its table, by the name of the column. */
	async items(): Promise<Record<string, string>[]> {
		const output = this.by('output-panel');
		await output.locator('[data-test-id="radio-button-table"]').click();
		const table = output.locator('table').first();
		await table.waitFor();
		const columns = (await table.locator('thead th').allInnerTexts()).map((text) => text.trim());
		const rows = await table.locator('tbody tr').all();
		return await Promise.all(
			rows.map(async (row) => {
				const cells = await row.locator('td').allInnerTexts();
				return Object.fromEntries(columns.map((column, index) => [column, (cells[index] ?? '').trim()]));
			}),
		);
	}

	/** Opens a node, and reads its items. */
	async itemsOf(node: string): Promise<Record<string, string>[]> {
		await this.openNode(node);
		const items = await this.items();
		await this.closeNode();
		return items;
	}

	/** The error in the output panel of the open node, with its colour. */
	async error(): Promise<{ text: string; isRed: boolean }> {
		const message = this.by('node-error-message');
		await message.waitFor();
		const colour = await message.evaluate((element) => {
			interface Part {
				readonly lastElementChild: Part | null;
			}
			const { getComputedStyle } = globalThis as unknown as {
				getComputedStyle: (of: Part) => { readonly color: string };
			};
			let part = element as unknown as Part;
			while (part.lastElementChild) part = part.lastElementChild;
			return getComputedStyle(part).color;
		});
		// As rgb(r, g, b), or by lightness, chroma and hue.
		const [first = 0, second = 0, third = 0] = (/\(([^)]*)\)/.exec(colour)?.[1]?.match(/[\d.]+/g) ?? []).map(Number);
		const isRed = colour.startsWith('oklch') ? second > 0.1 && third < 45 : first > 2 * second && first > 2 * third;
		return { text: (await message.innerText()).trim(), isRed };
	}

	/** What the output panel of the open node says, hints included. */
	async output(): Promise<string> {
		return await this.by('output-panel').innerText();
	}

	/** The binary files in the output panel of the open node, with the buttons that each has. */
	async files(): Promise<Locator> {
		await this.by('output-panel').locator('[data-test-id="radio-button-binary"]').click();
		const files = this.by('ndv-binary-data_0');
		await files.first().waitFor();
		return files;
	}

	/** Downloads a binary file from the output panel. */
	async download(name: string, path: string): Promise<void> {
		const file = (await this.files()).filter({ hasText: name });
		const started = this.page.waitForEvent('download');
		await file.locator('[data-test-id="ndv-download-binary-data"]').click();
		await (await started).saveAs(path);
	}

	/**
	 * Presses Publish, and Publish again in n8n's own dialog. n8n says "Workflow published" before it starts the triggers.
	 *
	 * @returns the error that n8n shows when a trigger does not start
	 */
	async publish(): Promise<string | undefined> {
		await this.dismissNotices();
		const button = this.by('workflow-open-publish-modal-button');
		await button.click();
		await this.by('workflow-publish-button').click();
		const dialog = this.by('activation-modal');
		const published = button.filter({ hasText: exactly('Published') });
		const error = this.notices().filter({ hasText: 'could not be' });
		await dialog.or(published).or(error).first().waitFor();
		if (await dialog.isVisible()) {
			// n8n shows it the first time only.
			await dialog.getByText('Got it').click();
			await dialog.waitFor({ state: 'hidden' });
		}
		await published.or(error).first().waitFor();
		return (await error.isVisible()) ? (await error.innerText()).trim() : undefined;
	}

	/** Shows all nodes on the canvas. */
	async zoomToFit(): Promise<void> {
		await this.by('zoom-to-fit').click();
	}

	/** Opens the list of executions. */
	async openExecutions(): Promise<void> {
		await this.by('radio-button-executions').click();
		await this.by('current-executions-list').waitFor();
	}

	/** The rows of the list of executions, newest first. */
	async executions(): Promise<string[]> {
		return await this.page.locator('[data-test-id^="execution-details-"]').allInnerTexts();
	}

	/** Takes a picture for the documentation, while pictures are to be taken. */
	async screenshot(name: string, clip?: Clip, { keepsNotices = false } = {}): Promise<void> {
		const path = pictureFile(name);
		if (path === undefined) return;
		if (!keepsNotices) await this.dismissNotices();
		await this.page.screenshot({ path, ...(clip && { clip }) });
	}
}
