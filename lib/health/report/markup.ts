import { htmlEscape } from 'escape-goat';

/** Markup that is safe to stand in a page: all text in it has been escaped. */
export class Markup {
	constructor(readonly text: string) {}
}

type Value = string | number | Markup | readonly Markup[];

/** In characters: longer texts of events are cut. */
const MAX_TEXT_LENGTH = 500;

/**
 * Writes markup. Whatever is put in is text, unless it is markup itself, so that nothing from an event can act: neither tags
 * nor quotes, nor characters that are not seen and turn the text around.
 */
export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
	return new Markup(parts.reduce((text, part, index) => text + written(values[index - 1] ?? '') + part));
}

function written(value: Value): string {
	if (value instanceof Markup) return value.text;
	if (typeof value === 'object') return value.map(({ text }) => text).join('\n');
	return htmlEscape(visible(String(value)));
}

function visible(text: string): string {
	const shown = text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\u{FFFD}');
	return shown.length > MAX_TEXT_LENGTH ? `${shown.slice(0, MAX_TEXT_LENGTH)}…` : shown;
}
