import { Readable } from 'node:stream';
import { HybridSyncError } from '../../../lib';
import { withClientCredentials } from '../../../lib/http/client-credentials';
import { type Exchange, type RawResponse, createTransport } from '../../../lib/http/transport';

/* Tokens that an application fetches for itself. */

const answer = (status: number, body: object | string): RawResponse => ({
	status,
	headers: { 'content-type': 'application/json' },
	body: Readable.from([Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))]),
});
const granted = (access_token: string, more: object = {}) => answer(200, { access_token, expires_in: 3_600, ...more });

interface Service {
	readonly token: () => RawResponse | Promise<RawResponse>;
	readonly api?: (token: string) => RawResponse;
}
const exchangeOf =
	({ token, api = () => answer(200, {}) }: Service): Exchange =>
	async (url, { headers }) =>
		url.pathname.endsWith('/token') ? await token() : api((headers['authorization'] ?? '').replace('Bearer ', ''));

let secrets = 0;
/** As a provider makes it, with a secret of its own unless one is given. */
function transportWith(exchange: Exchange, clientSecret = `client-secret-number-${++secrets}`) {
	const baseUrl = 'https://api.example.com/v3';
	const credentials = { service: 'Acme', tokenUrl: `${baseUrl}/token`, clientId: 'me', clientSecret, headers: {} };
	const tokens = withClientCredentials(credentials, exchange);
	return createTransport({ service: 'Acme', baseUrl, ...tokens, identity: clientSecret, credentialHint: '' });
}
const failureOf = async (sending: Promise<unknown>) =>
	await sending.then(
		() => {
			throw new Error('it was answered');
		},
		(error: unknown) => error as HybridSyncError,
	);

test('S5 a token that is refused and echoed is not told, though it has been forgotten', async () => {
	const api = (token: string) => answer(401, { message: `The token ${token} is not accepted` });
	const { message } = await failureOf(
		transportWith(exchangeOf({ token: () => granted('TOKEN-4711-SECRET'), api })).send({ path: '/accounts' }),
	);
	expect(message).toContain('is not accepted');
	expect(message).not.toContain('TOKEN-4711-SECRET');
});

test.each([
	['zero', 0],
	['a text', '3600'],
	['nothing', undefined],
	['null', null],
	['more than can be', 1e300],
	['a moment', 30],
])('a token that is good for %s is used', async (_name, expires_in) => {
	const transport = transportWith(exchangeOf({ token: () => granted('a-token', { expires_in }) }));
	expect((await transport.send({ path: '/accounts' })).status).toBe(200);
});

test.each([
	['no JSON', answer(200, '<html>')],
	['an error', answer(200, { error: 'invalid_client' })],
	['a line break in the token', granted('a\r\nb')],
])('what is no token is an error that says so: %s', async (_name, response) => {
	const { code } = await failureOf(transportWith(exchangeOf({ token: () => response })).send({ path: '/accounts' }));
	expect(code).toBe('bad-response');
});

test('what is said in the place of a token is read to some length only, and what it means stays', async () => {
	let sent = 0;
	const endless = (async function* () {
		for (; sent < 2_000; sent += 1) {
			await Promise.resolve();
			yield Buffer.alloc(10_000, 'x');
		}
	})();
	const transport = transportWith(exchangeOf({ token: () => ({ status: 503, headers: {}, body: endless }) }));
	expect((await failureOf(transport.send({ path: '/accounts' }))).code).toBe('unavailable');
	expect(sent).toBeLessThan(20);
});

test('where one credential may not go, another one with the same application may', async () => {
	const clientSecret = 'the-secret-of-both';
	const waiting = Promise.withResolvers<undefined>();
	const forbidden = transportWith(
		exchangeOf({
			token: async () => {
				await waiting.promise;
				throw new HybridSyncError('configuration', 'not allowed there');
			},
		}),
		clientSecret,
	);
	const allowed = transportWith(exchangeOf({ token: () => granted('a-token') }), clientSecret);
	const first = failureOf(forbidden.send({ path: '/accounts' }));
	const second = allowed.send({ path: '/accounts' });
	waiting.resolve(undefined);
	expect((await first).code).toBe('configuration');
	expect((await second).status).toBe(200);
});

test('who gives up does not wait for the token', async () => {
	const never = Promise.withResolvers<RawResponse>();
	const giveUp = new AbortController();
	const sending = failureOf(
		transportWith(exchangeOf({ token: () => never.promise })).send({ path: '/accounts' }, giveUp.signal),
	);
	giveUp.abort(new Error('enough'));
	expect((await sending).code).toBe('unavailable');
	never.resolve(granted('late'));
});
