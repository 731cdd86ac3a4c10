import { HybridSyncError } from '../../base/errors';
import type { Choice } from '../field';
import type { ChoicesUse } from '../pull';
import { type Discovery, type FoundList, type FoundListing, discover, isKnown, nameOf } from './discovery';
import { BY_HAND, choiceOf, parseListing } from './listing';
import type { Asked } from './probing';
import { restTransport } from './rest-transport';
import type { RowField } from './row-fields';

/** The lists from which a user chooses how an API lists, or a part of that. */

/** What stands in a field stays in its list, or the editor would call it unknown. */
function withChosen(choices: readonly Choice[], chosen: unknown, words: (value: string) => Choice): Choice[] {
	if (typeof chosen !== 'string' || chosen === '' || choices.some(({ value }) => value === chosen)) return [...choices];
	return [words(chosen), ...choices];
}

function askedBy({ settings, timeZone, ...use }: ChoicesUse): Asked {
	const url = typeof settings['url'] === 'string' ? settings['url'].trim() : '';
	if (url === '') throw new HybridSyncError('configuration', 'Enter the URL first');
	return { url, timeZone, ...restTransport(use) };
}

const byHand: Choice = {
	name: 'Described by Hand',
	value: BY_HAND,
	description: 'Every part in a field of its own, for a list that none of the entries describes',
};

/**
 * Whole descriptions, the most likely first. The API is asked some twenty times for them, so nothing is asked where one has
 * been chosen for this URL: a node is opened often.
 */
async function listings(use: ChoicesUse): Promise<Choice[]> {
	const { listing } = use.settings;
	try {
		const asked = askedBy(use);
		const chosen = chosenFor(asked.url, listing);
		if (chosen && !isKnown(asked)) return [chosen, anew, byHand];
		const { lists, show } = await discover(asked);
		const found = lists.flatMap((list) => list.found.map((each) => inWords(each, list, show)));
		if (found.length > 0) return withChosen([...found, byHand], listing, asChosen);
		throw new HybridSyncError('configuration', 'No field of the rows identifies them');
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		const nothing = { name: `Nothing found: ${error.message}`, value: '' };
		return withChosen([nothing, byHand], isListing(listing) ? listing : '', asChosen);
	}
}

const anew: Choice = { name: 'Find Out Anew', value: '', description: 'Asks the API again, and shows what else fits' };

function inWords(
	{ listing, cautions }: FoundListing,
	{ name, rows, ids, times, numbers }: FoundList,
	show: Discovery['show'],
): Choice {
	const valueOf = (path: string | undefined, all: readonly RowField[]) =>
		all.find((field) => field.path === path)?.sample;
	const id = valueOf(listing.idField, ids);
	const value = valueOf(listing.cursorField, [...times, ...numbers]);
	return choiceOf(listing, {
		rows: name,
		count: rows.length,
		cautions,
		...(id !== undefined && { id: show(id) }),
		...(value !== undefined && { value: show(value) }),
	});
}

function isListing(chosen: unknown): boolean {
	try {
		return parseListing(chosen) !== undefined;
	} catch {
		return false;
	}
}

/** What was chosen, where that was for this URL; nothing where it was not, or is no description. */
function chosenFor(url: string, chosen: unknown): Choice | undefined {
	if (typeof chosen !== 'string' || !isListing(chosen)) return undefined;
	return parseListing(chosen)?.url === url ? asChosen(chosen) : undefined;
}

function asChosen(value: string): Choice {
	const listing = parseListing(value) ?? {};
	return { ...choiceOf(listing, { rows: nameOf(listing.url ?? '') }), value };
}

/** A part by its path, with a value that stands there. */
function partsOf(name: string, read: (found: Discovery) => readonly { path: string; sample: unknown }[]) {
	return async (use: ChoicesUse): Promise<Choice[]> => {
		const found = await discover(askedBy(use));
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
