import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import type { Field } from '../field';

/** What a user may choose in a node: of which lists, shops and contacts. */

/** Ids that were picked one by one, or that an expression gives as a list or as text. */
const ids = z
	.union([
		z
			.object({ items: z.array(z.object({ item: z.unknown() })).default([]) })
			.transform(({ items }) => items.map(({ item }) => item)),
		z.array(z.unknown()),
		z.string().transform((text): unknown[] => partsOf(text)),
	])
	.transform((all, context) => {
		const found = all.map(idsOf);
		// What was to be a filter and is none would let everything in.
		if (found.some((some) => some.length === 0)) context.addIssue({ code: 'custom', message: 'nothing is chosen' });
		return [...new Set(found.flat())];
	});

/** A resource locator, an id, or several. */
function idsOf(picked: unknown): string[] {
	const { value = picked } = Object(picked) as { value?: unknown };
	return [value].flat().flatMap((each) => {
		return typeof each === 'string' || typeof each === 'number' ? partsOf(String(each)) : [];
	});
}

/** As text or as JSON. */
const partsOf = (text: string) =>
	text
		.replaceAll(/[[\]"]/g, ' ')
		.split(/[\s,;]+/)
		.filter((part) => part !== '');

const LABELS = {
	lists: 'Lists',
	shops: 'Shops',
	addDetails: 'Add Custom Fields and Tags',
	customFields: 'Custom Fields',
	newsletters: 'Newsletters',
	followContacts: 'Contacts to Follow',
	followLists: 'Follow the Newest Contacts of the Lists',
	replacesCallback: 'Replace Another Callback',
};

const settings = z.object({
	lists: ids.optional().transform((all) => all ?? []),
	shops: ids.optional().transform((all) => all ?? []),
	addDetails: z.boolean().default(false),
	customFields: ids.optional().transform((all) => all ?? []),
	newsletters: ids.optional().transform((all) => all ?? []),
	followContacts: ids.optional().transform((all) => all ?? []),
	followLists: z.boolean().default(false),
	replacesCallback: z.boolean().default(false),
});

export interface Settings {
	/** Ids of contact lists, and of shops; none for all. */
	readonly lists: readonly string[];
	readonly shops: readonly string[];
	/** Whether contacts bring their custom fields and tags, and which fields; none for all. */
	readonly addDetails: boolean;
	readonly customFields: readonly string[];
	/** Ids of the newsletters whose numbers are wanted; none for all. */
	readonly newsletters: readonly string[];
	/** Ids of contacts whose activities are looked for, and whether also those of the newest contacts of the chosen lists are. */
	readonly followContacts: readonly string[];
	readonly followLists: boolean;
	/** Whether a callback of somebody else may be replaced. */
	readonly replacesCallback: boolean;
}

/** @throws HybridSyncError `configuration` naming the field that cannot be understood */
export function settingsIn(given: Readonly<Record<string, unknown>>): Settings {
	const parsed = settings.safeParse(given);
	if (parsed.success) return parsed.data;
	const field = parsed.error.issues[0]?.path[0];
	const label = LABELS[field as keyof typeof LABELS];
	throw new HybridSyncError(
		'configuration',
		`"${label}" cannot be understood. Choose from the list or enter IDs, remove empty entries, or have the expression give a list of IDs or none.`,
	);
}

/** Asked for in every node. */
export const listsField: Field = {
	displayName: 'Lists',
	name: 'lists',
	type: 'pickers',
	itemName: 'List',
	choicesFrom: 'lists',
	default: {},
	placeholder: 'Add List',
	description: 'Only events about contacts of these lists. Leave it empty for all lists, also new ones.',
};

/** Asked for in nodes that get webhooks. */
export const pushOptions: readonly Field[] = [
	{
		displayName: 'Replace Another Callback',
		name: 'replacesCallback',
		type: 'boolean',
		default: false,
		show: { registration: ['automatic'] },
		description:
			'Whether publishing may replace the account’s existing callback. What received events through it before stops getting them.',
	},
];

/** Asked for in nodes that poll. */
export const pullOptions: readonly Field[] = [
	{
		displayName: 'Add Custom Fields and Tags',
		name: 'addDetails',
		type: 'boolean',
		default: false,
		description:
			'Whether to add the custom fields and tags of contacts that polling finds, subscribed or changed. Costs one API request per contact. Webhooks do not have them.',
	},
	{
		displayName: 'Custom Fields',
		name: 'customFields',
		type: 'pickers',
		itemName: 'Custom Field',
		choicesFrom: 'customFields',
		default: {},
		placeholder: 'Add Custom Field',
		description: 'The custom fields that Add Custom Fields and Tags adds. Leave it empty for all.',
	},
	{
		displayName: 'Newsletters',
		name: 'newsletters',
		type: 'pickers',
		itemName: 'Newsletter',
		choicesFrom: 'newsletters',
		default: {},
		placeholder: 'Add Newsletter',
		description:
			'Only the statistics of these newsletters. Costs one API request per newsletter every hour. Leave it empty for all of the last 28 days.',
	},
	{
		displayName: 'Contacts to Follow',
		name: 'followContacts',
		type: 'string',
		default: '',
		placeholder: 'e.g. pVZKi, tyM2f',
		description:
			'IDs of the contacts whose opens and clicks you want, separated by commas, at most 500. Costs one API request per contact every half hour.',
	},
	{
		displayName: 'Follow the Newest Contacts of the Lists',
		name: 'followLists',
		type: 'boolean',
		default: false,
		description:
			'Whether to look for opens and clicks of the 500 newest contacts of the chosen lists. Costs one API request per contact every half hour.',
	},
	{
		displayName: 'Shops',
		name: 'shops',
		type: 'pickers',
		itemName: 'Shop',
		choicesFrom: 'shops',
		default: {},
		placeholder: 'Add Shop',
		description: 'Only orders and carts of these shops. Leave it empty for all shops.',
	},
];
