import { getResponse } from './getresponse/getresponse';
import type { Provider } from './provider';

/** Every provider by name. A new one is a folder here and a line in this table. */
export const providers = {
	getresponse: getResponse,
} as const satisfies Record<string, Provider>;
