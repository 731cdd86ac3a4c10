import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';

const ROOT = resolve(__dirname, '../../..');
const N8N_BIN = join(ROOT, 'test/e2e/node_modules/n8n/bin/n8n');

/** The owner of a demo instance, whom nobody but this machine can reach. */
export const OWNER = { email: 'owner@example.com', password: 'Hybrid-Sync-1', firstName: 'Demo', lastName: 'Owner' };

export interface N8nOptions {
	/** n8n's user folder; its `.n8n` is made in it. */
	readonly folder: string;
	readonly port: number;
	readonly env?: Record<string, string>;
}

export interface Execution {
	readonly id: string;
	readonly status: string;
	readonly mode: string;
}

/** Packs the project as it would be published. @returns path of the tarball */
export async function pack(folder: string): Promise<string> {
	await mkdir(folder, { recursive: true });
	const output = await run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
	return join(folder, output.trim().split('\n').at(-1) ?? '');
}

/** Installs a package tarball as n8n does for community nodes: by npm, under `<user folder>/.n8n/nodes`. */
export async function installPackage(tarball: string, folder: string): Promise<void> {
	const nodes = join(folder, '.n8n', 'nodes');
	await mkdir(nodes, { recursive: true });
	await writeFile(join(nodes, 'package.json'), JSON.stringify({ name: 'installed-nodes', private: true }));
	const flags = ['--ignore-scripts', '--omit=peer', '--legacy-peer-deps', '--no-audit', '--no-fund', '--silent'];
	await run('npm', ['install', tarball, ...flags], nodes);
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
	return await new Promise((resolveRun, reject) => {
		const child = spawn(command, args, { cwd, shell: process.platform === 'win32' });
		let output = '';
		let errors = '';
		child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
		child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
		child.once('error', reject);
		child.once('exit', (code) => {
			if (code === 0) resolveRun(output);
			else reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${errors || output}`));
		});
	});
}

/**
 * Takes a loopback port until it is released.
 *
 * @returns what releases it, or nothing where something listens there already
 */
export async function reservePort(port: number): Promise<(() => Promise<void>) | undefined> {
	const server = createServer();
	const listening = await new Promise<boolean>((resolveListening) => {
		server.once('error', () => {
			resolveListening(false);
		});
		server.listen(port, '127.0.0.1', () => {
			resolveListening(true);
		});
	});
	if (!listening) return undefined;
	return async () => {
		await new Promise((resolveClose) => server.close(resolveClose));
	};
}

/** Whether nothing listens on a loopback port. */
export async function isPortFree(port: number): Promise<boolean> {
	const release = await reservePort(port);
	await release?.();
	return release !== undefined;
}

/** A user of an n8n, who calls the internal REST API that its editor uses. */
export class User {
	private cookie = '';

	constructor(readonly url: string) {}

	/** @returns the `data` of its answer */
	async rest<T = unknown>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
		const response = await request(`${this.url}/rest${path}`, {
			method,
			headers: { 'content-type': 'application/json', cookie: this.cookie },
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		const text = await response.body.text();
		if (response.statusCode > 299)
			throw new Error(`n8n answered ${method} ${path} with ${response.statusCode}: ${text}`);
		const cookies = [response.headers['set-cookie'] ?? []].flat().map((cookie) => cookie.split(';')[0] ?? '');
		if (cookies.length > 0) this.cookie = cookies.join('; ');
		return (JSON.parse(text) as { data: T }).data;
	}

	/** @returns id of the credential */
	async addCredential(name: string, type: string, data: object): Promise<string> {
		const { id } = await this.rest<{ id: string }>('POST', '/credentials', { name, type, data });
		return id;
	}

	/** Imports a workflow, as the editor does from a file. @returns its id */
	async addWorkflow(workflow: object): Promise<string> {
		const { id } = await this.rest<{ id: string }>('POST', '/workflows', workflow);
		return id;
	}

	/** Publishes a workflow and waits until its triggers run. */
	async publish(id: string): Promise<void> {
		const { versionId } = await this.rest<{ versionId: string }>('GET', `/workflows/${id}`);
		await this.rest('POST', `/workflows/${id}/activate`, { versionId });
		const deadline = Date.now() + 60_000;
		for (;;) {
			const state = await this.rest<{ status: string; triggers?: { errorMessage?: string }[] }>(
				'GET',
				`/workflows/${id}/publication-status`,
			);
			if (state.status === 'published') return;
			if (state.status === 'failed' || state.status === 'partial' || Date.now() > deadline) {
				const errors = state.triggers?.map(({ errorMessage }) => errorMessage).filter(Boolean);
				throw new Error(`The workflow could not be published (${state.status}): ${errors?.join('; ')}`);
			}
			await sleep(100);
		}
	}

	async unpublish(id: string): Promise<void> {
		await this.rest('POST', `/workflows/${id}/deactivate`, {});
	}

	/** Executions of a workflow, newest first. */
	async executions(workflowId: string): Promise<Execution[]> {
		const filter = encodeURIComponent(JSON.stringify({ workflowId }));
		const { results } = await this.rest<{ results: Execution[] }>('GET', `/executions?filter=${filter}&limit=100`);
		return results;
	}
}

/** A real n8n in a process of its own, used by its owner. */
export class N8n extends User {
	private constructor(
		private readonly child: ChildProcess,
		url: string,
		readonly logFile: string,
	) {
		super(url);
	}

	/** Starts it and waits until it is ready; the first start of a folder also makes the owner. */
	static async start({ folder, port, env = {} }: N8nOptions): Promise<N8n> {
		if (!existsSync(N8N_BIN)) throw new Error('n8n is not installed here. Run: node scripts/bootstrap.mjs --n8n');
		await mkdir(folder, { recursive: true });
		const logFile = join(folder, 'n8n.log');
		const url = `http://127.0.0.1:${port}`;
		const log = openSync(logFile, 'a');
		const child = spawn(process.execPath, [N8N_BIN, 'start'], {
			env: { ...process.env, ...settings(folder, port, url), ...env },
			// Its log goes to the file directly, and Ctrl-C in the terminal reaches it only through us.
			stdio: ['ignore', log, log],
			detached: true,
		});
		closeSync(log);
		const endWithUs = () => child.kill('SIGKILL');
		process.once('exit', endWithUs);
		child.once('exit', () => process.off('exit', endWithUs));
		const n8n = new N8n(child, url, logFile);
		try {
			await n8n.ready();
			await n8n.login();
			return n8n;
		} catch (error) {
			await n8n.kill();
			throw error;
		}
	}

	private async ready(): Promise<void> {
		const deadline = Date.now() + 120_000;
		while (Date.now() < deadline) {
			if (this.child.exitCode !== null) break;
			const answered = await request(`${this.url}/healthz/readiness`).then(
				async ({ statusCode, body }) => {
					await body.dump();
					return statusCode === 200;
				},
				() => false,
			);
			if (answered) return;
			await sleep(250);
		}
		const log = readFileSync(this.logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
		throw new Error(`n8n did not start. The end of its log (${this.logFile}):\n${log}`);
	}

	private async login(): Promise<void> {
		const { email, password } = OWNER;
		try {
			await this.rest('POST', '/owner/setup', OWNER);
		} catch (cause) {
			// A folder that has an owner already.
			await this.rest('POST', '/login', { emailOrLdapLoginId: email, password }).catch((error: unknown) => {
				throw new Error(`n8n has no usable owner: ${String(error)}`, { cause });
			});
		}
	}

	/** Invites an ordinary member, who accepts. */
	async addMember(email: string): Promise<User> {
		const [invited] = await this.rest<{ user: { inviteAcceptUrl: string } }[]>('POST', '/invitations', [
			{ email, role: 'global:member' },
		]);
		const member = new User(this.url);
		const token = new URL(invited?.user.inviteAcceptUrl ?? '').searchParams.get('token');
		const { password } = OWNER;
		await member.rest('POST', '/invitations/accept', { token, firstName: 'A', lastName: 'Member', password });
		return member;
	}

	/** @throws where it has ended by itself */
	assertRunning(): void {
		const { exitCode, signalCode } = this.child;
		if (exitCode === null && signalCode === null) return;
		throw new Error(`n8n has ended unexpectedly (${signalCode ?? exitCode}). Its log: ${this.logFile}`);
	}

	/** Ends it as a user would, by a signal to the process. */
	async stop(): Promise<void> {
		await this.end('SIGTERM');
	}

	/** Ends it as a power cut would. */
	async kill(): Promise<void> {
		await this.end('SIGKILL');
	}

	private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
		if (this.child.exitCode !== null || this.child.signalCode !== null) return;
		const exited = new Promise((resolveExit) => this.child.once('exit', resolveExit));
		this.child.kill(signal);
		const timer = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
		await exited;
		clearTimeout(timer);
	}
}

/** A private, quiet instance that calls nobody outside this machine. */
function settings(folder: string, port: number, url: string): Record<string, string> {
	return {
		// A test runner's own setting would make n8n think that it is being tested.
		NODE_ENV: 'production',
		N8N_USER_FOLDER: folder,
		N8N_PORT: String(port),
		N8N_LISTEN_ADDRESS: '127.0.0.1',
		N8N_WEBHOOK_URL: `${url}/`,
		N8N_EDITOR_BASE_URL: url,
		N8N_ENCRYPTION_KEY: 'demo-key-of-a-private-instance',
		N8N_SECURE_COOKIE: 'false',
		N8N_DIAGNOSTICS_ENABLED: 'false',
		N8N_PERSONALIZATION_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED: 'false',
		N8N_TEMPLATES_ENABLED: 'false',
		N8N_HIRING_BANNER_ENABLED: 'false',
		N8N_VERIFIED_PACKAGES_ENABLED: 'false',
		N8N_RUNNERS_BROKER_PORT: String(port + 1),
		GENERIC_TIMEZONE: 'UTC',
		N8N_LOG_LEVEL: 'info',
		EXECUTIONS_DATA_SAVE_ON_SUCCESS: 'all',
		// However slow this machine is.
		DB_PING_TIMEOUT_MS: '120000',
	};
}
