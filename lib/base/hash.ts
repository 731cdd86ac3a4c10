import { hash, timingSafeEqual } from 'node:crypto';

/** SHA-256 over the JSON text of a value, in hex. */
export function hashOf(value: unknown): string {
	return hash('sha256', JSON.stringify(value), 'hex');
}

/** Compares without telling by its time where two texts differ. */
export function isSame(one: string, other: string): boolean {
	const [left, right] = [Buffer.from(one), Buffer.from(other)];
	return left.length === right.length && timingSafeEqual(left, right);
}
