import { DAY, HOUR, MINUTE } from '../../../lib';
import { nextPause } from '../../../lib/base/backoff';

/** What a claim needs to know of an earlier pass. */
interface Pass {
	execution: string;
	runs: Map<string, number>;
	token: string;
	leaseUntil: number;
	settled: boolean;
}

/** One event or item, as somebody with a notebook would keep it. */
interface Entry {
	foreign: boolean;
	aliases: Set<string>;
	/** Waiting for a hand-over from this time on; nothing where it does not wait. */
	dueAt: number | undefined;
	handOvers: number;
	pass: Pass | undefined;
	attempts: number;
	chances: number | undefined;
	pauseMs: number;
	dead: boolean;
	forgotten: boolean;
	erased: boolean;
	/** When its payload, and its key, may go. */
	eraseAt: number;
	dropAt: number;
}

function newEntry(alias: string): Entry {
	return {
		foreign: false,
		aliases: new Set([alias]),
		dueAt: undefined,
		handOvers: 0,
		pass: undefined,
		attempts: 0,
		chances: undefined,
		pauseMs: 0,
		dead: false,
		forgotten: false,
		erased: false,
		eraseAt: Infinity,
		dropAt: Infinity,
	};
}

const LEASE = HOUR;
export const MAX_ATTEMPTS = 3;

/**
 * The ledger's promises for one stream, kept in a notebook: small enough to be seen right, and written without looking at
 * the ledger's own code but for the pause, which is drawn from a pass's token.
 */
export class Model {
	readonly entries = new Map<string, Entry>();

	private find(key: string): Entry | undefined {
		return [...this.entries.values()].find(({ aliases }) => aliases.has(key));
	}

	/** @param event what the two paths have in common; `key` is what this path calls it */
	record(event: string, key: string, path: 'webhook' | 'poll', now: number): string {
		const known = this.entries.get(event);
		if (!known) {
			this.entries.set(event, {
				...newEntry(key),
				dueAt: path === 'webhook' ? now + 5 * MINUTE : now,
				handOvers: path === 'webhook' ? 1 : 0,
			});
			return 'new';
		}
		known.aliases.add(key);
		if (path === 'webhook' && this.isDue(known, now)) {
			this.expire(known, now);
			this.handOut(known, now);
			return 'due';
		}
		return 'duplicate';
	}

	/** What the claim must come to, and for `new` the attempt that it is. */
	expectClaim(
		key: string,
		execution: string,
		node: string,
		run: number,
		now: number,
	): { outcome: string; attempt?: number } {
		const entry = this.find(key);
		const pass = entry?.pass;
		if (!entry || !pass)
			return { outcome: entry?.forgotten ? 'duplicate' : 'new', attempt: (entry?.attempts ?? 0) + 1 };
		if (entry.foreign && pass.settled && entry.dropAt <= now) return { outcome: 'new', attempt: 1 };
		if (entry.forgotten && pass.execution === '') return { outcome: 'duplicate' };
		if (pass.execution === execution) {
			const earlier = pass.runs.get(node);
			if (earlier !== undefined && earlier !== run) return { outcome: 'duplicate' };
			return { outcome: 'new', attempt: entry.attempts };
		}
		if (pass.settled || now < pass.leaseUntil) return { outcome: 'duplicate' };
		return { outcome: 'new', attempt: entry.attempts + 1 };
	}

	/** Notes a claim that passed. */
	passed(
		key: string,
		execution: string,
		node: string,
		run: number,
		token: string,
		settles: boolean,
		now: number,
	): void {
		let entry = this.find(key);
		if (!entry) {
			entry = { ...newEntry(key), foreign: true, erased: true };
			this.entries.set(key, entry);
		}
		if (entry.foreign && entry.pass?.settled && entry.dropAt <= now) {
			entry.pass = undefined;
			entry.attempts = 0;
		}
		if (entry.pass?.execution === execution) {
			entry.pass.runs.set(node, run);
			return;
		}
		entry.chances = (entry.dead ? MAX_ATTEMPTS : (entry.chances ?? MAX_ATTEMPTS)) - 1;
		entry.dead = false;
		entry.attempts += 1;
		entry.dueAt = undefined;
		entry.pass = { execution, runs: new Map([[node, run]]), token, leaseUntil: now + LEASE, settled: settles };
		entry.dropAt = now + 30 * DAY;
		if (settles) entry.eraseAt = now + 7 * DAY;
		else entry.eraseAt = Infinity;
	}

	private claimsOf(execution: string): Entry[] {
		return [...this.entries.values()].filter(
			({ pass, forgotten }) => pass?.execution === execution && !pass.settled && !forgotten,
		);
	}

	confirm(execution: string, now: number): number {
		const claims = this.claimsOf(execution);
		for (const entry of claims) {
			if (entry.pass) entry.pass.settled = true;
			entry.eraseAt = now + 7 * DAY;
		}
		return claims.length;
	}

