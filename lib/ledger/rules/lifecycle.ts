import { DAY, HOUR, MINUTE } from '../../base/time';
import { nextPause } from '../../base/backoff';
import { DEDUPE_WINDOW_MS } from './retention';

/**
 * The life of an event in the ledger: every state, and every way from one to the next. Pure: what a transition needs
 * (clock, token) comes in, and the next life comes out.
 */

const OUT_OF_DATE = 'out of date';
const FORGOTTEN = 'forgotten';
const SEEN = 'there before the start';

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
	/** Why an earlier pass came to nothing. */
	readonly reason?: string;
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
	/** Why it was finished without having passed. */
	readonly reason?: typeof OUT_OF_DATE | typeof FORGOTTEN | typeof SEEN;
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
	/** An item that no trigger of ours recorded: there is nobody to hand it over to. */
	readonly foreign: boolean;
	/** How often it was handed to n8n. */
	readonly handOvers: number;
	/** How often it was let pass. Only a claim is an attempt; waiting in n8n's queue never is. */
	readonly attempts: number;
	/** Further passes it may have before it becomes a dead letter; open until the first since it began or was replayed. */
	readonly chances: number | null;
	/** The latest wait between two attempts, from which the next one grows; in milliseconds. */
	readonly pauseMs: number;
	/** Until when it must be known as a duplicate; open until it passed, or n8n has it. */
	readonly keepUntil: number | null;
}

/** First wait for a sign that n8n has an event; it doubles with each hand-over. */
const FIRST_HAND_OVER_LEASE_MS = 5 * MINUTE;
const LONGEST_HAND_OVER_LEASE_MS = 6 * HOUR;
/**
 * Longer than anything ever waits. What is due later than this was dated by a clock that has been set right since, and is
 * due now.
 */
export const LONGEST_WAIT_MS = 40 * DAY;
/** How long an execution may take to confirm what it let pass. */
export const DEFAULT_CLAIM_LEASE_MS = HOUR;
/** The longest lease that can be asked for: n8n's executions may wait for weeks. */
export const LONGEST_CLAIM_LEASE_MS = 30 * DAY;
/** Passes that may go unconfirmed before an event becomes a dead letter. */
export const DEFAULT_MAX_ATTEMPTS = 5;

/** The beginning: waiting, unless its recorder hands it to n8n itself. */
export function begin(now: number, handedOver: boolean): Life {
	const life: Life = {
		stage: { state: 'received', dueAt: now },
		foreign: false,
		handOvers: 0,
		attempts: 0,
		chances: null,
		pauseMs: 0,
		keepUntil: null,
	};
	return handedOver ? handOver(life, now) : life;
}

/** The beginning of an item from elsewhere, first seen when it was claimed. */
export function beginForeign(): Life {
	return { ...begin(0, false), foreign: true, stage: { state: 'delivered' } };
}

/** The beginning of what cannot be let in. */
export function beginDead(reason: string): Life {
	return { ...begin(0, false), stage: { state: 'dead', reason } };
}

