import { z } from 'zod/v4';
import { hashOf } from '../../base/hash';
import { DAY } from '../../base/time';
import type { ProviderEvent } from '../../event/event';
import { composeKey } from '../../event/key';
import { type Position, parsePosition, timeOfPosition } from '../../event/position';
import { qualifiedType } from '../provider';

/** A time of the shop in GMT, which it writes without a zone. */
const gmt = z
	.string()
	.nullish()
	.transform((text) => (text == null ? undefined : parsePosition(text, 'utc')));

/** What is needed of an order, a product, a coupon or a customer; the whole of it passes on. */
const shopObject = z.object({
	id: z.int().positive(),
	date_created_gmt: gmt,
	date_modified_gmt: gmt,
});

export interface ShopObject {
	readonly id: number;
	readonly created: Position | undefined;
	readonly modified: Position | undefined;
}

/** @returns nothing where it has no id */
export function readObject(data: unknown): ShopObject | undefined {
	const parsed = shopObject.safeParse(data);
	if (!parsed.success) return undefined;
	const { id, date_created_gmt: created, date_modified_gmt: modified } = parsed.data;
	return { id, created, modified: modified ?? created };
}

/** Who says something of an object. */
export interface Teller {
	readonly path: 'push' | 'poll';
	/** Without a slash at its end. */
	readonly siteUrl: string;
	/** Identifies the credential. */
	readonly sender: string;
}

const statusOf = (data: unknown) => (Object(data) as { status?: unknown }).status ?? null;

/**
 * Gives an event its identity: one place for both paths, so that they agree. An object is created once, and changed once at a
 * time; a deletion says nothing but which object is gone.
 *
 * @param object of the topic, e.g. `order`
 * @param action of the topic, e.g. `created`
 * @param otherwise the time in milliseconds where the object says none
 */
export function eventOf(
	{ path, siteUrl, sender }: Teller,
	object: string,
	action: string,
	{ id, created, modified }: ShopObject,
	data: unknown,
	otherwise: number,
): ProviderEvent {
	const topic = `${object}.${action}`;
	const position = action === 'created' ? created : modified;
	const parts = [topic, id, ...(action === 'created' || position === undefined ? [] : [String(position)])];
	const { host, pathname } = new URL(siteUrl);
	const site = `${host}${pathname.replace(/\/$/, '')}`;
	return {
		// What proves a webhook is the credential; what was polled is that of the shop, with whatever key.
		key: composeKey(path, 'woocommerce', path === 'push' ? sender : site, ...parts),
		...(position !== undefined && { match: { key: composeKey('woocommerce', sender, ...parts), toleranceMs: DAY } }),
		// Times are whole seconds: another state in the same one is at least known to be another.
		hash: hashOf(action === 'created' ? parts : [parts, statusOf(data)]),
		source: `/woocommerce/${site}`,
		type: qualifiedType('woocommerce', topic),
		subject: `${object}/${id}`,
		time: position === undefined ? otherwise : timeOfPosition(position),
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/woocommerce/${object}/3/1`,
		data,
	};
}
