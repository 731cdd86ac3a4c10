import type { EventType } from '../provider';

/**
 * What Paddle has events about, and what happens to it.
 * @see https://github.com/PaddleHQ/paddle-node-sdk `EventName`
 */
const ACTIONS = `address created imported updated, adjustment created updated, api_key_exposure created,
api_key created expired expiring revoked updated, business created imported updated, payment_method deleted saved,
client_token created revoked updated, customer created imported updated, discount created imported updated,
discount_group created updated, payout created paid, price created imported updated, product created imported updated,
report created updated, subscription activated canceled created imported past_due paused resumed trialing updated,
transaction billed canceled completed created paid past_due payment_failed ready revised updated`;

const names = ACTIONS.split(/,\s/).flatMap((line) => {
	const [entity, ...actions] = line.split(' ');
	return actions.map((action) => `${entity}.${action}`);
});

/** By Paddle's own names, which its dashboard shows, too. The log has all of them, with the ids of the webhooks. */
export const eventTypes: Readonly<Record<string, EventType>> = Object.fromEntries(
	names.toSorted().map((name) => [name, { displayName: name, push: true, resource: 'events', backstop: 'exact' }]),
);
