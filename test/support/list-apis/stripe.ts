import {
	type Entry,
	type ListApi,
	type ListApiRequest,
	type Reply,
	ListModel,
	byCreated,
	inOrder,
	lettersOf,
	wholeNumber,
} from './model';

/**
 * Charges. The pages are https://docs.stripe.com/api/charges/list, https://docs.stripe.com/api/pagination and
 * https://docs.stripe.com/error-codes. A charge has no time of its last change, and its id says nothing of its age.
 * Guessed: what a limit out of bounds is answered with.
 */
class StripeCharges extends ListModel {
	readonly pageSize = 100;
	readonly defaultPageSize = 10;

	protected idOf(n: number): string {
		return `ch_3${lettersOf(`charge ${n}`, 23)}`;
	}

	protected reply({ url }: ListApiRequest): Reply {
		if (url.pathname !== '/v1/charges') {
			return invalid(`Unrecognized request URL (GET: ${url.pathname}).`, undefined, undefined, 404);
		}
		const query = url.searchParams;
		const refusal = refuse(query, this.pageSize);
		if (refusal) return refusal;
		const limit = Number(query.get('limit') ?? this.defaultPageSize);
		// Newest first; of one second too.
		const ordered = inOrder(this.entries, { by: byCreated, descending: true });
		const found = ordered.filter(({ created }) => isBetween(created / 1000, query));
		const cursor = query.get('starting_after') ?? query.get('ending_before');
		const index = cursor === null ? -1 : found.findIndex(({ n }) => this.idOf(n) === cursor);
		if (cursor !== null && index < 0) {
			const name = query.has('starting_after') ? 'starting_after' : 'ending_before';
			return invalid(`No such charge: '${cursor}'`, name, 'resource_missing');
		}
		const isBackwards = cursor !== null && !query.has('starting_after');
		const rest = isBackwards ? found.slice(0, index) : found.slice(index + 1);
		const rows = isBackwards ? rest.slice(-limit) : rest.slice(0, limit);
		const data = rows.map((entry) => charge(entry, this.idOf(entry.n)));
		return { body: { object: 'list', data, has_more: rest.length > rows.length, url: '/v1/charges' } };
	}
}

const KNOWN = /^(limit|starting_after|ending_before|customer|payment_intent|transfer_group|expand\[\d*\])$/;
const CREATED = /^created(\[(gte?|lte?)\])?$/;

function refuse(query: URLSearchParams, largest: number): Reply | undefined {
	for (const [name, value] of query) {
		if (!KNOWN.test(name) && !CREATED.test(name)) {
			return invalid(`Received unknown parameter: ${name}`, name, 'parameter_unknown');
		}
		if ((name === 'limit' || CREATED.test(name)) && wholeNumber(value) === undefined) {
			return invalid(`Invalid integer: ${value}`, name, 'parameter_invalid_integer');
		}
		if (name === 'limit' && Number(value) < 1) {
			return invalid('This value must be greater than or equal to 1.', name, 'parameter_invalid_integer');
		}
		if (name === 'limit' && Number(value) > largest) {
			const message = `This value must be less than or equal to ${largest} (it currently is '${value}').`;
			return invalid(message, name, 'parameter_invalid_integer');
		}
	}
	return undefined;
}

function isBetween(created: number, query: URLSearchParams): boolean {
	const holds = (name: string, test: (bound: number) => boolean) => {
		const bound = query.get(name);
		return bound === null || test(Number(bound));
	};
	return (
		holds('created', (bound) => created === bound) &&
		holds('created[gt]', (bound) => created > bound) &&
		holds('created[gte]', (bound) => created >= bound) &&
		holds('created[lt]', (bound) => created < bound) &&
		holds('created[lte]', (bound) => created <= bound)
	);
}

function invalid(message: string, param?: string, code?: string, status = 400): Reply {
	const about = code !== undefined && {
		code,
		doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
	};
	return {
		status,
		body: { error: { ...about, message, ...(param !== undefined && { param }), type: 'invalid_request_error' } },
	};
}

function charge({ n, created, changes }: Entry, id: string): object {
	const amount = 1000 + n;
	return {
		id,
		object: 'charge',
		amount,
		amount_captured: amount,
		amount_refunded: changes > 0 ? amount : 0,
		application: null,
		application_fee: null,
		application_fee_amount: null,
		balance_transaction: `txn_3${lettersOf(`transaction ${n}`, 23)}`,
		billing_details: {
			address: { city: null, country: 'US', line1: null, line2: null, postal_code: '94107', state: null },
			email: `person${n}@example.com`,
			name: `Person ${n}`,
			phone: null,
			tax_id: null,
		},
		calculated_statement_descriptor: 'Stripe',
		captured: true,
		created: created / 1000,
		currency: 'usd',
		customer: `cus_${lettersOf(`customer ${n % 7}`, 14)}`,
		description: n % 2 === 0 ? null : `Order ${n}`,
		disputed: false,
		failure_balance_transaction: null,
		failure_code: null,
		failure_message: null,
		fraud_details: {},
		livemode: false,
		metadata: { order_id: String(6000 + n), changes: String(changes) },
		on_behalf_of: null,
		outcome: {
			advice_code: null,
			network_status: 'approved_by_network',
			reason: null,
			risk_level: 'normal',
			risk_score: 32,
			seller_message: 'Payment complete.',
			type: 'authorized',
		},
		paid: true,
		payment_intent: `pi_3${lettersOf(`intent ${n}`, 23)}`,
		payment_method: `pm_1${lettersOf(`method ${n % 7}`, 23)}`,
		payment_method_details: {
			card: {
				brand: 'visa',
				checks: { address_line1_check: null, address_postal_code_check: 'pass', cvc_check: 'pass' },
				country: 'US',
				exp_month: 12,
				exp_year: 2034,
				fingerprint: lettersOf(`card ${n % 7}`, 16),
				funding: 'credit',
				last4: '4242',
				network: 'visa',
				three_d_secure: null,
			},
			type: 'card',
		},
		receipt_email: null,
		receipt_number: null,
		receipt_url: `https://pay.stripe.com/receipts/payment/${lettersOf(`receipt ${n}`, 40)}`,
		refunded: changes > 0,
		review: null,
		shipping: null,
		source: null,
		source_transfer: null,
		statement_descriptor: null,
		statement_descriptor_suffix: null,
		status: 'succeeded',
		transfer_data: null,
		transfer_group: null,
	};
}

export const stripe: ListApi = { name: 'Stripe charges', url: '/v1/charges', create: () => new StripeCharges() };
