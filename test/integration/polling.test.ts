import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject, INodeParameters } from 'n8n-workflow';
import { HOUR, MINUTE } from '../../lib';
import { Simulator } from '../simulator/simulator';
import { TestWorkflow, eventsOf, examplePlan } from './support/n8n';
import { later, until } from './support/time';

let simulator: Simulator;
beforeEach(async () => {
	simulator = await Simulator.start();
});
afterEach(async () => {
	await simulator.close();
});

const workflowWith = (polling: INodeParameters = {}) =>
	new TestWorkflow(examplePlan({ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }, polling));

/** Adds contacts dated one second apart, the last one `endsAgoMs` before now. */
function backlog(count: number, endsAgoMs = 60_000) {
	const end = Date.now() - endsAgoMs;
	return Array.from({ length: count }, (_, index) =>
		simulator.contacts.add({ createdOn: end - (count - 1 - index) * 1000 }),
	);
}

async function drain(workflow: TestWorkflow): Promise<string[]> {
	const subjects: string[] = [];
	for (;;) {
		const events = await workflow.poll();
		if (!events) return subjects;
		subjects.push(...events.map(({ subject }) => subject ?? ''));
	}
}

describe('the first run', () => {
	test('C9 from now: nothing that was there before, everything after', async () => {
		backlog(50);
		const workflow = workflowWith();
		expect(await workflow.poll()).toBeNull();
		const contact = simulator.contacts.add();
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual([`contacts/${contact.contactId}`]);
		expect(await workflow.poll()).toBeNull();
	});

	test('C9 since a date: from there on, inclusive', async () => {
		const contacts = backlog(50);
		const since = contacts[40]?.createdOn ?? 0;
		const workflow = workflowWith({ start: 'date', since: new Date(since).toISOString() });
		expect(await drain(workflow)).toEqual(contacts.slice(40).map(({ contactId }) => `contacts/${contactId}`));
	});

	test('C9 a start that is none says so, and asks nobody', async () => {
		const workflow = workflowWith({ start: 'yesterday' });
		simulator.requests.length = 0;
		await expect(workflow.poll()).rejects.toThrow('Set "Start" to now, everything or date');
		expect(simulator.requests).toEqual([]);
	});

	test('C9 everything: oldest first, in portions, each once', async () => {
		const contacts = backlog(2_500);
		const workflow = workflowWith({ start: 'everything', additionalOptions: { maxEvents: 1_000 } });
		expect((await workflow.poll())?.length).toBe(1_000);
		expect(await drain(workflow)).toEqual(contacts.slice(1_000).map(({ contactId }) => `contacts/${contactId}`));
	});
});

describe('a ledger that is gone', () => {
	test('A19 is told of once, and polling goes on from where it had come, not from now and not from the start', async () => {
		const old = backlog(20, 3_600_000);
		const workflow = workflowWith({ start: 'everything' });
		expect(await drain(workflow)).toHaveLength(20);
		const known = simulator.contacts.add();
		expect(await workflow.poll()).toHaveLength(1);
		const folder = join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync');
		for (const file of readdirSync(folder)) rmSync(join(folder, file));
		const missed = simulator.contacts.add({ createdOn: known.createdOn + 1_000 });
		const subjects = (await workflow.poll())?.map(({ subject }) => subject);
		// What lies inside the look-back comes again: nobody knows it any more.
		expect(subjects).toEqual([known, missed].map(({ contactId }) => `contacts/${contactId}`));
		expect(subjects).not.toContain(`contacts/${old[0]?.contactId}`);
		await expect(workflow.poll()).rejects.toThrow(
			/knows nothing of this workflow any more: it is gone or was exchanged.*Keep n8n's folder on a volume/,
		);
		expect(await workflow.poll()).toBeNull();
	});
});

test('A19 after a restart too: what n8n has loaded of the workflow says how far it had come', async () => {
	const workflow = workflowWith({ start: 'everything' });
	backlog(20, 3_600_000);
	expect(await drain(workflow)).toHaveLength(20);
	const folder = join(process.env['N8N_USER_FOLDER'] ?? '', '.n8n', 'hybrid-sync');
	for (const file of readdirSync(folder)) rmSync(join(folder, file));
	const missed = simulator.contacts.add();
	const staticData = JSON.parse(JSON.stringify(workflow.workflow.staticData)) as IDataObject;
	const restarted = new TestWorkflow(
		examplePlan({ id: workflow.workflow.id, credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } }),
		{ staticData },
	);
	const subjects = (await restarted.poll())?.map(({ subject }) => subject);
	expect(subjects).toContain(`contacts/${missed.contactId}`);
	await expect(restarted.poll()).rejects.toThrow('knows nothing of this workflow any more');
});

