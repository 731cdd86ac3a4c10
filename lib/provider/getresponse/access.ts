import { z } from 'zod/v4';
import { MINUTE } from '../../base/time';
import { type Exchange, type Transport, createTransport } from '../../http/transport';
import { understood } from '../access';
import { accessOf } from './credential';

/** Per user. @see https://apireference.getresponse.com/#section/Limits-and-throttling */
const LIMITS = { perSecond: 80, quota: { requests: 30_000, perMs: 10 * MINUTE }, parallel: 10 };

export function transportOf(
	credential: unknown,
	use: { readonly exchange: Exchange; readonly share?: number },
): Transport {
	return createTransport({
		service: 'GetResponse',
		...accessOf(credential),
		...use,
		limits: LIMITS,
		credentialHint: 'Check the API key and the region or API URL in the credential of this node.',
	});
}

const account = z.looseObject({ accountId: z.string().min(1) });

/** The id of the account that a credential belongs to. */
export async function accountOf(transport: Transport): Promise<string> {
	const response = await transport.send({ path: '/accounts', query: { fields: 'accountId' } });
	return understood('GetResponse', account, response).accountId;
}
