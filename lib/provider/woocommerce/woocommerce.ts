import { isOfType } from '../../event/type';
import { ownSecret } from '../access';
import type { Provider, ProviderCredential } from '../provider';
import { shopAccess, transportOf } from './credential';
import { OBJECTS, type ObjectName, eventTypes } from './event-types';
import { learningToSort, listOf } from './lists';
import { openPush } from './push';
import { subscriptions } from './webhooks';

const keys: ProviderCredential = {
	type: 'hybridSyncWooCommerceApi',
	displayName: 'Consumer Key',
	async test(credential, exchange) {
		const transport = transportOf(credential, { exchange });
		await transport.send({ path: '/orders', query: { per_page: '1' } });
		await transport.send({ path: '/webhooks', query: { per_page: '1' } });
		return 'The keys work. To register webhooks they need the permission Read/Write.';
	},
};

const OBJECT_NAMES = Object.keys(OBJECTS) as ObjectName[];

/**
 * WooCommerce: webhooks of a WordPress shop, and its REST API.
 * @see https://woocommerce.github.io/woocommerce-rest-api-docs/
 */
export const wooCommerce = {
	name: 'woocommerce',
	displayName: 'WooCommerce',
	description: 'Orders, customers, products and coupons of a WordPress shop',
	events: eventTypes,
	push: {
		credentials: [keys],
		setup:
			'In WordPress under WooCommerce, Settings, Advanced, Webhooks, add a webhook for each topic: the Production URL (under "Webhook URLs" above) as Delivery URL, and the Secret of your credential.',
		// The shop decodes it as HTML before it is used.
		...ownSecret(
			'webhookSecret',
			'Enter the Secret of the webhook in the credential of the trigger (at least 16 characters, none of & < > and quotation marks), or choose "Register the Webhook: Automatically".',
			/^[^\s&<>"']{16,}$/,
			(secret, url) =>
				`The Webhook Secret is missing, shorter than 16 characters, or has one of & < > and quotation marks in it. Enter this one, made at random, in the credential and publish again, or choose "Register the Webhook: Automatically": ${secret} Enter it in the shop too, with the Delivery URL ${url}`,
		),
		subscriptions,
		open: openPush,
	},
	pull: {
		credentials: [keys],
		resources: Object.fromEntries(OBJECT_NAMES.map((name) => [OBJECTS[name].resource, listOf(name, '', () => true)])),
		findsEvents: true,
		open({ credential, exchange, types = [] }) {
			const { siteUrl } = shopAccess(credential);
			const wants = (topic: string) => types.length === 0 || types.some((type) => isOfType(topic, type));
			return {
				resources: OBJECT_NAMES.map((name) => listOf(name, siteUrl, wants)),
				transport: learningToSort(transportOf(credential, { exchange }), siteUrl),
				account: siteUrl,
			};
		},
	},
} as const satisfies Provider;
