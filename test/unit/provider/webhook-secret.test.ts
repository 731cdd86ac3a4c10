import { undiciExchange } from '../../../lib';
import { webhookSecret } from '../../../lib/provider/any-service/webhook-credential';

/** What the test of a webhook secret says of its form. */

async function tested(data: object): Promise<string> {
	try {
		return `OK: ${(await webhookSecret.test?.(data, undiciExchange())) ?? ''}`;
	} catch (error) {
		return (error as Error).message;
	}
}
const whole = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

test.each([
	['github', ''],
	['shopify', ''],
	['standardWebhooks', ''],
])('an empty secret is none: %s', async (service, secret) => {
	expect(await tested({ service, secret })).toMatch(
		/^The webhook secret credential is not complete\. The secret is empty/,
	);
});

test.each([
	['github', 'a'],
	['stripe', 'whsec'],
	['standardWebhooks', 'whsec_abc'],
	['standardWebhooks', `whsec_${Buffer.alloc(15, 7).toString('base64')}`],
	['svix', 'whsec_YQ=='],
	['urlSecret', 'abc'],
])('one that cannot be whole: %s with %s', async (service, secret) => {
	expect(await tested({ service, secret })).toMatch(/^The webhook secret credential is not complete\./);
});

test('a whole one has the form, and more is not claimed', async () => {
	expect(await tested({ service: 'standardWebhooks', secret: whole })).toMatch(
		/^OK: This has the form of a secret of Standard Webhooks\. Whether it is the right one shows with the first webhook\.$/,
	);
	expect(await tested({ service: 'github', secret: 'a-secret-of-ours' })).toMatch(/^OK: /);
});
