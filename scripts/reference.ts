// Writes docs/reference.md anew from the nodes and credentials as they are: npm run reference
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type {
	ICredentialType,
	INodeProperties,
	INodePropertyCollection,
	INodePropertyOptions,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { byHand } from '../lib/provider/any-service/choices';

const ROOT = join(__dirname, '..');
const PAGE = 'docs/reference.md';
const OPENING =
	'This page is generated from the nodes: search it for a name that you see in the editor, and look up in the [concepts](concepts.md) what a word means. “Begins with” is the value that an option has when you add it.';

/** What the parameters of a node are grouped by, the coarser first. */
const AXES = ['provider', 'resource', 'operation'];
/** Of a longer list of options only the number and the first ones are given. */
const MAX_OPTIONS = 12;
const FIRST_OPTIONS = 3;

/** The text of the page, as Prettier leaves it. */
export function reference(): string {
	const { n8n } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
		n8n: Record<'nodes' | 'credentials', string[]>;
	};
	const credentials = n8n.credentials.map((file) => load(file) as ICredentialType);
	const input = [
		'# Parameters',
		OPENING,
		...n8n.nodes.flatMap((file) => nodeSection((load(file) as INodeType).description, credentials)),
		...credentials.flatMap(({ displayName, properties }) => [
			`## ${escaped(displayName)}`,
			listOf(properties, wordsOf(properties)),
		]),
	].join('\n\n');
	const prettier = join(ROOT, 'node_modules/prettier/bin/prettier.cjs');
	return execFileSync(process.execPath, [prettier, '--stdin-filepath', PAGE], { cwd: ROOT, encoding: 'utf8', input });
}

/** What n8n makes of a built file, from its source. By the whole name: there is a `.node.json` beside each `.node.ts`. */
function load(built: string): unknown {
	const source = join(ROOT, built.replace('dist/', '').replace(/\.js$/, '.ts'));
	const [name = ''] = basename(source).split('.');
	const { [name]: Class } = createRequire(__filename)(source) as Record<string, new () => unknown>;
	if (!Class) throw new Error(`${source} has no class ${name}`);
	return new Class();
}

function nodeSection(node: INodeTypeDescription, known: readonly ICredentialType[]): string[] {
	const credentials = (node.credentials ?? []).map(({ name, displayOptions = {} }): INodeProperties => {
		const { displayName = name } = known.find((credential) => credential.name === name) ?? {};
		return { displayName, name, type: 'credentials', default: '', displayOptions };
	});
	const properties = [...credentials, ...node.properties];
	const words = wordsOf(properties);
	const axes = AXES.filter((axis) => words(axis).options.length > 0);
	/** By the one option of each axis that it is shown for: `Item: Confirm`; empty where it is shown for several. */
	const headingOf = (property: INodeProperties) => {
		const shownFor = axes.map((axis) => words(axis).options.filter(({ value }) => isShownFor(property, axis, value)));
		const several = shownFor.findIndex(({ length }) => length !== 1);
		return shownFor
			.slice(0, several < 0 ? axes.length : several)
			.flatMap(([option]) => option?.name ?? [])
			.join(': ');
	};
	const headingsBy = ([axis, ...finer]: readonly string[]): string[] => {
		const below = finer.length > 0 ? headingsBy(finer).map((heading) => (heading === '' ? '' : `: ${heading}`)) : [''];
		return ['', ...words(axis ?? '').options.flatMap(({ name }) => below.map((heading) => name + heading))];
	};
	const sections = headingsBy(axes).flatMap((heading) => {
		const own = properties.flatMap((property) => {
			const outer = headingOf(property);
			if (property.type !== 'collection') return outer === heading ? [property] : [];
			// It stands under each heading that has some of its options.
			const options = childrenOf(property).filter((child) => (headingOf(child) || outer) === heading);
			return options.length > 0 ? [{ ...property, options }] : [];
		});
		const all = axes.includes('provider') ? 'All services' : 'All operations';
		const settled = axes.slice(0, heading === '' ? 0 : heading.split(': ').length);
		return own.length > 0 ? [`### ${escaped(heading || all)}`, listOf(own, words, settled)] : [];
	});
	return [`## ${escaped(node.displayName)}`, sentences(node.description).join('\n'), ...sections];
}

/** What the editor shows for the name of a parameter, and what there is to choose. */
type Words = (name: string) => { readonly label: string; readonly options: readonly INodePropertyOptions[] };

