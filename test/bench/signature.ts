import { createHmac, timingSafeEqual } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import { verifySignature } from '../../lib';
import { signers } from '../support/signers';
import { median, milliseconds } from './support';

const ROUNDS = 15;
/** Enough to be measured; a body of 64 kB takes twenty times as long. */
const TIMES = { '1 kB': 4_000, '64 kB': 400 } as const;
const SIZES = { '1 kB': 1_024, '64 kB': 65_536 } as const;

/** Signatures against the least that any program would have to do, and against the makers' own SDKs. Rounds alternate. */
export async function benchSignature(): Promise<void> {
	for (const size of ['1 kB', '64 kB'] as const) {
		console.log(`\n${size}: verifications a second, as a ratio to a bare HMAC and timingSafeEqual of the same text`);
		for (const name of ['github', 'stripe', 'standard-webhooks', 'svix'] as const) await compare(name, size);
	}
}

async function compare(name: string, size: keyof typeof SIZES): Promise<void> {
	const signer = signers[name];
	if (!signer) throw new Error(`nobody signs as ${name}`);
	const body = Buffer.from(JSON.stringify({ id: 'evt_1', type: 't', pad: 'x'.repeat(SIZES[size] - 40) }));
	const now = Date.now();
	const signed = signer.sign({ method: 'POST', url: 'https://hooks.example.com/', body, timestamp: now, id: 'msg_1' });
	const headers: Record<string, string> = {
		host: 'hooks.example.com',
		'user-agent': 'sender',
		'content-type': 'application/json',
		'content-length': String(body.length),
		accept: '*/*',
	};
	for (const [header, value] of Object.entries(signed.headers)) headers[header.toLowerCase()] = value;
	const request = { method: 'POST', url: '/webhook/7/sync', headers, rawBody: body };
	const { secret } = signer;
	const ours = () => {
		if (!verifySignature(name, request, [secret]).ok) throw new Error('refused');
	};
	const contenders: Record<string, () => unknown> = { bare: bareLoop(name, secret, headers, body), ours };
	const theirs = await vendorOf(name, secret, headers, body);
	contenders['their SDK'] = theirs;
	const took: Record<string, number[]> = {};
	for (let round = 0; round < ROUNDS; round++) {
		for (const [contender, verify] of Object.entries(contenders)) {
			const time = await milliseconds(async () => {
				for (let times = 0; times < TIMES[size]; times++) {
					const result = verify();
					if (result instanceof Promise) await result;
				}
			});
			(took[contender] ??= []).push(time);
		}
	}
	const bare = median(took['bare'] ?? []);
	const ratios = Object.entries(took).map(([contender, times]) => `${contender} ${(bare / median(times)).toFixed(2)}`);
	console.log(`${name.padEnd(18)} ${ratios.slice(1).join(', ')}`);
}

function bareLoop(name: string, secret: string, headers: Record<string, string>, body: Buffer): () => void {
	const stamp = /\d{10}/.exec(
		`${headers['stripe-signature']} ${headers['webhook-timestamp']} ${headers['svix-timestamp']}`,
	);
	const before = name === 'github' ? '' : name === 'stripe' ? `${stamp?.[0]}.` : `msg_1.${stamp?.[0]}.`;
	const key = secret.startsWith('whsec_') && name !== 'stripe' ? Buffer.from(secret.slice(6), 'base64') : secret;
	const expected = createHmac('sha256', key).update(before).update(body).digest();
	return () => {
		const mac = createHmac('sha256', key);
		if (before !== '') mac.update(before);
		if (!timingSafeEqual(mac.update(body).digest(), expected)) throw new Error('refused');
	};
}

async function vendorOf(
	name: string,
	secret: string,
	headers: Record<string, string>,
	body: Buffer,
): Promise<() => unknown> {
	const text = body.toString();
	switch (name) {
		case 'github': {
			const { verify } = await import('@octokit/webhooks-methods');
			return async () => {
				if (!(await verify(secret, text, headers['x-hub-signature-256'] ?? ''))) throw new Error('refused');
			};
		}
		case 'stripe': {
			const { webhooks } = new Stripe('sk_test_none');
			return () => webhooks.constructEvent(body, headers['stripe-signature'] ?? '', secret);
		}
		case 'standard-webhooks': {
			const webhook = new StandardWebhook(secret);
			return () => webhook.verify(text, headers);
		}
		default: {
			const webhook = new SvixWebhook(secret);
			return () => {
				webhook.verify(text, headers);
			};
		}
	}
}
