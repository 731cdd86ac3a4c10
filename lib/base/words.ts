import { DAY, HOUR, MINUTE } from './time';

/** Numbers, durations and times as people read them. */

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

export const number = (value: number) => numbers.format(value);

const UNITS = [
	{ ms: DAY, name: 'd' },
	{ ms: HOUR, name: 'h' },
	{ ms: MINUTE, name: 'min' },
	{ ms: 1_000, name: 's' },
] as const;

/** @param milliseconds e.g. 90,000, which is `1.5 min` */
export function duration(milliseconds: number): string {
	const unit = UNITS.find(({ ms }) => milliseconds >= ms);
	return unit ? `${Number((milliseconds / unit.ms).toPrecision(2))} ${unit.name}` : `${Math.round(milliseconds)} ms`;
}

/** How times are written. */
export interface Clock {
	readonly time: (at: number) => string;
	readonly day: (at: number) => string;
}

/** @param timeZone e.g. `Europe/Warsaw` */
export function clockIn(timeZone: string): Clock {
	const format = (options: Intl.DateTimeFormatOptions) => {
		const formatter = new Intl.DateTimeFormat('en-GB', { timeZone, hourCycle: 'h23', ...options });
		return (at: number) => formatter.format(at);
	};
	return {
		time: format({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }),
		day: format({ day: 'numeric', month: 'short' }),
	};
}
