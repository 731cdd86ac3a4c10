import { isIP } from 'node:net';
import { OpenAPIBackend, SetMatchType } from 'openapi-backend';
import type { ExchangedRequest, ExchangedResponse, OnExchange } from '../api';

/** Of a validator's error what is told of. */
interface Violation {
	readonly instancePath: string;
	readonly keyword: string;
	readonly message?: string | undefined;
	readonly params: Readonly<Record<string, unknown>>;
}

/** Formats as GetResponse understands them: its times have no colon in the offset. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
	date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
	'date-time': (text) =>
		/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$/.test(text) && !Number.isNaN(Date.parse(text.replace(/\d\d$/, ':$&'))),
	email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
	ipv4: (text) => isIP(text) === 4,
	ipv6: (text) => isIP(text) === 6,
	uri: (text) => URL.canParse(text),
};

/** A key; a token; or for a token, the application itself. */
const PROOF = /^(?:api-key|Bearer|Basic) \S+$/;

/** Holds what is asked and answered against the OpenAPI document of GetResponse. */
export class DescribedApi {
	private readonly violations = new Set<string>();
	/** Operations that were asked for. */
	readonly asked = new Set<string>();
	/** Those that were answered with what they are for, in full; of a list, with some of its things. */
	readonly answered = new Set<string>();
	/** To be given to a simulator. */
	readonly onExchange: OnExchange = (request, response) => {
		for (const violation of this.check(request, response)) this.violations.add(violation);
	};

	private constructor(private readonly api: OpenAPIBackend) {}

	/** @throws where the document itself is not as OpenAPI has it */
	static async read(): Promise<DescribedApi> {
		const api = new OpenAPIBackend({
			definition: 'test/simulator/openapi/getresponse.yml',
			apiRoot: '/v3',
			strict: true,
			ajvOpts: { allErrors: true },
			customizeAjv(ajv) {
				for (const [name, validate] of Object.entries(FORMATS)) ajv.addFormat(name, validate);
				return ajv;
			},
		});
		return new DescribedApi(await api.init());
	}

	get operations(): string[] {
		return this.api.getOperations().map(({ operationId = '' }) => operationId);
	}

	/** @returns what was not as described since it was last asked for, in words that name the operation */
	takeViolations(): string[] {
		const taken = [...this.violations];
		this.violations.clear();
		return taken;
	}

	/** @returns what is not as described, in the request or its answer; of an answer that a fault made nothing is expected */
	check(request: ExchangedRequest, response: ExchangedResponse): string[] {
		const { router, validator } = this.api;
		const { pathname, searchParams } = new URL(request.path, 'http://simulator');
		const asked = {
			method: request.method,
			path: pathname,
			query: Object.fromEntries([...new Set(searchParams.keys())].map((name) => [name, valueOf(searchParams, name)])),
			headers: request.headers as Record<string, string | string[]>,
			// An empty text, too, is read as one, so that a body is missed where there should be one.
			body: isForm(request) ? Object.fromEntries(new URLSearchParams(request.body)) : request.body,
		};
		const operation = router.matchOperation(asked);
		if (operation?.operationId === undefined) return [`${request.method} ${pathname}: there is no such operation`];

		const { operationId, requestBody, responses = {} } = operation;
		this.asked.add(operationId);
		const found = new Set<string>();
		const tell = (part: string, errors: readonly Violation[] | null | undefined) => {
			for (const error of errors ?? []) found.add(`${operationId}, ${part}: ${wordsOf(error)}`);
		};
		tell('request', validator.validateRequest(asked, operation).errors);
		if (!PROOF.test(String(request.headers['x-auth-token'] ?? request.headers.authorization))) {
			found.add(`${operationId}, request: nothing proves who asks`);
		}
		if (!requestBody && request.body !== '') found.add(`${operationId}, request: has a body`);
		if (response.isScripted) return [...found];

		const { status: statusCode, headers } = response;
		const part = `answer ${statusCode}`;
		// The validator lets pass whatever has no description.
		if (!responses[statusCode]) found.add(`${operationId}, ${part}: there is no such answer`);
		const content = contentOf(response);
		const fields = searchParams.get('fields')?.split(',');
		const { errors } = validator.validateResponse(content, operation, statusCode);
		tell(
			part,
			errors?.filter((error) => !fields || !isLeftOut(error, fields)),
		);
		const options = { statusCode, setMatchType: SetMatchType.Superset };
		tell(`${part}, headers`, validator.validateResponseHeaders(headers, operation, options).errors);

		const isEmpty = Array.isArray(content) && content.length === 0;
		if (statusCode < 300 && found.size === 0 && !fields && !isEmpty) this.answered.add(operationId);
		return [...found];
	}
}

const isForm = ({ headers }: ExchangedRequest) => headers['content-type'] === 'application/x-www-form-urlencoded';

function valueOf(query: URLSearchParams, name: string): string | string[] {
	const [only = '', ...others] = query.getAll(name);
	return others.length === 0 ? only : [only, ...others];
}

/** Who asks for some fields gets no others, whatever a thing has to have. */
function isLeftOut({ keyword, instancePath, params }: Violation, fields: readonly string[]): boolean {
	return (
		keyword === 'required' && /^(\/\d+)?$/.test(instancePath) && !fields.includes(String(params['missingProperty']))
	);
}

/** What stands in an answer; a text that is no JSON is of no type that is described. */
function contentOf({ body }: ExchangedResponse): unknown {
	if (body === '') return null;
	try {
		return JSON.parse(body) as unknown;
	} catch {
		return body;
	}
}

/** The same for each row of a list. */
function wordsOf({ instancePath, message = '', params }: Violation): string {
	const { additionalProperty, allowedValues } = params;
	const named = additionalProperty ?? allowedValues;
	const path = instancePath.replace(/^\/\d+/, '/*');
	return [path, message, named === undefined ? '' : JSON.stringify(named)].filter((word) => word !== '').join(' ');
}
