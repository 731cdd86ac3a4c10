import type { WorkflowActivateMode, WorkflowExecuteMode } from 'n8n-workflow';
import { DAY, HOUR, MINUTE, type SyncEvent, providers, undiciExchange } from '../../lib';
import { wholeSecond } from '../simulator/contacts';
import { DescribedApi } from '../simulator/openapi/described';
import { type Contact, Simulator } from '../simulator/simulator';
import { type Plan, SECRET, TestWorkflow, type WebhookServer, eventsOf, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/** GetResponse, everything it pushes and everything it lists, through the real nodes. */

let simulator: Simulator;
let api: DescribedApi;
let servers: WebhookServer[] = [];
beforeAll(async () => {
	api = await DescribedApi.read();
});
beforeEach(async () => {
	fakeTimeOfDay();
	simulator = await Simulator.start({ clock: () => Date.now(), onExchange: api.onExchange });
});
afterEach(async () => {
	for (const server of servers) await server.close();
	servers = [];
	await simulator.close();
	jest.useRealTimers();
	// Whatever a test is about: what is asked and answered is as GetResponse describes it.
	expect(api.takeViolations()).toEqual([]);
});

const EVERY_TICK = { cadence: 'fixed', everyMinutes: 1 };

function workflowWith(parameters: Plan['nodes'][string]['parameters'] = {}, options: object = {}): TestWorkflow {
	return workflowAs({ apiKey: simulator.apiKey }, parameters, options);
}

function workflowAs(
	access: object,
	parameters: Plan['nodes'][string]['parameters'] = {},
	options: object = {},
): TestWorkflow {
	const credential = { ...access, apiUrl: simulator.apiUrl };
	const plan = oneNodePlan({ credential }, { ...parameters, additionalOptions: { ...EVERY_TICK, ...options } });
	return new TestWorkflow(plan);
}

async function published(workflow: TestWorkflow): Promise<WebhookServer> {
	const server = await workflow.serve();
	servers.push(server);
	simulator.webhooks.url = `${server.url}/x/sync?secret=${SECRET}`;
	await workflow.publish();
	await workflow.poll();
	return server;
}

/** Lets some time go by, in which n8n ticks. @returns what Sync Dedupe lets pass of what was pushed and what was found */
async function ticks(
	workflow: TestWorkflow,
	ms: number,
	server?: WebhookServer,
	everyMs = 5 * MINUTE,
): Promise<SyncEvent[]> {
	const passed: SyncEvent[] = [];
	const pass = async (events: readonly SyncEvent[]) => {
		if (events.length > 0) passed.push(...eventsOf(await workflow.dedupe(events)));
	};
	for (let waited = 0; waited < ms; waited += everyMs) {
		jest.setSystemTime(Date.now() + everyMs);
		for (const events of server?.executions.splice(0) ?? []) await pass(events);
		await pass((await workflow.poll()) ?? []);
	}
	return passed;
}

const said = (events: readonly SyncEvent[]) =>
	events.map(({ type, subject, path }) => `${type.replace('getresponse.', '')} ${subject ?? ''} by ${path}`);

/** A way for an event to happen, and what it is about. */
type Happening = () => { readonly subject: string; readonly webhook?: object };

const contact = () => simulator.contacts.add({ createdOn: Date.now() - DAY });
/** The webhook about a contact that is there, or has just gone. */
const aboutContact =
	(type: string, change: (contactId: string) => void = () => undefined, extra: object = {}): Happening =>
	() => {
		const about = contact();
		change(about.contactId);
		return {
			subject: `contacts/${about.contactId}`,
			webhook: { ...simulator.event(type, about, wholeSecond(Date.now()), extra), ...extra },
		};
	};
const removedFor = (type: string, reason: string): Happening =>
	aboutContact(type, (contactId) => simulator.contacts.remove(contactId, reason));
const thing =
	(path: string, fields: object = {}, subjectPath = path.slice(1)): Happening =>
	() => ({ subject: `${subjectPath}/${simulator.account.add(path, { ...fields }).id}` });

/** What is looked at in one case. */
interface Case {
	readonly happens: Happening;
	/** Polling finds it, if at all within this time. */
	readonly within?: number;
	readonly options?: () => object;
}

const now = () => wholeSecond(Date.now());
const activityOf = (activity: string, more: object = {}): Happening => {
	return () => {
		simulator.account.add('/contacts/followed/activities', {
			activity,
			subject: 'Hello',
			resource: {
				resourceId: 'N1',
				resourceType: 'newsletters',
				href: 'https://api.getresponse.com/v3/newsletters/N1',
			},
			...more,
		});
		const type = activity === 'click' ? 'contact_clicked_message_link' : 'contact_opened_message';
		const { clickTrack } = more as { clickTrack?: { id: string } };
		return {
			subject: 'contacts/followed',
			webhook: {
				type,
				contact: { contactId: 'followed', email: 'a@example.com', name: null, campaign: { campaignId: 'L1' } },
				message: { resourceType: 'newsletters', resourceId: 'N1', name: 'N', subject: 'Hello' },
				...(clickTrack && { clickTrack: { clickTrackId: clickTrack.id, name: 'x', url: 'https://example.com' } }),
				account: { accountId: 'A1' },
				event: { occurredAt: new Date(now()).toISOString() },
			},
		};
	};
};
const followed = () => ({ followContacts: 'followed' });

const CASES: Readonly<Record<string, Case>> = {
	cart_created: { happens: () => shopThing('carts') },
	contact_removed_bounce: { happens: removedFor('contact_removed_bounce', 'bounce'), within: 2 * HOUR },
	contact_changed: {
		happens: () => {
			const { contactId } = contact();
			simulator.contacts.change(contactId, { name: 'Ada' });
			return { subject: `contacts/${contactId}` };
		},
	},
	contact_copied: { happens: aboutContact('contact_copied') },
	contact_email_changed: { happens: aboutContact('contact_email_changed') },
	contact_moved: { happens: aboutContact('contact_moved') },
	contact_rejected: { happens: aboutContact('contact_rejected') },
	contact_removed: {
		happens: () => {
			const { contactId } = contact();
			simulator.contacts.remove(contactId, 'complaint');
			return { subject: `contacts/${contactId}` };
		},
		within: 2 * HOUR,
	},
	contact_added: {
		happens: () => {
			const about = simulator.contacts.add();
			return { subject: `contacts/${about.contactId}`, webhook: simulator.contactAdded(about) };
		},
	},
	contact_unconfirmed: { happens: () => ({ subject: `contacts/${simulator.contacts.addUnconfirmed().contactId}` }) },
	contact_removed_link: { happens: removedFor('contact_removed_link', 'unsubscribe'), within: 2 * HOUR },
	contact_custom_field_changed: { happens: aboutContact('contact_custom_field_changed') },
	custom_reports_file_status_changed: {
		happens: () => ({
			subject: 'accounts/A1',
			webhook: {
				type: 'custom_reports_file_status_changed',
				account: { accountId: 'A1' },
				event: { occurredAt: new Date(now()).toISOString() },
			},
		}),
	},
	form_created: { happens: thing('/forms') },
	contacts_import_finished: {
		happens: () => {
			const { id } = simulator.account.add('/imports', { status: 'finished', finishedOn: now() });
			return {
				subject: `imports/${id}`,
				webhook: {
					type: 'contacts_import_finished',
					import: { importId: id },
					account: { accountId: 'A1' },
					event: { occurredAt: new Date(now()).toISOString() },
				},
			};
		},
	},
	landing_page_created: { happens: thing('/landing-pages') },
	contact_clicked_message_link: {
		happens: activityOf('click', { clickTrack: { id: 'T1', name: 'x', url: 'https://example.com' } }),
		options: followed,
	},
	contact_opened_message: { happens: activityOf('open'), options: followed },
	contact_message_sent: {
		happens: () => ({ subject: activityOf('send')().subject }),
		options: followed,
	},
	newsletter_sent: { happens: thing('/newsletters', { sendMetrics: { status: 'finished' } }) },
	newsletter_statistics_changed: {
		happens: () => {
			const { id } = simulator.account.add('/newsletters', { sendMetrics: { status: 'finished' } });
			simulator.account.statistics.set(id, { sent: 10, totalOpened: 1 });
			return { subject: `newsletters/${id}` };
		},
		within: 2 * HOUR,
	},
	order_processed: { happens: () => shopThing('orders') },
	contact_survey_answered: { happens: aboutContact('contact_survey_answered') },
	contact_clicked_sms_link: { happens: aboutContact('contact_clicked_sms_link') },
	suppression_created: { happens: thing('/suppressions') },
	tag_created: { happens: thing('/tags') },
	webinar_created: { happens: thing('/webinars') },
};

function shopThing(kind: 'orders' | 'carts') {
	const [shop] = simulator.account.all('/shops');
	const path = `/shops/${String(shop?.['shopId'])}/${kind}`;
	return thing(path, {}, path.slice(1))();
}

test('every type of event has a case', () => {
	expect(Object.keys(CASES).sort()).toEqual(Object.keys(providers.getresponse.events).sort());
});

const table: string[] = [];
afterAll(() => {
	console.info(['type, pushed, polled, joined, recovered when the push is dropped', ...table.sort()].join('\n'));
});

describe.each(Object.entries(CASES))('%s', (type, { happens, within = HOUR, options = () => ({}) }) => {
	const { push = false, resource } = providers.getresponse.events[type] ?? {};

	test(`G1 G3 ${push ? 'pushed' : 'polled'}${push && resource ? ', found by polling and joined' : ''}`, async () => {
		simulator.account.add('/shops');
		const workflow = workflowWith({ events: [type] }, options());
		const server = await published(workflow);
		expect(await ticks(workflow, MINUTE, server, MINUTE)).toEqual([]);
		if (push) {
			const both = happens();
			simulator.webhooks.push(both.webhook);
			await simulator.webhooks.idle();
			expect(said(await ticks(workflow, within, server))).toEqual([
				`${type} ${both.subject === 'accounts/A1' || resource === 'imports' ? 'accounts/A1' : both.subject} by webhook`,
			]);
		}
		let recovered: string[] = [];
		if (resource !== undefined) {
			// A while later, so that it is another event.
			jest.setSystemTime(Date.now() + HOUR);
			const { subject } = happens();
			recovered = said(await ticks(workflow, within, server));
			expect(recovered).toEqual([`${type} ${subject} by poll`]);
		}
		expect(await ticks(workflow, 2 * HOUR, server, 20 * MINUTE)).toEqual([]);
		const yes = (is: unknown) => (is ? 'yes' : 'no');
		table.push([type, yes(push), yes(resource), yes(push && resource), yes(recovered.length)].join(', '));
	});
});

describe('lists', () => {
	const added = (list: string) => simulator.contacts.add({ list });
	const picked = (...ids: string[]) => ({ items: ids.map((value) => ({ item: { __rl: true, mode: 'id', value } })) });

	test.each([
		['none', {}, ['L1', 'L2', 'L3']],
		['one', picked('L2'), ['L2']],
		['two', picked('L2', 'L3'), ['L2', 'L3']],
	])('G7 %s chosen: events of these by webhook and by polling, or of all', async (_name, lists, expected) => {
		const workflow = workflowWith({ events: ['contact_added', 'contact_removed_link'], lists });
		const all = ['L1', 'L2', 'L3'];
		for (const id of all.slice(1)) simulator.account.add('/campaigns', { campaignId: id, name: `List ${id}` });
		const server = await published(workflow);
		const pushed = all.map(added);
		simulator.webhooks.push(pushed.map((each) => simulator.contactAdded(each)));
		await simulator.webhooks.idle();
		const polled = all.map(added);
		for (const each of all.map(added)) simulator.contacts.remove(each.contactId);
		const of = (contacts: readonly { readonly contactId: string }[]) =>
			contacts.filter((_each, index) => expected.includes(all[index] ?? '')).map((each) => each.contactId);
		const found = await ticks(workflow, 2 * HOUR, server);
		const subjects = (type: string) => found.filter((event) => event.type.endsWith(type)).map((event) => event.subject);
		expect(subjects('contact_added').sort()).toEqual(
			[...of(pushed), ...of(polled)].map((id) => `contacts/${id}`).sort(),
		);
		expect(subjects('contact_removed_link')).toHaveLength(expected.length);
		expect(simulator.webhooks.attempts.every(({ succeeded }) => succeeded)).toBe(true);
	});

	test.each([7, { items: [{ item: { mode: 'list', value: '' } }] }, { items: 'x' }, ['L1', null]])(
		'G7 lists that cannot be understood (%j) let nothing in, by neither path',
		async (lists) => {
			const workflow = workflowWith({ events: ['contact_added'] });
			const server = await published(workflow);
			workflow.node('Sync').parameters['lists'] = lists;
			await expect(workflow.publish()).rejects.toThrow('"Lists" cannot be understood');
			simulator.webhooks.retryDelays = [1, 1, 1];
			simulator.webhooks.push(simulator.contactAdded(added('L2')));
			await simulator.webhooks.idle();
			expect(simulator.webhooks.attempts.map(({ status }) => status)).toEqual([429, 429, 429, 429]);
			jest.setSystemTime(Date.now() + 20 * MINUTE);
			await expect(workflow.poll()).rejects.toThrow('"Lists" cannot be understood');
			// Once it is mended, nothing is missing.
			workflow.node('Sync').parameters['lists'] = '["L1", "L2"]';
			const found = await ticks(workflow, HOUR, server);
			expect(found.map(({ type }) => type)).toEqual(['getresponse.contact_added']);
		},
	);

	test('G5 pickers search and page, past 1,000 lists', async () => {
		for (let n = 0; n < 1_200; n++) {
			simulator.account.add('/campaigns', { campaignId: `C${n}`, name: `List ${String(n).padStart(4, '0')}` });
		}
		const workflow = workflowWith();
		const names: string[] = [];
		let page: string | undefined;
		do {
			const { results, paginationToken } = await workflow.search('getresponseLists', undefined, page);
			names.push(...results.map(({ name }) => name));
			page = paginationToken;
		} while (page !== undefined);
		expect(names).toHaveLength(1_201);
		expect(new Set(names).size).toBe(1_201);
		const { results } = await workflow.search('getresponseLists', 'list 0777');
		expect(results).toEqual([{ name: 'List 0777', value: 'C777' }]);
	});

	test('G8 removed contacts of more than 1,000 lists, more than 1,000 of them, with reason and date', async () => {
		for (let n = 0; n < 1_200; n++) simulator.account.add('/campaigns', { campaignId: `C${n}`, name: `List ${n}` });
		const workflow = workflowWith(
			{ events: ['contact_removed', 'contact_removed_link', 'contact_removed_bounce'] },
			{ maxEvents: 10_000 },
		);
		await published(workflow);
		const reasons = ['unsubscribe', 'bounce', 'complaint', 'api', null];
		const gone = Array.from({ length: 2_500 }, (_each, n) => {
			const { contactId } = simulator.contacts.add({ list: `C${n % 1_200}`, createdOn: Date.now() - n * HOUR });
			simulator.contacts.remove(contactId, reasons[n % reasons.length]);
			return contactId;
		});
		const found = await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE);
		expect(found.map(({ subject }) => subject).sort()).toEqual(gone.map((each) => `contacts/${each}`).sort());
		const first = found.find(({ subject }) => subject === `contacts/${gone[2] ?? ''}`);
		expect(first).toMatchObject({
			type: 'getresponse.contact_removed',
			data: { contact: { reason: 'complaint', deletedOn: expect.stringMatching(/^20/) as string } },
		});
	});
});

