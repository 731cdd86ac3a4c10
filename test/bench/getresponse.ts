import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	type Cadence,
	DAY,
	type EventType,
	HOUR,
	MINUTE,
	type PollApi,
	type PollResource,
	createLedger,
	openSqlite,
	providers,
	runTick,
	undiciExchange,
} from '../../lib';
import { Simulator } from '../simulator/simulator';

/**
 * How often GetResponse is asked on a day of an account with 50,000 contacts: of each kind of things alone and of all of
 * them, as the node does it by itself and every minute, without a pace for what takes many requests. Opens and clicks are
 * those of 10 contacts.
 */

const ADAPTIVE: Cadence = { kind: 'adaptive', longestMs: 10 * MINUTE, longestWithPushMs: 30 * MINUTE };
const EVERY_MINUTE: Cadence = { kind: 'fixed', everyMs: 0 };
const STREAM = 'instance/workflow';
const CONTACTS = 50_000;
const FOLLOWED = 10;
/** What an account may ask in a day: 30,000 requests in 10 minutes. */
const ALLOWED = 30_000 * 6 * 24;

const events: Readonly<Record<string, EventType>> = providers.getresponse.events;
const RESOURCES = [...new Set(Object.values(events).flatMap(({ resource }) => resource ?? []))];

/** @param everyMinutes between two new contacts, of which polling finds all */
async function day(cadence: Cadence, names: readonly string[], everyMinutes: number): Promise<number> {
	let now = Date.UTC(2026, 0, 5);
	const clock = () => now;
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-bench-'));
	const ledger = createLedger(await openSqlite(join(folder, 'ledger.sqlite')), clock);
	const limits = { perSecond: Infinity, per10Minutes: Infinity };
	const simulator = await Simulator.start({ clock, limits });
	for (let index = 0; index < CONTACTS; index++) simulator.contacts.add({ createdOn: now - DAY - index * MINUTE });
	for (let index = 0; index < 2_000; index++) simulator.contacts.remove(`c${(index + 1).toString(36)}`);
	simulator.account.add('/shops');
	for (let index = 0; index < 10; index++) {
		const sent = { sendOn: now - index * DAY - HOUR, sendMetrics: { status: 'finished' } };
		const { id } = simulator.account.add('/newsletters', sent);
		simulator.account.statistics.set(id, { sent: 50_000 });
	}
	const followContacts = simulator.contacts.all().slice(0, FOLLOWED);
	const credential = { apiKey: simulator.apiKey, region: 'custom', apiUrl: simulator.apiUrl };
	const types = Object.keys(events).filter((type) => names.includes(events[type]?.resource ?? ''));
	const all = providers.getresponse.pull.open({
		credential,
		credentialType: '',
		credentialId: '1',
		settings: { followContacts: followContacts.map(({ contactId }) => contactId).join() },
		exchange: undiciExchange(),
		share: 1,
		readCredential: () => Promise.resolve(credential),
		types,
	});
	const isChosen = ({ name }: { readonly name: string }) => names.includes(name);
	const paced = ({ everyMs, ...resource }: PollResource): PollResource =>
		cadence.kind === 'fixed' || everyMs === undefined ? resource : { ...resource, everyMs };
	const api: PollApi = {
		...all,
		resources: all.resources.filter(isChosen).map(paced),
		parents: (all.parents ?? []).filter(isChosen).map((parent) => ({
			name: parent.name,
			find: async (transport) => (await parent.find(transport)).map(paced),
		})),
	};
	let before = 0;
	// On the first day what was there is learned.
	for (let minute = 0; minute < (2 * DAY) / MINUTE; minute += 1) {
		now += MINUTE;
		if (minute === DAY / MINUTE) before = simulator.requests.length;
		if (minute < DAY / MINUTE && minute % 10 !== 0) continue;
		if (minute % everyMinutes === 0) simulator.contacts.add();
		const result = await runTick({
			ledger,
			source: { provider: 'getresponse', open: () => Promise.resolve(api) },
			stream: STREAM,
			node: { id: 'trigger', workflow: STREAM, name: 'Sync Trigger' },
			leadsTo: () => 'same',
			start: { from: 'now' },
			lookBackMs: 10 * MINUTE,
			deepReconcile: { lookBackMs: 7 * DAY, everyMs: DAY },
			cadence,
			maxEvents: 1_000,
			budgetMs: 30_000,
			clock,
		});
		if (result.failure) throw result.failure;
		await ledger.acknowledge(
			STREAM,
			result.events.map(({ id }) => id),
		);
	}
	const counted = simulator.requests.length - before;
	await simulator.close();
	await ledger.close();
	rmSync(folder, { recursive: true, force: true });
	return counted;
}

async function compare(name: string, names: readonly string[], everyMinutes = Number.MAX_SAFE_INTEGER): Promise<void> {
	const adaptive = await day(ADAPTIVE, names, everyMinutes);
	const fixed = await day(EVERY_MINUTE, names, everyMinutes);
	const share = ((100 * adaptive) / ALLOWED).toFixed(3);
	console.log(
		`${name}: ${adaptive} requests a day, every minute ${fixed} (${(fixed / adaptive).toFixed(1)} times as many); ${share} % of what the account may`,
	);
}

export async function benchGetResponse(): Promise<void> {
	await compare('all of them, nothing happens', RESOURCES);
	await compare('all of them, a contact every 3 hours', RESOURCES, 180);
	await compare('all of them, a contact every 5 minutes', RESOURCES, 5);
	for (const name of RESOURCES) await compare(name, [name]);
}
