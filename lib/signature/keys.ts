import { type KeyObject, createPublicKey, createSecretKey } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { decode } from './encodings';
import type { KeyForm } from './scheme';

/** What a secret is verified with. */
export type Key =
	{ readonly kind: 'mac'; readonly secret: KeyObject | string } | { readonly kind: 'public'; readonly key: KeyObject };

/** To make a key of text takes longer than to use it. */
const known = new LRUCache<string, { key: Key | undefined }>({ max: 200 });

/**
 * @param secret as the user entered it
 * @returns nothing where it does not have the form, and no request can be verified with it
 */
export function keyOf(secret: string, form: KeyForm): Key | undefined {
	if (form === 'text') return { kind: 'mac', secret };
	const name = `${form} ${secret}`;
	let entry = known.get(name);
	if (!entry) known.set(name, (entry = { key: made(secret.trim(), form) }));
	return entry.key;
}

function made(secret: string, form: Exclude<KeyForm, 'text'>): Key | undefined {
	switch (form) {
		case 'hex':
			return mac(decode(secret, form));
		case 'base64':
			return mac(fromBase64(secret));
		case 'standard-webhooks':
			if (secret.startsWith('whpk_')) return ed25519(secret.slice('whpk_'.length));
			return mac(fromBase64(secret.replace(/^whsec_/, '')));
		case 'public':
			return publicKey(secret);
		case 'message':
			return publicKey(secret) ?? mac(fromBase64(secret));
	}
}

/** As services show secrets: with or without what fills them up. */
function fromBase64(text: string): Buffer | undefined {
	return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function mac(bytes: Buffer | undefined): Key | undefined {
	// Node.js takes ten times as long with the bytes themselves.
	return bytes && bytes.length > 0 ? { kind: 'mac', secret: createSecretKey(bytes) } : undefined;
}

/** What stands before the 32 bytes of an Ed25519 key in SPKI. */
const ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

function ed25519(text: string): Key | undefined {
	const bytes = decode(text, 'base64');
	return bytes?.length === 32 ? publicKey(Buffer.concat([ED25519, bytes]).toString('base64')) : undefined;
}

/** Kinds of keys that verify what the schemes sign. */
const KINDS = ['ed25519', 'ec', 'rsa', 'rsa-pss'];

function publicKey(text: string): Key | undefined {
	const key = parsedKey(text);
	return key && KINDS.includes(key.asymmetricKeyType ?? '') ? { kind: 'public', key } : undefined;
}

function parsedKey(text: string): KeyObject | undefined {
	try {
		const isPem = text.includes('-----BEGIN');
		// A private key would do for a public one, and has no business here.
		if (isPem && /PRIVATE KEY/.test(text)) return undefined;
		if (isPem) return createPublicKey(text.replaceAll('\\n', '\n'));
		if (text.startsWith('{')) {
			const jwk = JSON.parse(text) as Record<string, string>;
			if ('d' in jwk) return undefined;
			return createPublicKey({ key: jwk, format: 'jwk' });
		}
		const der = decode(text.replace(/\s+/g, ''), 'base64');
		return der && createPublicKey({ key: der, format: 'der', type: 'spki' });
	} catch {
		return undefined;
	}
}

/** A key may be for another hash, and Node.js throws then. */
export function isVerified(verify: () => boolean): boolean {
	try {
		return verify();
	} catch {
		return false;
	}
}
