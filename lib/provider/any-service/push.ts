import { z } from 'zod/v4';
import { HybridSyncError } from '../../base/errors';
import { hashOf } from '../../base/hash';
import { JsonMeter, MAX_JSON_VALUES, parseJson } from '../../base/json';
import type { DeadLetter } from '../../event/dead-letter';
import type { ProviderEvent } from '../../event/event';
import { composeKey } from '../../event/key';
import { qualifiedType } from '../provider';
import { MAX_BATCH, type Push, type PushApi, type PushSettings, type PushUse, type ReadPush } from '../push';
import { conditionOf } from './condition';
import { greet, handshake } from './handshakes';
import { type Joining, joiningOf, matchOf } from './joining';
import { patternsOf } from './patterns';
import { type Lookup, type Place, firstLookup, firstText, look, lookupOf, textOf, timeOf } from './recipe';
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
	readonly keyParts: readonly (readonly KeyPart[])[];
	readonly type: readonly Lookup[];
	readonly subject: readonly Lookup[];
	readonly time: readonly Lookup[];
	readonly requires: readonly Lookup[];
	/** By what its events are the same as rows of an API, and where they say it. */
	readonly joining: { readonly by: Joining; readonly id: readonly Lookup[] } | undefined;
}

interface KeyPart {
	readonly lookup: Lookup;
	readonly isOptional: boolean;
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
		isProbe: (body) => body.length === 0 || isPing(service, body),
		greet: (query) => greet(service, verifyToken, query),
		handshake: (push, secrets) => handshake(service, push, secrets),
		read: (push) => readPush(fields().reader, push),
		lets: (event) => fields().lets(event),
		// What is proven once may not let in another event, also where the first was filtered out.
		...(service.event.isUncovered && { keepsFiltered: true }),
	};
}

