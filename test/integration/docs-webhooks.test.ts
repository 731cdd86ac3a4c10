import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INode, INodeProperties } from 'n8n-workflow';
import { HybridSyncWebhookSecret } from '../../credentials/HybridSyncWebhookSecret.credentials';
import { services } from '../../lib';
import { timeOf } from '../../lib/provider/any-service/recipe';
import type { EventRecipe, ServiceName, WebhookService } from '../../lib/provider/any-service/services';
import type { Refusal } from '../../lib/push/receive';
import { schemeByName } from '../../lib/signature/schemes';
import { explainRefusal } from '../../nodes/push/explain';
import { type Example, brokenLinksIn, examplesIn, headingsIn, readPages, sectionsIn, tableIn } from './support/docs';
import { TestWorkflow } from './support/n8n';

const pages = readPages('docs', 'webhooks');
const overview = pages.find(({ file }) => file === 'docs/webhooks.md')?.text ?? '';
const all = Object.entries<WebhookService>(services).map(([name, service]) => ({ name, ...service }));
const titleOf = (displayName: string) => displayName.replace('Other: ', '');

const quotedIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, quoted = '']) => quoted);

/** Everything in a request of which it matters where it stands. */
function sourcesOf({ id, keyParts, volatile, type, subject, time, requires, batch, formField }: EventRecipe): string[] {
	const parts = keyParts?.flat().map((part) => part.replace(/\?$/, ''));
	return [id, parts, volatile, type, subject, time, requires, batch, formField].flatMap((sources) => sources ?? []);
}

/** The examples with the names of their tests: a service may have several. */
const examples = pages.flatMap(examplesIn).map((example, index, every) => {
	const before = every.slice(0, index).filter(({ service }) => service === example.service).length;
	return { ...example, title: before === 0 ? example.service : `${example.service} (${before + 1})` };
});