test('with no events chosen, what is found by polling only does not come', async () => {
	const workflow = workflowWith();
	const server = await published(workflow);
	for (const reason of ['unsubscribe', 'bounce', 'complaint']) simulator.contacts.remove(contact().contactId, reason);
	simulator.account.add('/tags');
	const { contactId } = simulator.contacts.add();
	simulator.contacts.change(contactId, { name: 'Ada' });
	const found = await ticks(workflow, 2 * HOUR, server);
	expect(found.map(({ type }) => type).sort()).toEqual([
		'getresponse.contact_added',
		'getresponse.contact_removed_bounce',
		'getresponse.contact_removed_link',
	]);
});

test('to fetch test events shows what can be read, and says of what it cannot', async () => {
	simulator.contacts.add();
	const workflow = workflowWith({ events: ['contact_added', 'webinar_created', 'order_processed'] });
	for (const path of ['/webinars', '/shops']) simulator.fail({ status: 403, path, times: 9 });
	expect((await workflow.poll('Sync', 'manual'))?.map(({ type }) => type)).toEqual(['getresponse.contact_added']);
	expect(workflow.warnings.filter((text) => /shows no events of one kind.*403/.test(text)).length).toBe(2);
	const nothing = workflowWith({ events: ['webinar_created'] });
	await expect(nothing.poll('Sync', 'manual')).rejects.toThrow(/403/);
});

