const { globSync } = require('node:fs');
const { readFile, readdir, rm, writeFile } = require('node:fs/promises');
const { join } = require('node:path');
const { build } = require('esbuild');
const { dest, parallel, series, src } = require('gulp');

const common = {
	bundle: true,
	platform: 'node',
	target: 'node24',
	format: 'cjs',
	logLevel: 'warning',
	// DDSketch's form for the network, which nobody asks for; it declares no such dependency.
	external: ['protobufjs/minimal'],
};

const clean = () => rm('dist', { recursive: true, force: true });

/** Everything below lib/ and all it needs, as the one file that the nodes share in a process. */
const lib = async () => {
	const { metafile } = await build({
		...common,
		entryPoints: ['lib/index.ts'],
		outfile: 'dist/lib/index.js',
		minifySyntax: true,
		legalComments: 'none',
		metafile: true,
	});
	await writeFile('dist/lib/THIRD_PARTY_LICENSES.txt', await licensesOf(Object.keys(metafile.inputs)));
};

/** The licence of every package that went into the bundle, which is what they all ask for. */
const licensesOf = async (files) => {
	const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
	const texts = [...new Set(folders)].sort().map(async (folder) => {
		const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
		const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
		const text = file ? await readFile(join(folder, file), 'utf8') : `License: ${license}`;
		return `${name} ${version}\n\n${text.trim()}\n`;
	});
	return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
};

/** Each node and credential as one file that requires n8n's own n8n-workflow and the shared bundle. */
const nodes = () =>
	build({
		...common,
		entryPoints: globSync(['nodes/*/*.node.ts', 'credentials/*.credentials.ts']),
		outdir: 'dist',
		outbase: '.',
		external: ['n8n-workflow'],
		plugins: [
			{
				name: 'shared-bundle',
				setup({ onResolve }) {
					onResolve({ filter: /(^|\/)lib$/ }, ({ importer }) => ({
						path: /[\\/]credentials[\\/]/.test(importer) ? '../lib/index.js' : '../../lib/index.js',
						external: true,
					}));
				},
			},
		],
	});

const assets = () =>
	src(['nodes/**/*.{svg,node.json}', 'credentials/*.svg'], { base: '.', encoding: false }).pipe(dest('dist'));

exports.clean = clean;
exports.build = series(clean, parallel(lib, nodes, assets));
exports.default = exports.build;
