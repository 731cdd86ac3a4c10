import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** The pages of the documentation, taken at their word. */

const ROOT = resolve(__dirname, '../../..');

export interface Page {
	/** From the root of the project. */
	readonly file: string;
	readonly text: string;
}

export function readPage(file: string): Page {
	return { file, text: readFileSync(join(ROOT, file), 'utf8') };
}

/** @returns the pages of a folder whose names begin with a text */
export function readPages(folder: string, beginning: string): Page[] {
	const files = readdirSync(join(ROOT, folder)).filter((name) => name.startsWith(beginning) && name.endsWith('.md'));
	return files.sort().map((name) => readPage(`${folder}/${name}`));
}

/** A command of a page that signs a sample of a service and sends it. */
export interface Example {
	readonly service: string;
	readonly script: string;
	/** Makes a key pair in the current folder, and prints the public key. */
	readonly keyScript?: string;
	/** What the page says to enter in the credential, by the labels there. */
	readonly fields: readonly (readonly [label: string, value: string])[];
	/** As what the page says that it arrives. */
	readonly type: string;
	readonly subject: string;
}

const COMMAND = /<!-- (sends|makes a key for): (\w+) -->\n+```sh\n([\s\S]*?)```/g;
const ARRIVAL = /It arrives as `anyService\.([^`]+)`, about `([^`]+)`/;

/** The commands of a page, in their order. */
export function examplesIn({ text, file }: Page): Example[] {
	const examples: Example[] = [];
	let keyScript: string | undefined;
	let from = 0;
	for (const match of text.matchAll(COMMAND)) {
		const [whole, verb, service = '', script = ''] = match;
		if (verb !== 'sends') {
			keyScript = script;
			continue;
		}
		const end = match.index + whole.length;
		const [, type, subject] = ARRIVAL.exec(text.slice(end)) ?? [];
		if (type === undefined || subject === undefined) throw new Error(`${file} does not say how ${service} arrives`);
		const fields = tableIn(text.slice(from, match.index), 'In the credential').map(
			([label = '', value = '']) => [label, value] as const,
		);
		examples.push({ service, script, fields, type, subject, ...(keyScript !== undefined && { keyScript }) });
		keyScript = undefined;
		from = end;
	}
	return examples;
}

/** @returns the rows of the last table whose first column is called so, cell by cell */
export function tableIn(text: string, firstColumn: string): string[][] {
	const table: string[][] = [];
	let isInside = false;
	for (const line of text.split('\n')) {
		const cells = line.startsWith('|') ? line.split('|').slice(1, -1) : [];
		const [first, ...more] = cells.map((cell) => cell.trim());
		if (first === firstColumn) table.length = 0;
		isInside = first === firstColumn || (isInside && first !== undefined);
		if (isInside && first !== undefined && first !== firstColumn && !/^-+$/.test(first)) table.push([first, ...more]);
	}
	return table;
}

/** The parts of a page, each under a heading of the second level. */
export function sectionsIn({ text }: Page): string[] {
	return text.split(/^(?=## )/m);
}

export function headingsIn(text: string): string[] {
	return [...withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading);
}

const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '');

/** Links of a page to another place of the project that is not there. */
export function brokenLinksIn({ file, text }: Page): string[] {
	const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
	return links.filter((link) => {
		if (/^https?:/.test(link)) return false;
		const [path = '', anchor] = link.split('#');
		const target = path === '' ? file : relative(ROOT, resolve(ROOT, dirname(file), path));
		try {
			const page = readPage(target);
			return anchor !== undefined && !headingsIn(page.text).map(anchorOf).includes(anchor);
		} catch {
			return true;
		}
	});
}

/** The name under which GitHub and npm make a heading reachable. */
function anchorOf(heading: string): string {
	return heading
		.toLowerCase()
		.replace(/[^\p{L}\p{N}_\- ]/gu, '')
		.replaceAll(' ', '-');
}
