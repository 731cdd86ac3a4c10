import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, providers } from '../../lib';
import { type Contact, wholeSecond } from '../simulator/contacts';
import type { Attempt } from '../simulator/simulator';
import { Demo, type Workflow } from './harness/demo';
import { eventually } from './harness/eventually';
import { isPortFree } from './harness/n8n';

/** A GetResponse account in a real n8n with the packed package installed: all that it pushes, and what polling finds. */
const TRIGGER = 'Sync Trigger';
const OK = '{"status":"OK"}';
/** Besides the account's first one: more than GetResponse lists on one page. */
const LISTS = Array.from({ length: 1_100 }, (_each, n) => `C${n}`);
let demo: Demo;
/** How far the provider's clock is ahead of this machine's: time that passes there, and not here. */
let clockAhead = 0;
const now = () => Date.now() + clockAhead;

beforeAll(async () => {
	let port = 5860;
	while (!((await isPortFree(port)) && (await isPortFree(port + 1)))) port += 2;
	demo = await Demo.start({
		folder: join(__dirname, '../../.demo', `e2e-${port}`),
		port,
		clock: now,
		env: {
			// By default n8n makes an isolate for each execution, which takes longer than all else that these workflows do.
			N8N_EXPRESSION_ENGINE: 'legacy',
			// It answers nobody while its database is slower, which beside a large execution it is on a slow machine.
			DB_PING_TIMEOUT_MS: '120000',
		},
	});
	// However slow this machine is.
	demo.simulator.webhooks.timeoutMs = 120_000;
	for (const campaignId of LISTS) demo.simulator.account.add('/campaigns', { campaignId, name: `List ${campaignId}` });
});
afterAll(async () => {
	await demo.stop();
});

/** What a test has published must not get the events of the next one. */
const published: string[] = [];
afterEach(async () => {
	for (const id of published.splice(0)) await demo.n8n.unpublish(id);
});

/** Trigger, Sync Dedupe, a step that tells the sink all of an event, and Confirm. */
function getResponseWorkflow(parameters: object = {}, options: object = {}): Workflow {
	return demo.example((workflow) => {
		for (const node of workflow.nodes) {
			if (node.name === TRIGGER) {
				node.parameters = {
					pollTimes: { item: [{ mode: 'everyMinute' }] },
					provider: 'getresponse',
					events: [],
					...parameters,
					additionalOptions: { cadence: 'fixed', everyMinutes: 1, maxEvents: 5_000, ...options },
				};
			}
			if (node.name === 'Your Own Step') {
				const told = '{ path: $json.path, attempt: $json.attempt, recovered: $json.recovered, data: $json.data }';
				node.parameters['jsonBody'] =
					`={{ JSON.stringify({ email: $workflow.id + " " + $json.type + " " + $json.subject, foundBy: JSON.stringify(${told}) }) }}`;
				node.parameters['options'] = { batching: { batch: { batchSize: 10, batchInterval: 1 } } };
			}
		}
	});
}

interface Published {
	readonly id: string;
	readonly url: string;
}

/** GetResponse dates by whole seconds: what was before is to lie before. */
async function addWorkflow(workflow: Workflow): Promise<string> {
	clockAhead += 2_000;
	const id = await demo.n8n.addWorkflow(workflow);
	published.push(id);
	return id;
}

async function publishWorkflow(workflow: Workflow): Promise<Published> {
	const id = await addWorkflow(workflow);
	await demo.n8n.publish(id);
	const url = demo.webhookUrl(workflow);
	demo.simulator.webhooks.url = url;
	return { id, url };
}

const publish = async (parameters: object = {}, options: object = {}) =>
	await publishWorkflow(getResponseWorkflow(parameters, options));

type Stored = Workflow & { readonly versionId: string };

/** Saves a workflow that is published in another form, and publishes that. */
async function edit(id: string, change: (text: string) => string): Promise<void> {
	const { name, nodes, connections, versionId } = await demo.n8n.rest<Stored>('GET', `/workflows/${id}`);
	const changed = change(JSON.stringify({ name, nodes, connections, versionId }));
	await demo.n8n.rest('PATCH', `/workflows/${id}`, JSON.parse(changed) as object);
	await demo.n8n.publish(id);
}

