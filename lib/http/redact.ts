/** What stands in the place of a secret. */
const HIDDEN = '…';
/** A text that contains so short a secret is hidden whole: with only the secret hidden, it could be guessed. */
const SHORT = 4;
/** A shorter value may be found inside another one by chance. */
const CHANCE = 8;
/** What an excerpt is made from, in characters. */
const MAX_QUOTED = 4_000;

/** Hides the secrets of one credential in texts that come from elsewhere. */
export interface Redactor {
	/** The text without the secrets, in whatever form they are written there. */
	readonly redact: (text: string) => string;
	/** The beginning of a text without the secrets, at most so many characters. */
	readonly excerpt: (text: string, length: number) => string;
	/** Whether a value of a link is, or contains, a secret. */
	readonly isSecret: (value: string) => boolean;
}

/**
 * @param sent what is sent to prove who asks, e.g. `Bearer abc`, and the secrets that it was made of. A part behind a space
 *   is a secret of its own
 */
export function redactorOf(sent: readonly string[]): Redactor {
	const secrets = [...new Set(sent.flatMap((text) => [text, text.slice(text.indexOf(' ') + 1)]))].filter(
		(secret) => secret !== '',
	);
	const short = secrets.filter((secret) => secret.length < SHORT);
	// The longest first, so that nothing is left of one that contains another.
	const forms = [...new Set(secrets.filter((secret) => secret.length >= SHORT).flatMap(formsOf))].sort(
		(a, b) => b.length - a.length,
	);
	const longest = forms[0]?.length ?? 0;
	const redact = (text: string) => {
		if (short.some((secret) => text.includes(secret))) return HIDDEN;
		return forms.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text);
	};
	return {
		redact,
		excerpt: (text, length) => {
			const isCut = text.length > MAX_QUOTED;
			const redacted = redact(isCut ? text.slice(0, MAX_QUOTED) : text);
			// A secret may have been cut in two.
			const whole = isCut ? redacted.slice(0, Math.max(0, redacted.length - longest)) : redacted;
			return whole.length > length ? `${whole.slice(0, length)}${HIDDEN}` : whole;
		},
		isSecret: (value) => secrets.includes(value) || forms.some((form) => form.length >= CHANCE && value.includes(form)),
	};
}

/** The ways in which a server may write a secret. */
function formsOf(secret: string): string[] {
	const percent = encodeURIComponent(secret.toWellFormed());
	return [
		secret,
		percent,
		percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
		percent.replaceAll('%20', '+'),
		JSON.stringify(secret).slice(1, -1),
		secret.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
		secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
		JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
		percent.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
		encodeURIComponent(percent),
		encodeURI(secret.toWellFormed()),
		secret.replaceAll(' ', '%20'),
		secret.toLowerCase(),
		Buffer.from(secret).toString('hex'),
		Buffer.from(secret).toString('hex').toUpperCase(),
		...base64FormsOf(secret),
	].filter((form) => form.length >= SHORT);
}

/** As base64 writes it by itself, and inside of something longer, such as `user:password`. */
function base64FormsOf(secret: string): string[] {
	const bytes = Buffer.from(secret);
	return [0, 1, 2].flatMap((before) => {
		const text = Buffer.concat([Buffer.alloc(before), bytes])
			.toString('base64')
			.replace(/=+$/, '');
		// The characters that depend on the secret alone.
		const from = Math.ceil((before * 8) / 6);
		const to = Math.floor(((before + bytes.length) * 8) / 6);
		const core = text.slice(from, to);
		return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
	});
}
