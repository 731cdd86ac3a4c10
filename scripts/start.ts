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
import { OWNER, isPortFree, reservePort } from '../test/e2e/harness/n8n';
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
	const stop = () => {
		stopping = true;
	};
	// Not `once`: a terminal and npm may both send the signal, and the second must not end us before n8n.
	process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
	const { port, release } = await choosePort();
	const demo = await Demo.start({
		folder: join(__dirname, '..', '.demo', String(port)),
		port,
		beforeN8n: release,
		progress: (step) => {
			console.log(`${step} …`);
		},
		...(account && { account }),
	});
	try {
		if (!stopping) await run(demo);
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
  Webhook   ${account ? `${url}\n            (GetResponse cannot reach this machine; polling finds the events)` : 'simulated: one in five dropped, one in five sent twice'}
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
		demo.n8n.assertRunning();
		await sleep(500);
	}
	show(demo, true);
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
		demo.n8n.assertRunning();
		if (everythingHasBeenPolled() && count(demo).onTheWay === 0) break;
		await sleep(500);
	}
	// Whatever else might still come, a second execution for the same event above all, is given time to.
	await sleep(3_000);
	show(demo, true);
	const problems = problemsOf(demo);
	console.log(problems.length === 0 ? 'Every event arrived once.' : `${problems.join('\n')}\nSee ${demo.n8n.logFile}`);
	process.exitCode = problems.length === 0 ? 0 : 1;
}

/** What is not as it should be; polling must not be what hides a push that does not work. */
function problemsOf(demo: Demo): string[] {
	const { lost, onTheWay, doubled, stopped } = count(demo);
	const { attempts } = demo.simulator.webhooks;
	const accepted = new Set(attempts.filter(({ succeeded }) => succeeded).map(({ webhookId }) => webhookId));
	const refused = attempts.filter(({ webhookId }) => !accepted.has(webhookId)).length;
	return [
		made.length < EVENTS_ONCE ? `Only ${made.length} of ${EVENTS_ONCE} events were made.` : '',
		lost + onTheWay > 0 ? `${lost + onTheWay} events did not arrive.` : '',
		doubled > 0 ? `${doubled} events were executed twice.` : '',
		refused > 0 || accepted.size === 0 ? `${refused} webhook deliveries were not accepted.` : '',
		stopped === 0 ? 'No duplicate was stopped, although some webhooks were sent twice.' : '',
	].filter(Boolean);
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
function show(demo: Demo, last = false): void {
	const { made: total, push, poll, stopped, onTheWay, doubled, lost } = count(demo);
	const rows: [string, number | string][] = [
		['Events made', account ? 'by your account' : total],
		['Arrived by push', push],
		['Recovered by polling', poll],
		['Waiting for push or poll', account ? '-' : onTheWay],
		['Duplicates stopped', stopped],
		['Executed twice', doubled],
		['Lost', account ? '-' : lost],
	];
	const table = rows.map(([name, value]) => `  ${name.padEnd(26)}${String(value).padStart(16)}`).join('\n');
	if (process.stdout.isTTY) {
		logUpdate(`${table}\n`);
		if (last) logUpdate.done();
	} else if (last || Date.now() > lastShown + 15_000) {
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
	const regions = ['getresponse', 'max-us', 'max-pl'];
	if (region !== undefined && !regions.includes(region)) {
		console.error(`GETRESPONSE_REGION=${region} is not a region. There are: ${regions.join(', ')}.`);
		process.exit(1);
	}
	return { apiKey, region: region ?? 'getresponse', domain: domain ?? '' };
}

/** Reserves the port of the editor until n8n takes it, so that two starts at once do not choose the same. */
async function choosePort(): Promise<{ port: number; release: () => Promise<void> }> {
	const wish = process.env['PORT'];
	const first = Number(wish ?? 5678);
	if (!Number.isInteger(first) || first < 1 || first > 65_534) {
		throw new Error(`PORT=${wish} is not a port number (1 to 65534).`);
	}
	for (let port = first; port <= (wish === undefined ? first + 100 : first); port += 2) {
		const release = (await isPortFree(port + 1)) ? await reservePort(port) : undefined;
		if (release) return { port, release };
	}
	throw new Error(
		wish === undefined
			? 'No free port between 5678 and 5778. Choose one: PORT=6000 npm start'
			: `Port ${first} or ${first + 1} is in use. Stop what runs there, or choose another: PORT=5700 npm start`,
	);
}
