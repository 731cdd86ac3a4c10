/** The switches of a shop: what sites and versions do differently. All can be changed while the shop runs. */
export interface Settings {
	/** What the API key may do. Default: `read_write`. */
	rights: 'read' | 'read_write';
	/** Status of the refusal when a read-only key writes. Default: 401, as in the source. */
	readOnlyStatus: 401 | 403;
	/** Error code for a known key with the wrong secret; the source has the second. Default: the first. */
	wrongSecretCode: 'woocommerce_rest_cannot_view' | 'woocommerce_rest_authentication_error';
	/** Whether the user of the key is a shop manager; others get 403 for webhooks. Default: true. */
	managesShop: boolean;
	/** Status for reading or changing a webhook that does not exist; the source has 400. Default: 404. */
	unknownWebhookStatus: 404 | 400;
	/** The time zone of the site, in minutes east of Greenwich. Default: 0. */
	siteOffsetMinutes: number;
	/** Whether `orderby=modified` is accepted, else 400. Default: true. */
	sortsByModified: boolean;
	/** The failure in a row that disables a webhook. Default: 7. */
	disablesAt: number;
	/** Whether the topic `product.published` exists. Default: true. */
	knowsPublished: boolean;
	/** Whether private addresses and unusual ports are called, which WordPress refuses. Default: true. */
	callsAnyAddress: boolean;
	/** Whether a job runs although its webhook was paused or disabled after the change. Default: true. */
	sendsWhenInactive: boolean;
	/** Whether the object cannot be read when it is sent, e.g. as the webhook's user has no rights. Default: false. */
	readFails: boolean;
	/** Milliseconds that a delivery waits for an answer. Default: 60,000. */
	timeoutMs: number;
	/** Milliseconds that a ping waits for an answer. Default: 5,000. */
	pingTimeoutMs: number;
	/** Requests a second that the host allows. Default: no limit. */
	requestsPerSecond: number;
	/** Milliseconds added to each answer. Default: 0. */
	latencyMs: number;
	/** Holds answers about orders, products, coupons and customers back until it is resolved. */
	gate: Promise<void>;
}

export const DEFAULTS: Readonly<Settings> = {
	rights: 'read_write',
	readOnlyStatus: 401,
	wrongSecretCode: 'woocommerce_rest_cannot_view',
	managesShop: true,
	unknownWebhookStatus: 404,
	siteOffsetMinutes: 0,
	sortsByModified: true,
	disablesAt: 7,
	knowsPublished: true,
	callsAnyAddress: true,
	sendsWhenInactive: true,
	readFails: false,
	timeoutMs: 60_000,
	pingTimeoutMs: 5_000,
	requestsPerSecond: Infinity,
	latencyMs: 0,
	gate: Promise.resolve(),
};