const folders: string[] = [];
afterAll(() => {
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-docs-'));
	folders.push(folder);
	return folder;
}

/** Runs a command as somebody would who has nothing but a shell, and gives what it prints. */
async function run(script: string, folder: string): Promise<string> {
	const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
		cwd: folder,
		env: { PATH: process.env['PATH'], HOME: folder },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const [printed, complained]: [string[], string[]] = [[], []];
	shell.stdout.setEncoding('utf8').on('data', (text: string) => printed.push(text));
	shell.stderr.setEncoding('utf8').on('data', (text: string) => complained.push(text));
	const code = await new Promise((resolve, reject) => {
		shell.once('error', reject).once('close', resolve);
	});
	if (code !== 0) throw new Error(`the command failed: ${complained.join('')}\n${script}`);
	return printed.join('');
}

/** What a sender holds: a secret, or a folder with a private key whose public key the receiver gets. */
interface Sender {
	readonly folder: string;
	readonly secret: string;
}

async function newSender({ service, keyScript }: Example): Promise<Sender> {
	const folder = newFolder();
	if (keyScript !== undefined) return { folder, secret: (await run(keyScript, folder)).trim() };
	const { secret: kind } = services[service as ServiceName];
	const random = randomBytes(24);
	if (kind === 'standard-webhooks') return { folder, secret: `whsec_${random.toString('base64')}` };
	return { folder, secret: random.toString(kind === 'message-key' ? 'base64' : 'hex') };
}

const PLACEHOLDER = 'https://n8n.example.com/webhook/…/sync';

/** Sends an example as a sender, and gives the status of the answer. */
async function send({ script, keyScript }: Example, { folder, secret }: Sender, url: string): Promise<number> {
	expect(script).toContain(`URL=${PLACEHOLDER}\n`);
	if (keyScript === undefined) expect(script).toMatch(/^SECRET=.+$/m);
	const filled = script.replace(/^URL=.*$/m, `URL='${url}'`).replace(/^SECRET=.*$/m, `SECRET='${secret}'`);
	const answers = [...(await run(filled, folder)).matchAll(/^HTTP\/\S+ (\d{3})/gm)];
	return Number(answers.at(-1)?.[1]);
}

const { properties } = new HybridSyncWebhookSecret();

function isShownFor({ displayOptions }: INodeProperties, service: string): boolean {
	return (displayOptions?.show?.['service'] as string[] | undefined)?.includes(service) ?? true;
}

/** What the page says to enter in a field, by the label that the user reads. */
function entered({ service }: Example, label: string, value: string, secret: string): [name: string, value: unknown] {
	const property = properties.find((each) => each.displayName === label && isShownFor(each, service));
	if (!property) throw new Error(`the credential has no field "${label}" for ${service}`);
	if (value.includes('`SECRET`')) return [property.name, secret];
	if (property.type !== 'options') return [property.name, value.replace(/^`|`$/g, '')];
	const option = property.options?.find((each) => each.name === value);
	if (!option || !('value' in option)) throw new Error(`"${label}" has no choice "${value}"`);
	return [property.name, option.value];
}

/** The credential of a receiver who knows a sender by its secret, and does what the page says. */
function credentialOf(example: Example, { secret }: Sender): Record<string, string> {
	const { service, fields, keyScript } = example;
	const isPublicKey = keyScript !== undefined && !secret.startsWith('whpk_');
	const own = fields.map(([label, value]) => entered(example, label, value, secret));
	return {
		service,
		[isPublicKey ? 'publicKey' : 'secret']: secret,
		...(service === 'meta' && { verifyToken: 'a-verify-token' }),
		...Object.fromEntries(own),
	};
}

/** Receives as the sender's partner, and sends. */
async function sendTo(receiverOf: Sender, example: Example, sender: Sender) {
	const credential: Record<string, unknown> = {
		...credentialOf(example, receiverOf),
		// It may take a while from signing to receiving on a machine that has much else to do.
		toleranceSeconds: 3_600,
	};
	const workflow = new TestWorkflow({
		nodes: {
			Webhook: { type: 'n8n-nodes-hybrid-sync.syncWebhookTrigger', parameters: { provider: 'anyService' } },
			Dedupe: {
				type: 'n8n-nodes-hybrid-sync.syncDedupe',
				parameters: { operation: 'removeDuplicates', identifyBy: 'event' },
			},
		},
		edges: { Webhook: ['Dedupe'] },
		credential: credential as Record<string, string>,
		credentials: { hybridSyncWebhookSecret: { id: '9', name: 'secret' } },
	});
	const server = await workflow.serve();
	try {
		const property = properties.find(({ name }) => name === 'webhookUrl');
		// n8n knows nothing of the port that the test serves at.
		if (property && isShownFor(property, example.service)) credential['webhookUrl'] = server.url;
		await workflow.publish();
		const status = await send(example, sender, server.url);
		return { status, executions: server.executions, failures: server.failures };
	} finally {
		await server.close();
	}
}

describe.each(examples)('V2 the command line of docs for $title', (example) => {
	test('is let in, as the page says', async () => {
		const sender = await newSender(example);
		const { status, executions, failures } = await sendTo(sender, example, sender);
		expect(failures).toEqual([]);
		expect(status).toBe(200);
		expect(executions.map((events) => events.map(({ type, subject }) => [type, subject]))).toEqual([
			[[`anyService.${example.type}`, example.subject]],
		]);
	});

	test('S1 is refused with another secret', async () => {
		const [known, other] = [await newSender(example), await newSender(example)];
		const { status, executions, failures } = await sendTo(known, example, other);
		expect(failures).toEqual([]);
		expect(status).toBe(401);
		expect(executions).toEqual([]);
	});
});

describe('V2 the pages about webhooks', () => {
	test('have a command line for every service, and for no other', () => {
		expect([...new Set(examples.map(({ service }) => service))].sort()).toEqual(Object.keys(services).sort());
	});

	test('list every service once, with a link to its section and its time window', () => {
		const rows = tableIn(overview, 'Service').map(([link = '', , , window = '']) => ({
			name: /^\[(.+)\]\(/.exec(link)?.[1],
			seconds: /^(\d+) s\b/.exec(window)?.[1],
		}));
		expect(rows.map(({ name }) => name).sort()).toEqual(all.map(({ displayName }) => displayName).sort());
		for (const { displayName, scheme, secret } of all) {
			const known = scheme && schemeByName(scheme);
			const isOptional = secret === 'custom' || secret === 'message-key';
			const seconds = known?.kind === 'signed' ? known.timestamp?.toleranceSeconds : isOptional ? 300 : null;
			expect(rows).toContainEqual({ name: displayName, seconds: seconds?.toString() });
		}
	});

	test.each(all)(
		'have a section on $displayName that says where its events are read from',
		({ displayName, event }) => {
			const section = pages.flatMap(sectionsIn).find((text) => headingsIn(text).includes(titleOf(displayName)));
			expect(section).toBeDefined();
			const sources = sourcesOf(event);
			for (const source of sources) expect(section).toContain(`\`${source}\``);
			// What is known of no events arrives as "webhook".
			const said = tableIn(section ?? '', 'In the event').flatMap(([, cell = '']) => quotedIn(cell));
			expect(said.filter((source) => source !== 'webhook' && !sources.includes(source))).toEqual([]);
		},
	);

	test('show how times are written, all of them the same second', () => {
		const shown = tableIn(overview, 'Written as').flatMap(([, examples = '']) => quotedIn(examples));
		expect(shown.length).toBeGreaterThan(8);
		for (const text of shown) {
			const time = timeOf(text, Date.now());
			expect([text, time && Math.floor(time / 1_000)]).toEqual([text, 1_760_000_000]);
		}
	});

	test('quote what the editor says of a refused request', () => {
		const refusals = Object.keys(REFUSALS) as Refusal[];
		const node = { name: 'Webhook', parameters: {} } as unknown as INode;
		const messages = refusals.map((refusal) => {
			const answer = { status: 401, headers: {}, body: '' };
			return explainRefusal(node, { answer, events: [], note: '', accepted: false, refusal }).message;
		});
		const rows = tableIn(overview, 'In the log');
		expect(rows.length).toBeGreaterThan(10);
		for (const [, said = ''] of rows) expect(messages).toContain(`A webhook arrived and was refused. ${said}.`);
	});

	test('link to what is there', () => {
		const broken = pages.flatMap((page) => brokenLinksIn(page).map((link) => `${page.file}: ${link}`));
		expect(broken).toEqual([]);
	});
});

/** Every reason there is. */
const REFUSALS: Readonly<Record<Refusal, true>> = {
	'unknown-scheme': true,
	'no-secret': true,
	'unusable-secret': true,
	'missing-signature': true,
	'malformed-signature': true,
	'missing-timestamp': true,
	'malformed-timestamp': true,
	'timestamp-too-old': true,
	'timestamp-in-future': true,
	'missing-signed-part': true,
	'not-covered': true,
	'body-changed': true,
	mismatch: true,
	'verify-token': true,
	address: true,
	body: true,
	'too-large': true,
	'not-stored': true,
	postponed: true,
};
