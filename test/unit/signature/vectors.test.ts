import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifySignature } from '../../../lib';

/** What the services and the makers of their SDKs have published, or, where they have not, what their recipe gives. */
interface Vector {
	readonly id: string;
	readonly provider: string;
	readonly secret: string;
	readonly body?: string;
	readonly formParams?: Record<string, string>;
	readonly method?: string;
	readonly url?: string;
	readonly headers: Record<string, string>;
	readonly timestamp?: number | string;
	readonly now?: number;
	readonly toleranceSeconds?: number | null;
}
const vectors = JSON.parse(readFileSync(join(__dirname, 'vectors.json'), 'utf8')) as Vector[];

/** Name of the scheme for what the file calls a provider. */
const nameOf = (provider: string) =>
	provider
		.replace(/ \(.*\)$/, '')
		.replace(/[ ./]+/g, '-')
		.toLowerCase();

function verify({ provider, secret, method = 'POST', url, headers, ...vector }: Vector, change: object = {}) {
	const form = vector.formParams && new URLSearchParams(vector.formParams).toString();
	const { timestamp: at } = vector;
	const seconds = typeof at === 'number' ? (at > 1e11 ? at / 1000 : at) : at === undefined ? 0 : Date.parse(at) / 1000;
	const request = {
		method,
		url: url ?? '/webhook',
		headers,
		rawBody: Buffer.from(form ?? vector.body ?? ''),
		...change,
	};
	return verifySignature(nameOf(provider), request, [secret], { now: new Date((vector.now ?? seconds) * 1000) });
}

test.each(vectors.map((vector) => [vector.id, vector] as const))('S1 %s is accepted', (_, vector) => {
	expect(verify(vector)).toMatchObject({ ok: true, secretIndex: 0 });
});

test.each(vectors.map((vector) => [vector.id, vector] as const))(
	'S1 %s with another secret is refused',
	(_, vector) => {
		const middle = Math.floor(vector.secret.length / 2);
		const other = vector.secret[middle] === 'B' ? 'C' : 'B';
		const secret = `${vector.secret.slice(0, middle)}${other}${vector.secret.slice(middle + 1)}`;
		expect(secret).not.toBe(vector.secret);
		expect(verify({ ...vector, secret }).ok).toBe(false);
	},
);
