/** Why a request was refused. */
export type SignatureFailure =
	/** There is no such scheme, or a custom one has a signed text that cannot be understood. */
	| 'unknown-scheme'
	/** No secret is configured. */
	| 'no-secret'
	/** No secret has the form that the scheme asks for. */
	| 'unusable-secret'
	| 'missing-signature'
	/** Not as the scheme writes it, given twice, or too long. */
	| 'malformed-signature'
	| 'missing-timestamp'
	| 'malformed-timestamp'
	| 'timestamp-too-old'
	| 'timestamp-in-future'
	/** Something that is signed is not there, such as the id or the absolute URL. */
	| 'missing-signed-part'
	/** What has to be signed is not among what is signed. */
	| 'not-covered'
	/** The body is not the one whose hash was signed. */
	| 'body-changed'
	| 'mismatch';

export type SignatureResult =
	{ ok: true; secretIndex: number; timestamp?: Date } | { ok: false; reason: SignatureFailure };

export interface VerifyOptions {
	/** Default this machine's clock. */
	readonly now?: Date;
	/** How old, or how far in the future, a signed timestamp may be; null for no limit. Default that of the scheme. */
	readonly toleranceSeconds?: number | null;
}

/** @returns why a moment is not accepted, or nothing */
export function outsideWindow(
	time: number,
	toleranceSeconds: number | null | undefined,
	now?: Date,
): 'timestamp-too-old' | 'timestamp-in-future' | undefined {
	if (toleranceSeconds === null || toleranceSeconds === undefined) return undefined;
	const age = ((now?.getTime() ?? Date.now()) - time) / 1000;
	// What is no number is outside too.
	if (!(age <= toleranceSeconds)) return 'timestamp-too-old';
	return age >= -toleranceSeconds ? undefined : 'timestamp-in-future';
}
