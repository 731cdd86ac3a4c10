import { type IDataObject, isDomainAllowed } from 'n8n-workflow';
import { type Exchange, HybridSyncError } from '../../lib';

/** Keeps requests within the domains that the owner of a credential lets it be used with, as set in n8n. */
export function withinAllowedDomains(credential: IDataObject, exchange: Exchange): Exchange {
	const { allowedHttpRequestDomains: mode, allowedDomains } = credential;
	if (mode !== 'domains' || typeof allowedDomains !== 'string') return exchange;
	return async (url, request, signal) => {
		if (isDomainAllowed({ url: url.href, allowedDomains })) return await exchange(url, request, signal);
		throw new HybridSyncError(
			'configuration',
			`The credential may be used with ${allowedDomains} only, and its API URL is another. Change one of the two in the credential.`,
		);
	};
}
