import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Demo } from '../e2e/harness/demo';
import { Editor, launchChromium, pictureFile } from './editor';
import { eventually } from '../e2e/harness/eventually';
import { isPortFree } from '../e2e/harness/n8n';

/** What a person does with the nodes in the editor of a real n8n: by mouse and keyboard, and by what is to be read there. */
const MANUAL_TRIGGER = 'When clicking ‘Execute workflow’';
const STEP = 'No Operation, do nothing';
/** As the nodes panel names them: without "Trigger". */
const OUR_NODES = ['Sync', 'Sync Webhook', 'Sync Polling', 'Sync Dedupe'];
const ACCOUNT = 'Hybrid Sync GetResponse account';
let folder: string;
let demo: Demo;
let editor: Editor;

// A person’s steps in the editor, one after the other.
jest.setTimeout(900_000);
beforeAll(async () => {
	let port = 5940;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	folder = join(__dirname, '../../.demo', `e2e-${port}`);
	demo = await Demo.start({
		folder,
		port,
		env: { N8N_EXPRESSION_ENGINE: 'legacy', DB_PING_TIMEOUT_MS: '120000' },
	});
	// However slow this machine is.
	demo.simulator.webhooks.timeoutMs = 120_000;
	editor = await Editor.open(demo.n8n.url);
});
afterAll(async () => {
	await editor.close();
	await demo.stop();
});

/** Sends a webhook about a new contact to a URL, and waits for the answer. @returns the contact's subject */
async function push(url: string): Promise<string> {
	const { webhooks } = demo.simulator;
	webhooks.url = url;
	const { contactId } = demo.simulator.subscribe();
	await webhooks.idle();
	webhooks.url = undefined;
	return `contacts/${contactId}`;
}

/** Waits until the list of executions has one that succeeded, and none that failed. */
async function seeSuccess(): Promise<void> {
	await editor.openExecutions();
	const rows = await eventually(
		async () => await editor.executions(),
		(all) => all.some((row) => row.includes('Succeeded')),
	);
	expect(rows.join('\n')).not.toContain('Error');
}

/** The executions of the workflow whose page is open, by their status. */
async function statuses(id: string): Promise<string[]> {
	return (await demo.n8n.executions(id)).map(({ status }) => status);
}

describe('The nodes panel', () => {
	/** Types into the panel, and waits for what is wanted. */
	async function found(text: string, wanted: (names: readonly string[]) => boolean): Promise<string[]> {
		// The results of the search before must not be taken for those of this one.
		await editor.search('no node is called so');
		await eventually(
			async () => await editor.listed(),
			({ length }) => length === 0,
		);
		await editor.search(text);
		return await eventually(async () => await editor.listed(), wanted, 30_000);
	}

	beforeAll(async () => {
		await editor.newWorkflow();
		await editor.openNodesPanel();
	});

	test.each([
		'webhook signature',
		'verify webhook',
		'missed events',
		'duplicates',
		'dedupe',
		'idempotency',
		'replay',
		'dead letter',
		'REST API',
		'hybrid sync',
		'GetResponse',
		'Stripe',
		'WooCommerce',
		'Paddle',
		'Shopify',
		'run only once',
		'contact twice',
		'prevent duplicate',
		'retry failed',
		'recover',
		'missed webhook',
		'webhook backup',
		'new contact',
	])('shows one of the nodes to whoever searches for "%s"', async (text) => {
		const names = await found(text, (all) => all.some((name) => OUR_NODES.includes(name.trim())));
		expect(names.length).toBeGreaterThan(0);
	});

	test.each([
		'sync',
		'remove duplicates',
		'confirm events',
		'Check the setup',
		'Get the health',
		'List failed events and dead letters',
	])('finds what the documentation tells to search for: "%s"', async (text) => {
		const wanted = text === 'sync' ? 'Sync' : 'Sync Dedupe';
		const names = await found(text, (all) => all.some((name) => name.trim() === wanted));
		if (text === 'sync') await editor.screenshot('nodes-panel.png', { x: 1056, y: 64, width: 384, height: 670 });
		expect(names.length).toBeGreaterThan(0);
	});
});