	fail(execution: string, now: number): number {
		const claims = this.claimsOf(execution);
		for (const entry of claims) this.giveBack(entry, now, now);
		return claims.length;
	}

	extend(execution: string, ms: number, now: number): number {
		const claims = this.claimsOf(execution);
		for (const { pass } of claims) if (pass) pass.leaseUntil = Math.max(pass.leaseUntil, now + ms);
		return claims.length;
	}

	/** Ids of what must be handed over now. */
	handOver(now: number): { aliases: Set<string>; attempt: number }[] {
		const handed = [];
		for (const entry of this.entries.values()) {
			if (entry.foreign) continue;
			const due = this.isDue(entry, now);
			this.expire(entry, now);
			if (!due) continue;
			this.handOut(entry, now);
			handed.push({ aliases: entry.aliases, attempt: entry.attempts + 1 });
		}
		return handed;
	}

	acknowledge(key: string, now: number): void {
		const entry = this.find(key);
		if (!entry || entry.foreign || entry.pass || entry.dead || entry.handOvers === 0 || entry.dueAt === undefined)
			return;
		if (!this.isHanded(entry)) return;
		entry.dueAt = undefined;
		entry.dropAt = now + 30 * DAY;
		entry.eraseAt = now + 7 * DAY;
	}

	replay(key: string, now: number): number {
		const entry = this.find(key);
		if (!entry || entry.foreign || entry.erased || entry.forgotten) return 0;
		if (entry.pass && !entry.pass.settled && now < entry.pass.leaseUntil) return 0;
		this.handed.delete(entry);
		Object.assign(entry, {
			dueAt: now,
			handOvers: 0,
			pass: undefined,
			chances: undefined,
			pauseMs: 0,
			dead: false,
			eraseAt: Infinity,
			dropAt: Infinity,
		});
		return 1;
	}

	forget(key: string, now: number): number {
		const entry = this.find(key);
		if (!entry || entry.forgotten) return 0;
		entry.forgotten = true;
		entry.erased = true;
		entry.dueAt = undefined;
		entry.dead = false;
		if (entry.dropAt === Infinity) entry.dropAt = now + 30 * DAY;
		if (entry.pass) entry.pass.settled = true;
		else entry.pass = { execution: '', runs: new Map(), token: '', leaseUntil: 0, settled: true };
		return 1;
	}

	prune(now: number): void {
		for (const [name, entry] of this.entries) {
			const unfinished = entry.dueAt !== undefined || (entry.pass && !entry.pass.settled && !entry.foreign);
			if (unfinished) continue;
			const lease = entry.foreign && entry.pass && !entry.pass.settled ? entry.pass.leaseUntil : 0;
			if (Math.max(entry.dropAt, lease) <= now) this.entries.delete(name);
			else if (entry.eraseAt <= now) entry.erased = true;
		}
	}

	private readonly handed = new WeakSet<Entry>();

	private isHanded(entry: Entry): boolean {
		return (
			this.handed.has(entry) ||
			(entry.handOvers === 1 && entry.dueAt !== undefined && !entry.pass && entry.attempts === 0)
		);
	}

	private isOverrun({ pass, foreign }: Entry, now: number): boolean {
		return pass !== undefined && !foreign && !pass.settled && pass.leaseUntil <= now;
	}

	private isDue(entry: Entry, now: number): boolean {
		if (entry.dead || entry.forgotten) return false;
		if (this.isOverrun(entry, now) && entry.pass) {
			if ((entry.chances ?? 0) <= 0) return false;
			return entry.pass.leaseUntil + nextPause(entry.pauseMs, entry.pass.token) <= now;
		}
		return entry.dueAt !== undefined && entry.dueAt <= now;
	}

	private expire(entry: Entry, now: number): void {
		if (this.isOverrun(entry, now) && entry.pass) this.giveBack(entry, entry.pass.leaseUntil, now);
	}

	private giveBack(entry: Entry, from: number, now: number): void {
		const { pass } = entry;
		entry.pass = undefined;
		this.handed.delete(entry);
		if (!pass || entry.foreign) return;
		if ((entry.chances ?? 0) <= 0) {
			entry.dead = true;
			entry.eraseAt = Infinity;
			entry.dropAt = now + 90 * DAY;
			return;
		}
		entry.pauseMs = nextPause(entry.pauseMs, pass.token);
		entry.dueAt = from + entry.pauseMs;
		entry.eraseAt = Infinity;
		entry.dropAt = Infinity;
	}

	private handOut(entry: Entry, now: number): void {
		entry.dueAt = now + Math.min(5 * MINUTE * 2 ** entry.handOvers, 6 * HOUR);
		entry.handOvers += 1;
		this.handed.add(entry);
	}
}