describe('what counts as recovered', () => {
	const marks = (events: readonly SyncEvent[]) =>
		Object.fromEntries(events.map(({ type, recovered }) => [type, recovered]));
	/** A contact, a change that no webhook tells of, a removal of each kind, and a tag. */
	async function found(parameters: Plan['nodes'][string]['parameters']) {
		const workflow = workflowWith(parameters);
		const stays = contact();
		const [left, removed] = [contact(), contact()];
		await published(workflow);
		jest.setSystemTime(Date.now() + MINUTE);
		simulator.contacts.add();
		simulator.contacts.change(stays.contactId, { name: 'Ada' });
		simulator.contacts.remove(left.contactId);
		simulator.contacts.remove(removed.contactId, 'user');
		simulator.account.add('/tags');
		return marks(await ticks(workflow, 2 * HOUR));
	}
	const EVENTS = ['contact_added', 'contact_changed', 'contact_removed', 'contact_removed_link', 'tag_created'];

	test('V4 what webhooks bring, and nothing that polling alone can find', async () => {
		expect(await found({ events: EVENTS })).toEqual({
			'getresponse.contact_added': true,
			'getresponse.contact_changed': false,
			'getresponse.contact_removed': false,
			'getresponse.contact_removed_link': true,
			'getresponse.tag_created': false,
		});
	});

	test('V4 nothing where only what polling finds is wanted', async () => {
		expect(await found({ events: ['tag_created', 'contact_removed'] })).toEqual({
			'getresponse.contact_removed': false,
			'getresponse.tag_created': false,
		});
	});

	test('V4 with no events chosen, what webhooks bring', async () => {
		expect(await found({})).toEqual({
			'getresponse.contact_added': true,
			'getresponse.contact_removed_link': true,
		});
	});
});

