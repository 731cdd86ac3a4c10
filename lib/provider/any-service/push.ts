import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { hashOf } from '../../base/hash';
import type { DeadLetter } from '../../event/dead-letter';
import type { ProviderEvent } from '../../event/event';
import { composeKey } from '../../event/key';
import { qualifiedType } from '../provider';
import type { Push, PushApi, PushSettings, PushUse, ReadPush } from '../push';
import { conditionOf } from './condition';
import { greet, handshake } from './handshakes';
import { type Lookup, type Place, firstText, lookupOf, textOf, timeOf } from './recipe';
import { type EventRecipe, type WebhookService, services } from './services';
import { proofOf } from './webhook-credential';

const text = z.string().trim().catch('');

/** How a user describes an event, by the names of the node's fields; what is empty is as the service does it. */
const settings = z.object({
	batchAt: text,
	eventId: text,
	keyParts: text,
	eventType: text,
	subject: text,
	eventTime: text,
	eventTypes: text,
	onlyWhere: text,
});

/** What is known of the events of a service, ready to be looked up. */
interface Reader {
	readonly service: WebhookService;
	readonly batch: Lookup | undefined;
	readonly id: readonly Lookup[];
	readonly keyParts: readonly Lookup[];
	readonly type: readonly Lookup[];
	readonly subject: readonly Lookup[];
	readonly time: readonly Lookup[];
	readonly requires: readonly Lookup[];
	/** The id stands outside of what is signed. */
	readonly isIdLoose: boolean;
}

/**
 * Receives the webhooks of whatever service the credential names.
 *
 * @throws HybridSyncError `configuration` naming the field to fill in
 */
export function openPush({ credential, settings: given }: PushUse): PushApi {
	const proof = proofOf(credential);
	const { service, scheme, verifyToken } = proof;
	// Not before a request is known to be authentic may a field be found wrong.
	let understood: ReturnType<typeof understand> | undefined;
	const fields = () => (understood ??= understand(service, evaluated(given)));
	return {
		scheme,
		...(proof.toleranceSeconds !== undefined && { toleranceSeconds: proof.toleranceSeconds }),
		...(proof.url !== undefined && { url: proof.url }),
		answers: { success: { status: 200, contentType: 'text/plain', body: 'OK' } },
		isProbe: (body) => body.length === 0 || isPing(service, body),
		greet: (query) => greet(service, verifyToken, query),
		handshake: (push, secrets) => handshake(service, push, secrets),
		read: (push) => readPush(fields().reader, push),
		lets: (event) => fields().lets(event),
	};
}

/** Expressions in fields may throw anything. */
function evaluated(settingsOf: PushUse['settings']): PushSettings {
	try {
		return settingsOf();
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new HybridSyncError('configuration', `A field of the node cannot be evaluated: ${reason}`, { cause });
	}
}

/** @throws HybridSyncError `configuration` naming the field that cannot be understood */
export function requireFields(given: PushSettings): void {
	understand(services.custom, given);
}

function understand(service: WebhookService, given: PushSettings) {
	const parsed = settings.parse(given);
	const types = patternsOf(parsed.eventTypes);
	const condition = parsed.onlyWhere === '' ? undefined : conditionOf(parsed.onlyWhere);
	const { length } = qualifiedType('anyService', '');
	return {
		reader: readerOf(service, parsed),
		lets: ({ type, data }: ProviderEvent) =>
			(types.length === 0 || types.some((pattern) => pattern.test(type.slice(length)))) &&
			(condition === undefined || condition(data)),
	};
}

/** WooCommerce's ping when a webhook is created: a form, unsigned. */
function isPing({ scheme }: WebhookService, body: Uint8Array): boolean {
	return scheme === 'woocommerce' && body.length < 50 && /^webhook_id=\d+$/.test(Buffer.from(body).toString('latin1'));
}

function readerOf({ event, ...service }: WebhookService, own: z.infer<typeof settings>): Reader {
	const lookups = (sources: readonly string[] | undefined, label: string) =>
		(sources ?? []).map((source) => lookupOf(source, label));
	const chosen = (value: string, known: readonly string[] | undefined, label: string) =>
		lookups(value === '' ? known : [value], label);
	const ownParts = own.keyParts.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
	const isOwnKey = own.eventId !== '' || ownParts.length > 0;
	const id = isOwnKey ? (own.eventId === '' ? [] : [own.eventId]) : (event.id ?? []);
	const batch = own.batchAt === '' ? event.batch : own.batchAt;
	return {
		service: { ...service, event },
		batch: batch === undefined ? undefined : lookupOf(batch, 'Events At'),
		id: lookups(id, 'Event ID'),
		keyParts: lookups(isOwnKey ? ownParts : event.keyParts, 'Key Parts'),
		type: chosen(own.eventType, event.type, 'Event Type'),
		subject: chosen(own.subject, event.subject, 'Subject'),
		time: chosen(own.eventTime, event.time, 'Time'),
		requires: lookups(event.requires, 'Event'),
		isIdLoose: event.isUncovered === true || id.some((source) => isUnsigned(source, service.scheme)),
	};
}