describe('From an empty canvas to a published workflow', () => {
	/** What has been decided so far: a node added by its action, a choice, a value entered, a press of Publish. */
	let decisions: string[] = [];
	async function decide<T>(what: string, act: () => Promise<T>): Promise<T> {
		decisions.push(what);
		return await act();
	}
	beforeEach(async () => {
		decisions = [];
		await editor.newWorkflow();
	});

	test('takes seven decisions at the most for webhooks, polling and no event twice, as the README says', async () => {
		const { simulator } = demo;
		await decide('Sync, On GetResponse event', async () => {
			await editor.addNode('sync', 'Sync', 'On GetResponse event');
		});
		expect(await editor.valueOf('Trigger On')).toBe('GetResponse');
		await decide('a credential', async () => {
			await editor.createCredential(
				{ 'API Key': simulator.apiKey, 'API URL': simulator.apiUrl },
				{ Region: 'Other API URL' },
			);
		});
		await editor.closeNode();
		await decide('Sync Dedupe, Remove duplicates', async () => {
			await editor.addNode('remove duplicates', 'Sync Dedupe', 'Remove duplicates', { node: 'Sync Trigger' });
		});
		await editor.closeNode();
		await decide('a step', async () => {
			await editor.addNode('no operation', STEP, undefined, { node: 'Remove duplicates' });
		});
		await editor.closeNode();
		await decide('Sync Dedupe, Confirm events', async () => {
			await editor.addNode('confirm events', 'Sync Dedupe', 'Confirm events', { node: STEP });
		});
		await editor.closeNode();
		await editor.zoomToFit();
		await editor.screenshot('first-workflow.png', { x: 302, y: 310, width: 930, height: 340 });

		const refused = await decide('Publish', async () => await editor.publish());
		const [, secret = ''] = /enter (\S{32}) as the Webhook Secret/.exec(refused ?? '') ?? [];
		const [url = ''] = /http\S+\?secret=\S+/.exec(refused ?? '') ?? [];
		expect(secret).not.toBe('');
		expect(url).toContain(`?secret=${secret}`);
		const corner = { x: 1112, y: 508, width: 328, height: 344 };
		await editor.screenshot('publish-message.png', corner, { keepsNotices: true });
		// The content of the credential.
		await editor.openNode('Sync Trigger');
		const credential = await editor.credential();
		expect(credential).not.toBe(ACCOUNT);
		await editor.changeCredential({ 'Webhook Secret': secret });
		await editor.closeNode();
		expect(await decide('Publish', async () => await editor.publish())).toBeUndefined();
		expect(decisions.length).toBeLessThanOrEqual(7);

		const id = await editor.workflowId();
		const subject = await push(url);
		await seeSuccess();
		expect(await statuses(id)).toEqual(['success']);
		await eventually(
			() =>
				demo.queryLedger<{ subject: string; state: string }>(
					`SELECT subject, state FROM event WHERE stream LIKE '%/${id}'`,
				),
			(rows) => rows.length === 1 && rows[0]?.subject === subject && rows[0].state === 'done',
		);
		await demo.n8n.unpublish(id);
		const all = await demo.n8n.rest<{ id: string; name: string }[]>('GET', '/credentials');
		for (const { id: other, name } of all) {
			if (name === credential) await demo.n8n.rest('DELETE', `/credentials/${other}`);
		}
	});

	test('takes four decisions at the most with a Sync Trigger and a step alone', async () => {
		await decide('Sync, On GetResponse event', async () => {
			await editor.addNode('sync', 'Sync', 'On GetResponse event');
		});
		await decide('a credential', async () => {
			await editor.chooseCredential(ACCOUNT);
		});
		await editor.closeNode();
		await decide('a step', async () => {
			await editor.addNode('no operation', STEP, undefined, { node: 'Sync Trigger' });
		});
		await editor.closeNode();
		expect(await decide('Publish', async () => await editor.publish())).toBeUndefined();
		expect(decisions.length).toBeLessThanOrEqual(4);

		const id = await editor.workflowId();
		const { nodes } = await demo.n8n.rest<{ nodes: { webhookId?: string }[] }>('GET', `/workflows/${id}`);
		const webhookId = nodes.find((node) => node.webhookId !== undefined)?.webhookId ?? '';
		await push(`${demo.n8n.url}/webhook/${webhookId}/sync?secret=${demo.secret}`);
		await seeSuccess();
		expect(await statuses(id)).toEqual(['success']);
		await demo.n8n.unpublish(id);
	});
});