describe('what polling costs', () => {
	test('removed contacts are looked through once an hour, and statistics once an hour', async () => {
		const workflow = workflowWith({ events: ['contact_removed', 'newsletter_statistics_changed'] });
		await published(workflow);
		const { id } = simulator.account.add('/newsletters', { sendMetrics: { status: 'finished' } });
		simulator.account.statistics.set(id, { sent: 1 });
		await ticks(workflow, 5 * MINUTE, undefined, MINUTE);
		const before = simulator.requests.length;
		await ticks(workflow, 5 * HOUR, undefined, MINUTE);
		const count = (part: string) => simulator.requests.slice(before).filter(({ path }) => path.includes(part)).length;
		// Each search is read twice, until two readings agree.
		expect(count('/search-contacts')).toBeLessThanOrEqual(12);
		expect(count('/statistics')).toBeLessThanOrEqual(6);
		expect(count('/search-contacts')).toBeGreaterThanOrEqual(5);
	});

	test('changed totals are told of once each', async () => {
		const workflow = workflowWith({ events: ['newsletter_statistics_changed'] });
		await published(workflow);
		const { id } = simulator.account.add('/newsletters', { sendMetrics: { status: 'finished' } });
		const opened: unknown[] = [];
		for (const totalOpened of [1, 1, 5, 5, 9]) {
			simulator.account.statistics.set(id, { sent: 10, totalOpened });
			for (const { data } of await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE)) {
				opened.push((data as { statistics: { totalOpened: number } }).statistics.totalOpened);
			}
		}
		expect(opened).toEqual([1, 5, 9]);
	});

	test('what the plan of the account does not include keeps nothing else from being found', async () => {
		const workflow = workflowWith({ events: ['webinar_created', 'order_processed', 'tag_created', 'contact_added'] });
		await published(workflow);
		simulator.fail({ status: 403, path: '/webinars', times: 1_000 });
		simulator.fail({ status: 403, path: '/shops', times: 1_000 });
		simulator.account.add('/tags');
		simulator.contacts.add();
		const found: SyncEvent[] = [];
		const told: string[] = [];
		for (let n = 0; n < 10; n++) {
			jest.setSystemTime(Date.now() + 10 * MINUTE);
			const events = await workflow.poll().catch((error: unknown) => {
				told.push(String(error));
				return [];
			});
			if (events && events.length > 0) found.push(...eventsOf(await workflow.dedupe(events)));
		}
		expect(found.map(({ type }) => type).sort()).toEqual(['getresponse.contact_added', 'getresponse.tag_created']);
		expect(told).toHaveLength(1);
	});

	test('a changed contact is one event, whatever webhook says what has changed', async () => {
		const workflow = workflowWith({ events: ['contact_changed', 'contact_email_changed'] });
		const server = await published(workflow);
		const about = contact();
		await ticks(workflow, 10 * MINUTE, server);
		simulator.contacts.change(about.contactId, { email: 'new@example.com' });
		simulator.webhooks.push(simulator.event('contact_email_changed', about));
		await simulator.webhooks.idle();
		expect(said(await ticks(workflow, HOUR, server))).toEqual([
			`contact_email_changed contacts/${about.contactId} by webhook`,
		]);
	});

	test('the newest contacts of a list can be followed', async () => {
		const ids = Array.from(
			{ length: 20 },
			() => simulator.contacts.add({ list: 'L1', createdOn: Date.now() - DAY }).contactId,
		);
		const workflow = workflowWith(
			{ events: ['contact_opened_message'], lists: { items: [{ item: { mode: 'id', value: 'L1' } }] } },
			{ followLists: true },
		);
		await published(workflow);
		for (const each of ids) {
			simulator.account.add(`/contacts/${each}/activities`, { activity: 'open', resource: { resourceId: 'N1' } });
			simulator.account.add(`/contacts/${each}/activities`, { activity: 'send', resource: { resourceId: 'N1' } });
		}
		const found = await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE);
		expect(found.map(({ subject }) => subject).sort()).toEqual(ids.map((each) => `contacts/${each}`).sort());
	});
});