describe('the cursor', () => {
	test('C2 a row shown late, below the cursor, is caught by the look-back and not repeated', async () => {
		const workflow = workflowWith({ start: 'everything' });
		backlog(3);
		expect(await drain(workflow)).toHaveLength(3);
		const late = simulator.contacts.add({ createdOn: Date.now() - 5 * 60_000 });
		expect(await drain(workflow)).toEqual([`contacts/${late.contactId}`]);
		expect(await drain(workflow)).toEqual([]);
	});

	test('C3 page 3 fails: nothing repeated, nothing skipped', async () => {
		const contacts = backlog(3_500, 3_600_000);
		const workflow = workflowWith({ start: 'everything', additionalOptions: { maxEvents: 10_000 } });
		simulator.fail({ status: 503, path: '/contacts', after: 2 });
		const first = await workflow.poll();
		expect(first?.length).toBe(1_999);
		const all = [...(first ?? []).map(({ subject }) => subject ?? ''), ...(await drain(workflow))];
		expect(all).toEqual(contacts.map(({ contactId }) => `contacts/${contactId}`));
	});

	test('C4 rows removed and added while pages are read: nothing skipped', async () => {
		const contacts = backlog(3_000, 3_600_000);
		const workflow = workflowWith({ start: 'everything', additionalOptions: { maxEvents: 10_000 } });
		const pages = () => simulator.requests.filter(({ path }) => path === '/contacts').length;
		const reading = drain(workflow);
		await until(() => pages() >= 2);
		let answer = () => {};
		simulator.state.gate = new Promise((resolve) => (answer = resolve));
		const removed = contacts.slice(0, 20).map(({ contactId }) => contactId);
		for (const contactId of removed) simulator.contacts.remove(contactId);
		answer();
		const found = new Set(await reading);
		const missing = contacts.filter(({ contactId }) => !found.has(`contacts/${contactId}`));
		expect(missing.map(({ contactId }) => contactId).filter((id) => !removed.includes(id))).toEqual([]);
	});

	test('C13 5,000 rows on one cursor value, in pages of 1,000: all come, once', async () => {
		const createdOn = Date.now() - 3_600_000;
		for (let index = 0; index < 5_000; index++) simulator.contacts.add({ createdOn });
		const workflow = workflowWith({ start: 'everything', additionalOptions: { maxEvents: 10_000 } });
		simulator.fail({ status: 503, path: '/contacts', after: 2 });
		const found = await drain(workflow);
		expect(found).toHaveLength(5_000);
		expect(new Set(found).size).toBe(5_000);
	});

	test('C12 Fetch Test Event shows recent real data and moves nothing', async () => {
		backlog(20);
		const workflow = workflowWith({ start: 'everything' });
		expect(await workflow.poll('Poll', 'manual')).toHaveLength(5);
		expect(await drain(workflow)).toHaveLength(20);
	});

	test('two ticks of one node at the same moment: one reads, the other does nothing', async () => {
		backlog(10);
		const workflow = workflowWith({ start: 'everything' });
		let answer = () => {};
		simulator.state.gate = new Promise((resolve) => (answer = resolve));
		const first = workflow.poll();
		await until(() => simulator.requests.some(({ path }) => path === '/contacts'));
		expect(await workflow.poll()).toBeNull();
		answer();
		expect(await first).toHaveLength(10);
		expect(simulator.requests.filter(({ path }) => path === '/contacts')).toHaveLength(1);
	});
});