/** Publishes with another look-back: with other settings, GetResponse is asked at once. */
async function pollAtOnce(id: string): Promise<void> {
	await edit(id, (text) => text.replace('"maxEvents":5000', '"lookBackMinutes":20,"maxEvents":5000'));
}

/** What the step of a workflow was called with. */
interface Pass {
	/** By GetResponse's own name. */
	readonly type: string;
	readonly subject: string;
	readonly key: string;
	readonly path: string;
	readonly attempt: number;
	readonly recovered: boolean;
	readonly data: { readonly contact?: { readonly reason?: string; readonly deletedOn?: string } };
}
/** By workflow; each call is read once, however often it is looked at. */
const passesByWorkflow = new Map<string, Pass[]>();
let callsRead = 0;
function passesIn(id: string): readonly Pass[] {
	for (const { email, foundBy, idempotencyKey } of demo.sink.calls.slice(callsRead)) {
		const [workflow = '', type = '', subject = ''] = email.split(' ');
		const told = JSON.parse(foundBy) as Pick<Pass, 'path' | 'attempt' | 'recovered' | 'data'>;
		const before = passesByWorkflow.get(workflow) ?? [];
		before.push({ type: type.replace('getresponse.', ''), subject, key: idempotencyKey, ...told });
		passesByWorkflow.set(workflow, before);
		callsRead += 1;
	}
	return passesByWorkflow.get(id) ?? [];
}

const subjectOf = ({ contactId }: Contact) => `contacts/${contactId}`;
const said = (passes: readonly Pass[]) => passes.map(({ type, subject, path }) => `${type} ${subject} by ${path}`);

/** Waits until each of these has passed, if only once. */
async function allPassed(id: string, contacts: readonly Contact[]): Promise<void> {
	const missing = () => {
		const passed = new Set(passesIn(id).map(({ subject }) => subject));
		return contacts.map(subjectOf).filter((subject) => !passed.has(subject));
	};
	await eventually(missing, ({ length }) => length === 0);
}

/** Has something happen that the API shows only once its webhook has arrived: which came first is no chance then. */
async function pushedFirst<T>(happens: () => T | Promise<T>): Promise<T> {
	const { state, webhooks } = demo.simulator;
	const gate = Promise.withResolvers<undefined>();
	state.gate = gate.promise;
	try {
		const happened = await happens();
		await webhooks.idle();
		return happened;
	} finally {
		gate.resolve(undefined);
		state.gate = Promise.resolve();
	}
}

/** Pushes one more event and waits until it has passed, and all that was started before has ended. */
async function settle({ id, url }: Published): Promise<Contact> {
	const { webhooks } = demo.simulator;
	await webhooks.idle();
	webhooks.url = url;
	const last = await pushedFirst(() => demo.simulator.subscribe());
	await allPassed(id, [last]);
	await eventually(
		async () => await demo.n8n.executions(id),
		(all) => all.every(({ status }) => status === 'success'),
	);
	return last;
}

interface Row {
	readonly subject: string;
	readonly type: string;
	readonly path: string;
	readonly twin_key: string | null;
	readonly state: string;
	readonly attempts: number;
	readonly recovered: number;
}
const rowsOf = (id: string) =>
	demo.queryLedger<Row>(
		`SELECT subject, type, path, twin_key, state, attempts, recovered FROM event WHERE stream LIKE '%/${id}'`,
	);

/** Waits until so many events are known, and all of them are finished. */
async function allDone(id: string, count: number): Promise<Row[]> {
	const query = `SELECT count(*) AS found, sum(state = 'done') AS done FROM event WHERE stream LIKE '%/${id}'`;
	await eventually(
		() => demo.queryLedger<{ found: number; done: number }>(query)[0],
		(row) => row !== undefined && row.found >= count && row.done === row.found,
	);
	return rowsOf(id);
}

async function attemptsOf(webhookId: string): Promise<Attempt[]> {
	const { webhooks } = demo.simulator;
	await webhooks.idle();
	return webhooks.attempts.filter((attempt) => attempt.webhookId === webhookId);
}

/** Somebody who has been there for long. */
const known = (fields: Parameters<Demo['simulator']['contacts']['add']>[0] = {}) =>
	demo.simulator.contacts.add({ createdOn: now() - 100 * DAY, ...fields });