describe('what was found by attacking it', () => {
	test('shops that are listed without end end in an error, and stop nothing else', async () => {
		const workflow = workflowWith({ events: ['order_processed', 'contact_added'] });
		await published(workflow);
		const page = Array.from({ length: 1_000 }, (_each, n) => ({ shopId: `S${n}` }));
		simulator.fail({ status: 200, path: '/shops', body: JSON.stringify(page), times: 10_000 });
		simulator.contacts.add();
		jest.setSystemTime(Date.now() + MINUTE);
		expect((await workflow.poll())?.map(({ type }) => type)).toEqual(['getresponse.contact_added']);
		expect(simulator.requests.filter(({ path }) => path === '/shops').length).toBeLessThan(120);
	});

	test('what happens in a shop, or to a followed contact, that has just been added comes', async () => {
		const lists = { items: [{ item: { mode: 'id', value: 'L1' } }] };
		const events = ['order_processed', 'contact_opened_message'];
		const workflow = workflowWith({ events, lists }, { followLists: true });
		await published(workflow);
		await ticks(workflow, 12 * MINUTE, undefined, MINUTE);
		const shop = simulator.account.add('/shops').id;
		const { contactId } = simulator.contacts.add();
		jest.setSystemTime(Date.now() + MINUTE / 2);
		simulator.account.add(`/shops/${shop}/orders`);
		simulator.account.add(`/contacts/${contactId}/activities`, { activity: 'open', subject: 'Hello' });
		expect(said(await ticks(workflow, HOUR, undefined, MINUTE)).sort()).toEqual([
			`contact_opened_message contacts/${contactId} by poll`,
			expect.stringMatching(/^order_processed /),
		]);
	});

	test('who has not confirmed on a list that has just been added comes, though one on another list went ahead', async () => {
		const workflow = workflowWith({ events: ['contact_unconfirmed'] }, { lookBackMinutes: 1 });
		await published(workflow);
		simulator.account.add('/campaigns', { campaignId: 'L9', name: 'another' });
		const late = simulator.contacts.addUnconfirmed({ list: 'L9' });
		expect(await ticks(workflow, 3 * MINUTE, undefined, MINUTE)).toEqual([]);
		const ahead = simulator.contacts.addUnconfirmed();
		expect(said(await ticks(workflow, HOUR, undefined, MINUTE))).toEqual(
			[ahead, late].map(({ contactId }) => `contact_unconfirmed contacts/${contactId} by poll`),
		);
	});

	test('another list that is chosen later brings none of its contacts from before the look-back', async () => {
		const picked = (value: string) => ({ items: [{ item: { mode: 'id', value } }] });
		const parameters = { events: ['contact_added'], lists: picked('L1') };
		const workflow = workflowWith(parameters);
		await published(workflow);
		for (let n = 0; n < 5; n++) {
			simulator.contacts.add({ list: n < 4 ? 'L2' : 'L3' });
			expect(await ticks(workflow, HOUR, undefined, 10 * MINUTE)).toEqual([]);
		}
		workflow.node('Sync').parameters['lists'] = picked('L2');
		expect(await ticks(workflow, HOUR)).toEqual([]);
		const { contactId } = simulator.contacts.add({ list: 'L2' });
		expect(said(await ticks(workflow, HOUR))).toEqual([`contact_added contacts/${contactId} by poll`]);
	});

	test('with Start: From Now no history comes, though a search fails at first, or a contact or shop is added later', async () => {
		const old = { createdOn: Date.now() - 100 * DAY };
		for (let n = 0; n < 5; n++)
			simulator.contacts.remove(simulator.contacts.add(old).contactId, 'unsubscribe', Date.now() - 50 * DAY);
		for (let n = 0; n < 5; n++) simulator.contacts.addUnconfirmed(old);
		for (const each of ['a1', 'a2']) {
			simulator.account.add(`/contacts/${each}/activities`, { activity: 'open', createdOn: Date.now() - 20 * DAY });
		}
		const shops = [simulator.account.add('/shops'), simulator.account.add('/shops')].map(({ id }) => id);
		for (const id of shops) simulator.account.add(`/shops/${id}/orders`, { processedAt: Date.now() - 30 * DAY });
		const events = ['contact_removed_link', 'contact_unconfirmed', 'contact_opened_message', 'order_processed'];
		const lists = { items: [{ item: { mode: 'id', value: 'L1' } }] };
		const workflow = workflowWith({ events, lists }, { followContacts: 'a1', shops: [shops[0]] });
		simulator.fail({ status: 503, path: '/search-contacts', times: 4 });
		const found: SyncEvent[] = [];
		for (let n = 0; n < 12; n++) {
			found.push(...((await workflow.poll().catch(() => null)) ?? []));
			jest.setSystemTime(Date.now() + 20 * MINUTE);
		}
		const parameters = workflow.node('Sync').parameters;
		parameters['additionalOptions'] = { ...EVERY_TICK, followContacts: 'a1,a2', shops };
		found.push(...(await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE)));
		expect(said(found)).toEqual([]);
	});

	test('statistics of many newsletters, and drafts that are listed first', async () => {
		const workflow = workflowWith({ events: ['newsletter_statistics_changed', 'newsletter_sent'] });
		await published(workflow);
		for (let n = 0; n < 1_100; n++) simulator.account.add('/newsletters', { sendOn: null });
		const ids = Array.from({ length: 12 }, (_each, n) => {
			jest.setSystemTime(Date.now() + MINUTE);
			const { id } = simulator.account.add('/newsletters', { sendMetrics: { status: 'finished' } });
			simulator.account.statistics.set(id, { sent: n });
			return id;
		});
		const found = await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE);
		for (const type of ['newsletter_sent', 'newsletter_statistics_changed']) {
			const subjects = found.filter((event) => event.type.endsWith(type)).map(({ subject }) => subject);
			expect(subjects.sort()).toEqual(ids.map((each) => `newsletters/${each}`).sort());
		}
	});

	test('an import that is approved of after days is one event', async () => {
		const workflow = workflowWith({ events: ['contacts_import_finished'] });
		const server = await published(workflow);
		const upload = simulator.account.add('/imports', { status: 'to_review' });
		const found = await ticks(workflow, 30 * HOUR, server, HOUR);
		upload['status'] = 'finished';
		simulator.webhooks.push({
			type: 'contacts_import_finished',
			import: { importId: upload.id },
			account: { accountId: 'A1' },
			event: { occurredAt: new Date(now()).toISOString() },
		});
		await simulator.webhooks.idle();
		found.push(...(await ticks(workflow, 3 * HOUR, server, 10 * MINUTE)));
		expect(said(found)).toEqual(['contacts_import_finished accounts/A1 by webhook']);
	});

	test('what polling finds of opens and clicks has the form of the webhook', async () => {
		const workflow = workflowWith({ events: ['contact_opened_message', 'contact_clicked_message_link'] }, followed());
		await published(workflow);
		activityOf('open')();
		activityOf('click', { clickTrack: { id: 'T1', name: 'x', url: 'https://example.com' } })();
		const found = await ticks(workflow, HOUR);
		expect(found).toHaveLength(2);
		for (const event of found) {
			expect(event).toMatchObject({
				dataschema: `urn:n8n-nodes-hybrid-sync:schema:/getresponse/${event.type.replace('getresponse.', '')}/1`,
				data: { message: { resourceId: 'N1', subject: 'Hello' }, contact: { contactId: 'followed' } },
			});
		}
	});

	test('removed contacts of which GetResponse does not know when, and orders without a time, stop nothing', async () => {
		const shop = simulator.account.add('/shops');
		simulator.account.add(`/shops/${shop.id}/orders`, { processedAt: null });
		const workflow = workflowWith({ events: ['contact_removed_link', 'order_processed'] });
		await published(workflow);
		const odd = contact();
		simulator.contacts.remove(odd.contactId);
		Object.assign(simulator.contacts.gone(true)[0] ?? {}, { deletedOn: undefined });
		const found = await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE);
		const { contactId } = contact();
		simulator.contacts.remove(contactId);
		found.push(...(await ticks(workflow, 2 * HOUR, undefined, 10 * MINUTE)));
		expect(said(found)).toEqual([`contact_removed_link contacts/${contactId} by poll`]);
	});
});

