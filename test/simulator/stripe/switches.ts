/** The behaviour that Stripe does not publish, or that a reader could not verify: set either way, at any time. */
export interface Switches {
	/** Status for a cursor that is unknown or expired. Unverified. Default 400. */
	missing: 400 | 404;
	/** Most endpoints of the account; undefined for no limit. Unverified. Default 16. */
	limitOfEndpoints: number | undefined;
	/** Milliseconds of failures after which an endpoint is disabled; undefined for never. Unverified. Default never. */
	disablesAfterMs: number | undefined;
	/** The `Stripe-Should-Retry` header of answers 409, 429 and 5xx; undefined for none. Default undefined. */
	shouldRetryHeader: boolean | undefined;
	/** Whether an endpoint may have an http URL, as tests on one machine need. Default true. */
	allowsHttp: boolean;
	/** Event types that `*` leaves out: an endpoint has to name them. Stripe does not list them. Default none. */
	explicitTypes: readonly string[];
	/**
	 * Whether events of connected accounts are kept apart, as Stripe documents: pushed only to endpoints created with
	 * `connect=true`, and listed only with the header `Stripe-Account`. Default false: every endpoint, one list.
	 */
	separatesAccounts: boolean;
}

export const DEFAULT_SWITCHES: Switches = {
	missing: 400,
	limitOfEndpoints: 16,
	disablesAfterMs: undefined,
	shouldRetryHeader: undefined,
	allowsHttp: true,
	explicitTypes: [],
	separatesAccounts: false,
};
