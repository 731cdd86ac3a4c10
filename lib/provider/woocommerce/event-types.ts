import type { EventType } from '../provider';

/** The kinds of objects of a shop, by the names that topics of webhooks and the API give them. */
export const OBJECTS = {
	coupon: { displayName: 'Coupon', resource: 'coupons' },
	customer: { displayName: 'Customer', resource: 'customers' },
	order: { displayName: 'Order', resource: 'orders' },
	product: { displayName: 'Product', resource: 'products' },
} as const;
export type ObjectName = keyof typeof OBJECTS;

/**
 * The topics that a webhook can have. What is gone cannot be found by polling, and what comes back is found as changed.
 * Customers cannot be asked for by when they changed, so only new ones are found.
 */
function typesOf(object: ObjectName): [name: string, type: EventType][] {
	const { displayName, resource } = OBJECTS[object];
	const pushed = (what: string): EventType => ({ displayName: `${displayName} ${what}`, push: true, backstop: 'none' });
	const found = (what: string): EventType => ({ ...pushed(what), resource, backstop: 'object-and-time' });
	return [
		[`${object}.created`, found('Created')],
		[`${object}.deleted`, pushed('Deleted')],
		...(object === 'customer' ? [] : [[`${object}.restored`, pushed('Restored')] satisfies [string, EventType]]),
		[`${object}.updated`, object === 'customer' ? pushed('Updated') : found('Updated')],
	];
}

export const eventTypes: Readonly<Record<string, EventType>> = Object.fromEntries([
	...typesOf('coupon'),
	...typesOf('customer'),
	...typesOf('order'),
	...typesOf('product'),
]);
