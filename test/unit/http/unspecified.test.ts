import type { LookupFunction } from 'node:net';
import { lookupSpecified, refuseUnspecified } from '../../../lib/http/unspecified';

test.each([
	'http://[::]',
	'http://[::]:8080/x',
	'http://0.0.0.0',
	'http://0',
	'http://0.1.2.3',
	'http://[::ffff:0.0.0.0]',
])('S11 %s is refused: it leads to loopback', (url) => {
	expect(() => {
		refuseUnspecified(new URL(url));
	}).toThrow('does not allow requests');
});

test.each(['http://127.0.0.1', 'http://[::1]', 'http://10.0.0.1', 'https://api.example.com', 'http://[2001:db8::1]'])(
	'%s is for others to judge',
	(url) => {
		expect(() => {
			refuseUnspecified(new URL(url));
		}).not.toThrow();
	},
);

test.each([
	['::', 6],
	['0.0.0.0', 4],
] as const)('S11 a host name that leads to %s is refused', async (address, family) => {
	for (const all of [true, false]) {
		const find = ((_host, _options, callback) => {
			if (all)
				callback(null, [
					{ address: '192.0.2.1', family: 4 },
					{ address, family },
				]);
			else callback(null, address, family);
		}) as LookupFunction;
		const error = await new Promise((resolve) => {
			lookupSpecified(find)('rebound.example.com', { all }, (reason) => {
				resolve(reason);
			});
		});
		expect(String(error)).toContain('does not allow requests to rebound.example.com');
	}
});

test('a host name that leads nowhere is told as it is', async () => {
	const find = ((_host, _options, callback) => {
		callback(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), undefined as never);
	}) as LookupFunction;
	const error = await new Promise((resolve) => {
		lookupSpecified(find)('nowhere.example.com', {}, (reason) => {
			resolve(reason);
		});
	});
	expect(error).toMatchObject({ code: 'ENOTFOUND' });
});
