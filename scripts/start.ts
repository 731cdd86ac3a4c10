// The main job in one command: a real n8n with this package in it, a GetResponse that loses and doubles some of its
// webhooks, and a table that shows every event arriving once.
//
//   npm start                            until Ctrl-C
//   npm start -- --once                  a fixed number of events; exits 0 only if none was lost or doubled
//   PORT=5700 npm start                  another port for the editor
//   GETRESPONSE_API_KEY=… npm start      polls your own account (GETRESPONSE_REGION=max-us|max-pl, GETRESPONSE_DOMAIN)
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import logUpdate from 'log-update';
import { type Credential, Demo } from '../test/e2e/harness/demo';
import { OWNER, isPortFree } from '../test/e2e/harness/n8n';
import type { Contact } from '../test/simulator/simulator';

/** Copies in which the pushes of successive events are delivered: one in five is dropped, one in five doubled. */
const PUSH_COPIES = [1, 0, 1, 2, 1];
const EVENTS_ONCE = 40;
/** Polling comes every minute; what is not there after this is lost. */
const LOST_AFTER_MS = 180_000;

const once = process.argv.includes('--once');
const account = ownAccount();
const made: { contact: Contact; at: number }[] = [];
let stopping = false;

main().catch((error: unknown) => {
	console.error(`\n${error instanceof Error ? error.message : String(error)}`);
	process.exitCode = 1;
});

async function main(): Promise<void> {
	const port = await choosePort();
	const demo = await Demo.start({
		folder: join(__dirname, '..', '.demo', String(port)),
		port,
		progress: (step) => {
			console.log(`${step} …`);
		},
		...(account && { account }),
	});
	const stop = () => {
		stopping = true;
	};
	process.once('SIGINT', stop).once('SIGTERM', stop);
	try {
		await run(demo);
	} finally {
		await demo.stop();
	}
}

async function run(demo: Demo): Promise<void> {
	const test = await demo.testCredential();
	if (test.status !== 'OK') {
		throw new Error(
			`GetResponse does not accept the credential: ${test.message}\nCheck GETRESPONSE_API_KEY, GETRESPONSE_REGION and GETRESPONSE_DOMAIN, and the network.`,
		);
	}
	const workflow = demo.example();
	const id = await demo.n8n.addWorkflow(workflow);
	await demo.n8n.publish(id);
	const url = demo.webhookUrl(workflow);
	demo.simulator.webhooks.url = url;

	console.log(`
  Editor    ${demo.n8n.url}/workflow/${id}
  Login     ${OWNER.email}   ${OWNER.password}
  Webhook   ${account ? `POST ${url}` : 'delivered by a simulated GetResponse that drops one in five and doubles one in five'}
  Polling   ${account ? 'your own GetResponse account, every minute; contacts from now on' : `${demo.simulator.apiUrl}, every minute`}
${once ? '' : '  Ctrl-C stops everything.\n'}`);

	if (once) await runOnce(demo);
	else await runUntilStopped(demo);
}

async function runUntilStopped(demo: Demo): Promise<void> {
	let next = Date.now();
	while (!stopping) {
		if (!account && Date.now() >= next) {
			makeEvent(demo);
			next += 3_000;
		}
		show(demo);
		await sleep(500);
	}
	logUpdate.done();
	console.log('Stopping …');
}

async function runOnce(demo: Demo): Promise<void> {
	for (let index = 0; index < EVENTS_ONCE && !stopping; index++) {
		makeEvent(demo);
		show(demo);
		await sleep(250);
	}
	const last = Date.now();
	await demo.simulator.webhooks.idle();
	const everythingHasBeenPolled = () =>
		demo.simulator.requests.some(({ path, at }) => path === '/contacts' && at > last + 1_000);
	while (!stopping && Date.now() < last + LOST_AFTER_MS) {
		show(demo);
		if (everythingHasBeenPolled() && count(demo).onTheWay === 0) break;
		await sleep(500);
	}
	// Whatever else might still come, a second execution for the same event above all, is given time to.
	await sleep(3_000);
	show(demo);
	logUpdate.done();
	const { lost, onTheWay, doubled } = count(demo);
	const good = lost + onTheWay === 0 && doubled === 0 && made.length === EVENTS_ONCE;
	console.log(good ? 'Every event arrived once.' : `Not every event arrived once; see ${demo.n8n.logFile}`);
	process.exitCode = good ? 0 : 1;
}

function makeEvent(demo: Demo): void {
	const copies = PUSH_COPIES[made.length % PUSH_COPIES.length] ?? 1;
	made.push({ contact: demo.simulator.subscribe({ copies }), at: Date.now() });
}

function count(demo: Demo) {
	const first = new Map<string, string>();
	for (const { email, foundBy } of demo.sink.calls) if (!first.has(email)) first.set(email, foundBy);
	const missing = made.filter(({ contact }) => !first.has(contact.email));
	const lost = missing.filter(({ at }) => at < Date.now() - LOST_AFTER_MS).length;
	const by = (path: string) => [...first.values()].filter((foundBy) => foundBy === path).length;
	const [ledger] = demo.queryLedger<{ duplicates: number | null }>(
		'SELECT sum(delivery_count) - count(*) AS duplicates FROM event',
	);
	return {
		made: made.length,
		push: by('webhook'),
		poll: by('poll'),
		stopped: ledger?.duplicates ?? 0,
		onTheWay: missing.length - lost,
		doubled: demo.sink.calls.length - first.size,
		lost,
	};
}

let lastShown = 0;
function show(demo: Demo): void {
	const { made: total, push, poll, stopped, onTheWay, doubled, lost } = count(demo);
	const rows: [string, number | string][] = [
		['Events made', account ? 'by your account' : total],
		['Arrived by push', push],
		['Recovered by polling', poll],
		['On the way', account ? '-' : onTheWay],
		['Duplicates stopped', stopped],
		['Doubled', doubled],
		['Lost', account ? '-' : lost],
	];
	const table = rows.map(([name, value]) => `  ${name.padEnd(24)}${String(value).padStart(16)}`).join('\n');
	if (process.stdout.isTTY) {
		logUpdate(`${table}\n`);
	} else if (Date.now() > lastShown + 15_000) {
		lastShown = Date.now();
		console.log(`${table}\n`);
	}
}

function ownAccount(): Credential | undefined {
	const { GETRESPONSE_API_KEY: apiKey, GETRESPONSE_REGION: region, GETRESPONSE_DOMAIN: domain } = process.env;
	if (!apiKey) return undefined;
	if (once) {
		console.error('--once makes its own events, which only the simulator can. Leave GETRESPONSE_API_KEY unset for it.');
		process.exit(1);
	}
	return { apiKey, region: region ?? 'getresponse', domain: domain ?? '' };
}

async function choosePort(): Promise<number> {
	const wish = process.env['PORT'];
	const free = async (port: number) => (await isPortFree(port)) && (await isPortFree(port + 1));
	if (wish !== undefined) {
		const port = Number(wish);
		if (!Number.isInteger(port) || port < 1 || port > 65_534) throw new Error(`PORT=${wish} is no port number.`);
		if (await free(port)) return port;
		throw new Error(
			`Port ${port} or ${port + 1} is in use. Stop what runs there, or choose another: PORT=5700 npm start`,
		);
	}
	for (let port = 5678; port < 5778; port += 2) if (await free(port)) return port;
	throw new Error('No free port between 5678 and 5778. Choose one: PORT=6000 npm start');
}
