/** The sender proves itself by a secret in the query string of the URL it was given. */
export interface QuerySecretScheme {
	readonly kind: 'query-secret';
	readonly name: string;
	/** Name of the query parameter. */
	readonly parameter: string;
}

/** The sender proves itself by an HMAC over the raw body, sent in one header. */
export interface HmacScheme {
	readonly kind: 'hmac';
	readonly name: string;
	readonly hash: 'sha256';
	/** Header name, in lower case. */
	readonly header: string;
	/** Text in front of the signature inside the header, e.g. `sha256=`. */
	readonly prefix: string;
	readonly encoding: 'hex' | 'base64';
}

export type SignatureScheme = QuerySecretScheme | HmacScheme;

/** The named schemes. A new one is one entry here. */
export const schemes = {
	/** GetResponse signs nothing; its documentation has the receiver append a query parameter of its own. */
	getresponse: { kind: 'query-secret', name: 'getresponse', parameter: 'secret' },
	/** The plainest form in use: hex HMAC-SHA256 of the body. */
	'hmac-sha256': {
		kind: 'hmac',
		name: 'hmac-sha256',
		hash: 'sha256',
		header: 'x-signature',
		prefix: '',
		encoding: 'hex',
	},
} as const satisfies Record<string, SignatureScheme>;
