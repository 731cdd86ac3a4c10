import { StatementSync } from 'node:sqlite';
import { Client } from 'pg';

/** What a process that died would have thrown, had it been able to. */
class Death extends Error {
	override readonly name = 'Death';
}

export function isDeath(error: unknown): boolean {
	return error instanceof Death || (error instanceof Error && error.cause !== undefined && isDeath(error.cause));
}

let countdown = Infinity;
let after = false;
let dead = false;
const clients = new Set<Client>();

/**
 * Lets this process die, as far as databases can tell, right before or right after its n-th statement from now: nothing
 * that comes later reaches them, not even a rollback.
 */
export function dieAt(statement: number, when: 'before' | 'after'): void {
	countdown = statement;
	after = when === 'after';
	dead = false;
}

/** Comes back to life, with every connection of the dead one cut. */
export function revive(): void {
	countdown = Infinity;
	dead = false;
	for (const client of clients)
		(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
	clients.clear();
}

function reach(run: () => unknown): unknown {
	if (dead) throw new Death();
	if (--countdown > 0) return run();
	dead = true;
	if (!after) throw new Death();
	const result = run();
	const late = () => {
		throw new Death();
	};
	return result instanceof Promise || typeof (result as Promise<unknown>).then === 'function'
		? (result as Promise<unknown>).then(late)
		: late();
}

for (const method of ['all', 'run', 'iterate'] as const) {
	// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its statement below
	const original = StatementSync.prototype[method] as (...values: unknown[]) => unknown;
	StatementSync.prototype[method] = function (this: StatementSync, ...values: unknown[]) {
		return reach(() => original.apply(this, values));
	} as never;
}
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its client below
const query = Client.prototype.query as (...values: unknown[]) => unknown;
Client.prototype.query = function (this: Client, ...values: unknown[]) {
	clients.add(this);
	if (values.some((value) => typeof value === 'function')) return query.apply(this, values);
	// As a client tells of what went wrong.
	return new Promise((resolve) => {
		resolve(reach(() => query.apply(this, values)));
	});
} as never;
