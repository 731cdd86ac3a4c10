import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod/v4';
import { HybridSyncError } from '../base/errors';
import { hashOf } from '../base/hash';
import { DAY, HOUR, MINUTE } from '../base/time';
import type { HttpHeaders } from '../http/headers';
import { pathOf } from '../http/hosts';
import type { PushHealth } from '../health/push-health';
import type { Ledger } from '../ledger/ledger';
import {
	type Registrar,
	type RemoteSubscription,
	type SubscriptionApi,
	type Subscriptions,
	type WantedSubscription,
	webhookLabel,
} from '../provider/subscription';
import { derivedSecret, seal, unseal } from './kept-secret';
import { requireReachable } from './reach';

/**
 * Registers the webhook of a node at its provider, looks after it and removes it. Ours is what has both our URL and our mark;
 * nothing else is ever changed or removed. What is known of it is kept in the ledger, under a lease: publishing and the first
 * tick happen at the same moment, maybe in two processes.
 */

/** What does not pass by itself. */
const TROUBLE = ['configuration', 'credential-invalid', 'ledger-unavailable', 'lease-lost'] as const;

const kept = z.object({
	url: z.string(),
	types: z.array(z.string()),
	remotes: z.array(z.object({ id: z.string(), types: z.array(z.string()) })),
	/** Names the credential, without telling anything of it. */
	root: z.string(),
	/** Where the provider has made it up: sealed. */
	secret: z.string().optional(),
	/** By this machine's clock, in milliseconds since the epoch. */
	checkedAt: z.number(),
	/** What only a person can mend, in words, and when one was told of it. */
	trouble: z.object({ toldAt: z.number(), code: z.enum(TROUBLE), text: z.string() }).optional(),
});
type Kept = z.infer<typeof kept>;

/** A webhook that is to be at a provider. */
export interface Registration extends Registrar {
	readonly ledger: Ledger;
	readonly stream: string;
	/** Id of the node, and for a test something of its own. */
	readonly node: string;
	/** Where it is called. */
	readonly url: string;
	/** Types of events by the provider's names; empty for all. */
	readonly types: readonly string[];
	/** Milliseconds since the epoch. */
	readonly clock?: () => number;
}

/** How long registering may take, in milliseconds, and how long another process is waited for. */
const LEASE_MS = 2 * MINUTE;
const WAIT_MS = LEASE_MS;
const LOOK_EVERY_MS = 250;

/** Our mark for a node, in 24 hexadecimal digits: kept with the webhook at the provider. */
export function markOf({ stream, node }: Pick<Registration, 'stream' | 'node'>): string {
	return hashOf(['subscription', stream, node]).slice(0, 24);
}

const rootHash = (root: string) => hashOf(['root', root]).slice(0, 32);

/**
 * Has the webhook registered, once: made, found again, or set right.
 *
 * @param isWanted asked once nobody else is at it: whether it is to be there still
 * @returns what is odd, in words for the log; nothing where it is not wanted any more
 * @throws HybridSyncError as the provider's API does; `configuration` where the URL can never be called; `unavailable` where
 *   another process is at it for too long
 */