describe('custom fields and tags', () => {
	const details = (name: string) => ({
		tags: [{ tagId: 'T1', name }],
		customFieldValues: [
			{ customFieldId: 'F1', name: 'city', value: [name], values: [name], type: 'text' },
			{ customFieldId: 'F2', name: 'age', value: ['7'], values: ['7'], type: 'number' },
		],
	});
	const asked = () => simulator.requests.filter(({ path }) => /^\/contacts\/[^/]+$/.test(path));
	const TYPES = { events: ['contact_added', 'contact_changed'] };

	test('contacts that polling finds bring them, each by one request, however often the list is read', async () => {
		const workflow = workflowWith(TYPES, { addDetails: true });
		await published(workflow);
		for (let index = 0; index < 250; index++) {
			const { contactId } = simulator.contacts.add();
			simulator.contacts.details.set(contactId, details(`n${index}`));
		}
		const passed = await ticks(workflow, 30 * MINUTE);
		expect(passed.length).toBe(250);
		const cities = passed.map(({ data }) => (data as { contact: { tags: { name: string }[] } }).contact.tags[0]?.name);
		expect(new Set(cities).size).toBe(250);
		expect(passed[0]?.data).toMatchObject({
			contact: { contactId: expect.any(String) as string, ...details(cities[0] ?? ''), origin: 'api' },
		});
		expect(asked().length).toBe(250);
		expect(asked()[0]?.query).toBe('?fields=customFieldValues%2Ctags');
		// Ten at once, as GetResponse allows.
		expect(simulator.state.maxParallel).toBeLessThanOrEqual(10);
	});

	test('only the chosen fields come, and a contact that is gone comes as the list had it', async () => {
		const items = [{ item: { mode: 'list', value: 'F2' } }];
		const workflow = workflowWith(TYPES, { addDetails: true, customFields: { items } });
		await published(workflow);
		const [stays, goes] = [simulator.contacts.add(), simulator.contacts.add()];
		simulator.contacts.details.set(stays.contactId, details('x'));
		simulator.fail({ status: 404, path: `/contacts/${goes.contactId}` });
		const byId = new Map((await ticks(workflow, 10 * MINUTE)).map(({ subject, data }) => [subject, data]));
		expect(byId.get(`contacts/${stays.contactId}`)).toMatchObject({
			contact: { customFieldValues: [{ customFieldId: 'F2' }], tags: [{ tagId: 'T1' }] },
		});
		expect(byId.get(`contacts/${goes.contactId}`)).toBeDefined();
		expect(byId.get(`contacts/${goes.contactId}`)).not.toHaveProperty('contact.tags');
		// Nothing of the others is asked for where nobody wants them.
		expect(asked().length).toBe(2);
	});

	test.each([
		['a maintenance page', { status: 200, body: '<html>' }],
		['a redirect', { status: 302, headers: { location: 'https://example.com/' } }],
		['an error', { status: 400 }],
	])('%s in their place is no reason to do without them', async (_name, fault) => {
		const workflow = workflowWith(TYPES, { addDetails: true });
		await published(workflow);
		const { contactId } = simulator.contacts.add();
		simulator.contacts.details.set(contactId, details('Ada'));
		simulator.fail({ ...fault, path: `/contacts/${contactId}` });
		jest.setSystemTime(Date.now() + 5 * MINUTE);
		await workflow.poll().catch(() => null);
		const passed = await ticks(workflow, HOUR);
		expect(passed.map(({ data }) => data)).toMatchObject([{ contact: { contactId, ...details('Ada') } }]);
	});

	test('one contact whose fields are odd stops no others', async () => {
		const workflow = workflowWith(TYPES, { addDetails: true });
		await published(workflow);
		const odd = simulator.contacts.add();
		simulator.contacts.details.set(odd.contactId, { customFieldValues: [{ customFieldId: null }, 7] as object[] });
		simulator.contacts.add();
		expect((await ticks(workflow, 10 * MINUTE)).length).toBe(2);
		api.takeViolations();
	});

	test('who has come by webhook is asked for once', async () => {
		const workflow = workflowWith(TYPES, { addDetails: true });
		const server = await published(workflow);
		simulator.subscribe();
		await simulator.webhooks.idle();
		expect((await ticks(workflow, 30 * MINUTE, server)).length).toBe(1);
		expect(asked().length).toBeLessThanOrEqual(1);
	});

	test('nobody asks for contacts of which only other events are wanted, or without the option', async () => {
		const workflow = workflowWith({ events: ['contact_changed'] }, { addDetails: true });
		await published(workflow);
		simulator.contacts.add();
		await ticks(workflow, 10 * MINUTE);
		const plain = workflowWith(TYPES);
		await published(plain);
		simulator.contacts.add();
		expect((await ticks(plain, 10 * MINUTE)).length).toBe(1);
		expect(asked()).toEqual([]);
	});
});

describe('the test of a credential', () => {
	const tested = async (changes: object = {}) => {
		const [credential] = providers.getresponse.push.credentials;
		const data = { apiKey: simulator.apiKey, region: 'custom', apiUrl: simulator.apiUrl, ...changes };
		return await credential.test?.(data, undiciExchange()).catch(String);
	};

	test.each([
		['a key that works', {}, undefined, /^The credential works/],
		['a wrong key', { apiKey: 'wrong' }, undefined, /refused the API key/],
		['a key that may not', {}, 403, /may not do this/],
		['another domain, or a wrong path', {}, 404, /Domain and Region, or the API URL/],
		['no API', {}, 200, /is not the API of GetResponse/],
		['no host', { apiUrl: 'http://127.0.0.1:9' }, undefined, /cannot be reached/],
	])('%s is told', async (_name, changes, status, expected) => {
		if (status !== undefined)
			simulator.fail({ status, ...(status === 200 && { body: '{"hello":"world"}' }), times: 9 });
		expect(await tested(changes)).toMatch(expected);
	});
});

test('S5 a secret is proposed to who publishes, and not where n8n logs what goes wrong or nobody is to enter it', async () => {
	const workflow = workflowAs({ apiKey: simulator.apiKey, webhookSecret: '' });
	const said = async (...[mode, isTest, activation]: [WorkflowExecuteMode, boolean, WorkflowActivateMode]) =>
		await workflow.hook('checkExists', 'Sync', mode, isTest, activation).catch(String);
	for (const activation of ['activate', 'create', 'update'] as const) {
		expect(await said('trigger', false, activation)).toMatch(/\?secret=\S{32} .* made at random/);
	}
	for (const activation of ['init', 'leadershipChange'] as const) {
		expect(await said('trigger', false, activation)).toMatch(/needs a Webhook Secret of at least 16/);
	}
	expect(await said('manual', true, 'manual')).toMatch(/needs a Webhook Secret of at least 16/);
});

