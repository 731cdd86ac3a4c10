/** An answer of the REST API. */
export interface Answer {
	status: number;
	body: unknown;
	headers?: Record<string, string>;
}

/** A failed request, with the status and the code that WordPress answers. */
export class RestError extends Error {
	override readonly name = 'RestError';

	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
		private readonly data: object = {},
	) {
		super(message);
	}

	get body() {
		return { code: this.code, message: this.message, data: { status: this.status, ...this.data } };
	}
}

/** JSON as PHP writes it: slashes and everything beyond ASCII are escaped. */
export function phpJson(value: unknown): string {
	return JSON.stringify(value)
		.replaceAll('/', '\\/')
		.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A time as rows show it: whole seconds, without a zone. */
export function restTime(milliseconds: number): string;
export function restTime(milliseconds: number | null): string | null;
export function restTime(milliseconds: number | null): string | null {
	return milliseconds === null ? null : new Date(milliseconds).toISOString().slice(0, 19);
}

/** The four dates of a row, in the time of the site and in GMT. */
export function restDates(createdAt: number, modifiedAt: number | null, siteOffsetMinutes: number) {
	const offset = siteOffsetMinutes * 60_000;
	return {
		date_created: restTime(createdAt + offset),
		date_created_gmt: restTime(createdAt),
		date_modified: restTime(modifiedAt === null ? null : modifiedAt + offset),
		date_modified_gmt: restTime(modifiedAt),
	};
}

export const wholeSecond = (milliseconds: number) => Math.floor(milliseconds / 1000) * 1000;
