import { HybridSyncError } from '../../base/errors';
import type { Choice } from '../field';
import type { ChoicesUse } from '../pull';
import { type Discovery, type FoundList, type FoundListing, discover, isKnown, look, nameOf } from './discovery';
import { BY_HAND, type Listing, choiceOf, parseListing } from './listing';
import type { Asked } from './probing';
import { restTransport } from './rest-transport';
import type { RowField } from './row-fields';

/** The lists from which a user chooses how an API lists, or a part of that. */

/** What stands in a field stays in its list, or the editor would call it unknown. */
function withChosen(choices: readonly Choice[], chosen: Choice | undefined): Choice[] {
	return !chosen || choices.some(({ value }) => value === chosen.value) ? [...choices] : [chosen, ...choices];
}

function askedBy({ settings, timeZone, ...use }: ChoicesUse): Asked {
	const { url, requestsPerMinute } = settings;
	if (typeof url !== 'string' || url.trim() === '') throw new HybridSyncError('configuration', 'Enter the URL first');
	const limit = typeof requestsPerMinute === 'number' ? requestsPerMinute : undefined;
	return { url: url.trim(), timeZone, ...restTransport(use, limit) };
}

/** The entry that says why there are no others. */
function nothing(error: unknown): Choice {
	if (!(error instanceof HybridSyncError)) throw error;
	return { name: `Nothing found: ${error.message}`, value: '' };
}

export const byHand: Choice = {
	name: 'Described by Hand',
	value: BY_HAND,
	description: 'Every part in a field of its own, for a list that none of the entries describes',
};

/**
 * Whole descriptions, the most likely first. The API is asked some twenty times for them, so nothing is asked where one has
 * been chosen for this URL: a node is opened often.
 */
async function listings(use: ChoicesUse): Promise<Choice[]> {
	const { listing: value } = use.settings;
	const chosen = listingIn(value);
	const asChosen =
		chosen && typeof value === 'string'
			? { ...choiceOf(chosen, { rows: nameOf(chosen.url ?? '') }), value }
			: undefined;
	try {
		const asked = askedBy(use);
		if (asChosen && chosen?.url === asked.url && !isKnown(asked)) return [asChosen, anew, byHand];
		const { lists, show } = await discover(asked);
		const found = lists.flatMap((list) => list.found.map((each) => inWords(each, list, show)));
		if (found.length > 0) return withChosen([...found, byHand], asChosen);
		throw new HybridSyncError('configuration', 'No field identifies the rows. Choose Described by Hand');
	} catch (error) {
		return withChosen([nothing(error), byHand], asChosen);
	}
}

/** What was chosen; nothing where it is no description. */
function listingIn(chosen: unknown): Listing | undefined {
	try {
		return parseListing(chosen);
	} catch {
		return undefined;
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

/** A part by its path, with a value that stands there. */
function partsOf(name: string, read: (found: Looked) => readonly { path: string; sample: unknown }[]) {
	return async (use: ChoicesUse): Promise<Choice[]> => {
		const value = use.settings[name];
		const chosen = typeof value === 'string' && value !== '' ? { name: value, value } : undefined;
		try {
			const found = await look(askedBy(use));
			const parts = read(found).map(({ path, sample }): Choice => ({
				name: path === '' ? 'The Answer Itself' : path,
				value: path,
				description: found.show(sample),
			}));
			return withChosen([...new Map(parts.map((part) => [part.value, part])).values()], chosen);
		} catch (error) {
			return withChosen([nothing(error)], chosen);
		}
	};
}

type Looked = Awaited<ReturnType<typeof look>>;

const counted = (rows: readonly unknown[]) => `${rows.length} rows`;

export const choices = {
	listings,
	lists: partsOf('itemsAt', ({ lists }) => lists.map(({ path, rows }) => ({ path, sample: counted(rows) }))),
	ids: partsOf('idField', ({ lists }) => lists.flatMap(({ ids }) => ids)),
	cursorFields: partsOf('cursorField', ({ lists }) => lists.flatMap(({ times, numbers }) => [...times, ...numbers])),
	nexts: partsOf('nextAt', ({ nexts }) => nexts),
};