describe('G1 G2 all that webhooks bring', () => {
	const pushedTypes = Object.entries(providers.getresponse.events)
		.filter(([type, { push }]) => push && type !== 'contact_survey_answered')
		.map(([type]) => type);
	const ofAccount = ['contacts_import_finished', 'custom_reports_file_status_changed'];
	const message = { resourceType: 'newsletters', resourceId: 'N1', name: 'News', subject: 'Hello' };
	const link = { name: 'x', url: 'https://example.com' };
	/** What stands in the payloads of a type, beside the contact. */
	const MORE: Readonly<Record<string, object>> = {
		contact_clicked_message_link: { message, clickTrack: { clickTrackId: 'T1', ...link } },
		contact_clicked_sms_link: { sms: { smsId: 'S1' }, clickTrack: { id: 'T2', ...link } },
		contact_opened_message: { message },
		contacts_import_finished: { import: { importId: 'I1', status: 'finished' } },
	};
	const eventOf = (type: string, more: object = MORE[type] ?? {}, list = 'L1') => {
		const { contact, ...event } = demo.simulator.event(type, known({ list }));
		return { ...event, ...(!ofAccount.includes(type) && { contact }), ...more };
	};
	type Payload = ReturnType<typeof eventOf>;
	const passOf = ({ contact, type, ...rest }: Payload) => ({
		type,
		subject: contact ? `contacts/${contact.contactId}` : 'accounts/A1',
		path: 'webhook',
		attempt: 1,
		data: { contact, type, ...rest },
	});
	/** Each of the 13 types, one that nobody knows, fields that nobody knows, and a link named in both ways. */
	const payloads = () => [
		...pushedTypes.map((type) => eventOf(type)),
		eventOf('contact_teleported'),
		eventOf('contact_added', { extra: { more: [1, null, 'é😀'] } }),
		eventOf('contact_clicked_message_link', { message, clickTrack: { id: 'T3', ...link } }),
	];
	const answered = expect.objectContaining({
		status: 200,
		body: OK,
		contentType: expect.stringMatching(/^application\/json\b/) as string,
		attempt: 1,
	}) as unknown;

	test('G1 G2 13 types, an unknown one and unknown fields, singly, in a batch and repeated: each executes once, and is answered as GetResponse wants it', async () => {
		expect(pushedTypes).toHaveLength(13);
		const workflow = await publish();
		const { webhooks } = demo.simulator;
		const singly = payloads();
		const inBatch = payloads();
		const webhookIds = [...singly, inBatch].map((payload) => webhooks.push(payload, { copies: 2 }));
		for (const webhookId of webhookIds) expect(await attemptsOf(webhookId)).toEqual([answered, answered]);
		const last = await settle(workflow);

		const passes = passesIn(workflow.id).filter(({ subject }) => subject !== subjectOf(last));
		const byName = (one: { type: string; subject: string }, other: { type: string; subject: string }) =>
			`${one.type} ${one.subject}` < `${other.type} ${other.subject}` ? -1 : 1;
		expect(
			passes.map(({ type, subject, path, attempt, data }) => ({ type, subject, path, attempt, data })).sort(byName),
		).toEqual([...singly, ...inBatch].map(passOf).sort(byName));
		expect(new Set(passes.map(({ key }) => key)).size).toBe(passes.length);
		// One for each delivery, and that of the event that settled it.
		expect(await demo.n8n.executions(workflow.id)).toHaveLength(webhookIds.length + 1);
	});

	test('G2 what is filtered by its list is answered alike and starts nothing; a wrong secret, or none, is refused and not sent again', async () => {
		const lists = { items: [{ item: { __rl: true, mode: 'id', value: 'L1' } }] };
		const workflow = await publish({ lists });
		const { webhooks } = demo.simulator;
		const filtered = eventOf('contact_added', {}, 'C1');
		expect(await attemptsOf(webhooks.push(filtered, { copies: 2 }))).toEqual([answered, answered]);
		// Of a batch only some.
		const wanted = [eventOf('contact_moved'), eventOf('custom_reports_file_status_changed')];
		const batch = [eventOf('contact_moved', {}, 'C1'), ...wanted, eventOf('contact_added', {}, 'C2')];
		expect(await attemptsOf(webhooks.push(batch))).toEqual([answered]);

		const [address = ''] = workflow.url.split('?');
		for (const url of [`${address}?secret=${randomBytes(16).toString('hex')}`, `${address}?secret=`, address]) {
			webhooks.url = url;
			const refused = await attemptsOf(webhooks.push(eventOf('contact_added')));
			expect(refused).toMatchObject([{ status: 401, body: '' }]);
		}
		const last = await settle(workflow);
		expect(said(passesIn(workflow.id)).sort()).toEqual(
			[
				...wanted.map(passOf).map(({ type, subject }) => `${type} ${subject} by webhook`),
				`contact_added ${subjectOf(last)} by webhook`,
			].sort(),
		);
		expect(await demo.n8n.executions(workflow.id)).toHaveLength(1 + 1);
	});
});