describe('OAuth2', () => {
	const application = () => ({
		authentication: 'oAuth2',
		clientId: simulator.state.client.id,
		clientSecret: simulator.state.client.secret,
	});
	const asked = (path: string) => simulator.requests.filter((request) => request.path === path);

	test('G6 an application fetches its own token, with the domain of a MAX account on every request, and another one when it has expired', async () => {
		simulator.state.domain = 'news.example.com';
		const workflow = workflowAs({ ...application(), domain: 'news.example.com' }, { events: ['contact_added'] });
		await published(workflow);
		simulator.subscribe({ copies: 0 });
		expect((await ticks(workflow, 10 * MINUTE)).length).toBe(1);
		expect(asked('/token')).toMatchObject([{ method: 'POST', status: 200 }]);
		// It is not good any more, whatever was said of it.
		simulator.state.client.tokens.clear();
		simulator.subscribe({ copies: 0 });
		expect((await ticks(workflow, 10 * MINUTE)).length).toBe(1);
		expect(asked('/token').length).toBe(2);
		expect(simulator.requests.filter(({ status }) => status === 404)).toEqual([]);
		// And once it has expired by what was said.
		const before = simulator.requests.filter(({ status }) => status === 401).length;
		await ticks(workflow, DAY, undefined, HOUR);
		expect(asked('/token').length).toBeGreaterThan(2);
		expect(simulator.requests.filter(({ status }) => status === 401).length).toBe(before);
		simulator.state.domain = undefined;
	});

	test('callbacks are registered with the token too', async () => {
		const parameters = { registration: 'automatic', events: ['contact_added'] };
		const workflow = workflowAs(application(), parameters);
		await published(workflow);
		expect(simulator.state.callback?.actions['subscribe']).toBe(true);
	});

	test('many requests at once fetch one token, and what is refused names what to check, without the secret', async () => {
		const credential = { ...application(), region: 'custom', apiUrl: simulator.apiUrl };
		const [{ test: tested }] = providers.getresponse.push.credentials;
		const test = async (data: object) => await tested?.(data, undiciExchange()).catch(String);
		simulator.state.latencyMs = 20;
		expect(await Promise.all([1, 2, 3, 4, 5].map(async () => await test(credential)))).toEqual(
			Array.from({ length: 5 }, () => expect.stringMatching(/^The credential works/) as string),
		);
		expect(asked('/token').length).toBe(1);
		const refused = await test({ ...credential, clientSecret: 'another-secret-0001' });
		expect(refused).toMatch(/refused .*Client ID and Client Secret/);
		expect(refused).not.toContain('another-secret-0001');
		expect(await test({ ...credential, clientId: '' })).toMatch(/lacks a usable Client ID/);
		simulator.fail({ status: 503, path: '/token', times: 9 });
		expect(await test({ ...credential, clientId: 'other' })).toMatch(/not available at the moment/);
	});
});

