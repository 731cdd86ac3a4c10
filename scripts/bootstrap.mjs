// Installs what is missing, into the project's own folders. Runs on the Node.js that happens to be there (20 or newer)
// and before anything is installed, so it uses nothing but Node.js itself.
//
//   node scripts/bootstrap.mjs          the project's dependencies, a suitable Node.js among them
//   node scripts/bootstrap.mjs --n8n    also n8n, for the demo and the end-to-end tests
//   node scripts/bootstrap.mjs --chromium    also a Chromium, for the tests in n8n's editor
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const e2e = join(root, 'test', 'e2e');

await install(root, 'the dependencies of the project', '1 minute, 0.8 GB', async (run) => {
	await run('npm', ['ci', '--loglevel=error']);
});
if (process.argv.includes('--n8n')) {
	const { n8n } = JSON.parse(readFileSync(join(e2e, 'package.json'), 'utf8')).dependencies;
	await install(e2e, `n8n ${n8n}`, '5 minutes, 2.8 GB', async (run) => {
		// Of its many packages only the database driver has to be built; a fitting prebuilt one is taken where there is one.
		await run('npm', ['ci', '--ignore-scripts', '--loglevel=error']);
		await run('npm', ['rebuild', 'sqlite3', '--loglevel=error']);
	});
}

if (process.argv.includes('--chromium')) await installChromium();

/** Installs Chromium from the system's own packages where there is none, and where that can be done without asking. */
async function installChromium() {
	if (existsSync(process.env.CHROMIUM ?? '/usr/bin/chromium')) return;
	const isDebian = process.platform === 'linux' && existsSync('/usr/bin/apt-get');
	if (!isDebian || process.getuid() !== 0) {
		console.error(
			'There is no Chromium here: install one, and set CHROMIUM to its path where that is not /usr/bin/chromium.',
		);
		process.exit(1);
	}
	console.log('Installing Chromium (about 1 minute, 0.4 GB, once) …');
	try {
		await run(root, 'apt-get', ['update', '-qq']);
		await run(root, 'apt-get', ['install', '-qq', '-y', '--no-install-recommends', 'chromium'], {
			DEBIAN_FRONTEND: 'noninteractive',
		});
	} catch (error) {
		console.error(`Installing Chromium did not work (${error.message}): install one, and set CHROMIUM to its path.`);
		process.exit(1);
	}
}

/** Runs `steps` in a folder unless they have been run there for the present lock file. */
async function install(folder, what, cost, steps) {
	const stamp = join(folder, 'node_modules', '.installed');
	const wanted = createHash('sha256')
		.update(readFileSync(join(folder, 'package-lock.json')))
		.digest('hex');
	if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
	console.log(`Installing ${what} (about ${cost}, once) …`);
	const started = Date.now();
	const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
	const progress = setInterval(() => console.log(`  … ${elapsed()}`), 20_000);
	try {
		await steps((command, args) => run(folder, command, args));
		writeFileSync(stamp, wanted);
		console.log(`Installed ${what} in ${elapsed()}.`);
	} catch (error) {
		rmSync(stamp, { force: true });
		console.error(
			`\nInstalling ${what} did not work: ${error.message}.\n` +
				'The lines above say why. Where they name the network, check that this machine reaches the npm registry (behind a\n' +
				'proxy: npm config set proxy …); where they name the disk, make room. Then run the same command again.\n' +
				'Nothing that is half installed is used.',
		);
		process.exit(1);
	} finally {
		clearInterval(progress);
	}
}

function run(cwd, command, args, env = {}) {
	return new Promise((resolve, reject) => {
		const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
		const child = spawn(command, args, {
			cwd,
			stdio: 'inherit',
			shell: process.platform === 'win32',
			env: { ...process.env, PATH: path, ...compilerSettings(), ...env },
		});
		child.once('error', reject);
		child.once('exit', (code, signal) => {
			if (code === 0) resolve();
			else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}`));
		});
	});
}

/** A native module that has to be compiled is compiled against the Node.js it will run in, whose headers are here. */
function compilerSettings() {
	const headers = join(root, 'node_modules', 'node', 'node_modules', `node-${process.platform}-${process.arch}`);
	if (!existsSync(headers) || !readdirSync(headers).includes('include')) return {};
	return { npm_config_nodedir: headers, JOBS: 'max' };
}
