/**
 * The life of an event in the ledger: every state, and every way from one to the next. Pure: what a transition needs
 * (clock, token) comes in, and the next state comes out.
 */

/** Who let an event pass: an execution, and in it each Sync Dedupe node with the run in which it did. */
export interface Holder {
	readonly execution: string;
	/** Node id to run index. */
	readonly runs: Readonly<Record<string, number>>;
}

/** Durable, waiting to be handed to n8n from `dueAt` on. */
export interface Received {
	readonly state: 'received';
	readonly dueAt: number;
}
/** Given to n8n, no sign yet that n8n has it. Due again when the lease is over. */
export interface Handed {
	readonly state: 'handed';
	readonly leaseUntil: number;
}
/** n8n has it; nobody let it pass yet. */
export interface Delivered {
	readonly state: 'delivered';
}
/** An execution let it pass and has not confirmed it. */
export interface Claimed {
	readonly state: 'claimed';
	readonly leaseUntil: number;
	readonly holder: Holder;
	readonly token: string;
}
/** Finished; kept as a key until the dedupe window ends. */
export interface Done {
	readonly state: 'done';
	/** Who let it pass, and may do so again within its own execution. */
	readonly holder: Holder;
	readonly token: string;
}
/** Attempts used up, or unreadable. */
export interface Dead {
	readonly state: 'dead';
	readonly reason: string;
}
export type Stage = Received | Handed | Delivered | Claimed | Done | Dead;

/** A stage, with what is counted over the whole life. */
export interface Life {
	readonly stage: Stage;
	/** How often it was handed to n8n. */
	readonly handOvers: number;
	/** How often it was let pass. Only a claim is an attempt; waiting in n8n's queue never is. */
	readonly attempts: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** First wait for a sign that n8n has an event; it doubles with each hand-over. */
const FIRST_HAND_OVER_LEASE_MS = 5 * MINUTE;
const LONGEST_HAND_OVER_LEASE_MS = 6 * HOUR;
/**
 * Longer than anything ever waits. What is due later than this was dated by a clock that has been set right since, and is
 * due now.
 */
export const LONGEST_WAIT_MS = 40 * 24 * HOUR;
/** How long an execution may take to confirm what it let pass. */
export const DEFAULT_CLAIM_LEASE_MS = HOUR;
/** Passes that may go unconfirmed before an event becomes a dead letter. */
export const MAX_ATTEMPTS = 5;

/** The beginning: waiting, unless its recorder hands it to n8n itself. */
export function begin(now: number, handedOver: boolean): Life {
	const life: Life = { stage: { state: 'received', dueAt: now }, handOvers: 0, attempts: 0 };
	return handedOver ? handOver(life, now) : life;
}

/** The beginning of an event that nobody handed over: an item from elsewhere, first seen when it was claimed. */
export function beginForeign(): Life {
	return { stage: { state: 'delivered' }, handOvers: 0, attempts: 0 };
}

/** Whether the event waits to be handed to n8n, at `now`. */
export function isDue({ stage }: Life, now: number): boolean {
	switch (stage.state) {
		case 'received':
			return isOver(stage.dueAt, now);
		case 'handed':
			return isOver(stage.leaseUntil, now);
		case 'claimed':
		case 'delivered':
		case 'done':
		case 'dead':
			return false;
	}
}

function isOver(time: number, now: number): boolean {
	return time <= now || time > now + LONGEST_WAIT_MS;
}

/** Given to n8n. The lease grows with each try, and nothing dies of waiting: n8n's queue may be hours behind. */
export function handOver(life: Life, now: number): Life {
	const lease = Math.min(FIRST_HAND_OVER_LEASE_MS * 2 ** life.handOvers, LONGEST_HAND_OVER_LEASE_MS);
	return { ...life, stage: { state: 'handed', leaseUntil: now + lease }, handOvers: life.handOvers + 1 };
}

/** The sign that n8n has it. Only an event that waits for the sign takes it. */
export function acknowledge(life: Life): Life {
	return life.stage.state === 'handed' ? { ...life, stage: { state: 'delivered' } } : life;
}

export interface Claim {
	readonly execution: string;
	readonly node: string;
	readonly run: number;
	/** Names this pass; made by the caller. */
	readonly token: string;
	readonly now: number;
	readonly leaseMs: number;
	/** Done when it passes, because no Confirm follows. */
	readonly settles: boolean;
}

/** What a claim came to: the life afterwards where it passes, nothing where it is a duplicate. */
export type ClaimOutcome = { passes: true; life: Life & { stage: Claimed | Done } } | { passes: false };

/**
 * A claim succeeds on every state but `done` and a `claimed` whose lease lives (the rule of AWS Lambda Powertools'
 * idempotency), and it succeeds again for the execution that holds the event already: for the same node in the same run
 * (Retry On Fail) and for a further Sync Dedupe node. The same node in a later run of a loop gets a duplicate.
 */
export function claim(life: Life, by: Claim): ClaimOutcome {
	const { stage } = life;
	if (stage.state === 'claimed' || stage.state === 'done') {
		const { holder } = stage;
		if (holder.execution === by.execution) {
			const run = holder.runs[by.node];
			if (run !== undefined && run !== by.run) return { passes: false };
			const runs = { ...holder.runs, [by.node]: by.run };
			return { passes: true, life: { ...life, stage: { ...stage, holder: { ...holder, runs } } } };
		}
		if (stage.state === 'done' || !isOver(stage.leaseUntil, by.now)) return { passes: false };
	}
	const holder: Holder = { execution: by.execution, runs: { [by.node]: by.run } };
	const next: Claimed | Done = by.settles
		? { state: 'done', holder, token: by.token }
		: { state: 'claimed', holder, token: by.token, leaseUntil: by.now + by.leaseMs };
	return { passes: true, life: { ...life, stage: next, attempts: life.attempts + 1 } };
}

/** Finished, for whoever holds the event; one who overran cannot settle it for a successor. */
export function confirm(life: Life, token: string): Life {
	const { stage } = life;
	if (stage.state !== 'claimed' || stage.token !== token) return life;
	return { ...life, stage: { state: 'done', holder: stage.holder, token: stage.token } };
}

/**
 * What an overrun claim has become by itself: due again after a pause that doubles with each attempt, or a dead letter
 * after the last one. Everything else stays as it is. The pause counts from the end of the lease, so that it makes no
 * difference who looks, and when.
 */
export function expire(life: Life, now: number): Life {
	const { stage } = life;
	if (stage.state !== 'claimed' || !isOver(stage.leaseUntil, now)) return life;
	if (life.attempts >= MAX_ATTEMPTS) {
		return { ...life, stage: { state: 'dead', reason: `not confirmed after ${life.attempts} attempts` } };
	}
	return {
		...life,
		stage: { state: 'received', dueAt: Math.min(stage.leaseUntil, now) + MINUTE * 2 ** (life.attempts - 1) },
	};
}
