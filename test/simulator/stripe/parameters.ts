import { Refusal } from './refusal';

interface Entry {
	readonly name: string;
	/** The text between the brackets: `''` in `types[]`; undefined without brackets. */
	readonly key: string | undefined;
	readonly value: string;
}

const BRACKETS = /^([^[\]]+)\[([^[\]]*)\]$/;

/** The parameters of a query or form body. Brackets make lists (`types[]=`, `types[0]=`) and maps (`created[gt]=`). */
export class Parameters {
	private readonly entries: readonly Entry[];

	constructor(encoded: string) {
		this.entries = [...new URLSearchParams(encoded)].map(([written, value]) => {
			const [, name = written, key] = BRACKETS.exec(written) ?? [];
			return { name, key, value };
		});
	}

	/** Refuses a parameter that is not one of these. `expand` is always allowed. */
	only(...names: string[]): void {
		const unknown = this.entries.find(({ name }) => name !== 'expand' && !names.includes(name));
		if (unknown) {
			throw new Refusal(400, `Received unknown parameter: ${unknown.name}`, {
				code: 'parameter_unknown',
				param: unknown.name,
			});
		}
	}

	has(name: string): boolean {
		return this.entries.some((entry) => entry.name === name);
	}

	text(name: string): string | undefined {
		const entry = this.entries.find((candidate) => candidate.name === name);
		if (entry?.key !== undefined) throw new Refusal(400, 'Invalid string', { param: name });
		return entry?.value;
	}

	required(name: string): string {
		const value = this.text(name);
		if (value === undefined || value === '') throw missingParameter(name);
		return value;
	}

	boolean(name: string): boolean | undefined {
		const value = this.text(name);
		if (value === undefined) return undefined;
		if (value !== 'true' && value !== 'false') throw new Refusal(400, `Invalid boolean: ${value}`, { param: name });
		return value === 'true';
	}

	list(name: string): string[] | undefined {
		const found = this.entries.filter((entry) => entry.name === name);
		if (found.some(({ key }) => key === undefined || !/^\d*$/.test(key))) {
			throw new Refusal(400, 'Invalid array', { param: name });
		}
		return found.length === 0 ? undefined : found.map(({ value }) => value);
	}

	/** The entries of a map. One without brackets has the key `''`, as in `created=1` and `metadata=`. */
	map(name: string): Map<string, string> {
		const found = this.entries.filter((entry) => entry.name === name);
		return new Map(found.map(({ key, value }) => [key ?? '', value]));
	}

	/** The number of rows of a page: 1 to 100, 10 by default. */
	limit(): number {
		const value = this.text('limit');
		if (value === undefined) return 10;
		const limit = integer('limit', value);
		const bound = limit < 1 ? 'greater than or equal to 1' : limit > 100 ? 'less than or equal to 100' : undefined;
		if (bound === undefined) return limit;
		const message = `This value must be ${bound} (it currently is '${value}').`;
		throw new Refusal(400, message, { code: 'parameter_invalid_integer', param: 'limit' });
	}
}

export function integer(name: string, value: string): number {
	if (/^-?\d+$/.test(value)) return Number(value);
	throw new Refusal(400, `Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param: name });
}

export function missingParameter(name: string): Refusal {
	return new Refusal(400, `Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
}

/** Refuses two parameters that exclude each other. */
export function exclusive(parameters: Parameters, one: string, other: string): void {
	if (!parameters.has(one) || !parameters.has(other)) return;
	const message = `You may only specify one of these parameters: ${one}, ${other}.`;
	throw new Refusal(400, message, { param: one });
}