test('A2 G3 pushed and found by polling is one event, whichever comes first or both at once; what push drops, polling brings', async () => {
	const { simulator } = demo;
	const { contacts, webhooks } = simulator;
	const [renamed, quiet, both] = [known(), known(), known()];
	const workflow = await publish({ events: ['contact_added', 'contact_changed', 'contact_email_changed'] });
	/** @param copies 0 drops its webhook */
	const change = (contact: Contact, copies: number) => {
		contacts.change(contact.contactId, { email: `new-${contact.email}` });
		webhooks.push(simulator.event('contact_email_changed', contact), { copies });
	};
	const pushed = await pushedFirst(() => {
		change(renamed, 1);
		return [simulator.subscribe(), simulator.subscribe()];
	});
	await allPassed(workflow.id, [...pushed, renamed]);
	const dropped = [1, 2, 3].map(() => simulator.subscribe({ copies: 0 }));
	change(quiet, 0);

	// GetResponse has them in its answer, and pushes some before it sends it, and some at the same moment.
	const atOnce = Array.from({ length: 20 }, () => contacts.add());
	const gate = Promise.withResolvers<undefined>();
	simulator.state.gate = gate.promise;
	const before = simulator.requests.length;
	try {
		await eventually(
			() => simulator.requests.slice(before).filter(({ path }) => path === '/contacts').length,
			(held) => held > 0,
		);
		change(both, 1);
		for (const contact of atOnce.slice(10)) webhooks.push(simulator.contactAdded(contact));
		await webhooks.idle();
		for (const contact of atOnce.slice(0, 10)) webhooks.push(simulator.contactAdded(contact));
	} finally {
		gate.resolve(undefined);
		simulator.state.gate = Promise.resolve();
	}
	await allPassed(workflow.id, [...dropped, ...atOnce, quiet, both]);
	// Of some the webhook comes late.
	const [late, ...lost] = dropped;
	if (late) webhooks.push(simulator.contactAdded(late));
	// While a change is published, n8n answers 404, which GetResponse takes for an end.
	await webhooks.idle();
	await pollAtOnce(workflow.id);
	const last = await settle(workflow);

	const passes = Map.groupBy(passesIn(workflow.id), ({ subject }) => subject);
	const contactsOf = [...pushed, renamed, ...dropped, quiet, both, ...atOnce, last];
	expect([...passes.keys()].sort()).toEqual(contactsOf.map(subjectOf).sort());
	for (const own of passes.values()) expect(own).toMatchObject([{ attempt: 1 }]);
	const passesOf = (contact: Contact) => passes.get(subjectOf(contact));
	for (const contact of pushed) {
		expect(passesOf(contact)).toMatchObject([{ type: 'contact_added', path: 'webhook', recovered: false }]);
	}
	for (const contact of dropped) {
		expect(passesOf(contact)).toMatchObject([{ type: 'contact_added', path: 'poll', recovered: true }]);
	}
	expect(passesOf(renamed)).toMatchObject([{ type: 'contact_email_changed', path: 'webhook' }]);
	expect(passesOf(quiet)).toMatchObject([{ type: 'contact_changed', path: 'poll' }]);

	// One row for both paths.
	const rows = rowsOf(workflow.id);
	expect(rows.map(({ subject }) => subject).sort()).toEqual(contactsOf.map(subjectOf).sort());
	const alone = [...lost, quiet, last].map(subjectOf);
	const joined = rows.filter(({ twin_key: twin }) => twin !== null).map(({ subject }) => subject);
	expect(joined.filter((subject) => subject !== subjectOf(last)).sort()).toEqual(
		contactsOf
			.map(subjectOf)
			.filter((subject) => !alone.includes(subject))
			.sort(),
	);
	const path = (contact: Contact) => passesOf(contact)?.[0]?.path ?? '';
	const firstByPoll = atOnce.filter((contact) => path(contact) === 'poll').length;
	console.log(`Pushed and polled at once: ${firstByPoll} of ${atOnce.length} by polling first`);
});