/** @param properties all of a node or a credential */
function wordsOf(properties: readonly INodeProperties[]): Words {
	const all = properties.flatMap((property) => [property, ...childrenOf(property)]);
	return (name) => {
		const same = all.filter((property) => property.name === name);
		const byValue = Map.groupBy(same.flatMap(optionsOf), ({ value }) => value);
		return { label: same[0]?.displayName ?? name, options: [...byValue.values()].flatMap(([option]) => option ?? []) };
	};
}

function optionsOf({ type, options = [] }: INodeProperties): readonly INodePropertyOptions[] {
	if (type === 'boolean') return [true, false].map((value) => ({ name: value ? 'on' : 'off', value }));
	return type === 'options' || type === 'multiOptions' ? (options as INodePropertyOptions[]) : [];
}

function childrenOf({ type, options = [] }: INodeProperties): readonly INodeProperties[] {
	if (type === 'collection') return options as INodeProperties[];
	return type === 'fixedCollection' ? (options as INodePropertyCollection[]).flatMap(({ values }) => values) : [];
}

/**
 * A list with an entry for each parameter, and below it what it consists of.
 *
 * @param settled the parameters whose value the heading says
 * @param preset the words before the value that is there at first
 */
function listOf(
	properties: readonly INodeProperties[],
	words: Words,
	settled: readonly string[] = [],
	preset = 'Default:',
): string {
	const entries = properties.map((property) => {
		const { displayName, type, description = '', hint = '', required } = property;
		const options = optionsOf(property).filter((_, __, { length }) => type !== 'boolean' && length <= MAX_OPTIONS);
		const lines =
			type === 'notice'
				? sentences(displayName)
				: [
						`**${escaped(displayName)}**${required ? ' (required)' : ''}: ${kindOf(property, preset)}`,
						...sentences(description),
					];
		return [
			`- ${[...lines, ...sentences(hint), ...whenShown(property, words, settled)].join('\n  ')}`,
			...options.map((option) => {
				const said = sentences(option.description ?? '').join('\n    ');
				return `  - _${escaped(option.name)}_${said && `: ${said}`}`;
			}),
			// What is added to a collection begins with a value; the node may do otherwise without it.
			...childrenOf(property).map((child) => listOf([child], words, settled, 'Begins with:').replaceAll(/^/gm, '  ')),
		].join('\n');
	});
	return entries.filter((_, index) => properties[index]?.type !== 'hidden').join('\n');
}

/**
 * What is entered or chosen, and what is there at first.
 *
 * @param preset the words before that
 */
function kindOf(property: INodeProperties, preset: string): string {
	const { displayName, type, typeOptions = {}, placeholder = '', modes = [], required, default: first } = property;
	const { minValue, maxValue, loadOptionsMethod, multipleValues, password, rows = 1 } = typeOptions;
	const all = optionsOf(property);
	const some = all.slice(0, FIRST_OPTIONS).map(({ name }) => escaped(name));
	const listed = all.length > MAX_OPTIONS ? `${all.length}, the first of them ${enumerated('and', some)}` : 'these';
	const offered = loadOptionsMethod === undefined ? listed : 'a list that the editor loads';
	const kinds: Partial<Record<typeof type, string>> = {
		string: `${password ? 'secret text' : 'text'}${rows > 1 ? ' of several lines' : ''}`,
		number: `number${minValue === undefined ? '' : ` from ${counted(minValue)}`}${maxValue === undefined ? '' : ` to ${counted(maxValue)}`}`,
		boolean: 'on or off',
		dateTime: 'date and time',
		options: `one of ${offered}`,
		multiOptions: `any of ${offered}`,
		collection: 'add any of these',
		fixedCollection: `${multipleValues ? 'a list of' : 'all of'} these`,
		resourceLocator: enumerated(
			'or',
			modes.map((mode) => escaped(mode.displayName)),
		),
		credentials: `a [credential](#${displayName
			.toLowerCase()
			.replaceAll(/[^\w -]/g, '')
			.replaceAll(' ', '-')})`,
	};
	const example = type === 'string' && placeholder !== '' ? `, e.g. ${code(placeholder.replace('e.g. ', ''))}` : '';
	const said = [first].flat().map((value: unknown) => {
		const option = all.find((each) => each.value === value);
		if (option) return escaped(option.name);
		return typeof value === 'number' ? counted(value) : typeof value === 'string' ? code(value.replace(/^=/, '')) : '';
	});
	const isNeeded = required === true || type === 'credentials';
	const atFirst = first !== '' ? enumerated('and', said) : isNeeded ? '' : 'empty';
	return `${kinds[type] ?? type}${example}.${atFirst && ` ${preset} ${atFirst}.`}`;
}

