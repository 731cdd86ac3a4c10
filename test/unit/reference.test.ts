import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type {
	ICredentialType,
	INodeProperties,
	INodePropertyCollection,
	INodePropertyOptions,
	INodeType,
} from 'n8n-workflow';
import { reference } from '../../scripts/reference';

const ROOT = join(__dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/reference.md'), 'utf8');

function instancesOf<T>(pattern: string): T[] {
	return globSync(pattern, { cwd: ROOT }).flatMap((file) => {
		const { [basename(file).split('.')[0] ?? '']: Class } = jest.requireActual<Record<string, new () => T>>(
			join(ROOT, file),
		);
		return Class ? [new Class()] : [];
	});
}

const sections = [
	...instancesOf<INodeType>('nodes/*/*.node.ts').map(({ description }) => description),
	...instancesOf<ICredentialType>('credentials/*.credentials.ts'),
].map(({ displayName, properties }) => ({ displayName, parameters: properties.flatMap(withChildren) }));

function withChildren(property: INodeProperties): INodeProperties[] {
	const { type, options = [] } = property;
	if (type === 'hidden') return [];
	if (type === 'collection') return [property, ...(options as INodeProperties[])];
	if (type !== 'fixedCollection') return [property];
	return [property, ...(options as INodePropertyCollection[]).flatMap(({ values }) => values)];
}

/** Without marks, so that a description and what was made of it are the same. */
const plain = (text: string) =>
	text
		.replaceAll(/\]\([^)]*\)|<[^>]+>/g, ' ')
		.replaceAll(/[\\`*_[\]]/g, '')
		.replaceAll(/\s+/g, ' ');

/** The entries of the lists that stand under a heading, without marks. */
function entriesUnder(heading: string): string[] {
	const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
	return section.split(/^\s*- |^#+ .*$/m).map((entry) => plain(entry).trim());
}

test('the page is what the nodes say: "npm run reference" writes it', () => {
	expect(page).toBe(reference());
});

test('the nodes and credentials are all found', () => {
	const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
	expect(headings.toSorted()).toEqual(sections.map(({ displayName }) => displayName).toSorted());
	expect(headings.length).toBeGreaterThanOrEqual(12);
});

describe.each(sections)('$displayName', ({ displayName: heading, parameters }) => {
	test('each parameter has an entry of its own, with its description', () => {
		const entries = entriesUnder(heading);
		const missing = parameters.filter(({ displayName, type, description = '', hint = '' }) => {
			const name = plain(displayName);
			const beginnings = type === 'notice' ? [name] : [`${name}: `, `${name} (required): `];
			const index = entries.findIndex(
				(entry) =>
					beginnings.some((beginning) => entry.startsWith(beginning)) &&
					[description, hint].every((text) => entry.includes(plain(text))),
			);
			if (index >= 0) entries.splice(index, 1);
			return index < 0;
		});
		expect(missing.map(({ displayName, name }) => `${displayName} (${name})`)).toEqual([]);
	});

	test('each parameter says what it is for, but those that every node of n8n has', () => {
		const silent = parameters.filter(
			({ name, type, description = '' }) =>
				description === '' &&
				!['notice', 'collection', 'resourceLocator'].includes(type) &&
				!['resource', 'operation'].includes(name),
		);
		expect(silent.map(({ displayName, name }) => `${displayName} (${name})`)).toEqual([]);
	});

	test('of a short list of options each has an entry, and of a long one there is the number', () => {
		const entries = entriesUnder(heading);
		const missing = parameters.flatMap(({ displayName, type, options = [] }) => {
			if (type !== 'options' && type !== 'multiOptions') return [];
			const all = options as INodePropertyOptions[];
			if (all.length > 12) {
				return entries.some((entry) => entry.startsWith(displayName) && entry.includes(` of ${all.length}, `))
					? []
					: [displayName];
			}
			return all.flatMap(({ name, description }) => {
				const said = plain(description ? `${name}: ${description}` : name);
				return entries.some((entry) => entry.startsWith(said)) ? [] : [`${displayName}: ${name}`];
			});
		});
		expect(missing).toEqual([]);
	});
});

test('conditions are said in the words of the editor', () => {
	expect(page).toContain('  Shown when _Identify Items By_ is _Value_.\n');
	expect(page).toContain(
		'  Shown when _How the API Lists_ is _Described by Hand_, and _Page Size Parameter_ is not empty.\n',
	);
	expect(page).toMatch(/ {2}Shown when _Operation_ is _.*_ or _.*_\.\n/);
	const conditions = page.split('\n').filter((line) => line.includes('Shown when'));
	// Names as programs write them.
	expect(conditions.filter((line) => /_[a-z]\w*[A-Z]\w*_/.test(line))).toEqual([]);
});

test('what is the same for several services stands once', () => {
	const section = page.split(/^## /m).find((text) => text.startsWith('Sync Trigger\n')) ?? '';
	const [, all = '', ...services] = section.split(/^### /m);
	expect(all).toMatch(/^All services\n/);
	expect(all).toContain('**How Often to Poll**');
	expect(services.length).toBeGreaterThanOrEqual(5);
	expect(services.filter((text) => text.includes('**How Often to Poll**'))).toEqual([]);
});
