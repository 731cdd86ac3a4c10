import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
	type Cadence,
	DAY,
	MINUTE,
	type Registrar,
	createLedger,
	openSqlite,
	providers,
	receive,
	register,
	registeredSecrets,
	runTick,
	undiciExchange,
} from '../../lib';
import { StripeSimulator, signatureOf } from '../simulator/stripe/stripe';

/** How often Stripe is asked on a day, quiet and busy, as the options of the node have it and every minute. */

const ADAPTIVE: Cadence = { kind: 'adaptive', longestMs: 10 * MINUTE, longestWithPushMs: 30 * MINUTE };
const EVERY_MINUTE: Cadence = { kind: 'fixed', everyMs: 0 };
const STREAM = 'instance/workflow';
const NODE = 'trigger';
const DAYS = 2;

interface DayOfRequests {
	readonly requests: number;
	/** Of these, to look after the webhook. */
	readonly watching: number;
	readonly found: number;
}

/** @param everyMinutes between two events, of which a twentieth is dropped on the way */
async function day(cadence: Cadence, everyMinutes: number): Promise<DayOfRequests> {
	let now = Date.UTC(2026, 0, 5);
	const clock = () => now;
	const folder = mkdtempSync(join(tmpdir(), 'hybrid-sync-bench-'));
	const ledger = createLedger(await openSqlite(join(folder, 'ledger.sqlite')), clock);
	const stripe = await StripeSimulator.start({ clock, limits: { perSecond: Infinity, perEndpoint: Infinity } });
	const credential = { apiKey: stripe.secretKey, apiUrl: stripe.apiUrl.replace(/\/v1$/, '') };
	const { push, pull } = providers.stripe;
	const exchange = undiciExchange();
	const registrar: Registrar = {
		service: 'Stripe',
		subscriptions: push.subscriptions,
		api: push.subscriptions.open({ credential, exchange }),
		credential,
	};
	const node = { ledger, stream: STREAM, node: NODE };
	const url = 'http://127.0.0.1/webhook';
	const identity = {
		stream: STREAM,
		node: NODE,
		workflow: STREAM,
		name: 'Sync Trigger',
		provider: 'stripe',
		sender: '1',
	};
	await ledger.meetNode({ ...identity, role: 'push', types: ['*'], url });
	await register({ ...registrar, ...node, url, types: [], clock });
	const secrets = await registeredSecrets(push.subscriptions, credential, node, {}, () => Promise.resolve(ledger));
	const use = { credential, credentialType: '', credentialId: '1', settings: {}, exchange, share: 1 };
	const api = pull.open({ ...use, readCredential: () => Promise.resolve(credential) });
	const provider = { name: 'stripe', displayName: 'Stripe', push: push.open({ credential, settings: () => ({}) }) };
	let made = 0;
	let found = 0;
	let before = 0;
	let watched = 0;
	for (let minute = 0; minute < (DAYS * DAY) / MINUTE; minute++) {
		now += MINUTE;
		if (minute === DAY / MINUTE) {
			before = stripe.requests.length;
			watched = watching(stripe);
			found = 0;
		}
		if (minute % everyMinutes === 0) {
			const event = stripe.happen('invoice.paid', {}, { copies: 0 });
			if (++made % 20 !== 0) {
				const body = JSON.stringify(event);
				const { accepted, note } = await receive({
					provider,
					secrets,
					sender: '1',
					request: {
						method: 'POST',
						url,
						headers: { 'stripe-signature': signature(secrets[0] ?? '', body, now) },
						stream: Readable.from([Buffer.from(body)]),
					},
					stream: STREAM,
					node: NODE,
					types: [],
					handsOver: true,
					showsChanged: false,
					openLedger: () => Promise.resolve(ledger),
					clock,
				});
				if (!accepted) throw new Error(note);
			}
		}
		const result = await runTick({
			ledger,
			source: {
				provider: 'stripe',
				sender: '1',
				open: () => Promise.resolve(api),
				registrar: () => Promise.resolve(registrar),
			},
			stream: STREAM,
			node: { id: NODE, workflow: STREAM, name: 'Sync Trigger' },
			leadsTo: () => 'same',
			start: { from: 'now' },
			lookBackMs: 10 * MINUTE,
			deepReconcile: { lookBackMs: 7 * DAY, everyMs: DAY },
			cadence,
			maxEvents: 100,
			budgetMs: 30_000,
			clock,
		});
		found += result.found;
		if (result.failure) throw result.failure;
		await ledger.acknowledge(
			STREAM,
			result.events.map(({ id }) => id),
		);
	}
	const counted = { requests: stripe.requests.length - before, watching: watching(stripe) - watched, found };
	await stripe.close();
	await ledger.close();
	rmSync(folder, { recursive: true, force: true });
	return counted;
}

const watching = ({ requests }: StripeSimulator) => requests.filter(({ path }) => path === '/webhook_endpoints').length;

function signature(secret: string, body: string, now: number): string {
	const t = Math.floor(now / 1_000);
	return `t=${t},v1=${signatureOf(body, t, secret)}`;
}

export async function benchStripe(): Promise<void> {
	for (const [name, everyMinutes] of [
		['no event at all', Infinity],
		['an event every 3 hours', 180],
		['an event every 5 minutes', 5],
	] as const) {
		const every = Number.isFinite(everyMinutes) ? everyMinutes : Number.MAX_SAFE_INTEGER;
		const adaptive = await day(ADAPTIVE, every);
		const fixed = await day(EVERY_MINUTE, every);
		const ratio = (fixed.requests / adaptive.requests).toFixed(1);
		console.log(
			`Stripe, ${name}: ${adaptive.requests} requests on the second day (${adaptive.watching} of them for the webhook; ${adaptive.found} events recovered), every minute ${fixed.requests}: ${ratio} times fewer`,
		);
	}
}