describe('thorough check', () => {
	/** What passes the Sync Dedupe behind it. */
	async function passed(workflow: TestWorkflow): Promise<string[]> {
		const subjects: string[] = [];
		for (;;) {
			const events = await workflow.poll();
			if (!events) return subjects;
			subjects.push(...eventsOf(await workflow.dedupe(events)).map(({ subject }) => subject ?? ''));
		}
	}

	test('what the provider shows a day late comes with the next thorough check, once, and nothing else does', async () => {
		const workflow = workflowWith({ start: 'everything', additionalOptions: { reconcileHours: 24, reconcileDays: 7 } });
		backlog(30, HOUR);
		expect(await passed(workflow)).toHaveLength(30);
		const late = simulator.contacts.add({ createdOn: Date.now() - 20 * HOUR });
		expect(await passed(workflow)).toEqual([]);
		await later(25 * HOUR, async () => {
			expect(await passed(workflow)).toEqual([`contacts/${late.contactId}`]);
			const asked = simulator.requests.length;
			expect(await passed(workflow)).toEqual([]);
			// One reading of the look-back, and none of the seven days.
			expect(simulator.requests.length).toBe(asked + 1);
		});
	});

	test('0 hours turn it off', async () => {
		const workflow = workflowWith({ start: 'everything', additionalOptions: { reconcileHours: 0 } });
		backlog(3, HOUR);
		expect(await passed(workflow)).toHaveLength(3);
		simulator.contacts.add({ createdOn: Date.now() - 20 * HOUR });
		await later(25 * HOUR, async () => {
			expect(await passed(workflow)).toEqual([]);
		});
	});
});

describe('politeness', () => {
	test('P3 ten workflows read 3,000 contacts each at once: the provider sees no more than the share of its rate and of its parallel requests', async () => {
		const contacts = backlog(3_000, HOUR);
		let open = () => {};
		simulator.state.gate = new Promise((resolve) => (open = resolve));
		const workflows = Array.from({ length: 10 }, () =>
			workflowWith({ start: 'everything', additionalOptions: { maxEvents: 10_000, limitShare: 30 } }),
		);
		const reading = Promise.all(workflows.map(async (workflow) => await drain(workflow)));
		// Nobody is answered until everybody who may ask has asked, however long that takes here.
		let before = -1;
		while (simulator.requests.length < 4 || simulator.requests.length > before) {
			before = simulator.requests.length;
			await new Promise((resolve) => setTimeout(resolve, 250));
		}
		expect(simulator.state.parallel).toBe(3);
		open();
		const found = await reading;
		expect(found.map((subjects) => subjects.length)).toEqual(workflows.map(() => contacts.length));
		expect(simulator.requests.filter(({ status }) => status !== 200)).toEqual([]);
		expect(simulator.state.maxParallel).toBe(3);
		const times = simulator.requests.map(({ arrived }) => arrived);
		for (const begin of times) {
			expect(times.filter((time) => time >= begin && time < begin + 1_000).length).toBeLessThanOrEqual(24);
		}
	}, 120_000);

	test('P3 a 429 holds the other workflows of the account back, too', async () => {
		const workflows = [workflowWith(), workflowWith()];
		for (const workflow of workflows) await workflow.poll();
		simulator.fail({ status: 429, headers: { 'retry-after': '120' } });
		await expect(workflows[0]?.poll()).rejects.toThrow('fewer requests');
		const before = simulator.requests.length;
		expect(await workflows[1]?.poll()).toBeNull();
		expect(simulator.requests).toHaveLength(before);
	});

	test('P3 where the answer says that nothing remains, the other workflows wait, too', async () => {
		const workflows = [workflowWith(), workflowWith()];
		for (const workflow of workflows) await workflow.poll();
		const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '432 seconds' };
		simulator.fail({ status: 200, headers, body: '[]', path: '/contacts' });
		await workflows[0]?.poll();
		const before = simulator.requests.length;
		expect(await workflows[1]?.poll()).toBeNull();
		expect(simulator.requests).toHaveLength(before);
	});
});

