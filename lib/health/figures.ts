import { MOST_COUNTED } from '../ledger/ledger';

/** How figures are rounded and written in the health and its report. */

/** A number that may be counted to its end or not. */
export const atLeast = (count: number) => (count >= MOST_COUNTED ? `${MOST_COUNTED} or more` : String(count));

/** @returns a part of all, from 0 to 1, to four digits */
export const share = (part: number, all: number) => Math.round((part / all) * 10_000) / 10_000;

/** @param value a share, from 0 to 1 */
export const percent = (value: number) => `${Math.round(value * 10_000) / 100} %`;