test('G4 the callback is registered by publishing and removed by unpublishing, a foreign one is left alone, and a callback passes once', async () => {
	const { simulator } = demo;
	const { state } = simulator;
	const foreign = { url: 'https://crm.example.com/hook?key=hidden', actions: { subscribe: true } };
	const events = ['contact_added', 'contact_opened_message'];
	const workflow = getResponseWorkflow({ events, registration: 'automatic' });
	state.callback = foreign;
	const id = await addWorkflow(workflow);
	const refused = await demo.n8n.publish(id).catch(String);
	expect(refused).toContain('GetResponse calls another URL of yours already');
	expect(refused).toContain('https://crm.example.com/hook');
	expect(refused).not.toContain('hidden');
	expect(state.callback).toBe(foreign);

	state.callback = undefined;
	await demo.n8n.publish(id);
	const registered = () => state.callback;
	const callback = await eventually(registered, (found) => found !== undefined);
	const { origin, pathname } = new URL(demo.webhookUrl(workflow));
	expect(callback?.url.startsWith(`${origin}${pathname}?`)).toBe(true);
	expect(callback?.actions).toEqual({ subscribe: true, open: true, click: false, survey: false, unsubscribe: false });

	const subscribe = async () => {
		const contact = simulator.contacts.add();
		expect(await simulator.callBack('subscribe', contact)).toBe(200);
		return contact;
	};
	const subscribed = await pushedFirst(subscribe);
	expect(await simulator.callBack('open', subscribed, { MESSAGE_ID: 'N1' })).toBe(200);
	// It is not sent again.
	const lost = simulator.contacts.add();
	await eventually(
		() => passesIn(id).length,
		(count) => count >= 2,
	);
	await pollAtOnce(id);
	expect(registered()?.url).toBe(callback?.url);
	const last = await pushedFirst(subscribe);
	await allPassed(id, [subscribed, lost, last]);
	await eventually(
		async () => await demo.n8n.executions(id),
		(all) => all.every(({ status }) => status === 'success'),
	);
	expect(said(passesIn(id)).sort()).toEqual(
		[
			`contact_added ${subjectOf(subscribed)} by webhook`,
			`contact_opened_message ${subjectOf(subscribed)} by webhook`,
			`contact_added ${subjectOf(lost)} by poll`,
			`contact_added ${subjectOf(last)} by webhook`,
		].sort(),
	);

	await demo.n8n.unpublish(id);
	await eventually(registered, (found) => found === undefined);
	await demo.n8n.publish(id);
	await eventually(registered, (found) => found !== undefined);
	// Somebody else takes the place.
	state.callback = foreign;
	await demo.n8n.unpublish(id);
	await eventually(
		() => demo.queryLedger<{ state: string | null }>(`SELECT state FROM subscription WHERE stream LIKE '%/${id}'`),
		(rows) => rows.length === 0,
	);
	expect(registered()).toBe(foreign);
	state.callback = undefined;
});

