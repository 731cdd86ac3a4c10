/**
 * How a service proves that a request is its own, as data: where the signature stands and how it is written, which text is
 * signed, and with what. A named scheme is an entry of this type in `schemes`; a user's own is composed of the same fields.
 */
export type SignatureScheme = SignedScheme | SharedSecretScheme | MessageSignatureScheme;

/** A value in a request. */
export type Place =
	/** A header; of several names, in lower case, the first that is there. */
	| { readonly header: readonly string[] }
	/** A parameter of the URL. */
	| { readonly query: string }
	/** A field of the JSON or form body, by names separated by dots; of several, the first that is there. */
	| { readonly field: readonly string[] };

/** How bytes are written as text. Only one spelling counts: digits of hex are in lower case unless they are said to be in upper case. */
export type Encoding = 'hex' | 'hex-upper' | 'base64' | 'base64url' | 'base32';

export type Hash = 'sha1' | 'sha256' | 'sha512';

/**
 * How the secret that a user enters becomes a key: `text`, its UTF-8 bytes; `base64` and `hex`, what they decode to;
 * `standard-webhooks`, base64 after `whsec_`, or the public key of Ed25519 after `whpk_`; `public`, a public key as PEM, JWK or
 * base64 of SPKI; `message`, such a public key or base64.
 */
export type KeyForm = 'text' | 'base64' | 'hex' | 'standard-webhooks' | 'public' | 'message';

/**
 * How the moment of signing is written: Unix time in seconds or milliseconds, ISO 8601, or an HTTP date.
 */
export type TimeUnit = 'seconds' | 'milliseconds' | 'iso' | 'http-date';

/** The sender signs a text made of parts of the request. */
export interface SignedScheme {
	readonly kind: 'signed';
	readonly signature: {
		readonly at: Place;
		/** Text in front of each signature, e.g. `sha256=`. */
		readonly prefix?: string;
		/** Where the value lists several: what separates them, what stands between label and signature, and which label counts. */
		readonly list?: {
			readonly separator: string;
			readonly assign: string;
			readonly label: string;
			/** The label of signatures by a public key, where it is another. */
			readonly publicLabel?: string;
			/** The label of the moment of signing, where it stands in the same list. */
			readonly timestamp?: string;
		};
		readonly encoding: Encoding;
	};
	/** Where the id stands that `{id}` is replaced by. */
	readonly id?: Place;
	readonly timestamp?: {
		/** Absent where it stands in the list of signatures. */
		readonly at?: Place;
		readonly unit: TimeUnit;
		/** How old, or how far in the future, it may be; null where the service names no limit. */
		readonly toleranceSeconds: number | null;
		/** It may be missing, because it is part of what is signed. */
		readonly optional?: true;
	};
	/** The signed text, with placeholders as in `template.ts`; of several forms any may be the one. */
	readonly text: string | readonly string[];
	/** `hmac` and `plain` (the secret is part of the text) need a secret, a public key decides by itself. Default `hmac`. */
	readonly mac?: 'hmac' | 'plain';
	readonly hash: Hash;
	readonly key: KeyForm;
	/** The service is known to write its URL with or without the port, and its query as forms do. */
	readonly looseUrl?: true;
	/** Where the URL holds a hash of the body in hex, and the signed text then. */
	readonly bodyHash?: { readonly query: string; readonly text: string };
	/** Tried where the signature is not there. */
	readonly otherwise?: SignedScheme;
}

/** The sender shows a secret that both sides know; nothing is signed. */
export interface SharedSecretScheme {
	readonly kind: 'shared-secret';
	readonly at: Place;
	/** Text in front of the secret, in any case, e.g. `Bearer `. */
	readonly prefix?: string;
	/** The secret is `user:password`, and is sent as base64. */
	readonly encoding?: 'base64';
}

/**
 * HTTP Message Signatures: the request itself says what is signed.
 * @see https://www.rfc-editor.org/rfc/rfc9421
 */
export interface MessageSignatureScheme {
	readonly kind: 'message-signature';
	/** What has to be among the signed components, e.g. `content-digest`. */
	readonly covers: readonly string[];
	/** How old, or how far in the future, `created` may be; null for no limit. `expires` always counts. */
	readonly toleranceSeconds: number | null;
}