/** Headers are not signed, but for the id of Standard Webhooks. */
function isUnsigned(source: string, scheme: string | undefined): boolean {
	if (!/^(header|query):/i.test(source)) return false;
	return scheme !== 'standard-webhooks' && scheme !== 'svix';
}

/** @throws HybridSyncError `configuration` where there are too many */
function patternsOf(types: string): RegExp[] {
	const names = types.split(/[,\n]/).flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
	if (names.length > 200)
		throw new HybridSyncError('configuration', 'There are more than 200 names under "Event Types".');
	return names.map((name) => new RegExp(`^${name.split('*').map(escaped).join('.*')}$`));
}

const escaped = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function readPush(reader: Reader, push: Push): ReadPush {
	const body = withJsonFields(push.body, reader.service.event);
	const base = { body, headers: push.headers, query: push.query };
	const found = reader.batch?.({ ...base, event: body });
	const list = Array.isArray(found) ? (found as unknown[]) : Array.isArray(body) ? (body as unknown[]) : undefined;
	const events: ProviderEvent[] = [];
	const deadLetters: DeadLetter[] = [];
	for (const [index, event] of (list ?? [body]).entries()) {
		const place = { ...base, event };
		if (reader.requires.length > 0 && firstText(reader.requires, place) === undefined) {
			const reason = `${reader.service.displayName} sent something signed that is no event`;
			deadLetters.push({ key: composeKey('push', push.sender, '', hashOf(event)), data: event, reason });
		} else events.push(eventOf(reader, push, place, list && index));
	}
	return { events, deadLetters };
}

/** A form may have JSON in one of its fields. */
function withJsonFields(body: unknown, { jsonFields = [] }: EventRecipe): unknown {
	if (typeof body !== 'object' || body === null) return body;
	const fields = jsonFields.flatMap((name): [string, unknown][] => {
		const value = (body as Record<string, unknown>)[name];
		return typeof value === 'string' && Object.hasOwn(body, name) ? [[name, parsedOr(value)]] : [];
	});
	return fields.length === 0 ? body : { ...body, ...Object.fromEntries(fields) };
}

function parsedOr(value: string): unknown {
	try {
		return JSON.parse(value);
	} catch {
		return value;
	}
}

const MAX_TYPE_LENGTH = 200;

function eventOf(reader: Reader, push: Push, place: Place, index: number | undefined): ProviderEvent {
	const { service } = reader;
	const name = service.scheme ?? 'custom';
	const type = (firstText(reader.type, place) ?? 'webhook').slice(0, MAX_TYPE_LENGTH);
	const time = timeOf(firstText(reader.time, place));
	const subject = firstText(reader.subject, place) ?? type;
	const signed = reader.isIdLoose ? push.signed() : undefined;
	return {
		key: composeKey('push', push.sender, ...keyOf(reader, place, time)),
		...(signed !== undefined && { signed: composeKey(push.sender, signed, ...(index === undefined ? [] : [index])) }),
		hash: hashOf(place.event),
		source: `/webhooks/${name}`,
		type: qualifiedType('anyService', type),
		subject,
		time: time ?? push.receivedAt,
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/webhooks/${name}/1`,
		data: place.event,
	};
}

/** By which the same event is known when it comes again: the id, or named parts, or all it says. */
function keyOf(reader: Reader, place: Place, time: number | undefined): string[] {
	const id = firstText(reader.id, place);
	if (id !== undefined) return ['id', id];
	const parts = reader.keyParts.map((lookup) => partOf(lookup(place)));
	if (parts.every((part) => part === '')) return ['', hashOf(place.event)];
	// Two events of one subject would be one, where nothing says when they happened.
	return ['parts', hashOf(time === undefined ? [parts, place.event] : parts)];
}

/** A part may be an object, and is all that the object says then. */
function partOf(value: unknown): string {
	if (typeof value === 'object' && value !== null) return hashOf(value);
	return textOf(value) ?? '';
}
