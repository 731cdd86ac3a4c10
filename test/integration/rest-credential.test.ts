import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HybridSyncError, undiciExchange } from '../../lib';
import { apiKey } from '../../lib/provider/any-service/credential';

/** What the test of a REST API credential says, by real requests. */

let server: Server;
let origin: string;
beforeAll(async () => {
	const answers: Record<string, number> = { '/v1/me': 200, '/refused/': 401, '/refused/me': 401, '/broken/me': 500 };
	server = createServer(({ url = '' }, response) => {
		const status = answers[url] ?? 404;
		response.writeHead(status, { 'content-type': 'application/json' }).end('{"message":"Not Found"}');
	});
	await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
	origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

async function tested(apiUrl: string, testPath = ''): Promise<string> {
	const data = { apiUrl, authentication: 'bearer', token: 'a-secret-token', testPath };
	try {
		return `OK: ${(await apiKey.test?.(data, undiciExchange())) ?? ''}`;
	} catch (error) {
		if (!(error instanceof HybridSyncError)) throw error;
		return error.message;
	}
}

test('what is well, and how far it was tried', async () => {
	expect(await tested(`${origin}/v1`, '/me')).toMatch(/^OK: 127\.0\.0\.1:\d+ answers, and accepts the credential$/);
	expect(await tested(`${origin}/v1`)).toMatch(
		/^OK: 127\.0\.0\.1:\d+ answers\. Whether it accepts the credential is not tried: enter a Test Path for that$/,
	);
});

test.each([
	['api.example.com/v1', '"API URL" lacks https:// in front. Enter the whole address: https://api.example.com/v1.'],
	['//api.example.com', 'https://api.example.com.'],
	['localhost:3000', '"API URL" lacks https:// in front'],
	['ftp://api.example.com', 'The API URL in the credential is not usable. Enter it like https://'],
	['', 'lacks a usable API URL'],
])('an address that is none: %s', async (apiUrl, message) => {
	expect(await tested(apiUrl, '/me')).toContain(message);
});

test('a host that is not there, with a Test Path and without one', async () => {
	for (const path of ['', '/me']) {
		const said = await tested('https://no-such-host.invalid', path);
		expect(said).toMatch(/no-such-host\.invalid cannot be reached/);
		expect(said).toContain('Check how the API URL is written');
		expect(said).not.toMatch(/OK|Nothing is lost|ENOTFOUND|ERR_/);
	}
	expect(await tested('http://127.0.0.1:9', '/me')).toContain(
		'nothing answers there. Check how the API URL is written',
	);
});

test('a Test Path that is not there, and a credential that is refused', async () => {
	expect(await tested(`${origin}/v1`, '/nope')).toContain('has nothing at /nope (404). Check the Test Path');
	expect(await tested(`${origin}/refused`, '/me')).toMatch(/^The API refused this credential \(401\)\. Check it/);
	expect(await tested(`${origin}/refused/`)).toMatch(/refused this credential \(401\).*enter a Test Path/);
	expect(await tested(`${origin}/broken`, '/me')).toContain('not available at the moment (500');
	expect(await tested(`${origin}/v1`, 'https://elsewhere.example/me')).toContain('"Test Path" is a whole address');
});
