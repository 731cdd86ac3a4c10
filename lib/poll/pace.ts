import { randomUUID } from 'node:crypto';
import {
	BrokenCircuitError,
	CircuitBreakerPolicy,
	CircuitState,
	CountBreaker,
	ExponentialBackoff,
	circuitBreaker,
	handleWhen,
	noJitterGenerator,
} from 'cockatiel';
import { z } from 'zod/v4';
import { HybridSyncError, type HybridSyncErrorCode } from '../base/errors';
import { DAY, MINUTE } from '../base/time';
import { nextPause } from '../base/backoff';
import type { PushHealth } from '../health/push-health';
import { type Cadence, pauseFor } from './cadence';

/** Opens when more than half of so many readings failed, five at the least. */
const BREAKER = { threshold: 0.5, size: 10, minimumNumberOfCalls: 5 };

/** What a node remembers from tick to tick of its dealings with the provider. Times are this machine's, and only for waiting. */
const pace = z.object({
	/** When the provider was last asked, when only for what it could not deliver, and since when polling has found nothing by itself. */
	askedAt: z.number(),
	lookedAt: z.number().optional(),
	calmSince: z.number(),
	/** Push was silent when last looked at. */
	silent: z.boolean(),
	/** What the latest trouble was found with: another credential or setting deserves another try. */
	settings: z.string(),
	trouble: z
		.object({
			code: z.string(),
			/** In words, for the health report. */
			message: z.string().default(''),
			tries: z.number(),
			pauseMs: z.number(),
			reportedAt: z.number().optional(),
		})
		.optional(),
	/** Serialised by cockatiel. */
	breaker: z
		.object({
			ownState: z.looseObject({
				value: z.literal([CircuitState.Closed, CircuitState.Open]),
				openedAt: z.number().optional(),
			}),
			breakerState: z.object({
				samples: z.array(z.boolean().nullable()).length(BREAKER.size),
				currentSample: z.number(),
				failures: z.number(),
				successes: z.number(),
			}),
		})
		.optional()
		.catch(undefined),
});
export type Pace = z.infer<typeof pace>;

/** @param stored what the tick before left; anything unreadable counts as nothing */
export function parsePace(stored: unknown): Pace {
	return pace.catch({ askedAt: 0, calmSince: 0, silent: false, settings: '' }).parse(stored);
}

/** How often what only a person can mend is tried again. */
const PROBE_EVERY_MS = 15 * MINUTE;
/** However long a provider asks us to wait, it is asked again the next day. */
const LONGEST_WAIT_MS = DAY;
/** A problem that goes on is reported once a day. */
const REPORT_EVERY_MS = DAY;
/** In characters. */
const MAX_MESSAGE_LENGTH = 500;
/** n8n's ticks come about a minute apart, and not to the second. */
const TICK_SLACK_MS = MINUTE / 2;

export interface Conditions {
	readonly now: number;
	/** As kept with the node. */
	readonly notBefore: number;
	/** Credential and settings, as a hash. */
	readonly settings: string;
	readonly cadence: Cadence;
	readonly push: PushHealth;
}

/** Takes note of what has changed since the last tick: push that fell silent ends the calm at once. */
export function withPushHealth(before: Pace, { now, push }: Conditions): Pace {
	const silent = push === 'silent';
	return silent && !before.silent ? { ...before, silent, calmSince: now } : { ...before, silent };
}

/** Whether the provider may be asked now, as far as waiting goes; the breaker is asked last, by asking. */
export function mayAsk(known: Pace, conditions: Conditions): boolean {
	const { now, notBefore, settings, cadence, push } = conditions;
	const mended = known.settings !== settings && known.trouble?.code !== 'rate-limited';
	// What lies further ahead was set by a clock that has been set right since.
	if (notBefore > now && notBefore <= now + LONGEST_WAIT_MS && !mended) return false;
	if (known.trouble || known.askedAt > now || known.settings !== settings) return true;
	return now - known.askedAt >= pauseFor(cadence, now - known.calmSince, push === 'works') - TICK_SLACK_MS;
}

/** Whether to ask, in the pause between two readings that is so long because push works, for what it could not deliver. */
export function mayLook(known: Pace, { now, notBefore, cadence, push }: Conditions): boolean {
	if (cadence.kind !== 'adaptive' || push !== 'works' || known.trouble || notBefore > now) return false;
	const { askedAt, lookedAt = 0 } = known;
	// One that lies ahead was noted by a clock that has been set right since.
	if (lookedAt > now) return true;
	return now - Math.max(askedAt, lookedAt) >= cadence.longestMs - TICK_SLACK_MS;
}

