import type { IDataObject } from 'n8n-workflow';
import { type EgressFilter, type Exchange, undiciExchange } from '../../lib';
import { withinAllowedDomains } from './allowed-domains';

/** Makes the requests of a node, as n8n's protection and the owner of the credential allow them. */
export function exchangeFor(context: { readonly helpers: object }, credential: IDataObject): Exchange {
	// Older versions of n8n have no such filter, and not every context has it.
	const { getSecureEgressFilter } = context.helpers as { getSecureEgressFilter?: () => EgressFilter };
	return withinAllowedDomains(credential, undiciExchange(getSecureEgressFilter?.()));
}