test('G5 G7 G8 with no list chosen, more than 1,000 contacts and more than 1,000 removed ones of more than 1,000 lists come once, with reason and date', async () => {
	const { contacts } = demo.simulator;
	const listOf = (n: number) => ['L1', ...LISTS][n % (LISTS.length + 1)] ?? '';
	// An import: all on one second.
	const importedOn = wholeSecond(now() - 2 * DAY);
	for (let n = 0; n < 1_500; n++) contacts.add({ list: listOf(n), createdOn: importedOn });
	const REASONS = ['unsubscribe', 'bounce', 'complaint', 'api', null];
	const gone = Array.from({ length: 1_200 }, (_each, n) => {
		const { contactId } = known({ list: listOf(n) });
		const deletedOn = wholeSecond(now() - DAY - n * MINUTE);
		const reason = REASONS[n % REASONS.length] ?? null;
		contacts.remove(contactId, reason, deletedOn);
		const TYPES: Readonly<Record<string, string>> = {
			unsubscribe: 'contact_removed_link',
			bounce: 'contact_removed_bounce',
		};
		return { subject: `contacts/${contactId}`, type: TYPES[reason ?? ''] ?? 'contact_removed', reason, deletedOn };
	});
	const since = now() - 3 * DAY;
	const events = ['contact_added', 'contact_removed', 'contact_removed_link', 'contact_removed_bounce'];
	const before = demo.simulator.requests.length;
	const { id } = await publish({ events }, { start: 'date', since: new Date(since).toISOString() });
	const added = contacts.all().filter(({ createdOn }) => createdOn >= since);
	const rows = await allDone(id, added.length + gone.length);
	expect(rows).toHaveLength(added.length + gone.length);

	const passes = passesIn(id);
	const asText = (all: readonly object[]) => all.map((each) => JSON.stringify(each)).sort();
	expect(said(passes.filter(({ type }) => type === 'contact_added')).sort()).toEqual(
		added.map((contact) => `contact_added ${subjectOf(contact)} by poll`).sort(),
	);
	const removed = passes.filter(({ type }) => type !== 'contact_added');
	expect(
		asText(
			removed.map(({ subject, type, data }) => ({
				subject,
				type,
				reason: data.contact?.reason ?? null,
				deletedOn: Date.parse(data.contact?.deletedOn ?? ''),
			})),
		),
	).toEqual(asText(gone));
	const pagesOf = (path: string) =>
		demo.simulator.requests
			.slice(before)
			.filter((request) => request.path === path)
			.map(({ query }) => new URLSearchParams(query).get('page'));
	expect(pagesOf('/contacts')).toContain('2');
	expect(pagesOf('/search-contacts/contacts')).toContain('2');
	console.log(
		`${passes.length} events of ${LISTS.length + 1} lists in ${(await demo.n8n.executions(id)).length} executions`,
	);
});

