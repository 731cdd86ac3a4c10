import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brokenLinksIn, readPage } from '../integration/support/docs';

const ROOT = join(__dirname, '../..');
const pages = [
	'README.md',
	'SECURITY.md',
	...readdirSync(join(ROOT, 'docs'))
		.filter((name) => name.endsWith('.md'))
		.map((name) => `docs/${name}`),
];

test.each(pages)('every link of %s leads somewhere', (page) => {
	expect(brokenLinksIn(readPage(page))).toEqual([]);
});

test('the README names every example, and every page of the docs can be reached from it', () => {
	const { text } = readPage('README.md');
	for (const name of readdirSync(join(ROOT, 'examples'))) expect(text).toContain(`(examples/${name})`);
	const reached = new Set<string>();
	const waiting = ['README.md'];
	for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
		if (reached.has(page)) continue;
		reached.add(page);
		for (const [, target = ''] of readPage(page).text.matchAll(/\]\((?:docs\/)?([\w-]+\.md)(?:#[^)]*)?\)/g)) {
			if (target !== 'README.md') waiting.push(`docs/${target}`);
		}
	}
	expect(pages.filter((page) => page.startsWith('docs/') && !reached.has(page))).toEqual([]);
});