/** The pace after the provider was asked. */
export interface Asked {
	readonly pace: Pace;
	/** No request before this time. */
	readonly notBefore: number;
}

/**
 * Asks the provider, unless the circuit breaker is open: it opens when more than half of the latest ten readings failed,
 * five at the least, and lets one through after 5 to 30 minutes.
 *
 * @param ask reads; returns how many events it found that were not known, and what went wrong
 */
export async function askWithin(
	before: Pace,
	{ now, settings }: Conditions,
	ask: () => Promise<{ readonly found: number; readonly failure?: HybridSyncError; readonly pauseMs?: number }>,
): Promise<Asked> {
	const { trouble, breaker, ...kept } = before.settings === settings ? before : { ...before, breaker: undefined };
	const policy = breakerFrom(breaker, now);
	let outcome: Awaited<ReturnType<typeof ask>> = { found: 0 };
	try {
		await policy.execute(async () => {
			outcome = await ask();
			if (outcome.failure) throw outcome.failure;
		});
	} catch (error) {
		if (error instanceof BrokenCircuitError) return { pace: before, notBefore: 0 };
		if (error !== outcome.failure) throw error;
	}
	const { found, failure, pauseMs = 0 } = outcome;
	const state = policy.state === CircuitState.Closed && !failure && !trouble ? undefined : policy.toJSON();
	const asked: Pace = {
		...kept,
		askedAt: now,
		calmSince: found > 0 || kept.calmSince > now || kept.calmSince === 0 ? now : kept.calmSince,
		settings,
		...(state !== undefined && { breaker: state as Pace['breaker'] }),
	};
	if (!failure) return { pace: asked, notBefore: pauseMs > 0 ? now + Math.min(pauseMs, LONGEST_WAIT_MS) : 0 };
	// With another credential or setting it is new trouble, to be told of anew.
	const again = trouble?.code === failure.code && before.settings === settings;
	const tries = again ? trouble.tries + 1 : 1;
	const pause = tries > 1 ? Math.min(nextPause(again ? trouble.pauseMs : 0, randomUUID()), PROBE_EVERY_MS) : 0;
	const wait = Math.max(failure.details.retryAfterMs ?? 0, isForPeople(failure.code) ? PROBE_EVERY_MS : pause);
	const reportedAt = again ? trouble.reportedAt : undefined;
	return {
		pace: {
			...asked,
			trouble: {
				code: failure.code,
				message: failure.message.slice(0, MAX_MESSAGE_LENGTH),
				tries,
				pauseMs: pause,
				...(reportedAt !== undefined && { reportedAt }),
			},
		},
		notBefore: wait > 0 ? now + Math.min(wait, LONGEST_WAIT_MS) : 0,
	};
}

/** True if this problem was not reported in the last 24 hours. */
export function isReportDue({ trouble }: Pace, now: number): boolean {
	if (!trouble) return false;
	const { reportedAt } = trouble;
	return reportedAt === undefined || reportedAt > now || now - reportedAt >= REPORT_EVERY_MS;
}

export function markReported(known: Pace, now: number): Pace {
	return known.trouble ? { ...known, trouble: { ...known.trouble, reportedAt: now } } : known;
}

function isForPeople(code: HybridSyncErrorCode): boolean {
	return code === 'credential-invalid' || code === 'configuration';
}

function breakerFrom(stored: Pace['breaker'], now: number): CircuitBreakerPolicy {
	const opened = stored?.ownState.openedAt ?? 0;
	// Opened by a clock that has been set back since: it has waited long enough.
	const state = stored && opened > now ? { ...stored, ownState: { ...stored.ownState, openedAt: 0 } } : stored;
	return circuitBreaker(
		handleWhen((error) => error instanceof HybridSyncError && ['unavailable', 'bad-response'].includes(error.code)),
		{
			breaker: new CountBreaker(BREAKER),
			// Without chance: each tick makes it anew, and would throw the dice until they say now.
			halfOpenAfter: new ExponentialBackoff({
				initialDelay: 5 * MINUTE,
				maxDelay: 30 * MINUTE,
				generator: noJitterGenerator,
			}),
			...(state && { initialState: state }),
		},
	);
}
