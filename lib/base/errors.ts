/** What went wrong, in a word that programs may switch on. */
export type HybridSyncErrorCode =
	| 'configuration'
	| 'credential-invalid'
	| 'rate-limited'
	| 'unavailable'
	| 'bad-response'
	| 'ledger-unavailable'
	| 'ledger-lost'
	| 'ledger-too-new'
	| 'lease-lost';

/**
 * The one error class of the engine. `message` is a sentence for the person who built the workflow and says what to do;
 * `cause` keeps what happened underneath.
 */
export class HybridSyncError extends Error {
	override readonly name = 'HybridSyncError';

	constructor(
		readonly code: HybridSyncErrorCode,
		message: string,
		readonly details: {
			cause?: unknown;
			/** HTTP status of the provider's answer. */
			status?: number;
			/** How long the provider asked us to wait, in milliseconds. */
			retryAfterMs?: number;
		} = {},
	) {
		super(message, { cause: details.cause });
	}
}
