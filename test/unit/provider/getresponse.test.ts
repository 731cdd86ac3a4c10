import { getResponseAccess, providers } from '../../../lib';

const webhookSecrets = (credential: unknown, now: number) => providers.getresponse.push.secrets(credential, now);

test('G6 a MAX account has its own host and its domain on every request', () => {
	const max = { apiKey: 'k', region: 'max-us', domain: 'news.example.com' };
	expect(getResponseAccess(max)).toEqual({
		baseUrl: 'https://api3.getresponse360.com/v3',
		headers: { 'X-Auth-Token': 'api-key k', 'X-Domain': 'news.example.com' },
	});
	expect(getResponseAccess({ ...max, region: 'max-pl' }).baseUrl).toBe('https://api3.getresponse360.pl/v3');
	expect(getResponseAccess({ apiKey: 'k', region: 'getresponse', domain: 'left over' })).toEqual({
		baseUrl: 'https://api.getresponse.com/v3',
		headers: { 'X-Auth-Token': 'api-key k' },
	});
	// One of several accounts of a user.
	expect(getResponseAccess({ apiKey: 'k', region: 'getresponse', parentLogin: ' owner ' }).headers).toEqual({
		'X-Auth-Token': 'api-key k',
		'X-Parent-Login': 'owner',
	});
	expect(() => getResponseAccess({ ...max, domain: ' ' })).toThrow('needs its domain');
	expect(() => getResponseAccess({ ...max, apiKey: '' })).toThrow('lacks a usable API Key');
});

test('S5 the previous secret is accepted until its end', () => {
	const secrets = {
		webhookSecret: 'the-new-secret-0001',
		previousWebhookSecret: 'the-old-secret-0001',
		previousValidUntil: '2026-06-01T00:00:00Z',
	};
	const end = Date.UTC(2026, 5, 1);
	expect(webhookSecrets(secrets, end - 1)).toEqual(['the-new-secret-0001', 'the-old-secret-0001']);
	expect(webhookSecrets(secrets, end)).toEqual(['the-new-secret-0001']);
	expect(webhookSecrets({ ...secrets, previousValidUntil: '' }, end)).toEqual([
		'the-new-secret-0001',
		'the-old-secret-0001',
	]);
	expect(webhookSecrets({ ...secrets, previousValidUntil: 'nonsense' }, 0)).toEqual(['the-new-secret-0001']);
	expect(webhookSecrets({}, 0)).toEqual([]);
});

test.each(['', 'short', 'with spaces in it all', 'plus+and&hash#%41-long'])(
	'S4 the secret "%s" is not usable',
	(webhookSecret) => {
		expect(webhookSecrets({ webhookSecret }, 0)).toEqual([]);
		expect(() => {
			providers.getresponse.push.requireSecret({ webhookSecret });
		}).toThrow('at least 16 letters and digits');
	},
);

test('G2 who publishes without a secret is given a random one, in one piece with the URL to enter', () => {
	const said = (url?: string) => {
		try {
			providers.getresponse.push.requireSecret({}, url);
		} catch (error) {
			return (error as Error).message;
		}
		throw new Error('nothing was said');
	};
	const url = 'https://n8n.example.com/webhook/6d2c/sync';
	const pattern = /(https:\S+) is the URL .* made at random, .* enter (\S+) as the Webhook Secret/;
	const [, whole, secret = ''] = pattern.exec(said(url)) ?? [];
	expect(whole).toBe(`${url}?secret=${secret}`);
	expect(webhookSecrets({ webhookSecret: secret }, 0)).toEqual([secret]);
	expect(pattern.exec(said(url))?.[2]).not.toBe(secret);
	// Whoever is refused by it is no owner, and is told nothing.
	expect(said()).not.toContain('random');
});