describe('Sync Trigger', () => {
	test('offers the events by their names, and says of each how it comes', async () => {
		await editor.newWorkflow();
		await editor.addNode('sync', 'Sync', 'On GetResponse event');
		const chosen = ['Contact Subscribed', 'Contact Unsubscribed', 'Contact Changed'];
		const offered = await editor.chooseEach('Events', chosen);
		for (const event of chosen) expect(offered.join('\n')).toContain(event);
		for (const text of offered) expect(text).toMatch(/By webhook|By polling/);
		await editor.screenshot('getresponse-events.png', { x: 512, y: 370, width: 438, height: 356 });
		await editor.closeList('Events');
		for (const event of chosen) expect(await editor.panel()).toContain(event);
		await editor.screenshot('getresponse-trigger.png', { x: 512, y: 66, width: 418, height: 800 });
		await editor.closeNode();
	});

	test('fetches a test event: it waits for a webhook, and shows it', async () => {
		await editor.newWorkflow();
		await editor.addNode('sync', 'Sync', 'On GetResponse event');
		const url = await editor.listen();
		const subject = await push(`${url}?secret=${demo.secret}`);
		expect(await editor.items()).toMatchObject([{ type: 'getresponse.contact_added', subject, path: 'webhook' }]);
		await editor.closeNode();
	});
});

describe('Sync Webhook Trigger', () => {
	beforeAll(async () => {
		await editor.newWorkflow();
		await editor.addNode('Sync Webhook', 'Sync Webhook', 'On GetResponse event');
	});
	afterAll(async () => {
		await editor.closeNode();
	});

	test('says in its panel why a test webhook was refused', async () => {
		const url = await editor.listen();
		await push(`${url}?secret=of-somebody-else-altogether`);
		const { text, isRed } = await editor.error();
		expect(text).toBe(
			'A webhook arrived and was refused. The signature, or the secret in the URL, does not match the secret in the credential.',
		);
		expect(isRed).toBe(true);
		expect(await editor.output()).toContain('Most often the secret is another one: copy it again');
	});

	test('listens, and shows the test webhook that it receives', async () => {
		const url = await editor.listen();
		const subject = await push(`${url}?secret=${demo.secret}`);
		await eventually(
			async () => await editor.output(),
			(text) => text.includes(subject),
		);
		const [item] = await editor.items();
		expect(item).toMatchObject({ type: 'getresponse.contact_added', subject, path: 'webhook' });
		expect(item?.['data']).toContain('email:person');
	});
});

describe('Sync Polling Trigger', () => {
	test('fetches test events: the newest that the account holds', async () => {
		const { contactId } = demo.simulator.contacts.add({ email: 'newest@example.com' });
		await editor.newWorkflow();
		await editor.addNode('Sync Polling', 'Sync Polling', 'On GetResponse event');
		expect(await editor.execute()).toContain('success');
		const items = await editor.items();
		const newest = items.find(({ subject }) => subject === `contacts/${contactId}`);
		expect(newest).toMatchObject({ type: 'getresponse.contact_added', path: 'poll' });
		expect(newest?.['data']).toContain('email:newest@example.com');
		await editor.closeNode();
	});
});

describe('Sync Dedupe on the items of an execution', () => {
	const DEDUPE = 'Remove duplicates';
	let subject: string;
	beforeAll(async () => {
		subject = `contacts/${demo.simulator.contacts.add().contactId}`;
		await editor.newWorkflow();
		await editor.addNode('Sync Polling', 'Sync Polling', 'On GetResponse event');
		await editor.closeNode();
	});
	afterEach(async () => {
		await editor.leaveNode();
	});

	/** Adds one of its actions, executes it, and reads what comes out. */
	async function run(action: string, node: string): Promise<Record<string, string> | undefined> {
		await editor.addNode('dedupe', 'Sync Dedupe', action, { node });
		expect(await editor.execute()).toContain('success');
		return (await editor.items()).find((item) => item['subject'] === subject);
	}

	test('removes duplicates: what is new leaves by "New", each with its claim', async () => {
		const item = await run(DEDUPE, 'Sync Polling Trigger');
		expect(item).toMatchObject({ attempt: '1', path: 'poll' });
		expect(item?.['claimtoken']).toMatch(/\S/);
		expect(await editor.output()).toMatch(/New Branch \(\d+ items?\)\s+Duplicate Branch\s+Out of Date Branch/);
	});

	test.each(['Confirm events', 'Report failed events', 'Allow more time'])(
		'lets the items go on as they are: %s',
		async (action) => {
			expect(await run(action, DEDUPE)).toMatchObject({ subject, type: 'getresponse.contact_added' });
		},
	);
});

