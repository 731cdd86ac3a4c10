import { z } from 'zod/v4';
import { DAY, MINUTE } from '../../base/time';
import type { ProviderEvent } from '../../event/event';
import { composeKey } from '../../event/key';
import type { Field } from '../field';

/** By what a webhook and a row of the API are known to be the same event: as the user says, in the node that gets the webhooks. */

const text = z.string().trim().catch('');

const settings = z.object({
	sameEventBy: z.enum(['id', 'nothing', 'subjectAndTime']).catch('nothing'),
	idInWebhook: text,
	toleranceMinutes: z.number().min(0).catch(5),
	/** The list that is polled, where the same node polls it. */
	url: text,
	itemsAt: text,
});

export interface Joining {
	/** Where the webhook has what the row has as its ID; empty for its subject. */
	readonly idInWebhook: string;
	readonly toleranceMs: number;
	/** Tells the lists of two nodes apart: their rows may have the same IDs. */
	readonly list: string;
}

/** Longer than any row is old: an ID says enough by itself. */
const EVER = 36_500 * DAY;

/**
 * @param given what the node that gets the webhooks is set to
 * @returns nothing where a webhook and a row are never the same event
 */
export function joiningOf(given: Readonly<Record<string, unknown>>): Joining | undefined {
	const { sameEventBy, idInWebhook, toleranceMinutes, url, itemsAt } = settings.parse(given);
	if (sameEventBy === 'nothing') return undefined;
	const toleranceMs = sameEventBy === 'id' ? EVER : toleranceMinutes * MINUTE;
	return { idInWebhook, toleranceMs, list: url === '' ? '' : composeKey(url, itemsAt) };
}

/** @param sender identifies the credential that the webhooks are proven by */
export function matchOf(
	{ toleranceMs, list }: Joining,
	sender: string,
	id: string | number,
): NonNullable<ProviderEvent['match']> {
	return { key: composeKey('anyService', sender, list, id), toleranceMs };
}

const named = { sameEventBy: ['id', 'subjectAndTime'] };

/** Asked for in nodes that get webhooks. */
export const joiningFields: readonly Field[] = [
	{
		displayName: 'Same Event On Both Paths By',
		name: 'sameEventBy',
		type: 'options',
		noDataExpression: true,
		options: [
			{
				name: 'ID',
				value: 'id',
				description:
					'A webhook is about the row with the same ID, whenever it comes. For lists with a row for each event, and One Event per Row.',
			},
			{
				name: 'Nothing',
				value: 'nothing',
				description: 'They are never matched: what comes both ways passes twice',
			},
			{
				name: 'Subject and Time',
				value: 'subjectAndTime',
				description:
					'A webhook is about the row with the same ID, if the times of both are close. For lists of things that change.',
			},
		],
		default: 'nothing',
		description:
			'How to see that a webhook and a row found by polling are the same event, so that it passes only once. A webhook is matched with at most one row, the nearest in time.',
	},
	{
		displayName: 'ID in the Webhook',
		name: 'idInWebhook',
		type: 'string',
		noDataExpression: true,
		default: '',
		placeholder: 'e.g. data.order.id',
		show: named,
		description:
			'Where the webhook contains the row’s ID. Write data.id for a field, header:X-Name for a header, query:name for a part of the URL. Leave it empty to use the event’s Subject.',
	},
	{
		displayName: 'Tolerance (Minutes)',
		name: 'toleranceMinutes',
		type: 'number',
		noDataExpression: true,
		typeOptions: { minValue: 0, maxValue: 10_080 },
		default: 5,
		show: { sameEventBy: ['subjectAndTime'] },
		description: 'How many minutes the times of the webhook and of the row may differ',
	},
];

/** Asked for in nodes that poll. */
export const idInRow: Field = {
	displayName: 'ID for Joining',
	name: 'joinField',
	type: 'string',
	default: '',
	placeholder: 'e.g. order_id',
	description:
		'The row’s field that webhooks refer to, if it is not the ID. See "Same Event On Both Paths By" in the node that gets the webhooks.',
};