export async function register(
	registration: Registration,
	isWanted: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<readonly string[] | undefined> {
	const { service, url, api, subscriptions } = registration;
	requireReachable(service, url, api.apiUrl, subscriptions.reach ?? {});
	const deadline = performance.now() + WAIT_MS;
	for (;;) {
		const outcome = await underLease(registration, async (state, keep) => {
			if (!(await isWanted())) return undefined;
			const { kept: now, notices } = await ensured(registration, state, keep);
			await keep(now);
			return notices;
		});
		if (outcome) return outcome.result;
		if (performance.now() > deadline) {
			throw busy(service);
		}
		await sleep(LOOK_EVERY_MS);
	}
}

function busy(service: string): HybridSyncError {
	return new HybridSyncError(
		'unavailable',
		`Another process is looking after this webhook at ${service} and does not come to an end. Publish or unpublish the workflow again.`,
	);
}

/**
 * Removes the webhook of a node, where its URL is this one: one that was only listened to for a test has another.
 *
 * @throws HybridSyncError as the provider's API does, and `unavailable` as `register`: then it is still there
 */
export async function unregister(registration: Registration): Promise<void> {
	const { api, url } = registration;
	const deadline = performance.now() + WAIT_MS;
	for (;;) {
		const outcome = await underLease(registration, async (state, keep) => {
			if (state && pathOf(state.url) !== pathOf(url)) return;
			// The ledger may be another one than when it was registered.
			for (const remote of await ours({ ...registration, url: state?.url ?? url })) await removed(api, remote.id);
			await keep(undefined);
		});
		if (outcome) return;
		if (performance.now() > deadline) throw busy(registration.service);
		await sleep(LOOK_EVERY_MS);
	}
}

/** What a look at the webhook came to. */
export interface Watched {
	/** In words for the log: what was healed, and what is odd. */
	readonly notices: readonly string[];
	/** What nobody but a person can mend, where it is time to tell of it. */
	readonly failure?: HybridSyncError;
}

const EVERY_MS = HOUR;
/** Where push has fallen silent, or trouble lasts. */
const SOONER_MS = 10 * MINUTE;
const TOLD_EVERY_MS = DAY;

/**
 * Looks whether the webhook of a node is still at the provider, if it is time to, and sets it right. Nothing happens where the
 * node has registered none.
 *
 * @param registrar makes ready to ask; called where there is one
 * @param tells whether a failure would reach a person now
 */
export async function watch(
	{ clock = Date.now, ...node }: Pick<Registration, 'ledger' | 'stream' | 'node' | 'clock'>,
	registrar: () => Promise<Registrar>,
	pushHealth: () => Promise<PushHealth>,
	tells: () => boolean,
): Promise<Watched> {
	const { ledger, stream } = node;
	const known = parseKept(await ledger.subscription(stream, node.node));
	if (!known) return { notices: [] };
	const use = await registrar();
	const root = use.subscriptions.root(use.credential);
	const push = await pushHealth();
	const isLeftToTell = ({ trouble }: Kept) => trouble !== undefined && tells() && isTimeToTell(trouble, clock());
	if (!isDue(known, root, push, clock()) && !isLeftToTell(known)) return { notices: [] };
	const outcome = await underLease(node, async (state, keep, latest): Promise<Watched> => {
		if (!state) return { notices: [] };
		/** Keeps what is wrong, and tells of it if it is time to. */
		const trouble = async (now: Kept, what: NonNullable<Kept['trouble']>, details = {}): Promise<Watched> => {
			const isTold = tells() && isTimeToTell(what, clock());
			await keep({ ...now, trouble: { ...what, toldAt: isTold ? clock() : what.toldAt } });
			if (!isTold) return { notices: what.toldAt === 0 ? [what.text] : [] };
			return { notices: [], failure: new HybridSyncError(what.code, what.text, details) };
		};
		if (!isDue(state, root, push, clock())) {
			// What was found by a look that took too long for anybody to hear of it.
			return state.trouble && isLeftToTell(state) ? await trouble(state, state.trouble) : { notices: [] };
		}
		const { url, types } = state;
		const registration: Registration = { ...use, ...node, clock, url, types };
		try {
			const { kept: now, notices, healed } = await ensured(registration, state, keep);
			await keep(now);
			return { notices: [...notices, ...healed.map((what) => `${registration.service}: ${what}`)] };
		} catch (error) {
			if (!(error instanceof HybridSyncError)) throw error;
			const text = `The webhook at ${registration.service} could not be looked after: ${error.message}`;
			// What was made before it failed is known now.
			const now = { ...(latest() ?? state), checkedAt: clock() };
			const code = TROUBLE.find((each) => each === error.code);
			if (code) return await trouble(now, { code, text, toldAt: state.trouble?.toldAt ?? 0 }, error.details);
			await keep({ ...now, trouble: state.trouble });
			return { notices: [text] };
		}
	});
	return outcome?.result ?? { notices: [] };
}

const isTimeToTell = ({ toldAt }: NonNullable<Kept['trouble']>, now: number) => Math.abs(now - toldAt) >= TOLD_EVERY_MS;

function isDue(state: Kept, root: string, push: PushHealth, now: number): boolean {
	const age = now - state.checkedAt;
	// With another key nothing of what is kept can be read.
	if (state.root !== rootHash(root) && !state.trouble) return true;
	const isSooner = push === 'silent' || state.trouble !== undefined;
	return age < 0 || age >= (isSooner ? SOONER_MS : EVERY_MS);
}

/**
 * The secrets by which requests to a registered webhook are told from forged ones.
 *
 * @param headers of the request
 * @param openLedger called where the secret is kept in it
 * @returns none where the provider has made one up that is not known, or not with this credential
 * @throws HybridSyncError `ledger-unavailable`
 */
export async function registeredSecrets(
	subscriptions: Subscriptions,
	credential: unknown,
	node: Pick<Registration, 'stream' | 'node'>,
	headers: HttpHeaders,
	openLedger: () => Promise<Ledger>,
): Promise<string[]> {
	const root = subscriptions.root(credential);
	if (subscriptions.secret === 'chosen')
		return [derivedSecret(root, markOf(node), subscriptions.secretName?.(headers) ?? '')];
	const { secret } = parseKept(await (await openLedger()).subscription(node.stream, node.node)) ?? {};
	const open = secret === undefined ? undefined : unseal(secret, root);
	return open === undefined ? [] : [open];
}

type Keep = (state: Kept | undefined) => Promise<void>;

/** Does something while no other process does; nothing comes back where another one is at it. */
async function underLease<T>(
	{ ledger, stream, node }: Pick<Registration, 'ledger' | 'stream' | 'node'>,
	work: (state: Kept | undefined, keep: Keep, latest: () => Kept | undefined) => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
	const lease = await ledger.leaseSubscription(stream, node, LEASE_MS);
	if (!lease) return undefined;
	let latest = parseKept(lease.state);
	try {
		const keep: Keep = async (state) => {
			if (await ledger.keepSubscription(stream, node, lease.token, state)) {
				latest = state;
				return;
			}
			throw new HybridSyncError(
				'lease-lost',
				'Another process took over while the webhook was being registered. Publish the workflow again.',
			);
		};
		return { result: await work(latest, keep, () => latest) };
	} finally {
		await ledger.releaseSubscription(stream, node, lease.token).catch(() => undefined);
	}
}

export function parseKept(stored: unknown): Kept | undefined {
	const parsed = kept.safeParse(stored);
	return parsed.success ? parsed.data : undefined;
}

/** Pages of webhooks, each of a hundred or so. */
const MOST_PAGES = 100;

/** @throws HybridSyncError `bad-response` where there is no end */
export async function allOf(
	{ service, api }: Pick<Registration, 'service' | 'api'>,
	mark: string,
): Promise<RemoteSubscription[]> {
	const all: RemoteSubscription[] = [];
	const places = new Set<string | undefined>();
	for (let place: string | undefined; !places.has(place);) {
		places.add(place);
		const { items, next } = await api.list(mark, place);
		all.push(...items);
		if (next === undefined) return all;
		if (places.size >= MOST_PAGES) break;
		place = next;
	}
	throw new HybridSyncError(
		'bad-response',
		`${service} lists its webhooks without end: after ${places.size} pages there are still more. Nothing was changed there.`,
	);
}

/** What has a provider take a webhook: that it does not is for a person to mend. */
async function taken<T>({ service, api, url }: Registration, send: () => Promise<T>): Promise<T> {
	try {
		return await send();
	} catch (error) {
		if (!(error instanceof HybridSyncError) || !REFUSED.includes(error.details.status ?? 0)) throw error;
		if (error.code === 'configuration') throw error;
		const why = api.whenRefused === undefined ? '' : ` ${api.whenRefused}`;
		throw new HybridSyncError(
			'configuration',
			`${service} does not take the webhook ${url}.${why} Or choose "Register the Webhook: By Hand". ${error.message}`,
			error.details,
		);
	}
}
const REFUSED = [400, 409, 422];

/** Providers may write a URL in another form than they were given it. */
export const isSameUrl = (one: string, other: string) =>
	(URL.parse(one)?.href ?? one) === (URL.parse(other)?.href ?? other);

/** What there is, without what is not to be touched. */
async function ours(registration: Registration): Promise<RemoteSubscription[]> {
	const mark = markOf(registration);
	const all = await allOf(registration, mark);
	return all.filter((remote) => remote.mark === mark && isSameUrl(remote.url, registration.url));
}

interface Ensured {
	readonly kept: Kept;
	readonly notices: readonly string[];
	/** What was wrong with what is kept, and has been set right. */
	readonly healed: readonly string[];
}

/** One of the webhooks that are to be, and which of those that are there it is. */
interface Plan {
	readonly types: readonly string[];
	/** As it was registered, and as it is now. */
	readonly known: Kept['remotes'][number] | undefined;
	readonly remote: RemoteSubscription | undefined;
}

async function ensured(registration: Registration, before: Kept | undefined, keep: Keep): Promise<Ensured> {
	const { subscriptions, credential, url, types, api, clock = Date.now } = registration;
	const mark = markOf(registration);
	const root = subscriptions.root(credential);
	const isChosen = subscriptions.secret === 'chosen';
	const all = await allOf(registration, mark);
	const mine = all.filter((remote) => remote.mark === mark && isSameUrl(remote.url, url));
	const isReadable = isChosen || (before?.secret !== undefined && unseal(before.secret, root) !== undefined);
	const usable = before?.url === url && before.root === rootHash(root) && isReadable ? before : undefined;
	const plans = plansOf(registration, usable, mine);
	// Until its end is reached it is to be looked after at once.
	let state: Kept = { url, types: [...types], remotes: [], root: rootHash(root), checkedAt: 0 };
	if (usable?.secret !== undefined) state = { ...state, secret: usable.secret };
	// Before anything is made: where an answer is lost, what it was about is removed all the same.
	if (before?.url !== url) await keep(state);
	// First, so that a limit leaves room for what is made.
	const stays = new Set(
		plans.flatMap(({ remote, ...plan }) => (remote && staysAsItIs(api, remote, plan) ? remote.id : [])),
	);
	for (const { id } of mine) if (!stays.has(id)) await removed(api, id);
	const healed: string[] = [];
	for (const { types: part, known, remote } of plans) {
		const secret = isChosen
			? { secret: derivedSecret(root, mark, subscriptions.secretName ? part.join(' ') : '') }
			: {};
		const wanted: WantedSubscription = { url, mark, label: webhookLabel(mark), types: part, ...secret };
		const isRight = remote?.isEnabled === true && sameTypes(remote.types, part);
		let id = remote?.id ?? '';
		if (remote && stays.has(remote.id)) {
			if (!isRight) await taken(registration, async () => await api.update?.(remote.id, wanted));
		} else {
			const made = await taken(registration, async () => await api.create(wanted));
			({ id } = made);
			if (made.secret !== undefined) state = { ...state, secret: seal(made.secret, root) };
		}
		state = { ...state, remotes: [...state.remotes, { id, types: [...part] }] };
		// A secret is shown once: whatever happens from here on must not lose it.
		if (id !== remote?.id) await keep(state);
		if (known && !isRight && sameTypes(known.types, part))
			healed.push(healing(remote, id, plans.length > 1 ? part : []));
	}
	const notices = [...elsewhere(registration, all, mark), ...leftBehind(registration, before, usable, all)];
	return { kept: { ...state, checkedAt: clock() }, notices, healed };
}

function plansOf({ api, types }: Registration, before: Kept | undefined, mine: readonly RemoteSubscription[]): Plan[] {
	const find = (known: Plan['known']) => known && mine.find(({ id }) => id === known.id);
	const parts = api.partsOf(types);
	const [only, ...others] = before?.remotes ?? [];
	return parts.map((part) => {
		const isSingle = parts.length === 1 && others.length === 0;
		const known = isSingle ? only : before?.remotes.find((each) => sameTypes(each.types, part));
		return { types: part, known, remote: find(known) };
	});
}

/** Whether it need not be made anew. */
function staysAsItIs(api: SubscriptionApi, remote: RemoteSubscription, { types }: Pick<Plan, 'types'>): boolean {
	return api.update !== undefined || (remote.isEnabled && sameTypes(remote.types, types));
}

function healing(remote: RemoteSubscription | undefined, id: string, types: readonly string[]): string {
	const what = remote === undefined ? 'removed' : remote.isEnabled ? 'changed' : 'disabled';
	const done = id === remote?.id ? 'set right' : 'made anew';
	const which = types.length > 0 ? ` for ${types.join(', ')}` : '';
	return `the webhook${which} had been ${what} there, and was ${done}. Polling finds what it missed.`;
}

/** One of ours by its mark, but not by its URL, may be that of a copy of this n8n. */
function elsewhere({ service, url }: Registration, all: readonly RemoteSubscription[], mark: string): string[] {
	const others = all.filter((remote) => remote.mark === mark && !isSameUrl(remote.url, url));
	const hosts = [...new Set(others.map((remote) => URL.parse(remote.url)?.host ?? 'somewhere'))];
	if (hosts.length === 0) return [];
	return [
		`${service} also calls ${hosts.join(', ')} with a webhook that this node has registered under another address of n8n. It is left alone; remove it at ${service} if that address is no longer in use.`,
	];
}

/** With another key, what was registered may be in another account: then nobody but the user can remove it there. */
function leftBehind(
	{ service, url }: Registration,
	before: Kept | undefined,
	usable: Kept | undefined,
	all: readonly RemoteSubscription[],
): string[] {
	if (!before || usable || before.url !== url) return [];
	const gone = before.remotes.filter(({ id }) => !all.some((remote) => remote.id === id)).map(({ id }) => id);
	if (gone.length === 0) return [];
	return [
		`The webhook that was registered at ${service} with the former key (${gone.join(', ')}) is not to be found with the present one. If that is the key of another account, remove the webhook there: it still calls ${url}, and is refused.`,
	];
}

function sameTypes(one: readonly string[], other: readonly string[]): boolean {
	return new Set(one).symmetricDifference(new Set(other)).size === 0;
}

/** Only 404 means that it is not there. */
async function removed(api: SubscriptionApi, id: string): Promise<void> {
	try {
		await api.remove(id);
	} catch (error) {
		if (!(error instanceof HybridSyncError) || error.details.status !== 404) throw error;
	}
}