describe('Sync Dedupe on stored events', () => {
	const PUSHED = 34;
	const DROPPED = 3;
	const FAILED = 2;
	let id: string;
	let done: string;

	const states = () =>
		demo.queryLedger<{ state: string; subject: string }>(
			`SELECT state, subject FROM event WHERE stream LIKE '%/${id}'`,
		);
	const inState = (state: string) => states().filter((row) => row.state === state).length;

	/** A published workflow after a while: webhooks came, some of them twice, some never, some from others, and some failed. */
	beforeAll(async () => {
		const workflow = demo.example((each) => {
			each.name = 'New subscribers';
			const node = (name: string) => each.nodes.find((one) => one.name === name);
			Object.assign(node('Sync Trigger')?.parameters ?? {}, {
				additionalOptions: { cadence: 'fixed', everyMinutes: 1 },
			});
			Object.assign(node('Sync Dedupe')?.parameters ?? {}, { options: { maxAttempts: 1 } });
			Object.assign(node('Your Own Step') ?? {}, { onError: 'continueErrorOutput' });
			const confirm = node('Confirm');
			if (!confirm) throw new Error('the example has no Confirm');
			each.nodes.push({
				...confirm,
				id: '6b0d7c0e-5a43-4f6e-9a55-0e3f9f4a1009',
				name: 'Report Failure',
				parameters: { operation: 'reportFailure' },
				...{ position: [840, 300] },
			});
			each.nodes.push({
				...confirm,
				id: '6b0d7c0e-5a43-4f6e-9a55-0e3f9f4a1010',
				name: MANUAL_TRIGGER,
				type: 'n8n-nodes-base.manualTrigger',
				parameters: {},
				...{ position: [0, 400] },
			});
			each.connections['Your Own Step'] = {
				main: [[{ node: 'Confirm', type: 'main', index: 0 }], [{ node: 'Report Failure', type: 'main', index: 0 }]],
			};
		});
		id = await demo.n8n.addWorkflow(workflow);
		await demo.n8n.publish(id);
		const { webhooks } = demo.simulator;
		const url = demo.webhookUrl(workflow);

		webhooks.url = url;
		for (let n = 0; n < PUSHED; n++) {
			demo.simulator.subscribe({ copies: n % 8 === 3 ? 2 : 1 });
			await webhooks.idle();
		}
		await eventually(
			() => inState('done'),
			(count) => count === PUSHED,
		);
		done = states().find(({ state }) => state === 'done')?.subject ?? '';
		demo.sink.failures = FAILED;
		for (let n = 0; n < FAILED; n++)
			demo.simulator.subscribe({}, { email: `refused-by-your-service-${n}@example.com` });
		await eventually(
			() => inState('dead'),
			(count) => count === FAILED,
		);
		for (let n = 0; n < DROPPED; n++) demo.simulator.subscribe({ copies: 0 });
		await push(url.replace(demo.secret, 'of-somebody-else-altogether'));
		// That contact exists as well, and its webhook did not come in either.
		await eventually(
			() => inState('done'),
			(count) => count === PUSHED + DROPPED + 1,
		);
		webhooks.url = undefined;

		await editor.openWorkflow(id);
	});
	afterAll(async () => {
		await demo.n8n.unpublish(id);
	});
	afterEach(async () => {
		await editor.leaveNode();
	});

	const add = async (action: string, node = MANUAL_TRIGGER) => {
		await editor.addNode('dedupe', 'Sync Dedupe', action, { node });
	};

	test('looks up what happened to an event', async () => {
		await add('Look up events');
		await editor.enter('Subject', done);
		expect(await editor.execute()).toContain('success');
		expect(await editor.items()).toMatchObject([{ subject: done, state: 'done', attempts: '1' }]);
	});

	test('lists the problems, each with its reason and its data', async () => {
		await add('List failed events and dead letters');
		expect(await editor.execute()).toContain('success');
		const items = await editor.items();
		expect(items).toHaveLength(FAILED);
		for (const item of items) {
			expect(item).toMatchObject({ state: 'dead', type: 'getresponse.contact_added' });
			expect(item['reason']).toContain('500');
			expect(item['data']).toContain('refused-by-your-service');
		}
		await editor.screenshot('list-problems.png');
	});

	test('checks the setup: a line for each check, problems first', async () => {
		await add('Check the setup');
		expect(await editor.execute()).toContain('success');
		const items = await editor.items();
		expect(items.map(({ check }) => check)).toEqual(
			expect.arrayContaining(['Confirm', 'Credential', 'Polling', 'Events']),
		);
		const order = items.map(({ result }) => ['problem', 'warning', 'ok'].indexOf(result ?? ''));
		expect(order).toEqual(order.toSorted((one, other) => one - other));
		expect(items.find(({ check }) => check === 'Credential')).toMatchObject({ result: 'ok' });
		await editor.screenshot('check-setup.png');
	});

	test('H3 gives the health with a report that asks the network for nothing', async () => {
		await add('Get the health');
		await editor.toggle('Include Report');
		expect(await editor.execute()).toContain('success');
		// n8n itself shows neither HTML nor SVG, and offers to download both.
		expect(await (await editor.files()).allInnerTexts()).toEqual([
			expect.stringMatching(/report[^]*health\.html[^]*Download/),
			expect.stringMatching(/chart[^]*health\.svg[^]*Download/),
		]);
		const file = join(folder, 'health.html');
		await editor.download('report', file);
		const [health] = await editor.items();
		expect(health).toMatchObject({ alerting: 'true' });
		expect(health?.['events']).toContain(`total:${PUSHED + FAILED + DROPPED + 1}`);

		const html = await readFile(file, 'utf8');
		expect(html).not.toMatch(/(src|href|action|url)\s*[=(]\s*["']?\s*(https?:)?\/\//i);
		const browser = await launchChromium();
		try {
			const page = await browser.newPage({ viewport: { width: 1000, height: 720 } });
			const requests: string[] = [];
			page.on('request', (request) => requests.push(request.url()));
			await page.goto(pathToFileURL(file).href, { waitUntil: 'networkidle' });
			const table = page.getByRole('table').first();
			expect(await table.innerText()).toMatch(new RegExp(`By webhook\\s+${PUSHED + FAILED}`));
			expect(await table.isVisible()).toBe(true);
			const picture = pictureFile('health-report-alert.png');
			if (picture) await page.screenshot({ path: picture, clip: { x: 40, y: 0, width: 920, height: 699 } });
			expect(requests).toEqual([pathToFileURL(file).href]);
		} finally {
			await browser.close();
		}
	});

	test('says in red that nothing was replayed, and why', async () => {
		await add('Replay events');
		await editor.choose('Which Events', 'By Filter');
		await editor.enter('Subject', 'contacts/nobody');
		expect(await editor.execute()).toContain('Problem');
		const { text, isRed } = await editor.error();
		expect(text).toBe(
			'Nothing was replayed: this workflow has stored no such event. Events belong to the workflow whose trigger brought them: place this node there.',
		);
		expect(isRed).toBe(true);
	});

	test('replays what List Problems has shown: it comes back through the trigger, and passes', async () => {
		const before = demo.sink.calls.length;
		await add('Replay events', 'List failed events and dead letters');
		expect(await editor.execute()).toContain('success');
		expect(await editor.items()).toMatchObject([{ found: String(FAILED), replayed: String(FAILED) }]);
		await eventually(
			() => demo.sink.calls.slice(before).filter(({ email }) => email.startsWith('refused-by-your-service')).length,
			(count) => count === FAILED,
		);
	});

	test('says that nothing has failed, where nothing has', async () => {
		await eventually(
			() => inState('dead') + inState('claimed'),
			(count) => count === 0,
		);
		await add('List failed events and dead letters');
		await editor.execute();
		await eventually(
			async () => await editor.output(),
			(text) => text.includes('No event of this workflow is known to have failed'),
		);
	});

	test('forgets a person: it only counts at first, and erases once that is switched off', async () => {
		await add('Forget events');
		await editor.enter('Subject', done);
		expect(await editor.execute()).toContain('success');
		expect(await editor.items()).toMatchObject([{ found: '1', forgettable: '1', onlyCounted: 'true' }]);
		await editor.toggle('Only Count');
		expect(await editor.execute()).toContain('success');
		const [erased] = await editor.items();
		expect(erased).toMatchObject({ found: '1', forgotten: '1' });
		expect(erased).not.toHaveProperty('onlyCounted');
	});
});
