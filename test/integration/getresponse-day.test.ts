import { HOUR, MINUTE, type SyncEvent } from '../../lib';
import { type Contact, Simulator } from '../simulator/simulator';
import { randomOf } from '../support/random';
import { SECRET, TestWorkflow, type WebhookServer, oneNodePlan } from './support/n8n';
import { fakeTimeOfDay } from './support/time';

/*
 * A day of an account with 50,000 contacts, whose webhooks are lost, doubled and late, and an n8n that is away for six hours
 * of it. What a workflow has been told must be what is so, and nothing twice.
 */

const CONTACTS = 50_000;
const DAY_MINUTES = 24 * 60;
/** n8n is away from the tenth hour on. */
const AWAY = { from: 10 * 60, to: 16 * 60 };

let simulator: Simulator;
let server: WebhookServer | undefined;
beforeEach(async () => {
	fakeTimeOfDay();
	simulator = await Simulator.start({
		clock: () => Date.now(),
		// Hours go by in seconds.
		limits: { perSecond: Infinity, per10Minutes: Infinity },
	});
	simulator.webhooks.retryDelays = [0, 0, 0];
	simulator.webhooks.timeoutMs = 120_000;
});
afterEach(async () => {
	await server?.close();
	await simulator.close();
	jest.useRealTimers();
});

/** What a workflow keeps of a list of people, as it is told. */
class Downstream {
	readonly names: Map<string, string | null>;
	/** How often each event has passed. */
	readonly passed = new Map<string, number>();
	/** What polling found of what webhooks should have brought, without saying so. */
	readonly unmarked: string[] = [];
	readonly byPath = { webhook: 0, poll: 0, replay: 0 };

	constructor(contacts: readonly Contact[]) {
		this.names = new Map(contacts.map(({ contactId, name }) => [contactId, name]));
	}

	take({ type, subject, time, path, recovered, data }: SyncEvent): void {
		const { contact } = data as { contact: Pick<Contact, 'contactId' | 'name'> };
		const isChange = type === 'getresponse.contact_changed' || type === 'getresponse.contact_custom_field_changed';
		const key = `${isChange ? 'changed' : type} ${subject ?? ''} ${isChange ? time : ''}`;
		this.passed.set(key, (this.passed.get(key) ?? 0) + 1);
		this.byPath[path] += 1;
		if (path === 'poll' && !recovered && type !== 'getresponse.contact_changed') this.unmarked.push(key);
		if (type === 'getresponse.contact_removed_link') this.names.delete(contact.contactId);
		else this.names.set(contact.contactId, contact.name);
	}

	get twice(): string[] {
		return [...this.passed].filter(([, times]) => times > 1).map(([key]) => key);
	}
}

test('A2 C11 24 hours of an account of 50,000 contacts, with webhooks lost, doubled and late and 6 hours without n8n: what was told is what is so, every event once', async () => {
	const random = randomOf(20_260_101);
	const started = Date.now();
	for (let index = 0; index < CONTACTS; index++) {
		simulator.contacts.add({ createdOn: started - 30 * 24 * HOUR + Math.floor((index * 29 * 24 * HOUR) / CONTACTS) });
	}
	const workflow = new TestWorkflow(
		oneNodePlan(
			{ credential: { apiKey: simulator.apiKey, apiUrl: simulator.apiUrl } },
			{
				events: ['contact_added', 'contact_removed_link', 'contact_changed', 'contact_custom_field_changed'],
				start: 'now',
			},
		),
	);
	server = await workflow.serve();
	const url = `${server.url}/x/sync?secret=${SECRET}`;
	simulator.webhooks.url = url;
	await workflow.publish();

	// The list as it was copied on the day before.
	const downstream = new Downstream(simulator.contacts.all());
	await workflow.poll();
	const pass = async (events: readonly SyncEvent[]) => {
		if (events.length === 0) return;
		const [passed = []] = await workflow.dedupe(events);
		for (const { json } of passed) downstream.take(json as unknown as SyncEvent);
	};
	const tick = async () => {
		await simulator.webhooks.idle();
		for (const events of server?.executions.splice(0) ?? []) await pass(events);
		await pass((await workflow.poll()) ?? []);
	};

	const late: { readonly at: number; readonly payload: object }[] = [];
	const fates = { fine: 0, lost: 0, doubled: 0, late: 0, away: 0 };
	const push = (payload: object, isAway: boolean) => {
		const fate = random();
		if (isAway) {
			fates.away += 1;
			simulator.webhooks.push(payload);
		} else if (fate < 0.2) fates.lost += 1;
		else if (fate < 0.4) {
			fates.doubled += 1;
			simulator.webhooks.push(payload, { copies: 2 });
		} else if (fate < 0.6) {
			fates.late += 1;
			late.push({ at: Date.now() + random() * 3 * HOUR, payload });
		} else {
			fates.fine += 1;
			simulator.webhooks.push(payload);
		}
	};

	const changed = new Set<string>();
	/** Somebody who is on the list now. */
	const somebody = () => {
		const contacts = simulator.contacts.all();
		const contact = contacts[Math.floor(random() * contacts.length)];
		if (!contact) throw new Error('nobody is left');
		return contact;
	};
	for (let minute = 0; minute < DAY_MINUTES; minute++) {
		jest.setSystemTime(started + minute * MINUTE);
		const isAway = minute >= AWAY.from && minute < AWAY.to;
		simulator.webhooks.url = isAway ? undefined : url;
		if (random() < 0.7) {
			const contact = simulator.contacts.add();
			push(simulator.contactAdded(contact), isAway);
		}
		if (random() < 0.2) {
			const contact = somebody();
			simulator.contacts.remove(contact.contactId);
			push(simulator.event('contact_removed_link', contact), isAway);
		}
		if (random() < 0.2) {
			const contact = somebody();
			// Two changes within the tolerance would be told apart by nothing.
			if (!changed.has(contact.contactId)) {
				changed.add(contact.contactId);
				simulator.contacts.change(contact.contactId, { name: `Changed ${minute}` });
				push(simulator.event('contact_custom_field_changed', contact), isAway);
			}
		}
		const due = late.filter(({ at }) => at <= Date.now() && !isAway);
		for (const each of due) {
			late.splice(late.indexOf(each), 1);
			simulator.webhooks.push(each.payload);
		}
		if (isAway) await simulator.webhooks.idle();
		else await tick();
	}
	const daily = simulator.requests.length;
	// Then nothing happens any more.
	for (const { payload } of late) simulator.webhooks.push(payload);
	for (let minute = 0; minute < 180; minute++) {
		jest.setSystemTime(started + (DAY_MINUTES + minute) * MINUTE);
		await tick();
	}

	const truth = new Map(simulator.contacts.all().map(({ contactId, name }) => [contactId, name]));
	console.info(JSON.stringify({ fates, ...downstream.byPath, people: truth.size, requestsOfTheDay: daily }));
	const differing = [...new Set([...truth.keys(), ...downstream.names.keys()])].filter(
		(id) => truth.get(id) !== downstream.names.get(id) || truth.has(id) !== downstream.names.has(id),
	);
	expect(differing).toEqual([]);
	expect(downstream.twice).toEqual([]);
	expect(downstream.unmarked).toEqual([]);
	expect(server.failures).toEqual([]);
}, 600_000);
