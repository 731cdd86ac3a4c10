import { anyService } from './any-service/any-service';
import { getResponse } from './getresponse/getresponse';
import { paddle } from './paddle/paddle';
import type { Provider } from './provider';
import { stripe } from './stripe/stripe';
import { wooCommerce } from './woocommerce/woocommerce';

/** Every provider by name. A new one is a folder here and a line in this table. */
export const providers = {
	anyService,
	getresponse: getResponse,
	paddle,
	stripe,
	woocommerce: wooCommerce,
} as const satisfies Readonly<Record<string, Provider>>;
