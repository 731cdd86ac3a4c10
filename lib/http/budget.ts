import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { HybridSyncError } from '../base/errors';

/** How much an API may be asked, by all nodes of this process that use the same account. */
export interface RateLimits {
	readonly perSecond?: number;
	/** At most `requests` in any period of `perMs` milliseconds. */
	readonly quota?: { readonly requests: number; readonly perMs: number };
	/** Requests under way at the same time. */
	readonly parallel?: number;
}

/** How one caller uses the budget of an account. */
export interface BudgetUse {
	readonly limits: RateLimits;
	/** This caller stops once all callers of the account together have used this part of the limits, from 0 to 1. Default 1. */
	readonly share?: number;
	/** Identifies the caller. A wait that the provider told this caller applies to the others; the caller keeps its own. */
	readonly caller?: object;
	/** Ends the wait for room. */
	readonly signal?: AbortSignal | undefined;
	/** Default the process's own clocks. */
	readonly timing?: Timing;
}

/** The clocks, in milliseconds, and the way to wait. */
export interface Timing {
	/** Monotonic: nothing sets it. It stands still while the machine sleeps. */
	now(): number;
	/** Wall clock. A provider's wait goes by it, so that it ends while the machine sleeps, too. */
	timeOfDay(): number;
	sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const REAL_TIMING: Timing = {
	now: () => performance.now(),
	timeOfDay: () => Date.now(),
	sleep: async (ms, signal) => {
		await sleep(ms, undefined, { signal });
	},
};

const SECOND = 1_000;
/** How long a request waits for room before its tick is ended; a tick has at most 45 seconds. */
const PATIENCE_MS = 10_000;
/** Accounts that a process works with at the same time, with room to spare. */
const MAX_ACCOUNTS = 10_000;

/** By the name of the credential, and by that of the account once it is known; both lead to one budget. */
const budgets = new LRUCache<string, AccountBudget>({ max: MAX_ACCOUNTS });

/**
 * Makes a request within the limits of an account, waiting for room where it comes soon.
 *
 * A request counts from the moment it is sent until a second, or a period, after its answer was read or given up: at some
 * moment in between the provider has counted it. So the provider never sees more than its limit in any period, wherever it
 * begins, however slow the network or this machine is. Libraries count in fixed periods, across whose borders twice as many
 * can go, or count the moment of sending.
 *
 * @param account name of the account or credential; not a secret
 * @throws HybridSyncError `rate-limited` without a status, with the time until there is room, where the quota is used up,
 *   the provider has told another caller to wait, or others use all of the limit for 10 seconds
 */
export async function withinBudget<T>(account: string, use: BudgetUse, request: () => Promise<T>): Promise<T> {
	const { timing = REAL_TIMING } = use;
	const place = await takePlace(account, use, timing);
	try {
		return await request();
	} finally {
		place.budget.end(place, timing.now());
	}
}

/**
 * Takes note that the provider wants no requests for a while: other callers with this account wait, too.
 *
 * @param caller who was told, and keeps the wait itself, over restarts
 */
export function holdBack(account: string, ms: number, caller: object, timing: Timing = REAL_TIMING): void {
	const from = timing.timeOfDay();
	budgetOf(account).holdBack({ from, until: from + ms, caller });
}

/** Requests of this account that are under way and have not been answered. */
export function requestsUnderWay(account: string): number {
	return budgetOf(account).underWay.size;
}

/** Lets a credential share the budget of the account that it turned out to belong to. */
export function joinAccount(credential: string, account: string): void {
	const own = budgetOf(credential);
	const shared = budgets.get(account) ?? own;
	if (shared !== own) shared.absorb(own);
	budgets.set(account, shared);
	budgets.set(credential, shared);
}

function budgetOf(account: string): AccountBudget {
	let budget = budgets.get(account);
	if (!budget) budgets.set(account, (budget = new AccountBudget()));
	return budget;
}

async function takePlace(account: string, use: BudgetUse, timing: Timing): Promise<PendingRequest> {
	const deadline = timing.now() + PATIENCE_MS;
	const ticket: Ticket = {};
	try {
		for (;;) {
			use.signal?.throwIfAborted();
			const budget = budgetOf(account);
			const now = timing.now();
			const hold = budget.holdFor(use, timing.timeOfDay());
			const obstacle = hold ?? budget.queueBefore(ticket) ?? budget.obstacleTo(use, now);
			// Taken at once: after an await another caller may have come first.
			if (!obstacle) return budget.begin();
			const patience = deadline - now;
			const isTooLong = (obstacle.waitMs ?? 0) > patience || patience <= 0;
			if (isTooLong || obstacle.endsTick) {
				const retryAfterMs = Math.ceil(obstacle.waitMs ?? SECOND);
				const again = `Try again in ${Math.ceil(retryAfterMs / SECOND)} seconds.`;
				throw new HybridSyncError('rate-limited', `${obstacle.message} ${again}`, { retryAfterMs });
			}
			// Who is held back by the provider takes no turn from those who are not.
			if (!hold) budget.queue(ticket);
			await budget.change(Math.ceil(obstacle.waitMs ?? patience), use.signal, timing);
		}
	} finally {
		ticket.budget?.unqueue(ticket);
	}
}

/** A caller that waits for its turn. */
interface Ticket {
	budget?: AccountBudget;
}

/** A request under way. */
interface PendingRequest {
	/** Changes when two credentials turn out to have one account. */
	budget: AccountBudget;
}

/** A provider's wish to be left in peace; times of day in milliseconds. */
interface Wait {
	readonly from: number;
	readonly until: number;
	/** Who was told. */
	readonly caller: object;
}

/** What keeps a request from being made now. */
interface Obstacle {
	/** Milliseconds until it is gone; absent where it goes when another request ends. */
	readonly waitMs?: number;
	readonly message: string;
	/** Not to be waited for: it may last for minutes. */
	readonly endsTick?: true;
}

class AccountBudget {
	readonly underWay = new Set<PendingRequest>();
	/** When each earlier request ended, oldest first. */
	private ended: number[] = [];
	private keptMs = SECOND;
	private wait: Wait | undefined;
	/** Who waits, in the order in which they came. */
	private readonly tickets = new Set<Ticket>();
	private readonly waiting = new Set<() => void>();

