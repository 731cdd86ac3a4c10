/**
 * How often the provider is asked. Pure: what is known comes in, milliseconds come out.
 *
 * The longer polling has found nothing that was not known already, the longer the pause before it asks again: a tenth of
 * that time, up to a limit. Nothing is found because nothing happens, or because push brings everything: while push is
 * known to work, the limit is a longer one. Whatever polling finds brings the pause back to nothing.
 */
export type Cadence =
	| { readonly kind: 'fixed'; readonly everyMs: number }
	| {
			readonly kind: 'adaptive';
			/** The longest pause, and the longest while push works; in milliseconds. */
			readonly longestMs: number;
			readonly longestWithPushMs: number;
	  };

/** Part of the calm that a pause may last. */
const SHARE = 0.1;

/**
 * @param calmMs how long polling has found nothing by itself
 * @param pushWorks whether push has been seen to bring everything
 * @returns milliseconds between the beginnings of two readings; 0 for every tick
 */
export function pauseFor(cadence: Cadence, calmMs: number, pushWorks: boolean): number {
	switch (cadence.kind) {
		case 'fixed':
			return cadence.everyMs;
		case 'adaptive': {
			const longest = pushWorks ? Math.max(cadence.longestMs, cadence.longestWithPushMs) : cadence.longestMs;
			return Math.min(Math.max(0, calmMs) * SHARE, longest);
		}
	}
}