describe('callbacks', () => {
	const FOREIGN = { url: 'https://crm.example.com/hook?key=1', actions: { subscribe: true } };
	const automatic = (parameters: Plan['nodes'][string]['parameters'] = {}, options: object = {}) =>
		workflowWith({ registration: 'automatic', ...parameters }, options);
	async function serving(workflow: TestWorkflow): Promise<WebhookServer> {
		const server = await workflow.serve();
		servers.push(server);
		return server;
	}

	test('G4 publishing registers one, unpublishing removes it', async () => {
		const workflow = automatic();
		const server = await serving(workflow);
		await workflow.publish();
		const url = new URL(simulator.state.callback?.url ?? '');
		expect(url.href.startsWith(server.url)).toBe(true);
		expect(url.searchParams.get('secret')?.length).toBeGreaterThanOrEqual(32);
		expect(simulator.state.callback?.actions).toEqual({
			open: true,
			click: true,
			subscribe: true,
			unsubscribe: true,
			survey: true,
		});
		await workflow.publish();
		expect(simulator.state.callback?.url).toBe(url.href);
		await workflow.hook('delete');
		expect(simulator.state.callback).toBeUndefined();
	});

	test('G4 a foreign one is never overwritten or deleted, and is named without what may be secret', async () => {
		simulator.state.callback = FOREIGN;
		const workflow = automatic();
		await serving(workflow);
		const error: unknown = await workflow.publish().catch((caught: unknown) => caught);
		expect(String(error)).toContain('https://crm.example.com/hook');
		expect(String(error)).not.toContain('key=1');
		expect(String(error)).toContain('Replace Another Callback');
		await workflow.hook('delete');
		for (let n = 0; n < 10; n++) {
			jest.setSystemTime(Date.now() + HOUR);
			await workflow.poll();
		}
		expect(simulator.state.callback).toBe(FOREIGN);
		expect(simulator.requests.some(({ path, method }) => path.includes('callbacks') && method !== 'GET')).toBe(false);
	});

	test('G4 a foreign one is replaced where the user says so, but not by a tick', async () => {
		simulator.state.callback = FOREIGN;
		const workflow = automatic({}, { replacesCallback: true });
		const server = await serving(workflow);
		await workflow.publish();
		await workflow.poll();
		expect(simulator.state.callback.url.startsWith(server.url)).toBe(true);
		// Somebody else takes the place again.
		simulator.state.callback = FOREIGN;
		const told: string[] = [];
		for (let n = 0; n < 5; n++) {
			jest.setSystemTime(Date.now() + HOUR);
			await workflow.poll().catch((error: unknown) => told.push(String(error)));
		}
		expect(simulator.state.callback).toBe(FOREIGN);
		expect(told.join()).toContain('crm.example.com');
		await workflow.hook('delete');
		expect(simulator.state.callback).toBe(FOREIGN);
	});

	test('G4 one that is gone is registered again by a tick', async () => {
		const workflow = automatic();
		await serving(workflow);
		await workflow.publish();
		await workflow.poll();
		const { url } = simulator.state.callback ?? {};
		simulator.state.callback = undefined;
		jest.setSystemTime(Date.now() + 2 * HOUR);
		await workflow.poll();
		expect(simulator.state.callback).toMatchObject({ url });
	});

	test('only what is chosen is asked for, and nothing that callbacks do not bring', async () => {
		const workflow = automatic({ events: ['contact_removed_link', 'contact_moved'] });
		await serving(workflow);
		await workflow.publish();
		expect(simulator.state.callback?.actions).toMatchObject({ unsubscribe: true, open: false, subscribe: false });
		const none = automatic({ events: ['contact_moved'] });
		await serving(none);
		await expect(none.publish()).rejects.toThrow('bring none of the chosen events');
	});

	test('a callback without its secret is refused, and one with it starts one execution, joined with what polling finds', async () => {
		const workflow = automatic({ events: ['contact_added', 'contact_opened_message', 'contact_clicked_message_link'] });
		const server = await serving(workflow);
		await workflow.publish();
		await workflow.poll();
		jest.setSystemTime(Date.now() + MINUTE);
		const about = simulator.contacts.add();
		const forged = simulator.state.callback;
		simulator.state.callback = { url: `${server.url}/x/sync?secret=guess`, actions: { subscribe: true } };
		expect(await simulator.callBack('subscribe', about)).toBe(401);
		simulator.state.callback = forged;
		expect(await simulator.callBack('subscribe', about)).toBe(200);
		const message = { MESSAGE_ID: 'N1', message_name: 'News', message_subject: 'Hello' };
		expect(await simulator.callBack('open', about, message)).toBe(200);
		expect(
			await simulator.callBack('click', about, { ...message, LINK_ID: 'T1', link_url: 'https://example.com' }),
		).toBe(200);
		const passed = await ticks(workflow, HOUR, server);
		expect(said(passed).sort()).toEqual([
			`contact_added contacts/${about.contactId} by webhook`,
			`contact_clicked_message_link contacts/${about.contactId} by webhook`,
			`contact_opened_message contacts/${about.contactId} by webhook`,
		]);
		expect(passed[0]).toMatchObject({
			data: {
				contact: { contactId: about.contactId, email: about.email, campaign: { campaignId: 'L1' } },
				account: { accountId: 'A1' },
				callback: { action: 'subscribe' },
			},
		});
		expect(JSON.stringify(passed)).not.toContain(new URL(forged?.url ?? '').searchParams.get('secret'));
		// A look at whether anybody answers is none.
		const look = await fetch(`${server.url}/x/sync`);
		expect(look.status).toBe(200);
	});

	interface Called {
		readonly about: Contact;
		readonly more?: Readonly<Record<string, string>>;
	}
	/** What somebody does by a callback's name, and the API shows too. */
	const ACTIONS: Readonly<Record<string, readonly [type: string, does: () => Called]>> = {
		subscribe: ['contact_added', () => ({ about: simulator.contacts.add() })],
		unsubscribe: [
			'contact_removed_link',
			() => {
				const about = contact();
				simulator.contacts.remove(about.contactId);
				return { about };
			},
		],
		open: ['contact_opened_message', () => activityBy('open')],
		click: ['contact_clicked_message_link', () => activityBy('click', { LINK_ID: 'T1' })],
		survey: ['contact_survey_answered', () => ({ about: contact() })],
		goal: ['contact_goal_reached', () => ({ about: contact() })],
	};
	function activityBy(activity: 'open' | 'click', more: Readonly<Record<string, string>> = {}): Called {
		const about = simulator.contacts.get('followed') ?? simulator.contacts.add({ contactId: 'followed' });
		CASES[activity === 'open' ? 'contact_opened_message' : 'contact_clicked_message_link']?.happens();
		return { about, more: { MESSAGE_ID: 'N1', ...more } };
	}

	test.each(Object.entries(ACTIONS))('G3 the callback %s', async (action, [type, does]) => {
		const resource = providers.getresponse.events[type]?.resource;
		const events = Object.values(ACTIONS).flatMap(([each]) => (each in providers.getresponse.events ? each : []));
		const workflow = automatic(action === 'goal' ? {} : { events }, followed());
		const server = await serving(workflow);
		await workflow.publish();
		await workflow.poll();
		jest.setSystemTime(Date.now() + MINUTE);
		const { callback } = simulator.state;
		// Nobody can ask for it any more; accounts that did get it all the same.
		if (callback) simulator.state.callback = { ...callback, actions: { ...callback.actions, goal: true } };
		const { about, more } = does();
		expect(await simulator.callBack(action, about, more)).toBe(200);
		const subject = `contacts/${about.contactId}`;
		const isOfIt = (event: SyncEvent) => event.type === `getresponse.${type}`;
		expect(said((await ticks(workflow, 2 * HOUR, server)).filter(isOfIt))).toEqual([`${type} ${subject} by webhook`]);
		let recovered: string[] = [];
		if (resource !== undefined) {
			// The next one is lost on the way.
			const lost = does();
			recovered = said((await ticks(workflow, 2 * HOUR, server)).filter(isOfIt));
			expect(recovered).toEqual([`${type} contacts/${lost.about.contactId} by poll`]);
		}
		const yes = (is: unknown) => (is ? 'yes' : 'no');
		table.push([`callback ${action}`, 'yes', yes(resource), yes(resource), yes(recovered.length)].join(', '));
	});

	test('G4 a foreign one that is no URL, or has a password, is left alone, and the password is not told', async () => {
		for (const url of ['crm.example.com/hook', 'https://bob:hunter2@crm.example.com/hook#s']) {
			simulator.state.callback = { url, actions: {} };
			const workflow = automatic();
			await serving(workflow);
			const error: unknown = await workflow.publish().catch((caught: unknown) => caught);
			expect(String(error)).toContain('crm.example.com/hook');
			expect(String(error)).not.toContain('hunter2');
			await workflow.hook('delete');
			expect(simulator.state.callback.url).toBe(url);
		}
		expect(api.takeViolations()).toEqual(['getCallbacks, answer 200: /url must match format "uri"']);
	});

	test('G4 other events are asked for in place, and what has taken the place meanwhile is left alone', async () => {
		const workflow = automatic({ events: ['contact_added'] });
		await serving(workflow);
		await workflow.publish();
		workflow.node('Sync').parameters['events'] = ['contact_added', 'contact_opened_message'];
		await workflow.publish();
		expect(simulator.state.callback?.actions).toMatchObject({ subscribe: true, open: true });
		expect(simulator.requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
		simulator.state.callback = FOREIGN;
		await workflow.hook('delete');
		expect(simulator.state.callback).toBe(FOREIGN);
	});

	test('G4 what takes the place between the look and the removal is left alone', async () => {
		const workflow = automatic();
		await serving(workflow);
		await workflow.publish();
		const { callback: ours } = simulator.state;
		let reads = 0;
		let isRemoved = false;
		Object.defineProperty(simulator.state, 'callback', {
			// Of one answer both are, whether there is one and which.
			get: () => ((reads += 1) <= 2 ? ours : FOREIGN),
			set: () => {
				isRemoved = true;
			},
		});
		await workflow.hook('delete');
		expect(reads).toBeGreaterThan(2);
		expect(isRemoved).toBe(false);
	});

	test('G4 listening for a test takes no production callback away', async () => {
		const workflow = automatic({}, { replacesCallback: true });
		await serving(workflow);
		await workflow.publish();
		const { callback } = simulator.state;
		await expect(workflow.hook('checkExists', 'Sync', 'manual', true)).rejects.toThrow('unpublish first');
		await workflow.hook('delete', 'Sync', 'manual', true);
		expect(simulator.state.callback).toEqual(callback);
	});

	test('a webhook whose URL has an action in it is read by its body', async () => {
		const workflow = workflowWith({ events: ['contact_added'] });
		const server = await published(workflow);
		simulator.webhooks.url = `${simulator.webhooks.url ?? ''}&action=subscribe`;
		const about = simulator.contacts.add({ createdOn: Date.now() - DAY });
		simulator.webhooks.push(simulator.contactAdded(about));
		await simulator.webhooks.idle();
		expect(server.executions.flat().map(({ subject }) => subject)).toEqual([`contacts/${about.contactId}`]);
	});

	test('by hand is what is meant where nothing is said', async () => {
		const workflow = workflowWith();
		await serving(workflow);
		await workflow.publish();
		expect(simulator.state.callback).toBeUndefined();
	});
});
