import { z } from 'zod/v4';
import { MINUTE } from '../../base/time';
import { withClientCredentials } from '../../http/client-credentials';
import { type Exchange, type Transport, createTransport } from '../../http/transport';
import { understood } from '../access';
import { accessOf } from './credential';

const SERVICE = 'GetResponse';

/** Per user. @see https://apireference.getresponse.com/#section/Limits-and-throttling */
const LIMITS = { perSecond: 80, quota: { requests: 30_000, perMs: 10 * MINUTE }, parallel: 10 };

export function transportOf(
	credential: unknown,
	use: { readonly exchange: Exchange; readonly share?: number },
): Transport {
	const { client, ...where } = accessOf(credential);
	const tokens =
		client &&
		withClientCredentials(
			{ service: SERVICE, tokenUrl: `${where.baseUrl.replace(/\/+$/, '')}/token`, ...client, headers: where.headers },
			use.exchange,
		);
	return createTransport({
		service: SERVICE,
		...where,
		...use,
		...(tokens && { ...tokens, identity: client, proofSecret: client.clientSecret }),
		limits: LIMITS,
		credentialHint: `Check the ${client ? 'Client ID, the Client Secret' : 'API key'} and the region or API URL in the credential of the trigger.`,
	});
}

const account = z.looseObject({ accountId: z.string().min(1) });

/** The id of the account that a credential belongs to. */
export async function accountOf(transport: Transport): Promise<string> {
	const response = await transport.send({ path: '/accounts', query: { fields: 'accountId' } });
	return understood(SERVICE, account, response).accountId;
}
