import { HybridSyncError } from '../../base/errors';
import type { Choice } from '../field';
import type { ChoicesUse } from '../pull';
import { type Discovery, discover } from './discovery';
import { BY_HAND, type Listing, choiceOf, parseListing } from './listing';
import { restTransport } from './rest-transport';

/** The lists from which a user chooses how an API lists, or a part of that. */

/** What stands in a field stays in its list, or the editor would call it unknown. */
function withChosen(choices: readonly Choice[], chosen: unknown, words: (value: string) => Choice): Choice[] {
	if (typeof chosen !== 'string' || chosen === '' || choices.some(({ value }) => value === chosen)) return [...choices];
	return [words(chosen), ...choices];
}

async function look({ settings, timeZone, ...use }: ChoicesUse): Promise<Discovery> {
	const url = typeof settings['url'] === 'string' ? settings['url'].trim() : '';
	if (url === '') throw new HybridSyncError('configuration', 'Enter the URL first');
	const { transport, baseUrl } = restTransport(use);
	return await discover({ url, baseUrl, transport, timeZone });
}

const byHand: Choice = {
	name: 'Described by Hand',
	value: BY_HAND,
	description: 'Every part in a field of its own, for a list that none of the entries describes',
};

/** Whole descriptions, the most likely first. */
async function listings(use: ChoicesUse): Promise<Choice[]> {
	const { listing } = use.settings;
	const asChosen = (value: string): Choice => {
		const choice = choiceOf(parseListing(value) ?? {}, { rows: 'rows' });
		return { ...choice, name: `As chosen: ${choice.name}`, value };
	};
	let found: Choice[];
	try {
		const { lists, show } = await look(use);
		found = lists.flatMap((list) =>
			list.listings.map((each) => choiceOf(each, { rows: list.name, count: list.rows.length, ...samplesOf(each) })),
		);
		function samplesOf({ idField, cursorField }: Listing) {
			const all = lists.flatMap(({ ids, times, numbers }) => [...ids, ...times, ...numbers]);
			const of = (path: string | undefined) => all.find((field) => field.path === path)?.sample;
			const [id, value] = [of(idField), of(cursorField)];
			return { ...(id !== undefined && { id: show(id) }), ...(value !== undefined && { value: show(value) }) };
		}
		if (found.length === 0) found = [nothing('no field of the rows identifies them')];
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		found = [nothing(error.message)];
	}
	return withChosen([...found, byHand], listing, asChosen);
}

const nothing = (why: string): Choice => ({ name: `Nothing found: ${why}`, value: '' });

/** A part by its path, with a value that stands there. */
function partsOf(name: string, read: (found: Discovery) => readonly { path: string; sample: unknown }[]) {
	return async (use: ChoicesUse): Promise<Choice[]> => {
		const found = await look(use);
		const parts = read(found).map(({ path, sample }): Choice => ({
			name: path === '' ? 'The Answer Itself' : path,
			value: path,
			description: found.show(sample),
		}));
		const unique = [...new Map(parts.map((part) => [part.value, part])).values()];
		return withChosen(unique, use.settings[name], (value) => ({ name: value, value }));
	};
}

const counted = (rows: readonly unknown[]) => `${rows.length} rows`;

export const choices = {
	listings,
	lists: partsOf('itemsAt', ({ lists }) => lists.map(({ path, rows }) => ({ path, sample: counted(rows) }))),
	ids: partsOf('idField', ({ lists }) => lists.flatMap(({ ids }) => ids)),
	cursorFields: partsOf('cursorField', ({ lists }) => lists.flatMap(({ times, numbers }) => [...times, ...numbers])),
	nexts: partsOf('nextAt', ({ nexts }) => nexts),
};
