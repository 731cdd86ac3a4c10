import type { Position } from '../event/position';
import type { PolledRow } from '../provider/pull';

/**
 * A number that is far above all others, by mistake or malice. Were it believed, the bound would follow it and hide every
 * row that comes later. So the bound stays at the second-highest number until another row comes close to the highest, or
 * above it; the outlier itself is read again each time, and known.
 */

/** The numbers of a window. */
export interface Numbers {
	/** The second-highest, or where rows have been read before, the bound. */
	readonly newest: Position;
	readonly highest?: Position | undefined;
	readonly lowest?: Position | undefined;
	/** How many rows there were. */
	readonly read: number;
}

/** Takes more rows into account. */
export function topTwo(
	{ highest, newest, lowest }: Omit<Numbers, 'read'>,
	rows: readonly Pick<PolledRow, 'position'>[],
): { newest: Position; highest?: Position; lowest?: Position } {
	for (const { position: number } of rows) {
		if (highest === undefined) highest = number;
		else if (number > highest) [newest, highest] = [highest > newest ? highest : newest, number];
		else if (number < highest && number > newest) newest = number;
		if (lowest === undefined || number < lowest) lowest = number;
	}
	return { newest, ...(highest !== undefined && { highest }), ...(lowest !== undefined && { lowest }) };
}

/** How far apart the numbers are, on average. */
export function stepOf({ highest, lowest, read }: Omit<Numbers, 'newest'>): number {
	return highest === undefined || lowest === undefined ? 0 : Number(highest - lowest) / Math.max(1, read - 1);
}

/** How many times the usual step a number may be above the others. */
const FACTOR = 1_000;

/**
 * Whether the highest number is too far above the second-highest to be believed.
 *
 * @param usualStep as far as it is known from earlier windows
 */
export function isOutlier({ highest, newest, lowest, read }: Numbers, usualStep = 0): boolean {
	if (highest === undefined) return false;
	const stepOfOthers = stepOf({ highest: newest, lowest, read: read - 1 });
	return Number(highest - newest) > FACTOR * Math.max(1, stepOfOthers, usualStep);
}
