import { getResponse } from './getresponse/getresponse';
import type { Provider } from './provider';

/** Providers that push. */
export type ProviderName = 'getresponse';

/** Every provider by name. A new one is a folder here and a line in this table. */
export const providers: Readonly<Record<ProviderName, Provider>> = {
	getresponse: getResponse,
};