describe('n8n is killed in the middle of a backfill, and comes back after hours', () => {
	const list = 'backfilled';
	const total = 5_000;
	let backfilled: string;
	let old: Contact[];
	/** What was let through and not confirmed at that moment. */
	let open: Set<string>;
	/** From where on each page was asked for, before and after. */
	const pages = { before: [] as string[], after: [] as string[] };

	let workflow: Published;
	let [before, leaves, changes, unsubscribes, complains]: Contact[] = [];
	let missed: Contact[];
	let complainedOn: number;
	const passOf = (contact: Contact | undefined) =>
		passesIn(workflow.id).find(({ subject }) => contact && subject === subjectOf(contact));

	/** Published until both have been looked at. */
	let kept: string[] = [];
	beforeAll(async () => {
		const { simulator, sink } = demo;
		const { contacts, webhooks } = simulator;
		[leaves, changes, unsubscribes, complains] = [known(), known(), known(), known()];
		const events = [
			'contact_added',
			'contact_changed',
			'contact_email_changed',
			'contact_removed',
			'contact_removed_link',
		];
		workflow = await publish({ events });
		const unsubscribe = (contact: Contact) => {
			contacts.remove(contact.contactId);
			webhooks.push(simulator.event('contact_removed_link', contact));
		};
		before = await pushedFirst(() => simulator.subscribe());
		unsubscribe(leaves);
		await allPassed(workflow.id, [before, leaves]);
		await settle(workflow);

		const since = wholeSecond(now() - 60 * DAY);
		old = Array.from({ length: total }, (_each, n) => contacts.add({ list, createdOn: since + n * 15 * MINUTE }));
		// Nobody else asks for the past.
		const pagesAsked = () =>
			simulator.requests
				.filter(({ path }) => path === '/contacts')
				.map(({ query }) => new URLSearchParams(query).get('query[createdOn][from]') ?? '')
				.filter((from) => Date.parse(from) < since + (total - 2) * 15 * MINUTE);
		const step = Promise.withResolvers<undefined>();
		sink.gate = step.promise;
		try {
			const lists = { items: [{ item: { __rl: true, mode: 'id', value: list } }] };
			const start = { start: 'date', since: new Date(since).toISOString() };
			// Not all of the pages.
			const options = { ...start, maxRequests: 4, maxEvents: 10_000 };
			({ id: backfilled } = await publish({ events: ['contact_added'], lists }, options));
			await eventually(
				() => passesIn(backfilled).length,
				(count) => count > 0,
			);
			await demo.n8n.kill();
		} finally {
			step.resolve(undefined);
			sink.gate = Promise.resolve();
		}
		open = new Set(
			rowsOf(backfilled)
				.filter(({ state }) => state === 'claimed')
				.map(({ subject }) => subject),
		);
		pages.before = pagesAsked();

		webhooks.url = workflow.url;
		const attempts = webhooks.attempts.length;
		const usual = webhooks.retryDelays;
		webhooks.retryDelays = [10, 20, 30];
		missed = [1, 2, 3, 4, 5, 6].map(() => {
			clockAhead += HOUR;
			return simulator.subscribe();
		});
		contacts.change(changes.contactId, { email: 'new@example.com' });
		webhooks.push(simulator.event('contact_email_changed', changes));
		unsubscribe(unsubscribes);
		complainedOn = wholeSecond(now());
		contacts.remove(complains.contactId, 'complaint', complainedOn);
		await webhooks.idle();
		webhooks.retryDelays = usual;
		const given = webhooks.attempts.slice(attempts);
		expect(given).toHaveLength(4 * (missed.length + 2));
		expect(given.filter(({ succeeded }) => succeeded)).toEqual([]);

		demo.endWaits();
		await demo.startN8n();
		await allPassed(workflow.id, [...missed, changes, unsubscribes, complains]);
		await allDone(backfilled, total);
		await settle(workflow);
		pages.after = pagesAsked().slice(pages.before.length);
		kept = published.splice(0);
	});
	afterAll(async () => {
		published.push(...kept);
		for (const id of published.splice(0)) await demo.n8n.unpublish(id);
	});

	test('C5 5,000 contacts of the past: reading goes on where it was, and each is finished once', () => {
		expect(open.size).toBeGreaterThan(0);
		expect(open.size).toBeLessThan(total);
		const rows = rowsOf(backfilled);
		expect(rows.map(({ subject }) => subject).sort()).toEqual(old.map(subjectOf).sort());
		const bySubject = Map.groupBy(passesIn(backfilled), ({ subject }) => subject);
		expect(bySubject.size).toBe(total);
		const keys = new Set<string>();
		let again = 0;
		for (const [subject, own] of bySubject) {
			const [key = '', ...others] = new Set(own.map((pass) => pass.key));
			expect(others).toEqual([]);
			keys.add(key);
			const attempts = own.map(({ attempt }) => attempt).join();
			expect(open.has(subject) ? ['2', '1,2'] : ['1']).toContain(attempts);
			if (own.length > 1) again += 1;
		}
		expect(keys.size).toBe(total);
		expect(pages.after.length).toBeGreaterThan(0);
		for (const from of new Set(pages.before.slice(0, -1))) expect(pages.after).not.toContain(from);
		console.log(
			`${total} contacts: ${open.size} at work at the kill, ${again} of them called the step a second time; ${pages.before.length} pages before, ${pages.after.length} after`,
		);
	});

	test('C11 A2 G3 GetResponse has given up its webhooks: everything comes, once, marked recovered', () => {
		for (const own of Map.groupBy(passesIn(workflow.id), ({ subject }) => subject).values()) {
			expect(own).toMatchObject([{ attempt: 1 }]);
		}
		for (const contact of [before, leaves]) {
			expect(passOf(contact)).toMatchObject({ path: 'webhook', recovered: false });
		}
		for (const contact of missed) {
			expect(passOf(contact)).toMatchObject({ type: 'contact_added', path: 'poll', recovered: true });
		}
		expect(passOf(unsubscribes)).toMatchObject({ type: 'contact_removed_link', path: 'poll', recovered: true });
		expect(passOf(changes)).toMatchObject({ type: 'contact_changed', path: 'poll' });
		// The search that finds removed contacts finds this one too, and knows it.
		const row = rowsOf(workflow.id).find(({ subject }) => leaves && subject === subjectOf(leaves));
		expect(row?.twin_key).not.toBeNull();
	});

	test('G8 removals have their reason and date', () => {
		for (const [contact, reason] of [
			[unsubscribes, 'unsubscribe'],
			[complains, 'complaint'],
		] as const) {
			const { reason: told, deletedOn = '' } = passOf(contact)?.data.contact ?? {};
			expect(told).toBe(reason);
			expect(Math.abs(Date.parse(deletedOn) - complainedOn)).toBeLessThan(MINUTE);
		}
	});

	test('G8 a removal for which GetResponse sends no webhook is found, and counts as lost by none', () => {
		expect(passOf(complains)).toMatchObject({ type: 'contact_removed', path: 'poll', recovered: false });
	});
});