/** @throws HybridSyncError `configuration` naming the field that cannot be understood */
export function requireFields(given: PushSettings): void {
	understand(services.custom, given);
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

function understand(service: WebhookService, given: PushSettings) {
	const parsed = settings.parse(given);
	const isType = patternsOf(parsed.eventTypes);
	const condition = parsed.onlyWhere === '' ? undefined : conditionOf(parsed.onlyWhere);
	const { length } = qualifiedType('anyService', '');
	return {
		reader: readerOf(service, parsed, joiningOf(given)),
		lets: ({ type, data }: ProviderEvent) => isType(type.slice(length)) && (condition === undefined || condition(data)),
	};
}

/** WooCommerce's ping when a webhook is created: a form, unsigned. */
function isPing({ scheme }: WebhookService, body: Uint8Array): boolean {
	return scheme === 'woocommerce' && body.length < 50 && /^webhook_id=\d+$/.test(Buffer.from(body).toString('latin1'));
}

function readerOf(service: WebhookService, own: z.infer<typeof settings>, joining: Joining | undefined): Reader {
	const { event } = service;
	const lookups = (sources: readonly string[] | undefined, label: string) =>
		(sources ?? []).map((source) => lookupOf(source, label));
	const chosen = (value: string, known: readonly string[] | undefined, label: string) =>
		lookups(value === '' ? known : [value], label);
	const ownParts = own.keyParts.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
	const isOwnKey = own.eventId !== '' || ownParts.length > 0;
	const ownGroups = ownParts.length === 0 ? [] : [ownParts];
	const batch = own.batchAt === '' ? event.batch : own.batchAt;
	const subject = chosen(own.subject, event.subject, 'Subject');
	const joinedBy = joining?.idInWebhook ?? '';
	const id = joinedBy === '' ? subject : lookups([joinedBy], 'ID in the Webhook');
	return {
		service,
		batch: batch === undefined ? undefined : lookupOf(batch, 'Events At'),
		id: isOwnKey ? lookups(own.eventId === '' ? [] : [own.eventId], 'Event ID') : lookups(event.id, 'Event ID'),
		keyParts: (isOwnKey ? ownGroups : (event.keyParts ?? [])).map((group) => group.map(keyPartOf)),
		type: chosen(own.eventType, event.type, 'Event Type'),
		subject,
		joining: joining && { by: joining, id },
		time: chosen(own.eventTime, event.time, 'Event Time'),
		requires: lookups(event.requires, 'Event'),
	};
}

function keyPartOf(source: string): KeyPart {
	const isOptional = source.endsWith('?');
	return { lookup: lookupOf(isOptional ? source.slice(0, -1) : source, 'Key Parts'), isOptional };
}

function readPush(reader: Reader, push: Push): ReadPush {
	const body = unwrapped(push.body, reader.service.event);
	const base = { body, headers: push.headers, query: push.query };
	const found = reader.batch?.inEvent(body);
	const list = Array.isArray(found) ? (found as unknown[]) : Array.isArray(body) ? (body as unknown[]) : undefined;
	if (list && list.length > MAX_BATCH) {
		return { events: [], deadLetters: [letter(push, push.body, `The body holds more than ${MAX_BATCH} events.`)] };
	}
	const events: ProviderEvent[] = [];
	const deadLetters: DeadLetter[] = [];
	for (const [index, event] of (list ?? [body]).entries()) {
		const place = { ...base, event };
		if (reader.requires.length > 0 && firstText(reader.requires, place) === undefined) {
			const reason = `${reader.service.displayName} sent something signed that is no event`;
			deadLetters.push(letter(push, event, reason));
		} else events.push(eventOf(reader, push, place, list && index));
	}
	return { events, deadLetters };
}

/** Of one request, however it was captured and changed, there is one. */
function letter(push: Push, data: unknown, reason: string): DeadLetter {
	return { key: composeKey('push', push.sender, '', push.signed() ?? hashOf(data)), data, reason };
}

/** A form may have in one field the JSON that matters. */
function unwrapped(body: unknown, { formField }: EventRecipe): unknown {
	if (formField === undefined || typeof body !== 'object' || body === null || !Object.hasOwn(body, formField))
		return body;
	const value = (body as Record<string, unknown>)[formField];
	if (typeof value !== 'string') return body;
	const bytes = Buffer.from(value);
	const meter = new JsonMeter().add(bytes);
	if (meter.values > MAX_JSON_VALUES || meter.deepest > 200) return body;
	try {
		return parseJson(bytes, meter);
	} catch {
		return body;
	}
}

const MAX_TYPE_LENGTH = 200;

function eventOf(reader: Reader, push: Push, place: Place, index: number | undefined): ProviderEvent {
	const { service } = reader;
	const name = service.scheme ?? 'custom';
	const type = (firstText(reader.type, place) ?? 'webhook').slice(0, MAX_TYPE_LENGTH);
	const time = timeOf(firstText(reader.time, place), push.receivedAt);
	const subject = firstText(reader.subject, place) ?? type;
	const signed = push.signed();
	const join = reader.joining && firstText(reader.joining.id, place);
	return {
		...(reader.joining && join !== undefined && { match: matchOf(reader.joining.by, push.sender, join) }),
		key: composeKey('push', push.sender, ...keyOf(reader, place, index)),
		...(signed !== undefined && { signed: composeKey(push.sender, signed, ...placeIn(reader, place, index)) }),
		hash: hashOf(steady(place.event, service.event)),
		source: `/webhooks/${name}`,
		type: qualifiedType('anyService', type),
		subject,
		time: time ?? push.receivedAt,
		dataschema: `urn:n8n-nodes-hybrid-sync:schema:/webhooks/${name}/1`,
		data: place.event,
	};
}

/**
 * Which event of a signed request it is. One body may be sent as several types that only a header tells apart; of a request
 * whose signature does not cover the event there is one.
 */
function placeIn(reader: Reader, place: Place, index = 0): (string | number)[] {
	return reader.service.event.isUncovered ? [] : [index, ...unsignedType(reader, place)];
}

/** What of an event's type stands outside of what is signed. */
function unsignedType({ type }: Reader, place: Place): readonly string[] {
	return firstLookup(type, place)?.unsigned(place) ?? [];
}

/** By which the same event is known when it comes again: the id, or named parts, or all it says. */
function keyOf(reader: Reader, place: Place, index: number | undefined): (string | number)[] {
	for (const { inEvent, around } of reader.id) {
		const own = textOf(inEvent(place.event));
		if (own !== undefined) return ['id', own];
		// An id of the request is that of none of its events.
		const shared = textOf(around(place));
		if (shared !== undefined) return ['id', shared, ...(index === undefined ? [] : [index])];
	}
	for (const group of reader.keyParts) {
		const parts = group.map(({ lookup, isOptional }) => partOf(look(lookup, place)) ?? (isOptional ? '' : undefined));
		// Two events of one subject would be one, where nothing says when they happened.
		const time = firstText(reader.time, place);
		if (time !== undefined && parts.every((part) => part !== undefined)) return ['parts', hashOf([...parts, time])];
	}
	return ['', hashOf([steady(place.event, reader.service.event), ...unsignedType(reader, place)])];
}

/** A part may be an object, and is all that the object says then. */
function partOf(value: unknown): string | undefined {
	return typeof value === 'object' && value !== null ? hashOf(value) : textOf(value);
}

/** What stays the same when an event is sent again. */
function steady(event: unknown, { volatile = [] }: EventRecipe): unknown {
	if (volatile.length === 0 || typeof event !== 'object' || event === null || Array.isArray(event)) return event;
	return Object.fromEntries(Object.entries(event).filter(([name]) => !volatile.includes(name)));
}
