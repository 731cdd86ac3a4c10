import { createHmac, hash } from 'node:crypto';
import { hashOf, isSame } from '../../base/hash';

/** Longer keys do not fit into an index entry of every database. */
const MAX_KEY_LENGTH = 500;

/**
 * A key as it can be stored and found again. A text that databases change or refuse (lone surrogates, NUL, great length)
 * is replaced by its hash, so that two different ones stay different.
 */
export function storableKey(key: string): string {
	const plain = key.isWellFormed() && !key.includes('\0') && key.length <= MAX_KEY_LENGTH;
	return plain ? key : `sha256:${hashOf(key)}`;
}

/** Text that is only ever shown, without what databases refuse. */
export function storableText(text: string): string {
	return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

/** A forgotten key: it can be recognised when it comes again, and not be read. */
export function hiddenKey(secret: string, stream: string, key: string): string {
	return `hmac:${createHmac('sha256', secret)
		.update(JSON.stringify([stream, key]))
		.digest('base64url')}`;
}

/**
 * Shows that an event came from the ledger that has the secret. A hash with the secret in front, which SHA-3 is made for
 * (unlike SHA-2, what is known of it cannot be extended), and which costs a third of an HMAC: every event gets one.
 *
 * @see https://keccak.team/keccak_strengths.html
 */
export function proofOf(secret: string, stream: string, key: string): string {
	return hash('sha3-256', secret + JSON.stringify([stream, key]), 'base64url');
}

/** Shows that a pass with this token was granted in a stream. */
export function claimProofOf(secret: string, stream: string, token: string): string {
	return `${Buffer.from(stream).toString('base64url')}.${proofOf(secret, stream, `claim ${token}`)}`;
}

/** The stream that a proof of `claimProofOf` speaks of; nothing where it does not hold. */
export function streamOfClaim(secret: string, token: string, proof: string): string | undefined {
	const stream = Buffer.from(proof.split('.')[0] ?? '', 'base64url').toString();
	return isSame(proof, claimProofOf(secret, stream, token)) ? stream : undefined;
}
