import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** Secrets of webhooks that are registered by API: made of the credential, or kept encrypted by it. */

/**
 * A secret of our own making: whoever has the credential makes the same one again, so nothing has to be kept.
 *
 * @param root what only the owner of the credential knows
 * @param mark of the webhook, so that each has its own
 * @param name of the secret, where there are several
 * @returns 64 hexadecimal digits
 */
export function derivedSecret(root: string, mark: string, name: string): string {
	return createHmac('sha256', root).update(`webhook secret ${mark} ${name}`).digest('hex');
}

/** Bytes of what makes each key another one, of the nonce and of the tag. */
const SALT = 16;
const NONCE = 12;
const TAG = 16;

/** @returns base64; without the root nothing but the length can be told */
export function seal(secret: string, root: string): string {
	const salt = randomBytes(SALT);
	const nonce = randomBytes(NONCE);
	const cipher = createCipheriv('aes-256-gcm', keyOf(root, salt), nonce);
	const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
	return Buffer.concat([salt, nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

/** @returns nothing where it was sealed by another credential, or changed since */
export function unseal(text: string, root: string): string | undefined {
	const bytes = Buffer.from(text, 'base64');
	if (bytes.length < SALT + NONCE + TAG) return undefined;
	const [salt, nonce] = [bytes.subarray(0, SALT), bytes.subarray(SALT, SALT + NONCE)];
	const decipher = createDecipheriv('aes-256-gcm', keyOf(root, salt), nonce);
	decipher.setAuthTag(bytes.subarray(SALT + NONCE, SALT + NONCE + TAG));
	try {
		return Buffer.concat([decipher.update(bytes.subarray(SALT + NONCE + TAG)), decipher.final()]).toString('utf8');
	} catch {
		return undefined;
	}
}

/** @see https://www.rfc-editor.org/rfc/rfc5869 */
function keyOf(root: string, salt: Buffer): Buffer {
	return Buffer.from(hkdfSync('sha256', root, salt, 'n8n-nodes-hybrid-sync webhook secret', 32));
}