/** The beginning of what was there before the start: known, and finished. */
export function beginSeen(now: number): Life {
	const stage: Done = { state: 'done', holder: { execution: '', runs: {} }, token: '', reason: SEEN };
	return { ...begin(now, false), stage, keepUntil: now + DEDUPE_WINDOW_MS };
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

/**
 * Given to n8n. The lease grows with each try, and nothing dies of waiting: n8n's queue may be hours behind.
 *
 * @param leaseMs the shortest that it may be
 */
export function handOver(life: Life, now: number, leaseMs = 0): Life {
	const growing = Math.min(FIRST_HAND_OVER_LEASE_MS * 2 ** life.handOvers, LONGEST_HAND_OVER_LEASE_MS);
	const lease = Math.max(growing, leaseMs);
	return { ...life, stage: { state: 'handed', leaseUntil: now + lease }, handOvers: life.handOvers + 1 };
}

/** The sign that n8n has it. Only an event that waits for the sign takes it. */
export function acknowledge(life: Life, now: number): Life {
	if (life.stage.state !== 'handed') return life;
	return { ...life, stage: { state: 'delivered' }, keepUntil: now + DEDUPE_WINDOW_MS };
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
	readonly maxAttempts: number;
	/** How long it is known as a duplicate from now on. */
	readonly dedupeWindowMs: number;
	/** A newer version of the same entity has passed already. */
	readonly outdated: boolean;
}

/** What a claim came to, and the life afterwards: the same where nothing changed. */
interface ClaimOutcome {
	readonly outcome: 'new' | 'duplicate' | 'outdated';
	readonly life: Life;
}

/**
 * A claim succeeds on every state but `done` and a `claimed` whose lease lives (the rule of AWS Lambda Powertools'
 * idempotency), and it succeeds again for the execution that holds the event already: for the same node in the same run
 * (Retry On Fail) and for a further Sync Dedupe node. The same node in a later run of a loop gets a duplicate. An outdated
 * version passes to nobody, and is finished unless another execution is at work on it.
 */
export function claim(known: Life, by: Claim): ClaimOutcome {
	const life = isPastWindow(known, by.now) ? beginForeign() : known;
	const { stage } = life;
	const held = stage.state === 'done' || (stage.state === 'claimed' && !isOver(stage.leaseUntil, by.now));
	const holder: Holder = { execution: by.execution, runs: { [by.node]: by.run } };
	const keepUntil = by.now + by.dedupeWindowMs;
	if ((stage.state === 'claimed' || stage.state === 'done') && stage.holder.execution === by.execution) {
		const run = stage.holder.runs[by.node];
		if (stage.state === 'done' && stage.reason === OUT_OF_DATE) return { outcome: 'outdated', life };
		if (run !== undefined && run !== by.run) return { outcome: 'duplicate', life };
		const runs = { ...stage.holder.runs, [by.node]: by.run };
		return { outcome: 'new', life: { ...life, stage: { ...stage, holder: { ...stage.holder, runs } } } };
	}
	if (by.outdated) {
		const settled: Done = { state: 'done', holder, token: by.token, reason: OUT_OF_DATE };
		return { outcome: 'outdated', life: held ? life : { ...life, stage: settled, keepUntil } };
	}
	if (held) return { outcome: 'duplicate', life };
	const next: Claimed | Done = by.settles
		? { state: 'done', holder, token: by.token }
		: { state: 'claimed', holder, token: by.token, leaseUntil: by.now + by.leaseMs };
	const chances = (stage.state === 'dead' ? by.maxAttempts : (life.chances ?? by.maxAttempts)) - 1;
	return { outcome: 'new', life: { ...life, stage: next, attempts: life.attempts + 1, chances, keepUntil } };
}

/**
 * An item from elsewhere that passed longer ago than its window is seen as for the first time. A trigger's event is not:
 * its key goes when no cursor can bring it again.
 */
function isPastWindow({ foreign, stage, keepUntil }: Life, now: number): boolean {
	return foreign && stage.state === 'done' && keepUntil !== null && keepUntil <= now;
}

/** Whether the event is held under this token: one who overran cannot act for a successor. */
function isHeldBy(life: Life, token: string): life is Life & { stage: Claimed } {
	return life.stage.state === 'claimed' && life.stage.token === token;
}

/** Finished, for whoever holds the event. */
export function confirm(life: Life, token: string): Life {
	if (!isHeldBy(life, token)) return life;
	const { holder } = life.stage;
	return { ...life, stage: { state: 'done', holder, token } };
}

/** More time to confirm, for whoever holds the event; never less. */
export function extend(life: Life, token: string, leaseUntil: number): Life {
	if (!isHeldBy(life, token)) return life;
	return { ...life, stage: { ...life.stage, leaseUntil: Math.max(leaseUntil, life.stage.leaseUntil) } };
}

/** What it passed for has failed: it waits for its next attempt, or is a dead letter after the last. */
export function fail(life: Life, token: string, reason: string, now: number): Life {
	return isHeldBy(life, token) ? giveBack(life, reason, now) : life;
}

/**
 * What an overrun claim has become by itself. Everything else stays as it is. The pause counts from the end of the lease,
 * so that it makes no difference who looks, and when.
 */
export function expire(life: Life, now: number): Life {
	const { stage } = life;
	if (stage.state !== 'claimed' || life.foreign || !isOver(stage.leaseUntil, now)) return life;
	return giveBack({ ...life, stage }, 'not confirmed in time', Math.min(stage.leaseUntil, now));
}

function giveBack(life: Life & { readonly stage: Claimed }, reason: string, from: number): Life {
	if (life.foreign) return { ...life, stage: { state: 'delivered' } };
	if ((life.chances ?? 0) <= 0) return { ...life, stage: { state: 'dead', reason } };
	const pauseMs = nextPause(life.pauseMs, life.stage.token);
	return { ...life, stage: { state: 'received', dueAt: from + pauseMs, reason }, pauseMs };
}

/** A dead letter, because there is no other way on. */
export function bury(life: Life, reason: string): Life {
	return { ...life, stage: { state: 'dead', reason } };
}

/** Waiting again because somebody asked for it, with all its attempts; one that an execution is at work on is left to it. */
export function replay(known: Life, now: number): Life {
	const life = expire(known, now);
	if (life.foreign || life.stage.state === 'claimed') return life;
	return { ...begin(now, false), attempts: life.attempts };
}

/** Finished because its payload has been erased. */
export function forget(life: Life, now: number): Life {
	const holder = 'holder' in life.stage ? life.stage.holder : { execution: '', runs: {} };
	const token = 'token' in life.stage ? life.stage.token : '';
	return {
		...life,
		stage: { state: 'done', holder, token, reason: FORGOTTEN },
		keepUntil: life.keepUntil ?? now + DEDUPE_WINDOW_MS,
	};
}