describe('failure', () => {
	test('P1 a 429 with Retry-After ends the tick, and no request is made before', async () => {
		const workflow = workflowWith();
		await workflow.poll();
		simulator.fail({ status: 429, headers: { 'retry-after': '120' } });
		await expect(workflow.poll()).rejects.toThrow('fewer requests');
		const before = simulator.requests.length;
		expect(await workflow.poll()).toBeNull();
		expect(simulator.requests).toHaveLength(before);
	});

	test('the provider is down when the workflow is published: it is published all the same, and an error comes only if it stays down', async () => {
		const workflow = workflowWith();
		simulator.fail({ status: 503, times: 2 });
		expect(await workflow.poll()).toBeNull();
		await expect(workflow.poll()).rejects.toThrow('is not available at the moment');
		await later(5 * MINUTE, async () => {
			expect(await workflow.poll()).toBeNull();
		});
		simulator.contacts.add({ createdOn: Date.now() + 1_000 });
		expect(await workflow.poll()).toHaveLength(1);
	});

	test('P6 a refused key is one clear error that names the credential', async () => {
		const workflow = new TestWorkflow(examplePlan({ credential: { apiKey: 'wrong', apiUrl: simulator.apiUrl } }));
		await expect(workflow.poll()).rejects.toMatchObject({
			message: expect.stringContaining('Check the API key and the region or API URL in the credential') as string,
			httpCode: '401',
		});
	});

	test('the provider is down: a clear error, and nothing is lost', async () => {
		const workflow = workflowWith();
		await workflow.poll();
		const contact = simulator.contacts.add();
		simulator.fail({ status: 'reset', times: 2 });
		await expect(workflow.poll()).rejects.toThrow('cannot be reached');
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual([`contacts/${contact.contactId}`]);
	});

	test.each([
		['HTML instead of JSON', '<html>Maintenance</html>', 'a web page'],
		['an object instead of a list', '{}', 'not a list'],
		['a row without a date', '[{"contactId":"c1"}]', 'createdOn'],
		['truncated JSON', '[{"contactId":', 'not JSON'],
	])('P5 %s is a clear error, and the cursor stays', async (_name, body, message) => {
		const workflow = workflowWith();
		await workflow.poll();
		const contact = simulator.contacts.add();
		simulator.fail({ status: 200, path: '/contacts', body });
		await expect(workflow.poll()).rejects.toThrow(message);
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual([`contacts/${contact.contactId}`]);
	});
});

describe('what was found by attacking it', () => {
	test('one odd row is kept as a dead letter, and the rows beside it come', async () => {
		const workflow = workflowWith();
		await workflow.poll();
		const rows = [
			{ contactId: 'odd', createdOn: 'yesterday' },
			{ contactId: 7, createdOn: '2099-01-01T00:00:00+0000', campaign: null },
		];
		simulator.fail({ status: 200, path: '/contacts', body: JSON.stringify(rows) });
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual(['contacts/7']);
		// And a row dated far ahead hides nothing that happens before.
		const contact = simulator.contacts.add();
		expect((await workflow.poll())?.map(({ subject }) => subject)).toEqual([`contacts/${contact.contactId}`]);
	});

	test('a polling trigger that was deleted and added again takes over what the old one left', async () => {
		backlog(30);
		const options = { start: 'everything', additionalOptions: { maxEvents: 10 } };
		const first = workflowWith(options);
		expect(await first.poll()).toHaveLength(10);
		const plan = examplePlan(
			{ id: first.workflow.id, credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } },
			options,
		);
		const { Poll, ...others } = plan.nodes;
		const second = new TestWorkflow({
			...plan,
			nodes: { ...others, 'New Poll': Poll ?? { type: '' } },
			edges: { Webhook: ['Dedupe'], 'New Poll': ['Dedupe'], Dedupe: ['Step'] },
		});
		const subjects: unknown[] = [];
		for (let tick = 0; tick < 4; tick++) subjects.push(...((await second.poll('New Poll')) ?? []));
		expect(subjects).toHaveLength(20);
	});

	test('S10 a key that the provider echoes does not reach the error', async () => {
		const workflow = workflowWith();
		simulator.fail({
			times: 2,
			status: 401,
			body: JSON.stringify({ message: `Unknown token "api-key ${simulator.apiKey}"` }),
		});
		const error = await workflow.poll().catch((reason: unknown) => reason);
		expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(simulator.apiKey);
		expect(String(error)).toContain('refused the credential');
	});

	test('a 429 that asks for decades is asked again the next day', async () => {
		const workflow = workflowWith();
		await workflow.poll();
		simulator.fail({ status: 429, headers: { 'retry-after': '999999999' } });
		await expect(workflow.poll()).rejects.toThrow('fewer requests');
		await later(25 * HOUR, async () => {
			const before = simulator.requests.length;
			await workflow.poll();
			expect(simulator.requests.length).toBeGreaterThan(before);
		});
	});

	test('another account in the credential begins where a first run would, under its own name', async () => {
		const other = await Simulator.start({ accountId: 'B2' });
		try {
			const first = workflowWith();
			await first.poll();
			other.contacts.add({ createdOn: Date.now() - 3_600_000 });
			const second = new TestWorkflow(
				examplePlan({ id: first.workflow.id, credential: { apiKey: other.apiKey, apiUrl: other.apiUrl } }),
			);
			expect(await second.poll()).toBeNull();
			other.contacts.add({ createdOn: Date.now() + 1_000 });
			expect((await second.poll())?.map(({ source }) => source)).toEqual(['/getresponse/accounts/B2']);
		} finally {
			await other.close();
		}
	});
});
