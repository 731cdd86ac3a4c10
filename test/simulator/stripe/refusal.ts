/** The parts of a Stripe error besides its message. */
export interface RefusalDetails {
	readonly type?: string;
	readonly code?: string;
	/** The parameter that is wrong. */
	readonly param?: string;
}

/** A request that Stripe refuses, with the HTTP status and the error body that it sends. */
export class Refusal extends Error {
	override readonly name = 'Refusal';

	constructor(
		readonly status: number,
		message: string,
		readonly details: RefusalDetails = {},
	) {
		super(message);
	}

	get body(): object {
		const { type = 'invalid_request_error', code, param } = this.details;
		return {
			error: {
				...(code !== undefined && {
					code,
					doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
				}),
				message: this.message,
				...(param !== undefined && { param }),
				type,
			},
		};
	}
}

/** An object that does not exist, or no longer. */
export function noSuch(kind: string, id: string, param = 'id', status = 404): Refusal {
	return new Refusal(status, `No such ${kind}: '${id}'`, { code: 'resource_missing', param });
}