	/** Takes a place in the queue: whoever asks again and again must not keep the others out. */
	queue(ticket: Ticket): void {
		if (ticket.budget !== this) ticket.budget?.unqueue(ticket);
		ticket.budget = this;
		this.tickets.add(ticket);
	}

	unqueue(ticket: Ticket): void {
		this.tickets.delete(ticket);
		this.wake();
	}

	/** Others that have waited longer. */
	queueBefore(ticket: Ticket): Obstacle | undefined {
		const [first] = this.tickets;
		if (first === undefined || first === ticket) return undefined;
		return { message: 'Other requests with this account have waited longer.' };
	}

	/** What the provider has told another caller. */
	holdFor({ caller }: BudgetUse, timeOfDay: number): Obstacle | undefined {
		if (!this.wait || this.wait.caller === caller) return undefined;
		const { from, until } = this.wait;
		// Before its beginning: the clock has been set back, and nobody knows how far.
		if (timeOfDay < from || timeOfDay >= until) return undefined;
		const message = 'The service has asked for a pause.';
		return { waitMs: until - timeOfDay, message };
	}

	/** The first of the limits that leaves no room now. */
	obstacleTo({ limits: { parallel, perSecond, quota }, share = 1 }: BudgetUse, now: number): Obstacle | undefined {
		this.forget(now, quota?.perMs);
		const allowed = (limit: number) => Math.max(1, Math.floor(limit * share));
		if (parallel !== undefined && this.underWay.size >= allowed(parallel)) {
			return { message: 'All requests that this account may make at the same time are under way.' };
		}
		const quotaWait = quota && this.waitFor(allowed(quota.requests), quota.perMs, now);
		if (quota && quotaWait) {
			const message = `The ${allowed(quota.requests)} requests in ${Math.round(quota.perMs / SECOND)} seconds that this n8n may make with this account are used up. If the API allows more, raise "Share of the Rate Limit" or "Max Requests per Minute" in the options.`;
			return { ...quotaWait, message, ...(quotaWait.waitMs !== undefined && { endsTick: true }) };
		}
		const secondWait = perSecond === undefined ? undefined : this.waitFor(allowed(perSecond), SECOND, now);
		return secondWait && { ...secondWait, message: 'The requests of this second are used up.' };
	}

	begin(): PendingRequest {
		const pending: PendingRequest = { budget: this };
		this.underWay.add(pending);
		return pending;
	}

	end(place: PendingRequest, now: number): void {
		this.underWay.delete(place);
		this.ended.push(now);
		this.wake();
	}

	holdBack(wait: Wait): void {
		if (!this.wait || wait.until > this.wait.until || wait.from < this.wait.from) this.wait = wait;
	}

	/** Takes over what another budget has counted. */
	absorb(other: AccountBudget): void {
		for (const place of other.underWay) {
			place.budget = this;
			this.underWay.add(place);
		}
		this.ended = [...this.ended, ...other.ended].sort((a, b) => a - b);
		this.keptMs = Math.max(this.keptMs, other.keptMs);
		if (other.wait) this.holdBack(other.wait);
		other.wake();
	}

	/** Waits until a request ends, at most so long. */
	async change(ms: number, signal: AbortSignal | undefined, timing: Timing): Promise<void> {
		const changed = new AbortController();
		let wake = () => {};
		const woken = new Promise<void>((resolve) => (wake = resolve));
		this.waiting.add(wake);
		try {
			const within = signal ? AbortSignal.any([signal, changed.signal]) : changed.signal;
			await Promise.race([woken, timing.sleep(ms, within)]);
		} finally {
			this.waiting.delete(wake);
			changed.abort();
		}
	}

	private wake(): void {
		for (const wake of this.waiting) wake();
	}

	private forget(now: number, periodMs = SECOND): void {
		this.keptMs = Math.max(this.keptMs, periodMs);
		const kept = this.ended.findIndex((time) => time > now - this.keptMs);
		this.ended.splice(0, kept < 0 ? this.ended.length : kept);
	}

	/** How long until one more request fits into a period; nothing where it fits now. */
	private waitFor(limit: number, periodMs: number, now: number): Pick<Obstacle, 'waitMs'> | undefined {
		const free = limit - this.underWay.size;
		if (free <= 0) return {};
		const oldest = this.ended.at(-free);
		const waitMs = oldest === undefined ? 0 : oldest + periodMs - now;
		return waitMs > 0 ? { waitMs } : undefined;
	}
}