/** A parameter may be restricted to values of another, which is its neighbour or named by a path from the root. */
function conditionsOn({ displayOptions: { show = {}, hide = {} } = {} }: INodeProperties) {
	const named = (given: object) =>
		Object.entries(given).map(([name, values]) => ({ field: name.replace('/', ''), values: values as unknown[] }));
	return { show: named(show), hide: named(hide) };
}

function isShownFor(property: INodeProperties, name: string, value: unknown): boolean {
	const { show, hide } = conditionsOn(property);
	return (
		show.every(({ field, values }) => field !== name || values.includes(value)) &&
		!hide.some(({ field, values }) => field === name && values.includes(value))
	);
}

/** In the words of the editor: `Shown when _Paging_ is _Offset_ or _Page Number_.` */
function whenShown(property: INodeProperties, words: Words, settled: readonly string[]): string[] {
	const { show, hide } = conditionsOn(property);
	const parts = [...new Set([...show, ...hide].map(({ field }) => field))].flatMap((name) => {
		const { label, options } = words(name);
		const { true: ofThese = [], false: others = [] } = Object.groupBy(
			options.map(({ value }) => value),
			(value) => `${isShownFor(property, name, value)}`,
		);
		const isKnown = options.length > 0;
		if (isKnown && (others.length === 0 || settled.includes(name))) return [];
		const valuesIn = (all: typeof show) => all.flatMap(({ field, values }) => (field === name ? values : []));
		const [shown, hidden]: [unknown[], unknown[]] = isKnown ? [ofThese, others] : [valuesIn(show), valuesIn(hide)];
		const isShort = shown.length > 0 && shown.length <= Math.max(FIRST_OPTIONS, hidden.length);
		const names = (isShort ? shown : hidden).map((value) => {
			const option = [...options, byHand].find((each) => each.value === value);
			return value === '' ? 'empty' : `_${escaped(option?.name ?? String(value))}_`;
		});
		const not = isShort ? '' : names.length === 1 ? 'not ' : 'none of ';
		return [`_${escaped(label)}_ is ${not}${enumerated('or', names)}`];
	});
	return parts.length > 0 ? [`Shown when ${parts.join(', and ')}.`] : [];
}

/** `10,080`, and `5432`. */
const counted = (number: number) => new Intl.NumberFormat('en', { useGrouping: 'min2' }).format(number);

const enumerated = (word: 'and' | 'or', names: readonly string[]) =>
	[names.slice(0, -1).join(', '), ...names.slice(-1)].filter((part) => part !== '').join(` ${word} `);

const code = (text: string) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

/** All but the tags of HTML, and but an underscore within a word. */
const escaped = (text: string) => text.replaceAll(/[\\`*[\]~]|(?<![a-z\d])_|_(?![a-z\d])/gi, String.raw`\$&`);

const unescaped = (text: string) => text.replaceAll(/\\([\\`*[\]~_])/g, '$1');

/** A description as lines of Markdown, a sentence each; n8n allows HTML there. */
function sentences(text: string): string[] {
	return escaped(text)
		.replaceAll(/<a [^>]*?href="([^"]*)"[^>]*>(.*?)<\/a>/gi, '[$2]($1)')
		.replaceAll(/<\/?(?:br|p|li|ul|ol) *\/?>/gi, ' ')
		.replaceAll(/<\/?(?:b|strong)>/gi, '**')
		.replaceAll(/<\/?(?:i|em)>/gi, '_')
		.replaceAll(/<(?=[a-z!/])(?!\/?code>)/gi, String.raw`\<`)
		.replaceAll(/<code>(.*?)<\/code>|\{\{.*?\}\}|\{[^{}\s]+\}/gi, (whole, coded?: string) =>
			code(unescaped(coded ?? whole)),
		)
		.split(/(?<!e\.g\.|i\.e\.)(?<=[.?!][)"]?)\s+(?=[^\sa-z])/)
		.map((line) => line.trim().replace(/^[-+>#](?=\s)/, String.raw`\$&`))
		.flatMap((line) => (line === '' ? [] : [/[.?!:…]$/.test(line) ? line : `${line}.`]));
}

if (require.main === module) writeFileSync(join(ROOT, PAGE), reference());
