import { anyService } from './any-service/any-service';
import { getResponse } from './getresponse/getresponse';
import type { Provider } from './provider';

/** Every provider by name. A new one is a folder here and a line in this table. */
export const providers = {
	anyService,
	getresponse: getResponse,
} as const satisfies Readonly<Record<string, Provider>>;