test('A11 a copy that was exported and imported, and the renamed original, go on with what is new: no flood, no loss', async () => {
	const { simulator } = demo;
	const { contacts, webhooks } = simulator;
	const events = ['contact_added'];
	// Within the look-back, and before the start.
	const history = Array.from({ length: 30 }, (_each, n) => contacts.add({ createdOn: now() - (n + 5) * 10_000 }));
	const original = await publish({ events });
	const pushed = await pushedFirst(() => Array.from({ length: 10 }, () => simulator.subscribe()));
	const found = Array.from({ length: 10 }, () => contacts.add());
	await allPassed(original.id, pushed);
	await pollAtOnce(original.id);
	await allPassed(original.id, found);
	// What the original has not found yet.
	const waiting = Array.from({ length: 10 }, () => contacts.add());

	// All that the editor downloads; on import it gives webhooks new ids.
	clockAhead += MINUTE;
	const exported = await demo.n8n.rest<Stored>('GET', `/workflows/${original.id}`);
	const { name, nodes, connections } = structuredClone(exported);
	for (const node of nodes) if (node.webhookId !== undefined) node.webhookId = randomBytes(16).toString('hex');
	const { settings } = exported as unknown as { settings: object };
	const copy = await publishWorkflow({ name: `${name} copy`, nodes, connections, settings } as Workflow);
	expect(copy.id).not.toBe(original.id);
	expect(copy.url).not.toBe(original.url);
	await edit(original.id, (text) =>
		text.replaceAll(`"${TRIGGER}"`, '"Subscribers"').replace(`"name":"${name}"`, '"name":"Renamed"'),
	);

	clockAhead += MINUTE;
	const fresh = Array.from({ length: 10 }, () => contacts.add());
	webhooks.url = original.url;
	const toOriginal = await pushedFirst(() => simulator.subscribe());
	webhooks.url = copy.url;
	const toCopy = await pushedFirst(() => simulator.subscribe());
	// The second run of each, and the first of the renamed one that asks for something.
	const both = [...fresh, toOriginal, toCopy];
	await Promise.all([allPassed(copy.id, both), allPassed(original.id, [...waiting, ...both])]);
	const [lastOfCopy, lastOfOriginal] = [await settle(copy), await settle(original)];

	const counted = (id: string) =>
		said(passesIn(id))
			.filter((each) => !each.includes(`${subjectOf(lastOfCopy)} `) && !each.includes(`${subjectOf(lastOfOriginal)} `))
			.sort();
	const byPoll = (contact: Contact) => `contact_added ${subjectOf(contact)} by poll`;
	const byWebhook = (contact: Contact) => `contact_added ${subjectOf(contact)} by webhook`;
	expect(counted(copy.id)).toEqual([...fresh.map(byPoll), byPoll(toOriginal), byWebhook(toCopy)].sort());
	expect(counted(original.id)).toEqual(
		[
			...pushed.map(byWebhook),
			...[...found, ...waiting, ...fresh].map(byPoll),
			byWebhook(toOriginal),
			byPoll(toCopy),
		].sort(),
	);
	const everything = [...passesIn(copy.id), ...passesIn(original.id)].map(({ subject }) => subject);
	for (const contact of history) expect(everything).not.toContain(subjectOf(contact));
});
