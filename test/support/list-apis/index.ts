import { django } from './django';
import { github } from './github';
import { graph } from './graph';
import { hubspot } from './hubspot';
import type { ListApi } from './model';
import { pipedrive } from './pipedrive';
import { shopify } from './shopify';
import { stripe } from './stripe';
import { twilio } from './twilio';
import { wooCommerce } from './woocommerce';
import { zendesk } from './zendesk';

export type { ListApi, ListApiAnswer, ListApiModel, ListApiRequest } from './model';

/** Lists of ten real services, by what their pages say. */
export const listApis: readonly ListApi[] = [
	github,
	stripe,
	shopify,
	wooCommerce,
	django,
	zendesk,
	pipedrive,
	twilio,
	hubspot,
	graph,
];
