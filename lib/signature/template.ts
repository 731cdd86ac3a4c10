import { LRUCache } from 'lru-cache';

/**
 * The text that is signed: literal text and placeholders.
 *
 * `{body}` the raw bytes · `{body:escaped}` with characters beyond ASCII as \uXXXX, in lower case · `{timestamp}` and `{id}` as
 * they were sent · `{method}` · `{url}` · `{url:decoded}` with the characters decoded that HubSpot lists · `{path}` with the
 * query · `{secret}` · `{form}` each field of the form sorted by name, name and value in a row · `{header:NAME}` ·
 * `{query:NAME}` · `{field:PATH}` of the JSON or form body
 */
export type Template = readonly Part[];

export type Part =
	| { readonly kind: 'text'; readonly text: string }
	| { readonly kind: Simple }
	| { readonly kind: 'header' | 'query' | 'field'; readonly name: string };

type Simple = (typeof SIMPLE)[number];
const SIMPLE = [
	'body',
	'body:escaped',
	'timestamp',
	'id',
	'method',
	'url',
	'url:decoded',
	'path',
	'secret',
	'form',
] as const;

const compiled = new LRUCache<string, { template: Template | undefined }>({ max: 200 });

/** @returns nothing where there is a placeholder that is none of those above */
export function templateOf(text: string): Template | undefined {
	let entry = compiled.get(text);
	if (!entry) compiled.set(text, (entry = { template: compile(text) }));
	return entry.template;
}

function compile(text: string): Template | undefined {
	const parts: Part[] = [];
	let from = 0;
	for (const match of text.matchAll(/\{([^{}]*)\}/g)) {
		if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) });
		const part = placeholder(match[1] ?? '');
		if (!part) return undefined;
		parts.push(part);
		from = match.index + match[0].length;
	}
	if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) });
	return parts;
}

function placeholder(name: string): Part | undefined {
	const simple = SIMPLE.find((each) => each === name);
	if (simple) return { kind: simple };
	const [, kind, of] = /^(header|query|field):\s*(\S+)$/.exec(name) ?? [];
	if (of === undefined) return undefined;
	if (kind === 'header') return { kind, name: of.toLowerCase() };
	return { kind: kind === 'query' ? 'query' : 'field', name: of };
}
